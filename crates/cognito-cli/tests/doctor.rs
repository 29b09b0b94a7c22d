//! `keyfob doctor`, the built program: what it prints and how it ends.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cognito_emulator::{Config, Emulator};
use common::text;
use serde_json::Value;

/// Where there is a profile file and nothing else: no keychain, no desktop, no other program.
fn doctor(home: &Path, arguments: &[&str]) -> Output {
    doctor_with(home, arguments, &[])
}

fn doctor_with(home: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keyfob"))
        .arg("doctor")
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", home)
        .env("XDG_RUNTIME_DIR", home)
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}/none", home.display()),
        )
        .env("KEYFOB_PROFILE_FILE", home.join("profile.toml"))
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn profile(base: &str) -> String {
    format!(
        "name = \"Example\"\nregion = \"us-east-1\"\nissuer = \"{base}/us-east-1_KeyfobDemo\"\ndomain = \"{base}\"\n\
         client_id = \"6keyfobdemodesktop00client\"\nredirects = [\"dev.keyfob.desktop://auth/callback\"]\n"
    )
}

const KEYCHAIN: &str = "  failed   keychain       this computer's keychain cannot be reached. Start a Secret Service such as GNOME Keyring or KWallet with a default (login) keyring, then try again. Nothing is ever written to a plain file instead.\n";

#[test]
fn offline_it_looks_at_this_computer() {
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join("profile.toml"),
        profile("http://127.0.0.1:1"),
    )
    .unwrap();
    let output = doctor(home.path(), &["--offline"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        text(&output.stdout),
        format!(
            "This computer (keyfob {}, linux)\n{KEYCHAIN}\
             Profile “Example”\n  \
             ok       profile        it is well formed; the app client is 6keyfobdemodesktop00client\n  \
             skipped  network        --offline: nothing was sent, and the session was not looked at\n  \
             skipped  scheme         xdg-mime, which would tell, is not installed (package xdg-utils)\n  \
             ok       aws-config     {}/.aws/config has nothing of this profile\n  \
             ok       agent          the app does not run or does not answer programs; they do without\n\
             1 check failed.\n",
            env!("CARGO_PKG_VERSION"),
            home.path().display()
        )
    );
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_is_a_line() {
    let emulator = Emulator::start(Config::demo().port(0)).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join("profile.toml"),
        profile(&emulator.domain()),
    )
    .unwrap();
    let folder = home.path().to_owned();
    let (output, json) = tokio::task::spawn_blocking(move || {
        (
            doctor(&folder, &[]),
            doctor(&folder, &["--json", "--profile", "Example"]),
        )
    })
    .await
    .unwrap();
    let host = format!("127.0.0.1:{}", emulator.port());
    assert_eq!(
        text(&output.stdout),
        format!(
            "This computer (keyfob {}, linux)\n{KEYCHAIN}\
             Profile “Example”\n  \
             ok       profile        it is well formed; the app client is 6keyfobdemodesktop00client\n  \
             ok       proxy          none is in force for these hosts\n  \
             ok       dns            127.0.0.1 is an address\n  \
             ok       connection     {host} answers, without TLS\n  \
             ok       clock          this computer's clock agrees with the user pool's\n  \
             ok       discovery      the user pool's issuer is http://{host}/us-east-1_KeyfobDemo\n  \
             ok       keys           the user pool has 2 signing keys\n  \
             ok       domain         {host} is the user pool's domain\n  \
             ok       client         the app client 6keyfobdemodesktop00client is public\n  \
             ok       callback       dev.keyfob.desktop://auth/callback is registered\n  \
             ok       flow           the authorization code grant is allowed\n  \
             ok       scopes         openid, email, profile are allowed\n  \
             skipped  session        keychain failed\n  \
             skipped  identity-pool  the profile names no identity pool\n  \
             skipped  role           the profile names no identity pool\n  \
             skipped  api            the profile names no API\n  \
             skipped  scheme         xdg-mime, which would tell, is not installed (package xdg-utils)\n  \
             ok       aws-config     {}/.aws/config has nothing of this profile\n  \
             ok       agent          the app does not run or does not answer programs; they do without\n\
             1 check failed.\n",
            env!("CARGO_PKG_VERSION"),
            home.path().display()
        )
    );
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    assert_eq!(json.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["failed"], 1);
    assert_eq!(json["reports"][0]["profile"], Value::Null);
    assert_eq!(json["reports"][0]["findings"][0]["code"], "keychain_absent");
    assert_eq!(json["reports"][1]["profile"], "Example");
    assert_eq!(json["reports"][1]["findings"][8]["check"], "client");
    assert!(
        emulator
            .requests()
            .iter()
            .all(|request| request.path != "/login")
    );
}

