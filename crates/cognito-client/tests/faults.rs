//! Bad answers, bad settings, bad clocks: each with a message that says what to do, and
//! nothing lost.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use cognito_client::{CallbackError, Error, OAuthErrorCode, ProtocolError, SessionState};
use cognito_emulator::{Client, Config, Endpoint, Fault};
use common::World;
use url::Url;

fn link(text: &str) -> Url {
    text.parse().unwrap()
}

fn state_of(url: &Url) -> String {
    url.query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned()
}

#[tokio::test]
async fn strays_are_refused_and_the_sign_in_goes_on() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    let state = state_of(&url);
    for (stray, expected) in [
        (
            "dev.keyfob.desktop://auth/callback?code=planted&state=guessed".to_owned(),
            CallbackError::WrongState,
        ),
        (
            "dev.keyfob.desktop://auth/callback?code=planted".to_owned(),
            CallbackError::MissingState,
        ),
        (
            format!("dev.keyfob.desktop://elsewhere/callback?code=c&state={state}"),
            CallbackError::WrongRedirect,
        ),
        (
            format!("dev.keyfob.desktop://auth/callback?state={state}"),
            CallbackError::Malformed,
        ),
        (
            "dev.keyfob.desktop://auth/callback".to_owned(),
            CallbackError::MissingState,
        ),
    ] {
        let error = world.session.complete(&link(&stray)).await.unwrap_err();
        assert!(
            matches!(error, Error::Callback(found) if found == expected),
            "{stray}: {error:?}"
        );
        assert!(
            matches!(world.state(), SessionState::SigningIn { .. }),
            "{stray}"
        );
        assert!(
            matches!(world.problem(), Some(Error::Callback(_))),
            "{stray}"
        );
        assert!(!error.to_string().contains("planted") && !error.remedy().is_empty());
    }
    assert_eq!(world.asked("/oauth2/token"), 0);
    let callback = world.browse(&url).await;
    world.session.complete(&callback).await.unwrap();
    assert!(world.problem().is_none());
}

#[tokio::test]
async fn an_answer_nobody_waits_for_is_refused() {
    let world = World::new().await;
    world.session.restore().await;
    let callback = link("dev.keyfob.desktop://auth/callback?code=c&state=s");
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Callback(CallbackError::NothingPending)
    ));
    assert_eq!(world.state(), SessionState::SignedOut);
}

#[tokio::test]
async fn an_answer_sent_twice_is_used_once() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let (first, second) = tokio::join!(
        world.session.complete(&callback),
        world.session.complete(&callback)
    );
    let refused = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .collect::<Vec<_>>();
    assert!(
        matches!(refused[..], [Error::Callback(CallbackError::AlreadyUsed)]),
        "{refused:?}"
    );
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
    assert_eq!(world.asked("/oauth2/token"), 1);
}

#[tokio::test]
async fn a_refusal_ends_the_sign_in_and_is_told() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    let refusal = link(&format!(
        "dev.keyfob.desktop://auth/callback?error=access_denied&error_description=Not+today&state={}",
        state_of(&url)
    ));
    let error = world.session.complete(&refusal).await.unwrap_err();
    assert!(
        matches!(&error, Error::Rejected { code: OAuthErrorCode::AccessDenied, description: Some(text) } if text == "Not today")
    );
    assert_eq!(world.state(), SessionState::SignedOut);
    assert!(matches!(world.problem(), Some(Error::Rejected { .. })));
}

#[tokio::test]
async fn a_wrong_password_leaves_the_app_waiting() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    let told = world
        .emulator
        .sign_in_with(url.as_str(), "alex", "wrong")
        .await
        .unwrap_err();
    assert_eq!(
        told.to_string(),
        "the hosted UI says: Incorrect username or password."
    );
    assert!(matches!(world.state(), SessionState::SigningIn { .. }));
    assert!(world.problem().is_none());
}

