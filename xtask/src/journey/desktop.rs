//! What else belongs to a desktop: notifications, and a panel with a tray.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::screen::Display;
use super::stage::{DEADLINE, Stage};
use super::steps::{picture, wait_state};
use crate::process::{Result, output, wait_for};

/// dunst, whose list of a notification's actions is answered with "Sign in".
pub(super) fn notifications(display: &Display, home: &Path) -> Result<Command> {
    let chooser = home.join("choose-sign-in");
    fs::write(&chooser, "#!/bin/sh\nexec grep -m1 '^#Sign in'\n")?;
    output(Command::new("chmod").arg("700").arg(&chooser))?;
    let settings = home.join("dunstrc");
    fs::write(
        &settings,
        format!(
            "[global]\nfont = DejaVu Sans 11\nwidth = 400\norigin = top-right\noffset = 20x20\ndmenu = {}\n",
            chooser.display()
        ),
    )?;
    let mut dunst = display.command("dunst");
    dunst.arg("-conf").arg(settings);
    Ok(dunst)
}

pub(super) fn tray(stage: &mut Stage) -> Result {
    let settings = Path::new(&std::env::var_os("XDG_CONFIG_HOME").ok_or("no private session")?)
        .join("xfce4/xfconf/xfce-perchannel-xml");
    fs::create_dir_all(&settings)?;
    fs::write(settings.join("xfce4-panel.xml"), PANEL)?;
    let panel = stage.display.command("xfce4-panel");
    stage.start("xfce4-panel", panel)?;
    wait_for("the panel's tray", DEADLINE, || {
        let shown = watcher("IsStatusNotifierHostRegistered")?;
        Ok(shown.contains("true").then_some(()))
    })?;
    wait_state(stage.start_app()?, "signedOut")?;
    let item = wait_for("the app's icon in the tray", DEADLINE, || {
        let items = watcher("RegisteredStatusNotifierItems")?;
        let ours = items.split('\'').find(|item| item.ends_with(ITEM));
        Ok(ours.map(|item| item.trim_end_matches(ITEM).to_owned()))
    })?;
    let told = properties(&item, ITEM, "org.kde.StatusNotifierItem", "ToolTip")?;
    if !told.contains("signed out") {
        return Err(format!("the tray tells {told}").into());
    }
    let window = stage.app_window()?;
    let process = format!("/proc/{}/exe", window.pid()?);
    stage.app()?.settled()?;
    stage.display.screenshot(&picture("tray"))?;
    window.close_to_tray()?;
    if !Path::new(&process).exists() {
        return Err("closing ended the app, although there is a tray".into());
    }
    call(
        &item,
        ITEM,
        "org.kde.StatusNotifierItem.Activate",
        &["0", "0"],
    )?;
    // The same one, or the app was started anew.
    if format!("/proc/{}/exe", stage.app_window()?.pid()?) != process {
        return Err("the window that came back is another program's".into());
    }
    let menu = call(
        &item,
        MENU,
        "com.canonical.dbusmenu.GetLayout",
        &["0", "-1", "[]"],
    )?;
    let quit = entry(&menu, "Quit Keyfob").ok_or_else(|| format!("no way to quit in {menu}"))?;
    let clicked = call(
        &item,
        MENU,
        "com.canonical.dbusmenu.Event",
        &[&quit, "clicked", "<0>", "0"],
    );
    // It may be gone before it has answered.
    if let Err(error) = clicked
        && !error.to_string().contains("NoReply")
    {
        return Err(error);
    }
    wait_for("the app to end", DEADLINE, || {
        Ok((!Path::new(&process).exists()).then_some(()))
    })?;
    stage.app = None;
    Ok(())
}

const ITEM: &str = "/StatusNotifierItem";
const MENU: &str = "/MenuBar";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// A panel at the bottom, with nothing in it but a tray.
const PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=8;x=800;y=985"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="30"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
"#;

/// The number of a menu's entry, as `gdbus` prints a layout: `(<(7, {'label': <'Quit'>, …`.
fn entry(layout: &str, label: &str) -> Option<String> {
    let (before, _) = layout.split_once(&format!("<'{label}'>"))?;
    let (_, number) = before
        .rsplit_once("(<(")
        .or_else(|| before.rsplit_once("<("))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

fn watcher(property: &str) -> Result<String> {
    properties(WATCHER, "/StatusNotifierWatcher", WATCHER, property)
}

fn properties(name: &str, object: &str, interface: &str, property: &str) -> Result<String> {
    let get = "org.freedesktop.DBus.Properties.Get";
    call(name, object, get, &[interface, property])
}

fn call(name: &str, object: &str, method: &str, arguments: &[&str]) -> Result<String> {
    let mut gdbus = Command::new("gdbus");
    gdbus.args(["call", "--session", "--dest", name, "--object-path", object]);
    // Behind --, because -1 is no option.
    output(gdbus.args(["--method", method, "--"]).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn finds_an_entry_of_a_layout() {
        let layout = "(uint32 1, (0, {'children-display': <'submenu'>}, \
            [<(1, {'label': <'Open Keyfob'>}, @av [])>, <(12, {'enabled': <true>, 'label': <'Quit Keyfob'>}, @av [])>]))";
        assert_eq!(entry(layout, "Quit Keyfob").as_deref(), Some("12"));
        assert_eq!(entry(layout, "Open Keyfob").as_deref(), Some("1"));
        assert_eq!(entry(layout, "Nothing"), None);
    }
}
