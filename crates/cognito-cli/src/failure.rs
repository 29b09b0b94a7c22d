//! How a command that did not come to its end says so.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::environment::quoted;

/// Something went wrong, or not all is well.
pub(crate) const FAILED: u8 = 1;
/// The person gave up (as GitHub's `gh` has it).
const CANCELLED: u8 = 2;
/// The person has to sign in first (as GitHub's `gh` has it).
pub(crate) const SIGN_IN_REQUIRED: u8 = 4;
/// The command was called wrongly: `EX_USAGE` of sysexits.h.
pub(crate) const USAGE: u8 = 64;

/// Why a command did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The person has to call it otherwise.
    Usage(String),
    /// Standard input cannot be read, or standard output not written.
    Stream(io::Error),
    /// The person gave up.
    Cancelled,
    /// The person has to sign in first.
    SignInRequired { message: String, profile: String },
    /// The program that was to be run cannot be.
    NotRun {
        message: String,
        /// Whether there is one of that name.
        found: bool,
    },
    /// It does not work.
    Failed { message: String, remedy: String },
}

impl Failure {
    pub(crate) fn failed(message: impl Display, remedy: impl Into<String>) -> Self {
        Self::Failed {
            message: message.to_string(),
            remedy: remedy.into(),
        }
    }

    /// In one sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Usage(message) | Self::NotRun { message, .. } | Self::Failed { message, .. } => {
                message.clone()
            }
            Self::Stream(error) => format!("standard input or output broke: {error}"),
            Self::Cancelled => "cancelled".to_owned(),
            Self::SignInRequired { message, profile } => format!(
                "{message}; run `keyfob login --profile {}`, or sign in with the Keyfob app",
                quoted(profile)
            ),
        }
    }

    /// Says it on standard error; the exit code.
    pub(crate) fn tell(self) -> ExitCode {
        // Whoever reads has read enough. It is no success all the same.
        let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        if !matches!(&self, Self::Stream(error) if is_closed(error)) {
            complain(&self.message());
        }
        ExitCode::from(match self {
            Self::Usage(_) => USAGE,
            Self::Stream(_) => FAILED,
            Self::Cancelled => CANCELLED,
            Self::SignInRequired { .. } => SIGN_IN_REQUIRED,
            // As shells have it (POSIX, "Exit Status for Commands").
            Self::NotRun { found, .. } => 127 - u8::from(found),
            Self::Failed { remedy, .. } => {
                if !remedy.is_empty() {
                    drop(writeln!(io::stderr(), "{remedy}"));
                }
                FAILED
            }
        })
    }

    /// What went wrong with the session of this profile.
    pub(crate) fn of_session(error: &cognito_client::Error, profile: &str) -> Self {
        match error {
            cognito_client::Error::SignInRequired(_) => Self::SignInRequired {
                message: error.to_string(),
                profile: profile.to_owned(),
            },
            _ => Self::failed(error, error.remedy()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

pub(crate) fn complain(mistake: &str) {
    // Where standard error is closed too, there is nobody to tell.
    drop(writeln!(io::stderr(), "keyfob: {mistake}"));
}

/// What is not data goes to standard error.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
