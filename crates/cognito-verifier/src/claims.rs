use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    error::{VerifyError, clip},
    pool::ClientIds,
};

/// The verified claims of an access token
/// (Developer Guide, "Understanding the access token").
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessClaims {
    /// The user's permanent id; for a machine token, the client id.
    pub sub: String,
    /// The issuer, equal to the pool's.
    pub iss: String,
    /// The app client the token was issued to.
    pub client_id: String,
    /// When the token expires, in Unix seconds.
    pub exp: u64,
    /// When the token was issued, in Unix seconds.
    pub iat: Option<u64>,
    /// The user's name in the pool. Machine tokens (client credentials) have none.
    pub username: Option<String>,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// The pool groups the user belongs to.
    pub groups: Vec<String>,
    /// Every claim as it was in the token.
    pub all: Map<String, Value>,
}

/// The verified claims of an ID token (Developer Guide, "Understanding the identity (ID) token").
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdClaims {
    /// The user's permanent id.
    pub sub: String,
    /// The issuer, equal to the pool's.
    pub iss: String,
    /// The app clients the token is for; Cognito names exactly one.
    pub aud: Vec<String>,
    /// When the token expires, in Unix seconds.
    pub exp: u64,
    /// When the token was issued, in Unix seconds.
    pub iat: Option<u64>,
    /// When the user typed a password or the like, in Unix seconds. A refresh does not change it.
    pub auth_time: Option<u64>,
    /// The nonce of the authorization request.
    pub nonce: Option<String>,
    /// The fingerprint of the access token issued with this one.
    pub at_hash: Option<String>,
    /// `cognito:username`, or `sub` where there is none.
    pub username: String,
    /// The pool groups the user belongs to.
    pub groups: Vec<String>,
    /// The e-mail address, when the user has one and the client may read it.
    pub email: Option<String>,
    /// Whether the pool knows that the address is the user's.
    pub email_verified: Option<bool>,
    /// The full name.
    pub name: Option<String>,
    /// Every claim as it was in the token.
    pub all: Map<String, Value>,
}

impl IdClaims {
    /// Whether the token answers the sign-in that sent `nonce` (OpenID Connect Core 1.0 §3.1.3.7, step 11).
    ///
    /// # Errors
    /// [`VerifyError::MissingClaim`] or [`VerifyError::WrongNonce`].
    pub fn check_nonce(&self, nonce: &str) -> Result<(), VerifyError> {
        match &self.nonce {
            None => Err(VerifyError::MissingClaim { claim: "nonce" }),
            Some(actual) if actual == nonce => Ok(()),
            Some(_) => Err(VerifyError::WrongNonce),
        }
    }

    /// Whether the token was issued together with `access_token`: `at_hash` is the left half of its SHA-256 in base64url
    /// (OpenID Connect Core 1.0 §3.1.3.6). Without `at_hash` there is nothing to compare, and that is accepted: §3.1.3.8
    /// makes it optional in the code flow, and Cognito leaves it out of tokens that did not come through a browser.
    ///
    /// # Errors
    /// [`VerifyError::WrongAtHash`].
    pub fn check_at_hash(&self, access_token: &str) -> Result<(), VerifyError> {
        let Some(actual) = &self.at_hash else {
            return Ok(());
        };
        let hash = digest(&SHA256, access_token.as_bytes());
        let expected = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2]);
        if *actual == expected {
            Ok(())
        } else {
            Err(VerifyError::WrongAtHash)
        }
    }
}

/// The two kinds of token a pool signs. Sealed: [`AccessClaims`] and [`IdClaims`].
pub trait Claims: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The `token_use` such a token must have.
    const TOKEN_USE: &'static str;
}

impl Claims for AccessClaims {
    const TOKEN_USE: &'static str = "access";
}

impl Claims for IdClaims {
    const TOKEN_USE: &'static str = "id";
}

pub(crate) mod sealed {
    use super::{ClientIds, Map, Value, VerifyError};

    pub trait Sealed: Sized {
        /// Reads the claims and checks that the token was issued to one of `clients`.
        fn read(claims: Map<String, Value>, clients: &ClientIds) -> Result<Self, VerifyError>;
        fn scopes(&self) -> &[String];
        fn groups(&self) -> &[String];
    }
}

