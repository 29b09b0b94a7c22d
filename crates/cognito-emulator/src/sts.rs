//! STS: `GetCallerIdentity`, by the query protocol with XML answers.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

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

pub(crate) fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let form = Params::of_form(headers, body).unwrap_or_default();
    let action = form.value("Action").unwrap_or_default();
    if action != "GetCallerIdentity" || form.value("Version") != Some("2011-06-15") {
        let version = form.value("Version").unwrap_or_default();
        return error(
            StatusCode::BAD_REQUEST,
            "InvalidAction",
            &format!("Could not find operation {action} for version {version}"),
        );
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
            xml(
                StatusCode::OK,
                &format!(
                    "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{}</Arn>\
                     <UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult><ResponseMetadata>\
                     <RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
                    escape(&caller.arn),
                    escape(&caller.user_id),
                    escape(&caller.account),
                    random::uuid()
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

fn error(status: StatusCode, code: &str, message: &str) -> Response {
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

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
