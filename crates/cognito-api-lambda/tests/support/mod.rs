//! What Lambda is to a function: a server that hands out events and takes the answers (AWS Lambda Developer Guide, "Using
//! the Lambda runtime API for custom runtimes").
#![allow(
    dead_code,
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used
)]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path as PathOf, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use cognito_verifier::test_issuer::TestIssuer;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    time::timeout,
};

pub const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";
pub const CLIENT: &str = "6keyfobdemodesktop00client";

/// What the function made of an event.
#[derive(Debug)]
pub enum Outcome {
    Response(Value),
    Error(Value),
}

struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<(String, Value)>>,
    outcomes: mpsc::UnboundedSender<(String, Outcome)>,
}

/// A function that runs; ended by its own pid with this value.
pub struct Function {
    pub child: Child,
    events: mpsc::UnboundedSender<(String, Value)>,
    outcomes: mpsc::UnboundedReceiver<(String, Outcome)>,
    sent: usize,
    pub issuer: TestIssuer,
}

impl Drop for Function {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A program with nothing of this machine's environment in it but the function's own.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("AWS_LAMBDA_FUNCTION_NAME", "cognito-api")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("COGNITO_API_ISSUER", ISSUER)
        .env("COGNITO_API_CLIENT_ID", CLIENT)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Function {
    /// Starts `program` with the keys of a pool in memory.
    pub async fn start(program: &Path, environment: &[(&str, &str)]) -> Self {
        let (events, taken) = mpsc::unbounded_channel();
        let (given, outcomes) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(taken),
            outcomes: given,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, runtime_api(shared)).await.unwrap() });

        let issuer = TestIssuer::new(ISSUER);
        let keys = std::env::temp_dir().join(format!("cognito-api-lambda-{}.json", address.port()));
        std::fs::write(&keys, issuer.jwks()).unwrap();
        let child = command(program)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("COGNITO_API_JWKS_FILE", &keys)
            .envs(environment.iter().copied())
            .spawn()
            .unwrap();
        Self {
            child,
            events,
            outcomes,
            sent: 0,
            issuer,
        }
    }

    pub fn token(&self) -> String {
        self.issuer.access_token(CLIENT).sign()
    }

    /// Hands out one event and waits for what becomes of it.
    pub async fn invoke(&mut self, event: Value) -> Outcome {
        self.sent += 1;
        let id = format!("request-{}", self.sent);
        self.events.send((id.clone(), event)).unwrap();
        let outcome = timeout(Duration::from_secs(20), self.outcomes.recv());
        let (answered, outcome) = outcome.await.expect("an outcome in time").unwrap();
        assert_eq!(answered, id);
        outcome
    }
}

fn runtime_api(shared: Arc<Shared>) -> Router {
    let next = async |State(shared): State<Arc<Shared>>| {
        let Some((id, event)) = shared.events.lock().await.recv().await else {
            return StatusCode::GONE.into_response();
        };
        (
            [
                ("lambda-runtime-aws-request-id", id),
                ("lambda-runtime-deadline-ms", "4000000000000".to_owned()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-west-1:123456789012:function:cognito-api".to_owned(),
                ),
                (
                    "lambda-runtime-trace-id",
                    "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned(),
                ),
            ],
            Json(event),
        )
            .into_response()
    };
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(async |state, id, body| given(state, id, body, Outcome::Response)),
        )
        .route(
            "/2018-06-01/runtime/invocation/{id}/error",
            post(async |state, id, body| given(state, id, body, Outcome::Error)),
        )
        .with_state(shared)
}

fn given(
    State(shared): State<Arc<Shared>>,
    PathOf(id): PathOf<String>,
    body: String,
    outcome: fn(Value) -> Outcome,
) -> StatusCode {
    let body = serde_json::from_str(&body).unwrap();
    shared.outcomes.send((id, outcome(body))).unwrap();
    StatusCode::ACCEPTED
}
