//! Whose credentials, cached, renewed in time and shared with the other processes of the same person.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_types::SdkConfig;
use cognito_client::{Profile, ProfileError, ProfileStore, Session};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::exchange::IdentityPool;
use crate::id_claims::{IdClaims, Login};
use crate::kept::Kept;
use crate::refusal::Recovery;
use crate::sdk::Lazy;
use crate::way::Way;

/// With less than this left, credentials are not given any more, even if no new ones can be had.
pub(crate) const LAST_USE: Duration = Duration::from_secs(30);
/// Credentials are renewed when less than this is left: where the AWS CLI, too, begins to ask for new ones.
const RENEW_BEFORE: Duration = Duration::from_secs(15 * 60);
/// With less than this left, nobody is given credentials to take along: the AWS CLI and boto3 insist on new
/// ones from here on.
const TAKEN_ALONG: Duration = Duration::from_secs(10 * 60);
/// How long the old ones are used without another try, after a renewal that failed for want of a network.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What the SDK calls the source of these credentials.
const NAME: &str = "CognitoIdentityPool";

/// Gives the AWS SDK the credentials of whoever is signed in to a [`Session`]; and a guest's when nobody is,
/// where the profile allows that.
///
/// They are kept until 15 minutes before they expire, by the session's corrected clock. Many may ask at once:
/// one renews, the others wait and share. Should a renewal fail for want of a network, the old ones are given
/// as long as they last. Another user never gets the credentials or the identity of the one before.
///
/// Other processes of the same person share them: they are kept in the session's store, beside the tokens
/// and as long as those, and one process at a time renews them.
///
/// An SDK client puts a cache of its own in front of any provider. Make it from [`Aws::sdk_config`](crate::Aws::sdk_config), or give it
/// `IdentityCache::no_cache()`, or it will use credentials after their owner has signed out.
#[derive(Clone)]
pub struct CognitoCredentialsProvider {
    inner: Arc<Inner>,
}

struct Inner {
    session: Session,
    pool: IdentityPool,
    /// Where the person's choice of a role is remembered.
    profiles: Option<ProfileStore>,
    /// Whoever holds this is the one who renews.
    cache: Mutex<Option<Cached>>,
    /// When the last credentials given to a person so far expire, in Unix seconds; 0 before the first.
    given_until: AtomicU64,
}

/// What is known of one person, or of the guest.
struct Cached {
    /// The person's `sub`.
    sub: Option<String>,
    way: Way,
    identity_id: Option<String>,
    held: Option<Held>,
    /// The access key of the credentials that AWS refused, which are not taken from the store again.
    refused: Option<String>,
    /// A renewal failed, and is not tried again before this while the old ones last.
    not_before: Option<SystemTime>,
}

/// Credentials and whose they are.
#[derive(Clone)]
pub(crate) struct Held {
    /// Whether they are of whoever is not signed in.
    pub(crate) guest: bool,
    pub(crate) identity_id: String,
    pub(crate) credentials: Credentials,
    pub(crate) expires: SystemTime,
}

impl Held {
    pub(crate) fn new(
        way: &Way,
        identity_id: String,
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
        expires: SystemTime,
    ) -> Self {
        let mut credentials = Credentials::builder()
            .access_key_id(access_key_id)
            .secret_access_key(secret_access_key)
            .session_token(session_token)
            .expiry(expires)
            .provider_name(NAME);
        credentials.set_account_id(way.account().map(Into::into));
        Self {
            guest: way.is_guest(),
            identity_id,
            credentials: credentials.build(),
            expires,
        }
    }
}

impl Cached {
    /// What is cached of this person or guest, for this; nobody else's is kept.
    fn of<'c>(cache: &'c mut Option<Self>, sub: Option<&str>, way: &Way) -> &'c mut Self {
        if cache
            .as_ref()
            .is_some_and(|cached| cached.sub.as_deref() != sub)
        {
            *cache = None;
        }
        let cached = cache.get_or_insert_with(|| Self {
            sub: sub.map(str::to_owned),
            way: way.clone(),
            identity_id: None,
            held: None,
            refused: None,
            not_before: None,
        });
        if cached.way != *way {
            cached.way = way.clone();
            cached.held = None;
            cached.not_before = None;
        }
        cached
    }
}

impl CognitoCredentialsProvider {
    pub(crate) fn new(
        session: Session,
        config: &Arc<Lazy<SdkConfig>>,
        profiles: Option<ProfileStore>,
    ) -> Result<Self, Error> {
        Ok(Self {
            inner: Arc::new(Inner {
                pool: IdentityPool::new(session.clone(), config)?,
                session,
                profiles,
                cache: Mutex::default(),
                given_until: AtomicU64::new(0),
            }),
        })
    }

