//! The end of a server: nobody who was let in goes without an answer.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{Router, routing::get};
use cognito_api::Api;
use reqwest::header::CONNECTION;
use serde_json::Value;
use support::{Running, http, in_memory};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_request_in_progress_is_answered_before_the_server_stops() {
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = get(async move || {
        gates.0.add_permits(1);
        gates.1.acquire().await.unwrap().forget();
        "answered"
    });
    let router = Router::new()
        .route("/slow", slow)
        .route("/", get(async || "idle"));
    let mut api = Running::start(router).await;
    // A connection that is kept open but idle must not hold the server up.
    let idle = http();
    idle.get(format!("{}/", api.url)).send().await.unwrap();
    let request = tokio::spawn(http().get(format!("{}/slow", api.url)).send());
    entered.acquire().await.unwrap().forget();
    api.stop();
    // Once the port is closed, stopping has begun, and the request is still waiting.
    while TcpStream::connect(api.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!api.served.is_finished());
    leave.add_permits(1);
    assert_eq!(
        request.await.unwrap().unwrap().text().await.unwrap(),
        "answered"
    );
    timeout(SOON, api.served)
        .await
        .expect("idle connections are closed")
        .unwrap();
}

#[tokio::test]
async fn requests_the_system_has_taken_in_are_answered_too() {
    let (verifier, token) = in_memory();
    let mut api = Running::api(&Api::new(verifier)).await;
    // One thread: the server gets no chance to accept them before it is told to stop.
    let request =
        format!("GET /api/hello HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(api.address()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    api.stop();
    timeout(SOON, api.served).await.unwrap().unwrap();
    for stream in &mut waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn connections_that_were_never_used_do_not_hold_it_up() {
    let (verifier, _) = in_memory();
    let mut api = Running::api(&Api::new(verifier)).await;
    let never_used = TcpStream::connect(api.address()).await.unwrap();
    assert_eq!(api.call("/healthz", None).await.status(), 200);
    api.stop();
    timeout(SOON, api.served).await.unwrap().unwrap();
    drop(never_used);
}

#[tokio::test]
async fn a_server_that_drains_serves_on_but_sends_everybody_elsewhere() {
    let (verifier, token) = in_memory();
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = Router::new().route(
        "/slow",
        get(async move || {
            gates.0.add_permits(1);
            gates.1.acquire().await.unwrap().forget();
            "answered"
        }),
    );
    let program = Api::new(verifier).with_routes(slow);
    let mut api = Running::api(&program).await;
    let authorization = || Some(format!("Bearer {token}"));
    assert_eq!(api.call("/readyz", None).await.status(), 200);
    assert!(
        !api.call("/api/hello", authorization())
            .await
            .headers()
            .contains_key(CONNECTION)
    );

    program.drain();
    let answer = api.call("/readyz", None).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.unwrap()["reason"], "stopping");
    assert_eq!(api.call("/healthz", None).await.status(), 200);
    let answer = api.call("/api/hello", authorization()).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[CONNECTION]),
        (200, &"close".parse().unwrap())
    );

    // The administrators' address outlives the other one, as long as there is something to see.
    let slow = http()
        .get(format!("{}/slow", api.url))
        .bearer_auth(&token)
        .send();
    let slow = tokio::spawn(slow);
    entered.acquire().await.unwrap().forget();
    api.stop();
    while TcpStream::connect(api.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let metrics = http()
        .get(format!("{}/metrics", api.admin))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("cognito_api_requests_in_flight 1\n"),
        "{metrics}"
    );
    let ready = http()
        .get(format!("{}/readyz", api.admin))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);
    leave.add_permits(1);
    assert_eq!(
        slow.await.unwrap().unwrap().text().await.unwrap(),
        "answered"
    );
    timeout(SOON, api.served).await.unwrap().unwrap();
}
