//! A signed-in session on an emulator, with a clock that is moved by hand.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use cognito_aws::Aws;
use cognito_client::{MemoryStore, Profile, Session, SystemClock};
use cognito_emulator::{Config, Emulator, User};

#[path = "../../../test_log.rs"]
mod test_log;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);

/// The computer's clock: the real time, set wrong by so many seconds. Short pauses pass at once.
#[derive(Default)]
pub struct TestClock {
    ahead: AtomicI64,
    pauses: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::Relaxed);
    }

    pub fn advance(&self, by: Duration) {
        self.ahead
            .fetch_add(by.as_secs().cast_signed(), Ordering::Relaxed);
    }

    /// The pauses that were made since the last time.
    pub fn pauses(&self) -> Vec<Duration> {
        std::mem::take(&mut self.pauses.lock().unwrap())
    }
}

impl cognito_verifier::Clock for TestClock {
    fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let (now, by) = (SystemClock.now(), Duration::from_secs(ahead.unsigned_abs()));
        if ahead < 0 { now - by } else { now + by }
    }
}

impl cognito_client::Clock for TestClock {
    fn sleep_until(&self, moment: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let pause = moment
            .duration_since(cognito_verifier::Clock::now(self))
            .unwrap_or_default();
        // The end of a sign-in that nobody answers never comes.
        if pause > MINUTE {
            return Box::pin(std::future::pending());
        }
        self.pauses.lock().unwrap().push(pause);
        Box::pin(std::future::ready(()))
    }
}

pub struct Stage {
    pub emulator: Emulator,
    pub clock: Arc<TestClock>,
    pub store: Arc<MemoryStore>,
    pub session: Session,
    pub aws: Aws,
}

/// A profile of this emulator, after `change`.
pub fn profile(emulator: &Emulator, change: impl FnOnce(&mut Profile)) -> Profile {
    let mut profile = Profile::local_demo();
    profile.issuer = emulator.issuer().parse().unwrap();
    profile.domain = emulator.url();
    profile.endpoints.cognito_identity = Some(emulator.url());
    profile.endpoints.sts = Some(emulator.url());
    profile.endpoints.lambda = Some(emulator.url());
    change(&mut profile);
    profile
}

impl Stage {
    /// The demo, with `alex` signed in.
    pub async fn new() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    pub async fn with(
        configure: impl FnOnce(&mut Config),
        change: impl FnOnce(&mut Profile),
    ) -> Self {
        let stage = Self::signed_out(configure, change).await;
        stage.sign_in("alex").await;
        stage
    }

    pub async fn signed_out(
        configure: impl FnOnce(&mut Config),
        change: impl FnOnce(&mut Profile),
    ) -> Self {
        test_log::start();
        let mut config = Config::demo()
            .port(0)
            .with_user(User::new("robin", "Keyfob-demo-1"));
        configure(&mut config);
        let emulator = Emulator::start(config).await.unwrap();
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryStore::new());
        let session = Session::builder(profile(&emulator, change), store.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        session.restore().await;
        let aws = Aws::new(session.clone()).unwrap();
        Self {
            emulator,
            clock,
            store,
            session,
            aws,
        }
    }

    /// The same session in what might as well be another process: only the store is shared.
    pub fn another(&self) -> Aws {
        self.another_with(|_| {})
    }

    /// Another process, with another profile of the same session.
    pub fn another_with(&self, change: impl FnOnce(&mut Profile)) -> Aws {
        let mut profile = self.session.profile().clone();
        change(&mut profile);
        let session = Session::builder(profile, self.store.clone())
            .clock(self.clock.clone())
            .build()
            .unwrap();
        Aws::new(session).unwrap()
    }

    /// Everybody's password is the same.
    pub async fn sign_in(&self, username: &str) {
        let url = self.session.begin().await.unwrap();
        let callback = self
            .emulator
            .sign_in_with(url.as_str(), username, "Keyfob-demo-1")
            .await
            .unwrap();
        self.session.complete(&callback).await.unwrap();
    }

    /// Time passes, here and at AWS.
    pub fn advance(&self, by: Duration) {
        self.emulator.advance(by);
        self.clock.advance(by);
    }

    /// How often this was asked: an operation, or a path.
    pub fn asked(&self, what: &str) -> usize {
        self.emulator
            .requests()
            .iter()
            .filter(|request| match &request.operation {
                Some(operation) => operation == what,
                None => request.path == what,
            })
            .count()
    }
}

pub async fn credentials(aws: &Aws) -> Credentials {
    aws.credentials_provider().credentials().await.unwrap()
}
