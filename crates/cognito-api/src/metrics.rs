//! What is counted, for Prometheus. Every label has a fixed set of values: a caller cannot make new ones.

use std::{borrow::Cow, time::Duration};

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use crate::server::Server;

/// The type of what [`Metrics::text`] returns.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The outcome of a token check that is no refusal.
pub(crate) const VALID: &str = "valid";

/// Upper bounds in seconds: a signature check takes 20 microseconds, a download of keys up to 3 seconds.
const BUCKETS: [f64; 12] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25, 1., 5., 30.,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: Cow<'static, str>,
    method: &'static str,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Cow<'static, str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What a route's usual answer is counted by, without looking it up.
#[derive(Debug)]
pub(crate) struct Usual {
    route: String,
    method: Method,
    requests: Counter,
    durations: Histogram,
    valid: Counter,
}

impl Usual {
    pub(crate) fn is_of(&self, route: &str, method: &Method) -> bool {
        self.route == route && self.method == *method
    }

    pub(crate) fn answered(&self, took: Duration) {
        self.valid.inc();
        self.requests.inc();
        self.durations.observe(took.as_secs_f64());
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    durations: Family<Route, Histogram>,
    verifications: Family<Outcome, Counter>,
    downloads: Family<Outcome, Counter>,
    pub(crate) in_flight: Gauge,
    pub(crate) overloaded: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            verifications: Family::default(),
            downloads: Family::default(),
            in_flight: Gauge::default(),
            overloaded: Counter::default(),
        }
    }

    pub(crate) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let route = known_route(route);
        self.requests
            .get_or_create(&Answered {
                route: route.clone(),
                method: known(method),
                status: status.as_u16().into(),
            })
            .inc();
        self.durations
            .get_or_create(&Route { route })
            .observe(took.as_secs_f64());
    }

    /// Those of a route that answers 200 to tokens that are valid.
    pub(crate) fn usual(&self, route: &str, method: &Method) -> Usual {
        let name = known_route(route);
        Usual {
            route: route.to_owned(),
            method: method.clone(),
            requests: self.requests.get_or_create_owned(&Answered {
                route: name.clone(),
                method: known(method),
                status: StatusCode::OK.as_u16().into(),
            }),
            durations: self.durations.get_or_create_owned(&Route { route: name }),
            valid: self
                .verifications
                .get_or_create_owned(&Outcome { outcome: VALID }),
        }
    }

    /// `outcome` is `valid` or the code of a `VerifyError`.
    pub(crate) fn verified(&self, outcome: &'static str) {
        self.verifications.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn downloaded(&self, outcome: &'static str) {
        self.downloads.get_or_create(&Outcome { outcome }).inc();
    }

    /// Everything, in the text format of OpenMetrics 1.0, which Prometheus reads.
    pub(crate) fn text(&self, server: &Server) -> String {
        let mut registry = Registry::with_prefix("cognito_api");
        registry.register(
            "build",
            "The program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register(
            "request_duration_seconds",
            "From the end of a request's header to its answer",
            self.durations.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests being answered",
            self.in_flight.clone(),
        );
        registry.register(
            "requests_refused",
            "Requests refused because too many were being answered",
            self.overloaded.clone(),
        );
        registry.register("connections", "Open connections", server.open.clone());
        registry.register(
            "connections_refused",
            "Connections refused because too many were open",
            server.refused.clone(),
        );
        registry.register(
            "verifications",
            "Tokens checked, by outcome",
            self.verifications.clone(),
        );
        registry.register(
            "jwks_downloads",
            "Downloads of a user pool's keys, by outcome",
            self.downloads.clone(),
        );
        let mut text = String::new();
        encode(&mut text, &registry).expect("a String takes everything");
        text
    }
}

/// Without an allocation for the routes that are always there.
fn known_route(route: &str) -> Cow<'static, str> {
    match route {
        "/api/hello" => "/api/hello".into(),
        "/api/me" => "/api/me".into(),
        "/healthz" => "/healthz".into(),
        "/readyz" => "/readyz".into(),
        other => other.to_owned().into(),
    }
}

/// A method is whatever the caller writes.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
