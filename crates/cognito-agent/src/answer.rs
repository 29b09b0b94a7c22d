//! The answers, whoever gives them: the app from its live sessions, or the `keyfob` command from the keychain.

use std::time::Duration;

use aws_credential_types::Credentials as AwsCredentials;
use cognito_aws::{Aws, Error as AwsError};
use cognito_client::{Error, Session, SignInReason};
use zeroize::Zeroizing;

use crate::protocol::{
    Answer, CallerIdentity, Credentials, Request, SignedIn, Status, Want, unix_seconds,
};

/// A profile's session, and AWS by it where the profile names an identity pool.
#[derive(Clone)]
pub struct Account {
    /// Whose tokens are handed out.
    pub session: Session,
    /// Whose credentials are handed out.
    pub aws: Option<Aws>,
}

impl Account {
    /// The session, and AWS by it.
    pub fn new(session: Session) -> Self {
        Self {
            aws: Aws::new(session.clone()).ok(),
            session,
        }
    }
}

/// Answers from this account. Several may ask at once, here and in other processes: one renews, the others
/// wait and share.
pub async fn answer(account: &Account, request: &Request) -> Answer {
    if !account.is_meant(request) {
        return Answer::NotMine;
    }
    answered(account, request.want)
        .await
        .unwrap_or_else(|error| refusal(&error))
}

/// The answer, if it is here or in the store already: nothing is sent for it, and nobody is waited for.
pub async fn answer_at_hand(account: &Account, request: &Request) -> Option<Answer> {
    if !account.is_meant(request) {
        return Some(Answer::NotMine);
    }
    let at_hand = at_hand(account, request.want).await;
    at_hand.unwrap_or_else(|error| Some(refusal(&error)))
}

impl Account {
    fn is_meant(&self, request: &Request) -> bool {
        request.is_understood() && self.session.profile().session_key() == request.session_key
    }

    fn aws(&self) -> Result<Aws, AwsError> {
        match &self.aws {
            Some(aws) => Ok(aws.clone()),
            // Once more, for the reason why not.
            None => Aws::new(self.session.clone()),
        }
    }
}

async fn answered(account: &Account, want: Want) -> Result<Answer, AwsError> {
    let session = &account.session;
    Ok(match want {
        Want::Credentials { at_least } => {
            let provider = account.aws()?.credentials_provider();
            let credentials = provider.credentials_lasting(Duration::from_secs(at_least));
            Answer::Credentials(credentials.await?.into())
        }
        Want::AccessToken => token(session.access_token().await?.expose()),
        Want::IdToken => token(session.id_token().await?.expose()),
        Want::Status => Answer::Status(status(account).await?),
        Want::CallerIdentity => {
            Answer::CallerIdentity(account.aws()?.caller_identity().await?.into())
        }
        Want::Roles => Answer::Roles(account.aws()?.roles().await?),
    })
}

async fn at_hand(account: &Account, want: Want) -> Result<Option<Answer>, AwsError> {
    match want {
        Want::Credentials { at_least } => {
            let provider = account.aws()?.credentials_provider();
            let credentials = provider.at_hand_lasting(Duration::from_secs(at_least));
            let credentials = credentials.await?;
            Ok(credentials.map(|credentials| Answer::Credentials(credentials.into())))
        }
        Want::AccessToken | Want::IdToken | Want::Roles => {
            let session = &account.session;
            let expires = session.user().await?.token_expires_at;
            // A minute more than they are good for, so that they are not renewed in between.
            let in_time = unix_seconds(session.now()) + 120 < expires;
            Ok(if in_time {
                Some(answered(account, want).await?)
            } else {
                None
            })
        }
        Want::Status => answered(account, want).await.map(Some),
        // AWS has to be asked.
        Want::CallerIdentity => Ok(None),
    }
}

fn token(token: &str) -> Answer {
    Answer::Token(Zeroizing::new(token.to_owned()))
}

async fn status(account: &Account) -> Result<Status, AwsError> {
    let nobody = |session_ended| Status {
        signed_in: None,
        session_ended,
        credentials_expire: None,
    };
    let user = match account.session.user().await {
        Ok(user) => user,
        Err(Error::SignInRequired(reason)) => {
            return Ok(nobody(reason == SignInReason::SessionEnded));
        }
        Err(error) => return Err(error.into()),
    };
    let credentials = match &account.aws {
        Some(aws) => {
            aws.credentials_provider()
                .at_hand_lasting(Duration::ZERO)
                .await?
        }
        None => None,
    };
    let expires = credentials.and_then(|credentials| credentials.expiry());
    Ok(Status {
        credentials_expire: expires.map(unix_seconds),
        session_ended: false,
        signed_in: Some(SignedIn {
            username: user.username,
            name: user.name,
            email: user.email,
            token_expires: user.token_expires_at,
            session_expires: user.session_expires_at,
        }),
    })
}

fn refusal(error: &AwsError) -> Answer {
    let message = error.to_string();
    match error {
        AwsError::Session(Error::SignInRequired(_)) => Answer::SignInRequired { message },
        _ => Answer::Failed {
            message,
            remedy: error.remedy(),
        },
    }
}

impl From<AwsCredentials> for Credentials {
    fn from(credentials: AwsCredentials) -> Self {
        Self {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Zeroizing::new(credentials.secret_access_key().to_owned()),
            session_token: Zeroizing::new(
                credentials.session_token().unwrap_or_default().to_owned(),
            ),
            expires: credentials.expiry().map_or(0, unix_seconds),
            account: credentials
                .account_id()
                .map(|account| account.as_str().to_owned()),
        }
    }
}

impl From<cognito_aws::CallerIdentity> for CallerIdentity {
    fn from(caller: cognito_aws::CallerIdentity) -> Self {
        Self {
            identity_id: caller.identity_id,
            account: caller.account,
            arn: caller.arn,
            role: caller.role_arn,
            expires: unix_seconds(caller.expires),
        }
    }
}
