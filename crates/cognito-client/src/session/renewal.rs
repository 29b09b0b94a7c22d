//! Tokens with time left, whatever it takes: renewed once however many ask for them, here and in the
//! other processes that share the session, and given up for one reason only.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::sign_out::Reminder;
use super::turn::{Turn, random_below};
use super::{Session, lock};
use crate::error::{Error, OAuthErrorCode, ProtocolError, SignInReason};
use crate::token_endpoint::Reply;
use crate::tokens::{AccessToken, IdToken, TokenSet, User};

/// How often a session that is kept fresh looks whether anything is to be done: by the wall clock,
/// because a timer for the right moment stands still while a computer sleeps.
const LOOK_EVERY: Duration = Duration::from_secs(10);

type Outcome = Result<Arc<TokenSet>, Error>;

/// A renewal that is under way, for all who wait for it.
pub(super) type Flight = watch::Receiver<Option<Outcome>>;

/// The renewals that failed in a row, for want of the network or of the user pool.
#[derive(Default)]
pub(super) struct Failures {
    in_a_row: u32,
    last: Option<(Error, SystemTime)>,
    /// The share of its length that a pause has, in thousandths: at random, so that the computers of
    /// an organisation do not all come back in the same second.
    jitter: u32,
}

impl Failures {
    fn add(&mut self, error: Error, now: SystemTime) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = Some((error, now));
        self.jitter = 500 + random_below(501);
    }

    /// Nobody asks again before this: a second after the second failure, twice as long after each
    /// further one, up to `longest`. What happened once, the next call may simply try again.
    fn pause_until(&self, longest: Duration) -> Option<SystemTime> {
        let (_, at) = self.last.as_ref()?;
        let doublings = self.in_a_row.checked_sub(2)?;
        let pause = Duration::from_secs(1 << doublings.min(16)).min(longest);
        Some(*at + pause * self.jitter / 1_000)
    }

    /// What callers are told instead of asking again.
    fn still(&self, now: SystemTime) -> Option<Error> {
        /// Longer than this no person is kept from trying.
        const LONGEST: Duration = Duration::from_secs(8);
        let (error, at) = self.last.as_ref()?;
        let until = self.pause_until(LONGEST)?;
        // A clock that was set back ends the pause.
        (now >= *at && now < until).then(|| error.clone())
    }

    fn allow_ahead(&self, now: SystemTime) -> bool {
        const LONGEST: Duration = Duration::from_secs(5 * 60);
        self.pause_until(LONGEST)
            .is_none_or(|until| now >= until || self.last.as_ref().is_some_and(|(_, at)| now < *at))
    }
}

/// Which tokens are good enough.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Those that are still fresh.
    Now,
    /// Those that are not due for renewal.
    Ahead,
}

impl Session {
    /// An access token for the API with at least a minute left, renewed when need be.
    ///
    /// From a live session this costs a clock reading and a reference count.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] when nobody is signed in or the session has ended;
    /// [`Error::Transient`] when a renewal was needed and could not be had, which leaves the session
    /// as it is; [`Error::Store`] when the keychain does not work.
    pub async fn access_token(&self) -> Result<AccessToken, Error> {
        match self.at_hand(|set| set.access.clone()) {
            Some(token) => Ok(token),
            None => Ok(self.fresh().await?.access.clone()),
        }
    }

    /// An ID token for an identity pool; otherwise as [`access_token`](Self::access_token).
    ///
    /// # Errors
    /// As [`access_token`](Self::access_token).
    pub async fn id_token(&self) -> Result<IdToken, Error> {
        match self.at_hand(|set| set.id.clone()) {
            Some(token) => Ok(token),
            None => Ok(self.fresh().await?.id.clone()),
        }
    }

    /// Who is signed in, by the store where need be: somebody may have signed in, or out, with another
    /// program since. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::SignInRequired`] and [`Error::Store`].
    pub async fn user(&self) -> Result<User, Error> {
        self.loaded().await?;
        self.look().await;
        let tokens = self.tokens();
        tokens.signed_out()?;
        let set = tokens.set.as_ref();
        Ok(set.expect("nobody is signed out").user.clone())
    }

