//! The identity pool: an ID token, or nothing, becomes AWS credentials (Cognito guide, "Identity pools
//! authentication flow").

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_cognitoidentity as cognito_identity;
use aws_sdk_sts as sts;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_types::SdkConfig;
use cognito_client::{Session, TransientCause};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::credentials::Held;
use crate::error::{AwsService, Error};
use crate::id_claims::Login;
use crate::refusal::{Asked, Recovery};
use crate::sdk::{self, Lazy};
use crate::way::Way;

/// The most tries when turned away because too many ask, with pauses that add up to four seconds at most.
const TRIES_IF_THROTTLED: u32 = 5;
/// The most tries when there is no answer, or none of the service's.
const TRIES_IF_UNANSWERED: u32 = 3;
/// The longest the first pause is; each further one may be twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

type Refused = (Recovery, Error);

/// One identity pool, and STS for its basic flow.
pub(crate) struct IdentityPool {
    session: Session,
    pub(crate) id: String,
    /// The user pool's name at the identity pool: its issuer without the scheme.
    pub(crate) login: String,
    client: Lazy<cognito_identity::Client>,
    sts: Lazy<sts::Client>,
}

impl IdentityPool {
    pub(crate) fn new(session: Session, config: &Arc<Lazy<SdkConfig>>) -> Result<Self, Error> {
        let profile = session.profile();
        let Some(id) = profile.identity_pool_id.clone() else {
            return Err(Error::Configuration {
                problem: format!("the profile “{}” names no identity pool", profile.name),
                remedy:
                    "Ask your administrator to set the profile's `identity_pool_id` (REGION:GUID)."
                        .into(),
            });
        };
        let issuer = profile.issuer.as_str();
        let login = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        Ok(Self {
            id,
            login: login.trim_end_matches('/').to_owned(),
            // What is tried again, and when, is decided here: the SDK takes a limit for throttling.
            client: sdk::client(config, &session, |config, endpoints| {
                let mut pool = cognito_identity::config::Builder::from(config)
                    .retry_config(RetryConfig::disabled());
                let endpoint = endpoints.cognito_identity.as_ref();
                pool.set_endpoint_url(endpoint.map(ToString::to_string));
                cognito_identity::Client::from_conf(pool.build())
            }),
            sts: sdk::client(config, &session, |config, endpoints| {
                let mut sts =
                    sts::config::Builder::from(config).retry_config(RetryConfig::disabled());
                sts.set_endpoint_url(endpoints.sts.as_ref().map(ToString::to_string));
                sts::Client::from_conf(sts.build())
            }),
            session,
        })
    }

    /// Credentials this way, of this login or a guest; `known` is the identity's ID, which is asked for when
    /// it is not known, and is known from then on.
    pub(crate) async fn credentials(
        &self,
        way: &Way,
        login: Option<&Login>,
        known: &mut Option<String>,
    ) -> Result<Held, Refused> {
        let identity_id = match known {
            Some(identity_id) => identity_id.clone(),
            None => known.insert(self.identity_id(way, login).await?).clone(),
        };
        match way {
            Way::Guest | Way::Enhanced { .. } => self.enhanced(way, login, identity_id).await,
            Way::Basic {
                role_arn,
                session_seconds,
            } => {
                let (identity_id, token) = self.open_id_token(way, login, identity_id).await?;
                *known = Some(identity_id.clone());
                let name = login.map_or("guest", |login| &login.session_name);
                self.assume(way, identity_id, &token, role_arn, *session_seconds, name)
                    .await
            }
        }
    }

    async fn identity_id(&self, way: &Way, login: Option<&Login>) -> Result<String, Refused> {
        self.tried(|| async {
            self.client
                .get_id()
                .identity_pool_id(&self.id)
                .set_logins(login.map(|login| login.map_for(&self.login)))
                .send()
                .with_subscriber(NoSubscriber::default())
                .await
                .map_err(|error| self.asked(way).pool_refusal(&error))?
                .identity_id
                .ok_or_else(|| incomplete("sent no identity ID"))
        })
        .await
    }

