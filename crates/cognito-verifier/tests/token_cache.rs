//! Remembered tokens: accepted again only while they would be without the cache.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cognito_verifier::{
    AccessClaims, ClientIds, KEEP_FOR, MAX_TOKEN_BYTES, REFRESH_AFTER, Verifier,
};
use serde_json::json;
use support::{
    Answer, GOOD, Key, KeyServer, NOW, OTHER, STRANGER, TestClock, access_claims, jwks, with,
};

struct Setting {
    server: KeyServer,
    clock: Arc<TestClock>,
    verifier: Verifier<AccessClaims>,
    /// How often the predicate saw claims that a check of the signature had made, by their address.
    made: Arc<Mutex<Vec<usize>>>,
}

impl Setting {
    async fn new(capacity: usize) -> Self {
        let server = KeyServer::start(jwks([GOOD.jwk(), OTHER.jwk()])).await;
        let clock = TestClock::at(NOW as f64);
        let made = Arc::<Mutex<Vec<usize>>>::default();
        let verifier = Verifier::access(server.pool(), ClientIds::any())
            .with_clock(clock.clone())
            .with_token_cache(capacity)
            .with_predicate("seen", {
                let made = Arc::clone(&made);
                move |claims| {
                    made.lock()
                        .unwrap()
                        .push(claims.as_json().as_ptr() as usize);
                    true
                }
            });
        verifier.preload().await.unwrap();
        Self {
            server,
            clock,
            verifier,
            made,
        }
    }

    fn token(&self, key: &Key, n: usize, exp: u64) -> String {
        key.token(&with(
            access_claims(),
            json!({ "iss": self.server.issuer, "jti": n.to_string(), "exp": exp }),
        ))
    }

    fn code(&self, token: &str) -> &'static str {
        self.verifier
            .verify_now(token)
            .map_or_else(|refusal| refusal.code(), |_| "accepted")
    }

    /// Whether the two last acceptances shared their claims, so that the last one was remembered.
    fn remembered(&self) -> bool {
        let made = self.made.lock().unwrap();
        made[made.len() - 1] == made[made.len() - 2]
    }

    async fn fetch_again(&self, keys: String) {
        let before = self.server.downloads();
        self.server.answer(Answer::Keys(keys));
        self.clock.advance(REFRESH_AFTER);
        self.verifier
            .verify_now(&self.token(&OTHER, 0, u64::MAX >> 12))
            .unwrap();
        self.server.asked(before + 1).await;
    }
}

const LATER: u64 = NOW + 7 * 24 * 60 * 60;

#[tokio::test]
async fn a_token_that_comes_again_is_remembered_and_another_is_not_taken_for_it() {
    let setting = Setting::new(100).await;
    let (a, b) = (
        setting.token(&GOOD, 1, LATER),
        setting.token(&GOOD, 2, LATER),
    );
    let first = setting.verifier.verify(&a).await.unwrap();
    assert_eq!(setting.verifier.verify(&a).await.unwrap(), first);
    assert!(setting.remembered());
    setting.verifier.verify_now(&a).unwrap();
    assert!(setting.remembered());
    assert_eq!(setting.verifier.verify_now(&b).unwrap().jti(), Some("2"));
    assert!(!setting.remembered());
    // Every byte counts: of a remembered token too, no changed one is accepted.
    for at in 0..a.len() {
        let mut changed = a.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_ne!(
            setting.code(std::str::from_utf8(&changed).unwrap()),
            "accepted",
            "{at}"
        );
    }
    assert_eq!(setting.code(&"A".repeat(MAX_TOKEN_BYTES + 1)), "too_large");
}

#[tokio::test]
async fn nothing_is_remembered_unless_asked_for() {
    let setting = Setting::new(0).await;
    let token = setting.token(&GOOD, 1, LATER);
    let (first, second) = (
        setting.verifier.verify_now(&token).unwrap(),
        setting.verifier.verify_now(&token).unwrap(),
    );
    assert_ne!(first.as_json().as_ptr(), second.as_json().as_ptr());
}

