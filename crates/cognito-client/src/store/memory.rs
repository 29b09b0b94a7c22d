//! A store that forgets everything when the process ends.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{Secret, StoreError, TokenStore};

/// Keeps secrets in memory only: for tests, and for sessions that must leave nothing behind.
#[derive(Default)]
pub struct MemoryStore {
    secrets: Mutex<HashMap<String, Secret>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn secrets(&self) -> std::sync::MutexGuard<'_, HashMap<String, Secret>> {
        self.secrets
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.secrets().get(key).cloned())
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.secrets()
            .insert(key.to_owned(), Secret::new(secret.to_vec()));
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.secrets().remove(key);
        Ok(())
    }
}
