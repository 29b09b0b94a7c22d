//! `ISSUER/.well-known/*`.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html>

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{identity, state::Shared};

/// The members Cognito's own document has, and no others: clients must cope with what is absent (PKCE methods,
/// the `none` authentication method, custom scopes).
pub(crate) async fn openid_configuration(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let (base, issuer) = (&shared.base, shared.issuer());
    Json(json!({
        "authorization_endpoint": format!("{base}/oauth2/authorize"),
        "end_session_endpoint": format!("{base}/logout"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": issuer,
        "jwks_uri": format!("{base}/{}/.well-known/jwks.json", shared.config.pool_id),
        "response_types_supported": ["code", "token"],
        "revocation_endpoint": format!("{base}/oauth2/revoke"),
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": format!("{base}/oauth2/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "userinfo_endpoint": format!("{base}/oauth2/userInfo"),
    }))
}

pub(crate) async fn jwks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(shared.keys.current().await.jwks())
}

/// The document an OpenID Connect provider has, of the identity pool's tokens. AWS serves it at their issuer;
/// here it is below a path of its own, because the user pool's domain, which is no issuer, has the root.
pub(crate) async fn identity_configuration(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({
        "issuer": identity::ISSUER,
        "jwks_uri": format!("{}/cognito-identity/.well-known/jwks_uri", shared.base),
        "authorization_endpoint": "",
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

pub(crate) async fn identity_jwks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "keys": [shared.keys.identity().await.jwk()] }))
}
