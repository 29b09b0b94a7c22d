//! `POST /oauth2/revoke`.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html>

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    client_auth::{authenticate, error},
    config::Client,
    params::Params,
    state::Shared,
    tokens::Jwt,
};

pub(crate) enum Revocation {
    /// Or there was nothing to do: an unknown token counts as revoked.
    Done,
    /// The client has `EnableTokenRevocation` off.
    TurnedOff,
    NotARefreshToken,
}

pub(crate) async fn endpoint(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let invalid = || error(StatusCode::BAD_REQUEST, "invalid_request");
    let Some(form) = Params::of_form(&headers, &body) else {
        return invalid();
    };
    let Some(client) = authenticate(&shared.config, &headers, &form) else {
        return error(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let Some(token) = form.value("token") else {
        return invalid();
    };
    match revoke(&shared, client, token) {
        Revocation::Done => StatusCode::OK.into_response(),
        Revocation::TurnedOff => invalid(),
        Revocation::NotARefreshToken => error(StatusCode::BAD_REQUEST, "unsupported_token_type"),
    }
}

/// Ends the refresh token and every token of its session; other sessions go on, and so does the browser's.
pub(crate) fn revoke(shared: &Shared, client: &Client, token: &str) -> Revocation {
    if !client.token_revocation {
        return Revocation::TurnedOff;
    }
    if Jwt::parse(token).is_some() {
        return Revocation::NotARefreshToken;
    }
    let mut state = shared.state();
    let origin_jti = state
        .refresh_tokens
        .get(token)
        .map(|known| known.origin_jti.clone());
    let grant = origin_jti.and_then(|origin_jti| state.grants.get_mut(&origin_jti));
    if let Some(grant) = grant.filter(|grant| grant.client_id == client.id) {
        grant.revoked = true;
    }
    Revocation::Done
}
