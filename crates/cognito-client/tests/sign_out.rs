//! Out of this device, of the browser, of everywhere, whatever another process does meanwhile.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cognito_client::{Error, SignInReason, SignOutScope};
use cognito_emulator::{Config, Endpoint, Fault};
use common::World;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
const ADMIN: &str = ", \"aws.cognito.signin.user.admin\"";

#[tokio::test]
async fn everywhere_without_the_scope_says_which_setting_to_change() {
    let world = World::with(Config::demo(), |profile| profile.replace(ADMIN, "")).await;
    world.sign_in().await;
    let kept = world.kept();
    let signed_out = world.out(SignOutScope::Everywhere).await;
    let error = signed_out.everywhere.unwrap().unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error}");
    assert!(error.remedy().contains("aws.cognito.signin.user.admin"));
    assert!(error.remedy().contains("`scopes`"));
    assert_eq!(world.asked("/"), 0, "nothing is asked in vain");
    // What can be done is done.
    signed_out.revoked.unwrap();
    assert!(!world.is_alive(&kept).await);
    assert!(signed_out.browser.is_some());
}

#[tokio::test]
async fn everywhere_says_what_the_user_pool_refused() {
    let world = World::new().await;
    let refusal = |kind: &str, message: &str| Fault::Error {
        status: 400,
        body: json!({ "__type": kind, "message": message }),
    };
    for (fault, words) in [
        (
            refusal(
                "NotAuthorizedException",
                "Access Token does not have required scopes",
            ),
            "may not end your other sessions",
        ),
        (
            refusal("NotAuthorizedException", "Access Token has been revoked"),
            "your session has ended",
        ),
        (
            refusal("com.amazonaws#TooManyRequestsException", "Rate exceeded"),
            "too many requests",
        ),
        (refusal("InternalErrorException", "?"), "status 400"),
        (Fault::Status(403), "status 403"),
        (Fault::Status(503), "status 503"),
        (Fault::Html, "network log-in page"),
        (Fault::Truncated, "could not be reached"),
        (Fault::Drop, "could not be reached"),
    ] {
        world.sign_in().await;
        world
            .emulator
            .fail_next(Endpoint::GlobalSignOut, fault.clone());
        let signed_out = world.out(SignOutScope::Everywhere).await;
        let error = signed_out.everywhere.unwrap().unwrap_err().to_string();
        assert!(error.contains(words), "{fault:?}: {error}");
        signed_out.revoked.unwrap();
        assert!(!signed_out.revocation_owed);
    }
}

#[tokio::test]
async fn everywhere_ends_the_sessions_of_other_devices() {
    let mut world = World::new().await;
    world.sign_in().await;
    let other_device = world.leave_on_another_device().await;
    world.sign_in().await;
    let this_device = world.kept();
    let signed_out = world.out(SignOutScope::Everywhere).await;
    signed_out.everywhere.unwrap().unwrap();
    signed_out.revoked.unwrap();
    assert!(signed_out.browser.is_some());
    assert!(!world.is_alive(&other_device).await);
    assert!(!world.is_alive(&this_device).await);
}

#[tokio::test]
async fn everywhere_has_a_token_renewed_when_it_needs_one() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(DAY);
    let signed_out = world.out(SignOutScope::Everywhere).await;
    signed_out.everywhere.unwrap().unwrap();
    signed_out.revoked.unwrap();

    world.sign_in().await;
    world.advance(DAY);
    world.emulator.fail_next(Endpoint::Token, Fault::Drop);
    let signed_out = world.out(SignOutScope::Everywhere).await;
    assert!(matches!(
        signed_out.everywhere,
        Some(Err(Error::Transient { .. }))
    ));
    signed_out.revoked.unwrap();
}

#[tokio::test]
async fn nobody_has_nothing_to_sign_out_of() {
    let world = World::new().await;
    world.session.restore().await;
    let signed_out = world.out(SignOutScope::Everywhere).await;
    assert!(matches!(
        signed_out.everywhere,
        Some(Err(Error::SignInRequired(SignInReason::SignedOut)))
    ));
    signed_out.revoked.unwrap();
    assert_eq!(world.asked("/oauth2/revoke"), 0);
    // The browser may know somebody all the same.
    assert!(signed_out.browser.is_some());
}

#[tokio::test]
async fn the_device_leaves_the_browser_and_other_devices_alone() {
    let mut world = World::new().await;
    world.sign_in().await;
    let other_device = world.leave_on_another_device().await;
    world.sign_in().await;
    let this_device = world.kept();
    let signed_out = world.out(SignOutScope::Device).await;
    assert!(signed_out.browser.is_none() && signed_out.everywhere.is_none());
    signed_out.revoked.unwrap();
    assert!(!world.is_alive(&this_device).await);
    assert!(world.is_alive(&other_device).await);
    assert_eq!(world.asked("/"), 0);
}

#[tokio::test]
async fn what_is_damaged_is_wiped_too() {
    let mut world = World::new().await;
    let (key, owed) = (world.session.profile().session_key(), world.owed_key());
    world.store.save(&key, b"rubbish").unwrap();
    world.store.save(&owed, b"rubbish").unwrap();
    world.restart();
    world.session.restore().await;
    world.session.sign_out(SignOutScope::Device).await.unwrap();
    assert!(!world.is_kept());
}

#[tokio::test]
async fn the_newest_tokens_are_revoked_whoever_renewed_them() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    let world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    // Another process renews them.
    let other = common::session(
        world.session.profile().clone(),
        world.store.clone(),
        world.clock.clone(),
        Duration::from_secs(30),
    );
    world.advance(DAY);
    other.access_token().await.unwrap();
    let renewed = world.kept();
    let signed_out = world.out(SignOutScope::Device).await;
    signed_out.revoked.unwrap();
    assert!(!world.is_alive(&renewed).await);
}

#[tokio::test]
async fn a_renewal_in_another_process_writes_nothing_back() {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    let world = World::with(config, |profile| profile).await;
    world.sign_in().await;
    let other = common::session(
        world.session.profile().clone(),
        world.store.clone(),
        world.clock.clone(),
        Duration::from_secs(30),
    );
    world.advance(DAY);
    let asked = world.asked("/oauth2/token");
    world.emulator.fail_next(Endpoint::Token, Fault::Stall);
    let renewing = other.clone();
    let renewing = tokio::spawn(async move { renewing.access_token().await });
    while world.asked("/oauth2/token") == asked {
        tokio::task::yield_now().await;
    }
    let session = world.session.clone();
    let signing_out = tokio::spawn(async move { session.sign_out(SignOutScope::Device).await });
    for _ in 0..100 {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
    assert!(world.is_kept(), "it waits for the other's turn to end");
    world.emulator.release();
    renewing.await.unwrap().unwrap();
    signing_out.await.unwrap().unwrap().revoked.unwrap();
    assert!(!world.is_kept() && !world.owes());
    let token = other.access_token().await.unwrap();
    other.invalidate(&token);
    // What the other still has in memory is dead, and the store has nothing.
    other.access_token().await.unwrap_err();
    assert!(!world.is_kept());
}
