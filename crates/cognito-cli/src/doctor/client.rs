//! The app client: what the user pool says to requests that anybody may make, with no sign-in behind them.
//!
//! Cognito guide, "Authorize endpoint", "Token endpoint", "Logout endpoint".

use cognito_client::{Profile, TransientCause};
use reqwest::Client;
use url::Url;

use super::asking::{Answer, ask, authority, unanswered};
use super::finding::{Finding, Outcome};
use super::hosts::Hosts;
use super::pool;

/// Of RFC 7636, appendix B: nobody will redeem a code with it.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const MADE_UP: &str = "keyfob-doctor";

const CHECKS: [&str; 6] = ["domain", "client", "callback", "flow", "scopes", "sign-out"];

pub(crate) async fn look(
    profile: &Profile,
    http: &Client,
    hosts: &Hosts,
    token_endpoint: Option<&Url>,
) -> Vec<Finding> {
    if let Some(because) = hosts.blocked(&profile.domain) {
        let skipped = |check| Finding::skipped(check, because.clone());
        return CHECKS.map(skipped).into();
    }
    let (token, authorized, signed_out) = tokio::join!(
        token(profile, http),
        callbacks(profile, http),
        sign_out(profile, http),
    );
    let (domain, token_error) = judge_domain(profile, token, token_endpoint);
    let mut findings = vec![domain];
    let Some(token_error) = token_error else {
        let skipped = |check| Finding::skipped(check, "domain failed");
        findings.extend(CHECKS.into_iter().skip(1).map(skipped));
        return findings;
    };
    let registered = authorized
        .iter()
        .find(|(_, page)| !matches!(page, Page::Error(code) if code == "redirect_mismatch"))
        .filter(|(_, page)| !matches!(page, Page::Nothing(_)));
    findings.push(judge_client(profile, &token_error, registered.is_some()));
    let no_client = findings[1].outcome == Outcome::Failed && registered.is_none();
    findings.extend(authorized.iter().map(|(redirect, page)| {
        if no_client {
            return Finding::skipped("callback", "client failed");
        }
        judge_callback(profile, redirect, page)
    }));
    match registered {
        Some((redirect, page)) => {
            findings.extend(grants(profile, http, redirect, page).await);
        }
        None => {
            let skipped = |check| Finding::skipped(check, "callback failed");
            findings.extend(["flow", "scopes"].map(skipped));
        }
    }
    findings.extend(signed_out.into_iter().map(|(redirect, answer)| {
        if no_client {
            return Finding::skipped("sign-out", "client failed");
        }
        judge_sign_out(profile, redirect, answer)
    }));
    findings
}

/// Redeems a code that does not exist.
async fn token(profile: &Profile, http: &Client) -> Result<Answer, TransientCause> {
    let mut url = profile.domain.clone();
    url.set_path("/oauth2/token");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", profile.client_id.as_str()),
        ("code", MADE_UP),
        ("redirect_uri", profile.redirect().as_str()),
        ("code_verifier", CHALLENGE),
    ];
    ask(http.post(url).form(&form)).await
}

/// The `error` of a token endpoint's JSON (RFC 6749 §5.2).
fn oauth_error(answer: &Answer) -> Option<String> {
    let error = answer.json()?["error"].as_str()?.to_owned();
    (answer.status.as_u16() == 400 || answer.status.as_u16() == 401).then_some(error)
}

fn judge_domain(
    profile: &Profile,
    answer: Result<Answer, TransientCause>,
    token_endpoint: Option<&Url>,
) -> (Finding, Option<String>) {
    const CHECK: &str = "domain";
    let domain = authority(&profile.domain);
    let answer = match answer {
        Ok(answer) => answer,
        Err(cause) => return (unanswered(CHECK, &profile.domain, cause), None),
    };
    let status = answer.status.as_u16();
    match (oauth_error(&answer), status) {
        (Some(error), _) => {
            let finding = match pool::belongs(profile, token_endpoint) {
                Ok(()) => Finding::ok(CHECK, format!("{domain} is the user pool's domain")),
                Err(why) => Finding::unclear(
                    CHECK,
                    format!(
                        "{domain} is a user pool's domain, but whether it is this pool's: {why}"
                    ),
                ),
            };
            (finding, Some(error))
        }
        (None, 429 | 500..) => (unanswered(CHECK, &profile.domain, status.into()), None),
        (None, 200..400) => (
            unanswered(CHECK, &profile.domain, TransientCause::NotTheService),
            None,
        ),
        _ => (
            Finding::failed(
                CHECK,
                "not_a_domain",
                format!("{domain} is not a user pool's domain (status {status} at /oauth2/token)"),
                "Correct the profile's `domain`: https://PREFIX.auth.REGION.amazoncognito.com, or the pool's custom domain.",
            ),
            None,
        ),
    }
}

