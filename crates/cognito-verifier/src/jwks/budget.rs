//! What a key id that the pool does not have may cost.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    time::{Duration, SystemTime},
};

use super::{ABSENT_FOR, UNKNOWN_KEY_BURST, UNKNOWN_KEY_INTERVAL, age};

/// Downloads that unknown key ids may cause: [`UNKNOWN_KEY_BURST`] at once, and one more each [`UNKNOWN_KEY_INTERVAL`].
pub(super) struct Budget {
    left: u32,
    /// When the next one began to be earned.
    since: SystemTime,
}

impl Budget {
    pub(super) fn new(now: SystemTime) -> Self {
        Self {
            left: UNKNOWN_KEY_BURST,
            since: now,
        }
    }

    pub(super) fn take(&mut self, now: SystemTime) -> bool {
        let earned = age(now, self.since).as_millis() / UNKNOWN_KEY_INTERVAL.as_millis();
        match u32::try_from(earned) {
            Ok(earned) if self.left.saturating_add(earned) < UNKNOWN_KEY_BURST => {
                self.left += earned;
                self.since += UNKNOWN_KEY_INTERVAL * earned;
            }
            _ => *self = Self::new(now),
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }

    /// The download was worth it.
    pub(super) fn refund(&mut self) {
        self.left = UNKNOWN_KEY_BURST.min(self.left + 1);
    }
}

/// Key ids that a download has lately shown to be absent: a fixed number of them, in which a newer one takes the place of
/// an older. Their hashes are keyed with a secret of this process, so nobody can choose which.
#[derive(Default)]
pub(super) struct AbsentKeys {
    hasher: RandomState,
    places: Vec<Option<(u64, SystemTime)>>,
}

impl AbsentKeys {
    const PLACES: usize = 1024;

    pub(super) fn remember(&mut self, kid: &str, now: SystemTime) {
        let (hash, place) = self.place(kid);
        self.places.resize(Self::PLACES, None);
        self.places[place] = Some((hash, now));
    }

    pub(super) fn contains(&self, kid: &str, now: SystemTime) -> bool {
        let (hash, place) = self.place(kid);
        matches!(self.places.get(place), Some(Some((known, since))) if *known == hash && age(now, *since) < ABSENT_FOR)
    }

    fn place(&self, kid: &str) -> (u64, usize) {
        let hash = self.hasher.hash_one(kid);
        (hash, (hash % Self::PLACES as u64) as usize)
    }
}

/// How long to leave a failing endpoint alone, after this many failures in a row.
pub(super) fn back_off(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (super::RETRY_INTERVAL * (1 << doublings)).min(super::MAX_RETRY_INTERVAL)
}
