//! `POST /oauth2/token`.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html>

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::{
    body::Bytes,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{
    client_auth::{authenticate, error, json_body},
    config::{Client, OAuthFlow},
    keys::KeyPairs,
    params::Params,
    record::{ArrivedAt, Fingerprint, Refresh, RefreshOutcome},
    state::{AuthorizationCode, RefreshToken, Shared},
    tokens::{self, Minted},
};

/// `error` and, seldom, `error_description`.
struct Refused(&'static str, Option<&'static str>);

const INVALID_REQUEST: Refused = Refused("invalid_request", None);
const INVALID_GRANT: Refused = Refused("invalid_grant", None);
const UNAUTHORIZED_CLIENT: Refused = Refused("unauthorized_client", None);

pub(crate) async fn token(
    State(shared): State<Arc<Shared>>,
    Extension(port): Extension<ArrivedAt>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let keys = shared.keys.current().await;
    match answer(&shared, &keys, port, &headers, &body) {
        Ok((minted, refresh_token)) => {
            let mut body = json!({
                "access_token": minted.access,
                "expires_in": minted.expires_in,
                "token_type": "Bearer",
            });
            if let Some(id) = minted.id {
                body["id_token"] = json!(id);
            }
            if let Some(refresh_token) = refresh_token {
                body["refresh_token"] = json!(refresh_token);
            }
            json_body(&body)
        }
        Err(Refused(code, None)) => error(StatusCode::BAD_REQUEST, code),
        Err(Refused(code, Some(description))) => {
            let body = json!({ "error": code, "error_description": description });
            let mut response = json_body(&body);
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    }
}

type Answer = Result<(Minted, Option<String>), Refused>;

fn answer(
    shared: &Shared,
    keys: &KeyPairs,
    port: ArrivedAt,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let form = Params::of_form(headers, body).ok_or(INVALID_REQUEST)?;
    let grant_type = form.value("grant_type").ok_or(INVALID_REQUEST)?;
    let client =
        authenticate(&shared.config, headers, &form).ok_or(Refused("invalid_client", None))?;
    match grant_type {
        "authorization_code" => exchange(shared, keys, client, &form),
        "refresh_token" => refresh(shared, keys, port, client, &form),
        _ => Err(Refused("unsupported_grant_type", None)),
    }
}

fn exchange(shared: &Shared, keys: &KeyPairs, client: &Client, form: &Params) -> Answer {
    if !client.allowed_flows.contains(&OAuthFlow::Code) {
        return Err(UNAUTHORIZED_CLIENT);
    }
    let code = form.value("code").ok_or(INVALID_REQUEST)?;
    let redirect_uri = form.value("redirect_uri").ok_or(INVALID_REQUEST)?;
    let mut state = shared.state();
    let issued = state
        .codes
        .get(code)
        .filter(|issued| issued.request.client_id == client.id)
        .ok_or(INVALID_GRANT)?;
    if shared.clock.unix() >= issued.expires {
        return Err(INVALID_GRANT);
    }
    if issued.request.redirect_uri != redirect_uri {
        return Err(Refused("unauthorized_client", Some("invalid_redirect")));
    }
    // From here on the code is used up, whatever comes of it.
    let AuthorizationCode {
        request,
        username,
        auth_time,
        ..
    } = state.codes.remove(code).expect("found above");
    if !proves(
        request.code_challenge.as_deref(),
        form.value("code_verifier"),
    ) {
        return Err(INVALID_GRANT);
    }
    if !state.user(&username).is_some_and(|user| user.enabled) {
        return Err(INVALID_GRANT);
    }
    let origin_jti = request.open_grant(shared, &mut state, &username, auth_time);
    let minted = tokens::mint(shared, &state, keys, &origin_jti, request.nonce.as_deref());
    let refresh_token = tokens::refresh_token();
    state.refresh_tokens.insert(
        refresh_token.clone(),
        RefreshToken {
            origin_jti,
            retired: None,
        },
    );
    Ok((minted, Some(refresh_token)))
}

/// RFC 7636 4.6. Cognito does not force PKCE: a code issued without a challenge needs no verifier. AWS documents
/// no error for a failed check; `invalid_grant` is the RFC's.
fn proves(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(challenge), Some(verifier)) => {
            let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
            BASE64_URL_SAFE_NO_PAD.encode(digest) == challenge
        }
    }
}

fn refresh(
    shared: &Shared,
    keys: &KeyPairs,
    ArrivedAt(port): ArrivedAt,
    client: &Client,
    form: &Params,
) -> Answer {
    let token = form.value("refresh_token").ok_or(INVALID_REQUEST)?;
    // With rotation the flag has to be absent, and refreshing works all the same.
    if !client.refresh_allowed && client.rotation.is_none() {
        return Err(UNAUTHORIZED_CLIENT);
    }
    let now = shared.clock.unix();
    let mut state = shared.state();
    let known = state.refresh_tokens.get(token).ok_or(INVALID_GRANT)?;
    let origin_jti = known.origin_jti.clone();
    let in_grace = known.retired.is_none_or(|retired| {
        let grace = client.rotation.unwrap_or_default().as_secs();
        now < retired + grace
    });
    let grant = &state.grants[&origin_jti];
    let username = grant.username.clone();
    let record = |outcome| {
        if let Some(listener) = &shared.config.on_refresh {
            listener.call(&Refresh {
                port,
                username: username.clone(),
                presented: Fingerprint::of(token.as_bytes()),
                outcome,
            });
        }
    };
    let usable = in_grace
        && grant.client_id == client.id
        && now < grant.refresh_expires
        && state.is_active(&origin_jti);
    if !usable {
        record(RefreshOutcome::Refused);
        return Err(INVALID_GRANT);
    }
    // OpenID Connect Core 12.2: no nonce in a refreshed ID token.
    let minted = tokens::mint(shared, &state, keys, &origin_jti, None);
    let replacement = client.rotation.map(|_| {
        let replacement = tokens::refresh_token();
        if let Some(known) = state.refresh_tokens.get_mut(token) {
            known.retired.get_or_insert(now);
        }
        state.refresh_tokens.insert(
            replacement.clone(),
            RefreshToken {
                origin_jti,
                retired: None,
            },
        );
        replacement
    });
    record(
        replacement
            .as_ref()
            .map_or(RefreshOutcome::Renewed, |token| {
                RefreshOutcome::Rotated(Fingerprint::of(token.as_bytes()))
            }),
    );
    Ok((minted, replacement))
}
