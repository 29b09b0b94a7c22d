//! What was obtained with the tokens: kept beside them for other processes, and never longer.

use super::Session;
use super::turn::store_lock;
use crate::error::{Error, SignInReason};
use crate::store::{Secret, StoreLock};

impl Session {
    /// Waits for the turn to obtain something with the tokens that is kept for all processes, such as
    /// AWS credentials; whoever has it finds the others' with [`derived`](Self::derived) first.
    ///
    /// # Errors
    /// [`Error::Store`] when the lock cannot be had.
    pub async fn turn_to_derive(&self) -> Result<StoreLock, Error> {
        store_lock(&self.inner, &derived_key(&self.inner.profile.session_key())).await
    }

    /// The secret that [`keep_derived`](Self::keep_derived) kept last, by whatever process. It is of whoever
    /// is signed in by the store: it goes before their tokens go, and before those of somebody else come.
    /// So this one reading of the store tells as much as reading the tokens too.
    ///
    /// # Errors
    /// [`Error::Store`] when the store cannot tell.
    pub async fn derived(&self) -> Result<Option<Secret>, Error> {
        self.with_store(|store, key| store.load(&derived_key(key)))
            .await
    }

    /// Keeps a secret beside the tokens of the person with this `sub`, in a form that only the caller has
    /// to understand. Signing out and the end of the session delete it.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] when that person is no longer signed in, and [`Error::Store`]; nothing
    /// is kept then.
    pub async fn keep_derived(&self, sub: &str, secret: Secret) -> Result<(), Error> {
        let turn = self.turn().await?;
        self.tokens().signed_out()?;
        let same = self
            .tokens()
            .set
            .as_ref()
            .is_some_and(|set| set.user.sub == sub);
        if !same {
            return Err(Error::SignInRequired(SignInReason::SignedOut));
        }
        let kept = self
            .with_store(move |store, key| store.save(&derived_key(key), &secret))
            .await;
        drop(turn);
        kept
    }

    /// Deletes what [`keep_derived`](Self::keep_derived) kept.
    ///
    /// # Errors
    /// [`Error::Store`] when it may still be there.
    pub async fn forget_derived(&self) -> Result<(), Error> {
        self.with_store(|store, key| store.delete(&derived_key(key)))
            .await
    }
}

/// What whoever is not signed in obtained: nobody's, and so kept when persons come and go.
impl Session {
    /// The secret that [`keep_guests`](Self::keep_guests) kept last, by whatever process.
    ///
    /// # Errors
    /// [`Error::Store`] when the store cannot tell.
    pub async fn guests(&self) -> Result<Option<Secret>, Error> {
        self.with_store(|store, key| store.load(&guests_key(key)))
            .await
    }

    /// Keeps a secret that belongs to no person.
    ///
    /// # Errors
    /// [`Error::Store`]; nothing is kept then.
    pub async fn keep_guests(&self, secret: Secret) -> Result<(), Error> {
        self.with_store(move |store, key| store.save(&guests_key(key), &secret))
            .await
    }
}

fn guests_key(session_key: &str) -> String {
    format!("{session_key}, guest")
}

pub(super) fn derived_key(session_key: &str) -> String {
    format!("{session_key}, derived")
}
