//! A user pool in memory, so that a service's own tests need neither network nor pool (feature `test-issuer`).
//!
//! Put the feature where only tests see it; cargo then leaves it out of what you ship:
//!
//! ```toml
//! [dev-dependencies]
//! cognito-verifier = { version = "0.1", features = ["test-issuer"] }
//! ```
//!
//! A handler behind the layer, tested from the outside:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
//! use cognito_verifier::{AccessClaims, ClientIds, Verifier, VerifyLayer, test_issuer::{TestIssuer, TestKey}};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let pool = TestIssuer::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test");
//! let verifier = Verifier::access(pool.pool(), ClientIds::only(["my-client"])).with_jwks(pool.jwks_cache());
//! let service = Router::new()
//!     .route("/hello", get(async |claims: AccessClaims| format!("Hi {}", claims.username().unwrap_or_default())))
//!     .layer(VerifyLayer::new(verifier.with_required_scope("notes/read")));
//!
//! for (token, status) in [
//!     (pool.access_token("my-client").claim("scope", "openid notes/read"), StatusCode::OK),
//!     (pool.access_token("my-client"), StatusCode::FORBIDDEN),
//!     (pool.access_token("someone-else"), StatusCode::UNAUTHORIZED),
//!     (pool.access_token("my-client").expired_at(1_700_000_000), StatusCode::UNAUTHORIZED),
//!     (pool.access_token("my-client").signed_by(&TestKey::stranger()), StatusCode::UNAUTHORIZED),
//!     (pool.id_token("my-client"), StatusCode::UNAUTHORIZED),
//! ] {
//!     let request = Request::get("/hello").header("Authorization", format!("Bearer {}", token.sign()));
//!     let answer = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
//!     assert_eq!(answer.status(), status);
//! }
//! # }
//! ```
//!
//! Not for: anything that faces other people. The private keys of [`TestIssuer::new`] are published with this crate, so
//! whoever trusts them trusts everybody. Nothing outside this module refers to them, and without the feature they are not
//! compiled in.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{
    clock::{Clock, SystemClock, unix_seconds},
    jwks::JwksCache,
    payload::whole_seconds,
    pool::UserPool,
};

/// How long the tokens live, in seconds, unless [`TestToken::expired_at`] or a claim says otherwise: Cognito's default.
pub const TOKEN_LIFETIME: u64 = 60 * 60;

/// An RSA key of 2048 bits that signs tokens in tests. Clones are the same key.
#[derive(Clone)]
pub struct TestKey(Arc<Signing>);

struct Signing {
    kid: String,
    pair: KeyPair,
}

impl TestKey {
    /// A new key. It takes a processor 50 to 300 ms to find one, so share it.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_pair(KeyPair::generate(KeySize::Rsa2048).expect("the system has randomness"))
    }

    /// A ready-made key that belongs to no [`TestIssuer`].
    #[must_use]
    pub fn stranger() -> Self {
        STRANGER.clone()
    }

    /// A key that everybody knows.
    fn published(pkcs8: &[u8]) -> Self {
        Self::from_pair(KeyPair::from_pkcs8(pkcs8).expect("the embedded keys are well-formed"))
    }

    fn from_pair(pair: KeyPair) -> Self {
        // As long as Cognito's, and like them in base64, which is not base64url.
        let kid = STANDARD.encode_to_string(digest(&SHA256, pair.public_key().as_ref()));
        Self(Arc::new(Signing { kid, pair }))
    }

    /// The id under which an issuer publishes the key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The public key as a member of a JWK Set, as Cognito writes it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        // RFC 8017 A.1.1: SEQUENCE { INTEGER n, INTEGER e }. The lengths are fixed, n having 2048 bits and e being 65537.
        let der = self.0.pair.public_key().as_ref();
        let (n, e) = (&der[9..265], &der[267..270]);
        json!({
            "alg": "RS256", "e": URL_SAFE_NO_PAD.encode_to_string(e), "kid": self.kid(), "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode_to_string(n), "use": "sig",
        })
    }

    /// The RS256 signature of `message` (RFC 7518 §3.3).
    ///
    /// # Panics
    /// Never: a key of this size signs everything.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let pair = &self.0.pair;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        )
        .expect("the buffer has the modulus's length");
        signature
    }
}

