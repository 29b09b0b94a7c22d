//! Where keys come from, how often, and what happens when they do not come.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cognito_verifier::{
    ABSENT_FOR, AccessClaims, ClientIds, JwksCache, JwksProblem, KEEP_FOR, MAX_RETRY_INTERVAL,
    REFRESH_AFTER, RETRY_INTERVAL, UNKNOWN_KEY_BURST, UNKNOWN_KEY_INTERVAL, Verifier, VerifyError,
};
use serde_json::json;
use support::{
    Answer, GOOD, Key, KeyServer, NOW, OTHER, STRANGER, TestClock, access_claims, jwks, with,
};
use tokio::{sync::Barrier, task::JoinSet};

/// Long before the first and long after the last moment of any test here.
const EXP: u64 = NOW + 365 * 24 * 60 * 60;

struct Setting {
    server: KeyServer,
    clock: Arc<TestClock>,
    verifier: Verifier<AccessClaims>,
}

impl Setting {
    async fn new() -> Self {
        let server = KeyServer::start(jwks([GOOD.jwk(), OTHER.jwk()])).await;
        let clock = TestClock::at(NOW as f64);
        let verifier = Verifier::access(server.pool(), ClientIds::any()).with_clock(clock.clone());
        Self {
            server,
            clock,
            verifier,
        }
    }

    fn token(&self, key: &Key) -> String {
        key.token(&with(
            access_claims(),
            json!({ "iss": self.server.issuer, "exp": EXP }),
        ))
    }

    async fn verify(&self, key: &Key) -> Result<AccessClaims, VerifyError> {
        self.verifier.verify(&self.token(key)).await
    }

    async fn code(&self, key: &Key) -> &'static str {
        self.verify(key)
            .await
            .map_or_else(|refusal| refusal.code(), |_| "accepted")
    }

    /// A token of a key id nobody has.
    async fn bogus(&self, name: usize) -> &'static str {
        let header = json!({ "kid": format!("bogus-{name}"), "alg": "RS256" }).to_string();
        let claims = with(
            access_claims(),
            json!({ "iss": self.server.issuer, "exp": EXP }),
        );
        let token = STRANGER.raw(header, serde_json::Value::from(claims).to_string());
        self.verifier.verify(&token).await.unwrap_err().code()
    }
}

/// Fails instead of hanging. Nothing that passes waits this long.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("should have come to an end")
}

