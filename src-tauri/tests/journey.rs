//! What the commands do, from click to AWS, without the window: the whole of the app below its commands,
//! the API and the far side are real.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cognito_client::{MemoryStore, Profile, Secret, Session, StoreError, StoreLock, TokenStore};
use cognito_emulator::{Config, Emulator, Endpoint, Fault};
use cognito_verifier::{ClientIds, UserPool, Verifier};
use keyfob_desktop::{
    CommandError, ErrorCode, FunctionInvocation, FunctionOutcomeView, InvocationType, Keyfob,
    ProfileSource, SignInChoice, SignOutScope, StateView,
};
use url::Url;

#[path = "../../crates/test_log.rs"]
mod test_log;

struct World {
    emulator: Emulator,
    profile: Profile,
    store: Arc<dyn TokenStore>,
    /// What the app opened in the browser.
    opened: Arc<Mutex<Vec<Url>>>,
    keyfob: Arc<Keyfob>,
}

impl World {
    async fn new() -> Self {
        Self::with(|profile| profile).await
    }

    async fn with(change: impl FnOnce(String) -> String) -> Self {
        test_log::start();
        let emulator = Emulator::start(Config::demo().port(0)).await.unwrap();
        let pool = UserPool::new(emulator.issuer()).unwrap();
        let verifier = Verifier::access(pool, ClientIds::only(["6keyfobdemodesktop00client"]));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap();
        tokio::spawn(cognito_api::serve(
            listener,
            cognito_api::router(verifier),
            cognito_api::Limits::default(),
            std::future::pending(),
        ));
        let file = include_str!("../../crates/cognito-client/src/local-demo.toml")
            .replace(
                "http://127.0.0.1:9229",
                emulator.url().as_str().trim_end_matches('/'),
            )
            .replace("http://127.0.0.1:9230", &format!("http://{api}"));
        let profile: Profile = change(file).parse().unwrap();
        let store: Arc<dyn TokenStore> = Arc::new(MemoryStore::new());
        let opened = Arc::default();
        let keyfob = start(&profile, &store, &opened);
        Self {
            emulator,
            profile,
            store,
            opened,
            keyfob,
        }
    }

    /// Quits the app and starts it again.
    fn restart(&mut self) {
        self.keyfob = start(&self.profile, &self.store, &self.opened);
    }

    async fn sign_in(&self) {
        self.keyfob.restored().await;
        self.keyfob.sign_in(SignInChoice::default()).await.unwrap();
        let url = self.opened.lock().unwrap().pop().unwrap();
        let callback = self
            .emulator
            .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap();
        self.keyfob.open_link(&callback).await;
        assert!(
            matches!(self.state(), StateView::SignedIn { .. }),
            "{:?}",
            self.keyfob.view()
        );
    }

    fn state(&self) -> StateView {
        self.keyfob.view().session.state
    }
}

fn start(
    profile: &Profile,
    store: &Arc<dyn TokenStore>,
    opened: &Arc<Mutex<Vec<Url>>>,
) -> Arc<Keyfob> {
    let opened = opened.clone();
    Arc::new(only(profile, store, move |url| {
        opened.lock().unwrap().push(url.clone());
        true
    }))
}

/// The app with one profile.
fn only(
    profile: &Profile,
    store: &Arc<dyn TokenStore>,
    open: impl Fn(&Url) -> bool + Send + Sync + 'static,
) -> Keyfob {
    let store = store.clone();
    Keyfob::new(
        ProfileSource::Only(Box::new(Ok(profile.clone()))),
        move |profile| Session::new(profile, store.clone()),
        open,
    )
}

