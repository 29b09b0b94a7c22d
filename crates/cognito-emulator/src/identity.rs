//! The identity pool: logins become identities, identities become credentials.
//!
//! <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetCredentialsForIdentity.html>

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{
    aws_json::AwsError,
    functions::Caller,
    random,
    state::{Shared, State},
    tokens::Jwt,
};

/// Credentials of the enhanced flow live one hour, not configurable.
const CREDENTIALS_SECONDS: u64 = 3600;

/// Identities and the credentials issued to them.
#[derive(Default)]
pub(crate) struct Identities {
    /// Identity id to its login (`PROVIDER:SUB`), `None` for a guest.
    by_id: HashMap<String, Option<String>>,
    /// By access key id.
    pub(crate) credentials: HashMap<String, Credentials>,
}

#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) secret_key: String,
    pub(crate) session_token: String,
    pub(crate) expires: u64,
    pub(crate) caller: Caller,
}

pub(crate) async fn answer(
    shared: &Shared,
    operation: &str,
    input: &Value,
) -> Result<Value, AwsError> {
    match operation {
        "GetId" => identity_id(shared, input).await,
        "GetCredentialsForIdentity" => credentials(shared, input).await,
        "GetOpenIdToken" => Err(AwsError::new(
            "InvalidParameterException",
            "Basic (classic) flow is not enabled, please use enhanced flow.",
        )),
        _ => Err(AwsError::new("UnknownOperationException", "")),
    }
}

async fn identity_id(shared: &Shared, input: &Value) -> Result<Value, AwsError> {
    let pool = text(input, "IdentityPoolId", "identityPoolId")?;
    if pool != shared.config.identity_pool.id {
        return Err(AwsError::new(
            "ResourceNotFoundException",
            format!("IdentityPool '{pool}' not found."),
        ));
    }
    let login = login(shared, input).await?;
    let mut state = shared.state();
    let id = match &login {
        Some(login) => state
            .identities
            .identity_of(login)
            // The same login keeps its identity, even after a restart.
            .unwrap_or_else(|| {
                region_id(shared, &random::derived_uuid(&["identity", pool, login]))
            }),
        None => region_id(shared, &random::uuid()),
    };
    state.identities.by_id.insert(id.clone(), login);
    Ok(json!({ "IdentityId": id }))
}

