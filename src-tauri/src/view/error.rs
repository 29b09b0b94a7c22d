//! What went wrong, in the person's words.

use cognito_aws::FileError;
use cognito_client::{Error, ProfileError};
use serde::Serialize;
use ts_rs::TS;

use super::shown;

/// What went wrong, for the person. The web view decides by `code` and shows the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct CommandError {
    /// Who must act.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Who must act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub enum ErrorCode {
    /// Nobody: wait, or look at the network.
    Offline,
    /// The person: sign in.
    SignInRequired,
    /// The person, at this computer's keychain.
    KeychainUnavailable,
    /// An administrator: the user pool or a role refuses.
    NotAllowed,
    /// An administrator: a setting is wrong.
    Misconfigured,
    /// The person: something of that name is there already.
    Exists,
    /// The person, at a file here or in S3.
    File,
    /// Nobody: an answer was refused because it cannot be trusted.
    Unexpected,
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Transient { .. } => ErrorCode::Offline,
            Error::SignInRequired(_) => ErrorCode::SignInRequired,
            Error::Store(_) => ErrorCode::KeychainUnavailable,
            Error::Rejected { .. } => ErrorCode::NotAllowed,
            Error::Configuration { .. } | Error::NoAnswer { .. } => ErrorCode::Misconfigured,
            Error::Callback(_) | Error::Protocol(_) => ErrorCode::Unexpected,
        };
        Self {
            code,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        }
    }
}

impl From<ProfileError> for CommandError {
    fn from(error: ProfileError) -> Self {
        let code = match &error {
            ProfileError::NotYours { .. } => ErrorCode::NotAllowed,
            ProfileError::Unanswered { .. } => ErrorCode::Offline,
            _ => ErrorCode::Misconfigured,
        };
        Self {
            code,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        }
    }
}

impl From<cognito_aws::Error> for CommandError {
    fn from(error: cognito_aws::Error) -> Self {
        use cognito_aws::Error as Aws;
        let code = match error {
            Aws::Session(error) => return error.into(),
            Aws::File(FileError::Local { ref path, cause }) => {
                // The page needs to know no path of this computer.
                return Self {
                    code: ErrorCode::File,
                    message: sentence(&format!("“{}” {cause}", shown(path))),
                    remedy: error.remedy(),
                };
            }
            Aws::Transient { .. } => ErrorCode::Offline,
            Aws::Configuration { .. } | Aws::Clock { .. } => ErrorCode::Misconfigured,
            Aws::NotAllowed { .. } | Aws::Refused { .. } => ErrorCode::NotAllowed,
            Aws::File(FileError::Exists { .. }) => ErrorCode::Exists,
            Aws::File(_) => ErrorCode::File,
            Aws::Payload { .. } | Aws::Protocol { .. } => ErrorCode::Unexpected,
        };
        Self {
            code,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        }
    }
}

impl From<cognito_aws::SharedConfigError> for CommandError {
    fn from(error: cognito_aws::SharedConfigError) -> Self {
        Self {
            code: ErrorCode::Misconfigured,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        }
    }
}

/// An error's words as a sentence. An ARN or a path at its beginning stays as it is.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let is_name = words
        .split(' ')
        .next()
        .is_some_and(|word| word.contains([':', '/']));
    let first = letters.next().map(|first| {
        if is_name {
            first.to_string()
        } else {
            first.to_uppercase().to_string()
        }
    });
    let end = if words.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    let rest = letters.as_str();
    format!("{}{rest}{end}", first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sentences() {
        assert_eq!(sentence("you are not signed in"), "You are not signed in.");
        assert_eq!(
            sentence("arn:aws:iam::1:role/Reader is not allowed"),
            "arn:aws:iam::1:role/Reader is not allowed."
        );
        assert_eq!(sentence(""), ".");
    }
}
