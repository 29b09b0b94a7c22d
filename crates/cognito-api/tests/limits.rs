//! What callers may take of a server, and how they are told.
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use cognito_api::{Api, Limits};
use reqwest::{
    Response,
    header::{CONNECTION, RETRY_AFTER},
};
use serde_json::Value;
use support::{Running, http, in_memory};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// What comes back until the server closes, and how long that took.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> (String, Duration) {
    let begin = Instant::now();
    stream.write_all(request).await.unwrap();
    (rest(stream).await, begin.elapsed())
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = timeout(SOON, stream.read_to_end(&mut answer))
        .await
        .expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn refused(answer: Response, status: u16, code: &str) {
    assert_eq!(answer.status(), status);
    let retry = answer
        .headers()
        .get(RETRY_AFTER)
        .map(|after| after.to_str().unwrap());
    assert_eq!(retry, (status == 503).then_some("1"));
    assert_eq!(answer.json::<Value>().await.unwrap()["error"], code);
}

/// A route that says when it is entered and leaves when it is told to.
struct Gate {
    entered: Arc<Semaphore>,
    leave: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self {
            entered: Arc::new(Semaphore::new(0)),
            leave: Arc::new(Semaphore::new(0)),
        }
    }

    fn route(&self) -> Router {
        let (entered, leave) = (Arc::clone(&self.entered), Arc::clone(&self.leave));
        Router::new().route(
            "/slow",
            get(async move || {
                entered.add_permits(1);
                leave.acquire().await.unwrap().forget();
                "answered"
            }),
        )
    }

    async fn entered(&self) {
        timeout(SOON, self.entered.acquire())
            .await
            .unwrap()
            .unwrap()
            .forget();
    }
}

