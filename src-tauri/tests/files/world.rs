//! An app, its window, and the far side.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cognito_aws::SharedConfig;
use cognito_client::{MemoryStore, Profile, Session, SystemClock};
use cognito_emulator::{Bucket, Config, Emulator};
use keyfob_desktop::{
    Board, Clipboard, Keyfob, ProfileSource, SignInChoice, Surroundings, commands, context,
};
use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody, InvokeResponseBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder};
use url::Url;

use crate::test_log;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The channels of what the page watches, and of what it asks for.
const TRANSFERS: u32 = 101;
pub(crate) const DROPS: u32 = 102;
pub(crate) const ASKED: u32 = 103;
const PROGRESS: u32 = 104;

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) profile: Profile,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) opened: Arc<Mutex<Vec<Url>>>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) page: Page,
}

/// A clipboard that everybody may use.
#[derive(Clone, Default)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<String>>);

impl Board for Shared {
    fn put(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.0.lock().unwrap());
        Ok(())
    }

    fn holds(&mut self, secret: &str) -> bool {
        *self.0.lock().unwrap() == secret
    }

    fn empty(&mut self) {
        self.0.lock().unwrap().clear();
    }
}

/// An app and its window.
pub(crate) struct Page {
    pub(crate) keyfob: Arc<Keyfob>,
    pub(crate) window: WebviewWindow<MockRuntime>,
    /// What the channels have brought.
    pub(crate) told: Receiver<(u32, Value)>,
    /// Everything that has ever crossed to the page.
    pub(crate) crossed: Arc<Mutex<String>>,
    pub(crate) clipboard: Shared,
    _app: App<MockRuntime>,
}

impl World {
    pub(crate) async fn new() -> Self {
        test_log::start();
        let config = Config::demo().port(0).with_bucket(Bucket::new("plain"));
        let emulator = Emulator::start(config).await.unwrap();
        let url = emulator.url();
        let text = include_str!("../../../crates/cognito-client/src/local-demo.toml")
            .replace("http://127.0.0.1:9229", url.as_str().trim_end_matches('/'))
            .replace(
                "[endpoints]",
                "[[buckets]]\nbucket = \"plain\"\ntitle = \"Closed\"\n\n[endpoints]",
            );
        let profile: Profile = text.parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (store, opened) = (Arc::default(), Arc::default());
        let page = Page::open(&profile, &store, &opened, folder.path());
        let world = Self {
            emulator,
            profile,
            store,
            opened,
            folder,
            page,
        };
        world.sign_in().await;
        world.page.watch();
        world
    }

    pub(crate) async fn sign_in(&self) {
        let keyfob = &self.page.keyfob;
        keyfob.restored().await;
        keyfob.sign_in(SignInChoice::default()).await.unwrap();
        let url = self.opened.lock().unwrap().pop().unwrap();
        let callback = self
            .emulator
            .sign_in_with(url.as_str(), "alex", "Keyfob-demo-1")
            .await
            .unwrap();
        keyfob.open_link(&callback).await;
    }

    /// Quits the app and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.page = Page::open(&self.profile, &self.store, &self.opened, self.folder.path());
        self.page.keyfob.restored().await;
        self.page.watch();
    }

    /// A file of this computer.
    pub(crate) fn file(&self, name: &str, content: &str) -> std::path::PathBuf {
        let path = self.folder.path().join("desktop").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Nothing that crossed says where on this computer anything is, or holds a signature.
    pub(crate) fn assert_nothing_leaked(&self) {
        let crossed = self.page.crossed.lock().unwrap();
        let place = self.folder.path().to_string_lossy().into_owned();
        assert!(!crossed.contains(&place), "a path crossed to the page");
        assert!(!crossed.contains("X-Amz-"), "a link crossed to the page");
    }
}

