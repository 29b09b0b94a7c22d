use std::{
    future::{self, Future},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use cognito_verifier::{AccessClaims, Verifier, VerifyError, VerifyLayer};
use http_body_util::Limited;
use hyper::body::Body as _;
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};
use tracing::{Subscriber, debug, info};
use tracing_subscriber::{filter::filter_fn, layer::Layer, registry::LookupSpan};

use crate::{
    downloads::DownloadCounter,
    limits::Limits,
    metrics::{self, Metrics},
    refusal::Refusal,
    server::Server,
};

const HEALTH: &str = "/healthz";
const READY: &str = "/readyz";
/// Stands in metrics and logs for every path that is no route: such a path may hold what a log must not.
const NO_ROUTE: &str = "(no route)";

/// Before keys that could not be downloaded are tried again: at first, and at most.
const PRELOAD_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

pub(crate) fn is_probe(path: &str) -> bool {
    matches!(path, HEALTH | READY)
}

/// The API behind a verifier, with its limits, probes and metrics. Cheap to clone; clones share all of it.
///
/// | route | answer |
/// |---|---|
/// | `GET /api/hello` | `Hi NAME, your API call is authenticated!`; NAME is the user's name in the pool, or the client of a machine token |
/// | `GET /api/me` | every claim of the access token, as JSON |
/// | `GET /healthz` | `ok`, to anyone, as long as the process answers at all |
/// | `GET /readyz` | `ready`, to anyone; 503 until every user pool's keys were there once, and again as soon as it is stopping |
///
/// Under `/api`, a request without a good access token is answered by [`VerifyLayer`].
#[derive(Clone, Debug)]
pub struct Api {
    verifier: Verifier<AccessClaims>,
    routes: Router,
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    metrics: Metrics,
    stopping: AtomicBool,
    slots: Semaphore,
}

/// The API behind `verifier` as a router, with the default [`Limits`]; see [`Api`].
pub fn router(verifier: Verifier<AccessClaims>) -> Router {
    Api::new(verifier).router()
}

impl Api {
    /// The API behind `verifier`, with the default [`Limits`].
    #[must_use]
    pub fn new(verifier: Verifier<AccessClaims>) -> Self {
        let routes = Router::new()
            .route("/api/hello", get(hello))
            .route("/api/me", get(me));
        Self::assemble(verifier, routes, Limits::default())
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self::assemble(self.verifier, self.routes, limits)
    }

    fn assemble(verifier: Verifier<AccessClaims>, routes: Router, limits: Limits) -> Self {
        Self {
            verifier,
            routes,
            server: Server::new(limits),
            shared: Arc::new(Shared {
                limits,
                metrics: Metrics::new(),
                stopping: AtomicBool::new(false),
                slots: Semaphore::new(limits.requests),
            }),
        }
    }

    /// More routes behind the same token check.
    ///
    /// # Panics
    /// When a route is there already.
    #[must_use]
    pub fn with_routes(self, routes: Router) -> Self {
        Self {
            routes: self.routes.merge(routes),
            ..self
        }
    }

    /// Every route but the metrics, for [`Api::serve`] or another server.
    pub fn router(&self) -> Router {
        self.routes
            .clone()
            .route_layer(VerifyLayer::new(self.verifier.clone()))
            .merge(self.probes())
            .layer(from_fn_with_state(Arc::clone(&self.shared), front))
    }

    /// The probes and `GET /metrics`, for an address only administrators reach: the metrics say how much is done and
    /// what is refused.
    pub fn admin_router(&self) -> Router {
        let api = self.clone();
        let metrics = async move || {
            let kind = [(CONTENT_TYPE, metrics::CONTENT_TYPE)];
            (kind, api.shared.metrics.text(&api.server))
        };
        self.probes().route("/metrics", get(metrics))
    }

