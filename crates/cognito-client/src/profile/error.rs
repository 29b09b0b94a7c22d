//! What can be wrong with a profile, and what to do about it.

use std::path::PathBuf;

use super::Origin;
use crate::error::Error;

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
    /// One of the above, in this file.
    #[error("{file}: {source}", file = file.display())]
    InFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<ProfileError>,
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
            Self::Malformed { .. } | Self::Field { .. } | Self::TooLarge => {
                "Correct the profile, or ask whoever gave it to you for a right one."
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
        Self::Configuration {
            problem: error.to_string(),
            remedy: error.remedy(),
        }
    }
}
