//! A million made-up key ids: too many for whole tokens, so the cache is asked directly.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const STEP: Duration = Duration::from_micros(10);

/// 2026-11-01T00:00:00Z and as many steps later as were made.
#[derive(Default)]
struct SteppingClock(AtomicU64);

impl Clock for SteppingClock {
    fn now(&self) -> SystemTime {
        let micros = self.0.load(Ordering::Relaxed) * 10;
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200) + Duration::from_micros(micros)
    }
}

/// A key endpoint: its key ids, all of one key, and how often it was asked.
struct Endpoint {
    kids: Mutex<Vec<&'static str>>,
    asked: AtomicUsize,
}

async fn endpoint() -> (Arc<Endpoint>, UserPool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pool = UserPool::new(format!("http://{}/pool", listener.local_addr().unwrap())).unwrap();
    let endpoint = Arc::new(Endpoint {
        kids: Mutex::new(vec!["old"]),
        asked: AtomicUsize::new(0),
    });
    let served = Arc::clone(&endpoint);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            served.asked.fetch_add(1, Ordering::Relaxed);
            // Any odd number of 2048 bits is a modulus as far as a set of keys goes.
            let n = format!("{}w", "_".repeat(341));
            let kids = served.kids.lock().unwrap().clone();
            let keys: Vec<Value> = kids
                .iter()
                .map(|kid| json!({ "kty": "RSA", "kid": kid, "n": n, "e": "AQAB" }))
                .collect();
            let body = json!({ "keys": keys }).to_string();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (endpoint, pool)
}

#[tokio::test]
async fn a_million_made_up_key_ids_cause_the_stated_downloads_and_delay_no_rotation() {
    const FLOOD: u64 = 1_000_000;
    let (endpoint, pool) = endpoint().await;
    let clock = Arc::new(SteppingClock::default());
    let cache = JwksCache::new(&pool).with_clock(clock.clone());
    cache.preload().await.unwrap();
    let interval = u64::try_from(UNKNOWN_KEY_INTERVAL.as_micros() / STEP.as_micros()).unwrap();

    for n in 0..FLOOD {
        clock.0.fetch_add(1, Ordering::Relaxed);
        let refusal = cache.key(&format!("bogus-{n}"), None).await.err();
        assert!(
            matches!(refusal, Some(VerifyError::UnknownKey { .. })),
            "{refusal:?}"
        );
        cache.key_now("old").expect("a known key is not concerned");
        match n {
            // Within the burst, the first token of a key that has just been published waits for one download.
            3 => {
                endpoint.kids.lock().unwrap().push("first");
                let before = endpoint.asked.load(Ordering::Relaxed);
                cache.key("first", None).await.unwrap();
                assert_eq!(endpoint.asked.load(Ordering::Relaxed), before + 1);
            }
            // The burst is spent: the flood's own downloads bring the key, and its first token finds it there.
            500_000 => endpoint.kids.lock().unwrap().push("second"),
            n if n == 500_000 + interval => {
                let before = endpoint.asked.load(Ordering::Relaxed);
                cache.key_now("second").expect("no wait");
                assert_eq!(endpoint.asked.load(Ordering::Relaxed), before);
            }
            _ => {}
        }
    }
    let allowed = u64::from(UNKNOWN_KEY_BURST) + FLOOD / interval;
    // The first download was the preload, and the one that brought a key which was asked for is not counted.
    let caused = endpoint.asked.load(Ordering::Relaxed) as u64 - 2;
    assert!(
        caused <= allowed + 1,
        "{caused} downloads, {allowed} allowed"
    );
    assert!(
        caused + 2 >= allowed,
        "{caused} downloads: the flood keeps the keys fresh"
    );
    // The flood is over: what it spent comes back.
    clock.0.fetch_add(interval, Ordering::Relaxed);
    endpoint.kids.lock().unwrap().push("third");
    cache.key("third", None).await.unwrap();
}

#[tokio::test]
async fn a_million_at_one_moment_cause_the_burst_and_no_more() {
    let (endpoint, pool) = endpoint().await;
    let clock = Arc::new(SteppingClock::default());
    let cache = Arc::new(JwksCache::new(&pool).with_clock(clock));
    cache.preload().await.unwrap();
    let floods: Vec<_> = (0..100)
        .map(|flood| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move {
                for n in 0..10_000 {
                    let refusal = cache.key(&format!("bogus-{flood}-{n}"), None).await.err();
                    assert!(matches!(refusal, Some(VerifyError::UnknownKey { .. })));
                }
            })
        })
        .collect();
    for flood in floods {
        flood.await.unwrap();
    }
    let caused = endpoint.asked.load(Ordering::Relaxed) as u32 - 1;
    assert_eq!(caused, UNKNOWN_KEY_BURST);
}
