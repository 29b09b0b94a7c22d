//! What the app does, without the window it does it in.

mod access;
mod account;
mod drags;
mod drops;
mod files;
mod functions;
mod profiles;
mod transfers;
mod usage;

use std::sync::{Arc, Mutex, PoisonError};

use cognito_client::{Error, Profile, Session};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use url::Url;

use self::access::Access;
pub use self::access::Surroundings;
use self::account::Account;
use self::drops::Drops;
use self::files::AllFiles;
use self::functions::Runs;
use self::profiles::Accounts;
use crate::profile::ProfileSource;
use crate::view::{AppView, CommandError, ErrorCode, Route, SessionView, SignInChoice};

/// Every profile's session, all alive at once, and what the person is told of them.
pub struct Keyfob {
    source: ProfileSource,
    make: Box<dyn Fn(Profile) -> Result<Session, Error> + Send + Sync>,
    /// Opens a URL in the person's browser; whether that worked.
    open: Box<dyn Fn(&Url) -> bool + Send + Sync>,
    /// Sends at each change of anything that is shown.
    accounts: Arc<watch::Sender<Accounts>>,
    runs: Runs,
    /// Nothing, when the app is not open to other programs.
    access: Option<Access>,
    files: AllFiles,
    drops: Drops,
    /// Held while the profiles are changed.
    changing: tokio::sync::Mutex<()>,
    /// The task that tells the page; a reloaded page takes the place of the one before.
    page: Mutex<Option<AbortHandle>>,
    /// The one that tells it of transfers.
    transfers: Mutex<Option<AbortHandle>>,
}

