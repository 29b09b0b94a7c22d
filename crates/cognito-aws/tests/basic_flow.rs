//! `GetOpenIdToken` and `AssumeRoleWithWebIdentity`, and what STS refuses.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cognito_aws::{AwsService, Error};
use cognito_client::{AuthFlow, Profile};
use cognito_emulator::{
    AmbiguousRoleResolution, Config, Endpoint, Fault, Role, RoleMapping, RoleMappingType, User,
};
use common::{HOUR, MINUTE, Stage, credentials};
use tokio::task::JoinSet;

const ROLE: &str = "arn:aws:iam::123456789012:role/Long";
const ASSUME: &str = "AssumeRoleWithWebIdentity";
const TOKEN: &str = "GetOpenIdToken";

fn classic(config: &mut Config) {
    config.identity_pool.allow_classic_flow = true;
    let mut role = Role::for_authenticated(ROLE, &config.identity_pool.id);
    role.max_session = 12 * HOUR;
    config.roles.push(role);
}

fn basic(profile: &mut Profile) {
    profile.aws.flow = AuthFlow::Basic;
    profile.aws.role_arn = Some(ROLE.into());
}

fn lasting(seconds: u32) -> impl Fn(&mut Profile) {
    move |profile| {
        basic(profile);
        profile.aws.session_seconds = Some(seconds);
    }
}

fn left(stage: &Stage, credentials: &aws_credential_types::Credentials) -> Duration {
    let expiry = credentials.expiry().unwrap();
    expiry.duration_since(stage.session.now()).unwrap()
}

#[tokio::test]
async fn credentials_for_up_to_twelve_hours() {
    let stage = Stage::with(classic, lasting(43_200)).await;
    let given = credentials(&stage.aws).await;
    assert!(left(&stage, &given) > 12 * HOUR - MINUTE);
    assert_eq!(
        given.account_id().map(|id| id.as_str()),
        Some("123456789012")
    );
    let caller = stage.aws.caller_identity().await.unwrap();
    assert_eq!(caller.role_arn, ROLE);
    assert_eq!(
        caller.arn,
        "arn:aws:sts::123456789012:assumed-role/Long/alex"
    );
    assert!(!caller.guest);

    // One hour without a word, and long ones where they are asked for.
    let hour = credentials(&stage.another_with(|profile| profile.aws.session_seconds = None)).await;
    assert!(left(&stage, &hour) <= HOUR);
    let provider = stage.aws.credentials_provider();
    assert_eq!(
        provider.credentials_lasting(10 * HOUR).await.unwrap(),
        given
    );
    stage.advance(2 * HOUR);
    let longer = provider.credentials_lasting(11 * HOUR).await.unwrap();
    assert!(left(&stage, &longer) > 11 * HOUR);
    assert_eq!(stage.asked("GetId"), 1, "the identity is remembered");
    assert_eq!(stage.asked("GetCredentialsForIdentity"), 0);
}

#[tokio::test]
async fn the_shortest_sessions_are_not_renewed_at_every_request() {
    let stage = Stage::with(classic, lasting(900)).await;
    let provider = stage.aws.credentials_provider();
    let first = provider.credentials_lasting(15 * MINUTE).await.unwrap();
    assert_eq!(
        provider.credentials_lasting(15 * MINUTE).await.unwrap(),
        first
    );
    stage.advance(MINUTE);
    assert_eq!(provider.credentials().await.unwrap(), first);
    stage.advance(MINUTE);
    assert_ne!(provider.credentials().await.unwrap(), first);
}

#[tokio::test]
async fn an_address_for_a_user_name_is_not_told_to_cloudtrail() {
    let stage = Stage::with(
        |config| {
            classic(config);
            config
                .users
                .push(User::new("alex@example.com", "Keyfob-demo-1"));
        },
        basic,
    )
    .await;
    stage.sign_in("alex@example.com").await;
    let sub = stage.session.user().await.unwrap().sub;
    let caller = stage.aws.caller_identity().await.unwrap();
    assert!(
        caller.arn.ends_with(&format!("/Long/{sub}")),
        "{}",
        caller.arn
    );
}

