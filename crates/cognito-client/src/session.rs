//! The one door to a person's tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use cognito_verifier::{ClientIds, IdClaims, UserPool, Verifier, VerifyError};
use tokio::sync::{MutexGuard, OwnedMutexGuard, watch};
use url::Url;

use crate::authorization::{Accepted, Answer, CallbackError, PendingAuthorization, state_of};
use crate::clock::{Clock, unix_seconds};
use crate::error::{Error, OAuthErrorCode, ProtocolError, SignInReason, TransientCause};
use crate::profile::Profile;
use crate::store::{StoreError, TokenStore};
use crate::token_endpoint::{Reply, TokenEndpoint};
use crate::tokens::{AccessToken, IdToken, TokenSet, User};

/// How long a keychain may take, its question for a password included.
const STORE_PATIENCE: Duration = Duration::from_secs(60);
/// How long a request to the user pool or the API may take.
const HTTP_PATIENCE: Duration = Duration::from_secs(20);
/// From here on a wrong clock is worth telling: AWS refuses signatures that are more than five
/// minutes off (AWS Signature Version 4, "Date").
const SKEW_WORTH_TELLING: Duration = Duration::from_secs(4 * 60);

/// What a session is doing. Never holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// The keychain is being asked.
    Restoring,
    /// Nobody is signed in.
    SignedOut,
    /// The browser has been sent off and an answer is awaited.
    SigningIn {
        /// What the browser opens.
        url: Url,
        /// Until when an answer is awaited.
        expires: SystemTime,
        /// Whether the answer has come and is being redeemed.
        finishing: bool,
    },
    /// Somebody is.
    SignedIn(User),
    /// Somebody was, and the user pool ended it.
    Expired,
}

/// A [`SessionState`] and what went wrong on the way to it.
#[derive(Clone, Debug)]
pub struct Status {
    /// What the session is doing.
    pub state: SessionState,
    /// The last thing that went wrong, until something goes right or it is dismissed.
    pub problem: Option<Error>,
    /// How far this computer's clock is behind the user pool's (negative: ahead of it), in seconds,
    /// when that is far enough for AWS to refuse its signatures. Keyfob itself corrects for it.
    pub clock_skew: Option<i64>,
}

/// What signing out did.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignOut {
    /// Whether the user pool revoked the refresh token; the tokens are gone from here in any case.
    pub revoked: Result<(), Error>,
    /// What to open in the browser to end its own session at the user pool, where the profile has a
    /// sign-out URL. Until then the next sign-in may pass without a password, for up to an hour.
    pub browser: Option<Url>,
}

/// One person's session with one [`Profile`]: sign-in, the tokens kept fresh, sign-out.
///
/// Cheap to clone; all clones are the same session. Must be used inside a Tokio runtime.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    profile: Profile,
    store: Arc<dyn TokenStore>,
    clock: Arc<CorrectedClock>,
    http: reqwest::Client,
    endpoint: TokenEndpoint,
    verifier: Verifier<IdClaims>,
    status: watch::Sender<Status>,
    sign_in: tokio::sync::Mutex<SignIn>,
    /// Whoever holds this is the one who loads, refreshes or replaces the tokens.
    tokens: Arc<tokio::sync::Mutex<Tokens>>,
}

#[derive(Default)]
struct SignIn {
    pending: Option<PendingAuthorization>,
    /// The `state` of the answer that was used last.
    answered: Option<String>,
}

#[derive(Default)]
struct Tokens {
    /// Whether the store has been asked.
    loaded: bool,
    set: Option<TokenSet>,
    /// The set is newer than what the store has.
    unsaved: bool,
    /// The set was refused by an API although it is not expired.
    refused: bool,
}

/// The local clock, corrected by what the user pool's `Date` header says.
struct CorrectedClock {
    local: Arc<dyn Clock>,
    offset_seconds: AtomicI64,
}

impl cognito_verifier::Clock for CorrectedClock {
    fn now(&self) -> SystemTime {
        let offset = self.offset_seconds.load(Ordering::Relaxed);
        let (now, by) = (self.local.now(), Duration::from_secs(offset.unsigned_abs()));
        if offset < 0 { now - by } else { now + by }
    }
}

impl CorrectedClock {
    /// Learns the server's time; a difference of a second is the header's own coarseness.
    fn learn(&self, server: SystemTime) {
        let offset = match server.duration_since(self.local.now()) {
            Ok(behind) => behind.as_secs().cast_signed(),
            Err(ahead) => -ahead.duration().as_secs().cast_signed(),
        };
        self.offset_seconds
            .store(if offset.abs() < 2 { 0 } else { offset }, Ordering::Relaxed);
    }

