#![doc = include_str!("../README.md")]

mod api;
mod authorization;
mod clock;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod loopback;
mod pasted;
mod profile;
mod session;
mod sign_in_request;
mod store;
mod token_endpoint;
mod tokens;
mod user_pools;

pub use api::ApiAnswer;
pub use authorization::CallbackError;
pub use clock::Clock;
pub use cognito_verifier::SystemClock;
pub use error::{Error, OAuthErrorCode, ProtocolError, SignInReason, TransientCause};
pub use profile::{
    AuthFlow, AwsSettings, Bucket, Endpoints, IDENTITY_VARIABLE, KnownProfile, Origin, Profile,
    ProfileDocument, ProfileError, ProfileStore, Profiles,
};
pub use session::{Session, SessionState, SignOut, SignOutScope, Status};
pub use sign_in_request::{Prompt, Route, SignInRequest};
pub use store::{KeyringStore, MemoryStore, Secret, StoreError, StoreLock, TokenStore};
pub use tokens::{AccessToken, IdToken, RefreshToken, TokenSet, User};
