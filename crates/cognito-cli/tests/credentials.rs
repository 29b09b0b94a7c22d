//! `keyfob credential-process`, `env`, `token`, `status` and `whoami`: the built program, with the app and without.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;

use std::time::{Duration, Instant};

use cognito_emulator::{Endpoint, Fault};
use desk::{Desk, SLOW, Said};
use serde_json::Value;

const SIGNED_OUT: &str = "keyfob: you are not signed in; run `keyfob login --profile 'Local demo'`, or sign in with the Keyfob app\n";

/// What the AWS CLI makes of it (AWS SDKs and Tools Reference Guide, "Process credential provider").
fn credentials(said: &Said) -> Value {
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
    assert_eq!(said.stdout.matches('\n').count(), 1);
    let credentials = said.json();
    assert_eq!(credentials["Version"], 1);
    assert!(
        credentials["AccessKeyId"]
            .as_str()
            .unwrap()
            .starts_with("ASIA")
    );
    for secret in ["SecretAccessKey", "SessionToken"] {
        assert!(credentials[secret].as_str().unwrap().len() > 10, "{secret}");
    }
    let expires: jiff::Timestamp = credentials["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(credentials["Expiration"].as_str().unwrap().ends_with('Z'));
    let left = expires.as_second() - jiff::Timestamp::now().as_second();
    assert!((15 * 60..=60 * 60).contains(&left), "{left}");
    credentials
}

#[test]
fn the_app_hands_them_out_without_a_keychain() {
    let desk = Desk::bare();
    let agent = desk.app(true);
    let first = credentials(&desk.run(&["credential-process"]));
    let again = credentials(&desk.run(&["credential-process", "--profile", "Local demo"]));
    assert_eq!(first["AccessKeyId"], again["AccessKeyId"]);
    let mut handed_out = agent.handed_out();
    let named = handed_out.wait_for(|all| all.len() == 2 && all[1].role.is_some());
    let all = desk.runtime.block_on(named).unwrap().clone();
    // This test is who asked, not the command in between.
    assert_eq!(all[0].pid, Some(std::process::id()));
    assert!(
        all[0]
            .program
            .as_deref()
            .unwrap()
            .starts_with("credentials")
    );
    let last = credentials(&desk.run(&["credential-process"]));
    assert_eq!(last["AccountId"], "123456789012");
}

#[test]
fn without_the_app_they_come_from_the_keychain() {
    let desk = Desk::new();
    desk.run(&["credential-process"]).is(4, "", SIGNED_OUT);
    desk.sign_in();
    let first = credentials(&desk.run(&["credential-process"]));
    let requests = desk.emulator.requests().len();
    let again = credentials(&desk.run(&["credential-process"]));
    assert_eq!(first["AccessKeyId"], again["AccessKeyId"]);
    assert_eq!(desk.emulator.requests().len(), requests);
    assert_eq!(desk.run(&["logout"]).code, Some(0));
    desk.run(&["credential-process"]).is(4, "", SIGNED_OUT);
}

#[test]
fn fifty_at_once_cause_one_renewal() {
    let desk = Desk::bare();
    let _agent = desk.app(true);
    let started: Vec<_> = (0..50)
        .map(|_| desk.keyfob(&["credential-process"]).spawn().unwrap())
        .collect();
    let mut keys = std::collections::BTreeSet::new();
    for one in started {
        let said = match Said::from(one.wait_with_output().unwrap()) {
            said if said.stderr == SLOW => desk.run(&["credential-process"]),
            said => said,
        };
        keys.insert(credentials(&said)["AccessKeyId"].to_string());
    }
    assert_eq!(keys.len(), 1);
    assert_eq!(desk.asked("GetCredentialsForIdentity"), 1);
}

#[test]
fn several_at_once_without_the_app_cause_one_renewal() {
    let desk = Desk::new();
    desk.sign_in();
    let started: Vec<_> = (0..8)
        .map(|_| desk.keyfob(&["exec", "--", "true"]).spawn().unwrap())
        .collect();
    for one in started {
        let said = Said::from(one.wait_with_output().unwrap());
        said.is(0, "", "");
    }
    assert_eq!(desk.asked("GetCredentialsForIdentity"), 1);
}

#[test]
fn signed_out_is_exit_code_4_and_the_app_is_told() {
    let desk = Desk::bare();
    let agent = desk.app(false);
    let mut wanted = agent.sign_in_wanted();
    desk.run(&["credential-process"]).is(4, "", SIGNED_OUT);
    let wanted = desk.runtime.block_on(wanted.wait_for(Option::is_some));
    assert_eq!(wanted.unwrap().as_ref().unwrap().profile, "Local demo");
    assert_eq!(desk.emulator.requests().len(), 0);
}

#[test]
fn nobody_waits_long_and_what_has_begun_is_finished() {
    /// AWS would be given up after 20 seconds; a busy machine may take its time for all else.
    const LONG: Duration = Duration::from_secs(15);

    for with_app in [true, false] {
        let desk = if with_app { Desk::bare() } else { Desk::new() };
        let _agent = with_app.then(|| desk.app(true));
        if !with_app {
            desk.sign_in();
        }
        desk.emulator.fail_next(Endpoint::Credentials, Fault::Stall);
        // A busy machine may not get as far as AWS the first time.
        while desk.asked("GetCredentialsForIdentity") == 0 {
            let begin = Instant::now();
            let said = desk.run_once(&["credential-process"]);
            assert!(begin.elapsed() < LONG);
            said.is(1, "", SLOW);
        }
        // The next one waits for it, or finds what it has left.
        let mut next = desk.keyfob(&["exec", "--", "true"]).spawn().unwrap();
        while next.try_wait().unwrap().is_none() {
            desk.emulator.release();
            std::thread::yield_now();
        }
        Said::from(next.wait_with_output().unwrap()).is(0, "", "");
        assert_eq!(desk.asked("GetCredentialsForIdentity"), 1, "{with_app}");
    }
}

#[test]
fn a_locked_keychain_is_said_and_not_asked_about() {
    let desk = Desk::new();
    desk.sign_in();
    desk.lock_keychain();
    for arguments in [&["credential-process"][..], &["status"]] {
        let said = desk.run(arguments);
        assert_eq!((said.code, &*said.stdout), (Some(1), ""), "{}", said.stderr);
        let locked = "keyfob: this computer's keychain is locked\n";
        assert!(said.stderr.starts_with(locked), "{}", said.stderr);
    }
    // Also where nothing is kept yet, and something is to be.
    let doctor = desk.run(&["doctor", "--offline", "--json"]).json();
    let keychain = &doctor["reports"][0]["findings"][0];
    assert_eq!(keychain["code"], "keychain_locked", "{keychain}");
}

#[test]
fn no_keychain_is_said() {
    let desk = Desk::bare();
    let said = desk.run(&["credential-process"]);
    assert_eq!((said.code, &*said.stdout), (Some(1), ""));
    assert!(
        said.stderr
            .starts_with("keyfob: this computer's keychain cannot be reached\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_aws_variables_say_changes_nothing() {
    let desk = Desk::bare();
    let _agent = desk.app(true);
    let plain = credentials(&desk.run(&["credential-process"]));
    let mut command = desk.keyfob(&["credential-process"]);
    command
        .env("AWS_PROFILE", "example")
        .env("AWS_ACCESS_KEY_ID", "AKIAOTHER")
        .env("AWS_SECRET_ACCESS_KEY", "other")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_REGION", "nowhere-1");
    let said = Said::from(command.output().unwrap());
    assert_eq!(credentials(&said)["AccessKeyId"], plain["AccessKeyId"]);
}

#[test]
fn a_profile_that_is_not_there_is_said() {
    let desk = Desk::bare();
    desk.run(&["credential-process", "--profile", "Nobody's"]).is(
        1,
        "",
        "keyfob: there is no profile “Nobody's”\n`keyfob profiles` lists those there are; one is added with the Keyfob app.\n",
    );
}

#[test]
fn tokens_are_printed_when_asked_for_by_name() {
    let desk = Desk::bare();
    let _agent = desk.app(true);
    for (token_use, claim) in [("access", "client_id"), ("id", "aud")] {
        let said = desk.run(&["token", "--use", token_use]);
        assert_eq!((said.code, &*said.stderr), (Some(0), ""));
        use base64::Engine as _;
        let claims = said.stdout.trim_end().split('.').nth(1).unwrap();
        let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD
            .decode(claims)
            .unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims[claim], "6keyfobdemodesktop00client");
    }
    let said = desk.run(&["token"]);
    assert_eq!((said.code, &*said.stdout), (Some(64), ""));
    assert!(said.stderr.contains("--use"), "{}", said.stderr);
}

#[test]
fn the_state_is_told_for_people_and_for_programs() {
    for with_app in [true, false] {
        let desk = if with_app { Desk::bare() } else { Desk::new() };
        let agent = with_app.then(|| desk.app(false));
        desk.run(&["status"]).is(4, "Local demo: signed out\n", "");
        let said = desk.run(&["status", "--json"]);
        assert_eq!(said.code, Some(4));
        assert_eq!(said.json()["signed_in"], false);
        drop(agent.map(|agent| agent.set_enabled(false)));
        let _agent = with_app.then(|| desk.app(true));
        if !with_app {
            desk.sign_in();
        }
        let requests = desk.emulator.requests().len();
        let said = desk.run(&["status"]);
        assert_eq!((said.code, &*said.stderr), (Some(0), ""));
        let mut lines = said.stdout.lines();
        assert_eq!(
            lines.next(),
            Some("Local demo: signed in as alex (Alex Morgan, alex@example.com)")
        );
        assert!(
            lines.next().unwrap().ends_with("UTC, in 29 days"),
            "{}",
            said.stdout
        );
        assert_eq!(lines.next(), None);
        let status = desk.run(&["status", "--json"]).json();
        assert_eq!(status["username"], "alex");
        assert_eq!(status["credentials_expire"], Value::Null);
        assert_eq!(desk.emulator.requests().len(), requests);

        credentials(&desk.run(&["credential-process"]));
        let said = desk.run(&["status"]);
        assert!(
            said.stdout.contains("\nAWS credentials until "),
            "{}",
            said.stdout
        );
        assert!(desk.run(&["status", "--json"]).json()["credentials_expire"].is_u64());
    }
}

#[test]
fn who_one_is_to_aws_is_told() {
    let desk = Desk::bare();
    let _agent = desk.app(true);
    let said = desk.run(&["whoami"]);
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
    let role = "arn:aws:iam::123456789012:role/KeyfobDemoAuthenticated";
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines[0], "account   123456789012");
    assert_eq!(lines[1], format!("role      {role}"));
    assert!(lines[2].starts_with("identity  us-east-1:"), "{}", lines[2]);
    let caller = desk.run(&["whoami", "--json"]).json();
    assert_eq!(
        (&caller["account"], &caller["role"]),
        (&"123456789012".into(), &role.into())
    );
}

#[test]
fn shells_take_the_environment() {
    let desk = Desk::bare();
    let _agent = desk.app(true);
    let said = desk.run(&["env"]);
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
    for shell in ["sh", "bash", "zsh", "fish", "pwsh"] {
        if !desk::has(shell) {
            eprintln!("left out: there is no {shell}");
            continue;
        }
        let dialect = match shell {
            "fish" => "fish",
            "pwsh" => "powershell",
            other => other,
        };
        let commands = desk.run(&["env", "--shell", dialect]);
        assert_eq!(commands.code, Some(0), "{}", commands.stderr);
        let script = format!("{}env", commands.stdout);
        let output = std::process::Command::new(shell)
            .args(["-c", &script])
            .env("AWS_PROFILE", "in the way")
            .output()
            .unwrap();
        let said = Said::from(output);
        assert_eq!(said.code, Some(0), "{shell}");
        let has = |line: &str| said.stdout.lines().any(|found| found == line);
        assert!(has("KEYFOB_PROFILE=Local demo"), "{shell}");
        assert!(has("AWS_REGION=us-east-1"), "{shell}");
        assert!(!said.stdout.contains("in the way"), "{shell}");
        assert!(said.stdout.contains("\nAWS_ACCESS_KEY_ID=ASIA"), "{shell}");
    }
}
