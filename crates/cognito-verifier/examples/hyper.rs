//! The same without axum or tower: `cargo run -p cognito-verifier --example hyper ISSUER CLIENT_ID`.
#![expect(
    clippy::print_stdout,
    reason = "a program talks on its standard output"
)]

use std::{convert::Infallible, error::Error};

use cognito_verifier::{AccessClaims, ClientIds, UserPool, Verifier, VerifyError, bearer_token};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(issuer), Some(client)) = (arguments.next(), arguments.next()) else {
        return Err("which ISSUER and CLIENT_ID?".into());
    };
    let verifier = Verifier::access(UserPool::new(issuer)?, ClientIds::only([client]));
    verifier.preload().await?;

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let verifier = verifier.clone();
        let service = service_fn(move |request| answer(verifier.clone(), request));
        // A connection that breaks is its client's business.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    verifier: Verifier<AccessClaims>,
    request: Request<Incoming>,
) -> Result<Response<String>, Infallible> {
    Ok(match signed_in(&verifier, &request).await {
        Ok(claims) => Response::new(format!("Hi {}", claims.username().unwrap_or(claims.sub()))),
        Err(refusal) => Response::builder()
            .status(refusal.status())
            .header(WWW_AUTHENTICATE, refusal.www_authenticate())
            .body(refusal.reason().to_owned())
            .expect("both are made of what a header may hold"),
    })
}

async fn signed_in(
    verifier: &Verifier<AccessClaims>,
    request: &Request<Incoming>,
) -> Result<AccessClaims, VerifyError> {
    let values = request.headers().get_all(AUTHORIZATION).iter();
    let token = bearer_token(values.map(|value| value.as_bytes()))?;
    verifier.verify(token).await
}
