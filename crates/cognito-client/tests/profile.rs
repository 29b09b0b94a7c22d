//! A profile file that is wrong says which, where and why.

#![allow(clippy::unwrap_used)]

use cognito_client::{Profile, ProfileError, ProfileStore};

const GOOD: &str = r#"
name = "Example"
region = "eu-central-1"
issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
domain = "https://example.auth.eu-central-1.amazoncognito.com"
client_id = "1example23456789"
redirects = ["dev.keyfob.desktop://auth/callback"]
identity_pool_id = "eu-central-1:00000000-0000-4000-8000-000000000000"
"#;

fn refused(from: &str, to: &str) -> String {
    let file = GOOD.replace(from, to);
    assert_ne!(file, GOOD, "{from}");
    file.parse::<Profile>().unwrap_err().to_string()
}

#[test]
fn a_good_one_has_its_defaults() {
    let profile: Profile = GOOD.parse().unwrap();
    assert_eq!(profile.scopes, ["openid", "email", "profile"]);
    assert_eq!(profile.refresh_token_days, 30);
    assert_eq!(
        profile.issuer.as_str(),
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI"
    );
    assert_eq!(Profile::local_demo().name, "Local demo");
}

#[test]
fn a_wrong_one_says_what() {
    for (from, to, words) in [
        (
            "region = \"eu-central-1\"",
            "",
            "well formed: missing field `region`",
        ),
        ("client_id", "clientid", "unknown field `clientid`"),
        (
            "name = \"Example\"",
            "name = 5",
            "line 2, column 8 (`name`): invalid type",
        ),
        ("\"Example\"", "\" \"", "`name`"),
        (
            "\"eu-central-1\"\nissuer",
            "\"Frankfurt am Main\"\nissuer",
            "`region`",
        ),
        ("https://cognito-idp", "http://cognito-idp", "`issuer`"),
        ("https://cognito-idp", "cognito-idp", "issuer"),
        ("https://example.auth", "http://example.auth", "`domain`"),
        (
            "amazoncognito.com\"",
            "amazoncognito.com/login\"",
            "`domain`",
        ),
        ("1example23456789", "my app client", "`client_id`"),
        (
            "[\"dev.keyfob.desktop://auth/callback\"]",
            "[]",
            "`redirects`",
        ),
        (
            "dev.keyfob.desktop://auth/callback",
            "https://example.com/callback",
            "`redirects`",
        ),
        (
            "dev.keyfob.desktop://auth/callback",
            "dev.keyfob.desktop://auth/callback#x",
            "`redirects`",
        ),
        ("eu-central-1:0000", "us-east-1:0000", "another Region"),
        (
            "eu-central-1:00000000-0000-4000-8000-000000000000",
            "my_identity_pool",
            "the ID, not the name",
        ),
        (
            "client_id = \"1e",
            "sign_out_redirects = [\"ftp://example.com\"]\nclient_id = \"1e",
            "`sign_out_redirects`",
        ),
        (
            "client_id = \"1e",
            "scopes = [\"email\"]\nclient_id = \"1e",
            "`scopes`",
        ),
        (
            "client_id = \"1e",
            "refresh_token_days = 0\nclient_id = \"1e",
            "`refresh_token_days`",
        ),
        (
            "client_id = \"1e",
            "api_base_url = \"http://api.example.com\"\nclient_id = \"1e",
            "`api_base_url`",
        ),
        (
            "client_id = \"1e",
            "client_secret = \"s\"\nclient_id = \"1e",
            "unknown field `client_secret`",
        ),
        (
            "client_id = \"1e",
            "aws = { role_arn = \"Reader\" }\nclient_id = \"1e",
            "`aws.role_arn`",
        ),
        (
            "client_id = \"1e",
            "aws = { flow = \"basic\" }\nclient_id = \"1e",
            "needs the role to assume",
        ),
        (
            "client_id = \"1e",
            "aws = { session_seconds = 7200 }\nclient_id = \"1e",
            "`aws.session_seconds`",
        ),
        (
            "client_id = \"1e",
            "aws = { flow = \"basic\", session_seconds = 60, role_arn = \"arn:aws:iam::123456789012:role/Reader\" }\nclient_id = \"1e",
            "between 900 and 43200",
        ),
        (
            "client_id = \"1e",
            "buckets = [{ bucket = \"Mine\" }]\nclient_id = \"1e",
            "`buckets.bucket`",
        ),
        (
            "client_id = \"1e",
            "buckets = [{ bucket = \"mine\", prefix = \"users\" }]\nclient_id = \"1e",
            "must end with /",
        ),
        (
            "client_id = \"1e",
            "buckets = [{ bucket = \"mine\", prefix = \"${aws:userid}/\" }]\nclient_id = \"1e",
            "the only variable",
        ),
        (
            "client_id = \"1e",
            "endpoints = { s3 = \"http://s3.example.com\" }\nclient_id = \"1e",
            "`endpoints.s3`",
        ),
        ("region = ", "region ", "line 3, column 8"),
        (
            "https://example.auth",
            "https://:pw@example.auth",
            "no user",
        ),
    ] {
        let error = refused(from, to);
        assert!(error.contains(words), "{to}: {error}");
        assert!(!error.contains('\n'), "one sentence to read: {error}");
    }
}

#[test]
fn the_users_come_before_the_machines_and_a_bad_one_is_reported() {
    let folder = std::env::temp_dir().join(format!("keyfob-profiles-{}", std::process::id()));
    let (machine, user) = (folder.join("machine"), folder.join("user"));
    for path in [&machine, &user] {
        std::fs::create_dir_all(path).unwrap();
    }
    std::fs::write(machine.join("a.toml"), GOOD).unwrap();
    std::fs::write(machine.join("b.toml"), GOOD.replace("Example", "Other")).unwrap();
    std::fs::write(
        user.join("a.toml"),
        GOOD.replace("1example23456789", "2mine"),
    )
    .unwrap();
    std::fs::write(user.join("z.toml"), "name = ").unwrap();
    std::fs::write(user.join("notes.txt"), "not a profile").unwrap();
    let profiles = ProfileStore::new(machine.clone(), Some(user.clone())).load();
    let names: Vec<_> = profiles
        .usable
        .iter()
        .map(|known| (&*known.profile.name, &*known.profile.client_id))
        .collect();
    assert_eq!(
        names,
        [
            ("Example", "2mine"),
            ("Other", "1example23456789"),
            ("Local demo", "6keyfobdemodesktop00client")
        ]
    );
    let [ProfileError::InFile { file, .. }] = &profiles.unusable[..] else {
        panic!("{:?}", profiles.unusable)
    };
    assert_eq!(*file, user.join("z.toml"));
    std::fs::remove_dir_all(folder).unwrap();

    assert_eq!(
        ProfileStore::new("/nowhere".into(), None).load().usable[0].profile,
        Profile::local_demo()
    );
}

#[test]
fn a_buckets_prefix_has_the_persons_identity_id() {
    let demo = Profile::local_demo();
    let [own, shared] = &demo.buckets[..] else {
        panic!("{:?}", demo.buckets)
    };
    assert!(own.is_personal() && !shared.is_personal());
    assert_eq!(own.prefix_of("us-east-1:abc"), "users/us-east-1:abc/");
    assert_eq!(shared.prefix_of("us-east-1:abc"), "shared/");
}
