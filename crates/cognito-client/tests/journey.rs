//! From signed out to signed in, through tomorrow, to signed out again: against a whole user pool.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cognito_client::{Error, SessionState, SignInReason, SignOutScope, TransientCause};
use cognito_emulator::{Config, Endpoint, Fault};
use common::World;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_person_signs_in() {
    let world = World::new().await;
    world.session.restore().await;
    assert_eq!(world.state(), SessionState::SignedOut);
    assert!(world.problem().is_none());

    let url = world.session.begin().await.unwrap();
    assert!(matches!(
        world.state(),
        SessionState::SigningIn {
            finishing: false,
            ..
        }
    ));
    let callback = world.browse(&url).await;
    let user = world.session.complete(&callback).await.unwrap();

    assert_eq!(user.username, "alex");
    assert_eq!(user.name.as_deref(), Some("Alex Morgan"));
    assert_eq!(user.email.as_deref(), Some("alex@example.com"));
    assert_eq!(user.groups, ["developers"]);
    // From the password to the exchange of the code a second may pass.
    assert!((3600..3660).contains(&(user.token_expires_at - user.signed_in_at)));
    assert_eq!(user.session_expires_at - user.signed_in_at, 30 * 86_400);
    assert_eq!(world.state(), SessionState::SignedIn(user));
    assert!(world.is_kept());
    assert!(
        world
            .session
            .access_token()
            .await
            .unwrap()
            .expose()
            .starts_with("ey")
    );
}

#[tokio::test]
async fn a_second_click_shows_the_same_sign_in() {
    let world = World::new().await;
    let first = world.session.begin().await.unwrap();
    assert_eq!(world.session.begin().await.unwrap(), first);
    world.session.cancel().await;
    assert_eq!(world.state(), SessionState::SignedOut);
    assert_ne!(world.session.begin().await.unwrap(), first);
}

#[tokio::test]
async fn the_answer_costs_one_request() {
    let mut world = World::new().await;
    // Once before, because the user pool takes its time to make its first keys.
    world.sign_in().await;
    world.restart();
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    // The keys are fetched while the person is in the browser.
    while world.asked("/us-east-1_KeyfobDemo/.well-known/jwks.json") < 2 {
        tokio::task::yield_now().await;
    }
    let before = world.emulator.requests().len();
    world.session.complete(&callback).await.unwrap();
    let after = &world.emulator.requests()[before..];
    assert_eq!(after.len(), 1, "{after:?}");
    assert_eq!(after[0].path, "/oauth2/token");
}

#[tokio::test]
async fn an_app_that_was_closed_takes_the_answer() {
    let mut world = World::new().await;
    let url = world.session.begin().await.unwrap();
    world.restart();
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SigningIn { .. }));
    let callback = world.browse(&url).await;
    let user = world.session.complete(&callback).await.unwrap();
    assert_eq!(user.username, "alex");
    world.restart();
    world.session.restore().await;
    assert_eq!(world.state(), SessionState::SignedIn(user));
}

