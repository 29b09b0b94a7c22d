//! `ListFunctions`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>

use std::{collections::HashMap, ops::Bound, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Function, arn_prefix, authorize, error, json_response, refuse};
use crate::{sigv4::SignedRequest, state::Shared};

/// Lambda gives no more at once, whatever `MaxItems` says.
const PAGE: usize = 50;

pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let request = SignedRequest {
        method: &method,
        uri: &uri,
        headers: &headers,
        body: b"",
    };
    let principal = match request.verify(&shared, "lambda") {
        Ok(credentials) => credentials.principal,
        Err(unsigned) => return refuse(&unsigned),
    };
    // This action knows no resources.
    if let Err(refusal) = authorize(&principal, "lambda:ListFunctions", "*") {
        return *refusal;
    }
    let query = uri.query().unwrap_or_default();
    let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let limit = query
        .get("MaxItems")
        .map_or(Ok(PAGE), |items| items.parse());
    let after = query.get("Marker").map(|marker| {
        let name = BASE64_URL_SAFE_NO_PAD.decode(marker.as_bytes()).ok();
        name.and_then(|name| String::from_utf8(name).ok()).ok_or(())
    });
    let (Ok(limit @ 1..), Ok(after)) = (limit, after.transpose()) else {
        return error(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            &json!({ "Type": "User", "message": "Invalid MaxItems or Marker" }),
        );
    };
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut functions = shared.config.functions.range((from, Bound::Unbounded));
    let page: Vec<_> = functions.by_ref().take(limit.min(PAGE)).collect();
    let last = page.last().filter(|_| functions.next().is_some());
    let marker = last.map(|(name, _)| BASE64_URL_SAFE_NO_PAD.encode(name));
    let describe = |(name, function): (&String, &Function)| describe(&shared, name, function);
    let functions: Vec<_> = page.into_iter().map(describe).collect();
    let body = json!({ "Functions": functions, "NextMarker": marker });
    json_response(StatusCode::OK, &body)
}

/// What of a function's configuration there is here.
fn describe(shared: &Shared, name: &str, function: &Function) -> Value {
    json!({
        "FunctionName": name,
        "FunctionArn": format!("{}{name}", arn_prefix(shared)),
        "Description": function.description,
        "Timeout": function.timeout.as_secs(),
        "MemorySize": 128,
        "PackageType": "Zip",
        "Version": "$LATEST",
    })
}
