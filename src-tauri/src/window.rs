//! The one window: shown when its page is painted, brought before the browser when it is needed.

use tauri::window::Color;
use tauri::{AppHandle, Manager, Runtime, Theme, WebviewWindow};

/// Resolves when the page has painted, so that the window is never shown empty.
#[derive(Default)]
pub(crate) struct Painted(tokio::sync::SetOnce<()>);

impl Painted {
    /// A page that is loaded again paints again.
    pub(crate) fn set(&self) {
        self.0.set(()).ok();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.initialized()
    }

    pub(crate) async fn over(&self) {
        self.0.wait().await;
    }
}

/// Gives the window the page's own background, so that nothing else is ever seen.
pub(crate) fn wear_the_page<R: Runtime>(window: &WebviewWindow<R>) {
    let background = match window.theme() {
        Ok(Theme::Dark) => Color(0x16, 0x18, 0x16, 0xff),
        _ => Color(0xf6, 0xf5, 0xf2, 0xff),
    };
    if let Err(error) = window.set_background_color(Some(background)) {
        tracing::warn!(%error, "the window keeps the system's background");
    }
}

pub(crate) fn to_front<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window("main") {
        bring_up(&window);
    }
}

/// Shows the window, and puts it before the browser.
pub(crate) fn bring_up<R: Runtime>(window: &WebviewWindow<R>) {
    for result in [window.unminimize(), window.show(), window.set_focus()] {
        if let Err(error) = result {
            tracing::warn!(%error, "the window does not come to the front");
        }
    }
}
