//! Out of this device, of the browser, of everywhere; offline, cut short, and in another process's way.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cognito_client::{
    Error, MemoryStore, RefreshToken, Secret, SessionState, SignInReason, SignOut, SignOutScope,
    StoreError, StoreLock, TokenStore, TransientCause,
};
use cognito_emulator::{Config, Endpoint, Fault};
use common::World;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
const ADMIN: &str = ", \"aws.cognito.signin.user.admin\"";

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

impl World {
    async fn out(&self, scope: SignOutScope) -> SignOut {
        let signed_out = self.session.sign_out(scope).await.unwrap();
        assert_eq!(self.state(), SessionState::SignedOut);
        assert!(!self.is_kept());
        assert!(matches!(
            self.session.access_token().await,
            Err(Error::SignInRequired(SignInReason::SignedOut))
        ));
        assert_eq!(
            self.session.status().revocation_owed,
            signed_out.revocation_owed
        );
        assert_eq!(self.owes(), signed_out.revocation_owed);
        signed_out
    }

    fn owed_key(&self) -> String {
        format!("{}, owed", self.session.profile().session_key())
    }

    fn owes(&self) -> bool {
        self.store.load(&self.owed_key()).unwrap().is_some()
    }

    /// What is kept of the session, for another computer or another time.
    fn kept(&self) -> Secret {
        let key = self.session.profile().session_key();
        self.store.load(&key).unwrap().unwrap()
    }

    /// Whether the user pool still renews what was kept.
    async fn is_alive(&self, kept: &Secret) -> bool {
        let kept: serde_json::Value = serde_json::from_slice(kept).unwrap();
        let token = RefreshToken::new(kept["refresh"].as_str().unwrap());
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.session.profile().client_id),
            ("refresh_token", token.expose()),
        ];
        let url = format!("{}/oauth2/token", self.emulator.domain());
        let answer = reqwest::Client::new().post(url).form(&form).send().await;
        answer.unwrap().status().is_success()
    }
}

#[tokio::test]
async fn everywhere_without_the_scope_says_which_setting_to_change() {
    let world = World::with(Config::demo(), |profile| profile.replace(ADMIN, "")).await;
    world.sign_in().await;
    let kept = world.kept();
    let signed_out = world.out(SignOutScope::Everywhere).await;
    let error = signed_out.everywhere.unwrap().unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error}");
    assert!(error.remedy().contains("aws.cognito.signin.user.admin"));
    assert!(error.remedy().contains("`scopes`"));
    assert_eq!(world.asked("/"), 0, "nothing is asked in vain");
    // What can be done is done.
    signed_out.revoked.unwrap();
    assert!(!world.is_alive(&kept).await);
    assert!(signed_out.browser.is_some());
}

#[tokio::test]
async fn everywhere_says_what_the_user_pool_refused() {
    let world = World::new().await;
    let refusal = |kind: &str, message: &str| Fault::Error {
        status: 400,
        body: json!({ "__type": kind, "message": message }),
    };
    for (fault, words) in [
        (
            refusal(
                "NotAuthorizedException",
                "Access Token does not have required scopes",
            ),
            "may not end your other sessions",
        ),
        (
            refusal("NotAuthorizedException", "Access Token has been revoked"),
            "your session has ended",
        ),
        (
            refusal("com.amazonaws#TooManyRequestsException", "Rate exceeded"),
            "too many requests",
        ),
        (refusal("InternalErrorException", "?"), "status 400"),
        (Fault::Status(403), "status 403"),
        (Fault::Status(503), "status 503"),
        (Fault::Html, "network log-in page"),
        (Fault::Truncated, "could not be reached"),
        (Fault::Drop, "could not be reached"),
    ] {
        world.sign_in().await;
        world
            .emulator
            .fail_next(Endpoint::GlobalSignOut, fault.clone());
        let signed_out = world.out(SignOutScope::Everywhere).await;
        let error = signed_out.everywhere.unwrap().unwrap_err().to_string();
        assert!(error.contains(words), "{fault:?}: {error}");
        signed_out.revoked.unwrap();
        assert!(!signed_out.revocation_owed);
    }
}

#[tokio::test]
async fn everywhere_ends_the_sessions_of_other_devices() {
    let world = World::new().await;
    world.sign_in().await;
    let other_device = world.kept();
    let key = world.session.profile().session_key();
    // Signed in on this computer only now.
    world.store.delete(&key).unwrap();
    let mut world = world;
    world.restart();
    world.session.restore().await;
    world.sign_in().await;
    let this_device = world.kept();
    let signed_out = world.out(SignOutScope::Everywhere).await;
    signed_out.everywhere.unwrap().unwrap();
    signed_out.revoked.unwrap();
    assert!(signed_out.browser.is_some());
    assert!(!world.is_alive(&other_device).await);
    assert!(!world.is_alive(&this_device).await);
}

