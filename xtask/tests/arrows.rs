//! Which room may know which: the arrows of the design, read from what cargo really builds.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every package of the workspace, and the packages of it that it may import.
const ARROWS: [(&str, &[&str]); 10] = [
    ("cognito-agent", &["cognito-aws", "cognito-client"]),
    ("cognito-api", &["cognito-verifier"]),
    ("cognito-api-lambda", &["cognito-api"]),
    ("cognito-aws", &["cognito-client"]),
    (
        "cognito-cli",
        &[
            "cognito-agent",
            "cognito-aws",
            "cognito-client",
            "cognito-verifier",
        ],
    ),
    ("cognito-client", &["cognito-verifier"]),
    // An oracle, not a mirror: shared types would let one misspelt claim pass on both sides.
    ("cognito-emulator", &[]),
    ("cognito-verifier", &[]),
    (
        "keyfob-desktop",
        &["cognito-agent", "cognito-aws", "cognito-client"],
    ),
    ("xtask", &[]),
];

fn metadata() -> Value {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .unwrap();
    serde_json::from_slice(&metadata.stdout).unwrap()
}

#[test]
fn rooms_import_only_what_the_design_allows() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    let found: BTreeMap<&str, BTreeSet<&str>> = packages
        .iter()
        .map(|package| {
            let imports = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().unwrap())
                .filter(|name| names.contains(name))
                .collect();
            (package["name"].as_str().unwrap(), imports)
        })
        .collect();
    let allowed = ARROWS
        .into_iter()
        .map(|(name, imports)| (name, imports.iter().copied().collect()))
        .collect();
    assert_eq!(found, allowed);
}

/// The test issuer's private keys are published: whoever trusts them trusts everybody.
#[test]
fn only_tests_turn_the_test_issuer_on() {
    let metadata = metadata();
    let uses = |kind: &str| {
        let mut uses = 0;
        for package in metadata["packages"].as_array().unwrap() {
            for dependency in package["dependencies"].as_array().unwrap() {
                let features = dependency["features"].as_array().unwrap();
                let of_kind = dependency["kind"].as_str().unwrap_or("normal") == kind;
                uses += usize::from(of_kind && features.iter().any(|f| f == "test-issuer"));
            }
            let own = package["features"].as_object().unwrap().iter();
            let turned_on = own
                .filter(|(name, _)| *name != "test-issuer")
                .any(|(_, on)| {
                    let on = on.as_array().unwrap();
                    on.iter()
                        .any(|f| f.as_str().unwrap().ends_with("test-issuer"))
                });
            assert!(!turned_on, "a feature of {} turns it on", package["name"]);
        }
        uses
    };
    assert_eq!((uses("normal"), uses("build")), (0, 0));
    // Else this test would look at nothing.
    assert!(uses("dev") > 0);
}
