//! `cargo xtask bench`: what is fast and small, measured beside a peer in the same run.
//!
//! Release builds, a warm-up that is not counted, and turns taken with the peer, so that both meet the
//! same machine. A limit that is broken makes the command fail.

mod api;
mod credentials;
mod emulator;
mod figures;
mod files;
mod session;
mod sign_in;
mod startup;
mod verifier;

use std::path::PathBuf;

use crate::process::{self, Result, cargo, target};
use crate::sandbox;
use crate::setup::{self, Scope};

/// The hidden command that measures inside the private session.
pub(crate) const INSIDE: &str = "bench-inside";

const RUNS: u16 = 12;
/// Cargo's profiles: of the app and of what measures, and of the `keyfob` command.
const RELEASE: &str = "release";
const COMMAND: &str = "command";
const NAMES: [&str; 8] = [
    "startup",
    "sign-in",
    "session",
    "credentials",
    "emulator",
    "verifier",
    "api",
    "files",
];

/// Builds what is to be measured and measures it: what is named, or everything. With `minutes`, puts the API under load for
/// so long instead.
pub(crate) fn bench(names: &[String], runs: Option<u16>, minutes: Option<u16>) -> Result {
    if let Some(minutes) = minutes {
        return api::endure(minutes);
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(format!("there is no bench `{unknown}`: {}", NAMES.join(", ")).into());
    }
    if !cfg!(target_os = "linux") && names != ["emulator"] {
        return Err("startup, sign-in, session and credentials are measured under Xvfb and a private D-Bus, and the API with taskset and /proc, which needs Linux; `bench emulator` runs here".into());
    }
    // On Linux each is measured in a session of its own, which has a keyring.
    setup::setup(if cfg!(target_os = "linux") {
        Scope::Headless
    } else {
        Scope::Build
    })?;
    if wanted("files") {
        setup::file_peers()?;
    }
    build(&NAMES.map(|name| (name, wanted(name))))?;
    println!("\n{}", figures::machine());
    let runs = runs.unwrap_or(RUNS).to_string();
    let own = process::this_program()?;
    let mut failed = Vec::new();
    for name in NAMES.into_iter().filter(|name| wanted(name)) {
        let what = format!("bench {name}");
        let inside = [&*own.to_string_lossy(), INSIDE, name, &runs];
        let measured = if cfg!(target_os = "linux") {
            sandbox::run(&what, &inside)
        } else {
            inside_session(name, &runs)
        };
        if let Err(error) = measured {
            println!("== FAILED {error}");
            failed.push(name);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "a limit is broken, or nothing was measured: {}",
            failed.join(", ")
        )
        .into())
    }
}

/// Measures, inside the private session.
pub(crate) fn inside(arguments: &[String]) -> Result {
    match arguments {
        [name, runs] => inside_session(name, runs),
        _ => Err("the private session was given no bench".into()),
    }
}

fn inside_session(name: &str, runs: &str) -> Result {
    let runs = runs.parse()?;
    match name {
        "startup" => startup::measure(runs),
        "sign-in" => sign_in::measure(runs),
        "session" => session::measure(runs),
        "credentials" => credentials::measure(runs),
        "emulator" => emulator::measure(runs),
        "verifier" => verifier::measure(runs),
        "api" => api::measure(runs),
        "files" => files::measure(runs),
        _ => Err(format!("there is no bench `{name}`").into()),
    }
}

fn build(wanted: &[(&str, bool)]) -> Result {
    // One call each: built together, the app would share the features only an example asks for.
    let builds: [(&str, &str, &[&str]); 9] = [
        ("startup", RELEASE, &[APP, EMBEDDED, "--bin=keyfob-desktop"]),
        (
            "startup",
            RELEASE,
            &[APP, EMBEDDED, "--example=bare-window"],
        ),
        (
            "sign-in",
            RELEASE,
            &["-pcognito-client", "--example=sign_in_bench"],
        ),
        (
            "session",
            RELEASE,
            &["-pcognito-client", "--example=session_bench"],
        ),
        ("credentials", COMMAND, &["-pcognito-cli", "--bin=keyfob"]),
        (
            "credentials",
            RELEASE,
            &["-pcognito-cli", "--example=credentials_bench"],
        ),
        (
            "credentials",
            RELEASE,
            &["-pcognito-cli", "--example=only_prints"],
        ),
        ("emulator", RELEASE, &["-pcognito-emulator", "--bins"]),
        (
            "files",
            RELEASE,
            &["-pcognito-aws", "--example=files_bench"],
        ),
    ];
    for (name, profile, arguments) in builds {
        if wanted.contains(&(name, true)) {
            let profile = format!("--profile={profile}");
            let mut build = cargo(&["build", &profile]);
            process::run(
                &format!("cargo build {profile} {}", arguments.join(" ")),
                build.args(arguments),
            )?;
        }
    }
    if wanted.contains(&("verifier", true)) {
        verifier::build()?;
    }
    if wanted.contains(&("api", true)) {
        api::build()?;
    }
    Ok(())
}

const APP: &str = "-pkeyfob-desktop";
/// Without it, the app would look for the development server instead of what it embeds.
const EMBEDDED: &str = "--features=keyfob-desktop/custom-protocol";

/// A program that cargo built, in its release profile.
fn released(name: &str) -> PathBuf {
    built(RELEASE, name)
}

/// A program that was built with this profile.
fn built(profile: &str, name: &str) -> PathBuf {
    target()
        .join(profile)
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}
