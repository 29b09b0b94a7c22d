//! AWS as the person who is signed in, and who they are there. Their functions are in `functions`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_lambda as lambda;
use aws_sdk_sts as sts;
use aws_sdk_sts::config::IdentityCache;
use aws_sdk_sts::config::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_types::SdkConfig;
use cognito_client::{ProfileStore, Session};

use crate::credentials::{CognitoCredentialsProvider, Held};
use crate::error::{AwsService, Error};
use crate::sdk::{self, Lazy, Refusal, refusal};

/// How long one request to an identity pool or to STS may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a function may take: the 15 minutes that Lambda lets it (Lambda guide, "Lambda quotas"), and what
/// it takes to get there.
const FUNCTION_PATIENCE: Duration = Duration::from_secs(15 * 60 + 20);

/// AWS for one [`Session`]. Cheap to clone; all clones share the credentials.
#[derive(Clone)]
pub struct Aws {
    config: Arc<Lazy<SdkConfig>>,
    session: Session,
    provider: CognitoCredentialsProvider,
    sts: Arc<Lazy<sts::Client>>,
    pub(crate) lambda: Arc<Lazy<lambda::Client>>,
}

/// Who AWS takes the person for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Whether this is nobody in particular: who is not signed in.
    pub guest: bool,
    /// The identity pool's ID of the person, `REGION:GUID`: what policies call
    /// `${cognito-identity.amazonaws.com:sub}`.
    pub identity_id: String,
    /// The AWS account, twelve digits.
    pub account: String,
    /// The ARN of the assumed role's session. It is the same for everybody who has the role.
    pub arn: String,
    /// The ARN of the role. An assumed role's ARN leaves out the role's path (IAM guide, "IAM identifiers"),
    /// and so does this.
    pub role_arn: String,
    /// When the credentials expire.
    pub expires: SystemTime,
}

impl Aws {
    /// AWS by the session's profile. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the profile names no identity pool.
    pub fn new(session: Session) -> Result<Self, Error> {
        Self::build(session, None, PATIENCE, FUNCTION_PATIENCE)
    }

