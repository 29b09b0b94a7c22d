//! From the click to the browser, and the wait for its answer.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::MutexGuard;
use url::Url;

use super::{Session, SessionState, joined};
use crate::authorization::{Over, PendingAuthorization};
use crate::error::Error;
use crate::loopback::{Listening, Loopback, Page, Sockets};
use crate::sign_in_request::{Route, SignInRequest};
use crate::store::StoreError;

#[derive(Default)]
pub(super) struct SignIn {
    pub(super) pending: Option<Waiting>,
    /// The `state` of the answer that was used last.
    pub(super) answered: Option<String>,
    /// Those the last one that waited has listened at, or does.
    sockets: Sockets,
}

/// A sign-in that waits for its answer, and listens for it on the loopback route.
pub(super) struct Waiting {
    pub(super) request: PendingAuthorization,
    _listening: Option<Listening>,
}

impl SignIn {
    /// The sign-in that waited; nobody listens for its answer any more.
    pub(super) async fn stop(&mut self) -> Option<PendingAuthorization> {
        let request = self.pending.take().map(|waiting| waiting.request);
        self.sockets.closed().await;
        request
    }
}

impl Session {
    pub(super) async fn take_up(&self) -> Result<(), Error> {
        let read = self.loaded().await;
        // Whoever signs in again mends what is damaged, and may be about to.
        if !matches!(read, Ok(()) | Err(Error::Store(StoreError::Damaged))) {
            return read;
        }
        let at_hand = self.tokens().set.as_ref().map(|set| Over::from(&set.user));
        let now = self.local_now();
        let kept = self.kept().await?.filter(|kept| {
            // A request that is older than the tokens at hand was over already.
            kept.is_awaited(now) && (at_hand.is_none() || kept.over() == at_hand.as_ref())
        });
        let mut sign_in = self.sign_in().await;
        match kept {
            Some(request) if sign_in.pending.is_none() => {
                self.wait_again(&mut sign_in, request, None).await;
                Ok(())
            }
            _ => {
                drop(sign_in);
                read?;
                self.settle(None).await;
                Ok(())
            }
        }
    }

    /// Begins a sign-in as the profile says: [`begin_with`](Self::begin_with) nothing else.
    ///
    /// # Errors
    /// As [`begin_with`](Self::begin_with).
    pub async fn begin(&self) -> Result<Url, Error> {
        self.begin_with(SignInRequest::default()).await
    }

    /// Begins a sign-in: the URL is to be opened in the person's browser, and the answer given to
    /// [`complete`](Self::complete). Meanwhile the user pool's keys are fetched, so that the answer
    /// needs one request only.
    ///
    /// While one is waiting that does what is asked for, this gives its URL again: a second click opens
    /// no second request. One that asks for something else, such as another route, takes its place,
    /// because the person has asked for it.
    ///
    /// The request is kept in the store first, so that its answer is understood even by an app that was
    /// closed and started again, and so that a keychain that does not work is found out before the
    /// person types a password. On the loopback route the session listens from then on, until the
    /// sign-in is over.
    ///
    /// # Errors
    /// [`Error::Store`] when the keychain does not work; [`Error::Configuration`] when the profile cannot
    /// do what is asked for, or every loopback port it names is taken.
    pub async fn begin_with(&self, request: SignInRequest) -> Result<Url, Error> {
        let session = self.clone();
        // In a task of its own: what is replaced must not go without what replaces it.
        let begun = tokio::spawn(async move { session.begin_now(request).await });
        joined(begun.await)
    }

