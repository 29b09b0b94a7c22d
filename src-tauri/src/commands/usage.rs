//! Using the session.

use super::{Answer, Shared};
use crate::view::{
    ApiAnswerView, AwsIdentityView, FunctionInvocation, FunctionOutcomeView, FunctionView,
};

#[tauri::command]
pub(super) async fn call_api(keyfob: Shared<'_>) -> Answer<ApiAnswerView> {
    keyfob.call_api().await
}

#[tauri::command]
pub(super) async fn aws_identity(keyfob: Shared<'_>) -> Answer<AwsIdentityView> {
    keyfob.aws_identity().await
}

#[tauri::command]
pub(super) async fn list_functions(keyfob: Shared<'_>) -> Answer<Vec<FunctionView>> {
    keyfob.functions().await
}

#[tauri::command]
pub(super) async fn invoke_function(
    keyfob: Shared<'_>,
    invocation: FunctionInvocation,
) -> Answer<FunctionOutcomeView> {
    keyfob.invoke_function(invocation).await
}

#[tauri::command]
pub(super) fn stop_waiting(keyfob: Shared<'_>, run: u32) {
    keyfob.stop_waiting(run);
}
