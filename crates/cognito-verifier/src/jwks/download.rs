//! One download of a key set.

use std::{sync::OnceLock, time::Duration};

use reqwest::{Client, StatusCode, Url, redirect};

use crate::{error::JwksProblem, pool::is_loopback};

/// Cognito's key sets have about 1 KB.
const MAX_JWKS_BYTES: usize = 256 * 1024;

/// Where keys are fetched from, and how.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) uri: Url,
    pub(super) timeout: Duration,
    pub(super) http: OnceLock<Client>,
}

impl Source {
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, JwksProblem> {
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                JwksProblem::TimedOut {
                    after: self.timeout,
                }
            } else {
                JwksProblem::Connection {
                    detail: causes(&error.without_url()),
                }
            }
        };
        let request = self
            .http()
            .map_err(failed)?
            .get(self.uri.clone())
            .timeout(self.timeout);
        let mut answer = request.send().await.map_err(failed)?;
        if *answer.url() != self.uri {
            return Err(JwksProblem::Redirected);
        }
        if answer.status() != StatusCode::OK {
            return Err(JwksProblem::Status {
                status: answer.status().as_u16(),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_JWKS_BYTES {
                return Err(JwksProblem::TooLarge {
                    limit: MAX_JWKS_BYTES,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn http(&self) -> Result<Client, reqwest::Error> {
        if let Some(http) = self.http.get() {
            return Ok(http.clone());
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .https_only(self.uri.scheme() == "https");
        if is_loopback(&self.uri) {
            builder = builder.no_proxy();
        }
        if self.uri.scheme() == "http" {
            // No TLS will be spoken: skip the system's certificates, slow to load and absent from bare containers.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build()?;
        Ok(self.http.get_or_init(|| http).clone())
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
