//! When credentials are asked for, and when not.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use cognito_aws::Error;
use cognito_client::TransientCause;
use cognito_emulator::{Endpoint, Fault};
use tokio::task::JoinSet;

use common::{HOUR, MINUTE, Stage};

const SECOND: Duration = Duration::from_secs(1);
const CREDENTIALS: &str = "GetCredentialsForIdentity";

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_share_one_exchange() {
    let stage = Stage::new().await;
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let provider = stage.aws.credentials_provider();
        asking.spawn(async move { provider.provide_credentials().await.unwrap() });
    }
    let all = asking.join_all().await;
    assert!(all.iter().all(|given| *given == all[0]));
    assert_eq!(stage.asked("GetId"), 1);
    assert_eq!(stage.asked(CREDENTIALS), 1);
}

#[tokio::test]
async fn renewed_when_less_than_fifteen_minutes_are_left() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let first = provider.provide_credentials().await.unwrap();

    stage.advance(44 * MINUTE);
    assert_eq!(provider.provide_credentials().await.unwrap(), first);
    assert_eq!(stage.asked(CREDENTIALS), 1);

    stage.advance(MINUTE + SECOND);
    let second = provider.provide_credentials().await.unwrap();
    assert_ne!(second, first);
    assert!(second.expiry() >= first.expiry().map(|expiry| expiry + 45 * MINUTE));
    assert_eq!(stage.asked(CREDENTIALS), 2);
    assert_eq!(stage.asked("GetId"), 1, "the identity ID is remembered");
    assert_eq!(stage.asked("/oauth2/token"), 1, "the ID token still lasts");
}

#[tokio::test]
async fn the_id_token_is_renewed_when_it_has_to_be() {
    let stage = Stage::new().await;
    stage.aws.caller_identity().await.unwrap();
    stage.advance(24 * HOUR);
    let caller = stage.aws.caller_identity().await.unwrap();
    assert!(caller.expires > stage.session.now() + 59 * MINUTE);
    assert_eq!(stage.asked("/oauth2/token"), 2);
    assert_eq!(stage.asked("GetId"), 1);
}

#[tokio::test]
async fn without_a_network_the_old_ones_are_used_up() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let first = provider.provide_credentials().await.unwrap();

    stage.advance(50 * MINUTE);
    fail(&stage, Endpoint::Credentials, &Fault::Status(500));
    assert_eq!(provider.provide_credentials().await.unwrap(), first);

    // The ID token, too, is past its last minute by then.
    stage.advance(9 * MINUTE + 10 * SECOND);
    fail(&stage, Endpoint::Token, &Fault::Status(500));
    assert_eq!(provider.provide_credentials().await.unwrap(), first);

    stage.advance(30 * SECOND);
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Session(cognito_client::Error::Transient { .. })
        ),
        "{error:?}"
    );
}

/// More faults than there are attempts; those left over stay queued.
fn fail(stage: &Stage, endpoint: Endpoint, fault: &Fault) {
    for _ in 0..3 {
        stage.emulator.fail_next(endpoint, fault.clone());
    }
}

#[tokio::test]
async fn a_refusal_is_not_hidden_by_old_credentials() {
    let stage = Stage::with(
        |config| config.identity_pool.server_side_token_check = true,
        |_| {},
    )
    .await;
    stage.aws.caller_identity().await.unwrap();
    stage.advance(50 * MINUTE);
    stage.emulator.sign_out_everywhere("alex");
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Session(cognito_client::Error::SignInRequired(_))
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn throttling_is_waited_out_or_told() {
    let stage = Stage::new().await;
    let throttled = Fault::Error {
        status: 400,
        body: serde_json::json!({
            "__type": "TooManyRequestsException",
            "message": "Rate exceeded",
        }),
    };
    for _ in 0..5 {
        stage.emulator.fail_next(Endpoint::GetId, throttled.clone());
    }
    let error = stage.aws.caller_identity().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transient {
                cause: TransientCause::Throttled,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.remedy(), "Wait a minute and try again.");
    assert_eq!(stage.asked("GetId"), 5);
    // Each pause is between half of twice the one before's longest and all of it.
    let pauses = stage.clock.pauses();
    assert_eq!(pauses.len(), 4);
    for (pause, longest) in pauses.iter().zip([250, 500, 1_000, 2_000]) {
        let longest = Duration::from_millis(longest);
        assert!(*pause <= longest, "{pauses:?}");
        assert!(
            *pause + Duration::from_millis(100) >= longest / 2,
            "{pauses:?}"
        );
    }

    stage.emulator.fail_next(Endpoint::Credentials, throttled);
    stage.aws.caller_identity().await.unwrap();
    assert_eq!(stage.asked(CREDENTIALS), 2);
}

/// After a renewal that failed the old ones are used without asking at every request.
#[tokio::test]
async fn an_outage_is_not_asked_about_at_every_request() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let first = provider.credentials().await.unwrap();
    stage.advance(50 * MINUTE);
    fail(&stage, Endpoint::Credentials, &Fault::Status(500));
    for _ in 0..10 {
        assert_eq!(provider.credentials().await.unwrap(), first);
    }
    assert_eq!(stage.asked(CREDENTIALS), 4);
    stage.advance(31 * SECOND);
    assert_ne!(provider.credentials().await.unwrap(), first);
}