    async fn begin_now(&self, request: SignInRequest) -> Result<Url, Error> {
        let mut sign_in = self.sign_in().await;
        let waiting = sign_in.pending.as_ref().map(|waiting| &waiting.request);
        if let Some(waiting) = waiting.filter(|waiting| waiting.does(&request)) {
            return Ok(waiting.url().clone());
        }
        let profile = self.profile();
        let request = request.or(&profile.sign_in);
        request
            .check(profile)
            .map_err(|(field, reason)| Error::Configuration {
                problem: format!("this sign-in's `{field}` is wrong: {reason}"),
                remedy: "Sign in without it, or correct the profile.".into(),
            })?;
        // Its port may be the one that is needed.
        let over = match sign_in.stop().await {
            Some(replaced) => replaced.over().cloned(),
            None => self.tokens().set.as_ref().map(|set| Over::from(&set.user)),
        };
        let begun = self.prepare(&request, over).await;
        match begun {
            Ok((pending, loopback)) => {
                let url = pending.url().clone();
                self.wait_for_answer(&mut sign_in, pending, loopback, None);
                Ok(url)
            }
            Err(error) => {
                drop(sign_in);
                self.settle(Some(error.clone())).await;
                Err(error)
            }
        }
    }

    /// Gives up the sign-in that is waiting, if one is.
    pub async fn cancel(&self) {
        self.give_up(|_| true, None).await;
    }

    /// Makes a request with a way back for its answer, and keeps it.
    async fn prepare(
        &self,
        request: &SignInRequest,
        over: Option<Over>,
    ) -> Result<(PendingAuthorization, Option<Loopback>), Error> {
        let (route, redirect, loopback) = self.way_back(request.route).await?;
        let now = self.local_now();
        let pending =
            PendingAuthorization::new(self.profile(), request, (route, redirect), over, now);
        let secret = pending.to_secret();
        self.with_store(move |store, key| store.save(&pending_key(key), &secret))
            .await?;
        Ok((pending, loopback))
    }

    /// The best way back that is open: of the loopback redirects, the first whose port is free.
    async fn way_back(
        &self,
        route: Option<Route>,
    ) -> Result<(Route, &Url, Option<Loopback>), Error> {
        let mut taken = Vec::new();
        for (route, redirect) in self.profile().ways_back(route) {
            if route != Route::Loopback {
                return Ok((route, redirect, None));
            }
            match Loopback::bind(redirect).await {
                Ok(loopback) => return Ok((route, redirect, Some(loopback))),
                Err(error) => taken.push(format!("{redirect} ({})", error.kind())),
            }
        }
        Err(Error::Configuration {
            problem: format!(
                "this computer cannot take the browser's answer at any of the profile's addresses: {}",
                taken.join(", ")
            ),
            remedy: "End the other program that uses one of these ports (often a second Keyfob), or sign in by pasting the address the browser ends at.".into(),
        })
    }

