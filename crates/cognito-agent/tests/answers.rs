//! What programs are handed, and what the app learns of it.
#![allow(clippy::unwrap_used)]

mod common;

use cognito_agent::{Answer, AskError, Request, Want, ask};
use cognito_client::{Profile, SignOutScope};
use common::{CREDENTIALS, PATIENCE, Stage};

#[tokio::test]
async fn credentials_are_handed_out_and_each_handing_out_is_listed() {
    let stage = Stage::new().await;
    let mut handed_out = stage.agent.handed_out();
    let Answer::Credentials(first) = stage.ask(CREDENTIALS).await.unwrap() else {
        panic!("no credentials");
    };
    assert!(first.access_key_id.starts_with("ASIA"), "{first:?}");
    let listed = handed_out.wait_for(|all| all.iter().any(|one| one.role.is_some()));
    let listed = listed.await.unwrap().clone();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].profile, stage.session.profile().name);
    assert_eq!(listed[0].what, "AWS credentials");
    assert_eq!(listed[0].access_key_id.as_ref(), Some(&first.access_key_id));
    assert_eq!(listed[0].expires, Some(first.expires));
    assert_eq!(
        listed[0].role.as_deref(),
        Some("arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated")
    );
    if cfg!(target_os = "linux") {
        assert_eq!(listed[0].pid, Some(std::process::id()));
        assert!(listed[0].program.as_deref().unwrap().starts_with("answers"));
    }

    // The second time nothing is sent, and what AWS has said since is known.
    let before = stage.emulator.requests().len();
    let Answer::Credentials(second) = stage.ask(CREDENTIALS).await.unwrap() else {
        panic!("no credentials");
    };
    assert_eq!(stage.emulator.requests().len(), before);
    assert_eq!(second.access_key_id, first.access_key_id);
    assert_eq!(second.account.as_deref(), Some("123456789012"));
    assert_eq!(
        handed_out.wait_for(|all| all.len() == 2).await.unwrap()[1].role,
        listed[0].role
    );
}

