//! Downloads of keys, as the verifier reports them through `tracing`.

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
    fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
        match field.name() {
            "keys" => self.0 = Some("loaded"),
            "failure" => self.0 = Some("failed"),
            _ => {}
        }
    }
}
