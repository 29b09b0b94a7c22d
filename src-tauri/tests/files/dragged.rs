//! What is dragged out of the window.

use std::path::Path;

use cognito_emulator::{Endpoint, Fault};
use keyfob_desktop::SignOutScope;
use serde_json::{Value, json};

use crate::world::{DROPS, World};

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
