//! What crosses to the web view. Nothing here has room for a token. All times are Unix seconds.

use std::time::SystemTime;

use cognito_client::{Error, Profile, SessionState, Status, User};
use serde::Serialize;
use ts_rs::TS;
use url::Url;

/// What went wrong, for the person. The web view decides by `code` and shows the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct CommandError {
    /// Who must act.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Who must act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub enum ErrorCode {
    /// Nobody: wait, or look at the network.
    Offline,
    /// The person: sign in.
    SignInRequired,
    /// The person, at this computer's keychain.
    KeychainUnavailable,
    /// An administrator: the user pool or a role refuses.
    NotAllowed,
    /// An administrator: a setting is wrong.
    Misconfigured,
    /// Nobody: an answer was refused because it cannot be trusted.
    Unexpected,
}

/// All that the window shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The profile; without one, `problem` says why.
    pub profile: Option<ProfileView>,
    /// What the session is doing.
    pub state: StateView,
    /// The last thing that went wrong.
    pub problem: Option<CommandError>,
    /// How far this computer's clock is behind (negative: ahead), when that matters.
    pub clock_skew_seconds: Option<i64>,
}

/// A profile, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ProfileView {
    /// Its name.
    pub name: String,
    /// The user pool.
    pub issuer: String,
    /// The callback URL.
    pub redirect: String,
    /// The API's address, if there is one.
    pub api: Option<String>,
    /// Whether there is an identity pool.
    pub aws: bool,
    /// Functions to offer.
    pub functions: Vec<String>,
}

/// What a session is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum StateView {
    /// The keychain is being asked.
    Restoring,
    /// Nobody is signed in.
    SignedOut,
    /// The browser's answer is awaited.
    SigningIn {
        /// What the browser opens.
        url: String,
        /// Until when.
        expires_at: u64,
        /// Whether the answer has come.
        finishing: bool,
    },
    /// Somebody is signed in.
    SignedIn {
        /// Who.
        user: UserView,
    },
    /// The user pool ended the session.
    Expired,
}

/// The person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as in `cognito_client::User`")]
pub struct UserView {
    pub sub: String,
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub groups: Vec<String>,
    pub signed_in_at: u64,
    pub token_expires_at: u64,
    pub session_expires_at: u64,
}

/// What the API answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ApiAnswerView {
    /// Where from.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// Who the person is to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AwsIdentityView {
    /// The identity pool's name for them.
    pub identity_id: String,
    /// The AWS account.
    pub account: String,
    /// The role.
    pub role_arn: String,
    /// The role's session, as STS tells it.
    pub arn: String,
    /// Until when the credentials last.
    pub expires_at: u64,
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FunctionAnswerView {
    /// Its answer, or its own error.
    pub payload: String,
    /// `Handled` or `Unhandled` when the function itself failed.
    pub function_error: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

/// What signing out did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SignOutView {
    /// Why the user pool did not revoke the session, if it did not.
    pub revoked: Option<CommandError>,
    /// Whether the browser was sent to end its own session.
    pub browser_asked: bool,
    /// Until when AWS credentials live that were handed out, if any do.
    pub aws_credentials_until: Option<u64>,
}

/// Whole seconds since the Unix epoch.
pub(crate) fn unix_seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl SessionView {
    pub(crate) fn new(profile: &Profile, status: Status, notice: Option<CommandError>) -> Self {
        Self {
            profile: Some(ProfileView {
                name: profile.name.clone(),
                issuer: profile.issuer.to_string(),
                redirect: profile.redirect().to_string(),
                api: profile.api_base_url.as_ref().map(Url::to_string),
                aws: profile.identity_pool_id.is_some(),
                functions: profile.functions.clone(),
            }),
            state: status.state.into(),
            // The session's comes later than a notice, which the next sign-in begins with.
            problem: status.problem.map(Into::into).or(notice),
            clock_skew_seconds: status.clock_skew,
        }
    }

    pub(crate) fn without_profile(problem: CommandError) -> Self {
        Self {
            profile: None,
            state: StateView::SignedOut,
            problem: Some(problem),
            clock_skew_seconds: None,
        }
    }
}

impl From<SessionState> for StateView {
    fn from(state: SessionState) -> Self {
        match state {
            SessionState::Restoring => Self::Restoring,
            SessionState::SigningIn {
                url,
                expires,
                finishing,
            } => Self::SigningIn {
                url: url.into(),
                expires_at: unix_seconds(expires),
                finishing,
            },
            SessionState::SignedIn(user) => Self::SignedIn { user: user.into() },
            SessionState::Expired => Self::Expired,
            _ => Self::SignedOut,
        }
    }
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            sub: user.sub,
            username: user.username,
            name: user.name,
            email: user.email,
            groups: user.groups,
            signed_in_at: user.signed_in_at,
            token_expires_at: user.token_expires_at,
            session_expires_at: user.session_expires_at,
        }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Transient { .. } => ErrorCode::Offline,
            Error::SignInRequired(_) => ErrorCode::SignInRequired,
            Error::Store(_) => ErrorCode::KeychainUnavailable,
            Error::Rejected { .. } => ErrorCode::NotAllowed,
            Error::Configuration { .. } | Error::NoAnswer { .. } => ErrorCode::Misconfigured,
            Error::Callback(_) | Error::Protocol(_) => ErrorCode::Unexpected,
        };
        Self {
            code,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        }
    }
}

impl From<cognito_aws::Error> for CommandError {
    fn from(error: cognito_aws::Error) -> Self {
        use cognito_aws::Error as Aws;
        let code = match error {
            Aws::Session(error) => return error.into(),
            Aws::Transient { .. } => ErrorCode::Offline,
            Aws::Configuration { .. } | Aws::Clock { .. } => ErrorCode::Misconfigured,
            Aws::NotAllowed { .. } | Aws::Refused { .. } => ErrorCode::NotAllowed,
            Aws::Payload { .. } | Aws::Protocol { .. } => ErrorCode::Unexpected,
        };
        Self {
            code,
            message: sentence(&error.to_string()),
            remedy: error.remedy(),
        }
    }
}

/// An error's words as a sentence.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let end = if words.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    first.chain(letters).chain(end.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sentences() {
        assert_eq!(sentence("you are not signed in"), "You are not signed in.");
        assert_eq!(sentence(""), ".");
    }

    /// The web UI's types are these. Out of date, they are written anew, and this fails once.
    #[test]
    fn bindings_are_current() {
        let cfg = ts_rs::Config::new().with_large_int("number");
        let types = [
            ApiAnswerView::decl(&cfg),
            AwsIdentityView::decl(&cfg),
            CommandError::decl(&cfg),
            ErrorCode::decl(&cfg),
            FunctionAnswerView::decl(&cfg),
            ProfileView::decl(&cfg),
            SessionView::decl(&cfg),
            SignOutView::decl(&cfg),
            StateView::decl(&cfg),
            UserView::decl(&cfg),
        ];
        let mut bindings =
            String::from("// Generated from src-tauri/src/view.rs by `cargo test`; do not edit.\n");
        for declaration in types {
            bindings += &format!("\nexport {declaration}\n");
        }
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/bindings.ts");
        if std::fs::read_to_string(&file).unwrap_or_default() != bindings {
            std::fs::write(&file, bindings).unwrap();
            panic!("ui/src/bindings.ts was out of date and has been written anew: commit it");
        }
    }
}
