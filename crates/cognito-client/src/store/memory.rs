//! A store that forgets everything when the process ends.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Secret, StoreError, StoreLock, TokenStore};

/// Keeps secrets in memory only: for tests, and for sessions that must leave nothing behind.
#[derive(Default)]
pub struct MemoryStore {
    secrets: Mutex<HashMap<String, Secret>>,
    /// Of all keys: one change too many noticed does no harm.
    changes: AtomicU64,
    locked: Arc<Locked>,
}

/// The keys that somebody has the lock of.
#[derive(Default)]
struct Locked {
    keys: Mutex<HashSet<String>>,
    freed: Condvar,
}

impl Locked {
    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees its key when dropped.
struct Held {
    key: String,
    locked: Arc<Locked>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.locked.keys().remove(&self.key);
        self.locked.freed.notify_all();
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn secrets(&self) -> MutexGuard<'_, HashMap<String, Secret>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.secrets().get(key).cloned())
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.secrets()
            .insert(key.to_owned(), Secret::new(secret.to_vec()));
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.secrets().remove(key);
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        let mut keys = self
            .locked
            .freed
            .wait_while(self.locked.keys(), |keys| keys.contains(key))
            .unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.to_owned());
        Ok(StoreLock::new(Held {
            key: key.to_owned(),
            locked: self.locked.clone(),
        }))
    }

    fn revision(&self, _key: &str) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }
}
