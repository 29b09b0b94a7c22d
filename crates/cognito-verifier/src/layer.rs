use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{
        HeaderMap, HeaderValue, Method, Request, StatusCode,
        header::{
            ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_TYPE, ORIGIN, WWW_AUTHENTICATE,
        },
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use pin_project_lite::pin_project;
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
    optional: bool,
}

impl<C: Claims> VerifyLayer<C> {
    /// A layer that asks `verifier`.
    #[must_use]
    pub fn new(verifier: Verifier<C>) -> Self {
        Self {
            verifier,
            optional: false,
        }
    }

    /// A layer that lets requests without a token through as well, for routes that greet strangers too: their handlers take
    /// `Option<AccessClaims>` or `Option<IdClaims>`. A token that is there must be good.
    #[must_use]
    pub fn optional(verifier: Verifier<C>) -> Self {
        Self {
            verifier,
            optional: true,
        }
    }
}

impl<C> Clone for VerifyLayer<C> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
            optional: self.optional,
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
            optional: self.optional,
            inner,
        }
    }
}

/// What [`VerifyLayer`] makes of a service.
pub struct Verify<C, S> {
    verifier: Verifier<C>,
    optional: bool,
    inner: S,
}

impl<C, S: Clone> Clone for Verify<C, S> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
            optional: self.optional,
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
    type Future = VerifyFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if is_preflight(&request) {
            let inner = self.inner.call(request);
            return VerifyFuture {
                state: State::Passed { inner },
            };
        }
        let verified = match bearer_token(request.headers()) {
            Ok(token) => self.verifier.verify_at_once(token),
            Err(refusal) => Ok(Err(refusal)),
        };
        let begun = match verified {
            Ok(verdict) => {
                let state = match admit(verdict, self.optional, &mut request) {
                    Ok(()) => State::Passed {
                        inner: self.inner.call(request),
                    },
                    Err(refusal) => State::Refused {
                        response: Some(refusal.into_response()),
                    },
                };
                return VerifyFuture { state };
            }
            Err(begun) => begun,
        };
        // The instance that was polled ready must be the one that is called; its fresh clone takes its place.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let (verifier, optional) = (self.verifier.clone(), self.optional);
        let future = Box::pin(async move {
            let verdict = match bearer_token(request.headers()) {
                Ok(token) => verifier.verify_after_download(token, begun).await,
                Err(refusal) => Err(refusal),
            };
            match admit(verdict, optional, &mut request) {
                Ok(()) => inner.call(request).await,
                Err(refusal) => Ok(refusal.into_response()),
            }
        });
        let state = State::Waiting { future };
        VerifyFuture { state }
    }
}

/// Puts what the handler is to know into the request, or says why it gets none.
fn admit<C: Claims, B>(
    verdict: Result<C, VerifyError>,
    optional: bool,
    request: &mut Request<B>,
) -> Result<(), VerifyError> {
    match verdict {
        Ok(claims) => drop(request.extensions_mut().insert(claims)),
        Err(VerifyError::MissingToken) if optional => {
            request.extensions_mut().insert(Stranger::<C>(PhantomData));
        }
        Err(refusal) => return Err(refusal),
    }
    Ok(())
}

pin_project! {
    /// The answer of [`Verify`]. It is the inner service's future itself unless the token must wait for a download.
    pub struct VerifyFuture<F, E> {
        #[pin]
        state: State<F, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, E> {
        Passed { #[pin] inner: F },
        Refused { response: Option<Response> },
        Waiting { future: Waiting<E> },
    }
}

type Waiting<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

impl<F: Future<Output = Result<Response, E>>, E> Future for VerifyFuture<F, E> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            StateProjection::Passed { inner } => inner.poll(context),
            StateProjection::Refused { response } => {
                Poll::Ready(Ok(response.take().expect("polled after it was ready")))
            }
            StateProjection::Waiting { future } => future.as_mut().poll(context),
        }
    }
}

impl<F, E> fmt::Debug for VerifyFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyFuture").finish_non_exhaustive()
    }
}

/// Says that a layer was there, and no token.
struct Stranger<C>(PhantomData<fn() -> C>);

impl<C> Clone for Stranger<C> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn bearer_token(headers: &HeaderMap) -> Result<&str, VerifyError> {
    let values = headers.get_all(AUTHORIZATION).iter();
    crate::bearer_token(values.map(HeaderValue::as_bytes))
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

fn claims_or_none<C: Claims>(parts: &Parts) -> Result<Option<C>, MissingLayer> {
    if parts.extensions.get::<Stranger<C>>().is_some() {
        return Ok(None);
    }
    claims_of(parts).map(Some)
}

impl<S: Sync> OptionalFromRequestParts<S> for AccessClaims {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, MissingLayer> {
        claims_or_none(parts)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdClaims {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, MissingLayer> {
        claims_or_none(parts)
    }
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
