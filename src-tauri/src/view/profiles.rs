//! Profiles, as far as they are shown.

use cognito_client::Profile;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use url::Url;

use super::StateView;

/// A profile, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProfileView {
    /// Its name.
    pub name: String,
    /// The user pool.
    pub issuer: String,
    /// The callback URL.
    pub redirect: String,
    /// The ways an answer can come back to Keyfob, the first by default.
    pub routes: Vec<Route>,
    /// Whether the person's other sessions can be ended from here.
    pub can_sign_out_everywhere: bool,
    /// Whether the browser's own session can be ended from here.
    pub can_end_browser_session: bool,
    /// The API's address, if there is one.
    pub api: Option<String>,
    /// Whether there is an identity pool.
    pub aws: bool,
    /// Whether there are folders in S3.
    pub files: bool,
    /// Functions to offer.
    pub functions: Vec<String>,
}

/// How a sign-in's answer comes back to Keyfob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Route {
    /// The browser opens the app by its own URL scheme.
    App,
    /// The browser reaches a port on this machine.
    Loopback,
    /// The person copies the answer from the browser.
    Paste,
}

impl From<cognito_client::Route> for Route {
    fn from(route: cognito_client::Route) -> Self {
        match route {
            cognito_client::Route::App => Self::App,
            cognito_client::Route::Loopback => Self::Loopback,
            cognito_client::Route::Paste => Self::Paste,
        }
    }
}

impl From<Route> for cognito_client::Route {
    fn from(route: Route) -> Self {
        match route {
            Route::App => Self::App,
            Route::Loopback => Self::Loopback,
            Route::Paste => Self::Paste,
        }
    }
}

/// One of the profiles there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProfileEntryView {
    /// Its name, which no other has.
    pub name: String,
    /// The user pool.
    pub issuer: String,
    /// Who put it there; only the user's own can be renamed or removed.
    pub origin: Origin,
    /// Whether it is the one the window shows.
    pub current: bool,
    /// What its session is doing.
    pub state: Stage,
    /// Who is signed in.
    pub user: Option<String>,
}

/// Where a profile comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Keyfob itself.
    BuiltIn,
    /// An administrator of this machine.
    Machine,
    /// The person.
    User,
}

/// What a session is doing, in a word; [`StateView`](super::StateView) says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as in `StateView`")]
pub enum Stage {
    Restoring,
    SignedOut,
    SigningIn,
    SignedIn,
    Expired,
}

/// Where a profile that may be added is to be had.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ProfileSource {
    /// It was pasted.
    Text {
        /// The profile file's words.
        text: String,
    },
    /// It is to be fetched.
    Url {
        /// From this `https` address.
        url: String,
    },
}

/// A profile that is not trusted yet: what it says, for the person to read first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProfilePreviewView {
    /// The whole file; this, and nothing fetched again, is what is added.
    pub text: String,
    /// Its name.
    pub name: String,
    /// The user pool.
    pub issuer: String,
    /// Where the browser is sent.
    pub domain: String,
    /// The app client.
    pub client_id: String,
    /// The API that is given the person's tokens, if there is one.
    pub api: Option<String>,
    /// The identity pool, if there is one.
    pub identity_pool_id: Option<String>,
    /// Whether a profile of this name is there already and would be replaced.
    pub replaces: bool,
}

impl ProfileEntryView {
    pub(crate) fn new(
        profile: &Profile,
        origin: cognito_client::Origin,
        current: bool,
        state: &StateView,
    ) -> Self {
        let (state, user) = state.stage();
        Self {
            name: profile.name.clone(),
            issuer: profile.issuer.to_string(),
            origin: origin.into(),
            current,
            state,
            user: user.map(|user| user.shown().to_owned()),
        }
    }
}

impl ProfilePreviewView {
    /// `text` must be the very one the profile was read from.
    pub(crate) fn new(text: String, profile: &Profile, replaces: bool) -> Self {
        Self {
            text,
            name: profile.name.clone(),
            issuer: profile.issuer.to_string(),
            domain: profile.domain.to_string(),
            client_id: profile.client_id.clone(),
            api: profile.api_base_url.as_ref().map(Url::to_string),
            identity_pool_id: profile.identity_pool_id.clone(),
            replaces,
        }
    }
}

impl From<cognito_client::Origin> for Origin {
    fn from(origin: cognito_client::Origin) -> Self {
        match origin {
            cognito_client::Origin::BuiltIn => Self::BuiltIn,
            cognito_client::Origin::Machine => Self::Machine,
            cognito_client::Origin::User => Self::User,
        }
    }
}

impl From<&Profile> for ProfileView {
    fn from(profile: &Profile) -> Self {
        Self {
            name: profile.name.clone(),
            issuer: profile.issuer.to_string(),
            redirect: profile.redirect().to_string(),
            routes: profile.routes().into_iter().map(Into::into).collect(),
            can_sign_out_everywhere: profile.can_sign_out_everywhere(),
            can_end_browser_session: !profile.sign_out_redirects.is_empty(),
            api: profile.api_base_url.as_ref().map(Url::to_string),
            aws: profile.identity_pool_id.is_some(),
            files: profile.identity_pool_id.is_some() && !profile.buckets.is_empty(),
            functions: profile.functions.clone(),
        }
    }
}
