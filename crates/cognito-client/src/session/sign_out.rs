//! Out of this device, of the browser, of everywhere; and what is still owed to the user pool for it.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use url::Url;

use super::turn::Turn;
use super::{Session, SessionState, joined};
use crate::clock::unix_seconds;
use crate::error::Error;
use crate::store::{Secret, StoreError};
use crate::tokens::{AccessToken, RefreshToken, TokenSet};
use crate::user_pools;

/// How far a sign-out goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutScope {
    /// This device: its refresh token is revoked and its tokens are wiped.
    Device,
    /// And the browser's own session with the user pool, so that the next sign-in asks who it is.
    Browser,
    /// And all of the person's sessions, on whatever device (`GlobalSignOut`).
    Everywhere,
}

/// What signing out did. The tokens are gone from this device in any case; AWS credentials that were
/// handed out live until they expire in any case, too.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignOut {
    /// Whether the user pool revoked the refresh token, and every token that came of it.
    pub revoked: Result<(), Error>,
    /// Whether all of the person's sessions have ended, when that was asked for. They keep their access
    /// and ID tokens, which an API that looks at nothing else accepts for up to their lifetime; and no
    /// browser's session ends by it.
    pub everywhere: Option<Result<(), Error>>,
    /// What to open in the browser to end its own session at the user pool, when that was asked for and
    /// the profile has a sign-out URL. Until then the next sign-in may pass without a password, for up
    /// to an hour.
    pub browser: Option<Url>,
    /// Whether this session goes on trying to revoke what it could not, also after a restart.
    pub revocation_owed: bool,
}

/// The most revocations that are owed at a time; what expires first is given up first.
const MAX_OWED: usize = 8;
/// How long a revocation is tried for at least, in seconds: the profile's `refresh_token_days` may be
/// less than the app client's.
const MIN_PATIENCE: u64 = 30 * 86_400;

/// When to try next what is owed: sooner at first, and every five minutes in the end.
#[derive(Default)]
pub(super) struct Reminder {
    next: Option<SystemTime>,
    pause: Duration,
}

/// A refresh token that the user pool has yet to be told to revoke.
#[derive(Clone, PartialEq)]
pub(super) struct Owed {
    token: RefreshToken,
    /// From when on it is pointless, in Unix seconds.
    until: u64,
}

impl Session {
    /// Signs out. The tokens are wiped here before the user pool is told, so it works offline; what the
    /// user pool could not be told is kept in the store and told later.
    ///
    /// # Errors
    /// [`Error::Store`] when the tokens may still be in the keychain: then the person is still signed in
    /// and nothing has been revoked. Whatever else cannot be done is in the [`SignOut`].
    pub async fn sign_out(&self, scope: SignOutScope) -> Result<SignOut, Error> {
        let session = self.clone();
        // In a task of its own: what has begun is finished, although nobody may wait any more.
        joined(tokio::spawn(async move { session.leave(scope).await }).await)
    }

