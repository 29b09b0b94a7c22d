//! One person's credentials in several processes: had once, shared through the store, gone with the session.

#![allow(clippy::unwrap_used)]

mod common;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use cognito_aws::{Aws, Error};
use cognito_client::{Session, SignOutScope, TokenStore};
use cognito_emulator::{Endpoint, Fault};
use common::{MINUTE, Stage};
use tokio::task::JoinSet;

const CREDENTIALS: &str = "GetCredentialsForIdentity";

/// The same session in what might as well be another process: only the store is shared.
fn another(stage: &Stage) -> Aws {
    let session = Session::builder(stage.session.profile().clone(), stage.store.clone())
        .clock(stage.clock.clone())
        .build()
        .unwrap();
    Aws::new(session).unwrap()
}

async fn credentials(aws: &Aws) -> Credentials {
    let provider = aws.credentials_provider();
    provider.provide_credentials().await.unwrap()
}

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
            let aws = another(&stage);
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
    assert_eq!(credentials(&another(&stage)).await, first);
    assert_eq!(stage.emulator.requests().len(), before);
}

#[tokio::test]
async fn they_go_with_the_session() {
    let stage = Stage::new().await;
    credentials(&stage.aws).await;
    assert!(kept(&stage));
    stage.session.sign_out(SignOutScope::Device).await.unwrap();
    assert!(!kept(&stage));
    let refused = another(&stage).caller_identity().await.unwrap_err();
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
    let robins = credentials(&another(&stage)).await;
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
    assert_eq!(credentials(&another(&stage)).await, second);
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
    for rubbish in [&b"rubbish"[..], b"{}", br#"{"version":2}"#] {
        stage.store.save(&key, rubbish).unwrap();
        let given = credentials(&another(&stage)).await;
        assert_eq!(credentials(&another(&stage)).await, given);
    }
    assert_eq!(stage.asked(CREDENTIALS), 3);
}
