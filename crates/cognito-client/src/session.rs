//! The one door to a person's tokens.

mod answer;
mod derived;
mod renewal;
mod sign_in;
mod sign_out;
mod turn;

pub use sign_out::{SignOut, SignOutScope};

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use cognito_verifier::{ClientIds, IdClaims, JwksCache, UserPool, Verifier, VerifyError};
use tokio::sync::watch;
use url::Url;

use self::renewal::{Failures, Flight};
use self::sign_in::SignIn;
use self::turn::Tokens;
use crate::clock::{Clock, CorrectedClock, unix_seconds};
use crate::error::{Error, ProtocolError, SignInReason, TransientCause};
use crate::profile::Profile;
use crate::sign_in_request::Route;
use crate::store::TokenStore;
use crate::token_endpoint::{Reply, TokenEndpoint};
use crate::tokens::{IdToken, User};

/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a request to the user pool or the API may take.
const HTTP_PATIENCE: Duration = Duration::from_secs(20);

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
        /// How the answer comes back.
        route: Route,
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
    /// Whether the tokens are being renewed.
    pub refreshing: bool,
    /// Since when the user pool has not been reached; the person stays signed in.
    pub offline_since: Option<SystemTime>,
    /// Whether the user pool has yet to be told of a sign-out.
    pub revocation_owed: bool,
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
    /// Whose turn it is at the store.
    store_turn: Arc<tokio::sync::Mutex<()>>,
    clock: Arc<CorrectedClock>,
    /// Made when it is first needed: that reads the system's certificates, for which no window should wait.
    http: OnceLock<Option<reqwest::Client>>,
    http_patience: Duration,
    endpoint: TokenEndpoint,
    verifier: Verifier<IdClaims>,
    status: watch::Sender<Status>,
    sign_in: tokio::sync::Mutex<SignIn>,
    /// What callers are handed; replaced as a whole, by whoever has the turn.
    tokens: RwLock<Tokens>,
    turn: Arc<tokio::sync::Mutex<()>>,
    flight: Mutex<Option<Flight>>,
    failures: Mutex<Failures>,
    /// Whose turn it is to tell the user pool what it is owed.
    paying: tokio::sync::Mutex<()>,
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
    /// [`Error::Configuration`] when the profile's issuer cannot be one.
    pub fn build(self) -> Result<Session, Error> {
        let Self {
            profile,
            store,
            clock,
            http_patience,
        } = self;
        let clock = Arc::new(CorrectedClock::new(clock));
        let pool = |url: &str| {
            UserPool::new(url).map_err(|error| Error::Configuration {
                problem: error.to_string(),
                remedy: "Correct the profile's `issuer`.".into(),
            })
        };
        // The keys are where the issuer says, or below the same path elsewhere.
        let mut keys = profile.issuer.clone();
        if let Some(endpoint) = &profile.endpoints.cognito_idp {
            keys = endpoint.clone();
            keys.set_path(profile.issuer.path());
        }
        let keys = JwksCache::new(&pool(keys.as_str())?).with_clock(clock.clone());
        let verifier = Verifier::id(
            pool(profile.issuer.as_str())?,
            ClientIds::only([profile.client_id.as_str()]),
        )
        .with_clock(clock.clone())
        .with_jwks(Arc::new(keys));
        let (status, _) = watch::channel(Status {
            state: SessionState::Restoring,
            problem: None,
            clock_skew: None,
            refreshing: false,
            offline_since: None,
            revocation_owed: false,
        });
        Ok(Session {
            inner: Arc::new(Inner {
                endpoint: TokenEndpoint::new(&profile, http_patience),
                profile,
                store,
                store_turn: Arc::default(),
                clock,
                http: OnceLock::new(),
                http_patience,
                verifier,
                status,
                sign_in: tokio::sync::Mutex::default(),
                tokens: RwLock::default(),
                turn: Arc::default(),
                flight: Mutex::default(),
                failures: Mutex::default(),
                paying: tokio::sync::Mutex::default(),
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

    /// Whether the store has been asked for the tokens: [`restore`](Self::restore) does, and whatever needs
    /// them.
    pub fn is_loaded(&self) -> bool {
        self.tokens().loaded
    }

    /// Waits between half of `longest` and all of it: at random, so that the computers of an organisation
    /// that were all turned away do not all come back together.
    pub async fn pause(&self, longest: Duration) {
        let pause = longest * (500 + turn::random_below(501)) / 1_000;
        let until = self.local_now() + pause;
        self.inner.clock.local.sleep_until(until).await;
    }

    /// Takes up the session of an earlier run, if the store has one, and renews its tokens when they
    /// have expired; and a sign-in that was waiting when the app was closed. What goes wrong is in
    /// [`status`](Self::status): without a network the person stays signed in. Once the store has been
    /// read, this does nothing; so it may be tried again when the store was locked.
    pub async fn restore(&self) {
        if self.tokens().loaded {
            return;
        }
        if let Err(error) = self.take_up().await {
            self.settle(Some(error)).await;
        } else if let Err(error) = self.fresh().await
            && !matches!(error, Error::SignInRequired(SignInReason::SignedOut))
        {
            self.tell(error);
        }
        self.pay_owed().await;
    }

    /// The HTTP client, for what else is asked in the person's name: with the system's proxy and
    /// certificates, following no redirects, and without a time-out for a whole request.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the system's certificates cannot be loaded.
    pub fn http(&self) -> Result<&reqwest::Client, Error> {
        let http = self.inner.http.get_or_init(|| {
            // Redirects are never followed: neither a code nor a token may travel on to another address.
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_PATIENCE)
                .build()
                .ok()
        });
        http.as_ref().ok_or_else(|| Error::Configuration {
            problem: "the system's TLS certificates cannot be loaded".into(),
            remedy: "Check the system's certificate store (on Linux: the package ca-certificates), then start Keyfob again."
                .into(),
        })
    }

    pub(crate) fn http_patience(&self) -> Duration {
        self.inner.http_patience
    }

    async fn verified(&self, id: &IdToken) -> Result<IdClaims, Error> {
        let verifier = &self.inner.verifier;
        let mut verified = verifier.verify(id.expose()).await;
        if let Err(VerifyError::JwksUnavailable { .. }) = verified {
            // It may have been told the failure of a moment ago; a sign-in is worth a try of its own.
            verified = match verifier.preload().await {
                Ok(()) => verifier.verify(id.expose()).await,
                Err(error) => Err(error),
            };
        }
        verified.map_err(|error| self.unacceptable(error))
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

    fn user_of(&self, claims: &IdClaims, expires_in: Option<Duration>) -> User {
        let access_expires = expires_in
            .and_then(|lifetime| self.now().checked_add(lifetime))
            .map_or(u64::MAX, unix_seconds);
        let signed_in_at = claims
            .auth_time()
            .or(claims.iat())
            .unwrap_or_else(|| unix_seconds(self.now()));
        User {
            sub: claims.sub().to_owned(),
            username: claims.username().to_owned(),
            name: claims.name().map(str::to_owned),
            email: claims.email().map(str::to_owned),
            groups: claims.groups().map(str::to_owned).collect(),
            signed_in_at,
            token_expires_at: claims.exp().min(access_expires),
            session_expires_at: signed_in_at
                .saturating_add(u64::from(self.profile().refresh_token_days) * 86_400),
        }
    }

    fn learn_time(&self, reply: &Reply) {
        if let Some(server) = reply.server_time {
            self.inner.clock.learn(server);
        }
    }

    /// Says what the tokens at hand mean, unless a sign-in is waiting.
    async fn settle(&self, problem: Option<Error>) {
        let sign_in = self.sign_in().await;
        let state = match &*self.tokens() {
            Tokens { set: Some(set), .. } => SessionState::SignedIn(set.user.clone()),
            Tokens { ended: true, .. } => SessionState::Expired,
            _ => SessionState::SignedOut,
        };
        if sign_in.pending.is_none() {
            self.publish(state, problem);
        }
    }

    fn publish(&self, state: SessionState, problem: Option<Error>) {
        let clock_skew = self.inner.clock.skew();
        self.inner.status.send_modify(|status| {
            status.state = state;
            status.problem = problem;
            status.clock_skew = clock_skew;
        });
    }

    fn tell(&self, problem: Error) {
        self.inner
            .status
            .send_modify(|status| status.problem = Some(problem));
    }
}

/// A mutex's content, whoever panicked with it before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A task's result; its panic, if it panicked, goes on here.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    result.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => unreachable!("no task of a session is ever aborted"),
    })
}
