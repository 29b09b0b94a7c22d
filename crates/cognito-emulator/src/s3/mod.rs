//! Amazon S3.
//!
//! s3s speaks the protocol: XML, signatures of version 4, aws-chunked uploads with their trailers. The store is this
//! crate's: s3s's own sample store makes keys into file paths, knows no versions, and drops checksums of parts.

mod access;
mod auth;
mod body;
mod checksum;
mod config;
mod files;
mod listing;
mod lists;
mod multipart;
mod objects;
mod operation;
mod service;
mod store;

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Request, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use hyper::body::Incoming;
use s3s::{
    S3Error, S3Result,
    config::{S3Config, StaticConfigProvider},
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};
use tower::ServiceExt;
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

pub(crate) use body::{drain, read_off};
pub use config::{Bucket, Sample};
pub(crate) use operation::operation;
pub(crate) use store::Store;

use self::{
    access::RolePolicy,
    auth::{SecretKeys, Signed},
    body::Lent,
    checksum::Hashers,
    service::Service,
    store::{Attributes, Object, Part},
};
use crate::{random, state::Shared};

/// The S3 endpoint.
#[derive(Clone)]
pub(crate) struct Endpoint {
    shared: Arc<Shared>,
    service: S3Service,
}

impl Endpoint {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let service = Service {
            shared: Arc::clone(shared),
            store: Arc::clone(&shared.store),
        };
        let mut builder = S3ServiceBuilder::new(service);
        builder.set_auth(SecretKeys(Arc::clone(shared)));
        builder.set_access(RolePolicy);
        let mut config = S3Config::default();
        // The door looks at the time, by the emulator's clock. s3s has only the machine's.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Self {
            shared: Arc::clone(shared),
            service: builder.build(),
        }
    }

    /// Whether a request is for S3 and not for one of the other endpoints.
    pub(crate) fn is_addressed(uri: &Uri, headers: &HeaderMap) -> bool {
        Signed::parse(uri, headers).is_some()
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response {
        let patient = request.headers().contains_key(header::EXPECT);
        let (mut parts, body) = request.into_parts();
        let admitted = Signed::parse(&parts.uri, &parts.headers)
            .ok_or_else(|| s3_error!(AccessDenied, "Access Denied"))
            .and_then(|signed| signed.admit(&self.shared));
        let (lent, returned) = Lent::new(body);
        let response = match admitted {
            Ok(caller) => {
                parts.extensions.insert(caller);
                let request = Request::from_parts(parts, lent);
                // s3s logs whole requests, session tokens among them.
                let unlogged = self.service.clone().oneshot(request);
                match unlogged.with_subscriber(NoSubscriber::new()).await {
                    Ok(response) => response.map(Body::new),
                    // s3s fails so only when it cannot write an answer.
                    Err(_) => refusal(s3_error!(InternalError)),
                }
            }
            Err(error) => {
                drop(lent);
                refusal(error)
            }
        };
        if !response.status().is_success() && !patient {
            // Whoever waits for `100 Continue` has not begun to send.
            if let Ok(rest) = returned.await {
                drain(rest).await;
            }
        }
        let mut response = with_message(response).await;
        let id = random::base32(16);
        for (name, value) in [("x-amz-request-id", id), ("server", "AmazonS3".into())] {
            let value = HeaderValue::from_str(&value).expect("is ASCII");
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// S3's answer to a request for a bucket that nobody has signed, or in the old way: version 2, which boto3 and version 1 of
/// the AWS CLI still use for presigned URLs unless they are told otherwise.
pub(crate) fn unsigned(uri: &Uri, headers: &HeaderMap) -> Response {
    let query = uri.query().unwrap_or_default();
    let old = headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes().starts_with(b"AWS "))
        || url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "AWSAccessKeyId");
    refusal(match old {
        true => s3_error!(
            InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        ),
        false => s3_error!(AccessDenied, "Access Denied"),
    })
}

fn refusal(error: S3Error) -> Response {
    error.to_http_response().map_or_else(
        |_| axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        |response| response.map(Body::new),
    )
}

/// s3s leaves some errors without a message, where S3 has one.
async fn with_message(response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let message = |code: &str| match code {
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing \
             method."
        }
        "KeyTooLongError" => "Your key is too long",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "InternalError" => "We encountered an internal error. Please try again.",
        _ => "The request could not be served.",
    };
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| code.to_owned());
    let body = match code {
        Some(code) if !text.contains("<Message>") => {
            let end = "</Code>";
            let whole = format!("{end}<Message>{}</Message>", message(&code));
            parts.headers.remove(header::CONTENT_LENGTH);
            Body::from(text.replacen(end, &whole, 1))
        }
        _ => Body::from(body),
    };
    Response::from_parts(parts, body)
}

/// Puts the samples where nothing of their name is yet.
pub(crate) async fn add_samples(shared: &Shared) -> S3Result<()> {
    for config in &shared.config.buckets {
        for sample in &config.samples {
            let there = |bucket: &mut store::Bucket| Ok(bucket.objects.contains_key(&sample.key));
            if shared.store.bucket(&config.name, there)? {
                continue;
            }
            let content = Ok(sample.content.clone().into());
            let hashers = Hashers::new(&[objects::DEFAULT_ALGORITHM]);
            let content = stream::iter([content]);
            let written = shared.store.files.write(content, hashers).await?;
            let object = Object {
                size: written.blob.size,
                etag: crate::sigv4::hex(&written.md5),
                checksum: written.checksums.into_iter().next(),
                attributes: Attributes {
                    content_type: Some(sample.content_type.clone()),
                    ..Attributes::default()
                },
                parts: vec![Part {
                    blob: written.blob,
                    checksum: None,
                }],
                multipart: false,
            };
            shared.store.bucket(&config.name, |bucket| {
                let now = shared.clock.now();
                shared
                    .store
                    .add(&config.name, bucket, &sample.key, Some(object), now)
            })?;
        }
    }
    Ok(())
}
