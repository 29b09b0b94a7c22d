//! What can be wrong with a profile, and what to do about it.

use std::path::PathBuf;

use super::Origin;
use crate::error::{Error, TransientCause};

/// Why a profile cannot be used, added or changed. [`remedy`](Self::remedy) says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("the profile {file} cannot be read: {reason}", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// Not TOML, a field is missing, unknown or of the wrong type; the reason names line and column.
    #[error("the profile is not well formed: {reason}")]
    Malformed {
        /// The parser's words.
        reason: String,
    },
    /// A field's value cannot be right.
    #[error("the profile's `{field}` is wrong: {reason}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// More than 64 KiB.
    #[error("it has more than 64 KiB, so it is no profile")]
    TooLarge,
    /// Characters that make a text look other than it is: of control, or of the direction of writing.
    #[error("{place} has a character that hides how the profile reads")]
    Misleading {
        /// The line and column.
        place: String,
    },
    /// Not UTF-8.
    #[error("it is not text, so it is no profile")]
    NotText,
    /// One of the above, in this file.
    #[error("{file}: {source}", file = file.display())]
    InFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<ProfileError>,
    },
    /// The address does not start with `https://`, nor with `http://` on this machine.
    #[error("the address does not start with https://")]
    NotHttps,
    /// The address has a user name or a password in it.
    #[error("the address has a user name or a password in it")]
    NamesUser,
    /// Waiting or trying again helps.
    #[error("{host} {cause}")]
    Unanswered {
        /// Who did not answer as it should.
        host: String,
        /// What happened instead.
        cause: TransientCause,
    },
    /// The server sent the request elsewhere.
    #[error("{host} wants to send you to {to}")]
    Redirected {
        /// The server.
        host: String,
        /// The host it wanted to be asked.
        to: String,
    },
    /// The server has no such document, or not for everybody.
    #[error("{host} answered with status {status}")]
    Refused {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server, or a network's log-in page in its place, sent a web page.
    #[error("{host} answered with a web page, which is no profile")]
    WebPage {
        /// The server.
        host: String,
    },
    /// There is a profile of this name, and replacing it was not asked for.
    #[error("there is {origin} profile named “{name}” already")]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        origin: Origin,
    },
    /// There is no usable profile of this name.
    #[error("there is no profile named “{name}”")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The profile is not the user's own, so it is not theirs to change.
    #[error("“{name}” is {origin} profile and cannot be changed here")]
    NotYours {
        /// The name.
        name: String,
        /// Whose it is.
        origin: Origin,
    },
    /// The system names no folder for the user's own settings.
    #[error("there is no folder for profiles of your own")]
    NoFolder,
    /// The file of the roles that were chosen has been damaged.
    #[error("the roles you chose, in {file}, cannot be read: {reason}", file = file.display())]
    Roles {
        /// The file.
        file: PathBuf,
        /// The parser's words.
        reason: String,
    },
    /// The profile could not be written or removed; what was there before still is.
    #[error("{file} cannot be changed: {reason}", file = file.display())]
    NotKept {
        /// The file or its folder.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
}

impl ProfileError {
    /// What the person, or their administrator, can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { .. } | Self::InFile { .. } => {
                "Correct the profile file, then start Keyfob again."
            }
            Self::Malformed { .. }
            | Self::Field { .. }
            | Self::TooLarge
            | Self::Misleading { .. }
            | Self::NotText => {
                "Correct the profile, or ask whoever gave it to you for a right one."
            }
            Self::NotHttps => "Ask whoever gave you the address for one that starts with https://.",
            Self::NamesUser => {
                "Take them out of the address. If it needs them, open it in your browser and paste the text."
            }
            Self::Unanswered { cause, .. } => cause.remedy(),
            Self::Redirected { .. } => {
                "If you trust that host, open the address in your browser and use the one it ends at."
            }
            Self::Refused { .. } => {
                "Compare the address with what you were given. If it asks who you are, open it in your browser and paste the text."
            }
            Self::WebPage { .. } => {
                "Open the address in your browser. Log in to the network if it asks; on a page about the profile, copy the address of the file itself, often called “raw”."
            }
            Self::NameTaken { .. } => "Replace that profile, or give this one another `name`.",
            Self::Unknown { .. } => "Choose one of the profiles that are listed.",
            Self::NotYours {
                origin: Origin::Machine,
                ..
            } => {
                "Ask the administrator of this computer to change it; or add a profile of your own with the same name, which takes its place."
            }
            Self::NotYours { .. } => {
                "Add a profile of your own with the same name, which takes its place."
            }
            Self::Roles { .. } => "Correct that file, or remove it and choose your role again.",
            Self::NoFolder => "Log in to this computer with an account that has a home folder.",
            Self::NotKept { .. } => {
                "Check that the disk has room and that the folder is yours to write to, then try again."
            }
        }
        .into()
    }
}

impl From<ProfileError> for Error {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Unanswered { host, cause } => Self::Transient { host, cause },
            error => Self::Configuration {
                problem: error.to_string(),
                remedy: error.remedy(),
            },
        }
    }
}
