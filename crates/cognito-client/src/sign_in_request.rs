//! What a sign-in asks for, beside what every sign-in with a profile does.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::profile::{Profile, is_loopback};

/// How a sign-in goes: what is `None` is as the profile's `[sign_in]` table says, and what that leaves
/// out is as the user pool does it by itself.
///
/// The parameters and their values are those of Cognito's authorize endpoint (Cognito guide, "Authorize
/// endpoint").
///
/// ```
/// use cognito_client::{Prompt, SignInRequest};
///
/// let as_another_user = SignInRequest { prompt: Some(Prompt::Login), ..Default::default() };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInRequest {
    /// How the answer comes back. By default the profile's redirects are tried in their order.
    pub route: Option<Route>,
    /// What the page must do, or must not.
    pub prompt: Option<Prompt>,
    /// The user name the page shows at first; it is also handed on to an OpenID Connect identity provider.
    pub login_hint: Option<String>,
    /// The page's language: `de`, `en`, `es`, `fr`, `id`, `it`, `ja`, `ko`, `nl`, `pt-BR`, `zh-CN` or `zh-TW`.
    pub lang: Option<String>,
    /// The identity provider to go to without asking: its name in the user pool, such as `Google`, or
    /// `COGNITO` for the pool's own users.
    pub identity_provider: Option<String>,
    /// The API the access token is for, as a URL (RFC 8707 §2); it becomes the token's `aud`.
    pub resource: Option<String>,
}

/// How the browser's answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// The browser opens the app by the app's own scheme (RFC 8252 §7.1).
    App,
    /// The browser asks this computer at one of the profile's few fixed ports (RFC 8252 §7.3), where
    /// the session listens while the sign-in waits.
    Loopback,
    /// The person copies the address the browser ends at, and it is given to
    /// [`complete_pasted`](crate::Session::complete_pasted): for a computer without a browser.
    Paste,
}

/// What the user pool's page must do (OpenID Connect Core §3.1.2.1, as far as Cognito goes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Ask nothing: whoever is not signed in in the browser is refused with `login_required`.
    None,
    /// Ask for the password although the browser is signed in, as one does to change users.
    Login,
    /// Handed on to an identity provider, which lets the person choose an account.
    SelectAccount,
    /// Handed on to an identity provider, which asks the person to agree again.
    Consent,
}

/// The languages of Cognito's managed login (Cognito guide, "Managed login").
const LANGUAGES: [&str; 12] = [
    "de", "en", "es", "fr", "id", "it", "ja", "ko", "nl", "pt-BR", "zh-CN", "zh-TW",
];

impl Prompt {
    fn value(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::SelectAccount => "select_account",
            Self::Consent => "consent",
        }
    }
}

impl SignInRequest {
    /// This, and from `defaults` what this leaves open.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        Self {
            route: self.route.or(defaults.route),
            prompt: self.prompt.or(defaults.prompt),
            login_hint: self.login_hint.or_else(|| defaults.login_hint.clone()),
            lang: self.lang.or_else(|| defaults.lang.clone()),
            identity_provider: self
                .identity_provider
                .or_else(|| defaults.identity_provider.clone()),
            resource: self.resource.or_else(|| defaults.resource.clone()),
        }
    }

    /// What of it the authorize endpoint is told.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("prompt", self.prompt.map(Prompt::value)),
            ("login_hint", self.login_hint.as_deref()),
            ("lang", self.lang.as_deref()),
            ("identity_provider", self.identity_provider.as_deref()),
            ("resource", self.resource.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Whether this profile can do it: the field that is wrong, and what would be right.
    pub(crate) fn check(&self, profile: &Profile) -> Result<(), (&'static str, String)> {
        if let Some(route) = self.route
            && !profile.routes().contains(&route)
        {
            return Err(("sign_in.route", route.missing().into()));
        }
        if let Some(hint) = &self.login_hint
            && !is_text(hint, 256)
        {
            return Err((
                "sign_in.login_hint",
                "it must be a user name or e-mail address of at most 256 characters".into(),
            ));
        }
        if let Some(lang) = &self.lang
            && !LANGUAGES.contains(&lang.as_str())
        {
            return Err((
                "sign_in.lang",
                format!("`{lang}` is none of {}", LANGUAGES.join(", ")),
            ));
        }
        // Up to 32 characters (Cognito API reference, CreateIdentityProvider, ProviderName).
        if let Some(provider) = &self.identity_provider
            && !is_text(provider, 32)
        {
            return Err((
                "sign_in.identity_provider",
                "it must be the identity provider's name in the user pool, or COGNITO".into(),
            ));
        }
        if let Some(resource) = &self.resource
            && !is_resource(resource)
        {
            return Err((
                "sign_in.resource",
                format!(
                    "`{resource}` must be one whole URL without a fragment: https://, http://localhost, or an own scheme"
                ),
            ));
        }
        Ok(())
    }
}

impl Route {
    /// What a profile without this route lacks.
    pub(crate) fn missing(self) -> &'static str {
        match self {
            Self::App => {
                "`redirects` has no callback URL with the app's own scheme, such as dev.keyfob.desktop://auth/callback"
            }
            Self::Loopback => {
                "`redirects` has no callback URL on this machine, such as http://127.0.0.1:8915/callback"
            }
            Self::Paste => "`redirects` has no callback URL",
        }
    }
}

impl Profile {
    /// The routes this profile's redirects allow.
    pub fn routes(&self) -> Vec<Route> {
        let mut routes = Vec::new();
        if self.redirects.iter().any(|url| !is_loopback(url)) {
            routes.push(Route::App);
        }
        if self.redirects.iter().any(is_loopback) {
            routes.push(Route::Loopback);
        }
        routes.push(Route::Paste);
        routes
    }

    /// The ways back of a route, best first; without a route, those of all redirects in their order.
    pub(crate) fn ways_back(&self, route: Option<Route>) -> Vec<(Route, &Url)> {
        let redirects = self.redirects.iter();
        match route {
            // A browser that reaches nobody at this computer shows the address that is to be copied; one
            // that cannot open an app shows nothing.
            Some(Route::Paste) => {
                let loopback = self.redirects.iter().find(|url| is_loopback(url));
                let best = loopback.or(self.redirects.first());
                best.map(|url| (Route::Paste, url)).into_iter().collect()
            }
            _ => redirects
                .map(|url| {
                    if is_loopback(url) {
                        (Route::Loopback, url)
                    } else {
                        (Route::App, url)
                    }
                })
                .filter(|(found, _)| route.is_none_or(|route| route == *found))
                .collect(),
        }
    }
}

fn is_text(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// RFC 8707 §2: an absolute URI without a fragment; of those, what Cognito takes (Cognito guide, "Scopes,
/// M2M, and resource servers").
fn is_resource(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let fits = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => url.host() == Some(Host::Domain("localhost")),
        "file" | "data" | "javascript" | "ftp" | "ws" | "wss" => false,
        _ => true,
    };
    fits && url.fragment().is_none()
        && text.len() <= 2048
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