// Read once: aws-lc checks a private key for half a millisecond.
static ACCESS: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::published(include_bytes!("test_issuer/TEST-ONLY-access.pk8")));
static ID: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::published(include_bytes!("test_issuer/TEST-ONLY-id.pk8")));
static STRANGER: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::published(include_bytes!("test_issuer/TEST-ONLY-stranger.pk8")));

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestKey").field(&self.0.kid).finish()
    }
}

/// A user pool that signs whatever a test asks for.
///
/// Like a real one it has two keys: access tokens are signed with one and ID tokens with the other (Developer Guide,
/// "Understanding the access token").
#[derive(Clone)]
pub struct TestIssuer {
    pool: UserPool,
    access: TestKey,
    id: TestKey,
    clock: Arc<dyn Clock>,
}

impl TestIssuer {
    /// A pool with ready-made keys: the first of a process takes a millisecond, the others none.
    ///
    /// All pools made by this have the same two keys. Where a test needs two pools that must not be mistaken for one
    /// another, add [`TestIssuer::with_fresh_keys`].
    ///
    /// # Panics
    /// When [`UserPool::new`] refuses the issuer.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            pool: UserPool::new(issuer).expect("the issuer of a test pool is one"),
            access: ACCESS.clone(),
            id: ID.clone(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The same pool after a rotation: two keys that nobody has seen before. See [`TestKey::generate`] for what it costs.
    #[must_use]
    pub fn with_fresh_keys(self) -> Self {
        Self {
            access: TestKey::generate(),
            id: TestKey::generate(),
            ..self
        }
    }

    /// Takes the time at which tokens are issued from `clock`; give the same one to the verifier.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// What a verifier is configured with.
    #[must_use]
    pub fn pool(&self) -> UserPool {
        self.pool.clone()
    }

    /// The key that signs access tokens.
    #[must_use]
    pub fn access_key(&self) -> &TestKey {
        &self.access
    }

    /// The key that signs ID tokens.
    #[must_use]
    pub fn id_key(&self) -> &TestKey {
        &self.id
    }

    /// The JWK Set the pool publishes, as JSON: what a key server in a test answers, and a `--jwks` file.
    #[must_use]
    pub fn jwks(&self) -> String {
        json!({ "keys": [self.access.jwk(), self.id.jwk()] }).to_string()
    }

    /// The pool's keys, for [`crate::Verifier::with_jwks`], so that nothing is fetched.
    ///
    /// # Panics
    /// Never: the keys are usable.
    #[must_use]
    pub fn jwks_cache(&self) -> Arc<JwksCache> {
        let cache = JwksCache::from_json(self.jwks().as_bytes());
        Arc::new(cache.expect("the keys are usable"))
    }

    /// An access token of the user `alex`, as the hosted UI gets one (Developer Guide, "Understanding the access token").
    ///
    /// It is the same token every time, `jti` included, while the clock stands.
    pub fn access_token(&self, client_id: &str) -> TestToken {
        self.token(&self.access, json!({
            "sub": SUB, "iss": self.pool.issuer(), "version": 2, "client_id": client_id, "origin_jti": ORIGIN_JTI,
            "event_id": "3f6e1b8a-0c6d-4d2b-9a7e-5b1c2d3e4f50", "token_use": "access", "scope": "openid email profile",
            "jti": "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "username": "alex",
        }))
    }

    /// An ID token of the user `alex` (Developer Guide, "Understanding the identity (ID) token").
    ///
    /// It is the same token every time, `jti` included, while the clock stands.
    pub fn id_token(&self, client_id: &str) -> TestToken {
        self.token(&self.id, json!({
            "sub": SUB, "iss": self.pool.issuer(), "aud": client_id, "origin_jti": ORIGIN_JTI,
            "event_id": "3f6e1b8a-0c6d-4d2b-9a7e-5b1c2d3e4f50", "token_use": "id", "cognito:username": "alex",
            "jti": "0f9e8d7c-6b5a-4c3d-a2e1-f0e9d8c7b6a5", "name": "Alex Morgan", "email": "alex@example.com",
            "email_verified": true,
        }))
    }

    fn token(&self, key: &TestKey, claims: Value) -> TestToken {
        let now = whole_seconds(unix_seconds(self.clock.now()));
        let header = json!({ "kid": key.kid(), "alg": "RS256" });
        TestToken {
            header: Part::of(header),
            payload: Part::of(claims),
            signature: Signature::By(key.clone()),
        }
        .claim("auth_time", now)
        .claim("iat", now)
        .claim("exp", now + TOKEN_LIFETIME)
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("issuer", &self.pool.issuer())
            .field("access", &self.access)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

const SUB: &str = "5a0c2d1e-3b4f-4c6d-8e7f-90a1b2c3d4e5";
const ORIGIN_JTI: &str = "c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f";

/// A token in the making: bend it, in any order, then [`TestToken::sign`] it.
///
/// # Panics
/// When a claim is set in a payload, or a member in a header, that was given as raw bytes.
#[derive(Clone, Debug)]
#[must_use = "it is no token until it is signed"]
pub struct TestToken {
    header: Part,
    payload: Part,
    signature: Signature,
}

#[derive(Clone, Debug)]
enum Part {
    Members(Map<String, Value>),
    Raw(Vec<u8>),
}

impl Part {
    fn of(json: Value) -> Self {
        match json {
            Value::Object(members) => Self::Members(members),
            other => Self::Raw(other.to_string().into_bytes()),
        }
    }

    fn members(&mut self) -> &mut Map<String, Value> {
        match self {
            Self::Members(members) => members,
            Self::Raw(_) => panic!("raw bytes have no members to change: change the bytes"),
        }
    }

    fn encode(&self) -> String {
        match self {
            // Cognito escapes slashes, which in JSON occur in strings only. To a JSON parser it is all the same.
            Self::Members(members) => {
                let json = Value::from(members.clone()).to_string();
                URL_SAFE_NO_PAD.encode_to_string(json.replace('/', "\\/"))
            }
            Self::Raw(bytes) => URL_SAFE_NO_PAD.encode_to_string(bytes),
        }
    }
}

#[derive(Clone, Debug)]
enum Signature {
    By(TestKey),
    Raw(Vec<u8>),
}

impl TestToken {
    /// Sets a claim, whatever its type should be.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.payload.members().insert(name.into(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, claim: &str) -> Self {
        self.payload.members().remove(claim);
        self
    }

    /// Sets a member of the header, e.g. `alg`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.members().insert(name.into(), value.into());
        self
    }

    /// Leaves a member of the header out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.members().remove(name);
        self
    }

