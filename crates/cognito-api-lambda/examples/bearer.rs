//! A Lambda function of your own that checks the bearer token of a request: `lambda_http` and `cognito-verifier`, no router.
//!
//! With a router, `VerifyLayer` does it; see this crate's `main.rs`.

use clap::Parser as _;
use cognito_api::UserPoolArgs;
use cognito_verifier::{AccessClaims, Verifier, VerifyError};
use lambda_http::{
    Body, Error, Request, Response,
    http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
    service_fn,
};

#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    user_pool: UserPoolArgs,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Made once for all invocations: it keeps the pool's keys.
    let verifier = Args::parse().user_pool.verifier();
    let verifier = &verifier.map_err(|mistakes| mistakes.join("; "))?;
    lambda_http::run(service_fn(async |request| answer(verifier, &request).await)).await
}

async fn answer(
    verifier: &Verifier<AccessClaims>,
    request: &Request,
) -> Result<Response<Body>, Error> {
    let claims = match bearer(request) {
        Ok(token) => verifier.verify(token).await,
        Err(refusal) => Err(refusal),
    };
    Ok(match claims {
        Ok(claims) => {
            let name = claims.username().unwrap_or(claims.sub());
            Response::new(format!("Hi {name}").into())
        }
        Err(refusal) => Response::builder()
            .status(refusal.status())
            .header(WWW_AUTHENTICATE, refusal.www_authenticate())
            .header(CONTENT_TYPE, "application/json")
            .body(
                format!(
                    r#"{{"error":"{}","message":"{}"}}"#,
                    refusal.code(),
                    refusal.reason()
                )
                .into(),
            )?,
    })
}

/// From the `Authorization` header and from nowhere else (RFC 6750 §2.1). API Gateway joins several with commas.
fn bearer(request: &Request) -> Result<&str, VerifyError> {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .ok_or(VerifyError::MissingToken)?;
    let text = header
        .to_str()
        .map_err(|_| VerifyError::MalformedAuthorization)?;
    match text.split_once(' ') {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") && !token.contains([' ', ',']) =>
        {
            Ok(token)
        }
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") => {
            Err(VerifyError::MalformedAuthorization)
        }
        _ => Err(VerifyError::MissingToken),
    }
}