fn problem(refusal: VerifyError) -> JwksProblem {
    assert_eq!(
        (refusal.status(), refusal.code()),
        (503, "jwks_unavailable")
    );
    match refusal {
        VerifyError::JwksUnavailable { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_thousand_requests_at_cold_start_cause_one_download() {
    let setting = Setting::new().await;
    setting.server.close_gate();
    let started = Arc::new(Barrier::new(1001));
    let mut requests = JoinSet::new();
    for n in 0..1000 {
        let (started, verifier) = (Arc::clone(&started), setting.verifier.clone());
        let token = setting.token(if n % 2 == 0 { &GOOD } else { &OTHER });
        requests.spawn(async move {
            started.wait().await;
            verifier.verify(&token).await
        });
    }
    started.wait().await;
    setting.server.open_gate();
    while let Some(verified) = soon(requests.join_next()).await {
        verified.unwrap().unwrap();
    }
    assert_eq!(setting.server.downloads(), 1);
}

#[tokio::test]
async fn preload_fetches_once_and_verifying_then_needs_no_network() {
    let setting = Setting::new().await;
    let issuer = setting.server.issuer.clone();
    assert_eq!(setting.verifier.issuers_without_keys(), [&issuer]);
    assert_eq!(setting.server.downloads(), 0);
    setting.verifier.preload().await.unwrap();
    setting.verifier.preload().await.unwrap();
    assert!(setting.verifier.issuers_without_keys().is_empty());
    setting.server.answer(Answer::Status(500));
    assert_eq!(setting.code(&GOOD).await, "accepted");
    assert_eq!(setting.code(&OTHER).await, "accepted");
    assert_eq!(setting.server.downloads(), 1);
}

#[tokio::test]
async fn rotations_are_followed_at_once_however_close_together() {
    let setting = Setting::new().await;
    setting.verify(&GOOD).await.unwrap();
    for round in 1..4 {
        let new = Key::generate(&format!("rotated-{round}"));
        setting
            .server
            .answer(Answer::Keys(jwks([GOOD.jwk(), new.jwk()])));
        setting.verify(&new).await.unwrap();
        assert_eq!(setting.server.downloads(), 1 + round);
    }
    assert_eq!(
        setting.code(&OTHER).await,
        "unknown_key",
        "withdrawn by the rotation"
    );
}

#[tokio::test]
async fn made_up_key_ids_cause_a_burst_of_downloads_and_then_one_per_interval() {
    let setting = Setting::new().await;
    setting.verify(&GOOD).await.unwrap();
    let burst = UNKNOWN_KEY_BURST as usize;
    for name in 0..500 {
        assert_eq!(setting.bogus(name).await, "unknown_key");
    }
    assert_eq!(setting.server.downloads(), 1 + burst);
    setting
        .clock
        .advance(UNKNOWN_KEY_INTERVAL - Duration::from_millis(1));
    assert_eq!(setting.bogus(500).await, "unknown_key");
    assert_eq!(setting.server.downloads(), 1 + burst);
    setting.clock.advance(Duration::from_millis(1));
    for name in 501..600 {
        assert_eq!(setting.bogus(name).await, "unknown_key");
    }
    assert_eq!(setting.server.downloads(), 2 + burst);
    assert_eq!(setting.code(&GOOD).await, "accepted");
    setting.clock.advance(UNKNOWN_KEY_INTERVAL * 1000);
    for name in 600..700 {
        assert_eq!(setting.bogus(name).await, "unknown_key");
    }
    assert_eq!(setting.server.downloads(), 2 + 2 * burst);
}

#[tokio::test]
async fn one_made_up_key_id_causes_one_download_while_it_is_remembered() {
    let setting = Setting::new().await;
    setting.verify(&GOOD).await.unwrap();
    for _ in 0..10 {
        assert_eq!(setting.bogus(1).await, "unknown_key");
        setting.clock.advance(ABSENT_FOR / 10);
    }
    assert_eq!(setting.server.downloads(), 2);
    assert_eq!(setting.bogus(1).await, "unknown_key");
    assert_eq!(setting.server.downloads(), 3);
    // What is remembered to be absent is not looked for, but seen when it comes with another's download.
    let new = Key::generate("bogus-1");
    setting.server.answer(Answer::Keys(jwks([new.jwk()])));
    assert_eq!(setting.code(&new).await, "unknown_key");
    assert_eq!(setting.bogus(2).await, "unknown_key");
    assert_eq!(setting.code(&new).await, "accepted");
}

#[tokio::test]
async fn made_up_key_ids_at_the_same_time_share_a_download() {
    let setting = Arc::new(Setting::new().await);
    setting.verify(&GOOD).await.unwrap();
    let mut requests = JoinSet::new();
    for name in 0..200 {
        let setting = Arc::clone(&setting);
        requests.spawn(async move { setting.bogus(name).await });
    }
    for code in soon(requests.join_all()).await {
        assert_eq!(code, "unknown_key");
    }
    assert_eq!(setting.server.downloads(), 2);
}

#[tokio::test]
async fn a_key_published_while_a_download_is_under_way_is_not_missed() {
    let setting = Arc::new(Setting::new().await);
    setting.verify(&GOOD).await.unwrap();
    let new = Key::generate("new");
    let token = setting.token(&new);
    setting.server.close_gate();
    // Its answer was settled before the key was there.
    let early = tokio::spawn({
        let setting = Arc::clone(&setting);
        async move { setting.bogus(1).await }
    });
    soon(setting.server.asked(2)).await;
    let verifier = setting.verifier.clone();
    let first = tokio::spawn(async move { verifier.verify(&token).await });
    tokio::task::yield_now().await;
    setting.server.open_gate_once();
    assert_eq!(soon(early).await.unwrap(), "unknown_key");
    setting
        .server
        .answer(Answer::Keys(jwks([GOOD.jwk(), new.jwk()])));
    setting.server.open_gate();
    soon(first).await.unwrap().unwrap();
    assert_eq!(setting.server.downloads(), 3);
}

#[tokio::test]
async fn verify_now_never_waits_but_sees_to_it_that_a_later_call_need_not() {
    let setting = Setting::new().await;
    let (good, new) = (setting.token(&GOOD), Key::generate("new"));
    let now = |token: &str| setting.verifier.verify_now(token);
    assert_eq!(problem(now(&good).unwrap_err()), JwksProblem::NotFetched);
    soon(setting.verifier.preload()).await.unwrap();
    assert_eq!(
        setting.server.downloads(),
        1,
        "preload joined what verify_now began"
    );
    now(&good).unwrap();
    setting
        .server
        .answer(Answer::Keys(jwks([GOOD.jwk(), new.jwk()])));
    let rotated = setting.token(&new);
    assert_eq!(problem(now(&rotated).unwrap_err()), JwksProblem::NotFetched);
    soon(async {
        while now(&rotated).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(setting.server.downloads(), 2);
    assert_eq!(setting.bogus(1).await, "unknown_key");
    let header = json!({ "kid": "bogus-1", "alg": "RS256" }).to_string();
    let claims = with(
        access_claims(),
        json!({ "iss": setting.server.issuer, "exp": EXP }),
    );
    let bogus = STRANGER.raw(header, serde_json::Value::from(claims).to_string());
    assert_eq!(now(&bogus).unwrap_err().code(), "unknown_key");
}

#[test]
fn verify_now_works_without_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setting = runtime.block_on(Setting::new());
    let token = setting.token(&GOOD);
    let refusal = setting.verifier.verify_now(&token).unwrap_err();
    assert_eq!(problem(refusal), JwksProblem::NotFetched);
    runtime.block_on(setting.verifier.preload()).unwrap();
    setting.verifier.verify_now(&token).unwrap();
    setting.clock.advance(REFRESH_AFTER);
    setting.verifier.verify_now(&token).unwrap();
    assert_eq!(setting.server.downloads(), 1);
}

#[tokio::test]
async fn tokens_that_are_refused_anyway_cause_no_download() {
    let setting = Setting::new().await;
    for changes in [
        json!({ "iss": "https://evil.example.com" }),
        json!({ "exp": NOW }),
        json!({ "token_use": "id" }),
    ] {
        let claims = with(
            with(access_claims(), json!({ "iss": setting.server.issuer })),
            changes,
        );
        setting
            .verifier
            .verify(&GOOD.token(&claims))
            .await
            .unwrap_err();
    }
    assert_eq!(setting.server.downloads(), 0);
}

#[tokio::test]
async fn an_outage_is_not_noticed_until_the_keys_are_a_day_old() {
    let setting = Setting::new().await;
    setting.verify(&GOOD).await.unwrap();
    setting.server.answer(Answer::Status(503));
    for _ in 0..23 {
        setting.clock.advance(Duration::from_secs(60 * 60));
        assert_eq!(setting.code(&GOOD).await, "accepted");
        assert_eq!(setting.code(&OTHER).await, "accepted");
    }
    setting
        .clock
        .advance(KEEP_FOR - Duration::from_secs(23 * 60 * 60));
    assert_eq!(
        problem(setting.verify(&GOOD).await.unwrap_err()),
        JwksProblem::Status { status: 503 }
    );
    setting.server.answer(Answer::Keys(jwks([GOOD.jwk()])));
    setting.clock.advance(MAX_RETRY_INTERVAL);
    assert_eq!(setting.code(&GOOD).await, "accepted");
}

#[tokio::test]
async fn a_failing_endpoint_is_left_alone_for_longer_and_longer() {
    let setting = Setting::new().await;
    setting.server.answer(Answer::Status(503));
    for (failures, seconds) in [1, 2, 4, 8, 16, 16].into_iter().enumerate() {
        setting.verify(&GOOD).await.unwrap_err();
        setting.verify(&GOOD).await.unwrap_err();
        assert_eq!(setting.server.downloads(), 1 + failures);
        let pause = Duration::from_secs(seconds);
        setting.clock.advance(pause - Duration::from_millis(1));
        setting.verify(&GOOD).await.unwrap_err();
        assert_eq!(
            setting.server.downloads(),
            1 + failures,
            "after {seconds} s"
        );
        setting.clock.advance(Duration::from_millis(1));
    }
    setting.server.answer(Answer::Keys(jwks([GOOD.jwk()])));
    setting.verify(&GOOD).await.unwrap();
    setting.server.answer(Answer::Status(503));
    setting.verify(&STRANGER).await.unwrap_err();
    setting.clock.advance(RETRY_INTERVAL);
    setting.server.answer(Answer::Keys(jwks([STRANGER.jwk()])));
    setting.verify(&STRANGER).await.unwrap();
}

#[tokio::test]
async fn an_unknown_key_during_an_outage_is_neither_accepted_nor_refused() {
    let setting = Setting::new().await;
    setting.verify(&GOOD).await.unwrap();
    setting.server.answer(Answer::Status(500));
    assert_eq!(
        problem(setting.verify(&STRANGER).await.unwrap_err()),
        JwksProblem::Status { status: 500 }
    );
    assert_eq!(
        problem(setting.verify(&STRANGER).await.unwrap_err()),
        JwksProblem::Status { status: 500 }
    );
    assert_eq!(
        setting.server.downloads(),
        2,
        "the second was told the first one's outcome"
    );
    setting.server.answer(Answer::Keys(jwks([STRANGER.jwk()])));
    setting.clock.advance(RETRY_INTERVAL);
    assert_eq!(setting.code(&STRANGER).await, "accepted");
}

#[tokio::test]
async fn old_keys_are_refreshed_behind_the_scenes() {
    let setting = Setting::new().await;
    setting.verify(&OTHER).await.unwrap();
    setting.server.answer(Answer::Keys(jwks([GOOD.jwk()])));
    setting
        .clock
        .advance(REFRESH_AFTER - Duration::from_secs(1));
    assert_eq!(setting.code(&OTHER).await, "accepted");
    assert_eq!(setting.server.downloads(), 1);
    setting.clock.advance(Duration::from_secs(1));
    assert_eq!(
        setting.code(&OTHER).await,
        "accepted",
        "this request does not wait"
    );
    soon(async {
        while setting.code(&OTHER).await == "accepted" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(setting.code(&GOOD).await, "accepted");
}

#[tokio::test]
async fn a_failed_cold_start_is_retried_after_an_interval_and_by_preload_at_once() {
    let setting = Setting::new().await;
    setting.server.answer(Answer::Status(404));
    for _ in 0..50 {
        assert_eq!(
            problem(setting.verify(&GOOD).await.unwrap_err()),
            JwksProblem::Status { status: 404 }
        );
    }
    assert_eq!(setting.server.downloads(), 1);
    setting.server.answer(Answer::Keys(jwks([GOOD.jwk()])));
    setting.verifier.preload().await.unwrap();
    assert_eq!(setting.code(&GOOD).await, "accepted");
    assert_eq!(setting.server.downloads(), 2);
}

#[tokio::test]
async fn a_clock_set_back_does_not_lock_the_keys() {
    let setting = Setting::new().await;
    setting.server.answer(Answer::Status(500));
    setting.verify(&GOOD).await.unwrap_err();
    setting.clock.set_back(Duration::from_secs(24 * 60 * 60));
    setting.server.answer(Answer::Keys(jwks([GOOD.jwk()])));
    assert_eq!(setting.code(&GOOD).await, "accepted");
}

#[tokio::test]
async fn redirects_are_refused_whichever_client_is_used() {
    let setting = Setting::new().await;
    setting.server.answer(Answer::Redirect);
    assert_eq!(
        problem(setting.verify(&GOOD).await.unwrap_err()),
        JwksProblem::Status { status: 302 }
    );
    assert_eq!(setting.server.redirected.load(Ordering::SeqCst), 0);

    let following = setting
        .verifier
        .clone()
        .with_http(reqwest::Client::builder().no_proxy().build().unwrap());
    assert_eq!(
        problem(following.verify(&setting.token(&GOOD)).await.unwrap_err()),
        JwksProblem::Redirected
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_on() {
    let setting = Setting::new().await;
    setting.server.close_gate();
    let after = Duration::from_millis(50);
    let cache = JwksCache::new(&setting.server.pool())
        .with_timeout(after)
        .with_clock(setting.clock.clone());
    let verifier = setting.verifier.clone().with_jwks(Arc::new(cache));
    let refusal = soon(verifier.verify(&setting.token(&GOOD)))
        .await
        .unwrap_err();
    assert_eq!(problem(refusal), JwksProblem::TimedOut { after });
    setting.server.open_gate();
    setting.clock.advance(RETRY_INTERVAL);
    verifier.verify(&setting.token(&GOOD)).await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_a_connection_problem() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}/pool", listener.local_addr().unwrap());
    drop(listener);
    let verifier = Verifier::access(
        cognito_verifier::UserPool::new(issuer.as_str()).unwrap(),
        ClientIds::any(),
    );
    let refusal = verifier.preload().await.unwrap_err();
    assert!(
        refusal
            .to_string()
            .starts_with(&format!("the keys at {issuer}/.well-known/jwks.json")),
        "{refusal}"
    );
    assert!(matches!(problem(refusal), JwksProblem::Connection { .. }));
}

#[tokio::test]
async fn answers_that_are_no_key_sets_leave_the_keys_alone() {
    let setting = Setting::new().await;
    setting.verify(&GOOD).await.unwrap();
    for (answer, expected) in [
        (
            "<html>captive portal</html>".to_owned(),
            JwksProblem::NotAJwkSet,
        ),
        ("{}".to_owned(), JwksProblem::NotAJwkSet),
        (r#"{"keys":{}}"#.to_owned(), JwksProblem::NotAJwkSet),
        (
            r#"{"keys":[],"keys":[]}"#.to_owned(),
            JwksProblem::NotAJwkSet,
        ),
        (r#"{"keys":[]}"#.to_owned(), JwksProblem::NoUsableKey),
        (
            r#"{"keys":[{"kty":"RSA","kid":"stranger","n":"AQAB","e":"AQAB"}]}"#.to_owned(),
            JwksProblem::NoUsableKey,
        ),
        (
            " ".repeat(300 * 1024),
            JwksProblem::TooLarge { limit: 256 * 1024 },
        ),
    ] {
        setting.server.answer(Answer::Keys(answer));
        assert_eq!(
            problem(setting.verify(&STRANGER).await.unwrap_err()),
            expected
        );
        assert_eq!(setting.code(&GOOD).await, "accepted");
        setting.clock.advance(MAX_RETRY_INTERVAL);
    }
}

#[test]
fn a_download_that_died_with_its_runtime_is_started_again() {
    let outer = tokio::runtime::Runtime::new().unwrap();
    let setting = outer.block_on(Setting::new());
    setting.server.close_gate();
    let inner = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (verifier, token) = (setting.verifier.clone(), setting.token(&GOOD));
    inner.spawn(async move { verifier.verify(&token).await });
    inner.block_on(soon(async {
        while setting.server.downloads() == 0 {
            tokio::task::yield_now().await;
        }
    }));
    drop(inner);
    setting.server.open_gate();
    setting.clock.advance(UNKNOWN_KEY_INTERVAL);
    outer.block_on(soon(setting.verify(&GOOD))).unwrap();
    assert_eq!(setting.server.downloads(), 2);
}
