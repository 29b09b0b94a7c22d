//! A profile: everything Keyfob must know of an organisation's pools, from one TOML file.

mod aws;
mod document;
mod error;
mod roles;
mod store;

pub use aws::{AuthFlow, AwsSettings, Bucket, IDENTITY_VARIABLE};
pub use document::ProfileDocument;
pub use error::ProfileError;
pub use store::{KnownProfile, Origin, ProfileStore, Profiles};

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use url::{Host, Url};

use crate::sign_in_request::SignInRequest;

/// What an access token must be good for to end all of a person's sessions (Cognito API reference,
/// `GlobalSignOut`).
pub(crate) const ADMIN_SCOPE: &str = "aws.cognito.signin.user.admin";

/// The most bytes a profile may have; a long one has about 2,000.
const MAX_BYTES: usize = 64 * 1024;

/// An organisation's user pool, app client, identity pool and API.
///
/// ```
/// let profile: cognito_client::Profile = r#"
///     name = "Example"
///     region = "eu-central-1"
///     issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
///     domain = "https://example.auth.eu-central-1.amazoncognito.com"
///     client_id = "1example23456789"
///     redirects = ["dev.keyfob.desktop://auth/callback"]
/// "#.parse()?;
/// assert_eq!(profile.scopes, ["openid", "email", "profile"]);
/// # Ok::<(), cognito_client::ProfileError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    /// What the person reads; unique among the profiles of a machine.
    pub name: String,
    /// The AWS Region of the identity pool and the services, such as `eu-central-1`.
    pub region: String,
    /// The user pool's issuer, exactly as its tokens' `iss` says it. Never derived from the pool ID,
    /// because a pool can have either of two issuers (Cognito guide, "Identity provider and relying
    /// party endpoints").
    pub issuer: Url,
    /// The root of the user pool's domain, where `/oauth2/authorize` is.
    pub domain: Url,
    /// The app client: public (no secret), authorization code grant.
    pub client_id: String,
    /// What is asked for; `openid` must be among them. Default: `openid email profile`.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The app client's callback URLs, byte for byte; the route of a sign-in decides which one is sent.
    pub redirects: Vec<Url>,
    /// The app client's sign-out URLs, byte for byte; the first is the one that is sent: the app's own
    /// scheme, or an `https` page that tells the person they are signed out. Without one the browser's
    /// own session is left alone at sign-out.
    #[serde(default)]
    pub sign_out_redirects: Vec<Url>,
    /// The app client's refresh token validity in days, 1 to 3650. Only for telling the person how
    /// long they stay signed in: Cognito tells a client nothing of it. Default: Cognito's own, 30.
    #[serde(default = "default_refresh_token_days")]
    pub refresh_token_days: u32,
    /// The identity pool (`REGION:GUID`) that gives AWS credentials; without it there are none.
    pub identity_pool_id: Option<String>,
    /// Where the organisation's API is; access tokens go there and nowhere else.
    pub api_base_url: Option<Url>,
    /// Lambda functions the app offers to invoke.
    #[serde(default)]
    pub functions: Vec<String>,
    /// Folders of S3 buckets the app shows.
    #[serde(default)]
    pub buckets: Vec<Bucket>,
    /// How AWS credentials are obtained.
    #[serde(default)]
    pub aws: AwsSettings,
    /// How people sign in, where the click does not say otherwise.
    #[serde(default)]
    pub sign_in: SignInRequest,
    /// Other addresses of AWS services: emulators, FIPS or private endpoints.
    #[serde(default)]
    pub endpoints: Endpoints,
}

/// Addresses that stand in for those the SDK would derive from the Region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Endpoints {
    /// Amazon Cognito user pools: where the keys of `issuer` are fetched, below the same path. The
    /// issuer in the tokens stays what it is, also with a FIPS endpoint.
    pub cognito_idp: Option<Url>,
    /// Amazon Cognito identity pools.
    pub cognito_identity: Option<Url>,
    /// AWS Security Token Service.
    pub sts: Option<Url>,
    /// AWS Lambda.
    pub lambda: Option<Url>,
    /// Amazon S3. Buckets are addressed by path below it.
    pub s3: Option<Url>,
}

impl Endpoints {
    /// The one that stands in for STS, Lambda and S3 alike, as an emulator's does.
    pub fn of_all(&self) -> Option<&Url> {
        let all = [&self.sts, &self.lambda, &self.s3];
        self.sts
            .as_ref()
            .filter(|_| all.iter().all(|one| **one == self.sts))
    }

