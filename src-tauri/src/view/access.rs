//! AWS access as other programs get it. Of credentials there is nothing here but when and to whom.

use cognito_agent::HandingOut;
use cognito_aws::{ChangedLine, ConfigChange, Roles};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{CommandError, ErrorCode, sentence, unix_seconds};

/// What the person's programs get from the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AccessView {
    /// Whether the person lets the app answer programs.
    pub allowed: bool,
    /// Why it does not answer although it may.
    pub problem: Option<CommandError>,
    /// What has left the app since it was started, the latest first.
    pub handed_out: Vec<HandingOutView>,
}

/// One time that something left the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HandingOutView {
    /// When.
    pub at: u64,
    /// For whom: a program, as far as the system tells; nothing, when the person copied it.
    pub program: Option<ProgramView>,
    /// The profile.
    pub profile: String,
    /// What it was, in words.
    pub what: String,
    /// The role it is for, where that is known.
    pub role: Option<String>,
    /// Until when it is good for something.
    pub expires_at: Option<u64>,
}

/// A program that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ProgramView {
    /// Its name. A program can give itself any.
    pub name: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
}

/// The roles a person may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct RolesView {
    /// Their ARNs; one or none is no choice.
    pub listed: Vec<String>,
    /// The one the person chose.
    pub chosen: Option<String>,
    /// The one that is taken without a choice, where that is known.
    pub otherwise: Option<String>,
}

/// In which words credentials are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum CredentialsFormat {
    /// `export` lines for bash, zsh and their like.
    Shell,
    /// `$env:` lines.
    PowerShell,
    /// A profile for `~/.aws/credentials`.
    Ini,
}

/// Credentials are on the clipboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CopiedView {
    /// Until when they are there.
    pub cleared_at: u64,
    /// Until when they work.
    pub expires_at: Option<u64>,
}

/// What would be changed in the AWS CLI's config file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AwsConfigView {
    /// The file.
    pub file: String,
    /// The profile's name there, after `aws --profile`.
    pub name: String,
    /// The lines, with secrets masked; none, when the file is as it should be.
    pub lines: Vec<ConfigLineView>,
    /// What AWS programs would use instead.
    pub warnings: Vec<CommandError>,
}

/// A line that is added or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ConfigLineView {
    /// Whether it is not there yet.
    pub added: bool,
    /// The line.
    pub text: String,
}

impl From<&HandingOut> for HandingOutView {
    fn from(handing_out: &HandingOut) -> Self {
        Self {
            at: unix_seconds(handing_out.when),
            program: Some(ProgramView {
                name: handing_out.program.clone(),
                pid: handing_out.pid,
            }),
            profile: handing_out.profile.clone(),
            what: handing_out.what.to_owned(),
            role: handing_out.role.clone(),
            expires_at: handing_out.expires,
        }
    }
}

impl From<Roles> for RolesView {
    fn from(roles: Roles) -> Self {
        Self {
            otherwise: roles.by_profile.or(roles.preferred),
            listed: roles.listed,
            chosen: roles.chosen,
        }
    }
}

impl AwsConfigView {
    pub(crate) fn new(name: String, change: &ConfigChange) -> Self {
        let line = |line: &ChangedLine| match line {
            ChangedLine::Added(text) => ConfigLineView {
                added: true,
                text: text.clone(),
            },
            ChangedLine::Removed(text) => ConfigLineView {
                added: false,
                text: text.clone(),
            },
        };
        let warnings = change.rivals().iter().map(|rival| CommandError {
            code: ErrorCode::Misconfigured,
            message: sentence(&rival.to_string()),
            remedy: rival.remedy(),
        });
        Self {
            file: change.file().display().to_string(),
            name,
            lines: change.lines().iter().map(line).collect(),
            warnings: warnings.collect(),
        }
    }
}
