//! The desktop app: one window over one [`Session`](cognito_client::Session).
//!
//! The only Rust that knows Tauri. What the app does is in [`Keyfob`], which does not; here are the
//! commands, the deep link and the window. For the protocol itself see `cognito-client`.

// The SDK's futures are nested deeply.
#![recursion_limit = "256"]

mod act;
mod clipboard;
mod commands;
mod drag;
mod keyfob;
mod notice;
mod profile;
mod surroundings;
mod tray;
mod view;
mod window;

use std::sync::Arc;
use std::time::Duration;

use cognito_client::{KeyringStore, Session};
use tauri::{AppHandle, DragDropEvent, Manager, RunEvent, Runtime, WindowEvent};
use tauri_plugin_deep_link::DeepLinkExt;
use tauri_plugin_opener::OpenerExt;
use url::Url;

use tray::Tray;
use window::{Painted, to_front, wear_the_page};

pub use clipboard::{Board, Clipboard};
pub use commands::commands;
pub use keyfob::{Keyfob, Surroundings};
pub use profile::ProfileSource;
pub use view::{
    AccessView, ApiAnswerView, AppView, AwsConfigView, AwsIdentityView, CommandError,
    ConfigLineView, CopiedView, CredentialsFormat, ErrorCode, FunctionInvocation,
    FunctionOutcomeView, FunctionView, HandingOutView, InvocationType, Origin, OutcomeView,
    ProfileEntryView, ProfilePreviewView, ProfileSource as ProfileChoice, ProfileView, ProgramView,
    RolesView, Route, SessionView, SignInChoice, SignOutScope, SignOutView, Stage, StateView,
    UserView,
};
pub use view::{
    Conflict, DeletedView, DropTarget, DropView, FileFolderView, FilePreviewView, FileView,
    FilesPageView, ListedView, ProgressView, TransferProblemView, TransferStateView, TransferView,
    Way,
};

/// The app's name towards the system: its identifier, its URL scheme, its items in the keychain.
const IDENTIFIER: &str = "dev.keyfob.desktop";

/// How long the page may take to paint before the window is shown without it.
const PAINT_PATIENCE: Duration = Duration::from_secs(5);

/// The configuration, permissions and web UI compiled into the app.
pub fn context<R: Runtime>() -> tauri::Context<R> {
    tauri::generate_context!()
}

/// Runs the app until its window is closed.
///
/// # Panics
/// When the system offers no window or web view.
pub fn run() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("KEYFOB_LOG"))
        .init();
    commands(tauri::Builder::default())
        // First, because it must end a second process before anything else happens in it.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            to_front(app);
        }))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_dialog::init())
        .setup(|app| {
            set_up(app.handle());
            Ok(())
        })
        .on_window_event(|window, event| match event {
            WindowEvent::CloseRequested { api, .. } => tray::close(window, api),
            WindowEvent::Focused(true) => came_back(window.app_handle()),
            WindowEvent::DragDrop(event) => dragged(window.app_handle(), event),
            _ => {}
        })
        .build(context())
        .expect("the app needs a display and a web view to run")
        .run(|app, event| {
            if let (RunEvent::Exit, Some(keyfob)) = (event, app.try_state::<Arc<Keyfob>>()) {
                keyfob.clear_clipboard();
            }
        });
}

fn set_up(app: &AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        wear_the_page(&window);
    }
    app.manage(Painted::default());
    app.manage(Tray::default());
    let opener = app.clone();
    let store = Arc::new(KeyringStore::new(IDENTIFIER));
    let keyfob = Keyfob::new(
        ProfileSource::of_app(),
        move |profile| Session::new(profile, store.clone()),
        move |url| opener.opener().open_url(url.as_str(), None::<&str>).is_ok(),
    );
    // Not among what is copied from one computer to another.
    let data = app.path().app_local_data_dir().unwrap_or_default();
    let keyfob = keyfob.with_journals(data.join("transfers"));
    let keyfob = Arc::new(keyfob.within(surroundings::of_app(app)));
    app.manage(keyfob.clone());

    // The URL the app was started with: its event came before anybody could listen.
    let started_with = app
        .deep_link()
        .get_current()
        .ok()
        .flatten()
        .unwrap_or_default();
    let (handle, receiver) = (app.clone(), keyfob.clone());
    app.deep_link()
        .on_open_url(move |event| receive(&handle, &receiver, event.urls()));
    receive(app, &keyfob, started_with);

    let (handle, registered) = (app.clone(), keyfob.clone());
    tauri::async_runtime::spawn(async move {
        let painted = handle.state::<Painted>();
        if tokio::time::timeout(PAINT_PATIENCE, painted.over())
            .await
            .is_err()
        {
            tracing::warn!("the page has not painted in time");
            to_front(&handle);
        }
        // Not before: these run programs and talk to others, which would take the processor from the page.
        register_scheme(handle.clone(), registered.clone());
        follow_sign_ins(&handle, &registered);
        notice::follow(&handle, &registered);
        registered.answer_programs_as_before();
        notice::follow_programs(&handle, &registered);
        tray::appear(&handle, &registered).await;
    });
    tauri::async_runtime::spawn(async move { keyfob.restored().await });
}

/// The person is back: what has happened meanwhile is looked for now, the tray included.
fn came_back(app: &AppHandle) {
    let (app, keyfob) = (app.clone(), app.state::<Arc<Keyfob>>().inner().clone());
    tauri::async_runtime::spawn(async move {
        if app.state::<Painted>().is_over() {
            tray::appear(&app, &keyfob).await;
            keyfob.wake().await;
        }
    });
}

/// What is dragged and dropped: the paths stay here.
fn dragged(app: &AppHandle, event: &DragDropEvent) {
    let keyfob = app.state::<Arc<Keyfob>>().inner().clone();
    match event {
        DragDropEvent::Enter { paths, .. } => keyfob.dragged(paths),
        DragDropEvent::Leave => keyfob.dragged(&[]),
        DragDropEvent::Drop { paths, .. } => {
            let paths = paths.clone();
            tauri::async_runtime::spawn(async move { keyfob.dropped(paths).await });
        }
        _ => {}
    }
}

/// Brings the window up when somebody has signed in by a route that does not open the app itself.
fn follow_sign_ins(app: &AppHandle, keyfob: &Arc<Keyfob>) {
    let app = app.clone();
    let mut before = StateView::Restoring;
    keyfob.follow(move |view| {
        let after = view.session.state;
        if let (StateView::SigningIn { .. }, StateView::SignedIn { .. }) = (&before, &after) {
            to_front(&app);
        }
        before = after;
        true
    });
}

/// What an installer does, done again: for AppImages, and for builds that were moved.
fn register_scheme(app: AppHandle, keyfob: Arc<Keyfob>) {
    if cfg!(any(target_os = "linux", windows)) {
        tauri::async_runtime::spawn_blocking(move || {
            if let Err(error) = app.deep_link().register_all() {
                tracing::warn!(%error, "the URL scheme is not registered");
                keyfob.scheme_is_registered(false);
            }
        });
    }
}

/// Hands the URLs to Rust, in order, and to nobody else: no web view may listen for them.
fn receive(app: &AppHandle, keyfob: &Arc<Keyfob>, urls: Vec<Url>) {
    if urls.is_empty() {
        return;
    }
    let (app, keyfob) = (app.clone(), keyfob.clone());
    tauri::async_runtime::spawn(async move {
        for url in urls {
            keyfob.open_link(&url).await;
        }
        to_front(&app);
    });
}
