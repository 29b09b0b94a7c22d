//! `AssumeRoleWithWebIdentity` with a token of the identity pool: the second half of the basic flow.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use axum::{http::StatusCode, response::Response};
use s3s::dto::{Timestamp, TimestampFormat};
use serde_json::Value;

use super::{error, escape, result};
use crate::{
    iam::Policy,
    identity::{self, Session},
    params::Params,
    state::Shared,
    tokens::Jwt,
};

/// What STS takes, in seconds.
const DURATION: std::ops::RangeInclusive<u64> = 900..=43_200;
const DEFAULT_DURATION: &str = "3600";

/// Why a role is not assumed: status, code and message.
type Refusal = (StatusCode, &'static str, String);

pub(super) async fn answer(shared: &Shared, form: &Params) -> Response {
    match assume(shared, form).await {
        Ok(members) => result("AssumeRoleWithWebIdentity", &members),
        Err((status, code, message)) => error(status, code, &message),
    }
}

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err((StatusCode::BAD_REQUEST, code, message.into()))
}

fn constraint<T>(value: impl fmt::Display, name: &str, constraint: &str) -> Result<T, Refusal> {
    refuse(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {constraint}"
        ),
    )
}

/// A parameter that must be there, and so long.
fn text<'a>(
    form: &'a Params,
    parameter: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<&'a str, Refusal> {
    let name = format!("{}{}", parameter[..1].to_lowercase(), &parameter[1..]);
    let Some(value) = form.value(parameter) else {
        return refuse(
            "ValidationError",
            format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ),
        );
    };
    // A token is not repeated.
    let shown = match parameter {
        "WebIdentityToken" => "***",
        _ => value,
    };
    if value.len() < *length.start() {
        let least = format!("have length greater than or equal to {}", length.start());
        return constraint(shown, &name, &least);
    }
    if value.len() > *length.end() {
        let most = format!("have length less than or equal to {}", length.end());
        return constraint(shown, &name, &most);
    }
    Ok(value)
}

async fn assume(shared: &Shared, form: &Params) -> Result<String, Refusal> {
    let arn = text(form, "RoleArn", 20..=2048)?;
    let session_name = text(form, "RoleSessionName", 2..=64)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if !session_name.bytes().all(allowed) {
        return constraint(
            session_name,
            "roleSessionName",
            "satisfy regular expression pattern: [\\w+=,.@-]*",
        );
    }
    let token = text(form, "WebIdentityToken", 4..=20_000)?;
    let duration = form.value("DurationSeconds").unwrap_or(DEFAULT_DURATION);
    let Ok(duration) = duration.parse::<u64>() else {
        return refuse("MalformedInput", "Invalid duration");
    };
    if duration < *DURATION.start() {
        let least = format!("have value greater than or equal to {}", DURATION.start());
        return constraint(duration, "durationSeconds", &least);
    }
    if duration > *DURATION.end() {
        let most = format!("have value less than or equal to {}", DURATION.end());
        return constraint(duration, "durationSeconds", &most);
    }
    if form.value("PolicyArns.member.1.arn").is_some() {
        return refuse(
            "ValidationError",
            "PolicyArns are not emulated: give the session's policy as Policy.",
        );
    }
    let policy = session_policy(form.value("Policy"))?;

    let (sub, amr) = check_token(shared, token).await?;
    let facts = identity::facts(shared, &sub, &amr);
    let role = shared.roles.find(arn).filter(|role| role.trusts(&facts));
    let Some(role) = role else {
        // Whether there is such a role is nobody's business.
        return Err((
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity".into(),
        ));
    };
    if duration > role.max_session.as_secs() {
        return refuse(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        );
    }
    let session = Session {
        name: session_name,
        identity_id: &sub,
        lifetime: duration,
        facts,
        policy,
    };
    let issued = identity::issue(shared, role, session);
    let mut expiration = Vec::new();
    let expires = Timestamp::from(UNIX_EPOCH + Duration::from_secs(issued.expires));
    expires
        .format(TimestampFormat::DateTime, &mut expiration)
        .expect("a time of this century");
    Ok(format!(
        "<SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken><Audience>{}</Audience><AssumedRoleUser><Arn>{}\
         </Arn><AssumedRoleId>{}</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId>\
         <SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>\
         <Provider>cognito-identity.amazonaws.com</Provider>",
        escape(&sub),
        escape(&shared.config.identity_pool.id),
        escape(&issued.caller.arn),
        escape(&issued.caller.user_id),
        issued.access_key,
        issued.secret_key,
        issued.session_token,
        String::from_utf8_lossy(&expiration),
    ))
}

fn session_policy(document: Option<&str>) -> Result<Option<Arc<Policy>>, Refusal> {
    let Some(document) = document else {
        return Ok(None);
    };
    if document.len() > 2048 {
        return refuse(
            "ValidationError",
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less \
             than or equal to 2048",
        );
    }
    let parsed = serde_json::from_str(document)
        .map_err(|_| "Syntax errors in policy.".to_owned())
        .and_then(|document: Value| Policy::parse(&document, false));
    match parsed {
        Ok(policy) => Ok(Some(Arc::new(policy))),
        Err(reason) => refuse("MalformedPolicyDocument", reason),
    }
}

/// The identity and the `amr` of a token the identity pool has given.
async fn check_token(shared: &Shared, token: &str) -> Result<(String, Vec<String>), Refusal> {
    let invalid = |message: String| (StatusCode::BAD_REQUEST, "InvalidIdentityToken", message);
    let jwt = Jwt::parse(token).ok_or_else(|| {
        invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)".into())
    })?;
    let issuer = jwt.text("iss").unwrap_or_default();
    if issuer != identity::ISSUER {
        return Err(invalid(format!(
            "No OpenIDConnect provider found in your account for {issuer}"
        )));
    }
    let key = shared.keys.identity().await;
    if !jwt.is_signed_with(&key) {
        return Err(invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference \
             AssumeRoleWithWebIdentity documentation for requirements"
                .into(),
        ));
    }
    if jwt.text("aud") != Some(&shared.config.identity_pool.id) {
        return Err(invalid("Incorrect token audience".into()));
    }
    let (now, expires) = (shared.clock.unix(), jwt.number("exp").unwrap_or_default());
    if now >= expires {
        return refuse(
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expires}"
            ),
        );
    }
    let amr = jwt.claims.get("amr").and_then(Value::as_array);
    let amr = amr.into_iter().flatten().filter_map(Value::as_str);
    let sub = jwt.text("sub").unwrap_or_default();
    Ok((sub.to_owned(), amr.map(str::to_owned).collect()))
}
