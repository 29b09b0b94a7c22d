use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why the server itself, and not the token check, does not answer a request: in the same form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Overloaded,
    TimedOut,
    BodyTooLarge,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "the server is busy; try again in a moment",
            ),
            Self::TimedOut => (
                StatusCode::SERVICE_UNAVAILABLE,
                "timed_out",
                "the answer took too long; try again in a moment",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "the request's body is too large",
            ),
        };
        let body = json!({ "error": code, "message": message }).to_string();
        let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Seconds (RFC 9110 §10.2.3): requests take far less, so the crowd is gone by then.
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        } else {
            // The rest of the body is not waited for.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
