//! Requests that carry nothing secret, and what came back.

use std::time::Duration;

use cognito_client::TransientCause;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use url::Url;

use super::finding::Finding;

/// More than any of the answers has that are looked at.
const MAX_BODY_BYTES: usize = 256 * 1024;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn location(&self, base: &Url) -> Option<Url> {
        if !self.status.is_redirection() {
            return None;
        }
        base.join(self.headers.get("location")?.to_str().ok()?).ok()
    }
}

/// As Keyfob itself asks: by the system's proxy and certificates, following no redirects.
pub(crate) fn client(patience: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
        .tls_info(true)
}

pub(crate) async fn ask(request: RequestBuilder) -> Result<Answer, TransientCause> {
    let cause = |error: reqwest::Error| {
        if error.is_timeout() {
            TransientCause::Timeout
        } else {
            TransientCause::Unreachable
        }
    };
    let mut response = request.send().await.map_err(cause)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(TransientCause::NotTheService);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body,
    })
}

/// Why there was no answer that says anything of the question.
pub(crate) fn unanswered(check: &'static str, url: &Url, cause: TransientCause) -> Finding {
    let code = match cause {
        TransientCause::Timeout => "timeout",
        TransientCause::Unreachable => "unreachable",
        TransientCause::Throttled => "throttled",
        TransientCause::NotTheService => "not_the_service",
        TransientCause::Status(_) | TransientCause::NoKeys => "server_error",
    };
    let message = format!("{} {cause}", authority(url));
    Finding::failed(check, code, message, cause.remedy())
}

/// Host, and port where it is not the usual one.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
