//! What the commands answer, and what they are told.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{CommandError, Route};

/// What the API answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ApiAnswerView {
    /// Where from.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// Who the person is to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AwsIdentityView {
    /// The identity pool's name for them.
    pub identity_id: String,
    /// The AWS account.
    pub account: String,
    /// The role.
    pub role_arn: String,
    /// The role's session, as STS tells it.
    pub arn: String,
    /// Until when the credentials last.
    pub expires_at: u64,
}

/// What signing out did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SignOutView {
    /// Why the user pool did not revoke the session, if it did not.
    pub revoked: Option<CommandError>,
    /// Whether all the person's other sessions were ended too; nothing, when that was not asked.
    pub everywhere: Option<OutcomeView>,
    /// Whether the browser was sent to end its own session.
    pub browser_asked: bool,
    /// Whether Keyfob goes on trying to have the session revoked.
    pub revocation_owed: bool,
    /// Until when AWS credentials live that were handed out, if any do.
    pub aws_credentials_until: Option<u64>,
}

/// Whether something that was asked was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum OutcomeView {
    /// It was.
    Done,
    /// It was not.
    Failed {
        /// Why.
        error: CommandError,
    },
}

/// How a sign-in is to be begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SignInChoice {
    /// How the answer comes back; by default, the profile's first way.
    pub route: Option<Route>,
    /// Whether the browser must ask who it is, even when it knows somebody already.
    pub other_user: bool,
}

/// How far a sign-out goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum SignOutScope {
    /// This device.
    Device,
    /// This device and the browser's own session.
    Browser,
    /// All of the person's sessions with the user pool.
    Everywhere,
}

impl From<SignOutScope> for cognito_client::SignOutScope {
    fn from(scope: SignOutScope) -> Self {
        match scope {
            SignOutScope::Device => Self::Device,
            SignOutScope::Browser => Self::Browser,
            SignOutScope::Everywhere => Self::Everywhere,
        }
    }
}

impl From<Result<(), cognito_client::Error>> for OutcomeView {
    fn from(outcome: Result<(), cognito_client::Error>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(error) => Self::Failed {
                error: error.into(),
            },
        }
    }
}
