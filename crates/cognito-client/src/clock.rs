//! The time, injected so that an hour passes in a test without an hour passing.

use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

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
            const STEP: std::time::Duration = std::time::Duration::from_secs(5);
            while let Ok(left) = moment.duration_since(cognito_verifier::Clock::now(&clock)) {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this is the injected wait itself"
                )]
                tokio::time::sleep(left.clamp(std::time::Duration::from_millis(1), STEP)).await;
            }
        })
    }
}

/// Whole seconds since the Unix epoch; 0 for a moment before it.
pub(crate) fn unix_seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
