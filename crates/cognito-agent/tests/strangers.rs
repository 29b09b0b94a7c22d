//! Who is refused, and what the agent does not trip over.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cognito_agent::{AgentError, Answer, AskError, Place, Want, ask};
use common::{CREDENTIALS, PATIENCE, Stage};

fn socket(place: &Place) -> PathBuf {
    place.folder().join("agent.sock")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Everything the agent says to this, until it closes.
async fn said_to(stage: &Stage, what: &[u8]) -> Vec<u8> {
    let (socket, what) = (socket(&stage.place), what.to_vec());
    tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may have heard enough before all is said.
        drop(stream.write_all(&what));
        drop(stream.shutdown(Shutdown::Write));
        let mut said = Vec::new();
        match stream.read_to_end(&mut said) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        said
    })
    .await
    .unwrap()
}

async fn still_answers(stage: &Stage) {
    assert!(matches!(
        stage.ask(Want::Status).await,
        Ok(Answer::Status(_))
    ));
}

#[tokio::test]
async fn the_socket_is_the_users_alone() {
    let stage = Stage::new().await;
    assert_eq!(mode(stage.place.folder()), 0o700);
    assert_eq!(mode(&socket(&stage.place)), 0o600);
}

/// Names the socket to this program's own child.
const STRANGER: &str = "KEYFOB_TEST_STRANGER";

/// What the child of the test below does; by itself there is nothing to see.
#[test]
#[expect(clippy::print_stdout, reason = "a child tells its parent so")]
fn asking_as_somebody_else() {
    let Some(socket) = std::env::var_os(STRANGER) else {
        return;
    };
    let mut request = String::new();
    std::io::stdin().read_line(&mut request).unwrap();
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let asked = stream.write_all(request.as_bytes());
    let said = asked.and_then(|()| stream.read(&mut [0; 1]));
    println!("heard {}", said.unwrap_or(0));
}

/// A program that is being copied cannot be started, and a child that is being started has the copy open still.
static COPYING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A folder that every user may enter, and this very program in it.
fn where_anybody_may_run_this() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let program = folder.path().join("stranger");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    open(&program, 0o755).unwrap();
    open(folder.path(), 0o755).unwrap();
    (folder, program)
}

fn open(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Names the socket to serve to this program's own child.
const IMPOSTOR: &str = "KEYFOB_TEST_IMPOSTOR";

/// What the child of the test below does; by itself there is nothing to see.
#[test]
#[expect(clippy::print_stdout, reason = "a child tells its parent so")]
fn listening_as_somebody_else() {
    let Some(socket) = std::env::var_os(IMPOSTOR) else {
        return;
    };
    let listener = UnixListener::bind(socket).unwrap();
    println!("\nlistening");
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    println!("\nheard {}", stream.read(&mut [0; 1]).unwrap_or(0));
}

#[tokio::test]
async fn what_somebody_else_listens_to_is_not_asked() {
    if !is_root() {
        eprintln!("left out: only root can be another user");
        return;
    }
    let _turn = COPYING.lock().await;
    let stage = Stage::new().await;
    let (folder, program) = where_anybody_may_run_this();
    let place = Place::within(folder.path().join("keyfob"));
    fs::create_dir(place.folder()).unwrap();
    // As if nothing but the question of who listens kept them from being asked.
    open(place.folder(), 0o777).unwrap();
    let mut impostor = Command::new(&program)
        .args(["--exact", "listening_as_somebody_else", "--nocapture"])
        .env(IMPOSTOR, socket(&place))
        .uid(65534)
        .gid(65534)
        .current_dir("/")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(impostor.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "listening"));
    open(place.folder(), 0o700).unwrap();
    let answer = ask(&place, &stage.request(CREDENTIALS), PATIENCE);
    assert!(matches!(answer, Err(AskError::NoAgent)), "{answer:?}");
    // It is over in any case, whoever came first.
    drop(UnixStream::connect(socket(&place)));
    assert!(said.any(|line| line.unwrap() == "heard 0"));
    assert!(impostor.wait().unwrap().success());
}

