//! `cognito-api` on AWS Lambda: the same router, behind an HTTP API or REST API of API Gateway, or a function URL.
//!
//! Deploy it as the file `bootstrap` on `provided.al2023`. The settings are environment variables, those of `cognito-api`
//! that say whose tokens are accepted, and `COGNITO_API_BASE_PATH`.
//!
//! Not for: events of other services; they are refused with an error, and the function goes on.
#![expect(
    clippy::print_stderr,
    reason = "a program talks on its standard streams"
)]

mod path;

use std::process::ExitCode;

use axum::body::Body;
use clap::Parser as _;
use cognito_api::{Api, UserPoolArgs};
use lambda_http::{Request, service_fn};
use path::BasePath;
use tower::ServiceExt as _;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// What the shell convention and clap use for a command that was called wrongly.
const USAGE: u8 = 2;

/// An API that only signed-in users of an Amazon Cognito user pool can call, on AWS Lambda.
#[derive(clap::Parser, Debug)]
#[command(version)]
struct Args {
    #[command(flatten)]
    user_pool: UserPoolArgs,
    /// Path in front of the API's own, e.g. /v1 where a custom domain maps it to this API; a stage in the path needs none
    #[arg(
        long,
        env = "COGNITO_API_BASE_PATH",
        value_name = "/PATH",
        default_value = ""
    )]
    base_path: String,
}

// One event at a time is what Lambda gives to an instance, so one thread does.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (verifier, base_path) = match (args.user_pool.verifier(), BasePath::new(&args.base_path)) {
        (Ok(verifier), Ok(base_path)) => (verifier, base_path),
        (verifier, base_path) => {
            let mistakes = verifier.err().unwrap_or_default();
            for mistake in mistakes.into_iter().chain(base_path.err()) {
                eprintln!("cognito-api-lambda: {mistake}");
            }
            return ExitCode::from(USAGE);
        }
    };
    log();
    // While the instance starts, which is not billed to a caller's patience; a failure is logged, and callers try again.
    drop(verifier.preload().await);
    let router = Api::new(verifier).router();
    let handler = service_fn(move |request: Request| {
        let request = base_path.strip(request).map(body);
        router.clone().oneshot(request)
    });
    match lambda_http::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cognito-api-lambda: {error}");
            ExitCode::FAILURE
        }
    }
}

/// CloudWatch Logs takes each line of standard error for an event.
fn log() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn body(body: lambda_http::Body) -> Body {
    match body {
        lambda_http::Body::Text(text) => text.into(),
        lambda_http::Body::Binary(bytes) => bytes.into(),
        _ => Body::empty(),
    }
}
