//! From a signed-in person to AWS and back.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use cognito_aws::{Aws, AwsService, Error};
use cognito_client::{MemoryStore, Session, SignOutScope, TransientCause};
use cognito_emulator::{Endpoint, Fault};
use serde_json::{Value, json};

use common::{HOUR, MINUTE, Stage, profile};

const ROLE: &str = "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated";

#[tokio::test]
async fn from_sign_in_to_a_function() {
    let stage = Stage::new().await;
    assert_eq!(stage.aws.credentials_until(), None);

    let caller = stage.aws.caller_identity().await.unwrap();
    assert_eq!(caller.account, "123456789012");
    assert_eq!(caller.role_arn, ROLE);
    assert_eq!(
        caller.arn,
        "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials"
    );
    assert!(caller.identity_id.starts_with("us-east-1:"));
    let left = caller.expires.duration_since(stage.session.now()).unwrap();
    assert!(HOUR - MINUTE < left && left <= HOUR, "{left:?}");
    assert_eq!(stage.aws.credentials_until(), Some(caller.expires));

    let answer = stage
        .aws
        .invoke("hello", r#"{"name": "Alex"}"#)
        .await
        .unwrap();
    assert_eq!(answer.function_error, None);
    let payload: Value = serde_json::from_str(&answer.payload).unwrap();
    assert_eq!(payload["message"], "Hello from Lambda, Alex!");
    assert_eq!(payload["identityId"], caller.identity_id.as_str());

    let answer = stage
        .aws
        .invoke("hello", r#"{"fail": true}"#)
        .await
        .unwrap();
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    let payload: Value = serde_json::from_str(&answer.payload).unwrap();
    assert_eq!(payload["errorType"], "RequestedFailure");

    assert_eq!(stage.asked("GetId"), 1);
    assert_eq!(stage.asked("GetCredentialsForIdentity"), 1);
}

#[tokio::test]
async fn the_identity_pool_knows_the_pool_by_its_issuer_whichever_it_has() {
    let updated = "https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_KeyfobDemo";
    let stage = Stage::with(
        |config| config.issuer = Some(updated.into()),
        |profile| profile.endpoints.cognito_idp = Some(profile.domain.clone()),
    )
    .await;
    assert_eq!(stage.session.profile().issuer.as_str(), updated);
    assert_eq!(stage.aws.caller_identity().await.unwrap().role_arn, ROLE);
}

#[tokio::test]
async fn any_client_of_the_sdk_works_as_the_person() {
    let stage = Stage::new().await;
    let config = aws_sdk_sts::config::Builder::from(&stage.aws.sdk_config())
        .endpoint_url(stage.emulator.url())
        .build();
    let answer = aws_sdk_sts::Client::from_conf(config)
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(answer.account(), Some("123456789012"));
}

#[tokio::test]
async fn a_profile_without_an_identity_pool_gives_no_aws() {
    let stage = Stage::new().await;
    let profile = profile(&stage.emulator, |profile| profile.identity_pool_id = None);
    let session = Session::new(profile, Arc::new(MemoryStore::new())).unwrap();
    let error = Aws::new(session).err().unwrap();
    assert!(matches!(error, Error::Configuration { .. }), "{error}");
    assert!(error.remedy().contains("`identity_pool_id`"));
}

#[tokio::test]
async fn nobody_signed_in_means_sign_in() {
    let stage = Stage::signed_out(|_| {}, |_| {}).await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ),
        "{error}"
    );
    assert_eq!(error.remedy(), "Sign in.");
    assert_eq!(stage.asked("GetId"), 0);
}

#[tokio::test]
async fn signing_out_ends_the_use_of_credentials_but_not_their_life() {
    let stage = Stage::new().await;
    let caller = stage.aws.caller_identity().await.unwrap();
    stage.session.sign_out(SignOutScope::Browser).await.unwrap();
    // Even before anybody calls `forget`.
    assert!(stage.aws.caller_identity().await.is_err());
    stage.aws.forget().await;
    assert!(stage.aws.caller_identity().await.is_err());
    assert_eq!(stage.aws.credentials_until(), Some(caller.expires));
    stage.advance(HOUR);
    assert_eq!(stage.aws.credentials_until(), None);
}

#[tokio::test]
async fn another_user_gets_neither_credentials_nor_identity_of_the_one_before() {
    let stage = Stage::new().await;
    let alex = stage.aws.caller_identity().await.unwrap();
    // As it is when the app does not say `forget`.
    stage.session.sign_out(SignOutScope::Browser).await.unwrap();
    stage.sign_in("robin").await;
    let robin = stage.aws.caller_identity().await.unwrap();
    assert_ne!(alex.identity_id, robin.identity_id);
    assert_eq!(stage.asked("GetId"), 2);
    assert_eq!(stage.asked("GetCredentialsForIdentity"), 2);

    stage.session.sign_out(SignOutScope::Browser).await.unwrap();
    stage.aws.forget().await;
    stage.sign_in("alex").await;
    assert_eq!(
        stage.aws.caller_identity().await.unwrap().identity_id,
        alex.identity_id
    );
}

