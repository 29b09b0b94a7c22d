//! `/oauth2/token`: the code exchange, refresh with and without rotation, client authentication.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cognito_emulator::{Client, Config, Emulator, Endpoint, Fault};
use common::*;
use serde_json::{Value, json};

const SECRET: &str = "a-secret-of-forty-characters-more-or-less";

async fn exchange(emulator: &Emulator, changes: Changes<'_>) -> (u16, Value) {
    let code = code(emulator, &[]).await;
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.extend(value.map(|value| (*name, value)));
    }
    status_and_json(post_form(emulator, "/oauth2/token", &form).await).await
}

#[tokio::test]
async fn every_refusal_of_the_code_exchange() {
    let emulator = start_with(Config::demo().with_client(client("other"))).await;
    let cases: &[(&str, Changes<'_>)] = &[
        ("invalid_request", &[("grant_type", None)]),
        (
            "unsupported_grant_type",
            &[("grant_type", Some("password"))],
        ),
        ("invalid_client", &[("client_id", None)]),
        ("invalid_client", &[("client_id", Some("unknown"))]),
        (
            "invalid_client",
            &[("client_secret", Some("a public client has none"))],
        ),
        ("invalid_grant", &[("client_id", Some("other"))]),
        ("invalid_request", &[("code", None)]),
        (
            "invalid_grant",
            &[("code", Some("7378f445-c87f-400c-855e-0297d072ff03"))],
        ),
        ("invalid_request", &[("redirect_uri", None)]),
        ("invalid_grant", &[("code_verifier", None)]),
        ("invalid_grant", &[("code_verifier", Some("wrong"))]),
    ];
    for (error, changes) in cases {
        assert_eq!(
            exchange(&emulator, changes).await,
            (400, json!({ "error": error })),
            "{changes:?}"
        );
    }
    assert_eq!(
        exchange(&emulator, &[("redirect_uri", Some(LOGOUT))]).await,
        (
            400,
            json!({ "error": "unauthorized_client", "error_description": "invalid_redirect" })
        )
    );
    let (status, body) = exchange(&emulator, &[]).await;
    assert_eq!((status, body["token_type"].as_str()), (200, Some("Bearer")));
}

#[tokio::test]
async fn a_code_works_once_and_for_five_minutes() {
    let emulator = start().await;
    let first = code(&emulator, &[]).await;
    assert_eq!(redeem(&emulator, &first).await.status(), 200);
    let again = status_and_json(redeem(&emulator, &first).await).await;
    assert_eq!(again, (400, json!({ "error": "invalid_grant" })));

    let late = code(&emulator, &[]).await;
    emulator.advance(Duration::from_secs(299));
    let in_time = code(&emulator, &[]).await;
    emulator.advance(Duration::from_secs(1));
    assert_eq!(redeem(&emulator, &late).await.status(), 400);
    assert_eq!(redeem(&emulator, &in_time).await.status(), 200);
}

#[tokio::test]
async fn pkce_is_optional_and_a_failed_check_uses_the_code_up() {
    let emulator = start().await;
    let plain = [("code_challenge", None), ("code_challenge_method", None)];
    let code_without = code(&emulator, &plain).await;
    let form = |code: &str, verifier: Option<&str>| {
        let mut form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("client_id".to_owned(), CLIENT.to_owned()),
            ("code".to_owned(), code.to_owned()),
            ("redirect_uri".to_owned(), REDIRECT.to_owned()),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier".to_owned(), verifier.to_owned())));
        form
    };
    let url = format!("{}/oauth2/token", emulator.domain());
    let send = |form: Vec<(String, String)>| http().post(&url).form(&form).send();
    assert_eq!(send(form(&code_without, None)).await.unwrap().status(), 200);
    let guarded = code(&emulator, &[]).await;
    assert_eq!(
        send(form(&guarded, Some("wrong"))).await.unwrap().status(),
        400
    );
    assert_eq!(
        send(form(&guarded, Some(VERIFIER))).await.unwrap().status(),
        400
    );
}

#[tokio::test]
async fn without_openid_there_is_no_id_token_and_scopes_choose_the_attributes() {
    let emulator = start().await;
    let fetch = async |scope: Option<&'static str>| {
        let code = code(&emulator, &[("scope", scope), ("nonce", None)]).await;
        redeem(&emulator, &code)
            .await
            .json::<Value>()
            .await
            .unwrap()
    };
    let none = fetch(Some("aws.cognito.signin.user.admin")).await;
    assert!(none["id_token"].is_null());
    assert!(none["access_token"].is_string());
    let email = claims(&fetch(Some("openid email")).await["id_token"]);
    assert_eq!(
        (&email["email"], &email["name"]),
        (&json!("alex@example.com"), &Value::Null)
    );
    assert!(email["nonce"].is_null());
    let all = claims(&fetch(Some("openid")).await["id_token"]);
    assert_eq!(
        (&all["email"], &all["name"]),
        (&json!("alex@example.com"), &json!("Alex Morgan"))
    );
    let access = claims(&fetch(None).await["access_token"]);
    assert_eq!(
        access["scope"],
        "aws.cognito.signin.user.admin email openid profile"
    );
}

