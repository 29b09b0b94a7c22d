//! What each refusal of an identity pool, and of STS in its basic flow, means. The identity pool's texts are
//! those of the live service; there are no codes that tell these cases apart.

use aws_sdk_cognitoidentity::config::http::HttpResponse;
use aws_sdk_cognitoidentity::error::{ProvideErrorMetadata, SdkError};
use cognito_client::{Profile, SignInReason};

use crate::error::{AwsService, Error};
use crate::sdk::{Refusal, refusal};
use crate::way::Way;

/// What may be tried once before the error is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// Nothing.
    None,
    /// A new ID token.
    RenewToken,
    /// Another `GetId`.
    ForgetIdentity,
}

/// What was asked for when the refusal came.
pub(crate) struct Asked<'a> {
    pub(crate) profile: &'a Profile,
    /// The user pool's name at the identity pool.
    pub(crate) login: &'a str,
    pub(crate) way: &'a Way,
}

impl Asked<'_> {
    pub(crate) fn pool_refusal<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E, HttpResponse>,
    ) -> (Recovery, Error) {
        match refusal(AwsService::IdentityPool, error) {
            Ok(refusal) => self.by_the_pool(refusal),
            Err(error) => (Recovery::None, error),
        }
    }

    pub(crate) fn sts_refusal<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E, HttpResponse>,
    ) -> (Recovery, Error) {
        match refusal(AwsService::Sts, error) {
            Ok(refusal) => self.by_sts(refusal),
            Err(error) => (Recovery::None, error),
        }
    }

    fn by_the_pool(&self, refusal: Refusal) -> (Recovery, Error) {
        let pool = self.pool();
        let login = self.login;
        let sign_in_again = || {
            Error::Session(cognito_client::Error::SignInRequired(
                SignInReason::SessionEnded,
            ))
        };
        let unusable_token = |problem| Error::Protocol {
            service: AwsService::IdentityPool,
            problem,
        };
        let says = |text: &str| refusal.message.contains(text);
        // By its text alone: the guide names no code for it.
        if says("Basic (classic) flow is not") {
            return (Recovery::None, no_basic_flow(pool));
        }
        match refusal.code.as_str() {
            "NotAuthorizedException" if says("Token expired") => (
                Recovery::RenewToken,
                Error::Clock {
                    service: AwsService::IdentityPool,
                },
            ),
            // An inactive token's session was ended at the user pool: the renewal finds out, and tells the session.
            "NotAuthorizedException" if says("Token is inactive") => {
                (Recovery::RenewToken, sign_in_again())
            }
            "NotAuthorizedException" if says("Couldn't verify signed token") => (
                Recovery::RenewToken,
                unusable_token("does not accept the ID token's signature"),
            ),
            "NotAuthorizedException" if says("Logins don't match") => {
                (Recovery::ForgetIdentity, self.unknown_provider())
            }
            "NotAuthorizedException" if says("Access to Identity") => (
                Recovery::ForgetIdentity,
                unusable_token("keeps this identity for somebody else"),
            ),
            "NotAuthorizedException" if says("Unauthenticated access") && self.way.is_guest() => {
                (Recovery::None, no_guests(pool))
            }
            "NotAuthorizedException"
                if says("not from a supported provider") || says("Unauthenticated access") =>
            {
                (Recovery::None, self.unknown_provider())
            }
            "NotAuthorizedException" if says("Issuer doesn't match providerName") => (
                Recovery::None,
                configuration(
                    format!("the ID token's issuer is not the identity pool's provider {login}"),
                    "Ask your administrator to make the profile's `issuer` the `iss` of the user pool's tokens, and the identity pool's ProviderName the same without https://.".into(),
                ),
            ),
            "NotAuthorizedException" if says("Missing a required claim") => (
                Recovery::None,
                unusable_token("finds a claim missing in the ID token"),
            ),
            "NotAuthorizedException" if says("Not a valid OpenId Connect identity token") => (
                Recovery::None,
                unusable_token("cannot read the ID token"),
            ),
            "NotAuthorizedException" if says("ambiguous role mapping rules") => {
                (Recovery::None, self.no_role_of_the_mappings())
            }
            "ResourceNotFoundException" if says("IdentityPool") => {
                (Recovery::None, self.no_identity_pool())
            }
            "ResourceNotFoundException" => (Recovery::ForgetIdentity, self.no_identity_pool()),
            "InvalidIdentityPoolConfigurationException" => (Recovery::None, self.no_usable_role()),
            // Whatever else is wrong with a request that names a role is the role.
            "NotAuthorizedException" | "InvalidParameterException"
                if self.way.role_arn().is_some() =>
            {
                (Recovery::None, self.role_not_allowed())
            }
            "LimitExceededException" => (
                Recovery::None,
                configuration(
                    format!("the identity pool {pool} takes no more identities, or no more requests, by its quotas"),
                    "Ask your administrator to look at the quotas of Amazon Cognito identity pools, and to have them raised.".into(),
                ),
            ),
            "ResourceConflictException" => (
                Recovery::None,
                configuration(
                    format!("your sign-in at {login} already belongs to another identity of the identity pool {pool}"),
                    "Ask your administrator to unlink it there (UnlinkIdentity), or to delete the other identity.".into(),
                ),
            ),
            _ => (
                Recovery::None,
                refusal.unexpected(AwsService::IdentityPool),
            ),
        }
    }

    fn by_sts(&self, refusal: Refusal) -> (Recovery, Error) {
        let (pool, region) = (self.pool(), &self.profile.region);
        let role = self.way.role_arn().unwrap_or_default();
        let says = |text: &str| refusal.message.contains(text);
        let error = match refusal.code.as_str() {
            "ExpiredTokenException" | "ExpiredToken" => {
                return (
                    Recovery::RenewToken,
                    Error::Clock {
                        service: AwsService::Sts,
                    },
                );
            }
            "IDPRejectedClaim" => {
                return (
                    Recovery::RenewToken,
                    Error::Protocol {
                        service: AwsService::Sts,
                        problem: "does not accept what the identity pool says of you",
                    },
                );
            }
            "AccessDenied" | "AccessDeniedException" => configuration(
                format!("the role {role} does not let itself be assumed by users of the identity pool {pool}"),
                format!("Ask your administrator to let the role's trust policy allow sts:AssumeRoleWithWebIdentity, and sts:TagSession where attributes are passed on, to cognito-identity.amazonaws.com with aud {pool} and amr authenticated; or to correct the profile's `aws.role_arn`."),
            ),
            "InvalidIdentityToken" => configuration(
                format!("AWS STS does not take tokens of the identity pool {pool} for the role {role}"),
                format!("Ask your administrator to check that the role and the identity pool are in the same AWS partition, that its trust policy names cognito-identity.amazonaws.com, and the profile's `region` ({region})."),
            ),
            "ValidationError" | "ValidationException" if says("DurationSeconds") => configuration(
                format!("the role {role} allows no sessions as long as the profile asks for"),
                "Ask your administrator to raise the role's maximum session duration, or to lower the profile's `aws.session_seconds` to it.".into(),
            ),
            "ValidationError" | "ValidationException" => configuration(
                format!("AWS STS takes {role} for no role that can be assumed"),
                "Ask your administrator to correct the profile's `aws.role_arn`.".into(),
            ),
            "RegionDisabledException" => configuration(
                format!("AWS STS is not active in {region} for the account of the role {role}"),
                format!("Ask your administrator to activate STS for {region} (IAM console, Account settings), or to set the profile's `region` to one where it is active."),
            ),
            "PackedPolicyTooLarge" => configuration(
                format!("the identity pool {pool} passes on more about you than fits a session of the role {role}"),
                "Ask your administrator to pass on fewer or shorter attributes for access control (the principal tags of the identity pool's provider).".into(),
            ),
            "MalformedPolicyDocument" => configuration(
                format!("the identity pool {pool} passes on attributes that no session of the role {role} can have"),
                "Ask your administrator to check the attributes for access control (the principal tags of the identity pool's provider).".into(),
            ),
            _ => refusal.unexpected(AwsService::Sts),
        };
        (Recovery::None, error)
    }

    fn pool(&self) -> &str {
        self.profile.identity_pool_id.as_deref().unwrap_or_default()
    }

    fn unknown_provider(&self) -> Error {
        let (pool, login, client) = (self.pool(), self.login, &self.profile.client_id);
        if self.way.is_guest() {
            return no_guests(pool);
        }
        configuration(
            format!(
                "the identity pool {pool} does not accept sign-ins at {login} with the app client {client}"
            ),
            format!(
                "Ask your administrator to add the user pool {login} with the app client {client} to the identity pool's identity providers (ProviderName and ClientId of CognitoIdentityProviders), or to correct the profile's `client_id` and `issuer`."
            ),
        )
    }

    fn no_identity_pool(&self) -> Error {
        configuration(
            format!(
                "there is no identity pool {} in {}",
                self.pool(),
                self.profile.region
            ),
            "Ask your administrator to correct the profile's `identity_pool_id` and `region`."
                .into(),
        )
    }

    fn no_usable_role(&self) -> Error {
        let pool = self.pool();
        let (who, setting, amr) = if self.way.is_guest() {
            ("guests", "unauthenticated role", "unauthenticated")
        } else {
            ("signed-in users", "authenticated role", "authenticated")
        };
        match self.way.role_arn() {
            Some(role) => configuration(
                format!("the identity pool {pool} cannot use the role {role}"),
                format!(
                    "Ask your administrator to let that role's trust policy be assumed by cognito-identity.amazonaws.com with aud {pool} and amr {amr}; or choose another role."
                ),
            ),
            None => configuration(
                format!("the identity pool {pool} has no usable role for {who}"),
                format!(
                    "Ask your administrator to set the identity pool's {setting}, and to let that role's trust policy be assumed by cognito-identity.amazonaws.com with aud {pool} and amr {amr}."
                ),
            ),
        }
    }

    fn no_role_of_the_mappings(&self) -> Error {
        configuration(
            format!(
                "the identity pool {} finds no role for you, or more than one",
                self.pool()
            ),
            format!(
                "Choose one of your roles, if you have several. Otherwise ask your administrator to put you in a group with a role, or to let the role mappings of {} fall back to the authenticated role (AmbiguousRoleResolution).",
                self.login
            ),
        )
    }

    fn role_not_allowed(&self) -> Error {
        let role = self.way.role_arn().unwrap_or_default();
        configuration(
            format!(
                "the identity pool {} does not give you the role {role}",
                self.pool()
            ),
            format!(
                "Choose another role; or ask your administrator to put you in a group with this one (`cognito:roles`) and to let the role mappings of {} choose the role from the token, or to correct the profile's `aws.role_arn`.",
                self.login
            ),
        )
    }
}

fn configuration(problem: String, remedy: String) -> Error {
    Error::Configuration { problem, remedy }
}

fn no_basic_flow(pool: &str) -> Error {
    configuration(
        format!("the identity pool {pool} does not allow the basic (classic) flow"),
        "Ask your administrator to allow it (AllowClassicFlow) and to remove the identity pool's role mappings, which exclude it; or to take `flow = \"basic\"` out of the profile's `[aws]`.".into(),
    )
}

fn no_guests(pool: &str) -> Error {
    configuration(
        format!("the identity pool {pool} admits nobody who is not signed in"),
        "Sign in. Or ask your administrator to let the identity pool have guests (AllowUnauthenticatedIdentities), or to take `guest` out of the profile's `[aws]`.".into(),
    )
}