    /// When the last credentials given so far expire. [`forget`](Self::forget) does not change it: what was
    /// given stays valid at AWS.
    pub(crate) fn given_until(&self) -> Option<SystemTime> {
        match self.inner.given_until.load(Ordering::Relaxed) {
            0 => None,
            seconds => Some(UNIX_EPOCH + Duration::from_secs(seconds)),
        }
    }

    /// Waits for a renewal in flight, then drops what is cached.
    pub(crate) async fn forget(&self) {
        let mut cache = self.inner.cache.lock().await;
        *cache = None;
        // Signing out has deleted them already; where it could not, it has said so.
        if let Err(error) = self.inner.session.forget_derived().await {
            tracing::warn!(%error, "AWS credentials may still be kept");
        }
    }

    /// Drops these very credentials, because AWS refused them; newer ones are left alone.
    pub(crate) async fn discard(&self, refused: &Held) {
        if let Some(cached) = &mut *self.inner.cache.lock().await
            && cached
                .held
                .take_if(|held| held.credentials == refused.credentials)
                .is_some()
        {
            cached.refused = Some(refused.credentials.access_key_id().to_owned());
        }
    }

    /// Renews the session's tokens, and with them its idea of the time.
    pub(crate) async fn renew_tokens(&self) -> Result<(), Error> {
        let session = &self.inner.session;
        session.invalidate(&session.access_token().await?);
        session.access_token().await?;
        Ok(())
    }

    pub(crate) fn profile(&self) -> &Profile {
        self.inner.session.profile()
    }

    pub(crate) fn profiles(&self) -> Result<&ProfileStore, Error> {
        let profiles = self.inner.profiles.as_ref();
        profiles.ok_or_else(|| Error::Session(ProfileError::NoFolder.into()))
    }

    /// The credentials of whoever is signed in, for use at once: renewed when less than 15 minutes are left,
    /// and used up when no new ones can be had. A guest's when nobody is signed in and the profile's
    /// `aws.guest` allows it.
    ///
    /// # Errors
    /// Why there are none: any but [`Error::NotAllowed`] and [`Error::Payload`].
    pub async fn credentials(&self) -> Result<Credentials, Error> {
        Ok(self.held().await?.credentials)
    }

    /// Credentials to take along, with at least this long left; or, when that is more than eleven twelfths of
    /// what new ones have (55 minutes of an hour), with that much. When no new ones can be had for want of a
    /// network, those there are are given as long as they last ten minutes, or what is asked for if that is
    /// less: the AWS CLI and boto3 insist on new ones from there on.
    ///
    /// # Errors
    /// As [`credentials`](Self::credentials).
    pub async fn credentials_lasting(&self, at_least: Duration) -> Result<Credentials, Error> {
        let held = self.held_lasting(at_least.max(RENEW_BEFORE), at_least.min(TAKEN_ALONG));
        Ok(held.await?.credentials)
    }

    /// The credentials that are here, or kept by another process, with at least this long left; `None` when
    /// there are none. Nothing is sent, and no renewal that is under way is waited for.
    ///
    /// # Errors
    /// As [`credentials`](Self::credentials).
    pub async fn at_hand_lasting(&self, at_least: Duration) -> Result<Option<Credentials>, Error> {
        let session = &self.inner.session;
        let Ok(mut cache) = self.inner.cache.try_lock() else {
            return Ok(None);
        };
        let chosen = self.chosen_role()?;
        let way = Way::of(session.profile(), chosen.as_deref())?;
        let at_least = way.renew_before(at_least);
        if cache.is_none()
            && !session.is_loaded()
            && let Some(held) = self.unread(&mut cache, &way, at_least).await
        {
            return Ok(Some(held.credentials));
        }
        let user = match session.user().await {
            Err(cognito_client::Error::SignInRequired(_)) if session.profile().aws.guest => {
                return Ok(None);
            }
            user => user?,
        };
        let cached = Cached::of(&mut cache, Some(&user.sub), &way);
        if self.at_hand(cached, at_least).is_none() {
            self.take_up(cached, &self.kept(Some(&user.sub)).await);
        }
        Ok(self.at_hand(cached, at_least).map(|held| held.credentials))
    }

    /// The identity pool's ID of whoever is signed in, `REGION:GUID`, or of the guest.
    ///
    /// # Errors
    /// As [`credentials`](Self::credentials).
    pub async fn identity_id(&self) -> Result<String, Error> {
        Ok(self.held().await?.identity_id)
    }

