//! How the built program stops when it is told to.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use cognito_verifier::test_issuer::TestIssuer;
use support::{
    CLIENT, POOL, emulator, http,
    program::{Program, command},
};

/// What a load balancer does: asks `/readyz`, and sends nothing more once it is not 200.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_loses_no_request_behind_a_load_balancer() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    };
    use tokio::task::JoinSet;
    const CLIENTS: usize = 16;
    let pool = TestIssuer::new(POOL);
    let token = pool.access_token(CLIENT).sign();
    let file = std::env::temp_dir().join(format!("cognito-api-lb-{}.json", std::process::id()));
    std::fs::write(&file, pool.jwks()).unwrap();
    let mut command = command();
    command
        .args([
            "--issuer",
            POOL,
            "--client-id",
            CLIENT,
            "--listen=127.0.0.1:0",
            "--stop-delay=600",
        ])
        .arg("--jwks-file")
        .arg(&file)
        .env("RUST_LOG", "cognito_api=warn,info");
    let running = Program::start(command);
    std::fs::remove_file(file).unwrap();
    let (out, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let request = http() // Keeps its connection.
            .get(format!("{}/api/hello", running.url))
            .bearer_auth(&token);
        let (out, answered) = (Arc::clone(&out), Arc::clone(&answered));
        clients.spawn(async move {
            while !out.load(SeqCst) {
                let answer = request
                    .try_clone()
                    .unwrap()
                    .send()
                    .await
                    .expect("an answer");
                assert_eq!(answer.status(), 200);
                answer.bytes().await.expect("all of it");
                answered.fetch_add(1, SeqCst);
            }
        });
    }
    while answered.load(SeqCst) < 20 * CLIENTS {
        tokio::task::yield_now().await;
    }
    running.signal("TERM");
    let told = answered.load(SeqCst);
    let probe = http().get(format!("{}/readyz", running.url));
    while probe.try_clone().unwrap().send().await.unwrap().status() == 200 {}
    out.store(true, SeqCst);
    clients.join_all().await;
    running.signal("TERM"); // Enough of the delay.
    assert!(
        answered.load(SeqCst) > told,
        "requests were under way when it was told to stop"
    );
    let (code, _, log) = running.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("unanswered"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_delay() {
    let mut command = command();
    command.args([
        "--issuer",
        POOL,
        "--client-id",
        CLIENT,
        "--listen=127.0.0.1:0",
        "--stop-delay=600",
    ]);
    let running = Program::start(command);
    running.signal("TERM");
    while http()
        .get(format!("{}/readyz", running.url))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
        != "{\"ready\":false,\"reason\":\"stopping\"}"
    {}
    running.signal("TERM");
    assert_eq!(running.end().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_ctrl_c_stop_it_in_order() {
    let emulator = emulator().await;
    for signal in ["TERM", "INT"] {
        let mut command = command();
        command.args([
            "--issuer",
            &emulator.issuer(),
            "--client-id",
            CLIENT,
            "--listen",
            "127.0.0.1:0",
        ]);
        let running = Program::start(command);
        // A kept-alive connection, which must not hold it up.
        let http = http();
        let health = http
            .get(format!("{}/healthz", running.url))
            .send()
            .await
            .unwrap();
        assert_eq!(health.text().await.unwrap(), "ok");
        running.signal(signal);
        let (code, stdout, log) = running.end();
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{signal}: {log}");
        assert!(log.contains("told to stop"), "{signal}: {log}");
    }
}
