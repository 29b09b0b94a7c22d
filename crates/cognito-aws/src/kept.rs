//! What is kept beside the session, for the other processes of the same person: the identity's ID and
//! credentials, of every profile that shares the session.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cognito_client::Secret;
use serde::{Deserialize, Serialize};

use crate::credentials::Held;
use crate::way::Way;

const VERSION: u8 = 2;
/// Profiles with credentials of their own in one session; the ones that expire first give way.
const MOST: usize = 8;

#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    version: u8,
    /// Whose it is; nobody's is a guest's.
    sub: Option<String>,
    /// The identity's ID in each identity pool. It outlives the credentials.
    identities: BTreeMap<String, String>,
    credentials: Vec<KeptCredentials>,
}

#[derive(Serialize, Deserialize)]
struct KeptCredentials {
    identity_pool_id: String,
    way: Way,
    identity_id: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// In Unix seconds.
    expires: u64,
}

impl Kept {
    pub(crate) fn nothing(sub: Option<String>) -> Self {
        Self {
            version: VERSION,
            sub,
            identities: BTreeMap::new(),
            credentials: Vec::new(),
        }
    }

    /// What [`to_secret`](Self::to_secret) wrote; `None` for anything else.
    pub(crate) fn from_secret(secret: &[u8]) -> Option<Self> {
        let kept: Self = serde_json::from_slice(secret).ok()?;
        (kept.version == VERSION).then_some(kept)
    }

    pub(crate) fn to_secret(&self) -> Secret {
        Secret::new(serde_json::to_vec(self).expect("strings and numbers always serialise"))
    }

    pub(crate) fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    pub(crate) fn identity_id(&self, identity_pool_id: &str) -> Option<&str> {
        self.identities.get(identity_pool_id).map(String::as_str)
    }

    /// The credentials for exactly this.
    pub(crate) fn held(&self, identity_pool_id: &str, way: &Way) -> Option<Held> {
        let kept = self.credentials.iter().find(|kept| {
            kept.identity_pool_id == identity_pool_id
                && kept.way == *way
                // An identity the pool has given up takes its credentials along.
                && self.identity_id(identity_pool_id) == Some(&kept.identity_id)
        })?;
        Some(Held::new(
            way,
            kept.identity_id.clone(),
            kept.access_key_id.clone(),
            kept.secret_access_key.clone(),
            kept.session_token.clone(),
            UNIX_EPOCH.checked_add(Duration::from_secs(kept.expires))?,
        ))
    }

    /// Has these for this, in place of what there is for it, and of what has expired.
    pub(crate) fn put(&mut self, identity_pool_id: &str, way: &Way, held: &Held, now: SystemTime) {
        let seconds = |moment: SystemTime| {
            moment
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        };
        let now = seconds(now);
        self.identities
            .insert(identity_pool_id.to_owned(), held.identity_id.clone());
        self.credentials.retain(|kept| {
            kept.expires > now && (kept.identity_pool_id != identity_pool_id || kept.way != *way)
        });
        self.credentials.push(KeptCredentials {
            identity_pool_id: identity_pool_id.to_owned(),
            way: way.clone(),
            identity_id: held.identity_id.clone(),
            access_key_id: held.credentials.access_key_id().to_owned(),
            secret_access_key: held.credentials.secret_access_key().to_owned(),
            session_token: held
                .credentials
                .session_token()
                .unwrap_or_default()
                .to_owned(),
            expires: seconds(held.expires),
        });
        if self.credentials.len() > MOST {
            let first = (0..MOST).min_by_key(|&index| self.credentials[index].expires);
            self.credentials.remove(first.expect("there are some"));
        }
    }
}
