//! ID, access and refresh tokens, as the pool mints and reads them.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html>

use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{
    config::User,
    identity::role,
    keys::{KeyPairs, SigningKey},
    random,
    state::{Shared, State},
};

pub(crate) struct Minted {
    /// Only with the `openid` scope.
    pub(crate) id: Option<String>,
    pub(crate) access: String,
    /// Seconds, of the access token.
    pub(crate) expires_in: u64,
}

/// ID and access token of a grant, issued now.
pub(crate) fn mint(
    shared: &Shared,
    state: &State,
    keys: &KeyPairs,
    origin_jti: &str,
    nonce: Option<&str>,
) -> Minted {
    let grant = &state.grants[origin_jti];
    let client = shared
        .config
        .find_client(&grant.client_id)
        .expect("grants are opened for known clients");
    let record = state
        .user(&grant.username)
        .expect("grants are opened for known users");
    let now = shared.clock.unix();
    let mut common = Map::from_iter([
        ("sub".to_owned(), json!(record.sub)),
        ("iss".to_owned(), json!(shared.issuer())),
        ("iat".to_owned(), json!(now)),
        ("auth_time".to_owned(), json!(grant.auth_time)),
        ("origin_jti".to_owned(), json!(origin_jti)),
        ("event_id".to_owned(), json!(random::uuid())),
    ]);
    if !record.user.groups.is_empty() {
        common.insert("cognito:groups".to_owned(), json!(record.user.groups));
    }
    let issue = |key: &SigningKey, validity: u64, own: Value| {
        let mut claims = common.clone();
        claims.insert("exp".to_owned(), json!(now + validity));
        claims.insert("jti".to_owned(), json!(random::uuid()));
        if let Value::Object(own) = own {
            claims.extend(own);
        }
        sign(key, &Value::Object(claims), shared.config.escape_slashes)
    };

    let expires_in = client.access_token_validity.as_secs();
    let mut own = json!({
        "token_use": "access",
        "client_id": grant.client_id,
        "scope": grant.scopes.join(" "),
        "username": record.user.username,
        "version": 2,
    });
    if let Some(resource) = &grant.resource {
        own["aud"] = json!(resource);
    }
    let access = issue(&keys.access, expires_in, own);
    let id = has_scope(&grant.scopes, "openid").then(|| {
        let mut own = attributes(&record.user, &grant.scopes, |value| json!(value == "true"));
        own.insert("token_use".to_owned(), json!("id"));
        own.insert("aud".to_owned(), json!(grant.client_id));
        let (roles, preferred) = role::claims(&shared.config.groups, &record.user);
        if !roles.is_empty() {
            own.insert("cognito:roles".to_owned(), json!(roles));
        }
        if let Some(preferred) = preferred {
            own.insert("cognito:preferred_role".to_owned(), json!(preferred));
        }
        own.insert("cognito:username".to_owned(), json!(record.user.username));
        own.insert("at_hash".to_owned(), json!(half_hash(&access)));
        if let Some(nonce) = nonce {
            own.insert("nonce".to_owned(), json!(nonce));
        }
        let validity = client.id_token_validity.as_secs();
        issue(&keys.id, validity, Value::Object(own))
    });
    Minted {
        id,
        access,
        expires_in,
    }
}

pub(crate) fn has_scope(scopes: &[String], name: &str) -> bool {
    scopes.iter().any(|scope| scope == name)
}

/// The attributes these scopes open: `openid` alone opens all of them. The ID token writes `*_verified` as
/// booleans, userInfo as strings, hence `verified`.
pub(crate) fn attributes(
    user: &User,
    scopes: &[String],
    verified: impl Fn(&str) -> Value,
) -> Map<String, Value> {
    let narrowed = ["email", "phone", "profile"]
        .iter()
        .any(|scope| has_scope(scopes, scope));
    let open = |name: &str| {
        if !has_scope(scopes, "openid") {
            return false;
        }
        if !narrowed {
            return true;
        }
        match name {
            "email" | "email_verified" => has_scope(scopes, "email"),
            "phone_number" | "phone_number_verified" => has_scope(scopes, "phone"),
            _ => has_scope(scopes, "profile"),
        }
    };
    user.attributes
        .iter()
        .filter(|(name, _)| open(name))
        .map(|(name, value)| {
            let value = match name.as_str() {
                "email_verified" | "phone_number_verified" => verified(value),
                _ => json!(value),
            };
            (name.clone(), value)
        })
        .collect()
}

