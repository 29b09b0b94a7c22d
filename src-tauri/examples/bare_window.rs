//! The least a Tauri app can be: what `cargo xtask bench startup` measures Keyfob against.
//!
//! Its page does what Keyfob's does at its start, and nothing else: two frames after it is there, it
//! tells Rust, which shows the window.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands commands their arguments by value"
)]

use tauri::{Builder, Runtime, WebviewWindow};

#[tauri::command]
fn ready<R: Runtime>(window: WebviewWindow<R>) -> tauri::Result<()> {
    eprintln!("the page is painted");
    window.show()
}

fn main() {
    Builder::default()
        .invoke_handler(tauri::generate_handler![ready])
        .run(tauri::generate_context!(
            "src-tauri/examples/bare-window/tauri.conf.json"
        ))
        .expect("the window needs a display and a web view");
}
