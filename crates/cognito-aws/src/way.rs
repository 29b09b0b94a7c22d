//! What credentials are for. Others are never given in their place.

use std::time::Duration;

use cognito_client::{AuthFlow, Profile};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How long the enhanced flow's credentials last, and STS's when nothing else is asked for (Cognito guide,
/// "Identity pools authentication flow"; STS API reference, `AssumeRoleWithWebIdentity`).
const DEFAULT_SECONDS: u32 = 3_600;

/// By which flow credentials are had, and of which role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// Nobody is signed in. Always by the enhanced flow: the profile's role is for persons.
    Guest,
    /// Without a role, the identity pool chooses.
    Enhanced { role_arn: Option<String> },
    Basic {
        role_arn: String,
        session_seconds: u32,
    },
}

impl Way {
    /// The way of whoever is signed in, with the role they chose, if they did.
    pub(crate) fn of(profile: &Profile, chosen: Option<&str>) -> Result<Self, Error> {
        let role_arn = chosen
            .or(profile.aws.role_arn.as_deref())
            .map(str::to_owned);
        match (profile.aws.flow, role_arn) {
            (AuthFlow::Enhanced, role_arn) => Ok(Self::Enhanced { role_arn }),
            (AuthFlow::Basic, Some(role_arn)) => Ok(Self::Basic {
                role_arn,
                session_seconds: profile.aws.session_seconds.unwrap_or(DEFAULT_SECONDS),
            }),
            (AuthFlow::Basic, None) => Err(Error::Configuration {
                problem: "the basic flow needs the role to assume".into(),
                remedy: "Ask your administrator to set the profile's `aws.role_arn`.".into(),
            }),
        }
    }

    pub(crate) fn is_guest(&self) -> bool {
        matches!(self, Self::Guest)
    }

    pub(crate) fn role_arn(&self) -> Option<&str> {
        match self {
            Self::Guest => None,
            Self::Enhanced { role_arn } => role_arn.as_deref(),
            Self::Basic { role_arn, .. } => Some(role_arn),
        }
    }

    /// The AWS account of the role, where it is known which role that is.
    pub(crate) fn account(&self) -> Option<&str> {
        self.role_arn()?.split(':').nth(4)
    }

    /// When to renew for somebody who asks for this much: eleven twelfths of a lifetime (55 minutes of an
    /// hour) are the most there can be at any time without renewing at every request.
    pub(crate) fn renew_before(&self, asked: Duration) -> Duration {
        let seconds = match self {
            Self::Guest | Self::Enhanced { .. } => DEFAULT_SECONDS,
            Self::Basic {
                session_seconds, ..
            } => *session_seconds,
        };
        asked.min(Duration::from_secs(seconds.into()) * 11 / 12)
    }
}
