//! The parsers of what comes from outside, for fuzz targets and property tests. Not part of the API.

use std::time::SystemTime;

use oauth2::CsrfToken;
use url::Url;

use crate::authorization::{Answer, CallbackError, PendingAuthorization};
use crate::error::Error;
use crate::pasted::Pasted;
use crate::profile::Profile;
use crate::sign_in_request::{Route, SignInRequest};
use crate::token_endpoint::TokenEndpoint;

/// The `state` of the request every [`callback`] is read against.
pub const STATE: &str = "the-state-of-the-pending-request";

/// What a callback was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    /// This code.
    Code(String),
    /// The user pool's refusal.
    Refusal(String),
    /// One of the two texts is not a URL.
    NoUrl,
}

/// Reads `url` as the answer to a request that was sent with `redirect` and [`STATE`].
pub fn callback(redirect: &str, url: &str) -> Result<Callback, CallbackError> {
    let (Ok(redirect), Ok(url)) = (redirect.parse::<Url>(), url.parse::<Url>()) else {
        return Ok(Callback::NoUrl);
    };
    let pending = PendingAuthorization::new(
        &Profile::local_demo(),
        &SignInRequest::default(),
        (Route::App, &redirect),
        None,
        SystemTime::UNIX_EPOCH,
    )
    .with_state(CsrfToken::new(STATE.to_owned()));
    Ok(match pending.read(&url)? {
        Answer::Code(code) => Callback::Code(code.into_secret()),
        Answer::Refusal(error) => Callback::Refusal(error.to_string()),
    })
}

/// Reads `text` as what a person has pasted; whether there was anything in it.
pub fn pasted(text: &str) -> bool {
    Pasted::read(text).is_some()
}

/// Reads `bytes` as the body of the token endpoint's `200`, and of its `400`.
pub fn token_reply(bytes: &[u8]) -> Result<(), Error> {
    let endpoint = TokenEndpoint::new(&Profile::local_demo(), std::time::Duration::ZERO);
    let granted = endpoint.read(200, bytes).map(drop);
    let refused = endpoint.read(400, bytes);
    assert!(refused.is_err(), "a 400 never grants tokens");
    granted
}
