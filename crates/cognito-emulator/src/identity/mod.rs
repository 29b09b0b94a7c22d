//! The identity pool: logins become identities, identities become credentials.
//!
//! <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetCredentialsForIdentity.html>

pub(crate) mod config;
mod login;
pub(crate) mod role;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};

use self::login::{Login, login, logins};
use crate::{
    aws_json::AwsError,
    iam::{CheckedRole, Facts, Policy, Principal},
    lambda::Caller,
    random,
    state::Shared,
    tokens,
};

/// Credentials of the enhanced flow live one hour, not configurable.
const CREDENTIALS_SECONDS: u64 = 3600;
/// A token for STS lives ten minutes.
const OPEN_ID_TOKEN_SECONDS: u64 = 600;
/// The `iss` of tokens for STS.
pub(crate) const ISSUER: &str = "https://cognito-identity.amazonaws.com";

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
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: String,
    pub(crate) expires: u64,
    pub(crate) caller: Caller,
    pub(crate) principal: Arc<Principal>,
}

pub(crate) async fn answer(
    shared: &Shared,
    operation: &str,
    input: &Value,
) -> Result<Value, AwsError> {
    match operation {
        "GetId" => identity_id(shared, input).await,
        "GetCredentialsForIdentity" => credentials(shared, input).await,
        "GetOpenIdToken" => open_id_token(shared, input).await,
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
    let login = login.map(|login| login.key);
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
    let (id, login) = owned_identity(shared, input).await?;
    let facts = facts(shared, id, &amr(shared, login.as_ref()));
    let custom = input["CustomRoleArn"].as_str();
    let role = role::choose(shared, login.as_ref(), custom, &facts)?;
    // The session name is the same for everybody: the ARN does not tell users apart.
    let session = Session {
        name: "CognitoIdentityCredentials",
        identity_id: id,
        lifetime: CREDENTIALS_SECONDS,
        facts,
        policy: match login {
            Some(_) => None,
            None => Some(Arc::clone(&GUEST_POLICY)),
        },
    };
    let issued = issue(shared, &role, session);
    Ok(json!({
        "IdentityId": id,
        "Credentials": {
            "AccessKeyId": issued.access_key,
            "SecretKey": issued.secret_key,
            "SessionToken": issued.session_token,
            // Epoch seconds with a decimal point, as AWS writes them.
            "Expiration": issued.expires as f64,
        },
    }))
}

/// The first half of the basic flow.
async fn open_id_token(shared: &Shared, input: &Value) -> Result<Value, AwsError> {
    let pool = &shared.config.identity_pool;
    let refused = |message: &str| Err(AwsError::new("InvalidParameterException", message));
    if !pool.allow_classic_flow {
        return refused("Basic (classic) flow is not enabled, please use enhanced flow.");
    }
    if !pool.role_mappings.is_empty() {
        return refused(
            "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.",
        );
    }
    let (id, login) = owned_identity(shared, input).await?;
    let now = shared.clock.unix();
    let claims = json!({
        "sub": id,
        "aud": pool.id,
        "amr": amr(shared, login.as_ref()),
        "iss": ISSUER,
        "iat": now,
        "exp": now + OPEN_ID_TOKEN_SECONDS,
    });
    let key = shared.keys.identity().await;
    Ok(json!({ "IdentityId": id, "Token": tokens::sign(&key, &claims, false) }))
}

/// The request's identity and whoever it belongs to, after the checks that both flows share.
async fn owned_identity<'a>(
    shared: &Shared,
    input: &'a Value,
) -> Result<(&'a str, Option<Login>), AwsError> {
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
    let key = login.as_ref().map(|login| login.key.clone());
    if owner != key {
        let mut state = shared.state();
        // A guest who signs in keeps the identity, unless the login already has one.
        let adopts = owner.is_none()
            && key
                .as_ref()
                .is_some_and(|key| state.identities.identity_of(key).is_none());
        if !adopts {
            return Err(not_authorized(
                "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            ));
        }
        state.identities.by_id.insert(id.to_owned(), key);
    }
    Ok((id, login))
}

/// A session to be: both flows end in one.
pub(crate) struct Session<'a> {
    pub(crate) name: &'a str,
    pub(crate) identity_id: &'a str,
    /// Seconds.
    pub(crate) lifetime: u64,
    pub(crate) facts: Facts,
    pub(crate) policy: Option<Arc<Policy>>,
}

/// Makes credentials and remembers them.
pub(crate) fn issue(shared: &Shared, role: &Arc<CheckedRole>, session: Session<'_>) -> Credentials {
    let account = &shared.config.account;
    let role_name = role.name();
    let role_id: String = random::derived_uuid(&["role", account, role_name])
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(17)
        .collect::<String>()
        .to_uppercase();
    let arn = format!(
        "arn:aws:sts::{account}:assumed-role/{role_name}/{}",
        session.name
    );
    let issued = Credentials {
        access_key: format!("ASIA{}", random::base32(16)),
        secret_key: random::base64(30),
        session_token: random::session_token(),
        expires: shared.clock.unix() + session.lifetime,
        caller: Caller {
            identity_id: session.identity_id.to_owned(),
            arn: arn.clone(),
            user_id: format!("AROA{role_id}:{}", session.name),
            account: account.clone(),
        },
        principal: Arc::new(Principal {
            role: Arc::clone(role),
            facts: session
                .facts
                .with("aws:PrincipalArn", [role.arn.as_str()])
                .with("aws:PrincipalAccount", [account.as_str()]),
            arn,
            session_policy: session.policy,
        }),
    };
    let mut state = shared.state();
    let known = &mut state.identities.credentials;
    known.insert(issued.access_key.clone(), issued.clone());
    issued
}

/// What policies can ask about a session of this identity.
pub(crate) fn facts(shared: &Shared, identity_id: &str, amr: &[String]) -> Facts {
    let pool = shared.config.identity_pool.id.as_str();
    Facts::default()
        .with("cognito-identity.amazonaws.com:sub", [identity_id])
        .with("cognito-identity.amazonaws.com:aud", [pool])
        .with(
            "cognito-identity.amazonaws.com:amr",
            amr.iter().map(String::as_str),
        )
}

/// What guests are held to in the enhanced flow, whatever their role allows.
///
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html#access-policies>
static GUEST_POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let actions = [
        "logs:*",
        "cloudwatch:*",
        "dynamodb:*",
        "kinesis:*",
        "mobileanalytics:*",
        "s3:*",
        "ses:*",
        "sns:*",
        "sqs:*",
        "lambda:*",
        "machinelearning:*",
        "execute-api:*",
        "iot:*",
        "gamelift:*",
        "cognito-identity:*",
        "cognito-idp:*",
        "lex:*",
        "polly:*",
        "comprehend:*",
        "translate:*",
        "transcribe:*",
        "rekognition:*",
        "mobiletargeting:*",
        "firehose:*",
        "appsync:*",
        "personalize:*",
        "sagemaker:InvokeEndpoint",
        "cognito-sync:*",
        "codewhisperer:*",
        "textract:DetectDocumentText",
        "textract:AnalyzeDocument",
        "sdb:*",
    ];
    let document = json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" },
    });
    Arc::new(Policy::parse(&document, false).expect("is a policy"))
});

/// How somebody proved who they are, as the trust policy of a role sees it.
fn amr(shared: &Shared, login: Option<&Login>) -> Vec<String> {
    let Some(sub) = login.and_then(|login| login.key.rsplit(':').next()) else {
        return vec!["unauthenticated".into()];
    };
    let provider = shared.provider_name();
    let signed_in = format!("{provider}:CognitoSignIn:{sub}");
    vec!["authenticated".into(), provider, signed_in]
}

fn region_id(shared: &Shared, guid: &str) -> String {
    format!("{}:{guid}", shared.config.region)
}

fn not_authorized(message: impl Into<String>) -> AwsError {
    AwsError::new("NotAuthorizedException", message)
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
