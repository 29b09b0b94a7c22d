//! What only somebody who is signed in can find out: the tokens, and AWS and the API by them.

use std::sync::Arc;
use std::time::Duration;

use cognito_aws::{Aws, AwsService, CallerIdentity, EntryKind, Error, Files, Folder};
use cognito_client::{Session, SessionState};
use cognito_verifier::{ClientIds, JwksCache, UserPool, Verifier};
use reqwest::Client;
use tokio::time::timeout;

use super::asking::{ask, authority, unanswered};
use super::finding::Finding;
use super::hosts::Hosts;

/// A check that asks several times has this many times as long as one request.
const TIMES: u32 = 3;

/// The stored session: whose it is, and whether its tokens are good. They are renewed only if they have expired.
pub(crate) async fn stored(
    session: &Session,
    keys: Option<Arc<JwksCache>>,
    patience: Duration,
) -> Finding {
    let patience = patience * TIMES;
    const CHECK: &str = "session";
    let sign_in = |code, message: &str| {
        let name = &session.profile().name;
        let remedy = format!("Sign in: keyfob login --profile \"{name}\", or in the app.");
        Finding::warning(CHECK, code, message, remedy)
    };
    if timeout(patience, session.restore()).await.is_err() {
        return too_slow(CHECK, patience);
    }
    let status = session.status();
    // That somebody has to sign in is told by the state.
    if let Some(error) = status.problem
        && !matches!(error, cognito_client::Error::SignInRequired(_))
    {
        return Finding::failed(CHECK, "session_unusable", error.to_string(), error.remedy());
    }
    let user = match status.state {
        SessionState::SignedIn(user) => user,
        SessionState::Expired => return sign_in("session_ended", "the session has ended"),
        SessionState::SigningIn { .. } => {
            return sign_in(
                "signing_in",
                "a sign-in waits for its answer from the browser",
            );
        }
        _ => return sign_in("signed_out", "nobody is signed in"),
    };
    let Some(keys) = keys else {
        return Finding::unclear(
            CHECK,
            format!(
                "{} is signed in, but the keys to check the tokens are missing",
                user.username
            ),
        );
    };
    let id = match timeout(patience, session.id_token()).await {
        Ok(Ok(id)) => id,
        Ok(Err(error)) => {
            return Finding::failed(CHECK, "session_unusable", error.to_string(), error.remedy());
        }
        Err(_) => return too_slow(CHECK, patience),
    };
    let profile = session.profile();
    let Ok(pool) = UserPool::new(profile.issuer.as_str()) else {
        return Finding::skipped(CHECK, "the profile's issuer cannot be one");
    };
    let now = Moment(session.now());
    let verifier = Verifier::id(pool, ClientIds::only([profile.client_id.as_str()]))
        .with_clock(Arc::new(now))
        .with_jwks(keys);
    match verifier.verify_now(id.expose()) {
        Ok(_) => Finding::ok(
            CHECK,
            format!("{} is signed in, the tokens are good", user.username),
        ),
        Err(error) => Finding::failed(
            CHECK,
            "token_invalid",
            format!("the ID token is not acceptable: {error}"),
            "Sign out and in again. If it keeps happening, compare `issuer`, `domain` and `client_id` of the profile: all belong to one user pool.",
        ),
    }
}

struct Moment(std::time::SystemTime);

impl cognito_verifier::Clock for Moment {
    fn now(&self) -> std::time::SystemTime {
        self.0
    }
}

fn too_slow(check: &'static str, patience: Duration) -> Finding {
    Finding::failed(
        check,
        "timeout",
        format!("it took more than {} seconds", patience.as_secs()),
        "Unlock the keychain if it asks for its password, check the network connection, then try again.",
    )
}

/// Credentials from the identity pool, and what AWS lets them do. `because` says why there can be none.
pub(crate) async fn aws(
    session: &Session,
    because: Option<&str>,
    patience: Duration,
) -> Vec<Finding> {
    let profile = session.profile();
    let skipped = |because: &str| -> Vec<Finding> {
        let mut checks = vec!["identity-pool", "role"];
        checks.extend(profile.buckets.iter().map(|_| "s3"));
        checks.extend(profile.functions.iter().map(|_| "lambda"));
        let skipped = |check| Finding::skipped(check, because);
        checks.into_iter().map(skipped).collect()
    };
    if profile.identity_pool_id.is_none() {
        return skipped("the profile names no identity pool");
    }
    if let Some(because) = because {
        return skipped(because);
    }
    let aws = match Aws::with_patience(session.clone(), patience) {
        Ok(aws) => aws,
        Err(error) => {
            let mut findings = skipped("identity-pool failed");
            findings[0] = failed("identity-pool", &error);
            return findings;
        }
    };
    let caller = timeout(patience * TIMES, aws.caller_identity()).await;
    let caller = match caller {
        Ok(Ok(caller)) => caller,
        Ok(Err(error)) if is_by_sts(&error) => {
            let mut findings = skipped("role failed");
            findings[0] = Finding::ok("identity-pool", "it gives AWS credentials");
            findings[1] = failed("role", &error);
            return findings;
        }
        Ok(Err(error)) => {
            let mut findings = skipped("identity-pool failed");
            findings[0] = failed("identity-pool", &error);
            return findings;
        }
        Err(_) => {
            let mut findings = skipped("identity-pool failed");
            findings[0] = too_slow("identity-pool", patience * TIMES);
            return findings;
        }
    };
    let CallerIdentity {
        identity_id,
        role_arn,
        ..
    } = caller;
    let mut findings = vec![
        Finding::ok(
            "identity-pool",
            format!("it gives AWS credentials; the identity is {identity_id}"),
        ),
        Finding::ok("role", format!("AWS takes you for {role_arn}")),
    ];
    let (folders, functions) = tokio::join!(
        folders(&aws, patience * TIMES),
        functions(&aws, &profile.functions, patience * TIMES)
    );
    findings.extend(folders);
    findings.extend(functions);
    findings
}

