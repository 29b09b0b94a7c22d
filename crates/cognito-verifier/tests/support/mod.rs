//! Keys, tokens and a key server made by test code, so that nothing under test vouches for itself.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding},
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cognito_verifier::{Clock, UserPool};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

#[path = "../../../test_log.rs"]
mod test_log;

pub const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";
pub const CLIENT: &str = "4testclient0000000000000001";
/// 2026-11-01T00:00:00Z.
pub const NOW: u64 = 1_793_491_200;

/// A private key and the `kid` it is published under.
pub struct Key {
    pub kid: String,
    pair: KeyPair,
}

impl Key {
    pub fn generate(kid: &str) -> Self {
        Self::of_size(kid, KeySize::Rsa2048)
    }

    pub fn of_size(kid: &str, size: KeySize) -> Self {
        Self {
            kid: kid.to_owned(),
            pair: KeyPair::generate(size).unwrap(),
        }
    }

    /// One of the test issuer's private keys: the same tokens in every run.
    fn read(kid: &str, pkcs8: &[u8]) -> Self {
        Self {
            kid: kid.to_owned(),
            pair: KeyPair::from_pkcs8(pkcs8).unwrap(),
        }
    }

    pub fn sign_with(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(encoding, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        signature
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_with(&RSA_PKCS1_SHA256, message)
    }

    /// `n` and `e`, read from the DER of RFC 8017 A.1.1: SEQUENCE { INTEGER n, INTEGER e }.
    pub fn numbers(&self) -> (Vec<u8>, Vec<u8>) {
        fn element(der: &[u8]) -> (&[u8], &[u8]) {
            let (length, header) = match der[1] {
                short @ ..0x80 => (usize::from(short), 2),
                long => {
                    let octets = usize::from(long & 0x7f);
                    (
                        der[2..2 + octets]
                            .iter()
                            .fold(0, |sum, octet| sum << 8 | usize::from(*octet)),
                        2 + octets,
                    )
                }
            };
            (&der[header..header + length], &der[header + length..])
        }
        let (sequence, _) = element(self.pair.public_key().as_ref());
        let (n, rest) = element(sequence);
        let (e, _) = element(rest);
        (n.strip_prefix(&[0]).unwrap_or(n).to_vec(), e.to_vec())
    }

    pub fn public_der(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub fn jwk(&self) -> Map<String, Value> {
        let (n, e) = self.numbers();
        object(
            json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid, "n": encode(n), "e": encode(e) }),
        )
    }

    /// A well-formed token with these claims.
    pub fn token(&self, claims: &Map<String, Value>) -> String {
        self.raw(
            json!({ "kid": self.kid, "alg": "RS256" }).to_string(),
            Value::from(claims.clone()).to_string(),
        )
    }

    /// Header and payload exactly as given, with a good signature.
    pub fn raw(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let input = format!("{}.{}", encode(header), encode(payload));
        let signature = encode(self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}

/// Keys are slow to make and safe to share.
macro_rules! key {
    ($kid:literal, $file:literal) => {
        LazyLock::new(|| {
            let pkcs8 = include_bytes!(concat!("../../src/test_issuer/TEST-ONLY-", $file, ".pk8"));
            Key::read($kid, pkcs8)
        })
    };
}
pub static GOOD: LazyLock<Key> = key!("good/key+id=", "access");
pub static OTHER: LazyLock<Key> = key!("other", "id");
pub static STRANGER: LazyLock<Key> = key!("stranger", "stranger");

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

pub fn jwks(keys: impl IntoIterator<Item = Map<String, Value>>) -> String {
    json!({ "keys": keys.into_iter().collect::<Vec<_>>() }).to_string()
}

/// The claims of an access token as Cognito writes them.
pub fn access_claims() -> Map<String, Value> {
    object(json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "iss": ISSUER, "client_id": CLIENT, "token_use": "access",
        "scope": "openid email profile", "auth_time": NOW - 60, "iat": NOW - 60, "exp": NOW + 3600, "version": 2,
        "jti": "11111111-1111-1111-1111-111111111111", "origin_jti": "22222222-2222-2222-2222-222222222222",
        "username": "alex", "cognito:groups": ["developers", "admins"],
    }))
}

/// The claims of an ID token as Cognito writes them.
pub fn id_claims() -> Map<String, Value> {
    object(json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "iss": ISSUER, "aud": CLIENT, "token_use": "id",
        "auth_time": NOW - 60, "iat": NOW - 60, "exp": NOW + 3600, "nonce": "n-0S6_WzA2Mj",
        "cognito:username": "alex", "cognito:groups": ["developers"], "email": "alex@example.com",
        "email_verified": true, "name": "Alex Morgan",
    }))
}

/// `claims` with some replaced; `null` removes one.
pub fn with(mut claims: Map<String, Value>, changes: Value) -> Map<String, Value> {
    for (name, value) in object(changes) {
        if value.is_null() {
            claims.remove(&name);
        } else {
            claims.insert(name, value);
        }
    }
    claims
}

/// A clock that stands still until it is moved.
pub struct TestClock(Mutex<SystemTime>);

impl TestClock {
    pub fn at(unix_seconds: f64) -> Arc<Self> {
        test_log::start();
        Arc::new(Self(Mutex::new(
            SystemTime::UNIX_EPOCH + Duration::from_secs_f64(unix_seconds),
        )))
    }

    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    pub fn set_back(&self, by: Duration) {
        *self.0.lock().unwrap() -= by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// What the key server answers.
#[derive(Clone)]
pub enum Answer {
    Keys(String),
    Status(u16),
    Redirect,
}

/// A pool's key endpoint on 127.0.0.1, counting downloads.
#[derive(Clone)]
pub struct KeyServer {
    pub issuer: String,
    pub downloads: Arc<AtomicUsize>,
    pub redirected: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
    /// Requests wait for a permit here: closed with none, open with many.
    gate: Arc<Semaphore>,
}

impl KeyServer {
    pub async fn start(keys: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            issuer: format!("http://{}/pool", listener.local_addr().unwrap()),
            downloads: Arc::default(),
            redirected: Arc::default(),
            answer: Arc::new(Mutex::new(Answer::Keys(keys))),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS / 2)),
        };
        let router = Router::new()
            .route("/pool/.well-known/jwks.json", get(Self::serve))
            .route("/elsewhere", get(Self::elsewhere))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub fn pool(&self) -> UserPool {
        UserPool::new(self.issuer.as_str()).unwrap()
    }

    pub fn downloads(&self) -> usize {
        self.downloads.load(Ordering::SeqCst)
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn close_gate(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn open_gate_once(&self) {
        self.gate.add_permits(1);
    }

    /// Resolves once this many downloads have arrived.
    pub async fn asked(&self, downloads: usize) {
        while self.downloads() < downloads {
            tokio::task::yield_now().await;
        }
    }

    pub fn open_gate(&self) {
        self.gate.add_permits(1_000_000);
    }

    async fn serve(State(server): State<Self>) -> Response {
        let answer = server.answer.lock().unwrap().clone();
        server.downloads.fetch_add(1, Ordering::SeqCst);
        server.gate.acquire().await.unwrap().forget();
        match answer {
            Answer::Keys(keys) => keys.into_response(),
            Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Answer::Redirect => (StatusCode::FOUND, [(LOCATION, "/elsewhere")]).into_response(),
        }
    }

    async fn elsewhere(State(server): State<Self>) -> String {
        server.redirected.fetch_add(1, Ordering::SeqCst);
        jwks([GOOD.jwk()])
    }
}
