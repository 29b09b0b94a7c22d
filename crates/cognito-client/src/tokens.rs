//! Tokens as types that cannot be printed, and the set of them that makes a session.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::unix_seconds;
use crate::store::Secret;

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Cheap to clone: clones share it, and the last one overwrites it in memory.
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Arc<Zeroizing<String>>);

        impl $name {
            /// Wraps a token as it came from the token endpoint.
            pub fn new(token: impl Into<String>) -> Self {
                Self(Arc::new(Zeroizing::new(token.into())))
            }

            /// The token itself. Whoever calls this answers for where it goes.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

token! {
    /// What an API accepts as proof of the caller (RFC 6749 §1.4).
    AccessToken
}
token! {
    /// What says who signed in (OpenID Connect Core §2), and what an identity pool takes.
    IdToken
}
token! {
    /// What obtains new tokens without the person (RFC 6749 §1.5). Opaque to us.
    RefreshToken
}

/// The person who is signed in, as their verified ID token names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The pool's own, unchanging identifier of the user.
    pub sub: String,
    /// `cognito:username`.
    pub username: String,
    /// Their name, where the pool has it and the scope `profile` was granted.
    pub name: Option<String>,
    /// Their e-mail address, where the pool has it and the scope `email` was granted.
    pub email: Option<String>,
    /// `cognito:groups`.
    pub groups: Vec<String>,
    /// When they typed their password, in Unix seconds (`auth_time`; a refresh does not change it).
    pub signed_in_at: u64,
    /// When the present tokens expire, in Unix seconds; they are renewed before.
    pub token_expires_at: u64,
    /// When the refresh token expires, in Unix seconds, by the profile's `refresh_token_days`.
    pub session_expires_at: u64,
}

/// The tokens of one session, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSet {
    /// For the API.
    pub access: AccessToken,
    /// For the identity pool.
    pub id: IdToken,
    /// For the next set.
    pub refresh: RefreshToken,
    /// Who.
    pub user: User,
}

/// Tokens with less time left than this are renewed before they are handed out: long enough for a slow
/// request to arrive, short beside the five minutes that are the shortest lifetime a pool can set.
const MARGIN: Duration = Duration::from_secs(60);

impl TokenSet {
    /// Whether the access and ID tokens can still be used at `now`.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        unix_seconds(now + MARGIN) < self.user.token_expires_at
    }

    /// The bytes a store keeps.
    pub(crate) fn to_secret(&self) -> Secret {
        let stored = Stored {
            version: 1,
            access: &self.access.0,
            id: &self.id.0,
            refresh: &self.refresh.0,
            user: &self.user,
        };
        Secret::new(serde_json::to_vec(&stored).expect("strings and numbers always serialise"))
    }

    /// Reads what [`to_secret`](Self::to_secret) wrote; `None` for anything else.
    pub(crate) fn from_secret(secret: &[u8]) -> Option<Self> {
        let stored: StoredOwned = serde_json::from_slice(secret).ok()?;
        (stored.version == 1).then(|| Self {
            access: AccessToken::new(stored.access),
            id: IdToken::new(stored.id),
            refresh: RefreshToken::new(stored.refresh),
            user: stored.user,
        })
    }
}

#[derive(Serialize)]
struct Stored<'a> {
    version: u8,
    access: &'a str,
    id: &'a str,
    refresh: &'a str,
    user: &'a User,
}

#[derive(Deserialize)]
struct StoredOwned {
    version: u8,
    access: String,
    id: String,
    refresh: String,
    user: User,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set as large as Cognito's usually are (access 1,200, ID 1,480, refresh 1,730 bytes).
    fn token_set(username: &str) -> TokenSet {
        TokenSet {
            access: AccessToken::new(format!("access-{username}-{}", "a".repeat(1_200))),
            id: IdToken::new(format!("id-{username}-{}", "i".repeat(1_480))),
            refresh: RefreshToken::new(format!("refresh-{username}-{}", "r".repeat(1_730))),
            user: User {
                sub: "c6b9f5a2-0000-4000-8000-000000000001".into(),
                username: username.into(),
                name: Some("Alex Morgan".into()),
                email: None,
                groups: vec!["developers".into()],
                signed_in_at: 1_000,
                token_expires_at: 4_600,
                session_expires_at: 2_593_000,
            },
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let set = token_set("alex");
        assert_eq!(TokenSet::from_secret(&set.to_secret()), Some(set));
        for rubbish in ["", "{}", "null", r#"{"version":2}"#] {
            assert_eq!(TokenSet::from_secret(rubbish.as_bytes()), None, "{rubbish}");
        }
    }

    #[test]
    fn no_token_is_printed() {
        let set = token_set("alex");
        let printed = format!("{set:?}");
        for token in [set.access.expose(), set.id.expose(), set.refresh.expose()] {
            assert!(!printed.contains(token), "{printed}");
        }
    }
}
