//! The tokens in memory and in the store, and whose turn it is to replace them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedMutexGuard;

use super::derived::derived_key;
use super::{Inner, Session, joined};
use crate::authorization::Over;
use crate::error::{Error, SignInReason};
use crate::store::{StoreError, StoreLock, TokenStore};
use crate::tokens::{RefreshToken, TokenSet};

/// How long a keychain may take, its question for a password included.
const STORE_PATIENCE: Duration = Duration::from_secs(60);
/// How long another process may take for a renewal: two requests that time out, and the keychain.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// The tokens at hand.
pub(super) struct Tokens {
    /// Whether the store has been asked.
    pub(super) loaded: bool,
    pub(super) set: Option<Arc<TokenSet>>,
    /// The set is newer than what the store has, which is the one with this refresh token.
    pub(super) unsaved: Option<RefreshToken>,
    /// The set cannot be used although it is not expired: an API refused it, or it is half renewed.
    pub(super) refused: bool,
    /// There is no set, because the user pool has ended the session.
    pub(super) ended: bool,
    /// When the set is to be renewed ahead of need.
    pub(super) renew_at: SystemTime,
    /// The store's, when it was last read or written.
    revision: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            loaded: false,
            set: None,
            unsaved: None,
            refused: false,
            ended: false,
            renew_at: SystemTime::UNIX_EPOCH,
            revision: 0,
        }
    }
}

impl Tokens {
    /// Why there are none, if there are none.
    pub(super) fn signed_out(&self) -> Result<(), Error> {
        match (&self.set, self.ended) {
            (Some(_), _) => Ok(()),
            (None, true) => Err(SignInReason::SessionEnded),
            (None, false) => Err(SignInReason::SignedOut),
        }
        .map_err(Error::SignInRequired)
    }

    fn put(&mut self, set: Option<Arc<TokenSet>>, now: SystemTime) {
        *self = Self {
            loaded: true,
            renew_at: set
                .as_ref()
                .map_or(SystemTime::UNIX_EPOCH, |set| renewal_of(set, now)),
            set,
            revision: self.revision,
            ..Self::default()
        };
    }

    /// Whether this is what the store had when it was last read or written.
    fn is(&self, stored: Option<&TokenSet>) -> bool {
        match (&self.unsaved, stored) {
            (Some(unsaved), Some(stored)) => stored.refresh == *unsaved,
            (Some(_), None) => false,
            (None, stored) => self.set.as_deref() == stored,
        }
    }
}

/// When four fifths of what a set has left are over, give or take a little, so that two computers that
/// were switched on together do not ask together for ever.
fn renewal_of(set: &TokenSet, now: SystemTime) -> SystemTime {
    let expires =
        SystemTime::UNIX_EPOCH + Duration::from_secs(set.user.token_expires_at.min(1 << 40));
    let left = expires.duration_since(now).unwrap_or_default();
    now + left * (780 + random_below(41)) / 1_000
}

/// A number at random, for spreading only: the keys of a hasher are random enough, and the first number costs nothing.
/// The one for secrets gathers jitter first, 45 ms of processor time in every program that is started.
pub(super) fn random_below(bound: u32) -> u32 {
    let below = RandomState::new().hash_one(bound) % u64::from(bound);
    u32::try_from(below).unwrap_or(0)
}

/// The right to replace the tokens, which one task of one process has at a time.
pub(super) struct Turn {
    // Given back before the process's own, so that another process comes before the next task here.
    _lock: StoreLock,
    _turn: OwnedMutexGuard<()>,
}

/// Waits for the lock of a key, off the async threads and not for ever.
pub(super) async fn store_lock(inner: &Arc<Inner>, key: &str) -> Result<StoreLock, Error> {
    let (inner, key) = (inner.clone(), key.to_owned());
    // Whoever gives up waiting leaves a thread behind that gives the lock back when it gets it.
    let lock = tokio::task::spawn_blocking(move || inner.store.lock(&key));
    match tokio::time::timeout(LOCK_PATIENCE, lock).await {
        Ok(lock) => Ok(joined(lock)?),
        Err(_) => Err(StoreError::Busy.into()),
    }
}

