//! Files and folders from S3.

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use cognito_aws::{Error, FileError, LocalCause, OnConflict, Proof, TransferState};
use cognito_emulator::{Endpoint, Fault};

use crate::room::{BUCKET, MIB, Room, denied, noise};

impl Room {
    /// By the SDK, in parts, with a checksum of each.
    async fn put_in_parts(
        &self,
        path: &str,
        parts: &[&[u8]],
        algorithm: Option<ChecksumAlgorithm>,
    ) {
        let key = self.own.key(path);
        let create = self.s3.create_multipart_upload().bucket(BUCKET).key(&key);
        let upload = create
            .set_checksum_algorithm(algorithm.clone())
            .send()
            .await
            .unwrap();
        let upload_id = upload.upload_id.unwrap();
        let mut done = Vec::new();
        for (number, part) in (1..).zip(parts) {
            let put = self
                .s3
                .upload_part()
                .bucket(BUCKET)
                .key(&key)
                .upload_id(&upload_id)
                .part_number(number);
            let put = put.set_checksum_algorithm(algorithm.clone());
            let answer = put.body(part.to_vec().into()).send().await.unwrap();
            done.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(answer.e_tag)
                    .set_checksum_sha256(answer.checksum_sha256)
                    .set_checksum_crc32(answer.checksum_crc32)
                    .build(),
            );
        }
        let done = CompletedMultipartUpload::builder()
            .set_parts(Some(done))
            .build();
        let complete = self
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(&upload_id);
        complete.multipart_upload(done).send().await.unwrap();
    }
}