#[tokio::test]
async fn after_five_minutes_the_callback_url_and_the_client_to_check_are_told() {
    // Cognito says the same of both, on its own page; the app hears nothing.
    for (from, to) in [
        ("auth/callback", "auth/unregistered"),
        ("6keyfobdemodesktop00client", "7notofthispool"),
    ] {
        let world = World::with(Config::demo(), |profile| profile.replace(from, to)).await;
        let url = world.session.begin().await.unwrap();
        let told = world
            .emulator
            .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap_err();
        assert!(told.to_string().contains("redirect_mismatch"), "{told}");
        assert!(matches!(world.state(), SessionState::SigningIn { .. }));
        world.advance(Duration::from_secs(5 * 60));
        world.until(|state| *state == SessionState::SignedOut).await;
        let remedy = world.problem().unwrap().remedy();
        for part in [
            "redirect_mismatch",
            world.session.profile().redirect().as_str(),
            &world.session.profile().client_id,
        ] {
            assert!(remedy.contains(part), "{remedy}");
        }
        // The next click begins anew.
        assert_ne!(world.session.begin().await.unwrap(), url);
    }
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_told_and_the_next_try_works() {
    let world = World::new().await;
    let error = |status, code: &str| Fault::Error {
        status,
        body: serde_json::json!({ "error": code }),
    };
    for (fault, words, remedy) in [
        (
            Fault::Status(500),
            "answered with status 500",
            "Wait a minute",
        ),
        (Fault::Status(429), "has too many requests", "Wait a minute"),
        (
            Fault::Status(302),
            "answered with status 302",
            "Wait a minute",
        ),
        (
            Fault::Html,
            "a network log-in page",
            "log in to the network",
        ),
        (
            Fault::Truncated,
            "could not be reached",
            "network connection",
        ),
        (Fault::Drop, "could not be reached", "network connection"),
        (
            error(400, "invalid_grant"),
            "invalid_grant",
            "Sign in again",
        ),
        (
            error(400, "invalid_client"),
            "as a public client",
            "no client secret",
        ),
        (
            error(401, "invalid_client"),
            "as a public client",
            "no client secret",
        ),
        (
            error(400, "unauthorized_client"),
            "authorization code grant",
            "Ask your administrator",
        ),
        (
            Fault::Error {
                status: 400,
                body: serde_json::json!({ "error": "unauthorized_client", "error_description": "invalid_redirect" }),
            },
            "refused the callback URL",
            "register exactly dev.keyfob.desktop://auth/callback",
        ),
    ] {
        let url = world.session.begin().await.unwrap();
        let callback = world.browse(&url).await;
        world.emulator.fail_next(Endpoint::Token, fault.clone());
        let error = world.session.complete(&callback).await.unwrap_err();
        assert!(error.to_string().contains(words), "{fault:?}: {error}");
        assert!(
            error.remedy().contains(remedy),
            "{fault:?}: {}",
            error.remedy()
        );
        assert_eq!(world.state(), SessionState::SignedOut, "{fault:?}");
        assert!(!world.is_kept());
    }
    world.sign_in().await;
}

#[tokio::test]
async fn a_token_endpoint_that_never_answers_is_told() {
    let mut world = World::new().await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    world.restart_with(Duration::from_millis(200));
    world.session.restore().await;
    world.emulator.fail_next(Endpoint::Token, Fault::Stall);
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
    assert!(error.remedy().contains("network connection"));
    assert_eq!(world.state(), SessionState::SignedOut);
}

#[tokio::test]
async fn a_client_with_a_secret_is_told() {
    let mut config = Config::demo();
    config.clients[0].secret = Some("a-secret-no-desktop-app-can-keep".into());
    let world = World::with(config, |profile| profile).await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(
        error.remedy().contains("no client secret"),
        "{}",
        error.remedy()
    );
}

#[tokio::test]
async fn a_scope_the_client_may_not_ask_for_is_told() {
    let world = World::with(Config::demo(), |profile| {
        profile.replace("\"email\"", "\"email\", \"phone\"")
    })
    .await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Rejected {
                code: OAuthErrorCode::InvalidScope,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.remedy().contains("`scopes`"));
}

#[tokio::test]
async fn another_pools_issuer_is_told() {
    let other = World::new().await;
    let world = World::with(Config::demo(), |profile| {
        let own = profile
            .lines()
            .find(|line| line.starts_with("issuer"))
            .unwrap()
            .to_owned();
        profile.replace(&own, &format!("issuer = \"{}\"", other.emulator.issuer()))
    })
    .await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        error.remedy().contains("`issuer`"),
        "{error}: {}",
        error.remedy()
    );
    assert!(!world.is_kept());
}

