//! Credentials as they are kept beside the session, for the other processes of the same person.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use cognito_client::Secret;
use serde::{Deserialize, Serialize};

use crate::credentials::Held;

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    version: u8,
    /// Whose they are, and of which identity pool: a profile may come to name another.
    sub: T,
    identity_pool_id: T,
    identity_id: T,
    access_key_id: T,
    secret_access_key: T,
    session_token: T,
    /// In Unix seconds.
    expires: u64,
}

pub(crate) fn to_secret(sub: &str, identity_pool_id: &str, held: &Held) -> Secret {
    let stored = Stored {
        version: 1,
        sub,
        identity_pool_id,
        identity_id: &held.identity_id,
        access_key_id: held.credentials.access_key_id(),
        secret_access_key: held.credentials.secret_access_key(),
        session_token: held.credentials.session_token().unwrap_or_default(),
        expires: held
            .expires
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    Secret::new(serde_json::to_vec(&stored).expect("strings and numbers always serialise"))
}

/// What [`to_secret`] wrote of this person and pool; `None` for anything else.
pub(crate) fn from_secret(secret: &[u8], sub: &str, identity_pool_id: &str) -> Option<Held> {
    let stored: Stored<String> = serde_json::from_slice(secret).ok()?;
    if stored.version != 1 || stored.sub != sub || stored.identity_pool_id != identity_pool_id {
        return None;
    }
    let expires = UNIX_EPOCH.checked_add(Duration::from_secs(stored.expires))?;
    Some(Held {
        identity_id: stored.identity_id,
        credentials: Credentials::new(
            stored.access_key_id,
            stored.secret_access_key,
            Some(stored.session_token),
            Some(expires),
            crate::credentials::NAME,
        ),
        expires,
    })
}
