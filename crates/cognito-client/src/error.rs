//! What can go wrong, sorted by who must act.

use std::sync::Arc;

use cognito_verifier::VerifyError;
use url::Url;

use crate::authorization::CallbackError;
use crate::store::StoreError;

/// Why something did not work. [`remedy`](Self::remedy) says what to do about it.
///
/// No token, code, verifier or response body is ever inside.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Waiting or trying again helps. A session is not lost by it.
    #[error("{host} {cause}")]
    Transient {
        /// Who did not answer as it should.
        host: String,
        /// What happened instead.
        cause: TransientCause,
    },
    /// The person must sign in.
    #[error("{0}")]
    SignInRequired(SignInReason),
    /// The machine's keychain cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user pool refused this sign-in.
    #[error("the user pool refused the sign-in: {code}{}", description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Rejected {
        /// The OAuth error code (RFC 6749 §4.1.2.1, §5.2).
        code: OAuthErrorCode,
        /// What the user pool adds to it, in printable ASCII, at most 200 characters.
        description: Option<String>,
    },
    /// The profile, or the app client it names, is not set up as it must be.
    #[error("{problem}")]
    Configuration {
        /// What is wrong.
        problem: String,
        /// The setting to change and its right value.
        remedy: String,
    },
    /// The browser never came back with an answer.
    #[error("no answer came back from the browser within five minutes")]
    NoAnswer {
        /// The callback URL that must be registered.
        redirect: Url,
        /// With this app client.
        client_id: String,
    },
    /// A callback that does not belong to the sign-in that is waiting. It is refused; the sign-in goes on.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The answer breaks the protocol, so nothing of it is used.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

/// What a server or the network did instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransientCause {
    /// No complete answer in time.
    #[error("did not answer in time")]
    Timeout,
    /// No connection, or it broke: name resolution, network, TLS.
    #[error("could not be reached")]
    Unreachable,
    /// Too many requests.
    #[error("has too many requests at the moment")]
    Throttled,
    /// An HTTP status that says nothing of the request itself: 5xx, a redirect.
    #[error("answered with status {0}")]
    Status(u16),
    /// Something other than the service answered: a captive portal's or a proxy's page.
    #[error(
        "answered with something that is not the service's own; a network log-in page does that"
    )]
    NotTheService,
    /// It does not serve its signing keys at present.
    #[error("did not give its signing keys")]
    NoKeys,
}

impl TransientCause {
    /// What the person can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NotTheService => {
                "Open any page in your browser, log in to the network if it asks, and try again."
            }
            Self::Throttled | Self::Status(_) => "Wait a minute and try again.",
            Self::Timeout | Self::Unreachable | Self::NoKeys => {
                "Check the network connection and try again."
            }
        }
    }
}

impl From<u16> for TransientCause {
    /// What an HTTP status means that says nothing of the request itself.
    fn from(status: u16) -> Self {
        match status {
            429 => Self::Throttled,
            status => Self::Status(status),
        }
    }
}

/// Why the person must sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInReason {
    /// Nobody is signed in.
    #[error("you are not signed in")]
    SignedOut,
    /// The user pool no longer accepts the session: it ended, or was revoked.
    #[error("your session has ended")]
    SessionEnded,
    /// Another program signed out, or the tokens were removed from the keychain.
    #[error("you have been signed out on this computer by another program")]
    SignedOutElsewhere,
}

/// The codes a Cognito user pool answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the code it prints")]
pub enum OAuthErrorCode {
    #[error("access_denied")]
    AccessDenied,
    #[error("invalid_client")]
    InvalidClient,
    #[error("invalid_grant")]
    InvalidGrant,
    #[error("invalid_request")]
    InvalidRequest,
    #[error("invalid_scope")]
    InvalidScope,
    #[error("login_required")]
    LoginRequired,
    #[error("server_error")]
    ServerError,
    #[error("unauthorized_client")]
    UnauthorizedClient,
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    #[error("an error without a known code")]
    Unknown,
}