    /// A token that expires, or expired, at this moment in Unix seconds, having been issued [`TOKEN_LIFETIME`] before.
    pub fn expired_at(self, exp: u64) -> Self {
        let iat = exp.saturating_sub(TOKEN_LIFETIME);
        self.claim("auth_time", iat)
            .claim("iat", iat)
            .claim("exp", exp)
    }

    /// Signs with another key while the header goes on naming the issuer's: a forgery. To name the other key as well, add
    /// `.header("kid", other.kid())`.
    pub fn signed_by(mut self, other: &TestKey) -> Self {
        self.signature = Signature::By(other.clone());
        self
    }

    /// The bytes of the header, as they are: what no JSON value can be, such as a member named twice.
    pub fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.header = Part::Raw(bytes.into());
        self
    }

    /// The bytes of the payload, as they are.
    pub fn raw_payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.payload = Part::Raw(bytes.into());
        self
    }

    /// The bytes of the signature, as they are; none at all for an unsigned token.
    pub fn raw_signature(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.signature = Signature::Raw(bytes.into());
        self
    }

    /// The token in compact serialization (RFC 7515 §7.1).
    #[must_use]
    pub fn sign(&self) -> String {
        let input = format!("{}.{}", self.header.encode(), self.payload.encode());
        let signature = match &self.signature {
            Signature::By(key) => key.sign(input.as_bytes()),
            Signature::Raw(bytes) => bytes.clone(),
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode_to_string(signature))
    }
}
