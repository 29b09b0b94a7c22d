//! A private Linux session: its own home and runtime folders, D-Bus and unlocked keyring.
//!
//! What runs in it uses a real Secret Service and real URL handlers, and leaves the person's own alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Result, Running, Sink, variable, wait_for};

/// The hidden command this program gives itself: what follows it runs inside the session.
pub(crate) const INSIDE: &str = "sandbox-inside";

/// Runs a command to its end in a new private session; a command of this program itself is named by `own`.
pub(crate) fn run(what: &str, command: &[&str]) -> Result {
    run_by(command, |session| process::run(what, session))
}

/// The same, run by `run`.
pub(crate) fn run_by(command: &[&str], run: impl FnOnce(&mut Command) -> Result) -> Result {
    let folder = PrivateFolder::new()?;
    let home = folder.0.join("home");
    let real_home = std::env::home_dir().ok_or("there is no home folder")?;
    // The bus and what it starts have much to say, and none of it to the person.
    let bus = folder.0.join("bus");
    std::fs::write(&bus, "#!/bin/sh\nexec dbus-daemon \"$@\" >/dev/null 2>&1\n")?;
    process::output(Command::new("chmod").arg("700").arg(&bus))?;
    let mut session = Command::new("dbus-run-session");
    session
        .arg(format!("--dbus-daemon={}", bus.display()))
        .arg("--")
        .arg(process::this_program()?)
        .arg(INSIDE)
        .args(command)
        .current_dir(process::root())
        // cargo and rustup would look for themselves below the private home.
        .env(
            "CARGO_HOME",
            variable("CARGO_HOME").unwrap_or_else(|| real_home.join(".cargo").into()),
        )
        .env(
            "RUSTUP_HOME",
            variable("RUSTUP_HOME").unwrap_or_else(|| real_home.join(".rustup").into()),
        )
        .env("HOME", &home)
        .env("XDG_DATA_HOME", home.join(".local/share"))
        .env("XDG_CONFIG_HOME", home.join(".config"))
        .env("XDG_CACHE_HOME", home.join(".cache"))
        .env("XDG_RUNTIME_DIR", folder.0.join("runtime"))
        // Chromium leaves a folder behind when it is ended.
        .env("TMPDIR", folder.0.join("tmp"))
        .env_remove("GNOME_KEYRING_CONTROL")
        // Without a desktop nobody listens on the accessibility bus, and starting it costs time.
        .env("NO_AT_BRIDGE", "1");
    run(&mut session)
}

/// Unlocks a keyring for this session and runs the command in it.
pub(crate) fn inside(command: &[String]) -> Result {
    let log =
        Path::new(&variable("XDG_RUNTIME_DIR").ok_or("no private session")?).join("keyring.log");
    let mut daemon = Command::new("gnome-keyring-daemon");
    daemon.args(["--foreground", "--unlock", "--components=secrets"]);
    let mut daemon = Running::start("gnome-keyring-daemon", daemon, Sink::Log(log))?;
    daemon.feed(b"a password for a keyring that lives as long as the session")?;
    // Asking for it before it is there would make the bus start another one, which stays locked.
    let secrets = [
        "wait",
        "--session",
        "--timeout=20",
        "org.freedesktop.secrets",
    ];
    process::output(Command::new("gdbus").args(secrets))?;
    wait_for("an unlocked keyring", Duration::from_secs(20), || {
        Ok(keyring_unlocked()?.then_some(()))
    })?;
    match command.split_first() {
        Some((own, _)) if own == crate::journey::JOURNEY => crate::journey::journey(),
        Some((program, arguments)) => {
            let status = Command::new(program).args(arguments).status()?;
            if status.success() {
                Ok(())
            } else {
                Err(format!("{program} ended with {status}").into())
            }
        }
        None => Err("nothing to run in the session".into()),
    }
}

/// Whether the session has a Secret Service whose default collection is open.
pub(crate) fn keyring_unlocked() -> Result<bool> {
    let locked = process::output(Command::new("gdbus").args([
        "call",
        "--session",
        "--dest=org.freedesktop.secrets",
        "--object-path=/org/freedesktop/secrets/aliases/default",
        "--method=org.freedesktop.DBus.Properties.Get",
        "org.freedesktop.Secret.Collection",
        "Locked",
    ]))?;
    Ok(locked.contains("false"))
}

/// A folder only this user can read, removed with the value. Its path is short: sockets in it allow 108 bytes.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new() -> Result<Self> {
        let folder = Self(std::env::temp_dir().join(format!("keyfob-{}", std::process::id())));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(false);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for inner in ["", "home", "runtime", "tmp"] {
            builder.create(folder.0.join(inner))?;
        }
        Ok(folder)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        end_those_left(&self.0);
        // The session's last programs may still be writing while they end.
        let gone = wait_for("the private folder to go", Duration::from_secs(5), || {
            std::fs::remove_dir_all(&self.0)?;
            Ok(Some(()))
        });
        if let Err(error) = gone {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}

/// Ends what the session's programs left running: those that have this session's folder in their environment.
fn end_those_left(folder: &Path) {
    let left = || -> Vec<String> {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ours = |environment: Vec<u8>| {
            environment
                .split(|&b| b == 0)
                .any(|v| v == runtime_of(folder).as_bytes())
        };
        processes
            .filter(|process| std::fs::read(process.path().join("environ")).is_ok_and(ours))
            .filter_map(|process| process.file_name().into_string().ok())
            .collect()
    };
    let ended = wait_for(
        "what the session left to end",
        Duration::from_secs(5),
        || {
            let left = left();
            if left.is_empty() {
                return Ok(Some(()));
            }
            Command::new("sh")
                .args(["-c", "kill -TERM \"$@\" 2>/dev/null", "sh"])
                .args(&left)
                .status()?;
            Ok(None)
        },
    );
    if ended.is_err() {
        let _ = Command::new("sh")
            .args(["-c", "kill -KILL \"$@\"", "sh"])
            .args(left())
            .status();
    }
}

fn runtime_of(folder: &Path) -> String {
    format!("XDG_RUNTIME_DIR={}", folder.join("runtime").display())
}
