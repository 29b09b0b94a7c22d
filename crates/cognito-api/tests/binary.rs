//! The built program: its mistakes, its output, and how it stops.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use support::{CLIENT, emulator, http, sign_in};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cognito-api"));
    // Nothing of the machine's environment may decide a test.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COGNITO_API_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running server. Killed, by its own pid, when a test fails.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line
            .trim_end()
            .strip_prefix("Listening on ")
            .expect("says where it listens")
            .to_owned();
        Self { child, stdout, url }
    }

    /// Waits for the end: the exit code, the rest of standard output, and the log.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut stdout, mut log) = (String::new(), String::new());
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        self.stdout.read_to_string(&mut stdout).unwrap();
        (self.child.wait().unwrap().code(), stdout, log)
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const POOL: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";

#[test]
fn every_mistake_gets_its_sentence() {
    let missing = run(&[]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(
        stderr(&missing),
        "cognito-api: --issuer (or COGNITO_API_ISSUER) is missing: name the user pool, \
         e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID\n\
         cognito-api: --client-id (or COGNITO_API_CLIENT_ID) is missing: name the app client whose users may call\n"
    );
    assert!(missing.stdout.is_empty());

    let wrong = run(&[
        "--issuer=http://example.com/pool",
        "--client-id=ok,not ok",
        "--client-id=",
        "--listen=localhost",
        "--required-scope=read write",
        "--log-format=xml",
    ]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(
        stderr(&wrong),
        "cognito-api: --issuer: the issuer must use https (http is only for an emulator on this machine); \
         copy it from the user pool's overview page, e.g. https://cognito-idp.REGION.amazonaws.com/POOL_ID\n\
         cognito-api: --client-id: \"not ok\" is not an app client id (1 to 128 letters, digits, _ or +)\n\
         cognito-api: --client-id: \"\" is not an app client id (1 to 128 letters, digits, _ or +)\n\
         cognito-api: --listen: \"localhost\" is not an IP address and port, e.g. 127.0.0.1:9230\n\
         cognito-api: --required-scope: \"read write\" is not one scope (no spaces, quotes or backslashes)\n\
         cognito-api: --log-format: \"xml\" is neither text nor json\n"
    );
}

#[test]
fn the_environment_is_checked_like_the_flags() {
    let output = command()
        .env("COGNITO_API_ISSUER", POOL)
        .env("COGNITO_API_CLIENT_ID", "one,two")
        .env("COGNITO_API_LISTEN", "127.0.0.1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "cognito-api: --listen: \"127.0.0.1\" is not an IP address and port, e.g. 127.0.0.1:9230\n"
    );
}

#[test]
fn a_taken_port_is_said_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&[
        "--issuer",
        POOL,
        "--client-id",
        CLIENT,
        "--listen",
        &address,
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "cognito-api: {address} is taken: end the program that listens there, \
             or choose another address with --listen\n"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_greets_and_logs_no_token() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    let mut command = command();
    command.args([
        "--client-id",
        CLIENT,
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--exit-with-parent-stdin",
    ]);
    command
        .env("COGNITO_API_ISSUER", emulator.issuer())
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped());
    let mut running = Running::start(command);
    // Drained while it runs: at this level the log is larger than a pipe.
    let mut log_pipe = running.child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        log_pipe.read_to_string(&mut log).unwrap();
        log
    });

    let call = async |path: &str, token: &str| {
        let answer = http()
            .get(format!("{}{path}", running.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let greeting = "Hi alex, your API call is authenticated!".to_owned();
    assert_eq!(call("/api/hello", &tokens.access).await, (200, greeting));
    assert_eq!(call("/api/hello", &tokens.id).await.0, 401);
    assert_eq!(
        call(
            &format!("/secret-path?access_token={}", tokens.access),
            &tokens.access
        )
        .await
        .0,
        404
    );

    drop(running.child.stdin.take());
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let log = log.join().unwrap();
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
    assert!(
        log.contains("\"path\":\"/api/hello\"") && log.contains("standard input was closed"),
        "{log}"
    );
    for token in [&tokens.access, &tokens.id] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(
            !log.contains(signature) && !log.contains(&signature[..40]),
            "a token is in the log"
        );
    }
    assert!(
        !log.contains("secret-path"),
        "a path that is no route is in the log"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_ctrl_c_stop_it_in_order() {
    let emulator = emulator().await;
    for signal in ["TERM", "INT"] {
        let mut command = command();
        command.args([
            "--issuer",
            &emulator.issuer(),
            "--client-id",
            CLIENT,
            "--listen",
            "127.0.0.1:0",
        ]);
        let running = Running::start(command);
        // A kept-alive connection, which must not hold it up.
        let http = http();
        let health = http
            .get(format!("{}/healthz", running.url))
            .send()
            .await
            .unwrap();
        assert_eq!(health.text().await.unwrap(), "ok");
        running.signal(signal);
        let (code, stdout, log) = running.end();
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{signal}: {log}");
        assert!(log.contains("told to stop"), "{signal}: {log}");
    }
}
