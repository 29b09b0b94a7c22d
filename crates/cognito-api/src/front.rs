//! In front of every route: the limits of a request, its metrics, and one line in the log, without query, header or body.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{
        HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, CONNECTION},
    },
    response::{IntoResponse as _, Response},
};
use cognito_verifier::VerifyError;
use http_body_util::Limited;
use hyper::body::Body as _;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{Layer, Service};
use tracing::{debug, info};

use crate::{
    limits::Limits,
    metrics::{Metrics, Usual, VALID},
    refusal::Refusal,
    routes::is_probe,
};

/// Stands in metrics and logs for every path that is no route: such a path may hold what a log must not.
const NO_ROUTE: &str = "(no route)";

/// What all requests to an API have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) stopping: AtomicBool,
}

/// The outermost layer of routes and fallbacks. Neither it nor its futures are boxed, because a request takes a few
/// microseconds in all, of which each box would be a part that shows.
#[derive(Clone, Debug)]
pub(crate) struct FrontLayer(pub(crate) Arc<Shared>);

impl<S> Layer<S> for FrontLayer {
    type Service = Front<S>;

    fn layer(&self, inner: S) -> Front<S> {
        let endpoint = Endpoint {
            shared: Arc::clone(&self.0),
            usual: OnceLock::new(),
        };
        Front {
            endpoint: Arc::new(endpoint),
            inner,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Front<S> {
    endpoint: Arc<Endpoint>,
    inner: S,
}

/// What one layered service's requests have in common.
#[derive(Debug)]
struct Endpoint {
    shared: Arc<Shared>,
    usual: OnceLock<Usual>,
}

impl<S> Service<Request> for Front<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer<S::Future> {
        let mut call = Call {
            endpoint: Arc::clone(&self.endpoint),
            started: Instant::now(),
            method: request.method().clone(),
            matched: request.extensions().get::<MatchedPath>().cloned(),
            in_flight: false,
        };
        let state = match call.admit(request) {
            Ok(request) => {
                let inner = self.inner.call(request);
                State::Running { inner }
            }
            Err(refusal) => State::Refused { refusal },
        };
        Answer {
            state,
            call,
            timer: None,
        }
    }
}

pin_project! {
    /// What comes of a request.
    pub(crate) struct Answer<F> {
        #[pin]
        state: State<F>,
        call: Call,
        // Made when an answer is not there at once, which is rare.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Running { #[pin] inner: F },
        Refused { refusal: Refusal },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answer<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let response = match this.state.project() {
            StateProjection::Refused { refusal } => refusal.into_response(),
            StateProjection::Running { inner } => match inner.poll(context) {
                Poll::Ready(Ok(response)) => response,
                Poll::Pending if this.call.is_probe() => return Poll::Pending,
                Poll::Pending => {
                    let due = this.call.started + this.call.endpoint.shared.limits.request_timeout;
                    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
                    ready!(timer.as_mut().poll(context));
                    Refusal::TimedOut.into_response()
                }
            },
        };
        Poll::Ready(Ok(this.call.answered(response)))
    }
}

/// A request, as far as it is remembered until its answer is there.
struct Call {
    endpoint: Arc<Endpoint>,
    started: Instant,
    method: Method,
    matched: Option<MatchedPath>,
    /// Whether it is one of the requests that may be answered at once.
    in_flight: bool,
}

impl Call {
    fn shared(&self) -> &Shared {
        &self.endpoint.shared
    }

    fn route(&self) -> &str {
        self.matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str)
    }

    fn is_probe(&self) -> bool {
        is_probe(self.route())
    }

    /// The request within the limits of number and size.
    fn admit(&mut self, request: Request) -> Result<Request, Refusal> {
        if self.is_probe() {
            return Ok(request);
        }
        if !self.enter() {
            self.shared().metrics.overloaded.inc();
            return Err(Refusal::Overloaded);
        }
        let size = request.body().size_hint();
        let limit = self.shared().limits.body_bytes;
        if size.lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(Refusal::BodyTooLarge);
        }
        Ok(if size.exact() == Some(0) {
            request
        } else {
            request.map(|body| Body::new(Limited::new(body, limit)))
        })
    }

    /// Of an answer that is the usual one, if it is, which no refusal and no preflight is.
    fn usual(&self, usual: bool) -> Option<&Usual> {
        if !usual || self.method == Method::OPTIONS {
            return None;
        }
        let (route, method) = (self.route(), &self.method);
        let first = || self.shared().metrics.usual(route, method);
        let usual = self.endpoint.usual.get_or_init(first);
        usual.is_of(route, method).then_some(usual)
    }

    /// The gauge that shows the requests in flight is also what limits them.
    fn enter(&mut self) -> bool {
        let limit = i64::try_from(self.shared().limits.requests).unwrap_or(i64::MAX);
        let one_more = |now| (now < limit).then_some(now + 1);
        let gauge = self.shared().metrics.in_flight.inner();
        let entered = gauge.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        self.in_flight = entered.is_ok();
        self.in_flight
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.in_flight) {
            self.shared().metrics.in_flight.dec();
        }
    }

    fn answered(&mut self, mut response: Response) -> Response {
        self.leave();
        let Shared {
            metrics, stopping, ..
        } = self.shared();
        let (route, probe, method) = (self.route(), self.is_probe(), &self.method);
        let (status, took) = (response.status(), self.started.elapsed());
        let checked = !probe && self.matched.is_some();
        match self.usual(checked && status == StatusCode::OK) {
            Some(usual) => usual.answered(took),
            None => {
                if checked {
                    verified(metrics, method, &response);
                }
                metrics.answered(route, method, status, took);
            }
        }
        if checked {
            // Answers differ from user to user, so no cache may keep them (RFC 9111 §3.5 lets some do so after all).
            let no_store = HeaderValue::from_static("no-store");
            response.headers_mut().insert(CACHE_CONTROL, no_store);
        }
        if stopping.load(Ordering::Relaxed) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let status = status.as_u16();
        if probe {
            debug!(%method, route, status, micros, "answered");
        } else {
            info!(%method, route, status, micros, "answered");
        }
        response
    }
}

/// Counts the outcome of the token check.
fn verified(metrics: &Metrics, method: &Method, response: &Response) {
    match response.extensions().get::<VerifyError>() {
        Some(refusal) => metrics.verified(refusal.code()),
        // Perhaps a preflight, which is not checked; or the request did not get so far.
        None if *method == Method::OPTIONS || response.extensions().get::<Refusal>().is_some() => {}
        None => metrics.verified(VALID),
    }
}

/// Also of a request whose caller has gone away.
impl Drop for Call {
    fn drop(&mut self) {
        self.leave();
    }
}
