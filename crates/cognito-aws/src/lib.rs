//! Exchanges the ID token of a signed-in person for AWS credentials and uses them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use cognito_aws::Aws;
//! use cognito_client::{KeyringStore, Profile, Session};
//!
//! let profile = Profile::local_demo();
//! let session = Session::new(profile, Arc::new(KeyringStore::new("dev.keyfob.desktop")))?;
//! session.restore().await;
//!
//! let aws = Aws::new(session)?;
//! println!("You are {}.", aws.caller_identity().await?.role_arn);
//! # Ok(())
//! # }
//! ```
//!
//! Not for credentials from anywhere else: it knows no access keys, no `~/.aws`, no environment variables.

mod aws;
mod credentials;
mod error;
mod refusal;
mod sdk;

pub use aws::{Aws, CallerIdentity, FunctionAnswer};
pub use credentials::CognitoCredentialsProvider;
pub use error::{AwsService, Error, TransientCause};