async fn credentials(shared: &Shared, input: &Value) -> Result<Value, AwsError> {
    let id = text(input, "IdentityId", "identityId")?;
    let known = shared.state().identities.by_id.get(id).cloned();
    let Some(owner) = known else {
        return Err(AwsError::new(
            "ResourceNotFoundException",
            format!("Identity '{id}' not found."),
        ));
    };
    let has_logins = logins(input).is_some_and(|logins| !logins.is_empty());
    if owner.is_some() && !has_logins {
        return Err(not_authorized(format!(
            "Access to Identity '{id}' is forbidden."
        )));
    }
    let login = login(shared, input).await?;
    let mut state = shared.state();
    if owner != login {
        // A guest who signs in keeps the identity, unless the login already has one.
        let adopts = owner.is_none()
            && login
                .as_ref()
                .is_some_and(|login| state.identities.identity_of(login).is_none());
        if !adopts {
            return Err(not_authorized(
                "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            ));
        }
        state.identities.by_id.insert(id.to_owned(), login.clone());
    }
    if input
        .get("CustomRoleArn")
        .is_some_and(|role| !role.is_null())
    {
        // No token of this pool carries `cognito:roles`, and a custom role must be among them.
        return Err(not_authorized(
            "Invalid identity pool configuration. Role is not allowed for this token.",
        ));
    }
    let pool = &shared.config.identity_pool;
    let role = match login {
        Some(_) => &pool.authenticated_role,
        None => &pool.unauthenticated_role,
    };
    let role = role.as_deref().and_then(|arn| arn.rsplit('/').next());
    let Some(role) = role else {
        return Err(AwsError::new(
            "InvalidIdentityPoolConfigurationException",
            "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
        ));
    };
    Ok(issue(shared, &mut state, id, role))
}

fn issue(shared: &Shared, state: &mut State, id: &str, role: &str) -> Value {
    let account = &shared.config.account;
    let expires = shared.clock.unix() + CREDENTIALS_SECONDS;
    let access_key = format!("ASIA{}", random::base32(16));
    let role_id: String = random::derived_uuid(&["role", account, role])
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(17)
        .collect::<String>()
        .to_uppercase();
    let issued = Credentials {
        secret_key: random::base64(30),
        session_token: random::session_token(),
        expires,
        caller: Caller {
            identity_id: id.to_owned(),
            // The session name is the same for everybody: the ARN does not tell users apart.
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/CognitoIdentityCredentials"),
            user_id: format!("AROA{role_id}:CognitoIdentityCredentials"),
            account: account.clone(),
        },
    };
    let answer = json!({
        "IdentityId": id,
        "Credentials": {
            "AccessKeyId": access_key,
            "SecretKey": issued.secret_key,
            "SessionToken": issued.session_token,
            // Epoch seconds with a decimal point, as AWS writes them.
            "Expiration": expires as f64,
        },
    });
    state.identities.credentials.insert(access_key, issued);
    answer
}

fn region_id(shared: &Shared, guid: &str) -> String {
    format!("{}:{guid}", shared.config.region)
}

fn not_authorized(message: impl Into<String>) -> AwsError {
    AwsError::new("NotAuthorizedException", message)
}

fn invalid_token(reason: &str) -> AwsError {
    not_authorized(format!("Invalid login token. {reason}"))
}

fn logins(input: &Value) -> Option<&Map<String, Value>> {
    input.get("Logins")?.as_object()
}

/// The verified login (`PROVIDER:SUB`), or `None` for a guest where guests are allowed.
async fn login(shared: &Shared, input: &Value) -> Result<Option<String>, AwsError> {
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

async fn verify(shared: &Shared, provider: &str, token: &str) -> Result<String, AwsError> {
    let malformed = || invalid_token("Not a valid OpenId Connect identity token.");
    let jwt = Jwt::parse(token).ok_or_else(malformed)?;
    let required = |claim: &str| {
        jwt.text(claim)
            .ok_or_else(|| invalid_token(&format!("Missing a required claim: {claim}")))
    };
    let (audience, issuer, sub) = (required("aud")?, required("iss")?, required("sub")?);
    if issuer.split_once("://").map(|(_, rest)| rest) != Some(provider) {
        return Err(invalid_token("Issuer doesn't match providerName"));
    }
    if provider != shared.provider_name()
        || !shared.config.identity_pool.client_ids.contains(audience)
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
    Ok(format!("{provider}:{sub}"))
}

/// A required `REGION:GUID`.
fn text<'a>(input: &'a Value, member: &str, name: &str) -> Result<&'a str, AwsError> {
    let Some(value) = input.get(member).and_then(Value::as_str) else {
        return Err(AwsError::new(
            "ValidationException",
            format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
                 Member must not be null"
            ),
        ));
    };
    let matches = value.len() <= 55
        && value.split_once(':').is_some_and(|(region, guid)| {
            !region.is_empty()
                && region
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
                && !guid.is_empty()
                && guid
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        });
    matches.then_some(value).ok_or_else(|| {
        constraint(
            value,
            name,
            "Member must satisfy regular expression pattern: [\\w-]+:[0-9a-f-]+",
        )
    })
}

fn constraint(value: &str, name: &str, constraint: &str) -> AwsError {
    AwsError::new(
        "ValidationException",
        format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
        ),
    )
}

impl Identities {
    fn identity_of(&self, login: &str) -> Option<String> {
        self.by_id
            .iter()
            .find(|(_, owner)| owner.as_deref() == Some(login))
            .map(|(id, _)| id.clone())
    }
}