#[tokio::test]
async fn another_user_is_refused_even_where_the_folder_lets_them_in() {
    if !is_root() {
        eprintln!("left out: only root can be another user");
        return;
    }
    let _turn = COPYING.lock().await;
    let stage = Stage::new().await;
    // As if nothing but the question of who asks kept them out.
    let (folder, program) = where_anybody_may_run_this();
    let place = Place::within(folder.path().join("keyfob"));
    let agent = common::agent(&place, &stage.session);
    agent.set_enabled(true).unwrap();
    open(place.folder(), 0o755).unwrap();
    open(&socket(&place), 0o666).unwrap();

    let request = serde_json::to_string(&stage.request(CREDENTIALS)).unwrap();
    let heard = |uid: u32| {
        let mut stranger = Command::new(&program);
        stranger
            .args(["--exact", "asking_as_somebody_else", "--nocapture"])
            .env(STRANGER, socket(&place))
            .uid(uid)
            .gid(uid)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let request = request.clone();
        tokio::task::spawn_blocking(move || {
            let mut stranger = stranger.spawn().unwrap();
            writeln!(stranger.stdin.take().unwrap(), "{request}").unwrap();
            let output = stranger.wait_with_output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        })
    };
    let said = heard(65534).await.unwrap();
    assert!(said.contains("heard 0"), "{said}");
    assert!(agent.handed_out().borrow().is_empty());
    // The same program as the same user is answered.
    let said = heard(0).await.unwrap();
    assert!(said.contains("heard 1"), "{said}");
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[tokio::test]
async fn what_is_no_request_gets_no_answer() {
    let stage = Stage::new().await;
    let request = serde_json::to_string(&stage.request(CREDENTIALS)).unwrap();
    let newer = request.replace("\"version\":1", "\"version\":2");
    assert_ne!(newer, request);
    for said in [
        "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.com\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n".to_owned() + &request,
        "\n".to_owned(),
        "{}\n".to_owned(),
        "\0\0\0\n".to_owned(),
        // Cut off, and too long.
        request.clone(),
        format!("{}{request}\n", " ".repeat(1 << 20)),
        "x".repeat(1 << 20),
    ] {
        let answer = said_to(&stage, said.as_bytes()).await;
        assert_eq!(answer, b"", "to {:.80}", said);
    }
    let answer = said_to(&stage, format!("{newer}\n").as_bytes()).await;
    assert_eq!(answer, b"\"not_mine\"\n");
    assert!(stage.agent.handed_out().borrow().is_empty());
    still_answers(&stage).await;
}

#[tokio::test]
async fn whoever_says_nothing_keeps_nobody() {
    let stage = Stage::new().await;
    let silent: Vec<_> = (0..100)
        .map(|_| UnixStream::connect(socket(&stage.place)).unwrap())
        .collect();
    still_answers(&stage).await;
    // They are sent off in time.
    let mut first = silent[0].try_clone().unwrap();
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    let said = tokio::task::spawn_blocking(move || first.read(&mut [0; 1]))
        .await
        .unwrap();
    assert_eq!(said.unwrap(), 0);
}

#[tokio::test]
async fn two_do_not_take_the_place_from_each_other() {
    let stage = Stage::new().await;
    let other = common::agent(&stage.place, &stage.session);
    let refused = other.set_enabled(true).unwrap_err();
    assert!(matches!(refused, AgentError::Taken), "{refused}");
    assert!(!other.is_enabled() && !refused.remedy().is_empty());
    still_answers(&stage).await;
    stage.agent.set_enabled(false).unwrap();
    other.set_enabled(true).unwrap();
    still_answers(&stage).await;
}

#[tokio::test]
async fn what_a_killed_one_has_left_is_replaced() {
    let stage = Stage::new().await;
    stage.agent.set_enabled(false).unwrap();
    assert!(!socket(&stage.place).exists());
    drop(UnixListener::bind(socket(&stage.place)).unwrap());
    assert!(socket(&stage.place).exists());
    assert_eq!(stage.ask(Want::Status).await, Err(AskError::NoAgent));
    stage.agent.set_enabled(true).unwrap();
    still_answers(&stage).await;
}

#[tokio::test]
async fn what_is_no_socket_is_left_where_it_is() {
    let stage = Stage::new().await;
    stage.agent.set_enabled(false).unwrap();
    let socket = socket(&stage.place);
    let elsewhere = stage.folder.path().join("elsewhere");
    fs::write(&elsewhere, "kept").unwrap();
    for put in [
        Box::new(|| fs::write(&socket, "kept").unwrap()) as Box<dyn Fn()>,
        Box::new(|| symlink(&elsewhere, &socket).unwrap()),
    ] {
        put();
        let refused = stage.agent.set_enabled(true).unwrap_err();
        assert!(
            matches!(&refused, AgentError::Occupied { path } if *path == socket),
            "{refused}"
        );
        assert_eq!(fs::read_to_string(&socket).unwrap(), "kept");
        assert_eq!(stage.ask(Want::Status).await, Err(AskError::NoAgent));
        fs::remove_file(&socket).unwrap();
    }
    stage.agent.set_enabled(true).unwrap();
    still_answers(&stage).await;
}

#[tokio::test]
async fn a_folder_that_others_may_enter_is_neither_served_nor_asked() {
    let stage = Stage::new().await;
    fs::set_permissions(stage.place.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(stage.ask(CREDENTIALS).await, Err(AskError::NoAgent));
    stage.agent.set_enabled(false).unwrap();
    let refused = stage.agent.set_enabled(true).unwrap_err();
    assert!(matches!(refused, AgentError::Listen { .. }), "{refused}");
    assert!(refused.remedy().contains("0700"));

    // A link to a folder is no folder.
    let link = Place::within(stage.folder.path().join("link"));
    fs::set_permissions(stage.place.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    symlink(stage.place.folder(), link.folder()).unwrap();
    let other = common::agent(&link, &stage.session);
    assert!(matches!(
        other.set_enabled(true),
        Err(AgentError::Listen { .. })
    ));
}

#[tokio::test]
async fn whoever_waits_leaves_in_time_and_what_has_begun_is_finished() {
    use cognito_emulator::{Endpoint, Fault};

    let stage = Stage::new().await;
    stage
        .emulator
        .fail_next(Endpoint::Credentials, Fault::Stall);
    // A busy machine may not get as far as AWS the first time.
    while stage.asked("GetCredentialsForIdentity") == 0 {
        let (place, request) = (stage.place.clone(), stage.request(CREDENTIALS));
        let asked =
            tokio::task::spawn_blocking(move || ask(&place, &request, Duration::from_millis(300)));
        assert_eq!(asked.await.unwrap(), Err(AskError::TimedOut));
    }
    stage.emulator.release();
    let answer = stage.ask(CREDENTIALS).await.unwrap();
    assert!(matches!(answer, Answer::Credentials(_)), "{answer:?}");
    assert_eq!(stage.asked("GetCredentialsForIdentity"), 1);
}