    /// As [`new`](Self::new), with the role that the person chose for the profile, which is remembered beside
    /// the profiles.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_choices(session: Session, profiles: ProfileStore) -> Result<Self, Error> {
        Self::build(session, Some(profiles), PATIENCE, FUNCTION_PATIENCE)
    }

    /// As [`new`](Self::new), with this long for each request instead of 20 seconds, and of 15 minutes
    /// for a function.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_patience(session: Session, patience: Duration) -> Result<Self, Error> {
        Self::build(session, None, patience, patience)
    }

    fn build(
        session: Session,
        profiles: Option<ProfileStore>,
        patience: Duration,
        function: Duration,
    ) -> Result<Self, Error> {
        let config = Arc::new(sdk::config(session.clone(), patience));
        let provider = CognitoCredentialsProvider::new(session.clone(), &config, profiles)?;
        Ok(Self {
            sts: Arc::new(sdk::client(&config, &session, |config, endpoints| {
                let mut sts = sts::config::Builder::from(config);
                sts.set_endpoint_url(endpoints.sts.as_ref().map(ToString::to_string));
                sts::Client::from_conf(sts.build())
            })),
            lambda: Arc::new(sdk::client(&config, &session, move |config, endpoints| {
                // A function may do something each time: whether to invoke it again is for the person to say.
                let mut lambda = lambda::config::Builder::from(config)
                    .timeout_config(sdk::patience(function))
                    .retry_config(RetryConfig::disabled());
                lambda.set_endpoint_url(endpoints.lambda.as_ref().map(ToString::to_string));
                lambda::Client::from_conf(lambda.build())
            })),
            config: Arc::new(sdk::lazy({
                let provider = provider.clone();
                move || {
                    let config = SdkConfig::clone(&config).into_builder();
                    config
                        .credentials_provider(SharedCredentialsProvider::new(provider))
                        // The provider has a cache of its own, which knows when its owner signs out.
                        .identity_cache(IdentityCache::no_cache())
                        .build()
                }
            })),
            provider,
            session,
        })
    }

    /// Asks STS who the credentials belong to (`GetCallerIdentity`, which needs no permission).
    ///
    /// # Errors
    /// Any but [`Error::Payload`].
    pub async fn caller_identity(&self) -> Result<CallerIdentity, Error> {
        self.signed(move |held: Held| async move {
            let credentials =
                sts::config::Builder::new().credentials_provider(held.credentials.clone());
            let answer = self
                .sts
                .get_caller_identity()
                .customize()
                .config_override(credentials)
                .send()
                .await
                .map_err(|error| match refusal(AwsService::Sts, &error) {
                    Ok(refusal) if is_denied(&refusal) => Error::NotAllowed {
                        action: "sts:GetCallerIdentity",
                        resource: "*".into(),
                        role: None,
                    },
                    Ok(refusal) => refusal.unexpected(AwsService::Sts),
                    Err(error) => error,
                })?;
            let unusable = |problem| Error::Protocol {
                service: AwsService::Sts,
                problem,
            };
            let (Some(account), Some(arn)) = (answer.account, answer.arn) else {
                return Err(unusable("sent an incomplete identity"));
            };
            let role_arn =
                role_arn(&arn).ok_or_else(|| unusable("names a caller that is no role"))?;
            Ok(CallerIdentity {
                guest: held.guest,
                identity_id: held.identity_id,
                account,
                role_arn,
                arn,
                expires: held.expires,
            })
        })
        .await
    }

    /// When the last of the credentials that were given so far expire: signing out does not end them.
    pub fn credentials_until(&self) -> Option<SystemTime> {
        self.provider
            .given_until()
            .filter(|until| *until > self.session.now())
    }

    /// Drops the credentials and the identity ID; to be called at sign-out.
    pub async fn forget(&self) {
        self.provider.forget().await;
    }

    /// The identity pool's ID of the person, `REGION:GUID`, which [`Bucket::prefix_of`] asks for.
    ///
    /// [`Bucket::prefix_of`]: cognito_client::Bucket::prefix_of
    ///
    /// # Errors
    /// Any but [`Error::Payload`] and [`Error::NotAllowed`].
    pub async fn identity_id(&self) -> Result<String, Error> {
        self.provider.identity_id().await
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn provider(&self) -> &CognitoCredentialsProvider {
        &self.provider
    }

    /// The same credentials for other clients of the AWS SDK.
    pub fn credentials_provider(&self) -> CognitoCredentialsProvider {
        self.provider.clone()
    }

    /// What any client of the SDK is made from to work as the person: their credentials, the profile's
    /// Region, the system's proxy and certificates, and a clock that is right.
    ///
    /// ```
    /// # fn example(aws: &cognito_aws::Aws) {
    /// let sts = aws_sdk_sts::Client::new(&aws.sdk_config());
    /// # }
    /// ```
    pub fn sdk_config(&self) -> SdkConfig {
        SdkConfig::clone(&self.config)
    }

    /// Does it with credentials; once more when AWS took those, or the time, for outdated. It refuses such a
    /// request before doing any of it.
    pub(crate) async fn signed<T, F>(&self, ask: impl Fn(Held) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let held = self.provider.held().await?;
        match ask(held.clone()).await {
            Err(Error::Refused { code, .. }) if code.starts_with("ExpiredToken") => {
                self.provider.discard(&held).await;
            }
            // A guest has no tokens to learn the time with.
            Err(Error::Clock { .. }) if !held.guest => self.provider.renew_tokens().await?,
            answer => return answer,
        }
        ask(self.provider.held().await?).await
    }
}

pub(crate) fn is_denied(refusal: &Refusal) -> bool {
    matches!(
        refusal.code.as_str(),
        "AccessDenied" | "AccessDeniedException"
    )
}

/// The role of `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
fn role_arn(arn: &str) -> Option<String> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(":sts::")?;
    let (account, rest) = rest.split_once(":assumed-role/")?;
    let (role, _session) = rest.split_once('/')?;
    Some(format!("arn:{partition}:iam::{account}:role/{role}"))
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::role_arn;

    #[test]
    fn the_role_of_an_assumed_role_keeps_its_partition() {
        for (session, role) in [
            (
                "arn:aws:sts::123456789012:assumed-role/Reader/CognitoIdentityCredentials",
                Some("arn:aws:iam::123456789012:role/Reader"),
            ),
            (
                "arn:aws-us-gov:sts::123456789012:assumed-role/Reader/x",
                Some("arn:aws-us-gov:iam::123456789012:role/Reader"),
            ),
            ("arn:aws:iam::123456789012:user/alex", None),
            ("arn:aws:sts::123456789012:assumed-role/Reader", None),
            ("", None),
        ] {
            assert_eq!(role_arn(session).as_deref(), role, "{session}");
        }
    }
}