/// `at_hash`: the left half of the SHA-256 of the access token (OpenID Connect Core 3.1.3.6).
fn half_hash(token: &str) -> String {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

/// RFC 7515 compact serialisation; no `typ`, as Cognito's.
pub(crate) fn sign(key: &SigningKey, claims: &Value, escape_slashes: bool) -> String {
    let part = |value: &Value| {
        let mut text = value.to_string();
        if escape_slashes {
            // A slash in JSON text can only be inside a string.
            text = text.replace('/', "\\/");
        }
        BASE64_URL_SAFE_NO_PAD.encode(text)
    };
    let header = part(&json!({ "kid": key.kid, "alg": "RS256" }));
    let input = format!("{header}.{}", part(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// The protected header of every Cognito refresh token:
/// `{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`.
const JWE_HEADER: &str = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ";

/// Five parts and 1,730 characters, like a JWE (RFC 7516): header, encrypted key, IV, ciphertext, tag.
/// Random throughout: the emulator looks it up and nobody can decrypt it.
pub(crate) fn refresh_token() -> String {
    [
        JWE_HEADER.to_owned(),
        random::base64_url(256),
        random::base64_url(12),
        random::base64_url(963),
        random::base64_url(16),
    ]
    .join(".")
}

/// A JWT taken apart, nothing checked.
pub(crate) struct Jwt<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    kid: String,
    pub(crate) claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    pub(crate) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| -> Option<Map<String, Value>> {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let header = json(header)?;
        (header.get("alg")?.as_str()? == "RS256").then_some(())?;
        Some(Self {
            signed,
            signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?,
            kid: header.get("kid")?.as_str()?.to_owned(),
            claims: json(claims)?,
        })
    }

    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    pub(crate) fn number(&self, claim: &str) -> Option<u64> {
        self.claims.get(claim)?.as_u64()
    }

    pub(crate) fn is_signed_with(&self, key: &SigningKey) -> bool {
        self.kid == key.kid && key.verify(self.signed.as_bytes(), &self.signature)
    }

    pub(crate) fn is_signed_by(&self, keys: &KeyPairs) -> bool {
        keys.by_kid(&self.kid)
            .is_some_and(|key| key.verify(self.signed.as_bytes(), &self.signature))
    }
}

/// Why an access token is not honoured by the user pool itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inactive {
    Invalid,
    Expired,
    Revoked,
}

pub(crate) struct ActiveAccess {
    pub(crate) username: String,
    pub(crate) scopes: Vec<String>,
}

/// Checks an access token the way the pool's own endpoints do: revocation included.
pub(crate) async fn check_access(shared: &Shared, token: &str) -> Result<ActiveAccess, Inactive> {
    let keys = shared.keys.current().await;
    let jwt = Jwt::parse(token).ok_or(Inactive::Invalid)?;
    let genuine = jwt.is_signed_by(&keys)
        && jwt.text("token_use") == Some("access")
        && jwt.text("iss") == Some(&shared.issuer());
    let (true, Some(username), Some(origin_jti), Some(expires)) = (
        genuine,
        jwt.text("username"),
        jwt.text("origin_jti"),
        jwt.number("exp"),
    ) else {
        return Err(Inactive::Invalid);
    };
    if shared.clock.unix() >= expires {
        return Err(Inactive::Expired);
    }
    if !shared.state().is_active(origin_jti) {
        return Err(Inactive::Revoked);
    }
    Ok(ActiveAccess {
        username: username.to_owned(),
        scopes: jwt
            .text("scope")
            .unwrap_or_default()
            .split(' ')
            .map(str::to_owned)
            .collect(),
    })
}
