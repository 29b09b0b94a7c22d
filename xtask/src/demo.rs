//! `cargo xtask demo`: a pool, an API and the app on this machine, ready to sign in.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Result, Running, Sink, built, cargo, target, variable};
use crate::setup::{self, Scope};
use crate::{journey, sandbox};

/// Where the profile "Local demo", built into the app, expects the emulator and the API.
pub(crate) const PORT: u16 = 9229;
pub(crate) const API_PORT: u16 = 9230;

/// The seeded user, as the emulator shows it on the hosted UI.
pub(crate) const USER: &str = "alex";
pub(crate) const PASSWORD: &str = "Keyfob-demo-1";

const POOL: &str = "us-east-1_KeyfobDemo";
pub(crate) const CLIENT_ID: &str = "6keyfobdemodesktop00client";

/// Sets up, builds, and opens the app until the person closes it.
pub(crate) fn demo(port: u16, api_port: u16) -> Result {
    display()?;
    free(port, "the emulator", "--port")?;
    free(api_port, "the API", "--api-port")?;
    setup::setup(Scope::Build)?;
    build()?;
    std::fs::create_dir_all(pictures())?;
    let far_side = FarSide::start("profile", port, api_port, 3600, &[], |_| Sink::Terminal)?;
    println!(
        "\n  Sign in as    {USER}\n  with password {PASSWORD}\n\nClose the window or press Ctrl-C to end.\n"
    );
    let mut app = Command::new(built("keyfob-desktop"));
    if (port, api_port) != (PORT, API_PORT) {
        app.env("KEYFOB_PROFILE_FILE", &far_side.profile);
    }
    // Ctrl-C reaches the app and this program alike; the far side ends when its standard input closes.
    let status = app
        .status()
        .map_err(|e| format!("the app cannot be started: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the app ended with {status}").into())
    }
}

/// Sets up, builds, and makes the whole journey with no person in a session of its own.
pub(crate) fn headless() -> Result {
    setup::setup(Scope::Headless)?;
    build()?;
    // Nothing of an earlier journey may pass for this one's.
    let _ = std::fs::remove_dir_all(pictures());
    std::fs::create_dir_all(logs())?;
    sandbox::run("the journey", &[journey::JOURNEY])
}

/// Where the journey's pictures and logs go.
pub(crate) fn pictures() -> PathBuf {
    target().join("demo")
}

/// What the programs of the journey said.
pub(crate) fn logs() -> PathBuf {
    pictures().join("logs")
}

fn build() -> Result {
    // Without custom-protocol the app would look for the development server instead of what it embeds.
    let desktop = [
        "-p",
        "keyfob-desktop",
        "--features",
        "keyfob-desktop/custom-protocol",
    ];
    let mut build = cargo(&[
        "build",
        "--bins",
        "-p",
        "cognito-emulator",
        "-p",
        "cognito-api",
        // The app writes its place into `~/.aws/config`.
        "-p",
        "cognito-cli",
    ]);
    process::run("cargo build", build.args(desktop))
}

/// Says what the app will miss on this desktop.
fn display() -> Result {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if variable("DISPLAY").is_none() && variable("WAYLAND_DISPLAY").is_none() {
        return Err("There is no display to open the app on (neither DISPLAY nor WAYLAND_DISPLAY is set).\n\
                    `cargo xtask demo --headless` makes the same journey without one."
            .into());
    }
    let bus = variable("XDG_RUNTIME_DIR").is_some_and(|dir| Path::new(&dir).join("bus").exists());
    if variable("DBUS_SESSION_BUS_ADDRESS").is_none() && !bus {
        println!(
            "There is no D-Bus session: the app can neither be reached by the browser nor use the keychain."
        );
        println!(
            "Start it from a desktop session, or with `dbus-run-session -- cargo xtask demo`."
        );
    } else if process::find("gdbus").is_some() && !sandbox::keyring_unlocked().unwrap_or(false) {
        println!(
            "No unlocked keychain answers on this session's D-Bus: the app will say so after the sign-in."
        );
        println!("Install and unlock one, gnome-keyring or KWallet.");
    }
    Ok(())
}

fn free(port: u16, whose: &str, flag: &str) -> Result {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "Port {port} for {whose} cannot be used: {error}.\nEnd what listens there, or choose another with {flag}."
        )
        .into()),
    }
}

fn listening(line: &str) -> Option<()> {
    line.contains("Listening on").then_some(())
}

/// What the app talks to.
pub(crate) struct FarSide {
    emulator: Running,
    _api: Running,
    /// The profile that leads to these two.
    pub(crate) profile: PathBuf,
    pub(crate) url: String,
    pub(crate) issuer: String,
    pub(crate) api_url: String,
}

impl FarSide {
    /// `name` is the profile file's, and tells two of them apart.
    pub(crate) fn start(
        name: &str,
        port: u16,
        api_port: u16,
        token_seconds: u32,
        callback_urls: &[String],
        sink: impl Fn(&str) -> Sink,
    ) -> Result<Self> {
        let profile = pictures().join(name).with_extension("toml");
        let api_url = format!("http://127.0.0.1:{api_port}");
        let mut command = Command::new(built("cognito-emulator"));
        command
            .args([
                "--port",
                &port.to_string(),
                "--token-lifetime",
                &token_seconds.to_string(),
                "--api-base-url",
                &api_url,
                "--exit-with-parent-stdin",
                "--show-requests",
                "--profile",
            ])
            .arg(&profile);
        for url in callback_urls {
            command.args(["--callback-url", url]);
        }
        let mut emulator = Running::start("emulator", command, sink("emulator"))?;
        emulator.announced("\"Listening on\"", listening)?;

        let issuer = format!("http://127.0.0.1:{port}/{POOL}");
        let listen = format!("127.0.0.1:{api_port}");
        let mut command = Command::new(built("cognito-api"));
        command
            .args([
                "--issuer",
                &issuer,
                "--client-id",
                CLIENT_ID,
                "--listen",
                &listen,
            ])
            .arg("--exit-with-parent-stdin");
        let mut api = Running::start("api", command, sink("api"))?;
        api.announced("\"Listening on\"", listening)?;
        Ok(Self {
            emulator,
            _api: api,
            profile,
            url: format!("http://127.0.0.1:{port}"),
            issuer,
            api_url,
        })
    }

    /// Every request the emulator has answered, as `METHOD PATH`; for AWS's endpoints with the operation.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.emulator.lines()
    }
}
