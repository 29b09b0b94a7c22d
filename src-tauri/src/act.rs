//! What the person does without the window: in the tray, or on a notification.

use std::sync::Arc;

use tauri::{AppHandle, Manager};

use crate::Keyfob;
use crate::view::{SignInChoice, SignOutScope, StateView};
use crate::window::to_front;

/// Begins a sign-in; the window comes up only if that needs it.
pub(crate) fn sign_in(app: &AppHandle, profile: &str) {
    let (app, profile) = (app.clone(), profile.to_owned());
    tauri::async_runtime::spawn(async move {
        let keyfob = app.state::<Arc<Keyfob>>().inner().clone();
        let begun = keyfob.sign_in_to(&profile, SignInChoice::default()).await;
        let view = keyfob.view().session;
        let waits = matches!(view.state, StateView::SigningIn { .. });
        // Else the browser is in front, where the person goes on.
        if begun.is_err() || !waits || view.problem.is_some() {
            to_front(&app);
        }
    });
}

/// Signs out of this device; the window comes up if something could not be done.
pub(crate) fn sign_out(app: &AppHandle, profile: &str) {
    let (app, profile) = (app.clone(), profile.to_owned());
    tauri::async_runtime::spawn(async move {
        let keyfob = app.state::<Arc<Keyfob>>().inner().clone();
        let done = match keyfob.sign_out_from(&profile, SignOutScope::Device).await {
            Ok(done) => done.revoked.is_none(),
            Err(_) => false,
        };
        if !done {
            // The view tells it.
            show(&app, &profile);
        }
    });
}

/// Brings the window up with this profile.
pub(crate) fn show(app: &AppHandle, profile: &str) {
    let (app, profile) = (app.clone(), profile.to_owned());
    tauri::async_runtime::spawn(async move {
        let keyfob = app.state::<Arc<Keyfob>>().inner().clone();
        if let Err(error) = keyfob.switch(&profile).await {
            tracing::warn!(error = error.message, "the profile is not shown");
        }
        to_front(&app);
    });
}
