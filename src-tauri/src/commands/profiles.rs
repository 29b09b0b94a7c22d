//! Choosing among profiles, and changing which there are.

use super::{Answer, Shared};
use crate::view::{ProfilePreviewView, ProfileSource, SignOutView};

#[tauri::command]
pub(super) async fn switch_profile(keyfob: Shared<'_>, name: String) -> Answer<()> {
    keyfob.switch(&name).await
}

#[tauri::command]
pub(super) async fn preview_profile(
    keyfob: Shared<'_>,
    source: ProfileSource,
) -> Answer<ProfilePreviewView> {
    keyfob.preview(source).await
}

#[tauri::command]
pub(super) async fn add_profile(keyfob: Shared<'_>, text: String, replace: bool) -> Answer<()> {
    keyfob.add(&text, replace).await
}

#[tauri::command]
pub(super) async fn rename_profile(
    keyfob: Shared<'_>,
    name: String,
    new_name: String,
) -> Answer<()> {
    keyfob.rename(&name, &new_name).await
}

#[tauri::command]
pub(super) async fn remove_profile(
    keyfob: Shared<'_>,
    name: String,
) -> Answer<Option<SignOutView>> {
    keyfob.remove(&name).await
}
