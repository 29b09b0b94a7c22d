//! `keyfob roles`: the built program, with the app and without.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;

use cognito_emulator::{
    AmbiguousRoleResolution, Config, Group, Role, RoleMapping, RoleMappingType, User,
};
use desk::Desk;
use serde_json::json;

const READER: &str = "arn:aws:iam::123456789012:role/Reader";
const WRITER: &str = "arn:aws:iam::123456789012:role/staff/Writer";

/// Alex may take two roles, by group.
fn by_group() -> Config {
    let mut config = Config::demo();
    let client = config.clients[0].id.clone();
    let pool = &mut config.identity_pool;
    let mapping = RoleMapping {
        by: RoleMappingType::Token,
        ambiguous: AmbiguousRoleResolution::Deny,
    };
    pool.role_mappings.insert(client, mapping);
    for arn in [READER, WRITER] {
        config.roles.push(Role::for_authenticated(arn, &pool.id));
    }
    config.groups = vec![
        Group::with_role("writers", WRITER, 1),
        Group::with_role("readers", READER, 2),
    ];
    let alex = User::new("alex", "Keyfob-demo-1");
    config.users = vec![alex.with_group("writers").with_group("readers")];
    config
}

#[test]
fn a_role_is_chosen_and_taken_until_that_is_forgotten() {
    let desk = Desk::configured(by_group());
    for arguments in [&["roles"][..], &["roles", "--choose", "Reader"]] {
        assert_eq!(desk.run(arguments).code, Some(4));
    }
    desk.run(&["roles", "--forget"])
        .is(0, "", "you had chosen none\n");
    desk.sign_in();
    // STS tells no path of a role.
    let taken = || desk.run(&["whoami", "--json"]).json()["role"].clone();
    let is_writer = WRITER.replace("staff/", "");
    let without = format!("  {WRITER}  (without a choice)\n  {READER}\n");
    desk.run(&["roles"]).is(0, &without, "");
    assert_eq!(taken(), is_writer);

    let said = desk.run(&["roles", "--choose", "Reader"]);
    assert_eq!((said.code, &*said.stdout), (Some(0), ""), "{}", said.stderr);
    assert!(said.stderr.contains(READER), "{}", said.stderr);
    let chosen = format!("  {WRITER}  (without a choice)\n* {READER}\n");
    desk.run(&["roles"]).is(0, &chosen, "");
    assert_eq!(taken(), READER);
    let listed = desk.run(&["roles", "--json"]).json();
    let expected = json!({
        "profile": "Local demo",
        "roles": [WRITER, READER],
        "chosen": READER,
        "without_a_choice": WRITER,
    });
    assert_eq!(listed, expected);

    for role in [
        "Administrator",
        "",
        "staff/Reader",
        "arn:aws:iam::123456789012:role/Other",
    ] {
        let said = desk.run(&["roles", "--choose", role]);
        assert_eq!((said.code, &*said.stdout), (Some(1), ""), "{role}");
        let choices = format!("Choose one of these: {WRITER}, {READER}.\n");
        assert!(said.stderr.ends_with(&choices), "{}", said.stderr);
    }
    assert_eq!(taken(), READER, "what is refused changes nothing");
    for role in [WRITER, "Writer", "staff/Writer"] {
        assert_eq!(desk.run(&["roles", "--choose", role]).code, Some(0));
        assert_eq!(taken(), is_writer);
        assert_eq!(desk.run(&["roles", "--choose", READER]).code, Some(0));
    }
    assert_eq!(desk.run(&["roles", "--forget"]).code, Some(0));
    assert_eq!(taken(), is_writer);
}

#[test]
fn the_app_knows_them() {
    let desk = Desk::bare();
    let _agent = desk.app(true);
    let said = desk.run(&["roles"]);
    said.is(
        0,
        "",
        "there is nothing to choose from: your groups have no roles\n",
    );
}

#[test]
fn one_thing_is_asked_for_at_a_time() {
    let desk = Desk::bare();
    for both in [
        &["--choose", "Reader", "--forget"][..],
        &["--forget", "--json"],
    ] {
        let said = desk.run(&[&["roles"], both].concat());
        assert_eq!((said.code, &*said.stdout), (Some(64), ""));
    }
}
