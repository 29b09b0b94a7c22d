//! Lambda: `Invoke` and `ListFunctions`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod function;
mod list;
mod run;

use std::{fmt, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

pub use function::{Caller, Function, FunctionError, Log};
pub(crate) use list::list;

use self::run::{Place, run};
use crate::{
    iam::{Facts, Principal},
    random,
    sigv4::{SignedRequest, Unsigned},
    state::Shared,
};

/// 6 MB for a synchronous payload, 1 MB for an asynchronous one.
pub(crate) const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
const MAX_EVENT: usize = 1024 * 1024;

/// `InvocationType`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invocation {
    RequestResponse,
    Event,
    DryRun,
}

impl Invocation {
    fn of(headers: &HeaderMap) -> Result<Self, String> {
        match header_of(headers, "x-amz-invocation-type").unwrap_or("RequestResponse") {
            "RequestResponse" => Ok(Self::RequestResponse),
            "Event" => Ok(Self::Event),
            "DryRun" => Ok(Self::DryRun),
            other => Err(other.to_owned()),
        }
    }

    fn limit(self) -> usize {
        match self {
            Self::Event => MAX_EVENT,
            _ => MAX_PAYLOAD,
        }
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestResponse => "RequestResponse",
            Self::Event => "Event",
            Self::DryRun => "DryRun",
        })
    }
}

/// `arn:aws:lambda:REGION:ACCOUNT:function:`.
fn arn_prefix(shared: &Shared) -> String {
    let (region, account) = (&shared.config.region, &shared.config.account);
    format!("arn:aws:lambda:{region}:{account}:function:")
}

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
    let credentials = match request.verify(&shared, "lambda") {
        Ok(credentials) => credentials,
        Err(unsigned) => return refuse(&unsigned),
    };
    let arn = arn_prefix(&shared);
    // A function is called by its name or by its ARN.
    let name = name.strip_prefix(&arn).unwrap_or(&name);
    let resource = format!("{arn}{name}");
    if let Err(refusal) = authorize(&credentials.principal, "lambda:InvokeFunction", &resource) {
        return *refusal;
    }
    let qualifier = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "Qualifier")
        .map_or("$LATEST".into(), |(_, value)| value);
    let function = shared.config.functions.get(name);
    let Some(function) = function.filter(|_| qualifier == "$LATEST") else {
        let wanted = match qualifier.as_ref() {
            "$LATEST" => resource,
            other => format!("{resource}:{other}"),
        };
        return error(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &json!({ "Type": "User", "Message": format!("Function not found: {wanted}") }),
        );
    };
    let invocation = match Invocation::of(&headers) {
        Ok(invocation) => invocation,
        Err(other) => {
            return error(
                StatusCode::BAD_REQUEST,
                "InvalidParameterValueException",
                &json!({ "Type": "User", "message": format!("Unsupported invocation type: {other}") }),
            );
        }
    };
    let payload = match payload(&body, invocation) {
        Ok(payload) => payload,
        Err(refusal) => return *refusal,
    };
    let caller = credentials.caller;
    match invocation {
        Invocation::DryRun => StatusCode::NO_CONTENT.into_response(),
        Invocation::Event => {
            let (shared, function, name) = (Arc::clone(&shared), function.clone(), name.to_owned());
            // Nobody waits for the outcome of an event.
            tokio::spawn(async move {
                let place = Place {
                    region: &shared.config.region,
                    name: &name,
                };
                run(&function, &place, payload, caller).await
            });
            with_request_id(StatusCode::ACCEPTED.into_response())
        }
        Invocation::RequestResponse => {
            let place = Place {
                region: &shared.config.region,
                name,
            };
            let finished = run(function, &place, payload, caller).await;
            let mut response = json_response(StatusCode::OK, &finished.payload);
            let answer = response.headers_mut();
            answer.insert(
                "x-amz-executed-version",
                HeaderValue::from_static("$LATEST"),
            );
            if finished.failed {
                // A failing function is still HTTP 200.
                answer.insert(
                    "x-amz-function-error",
                    HeaderValue::from_static("Unhandled"),
                );
            }
            if header_of(&headers, "x-amz-log-type") == Some("Tail") {
                let log = BASE64_STANDARD.encode(finished.log_tail());
                let log = HeaderValue::from_str(&log).expect("base64 is ASCII");
                answer.insert("x-amz-log-result", log);
            }
            response
        }
    }
}

/// The JSON of a request, in Lambda's limits.
fn payload(body: &[u8], invocation: Invocation) -> Result<Value, Box<Response>> {
    let limit = invocation.limit();
    if body.len() > limit {
        return Err(Box::new(error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &json!({
                "Type": "User",
                "message": format!("{} byte payload is too large for the {invocation} invocation type (limit {limit} bytes)", body.len()),
            }),
        )));
    }
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|reason| {
        Box::new(error(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            &json!({
                "Type": "User",
                "message": format!("Could not parse request body into json: {reason}"),
            }),
        ))
    })
}

/// Whether the caller's role allows this.
fn authorize(principal: &Principal, action: &str, resource: &str) -> Result<(), Box<Response>> {
    let facts = Facts::default();
    principal
        .authorize(action, resource, &facts, "")
        .map_err(|refusal| {
            Box::new(error(
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                &json!({ "Message": refusal }),
            ))
        })
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
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    with_request_id((status, content_type, body.to_string()).into_response())
}

fn with_request_id(mut response: Response) -> Response {
    response.headers_mut().insert(
        "x-amzn-requestid",
        HeaderValue::from_str(&random::uuid()).expect("a UUID is ASCII"),
    );
    response
}