#[tokio::test]
async fn another_clients_token_is_refused() {
    // The user pool mixes two clients up: the answer to ours is a token of the other.
    let mut config = Config::demo();
    let other = Client {
        callback_urls: config.clients[0].callback_urls.clone(),
        ..Client::public("otherclient")
    };
    config = config.with_client(other);
    let world = World::with(config, |profile| profile).await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let tokens = tokens_of_client(&world, "otherclient").await;
    world.emulator.fail_next(
        Endpoint::Token,
        Fault::Error {
            status: 200,
            body: tokens,
        },
    );
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        error.remedy().contains("`client_id`"),
        "{error}: {}",
        error.remedy()
    );
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused_by_its_nonce() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    // Somebody swaps the nonce on the way to the browser: all else fits.
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut swapped = url.clone();
    swapped
        .query_pairs_mut()
        .clear()
        .extend_pairs(pairs.iter().map(|(name, value)| {
            (
                name,
                if name == "nonce" {
                    "swapped-on-the-way"
                } else {
                    value
                },
            )
        }));
    let callback = world.browse(&swapped).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        matches!(&error, Error::Protocol(ProtocolError::IdToken(_))),
        "{error:?}"
    );
    assert!(!error.to_string().contains("swapped-on-the-way"));
    assert!(!world.is_kept());
}

#[tokio::test]
async fn a_reply_without_an_id_token_is_refused_and_revoked() {
    let world = World::new().await;
    let reply =
        serde_json::json!({ "access_token": "a", "token_type": "Bearer", "refresh_token": "r" });
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    world.emulator.fail_next(
        Endpoint::Token,
        Fault::Error {
            status: 200,
            body: reply,
        },
    );
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(matches!(error, Error::Protocol(ProtocolError::NoIdToken)));
    assert_eq!(world.state(), SessionState::SignedOut);
    // What is not trusted must not stay alive at the user pool either.
    assert_eq!(world.asked("/oauth2/revoke"), 1);
}

#[tokio::test]
async fn a_clock_ten_minutes_off_is_measured_corrected_and_told() {
    // The computer's clock is ten minutes slow.
    let world = World::new().await;
    world.emulator.advance(Duration::from_secs(600));
    let user = world.sign_in().await;
    let skew = world.session.status().clock_skew.unwrap();
    assert!((598..=601).contains(&skew), "{skew}");
    // By the computer's clock the tokens have ten minutes longer; by the user pool's they do not.
    world.advance(Duration::from_secs(3600 - 30));
    world.session.access_token().await.unwrap();
    assert_eq!(world.asked("/oauth2/token"), 2);
    assert_eq!(
        world.session.status().clock_skew.map(|skew| skew / 10),
        Some(skew / 10)
    );
    drop(user);

    // Ten minutes fast.
    let world = World::new().await;
    world.clock.advance(Duration::from_secs(600));
    world.sign_in().await;
    let skew = world.session.status().clock_skew.unwrap();
    assert!((-602..=-599).contains(&skew), "{skew}");

    // Two hours fast: every token looks expired to this computer, and is not.
    let world = World::new().await;
    world.clock.advance(Duration::from_secs(7200));
    world.sign_in().await;
    let token = world.session.access_token().await.unwrap();
    assert_eq!(world.session.access_token().await.unwrap(), token);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_told() {
    let world = World::new().await;
    for _ in 0..4 {
        world.emulator.fail_next(Endpoint::Jwks, Fault::Status(503));
    }
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error:?}");
    assert!(error.to_string().contains("signing keys"), "{error}");
}

/// A token reply of another client of the same pool, got the honest way.
async fn tokens_of_client(world: &World, client: &str) -> serde_json::Value {
    let file = common::profile_file(&world.emulator).replace("6keyfobdemodesktop00client", client);
    let store: Arc<dyn cognito_client::TokenStore> = Arc::new(cognito_client::MemoryStore::new());
    let session = common::session(
        file.parse().unwrap(),
        store,
        world.clock.clone(),
        Duration::from_secs(30),
    );
    let url = session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    session.complete(&callback).await.unwrap();
    serde_json::json!({
        "access_token": session.access_token().await.unwrap().expose(),
        "id_token": session.id_token().await.unwrap().expose(),
        "refresh_token": "r",
        "token_type": "Bearer",
        "expires_in": 3600,
    })
}
