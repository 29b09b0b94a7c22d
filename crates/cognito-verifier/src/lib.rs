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
//! refresh tokens. Revocation a token's signature cannot show; see [`DenyList`].
//!
//! # What is checked, and where the rule comes from
//!
//! In this order: the first rule that is broken is the refusal, and what costs next to nothing comes first.
//!
//! | rule | refusal | source |
//! |---|---|---|
//! | at most [`MAX_TOKEN_BYTES`], before any work | [`TooLarge`] | our choice; Cognito's tokens have 1 to 2 KB |
//! | exactly three segments | [`SegmentCount`] | RFC 7515 §7.1 |
//! | each canonical base64url without padding, none empty | [`NotBase64Url`] | RFC 7515 §2 |
//! | header and payload are JSON objects in UTF-8 | [`NotJsonObject`] | RFC 7515 §4, RFC 7519 §7.2 |
//! | no member is named twice, at any depth | [`DuplicateMember`] | RFC 7515 §4, RFC 7519 §4 |
//! | `alg` is `RS256` | [`WrongAlgorithm`] | Cognito Developer Guide, "Verifying a JSON web token"; RFC 8725 §3.1 |
//! | no `crit` | [`CriticalHeader`] | RFC 7515 §4.1.11 |
//! | `kid` is there, a string | [`MissingKeyId`] | the same guide |
//! | `iss` equals the issuer of a configured pool, byte for byte | [`WrongIssuer`] | RFC 7519 §4.1.1; the same guide |
//! | `token_use` is the one asked for | [`WrongTokenUse`] | the same guide |
//! | `client_id` (access) or every `aud` (ID) is an accepted client | [`WrongClient`] | the same guide; OpenID Connect Core 1.0 §3.1.3.7 |
//! | `sub` is there; every claim that has a method has its type | [`MissingClaim`], [`InvalidClaim`] | Developer Guide, "Understanding the access token", "… the identity (ID) token" |
//! | `exp`, which must be there, `nbf`, `iat` and `auth_time` are finite numbers | [`MissingClaim`], [`InvalidClaim`] | RFC 7519 §2, §4.1 |
//! | `exp` is not reached | [`Expired`] | RFC 7519 §4.1.4 |
//! | `nbf` is reached | [`NotYetValid`] | RFC 7519 §4.1.5 |
//! | `aud` of an access token holds the resource, where [`Verifier::with_resource`] asks for one | [`WrongResource`] | RFC 8707 §2, RFC 9068 §4 |
//! | `kid` names a key of that pool; nothing is fetched from an address in the token | [`UnknownKey`] | the same guide; RFC 8725 §3.10 |
//! | the key is RSA of 2048 to 4096 bits, and its own `alg`, `use`, `key_ops` allow checking RS256 | [`UnusableKey`] | RFC 7517 §4, RFC 7518 §3.3 |
//! | the signature | [`BadSignature`] | RFC 7515 §5.2 |
//! | required scopes; 403 | [`MissingScope`] | RFC 6750 §3.1 |
//! | required groups | [`MissingGroup`] | our choice of 401: `insufficient_scope` would be wrong |
//! | conditions of your own | [`PredicateFailed`] | [`Verifier::with_predicate`] |
//! | the deny list | [`Revoked`] | [`Verifier::with_deny_list`] |
//!
//! [`TooLarge`]: VerifyError::TooLarge
//! [`SegmentCount`]: VerifyError::SegmentCount
//! [`NotBase64Url`]: VerifyError::NotBase64Url
//! [`NotJsonObject`]: VerifyError::NotJsonObject
//! [`DuplicateMember`]: VerifyError::DuplicateMember
//! [`WrongAlgorithm`]: VerifyError::WrongAlgorithm
//! [`CriticalHeader`]: VerifyError::CriticalHeader
//! [`MissingKeyId`]: VerifyError::MissingKeyId
//! [`WrongIssuer`]: VerifyError::WrongIssuer
//! [`WrongTokenUse`]: VerifyError::WrongTokenUse
//! [`WrongClient`]: VerifyError::WrongClient
//! [`MissingClaim`]: VerifyError::MissingClaim
//! [`InvalidClaim`]: VerifyError::InvalidClaim
//! [`Expired`]: VerifyError::Expired
//! [`NotYetValid`]: VerifyError::NotYetValid
//! [`WrongResource`]: VerifyError::WrongResource
//! [`UnknownKey`]: VerifyError::UnknownKey
//! [`UnusableKey`]: VerifyError::UnusableKey
//! [`BadSignature`]: VerifyError::BadSignature
//! [`MissingScope`]: VerifyError::MissingScope
//! [`MissingGroup`]: VerifyError::MissingGroup
//! [`PredicateFailed`]: VerifyError::PredicateFailed
//! [`Revoked`]: VerifyError::Revoked
//!
//! Every refusal is 401 but [`MissingScope`], which is 403, and [`VerifyError::JwksUnavailable`], 503. Leeway for `exp` and
//! `nbf` is none unless [`Verifier::with_leeway`] grants it. Where keys come from and how often is told at [`JwksCache`].
//!
//! # Several pools
//!
//! ```
//! # use cognito_verifier::{ClientIds, InvalidIssuer, UserPool, Verifier};
//! # fn main() -> Result<(), InvalidIssuer> {
//! let pools = [
//!     UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI")?,
//!     // The same pool, once it is switched to the newer issuer.
//!     UserPool::new("https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI")?,
//!     UserPool::new("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_JkLmNoPqR")?
//!         .with_clients(ClientIds::only(["5another1client0000000001"])),
//! ];
//! let clients = ClientIds::only(["4examplec1ient1dkeyfob0001", "5another1client0000000001"]);
//! let verifier = Verifier::access(pools, clients);
//! # Ok(())
//! # }
//! ```
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
//! ```compile_fail,E0277
//! # use cognito_verifier::{ClientIds, Verifier};
//! let verifier = Verifier::access((), ClientIds::any()); // of which pool?
//! ```
//! ```compile_fail,E0308
//! # use cognito_verifier::{UserPool, Verifier};
//! # let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI").unwrap();
//! let verifier = Verifier::access(pool, "my-client"); // only these, or any?
//! ```
//! ```compile_fail,E0599
//! # use cognito_verifier::{ClientIds, UserPool, Verifier};
//! # let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI").unwrap();
//! let verifier = Verifier::access(pool, ClientIds::default()); // there is no default
//! ```
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

mod bearer;
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

pub use bearer::bearer_token;
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
pub use layer::{MissingLayer, Verify, VerifyFuture, VerifyLayer};
pub use pool::{ClientIds, InvalidIssuer, InvalidKeysUrl, UserPool, UserPools};
pub use verifier::Verifier;
