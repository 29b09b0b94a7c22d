//! What can keep a profile from being written into the AWS files, and what may win over it.

use std::path::PathBuf;

/// Why the shared config file is left as it is. [`remedy`](Self::remedy) says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharedConfigError {
    /// The AWS profile's name is not one that every SDK reads.
    #[error("`{name}` cannot be the name of an AWS profile")]
    Name {
        /// The name.
        name: String,
    },
    /// Keyfob's profile cannot be named in a command line that everybody reads alike.
    #[error("the profile “{profile}” cannot be named in credential_process: its name {reason}")]
    ProfileName {
        /// Keyfob's profile.
        profile: String,
        /// In words that follow "its name".
        reason: String,
    },
    /// The `keyfob` command cannot be named there.
    #[error("{program} cannot be named in credential_process: {reason}")]
    Program {
        /// Where it is.
        program: String,
        /// What is wrong with that.
        reason: String,
    },
    /// Somebody else's section has the name.
    #[error("{file} has a profile {name} already, which is not Keyfob's for this profile", file = file.display())]
    Taken {
        /// The AWS profile.
        name: String,
        /// The file.
        file: PathBuf,
        /// What would be replaced, with secrets masked.
        lines: Vec<String>,
    },
    /// The name stands there in a way that not everybody reads alike.
    #[error("{file} names the profile {name} in a way that AWS programs read differently: line {}", lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and line "), file = file.display())]
    Ambiguous {
        /// The AWS profile.
        name: String,
        /// The file.
        file: PathBuf,
        /// The lines with its headers, from 1.
        lines: Vec<usize>,
    },
    /// What is to be removed is somebody else's.
    #[error("the profile {name} in {file} is not Keyfob's for this profile", file = file.display())]
    NotOurs {
        /// The AWS profile.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// Another program has changed the file, so that other lines would be changed than were shown.
    #[error("{file} was changed by another program", file = file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{file} is left as it is: {reason}", file = file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// Neither a home folder nor `AWS_CONFIG_FILE` says where it is.
    #[error("there is no home folder with an AWS config file")]
    NoHome,
}

impl SharedConfigError {
    /// What the person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Name { .. } => {
                "Choose a name of letters, digits and -_./%@:+ with --name.".into()
            }
            Self::ProfileName { .. } => "Rename the profile, then try again.".into(),
            Self::Program { .. } => {
                "Put the keyfob command into a folder whose path is absolute and has letters, digits, spaces and -_. only, then try again.".into()
            }
            Self::Taken { .. } => {
                "Choose another name with --name, or let its settings be replaced with --force.".into()
            }
            Self::Ambiguous { name, .. } => format!(
                "Leave one header, written exactly {}, then try again.",
                super::header(name)
            ),
            Self::NotOurs { .. } => {
                "Remove it with an editor if it is no longer wanted; Keyfob removes only what it has added.".into()
            }
            Self::Changed { .. } => "Look at the lines again, then try again.".into(),
            Self::File { .. } => {
                "Make sure that the file and its folder are yours and can be written, then try again.".into()
            }
            Self::NoHome => "Name the file in AWS_CONFIG_FILE, then try again.".into(),
        }
    }
}

/// What AWS programs use instead of a profile's `credential_process`. Its text names the setting, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rival {
    /// A setting of the same profile.
    #[error("{file} has {setting} for the profile {name}, which AWS programs may use instead of Keyfob", file = file.display())]
    Setting {
        /// The AWS profile.
        name: String,
        /// The file.
        file: PathBuf,
        /// The setting.
        setting: String,
    },
    /// Credentials in the environment.
    #[error("{variable} is set, which wins over every profile that is not named with --profile")]
    Environment {
        /// The variable.
        variable: &'static str,
    },
}

impl Rival {
    /// What the person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Setting {
                name,
                file,
                setting,
            } => format!(
                "Remove {setting} of {name} from {}, or use another name for Keyfob's profile (keyfob aws-config add --name).",
                file.display()
            ),
            Self::Environment { variable } => format!(
                "Remove {variable} from the environment (in a shell: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN)."
            ),
        }
    }
}
