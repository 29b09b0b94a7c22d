//! `GET /oauth2/authorize`, and the rules for its parameters, which the interactive pages share.
//!
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html>

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    config::{Client, OAuthFlow},
    cookies,
    params::{Params, encode, with_query},
    random,
    state::{AuthorizationCode, BROWSER_SESSION_SECONDS, Grant, Shared, State as Data},
    tokens,
};

/// An authorization code is valid for five minutes.
const CODE_SECONDS: u64 = 300;

/// The languages managed login is translated into.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-managed-login.html>
const LANGUAGES: [&str; 12] = [
    "de", "en", "es", "fr", "id", "it", "ja", "ko", "nl", "pt-BR", "zh-CN", "zh-TW",
];

/// A request whose every parameter passed.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) flow: OAuthFlow,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: Option<String>,
    /// The user name the sign-in page shows at first.
    pub(crate) login_hint: Option<String>,
    /// One of [`LANGUAGES`], which the browser remembers. The pages themselves are in English.
    pub(crate) lang: Option<&'static str>,
    /// RFC 8707: becomes the access token's `aud`.
    pub(crate) resource: Option<String>,
    prompts: Vec<String>,
}

/// Where a refused request is sent: to the client, or, when that cannot be trusted, to Cognito's own page.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        found(&self.0)
    }
}