impl Session {
    pub(super) fn tokens(&self) -> RwLockReadGuard<'_, Tokens> {
        let tokens = self.inner.tokens.read();
        tokens.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn tokens_mut(&self) -> RwLockWriteGuard<'_, Tokens> {
        let tokens = self.inner.tokens.write();
        tokens.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until nobody else, in this process or another, may replace the tokens; then reads the store
    /// again, because somebody may have.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        let turn = self.turn_unread().await?;
        self.read_again().await?;
        Ok(turn)
    }

    async fn turn_unread(&self) -> Result<Turn, Error> {
        let turn = self.inner.turn.clone().lock_owned().await;
        let lock = store_lock(&self.inner, &self.inner.profile.session_key()).await?;
        Ok(Turn {
            _lock: lock,
            _turn: turn,
        })
    }

    /// As [`turn`](Self::turn), for those who will replace what is there even when it is damaged.
    pub(super) async fn turn_to_replace(&self) -> Result<Turn, Error> {
        let turn = self.turn_unread().await?;
        match self.read_again().await {
            Ok(()) | Err(Error::Store(StoreError::Damaged)) => Ok(turn),
            Err(error) => Err(error),
        }
    }

    /// Has the store asked, if it has not been.
    pub(super) async fn loaded(&self) -> Result<(), Error> {
        if self.tokens().loaded {
            return Ok(());
        }
        let _turn = self.inner.turn.lock().await;
        if self.tokens().loaded {
            return Ok(());
        }
        self.read_again().await
    }

    /// Reads the store again when another program has changed it.
    pub(super) async fn look(&self) {
        let changed = {
            let tokens = self.tokens();
            tokens.loaded && tokens.revision != self.revision()
        };
        if !changed {
            return;
        }
        let _turn = self.inner.turn.lock().await;
        if let Err(error) = self.read_again().await {
            tracing::info!(%error, "the session was changed and cannot be read");
        }
    }

    /// Takes over what another program, or an earlier run, has left in the store. The session's turn is
    /// the caller's.
    pub(super) async fn read_again(&self) -> Result<(), Error> {
        let revision = self.revision();
        let stored = match self.stored().await {
            // What is at hand takes the place of what has been damaged.
            Err(Error::Store(StoreError::Damaged)) if self.tokens().set.is_some() => return Ok(()),
            stored => stored?,
        };
        let signed_in = stored.as_ref().map(|set| Over::from(&set.user));
        let (first, gone, replaced) = {
            let now = self.now();
            let mut tokens = self.tokens_mut();
            tokens.revision = revision;
            if tokens.loaded && tokens.is(stored.as_ref()) {
                return Ok(());
            }
            let first = !tokens.loaded;
            let gone = tokens.set.is_some() && stored.is_none();
            let replaced = tokens.set.as_ref().map(|set| Over::from(&set.user));
            // Without tokens before and after, the reason why there are none stays.
            if first || tokens.set.is_some() || stored.is_some() {
                tokens.put(stored.map(Arc::new), now);
            }
            (first, gone, replaced)
        };
        if !first {
            tracing::info!("another program has changed the session");
            if signed_in.is_some() && signed_in != replaced {
                self.signed_in_elsewhere().await;
            }
            let told = gone.then_some(Error::SignInRequired(SignInReason::SignedOutElsewhere));
            self.settle(told).await;
        }
        Ok(())
    }

    /// Keeps the set of a new session, and only then has it used. What was obtained with the tokens of the
    /// one before goes first, so that nobody finds it beside these.
    pub(super) async fn start(&self, _turn: &Turn, set: TokenSet) -> Result<(), Error> {
        let secret = set.to_secret();
        self.with_store(move |store, key| {
            store.delete(&derived_key(key))?;
            store.save(key, &secret)
        })
        .await?;
        let (revision, now) = (self.revision(), self.now());
        let mut tokens = self.tokens_mut();
        tokens.put(Some(Arc::new(set)), now);
        tokens.revision = revision;
        Ok(())
    }

    /// Keeps a renewed set, and only then has it used. One that cannot be kept is not forgotten: the one
    /// in the store may be dead already.
    pub(super) async fn replace(&self, turn: &Turn, set: TokenSet) -> Result<Arc<TokenSet>, Error> {
        let set = Arc::new(set);
        {
            let now = self.now();
            let mut tokens = self.tokens_mut();
            let kept = match (&tokens.unsaved, &tokens.set) {
                (Some(kept), _) => kept.clone(),
                (None, Some(kept)) => kept.refresh.clone(),
                (None, None) => set.refresh.clone(),
            };
            // Half renewed as long as the access token is the one before.
            let half = tokens
                .set
                .as_ref()
                .is_some_and(|old| old.access == set.access);
            tokens.put(Some(set.clone()), now);
            tokens.unsaved = Some(kept);
            tokens.refused = half;
        }
        self.save_unsaved(turn).await?;
        Ok(set)
    }

    pub(super) async fn save_unsaved(&self, _turn: &Turn) -> Result<(), Error> {
        let set = self.tokens().set.clone();
        let Some(set) = set else { return Ok(()) };
        let secret = set.to_secret();
        self.with_store(move |store, key| store.save(key, &secret))
            .await?;
        let revision = self.revision();
        let mut tokens = self.tokens_mut();
        tokens.unsaved = None;
        tokens.revision = revision;
        Ok(())
    }

    /// Forgets the tokens, and before them what was obtained with them; in the store first.
    pub(super) async fn forget(&self, _turn: &Turn) -> Result<(), Error> {
        self.with_store(|store, key| {
            store.delete(&derived_key(key))?;
            store.delete(key)
        })
        .await?;
        let (revision, now) = (self.revision(), self.now());
        let mut tokens = self.tokens_mut();
        tokens.put(None, now);
        tokens.revision = revision;
        Ok(())
    }

    fn revision(&self) -> u64 {
        self.inner.store.revision(&self.inner.profile.session_key())
    }

    async fn stored(&self) -> Result<Option<TokenSet>, Error> {
        let secret = self.with_store(|store, key| store.load(key)).await?;
        let set = secret.map(|secret| TokenSet::from_secret(&secret).ok_or(StoreError::Damaged));
        Ok(set.transpose()?)
    }

    pub(super) async fn with_store<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&dyn TokenStore, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.inner.clone();
        let task = async move {
            // One at a time, and held until it is really over: what nobody waits for any more, because
            // the keychain still asks for its password, must not come after what was asked later.
            let turn = inner.store_turn.clone().lock_owned().await;
            let task = tokio::task::spawn_blocking(move || {
                let done = operation(&*inner.store, &inner.profile.session_key());
                drop(turn);
                done
            });
            joined(task.await)
        };
        match tokio::time::timeout(STORE_PATIENCE, task).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(StoreError::TimedOut.into()),
        }
    }
}
