//! An endpoint of this computer that hands out credentials (AWS SDKs and Tools Reference Guide, "Container
//! credential provider"), to one program, for as long as that runs.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cognito_agent::Credentials;
use cognito_aws::Rival;
use cognito_client::{Clock as _, Profile, SystemClock};
use cognito_verifier::Clock as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::child::Signals;
use super::{not_run, without_credentials};
use crate::answers::{self, AT_LEAST, Manner};
use crate::credential_process::rfc3339;
use crate::environment::Variables;
use crate::failure::{Failure, complain};
use crate::{account, aws_config};

/// The most connections at once.
const MAX_CONNECTIONS: usize = 64;
/// The most bytes of a request's head; an SDK's has a few hundred.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long nobody is heard when one could not be.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a request's head may take to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// Runs the program that `command` makes with these variables, and answers it until it ends.
pub(super) fn serve(
    profile: &Profile,
    credentials: Credentials,
    command: impl FnOnce(&Variables) -> Command,
) -> Result<u8, Failure> {
    account::block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let host = listener.local_addr()?.to_string();
        let door = Arc::new(Door {
            path: format!("/{}", *random()?),
            authorization: random()?,
            host,
            profile: profile.clone(),
            credentials: Mutex::new(credentials),
        });
        let mut variables = without_credentials(profile);
        variables.push((
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            Zeroizing::new(format!("http://{}{}", door.host, door.path)),
        ));
        variables.push((
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            door.authorization.clone(),
        ));
        let command = command(&variables);
        let program = command.get_program().to_owned();
        warn_of_default(profile);
        let mut command = tokio::process::Command::from(command);
        let signals = Signals::new()?;
        let child = command
            .spawn()
            .map_err(|error| not_run(&[program], &error))?;
        tokio::select! {
            ended = signals.wait(child) => Ok(ended?),
            never = accept(listener, door) => match never {},
        }
    })?
}

/// Says what programs use before any endpoint, unless they are told another profile: else nothing would.
fn warn_of_default(profile: &Profile) {
    const NAME: &str = "default";
    let Ok(shared) = aws_config::shared() else {
        return;
    };
    let of_another = shared.entries().is_ok_and(|entries| {
        let mut entries = entries.iter();
        entries.any(|entry| entry.name == NAME && entry.profile != profile.name)
    });
    let rivals = shared.rivals(NAME).unwrap_or_default();
    let mut rivals = rivals.iter();
    let of_its_own = rivals.any(|rival| matches!(rival, Rival::Setting { .. }));
    if of_another || of_its_own {
        complain(
            "warning: the profile `default` in your AWS files has credentials, which AWS programs use before the \
             endpoint's. Take them out, or use `keyfob exec` without --server.",
        );
    }
}

/// 256 bits that nobody can guess.
fn random() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut *bytes)
        .map_err(|_| Failure::failed("the system has no random numbers", "Try again."))?;
    Ok(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes)))
}

async fn accept(listener: TcpListener, door: Arc<Door>) -> Infallible {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let turn = room.clone().acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                // Gone before it was taken; or there are no more open files to be had, which a moment may change.
                SystemClock.sleep_until(SystemClock.now() + PAUSE).await;
                continue;
            }
        };
        let door = door.clone();
        tokio::spawn(async move {
            converse(stream, door).await;
            drop(turn);
        });
    }
}

async fn converse(stream: TcpStream, door: Arc<Door>) {
    let service = service_fn(|request| {
        let door = door.clone();
        async move { Ok::<_, Infallible>(door.answer(&request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // An error is the program going away, or a request not worth an answer.
    drop(connection.await);
}

/// What has to be known to be given credentials.
struct Door {
    host: String,
    path: String,
    authorization: Zeroizing<String>,
    profile: Profile,
    credentials: Mutex<Credentials>,
}

impl Door {
    async fn answer(self: Arc<Self>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if let Err((status, message)) = self.admit(request) {
            return refusal(status, "Refused", message);
        }
        let credentials = match self.fresh().await {
            Ok(credentials) => credentials,
            Err(failure) => return Self::no_credentials(&failure),
        };
        let mut answer = json!({
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": *credentials.secret_access_key,
            "Token": *credentials.session_token,
            "Expiration": rfc3339(credentials.expires),
        });
        if let Some(account) = credentials.account {
            answer["AccountId"] = account.into();
        }
        response(StatusCode::OK, &answer)
    }

    /// Only the program that was told all of it: no page in a browser, whatever name it has had resolved to
    /// this computer, and no other program.
    fn admit(&self, request: &Request<Incoming>) -> Result<(), (StatusCode, &'static str)> {
        if !self.has(request, &HOST, &self.host) || request.uri().authority().is_some() {
            return Err((StatusCode::MISDIRECTED_REQUEST, "this is another host"));
        }
        if request.headers().contains_key(ORIGIN) {
            return Err((StatusCode::FORBIDDEN, "web pages get nothing here"));
        }
        if !is_same(request.uri().path(), &self.path) {
            return Err((StatusCode::NOT_FOUND, "there is nothing here"));
        }
        if request.method() != Method::GET {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "only GET is answered"));
        }
        if !self.has(request, &AUTHORIZATION, &self.authorization) {
            return Err((
                StatusCode::UNAUTHORIZED,
                "the Authorization is not the one that was given",
            ));
        }
        Ok(())
    }

    /// Whether the request has this header once, with this value.
    fn has(&self, request: &Request<Incoming>, name: &HeaderName, value: &str) -> bool {
        let mut values = request.headers().get_all(name).iter();
        let (first, second) = (values.next(), values.next());
        let first = first.and_then(|first| first.to_str().ok());
        first.is_some_and(|first| is_same(first, value)) && second.is_none()
    }

    /// Those at hand, or others when they end soon.
    async fn fresh(self: &Arc<Self>) -> Result<Credentials, Failure> {
        let door = self.clone();
        let fresh = tokio::task::spawn_blocking(move || {
            // One asks, the others wait for it.
            let held = door.credentials.lock();
            let mut held = held.unwrap_or_else(PoisonError::into_inner);
            let now = SystemClock
                .now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            if held.expires <= (now + AT_LEAST).as_secs() {
                *held = answers::credentials(&door.profile, AT_LEAST, Manner::PROGRAM)?;
            }
            Ok(held.clone())
        });
        fresh
            .await
            .unwrap_or_else(|_| Err(Failure::failed("the request for credentials failed", "")))
    }

    fn no_credentials(failure: &Failure) -> Response<Full<Bytes>> {
        let (status, code) = match failure {
            Failure::SignInRequired { .. } => (StatusCode::FORBIDDEN, "SignInRequired"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "NoCredentials"),
        };
        let message = failure.message();
        // The SDKs pass on little of an answer.
        complain(&message);
        refusal(status, code, &message)
    }
}

fn is_same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    response(status, &json!({ "code": code, "message": message }))
}

fn response(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CACHE_CONTROL, "no-store")
        .body(Full::from(body.to_string()));
    response.expect("these headers are well-formed")
}
