//! `cargo xtask chaos`: many processes, one stored session, and everything that can go wrong.
//!
//! The work is in `crates/cognito-client/examples/chaos`; here it is built and given a keychain of its own.

use std::hash::{BuildHasher as _, RandomState};
use std::process::Command;

use crate::process::{self, Result, built, cargo};
use crate::sandbox;

/// How long it runs in `cargo xtask test`.
pub(crate) const MINUTES: f64 = 2.;

/// Builds it and has it run by `run`; it fails when a session was lost.
pub(crate) fn chaos(
    minutes: f64,
    seed: Option<u32>,
    without_locks: bool,
    run: impl FnOnce(&mut Command) -> Result,
) -> Result {
    if !cfg!(target_os = "linux") {
        return Err(
            "chaos fills a keychain of its own, on a private D-Bus: that needs Linux".into(),
        );
    }
    // With the workspace's features, so that nothing is built twice.
    let mut build = cargo(&["build", "--workspace", "--exclude=xtask", "--example=chaos"]);
    process::run("cargo build --example chaos", &mut build)?;
    let seed = seed.unwrap_or_else(any_seed).to_string();
    let (program, minutes) = (built("examples/chaos"), minutes.to_string());
    let program = program.to_string_lossy();
    let mut command = vec![&*program, "--minutes", &minutes, "--seed", &seed];
    if without_locks {
        command.push("--without-locks");
    }
    sandbox::run_by(&command, run)
}

#[expect(clippy::cast_possible_truncation, reason = "any seed will do")]
fn any_seed() -> u32 {
    RandomState::new().hash_one(std::process::id()) as u32
}
