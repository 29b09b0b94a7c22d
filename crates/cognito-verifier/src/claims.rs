use std::{fmt, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    error::{VerifyError, clip},
    payload::{Claim, Payload},
    pool::ClientIds,
};

/// The verified claims of an access token
/// (Developer Guide, "Understanding the access token"). A clone shares them and copies nothing.
#[derive(Clone)]
pub struct AccessClaims(Arc<Payload>);

/// The verified claims of an ID token (Developer Guide, "Understanding the identity (ID) token"). A clone shares them and
/// copies nothing.
#[derive(Clone)]
pub struct IdClaims(Arc<Payload>);

/// What both kinds of claims have.
macro_rules! common_claims {
    ($claims:ident) => {
        impl $claims {
            /// The user's permanent id; for a machine token, the client id.
            #[must_use]
            pub fn sub(&self) -> &str {
                self.0.known_text(Claim::Sub).unwrap_or_default()
            }

            /// The issuer, equal to the pool's.
            #[must_use]
            pub fn iss(&self) -> &str {
                self.0.known_text(Claim::Iss).unwrap_or_default()
            }

            /// When the token expires, in Unix seconds.
            #[must_use]
            pub fn exp(&self) -> u64 {
                self.0.known_seconds(Claim::Exp).unwrap_or_default()
            }

            /// When the token was issued, in Unix seconds.
            #[must_use]
            pub fn iat(&self) -> Option<u64> {
                self.0.known_seconds(Claim::Iat)
            }

            /// When the user typed a password or the like, in Unix seconds. A refresh does not change it.
            #[must_use]
            pub fn auth_time(&self) -> Option<u64> {
                self.0.known_seconds(Claim::AuthTime)
            }

            /// The token's own id.
            #[must_use]
            pub fn jti(&self) -> Option<&str> {
                self.0.known_text(Claim::Jti)
            }

            /// What all tokens of one sign-in have in common, those a refresh brought included
            /// (Developer Guide, "Revoking tokens").
            #[must_use]
            pub fn origin_jti(&self) -> Option<&str> {
                self.0.known_text(Claim::OriginJti)
            }

            /// The pool groups the user belongs to.
            pub fn groups(&self) -> impl Iterator<Item = &str> + Clone {
                self.0.known_texts(Claim::Groups)
            }

            /// Whether the user belongs to this pool group.
            #[must_use]
            pub fn in_group(&self, group: &str) -> bool {
                self.groups().any(|one| one == group)
            }

            /// Every claim, read anew from the token at each call.
            #[must_use]
            pub fn all(&self) -> Map<String, Value> {
                self.0.all()
            }

            /// The claims as the pool wrote and signed them: a JSON object.
            #[must_use]
            pub fn as_json(&self) -> &str {
                self.0.json()
            }
        }

        impl PartialEq for $claims {
            fn eq(&self, other: &Self) -> bool {
                self.as_json() == other.as_json()
            }
        }

        impl fmt::Debug for $claims {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($claims))
                    .field(&self.all())
                    .finish()
            }
        }

        /// As the object of [`all`](Self::all).
        impl Serialize for $claims {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.all().serialize(serializer)
            }
        }
    };
}

common_claims!(AccessClaims);
common_claims!(IdClaims);

impl AccessClaims {
    /// The app client the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.0.known_text(Claim::ClientId).unwrap_or_default()
    }

    /// The user's name in the pool. Machine tokens (client credentials) have none.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.0.known_text(Claim::Username)
    }

    /// The scopes granted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.scopes()
    }

    /// Whether this scope was granted.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.has_scope(scope)
    }

    /// The resources the token is bound to, if the client asked for any (RFC 8707).
    pub fn aud(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.known_texts(Claim::Aud)
    }
}

impl IdClaims {
    /// The app clients the token is for; Cognito names exactly one.
    pub fn aud(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.known_texts(Claim::Aud)
    }

