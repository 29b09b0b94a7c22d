//! `GET /api/hello` behind jwt-authorizer, set up as its documentation says: api-peers JWKS-FILE
use axum::{Router, routing::get};
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer, JwtClaims, Validation};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
struct Claims {
    username: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("api-peers JWKS-FILE")?;
    let validation = Validation::new()
        .iss(&["https://cognito-idp.us-east-1.amazonaws.com/us-east-1_KeyfobDemo"]);
    let authorizer: Authorizer<Claims> = JwtAuthorizer::from_jwks(&file)
        .validation(validation)
        .build()
        .await?;
    let hello = async |JwtClaims(claims): JwtClaims<Claims>| {
        format!("Hi {}, your API call is authenticated!", claims.username)
    };
    let router = Router::new()
        .route("/api/hello", get(hello))
        .layer(authorizer.into_layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
