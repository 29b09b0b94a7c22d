//! STS: `GetCallerIdentity` and `AssumeRoleWithWebIdentity`, by the query protocol with XML answers.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

mod web_identity;

use axum::{
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{
    params::Params,
    random,
    sigv4::{SignedRequest, Unsigned},
    state::Shared,
};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(crate) async fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let form = Params::of_form(headers, body).unwrap_or_default();
    let action = form.value("Action").unwrap_or_default();
    let version = form.value("Version").unwrap_or_default();
    match (action, version) {
        ("GetCallerIdentity", "2011-06-15") => {}
        ("AssumeRoleWithWebIdentity", "2011-06-15") => {
            return web_identity::answer(shared, &form).await;
        }
        _ => {
            return error(
                StatusCode::BAD_REQUEST,
                "InvalidAction",
                &format!("Could not find operation {action} for version {version}"),
            );
        }
    }
    let request = SignedRequest {
        method,
        uri,
        headers,
        body,
    };
    // Needs no permission: whoever signs may ask who they are.
    match request.verify(shared, "sts") {
        Ok(credentials) => {
            let caller = credentials.caller;
            result(
                action,
                &format!(
                    "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
                    escape(&caller.arn),
                    escape(&caller.user_id),
                    escape(&caller.account),
                ),
            )
        }
        Err(unsigned) => {
            let (status, code, message) = match &unsigned {
                Unsigned::Missing => (
                    StatusCode::FORBIDDEN,
                    "MissingAuthenticationToken",
                    "Request is missing Authentication Token",
                ),
                Unsigned::Incomplete(text) => (
                    StatusCode::BAD_REQUEST,
                    "IncompleteSignature",
                    text.as_str(),
                ),
                Unsigned::UnknownKey => (
                    StatusCode::FORBIDDEN,
                    "InvalidClientTokenId",
                    "The security token included in the request is invalid.",
                ),
                Unsigned::Expired => (
                    StatusCode::FORBIDDEN,
                    "ExpiredToken",
                    "The security token included in the request is expired",
                ),
                Unsigned::Mismatch(text) => (
                    StatusCode::FORBIDDEN,
                    "SignatureDoesNotMatch",
                    text.as_str(),
                ),
            };
            error(status, code, message)
        }
    }
}

/// The `Action` of a request, for those who count requests or ask for faults.
pub(crate) fn action(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let form = Params::of_form(headers, body)?;
    form.value("Action").map(str::to_owned)
}

fn result(action: &str, members: &str) -> Response {
    xml(
        StatusCode::OK,
        &format!(
            "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{members}</{action}Result><ResponseMetadata>\
             <RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
            random::uuid()
        ),
    )
}

pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    xml(
        status,
        &format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message>\
             </Error><RequestId>{}</RequestId></ErrorResponse>",
            escape(message),
            random::uuid()
        ),
    )
}

fn xml(status: StatusCode, body: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/xml")],
        body.to_owned(),
    )
        .into_response()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
