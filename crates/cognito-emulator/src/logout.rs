//! `GET /logout`: ends the browser session, in one of two modes. Revokes nothing.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html>

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use crate::{
    authorize::{AuthorizationRequest, found},
    cookies, error_page,
    params::{Params, encode},
    state::Shared,
};

/// What Cognito says whatever is wrong, an unregistered `logout_uri` included.
const MISLEADING: &str = "Required String parameter 'redirect_uri' is not present";

pub(crate) async fn endpoint(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Some(cookie) = cookies::value(&headers, "cognito") {
        shared.state().browsers.remove(cookie);
    }
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    let mut response = destination(&shared, &params);
    cookies::set(response.headers_mut(), "cognito", "", Some(0));
    response
}

fn destination(shared: &Shared, params: &Params) -> Response {
    let client = params
        .value("client_id")
        .and_then(|id| shared.config.find_client(id));
    match (client, params.value("logout_uri")) {
        // `logout_uri` wins when both are there.
        (Some(client), Some(uri)) if client.logout_urls.iter().any(|url| url == uri) => found(uri),
        (Some(_), None) if params.value("redirect_uri").is_some() => {
            match AuthorizationRequest::read(shared, params) {
                Ok(request) => {
                    // Cognito fills in the client's scopes when there are none.
                    let scope = request.scopes.join(" ");
                    let mut pairs: Vec<_> = params
                        .pairs()
                        .filter(|(name, _)| {
                            !matches!(*name, "scope" | "identity_provider" | "idp_identifier")
                        })
                        .collect();
                    pairs.push(("scope", &scope));
                    found(&format!("/login?{}", encode(&pairs)))
                }
                Err(refusal) => refusal.into_response(),
            }
        }
        _ => error_page::render(shared, MISLEADING),
    }
}