impl Page {
    pub(crate) fn open(
        profile: &Profile,
        store: &Arc<MemoryStore>,
        opened: &Arc<Mutex<Vec<Url>>>,
        folder: &Path,
    ) -> Self {
        let (sender, told) = channel();
        let crossed: Arc<Mutex<String>> = Arc::default();
        let log = crossed.clone();
        let app = commands(mock_builder())
            .plugin(tauri_plugin_deep_link::init())
            .plugin(tauri_plugin_opener::init())
            .plugin(tauri_plugin_dialog::init())
            .channel_interceptor(move |_, CallbackFn(id), _, body| {
                let InvokeResponseBody::Json(json) = body else {
                    panic!("the page is told in JSON")
                };
                log.lock().unwrap().push_str(json);
                sender.send((id, serde_json::from_str(json).unwrap())).ok();
                true
            })
            .build(context())
            .unwrap();
        let (store, opened) = (store.clone(), opened.clone());
        let keyfob = Keyfob::new(
            ProfileSource::Only(Box::new(Ok(profile.clone()))),
            move |profile| Session::new(profile, store.clone()),
            move |url| {
                opened.lock().unwrap().push(url.clone());
                true
            },
        );
        let clipboard = Shared::default();
        let keyfob = keyfob.with_journals(folder.join("journals"));
        let keyfob = Arc::new(keyfob.within(Surroundings {
            place: None,
            programs_off: None,
            aws_files: SharedConfig::locate(Some(folder), |_| None),
            command: None,
            clipboard: Clipboard::new(clipboard.clone(), Arc::new(SystemClock)),
        }));
        app.manage(keyfob.clone());
        let window = WebviewWindowBuilder::new(&app, "main", WebviewUrl::default())
            .build()
            .unwrap();
        Self {
            keyfob,
            window,
            told,
            crossed,
            clipboard,
            _app: app,
        }
    }

    pub(crate) fn watch(&self) {
        for (command, id) in [("watch_transfers", TRANSFERS), ("watch_drops", DROPS)] {
            self.ask(command, json!({ "channel": format!("__CHANNEL__:{id}") }))
                .unwrap();
        }
    }

    pub(crate) fn ask(&self, command: &str, body: Value) -> Result<Value, Value> {
        let page = if cfg!(windows) {
            "http://tauri.localhost"
        } else {
            "tauri://localhost"
        };
        let request = InvokeRequest {
            cmd: command.into(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: page.parse().unwrap(),
            body: InvokeBody::Json(body),
            headers: tauri::http::HeaderMap::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        let answer = get_ipc_response(&self.window, request);
        let answer = answer.map(|body| body.deserialize::<Value>().unwrap());
        let (Ok(value) | Err(value)) = &answer;
        self.crossed.lock().unwrap().push_str(&value.to_string());
        answer
    }

    /// The next that a channel brings and is what is waited for.
    pub(crate) fn next(&self, channel: u32, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        loop {
            let told = self.told.recv_timeout(PATIENCE);
            let (id, value) = told.unwrap_or_else(|_| panic!("the last was {last}"));
            if id == channel && is_it(&value) {
                return value;
            }
            last = value;
        }
    }

    /// The paths that a listing gives.
    pub(crate) fn list(&self, folder: usize, path: &str, words: Option<&str>) -> Vec<String> {
        let channel = format!("__CHANNEL__:{ASKED}");
        let body = json!({ "folder": folder, "path": path, "words": words, "channel": channel });
        let listed = self.ask("list_files", body).unwrap();
        assert_eq!(listed["complete"], true, "{listed}");
        // All of it was told before the answer.
        let told = self.told.try_iter().filter(|(id, _)| *id == ASKED);
        let pages: Vec<_> = told.collect();
        assert_eq!(listed["pages"], pages.len());
        let pages = pages.into_iter();
        pages
            .flat_map(|(_, page)| page["files"].as_array().unwrap().clone())
            .map(|file| file["path"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until all transfers are as they should be, the newest last.
    pub(crate) fn transfers(&self, states: &[&str]) -> Vec<Value> {
        let told = self.next(TRANSFERS, |all| {
            let all = all.as_array().unwrap().iter();
            let all: Vec<_> = all
                .map(|it| it["state"]["kind"].as_str().unwrap())
                .collect();
            all == states
        });
        told.as_array().unwrap().clone()
    }

    pub(crate) async fn drop_into(&self, folder: usize, path: &str, files: &[&Path]) {
        let target = json!({ "target": { "kind": "files", "folder": folder, "path": path } });
        self.ask("accept_drops", target).unwrap();
        let files = files.iter().map(|file| file.to_path_buf()).collect();
        self.keyfob.dropped(files).await;
    }
}

pub(crate) fn changing(body: Value) -> Value {
    let mut body = body;
    body["channel"] = json!(format!("__CHANNEL__:{PROGRESS}"));
    body
}
