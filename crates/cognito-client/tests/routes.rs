//! Three routes for one pending request: what is asked for, pasted, or answered by another program.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cognito_client::{
    CallbackError, Error, OAuthErrorCode, Prompt, ProtocolError, Route, Session, SessionState,
    SignInRequest, SignOutScope, User,
};
use cognito_emulator::{Config, Endpoint, Fault};
use common::browser::*;
use common::port::free_port;
use common::{World, session};
use serde_json::{Value, json};
use url::Url;

fn by(route: Route) -> SignInRequest {
    SignInRequest {
        route: Some(route),
        ..SignInRequest::default()
    }
}

fn route_of(world: &World) -> Route {
    match world.state() {
        SessionState::SigningIn { route, .. } => route,
        other => panic!("{other:?}"),
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Another program with the same profile and store.
fn another(world: &World) -> Session {
    session(
        world.session.profile().clone(),
        world.store.clone(),
        world.clock.clone(),
        Duration::from_secs(30),
    )
}

fn is_signed_in(state: &SessionState, user: &User) -> bool {
    matches!(state, SessionState::SignedIn(found) if found.username == user.username)
}

#[tokio::test]
async fn what_a_profile_cannot_do_is_refused_and_leaves_what_waits() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    for (request, words) in [
        (by(Route::Loopback), "http://127.0.0.1"),
        (
            SignInRequest {
                lang: Some("tlh".into()),
                ..by(Route::App)
            },
            "`tlh` is none of",
        ),
        (
            SignInRequest {
                resource: Some("api".into()),
                ..by(Route::App)
            },
            "one whole URL",
        ),
        (
            SignInRequest {
                login_hint: Some("a\r\nb".into()),
                ..by(Route::App)
            },
            "login_hint",
        ),
    ] {
        let error = world.session.begin_with(request).await.unwrap_err();
        assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(world.session.begin().await.unwrap(), url);
    }
    world
        .session
        .complete(&world.browse(&url).await)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_click_goes_before_the_profile_and_both_reach_the_user_pool() {
    let world = World::with(Config::demo(), |profile| {
        format!(
            "{profile}[sign_in]\nlang = \"de\"\nlogin_hint = \"alex\"\nidentity_provider = \"COGNITO\"\nresource = \"https://api.example.com\"\n"
        )
    })
    .await;
    let request = SignInRequest {
        prompt: Some(Prompt::Login),
        lang: Some("pt-BR".into()),
        ..SignInRequest::default()
    };
    let url = world.session.begin_with(request).await.unwrap();
    for (name, value) in [
        ("prompt", "login"),
        ("lang", "pt-BR"),
        ("login_hint", "alex"),
        ("identity_provider", "COGNITO"),
        ("resource", "https://api.example.com"),
    ] {
        assert_eq!(parameter(&url, name).as_deref(), Some(value));
    }
    world
        .session
        .complete(&world.browse(&url).await)
        .await
        .unwrap();
    let token = world.session.access_token().await.unwrap();
    assert_eq!(claims(token.expose())["aud"], "https://api.example.com");
}

#[tokio::test]
async fn nobody_is_asked_with_prompt_none() {
    let world = World::new().await;
    let silent = SignInRequest {
        prompt: Some(Prompt::None),
        ..SignInRequest::default()
    };
    let url = world.session.begin_with(silent).await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Rejected {
            code: OAuthErrorCode::LoginRequired,
            ..
        }
    ));
    assert!(error.remedy().contains("prompt"), "{}", error.remedy());
    assert_eq!(world.state(), SessionState::SignedOut);
}

#[tokio::test]
async fn another_click_keeps_the_request_and_another_wish_replaces_it() {
    let port = free_port();
    let world = world_with(&[APP.to_owned(), loopback(port)]).await;
    let first = world.session.begin().await.unwrap();
    assert_eq!(
        world.session.begin_with(by(Route::App)).await.unwrap(),
        first
    );
    assert_eq!(route_of(&world), Route::App);

    let second = world.session.begin_with(by(Route::Loopback)).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(route_of(&world), Route::Loopback);
    assert!(is_open(port).await);
    // No wish is no wish for another route.
    assert_eq!(world.session.begin().await.unwrap(), second);

    let as_another_user = SignInRequest {
        prompt: Some(Prompt::Login),
        ..by(Route::Loopback)
    };
    let third = world
        .session
        .begin_with(as_another_user.clone())
        .await
        .unwrap();
    assert_ne!(third, second);
    assert_eq!(
        world.session.begin_with(as_another_user).await.unwrap(),
        third
    );

    // What was replaced is not answered any more, by whatever way.
    for replaced in [&first, &second] {
        let callback = world.browse(replaced).await;
        let error = world.session.complete(&callback).await.unwrap_err();
        assert!(matches!(
            error,
            Error::Callback(CallbackError::WrongState | CallbackError::WrongRedirect)
        ));
    }
    assert_eq!(status_of(&follow(&world.browse(&second).await).await), 403);
    assert_eq!(status_of(&follow(&world.browse(&third).await).await), 200);
    world
        .until(|state| matches!(state, SessionState::SignedIn(_)))
        .await;
}