#[tokio::test]
async fn what_is_not_json_is_not_sent() {
    let stage = Stage::new().await;
    for payload in ["", "{", "{\"name\": Alex}", "{} {}"] {
        let error = stage.aws.invoke("hello", payload).await.unwrap_err();
        assert!(
            matches!(error, Error::Payload { .. }),
            "{payload:?}: {error}"
        );
        assert!(error.to_string().starts_with("the payload is not JSON: "));
    }
    assert_eq!(stage.asked("GetId"), 0);
}

#[tokio::test]
async fn an_unknown_function_is_the_administrators_to_correct() {
    let stage = Stage::new().await;
    let error = stage.aws.invoke("helo", "{}").await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "there is no Lambda function “helo” in us-east-1"
    );
    assert!(error.remedy().contains("`functions`"));
}

fn refusal(status: u16, code: &str) -> Fault {
    Fault::Error {
        status,
        body: json!({ "__type": code, "message": "in words" }),
    }
}

#[tokio::test]
async fn a_refused_invocation_says_who_must_act() {
    let stage = Stage::new().await;
    let invoke = async |fault| {
        stage.emulator.fail_next(Endpoint::Invoke, fault);
        stage.aws.invoke("hello", "{}").await.unwrap_err()
    };
    let error = invoke(refusal(403, "AccessDeniedException")).await;
    assert!(matches!(error, Error::NotAllowed { .. }), "{error}");
    for text in [error.to_string(), error.remedy()] {
        assert!(
            text.contains("lambda:InvokeFunction") && text.contains("hello"),
            "{text}"
        );
        assert!(text.contains(ROLE), "{text}");
    }

    let cause = async |fault| match invoke(fault).await {
        Error::Transient {
            service: AwsService::Lambda,
            cause,
        } => cause,
        other => panic!("{other}"),
    };
    assert_eq!(
        cause(refusal(429, "TooManyRequestsException")).await,
        TransientCause::Throttled
    );
    assert_eq!(
        cause(refusal(500, "ServiceException")).await,
        TransientCause::Status(500)
    );
    assert_eq!(cause(Fault::Status(503)).await, TransientCause::Status(503));
    assert_eq!(cause(Fault::Drop).await, TransientCause::Unreachable);
    assert_eq!(
        cause(Fault::Error {
            status: 403,
            body: Value::Null
        })
        .await,
        TransientCause::NotTheService
    );

    let error = invoke(refusal(413, "RequestTooLargeException")).await;
    assert!(error.to_string().contains("6 MB"), "{error}");
    let error = invoke(refusal(400, "InvalidRequestContentException")).await;
    assert!(matches!(error, Error::Payload { .. }), "{error}");
    let error = invoke(refusal(400, "Something<b>New</b>")).await;
    assert!(
        matches!(&error, Error::Refused { code, .. } if code == "SomethingbNewb"),
        "{error:?}"
    );
    let invoked = stage
        .emulator
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/invocations"))
        .count();
    assert_eq!(invoked, 9, "an invocation is never sent again by itself");
}

#[tokio::test]
async fn a_function_that_does_not_answer_may_still_run() {
    let stage = Stage::new().await;
    // Credentials first, so that only the function is under the short patience.
    let aws = Aws::with_patience(stage.session.clone(), Duration::from_secs(2)).unwrap();
    aws.caller_identity().await.unwrap();
    stage.emulator.fail_next(Endpoint::Invoke, Fault::Stall);
    let error = aws.invoke("hello", "{}").await.unwrap_err();
    stage.emulator.release();
    assert_eq!(error.to_string(), "AWS Lambda did not answer in time");
    assert!(error.remedy().contains("may still be running"));
}

#[tokio::test]
async fn a_captive_portals_page_is_not_taken_for_an_answer() {
    let stage = Stage::new().await;
    for endpoint in [
        Endpoint::GetId,
        Endpoint::Credentials,
        Endpoint::CallerIdentity,
    ] {
        stage.emulator.fail_next(endpoint, Fault::Html);
        let error = stage.aws.caller_identity().await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Transient {
                    cause: TransientCause::NotTheService,
                    ..
                }
            ),
            "{endpoint:?}: {error:?}"
        );
        assert!(error.remedy().contains("log in to the network"));
    }
    stage.aws.caller_identity().await.unwrap();
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let credentials = provider.provide_credentials().await.unwrap();
    let id = stage.session.id_token().await.unwrap();
    let printed = format!("{:?} {provider:?} {credentials:?}", stage.aws);
    for secret in [
        credentials.secret_access_key(),
        credentials.session_token().unwrap(),
        id.expose(),
    ] {
        assert!(!printed.contains(secret));
    }

    // A ValidationException repeats what it was sent.
    stage.emulator.fail_next(
        Endpoint::Credentials,
        Fault::Error {
            status: 400,
            body: json!({
                "__type": "ValidationException",
                "message": format!("1 validation error detected: Value '{}' at 'logins'", id.expose()),
            }),
        },
    );
    stage.aws.forget().await;
    let error = provider.provide_credentials().await.unwrap_err();
    let mut printed = format!("{error:?} {error}");
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = source {
        printed += &error.to_string();
        source = error.source();
    }
    assert!(printed.contains("ValidationException"), "{printed}");
    assert!(!printed.contains(id.expose()));
}
