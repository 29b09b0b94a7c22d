//! Tokens that were verified, and what they claim.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::jwk::Key;

/// Up to a fixed number of verified tokens. A token is found by its signature's end, through a hash keyed with a secret of this
/// process, and then compared byte for byte. It belongs into one small set, in which the token unused for longest makes way,
/// so that nothing is ever searched or swept.
pub(crate) struct TokenCache<C> {
    hasher: RandomState,
    sets: Box<[Mutex<Set<C>>]>,
}

/// Tokens in a set.
const WAYS: usize = 8;

struct Set<C> {
    tokens: Vec<Remembered<C>>,
    /// Counts the set's uses.
    uses: u64,
    ways: usize,
}

struct Remembered<C> {
    hash: u64,
    token: Box<str>,
    claims: C,
    pool: usize,
    key: Arc<Key>,
    used: u64,
}

impl<C: Clone> TokenCache<C> {
    /// For up to `capacity` tokens, which is not 0.
    pub(crate) fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS);
        let set = |at: usize| {
            Mutex::new(Set {
                tokens: Vec::new(),
                uses: 0,
                // As equal as can be, and `capacity` together.
                ways: capacity / sets + usize::from(at < capacity % sets),
            })
        };
        Self {
            hasher: RandomState::new(),
            sets: (0..sets).map(set).collect(),
        }
    }

    /// The claims of this very token, while `current` says of its pool and key that it is one of the pool's keys.
    pub(crate) fn find(
        &self,
        token: &str,
        current: impl Fn(usize, &Arc<Key>) -> bool,
    ) -> Option<C> {
        let hash = self.hash(token);
        let mut set = self.set(hash);
        let at = set.position(hash, token)?;
        if !current(set.tokens[at].pool, &set.tokens[at].key) {
            set.tokens.swap_remove(at);
            return None;
        }
        set.uses += 1;
        let uses = set.uses;
        let token = &mut set.tokens[at];
        token.used = uses;
        Some(token.claims.clone())
    }

    pub(crate) fn remember(&self, token: &str, claims: C, pool: usize, key: Arc<Key>) {
        let hash = self.hash(token);
        let mut set = self.set(hash);
        let known = set.position(hash, token);
        set.uses += 1;
        let token = Remembered {
            hash,
            token: token.into(),
            claims,
            pool,
            key,
            used: set.uses,
        };
        let oldest = || {
            let tokens = set.tokens.iter().enumerate();
            tokens.min_by_key(|(_, token)| token.used).map(|(at, _)| at)
        };
        let displaced = if set.tokens.len() < set.ways {
            known
        } else {
            known.or_else(oldest)
        };
        match displaced {
            Some(at) => set.tokens[at] = token,
            None => set.tokens.push(token),
        }
    }

    /// Of the end of the signature, 24 octets, which no two tokens share by accident. Who knows that much of a token has the
    /// token, so how long the comparison takes tells nobody anything.
    fn hash(&self, token: &str) -> u64 {
        let end = token.len().saturating_sub(32);
        self.hasher.hash_one(&token.as_bytes()[end..])
    }

    fn set(&self, hash: u64) -> MutexGuard<'_, Set<C>> {
        let at = usize::try_from(hash % self.sets.len() as u64).expect("less than a usize");
        self.sets[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Set<C> {
    fn position(&self, hash: u64, token: &str) -> Option<usize> {
        let same = |known: &Remembered<C>| known.hash == hash && *known.token == *token;
        self.tokens.iter().position(same)
    }
}
