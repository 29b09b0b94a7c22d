//! From the click to the kept tokens.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::MutexGuard;
use url::Url;

use super::{Session, SessionState, joined};
use crate::authorization::{Accepted, Answer, CallbackError, Over, PendingAuthorization, state_of};
use crate::error::{Error, ProtocolError};
use crate::sign_in_request::SignInRequest;
use crate::store::StoreError;
use crate::token_endpoint::Reply;
use crate::tokens::{TokenSet, User};

#[derive(Default)]
pub(super) struct SignIn {
    pub(super) pending: Option<PendingAuthorization>,
    /// The `state` of the answer that was used last.
    answered: Option<String>,
}

impl Session {
    pub(super) async fn take_up(&self) -> Result<(), Error> {
        // Where there are tokens, a sign-in that is still kept was over already.
        self.loaded().await?;
        let pending = if self.tokens().set.is_some() {
            None
        } else {
            self.with_store(|store, key| store.load(&pending_key(key)))
                .await?
                .and_then(|secret| PendingAuthorization::from_secret(&secret))
        };
        let mut sign_in = self.sign_in().await;
        if let Some(pending) = pending.filter(|pending| pending.is_awaited(self.local_now())) {
            self.wait_for_answer(&mut sign_in, pending);
        } else {
            drop(sign_in);
            self.settle(None).await;
        }
        Ok(())
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
    /// person types a password.
    ///
    /// # Errors
    /// [`Error::Store`] when the keychain does not work; [`Error::Configuration`] when the profile cannot
    /// do what is asked for.
    pub async fn begin_with(&self, request: SignInRequest) -> Result<Url, Error> {
        let mut sign_in = self.sign_in().await;
        if let Some(pending) = sign_in
            .pending
            .as_ref()
            .filter(|waiting| waiting.does(&request))
        {
            return Ok(pending.url().clone());
        }
        let profile = self.profile();
        let request = request.or(&profile.sign_in);
        request
            .check(profile)
            .map_err(|(field, reason)| Error::Configuration {
                problem: format!("this sign-in's `{field}` is wrong: {reason}"),
                remedy: "Sign in without it, or correct the profile.".into(),
            })?;
        let over = match (&sign_in.pending, self.status().state) {
            (Some(replaced), _) => replaced.over().cloned(),
            (None, SessionState::SignedIn(user)) => Some(Over::from(&user)),
            _ => None,
        };
        let (route, redirect) = profile.ways_back(request.route)[0];
        let now = self.local_now();
        let pending = PendingAuthorization::new(profile, &request, (route, redirect), over, now);
        let secret = pending.to_secret();
        let kept = self
            .with_store(move |store, key| store.save(&pending_key(key), &secret))
            .await;
        if let Err(error) = kept {
            sign_in.pending = None;
            drop(sign_in);
            self.settle(Some(error.clone())).await;
            return Err(error);
        }
        let url = pending.url().clone();
        self.wait_for_answer(&mut sign_in, pending);
        Ok(url)
    }

    /// Gives up the sign-in that is waiting, if one is.
    pub async fn cancel(&self) {
        self.give_up(|_| true, None).await;
    }

    /// Takes the URL the browser was redirected to, redeems its code, verifies the ID token (OpenID
    /// Connect Core §3.1.3.7), keeps the tokens, and only then says who is signed in.
    ///
    /// # Errors
    /// [`Error::Callback`] when the URL does not answer the waiting sign-in, which goes on waiting; any
    /// other error ends it. All are in [`status`](Self::status) as well.
    pub async fn complete(&self, callback: &Url) -> Result<User, Error> {
        let answer = self
            .accept(callback)
            .await
            .inspect_err(|error| self.tell(error.clone()))?;
        let session = self.clone();
        // In a task of its own: a code that was sent must not be lost because nobody waits any more.
        let finished = tokio::spawn(async move {
            let result = match answer {
                Ok(accepted) => session.finish(accepted).await,
                Err(refusal) => Err(refusal),
            };
            // Told first: the request that is over expires by itself.
            session.settle(result.as_ref().err().cloned()).await;
            session.forget_pending().await;
            result
        });
        joined(finished.await)
    }

    pub(super) async fn sign_in(&self) -> MutexGuard<'_, SignIn> {
        self.inner.sign_in.lock().await
    }

    /// Pending sign-ins live by the computer's own clock, which only has to agree with itself.
    pub(super) fn local_now(&self) -> SystemTime {
        self.inner.clock.local.now()
    }

