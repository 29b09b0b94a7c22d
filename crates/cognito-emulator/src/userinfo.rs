//! `GET /oauth2/userInfo`.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html>

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{client_auth::json_body, state::Shared, tokens};

const BAD_REQUEST: &str =
    r#"error="invalid_request", error_description="Bad OAuth2 request at UserInfo Endpoint""#;
const INVALID_TOKEN: &str = r#"error="invalid_token", error_description="Access token is expired, disabled, or deleted, or the user has globally signed out.""#;

pub(crate) async fn endpoint(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(token) = token else {
        return refuse(StatusCode::BAD_REQUEST, BAD_REQUEST);
    };
    let access = match tokens::check_access(&shared, token).await {
        Ok(access) if tokens::has_scope(&access.scopes, "openid") => access,
        _ => return refuse(StatusCode::UNAUTHORIZED, INVALID_TOKEN),
    };
    let state = shared.state();
    let Some(record) = state.user(&access.username) else {
        return refuse(StatusCode::UNAUTHORIZED, INVALID_TOKEN);
    };
    // Here, and not in the ID token, `email_verified` is a string.
    let mut body = tokens::attributes(&record.user, &access.scopes, |value| json!(value));
    body.insert("sub".to_owned(), json!(record.sub));
    body.insert("username".to_owned(), json!(record.user.username));
    json_body(&Value::Object(body))
}

/// The documented header has no scheme word.
fn refuse(status: StatusCode, challenge: &'static str) -> Response {
    let header = [(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    )];
    (status, header).into_response()
}