    /// Says that this very token was refused, so that it is renewed before its time. Another token, one
    /// renewed in the meantime, is left alone.
    pub fn invalidate(&self, token: &AccessToken) {
        let mut tokens = self.tokens_mut();
        tokens.refused |= tokens.set.as_ref().is_some_and(|set| set.access == *token);
    }

    /// Keeps the tokens fresh until dropped: renews them ahead of need, so that nobody waits for it;
    /// tries again, in growing intervals, while the user pool cannot be reached; tells it of a sign-out
    /// it has not heard of yet; and notices what other programs do to the session. Whatever happens is
    /// in [`status`](Self::status).
    pub async fn keep_fresh(&self) {
        let mut reminder = Reminder::default();
        loop {
            self.inner
                .clock
                .local
                .sleep_until(self.local_now() + LOOK_EVERY)
                .await;
            self.look().await;
            if self.is_due() && lock(&self.inner.failures).allow_ahead(self.local_now()) {
                self.renew_ahead().await;
            }
            self.remember_owed(&mut reminder).await;
        }
    }

    /// For the moment a person is likely to need the session: the window has come to the front, the
    /// computer has woken. Notices what other programs have done, and renews without regard to earlier
    /// failures what is due.
    pub async fn wake(&self) {
        *lock(&self.inner.failures) = Failures::default();
        self.look().await;
        if self.is_due() {
            self.renew_ahead().await;
        }
        self.remember_owed(&mut Reminder::default()).await;
    }

    /// For "Try again": as [`wake`](Self::wake), and the store is read again whatever it says of itself.
    pub async fn retry(&self) {
        if !self.tokens().loaded {
            return self.restore().await;
        }
        match self.turn().await {
            Ok(turn) => drop(turn),
            Err(error) => return self.tell(error),
        }
        self.wake().await;
    }

    /// The tokens, fresh. One caller renews, the others wait for it and share what becomes of it.
    pub(super) async fn fresh(&self) -> Outcome {
        self.loaded().await?;
        if self.tokens().set.is_none() {
            // Somebody may have signed in with another program since.
            self.look().await;
        }
        if let Some(set) = self.at_hand(Arc::clone) {
            return Ok(set);
        }
        self.tokens().signed_out()?;
        if let Some(error) = lock(&self.inner.failures).still(self.local_now()) {
            return Err(error);
        }
        self.flight(Need::Now).await
    }

    /// Something of tokens that can be used as they are.
    fn at_hand<T>(&self, take: impl FnOnce(&Arc<TokenSet>) -> T) -> Option<T> {
        let now = self.now();
        let tokens = self.tokens();
        let set = tokens.set.as_ref()?;
        (!tokens.refused && tokens.unsaved.is_none() && set.is_fresh(now)).then(|| take(set))
    }

    fn is_due(&self) -> bool {
        let tokens = self.tokens();
        tokens.set.is_some() && (tokens.unsaved.is_some() || self.now() >= tokens.renew_at)
    }

    async fn renew_ahead(&self) {
        // The outcome is in the status.
        if let Err(error) = self.flight(Need::Ahead).await {
            tracing::info!(%error, "the tokens were not renewed ahead of need");
        }
    }

    async fn flight(&self, need: Need) -> Outcome {
        let mut flight = {
            let mut flight = lock(&self.inner.flight);
            match &*flight {
                // One that panicked has nothing to tell.
                Some(flight) if flight.has_changed().is_ok() => flight.clone(),
                _ => flight.insert(self.take_off(need)).clone(),
            }
        };
        let landed = flight.wait_for(Option::is_some).await;
        let outcome = landed.ok().and_then(|outcome| outcome.clone());
        outcome.expect("a renewal always comes to an end")
    }

    fn take_off(&self, need: Need) -> Flight {
        let (landed, flight) = watch::channel(None);
        let session = self.clone();
        // In a task of its own: with rotation, a reply that nobody keeps would be the end of the session.
        tokio::spawn(async move {
            let outcome = session.renew(need).await;
            session.take_note(outcome.as_ref().err());
            // Before it is told, so that whoever asks for more starts anew.
            *lock(&session.inner.flight) = None;
            landed.send_replace(Some(outcome));
        });
        flight
    }

