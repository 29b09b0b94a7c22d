//! The Files room as the page has it: every command through the real IPC and its permissions, the app below it and
//! the far side real. No display is needed.

#![recursion_limit = "256"]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cognito_aws::SharedConfig;
use cognito_client::{MemoryStore, Profile, Session, SystemClock};
use cognito_emulator::{Bucket, Config, Emulator, Endpoint, Fault};
use keyfob_desktop::{
    Board, Clipboard, Keyfob, ProfileSource, SignInChoice, SignOutScope, Surroundings, commands,
    context,
};
use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody, InvokeResponseBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder};
use url::Url;
use zeroize::Zeroizing;

#[path = "../../crates/test_log.rs"]
mod test_log;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The channels of what the page watches, and of what it asks for.
const TRANSFERS: u32 = 101;
const DROPS: u32 = 102;
const ASKED: u32 = 103;
const PROGRESS: u32 = 104;

struct World {
    emulator: Emulator,
    profile: Profile,
    store: Arc<MemoryStore>,
    opened: Arc<Mutex<Vec<Url>>>,
    folder: tempfile::TempDir,
    page: Page,
}

/// A clipboard that everybody may use.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<String>>);

impl Board for Shared {
    fn put(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.0.lock().unwrap());
        Ok(())
    }

    fn text(&mut self) -> Option<Zeroizing<String>> {
        Some(self.0.lock().unwrap().clone().into())
    }

    fn empty(&mut self) {
        self.0.lock().unwrap().clear();
    }
}

/// An app and its window.
struct Page {
    keyfob: Arc<Keyfob>,
    window: WebviewWindow<MockRuntime>,
    /// What the channels have brought.
    told: Receiver<(u32, Value)>,
    /// Everything that has ever crossed to the page.
    crossed: Arc<Mutex<String>>,
    clipboard: Shared,
    _app: App<MockRuntime>,
}

