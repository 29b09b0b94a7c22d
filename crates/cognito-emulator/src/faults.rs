//! Faults on demand, one per request, in the order they were queued.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use tokio::sync::watch;

/// What a fault can be queued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `GET /oauth2/authorize`.
    Authorize,
    /// `POST /oauth2/token`.
    Token,
    /// `POST /oauth2/revoke`.
    Revoke,
    /// `GET /oauth2/userInfo`.
    UserInfo,
    /// `GET /logout`.
    Logout,
    /// The issuer's `openid-configuration`.
    Discovery,
    /// The issuer's `jwks.json`.
    Jwks,
    /// The identity pool's `GetId`.
    GetId,
    /// The identity pool's `GetCredentialsForIdentity`.
    Credentials,
    /// STS `GetCallerIdentity`.
    CallerIdentity,
    /// Lambda `Invoke`.
    Invoke,
    /// The user pool's `GlobalSignOut`.
    GlobalSignOut,
}

/// What happens instead of the answer, or to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// This HTTP status with an empty body.
    Status(u16),
    /// This HTTP status with this JSON body, e.g. `400 {"error": "invalid_client"}` of an OAuth endpoint, or
    /// `400 {"__type": "TooManyRequestsException", "message": "Rate exceeded"}` of an AWS service.
    Error {
        /// HTTP status.
        status: u16,
        /// JSON body.
        body: serde_json::Value,
    },
    /// A captive portal: `200 text/html`.
    Html,
    /// An answer whose body ends in the middle.
    Truncated,
    /// The connection is closed without an answer.
    Drop,
    /// No answer until [`release`](crate::Emulator::release); then the request goes on as if nothing happened.
    Stall,
    /// No answer ever: the client has to give up.
    Hang,
    /// The request is served, and the connection closed in place of the answer: the user pool has acted, and nobody
    /// learns of it.
    LoseReply,
    /// The request is served, and the answer ends in the middle of its body.
    CutReply,
}

/// What becomes of a request that a fault has struck.
pub(crate) enum Struck {
    /// It is answered so, and never served.
    Answer(Response),
    /// It is never served, and never answered.
    Drop,
    /// It is served.
    GoOn,
    /// It is served, and not answered.
    LoseReply,
    /// It is served, and answered in part.
    CutReply,
}

#[derive(Debug)]
pub(crate) struct Faults {
    queues: Mutex<HashMap<Endpoint, VecDeque<Fault>>>,
    releases: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            queues: Mutex::default(),
            releases: watch::Sender::new(0),
        }
    }
}

/// The fault says: close the connection.
#[derive(Debug, thiserror::Error)]
#[error("closed by Fault::Drop")]
pub(crate) struct Dropped;

impl Faults {
    pub(crate) fn queue(&self, endpoint: Endpoint, fault: Fault) {
        let mut queues = self.queues.lock().expect("no panic while locked");
        queues.entry(endpoint).or_default().push_back(fault);
    }

    fn take(&self, endpoint: Endpoint) -> Option<Fault> {
        let mut queues = self.queues.lock().expect("no panic while locked");
        queues.get_mut(&endpoint)?.pop_front()
    }

    pub(crate) fn release(&self) {
        self.releases.send_modify(|count| *count += 1);
    }

    pub(crate) fn releases(&self) -> watch::Receiver<u64> {
        self.releases.subscribe()
    }

    /// Takes back what is queued and has struck nobody yet.
    pub(crate) fn clear(&self) -> Vec<(Endpoint, Fault)> {
        let mut queues = self.queues.lock().expect("no panic while locked");
        let left = |(endpoint, faults): (Endpoint, VecDeque<Fault>)| {
            faults.into_iter().map(move |fault| (endpoint, fault))
        };
        queues.drain().flat_map(left).collect()
    }

    pub(crate) async fn strike(
        &self,
        endpoint: Endpoint,
        mut releases: watch::Receiver<u64>,
    ) -> Struck {
        let Some(fault) = self.take(endpoint) else {
            return Struck::GoOn;
        };
        Struck::Answer(match fault {
            Fault::Status(status) => status_code(status).into_response(),
            Fault::Error { status, body } => {
                (status_code(status), axum::Json(body)).into_response()
            }
            Fault::Html => axum::response::Html(
                "<!doctype html><title>Welcome</title><p>Accept the terms to use this network.",
            )
            .into_response(),
            Fault::Truncated => (
                [(header::CONTENT_TYPE, "application/json;charset=UTF-8")],
                Body::new(CutOff::after(Bytes::from_static(b"{\"id_token\":\"eyJ"))),
            )
                .into_response(),
            Fault::Drop => return Struck::Drop,
            Fault::Stall => {
                // An error means that the emulator is gone, and this task with it.
                let _ = releases.changed().await;
                return Struck::GoOn;
            }
            // Until the client closes the connection, which ends this task.
            Fault::Hang => std::future::pending().await,
            Fault::LoseReply => return Struck::LoseReply,
            Fault::CutReply => return Struck::CutReply,
        })
    }
}

/// The first half of an answer; its headers promise the whole.
pub(crate) async fn cut(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .expect("our own answers are in memory");
    let half = body.slice(..body.len() / 2);
    Response::from_parts(parts, Body::new(CutOff::after(half)))
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a fault's status is between 100 and 999")
}

impl Endpoint {
    pub(crate) fn of(method: &Method, path: &str, operation: Option<&str>) -> Option<Self> {
        Some(match (path, operation) {
            ("/", Some("GetId")) => Self::GetId,
            ("/", Some("GetCredentialsForIdentity")) => Self::Credentials,
            ("/", Some("GlobalSignOut")) => Self::GlobalSignOut,
            ("/", None) if method == Method::POST => Self::CallerIdentity,
            ("/oauth2/authorize", _) => Self::Authorize,
            ("/oauth2/token", _) => Self::Token,
            ("/oauth2/revoke", _) => Self::Revoke,
            ("/oauth2/userInfo", _) => Self::UserInfo,
            ("/logout", _) => Self::Logout,
            _ if path.ends_with("/.well-known/openid-configuration") => Self::Discovery,
            _ if path.ends_with("/.well-known/jwks.json") => Self::Jwks,
            _ if path.ends_with("/invocations") => Self::Invoke,
            _ => return None,
        })
    }
}

/// A body that breaks off after its first part.
enum CutOff {
    Part(Bytes),
    Flush,
    Break,
}

impl CutOff {
    fn after(part: Bytes) -> Self {
        Self::Part(part)
    }
}

impl hyper::body::Body for CutOff {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match &mut *self {
            Self::Part(part) => {
                let part = std::mem::take(part);
                *self = Self::Flush;
                Poll::Ready(Some(Ok(Frame::data(part))))
            }
            // The connection sends what it has only when there is nothing more to come at once.
            Self::Flush => {
                *self = Self::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Break => Poll::Ready(Some(Err(Dropped))),
        }
    }
}

// An axum handler cannot fail; kept here so that the conversion in `server` stays total.
impl From<Infallible> for Dropped {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
