//! The one operation of the user pools' own API that a session needs.
//!
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GlobalSignOut.html>

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::error::{Error, SignInReason, TransientCause};
use crate::profile::{ADMIN_SCOPE, Profile};
use crate::token_endpoint::{read_bounded, unanswered};
use crate::tokens::AccessToken;

/// What an AWS JSON service says of an error.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Where the API of a profile's user pool is: as the profile says, or on the issuer's host, which
/// "issuer-cognito-idp" is not; or in the profile's Region.
pub(crate) fn endpoint(profile: &Profile) -> Url {
    if let Some(endpoint) = &profile.endpoints.cognito_idp {
        return endpoint.clone();
    }
    let mut endpoint = profile.issuer.clone();
    endpoint.set_path("/");
    let host = profile.issuer.host_str().unwrap_or_default();
    let host = host.strip_prefix("issuer-").unwrap_or(host);
    let host = if host.starts_with("cognito-idp.") {
        host.to_owned()
    } else if endpoint.scheme() == "https" {
        let region = &profile.region;
        let suffix = match region.split('-').next() {
            Some("cn") => "amazonaws.com.cn",
            Some("eusc") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        // Whatever port the issuer has, it is not this service's.
        endpoint.set_port(None).ok();
        format!("cognito-idp.{region}.{suffix}")
    } else {
        // An emulator, on this machine.
        return endpoint;
    };
    // What is no host leaves the issuer's own, which does not know the operation and says so.
    endpoint.set_host(Some(&host)).ok();
    endpoint
}

/// Ends all sessions of the token's user (`GlobalSignOut`).
pub(crate) async fn global_sign_out(
    http: &reqwest::Client,
    patience: Duration,
    profile: &Profile,
    access: &AccessToken,
) -> Result<(), Error> {
    let url = endpoint(profile);
    let unanswered = |error: reqwest::Error| unanswered(&url, &error);
    let mut response = http
        .post(url.clone())
        .timeout(patience)
        .header("Content-Type", "application/x-amz-json-1.1")
        .header(
            "X-Amz-Target",
            "AWSCognitoIdentityProviderService.GlobalSignOut",
        )
        .body(json!({ "AccessToken": access.expose() }).to_string())
        .send()
        .await
        .map_err(unanswered)?;
    let status = response.status().as_u16();
    let body = read_bounded(&mut response).await.map_err(unanswered)?;
    // Anything but a JSON object comes from somebody else.
    let refusal: Option<Refusal> = serde_json::from_slice(&body).ok();
    let transient = |cause| Err(Error::transient(&url, cause));
    let Some(refusal) = refusal else {
        return transient(match status {
            200..400 => TransientCause::NotTheService,
            status => status.into(),
        });
    };
    let kind = refusal.kind.rsplit('#').next().unwrap_or_default();
    match (status, kind) {
        (200, _) => Ok(()),
        (_, "TooManyRequestsException" | "LimitExceededException") => {
            transient(TransientCause::Throttled)
        }
        (_, "NotAuthorizedException") if refusal.message.contains("scope") => Err(no_admin_scope()),
        // The session has ended already, and so has the user, perhaps.
        (400, "NotAuthorizedException" | "UserNotFoundException" | "ResourceNotFoundException") => {
            Err(Error::SignInRequired(SignInReason::SessionEnded))
        }
        (status, _) => transient(status.into()),
    }
}

/// Why a session cannot end all others.
pub(crate) fn no_admin_scope() -> Error {
    Error::Configuration {
        problem: "this session may not end your other sessions".into(),
        remedy: format!(
            "Ask your administrator to allow the scope {ADMIN_SCOPE} on the app client and to add it to the profile's `scopes`, then sign in again. Until then an administrator can end them."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_issuer_is_or_where_the_profile_says() {
        for (region, issuer, idp, expected) in [
            (
                "eu-central-1",
                // The identity pool's Region need not be the user pool's.
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
                "",
                "https://cognito-idp.eu-west-1.amazonaws.com/",
            ),
            (
                "eu-west-1",
                "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
                "",
                "https://cognito-idp.eu-west-1.amazonaws.com/",
            ),
            (
                "eusc-de-east-1",
                "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_AbCdEfGhI",
                "",
                "https://cognito-idp.eusc-de-east-1.amazonaws.eu/",
            ),
            (
                "eusc-de-east-1",
                "https://login.example.eu/pool",
                "",
                "https://cognito-idp.eusc-de-east-1.amazonaws.eu/",
            ),
            (
                "us-gov-west-1",
                "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCdEfGhI",
                "https://cognito-idp-fips.us-gov-west-1.amazonaws.com",
                "https://cognito-idp-fips.us-gov-west-1.amazonaws.com/",
            ),
            (
                "cn-north-1",
                "https://login.example.cn/pool",
                "",
                "https://cognito-idp.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "eu-west-1",
                "https://cognito-idp.example.com.example.org:8443/pool",
                "",
                "https://cognito-idp.example.com.example.org:8443/",
            ),
            (
                "xn--",
                "https://login.example.com:8443/pool",
                "",
                "https://login.example.com/",
            ),
            (
                "eu-west-1",
                "http://127.0.0.1:9229/eu-west-1_Pool",
                "",
                "http://127.0.0.1:9229/",
            ),
        ] {
            let mut profile = Profile::local_demo();
            profile.region = region.into();
            profile.issuer = issuer.parse().unwrap();
            profile.endpoints.cognito_idp = idp.parse().ok();
            assert_eq!(endpoint(&profile).as_str(), expected, "{issuer} {idp}");
        }
    }
}
