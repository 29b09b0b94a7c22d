//! Tools that nobody here wrote, run at a person's desk.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cognito_aws::{Addition, SharedConfig};

use super::desk::{Desk, SLOW, Said};

/// What the profile in `~/.aws/config` is called.
pub const AWS_PROFILE: &str = "example";

/// What `cargo xtask test` has set up from `tests/peers`; without it a test fails.
pub fn environment(path: &str) -> PathBuf {
    // CARGO_TARGET_TMPDIR is target/tmp.
    let peers = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers");
    let path = peers.join(path);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, which sets it up",
        path.display()
    );
    path
}

/// A program of the system's own packages.
pub fn installed(program: &str) -> &str {
    let found = super::desk::has(program);
    assert!(
        found,
        "there is no {program}: run `cargo xtask test`, which installs it"
    );
    program
}

pub fn aws() -> String {
    text(environment("tools/bin/aws"))
}

pub fn python() -> String {
    text(environment("tools/bin/python"))
}

pub fn script(name: &str) -> String {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    text(peers.join(name))
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

impl Desk {
    /// A profile in `~/.aws/config` whose credentials are those of this profile of Keyfob's, as `aws-config add` writes it.
    pub fn write_aws_config(&self, profile: &str) {
        // Where not every tool reads a path alike.
        let folder = self.path("home/my programs");
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("keyfob");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keyfob"), &program).unwrap();
        let files = SharedConfig::locate(Some(&self.path("home")), |_| None).unwrap();
        let addition = Addition {
            name: AWS_PROFILE.to_owned(),
            ..Addition::of(&self.profile_named(profile), program)
        };
        files.plan_add(&addition).unwrap().apply().unwrap();
    }

    /// Another program than `keyfob`, at this desk.
    pub fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let keyfob = self.keyfob(&[]);
        let environment = keyfob.get_envs();
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(environment.filter_map(|(name, value)| Some((name, value?))))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The AWS CLI with the profile of `~/.aws/config`.
    pub fn aws(&self, arguments: &[&str]) -> Command {
        let profile = ["--profile", AWS_PROFILE, "--output", "json"];
        self.program(&aws(), &[&profile, arguments].concat())
    }
}

/// Runs it to its end; once more where a busy machine took more than the two seconds that `credential-process` waits.
pub fn said(mut command: impl FnMut() -> Command) -> Said {
    loop {
        let said = Said::from(command().output().unwrap());
        if !is_slow(&said) {
            return said;
        }
    }
}

pub fn is_slow(said: &Said) -> bool {
    let slow = SLOW.lines().next().unwrap();
    said.code != Some(0) && said.stderr.contains(slow)
}

/// What it has said, having come to a good end.
#[track_caller]
pub fn done(said: Said) -> Said {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said
}
