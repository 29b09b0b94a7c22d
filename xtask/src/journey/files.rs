//! The steps in the Files room, with a real dialog's stand-in and the real clipboard.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::stage::{DEADLINE, Stage};
use super::steps::{click, picture, shows};
use crate::process::{Result, output, root, variable, wait_for};
use crate::webdriver::{Page, http};

/// What is uploaded.
const NAME: &str = "quarterly report.txt";
const CONTENT: &str = "Figures, and an umlaut: ü.\n";

/// A folder for the PATH in which `zenity` is a person who chooses at once: without a desktop portal, it is what
/// the app's dialogs are made of.
pub(super) fn chooser(home: &Path) -> Result<PathBuf> {
    let folder = home.join("chooser");
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(home.join("Downloads"))?;
    fs::write(home.join(NAME), CONTENT)?;
    let script = folder.join("zenity");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\ncase \"$*\" in\n*--directory*) echo \"{0}/Downloads\" ;;\n*) echo \"{0}/{NAME}\" ;;\nesac\n",
            home.display()
        ),
    )?;
    output(Command::new("chmod").arg("700").arg(&script))?;
    Ok(folder)
}

pub(super) fn upload(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    click(app, "room-files")?;
    click(app, "files-folder-1")?;
    shows(app, "file-list", "Welcome.txt")?;
    app.screenshot(&picture("app-files-shared"))?;
    click(app, "files-folder-0")?;
    click(app, "upload-files")?;
    row(app)?;
    shows(app, "transfers", "1 done")?;
    app.screenshot(&picture("app-files-uploaded"))
}

pub(super) fn download_and_share(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    row(app)?;
    click(app, "download-to")?;
    let home = PathBuf::from(variable("HOME").ok_or("there is no home folder")?);
    let file = home.join("Downloads").join(NAME);
    wait_for("the download", DEADLINE, || Ok(file.exists().then_some(())))?;
    if fs::read_to_string(&file)? != CONTENT {
        return Err("what was downloaded is not what was uploaded".into());
    }
    shows(app, "transfers", "2 done")?;
    click(app, "share")?;
    shows(app, "files-done", "Link copied")?;
    app.screenshot(&picture("app-files-link"))?;
    // By another program, as a person does; the WebDriver's log would keep what it saw.
    let mut paste = stage.display.command("xclip");
    let link = output(paste.args(["-out", "-selection", "clipboard"]))?;
    if !link.contains("X-Amz-Signature") {
        return Err("what was copied is no link".into());
    }
    // Whoever has it needs nothing else.
    let mut answer = http().get(&link).call()?;
    if answer.body_mut().read_to_string()? != CONTENT {
        return Err("the link leads to something else".into());
    }
    row(app)
}

pub(super) fn delete_and_undo(stage: &mut Stage) -> Result {
    let app = stage.app()?;
    row(app)?;
    click(app, "delete")?;
    shows(app, "files-done", "deleted")?;
    shows(app, "files-summary", "Empty")?;
    app.screenshot(&picture("app-files-deleted"))?;
    click(app, "undo")?;
    row(app)?;
    click(app, "transfers-clear")?;
    app.screenshot(&picture("app-files-undone"))
}

const DROPPED: &str = "dropped ü.txt";

/// Drags a file from another program's window onto the room.
pub(super) fn drop_onto(stage: &mut Stage) -> Result {
    let home = PathBuf::from(variable("HOME").ok_or("there is no home folder")?);
    fs::write(home.join(DROPPED), CONTENT)?;
    let uri = format!("file://{}/dropped%20%C3%BC.txt", home.display());
    // Debian's own, whose GTK it is.
    let mut source = stage.display.command("/usr/bin/python3");
    source
        .arg(root().join("xtask/src/journey/drag_source.py"))
        .arg(uri);
    stage.start("drag-source", source)?;
    let (source, room) = (stage.display.window("drag-source")?, stage.app_window()?);
    // Above the app, beside the browser.
    source.move_to(1250, 10)?;
    source.activate()?;
    source.point_at((100, 100))?;
    source.hold(true)?;
    let app = stage.app()?;
    let mut step = 0;
    let over = wait_for("the room to see what comes", DEADLINE, || {
        step += 5;
        match step {
            ..50 => source.point_at((100 + step, 100 + step))?,
            _ => room.point_at((200 + step % 100, 400))?,
        }
        let over = "return document.querySelector('.room.over') !== null";
        Ok(app.execute(over)?.as_bool().filter(|over| *over))
    });
    let seen = stage.display.screenshot(&picture("app-files-over"));
    source.hold(false)?;
    over?;
    seen?;
    app.wait_for(&format!("[data-path=\"{DROPPED}\"]"), DEADLINE)?;
    shows(app, "transfers", "1 done")?;
    app.screenshot(&picture("app-files-dropped"))
}

/// Drags that file out of the room onto another program's window.
pub(super) fn drag_out(stage: &mut Stage) -> Result {
    let home = PathBuf::from(variable("HOME").ok_or("there is no home folder")?);
    let (folder, sign) = (home.join("Another folder"), home.join("over"));
    fs::create_dir_all(&folder)?;
    let mut target = stage.display.command("/usr/bin/python3");
    target
        .arg(root().join("xtask/src/journey/drag_target.py"))
        .args([&folder, &sign]);
    stage.start("drag-target", target)?;
    let (target, room) = (stage.display.window("drag-target")?, stage.app_window()?);
    target.move_to(1250, 10)?;
    let app = stage.app()?;
    let row = app.execute(&format!(
        "const row = document.querySelector('[data-path=\"{DROPPED}\"]').getBoundingClientRect();
         return [row.x + 60, row.y + row.height / 2].map(Math.round)"
    ))?;
    let [x, y] = [0, 1].map(|side| row[side].as_u64().and_then(|side| u32::try_from(side).ok()));
    let (x, y) = (x.ok_or("no place")?, y.ok_or("no place")?);
    room.activate()?;
    room.point_at((x, y))?;
    room.hold(true)?;
    for step in 1..=8 {
        room.point_at((x + 5 * step, y))?;
    }
    let mut step = 0;
    let over = wait_for("the other window to see what comes", DEADLINE, || {
        step += 5;
        target.point_at((60 + step % 100, 120))?;
        Ok(sign.exists().then_some(()))
    });
    let seen = stage.display.screenshot(&picture("app-files-out"));
    room.hold(false)?;
    over?;
    seen?;
    let file = folder.join(DROPPED);
    wait_for("the file in the other folder", DEADLINE, || {
        let whole = fs::read_to_string(&file).is_ok_and(|content| content == CONTENT);
        Ok(whole.then_some(()))
    })?;
    // It went out, and has not come back in.
    shows(app, "transfers", "2 done")?;
    shows(app, "files-chosen", "1 of 2 chosen")?;
    app.screenshot(&picture("app-files-dragged"))
}

/// Chooses the file once it is listed.
fn row(app: &Page) -> Result {
    app.wait_for(&format!("[data-path=\"{NAME}\"]"), DEADLINE)?
        .click()
}
