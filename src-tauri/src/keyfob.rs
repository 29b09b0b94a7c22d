//! What the app does, without the window it does it in.

use std::sync::{Arc, Mutex};

use cognito_aws::Aws;
use cognito_client::{Error, Profile, Session, SessionState, TokenStore};
use tokio::sync::{OnceCell, watch};
use tokio::task::AbortHandle;
use url::Url;

use crate::view::{
    ApiAnswerView, AppView, AwsIdentityView, CommandError, ErrorCode, FunctionAnswerView, Origin,
    ProfileEntryView, Route, SessionView, SignInChoice, SignOutScope, SignOutView, unix_seconds,
};

/// One profile's session, what it is used for, and what the person is told of it.
pub struct Keyfob {
    session: Result<Session, CommandError>,
    aws: Option<Aws>,
    /// Opens a URL in the person's browser; whether that worked.
    open: Box<dyn Fn(&Url) -> bool + Send + Sync>,
    notices: watch::Sender<Notices>,
    restored: OnceCell<()>,
    /// The task that tells the page; a reloaded page takes the place of the one before.
    watcher: Mutex<Option<AbortHandle>>,
}

/// What went wrong outside the session.
#[derive(Clone, Copy, Default)]
struct Notices {
    browser_not_opened: bool,
    scheme_not_registered: bool,
}

impl Notices {
    fn told(self) -> Option<CommandError> {
        if self.browser_not_opened {
            Some(CommandError {
                code: ErrorCode::Unexpected,
                message: "Your browser could not be opened.".into(),
                remedy: "Copy the link and open it in your browser; Keyfob goes on waiting.".into(),
            })
        } else if self.scheme_not_registered {
            Some(CommandError {
                code: ErrorCode::Misconfigured,
                message: "Keyfob's links could not be registered with this computer.".into(),
                remedy: "On Linux, install the package xdg-utils and start Keyfob again; without it the browser cannot return here.".into(),
            })
        } else {
            None
        }
    }
}

impl Keyfob {
    /// The app on a profile, or on the reason why there is none.
    pub fn new(
        profile: Result<Profile, Error>,
        store: Arc<dyn TokenStore>,
        open: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Self {
        let session = profile.and_then(|profile| Session::new(profile, store));
        Self::with_session(session, open)
    }

    /// The app on a session made elsewhere.
    pub fn with_session(
        session: Result<Session, Error>,
        open: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            // A profile without an identity pool is one without AWS, which is no error.
            aws: session
                .as_ref()
                .ok()
                .and_then(|session| Aws::new(session.clone()).ok()),
            session: session.map_err(CommandError::from),
            open: Box::new(open),
            notices: watch::Sender::default(),
            restored: OnceCell::new(),
            watcher: Mutex::default(),
        }
    }

    /// What the window shows now.
    pub fn view(&self) -> AppView {
        let session = self.session_view();
        AppView {
            profiles: ProfileEntryView::of(&session, Origin::BuiltIn)
                .into_iter()
                .collect(),
            unusable_profiles: Vec::new(),
            can_add_profiles: false,
            session,
        }
    }

    fn session_view(&self) -> SessionView {
        match &self.session {
            Ok(session) => SessionView::new(
                session.profile(),
                session.status(),
                self.notices.borrow().told(),
            ),
            Err(problem) => SessionView::without_profile(problem.clone()),
        }
    }

    /// Gives the present view, and each one that follows, until `tell` says nobody listens any more.
    pub fn watch(self: Arc<Self>, tell: impl Fn(AppView) -> bool + Send + 'static) {
        let keyfob = self.clone();
        let task = tokio::spawn(async move {
            let mut notices = keyfob.notices.subscribe();
            let mut session = keyfob.session.as_ref().ok().map(Session::subscribe);
            while tell(keyfob.view()) {
                tokio::select! {
                    Ok(()) = notices.changed() => {}
                    Ok(()) = changed(&mut session) => {}
                    else => break,
                }
            }
        });
        let watcher = self
            .watcher
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .replace(task.abort_handle());
        if let Some(former) = watcher {
            former.abort();
        }
    }

    /// Resolves once the session of an earlier run has been taken up.
    pub async fn restored(&self) {
        if let Ok(session) = &self.session {
            self.restored.get_or_init(|| session.restore()).await;
        }
    }

