//! Calls to the organisation's API with the person's access token.

use std::time::{Duration, Instant};

use url::Url;

use crate::error::{Error, TransientCause};
use crate::session::Session;
use crate::token_endpoint::{read_bounded, unanswered};

/// What the API answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiAnswer {
    /// Where from.
    pub url: Url,
    /// HTTP status.
    pub status: u16,
    /// The body as text, up to 256 KiB of it.
    pub body: String,
    /// From the request to the end of the answer, token renewal included.
    pub elapsed: Duration,
}

impl Session {
    /// `GET`s a path below the profile's `api_base_url` with the access token as bearer (RFC 6750 §2.1).
    ///
    /// The token goes to that address only: a `path` that leads elsewhere is refused, and redirects are
    /// not followed. A `401` has the token renewed and the request made once more.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the profile has no API or the path leads away from it, and all of
    /// [`access_token`](Session::access_token). Any answer of the API, a refusal too, is an [`ApiAnswer`].
    pub async fn api_get(&self, path: &str) -> Result<ApiAnswer, Error> {
        let url = self.api_url(path)?;
        let started = Instant::now();
        let token = self.access_token().await?;
        let mut response = self.get(&url, token.expose()).await?;
        if response.status() == reqwest::StatusCode::UNAUTHORIZED {
            self.invalidate(&token);
            response = self.get(&url, self.access_token().await?.expose()).await?;
        }
        if response.status().is_redirection() {
            return Err(Error::transient(
                &url,
                TransientCause::Status(response.status().as_u16()),
            ));
        }
        let status = response.status().as_u16();
        let body = read_bounded(&mut response)
            .await
            .map_err(|error| unanswered(&url, &error))?;
        Ok(ApiAnswer {
            url,
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
            elapsed: started.elapsed(),
        })
    }

    async fn get(&self, url: &Url, token: &str) -> Result<reqwest::Response, Error> {
        self.http()?
            .get(url.clone())
            .timeout(self.http_patience())
            .bearer_auth(token)
            .send()
            .await
            .map_err(|error| unanswered(url, &error))
    }

    fn api_url(&self, path: &str) -> Result<Url, Error> {
        let wrong = |problem: &str| Error::Configuration {
            problem: problem.to_owned(),
            remedy: "Set the profile's `api_base_url` to the address of your organisation's API."
                .into(),
        };
        let base = self
            .profile()
            .api_base_url
            .as_ref()
            .ok_or_else(|| wrong("the profile names no API"))?;
        // Appended, because a path that starts with a slash would replace the base's: the stage, at API Gateway.
        let below = format!("{}/", base.path().trim_end_matches('/'));
        base.join(&format!("{below}{}", path.trim_start_matches('/')))
            .ok()
            .filter(|url| url.origin() == base.origin() && url.path().starts_with(&below))
            .ok_or_else(|| wrong("this path leads away from the API"))
    }
}
