//! The person's AWS access for other programs: who gets what, what is listed, what is written. The far side
//! and the agent's socket are real; the clipboard is a pretended one.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cognito_agent::{Answer, AskError, Place, Request, Want};
use cognito_aws::SharedConfig;
use cognito_client::{MemoryStore, Profile, Session, SystemClock};
use cognito_emulator::{Config, Emulator};
use keyfob_desktop::{
    AccessView, Board, Clipboard, CredentialsFormat, ErrorCode, Keyfob, ProfileSource,
    SignInChoice, SignOutScope, Surroundings,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

#[path = "../../crates/test_log.rs"]
mod test_log;

#[derive(Clone, Default)]
struct Pretended(Arc<Mutex<Option<String>>>);

impl Board for Pretended {
    fn put(&mut self, secret: &str) -> Result<(), String> {
        *self.0.lock().unwrap() = Some(secret.to_owned());
        Ok(())
    }

    fn holds(&mut self, secret: &str) -> bool {
        self.0.lock().unwrap().as_deref() == Some(secret)
    }

    fn empty(&mut self) {
        *self.0.lock().unwrap() = None;
    }
}

struct World {
    emulator: Emulator,
    profile: Profile,
    folder: TempDir,
    board: Pretended,
    keyfob: Arc<Keyfob>,
    opened: Arc<Mutex<Vec<url::Url>>>,
}

impl World {
    async fn new() -> Self {
        test_log::start();
        let emulator = Emulator::start(Config::demo().port(0)).await.unwrap();
        let url = emulator.url();
        let file = include_str!("../../crates/cognito-client/src/local-demo.toml")
            .replace("http://127.0.0.1:9229", url.as_str().trim_end_matches('/'));
        let profile: Profile = file.parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let board = Pretended::default();
        let opened = Arc::default();
        let keyfob = start(&profile, folder.path(), &board, &opened);
        Self {
            emulator,
            profile,
            folder,
            board,
            keyfob,
            opened,
        }
    }

    async fn signed_in() -> Self {
        let world = Self::new().await;
        world.keyfob.sign_in(SignInChoice::default()).await.unwrap();
        let url = world.opened.lock().unwrap().pop().unwrap();
        let callback = world
            .emulator
            .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap();
        world.keyfob.open_link(&callback).await;
        world
    }

    /// As the `keyfob` command asks.
    async fn ask(&self, want: Want) -> Result<Answer, AskError> {
        let place = Place::within(self.folder.path().join("agent"));
        let request = Request::new(&self.profile, want);
        let asking = move || cognito_agent::ask(&place, &request, Duration::from_secs(60));
        tokio::task::spawn_blocking(asking).await.unwrap()
    }

    fn watch(&self) -> mpsc::UnboundedReceiver<AccessView> {
        let (sender, views) = mpsc::unbounded_channel();
        let tell = move |view| sender.send(view).is_ok();
        self.keyfob.watch_access(tell).unwrap();
        views
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("aws-config")).unwrap_or_default()
    }
}

fn start(
    profile: &Profile,
    folder: &Path,
    board: &Pretended,
    opened: &Arc<Mutex<Vec<url::Url>>>,
) -> Arc<Keyfob> {
    let store = Arc::new(MemoryStore::new());
    let opened = opened.clone();
    let keyfob = Keyfob::new(
        ProfileSource::Only(Box::new(Ok(profile.clone()))),
        move |profile| Session::new(profile, store.clone()),
        move |url| {
            opened.lock().unwrap().push(url.clone());
            true
        },
    );
    Arc::new(keyfob.within(Surroundings {
        place: Some(Place::within(folder.join("agent"))),
        programs_off: Some(folder.join("keyfob").join("programs-off")),
        aws_files: Ok(SharedConfig::new(
            folder.join("aws-config"),
            folder.join("aws-credentials"),
        )),
        command: Some(folder.join("keyfob")),
        clipboard: Clipboard::new(board.clone(), Arc::new(SystemClock)),
    }))
}

