//! The shared config file of the AWS CLI and the SDKs: profiles in it that ask the `keyfob` command for credentials.
//!
//! SDKs and tools reference, "Shared config and credentials files" and "Process credential provider".

mod command;
mod document;
mod edit;
mod error;
mod file;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use cognito_client::Profile;
use url::Url;

pub use error::{Rival, SharedConfigError};

use document::{Kind, Section};
use edit::{Edit, Splice};

/// How often a change is made anew because another program was faster.
const ATTEMPTS: usize = 10;

/// The shared config and credentials files of a person: `~/.aws/config` and `~/.aws/credentials`.
///
/// Only the config file is ever changed, and of it only the lines that are shown before; every other byte stays. It is
/// replaced as a whole, under a lock, and its last content is kept beside it as `config.keyfob-backup`.
#[derive(Clone, Debug)]
pub struct SharedConfig {
    config: PathBuf,
    credentials: PathBuf,
    /// The variable with which the environment has credentials of its own.
    in_environment: Option<&'static str>,
}

/// A profile for the AWS CLI and the SDKs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Its name there, after `aws --profile`; [`SharedConfig::name_for`] has one.
    pub name: String,
    /// The profile of Keyfob's whose credentials it gets.
    pub profile: String,
    /// The `keyfob` command.
    pub program: PathBuf,
    /// The Region.
    pub region: String,
    /// What stands in for AWS, for every service; an emulator.
    pub endpoint: Option<Url>,
    /// Whether a section of that name which is not ours gets these settings in place of its own credentials.
    pub force: bool,
}

impl Addition {
    /// Of this profile of Keyfob's, under the name that it has there by itself.
    ///
    /// Endpoints that stand in for some services only, or for each another, are not written: what the file has for
    /// those is a section of its own.
    pub fn of(profile: &Profile, program: PathBuf) -> Self {
        Self {
            name: SharedConfig::name_for(&profile.name),
            profile: profile.name.clone(),
            program,
            region: profile.region.clone(),
            endpoint: profile.endpoints.of_all().cloned(),
            force: false,
        }
    }
}

/// A profile that asks Keyfob, as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedProfile {
    /// Its name there.
    pub name: String,
    /// The program it runs.
    pub program: PathBuf,
    /// The profile of Keyfob's.
    pub profile: String,
}

/// What would be changed in the config file. Nothing is, before [`apply`](Self::apply).
#[derive(Clone)]
pub struct ConfigChange {
    at: SharedConfig,
    edit: Edit,
    before: Option<Vec<u8>>,
    after: Vec<u8>,
    lines: Vec<ChangedLine>,
    rivals: Vec<Rival>,
}

/// A line that a [`ConfigChange`] adds or removes, with secrets masked. Printed as `+ line` and `- line`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedLine {
    /// It is not there yet.
    Added(String),
    /// It is there now.
    Removed(String),
}

impl fmt::Display for ChangedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(line) => write!(f, "+ {line}"),
            Self::Removed(line) => write!(f, "- {line}"),
        }
    }
}

impl SharedConfig {
    /// These two files, either of which may be missing.
    pub fn new(config: PathBuf, credentials: PathBuf) -> Self {
        Self {
            config,
            credentials,
            in_environment: None,
        }
    }