#[tokio::test]
async fn from_click_to_aws_and_out_again() {
    let mut world = World::new().await;
    world.sign_in().await;

    let answer = world.keyfob.call_api().await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body.trim(),
        "Hi alex, your API call is authenticated!"
    );

    let identity = world.keyfob.aws_identity().await.unwrap();
    assert!(identity.identity_id.starts_with("us-east-1:"));
    assert_eq!(identity.account, "123456789012");
    assert_eq!(
        identity.role_arn,
        "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated"
    );
    assert!(identity.arn.ends_with("/CognitoIdentityCredentials"));

    let answer = invoke(&world.keyfob, "hello", r#"{"name":"Sam"}"#).await;
    let Ok(FunctionOutcomeView::Answered {
        payload,
        function_error: None,
        log_tail: Some(log),
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
    assert!(payload.contains("Hello from Lambda, Sam!"), "{payload}");
    assert!(log.contains("END RequestId: "), "{log}");
    let answer = invoke(&world.keyfob, "hello", r#"{"fail":true}"#).await;
    assert!(
        matches!(&answer, Ok(FunctionOutcomeView::Answered { function_error: Some(kind), .. }) if kind == "Unhandled"),
        "{answer:?}"
    );
    let error = invoke(&world.keyfob, "other", "{}").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed, "{error:?}");

    world.restart();
    world.keyfob.restored().await;
    assert!(matches!(world.state(), StateView::SignedIn { .. }));
    assert!(world.opened.lock().unwrap().is_empty());

    let signed_out = world.keyfob.sign_out(SignOutScope::Browser).await.unwrap();
    assert_eq!(signed_out.revoked, None);
    assert!(signed_out.browser_asked);
    assert_eq!(
        signed_out.aws_credentials_until, None,
        "handed out by the app that was quit"
    );
    assert_eq!(world.state(), StateView::SignedOut);
    let logout = world.opened.lock().unwrap().pop().unwrap();
    assert_eq!(logout.path(), "/logout");
    // What /logout comes back with is no answer to a sign-in, and no error.
    world
        .keyfob
        .open_link(&"dev.keyfob.desktop://auth/signed-out".parse().unwrap())
        .await;
    assert_eq!(world.keyfob.view().session.problem, None);
    assert_eq!(
        world.keyfob.call_api().await.unwrap_err().code,
        ErrorCode::SignInRequired
    );
}

fn invocation(name: &str, payload: &str, invocation_type: InvocationType) -> FunctionInvocation {
    FunctionInvocation {
        run: 1,
        name: name.into(),
        payload: payload.into(),
        invocation_type,
    }
}

async fn invoke(
    keyfob: &Keyfob,
    name: &str,
    payload: &str,
) -> Result<FunctionOutcomeView, CommandError> {
    let invocation = invocation(name, payload, InvocationType::RequestResponse);
    keyfob.invoke_function(invocation).await
}

#[tokio::test]
async fn a_function_is_started_checked_and_waited_for_no_longer() {
    let world = World::new().await;
    world.sign_in().await;
    let keyfob = &world.keyfob;
    for (invocation_type, outcome) in [
        (InvocationType::Event, FunctionOutcomeView::Started),
        (InvocationType::DryRun, FunctionOutcomeView::Allowed),
    ] {
        let invocation = invocation("hello", "{}", invocation_type);
        assert_eq!(keyfob.invoke_function(invocation).await, Ok(outcome));
    }

    world.emulator.fail_next(Endpoint::Invoke, Fault::Hang);
    let waiting = tokio::spawn({
        let keyfob = keyfob.clone();
        async move { invoke(&keyfob, "hello", "{}").await }
    });
    // Whether it has been sent or not: the run is there once somebody waits for it.
    while !waiting.is_finished() {
        keyfob.stop_waiting(2);
        keyfob.stop_waiting(1);
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting.await.unwrap(), Ok(FunctionOutcomeView::Stopped));
}

#[tokio::test]
async fn an_app_started_by_the_answer_takes_it() {
    let mut world = World::new().await;
    world.keyfob.restored().await;
    world.keyfob.sign_in(SignInChoice::default()).await.unwrap();
    let url = world.opened.lock().unwrap().pop().unwrap();
    let callback = world
        .emulator
        .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
        .await
        .unwrap();
    world.restart();
    world.keyfob.open_link(&callback).await;
    assert!(matches!(world.state(), StateView::SignedIn { .. }));
}

#[tokio::test]
async fn a_browser_that_cannot_be_opened_leaves_the_link_to_copy() {
    let world = World::new().await;
    let keyfob = only(&world.profile, &world.store, |_| false);
    keyfob.sign_in(SignInChoice::default()).await.unwrap();
    let view = keyfob.view().session;
    assert!(matches!(view.state, StateView::SigningIn { .. }));
    let problem = view.problem.unwrap();
    assert_eq!(problem.message, "Your browser could not be opened.");
    assert!(problem.remedy.contains("Copy the link"));
    keyfob.dismiss_problem();
    assert_eq!(keyfob.view().session.problem, None);
}

#[tokio::test]
async fn a_malformed_profile_is_told_and_signs_nobody_in() {
    let error = "name = ".parse::<Profile>().unwrap_err();
    let keyfob = Keyfob::new(
        ProfileSource::Only(Box::new(Err(error))),
        |_| panic!("no session may be made"),
        |_| panic!("no browser may be opened"),
    );
    let app = keyfob.view();
    assert_eq!((app.profiles, app.unusable_profiles.len()), (Vec::new(), 1));
    let view = app.session;
    assert_eq!(view.profile, None);
    let problem = view.problem.unwrap();
    assert_eq!(problem.code, ErrorCode::Misconfigured);
    assert!(problem.message.contains("line 1"), "{}", problem.message);
    assert_eq!(
        keyfob.sign_in(SignInChoice::default()).await.unwrap_err(),
        problem
    );
}

#[tokio::test]
async fn wrong_settings_of_the_identity_pool_are_told() {
    for (from, to, words) in [
        (
            "us-east-1:6b657966",
            "us-east-1:00000000",
            "identity_pool_id",
        ),
        ("identity_pool_id", "# identity_pool_id", "identity_pool_id"),
    ] {
        let world = World::with(|profile| profile.replace(from, to)).await;
        world.sign_in().await;
        let error = world.keyfob.aws_identity().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Misconfigured, "{error:?}");
        assert!(error.remedy.contains(words), "{error:?}");
    }
}

#[tokio::test]
async fn an_api_that_refuses_is_shown_with_its_reason_and_one_that_is_down_is_told() {
    // The API is another organisation's: it knows neither the pool nor the client.
    let other = World::new().await;
    let api = other.profile.api_base_url.clone().unwrap();
    let world = World::with(|file| with_api(&file, api.as_str())).await;
    world.sign_in().await;
    let answer = world.keyfob.call_api().await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains("the token is from another user pool"),
        "{}",
        answer.body
    );

    let down = World::with(|file| with_api(&file, "http://127.0.0.1:1")).await;
    down.sign_in().await;
    let error = down.keyfob.call_api().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Offline, "{error:?}");
}

