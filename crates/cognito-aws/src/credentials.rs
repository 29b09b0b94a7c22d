//! The identity pool: an ID token becomes AWS credentials (Cognito guide, "Enhanced (simplified) authflow").

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_cognitoidentity as cognito_identity;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cognito_client::{IdToken, Session};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::error::{AwsService, Error};
use crate::kept;
use crate::refusal::{Recovery, identity_pool_refusal};
use aws_types::SdkConfig;

/// With less than this left, credentials are not given any more, even if no new ones can be had.
const LAST_USE: Duration = Duration::from_secs(30);
/// Credentials are renewed when less than this is left: where the AWS CLI, too, begins to ask for new ones.
const RENEW_BEFORE: Duration = Duration::from_secs(15 * 60);

/// What the SDK calls the source of these credentials.
pub(crate) const NAME: &str = "CognitoIdentityPool";

/// Gives the AWS SDK the credentials of whoever is signed in to a [`Session`].
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
    identity_pool_id: String,
    /// The user pool's name at the identity pool: its issuer without the scheme.
    login: String,
    client: cognito_identity::Client,
    /// Whoever holds this is the one who renews.
    cache: Mutex<Option<Cached>>,
    /// When the last credentials given so far expire, in Unix seconds; 0 before the first.
    given_until: AtomicU64,
}

/// What is known of one user.
struct Cached {
    sub: String,
    identity_id: Option<String>,
    held: Option<Held>,
    /// The access key of the credentials that AWS refused, which are not taken from the store again.
    refused: Option<String>,
}

/// Credentials and whose they are.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) identity_id: String,
    pub(crate) credentials: Credentials,
    pub(crate) expires: SystemTime,
}

