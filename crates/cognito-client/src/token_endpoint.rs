//! The token and revocation endpoints, and what their answers mean.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields, RedirectUrl, RequestTokenError,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::authorization::Accepted;
use crate::error::{Error, OAuthErrorCode, TransientCause, presentable};
use crate::profile::Profile;
use crate::tokens::{AccessToken, IdToken, RefreshToken};

/// The most bytes read of any answer; a full set of tokens has about 5,000.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The member OpenID Connect adds to a token reply (Core §3.1.3.3). The `oauth2` crate asks for `Debug`
/// and `Serialize`; neither is ever used.
#[derive(Debug, Deserialize, Serialize)]
struct OpenIdFields {
    id_token: Option<String>,
}

impl ExtraTokenFields for OpenIdFields {}

type OAuthReply = StandardTokenResponse<OpenIdFields, BasicTokenType>;
/// A client that reads Cognito's reply, with a token endpoint or not yet.
type OAuthClient<Token = EndpointNotSet> = oauth2::Client<
    BasicErrorResponse,
    OAuthReply,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

/// The app client's side of its user pool.
pub(crate) struct TokenEndpoint {
    oauth: OAuthClient<EndpointSet>,
    /// How long one request may take.
    patience: Duration,
    client_id: String,
    token_url: Url,
    revocation_url: Url,
}

/// What the token endpoint grants.
pub(crate) struct Reply {
    pub(crate) access: AccessToken,
    pub(crate) id: Option<IdToken>,
    /// Absent from a refresh without rotation: the old one stays.
    pub(crate) refresh: Option<RefreshToken>,
    /// The access token's lifetime.
    pub(crate) expires_in: Option<Duration>,
    /// The server's `Date`.
    pub(crate) server_time: Option<SystemTime>,
}

/// What is known of an HTTP answer beside its body.
#[derive(Clone, Copy, Default)]
struct Seen {
    status: Option<u16>,
    date: Option<SystemTime>,
}

/// Carries one request of the `oauth2` crate over our HTTP client, which follows no redirects.
struct Transport<'a> {
    http: &'a reqwest::Client,
    patience: Duration,
    seen: Mutex<Seen>,
}

impl<'a> Transport<'a> {
    fn new(http: &'a reqwest::Client, patience: Duration) -> Self {
        Self {
            http,
            patience,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().expect("nobody panics holding it")
    }
}

impl<'c> oauth2::AsyncHttpClient<'c> for Transport<'_> {
    type Error = reqwest::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut request = reqwest::Request::try_from(request)?;
            *request.timeout_mut() = Some(self.patience);
            let mut response = self.http.execute(request).await?;
            *self.seen.lock().expect("nobody panics holding it") = Seen {
                status: Some(response.status().as_u16()),
                date: date(response.headers()),
            };
            let mut answer = oauth2::http::Response::new(read_bounded(&mut response).await?);
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            Ok(answer)
        })
    }
}

impl TokenEndpoint {
    pub(crate) fn new(profile: &Profile, patience: Duration) -> Self {
        let token_url = profile.domain_url("/oauth2/token");
        // A public client: `client_id` in the body and no Authorization header (RFC 6749 §3.2.1).
        let oauth = OAuthClient::new(ClientId::new(profile.client_id.clone()))
            .set_token_uri(TokenUrl::from_url(token_url.clone()));
        Self {
            oauth,
            patience,
            client_id: profile.client_id.clone(),
            token_url,
            revocation_url: profile.domain_url("/oauth2/revoke"),
        }
    }

