//! Downloads of keys, as `JwksCache` reports them through `tracing`.

use std::fmt;

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use crate::metrics::Metrics;

const TARGET: &str = "cognito_verifier::jwks";

pub(crate) struct DownloadCounter(pub(crate) Metrics);

impl DownloadCounter {
    pub(crate) fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == TARGET && *metadata.level() <= Level::DEBUG
    }
}

impl<S: Subscriber> Layer<S> for DownloadCounter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut outcome = Outcome(None);
        event.record(&mut outcome);
        if let Some(outcome) = outcome.0 {
            self.0.downloaded(outcome);
        }
    }
}

struct Outcome(Option<&'static str>);

impl Visit for Outcome {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" {
            self.0 = match value {
                "jwks_fetched" => Some("fetched"),
                "jwks_fetch_failed" => Some("failed"),
                _ => None,
            };
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