#[tokio::test]
async fn a_remembered_token_expires_to_the_moment() {
    let setting = Setting::new(100).await;
    let token = setting.token(&GOOD, 1, NOW + 60);
    assert_eq!(setting.code(&token), "accepted");
    setting.clock.advance(Duration::from_millis(59_999));
    assert_eq!(setting.code(&token), "accepted");
    assert!(setting.remembered());
    setting.clock.advance(Duration::from_millis(1));
    assert_eq!(setting.code(&token), "expired");
    let lenient = setting.verifier.clone().with_leeway(Duration::from_secs(5));
    lenient.preload().await.unwrap();
    lenient.verify_now(&token).unwrap();
    setting.clock.advance(Duration::from_secs(5));
    assert_eq!(lenient.verify_now(&token).unwrap_err().code(), "expired");
    setting.clock.set_back(Duration::from_secs(60));
    assert_eq!(setting.code(&token), "accepted");
    let early = GOOD.token(&with(
        access_claims(),
        json!({ "iss": setting.server.issuer, "exp": LATER, "nbf": NOW }),
    ));
    assert_eq!(setting.code(&early), "accepted");
    setting.clock.set_back(Duration::from_secs(60));
    assert_eq!(setting.code(&early), "not_yet_valid");
}

#[tokio::test]
async fn a_remembered_token_goes_with_its_key() {
    let setting = Setting::new(100).await;
    let token = setting.token(&GOOD, 1, LATER);
    assert_eq!(setting.code(&token), "accepted");
    // The same key again, in a set that is seen to have changed: still remembered.
    setting
        .fetch_again(jwks([OTHER.jwk(), GOOD.jwk(), STRANGER.jwk()]))
        .await;
    let new = setting.token(&STRANGER, 1, LATER);
    while setting.code(&new) != "accepted" {
        tokio::task::yield_now().await;
    }
    assert_eq!(setting.code(&token), "accepted");
    assert_eq!(setting.code(&token), "accepted");
    assert!(setting.remembered());
    // Withdrawn.
    setting.fetch_again(jwks([OTHER.jwk()])).await;
    while setting.code(&token) == "accepted" {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        setting.verifier.verify(&token).await.unwrap_err().code(),
        "unknown_key"
    );
}

#[tokio::test]
async fn a_remembered_token_goes_when_its_key_id_is_given_to_another_key() {
    let setting = Setting::new(100).await;
    let token = setting.token(&GOOD, 1, LATER);
    assert_eq!(setting.code(&token), "accepted");
    let mut usurper = OTHER.jwk();
    usurper.insert("kid".into(), json!(GOOD.kid));
    setting.fetch_again(jwks([OTHER.jwk(), usurper])).await;
    while setting.code(&token) == "accepted" {
        tokio::task::yield_now().await;
    }
    assert_eq!(setting.code(&token), "bad_signature");
}

#[tokio::test]
async fn a_remembered_token_outlives_no_outage_that_its_key_does_not() {
    let setting = Setting::new(100).await;
    let token = setting.token(&GOOD, 1, LATER);
    assert_eq!(setting.code(&token), "accepted");
    setting.server.answer(Answer::Status(500));
    setting.clock.advance(KEEP_FOR - Duration::from_secs(1));
    assert_eq!(setting.code(&token), "accepted");
    assert!(setting.remembered());
    setting.clock.advance(Duration::from_secs(1));
    assert_eq!(setting.code(&token), "jwks_unavailable");
}

#[tokio::test]
async fn no_more_are_remembered_than_was_allowed() {
    for capacity in [1, 8, 20] {
        let setting = Setting::new(capacity).await;
        let tokens: Vec<String> = (0..60).map(|n| setting.token(&GOOD, n, LATER)).collect();
        let claims: Vec<AccessClaims> = tokens
            .iter()
            .map(|token| setting.verifier.verify_now(token).unwrap())
            .collect();
        // Whatever is remembered shares these claims; asking from the newest on displaces nothing that is still to be asked.
        let mut remembered = 0;
        for (token, claims) in tokens.iter().zip(&claims).rev() {
            let again = setting.verifier.verify_now(token).unwrap();
            remembered += usize::from(again.as_json().as_ptr() == claims.as_json().as_ptr());
        }
        assert!(
            (1..=capacity).contains(&remembered),
            "{remembered} of {capacity}"
        );
    }
}