#[tokio::test]
async fn fifty_at_once_cause_one_renewal() {
    let stage = Stage::new().await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (place, request) = (stage.place.clone(), stage.request(CREDENTIALS));
        asking.spawn_blocking(move || ask(&place, &request, PATIENCE));
    }
    let mut keys = std::collections::BTreeSet::new();
    for answer in asking.join_all().await {
        match answer.unwrap() {
            Answer::Credentials(credentials) => keys.insert(credentials.access_key_id),
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(keys.len(), 1);
    assert_eq!(stage.asked("GetCredentialsForIdentity"), 1);
}

#[tokio::test]
async fn tokens_are_handed_out_by_name() {
    let stage = Stage::new().await;
    let (access, id) = (
        stage.session.access_token().await.unwrap(),
        stage.session.id_token().await.unwrap(),
    );
    for (want, token, what) in [
        (Want::AccessToken, access.expose(), "access token"),
        (Want::IdToken, id.expose(), "ID token"),
    ] {
        match stage.ask(want).await.unwrap() {
            Answer::Token(answer) => assert_eq!(*answer, token),
            other => panic!("{other:?}"),
        }
        let mut handed_out = stage.agent.handed_out();
        let listed = handed_out.wait_for(|all| all.last().is_some_and(|one| one.what == what));
        assert_eq!(listed.await.unwrap().last().unwrap().role, None);
    }
}

#[tokio::test]
async fn the_state_is_told_without_sending_anything_or_being_listed() {
    let stage = Stage::new().await;
    let before = stage.emulator.requests().len();
    let Answer::Status(status) = stage.ask(Want::Status).await.unwrap() else {
        panic!("no status");
    };
    let who = status.signed_in.unwrap();
    assert_eq!(who.username, "alex");
    assert_eq!(who.name.as_deref(), Some("Alex Morgan"));
    assert_eq!(
        (status.session_ended, status.credentials_expire),
        (false, None)
    );
    assert_eq!(stage.emulator.requests().len(), before);

    let Answer::Credentials(credentials) = stage.ask(CREDENTIALS).await.unwrap() else {
        panic!("no credentials");
    };
    let Answer::Status(status) = stage.ask(Want::Status).await.unwrap() else {
        panic!("no status");
    };
    assert_eq!(status.credentials_expire, Some(credentials.expires));
    assert_eq!(stage.agent.handed_out().borrow().len(), 1);
}

#[tokio::test]
async fn who_aws_takes_the_person_for_is_told() {
    let stage = Stage::new().await;
    let Answer::CallerIdentity(caller) = stage.ask(Want::CallerIdentity).await.unwrap() else {
        panic!("no identity");
    };
    assert_eq!(caller.account, "123456789012");
    assert!(caller.role.ends_with(":role/KeyfobDemoAuthenticated"));
}

#[tokio::test]
async fn who_has_to_sign_in_is_told_through_the_app() {
    let stage = Stage::new().await;
    let mut wanted = stage.agent.sign_in_wanted();
    stage.session.sign_out(SignOutScope::Device).await.unwrap();
    for want in [
        CREDENTIALS,
        Want::AccessToken,
        Want::IdToken,
        Want::CallerIdentity,
    ] {
        let answer = stage.ask(want).await.unwrap();
        assert!(
            matches!(answer, Answer::SignInRequired { .. }),
            "{answer:?}"
        );
        wanted.changed().await.unwrap();
        let wanted = wanted.borrow_and_update().clone().unwrap();
        assert_eq!(wanted.profile, stage.session.profile().name);
    }
    let Answer::Status(status) = stage.ask(Want::Status).await.unwrap() else {
        panic!("no status");
    };
    assert_eq!(status.signed_in, None);
    assert!(!wanted.has_changed().unwrap());
    assert!(stage.agent.handed_out().borrow().is_empty());
}

#[tokio::test]
async fn what_cannot_be_had_is_told_with_its_remedy() {
    let stage = Stage::new().await;
    // Whatever AWS is asked, nobody answers.
    let mut profile = stage.session.profile().clone();
    profile.identity_pool_id = None;
    let session = cognito_client::Session::new(
        profile,
        std::sync::Arc::new(cognito_client::MemoryStore::new()),
    )
    .unwrap();
    stage.agent.set_enabled(false).unwrap();
    let other = common::agent(&stage.place, &session);
    other.set_enabled(true).unwrap();
    match stage.ask(CREDENTIALS).await.unwrap() {
        Answer::Failed { message, remedy } => {
            assert!(message.contains("names no identity pool"), "{message}");
            assert!(remedy.contains("identity_pool_id"), "{remedy}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_pool_of_the_same_name_and_an_unknown_name_are_not_answered_for() {
    let stage = Stage::new().await;
    let mut other: Profile = stage.session.profile().clone();
    other.client_id = "4anotherclient00000000001".into();
    let answer = stage.ask_for(Request::new(&other, CREDENTIALS)).await;
    assert_eq!(answer, Ok(Answer::NotMine));
    other = stage.session.profile().clone();
    other.name = "Somebody else's".into();
    let answer = stage.ask_for(Request::new(&other, CREDENTIALS)).await;
    assert_eq!(answer, Ok(Answer::NotMine));
    assert!(stage.agent.handed_out().borrow().is_empty());
}

#[tokio::test]
async fn switched_off_nobody_is_there_and_switched_on_again_somebody_is() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        stage.agent.set_enabled(false).unwrap();
        assert!(!stage.agent.is_enabled());
        assert_eq!(stage.ask(Want::Status).await, Err(AskError::NoAgent));
        stage.agent.set_enabled(true).unwrap();
        stage.agent.set_enabled(true).unwrap();
        assert!(stage.agent.is_enabled());
        assert!(matches!(
            stage.ask(Want::Status).await,
            Ok(Answer::Status(_))
        ));
    }
}
