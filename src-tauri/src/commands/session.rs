//! Following the session, signing in and out.

use tauri::ipc::Channel;
use tauri::{Runtime, State, WebviewWindow};

use super::{Answer, Shared};
use crate::view::{AppView, SignInChoice, SignOutScope, SignOutView};
use crate::window::{Painted, bring_up};

#[tauri::command]
pub(super) async fn watch(keyfob: Shared<'_>, channel: Channel<AppView>) -> Answer<()> {
    keyfob.inner().watch(move |view| channel.send(view).is_ok());
    Ok(())
}

#[tauri::command]
pub(super) fn ready<R: Runtime>(window: WebviewWindow<R>, painted: State<'_, Painted>) {
    tracing::info!("the page is painted");
    painted.set();
    bring_up(&window);
}

#[tauri::command]
pub(super) async fn sign_in(keyfob: Shared<'_>, choice: SignInChoice) -> Answer<()> {
    keyfob.sign_in(choice).await
}

#[tauri::command]
pub(super) async fn complete_sign_in(keyfob: Shared<'_>, text: String) -> Answer<()> {
    keyfob.complete_sign_in(&text).await
}

#[tauri::command]
pub(super) async fn cancel_sign_in(keyfob: Shared<'_>) -> Answer<()> {
    keyfob.cancel_sign_in().await;
    Ok(())
}

#[tauri::command]
pub(super) fn dismiss_problem(keyfob: Shared<'_>) {
    keyfob.dismiss_problem();
}

#[tauri::command]
pub(super) async fn retry(keyfob: Shared<'_>) -> Answer<()> {
    keyfob.retry().await;
    Ok(())
}

#[tauri::command]
pub(super) async fn sign_out(keyfob: Shared<'_>, scope: SignOutScope) -> Answer<SignOutView> {
    keyfob.sign_out(scope).await
}
