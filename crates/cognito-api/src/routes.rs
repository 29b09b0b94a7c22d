use std::{
    future::{self, Future},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use cognito_verifier::{AccessClaims, Verifier, VerifyLayer};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tracing::Subscriber;
use tracing_subscriber::{filter::filter_fn, layer::Layer, registry::LookupSpan};

use crate::{
    downloads::DownloadCounter,
    front::{FrontLayer, Shared},
    limits::Limits,
    metrics::{self, Metrics},
    server::Server,
};

const HEALTH: &str = "/healthz";
const READY: &str = "/readyz";

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
            }),
        }
    }

    /// More routes behind the same token check. Their fallback is left out: what is no route is answered 404.
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
        let front = FrontLayer(Arc::clone(&self.shared));
        let checked = (front.clone(), VerifyLayer::new(self.verifier.clone()));
        let routes = self.routes.clone().reset_fallback();
        routes
            .route_layer(checked)
            .merge(self.probes().layer(front))
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
