//! Turns a bearer token of an Amazon Cognito user pool into claims, or says why not.
//!
//! ```
//! use cognito_verifier::{ClientIds, UserPool, Verifier};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI")?;
//! let verifier = Verifier::access(pool, ClientIds::only(["4examplec1ient1dkeyfob0001"]));
//!
//! match verifier.verify("not.a.token").await {
//!     Ok(claims) => println!("{} has {} scopes", claims.sub(), claims.scopes().count()),
//!     Err(refusal) => {
//!         assert_eq!((refusal.status(), refusal.code()), (401, "malformed"));
//!         assert!(refusal.www_authenticate().starts_with("Bearer error=\"invalid_token\""));
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Not for: other issuers' tokens (it knows Cognito's claims and RS256 only), opaque or encrypted tokens such as Cognito's
//! refresh tokens, and revocation, which a token's signature cannot show.
//!
//! # What is checked, and where the rule comes from
//!
//! | rule | source |
//! |---|---|
//! | at most [`MAX_TOKEN_BYTES`], before any work | our choice; Cognito's tokens have 1 to 2 KB |
//! | three segments, each canonical unpadded base64url | RFC 7515 §2, §7.1 |
//! | header and payload are JSON objects naming no member twice, at any depth | RFC 7515 §4, RFC 7519 §4 |
//! | `alg` is `RS256` | Cognito Developer Guide, "Verifying a JSON web token"; RFC 8725 §3.1 |
//! | no `crit` | RFC 7515 §4.1.11 |
//! | `kid` names a key of the pool; nothing is fetched from an address in the token | the same guide; RFC 8725 §3.10 |
//! | the key is RSA of 2048 to 4096 bits, and its own `alg`, `use`, `key_ops` allow checking RS256 | RFC 7517 §4, RFC 7518 §3.3 |
//! | `iss` equals the configured issuer | RFC 7519 §4.1.1; the same guide |
//! | `token_use` is the one asked for | the same guide |
//! | `client_id` (access) or every `aud` (ID) is an accepted client | the same guide; OpenID Connect Core 1.0 §3.1.3.7 |
//! | `exp` is there and not reached, `nbf` is reached, `exp`, `nbf`, `iat` are finite numbers | RFC 7519 §4.1.4, §4.1.5, §2 |
//! | `sub` and every claim that is given as a field have their type | Developer Guide, "Understanding the access token", "… the identity (ID) token" |
//! | the signature | RFC 7515 §5.2 |
//! | required scopes and groups | RFC 6750 §3.1 |
//!
//! `aud` of an access token, which Cognito sets only when the client asked for a `resource` (RFC 8707), is read but not
//! compared: the client is what Cognito's guide checks. An API that uses resources compares `claims.all["aud"]`.
//!
//! # What cannot be forgotten
//!
//! The use and the clients are arguments, so leaving one out does not compile:
//!
//! ```compile_fail,E0061
//! # use cognito_verifier::{ClientIds, UserPool, Verifier};
//! # let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI").unwrap();
//! let verifier = Verifier::access(pool); // which clients?
//! ```
//! ```compile_fail,E0599
//! # use cognito_verifier::{ClientIds, UserPool, Verifier};
//! # let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI").unwrap();
//! let verifier = Verifier::new(pool, ClientIds::any()); // access or ID tokens?
//! ```
//! ```compile_fail,E0061
//! # use cognito_verifier::{ClientIds, UserPool, Verifier};
//! let verifier = Verifier::access(ClientIds::any()); // of which pool?
//! ```
//! ```compile_fail,E0599
//! # use cognito_verifier::{ClientIds, UserPool, Verifier};
//! # let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI").unwrap();
//! Verifier::id(pool, ClientIds::any()).with_required_scope("read"); // ID tokens have no scopes
//! ```
//! ```
//! # use cognito_verifier::{ClientIds, UserPool, Verifier};
//! # let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI").unwrap();
//! let verifier = Verifier::access(pool, ClientIds::any()); // meant, and said
//! ```
//!
//! # In your own tests (feature `test-issuer`)
//!
//! `test_issuer::TestIssuer` is a user pool in memory: its JWK Set, and access and ID tokens with any claim bent, so that a
//! service's tests need neither network nor pool. Its keys are public; ask for the feature in `[dev-dependencies]` only.
//!
//! # In front of an axum router (feature `axum`)
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use cognito_verifier::{AccessClaims, ClientIds, UserPool, Verifier, VerifyLayer};
//!
//! # fn example() -> Result<Router, Box<dyn std::error::Error>> {
//! let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI")?;
//! let verifier = Verifier::access(pool, ClientIds::only(["4examplec1ient1dkeyfob0001"]));
//! let router = Router::new()
//!     .route("/hello", get(async |claims: AccessClaims| format!("Hi {}", claims.sub())))
//!     .layer(VerifyLayer::new(verifier));
//! # Ok(router)
//! # }
//! ```

mod claims;
mod clock;
mod deny_list;
mod error;
mod json;
mod jwk;
mod jwks;
mod jws;
#[cfg(feature = "axum")]
mod layer;
mod payload;
mod pool;
#[cfg(feature = "test-issuer")]
pub mod test_issuer;
mod token_cache;
mod verifier;

pub use claims::{AccessClaims, Claims, IdClaims};
pub use clock::{Clock, SystemClock};
pub use deny_list::{DenyList, TokenIds};
pub use error::{JwksProblem, KeyProblem, Segment, VerifyError};
pub use jwk::Jwks;
pub use jwks::{
    ABSENT_FOR, DOWNLOAD_TIMEOUT, JwksCache, KEEP_FOR, MAX_RETRY_INTERVAL, REFRESH_AFTER,
    RETRY_INTERVAL, UNKNOWN_KEY_BURST, UNKNOWN_KEY_INTERVAL,
};
pub use jws::MAX_TOKEN_BYTES;
#[cfg(feature = "axum")]
pub use layer::{MissingLayer, Verify, VerifyLayer};
pub use pool::{ClientIds, InvalidIssuer, InvalidKeysUrl, UserPool, UserPools};
pub use verifier::Verifier;
