//! Turns a bearer token of an Amazon Cognito user pool into claims, or says why not.

mod claims;
mod clock;
mod error;
mod json;
mod jwk;
mod jwks;
mod jws;
mod pool;
mod verifier;

pub use claims::{AccessClaims, Claims, IdClaims};
pub use clock::{Clock, SystemClock};
pub use error::{JwksProblem, KeyProblem, Segment, VerifyError};
pub use jwk::Jwks;
pub use jwks::{
    DOWNLOAD_TIMEOUT, JwksCache, KEEP_FOR, REFRESH_AFTER, RETRY_INTERVAL, UNKNOWN_KEY_INTERVAL,
};
pub use jws::MAX_TOKEN_BYTES;
pub use pool::{ClientIds, InvalidIssuer, UserPool};
pub use verifier::Verifier;
