//! Faults on demand, one per request, in the order they were queued.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use tokio::sync::watch;

use crate::sts;

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
    /// The identity pool's `GetOpenIdToken`.
    OpenIdToken,
    /// STS `GetCallerIdentity`.
    CallerIdentity,
    /// STS `AssumeRoleWithWebIdentity`.
    AssumeRole,
    /// Lambda `Invoke`.
    Invoke,
    /// Lambda `ListFunctions`.
    ListFunctions,
    /// S3 `PutObject`.
    PutObject,
    /// S3 `GetObject`.
    GetObject,
    /// S3 `HeadObject`.
    HeadObject,
    /// S3 `CopyObject`.
    CopyObject,
    /// S3 `DeleteObject`.
    DeleteObject,
    /// S3 `DeleteObjects`.
    DeleteObjects,
    /// S3 `ListObjects` and `ListObjectsV2`.
    ListObjects,
    /// S3 `ListObjectVersions`.
    ListObjectVersions,
    /// S3 `CreateMultipartUpload`.
    CreateMultipartUpload,
    /// S3 `UploadPart` and `UploadPartCopy`.
    UploadPart,
    /// S3 `CompleteMultipartUpload`.
    CompleteMultipartUpload,
    /// S3 `AbortMultipartUpload`.
    AbortMultipartUpload,
    /// S3 `ListParts`.
    ListParts,
    /// S3 `ListMultipartUploads`.
    ListMultipartUploads,
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
    /// This HTTP status with the XML error of S3 or STS. `200 InternalError` is what S3 can answer to
    /// `CompleteMultipartUpload` and `CopyObject`.
    Xml {
        /// HTTP status.
        status: u16,
        /// `Code`, e.g. `SlowDown`.
        code: String,
        /// `Message`.
        message: String,
    },
    /// What the service says when too much is asked of it: `503 SlowDown` (S3), `429 TooManyRequestsException` (Lambda),
    /// `400 Throttling` (STS), and `400 TooManyRequestsException` (Cognito).
    Throttled,
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
    /// The connection is closed when half of the request's body has come in.
    DropMidBody,
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
    /// Half of it is read, and it is never served.
    DropMidBody,
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
            Fault::Xml {
                status,
                code,
                message,
            } => xml(endpoint, status_code(status), &code, &message),
            Fault::Throttled => throttled(endpoint),
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
            Fault::DropMidBody => return Struck::DropMidBody,
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
    let declared = parts.headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    let length = declared.or(body.size_hint().exact()).unwrap_or_default();
    let half = Half {
        body,
        left: length / 2,
    };
    Response::from_parts(parts, Body::new(half))
}

/// Passes on so much of a body, and breaks off.
struct Half {
    body: Body,
    left: u64,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left == 0 {
            // The connection sends what it has only when there is nothing more to come at once.
            self.left = u64::MAX;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.left == u64::MAX {
            return Poll::Ready(Some(Err(axum::Error::new(Dropped))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let mut data = frame?.into_data().unwrap_or_default();
            data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= data.len() as u64;
            Ok(Frame::data(data))
        }))
    }
}

fn throttled(endpoint: Endpoint) -> Response {
    let json = |status: StatusCode, class: &'static str, body: serde_json::Value| {
        let headers = [("x-amzn-errortype", class)];
        (status, headers, axum::Json(body)).into_response()
    };
    if endpoint.is_s3() {
        return xml(
            endpoint,
            StatusCode::SERVICE_UNAVAILABLE,
            "SlowDown",
            "Please reduce your request rate.",
        );
    }
    match endpoint {
        Endpoint::CallerIdentity | Endpoint::AssumeRole => xml(
            endpoint,
            StatusCode::BAD_REQUEST,
            "Throttling",
            "Rate exceeded",
        ),
        Endpoint::Invoke | Endpoint::ListFunctions => json(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            serde_json::json!({
                "Reason": "CallerRateLimitExceeded",
                "Type": "User",
                "message": "Rate Exceeded.",
            }),
        ),
        _ => json(
            StatusCode::BAD_REQUEST,
            "TooManyRequestsException:",
            serde_json::json!({ "__type": "TooManyRequestsException", "message": "Rate exceeded" }),
        ),
    }
}

/// S3 writes the error alone, STS wraps it.
fn xml(endpoint: Endpoint, status: StatusCode, code: &str, message: &str) -> Response {
    if !endpoint.is_s3() {
        return sts::error(status, code, message);
    }
    let (code, message) = (sts::escape(code), sts::escape(message));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a fault's status is between 100 and 999")
}

impl Endpoint {
    /// The S3 operation of this name.
    pub(crate) fn of_s3(operation: &str) -> Option<Self> {
        Some(match operation {
            "PutObject" => Self::PutObject,
            "GetObject" => Self::GetObject,
            "HeadObject" => Self::HeadObject,
            "CopyObject" => Self::CopyObject,
            "DeleteObject" => Self::DeleteObject,
            "DeleteObjects" => Self::DeleteObjects,
            "ListObjects" => Self::ListObjects,
            "ListObjectVersions" => Self::ListObjectVersions,
            "CreateMultipartUpload" => Self::CreateMultipartUpload,
            "UploadPart" => Self::UploadPart,
            "CompleteMultipartUpload" => Self::CompleteMultipartUpload,
            "AbortMultipartUpload" => Self::AbortMultipartUpload,
            "ListParts" => Self::ListParts,
            "ListMultipartUploads" => Self::ListMultipartUploads,
            _ => return None,
        })
    }

    fn is_s3(self) -> bool {
        // Every S3 operation that can be asked for is named as here.
        Self::of_s3(&format!("{self:?}")).is_some()
    }

    pub(crate) fn of(path: &str, operation: Option<&str>) -> Option<Self> {
        Some(match (path, operation) {
            ("/", Some("GetId")) => Self::GetId,
            ("/", Some("GetCredentialsForIdentity")) => Self::Credentials,
            ("/", Some("GlobalSignOut")) => Self::GlobalSignOut,
            ("/", Some("GetOpenIdToken")) => Self::OpenIdToken,
            ("/", Some("AssumeRoleWithWebIdentity")) => Self::AssumeRole,
            ("/", Some("GetCallerIdentity")) => Self::CallerIdentity,
            ("/oauth2/authorize", _) => Self::Authorize,
            ("/oauth2/token", _) => Self::Token,
            ("/oauth2/revoke", _) => Self::Revoke,
            ("/oauth2/userInfo", _) => Self::UserInfo,
            ("/logout", _) => Self::Logout,
            _ if path.ends_with("/.well-known/openid-configuration") => Self::Discovery,
            _ if path.ends_with("/.well-known/jwks.json") => Self::Jwks,
            _ if path.ends_with("/invocations") => Self::Invoke,
            ("/2015-03-31/functions" | "/2015-03-31/functions/", _) => Self::ListFunctions,
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
