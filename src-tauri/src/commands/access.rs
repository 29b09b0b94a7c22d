//! AWS access for other programs. No credentials pass here.

use tauri::ipc::Channel;

use super::{Answer, Shared};
use crate::view::{AccessView, AwsConfigView, CopiedView, CredentialsFormat, RolesView};

#[tauri::command]
pub(super) async fn watch_access(keyfob: Shared<'_>, channel: Channel<AccessView>) -> Answer<()> {
    keyfob.watch_access(move |view| channel.send(view).is_ok())
}

#[tauri::command]
pub(super) async fn answer_programs(keyfob: Shared<'_>, allowed: bool) -> Answer<()> {
    keyfob.answer_programs(allowed).await
}

#[tauri::command]
pub(super) async fn aws_roles(keyfob: Shared<'_>) -> Answer<RolesView> {
    keyfob.aws_roles().await
}

#[tauri::command]
pub(super) async fn choose_role(keyfob: Shared<'_>, role: Option<String>) -> Answer<()> {
    keyfob.choose_role(role.as_deref()).await
}

#[tauri::command]
pub(super) async fn copy_credentials(
    keyfob: Shared<'_>,
    format: CredentialsFormat,
) -> Answer<CopiedView> {
    keyfob.copy_credentials(format).await
}

#[tauri::command]
pub(super) async fn plan_aws_config(keyfob: Shared<'_>, remove: bool) -> Answer<AwsConfigView> {
    keyfob.plan_aws_config(remove)
}

#[tauri::command]
pub(super) async fn apply_aws_config(keyfob: Shared<'_>) -> Answer<()> {
    keyfob.apply_aws_config().await
}
