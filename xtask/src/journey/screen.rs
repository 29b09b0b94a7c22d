//! The X display as a person uses it: windows, keys, and what can be seen.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::stage::{APP_CLASS, DEADLINE};
use crate::process::{Result, output, wait_for};

/// The display the journey started.
#[derive(Clone)]
pub(super) struct Display {
    pub(super) name: String,
}

/// A window that can be seen.
pub(super) struct Window {
    display: Display,
    id: String,
}

impl Display {
    /// The visible window whose X class is `class`, once there is one.
    pub(super) fn window(&self, class: &str) -> Result<Window> {
        wait_for(&format!("a window of {class}"), DEADLINE, || {
            let found = self.xdotool(&["search", "--onlyvisible", "--class", class])?;
            // Chromium also has small windows for its own purposes.
            let large = |id: &&str| {
                self.size(id)
                    .is_ok_and(|(width, height)| width > 200 && height > 200)
            };
            Ok(found.lines().find(large).map(|id| Window {
                display: self.clone(),
                id: id.to_owned(),
            }))
        })
    }

    /// A program that is to use this display.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.name)
            .env("GDK_BACKEND", "x11")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Saves everything that can be seen.
    pub(super) fn screenshot(&self, file: &Path) -> Result {
        output(
            self.command("import")
                .args(["-silent", "-window", "root"])
                .arg(file),
        )
        .map(drop)
    }

    fn size(&self, window: &str) -> Result<(u32, u32)> {
        let shell = self.xdotool(&["getwindowgeometry", "--shell", window])?;
        let side = |name: &str| {
            shell
                .lines()
                .find_map(|line| line.strip_prefix(name)?.parse().ok())
        };
        Ok((
            side("WIDTH=").ok_or("no width")?,
            side("HEIGHT=").ok_or("no height")?,
        ))
    }

    fn xdotool(&self, words: &[&str]) -> Result<String> {
        output(self.command("xdotool").args(words))
    }
}

impl Window {
    /// Clicks on it, so to say: it comes to the front and has the keyboard.
    pub(super) fn activate(&self) -> Result {
        self.display
            .xdotool(&["windowactivate", "--sync", &self.id])
            .map(drop)
    }

    pub(super) fn is_active(&self) -> Result<bool> {
        Ok(self.display.xdotool(&["getactivewindow"])? == self.id)
    }

    /// The process it belongs to.
    pub(super) fn pid(&self) -> Result<u32> {
        Ok(self.display.xdotool(&["getwindowpid", &self.id])?.parse()?)
    }

    pub(super) fn press(&self, keys: &[&str]) -> Result {
        self.display.xdotool(&[&["key"], keys].concat()).map(drop)
    }

    /// Closes it with the window manager's key and waits for its process to be gone.
    pub(super) fn close(&self) -> Result {
        let process = format!("/proc/{}/exe", self.pid()?);
        self.activate()?;
        self.press(&["alt+F4"])?;
        wait_for("the closed window's process to end", DEADLINE, || {
            Ok((!Path::new(&process).exists()).then_some(()))
        })
    }

    /// Closes it with the window manager's key and waits until it cannot be seen.
    pub(super) fn close_to_tray(&self) -> Result {
        self.activate()?;
        self.press(&["alt+F4"])?;
        wait_for("the closed window to go", DEADLINE, || {
            // It fails when it finds none.
            let seen = self
                .display
                .xdotool(&["search", "--onlyvisible", "--class", APP_CLASS]);
            let seen = seen.unwrap_or_default();
            Ok((!seen.lines().any(|id| id == self.id)).then_some(()))
        })
    }

    /// How light it is on the whole, from 0 to 1.
    pub(super) fn lightness(&self) -> Result<f64> {
        Ok(self.measure("%[fx:mean]")?.parse()?)
    }

    /// How many colours can be seen in it.
    pub(super) fn colours(&self) -> Result<u32> {
        Ok(self.measure("%k")?.parse()?)
    }

    /// The colour near its upper left corner: red, green and blue from 0 to 255.
    pub(super) fn background(&self) -> Result<Vec<f64>> {
        let channels = self.measure("%[fx:255*p{3,3}.r] %[fx:255*p{3,3}.g] %[fx:255*p{3,3}.b]")?;
        Ok(channels
            .split(' ')
            .map(str::parse)
            .collect::<std::result::Result<_, _>>()?)
    }

    /// Clicks on it where there is nothing to click on.
    pub(super) fn click_nowhere(&self) -> Result {
        self.activate()?;
        let (width, height) = self.display.size(&self.id)?;
        let (x, y) = ((width - 30).to_string(), (height - 30).to_string());
        self.display
            .xdotool(&["mousemove", "--window", &self.id, &x, &y, "click", "1"])
            .map(drop)
    }

    pub(super) fn move_to(&self, x: u32, y: u32) -> Result {
        let (x, y) = (x.to_string(), y.to_string());
        self.display
            .xdotool(&["windowmove", "--sync", &self.id, &x, &y])
            .map(drop)
    }

    /// Moves the pointer to a place in it.
    pub(super) fn point_at(&self, (x, y): (u32, u32)) -> Result {
        let (x, y) = (x.to_string(), y.to_string());
        self.display
            .xdotool(&["mousemove", "--window", &self.id, &x, &y])
            .map(drop)
    }

    /// Presses the mouse's first button, or lets it go.
    pub(super) fn hold(&self, down: bool) -> Result {
        let what = if down { "mousedown" } else { "mouseup" };
        self.display.xdotool(&[what, "1"]).map(drop)
    }

    fn measure(&self, what: &str) -> Result<String> {
        output(
            self.display
                .command("import")
                .args(["-silent", "-window", &self.id, "-format", what, "info:-"]),
        )
    }

    /// Answers Chromium's "Open Keyfob?" with yes, as a person does with the keyboard.
    ///
    /// The dialog is neither a page nor an X window of its own; what tells it is that it darkens the page
    /// below to less than half of its light. `light` is how light the window was without it.
    pub(super) fn accept_dialog(&self, light: f64, picture: &Path) -> Result {
        let dialog = || Ok::<_, Box<dyn std::error::Error>>(self.lightness()? < light * 0.75);
        wait_for("Chromium to ask \"Open Keyfob?\"", DEADLINE, || {
            Ok(dialog()?.then_some(()))
        })?;
        self.activate()?;
        let mut last = f64::NAN;
        wait_for("the dialog to have come up", DEADLINE, || {
            let before = std::mem::replace(&mut last, self.lightness()?);
            Ok((before == last).then_some(()))
        })?;
        self.display.screenshot(picture)?;
        // From Cancel, which has the focus, to Open.
        self.press(&["Tab"])?;
        let mut pressed: Option<Instant> = None;
        wait_for("the dialog to go", DEADLINE, || {
            if !dialog()? {
                return Ok(Some(()));
            }
            // Chromium ignores a key that comes too soon after the dialog, lest a person accepts it unread.
            if pressed.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
                self.press(&["Return"])?;
                pressed = Some(Instant::now());
            }
            Ok(None)
        })
    }
}