    /// Whether STS, Lambda and S3 are where the SDKs look by themselves.
    pub fn are_aws(&self) -> bool {
        [&self.sts, &self.lambda, &self.s3]
            .iter()
            .all(|one| one.is_none())
    }
}

fn default_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

fn default_refresh_token_days() -> u32 {
    30
}

impl std::str::FromStr for Profile {
    type Err = ProfileError;

    fn from_str(toml: &str) -> Result<Self, ProfileError> {
        if let Some((byte, _)) = toml.char_indices().find(|(_, c)| misleads(*c)) {
            let place = place(toml, byte);
            return Err(ProfileError::Misleading { place });
        }
        let profile: Self = toml::from_str(toml).map_err(|error| ProfileError::Malformed {
            reason: match error.span() {
                // At the very start stands what is wrong with the whole file: a field is missing.
                Some(span) if span.start > 0 => {
                    format!("{}: {}", place(toml, span.start), error.message())
                }
                _ => error.message().to_owned(),
            },
        })?;
        profile.check()?;
        Ok(profile)
    }
}

impl Profile {
    /// Reads a profile from a TOML file.
    ///
    /// # Errors
    /// [`ProfileError`] says which file, which field, and what would be right.
    pub fn from_file(file: &Path) -> Result<Self, ProfileError> {
        text_of(file)?
            .parse()
            .map_err(|source| ProfileError::InFile {
                file: file.to_owned(),
                source: Box::new(source),
            })
    }

    /// The profile `cargo xtask demo` serves: the emulator on this machine.
    pub fn local_demo() -> Self {
        include_str!("local-demo.toml")
            .parse()
            .expect("the built-in profile is tested")
    }

    /// The first callback URL, which is sent unless another route is asked for.
    pub fn redirect(&self) -> &Url {
        &self.redirects[0]
    }

    /// Whether its sessions ask for what ending all of a person's sessions takes: the scope
    /// `aws.cognito.signin.user.admin`.
    pub fn can_sign_out_everywhere(&self) -> bool {
        self.scopes.iter().any(|scope| scope == ADMIN_SCOPE)
    }

    /// What names this profile's session in the keychain. By client, issuer and domain, so that renaming
    /// a profile keeps it and two profiles of one client share it; but no profile takes up a session
    /// whose refresh token it would send to another domain.
    pub fn session_key(&self) -> String {
        format!(
            "{} at {} via {}",
            self.client_id,
            self.issuer,
            host_and_port(&self.domain)
        )
    }

    /// A URL below the pool's domain.
    pub(crate) fn domain_url(&self, path: &str) -> Url {
        let mut url = self.domain.clone();
        url.set_path(path);
        url
    }

