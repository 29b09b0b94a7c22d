//! The whole journey against MiniStack, whose hosted UI, identity pool, IAM, STS and Lambda nobody here wrote.

#![allow(clippy::unwrap_used)]

#[path = "common/ministack.rs"]
mod ministack;

use std::sync::Arc;
use std::time::Duration;

use cognito_aws::{Aws, Error};
use cognito_client::{AuthFlow, MemoryStore, Profile, Session, SignOutScope};
use ministack::MiniStack;
use serde_json::Value;

#[tokio::test]
async fn from_the_hosted_ui_to_a_function() {
    let ministack = MiniStack::start();
    let (profile, role_arn) = ministack.set_up();
    let profile: Profile = profile.parse().unwrap();
    let store = Arc::new(MemoryStore::new());
    let session = Session::new(profile.clone(), store.clone()).unwrap();
    session.restore().await;

    let authorize = session.begin().await.unwrap();
    let page = ministack.sign_in(&authorize, "wrong").await.unwrap_err();
    assert!(page.contains("Incorrect username or password."), "{page}");
    let callback = ministack
        .sign_in(&authorize, "Keyfob-demo-1")
        .await
        .unwrap();
    let user = session.complete(&callback).await.unwrap();
    assert_eq!(user.username, "alex");
    assert_eq!(user.name.as_deref(), Some("Alex Morgan"));
    assert_eq!(user.email.as_deref(), Some("alex@example.com"));

    let aws = Aws::new(session.clone()).unwrap();
    let caller = aws.caller_identity().await.unwrap();
    assert_eq!(caller.role_arn, role_arn);
    assert!(caller.arn.ends_with("/CognitoIdentityCredentials"));
    assert!(caller.identity_id.starts_with("us-east-1:"));
    assert!(caller.expires > session.now());

    let answer = aws.invoke("hello", r#"{"name": "Alex"}"#).await.unwrap();
    assert_eq!(answer.function_error, None);
    let payload: Value = serde_json::from_str(&answer.payload).unwrap();
    assert_eq!(payload["message"], "Hello Alex");

    let answer = aws.invoke("hello", r#"{"fail": true}"#).await.unwrap();
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert!(answer.payload.contains("asked this function to fail"));

    // The role's policy allows one of the two functions.
    let error = aws.invoke("forbidden", "{}").await.unwrap_err();
    assert!(
        matches!(&error, Error::NotAllowed { role: Some(role), .. } if *role == role_arn),
        "{error:?}"
    );
    let error = aws.invoke("missing", "{}").await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotAllowed { .. } | Error::Configuration { .. }
        ),
        "{error:?}"
    );

    // The same person by the basic flow.
    let mut basic = profile.clone();
    basic.aws.flow = AuthFlow::Basic;
    basic.aws.role_arn = Some(role_arn.clone());
    basic.aws.session_seconds = Some(1_800);
    let basic = Aws::new(Session::new(basic, store.clone()).unwrap()).unwrap();
    let by_name = basic.caller_identity().await.unwrap();
    assert_eq!(by_name.role_arn, role_arn);
    assert!(by_name.arn.ends_with("/alex"), "{}", by_name.arn);
    assert_eq!(by_name.identity_id, caller.identity_id);
    let half_an_hour = Duration::from_secs(1_800);
    assert!(by_name.expires <= session.now() + half_an_hour);
    basic.invoke("hello", r#"{"name": "Alex"}"#).await.unwrap();

    // MiniStack serves no /oauth2/revoke. That is told, and does not keep anybody signed in here.
    let signed_out = session.sign_out(SignOutScope::Browser).await.unwrap();
    assert!(signed_out.revoked.is_err());
    assert!(signed_out.browser.is_some());
    assert!(aws.caller_identity().await.is_err());

    // Whoever is not signed in is somebody else; MiniStack has guests whatever the pool says.
    let mut guest = profile;
    guest.aws.guest = true;
    let guest = Aws::new(Session::new(guest, store).unwrap()).unwrap();
    let nobody = guest.caller_identity().await.unwrap();
    assert!(nobody.guest);
    assert_ne!(nobody.identity_id, caller.identity_id);
}