fn judge_client(profile: &Profile, error: &str, is_known: bool) -> Finding {
    const CHECK: &str = "client";
    let id = &profile.client_id;
    match (error, is_known) {
        // It was the code that was refused, and so not the client.
        ("invalid_grant" | "unauthorized_client" | "invalid_request", _) => {
            Finding::ok(CHECK, format!("the app client {id} is public"))
        }
        ("invalid_client", true) => Finding::failed(
            CHECK,
            "client_has_secret",
            format!("the app client {id} has a client secret"),
            "Create an app client without one (GenerateSecret false) and set the profile's `client_id` to its ID; a secret cannot be removed.",
        ),
        ("invalid_client", false) => Finding::failed(
            CHECK,
            "client_unknown",
            format!(
                "the user pool does not know the app client {id} as a public client with one of the profile's callback URLs"
            ),
            "Set the profile's `client_id` to the ID of an app client of this pool that has no secret, and register the profile's `redirects` with it.",
        ),
        _ => Finding::unclear(CHECK, "the token endpoint answered with an unusual error"),
    }
}

/// Where `/oauth2/authorize` leads.
enum Page {
    /// To the sign-in, so that all is well.
    SignIn,
    /// To Cognito's own error page.
    Error(String),
    /// Back to the callback URL with an error.
    Back { error: String, description: String },
    /// No answer that says anything.
    Nothing(Result<u16, TransientCause>),
}

async fn callbacks<'p>(profile: &'p Profile, http: &Client) -> Vec<(&'p Url, Page)> {
    let mut pages = Vec::new();
    for redirect in &profile.redirects {
        let scopes = profile.scopes.join(" ");
        pages.push((redirect, authorize(profile, http, redirect, &scopes).await));
    }
    pages
}

async fn authorize(profile: &Profile, http: &Client, redirect: &Url, scopes: &str) -> Page {
    let mut url = profile.domain.clone();
    url.set_path("/oauth2/authorize");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &profile.client_id)
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("scope", scopes)
        .append_pair("state", MADE_UP)
        .append_pair("nonce", MADE_UP)
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256");
    let answer = match ask(http.get(url)).await {
        Ok(answer) => answer,
        Err(cause) => return Page::Nothing(Err(cause)),
    };
    let Some(to) = answer.location(&profile.domain) else {
        return Page::Nothing(Ok(answer.status.as_u16()));
    };
    let value = |name: &str| {
        let pair = to.query_pairs().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let (mut here, mut callback) = (to.clone(), redirect.clone());
    here.set_query(None);
    callback.set_query(None);
    if here == callback {
        Page::Back {
            error: value("error"),
            description: value("error_description"),
        }
    } else if to.origin() == profile.domain.origin() && to.path() == "/error" {
        Page::Error(value("error"))
    } else {
        Page::SignIn
    }
}

fn judge_callback(profile: &Profile, redirect: &Url, page: &Page) -> Finding {
    const CHECK: &str = "callback";
    match page {
        Page::SignIn | Page::Back { .. } => Finding::ok(CHECK, format!("{redirect} is registered")),
        Page::Error(code) if code == "redirect_mismatch" => Finding::failed(
            CHECK,
            "callback_not_registered",
            format!("{redirect} is not a callback URL of the app client"),
            format!(
                "Register exactly {redirect} with the app client {} (CallbackURLs), or take it out of the profile's `redirects`.",
                profile.client_id
            ),
        ),
        // A page of Cognito's about something else: the callback URL is looked at first.
        Page::Error(code) if code == "invalid_scope" => {
            Finding::ok(CHECK, format!("{redirect} is registered"))
        }
        Page::Error(_) => {
            Finding::unclear(CHECK, format!("{redirect} led to an unusual error page"))
        }
        Page::Nothing(Err(cause)) => unanswered(CHECK, &profile.domain, *cause),
        Page::Nothing(Ok(status)) => Finding::unclear(
            CHECK,
            format!("/oauth2/authorize answered {redirect} with status {status}"),
        ),
    }
}

