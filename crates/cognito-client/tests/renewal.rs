//! One session, many who use it: threads, processes, bad networks, time that jumps.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use cognito_client::{
    Error, MemoryStore, ProtocolError, Session, SessionState, SignInReason, SignOutScope, Status,
    TokenStore, TransientCause,
};
use cognito_emulator::{Config, Endpoint, Fault, User};
use cognito_verifier::Clock as _;
use common::World;
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(30);

async fn rotating() -> World {
    let mut config = Config::demo();
    config.clients[0].rotation = Some(Duration::ZERO);
    World::with(config, |profile| profile).await
}

/// The same session in what might as well be another process: only the store is shared.
fn another(world: &World) -> Session {
    common::session(
        world.session.profile().clone(),
        world.store.clone(),
        world.clock.clone(),
        PATIENCE,
    )
}

fn kept(world: &World) -> bool {
    let key = world.session.profile().session_key();
    world.store.load(&key).unwrap().is_some()
}

fn invalid_grant() -> Fault {
    Fault::Error {
        status: 400,
        body: json!({ "error": "invalid_grant" }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_refresh_in_the_same_second_refresh_once() {
    let world = rotating().await;
    world.sign_in().await;
    let processes: Vec<Session> = (0..8).map(|_| another(&world)).collect();
    for process in &processes {
        process.access_token().await.unwrap();
    }
    for round in 1..=5 {
        world.advance(HOUR);
        let tokens = processes.iter().map(|process| {
            let process = process.clone();
            tokio::spawn(async move { process.access_token().await.unwrap() })
        });
        let mut found = Vec::new();
        for token in tokens.collect::<Vec<_>>() {
            found.push(token.await.unwrap());
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(world.asked("/oauth2/token"), 1 + round);
    }
}

#[tokio::test]
async fn who_comes_late_takes_the_winners_tokens_without_asking() {
    let world = rotating().await;
    world.sign_in().await;
    let late = another(&world);
    late.restore().await;
    world.advance(HOUR);
    let won = world.session.access_token().await.unwrap();
    assert_eq!(late.access_token().await.unwrap(), won);
    assert_eq!(world.asked("/oauth2/token"), 2);
    assert!(kept(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_callers_cause_one_refresh_and_share_its_failure() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(HOUR);
    for (fault, expected) in [(Some(Fault::Status(503)), 2), (None, 3)] {
        if let Some(fault) = fault {
            world.emulator.fail_next(Endpoint::Token, fault);
        }
        // All of them wait before the renewal can be over.
        let key = world.session.profile().session_key();
        let held = world.store.lock(&key).unwrap();
        let callers: Vec<_> = (0..10_000)
            .map(|_| {
                let session = world.session.clone();
                let caller = async move { session.access_token().await.is_ok() };
                let mut caller = Box::pin(tokio::task::unconstrained(caller));
                let mut nobody = Context::from_waker(Waker::noop());
                assert!(caller.as_mut().poll(&mut nobody).is_pending());
                tokio::spawn(caller)
            })
            .collect();
        drop(held);
        let mut answered = Vec::new();
        for caller in callers {
            answered.push(caller.await.unwrap());
        }
        assert_eq!(world.asked("/oauth2/token"), expected);
        assert!(answered.iter().all(|ok| *ok == (expected == 3)));
    }
}

#[tokio::test]
async fn one_invalid_grant_is_asked_for_again() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(HOUR);
    world.emulator.fail_next(Endpoint::Token, invalid_grant());
    world.session.access_token().await.unwrap();
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
    // Twice is for certain.
    world.advance(HOUR);
    for _ in 0..2 {
        world.emulator.fail_next(Endpoint::Token, invalid_grant());
    }
    let error = world.session.access_token().await.unwrap_err();
    assert!(matches!(
        error,
        Error::SignInRequired(SignInReason::SessionEnded)
    ));
    assert_eq!(world.state(), SessionState::Expired);
    assert!(!kept(&world));
}

#[tokio::test]
async fn an_invalid_grant_after_which_nobody_answers_ends_nothing() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(HOUR);
    world.emulator.fail_next(Endpoint::Token, invalid_grant());
    world.emulator.fail_next(Endpoint::Token, Fault::Drop);
    let error = world.session.access_token().await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error:?}");
    assert!(kept(&world));
    world.session.access_token().await.unwrap();
}

#[tokio::test]
async fn without_a_new_refresh_token_the_old_one_stays() {
    let world = World::new().await;
    world.sign_in().await;
    for round in 1..=3 {
        world.advance(HOUR);
        another(&world).access_token().await.unwrap();
        assert_eq!(world.asked("/oauth2/token"), 1 + round);
    }
}

#[tokio::test]
async fn what_fails_again_and_again_is_asked_for_less_and_less() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(HOUR);
    world.clock.stand();
    let asked = || world.asked("/oauth2/token") - 1;
    for _ in 0..20 {
        world
            .emulator
            .fail_next(Endpoint::Token, Fault::Status(429));
    }
    for expected in [1, 2, 2, 2] {
        let error = world.session.access_token().await.unwrap_err();
        assert!(matches!(
            error,
            Error::Transient {
                cause: TransientCause::Throttled,
                ..
            }
        ));
        assert_eq!(asked(), expected);
    }
    // Never for longer than eight seconds, and not when the person says so.
    for expected in 3..8 {
        world.advance(Duration::from_secs(8));
        world.session.access_token().await.unwrap_err();
        world.session.access_token().await.unwrap_err();
        assert_eq!(asked(), expected);
    }
    world.session.retry().await;
    assert_eq!(asked(), 8);
    assert!(world.session.status().offline_since.is_some());
    world.emulator.release();
    for _ in 8..20 {
        world.session.wake().await;
    }
    world.session.access_token().await.unwrap();
    assert_eq!(world.session.status().offline_since, None);
    assert!(!world.session.status().refreshing);
}

/// The app, with what it keeps running, while time passes until it is seen that `wanted`.
async fn pass_until(world: &World, wanted: impl Fn(&Status) -> bool) {
    let passing = async {
        let mut status = world.session.subscribe();
        while !wanted(&status.borrow_and_update()) {
            world.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = world.session.keep_fresh() => {}
        () = passing => {}
    }
}

fn expires(status: &Status) -> u64 {
    match &status.state {
        SessionState::SignedIn(user) => user.token_expires_at,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tokens_are_renewed_before_anybody_needs_them() {
    let world = World::new().await;
    world.sign_in().await;
    let before = world.session.access_token().await.unwrap();
    let first = expires(&world.session.status());
    let began = world.clock.now();
    pass_until(&world, |status| expires(status) > first).await;
    let passed = world.clock.now().duration_since(began).unwrap();
    // Time goes on while the renewal is under way.
    assert!(passed > Duration::from_secs(45 * 60), "{passed:?}");
    assert_ne!(world.session.access_token().await.unwrap(), before);
    // And on: long enough for another one, on a busy machine.
    assert!(world.asked("/oauth2/token") >= 2);
}

#[tokio::test]
async fn after_a_night_asleep_the_first_use_refreshes() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(9 * HOUR);
    world.session.access_token().await.unwrap();
    assert_eq!(world.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn an_outage_is_shown_with_its_beginning_and_ends_by_itself() {
    let world = World::new().await;
    world.sign_in().await;
    for _ in 0..3 {
        world.emulator.fail_next(Endpoint::Token, Fault::Drop);
    }
    pass_until(&world, |status| status.offline_since.is_some()).await;
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
    assert!(world.problem().is_none());
    pass_until(&world, |status| status.offline_since.is_none()).await;
    assert!(matches!(world.state(), SessionState::SignedIn(_)));
    assert!(world.asked("/oauth2/token") >= 5);
}

#[tokio::test]
async fn what_another_program_does_is_noticed() {
    let world = World::new().await;
    world.session.restore().await;
    assert_eq!(world.state(), SessionState::SignedOut);

    let other = another(&world);
    let url = other.begin().await.unwrap();
    other.complete(&world.browse(&url).await).await.unwrap();
    pass_until(&world, |status| {
        matches!(status.state, SessionState::SignedIn(_))
    })
    .await;

    other.sign_out(SignOutScope::Browser).await.unwrap();
    pass_until(&world, |status| status.state == SessionState::SignedOut).await;
    assert!(matches!(
        world.problem(),
        Some(Error::SignInRequired(SignInReason::SignedOutElsewhere))
    ));
}

#[tokio::test]
async fn a_session_removed_from_the_keychain_is_not_written_back() {
    let world = World::new().await;
    world.sign_in().await;
    let key = world.session.profile().session_key();
    world.store.delete(&key).unwrap();
    world.advance(HOUR);
    let error = world.session.access_token().await.unwrap_err();
    assert!(matches!(error, Error::SignInRequired(_)), "{error:?}");
    assert_eq!(world.state(), SessionState::SignedOut);
    assert_eq!(world.asked("/oauth2/token"), 1);
    assert!(!kept(&world));
}

#[tokio::test]
async fn a_token_refused_by_its_identity_is_renewed_once() {
    let world = World::new().await;
    world.sign_in().await;
    let (one, other) = (world.session.clone(), another(&world));
    let refused = one.access_token().await.unwrap();
    assert_eq!(other.access_token().await.unwrap(), refused);
    one.invalidate(&refused);
    let new = one.access_token().await.unwrap();
    assert_ne!(new, refused);
    // The other hears of it later, and takes what is there already.
    other.invalidate(&refused);
    assert_eq!(other.access_token().await.unwrap(), new);
    assert_eq!(world.asked("/oauth2/token"), 2);
}

#[tokio::test]
async fn a_store_that_stays_locked_ends_nothing() {
    let world = World::new().await;
    world.sign_in().await;
    world.advance(HOUR);
    let key = world.session.profile().session_key();
    let held: Arc<dyn TokenStore> = world.store.clone();
    let held = held.lock(&key).unwrap();
    let session = world.session.clone();
    let caller = tokio::spawn(async move { session.access_token().await });
    tokio::task::yield_now().await;
    tokio::time::pause();
    while !caller.is_finished() {
        tokio::time::advance(Duration::from_secs(61)).await;
    }
    let error = caller.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    tokio::time::resume();
    drop(held);
    world.session.access_token().await.unwrap();
}

#[tokio::test]
async fn another_persons_tokens_are_refused_and_the_session_goes_on() {
    let config = Config::demo().with_user(User::new("sam", "Keyfob-demo-1"));
    let world = World::with(config, |profile| profile).await;
    let store = Arc::new(MemoryStore::new());
    let profile = world.session.profile().clone();
    let sams = common::session(profile, store, world.clock.clone(), PATIENCE);
    let url = sams.begin().await.unwrap();
    let callback = world
        .emulator
        .sign_in_with(url.as_str(), "sam", "Keyfob-demo-1")
        .await
        .unwrap();
    sams.complete(&callback).await.unwrap();
    world.sign_in().await;

    let own = world.session.access_token().await.unwrap();
    world.session.invalidate(&own);
    // The user pool mixes two sessions up.
    let body = json!({
        "access_token": sams.access_token().await.unwrap().expose(),
        "id_token": sams.id_token().await.unwrap().expose(),
        "refresh_token": "sams",
        "token_type": "Bearer",
        "expires_in": 3600,
    });
    world
        .emulator
        .fail_next(Endpoint::Token, Fault::Error { status: 200, body });
    let error = world.session.access_token().await.unwrap_err();
    assert!(
        matches!(error, Error::Protocol(ProtocolError::OtherUser)),
        "{error:?}"
    );
    let new = world.session.access_token().await.unwrap();
    assert_ne!(new, own);
    assert_ne!(new, sams.access_token().await.unwrap());
}