    fn check(&self) -> Result<(), ProfileError> {
        let wrong = |field, reason: String| Err(ProfileError::Field { field, reason });
        if self.name.trim().is_empty() || self.name.chars().count() > 128 {
            return wrong("name", "it must have 1 to 128 characters".into());
        }
        if self.name.chars().any(|c| c.is_control() || misleads(c)) {
            return wrong("name", "it must be one line of plain text".into());
        }
        if !matches_all(&self.region, |c| c.is_ascii_alphanumeric() || c == '-') {
            return wrong(
                "region",
                format!(
                    "`{}` is not an AWS Region such as eu-central-1",
                    self.region
                ),
            );
        }
        let urls = [
            ("issuer", Some(&self.issuer)),
            ("domain", Some(&self.domain)),
            ("api_base_url", self.api_base_url.as_ref()),
            ("endpoints.cognito_idp", self.endpoints.cognito_idp.as_ref()),
            (
                "endpoints.cognito_identity",
                self.endpoints.cognito_identity.as_ref(),
            ),
            ("endpoints.sts", self.endpoints.sts.as_ref()),
            ("endpoints.lambda", self.endpoints.lambda.as_ref()),
            ("endpoints.s3", self.endpoints.s3.as_ref()),
        ];
        for (field, url) in urls
            .into_iter()
            .filter_map(|(field, url)| Some((field, url?)))
        {
            if !is_https_or_loopback(url) {
                return wrong(
                    field,
                    format!(
                        "`{url}` must start with https:// (http:// only for this machine itself)"
                    ),
                );
            }
            let has_user = !url.username().is_empty() || url.password().is_some();
            if url.query().is_some() || url.fragment().is_some() || has_user {
                return wrong(
                    field,
                    format!("`{}` must have no user, query or fragment", host_of(url)),
                );
            }
        }
        if self.domain.path() != "/" {
            return wrong("domain", format!("`{}` must have no path", self.domain));
        }
        // [\w+]+, up to 128 (Cognito API reference, ClientIdType).
        if self.client_id.len() > 128
            || !matches_all(&self.client_id, |c| {
                c.is_ascii_alphanumeric() || c == '_' || c == '+'
            })
        {
            return wrong(
                "client_id",
                "it must be the app client's ID (letters and digits), not its name".into(),
            );
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return wrong(
                "scopes",
                "`openid` must be among them, or Cognito sends no ID token".into(),
            );
        }
        if self.redirects.is_empty() {
            return wrong("redirects", "at least one callback URL is needed".into());
        }
        if let Some(bad) = self.redirects.iter().find(|url| !is_redirect(url)) {
            return wrong(
                "redirects",
                format!(
                    "`{bad}` must use an app's own scheme, or http:// on 127.0.0.1, [::1] or localhost, and have no fragment"
                ),
            );
        }
        if let Err((field, reason)) = self.sign_in.check(self) {
            return wrong(field, reason);
        }
        if let Some((field, reason)) = (self.aws.check().err())
            .or_else(|| self.buckets.iter().find_map(|bucket| bucket.check().err()))
        {
            return wrong(field, reason);
        }
        let is_sign_out = |url: &Url| is_redirect(url) || url.scheme() == "https";
        if let Some(bad) = self.sign_out_redirects.iter().find(|url| !is_sign_out(url)) {
            return wrong(
                "sign_out_redirects",
                format!("`{bad}` must use an app's own scheme or https://"),
            );
        }
        if !(1..=3650).contains(&self.refresh_token_days) {
            return wrong("refresh_token_days", "it must be between 1 and 3650".into());
        }
        if let Some(id) = &self.identity_pool_id {
            // [\w-]+:[0-9a-f-]+, up to 55 (Cognito identity API reference, IdentityPoolId).
            let (region, guid) = id.split_once(':').unwrap_or_default();
            if id.len() > 55
                || guid.is_empty()
                || !matches_all(guid, |c| c.is_ascii_hexdigit() || c == '-')
            {
                return wrong(
                    "identity_pool_id",
                    format!(
                        "`{id}` must look like {}:GUID (the ID, not the name)",
                        self.region
                    ),
                );
            }
            if region != self.region {
                return wrong(
                    "identity_pool_id",
                    format!(
                        "`{id}` is in another Region than `region` ({})",
                        self.region
                    ),
                );
            }
        }
        Ok(())
    }
}

/// The text of a file that may be a profile.
fn text_of(file: &Path) -> Result<String, ProfileError> {
    let unreadable = |error: std::io::Error| ProfileError::Unreadable {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    // A pipe or a device would never end.
    if !std::fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::other("it is not a file")));
    }
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| {
            file.take(MAX_BYTES as u64 + 1)
                .read_to_string(&mut text)
                .map(|_| ())
        })
        .map_err(unreadable)?;
    if text.len() > MAX_BYTES {
        return Err(ProfileError::InFile {
            file: file.to_owned(),
            source: Box::new(ProfileError::TooLarge),
        });
    }
    Ok(text)
}

/// Where a byte of the file is, as editors count.
fn place(toml: &str, byte: usize) -> String {
    let before = toml.get(..byte).unwrap_or(toml);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let text = toml[start..].lines().next().unwrap_or_default();
    let place = format!(
        "line {}, column {}",
        before.matches('\n').count() + 1,
        before[start..].chars().count() + 1,
    );
    // No value: the field that is not known may be a client's secret.
    match text.split_once('=') {
        Some((key, _)) if key.len() <= 40 && matches_all(key, is_of_a_key) => {
            format!("{place} (`{}`)", key.trim())
        }
        _ => place,
    }
}

fn is_of_a_key(c: char) -> bool {
    c.is_ascii_lowercase() || matches!(c, '_' | '.' | '"' | '\'' | ' ')
}

/// Whether a text with this character may look other than it is: lines or directions that are none
/// (Unicode TR 36, §2.7; UAX 9, "Explicit directional formatting").
fn misleads(c: char) -> bool {
    match c {
        '\t' | '\r' | '\n' => false,
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

fn matches_all(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}

fn host_and_port(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Whether an address is fit to send secrets to.
pub(crate) fn is_https_or_loopback(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A private-use scheme (RFC 8252 §7.1) or loopback (§7.3).
fn is_redirect(url: &Url) -> bool {
    let fits = match url.scheme() {
        "http" => is_loopback(url) && url.port() != Some(0),
        "https" | "file" | "data" | "javascript" | "ftp" | "ws" | "wss" => false,
        _ => true,
    };
    fits && url.fragment().is_none()
}
