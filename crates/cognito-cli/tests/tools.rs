//! Tools that nobody here wrote, working as the person: the AWS CLI, boto3, AWS's SDK for JavaScript, rclone and s5cmd.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "common/desk.rs"]
mod desk;
#[path = "common/tools.rs"]
mod tools;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Output, Stdio};

use cognito_agent::Agent;
use desk::{Desk, Said};
use serde_json::{Value, json};
use tools::{AWS_PROFILE, aws, done, environment, installed, is_slow, python, said, script};

const BUCKET: &str = "keyfob-demo";
const ARN: &str =
    "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials";
const OTHER: &str = "users/us-east-1:00000000-0000-4000-8000-000000000000/";
const CREDENTIALS: &str = "GetCredentialsForIdentity";

/// A desk with the app, an AWS profile, and the person's prefix in the bucket.
fn desk() -> (Desk, Agent, String) {
    let desk = Desk::bare();
    let agent = desk.app(true);
    desk.write_aws_config("Local demo");
    let caller = desk.run(&["whoami", "--json"]).json();
    let own = format!("users/{}/", caller["identity_id"].as_str().unwrap());
    (desk, agent, own)
}

fn arn(said: &Said) -> String {
    said.json()["Arn"].as_str().unwrap().to_owned()
}

#[test]
fn the_aws_cli_works_as_the_person() {
    let (desk, _agent, own) = desk();
    let run = |arguments: &[&str]| said(|| desk.aws(arguments));
    assert_eq!(arn(&done(run(&["sts", "get-caller-identity"]))), ARN);

    // Large enough for parts.
    let (file, back) = (desk.path("large"), desk.path("back"));
    let content: Vec<u8> = (0..9 << 20).map(|at: u32| (at % 251) as u8).collect();
    fs::write(&file, &content).unwrap();
    let object = format!("s3://{BUCKET}/{own}a large file.bin");
    done(run(&["s3", "cp", file.to_str().unwrap(), &object]));
    done(run(&["s3", "cp", &object, back.to_str().unwrap()]));
    assert!(
        fs::read(&back).unwrap() == content,
        "the file came back changed"
    );
    let listed = done(run(&["s3", "ls", &format!("s3://{BUCKET}/{own}")]));
    assert!(
        listed.stdout.contains(" 9437184 a large file.bin"),
        "{}",
        listed.stdout
    );

    let theirs = format!("s3://{BUCKET}/{OTHER}theirs.txt");
    let refused = run(&["s3", "cp", file.to_str().unwrap(), &theirs]);
    assert_ne!(refused.code, Some(0));
    assert!(
        refused
            .stderr
            .contains("An error occurred (AccessDenied) when calling the ")
            && refused.stderr.contains(&format!(
                "User: {ARN} is not authorized to perform: s3:PutObject"
            )),
        "{}",
        refused.stderr
    );
    let refused = run(&["s3", "ls", &format!("s3://{BUCKET}/{OTHER}")]);
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("(AccessDenied)"),
        "{}",
        refused.stderr
    );
    assert_eq!(desk.asked(CREDENTIALS), 1);
}

#[test]
fn every_form_gives_the_aws_cli_the_same() {
    let (desk, _agent, _) = desk();
    let caller = [&*aws(), "sts", "get-caller-identity", "--output", "json"];
    for form in [
        &["exec", "Local demo", "--"][..],
        &["exec", "--server", "Local demo", "--"],
    ] {
        let said = done(desk.run(&[form, &caller[..]].concat()));
        assert_eq!(arn(&said), ARN);
    }
    let shell = format!(
        "eval \"$('{}' env)\"; exec {}",
        env!("CARGO_BIN_EXE_keyfob"),
        caller.join(" ")
    );
    let output = desk.program("sh", &["-c", &shell]).output();
    assert_eq!(arn(&done(Said::from(output.unwrap()))), ARN);
    assert_eq!(desk.asked(CREDENTIALS), 1);
}

#[test]
fn two_aws_commands_at_once_cause_one_renewal() {
    let desk = Desk::new();
    desk.sign_in();
    desk.write_aws_config("Local demo");
    let caller = || desk.aws(&["sts", "get-caller-identity"]);
    let both = [caller().spawn().unwrap(), caller().spawn().unwrap()];
    for one in both {
        let first = Said::from(one.wait_with_output().unwrap());
        let last = if is_slow(&first) { said(caller) } else { first };
        assert_eq!(arn(&done(last)), ARN);
    }
    assert_eq!(desk.asked(CREDENTIALS), 1);
    assert_eq!(desk.asked("GetId"), 1);
}

#[test]
fn signed_out_the_aws_cli_says_what_to_do() {
    let desk = Desk::bare();
    let _agent = desk.app(false);
    desk.write_aws_config("Local demo");
    // A browser that would be opened.
    let (folder, opened) = (desk.path("bin"), desk.path("opened"));
    fs::create_dir(&folder).unwrap();
    for browser in [
        "xdg-open",
        "gio",
        "gnome-open",
        "kde-open",
        "wslview",
        "open",
    ] {
        let mut create = fs::OpenOptions::new();
        let file = create
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(folder.join(browser));
        write!(file.unwrap(), "#!/bin/sh\n: > '{}'\n", opened.display()).unwrap();
    }
    let mut paths = folder.into_os_string();
    paths.push(":");
    paths.push(std::env::var_os("PATH").unwrap());
    let refused = said(|| {
        let mut aws = desk.aws(&["sts", "get-caller-identity"]);
        aws.env("PATH", &paths).env("DISPLAY", ":0");
        aws
    });
    assert_ne!(refused.code, Some(0));
    assert_eq!(refused.stdout, "");
    let sentence = "keyfob: you are not signed in; run `keyfob login --profile 'Local demo'`, or sign in with the Keyfob app";
    assert!(refused.stderr.contains(sentence), "{}", refused.stderr);
    assert!(!opened.exists(), "a browser was opened");
    assert_eq!(desk.emulator.requests().len(), 0);
}