#[tokio::test]
async fn as_much_time_as_is_asked_for_is_left() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let left = |credentials: &aws_credential_types::Credentials| {
        let expiry = credentials.expiry().unwrap();
        expiry.duration_since(stage.session.now()).unwrap()
    };
    let first = provider.credentials_lasting(HOUR).await.unwrap();
    assert_eq!(provider.credentials_lasting(HOUR).await.unwrap(), first);
    stage.advance(4 * MINUTE);
    assert_eq!(provider.credentials_lasting(HOUR).await.unwrap(), first);
    stage.advance(6 * MINUTE);
    assert_eq!(
        provider.credentials_lasting(49 * MINUTE).await.unwrap(),
        first
    );
    let second = provider.credentials_lasting(HOUR).await.unwrap();
    assert!(left(&second) > 59 * MINUTE);
    assert_eq!(provider.credentials_lasting(SECOND).await.unwrap(), second);

    // Never less than a quarter of an hour, however little is asked for.
    stage.advance(46 * MINUTE);
    let third = provider.credentials_lasting(SECOND).await.unwrap();
    assert!(left(&third) > 59 * MINUTE);
    assert_eq!(stage.asked(CREDENTIALS), 3);
}

/// What botocore would see that asks all the time, for three hours in which the network is away now and then.
#[tokio::test]
async fn a_long_job_never_gets_what_is_about_to_expire() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let mut least_offline = HOUR;
    for minute in 0..180 {
        // Four minutes in every seven, longer than the SDK's patience and shorter than the credentials' rest.
        let offline = minute % 7 >= 3;
        if offline {
            fail(&stage, Endpoint::Credentials, &Fault::Status(500));
        }
        let given = provider.credentials_lasting(15 * MINUTE).await.unwrap();
        let left = given
            .expiry()
            .unwrap()
            .duration_since(stage.session.now())
            .unwrap();
        if offline {
            least_offline = least_offline.min(left);
        } else {
            assert!(left > 15 * MINUTE, "{minute}: {left:?}");
        }
        assert!(left >= 10 * MINUTE, "{minute}: {left:?}");
        stage.emulator.clear_faults();
        stage.advance(MINUTE);
    }
    assert!(
        least_offline < 15 * MINUTE,
        "no outage fell together with a renewal"
    );
    assert!(stage.asked("/oauth2/token") <= 5);
}

/// And when the network stays away, an error instead of credentials that would not last.
#[tokio::test]
async fn less_than_ten_minutes_are_not_taken_along() {
    let stage = Stage::new().await;
    let provider = stage.aws.credentials_provider();
    let first = provider.credentials_lasting(15 * MINUTE).await.unwrap();
    stage.advance(49 * MINUTE);
    fail(&stage, Endpoint::Credentials, &Fault::Status(500));
    assert_eq!(
        provider.credentials_lasting(15 * MINUTE).await.unwrap(),
        first
    );
    stage.advance(2 * MINUTE);
    fail(&stage, Endpoint::Credentials, &Fault::Status(500));
    let error = provider.credentials_lasting(15 * MINUTE).await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error:?}");
    // The app itself goes on with them.
    fail(&stage, Endpoint::Credentials, &Fault::Status(500));
    assert_eq!(provider.credentials().await.unwrap(), first);
}

#[tokio::test]
async fn a_renewal_nobody_waits_for_any_more_blocks_nobody() {
    let stage = Stage::new().await;
    stage
        .emulator
        .fail_next(Endpoint::Credentials, Fault::Stall);
    let provider = stage.aws.credentials_provider();
    let renewal = tokio::spawn(async move { provider.provide_credentials().await });
    while stage.asked(CREDENTIALS) == 0 {
        tokio::task::yield_now().await;
    }
    renewal.abort();
    assert!(renewal.await.unwrap_err().is_cancelled());
    stage.aws.caller_identity().await.unwrap();
    assert_eq!(stage.asked("GetId"), 1);
}

#[tokio::test]
async fn what_is_forgotten_is_asked_for_again() {
    let stage = Stage::new().await;
    let first = stage.aws.caller_identity().await.unwrap();
    stage.aws.forget().await;
    let second = stage.aws.caller_identity().await.unwrap();
    assert_eq!(first.identity_id, second.identity_id);
    assert_eq!(stage.asked("GetId"), 2);
    assert_eq!(stage.asked(CREDENTIALS), 2);
}
