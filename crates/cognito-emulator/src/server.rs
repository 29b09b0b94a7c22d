//! The HTTP server: routes, recording, faults, and the `Date` of the emulator's clock.

use std::{net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header, request::Parts},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt;

use crate::{
    authorize, aws_json, client_auth,
    config::Config,
    discovery, error_page,
    faults::{Dropped, Endpoint, Struck, cut},
    forgot, lambda, login, logout,
    record::{ArrivedAt, RecordedRequest},
    revoke, s3, signup,
    state::Shared,
    sts, token, userinfo,
};

/// More than a role session's longest token and policy.
const STS_BODY: usize = 128 * 1024;

/// Only ever the loopback address.
pub(crate) async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

fn router(config: &Config, shared: Arc<Shared>) -> Router {
    let pool = &config.pool_id;
    let oauth = Router::new()
        .route("/oauth2/token", post(token::token))
        .route("/oauth2/revoke", post(revoke::endpoint))
        .route("/oauth2/userInfo", get(userinfo::endpoint))
        .layer(middleware::from_fn(client_auth::domain_headers));
    Router::new()
        .route(
            &format!("/{pool}/.well-known/openid-configuration"),
            get(discovery::openid_configuration),
        )
        .route(
            &format!("/{pool}/.well-known/jwks.json"),
            get(discovery::jwks),
        )
        .route(
            "/cognito-identity/.well-known/openid-configuration",
            get(discovery::identity_configuration),
        )
        .route(
            "/cognito-identity/.well-known/jwks_uri",
            get(discovery::identity_jwks),
        )
        .route("/oauth2/authorize", get(authorize::authorize))
        .route("/login", get(login::page).post(login::submit))
        .route("/signup", get(signup::page).post(signup::submit))
        .route("/confirm", get(signup::confirm_page).post(signup::confirm))
        .route("/resendcode", get(signup::resend))
        .route("/forgotPassword", get(forgot::page).post(forgot::submit))
        .route(
            "/confirmforgotPassword",
            get(forgot::confirm_page).post(forgot::confirm),
        )
        .route("/logout", get(logout::endpoint))
        .route("/error", get(error_page::page))
        .route("/", post(aws_json::dispatch))
        .route("/2015-03-31/functions", get(lambda::list))
        .route("/2015-03-31/functions/", get(lambda::list))
        .route(
            "/2015-03-31/functions/{name}/invocations",
            post(lambda::invoke),
        )
        // One more octet than Lambda takes, so that its own error answers.
        .layer(DefaultBodyLimit::max(lambda::MAX_PAYLOAD + 1))
        .merge(oauth)
        .fallback(elsewhere)
        .with_state(shared)
}

/// Everything that answers at one address.
#[derive(Clone)]
struct Endpoints {
    port: ArrivedAt,
    shared: Arc<Shared>,
    router: Router,
    s3: s3::Endpoint,
}