    pub(super) async fn sign_in(&self) -> MutexGuard<'_, SignIn> {
        self.inner.sign_in.lock().await
    }

    /// Pending sign-ins live by the computer's own clock, which only has to agree with itself.
    pub(super) fn local_now(&self) -> SystemTime {
        self.inner.clock.local.now()
    }

    /// Goes on waiting for a request that was begun before.
    pub(super) async fn wait_again(
        &self,
        sign_in: &mut SignIn,
        request: PendingAuthorization,
        problem: Option<Error>,
    ) {
        sign_in.sockets.closed().await;
        let loopback = match request.route() {
            Route::Loopback => match Loopback::bind(request.redirect()).await {
                Ok(loopback) => Some(loopback),
                Err(error) => {
                    // Most likely the process that began it still listens; then the tokens will be in
                    // the store. Whatever it is, the answer can be pasted.
                    tracing::warn!(%error, "the loopback port of the waiting sign-in is taken");
                    None
                }
            },
            Route::App | Route::Paste => None,
        };
        self.wait_for_answer(sign_in, request, loopback, problem);
    }

    /// Shows the sign-in as waiting, fetches the keys its answer will need, and ends it in time.
    fn wait_for_answer(
        &self,
        sign_in: &mut SignIn,
        request: PendingAuthorization,
        loopback: Option<Loopback>,
        problem: Option<Error>,
    ) {
        self.publish(request.shown(false), problem);
        let verifier = self.inner.verifier.clone();
        tokio::spawn(async move {
            // Tried again when the answer is verified, and told then.
            if let Err(error) = verifier.preload().await {
                tracing::warn!(reason = error.code(), "the signing keys are not there yet");
            }
        });
        let session = Arc::downgrade(&self.inner);
        let listening = loopback.map(|loopback| {
            let session = session.clone();
            loopback.serve(move |callback| {
                let session = session.upgrade();
                async move {
                    match session {
                        Some(inner) => Self { inner }.take_from_browser(&callback).await,
                        None => Page::NotHere,
                    }
                }
            })
        });
        let state = request.state().to_owned();
        let redirect = request.redirect().clone();
        let over = self.inner.clock.local.sleep_until(request.expires());
        let (listening, sockets) = listening.unzip();
        sign_in.sockets = sockets.unwrap_or_default();
        sign_in.pending = Some(Waiting {
            request,
            _listening: listening,
        });
        tokio::spawn(async move {
            over.await;
            let Some(inner) = session.upgrade() else {
                return;
            };
            let problem = Error::NoAnswer {
                redirect,
                client_id: inner.profile.client_id.clone(),
            };
            Self { inner }
                .give_up(|request| request.has_state(&state), Some(problem))
                .await;
        });
    }

    /// Ends the waiting sign-in, if it is the one meant.
    async fn give_up(
        &self,
        meant: impl FnOnce(&PendingAuthorization) -> bool,
        problem: Option<Error>,
    ) {
        let mut sign_in = self.sign_in().await;
        let waiting = sign_in.pending.as_ref();
        if !waiting.is_some_and(|waiting| meant(&waiting.request)) {
            return;
        }
        let request = sign_in.stop().await.expect("it was there a line ago");
        drop(sign_in);
        self.forget_kept(request.state()).await;
        self.settle(problem).await;
    }

    /// Somebody has signed in with another program: nobody waits for an answer here any more.
    pub(super) async fn signed_in_elsewhere(&self) {
        self.sign_in().await.pending = None;
    }

    /// Forgets whatever request is kept, unless one has begun in the meantime.
    pub(super) async fn forget_pending(&self) {
        let sign_in = self.sign_in().await;
        if sign_in.pending.is_some() {
            return;
        }
        // It expires by itself; kept, it does no harm.
        if let Err(error) = self
            .with_store(|store, key| store.delete(&pending_key(key)))
            .await
        {
            tracing::warn!(%error, "a sign-in that is over is still kept");
        }
    }

    /// Forgets the kept request with this `state`, and no other, which another program may have begun.
    pub(super) async fn forget_kept(&self, state: &str) {
        let state = state.to_owned();
        let forgotten = self
            .with_store(move |store, key| {
                let key = pending_key(key);
                let kept = store.load(&key)?;
                let kept = kept.and_then(|secret| PendingAuthorization::from_secret(&secret));
                if kept.is_some_and(|kept| kept.has_state(&state)) {
                    store.delete(&key)?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = forgotten {
            tracing::warn!(%error, "a sign-in that is over is still kept");
        }
    }

    /// The request that was begun last, by whichever program.
    pub(super) async fn kept(&self) -> Result<Option<PendingAuthorization>, Error> {
        let kept = self
            .with_store(|store, key| store.load(&pending_key(key)))
            .await;
        match kept {
            Ok(secret) => Ok(secret.and_then(|secret| PendingAuthorization::from_secret(&secret))),
            // One more sign-in is all it costs.
            Err(Error::Store(StoreError::Damaged)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where the sign-in that waits for its answer is kept, beside the tokens.
fn pending_key(session_key: &str) -> String {
    format!("{session_key}, signing in")
}

impl PendingAuthorization {
    pub(super) fn shown(&self, finishing: bool) -> SessionState {
        SessionState::SigningIn {
            url: self.url().clone(),
            expires: self.expires(),
            finishing,
            route: self.route(),
        }
    }
}