    /// Begins a sign-in and sends the browser off with it.
    ///
    /// # Errors
    /// [`CommandError`], which the view tells as well.
    pub async fn sign_in(&self, choice: SignInChoice) -> Result<(), CommandError> {
        let session = self.session()?;
        if choice.route.is_some_and(|route| route != Route::App) {
            return Err(CommandError {
                code: ErrorCode::Misconfigured,
                message: "The profile has no such way back from the browser.".into(),
                remedy: "Ask your administrator to add it to the profile's `redirects`.".into(),
            });
        }
        // A keychain that was locked before may be open now, with a session in it.
        session.restore().await;
        if matches!(session.status().state, SessionState::SignedIn(_)) {
            return Ok(());
        }
        self.note_browser(false);
        let mut url = session.begin().await?;
        if choice.other_user {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        if !(self.open)(&url) {
            self.note_browser(true);
        }
        Ok(())
    }

    /// Gives up the sign-in that is waiting.
    pub async fn cancel_sign_in(&self) {
        if let Ok(session) = &self.session {
            self.note_browser(false);
            session.cancel().await;
        }
    }

    /// Forgets the problem the person has read.
    pub fn dismiss_problem(&self) {
        self.notices.send_replace(Notices::default());
        if let Ok(session) = &self.session {
            session.dismiss_problem();
        }
    }

    /// Takes a link the system opened with the app: an answer to a sign-in, or the end of a sign-out.
    pub async fn open_link(&self, url: &Url) {
        let Ok(session) = &self.session else { return };
        self.restored().await;
        if session.profile().sign_out_redirects.contains(url) {
            return;
        }
        // Whatever it is, it came back.
        self.notices.send_replace(Notices::default());
        if let Err(error) = session.complete(url).await {
            // The view tells it.
            tracing::info!(%error, "a link was not taken as an answer");
        }
    }

    /// Says that the browser will not find its way back by itself.
    pub(crate) fn scheme_not_registered(&self) {
        self.notices
            .send_modify(|notices| notices.scheme_not_registered = true);
    }

    fn note_browser(&self, not_opened: bool) {
        self.notices
            .send_modify(|notices| notices.browser_not_opened = not_opened);
    }

    /// `GET /api/hello` as the person.
    ///
    /// # Errors
    /// [`CommandError`] when there was no answer.
    pub async fn call_api(&self) -> Result<ApiAnswerView, CommandError> {
        let answer = self.session()?.api_get("/api/hello").await?;
        Ok(ApiAnswerView {
            url: answer.url.into(),
            status: answer.status,
            body: answer.body,
            milliseconds: milliseconds(answer.elapsed),
        })
    }

    /// Who the person is to AWS.
    ///
    /// # Errors
    /// [`CommandError`] when the identity pool or STS does not say.
    pub async fn aws_identity(&self) -> Result<AwsIdentityView, CommandError> {
        let identity = self.aws()?.caller_identity().await?;
        Ok(AwsIdentityView {
            identity_id: identity.identity_id,
            account: identity.account,
            role_arn: identity.role_arn,
            arn: identity.arn,
            expires_at: unix_seconds(identity.expires),
        })
    }

    /// Invokes a Lambda function that the profile offers, and no other: the web view names it.
    ///
    /// # Errors
    /// [`CommandError`] when there was no answer; a function's own error is one.
    pub async fn invoke_function(
        &self,
        name: &str,
        payload: &str,
    ) -> Result<FunctionAnswerView, CommandError> {
        let offered = &self.session()?.profile().functions;
        if !offered.iter().any(|function| function == name) {
            return Err(CommandError {
                code: ErrorCode::NotAllowed,
                message: "The profile does not offer this function.".into(),
                remedy: "Ask your administrator to add it to the profile's `functions`.".into(),
            });
        }
        let answer = self.aws()?.invoke(name, payload).await?;
        Ok(FunctionAnswerView {
            payload: answer.payload,
            function_error: answer.function_error,
            milliseconds: milliseconds(answer.elapsed),
        })
    }

    /// Signs out here and at the user pool, and has the browser end its own session.
    ///
    /// # Errors
    /// [`CommandError`] when the tokens may still be in the keychain.
    pub async fn sign_out(&self, scope: SignOutScope) -> Result<SignOutView, CommandError> {
        let signed_out = self.session()?.sign_out().await?;
        let browser = signed_out.browser.filter(|_| scope != SignOutScope::Device);
        let browser_asked = browser.is_some_and(|url| (self.open)(&url));
        let mut aws_credentials_until = None;
        if let Some(aws) = &self.aws {
            // After the browser, because it waits for credentials that are being had, and counts them.
            aws.forget().await;
            aws_credentials_until = aws.credentials_until().map(unix_seconds);
        }
        Ok(SignOutView {
            revoked: signed_out.revoked.err().map(Into::into),
            everywhere: None,
            browser_asked,
            revocation_owed: false,
            aws_credentials_until,
        })
    }

    fn session(&self) -> Result<&Session, CommandError> {
        self.session.as_ref().map_err(Clone::clone)
    }

    fn aws(&self) -> Result<&Aws, CommandError> {
        self.session()?;
        self.aws.as_ref().ok_or_else(|| CommandError {
            code: ErrorCode::Misconfigured,
            message: "The profile has no identity pool.".into(),
            remedy: "Ask your administrator to set the profile's `identity_pool_id`.".into(),
        })
    }
}

fn milliseconds(elapsed: std::time::Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Resolves at the next change; never, without a session.
async fn changed(
    status: &mut Option<watch::Receiver<cognito_client::Status>>,
) -> Result<(), watch::error::RecvError> {
    match status {
        Some(status) => status.changed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use cognito_client::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn links_that_cannot_come_back_are_told_until_one_does() {
        let store = Arc::new(MemoryStore::new());
        let keyfob = Keyfob::new(Ok(Profile::local_demo()), store, |_| false);
        let told = || {
            keyfob
                .view()
                .session
                .problem
                .map_or_else(String::new, |problem| problem.message)
        };
        keyfob.scheme_not_registered();
        assert!(told().contains("registered"), "{}", told());
        keyfob.sign_in(SignInChoice::default()).await.unwrap();
        assert!(told().contains("browser"), "{}", told());
        keyfob.cancel_sign_in().await;
        assert!(told().contains("registered"), "{}", told());
        let link = "dev.keyfob.desktop://auth/callback?code=c&state=s";
        keyfob.open_link(&link.parse().unwrap()).await;
        assert!(told().contains("no sign-in is waiting"), "{}", told());
        keyfob.dismiss_problem();
        assert_eq!(told(), "");
    }
}
