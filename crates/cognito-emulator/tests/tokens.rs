//! What the pool issues, and where its keys are.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cognito_emulator::Config;
use common::*;
use serde_json::{Value, json};

#[tokio::test]
async fn a_sign_in_yields_the_documented_tokens() {
    let emulator = start().await;
    let tokens = tokens(&emulator).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);

    let id = claims(&tokens["id_token"]);
    assert_eq!(id["iss"], emulator.issuer());
    assert_eq!(id["aud"], CLIENT);
    assert_eq!(id["token_use"], "id");
    assert_eq!(id["nonce"], "nonce-1");
    assert_eq!(id["cognito:username"], "alex");
    assert_eq!(id["cognito:groups"], json!(["developers"]));
    assert_eq!(id["email"], "alex@example.com");
    assert_eq!(id["email_verified"], true);
    assert_eq!(id["name"], "Alex Morgan");
    assert_eq!(id["at_hash"].as_str().unwrap().len(), 22);
    assert!(id["event_id"].is_string());

    let access = claims(&tokens["access_token"]);
    assert_eq!(access["token_use"], "access");
    assert_eq!(access["client_id"], CLIENT);
    assert_eq!(access["username"], "alex");
    assert_eq!(access["version"], 2);
    assert_eq!(access["origin_jti"], id["origin_jti"]);
    assert_eq!(access["cognito:groups"], json!(["developers"]));
    assert_eq!(
        access["scope"],
        "openid email profile aws.cognito.signin.user.admin"
    );
    for absent in ["aud", "nonce", "at_hash", "email", "cognito:username"] {
        assert!(access[absent].is_null(), "{absent}");
    }

    let (id, access) = (
        part(&tokens["id_token"], 0),
        part(&tokens["access_token"], 0),
    );
    assert_eq!(id.as_object().unwrap().len(), 2, "kid and alg, no typ");
    assert_eq!(id["alg"], "RS256");
    assert_ne!(id["kid"], access["kid"]);

    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert!(refresh.starts_with("eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ."));
    assert_eq!(refresh.split('.').count(), 5);
    assert_eq!(refresh.len(), 1730);
}

#[tokio::test]
async fn the_jwks_holds_two_keys_in_cognitos_shape() {
    let emulator = start().await;
    let jwks: Value = get(format!("{}/.well-known/jwks.json", emulator.issuer()))
        .await
        .json()
        .await
        .unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let kid = key["kid"].as_str().unwrap();
        assert_eq!((kid.len(), &kid[43..]), (44, "="));
        assert_eq!(
            (&key["alg"], &key["kty"], &key["use"], &key["e"]),
            (
                &json!("RS256"),
                &json!("RSA"),
                &json!("sig"),
                &json!("AQAB")
            )
        );
    }
    emulator.rotate_keys();
    let rotated: Value = get(format!("{}/.well-known/jwks.json", emulator.issuer()))
        .await
        .json()
        .await
        .unwrap();
    let kids = |jwks: &Value| -> Vec<Value> {
        let keys = jwks["keys"].as_array().unwrap();
        keys.iter().map(|key| key["kid"].clone()).collect()
    };
    assert!(kids(&rotated).iter().all(|kid| !kids(&jwks).contains(kid)));
}

#[tokio::test]
async fn discovery_has_cognitos_members_and_no_others() {
    let emulator = start().await;
    let (issuer, domain) = (emulator.issuer(), emulator.domain());
    let answer = get(format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(
        status_and_json(answer).await,
        (
            200,
            json!({
                "authorization_endpoint": format!("{domain}/oauth2/authorize"),
                "end_session_endpoint": format!("{domain}/logout"),
                "id_token_signing_alg_values_supported": ["RS256"],
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                "response_types_supported": ["code", "token"],
                "revocation_endpoint": format!("{domain}/oauth2/revoke"),
                "scopes_supported": ["openid", "email", "phone", "profile"],
                "subject_types_supported": ["public"],
                "token_endpoint": format!("{domain}/oauth2/token"),
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "userinfo_endpoint": format!("{domain}/oauth2/userInfo"),
            })
        )
    );
    // The domain is not an issuer.
    assert_eq!(
        get(format!("{domain}/.well-known/openid-configuration"))
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn slashes_in_tokens_are_escaped_as_cognitos_are() {
    for escape in [true, false] {
        let mut config = Config::demo();
        config.escape_slashes = escape;
        let emulator = start_with(config).await;
        let tokens = tokens(&emulator).await;
        let payload = tokens["id_token"]
            .as_str()
            .unwrap()
            .split('.')
            .nth(1)
            .unwrap();
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(text.contains("http:\\/\\/127.0.0.1"), escape, "{text}");
    }
}

#[tokio::test]
async fn the_date_header_follows_the_emulators_clock() {
    let emulator = start().await;
    let date = async || {
        let answer = get(format!("{}/error", emulator.domain())).await;
        httpdate::parse_http_date(answer.headers()["date"].to_str().unwrap()).unwrap()
    };
    let before = date().await;
    emulator.advance(Duration::from_secs(86_400));
    let passed = date().await.duration_since(before).unwrap();
    assert!((86_400..86_460).contains(&passed.as_secs()), "{passed:?}");
}
