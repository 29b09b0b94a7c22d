//! What the web view may ask for: thin words over [`Keyfob`]. `permissions/` says which window may.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands commands their arguments by value"
)]

use std::sync::Arc;

use tauri::ipc::Channel;
use tauri::{Builder, Runtime, State, WebviewWindow};

use crate::view::{
    ApiAnswerView, AppView, AwsIdentityView, CommandError, FunctionAnswerView, SignInChoice,
    SignOutScope, SignOutView,
};
use crate::{Keyfob, Painted, bring_up};

type Shared<'a> = State<'a, Arc<Keyfob>>;
type Answer<T> = Result<T, CommandError>;

/// Adds the commands to an app that manages an `Arc<Keyfob>`.
pub fn commands<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder.invoke_handler(tauri::generate_handler![
        watch,
        ready,
        sign_in,
        cancel_sign_in,
        dismiss_problem,
        call_api,
        aws_identity,
        invoke_function,
        sign_out,
    ])
}

#[tauri::command]
async fn watch(keyfob: Shared<'_>, channel: Channel<AppView>) -> Answer<()> {
    keyfob
        .inner()
        .clone()
        .watch(move |view| channel.send(view).is_ok());
    Ok(())
}

#[tauri::command]
fn ready<R: Runtime>(window: WebviewWindow<R>, painted: State<'_, Painted>) {
    tracing::info!("the page is painted");
    painted.0.notify_one();
    bring_up(&window);
}

#[tauri::command]
async fn sign_in(keyfob: Shared<'_>, choice: SignInChoice) -> Answer<()> {
    keyfob.sign_in(choice).await
}

#[tauri::command]
async fn cancel_sign_in(keyfob: Shared<'_>) -> Answer<()> {
    keyfob.cancel_sign_in().await;
    Ok(())
}

#[tauri::command]
fn dismiss_problem(keyfob: Shared<'_>) {
    keyfob.dismiss_problem();
}

#[tauri::command]
async fn call_api(keyfob: Shared<'_>) -> Answer<ApiAnswerView> {
    keyfob.call_api().await
}

#[tauri::command]
async fn aws_identity(keyfob: Shared<'_>) -> Answer<AwsIdentityView> {
    keyfob.aws_identity().await
}

#[tauri::command]
async fn invoke_function(
    keyfob: Shared<'_>,
    name: String,
    payload: String,
) -> Answer<FunctionAnswerView> {
    keyfob.invoke_function(&name, &payload).await
}

#[tauri::command]
async fn sign_out(keyfob: Shared<'_>, scope: SignOutScope) -> Answer<SignOutView> {
    keyfob.sign_out(scope).await
}
