//! What a sign-out could not tell the user pool is told later, whatever dies in between.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cognito_client::{
    Error, MemoryStore, Secret, SessionState, SignOutScope, StoreError, StoreLock, TokenStore,
    TransientCause,
};
use cognito_emulator::{Config, Endpoint, Fault};
use common::World;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);

/// Fails at the n-th operation, or at all from then on.
struct Failing {
    kept: MemoryStore,
    left: AtomicUsize,
    for_ever: AtomicBool,
}

impl Failing {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: MemoryStore::new(),
            left: AtomicUsize::new(usize::MAX),
            for_ever: AtomicBool::new(false),
        })
    }

    fn fail_after(&self, operations: usize, for_ever: bool) {
        self.left.store(operations, Ordering::SeqCst);
        self.for_ever.store(for_ever, Ordering::SeqCst);
    }

    fn spend(&self) -> Result<(), StoreError> {
        match self.left.load(Ordering::SeqCst) {
            usize::MAX => Ok(()),
            0 => {
                if !self.for_ever.load(Ordering::SeqCst) {
                    self.left.store(usize::MAX, Ordering::SeqCst);
                }
                Err(StoreError::Locked)
            }
            left => {
                self.left.store(left - 1, Ordering::SeqCst);
                Ok(())
            }
        }
    }
}

impl TokenStore for Failing {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        self.spend()?;
        self.kept.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.spend()?;
        self.kept.save(key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.spend()?;
        self.kept.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.spend()?;
        self.kept.lock(key)
    }
}

#[tokio::test]
async fn what_the_user_pool_could_not_be_told_is_told_later() {
    let mut world = World::new().await;
    for (fault, cause) in [
        (Fault::Drop, TransientCause::Unreachable),
        (Fault::Truncated, TransientCause::Unreachable),
        (Fault::Html, TransientCause::NotTheService),
        (Fault::Status(302), TransientCause::Status(302)),
        (Fault::Status(429), TransientCause::Throttled),
        (Fault::Status(500), TransientCause::Status(500)),
    ] {
        world.sign_in().await;
        let kept = world.kept();
        for _ in 0..3 {
            world.emulator.fail_next(Endpoint::Revoke, fault.clone());
        }
        let signed_out = world.out(SignOutScope::Device).await;
        let Err(Error::Transient { cause: told, .. }) = signed_out.revoked else {
            panic!("{fault:?}: {:?}", signed_out.revoked)
        };
        assert_eq!(told, cause);
        assert!(signed_out.revocation_owed);

        // Another person signs in meanwhile, on a train.
        world.sign_in().await;
        assert!(world.session.status().revocation_owed);
        for owed in [true, true, false] {
            world.restart();
            world.session.restore().await;
            assert!(matches!(world.state(), SessionState::SignedIn(_)));
            assert_eq!(world.session.status().revocation_owed, owed, "{fault:?}");
            assert_eq!(world.owes(), owed);
        }
        assert!(!world.is_alive(&kept).await);
        assert!(world.is_alive(&world.kept()).await);
        world.out(SignOutScope::Device).await;
    }
}

#[tokio::test]
async fn a_user_pool_that_never_answers_is_not_waited_for_before_the_wipe() {
    let mut world = World::new().await;
    world.sign_in().await;
    world.restart();
    world.session.restore().await;
    world.emulator.fail_next(Endpoint::Revoke, Fault::Stall);
    let session = world.session.clone();
    let task = tokio::spawn(async move { session.sign_out(SignOutScope::Device).await });
    world
        .until(|state| matches!(state, SessionState::SignedOut))
        .await;
    assert!(!world.is_kept());
    assert!(world.owes(), "should the app be closed now");
    // Nobody waits any more; it is finished all the same.
    while world.asked("/oauth2/revoke") == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    world.emulator.release();
    while world.owes() {
        tokio::task::yield_now().await;
    }
    assert!(!world.session.status().revocation_owed);
}