/// Whether the file system keeps extended attributes: such as a test sets itself.
#[cfg(target_os = "linux")]
fn can_be_marked(folder: &std::path::Path) -> bool {
    let probe = tempfile::NamedTempFile::new_in(folder).unwrap();
    xattr::set(probe.path(), "user.keyfob.probe", b"1").is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_whole_proven_and_marked() {
    let room = Room::new().await;
    let into = room.folder("in");
    for (name, size) in [("empty", 0), ("small ä.txt", 100), ("ranges", 17 * MIB + 5)] {
        let content = noise(size);
        room.put(name, content.clone()).await;
        let id = room.fetch(name, &into, OnConflict::Ask).await;
        let transfer = room.done(id).await;
        assert_eq!(transfer.proof, Some(Proof::Checksum), "{name}");
        assert!(std::fs::read(into.join(name)).unwrap() == content, "{name}");
        #[cfg(target_os = "linux")]
        if can_be_marked(&into) {
            let mark = xattr::get(into.join(name), "user.xdg.origin.url").unwrap();
            let mark = String::from_utf8(mark.unwrap()).unwrap();
            assert!(
                mark.starts_with(room.stage.emulator.url().as_str()) && !mark.contains('?'),
                "{mark}"
            );
        } else {
            eprintln!(
                "left out: the file system of {} keeps no marks",
                into.display()
            );
        }
    }
    assert_eq!(
        room.names(&into),
        ["empty", "ranges", "small ä.txt"],
        "nothing unfinished is left"
    );
    assert_eq!(room.journals(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_key_goes_up_and_comes_down() {
    let room = Room::new().await;
    let into = room.folder("in");
    let left = 1_024 - room.own.key("").len() - ".txt".len();
    let path = format!("{}{}.txt", "é".repeat(left / 2), "e".repeat(left % 2));
    assert_eq!(room.own.key(&path).len(), 1_024);
    // In parts, too.
    let content = noise(9 * MIB);
    let file = room.file("long.txt", &content);
    let too_long = format!("x{path}");
    let ask = OnConflict::Ask;
    let refused = room.files.upload(&file, &room.own, &too_long, ask).await;
    assert!(refused.is_err());
    let id = room.files.upload(&file, &room.own, &path, ask).await;
    room.done(id.unwrap()).await;
    assert!(room.content(&path).await == content);

    let id = room.fetch(&path, &into, ask).await;
    assert_eq!(room.done(id).await.proof, Some(Proof::Checksum));
    let names = room.names(&into);
    let [name] = &names[..] else {
        panic!("{names:?}")
    };
    assert!(name.len() <= 200 && name.ends_with(".txt"), "{name}");
    assert!(std::fs::read(into.join(name)).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_proof_there_is_is_looked_at() {
    let room = Room::new().await;
    let into = room.folder("in");
    let (one, two) = (noise(9 * MIB), noise(3 * MIB + 1));
    let parts = [one.as_slice(), two.as_slice()];
    room.put_in_parts("sha256", &parts, Some(ChecksumAlgorithm::Sha256))
        .await;
    room.put_in_parts("crc32", &parts, Some(ChecksumAlgorithm::Crc32))
        .await;
    room.put_in_parts(
        "irregular",
        &[&one[..6 * MIB], &one[..8 * MIB], &two],
        Some(ChecksumAlgorithm::Sha256),
    )
    .await;
    for (name, proof) in [
        ("sha256", Proof::Checksum),
        ("crc32", Proof::Checksum),
        // Its parts are not as long as the first one, though there are as many.
        ("irregular", Proof::Checksum),
    ] {
        let id = room.fetch(name, &into, OnConflict::Ask).await;
        assert_eq!(room.done(id).await.proof, Some(proof), "{name}");
    }
    let whole = [one, two].concat();
    assert!(std::fs::read(into.join("sha256")).unwrap() == whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_on_the_disk_is_overwritten_unasked() {
    let room = Room::new().await;
    let into = room.folder("in");
    for (name, size) in [("small.txt", 10), ("large.bin", 9 * MIB)] {
        let content = noise(size);
        room.put(name, content.clone()).await;
        let local = into.join(name);
        std::fs::write(&local, "mine").unwrap();
        let id = room.fetch(name, &into, OnConflict::Ask).await;
        let transfer = room.end(id).await;
        assert!(
            matches!(transfer.state, TransferState::Asking),
            "{transfer:?}"
        );
        assert_eq!(std::fs::read(&local).unwrap(), b"mine");
        room.files.answer(id, OnConflict::KeepBoth);
        room.done(id).await;
        assert_eq!(std::fs::read(&local).unwrap(), b"mine");
        let (stem, extension) = name.split_once('.').unwrap();
        let both = into.join(format!("{stem} (2).{extension}"));
        assert!(std::fs::read(both).unwrap() == content);
        room.done(room.fetch(name, &into, OnConflict::Skip).await)
            .await;
        assert_eq!(std::fs::read(&local).unwrap(), b"mine");
        room.done(room.fetch(name, &into, OnConflict::Replace).await)
            .await;
        assert!(std::fs::read(&local).unwrap() == content);
    }
    // A folder is not replaced by a file, whatever the answer.
    std::fs::create_dir(into.join("dir")).unwrap();
    room.put("dir", "x").await;
    let id = room.fetch("dir", &into, OnConflict::Replace).await;
    assert!(matches!(room.end(id).await.state, TransferState::Asking));
    assert!(into.join("dir").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_strange_names_stays_inside() {
    let room = Room::new().await;
    let into = room.folder("in");
    let long = format!("{}.txt", "ü".repeat(300));
    for name in [
        "a",
        "A",
        "a/b",
        "CON",
        "nul.txt",
        "x:y",
        "x?y",
        "back\\..\\slash",
        "end. ",
        "line\nbreak",
        "e\u{301}",
        "\u{e9}",
        "//double",
        "🌄 photo.jpg",
        &long,
    ] {
        room.put(&format!("odd/{name}"), name).await;
    }
    room.files
        .create_folder(&room.own, "odd/empty")
        .await
        .unwrap();
    let id = room.fetch("odd/", &into, OnConflict::Ask).await;
    let transfer = room.done(id).await;
    let names = room.names(&into);
    assert_eq!(
        names.iter().filter(|name| !name.ends_with('/')).count(),
        15,
        "{names:#?}"
    );
    assert!(
        names.iter().all(|name| name.starts_with("odd/")),
        "{names:#?}"
    );
    assert!(
        names.contains(&"odd/_CON".to_owned()) && names.contains(&"odd/empty/".to_owned()),
        "{names:#?}"
    );
    assert_eq!(
        std::fs::read(into.join("odd/back_.._slash")).unwrap(),
        b"back\\..\\slash"
    );
    assert_eq!(transfer.problems.len(), 0, "{:?}", transfer.problems);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_folder_leads_nowhere() {
    let room = Room::new().await;
    let (into, outside) = (room.folder("in"), room.folder("outside"));
    room.put("f/sub/x", "x").await;
    room.put("f/y", "y").await;
    std::fs::create_dir(into.join("f")).unwrap();
    std::os::unix::fs::symlink(&outside, into.join("f/sub")).unwrap();
    std::os::unix::fs::symlink(outside.join("y"), into.join("f/y")).unwrap();
    let id = room.fetch("f/", &into, OnConflict::Replace).await;
    let transfer = room.end(id).await;
    let [
        (
            path,
            Error::File(FileError::Local {
                cause: LocalCause::Link,
                ..
            }),
        ),
    ] = transfer.problems.as_slice()
    else {
        panic!("{transfer:?}")
    };
    assert_eq!(path, "sub/x");
    assert_eq!(room.names(&outside), [] as [&str; 0]);
    // The link itself was to be replaced, and not what it leads to.
    assert!(!into.join("f/y").symlink_metadata().unwrap().is_symlink());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_has_become_a_link_is_not_followed() {
    let room = Room::new().await;
    let (into, outside) = (room.folder("in"), room.folder("outside"));
    room.put("x", "x").await;
    room.stage.emulator.fail_next(Endpoint::GetObject, denied());
    let id = room.fetch("x", &into, OnConflict::Ask).await;
    let refused = room.end(id).await.state;
    assert!(matches!(refused, TransferState::Failed(_)), "{refused:?}");
    std::fs::remove_dir(&into).unwrap();
    std::os::unix::fs::symlink(&outside, &into).unwrap();
    room.files.resume(id);
    let TransferState::Failed(Error::File(FileError::Local { cause, .. })) =
        room.end(id).await.state
    else {
        panic!("a link was followed")
    };
    assert_eq!(cause, LocalCause::Link);
    assert_eq!(room.names(&outside), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_is_taken_up_where_it_broke() {
    let room = Room::new().await;
    let into = room.folder("in");
    let content = noise(17 * MIB);
    room.put("x", content.clone()).await;
    for fault in [
        Fault::CutReply,
        Fault::Drop,
        Fault::Throttled,
        Fault::LoseReply,
    ] {
        room.stage.emulator.fail_next(Endpoint::GetObject, fault);
    }
    room.done(room.fetch("x", &into, OnConflict::Ask).await)
        .await;
    assert!(std::fs::read(into.join("x")).unwrap() == content);
    room.put("y", "small").await;
    room.stage
        .emulator
        .fail_next(Endpoint::GetObject, Fault::CutReply);
    room.done(room.fetch("y", &into, OnConflict::Ask).await)
        .await;
    assert_eq!(std::fs::read(into.join("y")).unwrap(), b"small");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_allowed_is_said() {
    let room = Room::new().await;
    let into = room.folder("in");
    for gone in ["gone", "gone/"] {
        let id = room.fetch(gone, &into, OnConflict::Ask).await;
        let TransferState::Failed(error) = room.end(id).await.state else {
            panic!("{gone} was there")
        };
        assert!(
            matches!(error, Error::File(FileError::NotFound { .. })),
            "{error:?}"
        );
    }
    room.put("x", "x").await;
    room.stage.emulator.fail_next(Endpoint::GetObject, denied());
    let id = room.fetch("x", &into, OnConflict::Ask).await;
    let TransferState::Failed(error) = room.end(id).await.state else {
        panic!("it was refused")
    };
    assert!(
        matches!(
            &error,
            Error::NotAllowed {
                action: "s3:GetObject",
                role: Some(_),
                ..
            }
        ),
        "{error:?}"
    );
    let nowhere = room.disk.path().join("nowhere");
    let error = room
        .files
        .download(&room.own, "x", &nowhere, None, OnConflict::Ask)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::Local { .. })),
        "{error:?}"
    );
    assert_eq!(room.names(&into), [] as [&str; 0]);
}
