//! `keyfob aws-config`, the built program: what it prints, and what it does to the file.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use common::text;
use tempfile::TempDir;

/// A home folder with a profile.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("profile.toml"),
            "name = \"Example Ltd\"\nregion = \"eu-west-1\"\n\
             issuer = \"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test\"\n\
             domain = \"https://example.auth.eu-west-1.amazoncognito.com\"\n\
             client_id = \"4testclient0000000000000001\"\n\
             redirects = [\"dev.keyfob.desktop://auth/callback\"]\n",
        )
        .unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_keyfob"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("KEYFOB_PROFILE_FILE", self.file("profile.toml"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }
}

fn command() -> String {
    format!(
        "{} credential-process --profile \"Example Ltd\"",
        env!("CARGO_BIN_EXE_keyfob")
    )
}

#[test]
fn a_profile_is_shown_then_added_then_removed() {
    let home = Home::new();
    let lines = format!(
        "+ [profile Example-Ltd]\n+ credential_process = {}\n+ region = eu-west-1\n",
        command()
    );
    let config = home.shown(".aws/config");
    let add = ["aws-config", "add", "Example Ltd"];

    let output = home.run(&["aws-config", "add", "Example Ltd", "--dry-run"]);
    assert_eq!(text(&output.stdout), lines);
    assert_eq!(
        text(&output.stderr),
        format!("keyfob: {config} is not changed\n")
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(!home.file(".aws").exists());

    let output = home.run(&add);
    assert_eq!(text(&output.stdout), lines);
    assert_eq!(
        text(&output.stderr),
        format!(
            "keyfob: {config} is changed\nkeyfob: try it: aws --profile Example-Ltd sts get-caller-identity\n"
        )
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(home.file(".aws/config")).unwrap(),
        format!(
            "[profile Example-Ltd]\ncredential_process = {}\nregion = eu-west-1\n",
            command()
        )
    );

    let output = home.run(&add);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        format!("keyfob: {config} is as it should be\n")
    );
    assert_eq!(output.status.code(), Some(0));

    let output = home.run(&["aws-config", "remove", "Example Ltd"]);
    assert_eq!(text(&output.stdout), lines.replace("+ ", "- "));
    assert_eq!(
        text(&output.stderr),
        format!("keyfob: {config} is changed; as it was, it is {config}.keyfob-backup\n")
    );
    assert_eq!(fs::read_to_string(home.file(".aws/config")).unwrap(), "");
}

#[test]
fn somebody_elses_profile_is_shown_and_left_alone() {
    let home = Home::new();
    let text_before = "[default]\nrole_arn = arn:aws:iam::1:role/x\naws_secret_access_key = hushhush\noutput = json\n";
    fs::write(home.file("config"), text_before).unwrap();
    let config = home.shown("config");
    let variables = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX"),
    ];
    let add = ["aws-config", "add", "--name", "default"];
    let output = home.run_with(&add, &variables);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        format!(
            "keyfob: {config} has a profile default already, which is not Keyfob's for this profile:\n  \
             [default]\n  role_arn = arn:aws:iam::1:role/x\n  aws_secret_access_key = ****\n\
             Choose another name with --name, or let its settings be replaced with --force.\n"
        )
    );
    assert_eq!(
        fs::read_to_string(home.file("config")).unwrap(),
        text_before
    );

    let output = home.run_with(
        &["aws-config", "add", "--name", "default", "--force"],
        &variables,
    );
    assert_eq!(output.status.code(), Some(0));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("warning: AWS_ACCESS_KEY_ID is set"),
        "{stderr}"
    );
    for printed in [text(&output.stdout), stderr] {
        assert!(
            !printed.contains("hushhush") && !printed.contains("AKIA"),
            "{printed}"
        );
    }
    let output = home.run_with(&["aws-config", "remove", "--name", "default"], &variables);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(home.file("config")).unwrap(),
        text_before
    );
    let output = home.run_with(&["aws-config", "remove", "--name", "default"], &variables);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not Keyfob's"));
}

#[test]
fn a_profile_that_is_no_more_can_be_removed_but_not_added() {
    let home = Home::new();
    home.run(&["aws-config", "add", "Example Ltd"]);
    let renamed = fs::read_to_string(home.file("profile.toml")).unwrap();
    let renamed = renamed.replace("Example Ltd", "Other");
    fs::write(home.file("profile.toml"), renamed).unwrap();
    let output = home.run(&["aws-config", "add", "Example Ltd"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no profile “Example Ltd”"));
    let output = home.run(&["aws-config", "remove", "Example Ltd"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_to_string(home.file(".aws/config")).unwrap(), "");
}