    /// A layer for the program's `tracing` subscriber that counts the downloads of keys, which the verifier reports there.
    pub fn download_counter<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        DownloadCounter(self.shared.metrics.clone()).with_filter(filter_fn(DownloadCounter::wants))
    }

    /// Answers `/readyz` with 503 from now on, and closes each connection after its next answer, so that load balancers
    /// and clients go elsewhere before the server is gone.
    pub fn drain(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Serves [`Api::router`] on `listener`, and [`Api::admin_router`] on `admin` if there is one, until `stop` resolves
    /// and every request in progress is answered; see [`crate::serve`].
    pub async fn serve(
        &self,
        listener: TcpListener,
        admin: Option<TcpListener>,
        stop: impl Future<Output = ()>,
    ) {
        let (ending, mut ended) = watch::channel(());
        let mut loaded = ended.clone();
        let admin = async {
            if let Some(admin) = admin {
                let ended = async { drop(ended.changed().await) };
                // Limits of its own: callers must not be able to lock the administrator out.
                Server::new(self.shared.limits)
                    .serve(admin, self.admin_router(), ended)
                    .await;
            }
        };
        let public = async {
            let stop = async {
                stop.await;
                self.drain();
            };
            self.server.serve(listener, self.router(), stop).await;
            drop(ending); // The metrics and probes last until the last answer.
        };
        let keys = async {
            tokio::select! {
                () = self.load_keys() => {}
                _ = loaded.changed() => {}
            }
        };
        tokio::join!(public, admin, keys);
    }

    /// Returns once every pool's keys are there. Each failure is logged by the verifier.
    async fn load_keys(&self) {
        let mut pause = PRELOAD_PAUSE.0;
        while self.verifier.preload().await.is_err() {
            drop(timeout(pause, future::pending::<()>()).await);
            pause = PRELOAD_PAUSE.1.min(pause * 2);
        }
    }

    fn probes(&self) -> Router {
        let api = self.clone();
        Router::new()
            .route(HEALTH, get(async || "ok"))
            .route(READY, get(async move || api.ready()))
    }

    fn ready(&self) -> Response {
        if self.shared.stopping.load(Ordering::Relaxed) {
            return unready(&json!({ "ready": false, "reason": "stopping" }));
        }
        let without_keys = self.verifier.issuers_without_keys();
        if without_keys.is_empty() {
            return "ready".into_response();
        }
        unready(&json!({ "ready": false, "reason": "keys", "without_keys": without_keys }))
    }
}

fn unready(why: &Value) -> Response {
    let kind = [(CONTENT_TYPE, "application/json")];
    (StatusCode::SERVICE_UNAVAILABLE, kind, why.to_string()).into_response()
}

async fn hello(claims: AccessClaims) -> String {
    let name = claims.username().unwrap_or(claims.sub());
    format!("Hi {name}, your API call is authenticated!")
}

async fn me(claims: AccessClaims) -> Json<Map<String, Value>> {
    Json(claims.all())
}

/// In front of every route: the limits of a request, its metrics, and one line in the log, without query, header or body.
async fn front(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let Shared {
        limits,
        metrics,
        stopping,
        slots,
    } = &*shared;
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let probe = is_probe(route);

    let mut response = if probe {
        next.run(request).await
    } else {
        match slots.try_acquire() {
            Ok(_slot) => {
                let _in_flight = InFlight::new(metrics);
                bounded(limits, request, next).await
            }
            Err(_) => {
                metrics.overloaded.inc();
                Refusal::Overloaded.into_response()
            }
        }
    };
    if !probe && matched.is_some() {
        checked(metrics, &method, &mut response);
    }
    if stopping.load(Ordering::Relaxed) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }

    let status = response.status();
    metrics.answered(route, &method, status, started.elapsed());
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    if probe {
        debug!(%method, route, status, micros, "answered");
    } else {
        info!(%method, route, status, micros, "answered");
    }
    response
}

/// Counts the outcome of the token check. Answers differ from user to user, so no cache may keep them (RFC 9111 §3.5 lets
/// some do so after all).
fn checked(metrics: &Metrics, method: &Method, response: &mut Response) {
    match response.extensions().get::<VerifyError>() {
        Some(refusal) => metrics.verified(refusal.code()),
        // Perhaps a preflight, which is not checked; or the request did not get so far.
        None if *method == Method::OPTIONS || response.extensions().get::<Refusal>().is_some() => {}
        None => metrics.verified("valid"),
    }
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

struct InFlight<'a>(&'a Metrics);

impl<'a> InFlight<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

/// Answers within the limits of body and time.
async fn bounded(limits: &Limits, request: Request, next: Next) -> Response {
    let size = request.body().size_hint();
    let limit = limits.body_bytes;
    if size.lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Refusal::BodyTooLarge.into_response();
    }
    let request = if size.exact() == Some(0) {
        request
    } else {
        request.map(|body| Body::new(Limited::new(body, limit)))
    };
    match timeout(limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::TimedOut.into_response(),
    }
}