impl World {
    async fn new() -> Self {
        test_log::start();
        let config = Config::demo().port(0).with_bucket(Bucket::new("plain"));
        let emulator = Emulator::start(config).await.unwrap();
        let url = emulator.url();
        let text = include_str!("../../crates/cognito-client/src/local-demo.toml")
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

    async fn sign_in(&self) {
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
    async fn restart(&mut self) {
        self.page = Page::open(&self.profile, &self.store, &self.opened, self.folder.path());
        self.page.keyfob.restored().await;
        self.page.watch();
    }

    /// A file of this computer.
    fn file(&self, name: &str, content: &str) -> std::path::PathBuf {
        let path = self.folder.path().join("desktop").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Nothing that crossed says where on this computer anything is, or holds a signature.
    fn assert_nothing_leaked(&self) {
        let crossed = self.page.crossed.lock().unwrap();
        let place = self.folder.path().to_string_lossy().into_owned();
        assert!(!crossed.contains(&place), "a path crossed to the page");
        assert!(!crossed.contains("X-Amz-"), "a link crossed to the page");
    }
}

impl Page {
    fn open(
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

    fn watch(&self) {
        for (command, id) in [("watch_transfers", TRANSFERS), ("watch_drops", DROPS)] {
            self.ask(command, json!({ "channel": format!("__CHANNEL__:{id}") }))
                .unwrap();
        }
    }

    fn ask(&self, command: &str, body: Value) -> Result<Value, Value> {
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
    fn next(&self, channel: u32, is_it: impl Fn(&Value) -> bool) -> Value {
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
    fn list(&self, folder: usize, path: &str, words: Option<&str>) -> Vec<String> {
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
    fn transfers(&self, states: &[&str]) -> Vec<Value> {
        let told = self.next(TRANSFERS, |all| {
            let all = all.as_array().unwrap().iter();
            let all: Vec<_> = all
                .map(|it| it["state"]["kind"].as_str().unwrap())
                .collect();
            all == states
        });
        told.as_array().unwrap().clone()
    }

    async fn drop_into(&self, folder: usize, path: &str, files: &[&Path]) {
        let target = json!({ "target": { "kind": "files", "folder": folder, "path": path } });
        self.ask("accept_drops", target).unwrap();
        let files = files.iter().map(|file| file.to_path_buf()).collect();
        self.keyfob.dropped(files).await;
    }
}

fn changing(body: Value) -> Value {
    let mut body = body;
    body["channel"] = json!(format!("__CHANNEL__:{PROGRESS}"));
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_drop_to_a_link_and_back_again() {
    let world = World::new().await;
    let page = &world.page;
    let folders = page.ask("file_folders", json!({})).unwrap();
    let titles: Vec<_> = folders
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["title"])
        .collect();
    assert_eq!(titles, ["Your files", "Shared files", "Closed"]);
    assert_eq!(page.list(1, "", None), ["Welcome.txt", "pictures/"]);

    // A file and a folder, dragged over the window and dropped.
    let notes = world.file("notes.txt", "Call the landlord.");
    world.file("photos/cat.txt", "meow");
    page.ask(
        "accept_drops",
        json!({ "target": { "kind": "files", "folder": 0, "path": "" } }),
    )
    .unwrap();
    page.keyfob.dragged(std::slice::from_ref(&notes));
    page.next(DROPS, |drop| drop["kind"] == "over");
    let photos = notes.with_file_name("photos");
    page.drop_into(0, "", &[&notes, &photos]).await;
    page.next(DROPS, |drop| {
        *drop == json!({ "kind": "uploading", "count": 2 })
    });
    page.transfers(&["done", "done"]);
    assert_eq!(page.list(0, "", None), ["notes.txt", "photos/"]);
    assert_eq!(page.list(0, "", Some("CAT")), ["photos/cat.txt"]);

    // Another file of that name: it is asked, and both are kept.
    let notes = world.file("notes.txt", "Call the landlord again.");
    page.drop_into(0, "", &[&notes]).await;
    let asking = page.transfers(&["done", "done", "asking"]).pop().unwrap();
    assert_eq!(asking["name"], "notes.txt");
    let answer = json!({ "id": asking["id"], "conflict": "keepBoth" });
    page.ask("answer_transfer", answer).unwrap();
    page.transfers(&["done", "done", "done"]);
    page.ask("clear_transfers", json!({})).unwrap();
    page.transfers(&[]);
    assert_eq!(
        page.list(0, "", None),
        ["notes (2).txt", "notes.txt", "photos/"]
    );

    let preview = page.ask("preview_file", json!({ "folder": 0, "path": "notes.txt" }));
    let text = json!({ "kind": "text", "text": "Call the landlord.", "complete": true });
    assert_eq!(preview, Ok(text));
    let picture = json!({ "folder": 1, "path": "pictures/Colours.png" });
    let picture = page.ask("preview_file", picture).unwrap();
    let url = picture["url"].as_str().unwrap();
    assert!(url.starts_with("data:image/png;base64,"), "{url}");

    let create = json!({ "folder": 0, "path": "Contracts/" });
    page.ask("create_folder", create.clone()).unwrap();
    assert_eq!(
        page.ask("create_folder", create).unwrap_err()["code"],
        "Exists"
    );
    let rename = |from: &str, to: &str, conflict: &str| {
        let body = json!({ "folder": 0, "from": from, "to": to, "conflict": conflict });
        page.ask("rename_file", changing(body))
    };
    let taken = rename("notes (2).txt", "notes.txt", "ask").unwrap_err();
    assert_eq!(taken["code"], "Exists", "{taken}");
    let renamed = rename("notes (2).txt", "notes.txt", "keepBoth");
    assert_eq!(renamed, Ok(json!("notes (3).txt")));
    let moved = rename("notes (3).txt", "Contracts/lease.txt", "ask");
    assert_eq!(moved, Ok(json!("Contracts/lease.txt")));

    // Deleted, with all that is in it, and had back.
    assert_eq!(
        page.ask("keeps_versions", json!({ "folder": 0 })),
        Ok(json!(true))
    );
    let body = json!({ "folder": 0, "paths": ["Contracts/", "notes.txt"] });
    let deleted = page.ask("delete_files", changing(body)).unwrap();
    assert_eq!(deleted["objects"], 3, "{deleted}");
    assert_eq!(page.list(0, "", None), ["photos/"]);
    let undo = json!({ "undo": deleted["undo"] });
    page.ask("undo_delete", undo.clone()).unwrap();
    assert_eq!(
        page.list(0, "", None),
        ["Contracts/", "notes.txt", "photos/"]
    );
    assert_eq!(page.list(0, "Contracts/", None), ["Contracts/lease.txt"]);
    // Once only.
    assert_eq!(page.ask("undo_delete", undo).unwrap_err()["code"], "File");

    // S3 does one of two, and says no to the other: what is gone is told with the reason, and can be had back.
    let refused = |paths: Value| {
        let body = json!({ "folder": 0, "paths": paths });
        page.ask("delete_files", changing(body))
    };
    let no = Fault::Xml {
        status: 403,
        code: "AccessDenied".into(),
        message: "no".into(),
    };
    world.emulator.fail_next(Endpoint::DeleteObject, no.clone());
    let half = refused(json!(["notes.txt", "\u{1}"])).unwrap();
    assert_eq!(half["objects"], 1, "{half}");
    assert_eq!(half["problem"]["code"], "NotAllowed", "{half}");
    page.ask("undo_delete", json!({ "undo": half["undo"] }))
        .unwrap();
    assert!(page.list(0, "", None).contains(&"notes.txt".to_owned()));
    world.emulator.fail_next(Endpoint::DeleteObjects, no);
    let nothing = refused(json!(["notes.txt"])).unwrap_err();
    assert_eq!(nothing["code"], "NotAllowed", "{nothing}");

    // The clipboard has the link, and the page knows when it dies.
    let share = json!({ "folder": 0, "path": "notes.txt" });
    assert!(page.ask("share_file", share).unwrap().is_u64());
    let link: Url = page.clipboard.0.lock().unwrap().parse().unwrap();
    assert!(link.path().ends_with("/notes.txt"), "{}", link.path());
    assert!(link.as_str().contains("X-Amz-Signature"));

    let into = world.folder.path().join("downloads");
    std::fs::create_dir(&into).unwrap();
    let paths = ["photos/".to_owned(), "notes.txt".to_owned()];
    let begun = page
        .keyfob
        .download(0, &paths, &into, keyfob_desktop::Conflict::Ask)
        .await;
    assert_eq!(begun, Ok(2));
    let done = page.transfers(&["done", "done"]);
    assert_eq!(
        (&done[0]["name"], &done[0]["to"]),
        (&json!("photos"), &json!("downloads"))
    );
    let cat = std::fs::read_to_string(into.join("photos/cat.txt")).unwrap();
    assert_eq!(cat, "meow");
    world.assert_nothing_leaked();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_profiles_folders_can_be_named() {
    let world = World::new().await;
    let page = &world.page;
    let channel = json!(format!("__CHANNEL__:{ASKED}"));
    // A folder the profile does not list.
    for (command, body) in [
        ("list_files", json!({ "path": "", "words": null })),
        ("create_folder", json!({ "path": "a/" })),
        (
            "rename_file",
            json!({ "from": "a", "to": "b", "conflict": "ask" }),
        ),
        ("keeps_versions", json!({})),
        ("delete_files", json!({ "paths": ["a"] })),
        ("preview_file", json!({ "path": "a" })),
        ("share_file", json!({ "path": "a" })),
    ] {
        let mut body = body;
        body["channel"] = channel.clone();
        for folder in [3, 99] {
            body["folder"] = json!(folder);
            let refused = page.ask(command, body.clone()).unwrap_err();
            assert_eq!(refused["code"], "NotAllowed", "{command}: {refused}");
            assert!(
                refused["message"]
                    .as_str()
                    .unwrap()
                    .contains("does not list")
            );
        }
        // No folder at all is not even a question.
        body["folder"] = json!(-1);
        assert!(
            page.ask(command, body).unwrap_err().is_string(),
            "{command}"
        );
    }
    // The folder itself, and ways out of it.
    for (command, body) in [
        ("create_folder", json!({ "path": "" })),
        ("create_folder", json!({ "path": "../bob/" })),
        (
            "rename_file",
            json!({ "from": "", "to": "b", "conflict": "ask" }),
        ),
        (
            "rename_file",
            json!({ "from": "a", "to": "../../b", "conflict": "ask" }),
        ),
        ("delete_files", json!({ "paths": ["a", ""] })),
        ("delete_files", json!({ "paths": ["/"] })),
        (
            "preview_file",
            json!({ "path": "../../shared/Welcome.txt" }),
        ),
        ("share_file", json!({ "path": "../../shared/Welcome.txt" })),
    ] {
        let mut body = body;
        body["channel"] = channel.clone();
        body["folder"] = json!(0);
        let refused = page.ask(command, body).unwrap_err();
        let code = refused["code"].as_str().unwrap();
        assert!(
            ["NotAllowed", "File"].contains(&code),
            "{command}: {refused}"
        );
    }
    assert_eq!(page.list(1, "", None), ["Welcome.txt", "pictures/"]);

    // A folder that the role may not see: what is missing, and who can give it.
    let list = json!({ "folder": 2, "path": "", "words": null, "channel": channel });
    let refused = page.ask("list_files", list).unwrap_err();
    assert_eq!(refused["code"], "NotAllowed", "{refused}");
    let remedy = refused["remedy"].as_str().unwrap();
    for words in [
        "administrator",
        "s3:ListBucket",
        "plain",
        "role/KeyfobDemoAuthenticated",
    ] {
        assert!(remedy.contains(words), "{remedy}");
    }
    // Where nobody may ask, nobody can say.
    assert_eq!(
        page.ask("keeps_versions", json!({ "folder": 2 })),
        Ok(Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_goes_where_the_page_says_and_else_nowhere() {
    let world = World::new().await;
    let page = &world.page;
    let file = world.file("northwind.toml", "name = \"Northwind\"");
    // Nobody has said where to.
    page.keyfob.dropped(vec![file.clone()]).await;
    page.ask("accept_drops", json!({ "target": { "kind": "profile" } }))
        .unwrap();
    page.keyfob.dropped(vec![file.clone()]).await;
    let read = page.next(DROPS, |drop| drop["kind"] != "left");
    let text = "name = \"Northwind\"";
    assert_eq!(
        read,
        json!({ "kind": "profile", "name": "northwind.toml", "text": text })
    );
    // What is not there, into a folder that is none, and outside.
    page.drop_into(0, "", &[&file.with_file_name("gone")]).await;
    let refused = page.next(DROPS, |drop| drop["kind"] != "left");
    assert_eq!(refused["error"]["code"], "File", "{refused}");
    for (folder, path) in [(0, "no-folder"), (99, ""), (0, "../")] {
        page.drop_into(folder, path, &[&file]).await;
        let refused = page.next(DROPS, |drop| drop["kind"] != "left");
        assert_eq!(refused["kind"], "refused", "{path}: {refused}");
    }
    let nonsense = json!({ "target": { "kind": "folder", "path": "/etc" } });
    assert!(page.ask("accept_drops", nonsense).unwrap_err().is_string());
    assert_eq!(page.list(0, "", None), [""; 0]);
    world.assert_nothing_leaked();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_taken_up_after_a_restart_and_ends_with_the_sign_out() {
    let mut world = World::new().await;
    let file = world.file("report.txt", "figures");
    world.emulator.fail_next(Endpoint::PutObject, Fault::Stall);
    world.page.drop_into(0, "", &[&file]).await;
    let running = world.page.transfers(&["running"]).pop().unwrap();
    let id = json!({ "id": running["id"] });
    world.page.ask("pause_transfer", id.clone()).unwrap();
    world.page.transfers(&["paused"]);
    world.restart().await;
    world.page.transfers(&["paused"]);
    assert_eq!(world.page.list(0, "", None), [""; 0]);
    // The pause may have come before the request.
    world.emulator.clear_faults();
    world.page.ask("resume_transfer", id).unwrap();
    world.page.transfers(&["done"]);
    assert_eq!(world.page.list(0, "", None), ["report.txt"]);

    // Whoever signs out takes their transfers along.
    world
        .page
        .keyfob
        .sign_out(SignOutScope::Device)
        .await
        .unwrap();
    world.page.transfers(&[]);
    let list = json!({ "folder": 0, "path": "", "words": null, "channel": format!("__CHANNEL__:{ASKED}") });
    let refused = world.page.ask("list_files", list).unwrap_err();
    assert_eq!(refused["code"], "SignInRequired", "{refused}");
    world.assert_nothing_leaked();
}

/// A file as a listing has it.
fn listed(path: &str, size: u64) -> Value {
    json!({ "path": path, "size": size, "modified": null, "archived": false })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dragged_out_is_downloaded_first() {
    let world = World::new().await;
    let page = &world.page;
    let notes = world.file("50% of #1 ü.txt", "Call the landlord.");
    world.file("photos/cat.txt", "meow");
    let photos = notes.with_file_name("photos");
    page.drop_into(0, "", &[&notes, &photos]).await;
    page.transfers(&["done", "done"]);
    page.ask("clear_transfers", json!({})).unwrap();

    let fetch = |files: &[Value]| {
        let number = page.ask("fetch_to_drag", json!({ "folder": 0, "files": files }));
        u32::try_from(number.unwrap().as_u64().unwrap()).unwrap()
    };
    let notes = listed("50% of #1 ü.txt", 18);
    let first = fetch(std::slice::from_ref(&notes));
    let paths = page.keyfob.to_drag(first).await.unwrap();
    let [path] = &paths[..] else {
        panic!("{paths:?}")
    };
    assert_eq!(path.file_name().unwrap(), "50% of #1 ü.txt");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "Call the landlord.");
    let done = page.transfers(&["done"]);
    assert_eq!(done[0]["to"], "drag and drop");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let place = path.parent().and_then(Path::parent).unwrap();
        let mode = std::fs::metadata(place).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others can look into it: {mode:o}");
    }

    // Let go of too early, or dropped on nobody: it is there. Once somebody has it, or it has changed, it is got anew.
    assert_eq!(fetch(std::slice::from_ref(&notes)), first);
    page.keyfob.dragged_out(first).await;
    let second = fetch(std::slice::from_ref(&notes));
    assert_ne!(second, first);
    assert_ne!(fetch(&[listed("50% of #1 ü.txt", 19)]), second);
    // Whoever took the first may still be reading it.
    assert!(path.exists());

    let several = fetch(&[listed("photos/", 0), notes]);
    let both = page.keyfob.to_drag(several).await.unwrap();
    let names: Vec<_> = both.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["50% of #1 ü.txt", "photos"]);
    let cat = std::fs::read_to_string(both[1].join("cat.txt"));
    assert_eq!(cat.unwrap(), "meow");

    // A folder is as it was when one last looked: nothing else tells that somebody has put something into it.
    let again = [listed("photos/", 0)];
    let before = fetch(&again);
    assert_eq!(fetch(&again), before);
    page.list(0, "", None);
    assert_ne!(fetch(&again), before);

    // Back into the window, it is no upload; with something else, only that is one.
    let other = world.file("other.txt", "other");
    page.ask(
        "accept_drops",
        json!({ "target": { "kind": "files", "folder": 1, "path": "" } }),
    )
    .unwrap();
    page.keyfob.dragged(&both);
    page.keyfob.dropped(both.clone()).await;
    page.keyfob.dragged(&[both[0].clone(), other.clone()]);
    assert_eq!(page.next(DROPS, |_| true)["kind"], "left");
    assert_eq!(page.next(DROPS, |_| true)["kind"], "left");
    assert_eq!(page.next(DROPS, |_| true)["kind"], "over");
    page.drop_into(0, "", &[&both[0], &both[1], &other]).await;
    page.next(DROPS, |drop| {
        *drop == json!({ "kind": "uploading", "count": 1 })
    });

    for (folder, path) in [(99, "a.txt"), (0, ""), (0, "/")] {
        let body = json!({ "folder": folder, "files": [listed(path, 1)] });
        let refused = page.ask("fetch_to_drag", body).unwrap_err();
        assert_eq!(refused["code"], "NotAllowed", "{path}: {refused}");
    }
    let gone = page.keyfob.to_drag(99).await.unwrap_err();
    assert!(gone.message.contains("gone"), "{}", gone.message);

    // It is not left behind.
    page.keyfob.sign_out(SignOutScope::Device).await.unwrap();
    page.transfers(&[]);
    assert!(!path.exists() && !both[0].exists(), "it is left behind");
    world.assert_nothing_leaked();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_dragged_after_all_leaves_nothing() {
    let mut world = World::new().await;
    let page = &world.page;
    let fetch = |path: &str| {
        let files = vec![serde_json::from_value(listed(path, 1)).unwrap()];
        let keyfob = page.keyfob.clone();
        tokio::spawn(async move { keyfob.fetch_to_drag(1, files).await })
    };
    // It is not there any more: the transfers say so, and it can be tried again.
    assert_eq!(fetch("gone.txt").await.unwrap(), Ok(None));
    let failed = page.transfers(&["failed"]).pop().unwrap();
    assert_eq!(fetch("gone.txt").await.unwrap(), Ok(None));
    let id = json!({ "id": failed["id"] });
    page.ask("cancel_transfer", id).unwrap();
    page.transfers(&[]);

    // Cancelled on its way.
    world.emulator.fail_next(Endpoint::GetObject, Fault::Stall);
    let waiting = fetch("Welcome.txt");
    let running = page.transfers(&["running"]).pop().unwrap();
    page.ask("cancel_transfer", json!({ "id": running["id"] }))
        .unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(None));
    page.transfers(&[]);

    // The app is quit on the way: the next run neither goes on with it nor tells of it.
    world.emulator.clear_faults();
    world.emulator.fail_next(Endpoint::GetObject, Fault::Stall);
    let waiting = fetch("Welcome.txt");
    page.transfers(&["running"]);
    waiting.abort();
    drop(waiting.await);
    world.restart().await;
    world.emulator.clear_faults();
    world.page.transfers(&[]);
    let left = world.folder.path().join("journals/dragged");
    assert!(!left.exists(), "it is left behind");
    // One that is not to be dragged is a transfer as ever, and the only one there is.
    let file = world.file("report.txt", "figures");
    world.page.drop_into(0, "", &[&file]).await;
    world.page.transfers(&["done"]);
    world.assert_nothing_leaked();
}
