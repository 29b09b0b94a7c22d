//! GetId and GetCredentialsForIdentity: shapes, and every refusal word for word.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cognito_emulator::{Config, Emulator};
use common::*;
use serde_json::{Value, json};

const POOL: &str = "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001";

async fn call(emulator: &Emulator, operation: &str, input: Value) -> (u16, Value) {
    let target = format!("AWSCognitoIdentityService.{operation}");
    aws_json(emulator, &target, &input).await
}

fn logins(emulator: &Emulator, token: &Value) -> Value {
    json!({ emulator.provider_name(): token })
}

async fn identity(emulator: &Emulator, token: &Value) -> String {
    let input = json!({ "IdentityPoolId": POOL, "Logins": logins(emulator, token) });
    let (status, answer) = call(emulator, "GetId", input).await;
    assert_eq!(status, 200, "{answer}");
    answer["IdentityId"].as_str().unwrap().to_owned()
}

fn refused(class: &str, message: impl Into<String>) -> (u16, Value) {
    (400, json!({ "__type": class, "message": message.into() }))
}

fn not_authorized(message: &str) -> (u16, Value) {
    refused("NotAuthorizedException", message)
}

#[tokio::test]
async fn one_login_has_one_identity_and_gets_credentials_for_an_hour() {
    let emulator = start_with(with_blair(Config::demo())).await;
    let tokens = tokens(&emulator).await;
    let id = identity(&emulator, &tokens["id_token"]).await;
    assert!(id.starts_with("us-east-1:") && id.len() == 46, "{id}");
    assert_eq!(identity(&emulator, &tokens["id_token"]).await, id);
    let url = authorize_url(&emulator, &[]);
    let blair = emulator
        .sign_in_with(&url, "blair", "Blair-pass-1")
        .await
        .unwrap();
    let blair: Value = redeem(&emulator, &query_of(&blair)["code"])
        .await
        .json()
        .await
        .unwrap();
    let blairs = identity(&emulator, &blair["id_token"]).await;
    assert_ne!(blairs, id);

    // AWS's own examples write the operation's long name.
    let target =
        "com.amazonaws.cognito.identity.model.AWSCognitoIdentityService.GetCredentialsForIdentity";
    let input = json!({ "IdentityId": id, "Logins": logins(&emulator, &tokens["id_token"]) });
    let answer = aws_json_answer(&emulator, target, &input).await;
    assert_eq!(
        answer.headers()["content-type"],
        "application/x-amz-json-1.1"
    );
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["IdentityId"], id);
    let credentials = &body["Credentials"];
    let key = credentials["AccessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA") && key.len() == 20);
    assert_eq!(credentials["SecretKey"].as_str().unwrap().len(), 40);
    assert_eq!(credentials["SessionToken"].as_str().unwrap().len(), 1024);
    assert!(credentials["Expiration"].is_f64(), "{text}");

    let mixed = json!({ "IdentityId": blairs, "Logins": logins(&emulator, &tokens["id_token"]) });
    assert_eq!(
        call(&emulator, "GetCredentialsForIdentity", mixed).await,
        not_authorized(
            "Logins don't match. Please include at least one valid login for this identity or identity pool."
        )
    );
    assert_eq!(
        call(
            &emulator,
            "GetCredentialsForIdentity",
            json!({ "IdentityId": id })
        )
        .await,
        not_authorized(&format!("Access to Identity '{id}' is forbidden."))
    );
}

