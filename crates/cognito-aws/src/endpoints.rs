//! Where AWS is asked for a profile: the profile's own endpoints, and for the others those that the SDK goes to.

use cognito_client::Profile;
use url::Url;

/// What the SDK makes of a Region, service by service; nothing where it knows no endpoint.
macro_rules! resolved {
    ($sdk:ident, $region:expr) => {{
        use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
        match Params::builder().region($region.to_owned()).build() {
            Ok(params) => {
                let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
                endpoint
                    .ok()
                    .and_then(|endpoint| endpoint.url().parse().ok())
            }
            Err(_) => None,
        }
    }};
}

/// The addresses of the services that a profile uses: its identity pool, STS, Lambda where it has functions, S3 where it
/// has buckets. Nothing is sent.
pub async fn endpoints(profile: &Profile) -> Vec<Url> {
    let (own, region) = (&profile.endpoints, profile.region.as_str());
    let mut endpoints: Vec<Option<Url>> = Vec::new();
    if profile.identity_pool_id.is_some() {
        let identity = own.cognito_identity.clone();
        endpoints.push(identity.or(resolved!(aws_sdk_cognitoidentity, region)));
        endpoints.push(own.sts.clone().or(resolved!(aws_sdk_sts, region)));
    }
    if !profile.functions.is_empty() {
        endpoints.push(own.lambda.clone().or(resolved!(aws_sdk_lambda, region)));
    }
    for bucket in &profile.buckets {
        let region = bucket.region.as_deref().unwrap_or(region);
        endpoints.push(own.s3.clone().or(resolved!(aws_sdk_s3, region)));
    }
    endpoints.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn they_are_the_sdks_but_for_the_profiles_own() {
        let mut profile = Profile::local_demo();
        profile.region = "eusc-de-east-1".into();
        profile.endpoints.cognito_identity = None;
        profile.endpoints.lambda = None;
        profile.endpoints.s3 = None;
        profile.buckets.truncate(1);
        profile.buckets[0].region = Some("us-gov-west-1".into());
        let hosts: Vec<_> = endpoints(&profile)
            .await
            .iter()
            .map(|url| url.host_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            hosts,
            [
                "cognito-identity.eusc-de-east-1.amazonaws.eu",
                "127.0.0.1",
                "lambda.eusc-de-east-1.amazonaws.eu",
                "s3.us-gov-west-1.amazonaws.com",
            ]
        );
    }
}