    fn take_note(&self, error: Option<&Error>) {
        let now = self.local_now();
        let transient = match error {
            Some(error @ Error::Transient { .. }) => {
                lock(&self.inner.failures).add(error.clone(), now);
                true
            }
            _ => {
                *lock(&self.inner.failures) = Failures::default();
                false
            }
        };
        self.inner.status.send_if_modified(|status| {
            let before = (status.refreshing, status.offline_since);
            status.refreshing = false;
            status.offline_since = transient.then(|| status.offline_since.unwrap_or(now));
            before != (status.refreshing, status.offline_since)
        });
    }

    async fn renew(&self, need: Need) -> Outcome {
        // Another process may have done it: the store is read again in here.
        let turn = self.turn().await?;
        self.tokens().signed_out()?;
        let unsaved = self.tokens().unsaved.is_some();
        if unsaved {
            self.save_unsaved(&turn).await?;
        }
        let enough = !self.is_due() || need == Need::Now;
        if let Some(set) = self.at_hand(Arc::clone).filter(|_| enough) {
            drop(turn);
            self.settle(None).await;
            return Ok(set);
        }
        let reply = match self.ask(&turn).await {
            Ok(reply) => reply,
            Err(Error::Rejected {
                code: OAuthErrorCode::InvalidGrant,
                ..
            }) => return self.ask_for_certain(turn).await,
            Err(error) => return Err(error),
        };
        self.use_reply(turn, reply).await
    }

    /// The user pool refuses the refresh token. Before that ends the session, the store is read once
    /// more, for programs that know no locks, and the user pool asked once more.
    async fn ask_for_certain(&self, turn: Turn) -> Outcome {
        self.read_again().await?;
        self.tokens().signed_out()?;
        if let Some(set) = self.at_hand(Arc::clone) {
            return Ok(set);
        }
        match self.ask(&turn).await {
            Ok(reply) => self.use_reply(turn, reply).await,
            Err(Error::Rejected {
                code: OAuthErrorCode::InvalidGrant,
                ..
            }) => Err(self.end(turn).await),
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, _turn: &Turn) -> Result<Reply, Error> {
        self.inner.status.send_if_modified(|status| {
            let began = !status.refreshing;
            status.refreshing = true;
            began
        });
        let refresh = self.held().refresh.clone();
        self.inner.endpoint.refresh(self.http()?, &refresh).await
    }

    async fn use_reply(&self, turn: Turn, reply: Reply) -> Outcome {
        self.learn_time(&reply);
        let old = self.held();
        // A refresh token that replaces the old one is kept before anything else can go wrong: the old
        // one may be dead. One that does not come leaves the old one in force.
        // With its keys at hand the rest of the reply takes no time and is kept along with it.
        let at_once = |id: &IdToken| self.inner.verifier.verify_now(id.expose()).ok();
        let known = reply.id.as_ref().and_then(at_once);
        let refresh = match reply.refresh {
            None => old.refresh.clone(),
            Some(refresh) if known.is_some() => refresh,
            Some(refresh) => {
                let rotated = TokenSet {
                    refresh: refresh.clone(),
                    ..(*old).clone()
                };
                self.replace(&turn, rotated).await?;
                refresh
            }
        };
        let id = reply.id.ok_or(ProtocolError::NoIdToken)?;
        let claims = match known {
            Some(claims) => claims,
            None => self.verified(&id).await?,
        };
        if claims.sub() != old.user.sub {
            return Err(ProtocolError::OtherUser.into());
        }
        let new = TokenSet {
            user: self.user_of(&claims, reply.expires_in),
            access: reply.access,
            id,
            refresh,
        };
        let new = self.replace(&turn, new).await?;
        drop(turn);
        self.settle(None).await;
        Ok(new)
    }

    /// The user pool has ended the session, and has said so twice.
    async fn end(&self, turn: Turn) -> Error {
        let error = Error::SignInRequired(SignInReason::SessionEnded);
        if let Err(error) = self.forget(&turn).await {
            tracing::warn!(%error, "tokens that have ended are still kept");
        }
        {
            let mut tokens = self.tokens_mut();
            tokens.set = None;
            tokens.ended = true;
        }
        drop(turn);
        self.settle(Some(error.clone())).await;
        error
    }

    fn held(&self) -> Arc<TokenSet> {
        let tokens = self.tokens();
        let set = tokens.set.as_ref();
        Arc::clone(set.expect("only a session that has tokens renews them"))
    }
}