#[tokio::test]
async fn only_forms_are_read_and_only_posts() {
    let emulator = start().await;
    let url = format!("{}/oauth2/token", emulator.domain());
    let json_body = json!({ "grant_type": "authorization_code", "client_id": CLIENT });
    let answer = http().post(&url).json(&json_body).send().await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "application/json;charset=UTF-8"
    );
    assert_eq!(
        status_and_json(answer).await,
        (400, json!({ "error": "invalid_request" }))
    );
    let answer = get(&url).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.text().await.unwrap(), "");
}

#[tokio::test]
async fn the_documented_headers_are_there_and_cors_on_three_endpoints_only() {
    let emulator = start().await;
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo"] {
        let url = format!("{}{path}", emulator.domain());
        let answer = if path.ends_with("userInfo") {
            get(&url).await
        } else {
            post_form(&emulator, path, &[]).await
        };
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("x-xss-protection", "1; mode=block"),
            (
                "cache-control",
                "no-cache, no-store, max-age=0, must-revalidate",
            ),
            ("pragma", "no-cache"),
            ("expires", "0"),
            ("server", "Server"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
        assert!(answer.headers().contains_key("x-amz-cognito-request-id"));
        let preflight = http()
            .request(reqwest::Method::OPTIONS, &url)
            .send()
            .await
            .unwrap();
        assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    }
    for url in [
        authorize_url(&emulator, &[]),
        format!("{}/.well-known/jwks.json", emulator.issuer()),
        format!("{}/.well-known/openid-configuration", emulator.issuer()),
    ] {
        assert!(
            !get(url)
                .await
                .headers()
                .contains_key("access-control-allow-origin")
        );
    }
}

#[tokio::test]
async fn a_client_with_a_secret_must_use_it_either_way() {
    let emulator = start_with(Config::demo().with_client(Client {
        secret: Some(SECRET.into()),
        ..client("confidential")
    }))
    .await;
    let url = format!("{}/oauth2/token", emulator.domain());
    let send = async |basic: Option<String>, in_body: &[(&str, &str)]| {
        let code = code(&emulator, &[("client_id", Some("confidential"))]).await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.extend(in_body);
        let mut request = http().post(&url).form(&form);
        if let Some(basic) = basic {
            request = request.header(
                "authorization",
                format!("Basic {}", BASE64_STANDARD.encode(basic)),
            );
        }
        let (status, body) = status_and_json(request.send().await.unwrap()).await;
        (status, body["error"].as_str().map(str::to_owned))
    };
    let id = ("client_id", "confidential");
    let good = (200, None);
    let refused = (400, Some("invalid_client".to_owned()));
    assert_eq!(
        send(Some(format!("confidential:{SECRET}")), &[]).await,
        good
    );
    assert_eq!(
        send(Some(format!("confidential:{SECRET}")), &[id]).await,
        good
    );
    assert_eq!(send(None, &[id, ("client_secret", SECRET)]).await, good);
    assert_eq!(send(None, &[id]).await, refused);
    assert_eq!(send(None, &[id, ("client_secret", "wrong")]).await, refused);
    assert_eq!(send(Some("confidential:wrong".into()), &[]).await, refused);
    assert_eq!(
        send(
            Some(format!("confidential:{SECRET}")),
            &[("client_id", CLIENT)]
        )
        .await,
        refused
    );
    assert_eq!(send(Some("no colon".into()), &[id]).await, refused);
}