    /// The nonce of the authorization request.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.0.known_text(Claim::Nonce)
    }

    /// The fingerprint of the access token issued with this one.
    #[must_use]
    pub fn at_hash(&self) -> Option<&str> {
        self.0.known_text(Claim::AtHash)
    }

    /// `cognito:username`, or `sub` where there is none.
    #[must_use]
    pub fn username(&self) -> &str {
        self.0
            .known_text(Claim::CognitoUsername)
            .unwrap_or_else(|| self.sub())
    }

    /// The e-mail address, when the user has one and the client may read it.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.0.known_text(Claim::Email)
    }

    /// Whether the pool knows that the address is the user's.
    #[must_use]
    pub fn email_verified(&self) -> Option<bool> {
        self.0.boolean(Claim::EmailVerified).ok().flatten()
    }

    /// The full name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.known_text(Claim::Name)
    }

    /// Whether the token answers the sign-in that sent `nonce` (OpenID Connect Core 1.0 §3.1.3.7, step 11).
    ///
    /// # Errors
    /// [`VerifyError::MissingClaim`] or [`VerifyError::WrongNonce`].
    pub fn check_nonce(&self, nonce: &str) -> Result<(), VerifyError> {
        match self.nonce() {
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
        let Some(actual) = self.at_hash() else {
            return Ok(());
        };
        let hash = digest(&SHA256, access_token.as_bytes());
        let expected = URL_SAFE_NO_PAD.encode_to_string(&hash.as_ref()[..hash.as_ref().len() / 2]);
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
    use std::sync::Arc;

    use super::{ClientIds, Payload, VerifyError};

    pub trait Sealed: Sized {
        /// Checks that the token was issued to a client that all of `clients` accept.
        fn check_client<'c>(
            payload: &Payload,
            clients: impl Iterator<Item = &'c ClientIds>,
        ) -> Result<(), VerifyError>;
        /// Checks that every claim that has a method has its type.
        fn check_types(payload: &Payload) -> Result<(), VerifyError>;
        /// Of a payload that passed both.
        fn new(payload: Arc<Payload>) -> Self;
        fn payload(&self) -> &Payload;
    }
}

impl sealed::Sealed for AccessClaims {
    fn check_client<'c>(
        payload: &Payload,
        mut clients: impl Iterator<Item = &'c ClientIds>,
    ) -> Result<(), VerifyError> {
        let client_id = payload.required_text(Claim::ClientId)?;
        match clients.find(|clients| !clients.accept(client_id)) {
            None => Ok(()),
            Some(clients) => Err(VerifyError::WrongClient {
                expected: clients.clone(),
                actual: clip(client_id),
            }),
        }
    }

    fn check_types(payload: &Payload) -> Result<(), VerifyError> {
        payload.check_common()?;
        drop(payload.audience()?);
        payload.text(Claim::Username)?;
        payload.text(Claim::Scope)?;
        Ok(())
    }

    fn new(payload: Arc<Payload>) -> Self {
        Self(payload)
    }

    fn payload(&self) -> &Payload {
        &self.0
    }
}

impl sealed::Sealed for IdClaims {
    fn check_client<'c>(
        payload: &Payload,
        mut clients: impl Iterator<Item = &'c ClientIds>,
    ) -> Result<(), VerifyError> {
        let mut aud = payload.audience()?;
        if aud.clone().next().is_none() {
            return Err(VerifyError::MissingClaim { claim: "aud" });
        }
        // OpenID Connect Core 1.0 §3.1.3.7, step 3: not one audience may be a stranger.
        match clients.find(|clients| !aud.clone().all(|id| clients.accept(id))) {
            None => Ok(()),
            Some(clients) => {
                let first = aud.next().unwrap_or_default();
                Err(VerifyError::WrongClient {
                    expected: clients.clone(),
                    actual: clip(&aud.fold(first.to_owned(), |all, id| all + " " + id)),
                })
            }
        }
    }

    fn check_types(payload: &Payload) -> Result<(), VerifyError> {
        payload.check_common()?;
        for claim in [
            Claim::Nonce,
            Claim::AtHash,
            Claim::CognitoUsername,
            Claim::Email,
            Claim::Name,
        ] {
            payload.text(claim)?;
        }
        payload.boolean(Claim::EmailVerified)?;
        Ok(())
    }

    fn new(payload: Arc<Payload>) -> Self {
        Self(payload)
    }

    fn payload(&self) -> &Payload {
        &self.0
    }
}