#[tokio::test]
async fn everywhere_has_a_token_renewed_when_it_needs_one() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(DAY);
    let signed_out = world.out(SignOutScope::Everywhere).await;
    signed_out.everywhere.unwrap().unwrap();
    signed_out.revoked.unwrap();

    world.sign_in().await;
    world.advance(DAY);
    world.emulator.fail_next(Endpoint::Token, Fault::Drop);
    let signed_out = world.out(SignOutScope::Everywhere).await;
    assert!(matches!(
        signed_out.everywhere,
        Some(Err(Error::Transient { .. }))
    ));
    signed_out.revoked.unwrap();
}

#[tokio::test]
async fn nobody_has_nothing_to_sign_out_of() {
    let world = World::new().await;
    world.session.restore().await;
    let signed_out = world.out(SignOutScope::Everywhere).await;
    assert!(matches!(
        signed_out.everywhere,
        Some(Err(Error::SignInRequired(SignInReason::SignedOut)))
    ));
    signed_out.revoked.unwrap();
    assert_eq!(world.asked("/oauth2/revoke"), 0);
    // The browser may know somebody all the same.
    assert!(signed_out.browser.is_some());
}

#[tokio::test]
async fn the_device_leaves_the_browser_and_other_devices_alone() {
    let world = World::new().await;
    world.sign_in().await;
    let kept = world.kept();
    let other_device = {
        let url = world.session.begin().await.unwrap();
        let callback = world.browse(&url).await;
        world.session.complete(&callback).await.unwrap();
        std::mem::replace(&mut world.kept(), kept)
    };
    let this_device = world.kept();
    assert!(*this_device == *other_device);
    let signed_out = world.out(SignOutScope::Device).await;
    assert!(signed_out.browser.is_none() && signed_out.everywhere.is_none());
    signed_out.revoked.unwrap();
    assert!(!world.is_alive(&this_device).await);
    assert_eq!(world.asked("/logout"), 0);
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

#[tokio::test]
async fn what_is_damaged_is_wiped_too() {
    let mut world = World::new().await;
    let (key, owed) = (world.session.profile().session_key(), world.owed_key());
    world.store.save(&key, b"rubbish").unwrap();
    world.store.save(&owed, b"rubbish").unwrap();
    world.restart();
    world.session.restore().await;
    world.session.sign_out(SignOutScope::Device).await.unwrap();
    assert!(!world.is_kept());
}

#[tokio::test]
async fn the_newest_tokens_are_revoked_whoever_renewed_them() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    let world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    // Another process renews them.
    let other = common::session(
        world.session.profile().clone(),
        world.store.clone(),
        world.clock.clone(),
        Duration::from_secs(30),
    );
    world.advance(DAY);
    other.access_token().await.unwrap();
    let renewed = world.kept();
    let signed_out = world.out(SignOutScope::Device).await;
    signed_out.revoked.unwrap();
    assert!(!world.is_alive(&renewed).await);
}

#[tokio::test]
async fn a_renewal_in_another_process_writes_nothing_back() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    let world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    let other = common::session(
        world.session.profile().clone(),
        world.store.clone(),
        world.clock.clone(),
        Duration::from_secs(30),
    );
    world.advance(DAY);
    let asked = world.asked("/oauth2/token");
    world.emulator.fail_next(Endpoint::Token, Fault::Stall);
    let renewing = other.clone();
    let renewing = tokio::spawn(async move { renewing.access_token().await });
    while world.asked("/oauth2/token") == asked {
        tokio::task::yield_now().await;
    }
    let session = world.session.clone();
    let signing_out = tokio::spawn(async move { session.sign_out(SignOutScope::Device).await });
    for _ in 0..100 {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
    assert!(world.is_kept(), "it waits for the other's turn to end");
    world.emulator.release();
    renewing.await.unwrap().unwrap();
    signing_out.await.unwrap().unwrap().revoked.unwrap();
    assert!(!world.is_kept() && !world.owes());
    let token = other.access_token().await.unwrap();
    other.invalidate(&token);
    // What the other still has in memory is dead, and the store has nothing.
    other.access_token().await.unwrap_err();
    assert!(!world.is_kept());
}

/// Whatever fails and wherever: nobody is left signed in who was told otherwise, a session whose
/// sign-out failed goes on, and no token is forgotten alive.
#[tokio::test]
async fn a_keychain_that_fails_at_any_moment_loses_nothing() {
    let store = Failing::new();
    let mut world = World::with_store(Config::demo(), |profile| profile, store.clone()).await;
    let mut outcomes = BTreeMap::new();
    for (offline, for_ever) in [(false, false), (false, true), (true, false), (true, true)] {
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