    pub(crate) async fn held(&self) -> Result<Held, Error> {
        self.held_lasting(RENEW_BEFORE, LAST_USE).await
    }

    /// New ones when less than `renew_before` is left; if that fails, those with no less than `last_use`.
    pub(crate) async fn held_lasting(
        &self,
        renew_before: Duration,
        last_use: Duration,
    ) -> Result<Held, Error> {
        let session = &self.inner.session;
        let mut cache = self.inner.cache.lock().await;
        let chosen = self.chosen_role();
        let way = chosen.and_then(|chosen| {
            let way = Way::of(session.profile(), chosen.as_deref())?;
            Ok((way, chosen))
        });
        if let Ok((way, _)) = &way
            && cache.is_none()
            && !session.is_loaded()
            && let Some(held) = self.unread(&mut cache, way, renew_before).await
        {
            return Ok(held);
        }
        let (sub, way, chosen) = match session.user().await {
            Ok(user) => {
                let (way, chosen) = way?;
                (Some(user.sub), way, chosen)
            }
            Err(error) => {
                let signed_out = matches!(error, cognito_client::Error::SignInRequired(_));
                if signed_out && cache.as_ref().is_some_and(|cached| cached.sub.is_some()) {
                    *cache = None;
                }
                if !signed_out || !session.profile().aws.guest {
                    return Err(error.into());
                }
                (None, Way::Guest, None)
            }
        };
        let sub = sub.as_deref();
        let renew_before = way.renew_before(renew_before);
        let cached = Cached::of(&mut cache, sub, &way);
        if let Some(held) = self.at_hand(cached, renew_before) {
            return Ok(held);
        }
        if cached
            .not_before
            .is_some_and(|moment| session.now() < moment)
            && let Some(held) = self.at_hand(cached, last_use)
        {
            return Ok(held);
        }
        // Whatever is wrong with the store, credentials can be had without it.
        let turn = session.turn_to_derive().await;
        let turn = turn.inspect_err(
            |error| tracing::warn!(%error, "AWS credentials are not shared with other programs"),
        );
        let mut kept = None;
        if turn.is_ok() {
            let found = self.kept(sub).await;
            self.take_up(cached, &found);
            if let Some(held) = self.at_hand(cached, renew_before) {
                return Ok(held);
            }
            kept = Some(found);
        }
        // In boxes, which a renewal can afford: whoever uses credentials would have all of it in every future.
        let renewed = match sub {
            Some(_) => {
                Box::pin(self.renew(&mut cache, &way, chosen.as_deref(), renew_before)).await
            }
            None => Box::pin(self.exchange(cached, None)).await,
        };
        let error = match renewed {
            Ok(held) => {
                if let (Some(kept), Some(cached)) = (kept, cache.as_ref()) {
                    self.keep(kept, cached, &held).await;
                }
                return Ok(held);
            }
            Err(error) => error,
        };
        if matches!(
            error,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ) {
            *cache = None;
            return Err(error);
        }
        // Of the very person or guest who asked: the tokens may be somebody else's by now.
        let cached = Cached::of(&mut cache, sub, &way);
        match self.at_hand(cached, last_use) {
            Some(held) if error.is_transient() => {
                tracing::warn!(%error, "AWS credentials are used on, a renewal failed");
                cached.not_before = Some(session.now() + TRY_AGAIN_AFTER);
                Ok(held)
            }
            _ => Err(error),
        }
    }

    /// The cached credentials. They need no token, and so no network.
    fn at_hand(&self, cached: &Cached, at_least: Duration) -> Option<Held> {
        let held = cached.held.as_ref();
        held.filter(|held| self.lasts(held, at_least)).cloned()
    }

    /// What another process has kept for whoever is signed in, had by one reading of the store: that the
    /// tokens need not be read as well makes a program that asks once twice as fast.
    async fn unread(
        &self,
        cache: &mut Option<Cached>,
        way: &Way,
        renew_before: Duration,
    ) -> Option<Held> {
        let kept = Kept::from_secret(&self.inner.session.derived().await.ok()??)?;
        let cached = Cached::of(cache, Some(kept.sub()?), way);
        self.take_up(cached, &kept);
        self.at_hand(cached, way.renew_before(renew_before))
    }

