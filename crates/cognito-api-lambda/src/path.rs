//! The path of an event, as the router knows it.

use lambda_http::{
    Request, RequestExt as _,
    http::uri::{PathAndQuery, Uri},
    request::RequestContext,
};

/// What API Gateway puts in front of the API's own paths.
#[derive(Clone, Debug)]
pub(crate) struct BasePath(String);

impl BasePath {
    /// None for the empty text.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
        if path.is_empty() || path.starts_with('/') && path.bytes().all(plain) {
            return Ok(Self(path.to_owned()));
        }
        Err(format!("--base-path: {text:?} is not a path such as /v1"))
    }

    /// The request with the API's own path: without this base path, and without the stage.
    ///
    /// An HTTP API with a named stage has it in `rawPath` (API Gateway Developer Guide, "AWS Lambda proxy integrations for
    /// HTTP APIs"); a REST API has not, but `lambda_http` puts it into the URI. `$default` is never in a path.
    pub(crate) fn strip(&self, mut request: Request) -> Request {
        let raw = request.raw_http_path();
        let stage = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.stage.as_deref(),
            _ => None,
        };
        let path = without(raw, &self.0).or_else(|| without(raw, &format!("/{}", stage?)));
        let path = path.unwrap_or(raw);
        // A path that is no URI is none of the API's either.
        let target = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let target: PathAndQuery = target
            .parse()
            .unwrap_or_else(|_| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(target);
        request
    }
}

/// The rest of `path` behind `prefix`, which is whole segments.
fn without<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() {
        return None;
    }
    match path.strip_prefix(prefix)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}
