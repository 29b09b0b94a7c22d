//! An API that only signed-in users of an Amazon Cognito user pool can call.
//!
//! ```
//! use cognito_verifier::{ClientIds, UserPool, Verifier};
//! use tokio::net::TcpListener;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = UserPool::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI")?;
//! let verifier = Verifier::access(pool, ClientIds::only(["4examplec1ient1dkeyfob0001"]));
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let stop = async {}; // At once; a program waits for a signal here.
//! cognito_api::Api::new(verifier).serve(listener, None, stop).await;
//! # Ok(())
//! # }
//! ```
//!
//! Not for TLS, rate limits per user or anything else a load balancer in front of it does; and it keeps no state, so any
//! number of them can run side by side.

mod downloads;
mod front;
mod limits;
mod metrics;
mod patience;
mod refusal;
mod routes;
mod server;
mod user_pool_args;

pub use limits::Limits;
pub use routes::{Api, router};
pub use server::serve;
pub use user_pool_args::UserPoolArgs;