#[tokio::test]
async fn every_refusal_of_a_login() {
    let emulator = start_with(Config::demo()).await;
    let elsewhere = start().await;
    let tokens = tokens(&emulator).await;
    let id_token = &tokens["id_token"];
    let foreign = common::tokens(&elsewhere).await;
    let text = id_token.as_str().unwrap();
    // The last character of a signature has unused bits: change one in the middle.
    let middle = text.len() - 100;
    let mut forged = text.to_owned();
    let replacement = if &text[middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    forged.replace_range(middle..=middle, replacement);

    let get_id = async |logins: Value| {
        call(
            &emulator,
            "GetId",
            json!({ "IdentityPoolId": POOL, "Logins": logins }),
        )
        .await
    };
    let provider = emulator.provider_name();
    let cases = [
        (
            json!({ &provider: tokens["access_token"] }),
            "Invalid login token. Missing a required claim: aud",
        ),
        (
            json!({ provider.replace('_', ":"): id_token }),
            "Invalid login token. Issuer doesn't match providerName",
        ),
        (
            json!({ format!("http://{provider}"): id_token }),
            "Invalid login token. Issuer doesn't match providerName",
        ),
        (
            json!({ elsewhere.provider_name(): foreign["id_token"] }),
            "Token is not from a supported provider of this identity pool.",
        ),
        (
            json!({ &provider: forged }),
            "Invalid login token. Couldn't verify signed token.",
        ),
        (
            json!({ &provider: "nonsense" }),
            "Invalid login token. Not a valid OpenId Connect identity token.",
        ),
        (
            json!({ &provider: tokens["refresh_token"] }),
            "Invalid login token. Not a valid OpenId Connect identity token.",
        ),
        (
            json!({}),
            "Unauthenticated access is not supported for this identity pool.",
        ),
    ];
    for (logins, message) in cases {
        assert_eq!(get_id(logins).await, not_authorized(message));
    }
    let empty = get_id(json!({ &provider: "" })).await;
    assert_eq!(
        (empty.0, &empty.1["__type"]),
        (400, &json!("ValidationException"))
    );

    let expires = claims(id_token)["exp"].as_u64().unwrap();
    emulator.advance(Duration::from_secs(3600));
    let (status, body) = get_id(logins(&emulator, id_token)).await;
    let message = body["message"].as_str().unwrap();
    let times = message
        .strip_prefix("Invalid login token. Token expired: ")
        .unwrap();
    let (now, until) = times.split_once(" >= ").unwrap();
    assert_eq!((status, until), (400, expires.to_string().as_str()));
    assert!(now.parse::<u64>().unwrap() >= expires);

    let fresh = common::tokens(&emulator).await;
    emulator.rotate_keys();
    assert_eq!(
        get_id(logins(&emulator, &fresh["id_token"])).await,
        not_authorized("Invalid login token. Couldn't verify signed token.")
    );
}

#[tokio::test]
async fn a_client_id_that_is_not_configured_is_not_supported() {
    let mut config = Config::demo();
    config.identity_pool.client_ids = ["another".to_owned()].into();
    let emulator = start_with(config).await;
    let tokens = tokens(&emulator).await;
    let input = json!({ "IdentityPoolId": POOL, "Logins": logins(&emulator, &tokens["id_token"]) });
    assert_eq!(
        call(&emulator, "GetId", input).await,
        not_authorized("Token is not from a supported provider of this identity pool.")
    );
}

#[tokio::test]
async fn unknown_and_malformed_ids() {
    let emulator = start().await;
    let absent = "us-east-1:00000000-0000-4000-8000-000000000000";
    assert_eq!(
        call(&emulator, "GetId", json!({ "IdentityPoolId": absent })).await,
        refused(
            "ResourceNotFoundException",
            format!("IdentityPool '{absent}' not found.")
        )
    );
    assert_eq!(
        call(
            &emulator,
            "GetCredentialsForIdentity",
            json!({ "IdentityId": absent })
        )
        .await,
        refused(
            "ResourceNotFoundException",
            format!("Identity '{absent}' not found.")
        )
    );
    assert_eq!(
        call(&emulator, "GetId", json!({ "IdentityPoolId": "nonsense" })).await,
        refused(
            "ValidationException",
            "1 validation error detected: Value 'nonsense' at 'identityPoolId' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w-]+:[0-9a-f-]+"
        )
    );
    let (status, body) = call(&emulator, "GetId", json!({})).await;
    assert_eq!(
        (status, &body["__type"]),
        (400, &json!("ValidationException"))
    );
    assert_eq!(
        call(&emulator, "GetOpenIdToken", json!({})).await.1["__type"],
        "InvalidParameterException"
    );
    assert_eq!(
        call(&emulator, "Nothing", json!({})).await.1["__type"],
        "UnknownOperationException"
    );

    let target = "AWSCognitoIdentityService.GetId";
    let answer = aws_json_answer(&emulator, target, &json!({ "IdentityPoolId": absent })).await;
    assert_eq!(
        answer.headers()["x-amzn-errortype"],
        "ResourceNotFoundException:"
    );
    assert_eq!(
        answer.headers()["x-amzn-errormessage"],
        format!("IdentityPool '{absent}' not found.")
    );
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn guests_get_a_new_identity_each_time_and_may_sign_in_later() {
    let mut config = Config::demo();
    config.identity_pool.allow_unauthenticated = true;
    config.identity_pool.unauthenticated_role = None;
    let emulator = start_with(config).await;
    let guest = async || {
        let (_, answer) = call(&emulator, "GetId", json!({ "IdentityPoolId": POOL })).await;
        answer["IdentityId"].as_str().unwrap().to_owned()
    };
    let id = guest().await;
    assert_ne!(guest().await, id);
    assert_eq!(
        call(
            &emulator,
            "GetCredentialsForIdentity",
            json!({ "IdentityId": id })
        )
        .await,
        refused(
            "InvalidIdentityPoolConfigurationException",
            "Invalid identity pool configuration. Check assigned IAM roles for this pool."
        )
    );
    let tokens = tokens(&emulator).await;
    let input = json!({ "IdentityId": id, "Logins": logins(&emulator, &tokens["id_token"]) });
    assert_eq!(
        call(&emulator, "GetCredentialsForIdentity", input).await.0,
        200
    );
    assert_eq!(
        identity(&emulator, &tokens["id_token"]).await,
        id,
        "the guest's identity is hers now"
    );
}

#[tokio::test]
async fn only_the_server_side_check_sees_a_global_sign_out() {
    for (check, expected) in [(false, 200), (true, 400)] {
        let mut config = Config::demo();
        config.identity_pool.server_side_token_check = check;
        let emulator = start_with(config).await;
        let tokens = tokens(&emulator).await;
        identity(&emulator, &tokens["id_token"]).await;
        emulator.sign_out_everywhere("alex");
        let input =
            json!({ "IdentityPoolId": POOL, "Logins": logins(&emulator, &tokens["id_token"]) });
        let (status, body) = call(&emulator, "GetId", input).await;
        assert_eq!(status, expected);
        if check {
            assert_eq!(body["message"], "Token is inactive");
        }
    }
}
