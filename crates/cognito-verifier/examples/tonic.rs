//! A gRPC interceptor for tonic: it is not asynchronous, so it asks [`Verifier::verify_now`].
//!
//! Where a server would wrap its service (`GreeterServer::with_interceptor(greeter, interceptor(verifier))`), this example
//! calls the interceptor itself, with tokens of the test issuer.
#![expect(
    clippy::print_stdout,
    reason = "a program talks on its standard output"
)]

use cognito_verifier::{
    AccessClaims, ClientIds, Verifier, VerifyError, bearer_token, test_issuer::TestIssuer,
};
use tonic::{Request, Status, metadata::MetadataMap, service::Interceptor};

/// Lets calls with a good token through, with its claims among their extensions.
fn interceptor(verifier: Verifier<AccessClaims>) -> impl Interceptor + Clone {
    move |mut call: Request<()>| match signed_in(&verifier, call.metadata()) {
        Ok(claims) => {
            call.extensions_mut().insert(claims);
            Ok(call)
        }
        Err(refusal) => Err(match refusal.status() {
            403 => Status::permission_denied(refusal.reason()),
            503 => Status::unavailable(refusal.reason()),
            _ => Status::unauthenticated(refusal.reason()),
        }),
    }
}

fn signed_in(
    verifier: &Verifier<AccessClaims>,
    metadata: &MetadataMap,
) -> Result<AccessClaims, VerifyError> {
    let values = metadata.get_all("authorization").iter();
    verifier.verify_now(bearer_token(values.map(|value| value.as_bytes()))?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = TestIssuer::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test");
    let verifier = Verifier::access(pool.pool(), ClientIds::only(["my-client"]))
        .with_jwks(pool.jwks_cache())
        .with_required_scope("openid");
    // A server does this once before it serves; later downloads then happen behind the calls.
    verifier.preload().await?;

    let mut interceptor = interceptor(verifier);
    for token in [
        pool.access_token("my-client"),
        pool.access_token("my-client").claim("scope", "email"),
        pool.access_token("another-client"),
    ] {
        let mut call = Request::new(());
        let value = format!("Bearer {}", token.sign()).parse()?;
        call.metadata_mut().insert("authorization", value);
        match interceptor.call(call) {
            Ok(call) => println!(
                "{:?} may call",
                call.extensions()
                    .get::<AccessClaims>()
                    .map(AccessClaims::sub)
            ),
            Err(status) => println!("{:?}: {}", status.code(), status.message()),
        }
    }
    Ok(())
}
