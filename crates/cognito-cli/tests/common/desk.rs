//! A person's desk: an emulator, a home of their own, and a keychain that is theirs alone.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use cognito_agent::{Account, Agent, Place};
use cognito_client::{MemoryStore, Profile, Session};
use cognito_emulator::{Config, Emulator};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What a command says that has waited as long as it may.
pub const SLOW: &str = "keyfob: there was no answer in time; a renewal that has begun goes on\nTry again in a moment.\n";

pub struct Desk {
    pub emulator: Emulator,
    pub runtime: Runtime,
    home: TempDir,
    bus: Option<Bus>,
}

/// A D-Bus session with an unlocked keyring; it ends with its standard input.
struct Bus {
    session: Child,
    address: String,
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.session.stdin.take());
        drop(self.session.wait());
    }
}

impl Desk {
    /// Without a keychain.
    pub fn bare() -> Self {
        Self::with(Config::demo(), None)
    }

    /// With an unlocked keychain.
    pub fn new() -> Self {
        Self::configured(Config::demo())
    }

    pub fn configured(config: Config) -> Self {
        Self::with(
            config,
            Some("printf pw | gnome-keyring-daemon --unlock --components=secrets"),
        )
    }

    fn with(config: Config, keychain: Option<&str>) -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(config.port(0))).unwrap();
        let home = tempfile::Builder::new().prefix("kf").tempdir().unwrap();
        let mut private = fs::DirBuilder::new();
        private.mode(0o700);
        for folder in ["run", "home", "config", "data", "cache"] {
            private.create(home.path().join(folder)).unwrap();
        }
        let mut desk = Self {
            emulator,
            runtime,
            home,
            bus: None,
        };
        desk.write_profile("Local demo", |toml| toml);
        desk.bus = keychain.map(|keychain| desk.start_bus(keychain));
        desk
    }

    fn start_bus(&self, keychain: &str) -> Bus {
        let script = format!(
            "{{ {keychain}; }} >/dev/null 2>&1; echo \"$DBUS_SESSION_BUS_ADDRESS\"; exec cat >/dev/null"
        );
        let mut session = Command::new("dbus-run-session");
        self.at_home(&mut session);
        let mut session = session
            .args(["--", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(session.stdout.as_mut().unwrap())
            .read_line(&mut address)
            .unwrap();
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "no D-Bus session");
        Bus { session, address }
    }

    /// As a person does who leaves.
    pub fn lock_keychain(&self) {
        let mut gdbus = Command::new("gdbus");
        self.at_home(&mut gdbus);
        let locked = gdbus
            .env(
                "DBUS_SESSION_BUS_ADDRESS",
                &self.bus.as_ref().unwrap().address,
            )
            .args([
                "call",
                "--session",
                "--dest=org.freedesktop.secrets",
                "--object-path=/org/freedesktop/secrets",
                "--method=org.freedesktop.Secret.Service.Lock",
                "['/org/freedesktop/secrets/collection/login']",
            ])
            .output()
            .unwrap();
        assert!(locked.status.success(), "{locked:?}");
    }

    /// The text of the profile, as `change` makes it, for a command on this desk.
    pub fn write_profile(&self, name: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let toml = include_str!("../../../cognito-client/src/local-demo.toml")
            .replace(
                "127.0.0.1:9229",
                &format!("127.0.0.1:{}", self.emulator.port()),
            )
            .replace("\"Local demo\"", &format!("\"{name}\""));
        let folder = self.path("config/keyfob/profiles");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.toml", name.replace(' ', "-")));
        fs::write(&file, change(toml)).unwrap();
        file
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    fn at_home(&self, command: &mut Command) {
        command
            // Neither the machine's proxies nor anything else of it decides a test.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.path("run"));
    }

    /// The built program, at this desk.
    pub fn keyfob(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob"));
        self.at_home(&mut command);
        let nowhere = "unix:path=/nonexistent".to_owned();
        let bus = self.bus.as_ref().map_or(nowhere, |bus| bus.address.clone());
        command
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end; once more where a busy machine took more than the two seconds that some commands
    /// wait, as they tell one to.
    pub fn run(&self, arguments: &[&str]) -> Said {
        loop {
            let said = self.run_once(arguments);
            if said.stderr != SLOW {
                return said;
            }
        }
    }

    pub fn run_once(&self, arguments: &[&str]) -> Said {
        Said::from(self.keyfob(arguments).output().unwrap())
    }

    /// Signs in as `alex`, with `keyfob login --paste`.
    pub fn sign_in(&self) {
        let said = self.sign_in_with(&["login", "--paste", "--no-browser"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }

    pub fn sign_in_with(&self, arguments: &[&str]) -> Said {
        let mut login = self.keyfob(arguments);
        let mut login = login.stdin(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(login.stderr.take().unwrap());
        let url = address_in(&mut stderr);
        let mut stdin = login.stdin.take().unwrap();
        writeln!(stdin, "{}", self.browse(&url)).unwrap();
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        let output = login.wait_with_output().unwrap();
        Said {
            stderr: said,
            ..Said::from(output)
        }
    }

    /// What a browser does with a sign-in's address; where it ends.
    pub fn browse(&self, url: &str) -> String {
        let signed_in = self.emulator.sign_in_with(url, "alex", "Keyfob-demo-1");
        self.runtime.block_on(signed_in).unwrap().to_string()
    }

    /// How often this was asked: an operation, or a path.
    pub fn asked(&self, what: &str) -> usize {
        let requests = self.emulator.requests();
        let asked = requests.iter().filter(|request| match &request.operation {
            Some(operation) => operation == what,
            None => request.path == what,
        });
        asked.count()
    }

    /// The profile that commands on this desk use.
    pub fn profile(&self) -> Profile {
        self.profile_named("Local demo")
    }

    pub fn profile_named(&self, name: &str) -> Profile {
        let file = format!("config/keyfob/profiles/{}.toml", name.replace(' ', "-"));
        Profile::from_file(&self.path(&file)).unwrap()
    }

    /// The app, as far as programs notice it: an agent with a session of its own, in which `alex` is signed in if
    /// `signed_in`.
    pub fn app(&self, signed_in: bool) -> Agent {
        let _inside = self.runtime.enter();
        let session = Session::new(self.profile(), Arc::new(MemoryStore::new())).unwrap();
        self.runtime.block_on(async {
            session.restore().await;
            if signed_in {
                let url = session.begin().await.unwrap();
                let signed_in = self
                    .emulator
                    .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1");
                session.complete(&signed_in.await.unwrap()).await.unwrap();
            }
        });
        let account = Account::new(session);
        let place = Place::within(self.path("run/keyfob"));
        let agent = Agent::new(place, move |name| {
            (name == "Local demo").then(|| account.clone())
        });
        agent.set_enabled(true).unwrap();
        agent
    }
}

/// The address that `login` prints.
pub fn address_in(stderr: &mut impl BufRead) -> String {
    let mut line = String::new();
    while stderr.read_line(&mut line).unwrap() > 0 {
        if line.starts_with("http") {
            return line.trim().to_owned();
        }
        line.clear();
    }
    panic!("no address was printed");
}

/// What a command has said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Both, without printing what a failed test must not print.
    pub fn is(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!(
            (self.code, &*self.stdout, &*self.stderr),
            (Some(code), stdout, stderr)
        );
    }
}

/// Whether a program is there to be tested against.
pub fn has(program: impl AsRef<OsStr>) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| Path::new(&path).join(program.as_ref()).is_file())
}