/// Runs it with this input.
fn feed(mut command: Command, input: &Value) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{input}").unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn boto3_works_as_the_person() {
    let (desk, _agent, own) = desk();
    let job = [&*python(), &*script("job.py"), BUCKET, "hello"];
    let given = json!({ "own": own, "other": OTHER });
    let expected = json!({
        "arn": ARN,
        "account": "123456789012",
        "read": "boto3",
        "same": true,
        "listed": [["boto3 \u{2603}.txt", "large"], ["boto3 \u{2603}.txt", "large"]],
        "left": 0,
        "hello": "Hello from Lambda, boto3!",
        "refused": ["AccessDenied", "AccessDenied", "AccessDenied"],
    });
    let exec = [
        &["exec", "--server", "--"],
        &job[..],
        &["given", AWS_PROFILE],
    ]
    .concat();
    let seen = done(Said::from(feed(desk.keyfob(&exec), &given))).json();
    assert_eq!(seen, json!({ "given": expected, AWS_PROFILE: expected }));
    let exec = [&["exec", "--"], &job[..], &["given"]].concat();
    let seen = done(Said::from(feed(desk.keyfob(&exec), &given))).json();
    assert_eq!(seen, json!({ "given": expected }));
    assert_eq!(desk.asked(CREDENTIALS), 1);
}

#[test]
fn the_sdk_for_javascript_works_as_the_person() {
    let (desk, _agent, own) = desk();
    let token = desk.run(&["token", "--use", "id"]).stdout;
    let given = json!({
        "region": "us-east-1",
        "endpoint": desk.emulator.domain(),
        "bucket": BUCKET,
        "own": own,
        "other": OTHER,
        "profile": AWS_PROFILE,
        "identityPoolId": "us-east-1:6b657966-6f62-4465-8d6f-706f6f6c0001",
        "logins": { desk.emulator.provider_name(): token.trim_end() },
    });
    let script = script("sdk.mjs");
    let mut exec = desk.keyfob(&["exec", "--server", "--", "node", &script]);
    exec.current_dir(environment("sdk"));
    let seen = done(Said::from(feed(exec, &given))).json();
    for kind in ["fromProcess", "fromCognitoIdentityPool", "given"] {
        let expected = json!({
            "arn": ARN,
            "read": kind,
            "listed": true,
            "refused": ["AccessDenied", "AccessDenied"],
        });
        assert_eq!(seen[kind], expected, "{kind}");
    }
    // Keyfob's one, and one of the SDK's own for each of its two clients.
    assert_eq!(desk.asked(CREDENTIALS), 1 + 2);
}

#[test]
fn rclone_and_s5cmd_work_as_the_person() {
    let (desk, _agent, own) = desk();
    let rclone = installed("rclone");
    let endpoint = desk.emulator.domain();
    let config = desk.path("home/rclone.conf");
    let remote = format!(
        "[mine]\ntype = s3\nprovider = Other\nenv_auth = true\nregion = us-east-1\nendpoint = {endpoint}\n\
         no_check_bucket = true\n"
    );
    fs::write(&config, remote).unwrap();
    let folder = desk.path("folder");
    fs::create_dir_all(folder.join("deeper")).unwrap();
    fs::write(folder.join("one.txt"), "one").unwrap();
    fs::write(folder.join("deeper/two & \u{2603}.txt"), "two").unwrap();
    let (folder, config) = (folder.to_str().unwrap(), config.to_str().unwrap());
    let (mine, theirs) = (
        format!("mine:{BUCKET}/{own}folder"),
        format!("mine:{BUCKET}/{OTHER}"),
    );
    let once = [
        rclone,
        "--config",
        config,
        "--retries=1",
        "--low-level-retries=1",
    ];
    let by_profile = |arguments: &[&str]| {
        said(|| {
            let mut rclone = desk.program(rclone, &[&once[1..], arguments].concat());
            rclone.env("AWS_PROFILE", AWS_PROFILE);
            rclone
        })
    };
    let by_server = |arguments: &[&str]| {
        let exec = [&["exec", "--server", "--"], &once[..], arguments].concat();
        desk.run(&exec)
    };
    done(by_profile(&["sync", folder, &mine]));
    done(by_server(&["check", "--download", folder, &mine]));
    for refused in [
        by_profile(&["copy", folder, &theirs]),
        by_server(&["lsf", &theirs]),
    ] {
        assert_ne!(refused.code, Some(0));
        assert!(
            refused.stderr.contains("AccessDenied"),
            "{}",
            refused.stderr
        );
    }

    let s5cmd = environment("tools/bin/s5cmd");
    let s5cmd = [
        s5cmd.to_str().unwrap(),
        "--endpoint-url",
        &endpoint,
        "--retry-count=0",
    ];
    let all = format!("s3://{BUCKET}/{own}*");
    let exec = [&["exec", "--"], &s5cmd[..], &["ls", &all]].concat();
    let listed = done(desk.run(&exec)).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("deeper/two & \u{2603}.txt"), "{listed}");
    let theirs = format!("s3://{BUCKET}/{OTHER}theirs.txt");
    let one = format!("{folder}/one.txt");
    let exec = [
        &["exec", "--server", "--"],
        &s5cmd[..],
        &["cp", &one, &theirs],
    ]
    .concat();
    let refused = desk.run(&exec);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("AccessDenied"),
        "{}",
        refused.stderr
    );
    assert_eq!(desk.asked(CREDENTIALS), 1);
}
