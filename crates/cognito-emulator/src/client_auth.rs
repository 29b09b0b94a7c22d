//! What the OAuth JSON endpoints share: client authentication, error bodies, response headers.

use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    config::{Client, Config},
    params::Params,
    random,
};

/// Finds and authenticates the client: nobody without a secret, `client_secret_basic` or `client_secret_post`
/// with one. A public request to a client that has a secret fails, and so does a secret for one that has none.
pub(crate) fn authenticate<'a>(
    config: &'a Config,
    headers: &HeaderMap,
    form: &Params,
) -> Option<&'a Client> {
    let basic = headers
        .get(header::AUTHORIZATION)
        .map(|value| basic_credentials(value).ok_or(()))
        .transpose()
        .ok()?;
    let (id, secret) = match &basic {
        Some((id, secret)) => {
            let same = form.value("client_id").is_none_or(|in_body| in_body == id);
            same.then_some((id.as_str(), Some(secret.as_str())))?
        }
        None => (form.value("client_id")?, form.value("client_secret")),
    };
    let client = config.find_client(id)?;
    (client.secret.as_deref() == secret).then_some(client)
}

fn basic_credentials(value: &HeaderValue) -> Option<(String, String)> {
    let encoded = value.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

pub(crate) fn error(status: StatusCode, error: &str) -> Response {
    (status, json_body(&json!({ "error": error }))).into_response()
}

pub(crate) fn json_body(body: &Value) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    response
}

/// The headers of the token, revoke and userInfo endpoints; the only ones with CORS.
pub(crate) async fn domain_headers(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        StatusCode::OK.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        (
            "cache-control",
            "no-cache, no-store, max-age=0, must-revalidate",
        ),
        ("expires", "0"),
        ("pragma", "no-cache"),
        ("server", "Server"),
        (
            "strict-transport-security",
            "max-age=31536000 ; includeSubDomains",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("x-xss-protection", "1; mode=block"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if preflight {
        for (name, value) in [
            ("access-control-allow-methods", "GET, POST, OPTIONS"),
            (
                "access-control-allow-headers",
                "authorization, content-type",
            ),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
    }
    headers.insert(
        "x-amz-cognito-request-id",
        HeaderValue::from_str(&random::uuid()).expect("a UUID is ASCII"),
    );
    response
}
