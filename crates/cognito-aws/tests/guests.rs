//! Whoever is not signed in, where the profile and the identity pool allow guests.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_aws::Error;
use cognito_client::{Profile, SignOutScope};
use cognito_emulator::{Config, Endpoint, Fault};
use common::{HOUR, Stage, credentials};
use serde_json::json;

const CREDENTIALS: &str = "GetCredentialsForIdentity";

fn open(config: &mut Config) {
    config.identity_pool.allow_unauthenticated = true;
    config.identity_pool.unauthenticated_role =
        Some("arn:aws:iam::123456789012:role/KeyfobDemoGuest".into());
}

fn allowed(profile: &mut Profile) {
    profile.aws.guest = true;
}

async fn identity(aws: &cognito_aws::Aws) -> String {
    aws.identity_id().await.unwrap()
}

#[tokio::test]
async fn a_guest_stays_the_same_in_every_program_and_for_ever() {
    let stage = Stage::signed_out(open, allowed).await;
    let first = credentials(&stage.aws).await;
    assert_eq!(credentials(&stage.another()).await, first);
    assert_eq!(stage.asked(CREDENTIALS), 1);
    let caller = stage.aws.caller_identity().await.unwrap();
    assert!(caller.guest);
    assert_eq!(
        caller.role_arn,
        "arn:aws:iam::123456789012:role/KeyfobDemoGuest"
    );

    let identity_id = identity(&stage.aws).await;
    stage.advance(2 * HOUR);
    assert_ne!(credentials(&stage.another()).await, first);
    assert_eq!(identity(&stage.another()).await, identity_id);
    assert_eq!(identity(&stage.aws).await, identity_id);
    assert_eq!(stage.asked("GetId"), 1);
    // Nobody has to be told that a guest's credentials outlive a sign-out.
    assert_eq!(stage.aws.credentials_until(), None);
}

#[tokio::test]
async fn a_person_and_the_guest_are_never_mixed() {
    let stage = Stage::signed_out(open, allowed).await;
    let guests = credentials(&stage.aws).await;
    let guest = identity(&stage.aws).await;

    stage.sign_in("alex").await;
    for aws in [&stage.aws, &stage.another()] {
        let alexs = credentials(aws).await;
        assert_ne!(alexs, guests);
        assert_ne!(identity(aws).await, guest);
        assert!(!aws.caller_identity().await.unwrap().guest);
    }
    let alex = identity(&stage.aws).await;

    stage.session.sign_out(SignOutScope::Device).await.unwrap();
    for aws in [&stage.aws, &stage.another()] {
        assert_eq!(identity(aws).await, guest);
        assert_eq!(credentials(aws).await, guests);
    }
    stage.sign_in("robin").await;
    for aws in [&stage.aws, &stage.another()] {
        let robin = identity(aws).await;
        assert_ne!(robin, alex);
        assert_ne!(robin, guest);
    }
    // One for the guest, one for each person.
    assert_eq!(stage.asked("GetId"), 3);
    assert_eq!(stage.asked(CREDENTIALS), 3);
}

#[tokio::test]
async fn a_session_that_ends_is_told_before_anything_is_done_as_a_guest() {
    let stage = Stage::with(
        |config| {
            open(config);
            config.identity_pool.server_side_token_check = true;
        },
        allowed,
    )
    .await;
    credentials(&stage.aws).await;
    stage.advance(HOUR);
    stage.emulator.sign_out_everywhere("alex");
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ),
        "{error:?}"
    );
    assert!(stage.aws.caller_identity().await.unwrap().guest);
}

#[tokio::test]
async fn a_guest_the_pool_has_forgotten_is_a_new_one() {
    let stage = Stage::signed_out(open, allowed).await;
    let first = identity(&stage.aws).await;
    stage.advance(HOUR);
    stage.emulator.fail_next(
        Endpoint::Credentials,
        Fault::Error {
            status: 400,
            body: json!({
                "__type": "ResourceNotFoundException",
                "message": format!("Identity '{first}' not found."),
            }),
        },
    );
    let second = identity(&stage.aws).await;
    assert_ne!(second, first);
    assert_eq!(identity(&stage.another()).await, second);
    assert_eq!(stage.asked("GetId"), 2);
}

#[tokio::test]
async fn nobody_is_a_guest_unless_both_sides_allow_it() {
    let stage = Stage::signed_out(open, |_| {}).await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ),
        "{error:?}"
    );
    assert_eq!(stage.asked("GetId"), 0);

    let stage = Stage::signed_out(
        |config| {
            open(config);
            config.identity_pool.allow_unauthenticated = false;
        },
        allowed,
    )
    .await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(error.remedy().starts_with("Sign in."), "{error:?}");

    let stage = Stage::signed_out(
        |config| {
            open(config);
            config.identity_pool.unauthenticated_role = None;
        },
        allowed,
    )
    .await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        error.to_string().contains("no usable role for guests"),
        "{error:?}"
    );
}
