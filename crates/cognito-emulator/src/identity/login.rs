//! The `Logins` of a request: ID tokens of the user pool, checked.

use serde_json::{Map, Value};

use super::{constraint, not_authorized};
use crate::{aws_json::AwsError, state::Shared, tokens::Jwt};

/// Somebody who has shown a good ID token.
pub(super) struct Login {
    /// `PROVIDER:SUB`, which has one identity.
    pub(super) key: String,
    /// The app client the token is for.
    pub(super) client_id: String,
    pub(super) claims: Map<String, Value>,
}

fn invalid_token(reason: &str) -> AwsError {
    not_authorized(format!("Invalid login token. {reason}"))
}

pub(super) fn logins(input: &Value) -> Option<&Map<String, Value>> {
    input.get("Logins")?.as_object()
}

/// The verified login, or `None` for a guest where guests are allowed.
pub(super) async fn login(shared: &Shared, input: &Value) -> Result<Option<Login>, AwsError> {
    let pool = &shared.config.identity_pool;
    let mut login = None;
    for (provider, token) in logins(input).into_iter().flatten() {
        let token = token.as_str().unwrap_or_default();
        if token.is_empty() || token.len() > 50_000 {
            return Err(constraint(
                "",
                "logins",
                "Map value must satisfy constraint: [Member must have length less than or equal to 50000, \
                 Member must have length greater than or equal to 1]",
            ));
        }
        login = Some(verify(shared, provider, token).await?);
    }
    if login.is_none() && !pool.allow_unauthenticated {
        return Err(not_authorized(
            "Unauthenticated access is not supported for this identity pool.",
        ));
    }
    Ok(login)
}

async fn verify(shared: &Shared, provider: &str, token: &str) -> Result<Login, AwsError> {
    let malformed = || invalid_token("Not a valid OpenId Connect identity token.");
    let jwt = Jwt::parse(token).ok_or_else(malformed)?;
    let required = |claim: &str| {
        jwt.text(claim)
            .ok_or_else(|| invalid_token(&format!("Missing a required claim: {claim}")))
    };
    let audience = required("aud")?.to_owned();
    let (issuer, sub) = (required("iss")?, required("sub")?.to_owned());
    if issuer.split_once("://").map(|(_, rest)| rest) != Some(provider) {
        return Err(invalid_token("Issuer doesn't match providerName"));
    }
    if provider != shared.provider_name()
        || !shared.config.identity_pool.client_ids.contains(&audience)
    {
        return Err(not_authorized(
            "Token is not from a supported provider of this identity pool.",
        ));
    }
    let keys = shared.keys.current().await;
    if !jwt.is_signed_by(&keys) {
        return Err(invalid_token("Couldn't verify signed token."));
    }
    if jwt.text("token_use") != Some("id") {
        return Err(malformed());
    }
    let expires = jwt
        .number("exp")
        .ok_or_else(|| invalid_token("Missing a required claim: exp"))?;
    let now = shared.clock.unix();
    if now >= expires {
        return Err(invalid_token(&format!("Token expired: {now} >= {expires}")));
    }
    let active = jwt
        .text("origin_jti")
        .is_some_and(|origin_jti| shared.state().is_active(origin_jti));
    if shared.config.identity_pool.server_side_token_check && !active {
        return Err(not_authorized("Token is inactive"));
    }
    Ok(Login {
        key: format!("{provider}:{sub}"),
        client_id: audience,
        claims: jwt.claims,
    })
}