#[test]
fn who_opens_the_apps_links_is_told() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    // The desktop, as far as it is asked.
    let asked = "query default x-scheme-handler/dev.keyfob.desktop";
    let answer_file = path("answer");
    let desktop = format!(
        "#!/bin/sh\n[ \"$*\" = '{asked}' ] && read -r answer < '{}' && echo \"$answer\"\n",
        answer_file.display()
    );
    fs::write(path("desktop"), desktop).unwrap();
    // By another program: what this one has open for writing, a child of another test might, too.
    let mut install = Command::new("install");
    install.args(["-m", "700"]).arg(path("desktop"));
    assert!(install.arg(path("xdg-mime")).status().unwrap().success());
    fs::write(path("profile.toml"), profile("http://127.0.0.1:1")).unwrap();
    for (answer, outcome, code) in [
        ("keyfob-desktop-handler.desktop", "ok", "ok"),
        ("Keyfob.desktop", "ok", "ok"),
        ("other.desktop", "warning", "scheme_taken"),
        ("", "warning", "scheme_unclaimed"),
    ] {
        fs::write(&answer_file, format!("{answer}\n")).unwrap();
        let output = doctor(home.path(), &["--offline", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = json["reports"][1]["findings"].as_array().unwrap();
        let scheme = findings.iter().find(|finding| finding["check"] == "scheme");
        let scheme = scheme.unwrap();
        assert_eq!(scheme["outcome"], outcome, "{scheme}");
        assert_eq!(scheme["code"], code, "{scheme}");
        let message = scheme["message"].as_str().unwrap();
        assert!(message.contains(answer), "{scheme}");
    }
}

#[test]
fn a_profile_that_cannot_be_used_is_a_finding() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("profile.toml"), "name = \"x\"\n").unwrap();
    let output = doctor(home.path(), &["--offline", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &json["reports"][0]["findings"][1];
    assert_eq!(finding["code"], "profile_unusable");
    assert!(
        finding["message"]
            .as_str()
            .unwrap()
            .contains("profile.toml")
    );
}

#[test]
fn a_proxy_that_does_not_answer_is_named_without_its_password() {
    let home = tempfile::tempdir().unwrap();
    let domain = "http://127.0.0.1:9";
    fs::write(home.path().join("profile.toml"), profile(domain)).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = closed.local_addr().unwrap();
    drop(closed);
    let variable = format!("http://user:hushhush@{proxy}");
    let output = doctor_with(home.path(), &[], &[("http_proxy", &variable)]);
    let stdout = text(&output.stdout);
    let lines = [
        format!("  ok       proxy          127.0.0.1:9 by http://{proxy}\n"),
        format!(
            "  failed   connection     127.0.0.1:9 could not be reached by the proxy http://{proxy}. Check the proxy"
        ),
        "  skipped  client         connection of 127.0.0.1:9 failed\n".to_owned(),
    ];
    for line in lines {
        assert!(stdout.contains(&line), "{line}\n{stdout}");
    }
    assert!(!stdout.contains("hushhush"), "{stdout}");
    assert_eq!(output.status.code(), Some(1));
}