#[tokio::test]
async fn the_flows_never_take_each_others_credentials() {
    let stage = Stage::with(classic, basic).await;
    let basic = credentials(&stage.aws).await;
    let other = stage.another_with(|profile| profile.aws = Default::default());
    let enhanced = credentials(&other).await;
    assert_ne!(enhanced, basic);
    assert_eq!(
        other.caller_identity().await.unwrap().role_arn,
        "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated"
    );
    assert_eq!(credentials(&stage.another()).await, basic);
    let shorter = |profile: &mut Profile| profile.aws.session_seconds = Some(1_800);
    assert_ne!(credentials(&stage.another_with(shorter)).await, basic);
    assert_eq!(stage.asked(ASSUME), 2);
    assert_eq!(stage.asked("GetId"), 1);
}

#[tokio::test]
async fn of_many_profiles_those_that_last_are_kept() {
    let stage = Stage::with(classic, basic).await;
    let hours = |hours: u32| stage.another_with(lasting(hours * 3_600));
    for number in 1..=10 {
        credentials(&hours(number)).await;
    }
    assert_eq!(stage.asked(ASSUME), 10);
    for number in 3..=10 {
        credentials(&hours(number)).await;
    }
    assert_eq!(stage.asked(ASSUME), 10);
    credentials(&hours(1)).await;
    assert_eq!(stage.asked(ASSUME), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_cause_one_exchange() {
    let stage = Stage::with(classic, basic).await;
    for round in 1..=2 {
        let mut asking = JoinSet::new();
        for number in 0..50 {
            let aws = if number % 2 == 0 {
                stage.another()
            } else {
                stage.aws.clone()
            };
            asking.spawn(async move { credentials(&aws).await });
        }
        let all = asking.join_all().await;
        assert!(all.iter().all(|given| *given == all[0]));
        assert_eq!((stage.asked(TOKEN), stage.asked(ASSUME)), (round, round));
        stage.advance(46 * MINUTE);
    }
}

#[tokio::test]
async fn a_pool_without_the_flow_says_which_setting() {
    for mapped in [false, true] {
        let stage = Stage::with(
            |config| {
                classic(config);
                config.identity_pool.allow_classic_flow = mapped;
                if mapped {
                    config.identity_pool.role_mappings.insert(
                        "6keyfobdemodesktop00client".into(),
                        RoleMapping {
                            by: RoleMappingType::Token,
                            ambiguous: AmbiguousRoleResolution::AuthenticatedRole,
                        },
                    );
                }
            },
            basic,
        )
        .await;
        let error = stage.aws.caller_identity().await.unwrap_err();
        assert!(
            error.to_string().contains("basic (classic) flow"),
            "{error:?}"
        );
        assert!(error.remedy().contains("AllowClassicFlow"), "{error:?}");
        assert!(error.remedy().contains("role mappings"), "{error:?}");
    }
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_so() {
    let stage = Stage::with(
        |config| {
            classic(config);
            config.roles.push(Role::for_guests(
                "arn:aws:iam::123456789012:role/Guests",
                &config.identity_pool.id,
            ));
            config.roles.push(Role::for_authenticated(
                "arn:aws:iam::123456789012:role/Short",
                &config.identity_pool.id,
            ));
        },
        lasting(43_200),
    )
    .await;
    for (role, seconds, says, remedy) in [
        (
            "Guests",
            900,
            "does not let itself be assumed",
            "trust policy",
        ),
        (
            "Nobody",
            900,
            "does not let itself be assumed",
            "`aws.role_arn`",
        ),
        (
            "Short",
            43_200,
            "no sessions as long",
            "`aws.session_seconds`",
        ),
    ] {
        let aws = stage.another_with(|profile| {
            profile.aws.role_arn = Some(format!("arn:aws:iam::123456789012:role/{role}"));
            profile.aws.session_seconds = Some(seconds);
        });
        let error = aws.caller_identity().await.unwrap_err();
        assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error:?}");
        assert!(error.remedy().contains(remedy), "{error:?}");
    }
}

/// Every error of STS API reference, `AssumeRoleWithWebIdentity`, with the status it comes with.
#[tokio::test]
async fn every_refusal_of_sts_says_what_to_do() {
    let stage = Stage::with(classic, basic).await;
    for (status, code, message, tries, says, remedy) in [
        (
            400,
            "ExpiredTokenException",
            "Token expired",
            2,
            "the time of the request",
            "date, time",
        ),
        (
            400,
            "ExpiredToken",
            "Token expired",
            2,
            "the time of the request",
            "date, time",
        ),
        (
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found",
            1,
            "does not take tokens",
            "partition",
        ),
        (
            403,
            "IDPRejectedClaim",
            "in words",
            2,
            "what the identity pool says of you",
            "administrator",
        ),
        (
            400,
            "IDPCommunicationError",
            "in words",
            3,
            "answered with status 400",
            "Wait a minute",
        ),
        (
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            1,
            "does not let itself be assumed",
            "cognito-identity.amazonaws.com with aud",
        ),
        (
            400,
            "MalformedPolicyDocument",
            "in words",
            1,
            "passes on attributes",
            "principal tags",
        ),
        (
            400,
            "PackedPolicyTooLarge",
            "in words",
            1,
            "passes on more about you",
            "fewer or shorter",
        ),
        (
            403,
            "RegionDisabledException",
            "in words",
            1,
            "is not active in us-east-1",
            "activate STS",
        ),
        (
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            1,
            "no sessions as long",
            "`aws.session_seconds`",
        ),
        (
            400,
            "ValidationError",
            "1 validation error detected: Value 'x' at 'roleArn'",
            1,
            "for no role",
            "`aws.role_arn`",
        ),
        (
            400,
            "Throttling",
            "Rate exceeded",
            5,
            "too many requests",
            "Wait a minute",
        ),
        (
            500,
            "InternalFailure",
            "in words",
            3,
            "answered with status 500",
            "Wait a minute",
        ),
        (
            400,
            "SomethingNew",
            "in words",
            1,
            "refused the request: SomethingNew",
            "administrator",
        ),
    ] {
        let fault = Fault::Xml {
            status,
            code: code.into(),
            message: message.into(),
        };
        for _ in 0..tries {
            stage
                .emulator
                .fail_next(Endpoint::AssumeRole, fault.clone());
        }
        let before = stage.asked(ASSUME);
        let error = stage.aws.identity_id().await.unwrap_err();
        assert!(error.to_string().contains(says), "{code}: {error}");
        assert!(
            error.remedy().contains(remedy),
            "{code}: {}",
            error.remedy()
        );
        assert!(!format!("{error:?}").contains("in words"), "{error:?}");
        assert_eq!(stage.asked(ASSUME) - before, tries, "{code}");
        assert!(stage.emulator.clear_faults().is_empty(), "{code}");
    }
}

#[tokio::test]
async fn what_passes_is_waited_out() {
    let stage = Stage::with(classic, basic).await;
    for endpoint in [Endpoint::OpenIdToken, Endpoint::AssumeRole] {
        stage.emulator.fail_next(endpoint, Fault::Throttled);
        stage.emulator.fail_next(endpoint, Fault::Status(503));
    }
    credentials(&stage.aws).await;
    assert_eq!((stage.asked(TOKEN), stage.asked(ASSUME)), (3, 3));
    assert_eq!(stage.clock.pauses().len(), 4);
    // A token that STS takes for expired is replaced once, with the ID token it came from.
    stage.advance(HOUR);
    stage.emulator.fail_next(
        Endpoint::AssumeRole,
        Fault::Xml {
            status: 400,
            code: "ExpiredTokenException".into(),
            message: "Token expired: current date/time must be before the expiration date/time"
                .into(),
        },
    );
    let tokens = stage.asked("/oauth2/token");
    credentials(&stage.aws).await;
    assert!(stage.asked("/oauth2/token") > tokens);
    for _ in 0..5 {
        stage
            .emulator
            .fail_next(Endpoint::OpenIdToken, Fault::Throttled);
    }
    stage.advance(HOUR);
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transient {
                service: AwsService::IdentityPool,
                cause: cognito_client::TransientCause::Throttled,
            }
        ),
        "{error:?}"
    );
}
