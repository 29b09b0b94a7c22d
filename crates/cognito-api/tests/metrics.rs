//! What an administrator sees: readiness and metrics.
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use cognito_api::Api;
use cognito_emulator::{Endpoint, Fault};
use cognito_verifier::{JwksCache, UserPool, Verifier};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use support::{Running, client_ids, emulator, http, in_memory, pool, sign_in};
use tokio::time::timeout;

async fn metrics(api: &Running) -> String {
    let answer = http()
        .get(format!("{}/metrics", api.admin))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()[CONTENT_TYPE],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

fn has(text: &str, line: &str) {
    assert!(
        text.lines().any(|candidate| candidate == line),
        "no {line} in\n{text}"
    );
}

#[tokio::test]
async fn it_is_ready_once_the_keys_are_there() {
    let emulator = emulator().await;
    let tokens = sign_in(&emulator).await;
    // A router alone downloads nothing by itself.
    let api = Running::start(cognito_api::router(Verifier::access(
        pool(&emulator),
        client_ids(),
    )))
    .await;
    let answer = api.call("/readyz", None).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({ "ready": false, "reason": "keys", "without_keys": [emulator.issuer()] })
    );
    assert_eq!(api.call("/healthz", None).await.status(), 200);
    let authorization = format!("Bearer {}", tokens.access);
    assert_eq!(
        api.call("/api/hello", Some(authorization)).await.status(),
        200
    );
    let answer = api.call("/readyz", None).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "ready");
}

#[tokio::test]
async fn of_several_pools_those_without_keys_are_named() {
    let emulator = emulator().await;
    // A port that is closed again.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = format!("http://{closed}/us-east-1_Gone");
    let there = pool(&emulator);
    // The emulator makes its keys first, which takes a busy machine longer than a download may.
    let patient = JwksCache::new(&there).with_timeout(Duration::from_secs(60));
    let there = there.with_jwks(Arc::new(patient));
    let pools = [there, UserPool::new(&gone).unwrap()];
    let verifier = Verifier::access(pools, client_ids());
    assert!(verifier.preload().await.is_err());
    let api = Running::start(cognito_api::router(verifier)).await;
    let answer = api.call("/readyz", None).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.json::<Value>().await.unwrap()["without_keys"],
        json!([gone])
    );
}

#[tokio::test]
async fn a_server_goes_on_until_it_has_the_keys() {
    let emulator = emulator().await;
    emulator.fail_next(Endpoint::Jwks, Fault::Status(500));
    let api = Api::new(Verifier::access(pool(&emulator), client_ids()));
    let api = Running::api(&api).await;
    let ready = async {
        while api.call("/readyz", None).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), ready).await.unwrap();
}

#[tokio::test]
async fn requests_and_verifications_are_counted_by_outcome() {
    let (verifier, token) = in_memory();
    let api = Running::api(&Api::new(verifier)).await;
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    for _ in 0..3 {
        assert_eq!(api.call("/api/hello", bearer(&token)).await.status(), 200);
    }
    assert_eq!(api.call("/api/me", bearer("rubbish")).await.status(), 401);
    assert_eq!(api.call("/api/me", None).await.status(), 401);
    assert_eq!(api.call("/healthz", None).await.status(), 200);

    let text = metrics(&api).await;
    for line in [
        "cognito_api_requests_total{route=\"/api/hello\",method=\"GET\",status=\"200\"} 3",
        "cognito_api_requests_total{route=\"/api/me\",method=\"GET\",status=\"401\"} 2",
        "cognito_api_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"} 1",
        "cognito_api_request_duration_seconds_count{route=\"/api/hello\"} 3",
        "cognito_api_verifications_total{outcome=\"valid\"} 3",
        "cognito_api_verifications_total{outcome=\"malformed\"} 1",
        "cognito_api_verifications_total{outcome=\"missing_token\"} 1",
        "cognito_api_requests_in_flight 0",
        "cognito_api_requests_refused_total 0",
        "cognito_api_connections_refused_total 0",
    ] {
        has(&text, line);
    }
    // Not for everybody.
    assert_eq!(api.call("/metrics", None).await.status(), 404);
}

#[tokio::test]
async fn callers_cannot_make_new_labels() {
    let (verifier, _) = in_memory();
    let api = Running::api(&Api::new(verifier)).await;
    let call = async |method: &str, path: &str| {
        let method: Method = method.parse().unwrap();
        let url = format!("{}{path}", api.url);
        http()
            .request(method, url)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(call("GET", "/first").await, 404);
    assert_eq!(call("STRANGE", "/healthz").await, 405);
    let before = metrics(&api).await.lines().count();
    for nth in 0..50 {
        assert_eq!(
            call("GET", &format!("/hidden-{nth}?token=hidden")).await,
            404
        );
        assert_eq!(call(&format!("M{nth}"), "/healthz").await, 405);
    }
    let text = metrics(&api).await;
    assert_eq!(text.lines().count(), before);
    assert!(!text.contains("hidden") && !text.contains("M1"), "{text}");
    has(
        &text,
        "cognito_api_requests_total{route=\"(no route)\",method=\"GET\",status=\"404\"} 51",
    );
    has(
        &text,
        "cognito_api_requests_total{route=\"/healthz\",method=\"other\",status=\"405\"} 51",
    );
}
