//! From the browser's answer to the kept tokens.

use tokio::task::JoinHandle;
use url::Url;

use super::sign_in::SignIn;
use super::{Session, joined};
use crate::authorization::{Accepted, Answer, CallbackError, PendingAuthorization, state_of};
use crate::error::{Error, OAuthErrorCode, ProtocolError};
use crate::loopback::Page;
use crate::pasted::Pasted;
use crate::store::StoreError;
use crate::token_endpoint::Reply;
use crate::tokens::{RefreshToken, TokenSet, User};

/// A sign-in that does not wait any more, because it was answered.
struct Answered {
    state: String,
    answer: Result<Accepted, Error>,
    /// The request once more, for a code that may not be its own.
    spare: Option<PendingAuthorization>,
}

impl Session {
    /// Takes the URL the browser was redirected to, redeems its code, verifies the ID token (OpenID
    /// Connect Core §3.1.3.7), keeps the tokens, and only then says who is signed in. On the loopback
    /// route the session does this by itself.
    ///
    /// An answer to a sign-in that another program has begun with the same profile and store, or an
    /// earlier run of this one, is taken as well.
    ///
    /// # Errors
    /// [`Error::Callback`] when the URL does not answer the waiting sign-in, which goes on waiting; any
    /// other error ends it. All are in [`status`](Self::status) as well.
    pub async fn complete(&self, callback: &Url) -> Result<User, Error> {
        let answered = self.accept(callback).await;
        let answered = answered.inspect_err(|error| self.tell(error.clone()))?;
        joined(self.conclude(answered).await)
    }

    /// Takes what the person has pasted: the whole address the browser ended at, as in
    /// [`complete`](Self::complete), or the code alone. Quotes, line breaks and escapes that terminals
    /// add are ignored. Works whatever the route of the waiting sign-in.
    ///
    /// A code alone has no `state` to compare, and needs none: the user pool redeems a code only for the
    /// PKCE verifier of the request it was made for (RFC 7636 §4.6), and where a code was made without
    /// PKCE, which Cognito allows, the ID token lacks this request's `nonce` and is refused (OpenID
    /// Connect Core §3.1.3.7). So nobody can make a person sign in to another's account with it.
    ///
    /// # Errors
    /// [`Error::Callback`] as in [`complete`](Self::complete), [`CallbackError::NotPasted`] among them.
    /// After a code that the user pool does not redeem ([`OAuthErrorCode::InvalidGrant`]) the sign-in
    /// goes on waiting too; any other error ends it.
    pub async fn complete_pasted(&self, text: &str) -> Result<User, Error> {
        let answered = match Pasted::read(text) {
            Some(Pasted::Callback(callback)) => self.accept(&callback).await,
            Some(Pasted::Code(code)) => {
                let read = |_: &_| Ok(Answer::Code(code.clone()));
                self.take_whichever(read, true).await
            }
            None => Err(CallbackError::NotPasted.into()),
        };
        let answered = answered.inspect_err(|error| self.tell(error.clone()))?;
        joined(self.conclude(answered).await)
    }

    /// Takes what the browser asked the loopback port for. Strays are told to whoever sent them, and to
    /// nobody else: any page can send them.
    pub(super) async fn take_from_browser(&self, callback: &Url) -> Page {
        match self.take(|request| request.read(callback), false).await {
            Ok(answered) => {
                let page = match answered.answer {
                    Ok(_) => Page::Arrived,
                    Err(_) => Page::Refused,
                };
                // The browser need not wait for it; how it ends is in the status.
                self.conclude(answered);
                page
            }
            Err(error) => Page::NotIt(error),
        }
    }

    async fn accept(&self, callback: &Url) -> Result<Answered, Error> {
        let state = state_of(callback);
        if state.is_some() && state == self.sign_in().await.answered {
            return Err(CallbackError::AlreadyUsed.into());
        }
        self.take_whichever(|request| request.read(callback), false)
            .await
    }

    /// Consumes the sign-in that `read` finds answered: the one that waits here, or the one that is
    /// kept, begun by another program.
    async fn take_whichever(
        &self,
        read: impl Fn(&PendingAuthorization) -> Result<Answer, CallbackError>,
        again: bool,
    ) -> Result<Answered, Error> {
        let refused = match self.take(&read, again).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        let kept = match self.kept().await {
            Ok(kept) => kept,
            // Then it is the keychain that keeps the answer's request from being found.
            Err(error) if refused == CallbackError::NothingPending => return Err(error),
            Err(_) => None,
        };
        let Some(kept) = kept.filter(|kept| kept.is_awaited(self.local_now())) else {
            return Err(refused.into());
        };
        let Ok(answer) = read(&kept) else {
            return Err(refused.into());
        };
        let mut sign_in = self.sign_in().await;
        if sign_in.answered.as_deref() == Some(kept.state()) {
            return Err(CallbackError::AlreadyUsed.into());
        }
        // Whoever signs in there need not here.
        if matches!(answer, Answer::Code(_)) {
            sign_in.stop().await;
        }
        Ok(self.consume(&mut sign_in, kept, answer, again))
    }

