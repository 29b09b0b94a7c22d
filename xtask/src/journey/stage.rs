//! What the journey plays on: a display, a browser, the far side, and the drivers of both windows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::port::free_port;
use super::screen::{Display, Window};
use super::{desktop, files};
use crate::demo::{FarSide, pictures};
use crate::process::{Result, Running, Sink, built, output, variable, wait_for};
use crate::setup::browser;
use crate::webdriver::Page;

/// The app renews tokens with less than a minute left, so these see it through the first steps and are due
/// soon after.
const TOKEN_SECONDS: u32 = 70;
/// Long enough for a debug build on a busy machine; a failure costs it once.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// Everything that runs, and ends with this value.
pub(super) struct Stage {
    pub(super) app: Option<Page>,
    pub(super) browser: Page,
    pub(super) browser_window: Window,
    pub(super) display: Display,
    app_driver: u16,
    /// Where an app that the browser starts listens for a driver.
    cold_start: u16,
    pub(super) far_side: FarSide,
    pub(super) second: FarSide,
    running: Vec<Running>,
}

impl Stage {
    pub(super) fn set() -> Result<Self> {
        let home = PathBuf::from(variable("HOME").ok_or("there is no home folder")?);
        let mut running = Vec::new();

        let mut command = Command::new("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1600x1000x24",
            "-wr",
            "-nolisten",
            "tcp",
        ]);
        let mut xvfb = Running::start("Xvfb", command, log("xvfb"))?;
        let display = Display {
            name: format!(
                ":{}",
                xvfb.announced("the display number", |line| line.parse::<u32>().ok())?
            ),
        };
        running.push(xvfb);
        running.push(Running::start(
            "openbox",
            display.command("openbox"),
            log("openbox"),
        )?);
        let dunst = desktop::notifications(&display, &home)?;
        running.push(Running::start("dunst", dunst, log("dunst"))?);

        let far_side =
            FarSide::start("profile", free_port(), free_port(), TOKEN_SECONDS, &[], log)?;
        let profiles = home.join(".config/keyfob/profiles");
        fs::create_dir_all(&profiles)?;
        fs::copy(&far_side.profile, profiles.join("demo.toml"))?;
        // Another organisation, whose app client knows the way back by a port only.
        let loopback = format!("http://127.0.0.1:{}/callback", free_port());
        let second = FarSide::start(
            "second",
            free_port(),
            free_port(),
            TOKEN_SECONDS,
            &[loopback],
            |name| log(&format!("second-{name}")),
        )?;
        let (app_driver, cold_start) = (free_port(), free_port());
        let chooser = files::chooser(&home)?;
        let path = variable("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(chooser).chain(std::env::split_paths(&path)))?;
        let for_app = |command: &mut Command| {
            command
                .env("PATH", &path)
                // Makes xdg-open ask GIO: its own way cannot run a quoted command (xdg-utils 1.1.3).
                .env("XDG_CURRENT_DESKTOP", "GNOME")
                // Everything, to be searched for secrets by `cargo xtask test`.
                .env("KEYFOB_LOG", "trace")
                .env("WEBKIT_INSPECTOR_SERVER", format!("127.0.0.1:{cold_start}"))
                .env("TAURI_AUTOMATION", "true")
                .env("TAURI_WEBVIEW_AUTOMATION", "true");
        };

        // The browser starts the app when the app does not run, so it passes the app's environment on.
        let profile = home.join("browser");
        let browser = browser().ok_or("neither Chromium nor Chrome is installed")?;
        fs::create_dir_all(profile.join("Default"))?;
        // "Save password?" would take the keyboard from the app that has just come to the front.
        fs::write(
            profile.join("Default/Preferences"),
            json!({ "credentials_enable_service": false }).to_string(),
        )?;
        let mut command = display.command(&browser.to_string_lossy());
        for_app(&mut command);
        command
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(BROWSER)
            .args([
                "--remote-debugging-port=0",
                "--window-position=0,0",
                "--window-size=1060,960",
                "about:blank",
            ]);
        running.push(Running::start("chromium", command, log("chromium"))?);
        default_browser(&browser, &home, &profile)?;

        let mut command = Command::new("chromedriver");
        // Not 0: it would take any port on IPv6, and give up when that one is taken on IPv4.
        let port = free_port();
        command.arg(format!("--port={port}"));
        let mut driver = Running::start("chromedriver", command, log("chromedriver"))?;
        driver.announced("its start", |line| {
            line.contains("started successfully").then_some(())
        })?;
        running.push(driver);
        let address = wait_for("Chromium's debugging port", DEADLINE, || {
            let port = fs::read_to_string(profile.join("DevToolsActivePort"))?;
            Ok(port.lines().next().map(|port| format!("127.0.0.1:{port}")))
        })?;
        let browser = Page::open(
            port,
            &json!({ "goog:chromeOptions": { "debuggerAddress": address } }),
        )?;

        let mut command = display.command("WebKitWebDriver");
        for_app(&mut command);
        command.arg(format!("--port={app_driver}"));
        running.push(Running::start(
            "WebKitWebDriver",
            command,
            log("webkitwebdriver"),
        )?);

        let browser_window = display.window("chrom")?;
        Ok(Self {
            app: None,
            browser,
            browser_window,
            display,
            app_driver,
            cold_start,
            far_side,
            second,
            running,
        })
    }

