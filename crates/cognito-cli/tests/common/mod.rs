//! The built program, and a pool to try it on.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use cognito_verifier::{Clock, test_issuer::TestIssuer};

pub const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";
pub const CLIENT: &str = "4testclient0000000000000001";
/// 2026-11-01T00:00:00Z.
pub const NOW: u64 = 1_793_491_200;

struct Standing;

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

pub fn pool() -> TestIssuer {
    TestIssuer::new(ISSUER).with_clock(Arc::new(Standing))
}

/// The pool's keys as a file, of a name of its own.
pub fn jwks(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    fs::write(&path, pool().jwks()).unwrap();
    path
}

pub fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_keyfob"))
        .args(arguments)
        // Neither the machine's proxies nor anything else of it decides a test.
        .env_clear()
        .envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs it with this input to its end.
pub fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_ref().to_vec();
    // Beside the reading, so that neither waits for the other. Who called wrongly reads nothing.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What `verify` and `inspect` are told about the pool.
pub fn trust<'a>(token_use: &'a str, jwks: &'a str) -> Vec<&'a str> {
    vec![
        "--use",
        token_use,
        "--issuer",
        ISSUER,
        "--client-id",
        CLIENT,
        "--jwks",
        jwks,
        "--now",
        "1793491200",
    ]
}
