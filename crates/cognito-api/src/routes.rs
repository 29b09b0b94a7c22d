use std::time::Instant;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, header::CACHE_CONTROL},
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use cognito_verifier::{AccessClaims, Verifier, VerifyLayer};
use serde_json::{Map, Value};
use tracing::info;

/// The routes, and the only paths that are ever logged: any other may hold what a log must not.
const HELLO: &str = "/api/hello";
const ME: &str = "/api/me";
const HEALTH: &str = "/healthz";

/// The API behind `verifier`:
///
/// | route | answer |
/// |---|---|
/// | `GET /api/hello` | `Hi NAME, your API call is authenticated!`; NAME is the user's name in the pool, or the client of a machine token |
/// | `GET /api/me` | every claim of the access token, as JSON |
/// | `GET /healthz` | `ok`, to anyone |
///
/// Under `/api`, a request without a good access token is answered by [`VerifyLayer`].
pub fn router(verifier: Verifier<AccessClaims>) -> Router {
    Router::new()
        .route(HELLO, get(hello))
        .route(ME, get(me))
        .route_layer(VerifyLayer::new(verifier))
        .route_layer(from_fn(private))
        .route(HEALTH, get(async || "ok"))
        .layer(from_fn(log))
}

async fn hello(claims: AccessClaims) -> String {
    let name = claims.username.unwrap_or(claims.sub);
    format!("Hi {name}, your API call is authenticated!")
}

async fn me(claims: AccessClaims) -> Json<Map<String, Value>> {
    Json(claims.all)
}

/// Answers differ from user to user, so no cache may keep them (RFC 9111 §3.5 lets some do so after all).
async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// One line per request, without query, header or body.
async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = match request.uri().path() {
        HELLO => HELLO,
        ME => ME,
        HEALTH => HEALTH,
        _ => "(no route)",
    };
    let response = next.run(request).await;
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    info!(%method, path, status = response.status().as_u16(), micros, "answered");
    response
}
