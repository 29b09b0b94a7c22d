//! Looking at folders and files.

use std::time::Duration;

use cognito_aws::{EntryKind, Error, FileError, Folder, Preview};
use cognito_emulator::{Endpoint, Fault};

use crate::common::{HOUR, MINUTE};
use crate::room::{MIB, Room, noise};

async fn level(room: &Room, folder: &Folder, path: &str) -> Vec<String> {
    let mut listing = room.files.list(folder, path);
    let mut paths = Vec::new();
    while let Some(page) = listing.next().await.unwrap() {
        paths.extend(page.entries.into_iter().map(|entry| entry.path));
    }
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profiles_folders_are_the_persons() {
    let room = Room::new().await;
    let caller = room.stage.aws.caller_identity().await.unwrap();
    assert_eq!(room.own.title, "Your files");
    assert_eq!(room.own.prefix, format!("users/{}/", caller.identity_id));
    assert!(room.own.personal && !room.shared.personal);
    assert_eq!(
        (room.shared.prefix.as_str(), room.shared.region.as_str()),
        ("shared/", "us-east-1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_listed_one_level_at_a_time() {
    let room = Room::new().await;
    let names = [
        "ä b+c%41.txt",
        "docs/deep/er.txt",
        "docs/x.txt",
        "line\nbreak",
        "tab\u{1}bell",
        "z 🌄",
    ];
    for name in names {
        room.put(name, name).await;
    }
    room.files.create_folder(&room.own, "empty").await.unwrap();
    assert_eq!(
        level(&room, &room.own, "").await,
        [
            "docs/",
            "empty/",
            "line\nbreak",
            "tab\u{1}bell",
            "z 🌄",
            "ä b+c%41.txt"
        ]
    );
    assert_eq!(
        level(&room, &room.own, "docs/").await,
        ["docs/deep/", "docs/x.txt"]
    );
    assert_eq!(level(&room, &room.own, "empty/").await, [] as [&str; 0]);
    assert_eq!(level(&room, &room.own, "nowhere/").await, [] as [&str; 0]);
    for name in names {
        let entry = room.files.stat(&room.own, name).await.unwrap().unwrap();
        assert_eq!(
            (entry.path.as_str(), entry.size()),
            (name, name.len() as u64)
        );
        assert!(entry.is_file());
    }
    let folder = room.files.stat(&room.own, "docs/").await.unwrap().unwrap();
    assert_eq!(folder.kind, EntryKind::Folder);
    for nothing in ["docs", "docs/x", "nothing", "nowhere/"] {
        assert_eq!(
            room.files.stat(&room.own, nothing).await.unwrap(),
            None,
            "{nothing}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_objects_come_in_pages() {
    let room = Room::with(|config| {
        for number in 0..10_000 {
            let key = format!("shared/many/{number:05}");
            config.buckets[0] =
                std::mem::take(&mut config.buckets[0]).with_sample(key, "text/plain", "");
        }
    })
    .await;
    let mut listing = room.files.list(&room.shared, "many/");
    let (mut pages, mut entries) = (0, 0);
    while let Some(page) = listing.next().await.unwrap() {
        assert!(page.entries.len() <= 1_000);
        pages += 1;
        entries += page.entries.len();
    }
    assert_eq!((pages, entries), (10, 10_000));
    let mut search = room.files.search(&room.shared, "", "0999");
    let mut found = Vec::new();
    while let Some(page) = search.next().await.unwrap() {
        found.extend(page.entries);
    }
    // 00999, and 09990 to 09999.
    assert_eq!(found.len(), 11);
    assert!(search.is_complete());
    // Everything matches: it ends, and says that there is more.
    let mut search = room.files.search(&room.shared, "many/", "0");
    let mut found = 0;
    while let Some(page) = search.next().await.unwrap() {
        found += page.entries.len();
    }
    assert!((1_000..=2_000).contains(&found) && !search.is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_files_and_folders_in_any_case() {
    let room = Room::new().await;
    for name in [
        "Reports/2026/March.pdf",
        "reports.txt",
        "other/REPORT/x",
        "other/y",
    ] {
        room.put(name, "x").await;
    }
    let mut search = room.files.search(&room.own, "", " rePort ");
    let mut found = Vec::new();
    while let Some(page) = search.next().await.unwrap() {
        found.extend(page.entries.into_iter().map(|entry| entry.path));
    }
    assert_eq!(found, ["Reports/", "other/REPORT/", "reports.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_persons_is_refused_by_name() {
    let room = Room::new().await;
    let other = Folder {
        prefix: "users/us-east-1:somebody-else/".into(),
        ..room.own.clone()
    };
    let error = room.files.list(&other, "").next().await.unwrap_err();
    let Error::NotAllowed {
        action,
        resource,
        role,
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(*action, "s3:ListBucket");
    assert!(
        resource.starts_with("arn:aws:s3:::keyfob-demo"),
        "{resource}"
    );
    assert!(
        role.as_ref()
            .unwrap()
            .ends_with(":role/KeyfobDemoAuthenticated")
    );
    assert!(
        error.remedy().contains("s3:ListBucket"),
        "{}",
        error.remedy()
    );
    let error = room.files.stat(&other, "x").await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed { .. }), "{error:?}");
    let error = room
        .files
        .create_folder(&other, "mine now")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotAllowed { .. }), "{error:?}");

    let gone = Folder {
        bucket: "keyfob-gone".into(),
        ..room.own.clone()
    };
    let error = room.files.list(&gone, "").next().await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NotAllowed { .. } | Error::Configuration { .. }
        ),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_s3_is_asked_again() {
    let room = Room::new().await;
    room.put("x", "x").await;
    for _ in 0..3 {
        room.stage
            .emulator
            .fail_next(Endpoint::ListObjects, Fault::Throttled);
    }
    assert_eq!(level(&room, &room.own, "").await, ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_is_its_bytes_say() {
    let room = Room::new().await;
    let long = "ä".repeat(100_000);
    let png = [&b"\x89PNG\r\n\x1a\n"[..], &noise(200_000)].concat();
    room.put("short.png", "no picture").await;
    room.put("long", long.as_bytes()).await;
    room.put("a.txt", png.clone()).await;
    room.put("page.html", "<script>alert(1)</script>").await;
    room.put("program", noise(1_000)).await;
    room.put("empty", "").await;
    room.put("large", [&png[..8], &noise(11 * MIB)].concat())
        .await;
    let look = async |path: &str| room.files.preview(&room.own, path).await.unwrap();
    assert_eq!(
        look("short.png").await,
        Preview::Text {
            text: "no picture".into(),
            complete: true
        }
    );
    let Preview::Text {
        text,
        complete: false,
    } = look("long").await
    else {
        panic!("not a text")
    };
    assert!(long.starts_with(&text) && text.len() > 60_000);
    assert_eq!(
        look("a.txt").await,
        Preview::Picture {
            media_type: "image/png",
            bytes: png
        }
    );
    assert!(matches!(look("page.html").await, Preview::Text { .. }));
    assert_eq!(look("program").await, Preview::None);
    assert_eq!(look("large").await, Preview::TooLarge);
    assert_eq!(
        look("empty").await,
        Preview::Text {
            text: String::new(),
            complete: true
        }
    );
    let error = room.files.preview(&room.own, "nothing").await.unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::NotFound { .. })),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lives_as_long_as_it_can_and_says_how_long() {
    let room = Room::new().await;
    room.put("for you/ä +.txt", "hello").await;
    let link = room
        .files
        .link(&room.own, "for you/ä +.txt", 10 * MINUTE)
        .await
        .unwrap();
    let now = room.stage.session.now();
    let left = link.expires.duration_since(now).unwrap();
    assert!(9 * MINUTE < left && left <= 10 * MINUTE, "{left:?}");
    assert!(!format!("{link:?}").contains("Signature"));
    let answer = reqwest::get(link.url.clone()).await.unwrap();
    let disposition = answer.headers()["content-disposition"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        disposition,
        "attachment; filename*=UTF-8''%C3%A4%20%2B%2Etxt"
    );
    assert_eq!(answer.text().await.unwrap(), "hello");

    // Half an hour later the credentials at hand would last no longer than the other half.
    room.stage.advance(Duration::from_secs(40 * 60));
    assert_eq!(reqwest::get(link.url).await.unwrap().status(), 403);
    let for_a_day = async || {
        let link = room.files.link(&room.own, "for you/ä +.txt", 24 * HOUR);
        let link = link.await.unwrap();
        let left = link.expires.duration_since(room.stage.session.now());
        (link.url, left.unwrap())
    };
    let (url, left) = for_a_day().await;
    assert!(HOUR - MINUTE < left && left <= HOUR, "{left:?}");
    assert_eq!(room.stage.asked("GetCredentialsForIdentity"), 2);
    assert_eq!(
        reqwest::get(url).await.unwrap().text().await.unwrap(),
        "hello"
    );

    // Where new ones cannot be had, those at hand are used, and stay.
    room.stage.advance(Duration::from_secs(40 * 60));
    for _ in 0..3 {
        let emulator = &room.stage.emulator;
        emulator.fail_next(Endpoint::Credentials, Fault::Status(500));
    }
    let (url, left) = for_a_day().await;
    assert!(19 * MINUTE < left && left <= 20 * MINUTE, "{left:?}");
    room.stage.emulator.clear_faults();
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);

    let error = room
        .files
        .link(&room.own, "nothing", HOUR)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::NotFound { .. })),
        "{error:?}"
    );
}
