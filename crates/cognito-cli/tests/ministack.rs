//! Tools that nobody here wrote, by Keyfob, against an AWS that nobody here wrote.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;
#[path = "../../cognito-aws/tests/common/ministack.rs"]
mod ministack;
#[path = "common/tools.rs"]
mod tools;

use std::io::{BufReader, Read as _, Write as _};
use std::process::Stdio;

use desk::{Desk, Said, address_in};
use ministack::MiniStack;
use serde_json::json;
use tools::{AWS_PROFILE, done, installed, python, said, script};

#[test]
fn the_tools_work_as_the_person() {
    let ministack = MiniStack::start();
    let (profile, role) = ministack.set_up();
    let desk = Desk::new();
    desk.write_profile("MiniStack", |_| profile);
    desk.write_aws_config("MiniStack", &ministack.url);

    let mut login = desk.keyfob(&["login", "--profile", "MiniStack", "--paste", "--no-browser"]);
    let mut login = login.stdin(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(login.stderr.take().unwrap());
    let authorize = address_in(&mut stderr).parse().unwrap();
    let signed_in = ministack.sign_in(&authorize, "Keyfob-demo-1");
    let callback = desk.runtime.block_on(signed_in).unwrap();
    writeln!(login.stdin.take().unwrap(), "{callback}").unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(login.wait().unwrap().code(), Some(0), "{rest}");

    let caller = done(said(|| desk.aws(&["sts", "get-caller-identity"]))).json();
    let arn = caller["Arn"].as_str().unwrap().to_owned();
    let session = role
        .replace(":iam:", ":sts:")
        .replace(":role/", ":assumed-role/");
    assert_eq!(arn, format!("{session}/CognitoIdentityCredentials"));

    let (python, script) = (python(), script("job.py"));
    let job = [
        &*python,
        &script,
        "people-files",
        "hello",
        "given",
        AWS_PROFILE,
    ];
    let exec = [&["exec", "--server", "MiniStack", "--"], &job[..]].concat();
    let mut exec = desk.keyfob(&exec).stdin(Stdio::piped()).spawn().unwrap();
    let given = json!({ "own": "shared/", "other": "secret/" });
    writeln!(exec.stdin.take().unwrap(), "{given}").unwrap();
    let seen = done(Said::from(exec.wait_with_output().unwrap())).json();
    let expected = json!({
        "arn": arn,
        "account": caller["Account"],
        "read": "boto3",
        "same": true,
        "listed": [["boto3 \u{2603}.txt", "large"], ["boto3 \u{2603}.txt", "large"]],
        "left": 0,
        "hello": "Hello boto3",
        "refused": ["AccessDenied", "AccessDenied", "AccessDenied"],
    });
    assert_eq!(seen, json!({ "given": expected, AWS_PROFILE: expected }));

    let rclone = installed("rclone");
    let remote = format!(
        ":s3,provider=Other,env_auth,region=us-east-1,no_check_bucket,endpoint='{}':people-files/",
        ministack.url
    );
    let list = |prefix: &str| {
        let remote = format!("{remote}{prefix}");
        let once = [rclone, "--config=", "--retries=1", "--low-level-retries=1"];
        desk.run(&[&["exec", "MiniStack", "--"], &once[..], &["lsf", &remote]].concat())
    };
    done(list("shared/"));
    let refused = list("secret/");
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("AccessDenied"),
        "{}",
        refused.stderr
    );
}