impl From<&str> for OAuthErrorCode {
    fn from(code: &str) -> Self {
        match code {
            "access_denied" => Self::AccessDenied,
            "invalid_client" => Self::InvalidClient,
            "invalid_grant" => Self::InvalidGrant,
            "invalid_request" => Self::InvalidRequest,
            "invalid_scope" => Self::InvalidScope,
            "login_required" => Self::LoginRequired,
            "server_error" => Self::ServerError,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unsupported_grant_type" => Self::UnsupportedGrantType,
            _ => Self::Unknown,
        }
    }
}

/// How an answer breaks the protocol.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A token reply without an ID token, although `openid` was asked for.
    #[error("the user pool sent no ID token")]
    NoIdToken,
    /// A token reply without a refresh token, at sign-in.
    #[error("the user pool sent no refresh token")]
    NoRefreshToken,
    /// The ID token does not hold (OpenID Connect Core §3.1.3.7).
    #[error("the ID token is not acceptable: {0}")]
    IdToken(Arc<VerifyError>),
    /// A refresh answered with another person's tokens (OpenID Connect Core §12.2).
    #[error("the user pool answered with another user's tokens")]
    OtherUser,
}

impl Error {
    /// What the person, or whoever looks after the machine or the pool, can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Transient { cause, .. } => cause.remedy().into(),
            Self::SignInRequired(_) => "Sign in.".into(),
            Self::Store(error) => error.remedy().into(),
            Self::Rejected { code, .. } => match code {
                OAuthErrorCode::InvalidGrant => "Sign in again; a sign-in must be finished within five minutes. If it keeps happening, the app client may lack read access to an attribute of the requested scopes.",
                OAuthErrorCode::InvalidScope => "Ask your administrator to allow the profile's `scopes` on the app client, or to remove the others from the profile.",
                OAuthErrorCode::UnauthorizedClient => "Ask your administrator to allow the authorization code grant on the app client.",
                OAuthErrorCode::AccessDenied => "Sign in again, or ask your administrator whether your user may use this app.",
                OAuthErrorCode::LoginRequired => "Sign in with a page that may ask: without `prompt` = \"none\" in the profile.",
                OAuthErrorCode::ServerError => "Wait a minute and sign in again.",
                _ => "Sign in again. If it keeps happening, give this message to your administrator.",
            }
            .into(),
            Self::Configuration { remedy, .. } => remedy.clone(),
            Self::NoAnswer { redirect, client_id } => format!(
                "Sign in again. If the browser showed “redirect_mismatch” or another error, ask your administrator to check the profile's `client_id`, {client_id}, and to register the callback URL {redirect} with that app client."
            ),
            Self::Callback(error) => error.remedy().into(),
            Self::Protocol(ProtocolError::IdToken(error)) if matches!(error.code(), "expired" | "not_yet_valid") => {
                "Check that this computer's date and time are right, and sign in again.".into()
            }
            Self::Protocol(ProtocolError::NoRefreshToken | ProtocolError::NoIdToken) => {
                "Give this message to your administrator: the app client must allow the authorization code grant and the scope `openid`.".into()
            }
            Self::Protocol(_) => {
                "Sign in again. If it keeps happening, give this message to your administrator.".into()
            }
        }
    }

    pub(crate) fn transient(url: &Url, cause: TransientCause) -> Self {
        Self::Transient {
            host: url.host_str().unwrap_or("the server").to_owned(),
            cause,
        }
    }
}

/// What a server says of an error, made fit to be shown: printable ASCII (RFC 6749 §5.2), bounded.
pub(crate) fn presentable(description: &str) -> Option<String> {
    let text: String = description
        .chars()
        .filter(|c| matches!(c, ' '..='~'))
        .take(200)
        .collect();
    (!text.trim().is_empty()).then_some(text)
}
