//! Tokens from a user who really signs in at the emulator's pages.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use axum::Router;
use cognito_api::{Api, Limits};
use cognito_emulator::{Config, Emulator};
use cognito_verifier::{AccessClaims, ClientIds, UserPool, Verifier, test_issuer::TestIssuer};
use reqwest::{Client, Response, redirect};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub mod load;
pub mod program;
#[path = "../../../test_log.rs"]
mod test_log;

/// In AWS, as far as anybody can tell.
pub const POOL: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";
pub const CLIENT: &str = "6keyfobdemodesktop00client";
const REDIRECT: &str = "dev.keyfob.desktop://auth/callback";

pub async fn emulator() -> Emulator {
    test_log::start();
    Emulator::start(Config::demo().port(0)).await.unwrap()
}

pub fn pool(emulator: &Emulator) -> UserPool {
    UserPool::new(emulator.issuer()).unwrap()
}

pub fn client_ids() -> ClientIds {
    ClientIds::only([CLIENT])
}

pub fn http() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}

pub struct Tokens {
    pub access: String,
    pub id: String,
}

/// Signs Alex in and redeems the code.
pub async fn sign_in(emulator: &Emulator) -> Tokens {
    let tokens = emulator.tokens("openid email profile", "n").await.unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Tokens {
        access: token("access_token"),
        id: token("id_token"),
    }
}

/// A pool in memory, for tests that are not about keys, and a token of it.
pub fn in_memory() -> (Verifier<AccessClaims>, String) {
    let pool = TestIssuer::new(POOL);
    let verifier = Verifier::access(pool.pool(), client_ids()).with_jwks(pool.jwks_cache());
    (verifier, pool.access_token(CLIENT).sign())
}

/// The API being served.
pub struct Running {
    pub url: String,
    pub admin: String,
    stop: Option<oneshot::Sender<()>>,
    pub served: JoinHandle<()>,
}

impl Running {
    /// A router on its own.
    pub async fn start(router: Router) -> Self {
        Self::with_limits(router, Limits::default()).await
    }

    pub async fn with_limits(router: Router, limits: Limits) -> Self {
        test_log::start();
        let (listener, url) = listen().await;
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        Self {
            url,
            admin: String::new(),
            stop: Some(stop),
            served: tokio::spawn(cognito_api::serve(listener, router, limits, stopped)),
        }
    }

    /// All of the API, with its administrators' address.
    pub async fn api(api: &Api) -> Self {
        let ((listener, url), (admin_listener, admin)) = (listen().await, listen().await);
        let (stop, stopped) = oneshot::channel();
        let api = api.clone();
        Self {
            url,
            admin,
            stop: Some(stop),
            served: tokio::spawn(async move {
                let stopped = async { drop(stopped.await) };
                api.serve(listener, Some(admin_listener), stopped).await;
            }),
        }
    }

    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub async fn call(&self, path: &str, authorization: Option<String>) -> Response {
        let mut request = http().get(format!("{}{path}", self.url));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.unwrap()
    }

    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}