#[tokio::test]
async fn the_user_pool_is_told_once_however_many_pay() {
    let world = World::new().await;
    world.sign_in().await;
    let replaced = world.kept();
    world.emulator.fail_next(Endpoint::Revoke, Fault::Stall);
    world.sign_in().await;
    while world.asked("/oauth2/revoke") == 0 {
        tokio::task::yield_now().await;
    }
    let session = world.session.clone();
    let paying = tokio::spawn(async move { session.pay_owed().await });
    for _ in 0..100 {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
    world.emulator.release();
    assert!(!paying.await.unwrap());
    assert!(!world.owes() && !world.is_alive(&replaced).await);
    assert_eq!(world.asked("/oauth2/revoke"), 1);
}

#[tokio::test]
async fn an_app_that_runs_goes_on_trying_more_and_more_rarely() {
    let world = World::new().await;
    world.sign_in().await;
    let kept = world.kept();
    for _ in 0..5 {
        world.emulator.fail_next(Endpoint::Revoke, Fault::Drop);
    }
    world.out(SignOutScope::Device).await;
    let session = world.session.clone();
    let running = tokio::spawn(async move { session.keep_fresh().await });
    let mut seconds = 0;
    while world.session.status().revocation_owed {
        world.advance(Duration::from_secs(10));
        seconds += 10;
        for _ in 0..200 {
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
    }
    running.abort();
    assert!(!world.owes() && !world.is_alive(&kept).await);
    // At once, then after 10, 20, 40 and 80 seconds.
    assert_eq!(world.asked("/oauth2/revoke"), 1 + 5);
    assert!(seconds >= 150, "{seconds}");
}

#[tokio::test]
async fn what_the_app_client_may_not_do_is_told_and_not_owed() {
    let world = World::new().await;
    world.sign_in().await;
    let body = json!({ "error": "invalid_request" });
    world
        .emulator
        .fail_next(Endpoint::Revoke, Fault::Error { status: 400, body });
    let signed_out = world.out(SignOutScope::Device).await;
    let error = signed_out.revoked.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error}");
    assert!(!signed_out.revocation_owed);
}

#[tokio::test]
async fn what_is_owed_ends_when_it_is_pointless_and_does_not_grow_without_end() {
    let mut world = World::new().await;
    let mut kept = Vec::new();
    for _ in 0..10 {
        world.sign_in().await;
        kept.push(world.kept());
        world.emulator.fail_next(Endpoint::Revoke, Fault::Drop);
        world.out(SignOutScope::Device).await;
        world.advance(DAY);
    }
    let before = world.asked("/oauth2/revoke");
    world.restart();
    world.session.restore().await;
    assert!(!world.owes());
    assert_eq!(world.asked("/oauth2/revoke") - before, 8);
    for (index, kept) in kept.iter().enumerate() {
        // The oldest were given up.
        assert_eq!(world.is_alive(kept).await, index < 2, "{index}");
    }

    world.sign_in().await;
    world.emulator.fail_next(Endpoint::Revoke, Fault::Drop);
    world.out(SignOutScope::Device).await;
    world.advance(31 * DAY);
    let before = world.asked("/oauth2/revoke");
    world.restart();
    world.session.restore().await;
    assert!(!world.owes() && !world.session.status().revocation_owed);
    assert_eq!(world.asked("/oauth2/revoke"), before);
}

/// Whatever fails and wherever: nobody is left signed in who was told otherwise, a session whose
/// sign-out failed goes on, and no token is forgotten alive.
#[tokio::test]
async fn a_keychain_that_fails_at_any_moment_loses_nothing() {
    let store = Failing::new();
    let mut world = World::with_store(Config::demo(), |profile| profile, store.clone()).await;
    let mut outcomes = BTreeMap::new();
    for (offline, for_ever) in [(false, false), (true, false), (true, true)] {
        for operations in 0..12 {
            world.sign_in().await;
            let kept = world.kept();
            if offline {
                world.emulator.fail_next(Endpoint::Revoke, Fault::Drop);
            }
            store.fail_after(operations, for_ever);
            let result = world.session.sign_out(SignOutScope::Device).await;
            store.fail_after(usize::MAX, false);

            let case = format!("{operations} operations, {offline} {for_ever}: {result:?}");
            assert_eq!(world.is_kept(), result.is_err(), "{case}");
            match &result {
                Ok(signed_out) => {
                    assert_eq!(world.state(), SessionState::SignedOut, "{case}");
                    assert_eq!(signed_out.revoked.is_ok(), !offline, "{case}");
                }
                Err(error) => assert!(matches!(error, Error::Store(_)), "{case}"),
            }
            // The next day, online; the app was closed, or killed at this very operation.
            let owed = world.owes();
            world.restart();
            world.session.restore().await;
            assert!(!world.owes(), "{case}");
            assert!(!world.session.status().revocation_owed, "{case}");
            match &result {
                Ok(signed_out) => {
                    assert_eq!(world.state(), SessionState::SignedOut, "{case}");
                    let told = signed_out.revoked.is_ok() || owed;
                    assert_eq!(world.is_alive(&kept).await, !told, "{case}");
                    assert!(owed || !signed_out.revocation_owed, "{case}");
                    assert!(!for_ever || offline || told, "{case}");
                }
                Err(_) => {
                    assert!(matches!(world.state(), SessionState::SignedIn(_)), "{case}");
                    assert!(world.is_alive(&kept).await, "{case}");
                    assert_eq!(
                        world
                            .session
                            .sign_out(SignOutScope::Device)
                            .await
                            .unwrap()
                            .revocation_owed,
                        offline
                    );
                    world.restart();
                    world.session.restore().await;
                    assert!(!world.owes() && !world.is_alive(&kept).await, "{case}");
                }
            }
            *outcomes.entry(result.is_ok()).or_insert(0) += 1;
        }
    }
    assert!(outcomes.len() == 2, "{outcomes:?}");
}
