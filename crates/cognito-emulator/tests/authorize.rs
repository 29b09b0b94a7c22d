//! `/oauth2/authorize`: every row of the documented tables, and where a refusal goes.
#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::HashMap, time::Duration};

use cognito_emulator::{Client, Config, Emulator, OAuthFlow, SignInError};
use common::*;
use reqwest::header::{COOKIE, SET_COOKIE};
use url::Url;

/// Where the endpoint redirects, and its query.
async fn ask(emulator: &Emulator, changes: Changes<'_>) -> (String, HashMap<String, String>) {
    let answer = get(authorize_url(emulator, changes)).await;
    assert_eq!(answer.status(), 302);
    let base = Url::parse(&emulator.domain()).unwrap();
    let target = base.join(&location(&answer)).unwrap();
    let query = query_of(&target);
    let mut bare = target.clone();
    bare.set_query(None);
    (bare.to_string(), query)
}

#[tokio::test]
async fn a_good_request_goes_to_the_sign_in_page_with_the_same_query() {
    let emulator = start().await;
    let answer = get(authorize_url(&emulator, &[])).await;
    assert_eq!(answer.status(), 302);
    assert_eq!(
        location(&answer),
        format!("/login?{}", authorize_query(&[]))
    );
}

#[tokio::test]
async fn refusals_go_to_the_registered_redirect() {
    let mut config = Config::demo();
    config.clients.push(Client {
        allowed_flows: [OAuthFlow::Implicit].into(),
        ..client("implicit-only")
    });
    let emulator = start_with(config).await;
    let cases: &[(&str, Changes<'_>)] = &[
        ("invalid_request", &[("response_type", None)]),
        ("invalid_request", &[("response_type", Some("id_token"))]),
        ("unauthorized_client", &[("response_type", Some("token"))]),
        (
            "unauthorized_client",
            &[("client_id", Some("implicit-only"))],
        ),
        ("invalid_request", &[("code_challenge_method", None)]),
        (
            "invalid_request",
            &[("code_challenge_method", Some("plain"))],
        ),
        ("invalid_request", &[("code_challenge", None)]),
        ("invalid_request", &[("code_challenge", Some("too-short"))]),
        ("invalid_scope", &[("scope", Some("openid unknown"))]),
        ("invalid_scope", &[("scope", Some("openid phone"))]),
        ("invalid_scope", &[("scope", Some("email"))]),
        ("invalid_scope", &[("scope", Some("openid  email"))]),
        ("invalid_request", &[("identity_provider", Some("Google"))]),
        ("login_required", &[("prompt", Some("none"))]),
        ("invalid_request", &[("prompt", Some("none login"))]),
        ("invalid_request", &[("prompt", Some("password"))]),
        ("invalid_request", &[("resource", Some("api"))]),
        (
            "invalid_request",
            &[("resource", Some("http://api.example.com"))],
        ),
        (
            "invalid_request",
            &[("resource", Some("https://api.example.com/#part"))],
        ),
    ];
    for (error, changes) in cases {
        let (target, query) = ask(&emulator, changes).await;
        assert_eq!(target, REDIRECT, "{changes:?}");
        assert_eq!(query["error"], *error, "{changes:?}");
        assert_eq!(query["state"], "st-1", "{changes:?}");
        assert!(!query.contains_key("code"));
    }
    let (_, query) = ask(&emulator, &[("scope", Some("x")), ("state", None)]).await;
    assert!(!query.contains_key("state"), "no state was sent");

    let asked = [
        ("resource", Some("https://a.example")),
        ("login_hint", Some("alex")),
        ("lang", Some("de")),
    ];
    for again in ["scope=openid", "resource=b", "login_hint=b", "lang=en"] {
        let twice = format!("{}&{again}", authorize_url(&emulator, &asked));
        assert!(
            location(&get(twice).await).starts_with(&format!("{REDIRECT}?error=invalid_request"))
        );
    }
}

#[tokio::test]
async fn the_page_is_shown_as_it_was_asked_for() {
    let emulator = start().await;
    let open = async |changes: Changes<'_>| {
        let path = format!("/login?{}", authorize_query(changes));
        FormPage::open(&emulator, &path, Vec::new()).await
    };
    let asked = [
        ("login_hint", Some("blair@example.com\"<b>")),
        ("lang", Some("pt-BR")),
        ("identity_provider", Some("COGNITO")),
    ];
    let page = open(&asked).await;
    assert!(
        page.html
            .contains("value=\"blair@example.com&quot;&lt;b&gt;\""),
        "{}",
        page.html
    );
    assert!(page.cookies.contains(&"lang=pt-BR".to_owned()));
    let page = open(&[("lang", Some("tlh"))]).await;
    assert!(
        !page
            .cookies
            .iter()
            .any(|cookie| cookie.starts_with("lang="))
    );
}

