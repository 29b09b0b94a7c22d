//! What a session is used for, and its end.

use cognito_aws::Aws;

use super::Keyfob;
use super::account::Live;
use crate::view::{
    ApiAnswerView, AwsIdentityView, CommandError, ErrorCode, SignOutScope, SignOutView,
    unix_seconds,
};

impl Keyfob {
    /// `GET /api/hello` as the person.
    ///
    /// # Errors
    /// [`CommandError`] when there was no answer.
    pub async fn call_api(&self) -> Result<ApiAnswerView, CommandError> {
        let answer = self.current()?.live.session.api_get("/api/hello").await?;
        Ok(ApiAnswerView {
            url: answer.url.into(),
            status: answer.status,
            body: answer.body,
            milliseconds: milliseconds(answer.elapsed),
        })
    }

    /// Who the person is to AWS.
    ///
    /// # Errors
    /// [`CommandError`] when the identity pool or STS does not say.
    pub async fn aws_identity(&self) -> Result<AwsIdentityView, CommandError> {
        let identity = self.current()?.live.aws()?.caller_identity().await?;
        Ok(AwsIdentityView {
            identity_id: identity.identity_id,
            account: identity.account,
            role_arn: identity.role_arn,
            arn: identity.arn,
            expires_at: unix_seconds(identity.expires),
        })
    }

    /// Signs the current profile out, as far as is asked.
    ///
    /// # Errors
    /// [`CommandError`] when the tokens may still be in the keychain.
    pub async fn sign_out(&self, scope: SignOutScope) -> Result<SignOutView, CommandError> {
        self.sign_out_of(&self.current()?.live, scope).await
    }

    /// Signs a profile out, as far as is asked, whichever is current.
    ///
    /// # Errors
    /// As [`sign_out`](Self::sign_out), and when there is no such profile.
    pub async fn sign_out_from(
        &self,
        name: &str,
        scope: SignOutScope,
    ) -> Result<SignOutView, CommandError> {
        self.sign_out_of(&self.named(name)?.live, scope).await
    }

    pub(super) async fn sign_out_of(
        &self,
        live: &Live,
        scope: SignOutScope,
    ) -> Result<SignOutView, CommandError> {
        let signed_out = live.session.sign_out(scope.into()).await?;
        let browser_asked = signed_out.browser.is_some_and(|url| (self.open)(&url));
        let mut aws_credentials_until = None;
        if let Some(aws) = &live.aws {
            // After the browser, because it waits for credentials that are being had, and counts them.
            aws.forget().await;
            aws_credentials_until = aws.credentials_until().map(unix_seconds);
        }
        Ok(SignOutView {
            revoked: signed_out.revoked.err().map(Into::into),
            everywhere: signed_out.everywhere.map(Into::into),
            browser_asked,
            revocation_owed: signed_out.revocation_owed,
            aws_credentials_until,
        })
    }
}

impl Live {
    pub(super) fn aws(&self) -> Result<&Aws, CommandError> {
        self.aws.as_ref().ok_or_else(|| CommandError {
            code: ErrorCode::Misconfigured,
            message: "The profile has no identity pool.".into(),
            remedy: "Ask your administrator to set the profile's `identity_pool_id`.".into(),
        })
    }
}

pub(super) fn milliseconds(elapsed: std::time::Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
