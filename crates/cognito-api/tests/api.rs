//! The router, served for real, with tokens of the emulator.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use cognito_api::router;
use cognito_emulator::{Endpoint, Fault};
use cognito_verifier::{Clock, SystemClock, Verifier};
use reqwest::{
    Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::Value;
use support::{Running, client_ids, emulator, http, pool, sign_in};

fn bearer(token: &str) -> Option<String> {
    Some(format!("Bearer {token}"))
}

async fn refused(answer: Response, status: u16, code: &str) -> String {
    assert_eq!(answer.status(), status);
    let challenge = answer.headers()[WWW_AUTHENTICATE]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"], code);
    assert!(!body["message"].as_str().unwrap().is_empty());
    challenge
}

#[tokio::test]
async fn a_signed_in_user_is_greeted_and_sees_their_claims() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    let api = Running::start(router(Verifier::access(pool(&emulator), client_ids()))).await;

    let answer = api.call("/api/hello", bearer(&tokens.access)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(
        answer.text().await.unwrap(),
        "Hi alex, your API call is authenticated!"
    );

    let claims: Value = api
        .call("/api/me", bearer(&tokens.access))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(claims["username"], "alex");
    assert_eq!(claims["token_use"], "access");
    assert_eq!(claims["iss"], emulator.issuer());
    assert_eq!(claims["cognito:groups"], serde_json::json!(["developers"]));
}

#[tokio::test]
async fn everyone_else_is_refused_with_a_reason() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    let api = Running::start(router(Verifier::access(pool(&emulator), client_ids()))).await;
    for path in ["/api/hello", "/api/me"] {
        let challenge = refused(api.call(path, None).await, 401, "missing_token").await;
        assert_eq!(challenge, "Bearer");

        let challenge = refused(
            api.call(path, bearer(&tokens.id)).await,
            401,
            "wrong_token_use",
        )
        .await;
        assert_eq!(
            challenge,
            "Bearer error=\"invalid_token\", error_description=\"this is not an access token\""
        );

        let challenge = refused(api.call(path, bearer("rubbish")).await, 401, "malformed").await;
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\""),
            "{challenge}"
        );

        let (signed, signature) = tokens.access.rsplit_once('.').unwrap();
        let swapped = format!("{signed}.{}", signature.chars().rev().collect::<String>());
        let answer = api.call(path, bearer(&swapped)).await;
        assert_eq!(answer.status(), 401);

        refused(
            api.call(path, Some("Basic YTpi".to_owned())).await,
            401,
            "missing_token",
        )
        .await;
    }
}

#[tokio::test]
async fn another_pool_another_client_and_a_missing_scope_are_refused() {
    let (ours, theirs) = (emulator().await, emulator().await);
    let tokens = sign_in(&theirs).await;
    let api = Running::start(router(Verifier::access(pool(&ours), client_ids()))).await;
    refused(
        api.call("/api/hello", bearer(&tokens.access)).await,
        401,
        "wrong_issuer",
    )
    .await;

    let tokens = sign_in(&ours).await;
    let clients = cognito_verifier::ClientIds::only(["another"]);
    let api = Running::start(router(Verifier::access(pool(&ours), clients))).await;
    refused(
        api.call("/api/hello", bearer(&tokens.access)).await,
        401,
        "wrong_client",
    )
    .await;

    let verifier = Verifier::access(pool(&ours), client_ids())
        .with_required_scope("https://api.example.com/read");
    let api = Running::start(router(verifier)).await;
    let challenge = refused(
        api.call("/api/hello", bearer(&tokens.access)).await,
        403,
        "missing_scope",
    )
    .await;
    assert!(
        challenge.ends_with("scope=\"https://api.example.com/read\""),
        "{challenge}"
    );
}

struct Later(Duration);

impl Clock for Later {
    fn now(&self) -> SystemTime {
        SystemClock.now() + self.0
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    let later = Arc::new(Later(Duration::from_secs(61 * 60)));
    let api = Running::start(router(
        Verifier::access(pool(&emulator), client_ids()).with_clock(later),
    ))
    .await;
    refused(
        api.call("/api/hello", bearer(&tokens.access)).await,
        401,
        "expired",
    )
    .await;
}

#[tokio::test]
async fn a_key_rotation_is_followed() {
    let emulator = emulator().await;
    let api = Running::start(router(Verifier::access(pool(&emulator), client_ids()))).await;
    let before = sign_in(&emulator).await;
    assert_eq!(
        api.call("/api/hello", bearer(&before.access))
            .await
            .status(),
        200
    );
    emulator.rotate_keys();
    let after = sign_in(&emulator).await;
    assert_eq!(
        api.call("/api/hello", bearer(&after.access)).await.status(),
        200
    );
    refused(
        api.call("/api/hello", bearer(&before.access)).await,
        401,
        "unknown_key",
    )
    .await;
}

#[tokio::test]
async fn a_pool_that_does_not_answer_is_503_and_not_a_refusal() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    emulator.fail_next(Endpoint::Jwks, Fault::Status(500));
    let api = Running::start(router(Verifier::access(pool(&emulator), client_ids()))).await;
    let answer = api.call("/api/hello", bearer(&tokens.access)).await;
    assert_eq!(answer.status(), 503);
    assert!(!answer.headers().contains_key(WWW_AUTHENTICATE));
    assert_eq!(
        answer.json::<Value>().await.unwrap()["error"],
        "jwks_unavailable"
    );
}

#[tokio::test]
async fn health_is_open_and_the_rest_is_not_there() {
    let emulator = emulator().await;
    let api = Running::start(router(Verifier::access(pool(&emulator), client_ids()))).await;
    let answer = api.call("/healthz", None).await;
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.text().await.unwrap().as_str()
        ),
        (200, "ok")
    );
    assert_eq!(api.call("/", None).await.status(), 404);
    assert_eq!(api.call("/api", None).await.status(), 404);
    let post = http()
        .post(format!("{}/healthz", api.url))
        .send()
        .await
        .unwrap();
    assert_eq!(post.status(), 405);
}
