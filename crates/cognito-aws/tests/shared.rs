//! One person's credentials in several processes: had once, shared through the store, gone with the session.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};

use cognito_aws::{Aws, Error};
use cognito_client::{
    MemoryStore, Secret, Session, SignOutScope, StoreError, StoreLock, TokenStore,
};
use cognito_emulator::{Endpoint, Fault};
use common::{MINUTE, Stage, credentials};
use tokio::task::JoinSet;

const CREDENTIALS: &str = "GetCredentialsForIdentity";

fn kept(stage: &Stage) -> bool {
    let key = format!("{}, derived", stage.session.profile().session_key());
    stage.store.load(&key).unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_at_once_cause_one_exchange() {
    let stage = Stage::new().await;
    for round in 1..=2 {
        let mut asking = JoinSet::new();
        for _ in 0..50 {
            let aws = stage.another();
            asking.spawn(async move { credentials(&aws).await });
        }
        let all = asking.join_all().await;
        assert!(all.iter().all(|given| *given == all[0]));
        assert_eq!(stage.asked(CREDENTIALS), round);
        assert_eq!(stage.asked("/oauth2/token"), 1);
        stage.advance(46 * MINUTE);
    }
    // The identity is remembered along with them.
    assert_eq!(stage.asked("GetId"), 1);
}

#[tokio::test]
async fn a_process_that_finds_them_asks_nobody() {
    let stage = Stage::new().await;
    let first = credentials(&stage.aws).await;
    let before = stage.emulator.requests().len();
    assert_eq!(credentials(&stage.another()).await, first);
    assert_eq!(stage.emulator.requests().len(), before);
}

#[tokio::test]
async fn they_go_with_the_session() {
    let stage = Stage::new().await;
    credentials(&stage.aws).await;
    assert!(kept(&stage));
    stage.session.sign_out(SignOutScope::Device).await.unwrap();
    assert!(!kept(&stage));
    let refused = stage.another().caller_identity().await.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ),
        "{refused:?}"
    );
    let refused = stage.aws.caller_identity().await.unwrap_err();
    assert!(matches!(refused, Error::Session(_)), "{refused:?}");
}

#[tokio::test]
async fn nobody_gets_another_persons() {
    let stage = Stage::new().await;
    let alexs = credentials(&stage.aws).await;
    stage.sign_in("robin").await;
    let robins = credentials(&stage.another()).await;
    assert_ne!(robins, alexs);
    assert_eq!(credentials(&stage.aws).await, robins);
    assert_eq!(stage.asked("GetId"), 2);
}

#[tokio::test]
async fn refused_ones_are_not_taken_from_the_store_again() {
    let stage = Stage::new().await;
    let first = credentials(&stage.aws).await;
    stage.emulator.fail_next(
        Endpoint::Invoke,
        Fault::Error {
            status: 403,
            body: serde_json::json!({ "__type": "ExpiredTokenException", "message": "expired" }),
        },
    );
    stage.aws.invoke("hello", "{}").await.unwrap();
    let second = credentials(&stage.aws).await;
    assert_ne!(second, first);
    assert_eq!(credentials(&stage.another()).await, second);
    assert_eq!(stage.asked(CREDENTIALS), 2);
}

#[tokio::test]
async fn another_identity_pools_are_not_taken() {
    let stage = Stage::new().await;
    credentials(&stage.aws).await;
    let mut profile = stage.session.profile().clone();
    profile.identity_pool_id = Some("us-east-1:00000000-0000-4000-8000-000000000000".into());
    let session = Session::builder(profile, stage.store.clone())
        .clock(stage.clock.clone())
        .build()
        .unwrap();
    let error = Aws::new(session)
        .unwrap()
        .caller_identity()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_kept_in_an_unknown_form_is_replaced() {
    let stage = Stage::new().await;
    let key = format!("{}, derived", stage.session.profile().session_key());
    for rubbish in [
        &b"rubbish"[..],
        b"{}",
        br#"{"version":1}"#,
        br#"{"version":3}"#,
    ] {
        stage.store.save(&key, rubbish).unwrap();
        let given = credentials(&stage.another()).await;
        assert_eq!(credentials(&stage.another()).await, given);
    }
    assert_eq!(stage.asked(CREDENTIALS), 4);
}

/// How often the store was read, of all its keys.
struct Counting {
    store: Arc<MemoryStore>,
    reads: Mutex<Vec<String>>,
}

impl TokenStore for Counting {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        self.reads.lock().unwrap().push(key.to_owned());
        self.store.load(key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.store.save(key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.store.lock(key)
    }
}

#[tokio::test]
async fn kept_ones_cost_one_reading_of_the_store() {
    let stage = Stage::new().await;
    let first = credentials(&stage.aws).await;
    let store = Arc::new(Counting {
        store: stage.store.clone(),
        reads: Mutex::default(),
    });
    let session = Session::builder(stage.session.profile().clone(), store.clone())
        .clock(stage.clock.clone())
        .build()
        .unwrap();
    let aws = Aws::new(session).unwrap();
    assert_eq!(credentials(&aws).await, first);
    let derived = format!("{}, derived", stage.session.profile().session_key());
    assert_eq!(*store.reads.lock().unwrap(), [derived]);
    // Who asks again is worth a look at who is signed in; and who has signed out gets nothing.
    assert_eq!(credentials(&aws).await, first);
    assert_eq!(store.reads.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_sign_out_elsewhere_is_noticed_at_the_next_request() {
    let stage = Stage::new().await;
    for restore in [false, true] {
        let other = stage.another();
        if restore {
            other.caller_identity().await.unwrap();
        }
        credentials(&other).await;
        stage.session.sign_out(SignOutScope::Device).await.unwrap();
        let refused = other.caller_identity().await.unwrap_err();
        assert!(matches!(refused, Error::Session(_)), "{refused:?}");
        stage.sign_in("alex").await;
    }
}

/// Another person's sign-in takes away what the one before had, whoever looks and however little.
#[tokio::test]
async fn nothing_is_left_for_the_next_person() {
    let stage = Stage::new().await;
    credentials(&stage.aws).await;
    assert!(kept(&stage));
    stage.sign_in("robin").await;
    assert!(!kept(&stage));
    let robins = credentials(&stage.another()).await;
    assert_eq!(stage.asked(CREDENTIALS), 2);
    assert_eq!(credentials(&stage.another()).await, robins);
}
