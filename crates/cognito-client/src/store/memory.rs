//! A store that forgets everything when the process ends.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{StoreError, TokenStore};
use crate::tokens::TokenSet;

/// Keeps tokens in memory only: for tests, and for sessions that must leave nothing behind.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sets: Mutex<HashMap<String, TokenSet>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn sets(&self) -> std::sync::MutexGuard<'_, HashMap<String, TokenSet>> {
        self.sets
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    fn load(&self, key: &str) -> Result<Option<TokenSet>, StoreError> {
        Ok(self.sets().get(key).cloned())
    }

    fn save(&self, key: &str, tokens: &TokenSet) -> Result<(), StoreError> {
        self.sets().insert(key.to_owned(), tokens.clone());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.sets().remove(key);
        Ok(())
    }
}