    /// What another process has kept of this person, or of the guest.
    async fn kept(&self, sub: Option<&str>) -> Kept {
        let session = &self.inner.session;
        let kept = match sub {
            Some(_) => session.derived().await,
            None => session.guests().await,
        };
        let kept = kept.unwrap_or_else(|error| {
            tracing::warn!(%error, "kept AWS credentials cannot be read");
            None
        });
        kept.and_then(|kept| Kept::from_secret(&kept))
            .filter(|kept| kept.sub() == sub)
            .unwrap_or_else(|| Kept::nothing(sub.map(str::to_owned)))
    }

    /// Takes the credentials that another process has kept, where they are better than one's own.
    fn take_up(&self, cached: &mut Cached, kept: &Kept) {
        let pool = &self.inner.pool.id;
        if let Some(identity_id) = kept.identity_id(pool) {
            cached.identity_id = Some(identity_id.to_owned());
        }
        let Some(kept) = kept.held(pool, &cached.way) else {
            return;
        };
        let refused = cached.refused.as_deref() == Some(kept.credentials.access_key_id());
        let better = cached
            .held
            .as_ref()
            .is_none_or(|held| held.expires < kept.expires);
        if !refused && better {
            self.note_given(&kept);
            cached.held = Some(kept);
        }
    }

    /// Keeps what is cached along with what was kept before.
    async fn keep(&self, before: Kept, cached: &Cached, held: &Held) {
        let Inner { session, pool, .. } = &*self.inner;
        let sub = cached.sub.as_deref();
        let mut kept = if before.sub() == sub {
            before
        } else {
            Kept::nothing(sub.map(str::to_owned))
        };
        kept.put(&pool.id, &cached.way, held, session.now());
        let kept = match sub {
            Some(sub) => session.keep_derived(sub, kept.to_secret()).await,
            None => session.keep_guests(kept.to_secret()).await,
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "AWS credentials are not kept for other programs");
        }
    }

    fn note_given(&self, held: &Held) {
        if held.guest {
            return;
        }
        let until = held
            .expires
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        self.inner.given_until.fetch_max(until, Ordering::Relaxed);
    }

    fn lasts(&self, held: &Held, at_least: Duration) -> bool {
        self.inner.session.now() + at_least < held.expires
    }

    /// New credentials of whoever the ID token is of.
    async fn renew(
        &self,
        cache: &mut Option<Cached>,
        way: &Way,
        chosen: Option<&str>,
        renew_before: Duration,
    ) -> Result<Held, Error> {
        let session = &self.inner.session;
        let mut token_renewed = false;
        loop {
            let access = session.access_token().await?;
            let token = session.id_token().await?;
            let claims = IdClaims::of(&token)?;
            let cached = Cached::of(cache, Some(&claims.sub), way);
            if let Some(held) = self.at_hand(cached, renew_before) {
                return Ok(held);
            }
            self.check_choice(chosen, &claims)?;
            let login = Login::new(token, &claims);
            match self.exchange_or_recover(cached, Some(&login)).await {
                Err((Recovery::RenewToken, _)) if !token_renewed => {
                    token_renewed = true;
                    session.invalidate(&access);
                }
                exchanged => return exchanged.map_err(|(_, error)| error),
            }
        }
    }

    /// New credentials of a guest.
    async fn exchange(&self, cached: &mut Cached, login: Option<&Login>) -> Result<Held, Error> {
        let exchanged = self.exchange_or_recover(cached, login).await;
        exchanged.map_err(|(_, error)| error)
    }

    /// As the identity that is known; once more as one that is asked for anew, when the pool has given that up.
    async fn exchange_or_recover(
        &self,
        cached: &mut Cached,
        login: Option<&Login>,
    ) -> Result<Held, (Recovery, Error)> {
        let pool = &self.inner.pool;
        let mut exchanged = pool
            .credentials(&cached.way, login, &mut cached.identity_id)
            .await;
        if let Err((Recovery::ForgetIdentity, _)) = exchanged {
            cached.identity_id = None;
            exchanged = pool
                .credentials(&cached.way, login, &mut cached.identity_id)
                .await;
        }
        let held = exchanged?;
        self.note_given(&held);
        cached.held = Some(held.clone());
        cached.not_before = None;
        Ok(held)
    }
}

impl ProvideCredentials for CognitoCredentialsProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match self.held().await {
                Ok(held) => Ok(held.credentials),
                Err(error) => Err(CredentialsError::provider_error(error)),
            }
        })
    }
}

impl fmt::Debug for CognitoCredentialsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CognitoCredentialsProvider")
            .field("identity_pool_id", &self.inner.pool.id)
            .field("login", &self.inner.pool.login)
            .finish_non_exhaustive()
    }
}
