//! The time, injected so that an hour passes in a test without an hour passing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// From here on a wrong clock is worth telling: AWS refuses signatures that are more than five
/// minutes off (AWS Signature Version 4, "Date").
const SKEW_WORTH_TELLING: Duration = Duration::from_secs(4 * 60);

/// Tells the time and waits for a moment of it.
pub trait Clock: cognito_verifier::Clock {
    /// Resolves once [`now`](cognito_verifier::Clock::now) has reached `moment`.
    fn sleep_until(&self, moment: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl Clock for cognito_verifier::SystemClock {
    fn sleep_until(&self, moment: SystemTime) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = *self;
        Box::pin(async move {
            // In steps, because the monotonic timer underneath stands still while a computer sleeps.
            const STEP: Duration = Duration::from_secs(5);
            while let Ok(left) = moment.duration_since(cognito_verifier::Clock::now(&clock)) {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this is the injected wait itself"
                )]
                tokio::time::sleep(left.clamp(Duration::from_millis(1), STEP)).await;
            }
        })
    }
}

/// The local clock, corrected by what the user pool's `Date` header says.
pub(crate) struct CorrectedClock {
    pub(crate) local: Arc<dyn Clock>,
    offset_seconds: AtomicI64,
}

impl cognito_verifier::Clock for CorrectedClock {
    fn now(&self) -> SystemTime {
        let offset = self.offset_seconds.load(Ordering::Relaxed);
        let (now, by) = (self.local.now(), Duration::from_secs(offset.unsigned_abs()));
        if offset < 0 { now - by } else { now + by }
    }
}

impl CorrectedClock {
    pub(crate) fn new(local: Arc<dyn Clock>) -> Self {
        Self {
            local,
            offset_seconds: AtomicI64::new(0),
        }
    }

    /// Learns the server's time; a difference of a second is the header's own coarseness.
    pub(crate) fn learn(&self, server: SystemTime) {
        let offset = match server.duration_since(self.local.now()) {
            Ok(behind) => behind.as_secs().cast_signed(),
            Err(ahead) => -ahead.duration().as_secs().cast_signed(),
        };
        self.offset_seconds
            .store(if offset.abs() < 2 { 0 } else { offset }, Ordering::Relaxed);
    }

    pub(crate) fn skew(&self) -> Option<i64> {
        let offset = self.offset_seconds.load(Ordering::Relaxed);
        (offset.unsigned_abs() >= SKEW_WORTH_TELLING.as_secs()).then_some(offset)
    }
}

/// Whole seconds since the Unix epoch; 0 for a moment before it.
pub(crate) fn unix_seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
