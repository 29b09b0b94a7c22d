//! The hostile table before other people's verifiers: `docs/verification.md` says what each of them makes of it.
//!
//! `cargo test -p cognito-verifier --test peers -- --ignored` writes the document anew.
#![allow(clippy::unwrap_used)]

#[path = "../hostile/cases.rs"]
mod cases;
mod document;
mod reasons;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cases::{
    access, claim_cases, header_and_key_cases, id, id_cases, key_set, malformed_cases,
    unusual_cases, unusual_id_cases,
};
use serde_json::{Value, json};
use support::{CLIENT, ISSUER, NOW};

/// One row of the table.
pub(crate) struct Case {
    /// The part of the table it stands in.
    pub(crate) part: &'static str,
    pub(crate) name: &'static str,
    token_use: &'static str,
    token: String,
    /// Our refusal's code, or none where we accept.
    pub(crate) ours: Option<&'static str>,
}

/// What another library says of every row.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    /// How it calls the refusal, or none where it accepts.
    pub(crate) verdicts: Vec<Option<String>>,
}

/// The hostile table, with our own verdicts: nobody's are taken on trust.
async fn table() -> Vec<Case> {
    let mut table = Vec::new();
    let mut add = |part, token_use, cases: Vec<(&'static str, String, Option<&'static str>)>| {
        table.extend(cases.into_iter().map(|(name, token, ours)| Case {
            part,
            name,
            token_use,
            token,
            ours,
        }));
    };
    let refused = |cases: Vec<(&'static str, String, &'static str)>| {
        let cases = cases.into_iter();
        cases
            .map(|(name, token, code)| (name, token, Some(code)))
            .collect()
    };
    let accepted = |cases: Vec<(&'static str, String)>| {
        let cases = cases.into_iter();
        cases.map(|(name, token)| (name, token, None)).collect()
    };
    add("Form", "access", refused(malformed_cases()));
    add(
        "Header, keys and signature",
        "access",
        refused(header_and_key_cases()),
    );
    add("Claims of access tokens", "access", refused(claim_cases()));
    add("Claims of ID tokens", "id", refused(id_cases()));
    add(
        "Unusual access tokens that are valid",
        "access",
        accepted(unusual_cases()),
    );
    add(
        "ID tokens that are valid",
        "id",
        accepted(unusual_id_cases()),
    );
    let (access, id) = (access(), id());
    for case in &table {
        let ours = match case.token_use {
            "access" => access.verify(&case.token).await.err(),
            _ => id.verify(&case.token).await.err(),
        };
        assert_eq!(
            ours.map(|refusal| refusal.code()),
            case.ours,
            "{}",
            case.name
        );
    }
    table
}

/// The pool's two keys, and of the table's bad ones only those the token names: some libraries refuse a whole key set for
/// one key, and that is not what a row is about.
fn key_set_for(token: &str) -> Value {
    let header = token
        .split('.')
        .next()
        .and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header: Value = header
        .and_then(|header| serde_json::from_slice(&header).ok())
        .unwrap_or_default();
    let keys: Vec<_> = key_set()
        .into_iter()
        .enumerate()
        .filter(|(index, key)| *index < 2 || key["kid"] == header["kid"])
        .map(|(_, key)| key)
        .collect();
    json!({ "keys": keys })
}

/// `cargo xtask setup --tests` makes these; without them the test fails.
fn environment(path: &str) -> PathBuf {
    // CARGO_TARGET_TMPDIR is target/tmp, wherever the person has cargo put it.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("../peers")
        .join(path);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask setup --tests`, which installs it",
        path.display()
    );
    path
}

/// Gives the table to a script; what each library it speaks for says.
fn ask(program: &Path, script: &str, folder: &Path, table: &[Case]) -> Value {
    let cases: Vec<_> = table
        .iter()
        .map(|case| json!({ "use": case.token_use, "token": case.token, "jwks": key_set_for(&case.token) }))
        .collect();
    let input =
        json!({ "issuer": ISSUER, "client": CLIENT, "now": NOW, "cases": cases }).to_string();
    let mut peer = Command::new(program)
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/peers")
                .join(script),
        )
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
    let mut stdin = peer.stdin.take().unwrap();
    let feeder = thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = peer.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success(), "{script}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn peers(table: &[Case]) -> Vec<Peer> {
    let python = environment(if cfg!(windows) {
        "verifier/Scripts/python.exe"
    } else {
        "verifier/bin/python"
    });
    let node = environment("node");
    let js = ask(Path::new("node"), "aws_jwt_verify.mjs", &node, table);
    let py = ask(&python, "peers.py", python.parent().unwrap(), table);
    [("aws-jwt-verify", &js), ("PyJWT", &py), ("joserfc", &py)]
        .into_iter()
        .map(|(name, answers)| {
            let answer = &answers[name];
            let verdicts = answer["verdicts"].as_array().unwrap();
            assert_eq!(verdicts.len(), table.len(), "{name}");
            Peer {
                name,
                version: answer["version"].as_str().unwrap().to_owned(),
                verdicts: verdicts
                    .iter()
                    .map(|verdict| verdict.as_str().map(str::to_owned))
                    .collect(),
            }
        })
        .collect()
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verification.md")
}

#[tokio::test]
async fn the_document_says_what_the_peers_say() {
    let table = table().await;
    assert!(table.len() >= 150, "{}", table.len());
    let document = document::render(&table, &peers(&table));
    let committed = fs::read_to_string(path()).unwrap_or_default();
    let line = committed
        .lines()
        .zip(document.lines())
        .find(|(committed, now)| committed != now);
    assert!(
        committed == document,
        "docs/verification.md is stale: run `cargo test -p cognito-verifier --test peers -- --ignored`\n{line:?}"
    );
}

#[tokio::test]
#[ignore = "writes docs/verification.md"]
async fn write_the_document() {
    let table = table().await;
    fs::write(path(), document::render(&table, &peers(&table))).unwrap();
}
