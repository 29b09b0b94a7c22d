//! The program: what it prints, the profile it writes, and how it ends.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use cognito_emulator::{Config, Emulator, StartError};

fn program(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cognito-emulator"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn it_says_where_it_listens_writes_a_profile_and_ends_with_its_input() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let profile = folder.join(format!("profile-{}.toml", std::process::id()));
    let mut child = program(&[
        "--port",
        "0",
        "--exit-with-parent-stdin",
        "--show-requests",
        "--api-base-url",
        "http://127.0.0.1:7",
        "--profile",
        profile.to_str().unwrap(),
    ]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.next().unwrap().unwrap();
    let url = ready.strip_prefix("Listening on ").unwrap();
    assert!(url.starts_with("http://127.0.0.1:"));
    assert_eq!(
        lines.next().unwrap().unwrap(),
        "User alex with password Keyfob-demo-1"
    );

    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::remove_file(&profile).unwrap();
    for line in [
        format!("issuer = \"{url}/us-east-1_KeyfobDemo\""),
        format!("domain = \"{url}\""),
        format!("sts = \"{url}\""),
        "api_base_url = \"http://127.0.0.1:7\"".to_owned(),
        "functions = [\"book-order\", \"hello\", \"slow\"]".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_taken_port_is_explained() {
    let emulator = Emulator::start(Config::demo().port(0)).await.unwrap();
    let port = emulator.port();
    let refused = Emulator::start(Config::demo().port(port))
        .await
        .unwrap_err();
    assert!(matches!(refused, StartError::PortTaken { port: taken } if taken == port));
    let explanation = format!(
        "port {port} on 127.0.0.1 is taken: end the program that uses it, or choose another with --port"
    );
    assert_eq!(refused.to_string(), explanation);

    let mut child = program(&["--port", &port.to_string()]);
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(errors, format!("cognito-emulator: {explanation}\n"));

    emulator.shutdown().await;
    Emulator::start(Config::demo().port(port)).await.unwrap();
}