    /// Consumes the waiting sign-in for the answer that is its own, and for no other.
    async fn take(
        &self,
        read: impl Fn(&PendingAuthorization) -> Result<Answer, CallbackError>,
        again: bool,
    ) -> Result<Answered, CallbackError> {
        let mut sign_in = self.sign_in().await;
        let waiting = sign_in.pending.as_ref();
        let answer = read(&waiting.ok_or(CallbackError::NothingPending)?.request)?;
        let request = sign_in.stop().await.expect("it was there a line ago");
        Ok(self.consume(&mut sign_in, request, answer, again))
    }

    /// With `again`, the request can be taken up again if the code is not its own.
    fn consume(
        &self,
        sign_in: &mut SignIn,
        request: PendingAuthorization,
        answer: Answer,
        again: bool,
    ) -> Answered {
        let state = request.state().to_owned();
        let spare = again.then(|| request.twin());
        let answer = match answer {
            Answer::Code(code) => {
                self.publish(request.shown(true), None);
                Ok(request.redeem(code))
            }
            Answer::Refusal(error) => Err(error),
        };
        if spare.is_none() {
            sign_in.answered = Some(state.clone());
        }
        Answered {
            state,
            answer,
            spare,
        }
    }

    /// Goes through with an answer, in a task of its own: a code that was sent must not be lost because
    /// nobody waits any more.
    fn conclude(&self, answered: Answered) -> JoinHandle<Result<User, Error>> {
        let session = self.clone();
        tokio::spawn(async move {
            let result = session.finish(answered).await;
            if result.is_err() {
                // Another program may have used the same answer, and be signed in.
                session.look().await;
            }
            session.settle(result.as_ref().err().cloned()).await;
            result
        })
    }

    async fn finish(&self, answered: Answered) -> Result<User, Error> {
        let Answered {
            state,
            answer,
            spare,
        } = answered;
        // The request is forgotten before the tokens are kept: whichever comes later counts after a crash.
        let accepted = match answer {
            Ok(accepted) => accepted,
            Err(refusal) => {
                self.forget_kept(&state).await;
                return Err(refusal);
            }
        };
        let nonce = accepted.nonce.clone();
        let reply = match spare {
            None => {
                let redeemed = self.redeem(accepted);
                tokio::join!(redeemed, self.forget_kept(&state)).0?
            }
            Some(spare) => match self.redeem(accepted).await {
                Err(
                    error @ Error::Rejected {
                        code: OAuthErrorCode::InvalidGrant,
                        ..
                    },
                ) => {
                    let mut sign_in = self.sign_in().await;
                    if sign_in.pending.is_none() {
                        self.wait_again(&mut sign_in, spare, Some(error.clone()))
                            .await;
                    }
                    return Err(error);
                }
                redeemed => {
                    self.forget_kept(&state).await;
                    redeemed?
                }
            },
        };
        self.learn_time(&reply);
        let refresh = reply.refresh.clone();
        let kept = self.keep(reply, &nonce).await;
        // What is not kept must not stay alive at the user pool either.
        if let (Err(error), Some(refresh)) = (&kept, refresh) {
            if let Err(error) = self.revoke(&refresh).await {
                tracing::warn!(%error, "a refresh token that was not kept was not revoked");
            }
            if let Error::Store(StoreError::TimedOut) = error {
                self.forget_when_it_comes(refresh);
            }
        }
        kept
    }

    async fn redeem(&self, accepted: Accepted) -> Result<Reply, Error> {
        self.inner.endpoint.exchange(self.http()?, accepted).await
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
        let user = self.user_of(&claims, reply.expires_in);
        let set = TokenSet {
            access: reply.access,
            id,
            refresh,
            user: user.clone(),
        };

        let turn = self.turn_to_replace().await?;
        let replaced = self.tokens().set.clone();
        let owed = match replaced {
            Some(replaced) => Some(self.owe(&turn, &replaced).await),
            None => None,
        };
        self.start(&turn, set).await?;
        drop(turn);
        if let Some((owed, written)) = owed {
            let session = self.clone();
            tokio::spawn(async move {
                // The session that was replaced is used by nobody any more.
                if written {
                    session.pay_owed().await;
                } else if let (Err(error), _) = session.pay(&[owed]).await {
                    tracing::info!(%error, "the session that was replaced is not revoked");
                }
            });
        }
        Ok(user)
    }

    /// Tokens that were given up may be kept yet, once the keychain is unlocked; then they go.
    fn forget_when_it_comes(&self, revoked: RefreshToken) {
        let session = self.clone();
        tokio::spawn(async move {
            let forgotten = session
                .with_store(move |store, key| {
                    let kept = store.load(key)?;
                    let kept = kept.and_then(|secret| TokenSet::from_secret(&secret));
                    match kept {
                        Some(kept) if kept.refresh == revoked => store.delete(key),
                        _ => Ok(()),
                    }
                })
                .await;
            if let Err(error) = forgotten {
                tracing::warn!(%error, "revoked tokens may still be kept");
            }
        });
    }
}