    /// The files that the environment names with `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`, else those in the
    /// home folder. `variable` is asked for environment variables.
    ///
    /// # Errors
    /// [`SharedConfigError::NoHome`].
    pub fn locate(
        home: Option<&Path>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SharedConfigError> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let file = |name, default| {
            let named = set(name).map(PathBuf::from);
            let named = named.map(|path| match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => path,
            });
            named.or_else(|| Some(home?.join(".aws").join(default)))
        };
        Ok(Self {
            config: file("AWS_CONFIG_FILE", "config").ok_or(SharedConfigError::NoHome)?,
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
                .ok_or(SharedConfigError::NoHome)?,
            in_environment: ["AWS_ACCESS_KEY_ID"]
                .into_iter()
                .find(|name| set(name).is_some()),
        })
    }

    /// The config file.
    pub fn file(&self) -> &Path {
        &self.config
    }

    /// A name for the AWS CLI, made from that of a profile of Keyfob's: the same where that can be.
    pub fn name_for(profile: &str) -> String {
        let mut name = String::new();
        for c in profile.chars() {
            if is_name_character(c) {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        match name.trim_end_matches('-') {
            "" => "keyfob".to_owned(),
            name => name.to_owned(),
        }
    }

    /// What adding this profile would change. Nothing when it is there already.
    ///
    /// # Errors
    /// Any but [`SharedConfigError::NotOurs`] and [`SharedConfigError::Changed`].
    pub fn plan_add(&self, addition: &Addition) -> Result<ConfigChange, SharedConfigError> {
        if addition.name.is_empty()
            || addition.name.len() > 128
            || !addition.name.chars().all(is_name_character)
        {
            return Err(SharedConfigError::Name {
                name: addition.name.clone(),
            });
        }
        let value = command::value(&addition.program, &addition.profile, cfg!(windows))?;
        self.plan(Edit::Add {
            name: addition.name.clone(),
            profile: addition.profile.clone(),
            value,
            region: addition.region.clone(),
            endpoint: addition
                .endpoint
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            force: addition.force,
        })
    }

    /// What removing the AWS profiles of this profile of Keyfob's would change, or only the one with this name; and
    /// putting back what was replaced. Nothing when there are none.
    ///
    /// # Errors
    /// [`SharedConfigError::NotOurs`] when a name is given and that is somebody else's, and [`SharedConfigError::File`].
    pub fn plan_remove(
        &self,
        profile: &str,
        name: Option<&str>,
    ) -> Result<ConfigChange, SharedConfigError> {
        self.plan(Edit::Remove {
            profile: profile.to_owned(),
            name: name.map(str::to_owned),
        })
    }

    /// The profiles there that ask Keyfob.
    ///
    /// # Errors
    /// [`SharedConfigError::File`].
    pub fn entries(&self) -> Result<Vec<SharedProfile>, SharedConfigError> {
        let bytes = self.read(&self.config)?.unwrap_or_default();
        let lines = document::lines(&bytes);
        let sections = document::profiles(&lines, Kind::Config);
        let entries = sections.into_iter().filter_map(|(name, section)| {
            let (_, ours) = edit::ours(&section)?;
            Some(SharedProfile {
                name,
                program: ours.program.into(),
                profile: ours.profile,
            })
        });
        Ok(entries.collect())
    }

    /// What AWS programs use instead of `credential_process` for the AWS profile of this name.
    ///
    /// # Errors
    /// [`SharedConfigError::File`].
    pub fn rivals(&self, name: &str) -> Result<Vec<Rival>, SharedConfigError> {
        let config = self.read(&self.config)?.unwrap_or_default();
        self.rivals_beside(name, &config)
    }

    fn rivals_beside(&self, name: &str, config: &[u8]) -> Result<Vec<Rival>, SharedConfigError> {
        let credentials = self.read(&self.credentials)?.unwrap_or_default();
        let mut rivals = Vec::new();
        for (file, bytes, kind) in [
            (&self.credentials, credentials.as_slice(), Kind::Credentials),
            (&self.config, config, Kind::Config),
        ] {
            let lines = document::lines(bytes);
            let sections = document::profiles(&lines, kind);
            for (_, section) in sections.iter().filter(|(known, _)| known == name) {
                rivals.extend(sources(section).map(|setting| Rival::Setting {
                    name: name.to_owned(),
                    file: file.clone(),
                    setting: setting.to_owned(),
                }));
            }
        }
        rivals.extend(
            self.in_environment
                .map(|variable| Rival::Environment { variable }),
        );
        Ok(rivals)
    }

    fn plan(&self, edit: Edit) -> Result<ConfigChange, SharedConfigError> {
        let before = self.read(&self.config)?;
        let bytes = before.as_deref().unwrap_or_default();
        let splices = edit.splices(bytes, &self.config)?;
        let after = Splice::apply(&splices, bytes);
        let rivals = match &edit {
            Edit::Add { name, .. } => self.rivals_beside(name, &after)?,
            Edit::Remove { .. } => Vec::new(),
        };
        Ok(ConfigChange {
            lines: splices
                .iter()
                .flat_map(|splice| splice.shown(bytes))
                .collect(),
            after,
            at: self.clone(),
            edit,
            before,
            rivals,
        })
    }

    fn read(&self, file: &Path) -> Result<Option<Vec<u8>>, SharedConfigError> {
        file::read(file).map_err(|error| failed(file, &error))
    }
}

impl ConfigChange {
    /// Whether the file is as it should be.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, in the order of the file. Empty ones are left out.
    pub fn lines(&self) -> &[ChangedLine] {
        &self.lines
    }

    /// What AWS programs would use instead of what is added.
    pub fn rivals(&self) -> &[Rival] {
        &self.rivals
    }

    /// The config file.
    pub fn file(&self) -> &Path {
        &self.at.config
    }

    /// Makes the change, and gives the file with the content from before, if there was any. Nothing is written when
    /// nothing is to be changed.
    ///
    /// Should another program have changed the file since, the same lines are changed in what is there now.
    ///
    /// # Errors
    /// [`SharedConfigError::Changed`] when that would be other lines, and [`SharedConfigError::File`]. The file is then
    /// as it was.
    pub fn apply(mut self) -> Result<Option<PathBuf>, SharedConfigError> {
        if self.is_empty() {
            return Ok(None);
        }
        let config = self.at.config.clone();
        let failed = |error: std::io::Error| failed(&config, &error);
        let target = file::target(&config).map_err(failed)?;
        file::make_folder(&target).map_err(failed)?;
        let _turn = file::lock(&target);
        for _ in 0..ATTEMPTS {
            if self.at.read(&target)? != self.before {
                let now = self.at.plan(self.edit.clone())?;
                if now.lines != self.lines {
                    return Err(SharedConfigError::Changed { file: config });
                }
                self = now;
            }
            let unfinished = file::prepare(&target, &self.after, &target).map_err(failed)?;
            let backup = match &self.before {
                Some(before) => Some(self.back_up(before, &target)?),
                None => None,
            };
            // Programs that know no lock have until here.
            if self.at.read(&target)? == self.before {
                unfinished.put_in_place().map_err(failed)?;
                return Ok(backup);
            }
        }
        Err(SharedConfigError::Changed { file: config })
    }

    /// Keeps the content from before beside the file, for the eyes that may see the file.
    fn back_up(&self, before: &[u8], like: &Path) -> Result<PathBuf, SharedConfigError> {
        let mut backup = self.at.config.clone().into_os_string();
        backup.push(".keyfob-backup");
        let backup = PathBuf::from(backup);
        file::prepare(&backup, before, like)
            .and_then(file::Unfinished::put_in_place)
            .map_err(|error| failed(&backup, &error))?;
        Ok(backup)
    }
}

/// Without the file's content, which may have secrets in it.
impl fmt::Debug for ConfigChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigChange")
            .field("file", &self.at.config)
            .field("lines", &self.lines)
            .field("rivals", &self.rivals)
            .finish_non_exhaustive()
    }
}

/// `[A-Za-z0-9_\-/.%@:+]`: the SDKs ignore profiles with any other in their names, the AWS CLI splits at some.
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c)
}

fn header(name: &str) -> String {
    match name {
        "default" => "[default]".to_owned(),
        name => format!("[profile {name}]"),
    }
}

/// Settings of a section that say where credentials come from, but for our own.
fn sources<'s>(section: &'s Section<'_>) -> impl Iterator<Item = &'s str> {
    let ours = edit::ours(section).map(|(index, _)| index);
    let others = section.settings.iter().enumerate();
    others
        .filter(move |(index, setting)| Some(*index) != ours && is_source(&setting.key))
        .map(|(_, setting)| setting.key.as_str())
}

fn is_source(key: &str) -> bool {
    key.starts_with("sso_")
        || matches!(
            key,
            "aws_access_key_id"
                | "aws_secret_access_key"
                | "aws_session_token"
                | "credential_process"
                | "credential_source"
                | "login_session"
                | "role_arn"
                | "source_profile"
                | "web_identity_token_file"
        )
}

fn failed(file: &Path, error: &std::io::Error) -> SharedConfigError {
    SharedConfigError::File {
        file: file.to_owned(),
        reason: error.to_string(),
    }
}
