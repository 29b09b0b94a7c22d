//! The HTTP server: routes, recording, faults, and the `Date` of the emulator's clock.

use std::{net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::DefaultBodyLimit,
    http::{HeaderValue, Request, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
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
    revoke, signup,
    state::Shared,
    token, userinfo,
};

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
        .route(
            "/2015-03-31/functions/{name}/invocations",
            post(lambda::invoke),
        )
        // One more octet than Lambda takes, so that its own error answers.
        .layer(DefaultBodyLimit::max(lambda::MAX_PAYLOAD + 1))
        .merge(oauth)
        .with_state(shared)
}

/// Accepts until it is dropped, which closes every connection.
pub(crate) async fn serve(listener: TcpListener, port: ArrivedAt, shared: Arc<Shared>) {
    let router = router(&shared.config, Arc::clone(&shared));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(converse(stream, port, router.clone(), Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, port: ArrivedAt, router: Router, shared: Arc<Shared>) {
    // Answers are small: do not wait for more of them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, port, router.clone(), Arc::clone(&shared)));
    // An error is the peer going away, or a fault that was asked for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    mut request: Request<Incoming>,
    port: ArrivedAt,
    router: Router,
    shared: Arc<Shared>,
) -> Result<Response, Dropped> {
    let releases = shared.faults.releases();
    let operation = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .map(|target| target.rsplit('.').next().unwrap_or(target).to_owned());
    let path = request.uri().path().to_owned();
    let endpoint = Endpoint::of(request.method(), &path, operation.as_deref());
    let record = RecordedRequest {
        method: request.method().to_string(),
        path,
        operation,
        port: port.0,
    };
    request.extensions_mut().insert(port);
    if let Some(listener) = &shared.config.on_request {
        listener.call(&record);
    }
    shared.state().requests.push(record);
    let struck = match endpoint {
        Some(endpoint) => shared.faults.strike(endpoint, releases).await,
        None => Struck::GoOn,
    };
    let serve = router.oneshot(request.map(Body::new));
    let mut response = match struck {
        Struck::Answer(response) => response,
        Struck::Drop => return Err(Dropped),
        Struck::GoOn => serve.await?,
        Struck::LoseReply => {
            serve.await?;
            return Err(Dropped);
        }
        Struck::CutReply => cut(serve.await?).await,
    };
    let date = httpdate::fmt_http_date(shared.clock.now());
    response.headers_mut().insert(
        header::DATE,
        HeaderValue::from_str(&date).expect("an HTTP date is ASCII"),
    );
    Ok(response)
}
