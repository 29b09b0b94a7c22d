//! `/error`: what the user sees when the client cannot be told.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use minijinja::context;

use crate::{params::Params, state::Shared};

pub(crate) async fn page(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    render(&shared, params.value("error").unwrap_or("server_error"))
}

/// HTTP 400, whatever the reason.
pub(crate) fn render(shared: &Shared, reason: &str) -> Response {
    shared.pages.render(
        "error.html",
        StatusCode::BAD_REQUEST,
        None,
        context! { reason },
    )
}
