//! One profile's session, and what it is used for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cognito_aws::Aws;
use cognito_client::{
    Error, Origin, Profile, ProfileStore, Prompt, Session, SessionState, SignInRequest,
};
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use url::Url;

use crate::view::{CommandError, ErrorCode, ProfileEntryView, SessionView, SignInChoice};

/// A profile and its session. A profile that is renamed keeps its session; so the session may know an
/// earlier name.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) profile: Profile,
    pub(super) origin: Origin,
    pub(super) live: Arc<Live>,
}

/// What lives as long as the app has the session.
pub(super) struct Live {
    pub(super) session: Session,
    /// Nothing, when the profile has no identity pool.
    pub(super) aws: Option<Aws>,
    /// The functions that AWS has listed.
    listed: Mutex<Vec<String>>,
    browser_not_opened: AtomicBool,
    /// Calls back at each change of what is shown.
    changed: Box<dyn Fn() + Send + Sync>,
    restored: OnceCell<()>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut();
        for task in tasks.unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

impl Account {
    pub(super) fn new(
        profile: Profile,
        origin: Origin,
        session: Session,
        choices: Option<ProfileStore>,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let aws = match choices {
            Some(choices) => Aws::with_choices(session.clone(), choices),
            None => Aws::new(session.clone()),
        };
        Self {
            profile,
            origin,
            live: Arc::new(Live {
                aws: aws.ok(),
                session,
                listed: Mutex::default(),
                browser_not_opened: AtomicBool::new(false),
                changed: Box::new(changed),
                restored: OnceCell::new(),
                tasks: Mutex::default(),
            }),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.profile.name
    }

    /// Whether this session is that profile's, whatever the profile is called.
    pub(super) fn is_for(&self, profile: &Profile) -> bool {
        let mut own = self.profile.clone();
        own.name.clone_from(&profile.name);
        own == *profile
    }

    pub(super) fn view(&self) -> SessionView {
        let mut view = SessionView::new(&self.profile, self.live.session.status());
        if view.problem.is_none() && self.live.browser_not_opened.load(Ordering::Relaxed) {
            view.problem = Some(CommandError {
                code: ErrorCode::Unexpected,
                message: "Your browser could not be opened.".into(),
                remedy: "Copy the link and open it in your browser; Keyfob goes on waiting.".into(),
            });
        }
        view
    }

    pub(super) fn entry(&self, current: bool) -> ProfileEntryView {
        ProfileEntryView::new(
            &self.profile,
            self.origin,
            current,
            &self.live.session.status().state.into(),
        )
    }

    /// Whether this link answers the sign-in that waits here, by its `state` (RFC 6749 §4.1.2).
    pub(super) fn awaits(&self, link: &Url) -> bool {
        match self.live.session.status().state {
            SessionState::SigningIn { url, .. } => {
                let state = state_of(&url);
                state.is_some() && state == state_of(link)
            }
            _ => false,
        }
    }
}

fn state_of(url: &Url) -> Option<String> {
    let (_, state) = url.query_pairs().find(|(name, _)| name == "state")?;
    Some(state.into_owned())
}

impl Live {
    /// Resolves once the session of an earlier run has been taken up; from then on it is kept fresh.
    pub(super) async fn restored(self: &Arc<Self>) {
        self.restored
            .get_or_init(|| async {
                let mut status = self.session.subscribe();
                let live = Arc::downgrade(self);
                self.spawn(async move {
                    while status.changed().await.is_ok() {
                        match live.upgrade() {
                            Some(live) => (live.changed)(),
                            None => return,
                        }
                    }
                });
                self.session.restore().await;
                let session = self.session.clone();
                self.spawn(async move { session.keep_fresh().await });
            })
            .await;
    }

    /// Stays, when its profile is removed, until the user pool has been told of the sign-out.
    pub(super) fn pay_debts(self: Arc<Self>) {
        let mut status = self.session.subscribe();
        tokio::spawn(async move {
            // It ends with the session, which is in here.
            status.wait_for(|status| !status.revocation_owed).await.ok();
            drop(self);
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(task).abort_handle();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task);
    }

    /// Remembers which functions AWS has listed.
    pub(super) fn list<'a>(&self, functions: impl Iterator<Item = &'a String>) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        *listed = functions.cloned().collect();
    }

    pub(super) fn has_listed(&self, function: &str) -> bool {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.iter().any(|name| name == function)
    }

    /// Begins a sign-in, and gives what the browser is to open; nothing, when somebody is signed in and
    /// stays so.
    pub(super) async fn begin(
        self: &Arc<Self>,
        choice: SignInChoice,
    ) -> Result<Option<Url>, Error> {
        self.restored().await;
        // A keychain that was locked before may be open now, with a session in it.
        self.session.restore().await;
        let signed_in = matches!(self.session.status().state, SessionState::SignedIn(_));
        if signed_in && !choice.other_user {
            return Ok(None);
        }
        self.note_browser(true);
        let request = SignInRequest {
            route: choice.route.map(Into::into),
            prompt: choice.other_user.then_some(Prompt::Login),
            ..SignInRequest::default()
        };
        self.session.begin_with(request).await.map(Some)
    }

    /// Whether the waiting sign-in's answer is to be copied by the person.
    pub(super) fn is_by_hand(&self) -> bool {
        let route = cognito_client::Route::Paste;
        matches!(self.session.status().state, SessionState::SigningIn { route: r, .. } if r == route)
    }

    /// Remembers whether the browser could be opened; until then the link is there to copy.
    pub(super) fn note_browser(&self, opened: bool) {
        if self.browser_not_opened.swap(!opened, Ordering::Relaxed) == opened {
            (self.changed)();
        }
    }
}
