//! Which room may know which: the arrows of the design, read from what cargo really builds.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every package of the workspace, and the packages of it that it may import.
const ARROWS: [(&str, &[&str]); 8] = [
    ("cognito-api", &["cognito-verifier"]),
    ("cognito-aws", &["cognito-client"]),
    ("cognito-cli", &["cognito-verifier"]),
    ("cognito-client", &["cognito-verifier"]),
    // An oracle, not a mirror: shared types would let one misspelt claim pass on both sides.
    ("cognito-emulator", &[]),
    ("cognito-verifier", &[]),
    ("keyfob-desktop", &["cognito-aws", "cognito-client"]),
    ("xtask", &[]),
];

#[test]
fn rooms_import_only_what_the_design_allows() {
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
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
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