    /// Shows the sign-in as waiting, fetches the keys its answer will need, and ends it in time.
    pub(super) fn wait_for_answer(&self, sign_in: &mut SignIn, pending: PendingAuthorization) {
        self.publish(pending.shown(false), None);
        let verifier = self.inner.verifier.clone();
        tokio::spawn(async move {
            // Tried again when the answer is verified, and told then.
            if let Err(error) = verifier.preload().await {
                tracing::warn!(reason = error.code(), "the signing keys are not there yet");
            }
        });
        let session = Arc::downgrade(&self.inner);
        let state = pending.state().to_owned();
        let redirect = pending.redirect().clone();
        let over = self.inner.clock.local.sleep_until(pending.expires());
        sign_in.pending = Some(pending);
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
                .give_up(|pending| pending.has_state(&state), Some(problem))
                .await;
        });
    }

    /// Ends the waiting sign-in, if it is the one meant.
    pub(super) async fn give_up(
        &self,
        meant: impl FnOnce(&PendingAuthorization) -> bool,
        problem: Option<Error>,
    ) {
        let given_up = self
            .sign_in()
            .await
            .pending
            .take_if(|pending| meant(pending));
        if given_up.is_some() {
            self.forget_pending().await;
            self.settle(problem).await;
        }
    }

    /// Forgets the kept request of a sign-in that is over, unless another has begun in the meantime.
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

    /// Consumes the pending sign-in for the URL that answers it, and for no other.
    pub(super) async fn accept(&self, callback: &Url) -> Result<Result<Accepted, Error>, Error> {
        let mut sign_in = self.sign_in().await;
        let Some(pending) = &sign_in.pending else {
            let state = state_of(callback);
            let used = state.is_some() && state == sign_in.answered;
            let error = if used {
                CallbackError::AlreadyUsed
            } else {
                CallbackError::NothingPending
            };
            return Err(error.into());
        };
        let answer = pending.read(callback)?;
        let pending = sign_in.pending.take().expect("it was there a line ago");
        sign_in.answered = Some(pending.state().to_owned());
        Ok(match answer {
            Answer::Code(code) => {
                self.publish(pending.shown(true), None);
                Ok(pending.redeem(code))
            }
            Answer::Refusal(error) => Err(error),
        })
    }

    pub(super) async fn finish(&self, accepted: Accepted) -> Result<User, Error> {
        let nonce = accepted.nonce.clone();
        let reply = self.inner.endpoint.exchange(self.http()?, accepted).await?;
        self.learn_time(&reply);
        let refresh = reply.refresh.clone();
        let kept = self.keep(reply, &nonce).await;
        // What is not kept must not stay alive at the user pool either.
        if kept.is_err()
            && let Some(refresh) = refresh
            && let Err(error) = self.revoke(&refresh).await
        {
            tracing::warn!(%error, "a refresh token that was not kept was not revoked");
        }
        if let Err(Error::Store(StoreError::TimedOut)) = kept {
            // It may be kept yet, once the keychain is unlocked; then it goes.
            let session = self.clone();
            tokio::spawn(async move {
                if let Err(error) = session.with_store(|store, key| store.delete(key)).await {
                    tracing::warn!(%error, "revoked tokens may still be kept");
                }
            });
        }
        kept
    }

    async fn keep(&self, reply: Reply, nonce: &str) -> Result<User, Error> {
        let id = reply.id.ok_or(ProtocolError::NoIdToken)?;
        let refresh = reply.refresh.ok_or(ProtocolError::NoRefreshToken)?;
        let claims = self.verified(&id).await?;
        claims
            .check_nonce(nonce)
            .map_err(|error| self.unacceptable(error))?;
        claims
            .check_at_hash(reply.access.expose())
            .map_err(|error| self.unacceptable(error))?;
        let user = self.user(&claims, reply.expires_in);
        let set = TokenSet {
            access: reply.access,
            id,
            refresh,
            user: user.clone(),
        };

        let turn = self.turn_to_replace().await?;
        self.start(&turn, set).await?;
        Ok(user)
    }
}

/// Where the sign-in that waits for its answer is kept, beside the tokens.
fn pending_key(session_key: &str) -> String {
    format!("{session_key}, signing in")
}

impl PendingAuthorization {
    fn shown(&self, finishing: bool) -> SessionState {
        SessionState::SigningIn {
            url: self.url().clone(),
            expires: self.expires(),
            finishing,
            route: self.route(),
        }
    }
}