/// Accepts until it is dropped, which closes every connection.
pub(crate) async fn serve(
    listener: TcpListener,
    port: ArrivedAt,
    shared: Arc<Shared>,
    s3: s3::Endpoint,
) {
    let endpoints = Endpoints {
        router: router(&shared.config, Arc::clone(&shared)),
        port,
        shared,
        s3,
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(converse(stream, endpoints.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, endpoints: Endpoints) {
    // Answers are small: do not wait for more of them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| endpoints.clone().answer(request));
    // An error is the peer going away, or a fault that was asked for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Endpoints {
    async fn answer(self, request: Request<Incoming>) -> Result<Response, Dropped> {
        let shared = &self.shared;
        let releases = shared.faults.releases();
        let mut request = Arrived::from(request).await;
        let path = request.head.uri.path().to_owned();
        let (operation, endpoint) = request.operation();
        let record = RecordedRequest {
            method: request.head.method.to_string(),
            path,
            operation,
            port: self.port.0,
        };
        request.head.extensions.insert(self.port);
        if let Some(listener) = &shared.config.on_request {
            listener.call(&record);
        }
        shared.state().requests.push(record);
        let struck = match endpoint {
            Some(endpoint) => shared.faults.strike(endpoint, releases).await,
            None => Struck::GoOn,
        };
        let mut response = match struck {
            Struck::Answer(response) => {
                // A client that is still sending would lose the answer with the connection.
                request.body.drain().await;
                response
            }
            Struck::Drop => return Err(Dropped),
            Struck::DropMidBody => {
                request.body.read_half().await;
                return Err(Dropped);
            }
            Struck::GoOn => self.serve(request).await?,
            Struck::LoseReply => {
                self.serve(request).await?;
                return Err(Dropped);
            }
            Struck::CutReply => cut(self.serve(request).await?).await,
        };
        let date = httpdate::fmt_http_date(self.shared.clock.now());
        response.headers_mut().insert(
            header::DATE,
            HeaderValue::from_str(&date).expect("an HTTP date is ASCII"),
        );
        Ok(response)
    }

    async fn serve(&self, request: Arrived) -> Result<Response, Dropped> {
        let (head, body) = (request.head, request.body);
        match body {
            Arriving::ForS3(body) => Ok(self.s3.answer(Request::from_parts(head, body)).await),
            Arriving::Other(body) => {
                let request = Request::from_parts(head, Body::new(body));
                Ok(self.router.clone().oneshot(request).await?)
            }
            Arriving::Read(body) => {
                let request = Request::from_parts(head, Body::from(body));
                Ok(self.router.clone().oneshot(request).await?)
            }
        }
    }
}

/// A request of which so much is known as it takes to say what it asks for.
struct Arrived {
    head: Parts,
    body: Arriving,
}

enum Arriving {
    ForS3(Incoming),
    Other(Incoming),
    /// STS names the operation in the body.
    Read(Bytes),
}

impl Arrived {
    async fn from(request: Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        if s3::Endpoint::is_addressed(&head.uri, &head.headers) {
            let body = Arriving::ForS3(body);
            return Self { head, body };
        }
        let for_sts = head.method == Method::POST
            && head.uri.path() == "/"
            && !head.headers.contains_key("x-amz-target");
        let body = match for_sts {
            // What is too long, or breaks off, is no request to STS.
            true => Arriving::Read(
                to_bytes(Body::new(body), STS_BODY)
                    .await
                    .unwrap_or_default(),
            ),
            false => Arriving::Other(body),
        };
        Self { head, body }
    }

    /// What is asked for, and the faults that can be queued for it.
    fn operation(&self) -> (Option<String>, Option<Endpoint>) {
        let (uri, headers) = (&self.head.uri, &self.head.headers);
        let operation = match &self.body {
            Arriving::ForS3(_) => {
                let query = uri.query().unwrap_or_default();
                let operation = s3::operation(&self.head.method, uri.path(), query, headers);
                let endpoint = operation.and_then(Endpoint::of_s3);
                return (operation.map(str::to_owned), endpoint);
            }
            Arriving::Read(body) => sts::action(headers, body),
            Arriving::Other(_) => headers
                .get("x-amz-target")
                .and_then(|target| target.to_str().ok())
                .map(|target| target.rsplit('.').next().unwrap_or(target).to_owned()),
        };
        let endpoint = Endpoint::of(uri.path(), operation.as_deref());
        (operation, endpoint)
    }
}

impl Arriving {
    async fn drain(self) {
        if let Self::ForS3(body) | Self::Other(body) = self {
            s3::drain(body).await;
        }
    }

    async fn read_half(self) {
        if let Self::ForS3(mut body) | Self::Other(mut body) = self {
            let length = body.size_hint().exact().unwrap_or_default();
            s3::read_off(&mut body, length / 2).await;
        }
    }
}

/// What no route is for: S3 answers for its buckets, and nobody for the rest.
async fn elsewhere(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let bucket = uri.path().split('/').nth(1).unwrap_or_default();
    match shared.store.has_bucket(bucket) {
        true => s3::unsigned(&uri, &headers),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}