    fn skew(&self) -> Option<i64> {
        let offset = self.offset_seconds.load(Ordering::Relaxed);
        (offset.unsigned_abs() >= SKEW_WORTH_TELLING.as_secs()).then_some(offset)
    }
}

/// What a [`Session`] is made of beside its profile and store.
pub struct SessionBuilder {
    profile: Profile,
    store: Arc<dyn TokenStore>,
    clock: Arc<dyn Clock>,
    http_patience: Duration,
}

impl SessionBuilder {
    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long one request may take; 20 seconds unless said otherwise.
    #[must_use]
    pub fn http_patience(mut self, patience: Duration) -> Self {
        self.http_patience = patience;
        self
    }

    /// Makes the session. Nothing is read or sent yet.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the profile's issuer cannot be one, or the system's TLS
    /// certificates cannot be loaded.
    pub fn build(self) -> Result<Session, Error> {
        let Self {
            profile,
            store,
            clock,
            http_patience,
        } = self;
        // Redirects are never followed: neither a code nor a token may travel on to another address.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(http_patience)
            .build()
            .map_err(|_| Error::Configuration {
                problem: "the system's TLS certificates cannot be loaded".into(),
                remedy:
                    "Check the system's certificate store (on Linux: the package ca-certificates)."
                        .into(),
            })?;
        let clock = Arc::new(CorrectedClock {
            local: clock,
            offset_seconds: AtomicI64::new(0),
        });
        let pool =
            UserPool::new(profile.issuer.as_str()).map_err(|error| Error::Configuration {
                problem: error.to_string(),
                remedy: "Correct the profile's `issuer`.".into(),
            })?;
        let verifier = Verifier::id(pool, ClientIds::only([profile.client_id.as_str()]))
            .with_clock(clock.clone())
            .with_http(http.clone());
        let (status, _) = watch::channel(Status {
            state: SessionState::Restoring,
            problem: None,
            clock_skew: None,
        });
        Ok(Session {
            inner: Arc::new(Inner {
                endpoint: TokenEndpoint::new(&profile, http.clone()),
                profile,
                store,
                clock,
                http,
                verifier,
                status,
                sign_in: tokio::sync::Mutex::default(),
                tokens: Arc::default(),
            }),
        })
    }
}

impl Session {
    /// A session with the system's clock.
    ///
    /// # Errors
    /// As [`SessionBuilder::build`].
    pub fn new(profile: Profile, store: Arc<dyn TokenStore>) -> Result<Self, Error> {
        Self::builder(profile, store).build()
    }

    /// A session with parts of one's own.
    pub fn builder(profile: Profile, store: Arc<dyn TokenStore>) -> SessionBuilder {
        SessionBuilder {
            profile,
            store,
            clock: Arc::new(cognito_verifier::SystemClock),
            http_patience: HTTP_PATIENCE,
        }
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.inner.profile
    }

    /// The time, corrected by the user pool's when this computer's clock is wrong.
    pub fn now(&self) -> SystemTime {
        cognito_verifier::Clock::now(&*self.inner.clock)
    }

    /// What the session is doing.
    pub fn status(&self) -> Status {
        self.inner.status.borrow().clone()
    }