fn with_api(file: &str, url: &str) -> String {
    let own = file
        .lines()
        .find(|line| line.starts_with("api_base_url"))
        .unwrap();
    file.replace(own, &format!("api_base_url = \"{url}\""))
}

#[tokio::test]
async fn what_happened_since_counts_more_than_a_browser_that_was_not_opened() {
    let world = World::new().await;
    let session = Session::new(world.profile.clone(), world.store.clone()).unwrap();
    let made = session.clone();
    let keyfob = Keyfob::new(
        ProfileSource::Only(Box::new(Ok(world.profile.clone()))),
        move |_| Ok(made.clone()),
        |_| false,
    );
    keyfob.sign_in(SignInChoice::default()).await.unwrap();
    let StateView::SigningIn { url, .. } = keyfob.view().session.state else {
        panic!("{:?}", keyfob.view())
    };
    let (_, state) = Url::parse(&url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .find(|(name, _)| name == "state")
        .unwrap();
    let refusal = format!("dev.keyfob.desktop://auth/callback?error=access_denied&state={state}");
    session
        .complete(&refusal.parse().unwrap())
        .await
        .unwrap_err();
    let problem = keyfob.view().session.problem.unwrap();
    assert!(problem.message.contains("access_denied"), "{problem:?}");
}

/// A store that cannot be read until it is unlocked.
struct Locked {
    kept: Arc<dyn TokenStore>,
    locked: AtomicBool,
}

impl TokenStore for Locked {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        if self.locked.load(Ordering::SeqCst) {
            return Err(StoreError::Locked);
        }
        self.kept.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.load(key)?;
        self.kept.save(key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.load(key)?;
        self.kept.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.kept.lock(key)
    }
}

#[tokio::test]
async fn a_keychain_unlocked_later_still_has_the_session() {
    let world = World::new().await;
    world.sign_in().await;
    let store = Arc::new(Locked {
        kept: world.store.clone(),
        locked: AtomicBool::new(true),
    });
    let kept: Arc<dyn TokenStore> = store.clone();
    let keyfob = only(&world.profile, &kept, |_| panic!("no browser is needed"));
    keyfob.restored().await;
    assert_eq!(
        keyfob.view().session.problem.unwrap().code,
        ErrorCode::KeychainUnavailable
    );
    assert_eq!(
        keyfob
            .sign_in(SignInChoice::default())
            .await
            .unwrap_err()
            .code,
        ErrorCode::KeychainUnavailable
    );
    // The person reads it, unlocks the keychain and tries again.
    keyfob.dismiss_problem();
    store.locked.store(false, Ordering::SeqCst);
    keyfob.sign_in(SignInChoice::default()).await.unwrap();
    let view = keyfob.view().session;
    assert!(matches!(view.state, StateView::SignedIn { .. }), "{view:?}");
    assert_eq!(view.problem, None);
}

#[tokio::test]
async fn views_follow_the_session() {
    let world = World::new().await;
    let (sender, mut views) = tokio::sync::mpsc::unbounded_channel();
    world
        .keyfob
        .watch(move |view| sender.send(view.session.state).is_ok());
    assert_eq!(views.recv().await, Some(StateView::Restoring));
    world.sign_in().await;
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(StateView::SignedIn { .. })) {
        seen.push(views.recv().await.unwrap());
    }
    assert!(
        seen.iter()
            .any(|state| matches!(state, StateView::SigningIn { .. })),
        "{seen:?}"
    );
}
