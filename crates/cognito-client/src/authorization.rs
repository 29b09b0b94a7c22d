//! The authorization request (RFC 6749 §4.1.1 with RFC 7636 and OpenID Connect), and its answer.

use std::fmt;
use std::time::{Duration, SystemTime};

use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::unix_seconds;
use crate::error::{Error, OAuthErrorCode, presentable};
use crate::profile::Profile;
use crate::sign_in_request::{Route, SignInRequest};
use crate::store::Secret;
use crate::tokens::User;

/// How long an answer is awaited: as long as Cognito keeps its sign-in page alive
/// (Cognito guide, "User pool managed login").
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Why a callback URL is refused. The sign-in that is waiting is untouched by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Not the callback URL that was sent.
    #[error("a link was opened that is not this sign-in's callback address")]
    WrongRedirect,
    /// No `state`.
    #[error("an answer without its `state` came back and was ignored")]
    MissingState,
    /// Another `state` than the one sent (RFC 6749 §10.12).
    #[error("an answer to another sign-in came back and was ignored")]
    WrongState,
    /// Neither `code` nor `error`, or one of the parameters twice.
    #[error("an answer that cannot be understood came back and was ignored")]
    Malformed,
    /// No sign-in is waiting.
    #[error("an answer came back, but no sign-in is waiting for one")]
    NothingPending,
    /// This answer has been used.
    #[error("this sign-in's answer came back a second time and was ignored")]
    AlreadyUsed,
    /// What was pasted is neither a URL nor a code.
    #[error("what was pasted is neither the browser's address nor a code")]
    NotPasted,
}

impl CallbackError {
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::NothingPending => {
                "Press Sign in and finish in the browser within five minutes, then let it open Keyfob."
            }
            Self::AlreadyUsed => "Nothing needs doing.",
            Self::NotPasted => {
                "Copy the whole address from the browser's address bar, from its beginning to its end, and paste it again."
            }
            _ => "Finish the sign-in in the page that Keyfob opened, or cancel and sign in again.",
        }
    }
}

/// A sign-in the browser has been sent off with: the three secrets that bind the answer to it.
/// Deliberately not `Clone`: each can be answered once.
pub(crate) struct PendingAuthorization {
    url: Url,
    route: Route,
    redirect: Url,
    over: Option<Over>,
    state: CsrfToken,
    nonce: String,
    verifier: PkceCodeVerifier,
    expires: SystemTime,
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAuthorization")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize, Serialize)]
struct StoredRequest {
    url: Url,
    route: Route,
    redirect: Url,
    over: Option<Over>,
    state: String,
    nonce: String,
    verifier: String,
    expires: u64,
}

/// The session a sign-in was begun over, for as long as nobody has signed in since.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Over {
    sub: String,
    signed_in_at: u64,
}

impl From<&User> for Over {
    fn from(user: &User) -> Self {
        Self {
            sub: user.sub.clone(),
            signed_in_at: user.signed_in_at,
        }
    }
}

/// An answer that belongs to the request, and what redeems it.
pub(crate) struct Accepted {
    /// The one that was sent, for the token endpoint to compare (RFC 6749 §4.1.3).
    pub(crate) redirect: Url,
    pub(crate) code: AuthorizationCode,
    pub(crate) verifier: PkceCodeVerifier,
    pub(crate) nonce: String,
}

/// The verdict on a callback URL, before anything is consumed.
pub(crate) enum Answer {
    /// A code to redeem.
    Code(AuthorizationCode),
    /// The user pool's refusal, which ends the sign-in.
    Refusal(Error),
}

