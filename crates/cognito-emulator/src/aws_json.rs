//! The AWS JSON 1.1 protocol: `POST /` with `X-Amz-Target`, and its error envelope.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{identity, random, state::Shared, sts, user_pool_api};

/// An error of an AWS service: its class and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsError {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

impl AwsError {
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }
}

/// Everything that is posted to the root: three services, told apart as their SDKs address them.
pub(crate) async fn dispatch(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(target) = headers.get("x-amz-target") else {
        return sts::answer(&shared, &method, &uri, &headers, &body).await;
    };
    let target = target.to_str().unwrap_or_default();
    // AWS's own examples use a longer prefix than its SDKs: only the end counts.
    let (service, operation) = target.rsplit_once('.').unwrap_or(("", target));
    let answer = match serde_json::from_slice(&body) {
        Err(_) => Err(AwsError::new("SerializationException", "")),
        Ok(input) if service.ends_with("IdentityProviderService") => {
            user_pool_api::answer(&shared, operation, &input).await
        }
        Ok(input) => identity::answer(&shared, operation, &input).await,
    };
    respond(answer)
}

/// Errors are HTTP 400, throttling included, but for `InternalErrorException`.
fn respond(answer: Result<Value, AwsError>) -> Response {
    let (status, body, error) = match answer {
        Ok(body) => (StatusCode::OK, body, None),
        Err(error) => {
            let status = match error.class {
                "InternalErrorException" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            let body = json!({ "__type": error.class, "message": error.message });
            (status, body, Some(error))
        }
    };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set(header::CONTENT_TYPE.as_str(), "application/x-amz-json-1.1");
    set("x-amzn-requestid", &random::uuid());
    set("access-control-allow-origin", "*");
    set(
        "access-control-expose-headers",
        "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
    );
    if let Some(error) = error {
        set("x-amzn-errortype", &format!("{}:", error.class));
        set("x-amzn-errormessage", &error.message);
    }
    response
}