impl sealed::Sealed for AccessClaims {
    fn read(claims: Map<String, Value>, clients: &ClientIds) -> Result<Self, VerifyError> {
        let client_id = required(&claims, "client_id")?;
        if !clients.accept(client_id) {
            return Err(VerifyError::WrongClient {
                expected: clients.clone(),
                actual: clip(client_id),
            });
        }
        // Present only in tokens bound to a `resource` (RFC 8707); its form is checked even where nobody asks for it.
        audience(&claims)?;
        Ok(Self {
            sub: required(&claims, "sub")?.to_owned(),
            iss: required(&claims, "iss")?.to_owned(),
            client_id: client_id.to_owned(),
            exp: seconds(&claims, "exp")?.ok_or(VerifyError::MissingClaim { claim: "exp" })?,
            iat: seconds(&claims, "iat")?,
            username: string(&claims, "username")?.map(str::to_owned),
            scopes: string(&claims, "scope")?
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            groups: groups(&claims)?,
            all: claims,
        })
    }

    fn scopes(&self) -> &[String] {
        &self.scopes
    }

    fn groups(&self) -> &[String] {
        &self.groups
    }
}

impl sealed::Sealed for IdClaims {
    fn read(claims: Map<String, Value>, clients: &ClientIds) -> Result<Self, VerifyError> {
        let aud = audience(&claims)?;
        // OpenID Connect Core 1.0 §3.1.3.7, step 3: not one audience may be a stranger.
        if aud.is_empty() {
            return Err(VerifyError::MissingClaim { claim: "aud" });
        }
        if !aud.iter().all(|id| clients.accept(id)) {
            return Err(VerifyError::WrongClient {
                expected: clients.clone(),
                actual: clip(&aud.join(" ")),
            });
        }
        let sub = required(&claims, "sub")?.to_owned();
        Ok(Self {
            iss: required(&claims, "iss")?.to_owned(),
            aud,
            exp: seconds(&claims, "exp")?.ok_or(VerifyError::MissingClaim { claim: "exp" })?,
            iat: seconds(&claims, "iat")?,
            auth_time: seconds(&claims, "auth_time")?,
            nonce: string(&claims, "nonce")?.map(str::to_owned),
            at_hash: string(&claims, "at_hash")?.map(str::to_owned),
            username: string(&claims, "cognito:username")?
                .unwrap_or(&sub)
                .to_owned(),
            groups: groups(&claims)?,
            email: string(&claims, "email")?.map(str::to_owned),
            email_verified: boolean(&claims, "email_verified")?,
            name: string(&claims, "name")?.map(str::to_owned),
            sub,
            all: claims,
        })
    }

    fn scopes(&self) -> &[String] {
        &[]
    }

    fn groups(&self) -> &[String] {
        &self.groups
    }
}

pub(crate) fn required<'a>(
    claims: &'a Map<String, Value>,
    claim: &'static str,
) -> Result<&'a str, VerifyError> {
    string(claims, claim)?.ok_or(VerifyError::MissingClaim { claim })
}

fn string<'a>(
    claims: &'a Map<String, Value>,
    claim: &'static str,
) -> Result<Option<&'a str>, VerifyError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(VerifyError::InvalidClaim {
            claim,
            expected: "a string",
        }),
    }
}

/// A NumericDate, which may have a fraction (RFC 7519 §2). JSON has no infinities; one too large to hold is refused earlier.
pub(crate) fn numeric_date(
    claims: &Map<String, Value>,
    claim: &'static str,
) -> Result<Option<f64>, VerifyError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => match value.as_f64().filter(|seconds| seconds.is_finite()) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(VerifyError::InvalidClaim {
                claim,
                expected: "a finite number",
            }),
        },
    }
}

fn seconds(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<u64>, VerifyError> {
    Ok(numeric_date(claims, claim)?.map(whole_seconds))
}

/// Whole seconds, rounded down; before 1970 is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating is what is wanted"
)]
pub(crate) fn whole_seconds(seconds: f64) -> u64 {
    seconds as u64
}

/// Pools send a boolean; a pre-token-generation trigger of version 1 can only send strings.
fn boolean(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<bool>, VerifyError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(_) => Err(VerifyError::InvalidClaim {
            claim,
            expected: "a boolean",
        }),
    }
}

fn groups(claims: &Map<String, Value>) -> Result<Vec<String>, VerifyError> {
    match claims.get("cognito:groups") {
        None => Ok(Vec::new()),
        Some(value) => strings(value).ok_or(VerifyError::InvalidClaim {
            claim: "cognito:groups",
            expected: "an array of strings",
        }),
    }
}

/// One string or an array of them (RFC 7519 §4.1.3); empty when there is no `aud`.
fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, VerifyError> {
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(value) => strings(value).ok_or(VerifyError::InvalidClaim {
            claim: "aud",
            expected: "a string or an array of strings",
        }),
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}
