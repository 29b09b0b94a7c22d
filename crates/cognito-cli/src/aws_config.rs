//! `keyfob aws-config`: profiles for the AWS CLI and the SDKs, written into their own config file.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cognito_aws::{Addition, ConfigChange, SharedConfig, SharedConfigError};

use crate::account;
use crate::failure::{Failure, complain};

/// What to do to the AWS config file.
#[derive(Debug, Subcommand)]
pub(crate) enum AwsConfig {
    /// Add a profile, so that `aws --profile NAME` and every SDK work as you
    ///
    /// Adds [profile NAME] with credential_process, region and an emulator's endpoint_url to ~/.aws/config, or the file
    /// that AWS_CONFIG_FILE names. Every other byte of it stays, and the file as it was is kept beside it as
    /// config.keyfob-backup. Done again, it changes nothing but the path of this command and the endpoint_url, if
    /// those have changed.
    #[command(after_long_help = ADD_EXAMPLES)]
    Add(Add),
    /// Remove what `add` has added
    ///
    /// Without --name, of all AWS profiles that use this one.
    #[command(after_long_help = REMOVE_EXAMPLES)]
    Remove(Remove),
}

const ADD_EXAMPLES: &str = "\
Examples:
  keyfob aws-config add Example
  aws --profile Example s3 ls

  # Only show the lines:
  keyfob aws-config add \"Example Ltd\" --name example --dry-run

  # For programs that are told no profile:
  keyfob aws-config add Example --name default";

const REMOVE_EXAMPLES: &str = "\
Examples:
  keyfob aws-config remove Example
  keyfob aws-config remove Example --name default --dry-run";

#[derive(Args, Debug)]
pub(crate) struct Add {
    /// The profile; without it the one that is selected in the app
    #[arg(value_name = "PROFILE", env = "KEYFOB_PROFILE")]
    profile: Option<String>,
    /// Its name for the AWS CLI, such as `default`; without it the profile's own, with - for what cannot be in one
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Give a profile of that name which is there these settings; `remove` puts its own back
    #[arg(long)]
    force: bool,
    /// Show the lines, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// The profile; without it the one that is selected in the app
    #[arg(value_name = "PROFILE", env = "KEYFOB_PROFILE")]
    profile: Option<String>,
    /// Only the AWS profile of this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Show the lines, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(what: &AwsConfig) -> Result<(), Failure> {
    match what {
        AwsConfig::Add(add) => self::add(add),
        AwsConfig::Remove(remove) => self::remove(remove),
    }
}

fn add(arguments: &Add) -> Result<(), Failure> {
    let profile = account::profile(arguments.profile.as_deref())?;
    let mut addition = Addition {
        force: arguments.force,
        ..Addition::of(&profile, program()?)
    };
    if let Some(name) = &arguments.name {
        addition.name.clone_from(name);
    }
    if addition.endpoint.is_none() && !profile.endpoints.are_aws() {
        complain(
            "warning: the profile has endpoints of its own, which are not written. `keyfob exec` passes them on",
        );
    }
    let change = shared()?
        .plan_add(&addition)
        .map_err(|error| refused(&error))?;
    for rival in change.rivals() {
        complain(&format!("warning: {rival}. {}", rival.remedy()));
    }
    let is_new = !change.is_empty();
    make(change, arguments.dry_run)?;
    if is_new && !arguments.dry_run {
        let name = &addition.name;
        complain(&format!(
            "try it: aws --profile {name} sts get-caller-identity"
        ));
    }
    Ok(())
}

fn remove(arguments: &Remove) -> Result<(), Failure> {
    // It may be of a profile that is no more.
    let profile = match &arguments.profile {
        Some(profile) if !profile.is_empty() => profile.clone(),
        _ => account::profile(None)?.name,
    };
    let change = shared()?
        .plan_remove(&profile, arguments.name.as_deref())
        .map_err(|error| refused(&error))?;
    make(change, arguments.dry_run)
}

fn make(change: ConfigChange, dry_run: bool) -> Result<(), Failure> {
    let file = change.file().display().to_string();
    let mut stdout = io::stdout().lock();
    for line in change.lines() {
        writeln!(stdout, "{line}")?;
    }
    stdout.flush()?;
    if change.is_empty() {
        complain(&format!("{file} is as it should be"));
    } else if dry_run {
        complain(&format!("{file} is not changed"));
    } else {
        let backup = change.apply().map_err(|error| refused(&error))?;
        let before = backup.map(|backup| format!("; as it was, it is {}", backup.display()));
        complain(&format!("{file} is changed{}", before.unwrap_or_default()));
    }
    Ok(())
}

/// The AWS files of whoever runs this.
pub(crate) fn shared() -> Result<SharedConfig, Failure> {
    SharedConfig::locate(env::home_dir().as_deref(), |name| env::var_os(name))
        .map_err(|error| refused(&error))
}

fn refused(error: &SharedConfigError) -> Failure {
    let mut message = error.to_string();
    if let SharedConfigError::Taken { lines, .. } = error {
        message.push(':');
        for line in lines {
            message.push_str("\n  ");
            message.push_str(line);
        }
    }
    Failure::failed(message, error.remedy())
}

/// This command, by the path that stays when it is updated: that in `PATH`, where a package manager has a link to it.
fn program() -> Result<PathBuf, Failure> {
    let program = env::current_exe()?;
    Ok(in_path(&program, env::var_os("PATH").as_deref()).unwrap_or(program))
}

fn in_path(program: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let real = fs::canonicalize(program).ok()?;
    env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program.file_name().unwrap_or_default()))
        .find(|candidate| fs::canonicalize(candidate).is_ok_and(|found| found == real))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_the_path_is_preferred_to_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("1.0/keyfob");
        fs::create_dir(folder.path().join("1.0")).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(&real, "").unwrap();
        let link = folder.path().join("bin/keyfob");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let path = env::join_paths([Path::new("bin"), &folder.path().join("bin")]).unwrap();
        assert_eq!(in_path(&real, Some(&path)), Some(link));
        assert_eq!(in_path(&real, Some(OsStr::new("/nowhere"))), None);
        assert_eq!(in_path(&real, None), None);
    }
}