impl Keyfob {
    /// The app on these profiles, with the sessions that are made for them.
    pub fn new(
        source: ProfileSource,
        make: impl Fn(Profile) -> Result<Session, Error> + Send + Sync + 'static,
        open: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Self {
        let keyfob = Self {
            source,
            make: Box::new(make),
            open: Box::new(open),
            accounts: Arc::default(),
            runs: Runs::default(),
            access: None,
            files: AllFiles::default(),
            drops: Drops::default(),
            changing: tokio::sync::Mutex::default(),
            page: Mutex::default(),
            transfers: Mutex::default(),
        };
        keyfob.load(None);
        keyfob
    }

    /// What the window shows now.
    pub fn view(&self) -> AppView {
        let accounts = self.accounts.borrow();
        let current = accounts.current();
        let mut session = current.map_or_else(
            || SessionView::without_profile(accounts.none()),
            Account::view,
        );
        // Whatever else went wrong came later: the next sign-in begins without it.
        if session.problem.is_none() && accounts.scheme_not_registered {
            session.problem = unregistered(&session);
        }
        AppView {
            profiles: accounts.entries(),
            unusable_profiles: accounts.unusable.clone(),
            can_add_profiles: matches!(self.source, ProfileSource::Stored(_)),
            session,
        }
    }

    /// Gives the present view, and each one that follows, until `tell` says nobody listens any more.
    pub fn follow(
        self: &Arc<Self>,
        mut tell: impl FnMut(AppView) -> bool + Send + 'static,
    ) -> JoinHandle<()> {
        let keyfob = self.clone();
        let mut changes = self.accounts.subscribe();
        tokio::spawn(async move {
            let mut told = None;
            loop {
                changes.mark_unchanged();
                let view = keyfob.view();
                if told.as_ref() != Some(&view) {
                    if !tell(view.clone()) {
                        break;
                    }
                    told = Some(view);
                }
                if changes.changed().await.is_err() {
                    break;
                }
            }
        })
    }

    /// [Follows](Self::follow) for the page; whoever did so before is told no more.
    pub fn watch(self: &Arc<Self>, tell: impl FnMut(AppView) -> bool + Send + 'static) {
        let task = self.follow(tell).abort_handle();
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = page.replace(task) {
            former.abort();
        }
    }

    /// Resolves once the sessions of an earlier run have been taken up.
    pub async fn restored(&self) {
        let restored = |account: &Account| {
            let live = account.live.clone();
            async move { live.restored().await }
        };
        let restoring: tokio::task::JoinSet<()> =
            self.accounts.borrow().iter().map(restored).collect();
        restoring.join_all().await;
    }

    /// Begins a sign-in with the current profile and sends the browser off with it.
    ///
    /// # Errors
    /// [`CommandError`], which the view tells as well.
    pub async fn sign_in(&self, choice: SignInChoice) -> Result<(), CommandError> {
        self.begin(&self.current()?, choice).await
    }

    /// [Switches](Self::switch) to a profile and begins a sign-in with it.
    ///
    /// # Errors
    /// As both.
    pub async fn sign_in_to(&self, name: &str, choice: SignInChoice) -> Result<(), CommandError> {
        self.switch(name).await?;
        self.begin(&self.named(name)?, choice).await
    }

    async fn begin(&self, account: &Account, choice: SignInChoice) -> Result<(), CommandError> {
        if let Some(url) = account.live.begin(choice).await? {
            // One who copies the answer by hand opens the address by hand, in whatever browser.
            let by_hand = account.live.is_by_hand();
            account.live.note_browser(by_hand || (self.open)(&url));
        }
        Ok(())
    }

    /// Takes what the person copied from the browser for the answer to the current sign-in.
    ///
    /// # Errors
    /// [`CommandError`] when it is none; the sign-in goes on waiting.
    pub async fn complete_sign_in(&self, text: &str) -> Result<(), CommandError> {
        let live = self.current()?.live;
        live.session.complete_pasted(text).await?;
        live.note_browser(true);
        Ok(())
    }

    /// Gives up the current profile's sign-in that is waiting.
    pub async fn cancel_sign_in(&self) {
        if let Ok(Account { live, .. }) = self.current() {
            live.note_browser(true);
            live.session.cancel().await;
        }
    }

    /// Forgets the problem the person has read.
    pub fn dismiss_problem(&self) {
        if let Ok(Account { live, .. }) = self.current() {
            live.note_browser(true);
            live.session.dismiss_problem();
        }
        self.scheme_is_registered(true);
    }

    /// Looks again at the profiles, the keychains and the network: the person asked for it.
    pub async fn retry(&self) {
        self.look_again(|session| async move { session.retry().await })
            .await;
    }

    /// As [`retry`](Self::retry), only where there is need: the person came back to the window.
    pub async fn wake(&self) {
        self.look_again(|session| async move { session.wake().await })
            .await;
    }

    async fn look_again<F>(&self, look: impl Fn(Session) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let changing = self.changing.lock().await;
        self.load(None);
        drop(changing);
        self.restored().await;
        let sessions = |account: &Account| look(account.live.session.clone());
        let looking: tokio::task::JoinSet<()> =
            self.accounts.borrow().iter().map(sessions).collect();
        looking.join_all().await;
    }

    /// Takes a link the system opened with the app: an answer to a sign-in, or the end of a sign-out. It
    /// goes to the session that waits for it, which then is the current one; else the current one says
    /// what is wrong with it.
    pub async fn open_link(&self, url: &Url) {
        self.restored().await;
        let (ends_sign_out, awaited) = {
            let accounts = self.accounts.borrow();
            let ends = |account: &Account| account.profile.sign_out_redirects.contains(url);
            let awaits = accounts.iter().find(|account| account.awaits(url));
            (accounts.iter().any(ends), awaits.cloned())
        };
        if ends_sign_out {
            return;
        }
        // Whatever it is, it came back.
        self.scheme_is_registered(true);
        let account = match awaited {
            Some(account) => {
                // Where it is shown whether it worked.
                if let Err(error) = self.switch(account.name()).await {
                    tracing::warn!(error = error.message, "the profile is not remembered");
                }
                account
            }
            None => match self.current() {
                Ok(account) => account,
                Err(_) => return,
            },
        };
        account.live.note_browser(true);
        if let Err(error) = account.live.session.complete(url).await {
            // The view tells it.
            tracing::info!(%error, "a link was not taken as an answer");
        }
    }

    /// Says whether the browser will find its way back by itself.
    pub(crate) fn scheme_is_registered(&self, registered: bool) {
        self.accounts.send_if_modified(|accounts| {
            let changed = accounts.scheme_not_registered == registered;
            accounts.scheme_not_registered = !registered;
            changed
        });
    }

    fn current(&self) -> Result<Account, CommandError> {
        let accounts = self.accounts.borrow();
        accounts.current().cloned().ok_or_else(|| accounts.none())
    }
}

/// Told only of profiles whose sign-ins come back by the app's own scheme.
fn unregistered(session: &SessionView) -> Option<CommandError> {
    let routes = session.profile.as_ref().map(|profile| &profile.routes);
    (routes?.first() == Some(&Route::App)).then(|| CommandError {
        code: ErrorCode::Misconfigured,
        message: "Keyfob's links could not be registered with this computer.".into(),
        remedy: "On Linux, install the package xdg-utils and start Keyfob again; without it the browser cannot return here.".into(),
    })
}

#[cfg(test)]
mod tests {
    use cognito_client::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn links_that_cannot_come_back_are_told_until_one_does() {
        let store = Arc::new(MemoryStore::new());
        let keyfob = Keyfob::new(
            ProfileSource::Only(Box::new(Ok(Profile::local_demo()))),
            move |profile| Session::new(profile, store.clone()),
            |_| false,
        );
        let told = || {
            keyfob
                .view()
                .session
                .problem
                .map_or_else(String::new, |problem| problem.message)
        };
        keyfob.scheme_is_registered(false);
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
