//! What each refusal of an identity pool means. The texts are those of the live service; there are no codes
//! that tell these cases apart.

use aws_sdk_cognitoidentity::config::http::HttpResponse;
use aws_sdk_cognitoidentity::error::{ProvideErrorMetadata, SdkError};
use cognito_client::{Profile, SignInReason};

use crate::error::{AwsService, Error};
use crate::sdk::{Refusal, refusal};

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

pub(crate) fn identity_pool_refusal<E: ProvideErrorMetadata>(
    profile: &Profile,
    login: &str,
    error: &SdkError<E, HttpResponse>,
) -> (Recovery, Error) {
    match refusal(AwsService::IdentityPool, error) {
        Ok(refusal) => meaning(profile, login, refusal),
        Err(error) => (Recovery::None, error),
    }
}

fn meaning(profile: &Profile, login: &str, refusal: Refusal) -> (Recovery, Error) {
    let pool = profile.identity_pool_id.as_deref().unwrap_or_default();
    let client = &profile.client_id;
    let configuration = |problem: String, remedy: String| Error::Configuration { problem, remedy };
    let unknown_provider = || {
        configuration(
            format!(
                "the identity pool {pool} does not accept sign-ins at {login} with the app client {client}"
            ),
            format!(
                "Ask your administrator to add the user pool {login} with the app client {client} to the identity pool's identity providers (ProviderName and ClientId of CognitoIdentityProviders), or to correct the profile's `client_id` and `issuer`."
            ),
        )
    };
    let no_identity_pool = || {
        configuration(
            format!("there is no identity pool {pool} in {}", profile.region),
            "Ask your administrator to correct the profile's `identity_pool_id` and `region`."
                .into(),
        )
    };
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
            (Recovery::ForgetIdentity, unknown_provider())
        }
        "NotAuthorizedException" if says("Access to Identity") => (
            Recovery::ForgetIdentity,
            unusable_token("keeps this identity for somebody else"),
        ),
        "NotAuthorizedException"
            if says("not from a supported provider") || says("Unauthenticated access") =>
        {
            (Recovery::None, unknown_provider())
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
        "ResourceNotFoundException" if says("IdentityPool") => (Recovery::None, no_identity_pool()),
        "ResourceNotFoundException" => (Recovery::ForgetIdentity, no_identity_pool()),
        "InvalidIdentityPoolConfigurationException" => (
            Recovery::None,
            configuration(
                format!("the identity pool {pool} has no usable role for signed-in users"),
                format!("Ask your administrator to set the identity pool's authenticated role, and to let that role's trust policy be assumed by cognito-identity.amazonaws.com with aud {pool} and amr authenticated."),
            ),
        ),
        _ => (
            Recovery::None,
            refusal.unexpected(AwsService::IdentityPool),
        ),
    }
}
