//! Lambda `Invoke`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    random,
    sigv4::{SignedRequest, Unsigned},
    state::Shared,
};

/// 6 MB for a synchronous payload, 1 MB for an asynchronous one.
pub(crate) const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
const MAX_EVENT: usize = 1024 * 1024;

pub(crate) async fn invoke(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = SignedRequest {
        method: &method,
        uri: &uri,
        headers: &headers,
        body: &body,
    };
    let caller = match request.verify(&shared, "lambda") {
        Ok(credentials) => credentials.caller,
        Err(unsigned) => return refuse(&unsigned),
    };
    let arn = format!(
        "arn:aws:lambda:{}:{}:function:",
        shared.config.region, shared.config.account
    );
    // A function is called by its name or by its ARN.
    let name = name.strip_prefix(&arn).unwrap_or(&name);
    let Some(function) = shared.config.functions.get(name) else {
        return error(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &json!({ "Type": "User", "Message": format!("Function not found: {arn}{name}") }),
        );
    };
    let invocation_type = header_of(&headers, "x-amz-invocation-type").unwrap_or("RequestResponse");
    let limit = match invocation_type {
        "Event" => MAX_EVENT,
        _ => MAX_PAYLOAD,
    };
    if body.len() > limit {
        return error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &json!({
                "Type": "User",
                "message": format!("{} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)", body.len()),
            }),
        );
    }
    let payload = match &body[..] {
        [] => Value::Object(serde_json::Map::new()),
        body => match serde_json::from_slice(body) {
            Ok(payload) => payload,
            Err(reason) => {
                return error(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestContentException",
                    &json!({
                        "Type": "User",
                        "message": format!("Could not parse request body into json: {reason}"),
                    }),
                );
            }
        },
    };
    match invocation_type {
        "DryRun" => StatusCode::NO_CONTENT.into_response(),
        "Event" => {
            // Nobody waits for the outcome of an event.
            let _ = function.call(payload, &caller);
            StatusCode::ACCEPTED.into_response()
        }
        "RequestResponse" => {
            let outcome = function.call(payload, &caller);
            let failed = outcome.is_err();
            let answer = outcome.unwrap_or_else(|failure| {
                json!({ "errorMessage": failure.message, "errorType": failure.error_type })
            });
            let mut response = json_response(StatusCode::OK, &answer);
            let headers_out = response.headers_mut();
            headers_out.insert(
                "x-amz-executed-version",
                HeaderValue::from_static("$LATEST"),
            );
            if failed {
                // A failing function is still HTTP 200.
                headers_out.insert(
                    "x-amz-function-error",
                    HeaderValue::from_static("Unhandled"),
                );
            }
            if header_of(&headers, "x-amz-log-type") == Some("Tail") {
                let id = random::uuid();
                let log = BASE64_STANDARD.encode(format!(
                    "START RequestId: {id} Version: $LATEST\nEND RequestId: {id}\n"
                ));
                let log = HeaderValue::from_str(&log).expect("base64 is ASCII");
                headers_out.insert("x-amz-log-result", log);
            }
            response
        }
        other => error(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            &json!({ "Type": "User", "message": format!("Unsupported invocation type: {other}") }),
        ),
    }
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refuse(unsigned: &Unsigned) -> Response {
    let (class, message) = match unsigned {
        Unsigned::Missing => (
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        Unsigned::Incomplete(text) => ("IncompleteSignatureException", text.as_str()),
        Unsigned::UnknownKey => (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Unsigned::Expired => (
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        Unsigned::Mismatch(text) => ("InvalidSignatureException", text.as_str()),
    };
    error(StatusCode::FORBIDDEN, class, &json!({ "message": message }))
}

fn error(status: StatusCode, class: &'static str, body: &Value) -> Response {
    let mut response = json_response(status, body);
    response.headers_mut().insert(
        HeaderName::from_static("x-amzn-errortype"),
        HeaderValue::from_static(class),
    );
    response
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response();
    response.headers_mut().insert(
        "x-amzn-requestid",
        HeaderValue::from_str(&random::uuid()).expect("a UUID is ASCII"),
    );
    response
}