/// Whether the client may use the code grant and the profile's scopes.
async fn grants(profile: &Profile, http: &Client, redirect: &Url, page: &Page) -> [Finding; 2] {
    let flow = || Finding::ok("flow", "the authorization code grant is allowed");
    let client = &profile.client_id;
    if is_scope_error(page) {
        let mut refused = Vec::new();
        for scope in &profile.scopes {
            // The other standard scopes are refused without this one.
            let asked = match scope.as_str() {
                "openid" => "openid".to_owned(),
                scope => format!("openid {scope}"),
            };
            if is_scope_error(&authorize(profile, http, redirect, &asked).await) {
                refused.push(scope.as_str());
            }
        }
        let which = match refused.as_slice() {
            [] => profile.scopes.join(", "),
            all if all.contains(&"openid") => "openid".to_owned(),
            some => some.join(", "),
        };
        let finding = Finding::failed(
            "scopes",
            "scope_not_allowed",
            format!("the app client does not allow {which}"),
            format!(
                "Allow it on the app client {client} (AllowedOAuthScopes), or take it out of the profile's `scopes`."
            ),
        );
        return [flow(), finding];
    }
    match page {
        Page::SignIn => [
            flow(),
            Finding::ok(
                "scopes",
                format!("{} are allowed", profile.scopes.join(", ")),
            ),
        ],
        Page::Back { error, .. } if error == "unauthorized_client" => [
            Finding::failed(
                "flow",
                "flow_not_allowed",
                "the app client may not use the authorization code grant",
                format!(
                    "Allow `code` on the app client {client} (AllowedOAuthFlows, with AllowedOAuthFlowsUserPoolClient true)."
                ),
            ),
            Finding::skipped("scopes", "flow failed"),
        ],
        _ => ["flow", "scopes"].map(|check| {
            Finding::unclear(
                check,
                "the user pool refuses the sign-in with an unusual error",
            )
        }),
    }
}

/// As documented, or as seen live.
fn is_scope_error(page: &Page) -> bool {
    match page {
        Page::Error(code) => code == "invalid_scope",
        Page::Back { error, description } => {
            error == "invalid_scope" || description.contains("invalid_scope")
        }
        Page::SignIn | Page::Nothing(_) => false,
    }
}

async fn sign_out<'p>(
    profile: &'p Profile,
    http: &Client,
) -> Vec<(&'p Url, Result<Answer, TransientCause>)> {
    let mut answers = Vec::new();
    for redirect in &profile.sign_out_redirects {
        let mut url = profile.domain.clone();
        url.set_path("/logout");
        url.query_pairs_mut()
            .append_pair("client_id", &profile.client_id)
            .append_pair("logout_uri", redirect.as_str());
        answers.push((redirect, ask(http.get(url)).await));
    }
    answers
}

fn judge_sign_out(
    profile: &Profile,
    redirect: &Url,
    answer: Result<Answer, TransientCause>,
) -> Finding {
    const CHECK: &str = "sign-out";
    match answer {
        Err(cause) => unanswered(CHECK, &profile.domain, cause),
        Ok(answer) if answer.location(&profile.domain).as_ref() == Some(redirect) => {
            Finding::ok(CHECK, format!("{redirect} is registered"))
        }
        Ok(answer) if answer.status.as_u16() == 429 || answer.status.is_server_error() => {
            unanswered(CHECK, &profile.domain, answer.status.as_u16().into())
        }
        Ok(_) => Finding::failed(
            CHECK,
            "sign_out_not_registered",
            format!("{redirect} is not a sign-out URL of the app client"),
            format!(
                "Register exactly {redirect} with the app client {} (LogoutURLs), or take it out of the profile's `sign_out_redirects`.",
                profile.client_id
            ),
        ),
    }
}
