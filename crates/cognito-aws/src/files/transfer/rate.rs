//! How fast a transfer is, and how long it will take.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// What the rate is taken over.
const WINDOW: Duration = Duration::from_secs(10);
/// Looks closer together than this are one.
const STEP: Duration = Duration::from_millis(250);

/// The bytes that were done, at the moments somebody looked.
#[derive(Debug, Default)]
pub(super) struct Rate {
    seen: VecDeque<(SystemTime, u64)>,
}

impl Rate {
    /// In bytes a second over the last ten seconds; `None` before two looks.
    pub(super) fn at(&mut self, now: SystemTime, done: u64) -> Option<u64> {
        let since = |moment: SystemTime| now.duration_since(moment).ok();
        // Begun anew, or the clock was set back: what was seen says nothing.
        if self
            .seen
            .back()
            .is_some_and(|(moment, seen)| *seen > done || since(*moment).is_none())
        {
            self.seen.clear();
        }
        if self
            .seen
            .back()
            .is_none_or(|(moment, _)| since(*moment) >= Some(STEP))
        {
            self.seen.push_back((now, done));
        }
        while self.seen.len() > 2 && since(self.seen[0].0) > Some(WINDOW) {
            self.seen.pop_front();
        }
        let (first, then) = *self.seen.front()?;
        let took = since(first)?.as_millis();
        let bytes = u128::from(done - then) * 1_000;
        bytes
            .checked_div(took)
            .and_then(|rate| rate.try_into().ok())
    }

    pub(super) fn forget(&mut self) {
        self.seen.clear();
    }
}

/// How long so many bytes take, to the second.
pub(super) fn time_left(bytes: u64, rate: Option<u64>) -> Option<Duration> {
    let rate = rate.filter(|rate| *rate > 0)?;
    Some(Duration::from_secs(bytes.div_ceil(rate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = SystemTime::UNIX_EPOCH;
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::default();
        assert_eq!(rate.at(at(0), 0), None);
        assert_eq!(rate.at(at(1), 1_000), Some(1_000));
        assert_eq!(rate.at(at(2), 3_000), Some(1_500));
        // Ten seconds at ten thousand: the slow start is forgotten.
        for second in 3..=14 {
            rate.at(at(second), 3_000 + (second - 2) * 10_000);
        }
        assert_eq!(rate.at(at(15), 133_000), Some(10_000));
        assert_eq!(
            time_left(25_000, Some(10_000)),
            Some(Duration::from_secs(3))
        );
        // It stands still.
        for second in 16..=30 {
            rate.at(at(second), 133_000);
        }
        assert_eq!(rate.at(at(31), 133_000), Some(0));
        assert_eq!(time_left(1, Some(0)), None);
        // Begun anew, and a clock that was set back.
        assert_eq!(rate.at(at(32), 0), None);
        assert_eq!(rate.at(at(5), 10), None);
        assert_eq!(rate.at(at(6), 20), Some(10));
    }
}
