//! What `cargo xtask bench api` measures with, and some of what it measures against:
//!
//! ```text
//! bench tokens DIRECTORY NUMBER          a pool's keys (jwks.json) and so many access tokens (tokens.txt) into a folder
//! bench serve bare|raw|layer DIRECTORY   axum alone, with one raw signature check, or behind VerifyLayer; says its address
//! bench load ADDRESS DIRECTORY CONNECTIONS SECONDS [NUMBER]   asks for /api/hello, with the first so many tokens
//! ```
#![expect(
    clippy::print_stdout,
    reason = "a program talks on its standard streams"
)]

#[path = "../tests/support/load.rs"]
#[allow(dead_code, unreachable_pub, missing_docs)]
mod load;

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use axum::{
    Router,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cognito_verifier::{
    AccessClaims, ClientIds, JwksCache, UserPool, Verifier, VerifyLayer, test_issuer::TestIssuer,
};
use tokio::time::timeout;

/// In AWS, as far as anybody can tell; nothing is ever sent there.
const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_KeyfobDemo";
const CLIENT: &str = "6keyfobdemodesktop00client";

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tokens", directory, number] => tokens(Path::new(directory), number.parse()?),
        ["serve", kind, directory] => serve(kind, Path::new(directory)).await,
        ["load", address, directory, connections, seconds, rest @ ..] => {
            let number = rest
                .first()
                .map_or(Ok(usize::MAX), |number| number.parse())?;
            let tokens = fs::read_to_string(Path::new(directory).join("tokens.txt"))?;
            let tokens: Vec<_> = tokens
                .lines()
                .take(number)
                .map(|token| load::request("/api/hello", token))
                .collect();
            crowd(
                address,
                tokens,
                connections.parse()?,
                Duration::from_secs(seconds.parse()?),
            )
            .await
        }
        _ => Err("see the head of examples/bench.rs".into()),
    }
}

/// Tokens of 1.1 KB, as Cognito's are with a group or two.
fn tokens(directory: &Path, number: usize) -> Outcome {
    let pool = TestIssuer::new(ISSUER);
    fs::create_dir_all(directory)?;
    fs::write(directory.join("jwks.json"), pool.jwks())?;
    let token = |nth| {
        let token = pool
            .access_token(CLIENT)
            .claim("jti", format!("{nth:08}-4e5f-4a6b-8c7d-9e0f1a2b3c4d"));
        let lacking = 1100_usize.saturating_sub(token.sign().len()) * 3 / 4;
        token
            .claim("device_key", "x".repeat(lacking.saturating_sub(18)))
            .sign()
    };
    let tokens: Vec<String> = (0..number).map(token).collect();
    println!("{} bytes each", tokens.first().map_or(0, String::len));
    fs::write(directory.join("tokens.txt"), tokens.join("\n"))?;
    Ok(())
}

async fn serve(kind: &str, directory: &Path) -> Outcome {
    let json = fs::read(directory.join("jwks.json"))?;
    let router = match kind {
        "bare" => Router::new().route(
            "/api/hello",
            get(async || "Hi alex, your API call is authenticated!"),
        ),
        "raw" => {
            let keys = Arc::new(parsed(&json)?);
            Router::new().route(
                "/api/hello",
                get(async move |headers: HeaderMap| raw(&keys, &headers)),
            )
        }
        "layer" => {
            let verifier = Verifier::access(UserPool::new(ISSUER)?, ClientIds::only([CLIENT]))
                .with_jwks(Arc::new(JwksCache::from_json(&json)?));
            let hello = async |claims: AccessClaims| {
                let name = claims.username().unwrap_or(claims.sub());
                format!("Hi {name}, your API call is authenticated!")
            };
            Router::new()
                .route("/api/hello", get(hello))
                .layer(VerifyLayer::new(verifier))
        }
        _ => return Err("bare, raw or layer".into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// The least a check can be: the signature of whatever was signed, with keys parsed once. It looks at no claim.
fn raw(keys: &[ParsedPublicKey], headers: &HeaderMap) -> (StatusCode, &'static str) {
    let checked = || {
        let token = headers
            .get(AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")?;
        let (message, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        keys[0].verify_sig(message.as_bytes(), &signature).ok()
    };
    match checked() {
        Some(()) => (StatusCode::OK, "Hi alex, your API call is authenticated!"),
        None => (StatusCode::UNAUTHORIZED, "no"),
    }
}

/// The key of access tokens first.
fn parsed(json: &[u8]) -> Result<Vec<ParsedPublicKey>, Box<dyn Error>> {
    let kid = TestIssuer::new(ISSUER).access_key().kid().to_owned();
    let json: serde_json::Value = serde_json::from_slice(json)?;
    let mut keys: Vec<_> = json["keys"].as_array().ok_or("no keys")?.iter().collect();
    keys.sort_by_key(|key| key["kid"] != kid.as_str());
    let number = |key: &serde_json::Value, name: &str| {
        URL_SAFE_NO_PAD
            .decode(key[name].as_str().unwrap_or_default())
            .map_err(|_| "not a number")
    };
    let parse = |key: &&serde_json::Value| {
        let (n, e) = (number(key, "n")?, number(key, "e")?);
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        Ok(key.map_err(|_| "not a key")?)
    };
    keys.iter().map(parse).collect()
}

async fn crowd(
    address: &str,
    tokens: Vec<Vec<u8>>,
    connections: usize,
    length: Duration,
) -> Outcome {
    let tokens = Arc::new(Mutex::new(Arc::new(tokens)));
    let stop = Arc::new(AtomicBool::new(false));
    let begin = Instant::now();
    let ended = async {
        drop(timeout(length, std::future::pending::<()>()).await);
        stop.store(true, Relaxed);
    };
    let (mut heard, ()) = tokio::join!(load::crowd(address, connections, &tokens, &stop), ended);
    let seconds = begin.elapsed().as_secs_f64();
    heard.micros.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let nth = (heard.micros.len() as f64 * share) as usize;
        heard.micros.get(nth).copied()
    };
    let all: u64 = heard.statuses.values().sum();
    let json = serde_json::json!({
        "seconds": seconds, "requests": all, "lost": heard.lost, "statuses": heard.statuses,
        "p50_micros": at(0.5), "p99_micros": at(0.99),
    });
    println!("{json}");
    Ok(())
}