#[tokio::test]
async fn tomorrow_the_person_is_still_signed_in() {
    let mut world = World::new().await;
    let user = world.sign_in().await;
    world.restart();
    world.advance(20 * HOUR);
    world.session.restore().await;
    let SessionState::SignedIn(now) = world.state() else {
        panic!("{:?}", world.state())
    };
    assert_eq!(now.sub, user.sub);
    assert_eq!(now.signed_in_at, user.signed_in_at);
    assert!(now.token_expires_at >= user.token_expires_at + 20 * 3600);
    assert_eq!(world.asked("/oauth2/authorize"), 1);
    assert_eq!(world.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire_and_once_for_all_callers() {
    let world = World::new().await;
    world.sign_in().await;
    let first = world.session.access_token().await.unwrap();
    world.advance(Duration::from_secs(3600 - 70));
    assert_eq!(world.session.access_token().await.unwrap(), first);
    world.advance(Duration::from_secs(20));
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let session = world.session.clone();
            tokio::spawn(async move { session.access_token().await.unwrap() })
        })
        .collect();
    for caller in callers {
        assert_ne!(caller.await.unwrap(), first);
    }
    assert_eq!(world.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn a_token_that_was_refused_is_renewed_and_another_is_not() {
    let world = World::new().await;
    world.sign_in().await;
    let first = world.session.access_token().await.unwrap();
    world.session.invalidate(&first);
    let second = world.session.access_token().await.unwrap();
    assert_ne!(first, second);
    world.session.invalidate(&first);
    assert_eq!(world.session.access_token().await.unwrap(), second);
}

#[tokio::test]
async fn rotation_without_grace_is_followed() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    config.clients[0].refresh_allowed = false;
    let mut world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    for _ in 0..3 {
        world.advance(HOUR);
        world.session.access_token().await.unwrap();
        world.restart();
    }
    assert_eq!(world.asked("/oauth2/token"), 4);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_lose_a_rotated_token() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    let mut world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    world.advance(HOUR);
    let session = world.session.clone();
    let caller = tokio::spawn(async move { session.access_token().await });
    while world.asked("/oauth2/token") < 2 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    // Whoever asks next waits for what the caller began.
    world.session.access_token().await.unwrap();
    assert_eq!(world.asked("/oauth2/token"), 2);
    world.restart();
    world.advance(HOUR);
    world.session.access_token().await.unwrap();
}

#[tokio::test]
async fn only_the_user_pool_ends_a_session() {
    let mut world = World::new().await;
    world.sign_in().await;
    world.advance(HOUR);
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(429),
        Fault::Status(302),
        Fault::Html,
        Fault::Truncated,
        Fault::Drop,
    ] {
        world.emulator.fail_next(Endpoint::Token, fault.clone());
        let error = world.session.access_token().await.unwrap_err();
        assert!(
            matches!(error, Error::Transient { .. }),
            "{fault:?}: {error:?}"
        );
        assert!(
            matches!(world.state(), SessionState::SignedIn(_)),
            "{fault:?}"
        );
        world.emulator.release();
        // What failed twice in a row is not asked for again at once.
        world.advance(Duration::from_secs(8));
    }
    world.restart_with(Duration::from_millis(200));
    world.emulator.fail_next(Endpoint::Token, Fault::Stall);
    let error = world.session.access_token().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transient {
                cause: TransientCause::Timeout,
                ..
            }
        ),
        "{error:?}"
    );
    // Where the request had not got that far yet.
    world.emulator.clear_faults();
    world.restart();
    world.session.access_token().await.unwrap();

    world.emulator.sign_out_everywhere("alex");
    world.advance(HOUR);
    let error = world.session.access_token().await.unwrap_err();
    assert!(matches!(
        error,
        Error::SignInRequired(SignInReason::SessionEnded)
    ));
    assert_eq!(world.state(), SessionState::Expired);
    assert!(!world.is_kept());
}

#[tokio::test]
async fn without_a_network_the_person_stays_signed_in() {
    let mut world = World::new().await;
    world.sign_in().await;
    world.restart();
    world.advance(2 * HOUR);
    world.emulator.fail_next(Endpoint::Token, Fault::Drop);
    world.session.restore().await;
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
    assert!(matches!(
        world.problem(),
        Some(Error::Transient {
            cause: TransientCause::Unreachable,
            ..
        })
    ));
    world.session.access_token().await.unwrap();
    assert!(world.problem().is_none());
}

#[tokio::test]
async fn signing_out_revokes_forgets_and_ends_the_browsers_session() {
    let world = World::new().await;
    world.sign_in().await;
    let signed_out = world.session.sign_out(SignOutScope::Browser).await.unwrap();
    signed_out.revoked.unwrap();
    assert!(!world.is_kept());
    assert_eq!(world.state(), SessionState::SignedOut);
    assert_eq!(world.asked("/oauth2/revoke"), 1);
    let browser = signed_out.browser.unwrap();
    assert_eq!(browser.path(), "/logout");
    assert!(
        browser
            .query()
            .unwrap()
            .contains("logout_uri=dev.keyfob.desktop%3A%2F%2Fauth%2Fsigned-out")
    );
    assert!(matches!(
        world.session.access_token().await,
        Err(Error::SignInRequired(SignInReason::SignedOut))
    ));
}

#[tokio::test]
async fn signing_out_offline_forgets_and_says_what_is_owed() {
    let world = World::new().await;
    world.sign_in().await;
    world.emulator.fail_next(Endpoint::Revoke, Fault::Drop);
    let signed_out = world.session.sign_out(SignOutScope::Browser).await.unwrap();
    assert!(matches!(signed_out.revoked, Err(Error::Transient { .. })));
    assert!(!world.is_kept());
    assert_eq!(world.state(), SessionState::SignedOut);
}
