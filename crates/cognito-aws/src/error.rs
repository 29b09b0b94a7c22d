//! What can go wrong between a signed-in person and an AWS service, sorted by who must act.

use std::fmt;

use cognito_client::TransientCause;

use crate::files::FileError;

/// Why AWS gave no answer. [`remedy`](Self::remedy) says what to do about it.
///
/// No token, key or response body is ever inside, and none of a service's own words that could repeat one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The session could not give an ID token, or the person must sign in again.
    #[error(transparent)]
    Session(#[from] cognito_client::Error),
    /// Waiting or trying again helps.
    #[error("{service} {cause}")]
    Transient {
        /// Who did not answer as it should.
        service: AwsService,
        /// What happened instead.
        cause: TransientCause,
    },
    /// The profile, the identity pool or the function is not set up as it must be.
    #[error("{problem}")]
    Configuration {
        /// What is wrong.
        problem: String,
        /// The setting to change and its right value.
        remedy: String,
    },
    /// IAM does not let the person's role do this.
    #[error("{} is not allowed {action} on {resource}", role.as_deref().unwrap_or("the role of this identity pool"))]
    NotAllowed {
        /// The IAM action that is missing, such as `lambda:InvokeFunction`.
        action: &'static str,
        /// On what.
        resource: String,
        /// The ARN of the role, if it is known.
        role: Option<String>,
    },
    /// AWS finds the time of the request too far from its own (more than five minutes: AWS Signature
    /// Version 4, "Date").
    #[error("{service} refused the time of the request")]
    Clock {
        /// Who refused it.
        service: AwsService,
    },
    /// The payload for a function cannot be sent.
    #[error("the payload {problem}")]
    Payload {
        /// What is wrong with it, in words that follow "the payload".
        problem: String,
    },
    /// A file, here or in S3, is not as it must be.
    #[error(transparent)]
    File(#[from] FileError),
    /// Refused for a reason that has no remedy of its own here.
    #[error("{service} refused the request: {code}")]
    Refused {
        /// Who refused it.
        service: AwsService,
        /// The service's error code.
        code: String,
    },
    /// The answer lacks what it must have, so nothing of it is used.
    #[error("{service} {problem}")]
    Protocol {
        /// Who answered so.
        service: AwsService,
        /// What is wrong, in words that follow the service's name.
        problem: &'static str,
    },
}

/// The AWS services this crate speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsService {
    /// Amazon Cognito identity pools.
    IdentityPool,
    /// AWS Security Token Service.
    Sts,
    /// AWS Lambda.
    Lambda,
    /// Amazon S3.
    S3,
}

impl fmt::Display for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdentityPool => "the Cognito identity pool",
            Self::Sts => "AWS STS",
            Self::Lambda => "AWS Lambda",
            Self::S3 => "Amazon S3",
        })
    }
}

impl Error {
    /// What the person, or whoever looks after the AWS account, can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Session(error) => error.remedy(),
            // What became of a request that was not answered, only the function's owner can tell.
            Self::Transient {
                service: AwsService::Lambda,
                cause: TransientCause::Timeout,
            } => "The function may still be running: look at what it does before you invoke it again.".into(),
            Self::Transient { cause, .. } => cause.remedy().into(),
            Self::Configuration { remedy, .. } => remedy.clone(),
            Self::NotAllowed {
                action,
                resource,
                role,
            } => format!(
                "Ask your administrator to allow {action} on {resource} in the IAM policy of {}.",
                role.as_deref().unwrap_or("the identity pool's role for signed-in users")
            ),
            Self::Clock { .. } => {
                "Set this computer's date, time and time zone right (best: automatically) and try again.".into()
            }
            Self::File(error) => error.remedy(),
            Self::Payload { .. } => "Correct the payload and invoke the function again.".into(),
            Self::Refused { .. } | Self::Protocol { .. } => {
                "Try again. If it keeps happening, give this message to your administrator.".into()
            }
        }
    }

    /// Whether trying again later helps.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Transient { .. } | Self::Session(cognito_client::Error::Transient { .. })
        )
    }
}