    /// Starts the app as a person does, without a URL.
    pub(super) fn start_app(&mut self) -> Result<&Page> {
        let capabilities = json!({ "webkitgtk:browserOptions": { "binary": built("keyfob-desktop"), "args": [] } });
        let page = wait_for("the app to start", DEADLINE, || {
            Page::open(self.app_driver, &capabilities).map(Some)
        })?;
        Ok(self.app.insert(page))
    }

    /// Takes over the app that the browser has started.
    pub(super) fn attach_app(&mut self) -> Result<&Page> {
        let driver = free_port();
        let mut command = Command::new("WebKitWebDriver");
        command.args([
            format!("--port={driver}"),
            format!("--target=127.0.0.1:{}", self.cold_start),
        ]);
        self.running.push(Running::start(
            "WebKitWebDriver",
            command,
            log("webkitwebdriver-cold"),
        )?);
        let page = wait_for("the app that the browser started", DEADLINE, || {
            Page::open(driver, &json!({})).map(Some)
        })?;
        Ok(self.app.insert(page))
    }

    /// Starts something more of a desktop, which ends with the others.
    pub(super) fn start(&mut self, name: &str, command: Command) -> Result {
        let started = Running::start(name, command, log(name))?;
        self.running.push(started);
        Ok(())
    }

    /// Closes the app's window as a person does.
    pub(super) fn quit_app(&mut self) -> Result {
        self.app_window()?.close()?;
        self.app = None;
        Ok(())
    }

    pub(super) fn app_window(&self) -> Result<Window> {
        self.display.window(APP_CLASS)
    }

    pub(super) fn app(&self) -> Result<&Page> {
        self.app
            .as_ref()
            .ok_or_else(|| "the app does not run".into())
    }
}

impl Drop for Stage {
    /// Ends what came last first: the app before its driver, and the display after all that is on it.
    fn drop(&mut self) {
        self.app = None;
        while let Some(last) = self.running.pop() {
            drop(last);
        }
    }
}

/// The X class GTK gives the app's window.
pub(super) const APP_CLASS: &str = "keyfob-desktop";

/// A browser of the journey's own, which neither calls home nor asks anything at its first start.
const BROWSER: [&str; 7] = [
    "--no-sandbox",
    "--password-store=basic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Makes the running Chromium what the desktop opens links with.
fn default_browser(browser: &Path, home: &Path, profile: &Path) -> Result {
    let applications = home.join(".local/share/applications");
    fs::create_dir_all(&applications)?;
    // With the profile of a running Chromium, a second one hands its URL over and ends.
    let exec = format!(
        "{} --user-data-dir={} {}",
        browser.display(),
        profile.display(),
        BROWSER.join(" ")
    );
    fs::write(
        applications.join("journey-browser.desktop"),
        format!(
            "[Desktop Entry]\nType=Application\nName=The journey's browser\nExec={exec} %u\n\
             MimeType=x-scheme-handler/http;x-scheme-handler/https;\n"
        ),
    )?;
    fs::create_dir_all(home.join(".config"))?;
    output(Command::new("xdg-mime").args([
        "default",
        "journey-browser.desktop",
        "x-scheme-handler/http",
        "x-scheme-handler/https",
    ]))
    .map(drop)
}

fn log(name: &str) -> Sink {
    Sink::Log(pictures().join("logs").join(format!("{name}.log")))
}