    async fn leave(&self, scope: SignOutScope) -> Result<SignOut, Error> {
        // The one thing that needs a token that works; so it is had before the tokens are wiped.
        let access = match scope {
            SignOutScope::Everywhere => Some(self.admin_token().await),
            SignOutScope::Device | SignOutScope::Browser => None,
        };
        let owed = self.wipe().await?;
        let everywhere = match access {
            Some(Ok(access)) => Some(self.global_sign_out(&access).await),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        let (revoked, revocation_owed) = self.pay(&owed).await;
        Ok(SignOut {
            revoked,
            everywhere,
            browser: match scope {
                SignOutScope::Device => None,
                SignOutScope::Browser | SignOutScope::Everywhere => self.logout_url(),
            },
            revocation_owed,
        })
    }

    /// Wipes the tokens, in the store first, and writes down before that what is to be revoked: whatever
    /// this process dies of, the tokens are still there, or their revocation is owed.
    async fn wipe(&self) -> Result<Vec<Owed>, Error> {
        let turn = self.turn_to_replace().await?;
        let set = self.tokens().set.clone();
        let owed = match set {
            Some(set) => vec![self.owe(&turn, &set).await.0],
            None => Vec::new(),
        };
        self.forget(&turn).await?;
        drop(turn);
        self.sign_in().await.pending = None;
        self.forget_pending().await;
        self.publish(SessionState::SignedOut, None);
        Ok(owed)
    }

    /// Writes down that the session of `set`, which is about to go, is to be revoked; whether that could be written.
    pub(super) async fn owe(&self, turn: &Turn, set: &TokenSet) -> (Owed, bool) {
        let owed = self.owed_for(set);
        let written = self.change_owed(turn, |all| all.push(owed.clone())).await;
        if let Err(error) = &written {
            // Signing out, or in, matters more, and the user pool is told in a moment.
            tracing::warn!(%error, "the revocation that is owed is not kept");
        }
        (owed, written.is_ok())
    }

    /// Tries again to have revoked (RFC 7009) what the user pool could not be told of when somebody signed out, or signed
    /// in over another session; whether something is still owed. [`restore`](Self::restore) and
    /// [`keep_fresh`](Self::keep_fresh) do so by themselves.
    pub async fn pay_owed(&self) -> bool {
        // Who comes second finds what is left: the user pool is not told twice.
        let _turn = self.inner.paying.lock().await;
        match self.owed().await {
            Ok(owed) if owed.is_empty() => self.tell_owed(false),
            Ok(_) => {
                let (paid, still) = match self.due().await {
                    Ok(due) => self.pay(&due).await,
                    Err(error) => (Err(error), true),
                };
                if let Err(error) = paid {
                    tracing::info!(%error, "a sign-out has yet to reach the user pool");
                }
                still
            }
            Err(error) => {
                tracing::info!(%error, "whether a revocation is owed is not known");
                self.status().revocation_owed
            }
        }
    }

    /// [`pay_owed`](Self::pay_owed), when something is known to be owed and it is time to.
    pub(super) async fn remember_owed(&self, reminder: &mut Reminder) {
        const FIRST: Duration = Duration::from_secs(10);
        const LONGEST: Duration = Duration::from_secs(5 * 60);
        let owed = self.inner.status.borrow().revocation_owed;
        let now = self.local_now();
        // A clock that was set back ends the pause.
        let waiting = reminder
            .next
            .is_some_and(|next| now < next && next <= now + reminder.pause);
        // Where somebody is at it, one more would only wait for its turn.
        let is_free = self.inner.paying.try_lock().is_ok();
        if !owed {
            *reminder = Reminder::default();
        } else if !waiting && is_free && self.pay_owed().await {
            reminder.pause = (reminder.pause * 2).clamp(FIRST, LONGEST);
            reminder.next = Some(self.local_now() + reminder.pause);
        }
    }

    /// What is owed, less what has become pointless and what turns out to be in use: then the sign-out
    /// was cut short before it had wiped anything, and so it has not happened.
    async fn due(&self) -> Result<Vec<Owed>, Error> {
        let turn = self.turn_to_replace().await?;
        let in_use = self.tokens().set.clone();
        let now = unix_seconds(self.now());
        self.change_owed(&turn, |all| {
            all.retain(|owed| {
                owed.until > now && in_use.as_ref().is_none_or(|set| set.refresh != owed.token)
            });
        })
        .await
    }

    /// Has these revoked, and forgets those that are no longer owed; the first failure, and whether
    /// something is still owed. A token the user pool does not know counts as revoked: it says so itself
    /// (Cognito guide, "Revoke endpoint").
    pub(super) async fn pay(&self, owed: &[Owed]) -> (Result<(), Error>, bool) {
        let mut failure = Ok(());
        let mut paid = Vec::new();
        for Owed { token, .. } in owed {
            let revoked = self.revoke(token).await;
            // What the app client may not do does not come right with time.
            if !matches!(revoked, Err(Error::Transient { .. })) {
                paid.push(token);
            }
            failure = failure.and(revoked);
        }
        let left = async {
            let turn = self.turn_to_replace().await?;
            self.change_owed(&turn, |all| all.retain(|owed| !paid.contains(&&owed.token)))
                .await
        };
        let still = match left.await {
            Ok(left) => !left.is_empty(),
            Err(error) => {
                tracing::info!(%error, "what revocations are owed is not known");
                paid.len() < owed.len()
            }
        };
        (failure, self.tell_owed(still))
    }

    pub(super) async fn revoke(&self, token: &RefreshToken) -> Result<(), Error> {
        self.inner.endpoint.revoke(self.http()?, token).await
    }

    fn owed_for(&self, set: &TokenSet) -> Owed {
        let patience = unix_seconds(self.now()).saturating_add(MIN_PATIENCE);
        Owed {
            token: set.refresh.clone(),
            until: set.user.session_expires_at.max(patience),
        }
    }

    async fn owed(&self) -> Result<Vec<Owed>, Error> {
        let secret = self
            .with_store(|store, key| store.load(&owed_key(key)))
            .await?;
        Ok(secret.map_or_else(Vec::new, |secret| from_secret(&secret)))
    }

    /// Changes the list of what is owed; what is on it then.
    async fn change_owed(
        &self,
        _turn: &Turn,
        change: impl FnOnce(&mut Vec<Owed>),
    ) -> Result<Vec<Owed>, Error> {
        let mut owed = match self.owed().await {
            Err(Error::Store(StoreError::Damaged)) => Vec::new(),
            owed => owed?,
        };
        let before = owed.clone();
        change(&mut owed);
        owed.sort_by_key(|owed| std::cmp::Reverse(owed.until));
        owed.truncate(MAX_OWED);
        if owed != before {
            let secret = to_secret(&owed);
            self.with_store(move |store, key| match secret {
                Some(secret) => store.save(&owed_key(key), &secret),
                None => store.delete(&owed_key(key)),
            })
            .await?;
        }
        Ok(owed)
    }

    fn tell_owed(&self, owed: bool) -> bool {
        self.inner.status.send_if_modified(|status| {
            let changed = status.revocation_owed != owed;
            status.revocation_owed = owed;
            changed
        });
        owed
    }

    /// A token that may end all of the person's sessions.
    async fn admin_token(&self) -> Result<AccessToken, Error> {
        if !self.profile().can_sign_out_everywhere() {
            return Err(user_pools::no_admin_scope());
        }
        self.access_token().await
    }

    async fn global_sign_out(&self, access: &AccessToken) -> Result<(), Error> {
        user_pools::global_sign_out(self.http()?, self.http_patience(), self.profile(), access)
            .await
    }

    /// Cognito's own way out (guide, "Logout endpoint"); it knows nothing of OpenID Connect's.
    fn logout_url(&self) -> Option<Url> {
        let profile = self.profile();
        let redirect = profile.sign_out_redirects.first()?;
        let mut url = profile.domain_url("/logout");
        url.query_pairs_mut()
            .append_pair("client_id", &profile.client_id)
            .append_pair("logout_uri", redirect.as_str());
        Some(url)
    }
}

/// Where what is owed is kept, beside the tokens.
fn owed_key(session_key: &str) -> String {
    format!("{session_key}, owed")
}

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    refresh: T,
    until: u64,
}

/// The bytes a store keeps; none for nothing.
fn to_secret(owed: &[Owed]) -> Option<Secret> {
    let stored: Vec<_> = owed
        .iter()
        .map(|owed| Stored {
            refresh: owed.token.expose(),
            until: owed.until,
        })
        .collect();
    (!stored.is_empty()).then(|| {
        Secret::new(serde_json::to_vec(&stored).expect("strings and numbers always serialise"))
    })
}

/// Reads what [`to_secret`] wrote; nothing from anything else.
fn from_secret(secret: &[u8]) -> Vec<Owed> {
    let stored: Vec<Stored<String>> = serde_json::from_slice(secret).unwrap_or_default();
    stored
        .into_iter()
        .map(|stored| Owed {
            token: RefreshToken::new(stored.refresh),
            until: stored.until,
        })
        .collect()
}