impl PendingAuthorization {
    /// Makes a request with a fresh `state`, `nonce` and PKCE verifier (RFC 7636 §4.1: 32 random bytes).
    pub(crate) fn new(
        profile: &Profile,
        request: &SignInRequest,
        (route, redirect): (Route, &Url),
        over: Option<Over>,
        now: SystemTime,
    ) -> Self {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random_len(32).into_secret();
        let client = oauth2::basic::BasicClient::new(ClientId::new(profile.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(profile.domain_url("/oauth2/authorize")))
            .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
        let mut authorization = client
            .authorize_url(|| CsrfToken::new_random_len(32))
            .add_scopes(profile.scopes.iter().cloned().map(Scope::new))
            .add_extra_param("nonce", &nonce)
            .set_pkce_challenge(challenge);
        for (name, value) in request.parameters() {
            authorization = authorization.add_extra_param(name, value);
        }
        let (url, state) = authorization.url();
        Self {
            url,
            route,
            redirect: redirect.clone(),
            over,
            state,
            nonce,
            verifier,
            expires: now + LIFETIME,
        }
    }

    /// Whether this is already what somebody asks for who asks for `request`.
    pub(crate) fn does(&self, request: &SignInRequest) -> bool {
        request.route.is_none_or(|route| route == self.route)
            && request.parameters().all(|(name, value)| {
                let mut sent = self.url.query_pairs();
                sent.any(|pair| pair.0 == name && pair.1 == value)
            })
    }

    pub(crate) fn route(&self) -> Route {
        self.route
    }

    pub(crate) fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// The session it was begun over, if there was one.
    pub(crate) fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn expires(&self) -> SystemTime {
        self.expires
    }

    /// The bytes a store keeps, so that the answer finds its request although the app was closed.
    pub(crate) fn to_secret(&self) -> Secret {
        let stored = StoredRequest {
            url: self.url.clone(),
            route: self.route,
            redirect: self.redirect.clone(),
            over: self.over.clone(),
            state: self.state.secret().clone(),
            nonce: self.nonce.clone(),
            verifier: self.verifier.secret().clone(),
            expires: unix_seconds(self.expires),
        };
        Secret::new(serde_json::to_vec(&stored).expect("strings and numbers always serialise"))
    }

    /// Reads what [`to_secret`](Self::to_secret) wrote; `None` for anything else.
    pub(crate) fn from_secret(secret: &[u8]) -> Option<Self> {
        let stored: StoredRequest = serde_json::from_slice(secret).ok()?;
        Some(Self {
            url: stored.url,
            route: stored.route,
            redirect: stored.redirect,
            over: stored.over,
            state: CsrfToken::new(stored.state),
            nonce: stored.nonce,
            verifier: PkceCodeVerifier::new(stored.verifier),
            expires: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(stored.expires))?,
        })
    }

    /// The same request once more, for a code that turns out to be none of its own.
    pub(crate) fn twin(&self) -> Self {
        Self {
            url: self.url.clone(),
            route: self.route,
            redirect: self.redirect.clone(),
            over: self.over.clone(),
            state: self.state.clone(),
            nonce: self.nonce.clone(),
            verifier: PkceCodeVerifier::new(self.verifier.secret().clone()),
            expires: self.expires,
        }
    }

    /// Whether an answer is still awaited at `now`. A clock that was set back must not lengthen the wait.
    pub(crate) fn is_awaited(&self, now: SystemTime) -> bool {
        now < self.expires && self.expires <= now + LIFETIME
    }

    /// Whether this is the request that carries `state`.
    pub(crate) fn has_state(&self, state: &str) -> bool {
        constant_time_eq(self.state.secret(), state)
    }

    pub(crate) fn state(&self) -> &str {
        self.state.secret()
    }

    #[cfg(feature = "fuzzing")]
    pub(crate) fn with_state(self, state: CsrfToken) -> Self {
        Self { state, ..self }
    }

    /// Reads a callback URL without consuming anything.
    ///
    /// # Errors
    /// [`CallbackError`] when the URL does not answer this request.
    pub(crate) fn read(&self, callback: &Url) -> Result<Answer, CallbackError> {
        let Parameters {
            state,
            code,
            error,
            description,
        } = Parameters::of(&self.redirect, callback)?;
        let state = state.ok_or(CallbackError::MissingState)?;
        if !self.has_state(&state) {
            return Err(CallbackError::WrongState);
        }
        match (code, error) {
            (Some(code), None) => Ok(Answer::Code(AuthorizationCode::new(code))),
            (None, Some(error)) => Ok(Answer::Refusal(refusal(&error, description.as_deref()))),
            _ => Err(CallbackError::Malformed),
        }
    }

    /// Consumes the request for the code [`read`](Self::read) found.
    pub(crate) fn redeem(self, code: AuthorizationCode) -> Accepted {
        Accepted {
            redirect: self.redirect,
            code,
            verifier: self.verifier,
            nonce: self.nonce,
        }
    }
}

/// The `state` of a callback URL, to tell a second delivery from a stray.
pub(crate) fn state_of(callback: &Url) -> Option<String> {
    Parameters::of(callback, callback).ok()?.state
}

#[derive(Default)]
struct Parameters {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    description: Option<String>,
}

impl Parameters {
    fn of(redirect: &Url, callback: &Url) -> Result<Self, CallbackError> {
        // What follows the redirect URI is the query the server adds (RFC 6749 §3.1.2); the rest must be it.
        let mut bare = callback.clone();
        bare.set_query(redirect.query());
        bare.set_fragment(None);
        if bare != *redirect {
            return Err(CallbackError::WrongRedirect);
        }
        let mut found = Self::default();
        for (name, value) in callback.query_pairs() {
            let slot = match &*name {
                "state" => &mut found.state,
                "code" => &mut found.code,
                "error" => &mut found.error,
                "error_description" => &mut found.description,
                _ => continue,
            };
            // RFC 6749 §3.1: a parameter must not be there twice.
            if slot.replace(value.into_owned()).is_some() {
                return Err(CallbackError::Malformed);
            }
        }
        Ok(found)
    }
}

