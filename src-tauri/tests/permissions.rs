//! The one window may call our own commands, and that is all: refused are commands of Tauri and its
//! plugins, commands nobody listed, other windows, and pages from elsewhere. No display is needed.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use cognito_client::{MemoryStore, Profile, Session};
use keyfob_desktop::{Keyfob, ProfileSource, commands, context};
use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

fn app() -> App<MockRuntime> {
    let app = commands(mock_builder())
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_dialog::init())
        .build(context())
        .unwrap();
    let store = Arc::new(MemoryStore::new());
    let keyfob = Keyfob::new(
        ProfileSource::Only(Box::new(Ok(Profile::local_demo()))),
        move |profile| Session::new(profile, store.clone()),
        |_| true,
    );
    app.manage(Arc::new(keyfob));
    app
}

fn main_window(app: &App<MockRuntime>) -> WebviewWindow<MockRuntime> {
    WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
        .build()
        .unwrap()
}

fn invoke(
    window: &WebviewWindow<MockRuntime>,
    command: &str,
    body: Value,
    page: &str,
) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: page.parse().unwrap(),
        body: InvokeBody::Json(body),
        headers: tauri::http::HeaderMap::default(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().unwrap())
}

const OURS: &str = if cfg!(windows) {
    "http://tauri.localhost"
} else {
    "tauri://localhost"
};

fn refused(answer: &Result<Value, Value>) -> bool {
    matches!(answer, Err(Value::String(reason)) if reason.contains("not allowed"))
}

#[test]
fn the_window_may_call_our_commands() {
    let app = app();
    let window = main_window(&app);
    assert_eq!(
        invoke(&window, "dismiss_problem", json!({}), OURS),
        Ok(Value::Null)
    );
    assert_eq!(
        invoke(&window, "stop_waiting", json!({ "run": 1 }), OURS),
        Ok(Value::Null)
    );
    // Nobody is signed in: the command ran, and said so itself.
    for (command, body) in [
        ("call_api", json!({})),
        ("aws_identity", json!({})),
        (
            "invoke_function",
            json!({ "invocation": { "run": 1, "name": "hello", "payload": "{}", "type": "requestResponse" } }),
        ),
    ] {
        let answer = invoke(&window, command, body, OURS).unwrap_err();
        assert_eq!(answer["code"], "SignInRequired", "{command}: {answer}");
    }
}

/// With one profile file that was named, no command may change which profiles there are, and each says so
/// itself: it ran.
#[test]
fn the_window_may_ask_for_profiles() {
    let app = app();
    let window = main_window(&app);
    let text = include_str!("../../crates/cognito-client/src/local-demo.toml");
    let preview = json!({ "source": { "kind": "text", "text": text } });
    let answer = invoke(&window, "preview_profile", preview, OURS).unwrap();
    assert_eq!(
        (&answer["name"], &answer["replaces"]),
        (&json!("Local demo"), &json!(true))
    );
    let switch = json!({ "name": "Local demo" });
    assert_eq!(
        invoke(&window, "switch_profile", switch, OURS),
        Ok(Value::Null)
    );
    for (command, body) in [
        ("add_profile", json!({ "text": text, "replace": true })),
        (
            "rename_profile",
            json!({ "name": "Local demo", "newName": "Mine" }),
        ),
        ("remove_profile", json!({ "name": "Local demo" })),
    ] {
        let answer = invoke(&window, command, body, OURS).unwrap_err();
        assert_eq!(answer["code"], "NotAllowed", "{command}: {answer}");
    }
    let nonsense = json!({ "source": { "kind": "file", "path": "/etc/passwd" } });
    assert!(invoke(&window, "preview_profile", nonsense, OURS).is_err());
}

/// Everything the window may ask for; what is added to one list must be added to the other.
const COMMANDS: [&str; 48] = [
    "watch",
    "ready",
    "sign_in",
    "complete_sign_in",
    "cancel_sign_in",
    "dismiss_problem",
    "retry",
    "sign_out",
    "call_api",
    "aws_identity",
    "list_functions",
    "invoke_function",
    "stop_waiting",
    "watch_access",
    "answer_programs",
    "aws_roles",
    "choose_role",
    "copy_credentials",
    "plan_aws_config",
    "apply_aws_config",
    "switch_profile",
    "preview_profile",
    "add_profile",
    "rename_profile",
    "remove_profile",
    "file_folders",
    "list_files",
    "create_folder",
    "rename_file",
    "keeps_versions",
    "delete_files",
    "stop_changes",
    "undo_delete",
    "preview_file",
    "share_file",
    "upload_files",
    "download_files",
    "fetch_to_drag",
    "drag_out",
    "watch_transfers",
    "pause_transfer",
    "resume_transfer",
    "cancel_transfer",
    "answer_transfer",
    "clear_transfers",
    "show_transfer",
    "watch_drops",
    "accept_drops",
];

#[test]
fn a_second_window_is_refused() {
    let app = app();
    let other = WebviewWindowBuilder::new(&app, "other", WebviewUrl::default())
        .build()
        .unwrap();
    for command in COMMANDS {
        let answer = invoke(&other, command, json!({}), OURS);
        assert!(refused(&answer), "{command}: {answer:?}");
    }
}

#[test]
fn a_page_from_elsewhere_is_refused() {
    let app = app();
    let window = main_window(&app);
    for page in ["https://example.com", "http://127.0.0.1:9229/login"] {
        for command in COMMANDS {
            let answer = invoke(&window, command, json!({}), page);
            assert!(refused(&answer), "{command} from {page}: {answer:?}");
        }
    }
}

#[test]
fn what_is_not_listed_is_refused() {
    let app = app();
    let window = main_window(&app);
    for command in [
        "no_such_command",
        "plugin:opener|open_url",
        "plugin:deep-link|get_current",
        "plugin:event|listen",
        "plugin:event|emit",
        "plugin:window|close",
        "plugin:webview|create_webview_window",
        "plugin:app|version",
        "plugin:path|resolve_directory",
        "plugin:resources|close",
        "plugin:tray|new",
        "plugin:tray|set_icon",
        "plugin:menu|new",
        "plugin:dialog|open",
        "plugin:dialog|save",
        "plugin:dialog|message",
        "plugin:opener|open_path",
    ] {
        let body = json!({ "url": "https://example.com", "event": "deep-link://new-url", "handler": 1, "target": { "kind": "Any" } });
        let answer = invoke(&window, command, body, OURS);
        assert!(refused(&answer), "{command}: {answer:?}");
    }
}

#[test]
fn the_content_security_policy_lets_nothing_in() {
    let context = context::<MockRuntime>();
    let policy = context
        .config()
        .app
        .security
        .csp
        .clone()
        .unwrap()
        .to_string();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for hole in ["unsafe", "*", "http:;", "https:", "eval"] {
        assert!(!policy.contains(hole), "{hole}: {policy}");
    }
    assert!(!context.config().app.with_global_tauri);
}
