//! The command itself: which profiles, with what.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cognito_agent::IDENTIFIER;
use cognito_client::{KeyringStore, ProfileStore, SystemClock};

use super::finding::Finding;
use super::{Equipment, computer, examine, print};
use crate::account;
use crate::aws_config;
use crate::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Only this profile; without it all of them
    #[arg(long, short, value_name = "NAME")]
    profile: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Send nothing: look at this computer only
    #[arg(long)]
    offline: bool,
}

/// Whether nothing has failed.
pub(crate) fn run(arguments: &Doctor) -> Result<bool, Failure> {
    let known = account::known();
    let with = Equipment {
        store: Arc::new(KeyringStore::new(IDENTIFIER).without_asking()),
        clock: Arc::new(SystemClock),
        choices: ProfileStore::of_user(),
        shared: aws_config::shared().ok(),
        patience: Duration::from_secs(5),
        offline: arguments.offline,
    };
    let wanted: Vec<_> = match &arguments.profile {
        Some(name) => vec![account::profile(Some(name))?],
        None => known
            .profiles
            .iter()
            .map(|(profile, _)| profile.clone())
            .collect(),
    };
    let names: Vec<_> = known
        .profiles
        .iter()
        .map(|(profile, _)| profile.name.as_str())
        .collect();
    let mut reports = account::block_on(async {
        let computer = computer(&with, &names).await;
        let keychain = computer.findings[0].clone();
        let mut reports = vec![computer];
        for profile in &wanted {
            reports.push(examine(profile, &with, &keychain).await);
        }
        reports
    })?;
    reports[0]
        .findings
        .extend(known.unusable.iter().map(unusable));
    Ok(print(&reports, arguments.json, &mut io::stdout().lock())?)
}

/// A profile's file that cannot be used.
fn unusable(failure: &Failure) -> Finding {
    let (message, remedy) = match failure {
        Failure::Failed { message, remedy } => (message.as_str(), remedy.as_str()),
        _ => ("a profile cannot be used", ""),
    };
    Finding::failed("profile", "profile_unusable", message, remedy)
}
