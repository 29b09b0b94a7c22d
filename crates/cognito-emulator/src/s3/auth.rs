//! Who may come in: what S3 says of credentials before it looks at the signature, which s3s checks afterwards.
//!
//! s3s knows neither session tokens nor this emulator's clock. It would also take signatures of version 2, which are
//! kept from it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use std::{collections::HashMap, sync::Arc};

use axum::http::{HeaderMap, StatusCode, Uri, header};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    auth::{S3Auth, SecretKey},
    s3_error,
};

use super::access::Caller;
use crate::{sigv4::unix_of, state::Shared};

const SKEW_SECONDS: u64 = 15 * 60;
/// A presigned URL lives a week at most.
const MAX_EXPIRES: u64 = 604_800;

/// How a request is signed, if it is.
pub(crate) struct Signed<'a> {
    /// `KEY/DATE/REGION/s3/aws4_request`.
    credential: String,
    date: Option<String>,
    token: Option<String>,
    /// `X-Amz-Expires` of a presigned URL.
    expires: Option<String>,
    signed_headers: String,
    headers: &'a HeaderMap,
    twice: bool,
}

impl<'a> Signed<'a> {
    /// `None` for everything that is not signed for S3.
    pub(crate) fn parse(uri: &Uri, headers: &'a HeaderMap) -> Option<Self> {
        let query = uri.query().unwrap_or_default();
        let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let for_s3 = |credential: &String| credential.ends_with("/s3/aws4_request");
        let authorization = text(header::AUTHORIZATION.as_str());
        let field = |name: &str| {
            let fields = authorization.as_deref()?.strip_prefix("AWS4-HMAC-SHA256")?;
            let mut fields = fields.split(',').map(str::trim);
            let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            value.map(str::to_owned)
        };
        let in_query = query.get("X-Amz-Credential").cloned().filter(for_s3);
        let in_header = field("Credential").filter(for_s3);
        let twice = in_header.is_some() && query.contains_key("X-Amz-Signature")
            || query.contains_key("Signature")
            || query.contains_key("AWSAccessKeyId");
        if let Some(credential) = in_header {
            return Some(Self {
                credential,
                date: text("x-amz-date"),
                token: text("x-amz-security-token"),
                expires: None,
                signed_headers: field("SignedHeaders").unwrap_or_default(),
                headers,
                twice,
            });
        }
        let query = |name: &str| query.get(name).cloned();
        Some(Self {
            credential: in_query?,
            date: query("X-Amz-Date"),
            token: query("X-Amz-Security-Token").or_else(|| text("x-amz-security-token")),
            expires: Some(query("X-Amz-Expires").unwrap_or_default()),
            signed_headers: query("X-Amz-SignedHeaders").unwrap_or_default(),
            headers,
            twice: twice || authorization.is_some(),
        })
    }

    /// Whose credentials these are, if they are good.
    pub(crate) fn admit(&self, shared: &Shared) -> S3Result<Caller> {
        if self.twice {
            return Err(s3_error!(
                InvalidArgument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified"
            ));
        }
        let [access_key, date, region, _, _] = self.credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(malformed(
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ));
        };
        let expected = &shared.config.region;
        if region != expected {
            return Err(malformed(&format!(
                "the region '{region}' is wrong; expecting '{expected}'"
            )));
        }
        let credentials = shared
            .state()
            .identities
            .credentials
            .get(access_key)
            .cloned();
        let credentials = credentials.ok_or_else(unknown_key)?;
        if self.token.as_deref() != Some(&credentials.session_token) {
            return Err(s3_error!(
                InvalidToken,
                "The provided token is malformed or otherwise invalid."
            ));
        }
        let now = shared.clock.unix();
        if now >= credentials.expires {
            return Err(s3_error!(ExpiredToken, "The provided token has expired."));
        }
        let signed_at = self
            .date
            .as_deref()
            .filter(|signed_at| signed_at.starts_with(date));
        let signed_at = signed_at.and_then(unix_of).ok_or_else(|| {
            s3_error!(
                AccessDenied,
                "AWS authentication requires a valid Date or x-amz-date header"
            )
        })?;
        match &self.expires {
            None => {
                if signed_at.abs_diff(now) > SKEW_SECONDS {
                    return Err(s3_error!(
                        RequestTimeTooSkewed,
                        "The difference between the request time and the current time is too large."
                    ));
                }
                self.check_headers()?;
            }
            Some(expires) => {
                let lifetime = expires
                    .parse()
                    .ok()
                    .filter(|seconds| *seconds <= MAX_EXPIRES);
                let lifetime: u64 = lifetime.ok_or_else(|| {
                    with_status(
                        "AuthorizationQueryParametersError",
                        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
                         less than 604800 seconds",
                        StatusCode::BAD_REQUEST,
                    )
                })?;
                if signed_at > now + SKEW_SECONDS {
                    return Err(s3_error!(AccessDenied, "Request is not yet valid"));
                }
                if now >= signed_at + lifetime {
                    return Err(s3_error!(AccessDenied, "Request has expired"));
                }
            }
        }
        Ok(Caller {
            access_key: access_key.to_owned(),
            principal: credentials.principal,
        })
    }

    /// What is not signed could have been added by anybody.
    fn check_headers(&self) -> S3Result<()> {
        let signed: Vec<_> = self.signed_headers.split(';').collect();
        let must = |name: &str| name == "host" || name.starts_with("x-amz-");
        let mut names = self.headers.keys().map(axum::http::HeaderName::as_str);
        match names.find(|name| must(name) && !signed.contains(name)) {
            None => Ok(()),
            Some(_) => Err(s3_error!(
                AccessDenied,
                "There were headers present in the request which were not signed"
            )),
        }
    }
}

fn malformed(what: &str) -> S3Error {
    with_status(
        "AuthorizationHeaderMalformed",
        &format!("The authorization header is malformed; {what}"),
        StatusCode::BAD_REQUEST,
    )
}

fn with_status(code: &str, message: &str, status: StatusCode) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InvalidRequest);
    let mut error = S3Error::with_message(code, message.to_owned());
    error.set_status_code(status);
    error
}

fn unknown_key() -> S3Error {
    s3_error!(
        InvalidAccessKeyId,
        "The AWS Access Key Id you provided does not exist in our records."
    )
}

/// The secret keys, for s3s.
pub(crate) struct SecretKeys(pub(crate) Arc<Shared>);

#[async_trait::async_trait]
impl S3Auth for SecretKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let state = self.0.state();
        let credentials = state.identities.credentials.get(access_key);
        let credentials = credentials.ok_or_else(unknown_key)?;
        Ok(SecretKey::from(credentials.secret_key.clone()))
    }
}
