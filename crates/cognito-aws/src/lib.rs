//! Exchanges the ID token of a signed-in person for AWS credentials and uses them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use cognito_aws::Aws;
//! use cognito_client::{MemoryStore, Profile, Session};
//! use cognito_emulator::{Config, Emulator};
//!
//! let emulator = Emulator::start(Config::demo().port(0)).await?;
//! let mut profile = Profile::local_demo();
//! profile.issuer = emulator.issuer().parse()?;
//! profile.domain = emulator.url();
//! profile.endpoints.cognito_identity = Some(emulator.url());
//! profile.endpoints.sts = Some(emulator.url());
//! profile.endpoints.lambda = Some(emulator.url());
//!
//! let session = Session::new(profile, Arc::new(MemoryStore::new()))?;
//! let url = session.begin().await?;
//! let callback = emulator.sign_in_with(url.as_str(), "alex", "Keyfob-demo-1").await?;
//! session.complete(&callback).await?;
//!
//! let aws = Aws::new(session)?;
//! let caller = aws.caller_identity().await?;
//! assert_eq!(caller.role_arn, "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated");
//! let answer = aws.invoke("hello", r#"{"name": "Alex"}"#).await?;
//! assert!(answer.payload.contains("Hello from Lambda, Alex!"));
//! # Ok(())
//! # }
//! ```
//!
//! [`SharedConfig`] writes profiles into `~/.aws/config` with which the AWS CLI and other SDKs get the same credentials.
//!
//! Not for credentials from anywhere else: it takes no access keys from `~/.aws` or the environment.

mod aws;
mod credentials;
mod endpoints;
mod error;
mod exchange;
mod files;
mod functions;
mod http;
mod id_claims;
mod kept;
mod refusal;
mod roles;
mod sdk;
mod shared_config;
mod way;

pub use aws::{Aws, CallerIdentity};
pub use credentials::CognitoCredentialsProvider;
pub use endpoints::endpoints;
pub use error::{AwsService, Error};
pub use files::{
    Deleted, Entry, EntryKind, FileError, Files, Folder, Link, Listing, LocalCause, NotAllDeleted,
    OnConflict, Page, Preview, Progress, Proof, Search, Transfer, TransferId, TransferKind,
    TransferState,
};
pub use functions::{FunctionAnswer, FunctionSummary};
pub use roles::Roles;
pub use shared_config::{
    Addition, ChangedLine, ConfigChange, Rival, SharedConfig, SharedConfigError, SharedProfile,
};
