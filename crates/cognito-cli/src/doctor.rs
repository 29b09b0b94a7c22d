//! `keyfob doctor`: what is wrong with each profile, and how to mend it.
//!
//! One file a family of checks. Each check is bounded in time; those that do not depend on each other go on side by side,
//! and what they found comes in the same order always. Nothing is changed, nobody is signed in or out, and no browser opens.

mod asking;
mod client;
mod command;
mod finding;
mod hosts;
mod machine;
mod pool;
mod session;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use cognito_aws::SharedConfig;
use cognito_client::{Clock, Profile, ProfileStore, Session, TokenStore};
use serde::Serialize;
use url::Url;

pub(crate) use command::{Doctor, run};

use finding::{Finding, Outcome};
use hosts::Hosts;

use crate::printable::printable;

/// What the checks are made with.
pub(crate) struct Equipment {
    /// Where sessions are kept.
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where the roles are that the person chose.
    pub(crate) choices: ProfileStore,
    /// The AWS files, where there are any.
    pub(crate) shared: Option<SharedConfig>,
    /// How long one request may take, to a server, the keychain or a program of the desktop.
    pub(crate) patience: Duration,
    /// Nothing is sent.
    pub(crate) offline: bool,
}

/// What is wrong with a profile, or with the computer.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The profile's name; none for what concerns all of them.
    pub(crate) profile: Option<String>,
    pub(crate) findings: Vec<Finding>,
}

/// What concerns all profiles. `known` are the names of all there are.
pub(crate) async fn computer(with: &Equipment, known: &[&str]) -> Report {
    let mut findings = vec![machine::keychain(with.store.clone(), with.patience).await];
    if let Some(shared) = &with.shared {
        findings.extend(machine::orphans(shared, known));
    }
    Report {
        profile: None,
        findings,
    }
}

/// Looks at one profile. `keychain` is what was found of that.
pub(crate) async fn examine(profile: &Profile, with: &Equipment, keychain: &Finding) -> Report {
    let mut findings = vec![Finding::ok(
        "profile",
        format!("it is well formed; the app client is {}", profile.client_id),
    )];
    let here = async {
        let mut here = vec![machine::scheme(profile, with.patience).await];
        if let Some(shared) = &with.shared {
            here.extend(machine::aws_config(shared, &profile.name));
        }
        here.push(machine::agent(profile, with.patience).await);
        here
    };
    let (there, here) = tokio::join!(there(profile, with, keychain), here);
    findings.extend(there);
    findings.extend(here);
    Report {
        profile: Some(profile.name.clone()),
        findings,
    }
}

/// What has to be asked of others.
async fn there(profile: &Profile, with: &Equipment, keychain: &Finding) -> Vec<Finding> {
    if with.offline {
        return vec![Finding::skipped(
            "network",
            "--offline: nothing was sent, and the session was not looked at",
        )];
    }
    let hosts = Hosts::of(&addresses(profile).await, with.patience).await;
    let mut findings = hosts.findings.clone();
    findings.push(pool::clock(profile, &hosts, with.clock.now()));
    let Ok(http) = asking::client(with.patience).build() else {
        // Each connection has said so.
        return findings;
    };
    // As the profile's own: what is chosen is asked for, and not forgotten where it cannot be had any more.
    let chosen = with.choices.role(profile);
    let mut as_chosen = profile.clone();
    if let Ok(Some(role)) = &chosen {
        as_chosen.aws.role_arn = Some(role.clone());
    }
    let session = Session::builder(as_chosen, with.store.clone())
        .clock(with.clock.clone())
        .http_patience(with.patience)
        .build();
    let session = match session {
        Ok(session) => session,
        Err(error) => {
            findings.push(Finding::failed(
                "profile",
                "misconfigured",
                error.to_string(),
                error.remedy(),
            ));
            return findings;
        }
    };
    let documents = pool::documents(profile, &http, &hosts).await;
    let signed_in = async {
        let stored = if keychain.outcome == Outcome::Failed {
            Finding::skipped("session", "keychain failed")
        } else if let Some(because) = hosts.blocked(&profile.domain) {
            Finding::skipped("session", because)
        } else {
            session::stored(&session, documents.keys.clone(), with.patience).await
        };
        let because = match stored.outcome {
            Outcome::Ok => None,
            Outcome::Warning if stored.code == "unclear" => None,
            Outcome::Warning => Some(stored.message.clone()),
            Outcome::Failed | Outcome::Skipped => Some("session failed".to_owned()),
        };
        let mut findings = vec![stored];
        // Programs take no other role for want of a readable choice.
        let because = match &chosen {
            Ok(_) => because,
            Err(error) => {
                let (message, code) = (error.to_string(), "choice_unreadable");
                findings.push(Finding::failed("choice", code, message, error.remedy()));
                Some("choice failed".to_owned())
            }
        };
        findings.extend(session::aws(&session, because.as_deref(), with.patience).await);
        findings
    };
    let (client, signed_in, api) = tokio::join!(
        client::look(profile, &http, &hosts, documents.token_endpoint.as_ref()),
        signed_in,
        session::api(&session, &http, &hosts),
    );
    findings.extend(documents.findings);
    findings.extend(client);
    findings.extend(signed_in);
    findings.push(api);
    findings
}

/// Everybody whom Keyfob asks for this profile.
async fn addresses(profile: &Profile) -> Vec<Url> {
    let mut addresses = vec![profile.domain.clone(), pool::issuer_root(profile)];
    addresses.extend(cognito_aws::endpoints(profile).await);
    addresses.extend(profile.api_base_url.clone());
    addresses
}

/// Prints what was found; whether nothing has failed.
pub(crate) fn print(reports: &[Report], json: bool, to: &mut impl Write) -> io::Result<bool> {
    let failed = reports
        .iter()
        .flat_map(|report| &report.findings)
        .filter(|finding| finding.outcome == Outcome::Failed)
        .count();
    if json {
        #[derive(Serialize)]
        struct All<'a> {
            version: &'static str,
            system: &'static str,
            failed: usize,
            reports: &'a [Report],
        }
        let all = All {
            version: env!("CARGO_PKG_VERSION"),
            system: std::env::consts::OS,
            failed,
            reports,
        };
        writeln!(to, "{}", printable(&serde_json::to_string(&all)?))?;
    } else {
        for report in reports {
            match &report.profile {
                Some(name) => writeln!(to, "Profile “{name}”")?,
                None => writeln!(
                    to,
                    "This computer (keyfob {}, {})",
                    env!("CARGO_PKG_VERSION"),
                    std::env::consts::OS
                )?,
            }
            for finding in &report.findings {
                writeln!(to, "  {finding}")?;
            }
        }
        match failed {
            0 => writeln!(to, "Nothing failed.")?,
            1 => writeln!(to, "1 check failed.")?,
            failed => writeln!(to, "{failed} checks failed.")?,
        }
    }
    to.flush()?;
    Ok(failed == 0)
}