fn is_by_sts(error: &Error) -> bool {
    match error {
        Error::Transient { service, .. }
        | Error::Clock { service }
        | Error::Refused { service, .. }
        | Error::Protocol { service, .. } => *service == AwsService::Sts,
        Error::NotAllowed { .. } => true,
        _ => false,
    }
}

fn failed(check: &'static str, error: &Error) -> Finding {
    let code = match error {
        Error::Session(_) => "session_unusable",
        Error::Transient { .. } => "unreachable",
        Error::Configuration { .. } => "misconfigured",
        Error::NotAllowed { .. } => "not_allowed",
        Error::Clock { .. } => "clock_wrong",
        _ => "refused",
    };
    Finding::failed(check, code, error.to_string(), error.remedy())
}

/// Lists each of the profile's folders.
async fn folders(aws: &Aws, patience: Duration) -> Vec<Finding> {
    const CHECK: &str = "s3";
    // Nothing is transferred, so nothing is written there.
    let files = Files::new(aws.clone(), std::env::temp_dir());
    let folders = match timeout(patience, files.folders()).await {
        Ok(Ok(folders)) => folders,
        Ok(Err(error)) => return vec![failed(CHECK, &error)],
        Err(_) => return vec![too_slow(CHECK, patience)],
    };
    let mut findings = Vec::new();
    for folder in folders {
        let place = format!("s3://{}/{}", folder.bucket, folder.prefix);
        findings.push(match timeout(patience, look_into(&files, &folder)).await {
            Ok(Ok(true)) => Finding::ok(
                CHECK,
                format!("{place} can be listed and read; writing was not tried"),
            ),
            Ok(Ok(false)) => Finding::ok(
                CHECK,
                format!("{place} can be listed; reading and writing were not tried"),
            ),
            Ok(Err(error)) => failed(CHECK, &error),
            Err(_) => too_slow(CHECK, patience),
        });
    }
    findings
}

/// Lists it and reads a small file in it; whether there was one. Of what is not there S3 may say that it may not be
/// read, so nothing else tells whether files may.
async fn look_into(files: &Files, folder: &Folder) -> Result<bool, Error> {
    const SMALL: std::ops::RangeInclusive<u64> = 1..=64 * 1024;
    let page = files.list(folder, "").next().await?.unwrap_or_default();
    let small = page.entries.iter().find(|entry| {
        matches!(&entry.kind, EntryKind::File { size, archived: false, .. } if SMALL.contains(size))
    });
    match small {
        Some(entry) => files.preview(folder, &entry.path).await.map(|_| true),
        None => Ok(false),
    }
}

/// Asks for each of the profile's functions whether it may be invoked; none is.
async fn functions(aws: &Aws, functions: &[String], patience: Duration) -> Vec<Finding> {
    const CHECK: &str = "lambda";
    let mut findings = Vec::new();
    for function in functions {
        findings.push(match timeout(patience, aws.dry_run(function, "{}")).await {
            Ok(Ok(())) => Finding::ok(CHECK, format!("{function} may be invoked")),
            Ok(Err(error)) => failed(CHECK, &error),
            Err(_) => too_slow(CHECK, patience),
        });
    }
    findings
}

/// Whether the API is there and asks for a token: it is sent none.
pub(crate) async fn api(session: &Session, http: &Client, hosts: &Hosts) -> Finding {
    const CHECK: &str = "api";
    let Some(url) = &session.profile().api_base_url else {
        return Finding::skipped(CHECK, "the profile names no API");
    };
    if let Some(because) = hosts.blocked(url) {
        return Finding::skipped(CHECK, because);
    }
    let host = authority(url);
    match ask(http.get(url.clone())).await {
        Err(cause) => unanswered(CHECK, url, cause),
        Ok(answer) => match answer.status.as_u16() {
            401 => Finding::ok(
                CHECK,
                format!("{host} refuses whoever has no token, as it should"),
            ),
            status @ (429 | 500..) => unanswered(CHECK, url, status.into()),
            status => Finding::ok(
                CHECK,
                format!(
                    "{host} answers; its root, with status {status}, does not tell whether it asks for tokens"
                ),
            ),
        },
    }
}
