//! Using the session.

use super::{Answer, Shared};
use crate::view::{ApiAnswerView, AwsIdentityView, FunctionAnswerView};

#[tauri::command]
pub(super) async fn call_api(keyfob: Shared<'_>) -> Answer<ApiAnswerView> {
    keyfob.call_api().await
}

#[tauri::command]
pub(super) async fn aws_identity(keyfob: Shared<'_>) -> Answer<AwsIdentityView> {
    keyfob.aws_identity().await
}

#[tauri::command]
pub(super) async fn invoke_function(
    keyfob: Shared<'_>,
    name: String,
    payload: String,
) -> Answer<FunctionAnswerView> {
    keyfob.invoke_function(&name, &payload).await
}
