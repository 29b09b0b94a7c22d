//! A crowd at the built program for a while, its user pool changing its keys: nobody may hear of a failure.
#![cfg(target_os = "linux")] // Where /proc says how much memory a program has.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::{
    fs,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use cognito_verifier::test_issuer::TestIssuer;
use support::{
    CLIENT,
    load::{Heard, crowd, request},
    program::{Program, command},
};
use tokio::{net::TcpListener, time::timeout};

const CONNECTIONS: usize = 64;

/// Seconds; `cargo xtask bench api --minutes N` asks for more.
fn duration() -> Duration {
    let seconds = std::env::var_os("COGNITO_API_LOAD_SECONDS");
    let seconds = seconds.map_or(20, |text| text.to_str().unwrap().parse().unwrap());
    Duration::from_secs(seconds)
}

fn resident_kib(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Publishes the keys of whichever pool is current: of the same issuer always.
async fn key_server(current: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let jwks = get(async move || current.lock().unwrap().clone());
    let router = Router::new().route("/.well-known/jwks.json", jwks);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    issuer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_hears_of_no_failure_while_keys_rotate() {
    let jwks = Arc::new(Mutex::new(String::new()));
    let issuer = key_server(Arc::clone(&jwks)).await;
    let pool = TestIssuer::new(&issuer);
    *jwks.lock().unwrap() = pool.jwks();
    let mut command = command();
    command
        .args(["--issuer", &issuer, "--client-id", CLIENT])
        .args(["--listen=127.0.0.1:0", "--token-cache=64"])
        .env("RUST_LOG", "warn");
    let program = Program::start(command);
    let address = program.url.trim_start_matches("http://").to_owned();

    let requests = Arc::new(Mutex::new(batch(&pool)));
    let stop = Arc::new(AtomicBool::new(false));
    // On a thread of its own: it takes all the time it gets.
    let crowd = {
        let (requests, stop) = (Arc::clone(&requests), Arc::clone(&stop));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(crowd(&address, CONNECTIONS, &requests, &stop))
        })
    };

    let begin = Instant::now();
    let (mut rotations, mut resident) = (0, Vec::new());
    while begin.elapsed() < duration() || rotations < 3 {
        let issuer = issuer.clone();
        // Elsewhere: whoever publishes keys must answer meanwhile.
        let fresh = tokio::task::spawn_blocking(|| {
            let fresh = TestIssuer::new(issuer).with_fresh_keys();
            (fresh.jwks(), batch(&fresh))
        });
        let (fresh_jwks, fresh_requests) = fresh.await.unwrap();
        // At once, with no time in which both are known.
        *jwks.lock().unwrap() = fresh_jwks;
        *requests.lock().unwrap() = fresh_requests;
        rotations += 1;
        resident.push(resident_kib(&program));
        drop(timeout(Duration::from_secs(1), pending::<()>()).await);
    }
    stop.store(true, Relaxed);
    let heard = crowd.join().unwrap();
    let (middle, last) = (resident[resident.len() / 2], resident[resident.len() - 1]);
    println!(
        "{rotations} rotations, {middle} then {last} KiB, {:?}",
        heard.statuses
    );

    let Heard {
        statuses,
        lost,
        failures,
        ..
    } = heard;
    program.signal("TERM");
    let (_, _, log) = program.end();
    let all: u64 = statuses.values().sum();
    let good = statuses.get(&200).copied().unwrap_or_default();
    assert_eq!(lost, 0, "{statuses:?}");
    // 401: a made-up key, or a token of a key that is gone.
    let expected = statuses.keys().all(|status| matches!(status, 200 | 401));
    assert!(expected, "{statuses:?}\n{failures:#?}\n{log}");
    assert!(good > 1000 && good * 2 > all, "{statuses:?}");
    assert!(last < middle + 2048, "memory grows: {resident:?}");
}

/// Requests with good tokens, and a tenth of what an attacker sends: made-up keys, which must cause neither downloads nor
/// delays.
fn batch(pool: &TestIssuer) -> Arc<Vec<Vec<u8>>> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let good = (0..18).map(|nth| pool.access_token(CLIENT).claim("jti", format!("{nth}")));
    let made_up = (0..2).map(|_| {
        let kid = format!("made-up-{}", NEXT.fetch_add(1, Relaxed));
        pool.access_token(CLIENT).header("kid", kid)
    });
    let tokens = good.chain(made_up);
    Arc::new(
        tokens
            .map(|token| request("/api/hello", &token.sign()))
            .collect(),
    )
}