#[tokio::test]
async fn headers_beyond_the_limit_are_cut_off() {
    let (verifier, _) = in_memory();
    let api = Running::start(cognito_api::router(verifier)).await;
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    let huge = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(4 * Limits::default().header_bytes)
    );
    // The server may close before it has read everything; what counts is that it does not answer 200.
    let _ = stream.write_all(huge.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let (verifier, _) = in_memory();
    let api = Running::with_limits(
        cognito_api::router(verifier),
        limits(|limits| limits.headers = 20),
    )
    .await;
    for (lines, status) in [(18, "200"), (20, "431")] {
        let mut stream = TcpStream::connect(api.address()).await.unwrap();
        let request = format!(
            "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n",
            "x: y\r\n".repeat(lines)
        );
        let (answer, _) = exchange(&mut stream, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{lines}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_header_that_trickles_in_does_not_hold_a_connection() {
    let (verifier, _) = in_memory();
    let api = Running::with_limits(
        cognito_api::router(verifier),
        limits(|limits| limits.header_timeout = SHORT),
    )
    .await;
    // Never a byte; a beginning; and one byte after the other, which resets nothing.
    let mut silent = TcpStream::connect(api.address()).await.unwrap();
    let (answer, took) = exchange(&mut silent, b"").await;
    assert!(answer.is_empty() && took >= SHORT, "{answer} {took:?}");
    let mut begun = TcpStream::connect(api.address()).await.unwrap();
    let (answer, took) = exchange(&mut begun, b"GET /healthz HTTP/1.1\r\nhost:").await;
    assert!(answer.is_empty() && took >= SHORT, "{answer} {took:?}");

    let (mut read, mut write) = TcpStream::connect(api.address())
        .await
        .unwrap()
        .into_split();
    let begin = Instant::now();
    let mut drops = tokio::time::interval(SHORT / 10);
    let trickle = async {
        while write.write_all(b"x").await.is_ok() {
            drops.tick().await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = trickle => {}
        _ = read.read_to_end(&mut answer) => {}
        _ = timeout(SOON, std::future::pending::<()>()) => panic!("it is still open"),
    }
    assert!(answer.is_empty() && begin.elapsed() >= SHORT);
    // And others are answered.
    assert_eq!(api.call("/healthz", None).await.status(), 200);
}

#[tokio::test]
async fn idle_connections_are_kept_for_a_while_and_longer_than_headers() {
    let (verifier, _) = in_memory();
    let limits = limits(|limits| {
        limits.header_timeout = SHORT;
        limits.keep_alive = 3 * SHORT;
    });
    let api = Running::with_limits(cognito_api::router(verifier), limits).await;
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    let begin = Instant::now();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begin.elapsed() >= 3 * SHORT, "{:?}", begin.elapsed());

    // The header of a second request has its own time, from its first byte.
    let (verifier, _) = in_memory();
    let mut limits = limits;
    limits.keep_alive = 2 * SOON;
    let api = Running::with_limits(cognito_api::router(verifier), limits).await;
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 1024];
    assert!(stream.read(&mut some).await.unwrap() > 0);
    let (answer, took) = exchange(&mut stream, b"GET /healthz HTT").await;
    assert!(answer.is_empty(), "{answer}");
    assert!(took >= SHORT, "{took:?}"); // And not `SOON`, or `exchange` would complain.
}

#[tokio::test]
async fn who_does_not_take_the_answer_is_cut_off() {
    let big = Router::new().route("/", get(async || vec![b'x'; 32 << 20]));
    let mut api = Running::with_limits(
        big,
        limits(|limits| {
            limits.write_timeout = SHORT;
            limits.connections = 1;
        }),
    )
    .await;
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // Nothing is read; the only connection there may be is free again all the same.
    let freed = async {
        while http().get(&api.url).send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, freed)
        .await
        .expect("the connection is closed");
    drop(stream);
    api.stop();
    timeout(SOON, api.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_however_it_is_announced() {
    let (verifier, token) = in_memory();
    let echo = Router::new().route("/echo", post(async |body: Bytes| body.len().to_string()));
    let api = Api::new(verifier)
        .with_limits(limits(|limits| limits.body_bytes = 1000))
        .with_routes(echo);
    let api = Running::api(&api).await;
    let post = async |body: Vec<u8>| {
        http()
            .post(format!("{}/echo", api.url))
            .bearer_auth(&token)
            .body(body)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(post(vec![b'x'; 1000]).await.text().await.unwrap(), "1000");
    let answer = post(vec![b'x'; 1001]).await;
    assert_eq!(answer.headers()[CONNECTION], "close");
    refused(answer, 413, "body_too_large").await;

    for (size, status) in [(1000, "200"), (1001, "413")] {
        let mut stream = TcpStream::connect(api.address()).await.unwrap();
        let request = format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             transfer-encoding: chunked\r\n\r\n{size:x}\r\n{}\r\n0\r\n\r\n",
            "x".repeat(size)
        );
        let (answer, _) = exchange(&mut stream, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{size}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let (verifier, token) = in_memory();
    let echo = Router::new().route("/echo", post(async |body: Bytes| body.len().to_string()));
    let api = Api::new(verifier)
        .with_limits(limits(|limits| limits.request_timeout = SHORT))
        .with_routes(echo);
    let api = Running::api(&api).await;
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    let request = format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 1000\r\n\r\nbeginning"
    );
    let (answer, took) = exchange(&mut stream, request.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("timed_out"),
        "{answer}"
    );
    assert!(took >= SHORT);
}

#[tokio::test]
async fn requests_beyond_the_limit_are_told_to_come_back_and_probes_are_not() {
    let (verifier, token) = in_memory();
    let gate = Gate::new();
    let api = Api::new(verifier)
        .with_limits(limits(|limits| limits.requests = 2))
        .with_routes(gate.route());
    let api = Running::api(&api).await;
    let slow = || {
        tokio::spawn(
            http()
                .get(format!("{}/slow", api.url))
                .bearer_auth(&token)
                .send(),
        )
    };
    let (first, second) = (slow(), slow());
    gate.entered().await;
    gate.entered().await;

    refused(
        api.call("/api/hello", Some(format!("Bearer {token}")))
            .await,
        503,
        "overloaded",
    )
    .await;
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(api.call(probe, None).await.status(), 200);
    }
    gate.leave.add_permits(2);
    for request in [first, second] {
        assert_eq!(
            request.await.unwrap().unwrap().text().await.unwrap(),
            "answered"
        );
    }
    assert_eq!(
        api.call("/api/hello", Some(format!("Bearer {token}")))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_to_come_back_and_probes_are_not() {
    let (verifier, token) = in_memory();
    let api = Api::new(verifier).with_limits(limits(|limits| limits.connections = 2));
    let api = Running::api(&api).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let client = http();
        assert_eq!(
            client
                .get(format!("{}/healthz", api.url))
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
        held.push(client);
    }
    let answer = api
        .call("/api/hello", Some(format!("Bearer {token}")))
        .await;
    assert_eq!(answer.headers()[CONNECTION], "close");
    refused(answer, 503, "overloaded").await;
    // Else a busy server would be restarted for being ill.
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(api.call(probe, None).await.status(), 200);
    }
    // Those who are in are served on, and one who leaves makes room.
    let answer = held[0]
        .get(format!("{}/api/hello", api.url))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    drop(answer.bytes().await);
    held.pop();
    let room = async {
        while api
            .call("/api/hello", Some(format!("Bearer {token}")))
            .await
            .status()
            != 200
        {}
    };
    timeout(SOON, room).await.unwrap();
}