#[tokio::test]
async fn a_refresh_without_rotation_keeps_the_token_and_the_auth_time() {
    let emulator = start().await;
    let first = tokens(&emulator).await;
    let token = first["refresh_token"].as_str().unwrap();
    emulator.advance(Duration::from_secs(7200));
    let (status, renewed) = refresh(&emulator, CLIENT, token).await;
    assert_eq!(status, 200);
    assert!(renewed["refresh_token"].is_null());
    let (before, after) = (claims(&first["id_token"]), claims(&renewed["id_token"]));
    for same in ["sub", "auth_time", "origin_jti", "aud", "cognito:username"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_ne!(before["jti"], after["jti"]);
    assert!(after["iat"].as_u64().unwrap() >= before["iat"].as_u64().unwrap() + 7200);
    assert!(after["nonce"].is_null() && after["at_hash"].is_string());

    let unknown = refresh(&emulator, CLIENT, "eyJ.unknown").await;
    assert_eq!(unknown, (400, json!({ "error": "invalid_grant" })));
    let missing = [("grant_type", "refresh_token"), ("client_id", CLIENT)];
    let missing = status_and_json(post_form(&emulator, "/oauth2/token", &missing).await).await;
    assert_eq!(missing, (400, json!({ "error": "invalid_request" })));

    emulator.advance(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(
        refresh(&emulator, CLIENT, token).await.0,
        400,
        "30 days are over"
    );
}

async fn rotating(grace: u64) -> Emulator {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::from_secs(grace));
    start_with(config).await
}

#[tokio::test]
async fn rotation_replaces_the_token_and_forgives_within_the_grace_period() {
    let emulator = rotating(60).await;
    let first = tokens(&emulator).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let (_, renewed) = refresh(&emulator, CLIENT, &first).await;
    let second = renewed["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    emulator.advance(Duration::from_secs(30));
    assert_eq!(
        refresh(&emulator, CLIENT, &first).await.0,
        200,
        "a retry in time"
    );
    emulator.advance(Duration::from_secs(31));
    let late = refresh(&emulator, CLIENT, &first).await;
    assert_eq!(late, (400, json!({ "error": "invalid_grant" })));
    assert_eq!(
        refresh(&emulator, CLIENT, &second).await.0,
        200,
        "the family lives on"
    );
}

#[tokio::test]
async fn without_grace_the_old_token_dies_at_once_and_rotation_buys_no_time() {
    let emulator = rotating(0).await;
    let first = tokens(&emulator).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    emulator.advance(Duration::from_secs(29 * 24 * 3600));
    let (_, renewed) = refresh(&emulator, CLIENT, &first).await;
    assert_eq!(refresh(&emulator, CLIENT, &first).await.0, 400);
    let second = renewed["refresh_token"].as_str().unwrap();
    emulator.advance(Duration::from_secs(24 * 3600));
    assert_eq!(
        refresh(&emulator, CLIENT, second).await.0,
        400,
        "the original 30 days count"
    );
}

#[tokio::test]
async fn refresh_belongs_to_a_client_that_may_and_a_user_who_may() {
    let mut config = with_blair(Config::demo()).with_client(client("other"));
    config.clients.push(Client {
        refresh_allowed: false,
        ..client("no-refresh")
    });
    let emulator = start_with(config).await;
    let token = tokens(&emulator).await["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = |error: &str| (400, json!({ "error": error }));
    assert_eq!(
        refresh(&emulator, "other", &token).await,
        refused("invalid_grant")
    );
    assert_eq!(
        refresh(&emulator, "no-refresh", &token).await,
        refused("unauthorized_client")
    );
    assert_eq!(refresh(&emulator, CLIENT, &token).await.0, 200);
    emulator.disable_user("blair");
    assert_eq!(
        refresh(&emulator, CLIENT, &token).await.0,
        200,
        "somebody else"
    );
    emulator.disable_user("alex");
    assert_eq!(
        refresh(&emulator, CLIENT, &token).await,
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn faults_come_once_and_in_order() {
    let emulator = start().await;
    let url = format!("{}/oauth2/token", emulator.domain());
    let ask = || http().post(&url).form(&[("grant_type", "x")]).send();
    emulator.fail_next(Endpoint::Token, Fault::Status(500));
    let body = json!({ "error": "invalid_client" });
    emulator.fail_next(
        Endpoint::Token,
        Fault::Error {
            status: 400,
            body: body.clone(),
        },
    );
    emulator.fail_next(Endpoint::Token, Fault::Html);
    emulator.fail_next(Endpoint::Token, Fault::Truncated);
    emulator.fail_next(Endpoint::Token, Fault::Drop);
    emulator.fail_next(Endpoint::Jwks, Fault::Status(503));

    assert_eq!(ask().await.unwrap().status(), 500);
    assert_eq!(status_and_json(ask().await.unwrap()).await, (400, body));
    let html = ask().await.unwrap();
    assert_eq!(html.status(), 200);
    assert!(
        html.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        ask().await.unwrap().bytes().await.is_err(),
        "the body ends in the middle"
    );
    assert!(ask().await.is_err(), "no answer at all");
    let (status, body) = status_and_json(ask().await.unwrap()).await;
    assert_eq!(
        (status, body),
        (400, json!({ "error": "invalid_client" })),
        "back to normal"
    );
    let jwks = format!("{}/.well-known/jwks.json", emulator.issuer());
    assert_eq!(get(&jwks).await.status(), 503);
    assert_eq!(get(&jwks).await.status(), 200);
    let seen = emulator.requests();
    assert_eq!(
        seen.iter()
            .filter(|request| request.path == "/oauth2/token")
            .count(),
        6
    );
    assert!(seen.iter().all(|request| !request.path.contains('?')));
}

#[tokio::test]
async fn a_stalled_request_goes_on_when_it_is_released() {
    let emulator = start().await;
    emulator.fail_next(Endpoint::Token, Fault::Stall);
    let url = format!("{}/oauth2/token", emulator.domain());
    let stalled = tokio::spawn(http().post(url).form(&[("grant_type", "x")]).send());
    while emulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!stalled.is_finished());
    emulator.release();
    assert_eq!(stalled.await.unwrap().unwrap().status(), 400);
}