fn refusal(error: &str, description: Option<&str>) -> Error {
    let description = description.and_then(presentable);
    // Cognito has been seen to answer `invalid_request` with the real code as its description.
    let code = match (OAuthErrorCode::from(error), description.as_deref()) {
        (OAuthErrorCode::InvalidRequest, Some("invalid_scope")) => OAuthErrorCode::InvalidScope,
        (code, _) => code,
    };
    Error::Rejected { code, description }
}

fn constant_time_eq(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending() -> PendingAuthorization {
        pending_since(SystemTime::UNIX_EPOCH)
    }

    fn pending_since(now: SystemTime) -> PendingAuthorization {
        let profile = Profile::local_demo();
        let redirect = (Route::App, &profile.redirects[0]);
        PendingAuthorization::new(&profile, &SignInRequest::default(), redirect, None, now)
    }

    fn callback(query: &str) -> Url {
        format!("dev.keyfob.desktop://auth/callback{query}")
            .parse()
            .unwrap()
    }

    #[test]
    fn request_carries_all_that_binds_the_answer() {
        let pending = pending();
        let query: std::collections::BTreeMap<_, _> =
            pending.url().query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "6keyfobdemodesktop00client");
        assert_eq!(query["redirect_uri"], "dev.keyfob.desktop://auth/callback");
        assert_eq!(
            query["scope"],
            "openid email profile aws.cognito.signin.user.admin"
        );
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["code_challenge"].len(), 43);
        assert_eq!(query["state"].len(), 43);
        assert_eq!(query["nonce"].len(), 43);
        assert!(!pending.url().as_str().contains(pending.verifier.secret()));
    }

    #[test]
    fn a_kept_request_reads_its_answer() {
        let request = pending();
        let kept = PendingAuthorization::from_secret(&request.to_secret()).unwrap();
        let answer = callback(&format!("?code=c&state={}", request.state()));
        assert!(matches!(kept.read(&answer), Ok(Answer::Code(_))));
        assert_eq!(
            (kept.url(), kept.expires()),
            (request.url(), request.expires())
        );
        assert!(PendingAuthorization::from_secret(b"{}").is_none());
    }

    #[test]
    fn an_answer_is_awaited_for_five_minutes_by_any_clock() {
        let hour = Duration::from_secs(3600);
        let begun = SystemTime::UNIX_EPOCH + hour;
        let pending = pending_since(begun);
        assert!(pending.is_awaited(begun));
        assert!(!pending.is_awaited(begun + LIFETIME));
        assert!(!pending.is_awaited(begun - hour), "the clock was set back");
    }

    #[test]
    fn only_its_own_answer_is_read() {
        let pending = pending();
        let state = pending.state().to_owned();
        assert!(matches!(
            pending.read(&callback(&format!("?code=c&state={state}"))),
            Ok(Answer::Code(_))
        ));
        for (query, expected) in [
            ("?code=c".to_owned(), CallbackError::MissingState),
            ("?code=c&state=other".to_owned(), CallbackError::WrongState),
            (
                format!("?code=c&code=d&state={state}"),
                CallbackError::Malformed,
            ),
            (
                format!("?state={state}&state={state}&code=c"),
                CallbackError::Malformed,
            ),
            (format!("?state={state}"), CallbackError::Malformed),
            (
                format!("?state={state}&code=c&error=access_denied"),
                CallbackError::Malformed,
            ),
            (
                format!("/?code=c&state={state}"),
                CallbackError::WrongRedirect,
            ),
        ] {
            assert_eq!(
                pending.read(&callback(&query)).err(),
                Some(expected),
                "{query}"
            );
        }
        for url in [
            format!("dev.keyfob.desktop://other/callback?code=c&state={state}"),
            format!("dev.keyfob.desktop:/callback?code=c&state={state}"),
            format!("other://auth/callback?code=c&state={state}"),
            format!("dev.keyfob.desktop://auth/signed-out?code=c&state={state}"),
        ] {
            assert_eq!(
                pending.read(&url.parse().unwrap()).err(),
                Some(CallbackError::WrongRedirect),
                "{url}"
            );
        }
    }

    #[test]
    fn a_refusal_is_told_with_its_code() {
        let pending = pending();
        let state = pending.state();
        for (query, expected) in [
            ("error=access_denied", OAuthErrorCode::AccessDenied),
            ("error=invalid_scope", OAuthErrorCode::InvalidScope),
            (
                "error_description=invalid_scope&error=invalid_request",
                OAuthErrorCode::InvalidScope,
            ),
            ("error=brand_new", OAuthErrorCode::Unknown),
        ] {
            match pending.read(&callback(&format!("?{query}&state={state}"))) {
                Ok(Answer::Refusal(Error::Rejected { code, .. })) => {
                    assert_eq!(code, expected, "{query}");
                }
                _ => panic!("{query}"),
            }
        }
    }

    #[test]
    fn rfc_7636_appendix_b() {
        let verifier = PkceCodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        assert_eq!(
            challenge.as_str(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