/// 302, which is what Cognito uses everywhere.
pub(crate) fn found(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

pub(crate) fn error_page(error: &str, client_id: Option<&str>) -> String {
    let mut pairs = vec![("error", error)];
    pairs.extend(client_id.map(|id| ("client_id", id)));
    with_query("/error", &pairs)
}

pub(crate) async fn authorize(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match AuthorizationRequest::read(&shared, &Params::parse(query.as_bytes())) {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let session = cookies::value(&headers, "cognito").and_then(|cookie| {
        let state = shared.state();
        let session = state.browsers.get(cookie)?;
        let live = shared.clock.unix() < session.auth_time + BROWSER_SESSION_SECONDS;
        let enabled = state
            .user(&session.username)
            .is_some_and(|user| user.enabled);
        (live && enabled).then(|| (session.username.clone(), session.auth_time))
    });
    match session {
        Some((username, auth_time)) if !request.asks_for("login") => {
            found(&request.grant(&shared, &username, auth_time).await)
        }
        None if request.asks_for("none") => request.refuse("login_required", None).into_response(),
        _ => found(&format!("/login?{query}")),
    }
}

impl AuthorizationRequest {
    /// Checks every parameter, first those that decide where a refusal may be sent.
    pub(crate) fn read(shared: &Shared, params: &Params) -> Result<Self, Refusal> {
        let client_id = params.value("client_id");
        let mismatch = || Refusal(error_page("redirect_mismatch", client_id));
        let client = client_id
            .and_then(|id| shared.config.find_client(id))
            .filter(|_| !params.is_repeated("client_id") && !params.is_repeated("redirect_uri"))
            .ok_or_else(mismatch)?;
        let redirect_uri = match (params.value("redirect_uri"), &client.callback_urls[..]) {
            (Some(uri), known) if known.iter().any(|url| url == uri) => uri,
            (None, [only]) => only,
            _ => return Err(mismatch()),
        };
        let mut request = Self {
            client_id: client.id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            flow: OAuthFlow::Code,
            scopes: Vec::new(),
            state: params.value("state").map(str::to_owned),
            nonce: params.value("nonce").map(str::to_owned),
            code_challenge: None,
            login_hint: params.value("login_hint").map(str::to_owned),
            lang: LANGUAGES
                .into_iter()
                .find(|lang| params.value("lang") == Some(lang)),
            resource: params.value("resource").map(str::to_owned),
            prompts: params
                .value("prompt")
                .map(|prompts| prompts.split(' ').map(str::to_owned).collect())
                .unwrap_or_default(),
        };
        if let Err((error, description)) = request.fill(shared, client, params) {
            return Err(request.refuse(error, description));
        }
        Ok(request)
    }

    fn fill(
        &mut self,
        shared: &Shared,
        client: &Client,
        params: &Params,
    ) -> Result<(), (&'static str, Option<&'static str>)> {
        const INVALID: (&str, Option<&str>) = ("invalid_request", None);
        let known = [
            "response_type",
            "scope",
            "state",
            "nonce",
            "prompt",
            "login_hint",
            "lang",
            "resource",
            "code_challenge",
            "code_challenge_method",
            "identity_provider",
            "idp_identifier",
        ];
        // RFC 6749 3.1: parameters must not be included more than once.
        if known.iter().any(|name| params.is_repeated(name)) {
            return Err(INVALID);
        }
        self.flow = match params.value("response_type") {
            Some("code") => OAuthFlow::Code,
            Some("token") => OAuthFlow::Implicit,
            _ => return Err(INVALID),
        };
        if !client.allowed_flows.contains(&self.flow) {
            return Err(("unauthorized_client", None));
        }
        // This pool has no identity provider but itself.
        if params.value("idp_identifier").is_some()
            || params
                .value("identity_provider")
                .is_some_and(|name| name != "COGNITO")
        {
            return Err(INVALID);
        }
        let known = ["none", "login", "select_account", "consent"];
        let is_known = |prompt: &String| known.contains(&prompt.as_str());
        // OpenID Connect Core 3.1.2.1: `none` with another value is an error.
        let alone = self.prompts.len() == 1 || !self.asks_for("none");
        if !self.prompts.iter().all(is_known) || !alone {
            return Err(INVALID);
        }
        if !self.resource.as_deref().is_none_or(is_resource) {
            return Err(INVALID);
        }
        self.code_challenge = match (
            params.value("code_challenge"),
            params.value("code_challenge_method"),
        ) {
            (None, None) => None,
            (Some(challenge), Some("S256")) if is_s256(challenge) => Some(challenge.to_owned()),
            _ => return Err(INVALID),
        };
        self.scopes = match params.value("scope") {
            None => client.scopes.iter().cloned().collect(),
            Some(scope) => {
                let asked: Vec<_> = scope.split(' ').map(str::to_owned).collect();
                let has = |name: &str| asked.iter().any(|scope| scope == name);
                let allowed = asked.iter().all(|scope| client.scopes.contains(scope));
                let needs_openid = has("email") || has("phone") || has("profile");
                if !allowed || (needs_openid && !has("openid")) {
                    return Err(if shared.config.scope_errors_as_observed {
                        ("invalid_request", Some("invalid_scope"))
                    } else {
                        ("invalid_scope", None)
                    });
                }
                asked
            }
        };
        Ok(())
    }

    fn asks_for(&self, prompt: &str) -> bool {
        self.prompts.iter().any(|value| value == prompt)
    }

    fn refuse(&self, error: &str, description: Option<&str>) -> Refusal {
        let mut pairs = Vec::new();
        pairs.extend(description.map(|text| ("error_description", text)));
        pairs.push(("error", error));
        pairs.extend(self.state.as_deref().map(|state| ("state", state)));
        Refusal(with_query(&self.redirect_uri, &pairs))
    }

    /// Where the browser goes once this user has agreed: back to the client, with a code or with tokens.
    pub(crate) async fn grant(&self, shared: &Shared, username: &str, auth_time: u64) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        match self.flow {
            OAuthFlow::Code => {
                let code = random::authorization_code();
                let now = shared.clock.unix();
                let mut data = shared.state();
                data.codes.retain(|_, code| now < code.expires);
                data.codes.insert(
                    code.clone(),
                    AuthorizationCode {
                        request: self.clone(),
                        username: username.to_owned(),
                        auth_time,
                        expires: now + CODE_SECONDS,
                    },
                );
                let mut pairs = vec![("code", code.as_str())];
                pairs.extend(state);
                with_query(&self.redirect_uri, &pairs)
            }
            OAuthFlow::Implicit => {
                let keys = shared.keys.current().await;
                let mut data = shared.state();
                let origin_jti = self.open_grant(shared, &mut data, username, auth_time);
                let minted = tokens::mint(shared, &data, &keys, &origin_jti, self.nonce.as_deref());
                let expires_in = minted.expires_in.to_string();
                let mut pairs = Vec::new();
                pairs.extend(minted.id.as_deref().map(|token| ("id_token", token)));
                pairs.extend([
                    ("access_token", minted.access.as_str()),
                    ("token_type", "bearer"),
                    ("expires_in", expires_in.as_str()),
                ]);
                pairs.extend(state);
                format!("{}#{}", self.redirect_uri, encode(&pairs))
            }
        }
    }

    /// Starts the session that `origin_jti` names.
    pub(crate) fn open_grant(
        &self,
        shared: &Shared,
        data: &mut Data,
        username: &str,
        auth_time: u64,
    ) -> String {
        let client = shared
            .config
            .find_client(&self.client_id)
            .expect("checked when the request was read");
        let origin_jti = random::uuid();
        data.grants.insert(
            origin_jti.clone(),
            Grant {
                client_id: self.client_id.clone(),
                username: username.to_owned(),
                scopes: self.scopes.clone(),
                resource: self.resource.clone(),
                auth_time,
                refresh_expires: shared.clock.unix() + client.refresh_token_validity.as_secs(),
                revoked: false,
            },
        );
        origin_jti
    }

    /// For the page's `form-action`: Chromium applies it to the redirect that answers a form, too.
    pub(crate) fn redirect_source(&self) -> String {
        match url::Url::parse(&self.redirect_uri) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                url.origin().ascii_serialization()
            }
            Ok(url) => format!("{}:", url.scheme()),
            Err(_) => "'none'".to_owned(),
        }
    }
}

/// One absolute URL without a fragment (RFC 8707 2): `https`, `http://localhost` or an own scheme.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html>
fn is_resource(resource: &str) -> bool {
    url::Url::parse(resource).is_ok_and(|url| {
        let fits = url.scheme() != "http" || url.host_str() == Some("localhost");
        fits && url.fragment().is_none()
    })
}

/// RFC 7636 4.2: base64url of a SHA-256 digest.
fn is_s256(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
