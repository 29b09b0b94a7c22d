use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderValue, Method, Request, StatusCode,
        header::{
            ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_TYPE, ORIGIN, WWW_AUTHENTICATE,
        },
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use tower::{Layer, Service};
use tracing::debug;

use crate::{
    claims::{AccessClaims, Claims, IdClaims},
    error::VerifyError,
    verifier::Verifier,
};

/// Lets only requests with a good token through, and hands the claims on.
///
/// The token is read from the `Authorization` header (RFC 6750 §2.1) and from nowhere else: not from the query, where it
/// would end up in logs, nor from the body. The claims go into the request's extensions, from where handlers take them
/// with [`AccessClaims`] or [`IdClaims`] as an argument. Any other request is answered here, with the status of
/// [`VerifyError::status`], `WWW-Authenticate` and `{"error": CODE, "message": REASON}`; the [`VerifyError`] itself is in
/// the response's extensions, for layers further out that count or log refusals.
///
/// CORS preflights pass without a token, because a browser never sends one with them (Fetch standard, "CORS protocol");
/// they carry no claims.
pub struct VerifyLayer<C> {
    verifier: Verifier<C>,
}

impl<C: Claims> VerifyLayer<C> {
    /// A layer that asks `verifier`.
    #[must_use]
    pub fn new(verifier: Verifier<C>) -> Self {
        Self { verifier }
    }
}

impl<C> Clone for VerifyLayer<C> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
        }
    }
}

impl<C: Claims> fmt::Debug for VerifyLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyLayer").field(&self.verifier).finish()
    }
}

impl<C, S> Layer<S> for VerifyLayer<C> {
    type Service = Verify<C, S>;

    fn layer(&self, inner: S) -> Verify<C, S> {
        Verify {
            verifier: self.verifier.clone(),
            inner,
        }
    }
}

/// What [`VerifyLayer`] makes of a service.
pub struct Verify<C, S> {
    verifier: Verifier<C>,
    inner: S,
}

impl<C, S: Clone> Clone for Verify<C, S> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<C: Claims, S> fmt::Debug for Verify<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

impl<C, S, B> Service<Request<B>> for Verify<C, S>
where
    C: Claims,
    B: Send + 'static,
    S: Service<Request<B>, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let verifier = self.verifier.clone();
        // The instance that was polled ready must be the one that is called; its fresh clone takes its place.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            if is_preflight(&request) {
                return inner.call(request).await;
            }
            let verified = match bearer_token(request.headers()) {
                Ok(token) => verifier.verify(token).await,
                Err(refusal) => Err(refusal),
            };
            match verified {
                Ok(claims) => {
                    request.extensions_mut().insert(claims);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The token of the one `Authorization` header. The scheme's case does not matter (RFC 9110 §11.1).
fn bearer_token(headers: &HeaderMap) -> Result<&str, VerifyError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (
        values.next().ok_or(VerifyError::MissingToken)?,
        values.next(),
    ) else {
        return Err(VerifyError::MalformedAuthorization);
    };
    let value = value
        .to_str()
        .map_err(|_| VerifyError::MalformedAuthorization)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(VerifyError::MissingToken);
    }
    match token.trim_matches(' ') {
        "" => Err(VerifyError::MalformedAuthorization),
        token if token.contains([' ', '\t', ',']) => Err(VerifyError::MalformedAuthorization),
        token => Ok(token),
    }
}

impl IntoResponse for VerifyError {
    fn into_response(self) -> Response {
        let unavailable = matches!(self, Self::JwksUnavailable { .. });
        // The full text may quote the token's claims, so it is logged and not sent. One line for each request is enough for
        // a server that is asked for them; that keys cannot be fetched, `JwksCache` warns of once for each download.
        debug!(code = self.code(), error = %self, "a request was refused");
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let mut response = json(status, self.code(), self.reason());
        if !unavailable && let Ok(challenge) = HeaderValue::try_from(self.www_authenticate()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn json(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "error": code, "message": message }).to_string();
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        Body::from(body),
    )
        .into_response()
}

/// A handler asked for claims on a route that is not behind [`VerifyLayer`], or is behind one for the other kind of
/// token. A mistake of the program, not of the caller: the answer is 500, and the handler does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the handler takes the claims of an {token_use} token, but its route has no VerifyLayer for such tokens"
)]
pub struct MissingLayer {
    token_use: &'static str,
}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        tracing::error!(error = %self);
        json(
            StatusCode::INTERNAL_SERVER_ERROR,
            "missing_layer",
            "the server is set up wrongly",
        )
    }
}

fn claims_of<C: Claims>(parts: &Parts) -> Result<C, MissingLayer> {
    parts.extensions.get::<C>().cloned().ok_or(MissingLayer {
        token_use: C::TOKEN_USE,
    })
}

impl<S: Sync> FromRequestParts<S> for AccessClaims {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        claims_of(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for IdClaims {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        claims_of(parts)
    }
}
