//! `cargo xtask test`: every check, each announced and timed, and one line that counts them.

use std::io::IsTerminal as _;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::leaks::{self, Search};
use crate::process::{self, Result, cargo, find, npm, root, target};
use crate::setup::{self, Scope};
use crate::{chaos, demo, sandbox};

/// Sets up what is missing and runs every check; fails at the end when one has failed.
pub(crate) fn test(with_journey: bool) -> Result {
    setup::setup(Scope::Test)?;
    let ui = root().join("ui");
    let mut checks = Checks {
        passed: 0,
        failed: Vec::new(),
    };
    checks.run("cargo fmt", |what| {
        process::run(what, &mut cargo(&["fmt", "--all", "--check"]))
    });
    checks.run("prettier", |what| {
        process::run(what, &mut npm(&ui, &["run", "format:check"]))
    });
    checks.run("svelte-check", |what| {
        process::run(what, &mut npm(&ui, &["run", "check"]))
    });
    checks.run("clippy", |what| {
        process::run(
            what,
            &mut cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]),
        )
    });
    // All that the tests print and log is searched for secrets at the end.
    let log = target().join("test-log");
    if log.exists() {
        std::fs::remove_dir_all(&log)?;
    }
    std::fs::create_dir_all(&log)?;
    let heard = Mutex::new(Search::default());
    let hear = |what: &str, command: &mut Command| {
        command
            .env(leaks::LOGS, &log)
            .env("RUST_TEST_NOCAPTURE", "1");
        if std::io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        leaks::overhear(what, command, &heard)
    };
    // This program apart: with the features of the whole workspace its file would be built anew, and Windows lets
    // nobody replace the file of a running program.
    let others = [
        "test",
        "--workspace",
        "--exclude",
        "xtask",
        "--no-fail-fast",
    ];
    checks.run("cargo test", |what| {
        if cfg!(target_os = "linux") {
            let cargo = process::variable("CARGO").unwrap_or_else(|| "cargo".into());
            let cargo = cargo.to_string_lossy();
            let tests = [&[&*cargo], &others[..]].concat();
            sandbox::run_by(&tests, |session| hear(what, session))
        } else {
            hear(what, &mut cargo(&others))
        }
    });
    checks.run("cargo test -p xtask", |what| {
        process::run(what, &mut cargo(&["test", "-p", "xtask"]))
    });
    if cfg!(target_os = "linux") {
        checks.run("chaos", |what| {
            chaos::chaos(chaos::MINUTES, None, false, |chaos| hear(what, chaos))
        });
    } else {
        println!("== chaos: left out, it fills a keychain of its own and so needs Linux");
    }
    checks.run("ui tests", |what| {
        let mut npm = npm(&ui, &["test"]);
        npm.envs(setup::browser().map(|browser| ("CHROMIUM", browser)));
        process::run(what, &mut npm)
    });
    if !with_journey {
        println!("== the journey: left out, as asked");
    } else if cfg!(target_os = "linux") {
        checks.run("the journey", |_| demo::headless());
    } else {
        println!("== the journey: left out, it drives WebKitGTK under Xvfb and so needs Linux");
    }
    checks.run("no secret printed or logged", |what| {
        println!("== {what}");
        let mut heard = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        heard.folder(&log)?;
        let journey = demo::logs();
        if with_journey && journey.exists() {
            heard.folder(&journey)?;
        }
        heard.verdict()
    });
    if find("cargo-deny").is_some() {
        checks.run("cargo deny", |what| {
            process::run(
                what,
                &mut cargo(&["deny", "check", "licenses", "bans", "sources"]),
            )
        });
    } else {
        println!(
            "== cargo deny: left out, it is not installed (cargo install cargo-deny --locked)"
        );
    }
    checks.summary()
}

struct Checks {
    passed: usize,
    failed: Vec<String>,
}

impl Checks {
    fn run(&mut self, name: &str, check: impl FnOnce(&str) -> Result) {
        match check(name) {
            Ok(()) => self.passed += 1,
            Err(error) => {
                println!("== FAILED {error}");
                self.failed.push(name.to_owned());
            }
        }
    }

    fn summary(&self) -> Result {
        println!("{} passed, {} failed", self.passed, self.failed.len());
        if self.failed.is_empty() {
            Ok(())
        } else {
            Err(format!("failed: {}", self.failed.join(", ")).into())
        }
    }
}
