//! Where the app finds what it has in common with the person's other programs.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use cognito_agent::Place;
use cognito_aws::SharedConfig;
use cognito_client::SystemClock;
use tauri::{AppHandle, Manager, Runtime};

use crate::clipboard::{Clipboard, SystemBoard};
use crate::keyfob::Surroundings;

pub(crate) fn of_app<R: Runtime>(app: &AppHandle<R>) -> Surroundings {
    let path = app.path();
    let programs_off = path.config_dir().ok();
    Surroundings {
        place: Place::of_user(),
        programs_off: programs_off.map(|folder| folder.join("keyfob").join("programs-off")),
        aws_files: SharedConfig::locate(path.home_dir().ok().as_deref(), |name| env::var_os(name)),
        command: command(),
        clipboard: Clipboard::new(SystemBoard::default(), Arc::new(SystemClock)),
    }
}

/// The `keyfob` command: beside the app's own program, where installers put it, else in `PATH`. An
/// AppImage's own is there only while the app runs, so that nothing may be set up with it.
fn command() -> Option<PathBuf> {
    let name = format!("keyfob{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok();
    let beside = beside.filter(|_| env::var_os("APPIMAGE").is_none());
    let beside = beside.and_then(|app| Some(app.parent()?.join(&name)));
    let in_path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&in_path).map(|folder| folder.join(&name));
    beside
        .into_iter()
        .chain(in_path)
        .find(|command| command.is_absolute() && command.is_file())
}
