//! The user pool as everybody sees it: its time, its discovery document, its keys, its domain.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cognito_client::{Profile, TransientCause};
use cognito_verifier::{JwksCache, JwksProblem};
use reqwest::Client;
use serde_json::Value;
use url::Url;

use super::asking::{Answer, ask, authority, unanswered};
use super::finding::Finding;
use super::hosts::Hosts;

/// From here on AWS is close to refusing signatures: it does at five minutes (AWS Signature Version 4, "Date").
const TOO_FAR: Duration = Duration::from_secs(4 * 60);
/// More than a slow answer.
const NOTICEABLE: Duration = Duration::from_secs(30);

/// How far this computer's clock is from the user pool's.
pub(crate) fn clock(profile: &Profile, hosts: &Hosts, now: SystemTime) -> Finding {
    const CHECK: &str = "clock";
    let Some((url, date)) = [&profile.domain, &profile.issuer]
        .into_iter()
        .find_map(|url| Some((url, hosts.date(url)?)))
    else {
        return match hosts.blocked(&profile.domain) {
            Some(because) => Finding::skipped(CHECK, because),
            None => Finding::unclear(CHECK, "the user pool does not say what time it is"),
        };
    };
    let (off, direction) = match date.duration_since(now) {
        Ok(behind) => (behind, "behind"),
        Err(ahead) => (ahead.duration(), "ahead of"),
    };
    let message = format!(
        "this computer's clock is {} seconds {direction} that of {}",
        off.as_secs(),
        authority(url)
    );
    let remedy = "Set this computer's date, time and time zone right (best: automatically).";
    if off >= TOO_FAR {
        Finding::failed(CHECK, "clock_wrong", message, remedy)
    } else if off >= NOTICEABLE {
        Finding::warning(CHECK, "clock_off", message, remedy)
    } else {
        Finding::ok(CHECK, "this computer's clock agrees with the user pool's")
    }
}

/// The user pool's documents.
pub(crate) struct Documents {
    pub(crate) findings: Vec<Finding>,
    /// Of the discovery document, where that is the pool's.
    pub(crate) token_endpoint: Option<Url>,
    pub(crate) keys: Option<Arc<JwksCache>>,
}

pub(crate) async fn documents(profile: &Profile, http: &Client, hosts: &Hosts) -> Documents {
    let root = issuer_root(profile);
    if let Some(because) = hosts.blocked(&root) {
        return Documents {
            findings: ["discovery", "keys"]
                .map(|check| Finding::skipped(check, because.clone()))
                .into(),
            token_endpoint: None,
            keys: None,
        };
    }
    let (discovery, keys) = tokio::join!(
        document(http, &root, ".well-known/openid-configuration"),
        document(http, &root, ".well-known/jwks.json"),
    );
    let (discovery, token_endpoint) = judge_discovery(profile, &root, discovery);
    let (keys_finding, keys) = judge_keys(&root, keys);
    Documents {
        findings: vec![discovery, keys_finding],
        token_endpoint,
        keys,
    }
}

/// Where the issuer's documents are: below the issuer, or below the same path elsewhere.
pub(crate) fn issuer_root(profile: &Profile) -> Url {
    let mut root = profile.issuer.clone();
    if let Some(endpoint) = &profile.endpoints.cognito_idp {
        root = endpoint.clone();
        root.set_path(profile.issuer.path());
    }
    root
}

async fn document(http: &Client, root: &Url, path: &str) -> Result<Answer, TransientCause> {
    let mut url = root.clone();
    url.set_path(&format!("{}/{path}", root.path().trim_end_matches('/')));
    ask(http.get(url)).await
}

/// What is wrong with an answer that is no document, or the document.
fn read(
    check: &'static str,
    root: &Url,
    answer: Result<Answer, TransientCause>,
) -> Result<Value, Finding> {
    let answer = answer.map_err(|cause| unanswered(check, root, cause))?;
    let status = answer.status.as_u16();
    match (status, answer.json()) {
        (200, Some(json)) => Ok(json),
        (200, None) => Err(unanswered(check, root, TransientCause::NotTheService)),
        (429 | 500.., _) => Err(unanswered(check, root, status.into())),
        _ => Err(Finding::failed(
            check,
            "not_an_issuer",
            format!("there is no user pool at {root} (status {status})"),
            "Correct the profile's `issuer`: https://cognito-idp.REGION.amazonaws.com/POOL_ID, and not the domain.",
        )),
    }
}

fn judge_discovery(
    profile: &Profile,
    root: &Url,
    answer: Result<Answer, TransientCause>,
) -> (Finding, Option<Url>) {
    const CHECK: &str = "discovery";
    let document = match read(CHECK, root, answer) {
        Ok(document) => document,
        Err(finding) => return (finding, None),
    };
    let (Some(issuer), Some(jwks_uri)) =
        (document["issuer"].as_str(), document["jwks_uri"].as_str())
    else {
        return (unanswered(CHECK, root, TransientCause::NotTheService), None);
    };
    let ours = profile.issuer.as_str().trim_end_matches('/');
    if issuer != ours {
        let finding = Finding::failed(
            CHECK,
            "issuer_mismatch",
            format!("the user pool says its issuer is {}", shown(issuer)),
            format!("Set the profile's `issuer` to it exactly; it is {ours} now."),
        );
        return (finding, None);
    }
    if Url::parse(jwks_uri).is_err() {
        return (unanswered(CHECK, root, TransientCause::NotTheService), None);
    }
    let token_endpoint = document["token_endpoint"].as_str();
    (
        Finding::ok(CHECK, format!("the user pool's issuer is {ours}")),
        token_endpoint.and_then(|url| Url::parse(url).ok()),
    )
}

fn judge_keys(
    root: &Url,
    answer: Result<Answer, TransientCause>,
) -> (Finding, Option<Arc<JwksCache>>) {
    const CHECK: &str = "keys";
    let document = match read(CHECK, root, answer) {
        Ok(document) => document,
        Err(finding) => return (finding, None),
    };
    let count = document["keys"].as_array().map_or(0, Vec::len);
    match JwksCache::from_json(document.to_string().as_bytes()) {
        Ok(keys) => (
            Finding::ok(CHECK, format!("the user pool has {count} signing keys")),
            Some(Arc::new(keys)),
        ),
        Err(JwksProblem::NoUsableKey) => {
            let finding = Finding::failed(
                CHECK,
                "no_keys",
                "the user pool has no RSA key that may check RS256 signatures",
                "Correct the profile's `issuer`, or its `endpoints.cognito_idp`.",
            );
            (finding, None)
        }
        Err(_) => (unanswered(CHECK, root, TransientCause::NotTheService), None),
    }
}

/// Whether the profile's domain is the one the user pool names.
pub(crate) fn belongs(profile: &Profile, token_endpoint: Option<&Url>) -> Result<(), String> {
    let Some(named) = token_endpoint else {
        return Err("the user pool's discovery document was not to be had".into());
    };
    if named.origin() == profile.domain.origin() {
        return Ok(());
    }
    Err(format!(
        "the user pool names {} as its domain; a pool with a custom domain does not name its other one",
        shown(&authority(named))
    ))
}

/// Words of a server's, made fit to be shown.
fn shown(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_graphic)
        .take(200)
        .collect()
}
