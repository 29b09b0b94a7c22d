//! A sign-in, a renewal and a sign-out in each other's way, and answers no honest user pool gives.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_client::{Error, SessionState, SignInReason};
use cognito_emulator::{Endpoint, Fault};
use common::World;
use serde_json::json;

#[tokio::test]
async fn tokens_at_hand_count_more_than_a_sign_in_that_was_left_behind() {
    let mut world = World::new().await;
    world.session.begin().await.unwrap();
    let session_key = world.session.profile().session_key();
    let pending_key = format!("{session_key}, signing in");
    let left_behind = world.store.load(&pending_key).unwrap().unwrap();
    world.session.cancel().await;
    let user = world.sign_in().await;
    // The app died after it had kept the tokens, and before it had forgotten the request.
    world.store.save(&pending_key, &left_behind).unwrap();
    world.restart();
    world.session.restore().await;
    assert_eq!(world.state(), SessionState::SignedIn(user));
}

#[tokio::test]
async fn a_session_that_ends_leaves_the_sign_in_that_is_waiting() {
    let world = World::new().await;
    world.sign_in().await;
    world.session.begin().await.unwrap();
    world.emulator.sign_out_everywhere("alex");
    let token = world.session.access_token().await.unwrap();
    world.session.invalidate(&token);
    let error = world.session.access_token().await.unwrap_err();
    assert!(matches!(
        error,
        Error::SignInRequired(SignInReason::SessionEnded)
    ));
    assert!(
        matches!(world.state(), SessionState::SigningIn { .. }),
        "{:?}",
        world.state()
    );
    // Given up, it leaves the session as it was: ended.
    world.session.cancel().await;
    assert_eq!(world.state(), SessionState::Expired);
    world.sign_in().await;
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
}

#[tokio::test]
async fn keys_that_could_not_be_fetched_a_moment_ago_are_fetched_again() {
    let world = World::new().await;
    world.emulator.fail_next(Endpoint::Jwks, Fault::Status(503));
    let url = world.session.begin().await.unwrap();
    while world.asked("/us-east-1_KeyfobDemo/.well-known/jwks.json") == 0 {
        tokio::task::yield_now().await;
    }
    // A browser that is signed in already answers within a second.
    let callback = world.browse(&url).await;
    world.session.complete(&callback).await.unwrap();
}

#[tokio::test]
async fn a_lifetime_beyond_all_clocks_is_survived() {
    let world = World::new().await;
    let user = world.sign_in().await;
    let token = world.session.access_token().await.unwrap();
    let body = json!({
        "access_token": token.expose(),
        "id_token": world.session.id_token().await.unwrap().expose(),
        "token_type": "Bearer",
        "expires_in": u64::MAX,
    });
    world.session.invalidate(&token);
    world
        .emulator
        .fail_next(Endpoint::Token, Fault::Error { status: 200, body });
    world.session.access_token().await.unwrap();
    let SessionState::SignedIn(renewed) = world.state() else {
        panic!("{:?}", world.state())
    };
    // The ID token's own expiry is what counts then.
    assert_eq!(renewed.token_expires_at, user.token_expires_at);
}