#[tokio::test]
async fn an_access_token_that_is_not_the_id_tokens_is_refused() {
    let world = World::new().await;
    let url = world.session.begin().await.unwrap();
    let nonce = parameter(&url, "nonce").unwrap();
    let scope = "openid email profile";
    let mut reply = world.emulator.tokens(scope, &nonce).await.unwrap();
    let other = world.emulator.tokens(scope, &nonce).await.unwrap();
    reply["access_token"] = other["access_token"].clone();
    let fault = Fault::Error {
        status: 200,
        body: json!(reply),
    };
    world.emulator.fail_next(Endpoint::Token, fault);
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        matches!(&error, Error::Protocol(ProtocolError::IdToken(reason)) if reason.code() == "wrong_at_hash"),
        "{error:?}"
    );
    assert!(!world.is_kept());
    assert_eq!(world.asked("/oauth2/revoke"), 1);
}

#[tokio::test]
async fn what_another_program_has_begun_is_answered_here() {
    let port = free_port();
    let world = world_with(&[APP.to_owned(), loopback(port)]).await;
    let (here, there) = (&world.session, another(&world));
    here.restore().await;
    there.restore().await;
    let strange = format!("{APP}?code=c&state=s").parse::<Url>().unwrap();

    let url = there.begin_with(by(Route::Paste)).await.unwrap();
    let error = here.complete(&strange).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Callback(CallbackError::NothingPending)
    ));
    let callback = world.browse(&url).await;
    let user = here.complete(&callback).await.unwrap();
    assert!(is_signed_in(&world.state(), &user));
    let error = here.complete(&callback).await.unwrap_err();
    assert!(matches!(error, Error::Callback(CallbackError::AlreadyUsed)));
    // There the store is looked at again.
    there.retry().await;
    assert!(is_signed_in(&there.status().state, &user));
    assert!(matches!(
        there.complete(&callback).await.unwrap_err(),
        Error::Callback(CallbackError::NothingPending)
    ));
    here.sign_out(SignOutScope::Browser).await.unwrap();
    there.retry().await;

    // Also when something waits here, which then is over; and with the code alone.
    here.begin_with(by(Route::Loopback)).await.unwrap();
    let url = there.begin().await.unwrap();
    assert!(here.complete(&strange).await.is_err());
    assert!(is_open(port).await);
    let user = here.complete(&world.browse(&url).await).await.unwrap();
    assert!(is_signed_in(&world.state(), &user));
    assert!(!is_open(port).await);
    assert_eq!(world.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn anothers_refusal_leaves_what_waits_here() {
    let world = World::new().await;
    let there = another(&world);
    let mine = world.session.begin().await.unwrap();
    let theirs = there.begin_with(SignInRequest {
        prompt: Some(Prompt::Login),
        ..SignInRequest::default()
    });
    let state = parameter(&theirs.await.unwrap(), "state").unwrap();
    let refusal = format!("{APP}?error=access_denied&state={state}");
    let error = world
        .session
        .complete(&refusal.parse().unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }));
    assert!(matches!(world.state(), SessionState::SigningIn { url, .. } if url == mine));
    world
        .session
        .complete(&world.browse(&mine).await)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_user_takes_the_place_of_the_first_for_good() {
    let config = Config::demo().with_user(cognito_emulator::User::new("blair", "Blair-pass-1"));
    let mut world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    let first = world.session.access_token().await.unwrap();
    let as_another_user = SignInRequest {
        prompt: Some(Prompt::Login),
        ..SignInRequest::default()
    };
    let url = world.session.begin_with(as_another_user).await.unwrap();
    // The request outlives the app, and is not taken for one the tokens have answered.
    world.restart();
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SigningIn { .. }));
    assert_eq!(world.session.access_token().await.unwrap(), first);

    let callback = world
        .emulator
        .sign_in_with(url.as_str(), "blair", "Blair-pass-1")
        .await
        .unwrap();
    world.emulator.fail_next(Endpoint::Revoke, Fault::Drop);
    let user = world.session.complete(&callback).await.unwrap();
    assert_eq!(user.username, "blair");
    // The session that was replaced is revoked, and that is not forgotten where it fails.
    let mut status = world.session.subscribe();
    status
        .wait_for(|status| status.revocation_owed)
        .await
        .unwrap();
    world.session.retry().await;
    status
        .wait_for(|status| !status.revocation_owed)
        .await
        .unwrap();
    assert_eq!(world.asked("/oauth2/revoke"), 2);
    let token = world.session.access_token().await.unwrap();
    assert_eq!(claims(token.expose())["username"], "blair");
    world.restart();
    world.session.restore().await;
    assert!(
        is_signed_in(&world.state(), &user),
        "the request is forgotten"
    );
}

#[tokio::test]
async fn damaged_tokens_do_not_hide_the_sign_in_that_mends_them() {
    let mut world = World::new().await;
    let key = world.session.profile().session_key();
    let url = world.session.begin().await.unwrap();
    world.store.save(&key, b"damaged").unwrap();
    world.restart();
    world.session.restore().await;
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SigningIn { .. }));
    world
        .session
        .complete(&world.browse(&url).await)
        .await
        .unwrap();
    assert!(world.problem().is_none());
    world.restart();
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
}
