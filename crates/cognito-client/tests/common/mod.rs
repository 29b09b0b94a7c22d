//! A user pool, a clock and a store of one's own for each test.

#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

pub mod browser;
pub mod out;
pub mod port;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use cognito_client::{
    Clock, Error, MemoryStore, Profile, Secret, Session, SessionState, StoreError, StoreLock,
    SystemClock, TokenStore, User,
};
use cognito_emulator::{Config, Emulator};
use cognito_verifier::Clock as _;
use tokio::sync::watch;
use url::Url;

#[path = "../../../test_log.rs"]
mod test_log;

/// The system's time plus what a test adds to it.
pub struct TestClock {
    ahead: watch::Sender<Duration>,
    stands: OnceLock<SystemTime>,
}

impl TestClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            ahead: watch::channel(Duration::ZERO).0,
            stands: OnceLock::new(),
        })
    }

    pub fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += by);
    }

    /// From now on it goes only where it is advanced.
    pub fn stand(&self) {
        self.stands.get_or_init(|| SystemClock.now());
    }
}

impl cognito_verifier::Clock for TestClock {
    fn now(&self) -> SystemTime {
        let real = self.stands.get().copied();
        real.unwrap_or_else(|| SystemClock.now()) + *self.ahead.borrow()
    }
}

impl Clock for TestClock {
    fn sleep_until(&self, moment: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut ahead = self.ahead.subscribe();
        let stands = self.stands.get().copied();
        Box::pin(async move {
            let now = || stands.unwrap_or_else(|| SystemClock.now());
            while now() + *ahead.borrow_and_update() < moment {
                if ahead.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        })
    }
}

/// A store whose next saves fail on demand, and which counts them.
#[derive(Default)]
pub struct FaultyStore {
    pub kept: MemoryStore,
    /// How many saves succeed before they fail; `usize::MAX` for all.
    pub saves_left: AtomicUsize,
    pub saves: AtomicUsize,
}

impl FaultyStore {
    pub fn new(saves_left: usize) -> Arc<Self> {
        Arc::new(Self {
            saves_left: AtomicUsize::new(saves_left),
            ..Self::default()
        })
    }
}

impl TokenStore for FaultyStore {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        self.kept.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.saves.fetch_add(1, Ordering::SeqCst);
        self.saves_left
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .map_err(|_| StoreError::Locked)?;
        self.kept.save(key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.kept.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.kept.lock(key)
    }
}

/// Generous: a debug build makes its keys first, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct World {
    pub emulator: Emulator,
    pub clock: Arc<TestClock>,
    pub store: Arc<dyn TokenStore>,
    pub session: Session,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Config::demo(), |profile| profile).await
    }

    pub async fn with(config: Config, change: impl FnOnce(String) -> String) -> Self {
        Self::with_store(config, change, Arc::new(MemoryStore::new())).await
    }

    /// `change` changes the text of the profile file.
    pub async fn with_store(
        config: Config,
        change: impl FnOnce(String) -> String,
        store: Arc<dyn TokenStore>,
    ) -> Self {
        let emulator = Emulator::start(config.port(0)).await.unwrap();
        let profile = change(profile_file(&emulator)).parse().unwrap();
        let clock = TestClock::new();
        let session = session(profile, store.clone(), clock.clone(), PATIENCE);
        Self {
            emulator,
            clock,
            store,
            session,
        }
    }

    /// The app, quit and started again.
    pub fn restart(&mut self) {
        self.restart_with(PATIENCE);
    }

    /// The same, with another patience: a short one for servers that never answer.
    pub fn restart_with(&mut self, patience: Duration) {
        let profile = self.session.profile().clone();
        self.session = session(profile, self.store.clone(), self.clock.clone(), patience);
    }

    /// Time passes, here and there.
    pub fn advance(&self, by: Duration) {
        self.emulator.advance(by);
        self.clock.advance(by);
    }

    /// What the browser comes back with when the demo user signs in.
    pub async fn browse(&self, url: &Url) -> Url {
        self.emulator
            .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap()
    }

    pub async fn sign_in(&self) -> User {
        let url = self.session.begin().await.unwrap();
        let callback = self.browse(&url).await;
        self.session.complete(&callback).await.unwrap()
    }

    pub fn state(&self) -> SessionState {
        self.session.status().state
    }

    pub fn problem(&self) -> Option<Error> {
        self.session.status().problem
    }

    /// Waits until the session says what is wanted.
    pub async fn until(&self, wanted: impl Fn(&SessionState) -> bool) {
        self.session
            .subscribe()
            .wait_for(|status| wanted(&status.state))
            .await
            .unwrap();
    }

    pub fn asked(&self, path: &str) -> usize {
        self.emulator
            .requests()
            .iter()
            .filter(|request| request.path == path)
            .count()
    }

    pub fn is_kept(&self) -> bool {
        self.store
            .load(&self.session.profile().session_key())
            .unwrap()
            .is_some()
    }
}

pub fn session(
    profile: Profile,
    store: Arc<dyn TokenStore>,
    clock: Arc<TestClock>,
    patience: Duration,
) -> Session {
    test_log::start();
    let session = Session::builder(profile, store)
        .clock(clock)
        .http_patience(patience)
        .build()
        .unwrap();
    log_status(&session);
    session
}

/// Every state, and every problem in each form it has: none may tell a secret.
fn log_status(session: &Session) {
    let mut status = session.subscribe();
    tokio::spawn(async move {
        loop {
            {
                let status = status.borrow_and_update();
                tracing::trace!(?status, "told");
                if let Some(problem) = &status.problem {
                    tracing::trace!(%problem, remedy = problem.remedy(), "told");
                }
            }
            if status.changed().await.is_err() {
                return;
            }
        }
    });
}

pub fn profile_file(emulator: &Emulator) -> String {
    format!(
        r#"
name = "Test"
region = "us-east-1"
issuer = "{issuer}"
domain = "{domain}"
client_id = "6keyfobdemodesktop00client"
scopes = ["openid", "email", "profile", "aws.cognito.signin.user.admin"]
redirects = ["dev.keyfob.desktop://auth/callback"]
sign_out_redirects = ["dev.keyfob.desktop://auth/signed-out"]
"#,
        issuer = emulator.issuer(),
        domain = emulator.domain(),
    )
}
