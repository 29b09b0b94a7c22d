//! Work of an hour and of three, in which the clock of every process is moved: the tool's, Keyfob's and the emulator's.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;
#[path = "common/tools.rs"]
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use desk::{Desk, Said};
use serde_json::{Value, json};
use tools::{AWS_PROFILE, done, installed, python, script};

const MINUTE: u64 = 60;

/// The library that `faketime` puts before a program.
fn clock_library() -> String {
    let output = Command::new(installed("faketime"))
        .args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"])
        .output()
        .unwrap();
    done(Said::from(output)).stdout.trim_end().to_owned()
}

#[test]
fn what_cannot_be_renewed_has_nearly_an_hour_left() {
    let desk = Desk::new();
    desk.sign_in();
    let at = |minutes: u64, arguments: &[&str]| {
        let mut keyfob = desk.keyfob(arguments);
        keyfob
            .env("LD_PRELOAD", clock_library())
            .env("FAKETIME", format!("+{}", minutes * MINUTE))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        let said = done(Said::from(keyfob.output().unwrap())).stdout;
        (said, desk.asked("GetCredentialsForIdentity"))
    };
    let process = ["credential-process"];
    let (first, _) = at(0, &process);
    desk.emulator.advance(Duration::from_secs(30 * MINUTE));
    assert_eq!(
        at(30, &process),
        (first, 1),
        "half an hour is enough where they are renewed"
    );
    let exec = ["exec", "--", "printenv", "AWS_CREDENTIAL_EXPIRATION"];
    let (expires, asked) = at(30, &exec);
    assert_eq!(asked, 2);
    let expires: jiff::Timestamp = expires.trim().parse().unwrap();
    let left = expires.as_second() - jiff::Timestamp::now().as_second() - 30 * 60;
    assert!(left > 55 * 60, "{left}");
    assert!(at(30, &["env"]).0.contains(&expires.to_string()));

    desk.emulator.advance(Duration::from_secs(10 * MINUTE));
    let (environment, asked) = at(40, &["env"]);
    assert_eq!(asked, 3);
    assert!(!environment.contains(&expires.to_string()));
}

#[test]
fn boto3_keeps_working_by_both_ways() {
    let desk = Desk::new();
    desk.sign_in();
    desk.write_aws_config("Local demo");
    let clock = desk.path("clock");
    let mut ahead = 0;
    fs::write(&clock, "+0").unwrap();

    let (python, script) = (python(), script("job.py"));
    let job = [
        &*python,
        &script,
        "keyfob-demo",
        "hello",
        "given",
        AWS_PROFILE,
    ];
    let mut exec = desk.keyfob(&[&["exec", "--server", "--"], &job[..]].concat());
    exec.env("LD_PRELOAD", clock_library())
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        // Deadlines are kept by the real one.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let mut exec = exec.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = exec.stdin.take().unwrap();
    let mut stdout = BufReader::new(exec.stdout.take().unwrap());
    let arn =
        "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials";
    let seen = json!([arn, 2]);

    // Credentials last an hour, and are renewed by the time that 15 minutes are left.
    for (minutes, renewals) in [
        (0, 1),
        (30, 1),
        (50, 2),
        (70, 2),
        (100, 3),
        (150, 4),
        (200, 5),
    ] {
        let by = minutes * MINUTE - ahead;
        ahead += by;
        desk.emulator.advance(Duration::from_secs(by));
        let next = desk.path("clock.next");
        fs::write(&next, format!("+{ahead}")).unwrap();
        fs::rename(&next, &clock).unwrap();

        writeln!(stdin, "{{}}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            break;
        }
        let both: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            both,
            json!({ "given": seen, AWS_PROFILE: seen }),
            "{minutes}"
        );
        assert_eq!(
            desk.asked("GetCredentialsForIdentity"),
            renewals,
            "{minutes}"
        );
    }
    drop(stdin);
    done(Said::from(exec.wait_with_output().unwrap()));
    assert_eq!(ahead, 200 * MINUTE);
}
