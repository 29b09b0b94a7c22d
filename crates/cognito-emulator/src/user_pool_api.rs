//! The user pool's JSON API, as far as a signed-in client needs it: `GetUser`, `GlobalSignOut`, `RevokeToken`.
//!
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/Welcome.html>

use serde_json::{Value, json};

use crate::{
    aws_json::AwsError,
    revoke::{self, Revocation},
    state::Shared,
    tokens::{self, ActiveAccess, Inactive},
};

pub(crate) async fn answer(
    shared: &Shared,
    operation: &str,
    input: &Value,
) -> Result<Value, AwsError> {
    match operation {
        "GetUser" => {
            let access = authorised(shared, input).await?;
            let state = shared.state();
            let record = state
                .user(&access.username)
                .ok_or_else(|| AwsError::new("UserNotFoundException", "User does not exist."))?;
            let mut attributes = vec![json!({ "Name": "sub", "Value": record.sub })];
            attributes.extend(
                record
                    .user
                    .attributes
                    .iter()
                    .map(|(name, value)| json!({ "Name": name, "Value": value })),
            );
            Ok(json!({ "Username": record.user.username, "UserAttributes": attributes }))
        }
        "GlobalSignOut" => {
            let access = authorised(shared, input).await?;
            shared.state().revoke_all_of(&access.username);
            Ok(json!({}))
        }
        "RevokeToken" => revoke_token(shared, input),
        _ => Err(AwsError::new("UnknownOperationException", "")),
    }
}

/// The access token of the request, which must be live and carry the scope for these calls.
async fn authorised(shared: &Shared, input: &Value) -> Result<ActiveAccess, AwsError> {
    let refused = |message: &str| AwsError::new("NotAuthorizedException", message);
    let token = input["AccessToken"].as_str().unwrap_or_default();
    let access = tokens::check_access(shared, token)
        .await
        .map_err(|inactive| {
            refused(match inactive {
                Inactive::Invalid => "Invalid Access Token",
                Inactive::Expired => "Access Token has expired",
                Inactive::Revoked => "Access Token has been revoked",
            })
        })?;
    if !tokens::has_scope(&access.scopes, "aws.cognito.signin.user.admin") {
        return Err(refused("Access Token does not have required scopes"));
    }
    Ok(access)
}

fn revoke_token(shared: &Shared, input: &Value) -> Result<Value, AwsError> {
    let text = |member: &str| input[member].as_str();
    let (Some(token), Some(client_id)) = (text("Token"), text("ClientId")) else {
        return Err(AwsError::new(
            "InvalidParameterException",
            "Missing required parameter",
        ));
    };
    let client = shared
        .config
        .find_client(client_id)
        .filter(|client| client.secret.as_deref() == text("ClientSecret"))
        .ok_or_else(|| AwsError::new("UnauthorizedException", "Invalid client"))?;
    match revoke::revoke(shared, client, token) {
        Revocation::Done => Ok(json!({})),
        Revocation::TurnedOff => Err(AwsError::new(
            "UnsupportedOperationException",
            "Token revocation is not enabled for this client",
        )),
        Revocation::NotARefreshToken => Err(AwsError::new(
            "UnsupportedTokenTypeException",
            "Unsupported token type",
        )),
    }
}
