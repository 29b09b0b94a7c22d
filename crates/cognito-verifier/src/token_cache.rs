//! Tokens that were verified, by their hash.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

use crate::jwk::Key;

/// The SHA-256 of a whole token: two tokens that share one cannot be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

/// Up to a fixed number of verified tokens. A hash belongs into one small set, in which the token unused for longest makes
/// way, so that nothing is ever searched or swept.
pub(crate) struct TokenCache<C> {
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
    hash: TokenHash,
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
            sets: (0..sets).map(set).collect(),
        }
    }

    /// The claims of the token with this hash, while `current` says of its pool and key that it is one of the pool's keys.
    pub(crate) fn find(
        &self,
        hash: &TokenHash,
        current: impl Fn(usize, &Arc<Key>) -> bool,
    ) -> Option<C> {
        let mut set = self.set(hash);
        let at = set.tokens.iter().position(|token| token.hash == *hash)?;
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

    pub(crate) fn remember(&self, hash: TokenHash, claims: C, pool: usize, key: Arc<Key>) {
        let mut set = self.set(&hash);
        set.uses += 1;
        let token = Remembered {
            hash,
            claims,
            pool,
            key,
            used: set.uses,
        };
        let known = set.tokens.iter().position(|known| known.hash == hash);
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

    fn set(&self, hash: &TokenHash) -> MutexGuard<'_, Set<C>> {
        let [a, b, c, d, e, f, g, h, ..] = hash.0;
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let at = usize::try_from(number % self.sets.len() as u64).expect("less than a usize");
        self.sets[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