#[tokio::test]
async fn a_resource_becomes_the_access_tokens_audience_and_survives_a_refresh() {
    let emulator = start().await;
    let without = tokens(&emulator).await;
    assert!(claims(&without["access_token"]).get("aud").is_none());
    for resource in [
        "https://api.example.com",
        "http://localhost:8080/api",
        "com.example.api://v1",
    ] {
        let code = code(&emulator, &[("resource", Some(resource))]).await;
        let granted: serde_json::Value = redeem(&emulator, &code).await.json().await.unwrap();
        assert_eq!(claims(&granted["access_token"])["aud"], resource);
        assert_eq!(claims(&granted["id_token"])["aud"], CLIENT);
        let token = granted["refresh_token"].as_str().unwrap();
        let (_, renewed) = refresh(&emulator, CLIENT, token).await;
        assert_eq!(claims(&renewed["access_token"])["aud"], resource);
    }
}

#[tokio::test]
async fn a_scope_error_can_look_as_it_was_seen_live() {
    let mut config = Config::demo();
    config.scope_errors_as_observed = true;
    let emulator = start_with(config).await;
    let answer = get(authorize_url(&emulator, &[("scope", Some("x"))])).await;
    assert_eq!(
        location(&answer),
        format!("{REDIRECT}?error_description=invalid_scope&error=invalid_request&state=st-1")
    );
}

#[tokio::test]
async fn what_cannot_be_trusted_ends_on_the_error_page() {
    let emulator = start().await;
    let slash = format!("{REDIRECT}/");
    for changes in [
        [("redirect_uri", Some("https://example.com/"))],
        [("redirect_uri", Some(slash.as_str()))],
        [("redirect_uri", Some("DEV.keyfob.desktop://auth/callback"))],
        [("client_id", Some("unknown"))],
        [("client_id", None)],
    ] {
        let answer = get(authorize_url(&emulator, &changes)).await;
        let target = location(&answer);
        assert!(
            target.starts_with("/error?error=redirect_mismatch"),
            "{target}"
        );
        if let [("client_id", None)] = changes {
            assert!(!target.contains("client_id"));
        }
        let page = get(format!("{}{target}", emulator.domain())).await;
        assert_eq!(page.status(), 400);
        let text = page.text().await.unwrap();
        assert!(text.contains("An error was encountered with the requested page."));
        assert!(text.contains("redirect_mismatch"));
    }
    // The port is part of the URL.
    let emulator = start_with(
        Config::demo()
            .with_client(Client {
                callback_urls: vec!["http://127.0.0.1:53682/callback".into(), REDIRECT.into()],
                ..client("loopback")
            })
            .with_client(client("one")),
    )
    .await;
    let port = |port: &'static str| {
        [
            ("client_id", Some("loopback")),
            ("redirect_uri", Some(port)),
        ]
    };
    let right = get(authorize_url(
        &emulator,
        &port("http://127.0.0.1:53682/callback"),
    ))
    .await;
    assert!(location(&right).starts_with("/login?"));
    let wrong = get(authorize_url(
        &emulator,
        &port("http://127.0.0.1:53683/callback"),
    ))
    .await;
    assert!(location(&wrong).starts_with("/error?"));
    // With two callback URLs, the parameter cannot be left out; with one it can.
    let none = [("client_id", Some("loopback")), ("redirect_uri", None)];
    assert!(location(&get(authorize_url(&emulator, &none)).await).starts_with("/error?"));
    let one = [("client_id", Some("one")), ("redirect_uri", None)];
    assert!(location(&get(authorize_url(&emulator, &one)).await).starts_with("/login?"));
}

#[tokio::test]
async fn only_get_is_answered() {
    let emulator = start().await;
    let answer = post_form(&emulator, "/oauth2/authorize", &[]).await;
    assert_eq!(answer.status(), 405);
}

