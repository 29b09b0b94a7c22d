//! A profile that somebody offers: to be read by the person before it is trusted.

use std::time::Duration;

use url::Url;

use super::{MAX_BYTES, Profile, ProfileError, is_https_or_loopback};
use crate::error::TransientCause;

/// How long a profile may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A profile's text, pasted or fetched, and what it says. It is neither kept nor used: the person is
/// shown all of it, and then its very text is given to [`ProfileStore::add`](super::ProfileStore::add)
/// or [`replace`](super::ProfileStore::replace).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileDocument {
    /// All of it, comments too.
    pub text: String,
    /// What it says.
    pub profile: Profile,
    /// Where it was fetched from.
    pub source: Option<Url>,
}

impl ProfileDocument {
    /// Reads a text that was pasted.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_text(text: impl Into<String>) -> Result<Self, ProfileError> {
        let text = text.into();
        if text.len() > MAX_BYTES {
            return Err(ProfileError::TooLarge);
        }
        Ok(Self {
            profile: text.parse()?,
            text,
            source: None,
        })
    }

    /// Fetches a text over `https`, or from this machine itself over `http`: at most 64 KiB, within 20
    /// seconds, and from this very address: redirects are not followed, because the person trusts the
    /// host they have read. Nothing is sent that says who they are.
    ///
    /// # Errors
    /// Why it did not come, or what is wrong with it.
    pub async fn fetch(url: &Url) -> Result<Self, ProfileError> {
        Self::fetch_within(url, PATIENCE).await
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_within(url: &Url, patience: Duration) -> Result<Self, ProfileError> {
        if !is_https_or_loopback(url) {
            return Err(ProfileError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ProfileError::NamesUser);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let unanswered = |cause| ProfileError::Unanswered {
            host: host.clone(),
            cause,
        };
        let failed = |error: reqwest::Error| {
            unanswered(if error.is_timeout() {
                TransientCause::Timeout
            } else {
                TransientCause::Unreachable
            })
        };
        let mut response = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("Keyfob/", env!("CARGO_PKG_VERSION")))
            .timeout(patience)
            .build()
            .map_err(failed)?
            .get(url.clone())
            .send()
            .await
            .map_err(failed)?;
        let status = response.status().as_u16();
        if let (300..400, Some(to)) = (status, redirection(url, &response)) {
            return Err(ProfileError::Redirected { host, to });
        }
        match status {
            200 => {}
            429 | 500.. => return Err(unanswered(status.into())),
            status => return Err(ProfileError::Refused { host, status }),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(ProfileError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        // No profile begins like that, whatever its type says.
        if bytes.trim_ascii_start().starts_with(b"<") {
            return Err(ProfileError::WebPage { host });
        }
        let text = String::from_utf8(bytes).map_err(|_| ProfileError::NotText)?;
        Ok(Self {
            source: Some(url.clone()),
            ..Self::from_text(text)?
        })
    }
}

/// The host a redirection leads to.
fn redirection(url: &Url, response: &reqwest::Response) -> Option<String> {
    let location = response.headers().get(reqwest::header::LOCATION)?;
    let to = url.join(location.to_str().ok()?).ok()?;
    Some(to.host_str()?.to_owned())
}
