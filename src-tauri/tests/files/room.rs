//! What is listed, changed and transferred.

use cognito_emulator::{Endpoint, Fault};
use keyfob_desktop::SignOutScope;
use serde_json::{Value, json};
use url::Url;

use crate::world::{ASKED, DROPS, World, changing};

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
    let folder = page.keyfob.s3_folder(0).await.unwrap();
    let begun = folder
        .download(&paths, &into, keyfob_desktop::Conflict::Ask)
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
    let chosen_before = world.page.keyfob.s3_folder(0).await.unwrap();
    world
        .page
        .keyfob
        .sign_out(SignOutScope::Device)
        .await
        .unwrap();
    world.page.transfers(&[]);
    let late = chosen_before.upload("", &[file]).await.unwrap_err();
    assert_eq!(late.code, keyfob_desktop::ErrorCode::SignInRequired);
    let list = json!({ "folder": 0, "path": "", "words": null, "channel": format!("__CHANNEL__:{ASKED}") });
    let refused = world.page.ask("list_files", list).unwrap_err();
    assert_eq!(refused["code"], "SignInRequired", "{refused}");
    world.assert_nothing_leaked();
}