impl CognitoCredentialsProvider {
    pub(crate) fn new(session: Session, config: &SdkConfig) -> Result<Self, Error> {
        let profile = session.profile();
        let Some(identity_pool_id) = profile.identity_pool_id.clone() else {
            return Err(Error::Configuration {
                problem: format!("the profile “{}” names no identity pool", profile.name),
                remedy:
                    "Ask your administrator to set the profile's `identity_pool_id` (REGION:GUID)."
                        .into(),
            });
        };
        let endpoint = profile.endpoints.cognito_identity.as_ref();
        let mut config = cognito_identity::config::Builder::from(config);
        config.set_endpoint_url(endpoint.map(ToString::to_string));
        let issuer = profile.issuer.as_str();
        let login = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        Ok(Self {
            inner: Arc::new(Inner {
                identity_pool_id,
                login: login.trim_end_matches('/').to_owned(),
                client: cognito_identity::Client::from_conf(config.build()),
                session,
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

    /// The credentials of whoever is signed in.
    pub(crate) async fn held(&self) -> Result<Held, Error> {
        let mut cache = self.inner.cache.lock().await;
        let user = match self.inner.session.user().await {
            Ok(user) => user,
            Err(error) => {
                if matches!(error, cognito_client::Error::SignInRequired(_)) {
                    *cache = None;
                }
                return Err(error.into());
            }
        };
        if let Some(held) = self.at_hand(cache.as_ref(), &user.sub, RENEW_BEFORE) {
            return Ok(held);
        }
        // Whatever is wrong with the store, credentials can be had without it.
        let turn = self.inner.session.turn_to_derive().await;
        let turn = turn.inspect_err(
            |error| tracing::warn!(%error, "AWS credentials are not shared with other programs"),
        );
        if turn.is_ok() {
            self.take_up(&mut cache, &user.sub).await;
            if let Some(held) = self.at_hand(cache.as_ref(), &user.sub, RENEW_BEFORE) {
                return Ok(held);
            }
        }
        let error = match self.renew(&mut cache).await {
            Ok(held) => {
                if turn.is_ok() {
                    self.keep(cache.as_ref()).await;
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
        }
        match self.at_hand(cache.as_ref(), &user.sub, LAST_USE) {
            Some(held) if error.is_transient() => {
                tracing::warn!(%error, "AWS credentials are used on, a renewal failed");
                Ok(held)
            }
            _ => Err(error),
        }
    }

    /// The cached credentials of the very user who is signed in now. They need no token, and so no network.
    fn at_hand(&self, cached: Option<&Cached>, sub: &str, at_least: Duration) -> Option<Held> {
        let held = cached.filter(|cached| cached.sub == sub)?.held.clone();
        held.filter(|held| self.lasts(held, at_least))
    }

    /// Takes the credentials that another process has kept, where they are better than one's own.
    async fn take_up(&self, cache: &mut Option<Cached>, sub: &str) {
        let Inner {
            session,
            identity_pool_id,
            ..
        } = &*self.inner;
        let kept = match session.derived().await {
            Ok(Some(kept)) => kept,
            Ok(None) => return,
            Err(error) => {
                return tracing::warn!(%error, "kept AWS credentials cannot be read");
            }
        };
        let Some(kept) = kept::from_secret(&kept, sub, identity_pool_id) else {
            return;
        };
        let cached = of_user(cache, sub);
        let refused = cached.refused.as_deref() == Some(kept.credentials.access_key_id());
        let better = cached
            .held
            .as_ref()
            .is_none_or(|held| held.expires < kept.expires);
        if !refused && better {
            self.note_given(kept.expires);
            cached.identity_id = Some(kept.identity_id.clone());
            cached.held = Some(kept);
        }
    }

    async fn keep(&self, cached: Option<&Cached>) {
        let Some(Cached {
            sub,
            held: Some(held),
            ..
        }) = cached
        else {
            return;
        };
        let secret = kept::to_secret(sub, &self.inner.identity_pool_id, held);
        if let Err(error) = self.inner.session.keep_derived(sub, secret).await {
            tracing::warn!(%error, "AWS credentials are not kept for other programs");
        }
    }

    fn note_given(&self, expires: SystemTime) {
        let until = expires
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        self.inner.given_until.fetch_max(until, Ordering::Relaxed);
    }

    fn lasts(&self, held: &Held, at_least: Duration) -> bool {
        self.inner.session.now() + at_least < held.expires
    }

    async fn renew(&self, cache: &mut Option<Cached>) -> Result<Held, Error> {
        let session = &self.inner.session;
        let (mut token_renewed, mut identity_forgotten) = (false, false);
        loop {
            let access = session.access_token().await?;
            let id = session.id_token().await?;
            let sub = subject(&id)?;
            let cached = of_user(cache, &sub);
            if let Some(held) = &cached.held
                && self.lasts(held, RENEW_BEFORE)
            {
                return Ok(held.clone());
            }
            match self.exchange(cached, &id).await {
                Ok(held) => return Ok(held),
                Err((Recovery::RenewToken, _)) if !token_renewed => {
                    token_renewed = true;
                    session.invalidate(&access);
                }
                Err((Recovery::ForgetIdentity, _)) if !identity_forgotten => {
                    identity_forgotten = true;
                    cached.identity_id = None;
                }
                Err((_, error)) => return Err(error),
            }
        }
    }

    /// `GetId`, unless it is known, and `GetCredentialsForIdentity`.
    async fn exchange(&self, cached: &mut Cached, id: &IdToken) -> Result<Held, (Recovery, Error)> {
        let Inner {
            session,
            client,
            login,
            identity_pool_id,
            ..
        } = &*self.inner;
        let profile = session.profile();
        let identity_id = match &cached.identity_id {
            Some(identity_id) => identity_id.clone(),
            None => client
                .get_id()
                .identity_pool_id(identity_pool_id)
                .logins(login, id.expose())
                .send()
                .await
                .map_err(|error| identity_pool_refusal(profile, login, &error))?
                .identity_id
                .ok_or_else(|| incomplete("sent no identity ID"))?,
        };
        cached.identity_id = Some(identity_id.clone());
        let credentials = client
            .get_credentials_for_identity()
            .identity_id(&identity_id)
            .logins(login, id.expose())
            .send()
            // At level TRACE the SDK writes out the whole answer, session token included.
            .with_subscriber(NoSubscriber::default())
            .await
            .map_err(|error| identity_pool_refusal(profile, login, &error))?
            .credentials
            .ok_or_else(|| incomplete("sent no credentials"))?;
        let expires = credentials
            .expiration
            .and_then(|expiration| SystemTime::try_from(expiration).ok())
            .ok_or_else(|| incomplete("sent credentials without an expiry"))?;
        let (Some(access_key_id), Some(secret_key), Some(session_token)) = (
            credentials.access_key_id,
            credentials.secret_key,
            credentials.session_token,
        ) else {
            return Err(incomplete("sent incomplete credentials"));
        };
        let held = Held {
            identity_id,
            credentials: Credentials::new(
                access_key_id,
                secret_key,
                Some(session_token),
                Some(expires),
                NAME,
            ),
            expires,
        };
        self.note_given(expires);
        cached.held = Some(held.clone());
        Ok(held)
    }
}

/// What is cached of this user; nobody else's is kept.
fn of_user<'c>(cache: &'c mut Option<Cached>, sub: &str) -> &'c mut Cached {
    if cache.as_ref().is_some_and(|cached| cached.sub != sub) {
        *cache = None;
    }
    cache.get_or_insert_with(|| Cached {
        sub: sub.to_owned(),
        identity_id: None,
        held: None,
        refused: None,
    })
}

fn incomplete(problem: &'static str) -> (Recovery, Error) {
    let service = AwsService::IdentityPool;
    (Recovery::None, Error::Protocol { service, problem })
}

/// The `sub` of an ID token the session has verified: whose it is, whatever the session does meanwhile.
fn subject(id: &IdToken) -> Result<String, Error> {
    let claims = id.expose().split('.').nth(1).unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    match serde_json::from_slice::<Value>(&claims).map(|mut claims| claims["sub"].take()) {
        Ok(Value::String(sub)) => Ok(sub),
        _ => Err(Error::Protocol {
            service: AwsService::IdentityPool,
            problem: "cannot be given an ID token that names no user",
        }),
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
            .field("identity_pool_id", &self.inner.identity_pool_id)
            .field("login", &self.inner.login)
            .finish_non_exhaustive()
    }
}
