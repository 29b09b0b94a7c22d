//! A local stand-in for Amazon Cognito, its identity pools, STS, S3 and Lambda, for demos and tests.
//!
//! ```
//! use cognito_emulator::{Config, Emulator};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), cognito_emulator::StartError> {
//! let emulator = Emulator::start(Config::demo().port(0)).await?;
//! assert!(emulator.issuer().starts_with("http://127.0.0.1:"));
//! assert!(emulator.requests().is_empty());
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It is an oracle written from the AWS documents, and shares no type with the client or the verifier: if it did,
//! one misspelt claim would pass on both sides. Where AWS documents nothing, the choice is marked in the code: a
//! failed PKCE check is `invalid_grant`, a rotated refresh token used too late is `invalid_grant` and ends nothing
//! else, loopback redirects are matched with their port.
//!
//! The time is the machine's plus an offset ([`Emulator::advance`]); faults are queued ([`Emulator::fail_next`]).
//! With the feature `test-browser`, `Emulator::sign_in_with` fills in the hosted UI's form over HTTP.
//!
//! Not for anything that faces a network: passwords are kept in clear, faults are on demand, and it listens on the
//! loopback address only.

mod authorize;
mod aws_json;
#[cfg(feature = "test-browser")]
mod browser;
mod client_auth;
mod clock;
mod config;
mod cookies;
mod css;
mod delivery;
mod demo;
mod discovery;
mod emulator;
mod error_page;
mod faults;
mod forgot;
mod forms;
mod iam;
mod identity;
mod keys;
mod lambda;
mod login;
mod logout;
mod pages;
mod params;
mod password;
mod random;
mod record;
mod revoke;
mod s3;
mod server;
mod signup;
mod sigv4;
mod state;
mod sts;
mod token;
mod tokens;
mod user_pool_api;
mod userinfo;

#[cfg(feature = "test-browser")]
pub use browser::SignInError;
pub use config::{Client, Config, Listener, OAuthFlow, User};
pub use css::CssError;
pub use delivery::{Delivery, Purpose};
pub use emulator::{Emulator, StartError};
pub use faults::{Endpoint, Fault};
pub use iam::Role;
pub use identity::config::{
    AmbiguousRoleResolution, Group, IdentityPool, MappingRule, MatchType, RoleMapping,
    RoleMappingType,
};
pub use lambda::{Caller, Function, FunctionError, Log};
pub use record::{Fingerprint, RecordedRequest, Refresh, RefreshOutcome};
pub use s3::{Bucket, Sample};