#[tokio::test]
async fn signing_in_brings_code_and_state_back() {
    let emulator = start().await;
    let url = authorize_url(&emulator, &[]);
    let back = emulator.sign_in_with(&url, "ALEX", PASSWORD).await.unwrap();
    assert!(
        back.as_str()
            .starts_with("dev.keyfob.desktop://auth/callback?code=")
    );
    let query = query_of(&back);
    assert_eq!((query["code"].len(), query["state"].as_str()), (36, "st-1"));

    for (username, password) in [("alex", "wrong"), ("nobody", PASSWORD)] {
        let refused = emulator
            .sign_in_with(&url, username, password)
            .await
            .unwrap_err();
        let SignInError::Page(message) = refused else {
            panic!("{refused}");
        };
        assert_eq!(message, "Incorrect username or password.");
    }
    let bad = authorize_url(&emulator, &[("client_id", Some("unknown"))]);
    let refused = emulator
        .sign_in_with(&bad, "alex", PASSWORD)
        .await
        .unwrap_err();
    assert!(matches!(refused, SignInError::ErrorPage(code) if code == "redirect_mismatch"));
}

#[tokio::test]
async fn the_implicit_grant_answers_in_the_fragment() {
    let mut config = Config::demo();
    config.clients[0].allowed_flows.insert(OAuthFlow::Implicit);
    let emulator = start_with(config).await;
    let url = authorize_url(&emulator, &[("response_type", Some("token"))]);
    let back = emulator.sign_in_with(&url, "alex", PASSWORD).await.unwrap();
    assert_eq!(back.query(), None);
    let fragment: HashMap<_, _> = url::form_urlencoded::parse(back.fragment().unwrap().as_bytes())
        .into_owned()
        .collect();
    assert_eq!(fragment["token_type"], "bearer");
    assert_eq!(fragment["expires_in"], "3600");
    assert_eq!(fragment["state"], "st-1");
    assert!(fragment.contains_key("id_token") && fragment.contains_key("access_token"));
    assert!(!fragment.contains_key("refresh_token"));
}

/// Signs in and returns the `cognito` cookie.
async fn browser_session(emulator: &Emulator) -> String {
    let answer = sign_in_by_form(emulator, &authorize_query(&[]), "alex", PASSWORD).await;
    answer
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap().to_owned())
        .find(|cookie| cookie.starts_with("cognito="))
        .unwrap()
}

async fn ask_with(emulator: &Emulator, cookie: &str, changes: Changes<'_>) -> String {
    let answer = http()
        .get(authorize_url(emulator, changes))
        .header(COOKIE, cookie.split(';').next().unwrap())
        .send()
        .await
        .unwrap();
    location(&answer)
}

#[tokio::test]
async fn the_browser_session_lasts_one_hour_and_does_not_slide() {
    let emulator = start().await;
    let cookie = browser_session(&emulator).await;
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("Max-Age=3600"),
        "{cookie}"
    );
    let code = format!("{REDIRECT}?code=");

    assert!(ask_with(&emulator, &cookie, &[]).await.starts_with(&code));
    let silent = [("prompt", Some("none"))];
    assert!(
        ask_with(&emulator, &cookie, &silent)
            .await
            .starts_with(&code)
    );
    let again = [("prompt", Some("login"))];
    assert!(
        ask_with(&emulator, &cookie, &again)
            .await
            .starts_with("/login?")
    );

    emulator.advance(Duration::from_secs(3500));
    let back = ask_with(&emulator, &cookie, &[]).await;
    assert!(back.starts_with(&code), "used late in the hour");
    // auth_time is that of the interactive sign-in, not of the silent one.
    let query = query_of(&Url::parse(&back).unwrap());
    let tokens = redeem(&emulator, &query["code"])
        .await
        .json::<serde_json::Value>()
        .await
        .unwrap();
    let id = claims(&tokens["id_token"]);
    let late = id["iat"].as_u64().unwrap() - id["auth_time"].as_u64().unwrap();
    assert!((3500..3560).contains(&late), "{late}");

    emulator.advance(Duration::from_secs(101));
    assert!(
        ask_with(&emulator, &cookie, &[])
            .await
            .starts_with("/login?")
    );
    assert!(
        ask_with(&emulator, &cookie, &silent)
            .await
            .contains("error=login_required")
    );
}

#[tokio::test]
async fn a_disabled_user_loses_the_browser_session_but_a_global_sign_out_keeps_it() {
    let emulator = start().await;
    let cookie = browser_session(&emulator).await;
    emulator.sign_out_everywhere("alex");
    assert!(
        ask_with(&emulator, &cookie, &[])
            .await
            .starts_with(REDIRECT)
    );
    emulator.disable_user("alex");
    assert!(
        ask_with(&emulator, &cookie, &[])
            .await
            .starts_with("/login?")
    );
}
