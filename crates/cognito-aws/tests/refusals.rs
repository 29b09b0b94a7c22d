//! What an identity pool and STS refuse, and what the person is told.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_aws::Error;
use cognito_client::SessionState;
use cognito_emulator::{Client, Endpoint, Fault};
use serde_json::json;

use common::{HOUR, MINUTE, Stage};

const CLIENT: &str = "6keyfobdemodesktop00client";

/// The error is about configuration, and names all of these.
fn assert_configuration(error: &Error, names: &[&str]) {
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    let text = format!("{error} {}", error.remedy());
    for name in names {
        assert!(text.contains(name), "{name} is not in: {text}");
    }
}

fn assert_sign_in(error: &Error) {
    assert!(
        matches!(
            error,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_app_client_the_identity_pool_does_not_know() {
    let stage = Stage::with(|config| config.identity_pool.client_ids.clear(), |_| {}).await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    let login = stage.emulator.provider_name();
    assert_configuration(&error, &[CLIENT, &login, "CognitoIdentityProviders"]);
    assert_eq!(stage.asked("GetId"), 1);
}

#[tokio::test]
async fn another_app_client_of_the_same_pool() {
    let other = Client {
        callback_urls: vec!["dev.keyfob.desktop://auth/callback".into()],
        ..Client::public("1other")
    };
    let stage = Stage::with(
        |config| config.clients.push(other),
        |profile| profile.client_id = "1other".into(),
    )
    .await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert_configuration(&error, &["1other", "`client_id`"]);
}

#[tokio::test]
async fn an_identity_pool_that_is_not_there() {
    let wrong = "us-east-1:00000000-0000-0000-0000-000000000000";
    let stage = Stage::with(
        |_| {},
        |profile| profile.identity_pool_id = Some(wrong.into()),
    )
    .await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert_configuration(&error, &[wrong, "us-east-1", "`identity_pool_id`"]);
}

#[tokio::test]
async fn the_wrong_region() {
    let stage = Stage::with(
        |_| {},
        |profile| {
            profile.region = "eu-west-1".into();
            profile.identity_pool_id =
                Some("eu-west-1:6b657966-6f62-4465-8d6f-706f6f6c0001".into());
        },
    )
    .await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert_configuration(&error, &["eu-west-1", "`region`"]);
}

#[tokio::test]
async fn no_role_for_signed_in_users() {
    let stage = Stage::with(
        |config| config.identity_pool.authenticated_role = None,
        |_| {},
    )
    .await;
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert_configuration(&error, &["no usable role", "trust policy"]);
}

#[tokio::test]
async fn an_id_token_that_expired_unnoticed_is_renewed_once() {
    let stage = Stage::new().await;
    // At AWS two hours pass of which this computer's clock knows nothing.
    stage.emulator.advance(2 * HOUR);
    let caller = stage.aws.caller_identity().await.unwrap();
    assert_eq!(stage.asked("/oauth2/token"), 2);
    assert!(caller.expires > stage.session.now());
    // Its signature, too, was made by the corrected time.
    stage.aws.invoke("hello", "{}").await.unwrap();
}

#[tokio::test]
async fn credentials_that_expired_unnoticed_are_renewed() {
    let stage = Stage::new().await;
    let first = stage.aws.caller_identity().await.unwrap();
    stage.emulator.advance(2 * HOUR);
    let second = stage.aws.caller_identity().await.unwrap();
    assert!(second.expires > first.expires);
    assert_eq!(stage.asked("GetCredentialsForIdentity"), 2);
}

#[tokio::test]
async fn an_id_token_of_old_keys_is_renewed_once() {
    let stage = Stage::new().await;
    // The keys were fetched just now, and are not fetched again at once.
    stage.advance(MINUTE);
    stage.emulator.rotate_keys();
    stage.aws.caller_identity().await.unwrap();
    assert_eq!(stage.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn a_user_who_was_signed_out_everywhere() {
    let stage = Stage::with(
        |config| config.identity_pool.server_side_token_check = true,
        |_| {},
    )
    .await;
    stage.emulator.sign_out_everywhere("alex");
    assert_sign_in(&stage.aws.caller_identity().await.unwrap_err());
    // The session knows it too, so that the person is offered to sign in.
    assert_eq!(stage.session.status().state, SessionState::Expired);
}

fn not_authorized(message: &str) -> Fault {
    refusal("NotAuthorizedException", message)
}

fn refusal(code: &str, message: &str) -> Fault {
    Fault::Error {
        status: 400,
        body: json!({ "__type": code, "message": message }),
    }
}

#[tokio::test]
async fn an_identity_that_is_gone_is_asked_for_again_once() {
    for lost in [
        not_authorized(
            "Logins don't match. Please include at least one valid login for this identity or identity pool.",
        ),
        refusal(
            "ResourceNotFoundException",
            "Identity 'us-east-1:6b657966-0000-0000-0000-000000000000' not found.",
        ),
        not_authorized("Access to Identity 'us-east-1:6b657966' is forbidden."),
    ] {
        let stage = Stage::new().await;
        stage
            .emulator
            .fail_next(Endpoint::Credentials, lost.clone());
        stage.aws.caller_identity().await.unwrap();
        assert_eq!(stage.asked("GetId"), 2, "{lost:?}");

        stage.aws.forget().await;
        stage
            .emulator
            .fail_next(Endpoint::Credentials, lost.clone());
        stage
            .emulator
            .fail_next(Endpoint::Credentials, lost.clone());
        let error = stage.aws.caller_identity().await.unwrap_err();
        assert!(
            matches!(error, Error::Configuration { .. } | Error::Protocol { .. }),
            "{error:?}"
        );
        assert_eq!(stage.asked("GetId"), 4, "{lost:?}");
    }
}

/// Which setting to change, for every text of the live service that stays after what may be tried.
#[tokio::test]
async fn every_text_names_the_setting_to_change() {
    const ROLE: &str = "arn:aws:iam::123456789012:role/Chosen";
    let configured = Stage::new().await;
    let chosen = Stage::with(|_| {}, |profile| profile.aws.role_arn = Some(ROLE.into())).await;
    let guest = Stage::signed_out(|_| {}, |profile| profile.aws.guest = true).await;
    let token = |text: &str| not_authorized(&format!("Invalid login token. {text}"));
    let authorized = |text: &str| not_authorized(text);
    for (stage, fault, tries, says, remedy) in [
        (
            &configured,
            authorized("Token is not from a supported provider of this identity pool."),
            1,
            "does not accept sign-ins at",
            "ProviderName and ClientId of CognitoIdentityProviders",
        ),
        (
            &configured,
            token("Token expired: 1754028847 >= 1754027905"),
            2,
            "refused the time of the request",
            "date, time and time zone",
        ),
        (
            &configured,
            token("Missing a required claim: aud"),
            1,
            "finds a claim missing in the ID token",
            "give this message to your administrator",
        ),
        (
            &configured,
            token("Issuer doesn't match providerName"),
            1,
            "the ID token's issuer is not the identity pool's provider",
            "profile's `issuer`",
        ),
        (
            &configured,
            token("Couldn't verify signed token."),
            2,
            "does not accept the ID token's signature",
            "give this message to your administrator",
        ),
        (
            &configured,
            token("Not a valid OpenId Connect identity token."),
            1,
            "cannot read the ID token",
            "give this message to your administrator",
        ),
        (
            &configured,
            authorized("Unauthenticated access is not supported for this identity pool."),
            1,
            "does not accept sign-ins at",
            "CognitoIdentityProviders",
        ),
        (
            &guest,
            authorized("Unauthenticated access is not supported for this identity pool."),
            1,
            "admits nobody who is not signed in",
            "AllowUnauthenticatedIdentities",
        ),
        (
            &configured,
            authorized(
                "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            ),
            2,
            "does not accept sign-ins at",
            "CognitoIdentityProviders",
        ),
        (
            &configured,
            authorized("Access to Identity 'us-east-1:6b657966' is forbidden."),
            2,
            "keeps this identity for somebody else",
            "give this message to your administrator",
        ),
        (
            &configured,
            authorized(
                "The ambiguous role mapping rules for: cognito-idp.us-east-1.amazonaws.com/us-east-1_X:1 denied this request.",
            ),
            1,
            "finds no role for you, or more than one",
            "AmbiguousRoleResolution",
        ),
        (
            &configured,
            refusal(
                "ResourceNotFoundException",
                "IdentityPool 'us-east-1:6b657966' not found.",
            ),
            1,
            "there is no identity pool",
            "`identity_pool_id` and `region`",
        ),
        (
            &configured,
            refusal(
                "ResourceNotFoundException",
                "Identity 'us-east-1:6b657966' not found.",
            ),
            2,
            "there is no identity pool",
            "`identity_pool_id` and `region`",
        ),
        (
            &configured,
            refusal(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            ),
            1,
            "has no usable role for signed-in users",
            "authenticated role",
        ),
        (
            &guest,
            refusal(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            ),
            1,
            "has no usable role for guests",
            "amr unauthenticated",
        ),
        (
            &chosen,
            refusal(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            ),
            1,
            "cannot use the role arn:aws:iam::123456789012:role/Chosen",
            "trust policy",
        ),
        (
            &chosen,
            authorized("whatever the live service says of a role"),
            1,
            "does not give you the role arn:aws:iam::123456789012:role/Chosen",
            "`cognito:roles`",
        ),
        (
            &configured,
            refusal("ResourceConflictException", "in words"),
            1,
            "already belongs to another identity",
            "UnlinkIdentity",
        ),
        (
            &configured,
            refusal(
                "InvalidParameterException",
                "Please provide a valid public provider",
            ),
            1,
            "refused the request: InvalidParameterException",
            "give this message to your administrator",
        ),
        // The SDK would take it for throttling, and ask again.
        (
            &configured,
            refusal("LimitExceededException", "in words"),
            1,
            "by its quotas",
            "quotas",
        ),
        (
            &configured,
            refusal("TooManyRequestsException", "Rate exceeded"),
            5,
            "has too many requests",
            "Wait a minute",
        ),
        (
            &configured,
            refusal("ExternalServiceException", "in words"),
            3,
            "answered with status 400",
            "Wait a minute",
        ),
        (
            &configured,
            Fault::Error {
                status: 500,
                body: json!({ "__type": "InternalErrorException", "message": "in words" }),
            },
            3,
            "answered with status 500",
            "Wait a minute",
        ),
    ] {
        for _ in 0..tries {
            stage.emulator.fail_next(Endpoint::GetId, fault.clone());
        }
        let before = stage.asked("GetId");
        let error = stage.aws.caller_identity().await.unwrap_err();
        assert!(error.to_string().contains(says), "{error} for {fault:?}");
        assert!(
            error.remedy().contains(remedy),
            "{} for {fault:?}",
            error.remedy()
        );
        assert!(!format!("{error:?} {}", error.remedy()).contains("in words"));
        assert_eq!(stage.asked("GetId") - before, tries, "{fault:?}");
        assert!(stage.emulator.clear_faults().is_empty(), "{fault:?}");
    }
    let stage = Stage::new().await;
    stage
        .emulator
        .fail_next(Endpoint::GetId, authorized("Token is inactive"));
    stage
        .emulator
        .fail_next(Endpoint::GetId, authorized("Token is inactive"));
    assert_sign_in(&stage.aws.caller_identity().await.unwrap_err());
}