    /// Redeems an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5).
    pub(crate) async fn exchange(
        &self,
        http: &reqwest::Client,
        accepted: Accepted,
    ) -> Result<Reply, Error> {
        let transport = Transport::new(http, self.patience);
        let redirect = accepted.redirect;
        let result = self
            .oauth
            .exchange_code(accepted.code)
            .set_pkce_verifier(accepted.verifier)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())))
            .request_async(&transport)
            .await;
        self.reply(result, transport.seen(), Some(&redirect))
    }

    /// Obtains new tokens (RFC 6749 §6).
    pub(crate) async fn refresh(
        &self,
        http: &reqwest::Client,
        token: &RefreshToken,
    ) -> Result<Reply, Error> {
        let transport = Transport::new(http, self.patience);
        let result = self
            .oauth
            .exchange_refresh_token(&oauth2::RefreshToken::new(token.expose().to_owned()))
            .request_async(&transport)
            .await;
        self.reply(result, transport.seen(), None)
    }

    /// Revokes a refresh token and all that came of it (RFC 7009; Cognito guide, "Revoke endpoint").
    /// By hand, because the `oauth2` crate refuses the `http` of an emulator and sends a
    /// `token_type_hint` that Cognito does not document.
    pub(crate) async fn revoke(
        &self,
        http: &reqwest::Client,
        token: &RefreshToken,
    ) -> Result<(), Error> {
        let form = [("token", token.expose()), ("client_id", &self.client_id)];
        let url = &self.revocation_url;
        let mut response = http
            .post(url.clone())
            .timeout(self.patience)
            .form(&form)
            .send()
            .await
            .map_err(|error| unanswered(url, &error))?;
        let body = read_bounded(&mut response)
            .await
            .map_err(|error| unanswered(url, &error))?;
        match response.status().as_u16() {
            // Cognito's own has no body; a network's log-in page has, and has revoked nothing.
            _ if is_html(&body) => Err(Error::transient(url, TransientCause::NotTheService)),
            200 => Ok(()),
            400 | 401 => Err(Error::Configuration {
                problem: "the user pool does not let this app client revoke its tokens".into(),
                remedy: "Ask your administrator to enable token revocation on the app client."
                    .into(),
            }),
            status => Err(Error::transient(url, status.into())),
        }
    }

    /// What an answer with this body would mean.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn read(&self, status: u16, body: &[u8]) -> Result<Reply, Error> {
        let http = |_: oauth2::HttpRequest| -> Result<oauth2::HttpResponse, reqwest::Error> {
            let mut answer = oauth2::http::Response::new(body.to_vec());
            *answer.status_mut() = status.try_into().expect("a status");
            Ok(answer)
        };
        let token = oauth2::RefreshToken::new(String::new());
        let result = self.oauth.exchange_refresh_token(&token).request(&http);
        let seen = Seen {
            status: Some(status),
            date: None,
        };
        self.reply(result, seen, None)
    }

    fn reply(
        &self,
        result: Result<OAuthReply, RequestTokenError<reqwest::Error, BasicErrorResponse>>,
        Seen { status, date }: Seen,
        redirect: Option<&Url>,
    ) -> Result<Reply, Error> {
        let error = match result {
            Ok(reply) => {
                return Ok(Reply {
                    access: AccessToken::new(reply.access_token().secret()),
                    id: reply.extra_fields().id_token.as_deref().map(IdToken::new),
                    refresh: reply
                        .refresh_token()
                        .map(|token| RefreshToken::new(token.secret())),
                    expires_in: reply.expires_in(),
                    server_time: date,
                });
            }
            Err(error) => error,
        };
        let transient = |cause| Err(Error::transient(&self.token_url, cause));
        match (error, status) {
            (RequestTokenError::Request(error), _) => Err(unanswered(&self.token_url, &error)),
            (_, Some(status)) if status == 429 || status >= 500 || (300..400).contains(&status) => {
                transient(status.into())
            }
            (RequestTokenError::ServerResponse(response), _) => {
                let code = OAuthErrorCode::from(response.error().as_ref());
                let description = response
                    .error_description()
                    .and_then(|text| presentable(text));
                Err(self.refusal(code, description, redirect))
            }
            // The bytes that do not parse may hold tokens: they end here.
            (RequestTokenError::Parse(..) | RequestTokenError::Other(_), _) => {
                transient(TransientCause::NotTheService)
            }
        }
    }

    /// What a `400` of the token endpoint says (Cognito guide, "Token endpoint").
    fn refusal(
        &self,
        code: OAuthErrorCode,
        description: Option<String>,
        redirect: Option<&Url>,
    ) -> Error {
        let client_id = &self.client_id;
        match (code, description.as_deref(), redirect) {
            (OAuthErrorCode::InvalidClient, ..) => Error::Configuration {
                problem: format!("the user pool does not know the app client {client_id} as a public client"),
                remedy: "Ask your administrator to check the profile's `client_id`, and that the app client has no client secret; a secret cannot be removed, so one with a secret must be replaced by a new one.".into(),
            },
            (OAuthErrorCode::UnauthorizedClient, Some("invalid_redirect"), Some(redirect)) => Error::Configuration {
                problem: "the user pool refused the callback URL".into(),
                remedy: format!("Ask your administrator to register exactly {redirect} with the app client {client_id}."),
            },
            (OAuthErrorCode::UnauthorizedClient, ..) => Error::Configuration {
                problem: format!("the app client {client_id} may not use the authorization code grant or refresh tokens"),
                remedy: "Ask your administrator to turn on the authorization code grant for the app client, and ALLOW_REFRESH_TOKEN_AUTH unless refresh token rotation is on.".into(),
            },
            _ => Error::Rejected { code, description },
        }
    }
}

/// What a request without an answer means.
pub(crate) fn unanswered(url: &Url, error: &reqwest::Error) -> Error {
    Error::transient(
        url,
        if error.is_timeout() {
            TransientCause::Timeout
        } else {
            TransientCause::Unreachable
        },
    )
}

/// A body up to [`MAX_BODY_BYTES`]; what follows is not read.
pub(crate) async fn read_bounded(
    response: &mut reqwest::Response,
) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_BODY_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    Ok(body)
}

/// Whether an answer is a page, where none was asked for.
pub(crate) fn is_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn date(headers: &reqwest::header::HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(reqwest::header::DATE)?.to_str().ok()?).ok()
}
