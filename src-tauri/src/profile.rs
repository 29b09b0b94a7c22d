//! Which profile the app works with.

use std::path::PathBuf;

use cognito_client::{Error, Profile, ProfileStore};
use tauri::{AppHandle, Manager, Runtime};

/// Names one profile file to be used instead of the stored ones, for trying a profile out.
const PROFILE_FILE: &str = "KEYFOB_PROFILE_FILE";

/// The profile to use: the named file; else the first of the user's, the machine's, the built-in ones.
///
/// A file that cannot be used is never passed over silently: the person would sign in somewhere else.
pub(crate) fn chosen<R: Runtime>(app: &AppHandle<R>) -> Result<Profile, Error> {
    if let Some(file) = std::env::var_os(PROFILE_FILE) {
        return Ok(Profile::from_file(file.as_ref())?);
    }
    let user = app.path().config_dir().ok();
    let user = user.map(|folder| folder.join("keyfob").join("profiles"));
    let mut profiles = ProfileStore::new(machine_folder(), user).load();
    match profiles.unusable.pop() {
        Some(error) => Err(error.into()),
        None => Ok(profiles.usable.swap_remove(0).profile),
    }
}

/// Where an administrator puts profiles for everybody.
fn machine_folder() -> PathBuf {
    if cfg!(windows) {
        let data = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
        PathBuf::from(data).join("Keyfob").join("profiles")
    } else if cfg!(target_os = "macos") {
        "/Library/Application Support/Keyfob/profiles".into()
    } else {
        "/etc/keyfob/profiles".into()
    }
}
