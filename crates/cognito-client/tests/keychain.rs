//! Keychains that are locked, damaged or slow: nothing lost, nothing left alive.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use cognito_client::{Error, MemoryStore, Secret, SessionState, StoreError, StoreLock, TokenStore};
use cognito_emulator::Config;
use common::{FaultyStore, World};

#[tokio::test]
async fn a_keychain_that_does_not_work_is_found_out_before_the_browser_opens() {
    let world = World::with_store(Config::demo(), |profile| profile, FaultyStore::new(0)).await;
    let error = world.session.begin().await.unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Locked)));
    assert_eq!(world.state(), SessionState::SignedOut);
    assert!(matches!(
        world.problem(),
        Some(Error::Store(StoreError::Locked))
    ));
    assert!(error.remedy().contains("Unlock"));
}

#[tokio::test]
async fn tokens_that_cannot_be_kept_are_revoked() {
    // The first save keeps the request, the second would keep the tokens.
    let world = World::with_store(Config::demo(), |profile| profile, FaultyStore::new(1)).await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Locked)));
    assert_eq!(world.state(), SessionState::SignedOut);
    assert_eq!(world.asked("/oauth2/revoke"), 1);
}

#[tokio::test]
async fn a_rotated_token_survives_a_keychain_that_is_locked_for_a_while() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    let store = FaultyStore::new(2);
    let world = World::with_store(config, |profile| profile, store.clone()).await;
    world.sign_in().await;
    world.advance(Duration::from_secs(3600));
    let error = world.session.access_token().await.unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Locked)));
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
    store.saves_left.store(usize::MAX, Ordering::SeqCst);
    world.session.access_token().await.unwrap();
    world.advance(Duration::from_secs(3600));
    world.session.access_token().await.unwrap();
}

#[tokio::test]
async fn damaged_contents_of_the_keychain_are_told_and_replaced() {
    let mut world = World::new().await;
    world
        .store
        .save(&world.session.profile().session_key(), b"rubbish")
        .unwrap();
    world.restart();
    world.session.restore().await;
    assert_eq!(world.state(), SessionState::SignedOut);
    assert!(matches!(
        world.problem(),
        Some(Error::Store(StoreError::Damaged))
    ));
    world.sign_in().await;
    world.restart();
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
}

#[tokio::test]
async fn what_is_damaged_while_the_app_runs_is_mended() {
    let mut world = World::new().await;
    world.sign_in().await;
    let key = world.session.profile().session_key();
    world.store.save(&key, b"rubbish").unwrap();
    world.advance(Duration::from_secs(3600));
    let token = world.session.access_token().await.unwrap();
    world.restart();
    assert_eq!(world.session.access_token().await.unwrap(), token);
}

/// A keychain that asks for its password at the second save, and gets it when the test says so.
struct AskingStore {
    kept: MemoryStore,
    saves: AtomicUsize,
    password: Mutex<mpsc::Receiver<()>>,
}

impl TokenStore for AskingStore {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        self.kept.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        if self.saves.fetch_add(1, Ordering::SeqCst) == 1 {
            self.password.lock().unwrap().recv().unwrap();
        }
        self.kept.save(key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.kept.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.kept.lock(key)
    }
}

#[tokio::test]
async fn a_keychain_unlocked_too_late_keeps_no_revoked_tokens() {
    let (unlock, password) = mpsc::channel();
    let store = Arc::new(AskingStore {
        kept: MemoryStore::new(),
        saves: AtomicUsize::new(0),
        password: Mutex::new(password),
    });
    let world = World::with_store(Config::demo(), |profile| profile, store.clone()).await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let session = world.session.clone();
    let complete = tokio::spawn(async move { session.complete(&callback).await });
    while store.saves.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    // Given up, while the save is still at it; what deletes its tokens waits for its turn.
    while world.asked("/oauth2/revoke") == 0 {
        tokio::task::yield_now().await;
    }
    unlock.send(()).unwrap();
    let error = complete.await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::Store(StoreError::TimedOut)),
        "{error:?}"
    );
    while world.is_kept() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.state(), SessionState::SignedOut);
}
