//! An axum API for signed-in users: `cargo run -p cognito-verifier --features axum --example axum ISSUER CLIENT_ID`, then
//! `curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/hello`.
#![expect(
    clippy::print_stdout,
    reason = "a program talks on its standard output"
)]

use std::error::Error;

use axum::{Router, routing::get};
use cognito_verifier::{AccessClaims, ClientIds, UserPool, Verifier, VerifyLayer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(issuer), Some(client)) = (arguments.next(), arguments.next()) else {
        return Err("which ISSUER and CLIENT_ID?".into());
    };
    let verifier = Verifier::access(UserPool::new(issuer)?, ClientIds::only([client]));
    verifier.preload().await?; // A wrong issuer is better found now than by the first user.

    let hello =
        async |claims: AccessClaims| format!("Hi {}", claims.username().unwrap_or(claims.sub()));
    let greet = async |claims: Option<AccessClaims>| match claims {
        Some(claims) => format!("Welcome back, {}", claims.sub()),
        None => "Welcome, whoever you are".to_owned(),
    };
    let router = Router::new()
        .route(
            "/hello",
            get(hello).layer(VerifyLayer::new(verifier.clone())),
        )
        .route("/", get(greet).layer(VerifyLayer::optional(verifier)));
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
