//! What crosses to the web view. Nothing here has room for a token. All times are Unix seconds.

mod access;
mod answers;
mod error;
mod files;
mod functions;
mod profiles;

use std::time::SystemTime;

use cognito_client::{Profile, SessionState, Status, User};
use serde::Serialize;
use ts_rs::TS;

pub use self::access::{
    AccessView, AwsConfigView, ConfigLineView, CopiedView, CredentialsFormat, HandingOutView,
    ProgramView, RolesView,
};
pub use self::answers::{
    ApiAnswerView, AwsIdentityView, OutcomeView, SignInChoice, SignOutScope, SignOutView,
};
pub(crate) use self::error::sentence;
pub use self::error::{CommandError, ErrorCode};
pub(crate) use self::files::shown;
pub use self::files::{
    Conflict, DeletedView, DropTarget, DropView, FileFolderView, FilePreviewView, FileView,
    FilesPageView, ListedView, ProgressView, TransferProblemView, TransferStateView, TransferView,
    Way,
};
pub use self::functions::{FunctionInvocation, FunctionOutcomeView, FunctionView, InvocationType};
pub use self::profiles::{
    Origin, ProfileEntryView, ProfilePreviewView, ProfileSource, ProfileView, Route, Stage,
};

/// All that the window shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AppView {
    /// The profiles that can be used.
    pub profiles: Vec<ProfileEntryView>,
    /// What is wrong with those that cannot.
    pub unusable_profiles: Vec<CommandError>,
    /// Whether profiles can be added; not while one file was named to be used.
    pub can_add_profiles: bool,
    /// The current profile's session.
    pub session: SessionView,
}

/// What is shown of one session.
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
    /// Whether its tokens are being renewed.
    pub refreshing: bool,
    /// Since when the user pool could not be reached.
    pub offline_since: Option<u64>,
    /// Whether the user pool is still to be told of a sign-out.
    pub revocation_owed: bool,
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
        /// How it comes.
        route: Route,
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

/// Whole seconds since the Unix epoch.
pub(crate) fn unix_seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl SessionView {
    pub(crate) fn new(profile: &Profile, status: Status) -> Self {
        Self {
            profile: Some(profile.into()),
            state: status.state.into(),
            problem: status.problem.map(Into::into),
            clock_skew_seconds: status.clock_skew,
            refreshing: status.refreshing,
            offline_since: status.offline_since.map(unix_seconds),
            revocation_owed: status.revocation_owed,
        }
    }

    pub(crate) fn without_profile(problem: CommandError) -> Self {
        Self {
            profile: None,
            state: StateView::SignedOut,
            problem: Some(problem),
            clock_skew_seconds: None,
            refreshing: false,
            offline_since: None,
            revocation_owed: false,
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
                route,
            } => Self::SigningIn {
                url: url.into(),
                expires_at: unix_seconds(expires),
                finishing,
                route: route.into(),
            },
            SessionState::SignedIn(user) => Self::SignedIn { user: user.into() },
            SessionState::Expired => Self::Expired,
            _ => Self::SignedOut,
        }
    }
}

impl StateView {
    /// The state in a word, and who is signed in.
    pub(crate) fn stage(&self) -> (Stage, Option<&UserView>) {
        match self {
            Self::Restoring => (Stage::Restoring, None),
            Self::SignedOut => (Stage::SignedOut, None),
            Self::SigningIn { .. } => (Stage::SigningIn, None),
            Self::SignedIn { user } => (Stage::SignedIn, Some(user)),
            Self::Expired => (Stage::Expired, None),
        }
    }
}

impl UserView {
    /// The name to show.
    pub(crate) fn shown(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.username)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The web UI's types are these. Out of date, they are written anew, and this fails once.
    #[test]
    fn bindings_are_current() {
        let cfg = ts_rs::Config::new().with_large_int("number");
        let types = [
            AccessView::decl(&cfg),
            ApiAnswerView::decl(&cfg),
            AppView::decl(&cfg),
            AwsConfigView::decl(&cfg),
            AwsIdentityView::decl(&cfg),
            CommandError::decl(&cfg),
            ConfigLineView::decl(&cfg),
            CopiedView::decl(&cfg),
            CredentialsFormat::decl(&cfg),
            Conflict::decl(&cfg),
            DeletedView::decl(&cfg),
            DropTarget::decl(&cfg),
            DropView::decl(&cfg),
            ErrorCode::decl(&cfg),
            FunctionInvocation::decl(&cfg),
            FunctionOutcomeView::decl(&cfg),
            FunctionView::decl(&cfg),
            HandingOutView::decl(&cfg),
            InvocationType::decl(&cfg),
            FileFolderView::decl(&cfg),
            FilePreviewView::decl(&cfg),
            FileView::decl(&cfg),
            FilesPageView::decl(&cfg),
            ListedView::decl(&cfg),
            ProgressView::decl(&cfg),
            TransferProblemView::decl(&cfg),
            TransferStateView::decl(&cfg),
            TransferView::decl(&cfg),
            Way::decl(&cfg),
            Origin::decl(&cfg),
            OutcomeView::decl(&cfg),
            ProfileEntryView::decl(&cfg),
            ProfilePreviewView::decl(&cfg),
            ProfileSource::decl(&cfg),
            ProfileView::decl(&cfg),
            ProgramView::decl(&cfg),
            RolesView::decl(&cfg),
            Route::decl(&cfg),
            SessionView::decl(&cfg),
            SignInChoice::decl(&cfg),
            SignOutScope::decl(&cfg),
            SignOutView::decl(&cfg),
            Stage::decl(&cfg),
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
