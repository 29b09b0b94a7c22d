//! What an ID token, which the session has verified, says of the person to AWS.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cognito_client::IdToken;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{AwsService, Error};

/// The claims that matter here (Cognito guide, "Understanding the identity (ID) token").
#[derive(Debug, Default, Deserialize)]
pub(crate) struct IdClaims {
    pub(crate) sub: String,
    #[serde(rename = "cognito:username", default)]
    username: String,
    #[serde(rename = "cognito:roles", default)]
    roles: Value,
    /// The role of the group that comes first.
    #[serde(rename = "cognito:preferred_role")]
    pub(crate) preferred_role: Option<String>,
}

/// An ID token for an identity pool, and whose sessions it starts.
pub(crate) struct Login {
    token: IdToken,
    /// What CloudTrail calls the person's sessions of the basic flow.
    pub(crate) session_name: String,
}

impl IdClaims {
    pub(crate) fn of(token: &IdToken) -> Result<Self, Error> {
        let claims = token.expose().split('.').nth(1).unwrap_or_default();
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
        serde_json::from_slice(&claims).map_err(|_| Error::Protocol {
            service: AwsService::IdentityPool,
            problem: "cannot be given an ID token that names no user",
        })
    }

    /// The roles of the person's groups, as ARNs: an array, and by one page of the guide ("Role-based access
    /// control") a string with commas.
    pub(crate) fn roles(&self) -> Vec<&str> {
        match &self.roles {
            Value::Array(roles) => roles.iter().filter_map(Value::as_str).collect(),
            Value::String(roles) => roles.split(',').map(str::trim).collect(),
            _ => Vec::new(),
        }
    }

    /// A name for a role session (STS API reference, `AssumeRoleWithWebIdentity`: 2 to 64 of
    /// `[\w+=,.@-]`) that leads an administrator to the person, and nobody else to their e-mail address:
    /// the user name, or where it is an address or does not fit, the `sub`.
    fn session_name(&self) -> String {
        let fits = |name: &str| {
            (2..=64).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
        };
        if fits(&self.username) && !self.username.contains('@') {
            return self.username.clone();
        }
        if fits(&self.sub) {
            return self.sub.clone();
        }
        "keyfob".into()
    }
}

impl Login {
    pub(crate) fn new(token: IdToken, claims: &IdClaims) -> Self {
        Self {
            session_name: claims.session_name(),
            token,
        }
    }

    /// `Logins`, under the user pool's name at the identity pool.
    pub(crate) fn map_for(&self, provider: &str) -> HashMap<String, String> {
        HashMap::from([(provider.to_owned(), self.token.expose().to_owned())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_the_person_and_never_by_their_address() {
        let sub = "c6b9f5a2-0000-4000-8000-000000000001";
        for (username, named) in [
            ("alex", "alex"),
            ("alex.morgan-2", "alex.morgan-2"),
            ("alex@example.com", sub),
            ("Zoë", sub),
            ("a b", sub),
            ("x", sub),
            ("", sub),
            (&"x".repeat(65), sub),
        ] {
            let claims = IdClaims {
                sub: sub.into(),
                username: username.into(),
                ..IdClaims::default()
            };
            assert_eq!(claims.session_name(), named, "{username}");
        }
        assert_eq!(IdClaims::default().session_name(), "keyfob");
    }
}
