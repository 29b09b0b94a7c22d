//! Which role: the identity pool's choice, the profile's, or the person's.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use cognito_aws::{Aws, Error};
use cognito_client::{ProfileStore, Session};
use cognito_emulator::{
    AmbiguousRoleResolution, Config, Group, Role, RoleMapping, RoleMappingType, User,
};
use common::{Stage, credentials};
use tempfile::TempDir;

const READER: &str = "arn:aws:iam::123456789012:role/Reader";
const WRITER: &str = "arn:aws:iam::123456789012:role/Writer";
const CLIENT: &str = "6keyfobdemodesktop00client";
const CREDENTIALS: &str = "GetCredentialsForIdentity";

/// Alex writes and reads, by group; Robin only reads.
fn by_group(config: &mut Config) {
    let pool = &mut config.identity_pool;
    pool.role_mappings.insert(
        CLIENT.into(),
        RoleMapping {
            by: RoleMappingType::Token,
            ambiguous: AmbiguousRoleResolution::Deny,
        },
    );
    for arn in [READER, WRITER] {
        config.roles.push(Role::for_authenticated(arn, &pool.id));
    }
    config.groups = vec![
        Group::with_role("writers", WRITER, 1),
        Group::with_role("readers", READER, 2),
    ];
    config.users = vec![
        User::new("alex", "Keyfob-demo-1")
            .with_group("writers")
            .with_group("readers"),
        User::new("robin", "Keyfob-demo-1").with_group("readers"),
        User::new("sam", "Keyfob-demo-1"),
    ];
}

struct World {
    stage: Stage,
    folder: TempDir,
    profiles: ProfileStore,
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            stage: Stage::with(by_group, |_| {}).await,
            profiles: ProfileStore::new(
                folder.path().join("machine"),
                Some(folder.path().join("user")),
            ),
            folder,
        }
    }

    /// A program of the same person on the same computer.
    fn program(&self) -> Aws {
        let session = Session::builder(
            self.stage.session.profile().clone(),
            Arc::<cognito_client::MemoryStore>::clone(&self.stage.store),
        )
        .clock(self.stage.clock.clone())
        .build()
        .unwrap();
        Aws::with_choices(session, self.profiles.clone()).unwrap()
    }
}

async fn role(aws: &Aws) -> String {
    aws.caller_identity().await.unwrap().role_arn
}

#[tokio::test]
async fn the_person_chooses_among_the_roles_of_their_token() {
    let world = World::new().await;
    let aws = world.program();
    let roles = aws.roles().await.unwrap();
    assert_eq!(roles.listed, [WRITER, READER]);
    assert_eq!(roles.preferred.as_deref(), Some(WRITER));
    assert_eq!((roles.chosen, roles.by_profile), (None, None));
    assert_eq!(role(&aws).await, WRITER);
    let as_writer = credentials(&aws).await;

    aws.choose_role(READER).await.unwrap();
    assert_eq!(aws.roles().await.unwrap().chosen.as_deref(), Some(READER));
    assert_eq!(role(&aws).await, READER);
    let as_reader = credentials(&aws).await;
    assert_eq!(
        as_reader.account_id().map(|id| id.as_str()),
        Some("123456789012")
    );
    // Every program takes the same, without asking again.
    let asked = world.stage.asked(CREDENTIALS);
    assert_eq!(credentials(&world.program()).await, as_reader);
    // One that was running takes it too.
    aws.forget_role().unwrap();
    assert_eq!(credentials(&aws).await, as_writer);
    assert_eq!(world.stage.asked(CREDENTIALS), asked, "both are kept");
    assert_eq!(asked, 2);
    assert_eq!(world.stage.asked("GetId"), 1);
}

#[tokio::test]
async fn a_role_of_somebody_else_is_not_chosen() {
    let world = World::new().await;
    world.stage.sign_in("robin").await;
    let aws = world.program();
    let error = aws.choose_role(WRITER).await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(error.remedy().contains(READER), "{error:?}");
    assert_eq!(aws.roles().await.unwrap().chosen, None);
    assert_eq!(role(&aws).await, READER);

    world.stage.sign_in("sam").await;
    let error = aws.choose_role(READER).await.unwrap_err();
    assert!(error.remedy().contains("no roles"), "{error:?}");
    // The pool, too, knows none for them.
    let error = aws.caller_identity().await.unwrap_err();
    assert!(
        error.remedy().contains("AmbiguousRoleResolution"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_choice_that_is_lost_is_told_once_before_another_role_is_taken() {
    let world = World::new().await;
    let aws = world.program();
    aws.choose_role(WRITER).await.unwrap();
    assert_eq!(role(&aws).await, WRITER);
    world.stage.sign_in("robin").await;
    let asked = world.stage.asked(CREDENTIALS);
    let error = aws.caller_identity().await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(error.to_string().contains(WRITER), "{error:?}");
    assert_eq!(world.stage.asked(CREDENTIALS), asked);
    assert_eq!(role(&aws).await, READER);
    assert_eq!(aws.roles().await.unwrap().chosen, None);
}

#[tokio::test]
async fn nobody_takes_another_role_for_want_of_a_readable_choice() {
    let world = World::new().await;
    let aws = world.program();
    aws.choose_role(READER).await.unwrap();
    credentials(&aws).await;
    std::fs::write(world.folder.path().join("user/roles"), "{").unwrap();
    for aws in [&aws, &world.program()] {
        let error = aws.caller_identity().await.unwrap_err();
        assert!(error.to_string().contains("roles you chose"), "{error:?}");
    }
}

#[tokio::test]
async fn the_profiles_own_role_is_asked_for() {
    let stage = Stage::with(by_group, |profile| {
        profile.aws.role_arn = Some(READER.into());
    })
    .await;
    assert_eq!(role(&stage.aws).await, READER);
    assert_eq!(
        stage.aws.roles().await.unwrap().by_profile.as_deref(),
        Some(READER)
    );

    // Profiles of one session never get each other's credentials, nor drive them out of the keychain.
    let as_reader = credentials(&stage.aws).await;
    let writer = |profile: &mut cognito_client::Profile| profile.aws.role_arn = Some(WRITER.into());
    let as_writer = credentials(&stage.another_with(writer)).await;
    assert_ne!(as_writer, as_reader);
    assert_eq!(role(&stage.another_with(writer)).await, WRITER);
    assert_eq!(credentials(&stage.another()).await, as_reader);
    assert_eq!(credentials(&stage.another_with(writer)).await, as_writer);
    assert_eq!(stage.asked(CREDENTIALS), 2);

    stage.sign_in("robin").await;
    let error = stage
        .another_with(writer)
        .caller_identity()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(error.to_string().contains(WRITER), "{error:?}");
    assert!(error.remedy().contains("`aws.role_arn`"), "{error:?}");
}
