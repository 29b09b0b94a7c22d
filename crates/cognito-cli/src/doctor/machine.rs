//! This computer: the keychain, the app's links, the AWS files, the running app.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cognito_agent::{Answer, AskError, IDENTIFIER, Place, Request, Want, ask};
use cognito_aws::{Rival, SharedConfig, SharedProfile};
use cognito_client::{Profile, StoreError, TokenStore};
use tokio::process::Command;
use tokio::time::timeout;

use super::finding::Finding;

/// Whether a secret can be kept, read and deleted. The one that is tried is of no use to anybody.
pub(crate) async fn keychain(store: Arc<dyn TokenStore>, patience: Duration) -> Finding {
    const CHECK: &str = "keychain";
    const PROBE: &[u8] = b"put here by keyfob doctor, which takes it away again";
    let probe = move || -> Result<(), StoreError> {
        let key = format!("doctor {}", std::process::id());
        // First, because a locked one tells without asking for its password.
        store.load(&key)?;
        store.save(&key, PROBE)?;
        let kept = store.load(&key);
        store.delete(&key)?;
        match kept? {
            Some(kept) if *kept == PROBE => Ok(()),
            _ => Err(StoreError::NotKept),
        }
    };
    let probed = timeout(patience, tokio::task::spawn_blocking(probe)).await;
    let error = match probed {
        Ok(Ok(Ok(()))) => return Finding::ok(CHECK, "it keeps, reads and deletes"),
        Ok(Ok(Err(error))) => error,
        Ok(Err(_)) => StoreError::Failed,
        Err(_) => StoreError::TimedOut,
    };
    let code = match error {
        StoreError::Absent => "keychain_absent",
        StoreError::Locked => "keychain_locked",
        StoreError::TimedOut => "timeout",
        _ => "keychain_failed",
    };
    let error = cognito_client::Error::Store(error);
    Finding::failed(CHECK, code, error.to_string(), error.remedy())
}

/// Whether the app is who gets the browser's answers.
pub(crate) async fn scheme(profile: &Profile, patience: Duration) -> Finding {
    const CHECK: &str = "scheme";
    let own = |url: &&url::Url| !matches!(url.scheme(), "http" | "https");
    let Some(scheme) = profile.redirects.iter().find(own).map(url::Url::scheme) else {
        return Finding::skipped(
            CHECK,
            "the profile has no callback URL of an app's own scheme",
        );
    };
    if !cfg!(target_os = "linux") {
        return Finding::skipped(
            CHECK,
            "only Linux tells which app opens links; the app registers itself",
        );
    }
    let asked = Command::new("xdg-mime")
        .args(["query", "default", &format!("x-scheme-handler/{scheme}")])
        .kill_on_drop(true)
        .output();
    let answer = match timeout(patience, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::skipped(
                CHECK,
                "xdg-mime, which would tell, is not installed (package xdg-utils)",
            );
        }
        Ok(Err(_)) | Err(_) => return Finding::unclear(CHECK, "xdg-mime does not answer"),
    };
    let app = String::from_utf8_lossy(&answer.stdout);
    let app: String = app
        .trim()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(100)
        .collect();
    if app.is_empty() {
        Finding::warning(
            CHECK,
            "scheme_unclaimed",
            format!("no app opens {scheme} links"),
            "Start the Keyfob app once, which registers itself; or sign in by another route (keyfob login).",
        )
    } else if scheme == IDENTIFIER && !app.to_ascii_lowercase().starts_with("keyfob") {
        Finding::warning(
            CHECK,
            "scheme_taken",
            format!("{app} opens {scheme} links, and not the Keyfob app"),
            "Start the Keyfob app once, which registers itself; or sign in by another route (keyfob login). If you do not know that program, ask whoever looks after this computer.",
        )
    } else {
        Finding::ok(CHECK, format!("{app} opens {scheme} links"))
    }
}

/// Whether the app answers programs. Without it they take what is in the keychain, and renew it themselves.
pub(crate) async fn agent(profile: &Profile, patience: Duration) -> Finding {
    const CHECK: &str = "agent";
    let Some(place) = Place::of_user() else {
        return Finding::skipped(CHECK, "this session has no folder for the app's socket");
    };
    let request = Request::new(profile, Want::Status);
    let asked = tokio::task::spawn_blocking(move || ask(&place, &request, patience));
    match asked.await {
        Ok(Ok(Answer::NotMine)) => Finding::warning(
            CHECK,
            "agent_other",
            "the app answers programs, but does not know this profile as it is here",
            "Start the Keyfob app again, which reads the profiles then.",
        ),
        Ok(Ok(_)) => Finding::ok(CHECK, "the app answers programs"),
        Ok(Err(AskError::TimedOut)) => Finding::warning(
            CHECK,
            "agent_slow",
            "the app does not answer in time",
            "Start the Keyfob app again.",
        ),
        Ok(Err(_)) | Err(_) => Finding::ok(
            CHECK,
            "the app does not run or does not answer programs; they do without",
        ),
    }
}

/// What the AWS files have of this profile, and what stands against it.
pub(crate) fn aws_config(shared: &SharedConfig, profile: &str) -> Vec<Finding> {
    const CHECK: &str = "aws-config";
    let entries = match shared.entries() {
        Ok(entries) => entries,
        Err(error) => {
            return vec![Finding::failed(
                CHECK,
                "unreadable",
                error.to_string(),
                error.remedy(),
            )];
        }
    };
    let mut findings = Vec::new();
    for SharedProfile { name, program, .. } in
        entries.iter().filter(|entry| entry.profile == profile)
    {
        let before = findings.len();
        if !program.is_file() {
            findings.push(Finding::failed(
                CHECK,
                "program_missing",
                format!(
                    "the AWS profile {name} runs {}, which is not there",
                    program.display()
                ),
                format!("Run keyfob aws-config add \"{profile}\" --name {name}."),
            ));
        }
        match shared.rivals(name) {
            Ok(rivals) => findings.extend(rivals.iter().map(|rival| {
                let (says, remedy) = (rival.to_string(), rival.remedy());
                match rival {
                    // Whoever names the profile is not affected.
                    Rival::Environment { .. } => {
                        Finding::warning(CHECK, "environment_wins", says, remedy)
                    }
                    _ => Finding::failed(CHECK, "credentials_win", says, remedy),
                }
            })),
            Err(error) => {
                findings.push(Finding::failed(
                    CHECK,
                    "unreadable",
                    error.to_string(),
                    error.remedy(),
                ));
            }
        }
        if findings.len() == before {
            findings.push(Finding::ok(
                CHECK,
                format!("aws --profile {name} gets its credentials"),
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            CHECK,
            format!("{} has nothing of this profile", shared.file().display()),
        ));
    }
    findings
}

/// Profiles in the AWS files that ask Keyfob for a profile it does not have.
pub(crate) fn orphans(shared: &SharedConfig, known: &[&str]) -> Vec<Finding> {
    let entries = shared.entries().unwrap_or_default();
    entries
        .into_iter()
        .filter(|entry| !known.contains(&entry.profile.as_str()))
        .map(|SharedProfile { name, profile, .. }| {
            Finding::failed(
                "aws-config",
                "profile_unknown",
                format!("the AWS profile {name} asks for the profile “{profile}”, which is not among those that can be used"),
                format!("Add or mend that profile in the app, or run keyfob aws-config remove \"{profile}\"."),
            )
        })
        .collect()
}
