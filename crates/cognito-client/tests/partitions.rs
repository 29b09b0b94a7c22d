//! Pools in other partitions, behind FIPS endpoints and custom domains, and with the issuer AWS calls
//! "updated": all by configuration.

#![allow(clippy::unwrap_used)]

mod common;

use cognito_client::{Profile, SessionState, SignOutScope};
use cognito_emulator::Config;
use common::{World, profile_file};

/// Region, issuer, domain, as pools there have them; China, which has none today, as it would.
const POOLS: [(&str, &str, &str); 5] = [
    (
        "eu-central-1",
        "https://issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
        "https://login.example.com",
    ),
    (
        "cn-north-1",
        "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEfGhI",
        "https://example.auth.cn-north-1.amazoncognito.com.cn",
    ),
    (
        "us-gov-west-1",
        "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCdEfGhI",
        "https://example.auth-fips.us-gov-west-1.amazoncognito.com",
    ),
    (
        "eusc-de-east-1",
        "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_AbCdEfGhI",
        "https://login.example.eu",
    ),
    (
        "us-east-2",
        "https://cognito-idp.us-east-2.amazonaws.com/us-east-2_AbCdEfGhI",
        "https://example.auth.us-east-2.amazoncognito.com",
    ),
];

#[tokio::test]
async fn a_pool_anywhere_is_signed_in_to_and_out_of() {
    for (region, issuer, _) in POOLS {
        let mut config = Config::demo();
        config.issuer = Some(issuer.into());
        config.pool_id = issuer.rsplit('/').next().unwrap().into();
        config.region = region.into();
        // In place of AWS's own addresses; a FIPS or private endpoint is configured just so.
        let elsewhere = |profile: String| {
            let domain = profile
                .lines()
                .find(|line| line.starts_with("domain"))
                .unwrap();
            let endpoint = domain.replace("domain", "cognito_idp");
            let profile = profile.replace("\"us-east-1\"", &format!("\"{region}\""));
            format!("{profile}[endpoints]\n{endpoint}\n")
        };
        let world = World::with(config, elsewhere).await;
        assert_eq!(world.session.profile().issuer.as_str(), issuer);
        world.sign_in().await;
        assert!(matches!(world.state(), SessionState::SignedIn(_)));
        let token = world.session.access_token().await.unwrap();
        world.session.invalidate(&token);
        world.session.access_token().await.unwrap();
        let signed_out = world
            .session
            .sign_out(SignOutScope::Everywhere)
            .await
            .unwrap();
        signed_out.everywhere.unwrap().unwrap();
        signed_out.revoked.unwrap();
    }
}

#[tokio::test]
async fn an_issuer_is_never_made_up() {
    // The same pool by its ID, and another issuer than the profile's: refused, not guessed.
    let mut config = Config::demo();
    config.issuer =
        Some("https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_KeyfobDemo".into());
    let original = |profile: String| {
        let domain = profile
            .lines()
            .find(|line| line.starts_with("domain"))
            .unwrap();
        let endpoint = domain.replace("domain", "cognito_idp");
        format!(
            "{}[endpoints]\n{endpoint}\n",
            profile.replace("issuer-cognito", "cognito")
        )
    };
    let world = World::with(config, original).await;
    let url = world.session.begin().await.unwrap();
    let callback = world.browse(&url).await;
    let error = world.session.complete(&callback).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not issued by https://cognito-idp."),
        "{error}"
    );
    assert!(error.remedy().contains("`issuer`"));
    assert!(!world.is_kept());
}

#[tokio::test]
async fn the_browser_is_sent_to_the_domain_of_the_profile() {
    let world = World::new().await;
    for (region, issuer, domain) in POOLS {
        let profile: Profile = profile_file(&world.emulator)
            .replace(&world.emulator.issuer(), issuer)
            .replace(&world.emulator.domain(), domain)
            .replace("\"us-east-1\"", &format!("\"{region}\""))
            .parse()
            .unwrap();
        let session = common::session(
            profile,
            std::sync::Arc::new(cognito_client::MemoryStore::new()),
            world.clock.clone(),
            std::time::Duration::from_secs(1),
        );
        let url = session.begin().await.unwrap();
        assert!(
            url.as_str()
                .starts_with(&format!("{domain}/oauth2/authorize?")),
            "{url}"
        );
        let out = session.sign_out(SignOutScope::Browser).await.unwrap();
        let logout = out.browser.unwrap();
        assert!(
            logout.as_str().starts_with(&format!("{domain}/logout?")),
            "{logout}"
        );
    }
}
