//! Files and folders to S3.

use cognito_aws::{Error, FileError, LocalCause, OnConflict, Proof, TransferState};
use cognito_emulator::{Endpoint, Fault};

use crate::room::{BUCKET, MIB, Room, noise};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_whole_and_proven() {
    let room = Room::new().await;
    for (name, size) in [
        ("empty", 0),
        ("small ä +.txt", 100),
        ("one part", 8 * MIB),
        ("parts", 17 * MIB + 5),
    ] {
        let content = noise(size);
        let local = room.file(name, &content);
        let id = room
            .files
            .upload(&local, &room.own, name, OnConflict::Ask)
            .await
            .unwrap();
        let transfer = room.done(id).await;
        assert_eq!(transfer.proof, Some(Proof::Checksum), "{name}");
        assert_eq!(transfer.bytes_total, size as u64);
        // The SDK compares the object's checksum on its way back.
        assert!(room.content(name).await == content, "{name}");
    }
    assert_eq!(room.stage.asked("UploadPart"), 3);
    let head = room
        .s3
        .head_object()
        .bucket(BUCKET)
        .key(room.own.key("parts"));
    let head = head
        .checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert!(head.checksum_crc64_nvme().is_some(), "{head:?}");
    assert_eq!(room.journals(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_overwritten_unasked() {
    let room = Room::new().await;
    for (name, size) in [("small.txt", 10), ("large.bin", 9 * MIB)] {
        room.put(name, "theirs").await;
        let content = noise(size);
        let local = room.file(name, &content);
        let upload = async |answer| {
            room.files
                .upload(&local, &room.own, name, answer)
                .await
                .unwrap()
        };

        let id = upload(OnConflict::Ask).await;
        let transfer = room.end(id).await;
        assert!(
            matches!(transfer.state, TransferState::Asking),
            "{transfer:?}"
        );
        assert_eq!(transfer.conflicts, [name]);
        assert_eq!(room.content(name).await, b"theirs");
        assert_eq!(
            room.unfinished_uploads().await,
            0,
            "nothing was sent in vain"
        );

        // Changed again since the person was asked: they are asked again.
        room.put(name, "theirs, too").await;
        room.files.answer(id, OnConflict::Replace);
        let transfer = room.end(id).await;
        assert!(
            matches!(transfer.state, TransferState::Asking),
            "{transfer:?}"
        );
        assert_eq!(room.content(name).await, b"theirs, too");
        room.files.answer(id, OnConflict::Replace);
        room.done(id).await;
        assert!(room.content(name).await == content);

        room.put(name, "theirs").await;
        room.done(upload(OnConflict::Skip).await).await;
        assert_eq!(room.content(name).await, b"theirs");
        room.done(upload(OnConflict::KeepBoth).await).await;
        assert_eq!(room.content(name).await, b"theirs");
        let (stem, extension) = name.split_once('.').unwrap();
        assert!(room.content(&format!("{stem} (2).{extension}")).await == content);
    }
    assert_eq!(room.unfinished_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_with_all_that_is_in_it() {
    let room = Room::new().await;
    let folder = room.folder("trip");
    for (name, size) in [
        ("a.txt", 1),
        ("days/1/b.txt", 2),
        ("days/e\u{301}.txt", 3),
        ("large", 9 * MIB),
    ] {
        room.file(&format!("trip/{name}"), &noise(size));
    }
    room.folder("trip/empty");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    let id = room
        .files
        .upload(&folder, &room.own, "photos/trip/", OnConflict::Ask)
        .await
        .unwrap();
    let transfer = room.end(id).await;
    assert_eq!(
        (transfer.files_done, transfer.bytes_done),
        (5, 6 + 9 * MIB as u64)
    );
    #[cfg(unix)]
    {
        let [(path, error)] = transfer.problems.as_slice() else {
            panic!("{transfer:?}")
        };
        assert_eq!(path, "link");
        assert!(
            matches!(
                error,
                Error::File(FileError::Local {
                    cause: LocalCause::Link,
                    ..
                })
            ),
            "{error:?}"
        );
    }
    let mut below = room.files.search(&room.own, "photos/trip/", "");
    let mut paths = Vec::new();
    while let Some(page) = below.next().await.unwrap() {
        paths.extend(
            page.entries
                .into_iter()
                .filter(|entry| entry.is_file())
                .map(|entry| entry.path),
        );
    }
    paths.sort();
    // Composed, as the web has it.
    assert_eq!(
        paths,
        ["a.txt", "days/1/b.txt", "days/\u{e9}.txt", "large"]
            .map(|name| format!("photos/trip/{name}"))
    );
    assert!(
        room.files
            .stat(&room.own, "photos/trip/empty/")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_of_a_folder_are_asked_about_once() {
    let room = Room::new().await;
    let folder = room.folder("f");
    for name in ["1", "2", "3", "4"] {
        room.file(&format!("f/{name}"), b"mine");
    }
    room.put("f/2", "theirs").await;
    room.put("f/4", "theirs").await;
    let id = room
        .files
        .upload(&folder, &room.own, "f/", OnConflict::Ask)
        .await
        .unwrap();
    let mut transfer = room.end(id).await;
    transfer.conflicts.sort();
    assert_eq!(transfer.conflicts, ["2", "4"]);
    assert_eq!(transfer.files_done, 2);
    assert_eq!(room.content("f/3").await, b"mine");
    let puts = room.stage.asked("PutObject");
    room.files.answer(id, OnConflict::Replace);
    room.done(id).await;
    assert_eq!(room.content("f/2").await, b"mine");
    assert_eq!(
        room.stage.asked("PutObject") - puts,
        2,
        "what is done is not done again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_uploaded_is_said_at_once() {
    let room = Room::new().await;
    let local = room.file("x", b"x");
    for path in ["..", "a/../b", &"x".repeat(1_000), "", "folder/"] {
        let error = room
            .files
            .upload(&local, &room.own, path, OnConflict::Ask)
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::File(FileError::Name { .. })),
            "{path}: {error:?}"
        );
    }
    let gone = room.disk.path().join("gone");
    let error = room
        .files
        .upload(&gone, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::File(FileError::Local {
                cause: LocalCause::NotFound,
                ..
            })
        ),
        "{error:?}"
    );
    let mut other = room.own.clone();
    other.prefix = "users/us-east-1:somebody-else/".into();
    let id = room
        .files
        .upload(&local, &other, "x", OnConflict::Ask)
        .await
        .unwrap();
    let TransferState::Failed(error) = room.end(id).await.state else {
        panic!("another person's folder was written")
    };
    assert!(
        matches!(
            error,
            Error::NotAllowed {
                action: "s3:PutObject",
                ..
            }
        ),
        "{error:?}"
    );
    room.files.cancel(id);
    room.until(id, |_| room.journals() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_not_taken_for_somebody_elses_file() {
    let room = Room::new().await;
    let small = room.file("small", b"x");
    room.stage
        .emulator
        .fail_next(Endpoint::PutObject, Fault::LoseReply);
    let id = room
        .files
        .upload(&small, &room.own, "small", OnConflict::Ask)
        .await
        .unwrap();
    room.done(id).await;
    let large = room.file("large", &noise(9 * MIB));
    room.stage
        .emulator
        .fail_next(Endpoint::CompleteMultipartUpload, Fault::LoseReply);
    let id = room
        .files
        .upload(&large, &room.own, "large", OnConflict::Ask)
        .await
        .unwrap();
    room.done(id).await;
    // And one that was served and told so late that it is asked again.
    room.stage
        .emulator
        .fail_next(Endpoint::UploadPart, Fault::LoseReply);
    let id = room
        .files
        .upload(&large, &room.own, "again", OnConflict::Ask)
        .await
        .unwrap();
    room.done(id).await;
    assert_eq!(room.unfinished_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_borne() {
    let room = Room::new().await;
    let content = noise(17 * MIB);
    let local = room.file("x", &content);
    for fault in [
        Fault::Throttled,
        Fault::DropMidBody,
        Fault::Drop,
        Fault::Status(500),
    ] {
        room.stage.emulator.fail_next(Endpoint::UploadPart, fault);
    }
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    room.done(id).await;
    assert!(room.content("x").await == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_by_what_is_in_flight() {
    let room = Room::new().await;
    let local = room.file("x", b"");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&local)
        .unwrap();
    file.set_len(160 * MIB as u64).unwrap();
    // Every part hangs: no more of them are read than fit.
    for _ in 0..20 {
        room.stage
            .emulator
            .fail_next(Endpoint::UploadPart, Fault::Stall);
    }
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    let asked = async {
        while room.stage.asked("UploadPart") < 5 {
            tokio::task::yield_now().await;
        }
    };
    asked.await;
    // Another one waits, however small.
    let small = room.file("small", b"x");
    let other = room
        .files
        .upload(&small, &room.own, "small", OnConflict::Ask)
        .await
        .unwrap();
    room.until(other, |transfer| {
        matches!(transfer.state, TransferState::Running)
    })
    .await;
    assert_eq!(room.stage.asked("UploadPart"), 5);
    assert_eq!(room.stage.asked("PutObject"), 0);
    room.stage.emulator.release();
    for id in [id, other] {
        room.files.cancel(id);
    }
}