const CREDENTIALS: Want = Want::Credentials { at_least: 900 };

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_answered_from_the_live_session_and_that_is_listed() {
    let world = World::signed_in().await;
    assert!(matches!(
        world.ask(CREDENTIALS).await,
        Err(AskError::NoAgent)
    ));
    world.keyfob.answer_programs_as_before();
    let mut views = world.watch();
    let first = views.recv().await.unwrap();
    assert!(first.allowed);
    assert_eq!((first.problem, first.handed_out.len()), (None, 0));
    let Ok(Answer::Credentials(credentials)) = world.ask(CREDENTIALS).await else {
        panic!("no credentials")
    };
    let mut view = views.recv().await.unwrap();
    // The role comes once AWS has said it.
    while view.handed_out[0].role.is_none() {
        view = views.recv().await.unwrap();
    }
    let [one] = &view.handed_out[..] else {
        panic!("{view:?}")
    };
    assert_eq!(one.what, "AWS credentials");
    assert_eq!(one.profile, world.profile.name);
    assert!(
        one.role
            .as_ref()
            .unwrap()
            .ends_with(":role/KeyfobDemoAuthenticated")
    );
    let program = one.program.clone().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(program.pid, Some(std::process::id()));
        assert!(program.name.unwrap().starts_with("access"));
    }
    // What the window is told holds no key.
    let told = format!("{view:?}");
    for secret in [
        credentials.secret_access_key.as_str(),
        credentials.session_token.as_str(),
        credentials.access_key_id.as_str(),
    ] {
        assert!(secret.len() > 10 && !told.contains(secret), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_nothing_when_the_person_says_so_and_that_outlives_the_app() {
    let world = World::signed_in().await;
    world.keyfob.answer_programs_as_before();
    assert!(world.ask(CREDENTIALS).await.is_ok());
    world.keyfob.answer_programs(false).await.unwrap();
    assert!(matches!(
        world.ask(CREDENTIALS).await,
        Err(AskError::NoAgent)
    ));
    assert!(!world.watch().recv().await.unwrap().allowed);

    let again = start(
        &world.profile,
        world.folder.path(),
        &world.board,
        &world.opened,
    );
    again.answer_programs_as_before();
    assert!(matches!(
        world.ask(CREDENTIALS).await,
        Err(AskError::NoAgent)
    ));
    again.answer_programs(true).await.unwrap();
    // Nobody is signed in there.
    assert!(matches!(
        world.ask(CREDENTIALS).await,
        Ok(Answer::SignInRequired { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_remembered_is_told_and_off_is_off_all_the_same() {
    let world = World::signed_in().await;
    world.keyfob.answer_programs_as_before();
    // In the way of the folder with the switch.
    std::fs::write(world.folder.path().join("keyfob"), "").unwrap();
    let error = world.keyfob.answer_programs(false).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed, "{error:?}");
    assert!(matches!(
        world.ask(CREDENTIALS).await,
        Err(AskError::NoAgent)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_apps_do_not_answer_at_once_and_the_second_says_why() {
    let world = World::signed_in().await;
    world.keyfob.answer_programs_as_before();
    let second = start(
        &world.profile,
        world.folder.path(),
        &world.board,
        &world.opened,
    );
    second.answer_programs_as_before();
    let (sender, mut views) = mpsc::unbounded_channel();
    second
        .watch_access(move |view| sender.send(view).is_ok())
        .unwrap();
    let problem = views.recv().await.unwrap().problem.unwrap();
    assert!(
        problem.message.contains("another Keyfob") || problem.message.contains("Another Keyfob")
    );
    assert!(world.ask(CREDENTIALS).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_copied_for_a_shell_listed_and_gone_at_the_end() {
    let world = World::signed_in().await;
    let copied = world
        .keyfob
        .copy_credentials(CredentialsFormat::Shell)
        .await
        .unwrap();
    let text = world.board.0.lock().unwrap().clone().unwrap();
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
    ] {
        assert!(text.contains(&format!("export {name}='")), "{name}");
    }
    assert!(copied.expires_at.unwrap() > copied.cleared_at);
    let mut views = world.watch();
    let mut view = views.recv().await.unwrap();
    while view.handed_out[0].role.is_none() {
        view = views.recv().await.unwrap();
    }
    assert_eq!(view.handed_out.len(), 1);
    assert_eq!(view.handed_out[0].program, None);
    let role = "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated";
    assert_eq!(view.handed_out[0].role.as_deref(), Some(role));
    // Neither what the command answers nor what is listed holds any of it.
    let told = format!("{copied:?} {view:?}");
    for value in text.split('\'').skip(1).step_by(2).take(3) {
        assert!(value.len() > 10 && !told.contains(value));
    }
    world.keyfob.clear_clipboard();
    assert_eq!(*world.board.0.lock().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signed_in_copies_nothing() {
    let world = World::signed_in().await;
    world.keyfob.sign_out(SignOutScope::Device).await.unwrap();
    let copied = world.keyfob.copy_credentials(CredentialsFormat::Ini).await;
    assert_eq!(copied.unwrap_err().code, ErrorCode::SignInRequired);
    assert_eq!(*world.board.0.lock().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_is_set_up_after_a_look_and_undone() {
    let world = World::new().await;
    let before = "# mine\n[default]\nregion = eu-west-1\n";
    std::fs::write(world.folder.path().join("aws-config"), before).unwrap();
    let nothing = world.keyfob.apply_aws_config().await.unwrap_err();
    assert!(nothing.message.contains("nothing to write"), "{nothing:?}");

    let plan = world.keyfob.plan_aws_config(false).unwrap();
    assert_eq!(plan.name, "Local-demo");
    assert!(plan.lines.iter().all(|line| line.added));
    assert!(
        plan.lines
            .iter()
            .any(|line| line.text.contains("credential-process"))
    );
    assert_eq!(world.config(), before, "looking writes nothing");
    world.keyfob.apply_aws_config().await.unwrap();
    let after = world.config();
    assert!(
        after.starts_with(before) && after.contains("[profile Local-demo]"),
        "{after}"
    );
    assert!(
        world
            .keyfob
            .plan_aws_config(false)
            .unwrap()
            .lines
            .is_empty()
    );

    let undo = world.keyfob.plan_aws_config(true).unwrap();
    assert!(!undo.lines.is_empty() && undo.lines.iter().all(|line| !line.added));
    world.keyfob.apply_aws_config().await.unwrap();
    assert_eq!(world.config(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_profile_of_that_name_stays() {
    let world = World::new().await;
    let before = "[profile Local-demo]\nsso_session = work\n";
    std::fs::write(world.folder.path().join("aws-config"), before).unwrap();
    let plan = world.keyfob.plan_aws_config(false).unwrap();
    assert_eq!(plan.name, "keyfob-Local-demo");
    world.keyfob.apply_aws_config().await.unwrap();
    assert!(world.config().starts_with(before));
}
