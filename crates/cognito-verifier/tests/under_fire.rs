//! Many requests at once, while the keys come, change, and stay away.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cognito_verifier::{
    AccessClaims, ClientIds, JwksCache, KEEP_FOR, MAX_RETRY_INTERVAL, REFRESH_AFTER, Verifier,
};
use serde_json::json;
use support::{Answer, GOOD, Key, KeyServer, NOW, OTHER, TestClock, access_claims, jwks, with};
use tokio::{sync::Barrier, task::JoinSet};

const EXP: u64 = NOW + 365 * 24 * 60 * 60;

fn tokens(server: &KeyServer, key: &Key, count: usize) -> Vec<Arc<str>> {
    let claims = |n| json!({ "iss": server.issuer, "exp": EXP, "jti": format!("{n}") });
    let token = |n| key.token(&with(access_claims(), claims(n)));
    (0..count).map(|n| token(n).into()).collect()
}

/// A machine that is busy with all these requests may be slow to answer a download.
fn patient(server: &KeyServer, clock: Arc<TestClock>) -> Verifier<AccessClaims> {
    let keys = JwksCache::new(&server.pool()).with_timeout(Duration::from_secs(60));
    Verifier::access(server.pool(), ClientIds::any())
        .with_jwks(Arc::new(keys.with_clock(clock.clone())))
        .with_clock(clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_at_cold_start_cause_one_download() {
    const REQUESTS: usize = 10_000;
    let server = KeyServer::start(jwks([GOOD.jwk(), OTHER.jwk()])).await;
    server.close_gate();
    let verifier = patient(&server, TestClock::at(NOW as f64));
    let tokens = [tokens(&server, &GOOD, 50), tokens(&server, &OTHER, 50)].concat();
    let started = Arc::new(Barrier::new(REQUESTS + 1));
    let mut requests = JoinSet::new();
    for n in 0..REQUESTS {
        let (started, verifier) = (Arc::clone(&started), verifier.clone());
        let token = Arc::clone(&tokens[n % tokens.len()]);
        requests.spawn(async move {
            started.wait().await;
            verifier.verify(&token).await
        });
    }
    started.wait().await;
    server.asked(1).await;
    server.open_gate();
    while let Some(verified) = requests.join_next().await {
        verified.unwrap().unwrap();
    }
    assert_eq!(server.downloads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_under_load_lose_no_request() {
    const ROTATIONS: usize = 5;
    let server = KeyServer::start(jwks([GOOD.jwk()])).await;
    let verifier = patient(&server, TestClock::at(NOW as f64)).with_token_cache(16);
    // What clients send at the moment, the newest key's tokens first; the key before stays good, as it does in Cognito.
    let current = Arc::new(RwLock::new(tokens(&server, &GOOD, 8)));
    let (stop, verified) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut clients = JoinSet::new();
    for client in 0..16 {
        let (verifier, current) = (verifier.clone(), Arc::clone(&current));
        let (stop, verified) = (Arc::clone(&stop), Arc::clone(&verified));
        clients.spawn(async move {
            for n in client.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let token = {
                    let current = current.read().unwrap();
                    Arc::clone(&current[n % current.len()])
                };
                if let Err(refusal) = verifier.verify(&token).await {
                    panic!("{refusal}");
                }
                verified.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    // A client may be about to send what it took before a rotation, so no key is withdrawn here.
    let mut published = vec![GOOD.jwk()];
    for rotation in 0..ROTATIONS {
        let new = Key::generate(&format!("rotated-{rotation}"));
        let fresh = tokens(&server, &new, 8);
        published.push(new.jwk());
        server.answer(Answer::Keys(jwks(published.clone())));
        let mixed = [fresh, current.read().unwrap()[..8].to_vec()].concat();
        *current.write().unwrap() = mixed;
        let seen = verified.load(Ordering::Relaxed);
        while verified.load(Ordering::Relaxed) < seen + 200 && !clients.is_empty() {
            assert!(clients.try_join_next().is_none(), "a request was lost");
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert_eq!(server.downloads(), 1 + ROTATIONS);
}

#[tokio::test]
async fn an_hours_outage_is_invisible_and_the_endpoint_is_left_in_peace() {
    let server = KeyServer::start(jwks([GOOD.jwk()])).await;
    let clock = TestClock::at(NOW as f64);
    let verifier = Verifier::access(server.pool(), ClientIds::any()).with_clock(clock.clone());
    verifier.preload().await.unwrap();
    let token = tokens(&server, &GOOD, 1).remove(0);
    // At the worst moment: just when the keys are due to be fetched again.
    clock.advance(REFRESH_AFTER);
    server.answer(Answer::Status(503));
    for _ in 0..60 * 60 {
        verifier.verify(&token).await.unwrap();
        verifier.verify_now(&token).unwrap();
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let tried = server.downloads() - 1;
    let at_most = 60 * 60 / MAX_RETRY_INTERVAL.as_secs() as usize + 5;
    assert!((1..=at_most).contains(&tried), "{tried}");
    assert!(REFRESH_AFTER + Duration::from_secs(2 * 60 * 60) < KEEP_FOR);
    // It is over: the keys that come are the new ones.
    server.answer(Answer::Keys(jwks([OTHER.jwk()])));
    clock.advance(MAX_RETRY_INTERVAL);
    while verifier.verify_now(&token).is_ok() {
        tokio::task::yield_now().await;
    }
    verifier
        .verify(&tokens(&server, &OTHER, 1)[0])
        .await
        .unwrap();
}
