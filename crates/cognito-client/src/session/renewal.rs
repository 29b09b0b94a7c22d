//! Tokens with time left, whatever it takes.

use tokio::sync::OwnedMutexGuard;

use super::{Session, joined};
use crate::error::{Error, OAuthErrorCode, ProtocolError, SignInReason};
use crate::tokens::{AccessToken, IdToken, TokenSet};

#[derive(Default)]
pub(super) struct Tokens {
    /// Whether the store has been asked.
    pub(super) loaded: bool,
    pub(super) set: Option<TokenSet>,
    /// The set is newer than what the store has.
    pub(super) unsaved: bool,
    /// The set was refused by an API although it is not expired.
    pub(super) refused: bool,
    /// There is no set, because the user pool has ended the session.
    pub(super) ended: bool,
}

impl Session {
    /// An access token for the API with at least a minute left, renewed when need be.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] when nobody is signed in or the session has ended;
    /// [`Error::Transient`] when a renewal was needed and could not be had, which leaves the session
    /// as it is; [`Error::Store`] when the keychain does not work.
    pub async fn access_token(&self) -> Result<AccessToken, Error> {
        Ok(self.fresh().await?.access)
    }

    /// An ID token for an identity pool; otherwise as [`access_token`](Self::access_token).
    ///
    /// # Errors
    /// As [`access_token`](Self::access_token).
    pub async fn id_token(&self) -> Result<IdToken, Error> {
        Ok(self.fresh().await?.id)
    }

    /// Says that this very token was refused, so that it is renewed before its time. Another token, one
    /// renewed in the meantime, is left alone.
    pub async fn invalidate(&self, token: &AccessToken) {
        let mut tokens = self.inner.tokens.lock().await;
        tokens.refused |= tokens.set.as_ref().is_some_and(|set| set.access == *token);
    }

    /// The tokens, fresh. One caller renews, the others wait for it.
    pub(super) async fn fresh(&self) -> Result<TokenSet, Error> {
        let tokens = self.loaded().await?;
        match &tokens.set {
            None => {
                return Err(Error::SignInRequired(if tokens.ended {
                    SignInReason::SessionEnded
                } else {
                    SignInReason::SignedOut
                }));
            }
            Some(set) if set.is_fresh(self.now()) && !tokens.refused && !tokens.unsaved => {
                return Ok(set.clone());
            }
            Some(_) => {}
        }
        let session = self.clone();
        // In a task of its own: with rotation, a reply that nobody keeps would be the end of the session.
        joined(tokio::spawn(async move { session.renew(tokens).await }).await)
    }

    pub(super) async fn renew(
        &self,
        mut tokens: OwnedMutexGuard<Tokens>,
    ) -> Result<TokenSet, Error> {
        let mut old = tokens
            .set
            .clone()
            .expect("only a session that has tokens renews them");
        if tokens.unsaved {
            self.save(&old).await?;
            tokens.unsaved = false;
        }
        if old.is_fresh(self.now()) && !tokens.refused {
            return Ok(old);
        }
        let reply = loop {
            match self
                .inner
                .endpoint
                .refresh(self.http()?, &old.refresh)
                .await
            {
                Ok(reply) => break reply,
                Err(Error::Rejected {
                    code: OAuthErrorCode::InvalidGrant,
                    ..
                }) => {
                    // Another process may have renewed them since: the store has the last word.
                    let stored = self.stored().await?;
                    match stored.filter(|stored| stored.refresh != old.refresh) {
                        Some(stored) if stored.is_fresh(self.now()) => {
                            *tokens = Tokens {
                                loaded: true,
                                set: Some(stored.clone()),
                                ..Tokens::default()
                            };
                            drop(tokens);
                            self.settle(None).await;
                            return Ok(stored);
                        }
                        Some(stored) => old = stored,
                        None => return Err(self.end(tokens).await),
                    }
                }
                Err(error) => return Err(error),
            }
        };
        self.learn_time(&reply);
        // A rotated refresh token is kept before anything else can go wrong: the old one may be dead.
        if let Some(refresh) = reply.refresh {
            old.refresh = refresh;
            *tokens = Tokens {
                loaded: true,
                set: Some(old.clone()),
                unsaved: true,
                refused: true,
                ended: false,
            };
            self.save(&old).await?;
            tokens.unsaved = false;
        }
        let id = reply.id.ok_or(ProtocolError::NoIdToken)?;
        let claims = self.verified(&id).await?;
        if claims.sub != old.user.sub {
            return Err(ProtocolError::OtherUser.into());
        }
        let new = TokenSet {
            user: self.user(&claims, reply.expires_in),
            access: reply.access,
            id,
            refresh: old.refresh,
        };
        *tokens = Tokens {
            loaded: true,
            set: Some(new.clone()),
            unsaved: true,
            ..Tokens::default()
        };
        self.save(&new).await?;
        tokens.unsaved = false;
        drop(tokens);
        self.settle(None).await;
        Ok(new)
    }

    /// The user pool has ended the session.
    pub(super) async fn end(&self, mut tokens: OwnedMutexGuard<Tokens>) -> Error {
        *tokens = Tokens {
            loaded: true,
            ended: true,
            ..Tokens::default()
        };
        let error = Error::SignInRequired(SignInReason::SessionEnded);
        if let Err(error) = self.with_store(|store, key| store.delete(key)).await {
            tracing::warn!(%error, "tokens that have ended are still kept");
        }
        drop(tokens);
        self.settle(Some(error.clone())).await;
        error
    }
}