    /// Follows [`status`](Self::status).
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.inner.status.subscribe()
    }

    /// Forgets the [`Status::problem`] the person has read.
    pub fn dismiss_problem(&self) {
        self.inner
            .status
            .send_modify(|status| status.problem = None);
    }

    /// Takes up the session of an earlier run, if the store has one, and renews its tokens when they
    /// have expired; and a sign-in that was waiting when the app was closed. What goes wrong is in
    /// [`status`](Self::status): without a network the person stays signed in.
    pub async fn restore(&self) {
        if let Err(error) = self.take_up().await {
            self.settle(Some(error)).await;
        } else if let Err(error) = self.fresh().await
            && !matches!(error, Error::SignInRequired(SignInReason::SignedOut))
        {
            self.tell(error);
        }
    }

    async fn take_up(&self) -> Result<(), Error> {
        drop(self.loaded().await?);
        let kept = self
            .with_store(|store, key| store.load(&pending_key(key)))
            .await?;
        let pending = kept.and_then(|secret| PendingAuthorization::from_secret(&secret));
        let mut sign_in = self.sign_in().await;
        if let Some(pending) = pending.filter(|pending| pending.expires() > self.local_now()) {
            self.wait_for_answer(&mut sign_in, pending);
        } else {
            drop(sign_in);
            self.settle(None).await;
        }
        Ok(())
    }

    /// Begins a sign-in: the URL is to be opened in the person's browser, and the answer given to
    /// [`complete`](Self::complete). While one is waiting, this gives its URL again. Meanwhile the user
    /// pool's keys are fetched, so that the answer needs one request only.
    ///
    /// The request is kept in the store first, so that its answer is understood even by an app that was
    /// closed and started again, and so that a keychain that does not work is found out before the
    /// person types a password.
    ///
    /// # Errors
    /// [`Error::Store`] when the keychain does not work.
    pub async fn begin(&self) -> Result<Url, Error> {
        let mut sign_in = self.sign_in().await;
        if let Some(pending) = &sign_in.pending {
            return Ok(pending.url().clone());
        }
        let pending = PendingAuthorization::new(self.profile(), self.local_now());
        let secret = pending.to_secret();
        let kept = self
            .with_store(move |store, key| store.save(&pending_key(key), &secret))
            .await;
        if let Err(error) = kept {
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
            session.forget_pending().await;
            session.settle(result.as_ref().err().cloned()).await;
            result
        });
        joined(finished.await)
    }

    /// An access token for the API with at least a minute left, renewed when need be.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] when nobody is signed in or the session has ended;
    /// [`Error::Transient`] when a renewal was needed and could not be had, which leaves the session
    /// as it is; [`Error::Store`] when the keychain does not work.
    pub async fn access_token(&self) -> Result<AccessToken, Error> {
        Ok(self.fresh().await?.access)
    }

    /// An ID token for an identity pool; otherwise as [`access_token`](Self::access_token).
    ///
    /// # Errors
    /// As [`access_token`](Self::access_token).
    pub async fn id_token(&self) -> Result<IdToken, Error> {
        Ok(self.fresh().await?.id)
    }

    /// Says that this very token was refused, so that it is renewed before its time. Another token, one
    /// renewed in the meantime, is left alone.
    pub async fn invalidate(&self, token: &AccessToken) {
        let mut tokens = self.inner.tokens.lock().await;
        tokens.refused |= tokens.set.as_ref().is_some_and(|set| set.access == *token);
    }

    /// Signs out: revokes the refresh token, empties the store, and gives the URL that ends the
    /// browser's own session. Offline, the tokens are gone from here all the same and
    /// [`SignOut::revoked`] says that the user pool does not know yet.
    ///
    /// # Errors
    /// [`Error::Store`] when the tokens may still be in the keychain.
    pub async fn sign_out(&self) -> Result<SignOut, Error> {
        let mut tokens = self.loaded().await?;
        let revoked = match &tokens.set {
            Some(set) => self.inner.endpoint.revoke(&set.refresh).await,
            None => Ok(()),
        };
        self.with_store(|store, key| store.delete(key)).await?;
        *tokens = Tokens {
            loaded: true,
            ..Tokens::default()
        };
        drop(tokens);
        self.sign_in().await.pending = None;
        self.forget_pending().await;
        self.publish(SessionState::SignedOut, None);
        Ok(SignOut {
            revoked,
            browser: self.logout_url(),
        })
    }

    /// Cognito's own way out (guide, "Logout endpoint"); it knows nothing of OpenID Connect's.
    fn logout_url(&self) -> Option<Url> {
        let profile = self.profile();
        let redirect = profile.sign_out_redirects.first()?;
        let mut url = profile.domain_url("/logout");
        url.query_pairs_mut()
            .append_pair("client_id", &profile.client_id)
            .append_pair("logout_uri", redirect.as_str());
        Some(url)
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    async fn sign_in(&self) -> MutexGuard<'_, SignIn> {
        self.inner.sign_in.lock().await
    }

    /// Pending sign-ins live by the computer's own clock, which only has to agree with itself.
    fn local_now(&self) -> SystemTime {
        self.inner.clock.local.now()
    }

    /// Shows the sign-in as waiting, fetches the keys its answer will need, and ends it in time.
    fn wait_for_answer(&self, sign_in: &mut SignIn, pending: PendingAuthorization) {
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
        let over = self.inner.clock.local.sleep_until(pending.expires());
        sign_in.pending = Some(pending);
        tokio::spawn(async move {
            over.await;
            let Some(inner) = session.upgrade() else {
                return;
            };
            let problem = Error::NoAnswer {
                redirect: inner.profile.redirect().clone(),
                client_id: inner.profile.client_id.clone(),
            };
            Self { inner }
                .give_up(|pending| pending.has_state(&state), Some(problem))
                .await;
        });
    }

    /// Ends the waiting sign-in, if it is the one meant.
    async fn give_up(
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

    async fn forget_pending(&self) {
        // It expires by itself; kept, it does no harm.
        if let Err(error) = self
            .with_store(|store, key| store.delete(&pending_key(key)))
            .await
        {
            tracing::warn!(%error, "a sign-in that is over is still kept");
        }
    }

    /// Consumes the pending sign-in for the URL that answers it, and for no other.
    async fn accept(&self, callback: &Url) -> Result<Result<Accepted, Error>, Error> {
        let mut sign_in = self.sign_in().await;
        let Some(pending) = &sign_in.pending else {
            let state = state_of(self.profile().redirect(), callback);
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

    async fn finish(&self, accepted: Accepted) -> Result<User, Error> {
        let nonce = accepted.nonce.clone();
        let reply = self.inner.endpoint.exchange(accepted).await?;
        self.learn_time(&reply);
        let id = reply.id.ok_or(ProtocolError::NoIdToken)?;
        let refresh = reply.refresh.ok_or(ProtocolError::NoRefreshToken)?;
        let claims = self.verified(&id).await?;
        claims
            .check_nonce(&nonce)
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

        let mut tokens = self.inner.tokens.clone().lock_owned().await;
        if let Err(error) = self.save(&set).await {
            // What cannot be kept must not stay alive at the user pool either.
            if let Err(error) = self.inner.endpoint.revoke(&set.refresh).await {
                tracing::warn!(%error, "a refresh token that could not be kept was not revoked");
            }
            return Err(error);
        }
        *tokens = Tokens {
            loaded: true,
            set: Some(set),
            ..Tokens::default()
        };
        Ok(user)
    }

    /// The tokens, fresh. One caller renews, the others wait for it.
    async fn fresh(&self) -> Result<TokenSet, Error> {
        let tokens = self.loaded().await?;
        match &tokens.set {
            None => {
                return Err(Error::SignInRequired(
                    match self.inner.status.borrow().state {
                        SessionState::Expired => SignInReason::SessionEnded,
                        _ => SignInReason::SignedOut,
                    },
                ));
            }
            Some(set) if set.is_fresh(self.now()) && !tokens.refused && !tokens.unsaved => {
                return Ok(set.clone());
            }
            Some(_) => {}
        }
        let session = self.clone();
        // In a task of its own: with rotation, a reply that nobody keeps would be the end of the session.
        joined(tokio::spawn(async move { session.renew(tokens).await }).await)
    }

    async fn renew(&self, mut tokens: OwnedMutexGuard<Tokens>) -> Result<TokenSet, Error> {
        let mut old = tokens
            .set
            .clone()
            .expect("only a session that has tokens renews them");
        if tokens.unsaved {
            self.save(&old).await?;
            tokens.unsaved = false;
        }
        if old.is_fresh(self.now()) && !tokens.refused {
            return Ok(old);
        }
        let reply = loop {
            match self.inner.endpoint.refresh(&old.refresh).await {
                Ok(reply) => break reply,
                Err(Error::Rejected {
                    code: OAuthErrorCode::InvalidGrant,
                    ..
                }) => {
                    // Another process may have renewed them since: the store has the last word.
                    let stored = self.stored().await?;
                    match stored.filter(|stored| stored.refresh != old.refresh) {
                        Some(stored) if stored.is_fresh(self.now()) => {
                            *tokens = Tokens {
                                loaded: true,
                                set: Some(stored.clone()),
                                ..Tokens::default()
                            };
                            drop(tokens);
                            self.settle(None).await;
                            return Ok(stored);
                        }
                        Some(stored) => old = stored,
                        None => return Err(self.end(tokens).await),
                    }
                }
                Err(error) => return Err(error),
            }
        };
        self.learn_time(&reply);
        // A rotated refresh token is kept before anything else can go wrong: the old one may be dead.
        if let Some(refresh) = reply.refresh {
            old.refresh = refresh;
            *tokens = Tokens {
                loaded: true,
                set: Some(old.clone()),
                unsaved: true,
                refused: true,
            };
            self.save(&old).await?;
            tokens.unsaved = false;
        }
        let id = reply.id.ok_or(ProtocolError::NoIdToken)?;
        let claims = self.verified(&id).await?;
        if claims.sub != old.user.sub {
            return Err(ProtocolError::OtherUser.into());
        }
        let new = TokenSet {
            user: self.user(&claims, reply.expires_in),
            access: reply.access,
            id,
            refresh: old.refresh,
        };
        *tokens = Tokens {
            loaded: true,
            set: Some(new.clone()),
            unsaved: true,
            refused: false,
        };
        self.save(&new).await?;
        tokens.unsaved = false;
        drop(tokens);
        self.settle(None).await;
        Ok(new)
    }

    /// The user pool has ended the session.
    async fn end(&self, mut tokens: OwnedMutexGuard<Tokens>) -> Error {
        *tokens = Tokens {
            loaded: true,
            ..Tokens::default()
        };
        let error = Error::SignInRequired(SignInReason::SessionEnded);
        if let Err(error) = self.with_store(|store, key| store.delete(key)).await {
            tracing::warn!(%error, "tokens that have ended are still kept");
        }
        self.publish(SessionState::Expired, Some(error.clone()));
        error
    }

    async fn verified(&self, id: &IdToken) -> Result<IdClaims, Error> {
        self.inner
            .verifier
            .verify(id.expose())
            .await
            .map_err(|error| self.unacceptable(error))
    }

    fn unacceptable(&self, error: VerifyError) -> Error {
        let profile = self.profile();
        match &error {
            VerifyError::JwksUnavailable { .. } => Error::transient(&profile.issuer, TransientCause::NoKeys),
            VerifyError::WrongIssuer { .. } => Error::Configuration {
                problem: format!("the user pool's tokens are not issued by {}", profile.issuer),
                remedy: "Ask your administrator to set the profile's `issuer` to the user pool's own, and `domain` to the same pool's domain.".into(),
            },
            VerifyError::WrongClient { .. } => Error::Configuration {
                problem: format!("the user pool's tokens are not meant for the app client {}", profile.client_id),
                remedy: "Ask your administrator to check the profile's `client_id`.".into(),
            },
            _ => ProtocolError::IdToken(Arc::new(error)).into(),
        }
    }

    fn user(&self, claims: &IdClaims, expires_in: Option<Duration>) -> User {
        let access_expires =
            expires_in.map_or(u64::MAX, |lifetime| unix_seconds(self.now() + lifetime));
        let signed_in_at = claims
            .auth_time
            .or(claims.iat)
            .unwrap_or_else(|| unix_seconds(self.now()));
        User {
            sub: claims.sub.clone(),
            username: claims.username.clone(),
            name: claims.name.clone(),
            email: claims.email.clone(),
            groups: claims.groups.clone(),
            signed_in_at,
            token_expires_at: claims.exp.min(access_expires),
            session_expires_at: signed_in_at
                + u64::from(self.profile().refresh_token_days) * 86_400,
        }
    }

    fn learn_time(&self, reply: &Reply) {
        if let Some(server) = reply.server_time {
            self.inner.clock.learn(server);
        }
    }

    /// The tokens' guard, the store having been asked.
    async fn loaded(&self) -> Result<OwnedMutexGuard<Tokens>, Error> {
        let mut tokens = self.inner.tokens.clone().lock_owned().await;
        if !tokens.loaded {
            tokens.set = self.stored().await?;
            tokens.loaded = true;
        }
        Ok(tokens)
    }

    async fn stored(&self) -> Result<Option<TokenSet>, Error> {
        let secret = self.with_store(|store, key| store.load(key)).await?;
        let set = secret.map(|secret| TokenSet::from_secret(&secret).ok_or(StoreError::Damaged));
        Ok(set.transpose()?)
    }

    async fn save(&self, set: &TokenSet) -> Result<(), Error> {
        let secret = set.to_secret();
        self.with_store(move |store, key| store.save(key, &secret))
            .await
    }

    async fn with_store<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&dyn TokenStore, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.inner.clone();
        let task = tokio::task::spawn_blocking(move || {
            operation(&*inner.store, &inner.profile.session_key())
        });
        match tokio::time::timeout(STORE_PATIENCE, task).await {
            Ok(done) => Ok(joined(done)?),
            Err(_) => Err(StoreError::TimedOut.into()),
        }
    }

    /// Says what the tokens at hand mean, unless a sign-in is waiting.
    async fn settle(&self, problem: Option<Error>) {
        let sign_in = self.sign_in().await;
        let tokens = self.inner.tokens.lock().await;
        let state = match &tokens.set {
            Some(set) => SessionState::SignedIn(set.user.clone()),
            None => SessionState::SignedOut,
        };
        if sign_in.pending.is_none() {
            self.publish(state, problem);
        }
    }

    fn publish(&self, state: SessionState, problem: Option<Error>) {
        let clock_skew = self.inner.clock.skew();
        self.inner.status.send_replace(Status {
            state,
            problem,
            clock_skew,
        });
    }

    fn tell(&self, problem: Error) {
        self.inner
            .status
            .send_modify(|status| status.problem = Some(problem));
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
        }
    }
}

/// A task's result; its panic, if it panicked, goes on here.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    result.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => unreachable!("no task of a session is ever aborted"),
    })
}