    async fn enhanced(
        &self,
        way: &Way,
        login: Option<&Login>,
        identity_id: String,
    ) -> Result<Held, Refused> {
        let answer = self
            .tried(|| async {
                self.client
                    .get_credentials_for_identity()
                    .identity_id(&identity_id)
                    .set_logins(login.map(|login| login.map_for(&self.login)))
                    .set_custom_role_arn(way.role_arn().map(str::to_owned))
                    .send()
                    // At level TRACE the SDK writes out the whole answer, session token included.
                    .with_subscriber(NoSubscriber::default())
                    .await
                    .map_err(|error| self.asked(way).pool_refusal(&error))
            })
            .await?;
        let credentials = answer
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
        Ok(Held::new(
            way,
            identity_id,
            access_key_id,
            secret_key,
            session_token,
            expires,
        ))
    }

    /// The identity pool's own token, for STS, and the identity it is for: another one after a merge.
    async fn open_id_token(
        &self,
        way: &Way,
        login: Option<&Login>,
        identity_id: String,
    ) -> Result<(String, String), Refused> {
        let answer = self
            .tried(|| async {
                self.client
                    .get_open_id_token()
                    .identity_id(&identity_id)
                    .set_logins(login.map(|login| login.map_for(&self.login)))
                    .send()
                    .with_subscriber(NoSubscriber::default())
                    .await
                    .map_err(|error| self.asked(way).pool_refusal(&error))
            })
            .await?;
        let token = answer
            .token
            .ok_or_else(|| incomplete("sent no OpenID token"))?;
        Ok((answer.identity_id.unwrap_or(identity_id), token))
    }

    async fn assume(
        &self,
        way: &Way,
        identity_id: String,
        token: &str,
        role_arn: &str,
        session_seconds: u32,
        session_name: &str,
    ) -> Result<Held, Refused> {
        let answer = self
            .tried(|| async {
                self.sts
                    .assume_role_with_web_identity()
                    .role_arn(role_arn)
                    .role_session_name(session_name)
                    .web_identity_token(token)
                    .duration_seconds(session_seconds.cast_signed())
                    .send()
                    .with_subscriber(NoSubscriber::default())
                    .await
                    .map_err(|error| self.asked(way).sts_refusal(&error))
            })
            .await?;
        let unusable = |problem| {
            let service = AwsService::Sts;
            (Recovery::None, Error::Protocol { service, problem })
        };
        let credentials = answer
            .credentials
            .ok_or_else(|| unusable("sent no credentials"))?;
        let expires = SystemTime::try_from(credentials.expiration)
            .map_err(|_| unusable("sent credentials without an expiry"))?;
        Ok(Held::new(
            way,
            identity_id,
            credentials.access_key_id,
            credentials.secret_access_key,
            credentials.session_token,
            expires,
        ))
    }

    fn asked<'a>(&'a self, way: &'a Way) -> Asked<'a> {
        Asked {
            profile: self.session.profile(),
            login: &self.login,
            way,
        }
    }

    /// Asks again, after growing pauses, where waiting helps.
    async fn tried<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Refused>
    where
        F: Future<Output = Result<T, Refused>> + Send,
    {
        let mut longest = FIRST_PAUSE;
        for tried in 1.. {
            let refused = match ask().await {
                Err(refused) => refused,
                answer => return answer,
            };
            let most = match &refused.1 {
                Error::Transient {
                    cause: TransientCause::Throttled,
                    ..
                } => TRIES_IF_THROTTLED,
                // A network's log-in page is there until the person has logged in.
                Error::Transient {
                    cause: TransientCause::NotTheService,
                    ..
                } => 1,
                Error::Transient { .. } => TRIES_IF_UNANSWERED,
                _ => 1,
            };
            if tried >= most {
                return Err(refused);
            }
            self.session.pause(longest).await;
            longest *= 2;
        }
        unreachable!("it is tried a few times and no more")
    }
}

fn incomplete(problem: &'static str) -> Refused {
    let service = AwsService::IdentityPool;
    (Recovery::None, Error::Protocol { service, problem })
}
