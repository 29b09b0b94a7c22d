//! Transfers that are paused, cancelled, cut off, or go on after a restart.

use std::io::Write as _;

use cognito_aws::{Error, OnConflict, TransferState};
use cognito_emulator::{Endpoint, Fault};

use crate::common::HOUR;
use crate::room::{BUCKET, MIB, Room, denied, noise};

/// Two whole parts and a short one.
const SIZE: usize = 17 * MIB;
const PARTS: usize = 3;

/// Lets so many requests pass, and holds the others.
fn hold(room: &Room, endpoint: Endpoint, requests: usize) {
    for _ in 0..requests {
        room.stage.emulator.fail_next(endpoint, Fault::Stall);
    }
}

async fn until_asked(room: &Room, what: &str, times: usize) {
    while room.stage.asked(what) < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_restart() {
    let mut room = Room::new().await;
    let content = noise(SIZE);
    let local = room.file("x", &content);
    // The first parts of all hang, the others arrive.
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    let arrived = 9 * MIB as u64;
    while journal(&room).matches("\"part\":{\"file\"").count() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(room.transfer(id).bytes_done >= arrived);
    room.restart();
    assert!(room.files.transfers().is_empty());
    room.stage.emulator.release();
    assert_eq!(room.unfinished_uploads().await, 1);

    let parts = room.stage.asked("UploadPart");
    room.files.restore_transfers().await.unwrap();
    room.done(id).await;
    assert!(room.content("x").await == content);
    assert_eq!(
        room.stage.asked("UploadPart") - parts,
        1,
        "what had arrived is not sent again"
    );
    assert_eq!((room.unfinished_uploads().await, room.journals()), (0, 0));
}

fn journal(room: &Room) -> String {
    let folder = room.disk.path().join("journal");
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_is_begun_anew() {
    let mut room = Room::new().await;
    let local = room.file("x", &noise(SIZE));
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.restart();
    room.stage.emulator.release();
    let content = noise(SIZE + 1);
    room.file("x", &content);
    room.files.restore_transfers().await.unwrap();
    let transfer = room.done(id).await;
    assert_eq!(transfer.begun_anew, ["x"]);
    assert!(room.content("x").await == content);
    assert_eq!(room.unfinished_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_ended_elsewhere_is_begun_anew() {
    let mut room = Room::new().await;
    let content = noise(SIZE);
    let local = room.file("x", &content);
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.restart();
    room.stage.emulator.release();
    let list = room
        .s3
        .list_multipart_uploads()
        .bucket(BUCKET)
        .prefix(&room.own.prefix);
    for upload in list.send().await.unwrap().uploads() {
        let abort = room
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key(upload.key().unwrap());
        abort
            .upload_id(upload.upload_id().unwrap())
            .send()
            .await
            .unwrap();
    }
    room.files.restore_transfers().await.unwrap();
    assert_eq!(room.done(id).await.begun_anew, ["x"]);
    assert!(room.content("x").await == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_what_has_arrived() {
    let mut room = Room::new().await;
    let content = noise(SIZE);
    let local = room.file("x", &content);
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    while journal(&room).matches("\"part\":{\"file\"").count() < 2 {
        tokio::task::yield_now().await;
    }
    room.files.pause(id);
    let paused = room
        .until(id, |transfer| {
            matches!(transfer.state, TransferState::Paused)
        })
        .await;
    assert_eq!(paused.rate, None);
    room.stage.emulator.release();
    // A restart does not wake it.
    room.restart();
    room.files.restore_transfers().await.unwrap();
    assert!(matches!(room.transfer(id).state, TransferState::Paused));
    room.files.resume(id);
    room.done(id).await;
    assert!(room.content("x").await == content);
    assert_eq!(room.stage.asked("UploadPart"), PARTS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_leaves_nothing_behind() {
    let room = Room::new().await;
    let local = room.file("x", &noise(SIZE));
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.files.cancel(id);
    room.stage.emulator.release();
    room.until(id, |_| room.journals() == 0).await;
    assert!(matches!(room.transfer(id).state, TransferState::Cancelled));
    assert_eq!(room.unfinished_uploads().await, 0);
    assert_eq!(room.files.stat(&room.own, "x").await.unwrap(), None);
    room.files.dismiss(id);
    assert!(room.files.transfers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_undone_is_undone_later() {
    let mut room = Room::new().await;
    let local = room.file("x", &noise(SIZE));
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.stage
        .emulator
        .fail_next(Endpoint::AbortMultipartUpload, denied());
    room.files.cancel(id);
    room.stage.emulator.release();
    until_asked(&room, "AbortMultipartUpload", 1).await;
    room.restart();
    room.files.restore_transfers().await.unwrap();
    room.until(id, |_| room.journals() == 0).await;
    assert_eq!(room.unfinished_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_knows_of_is_looked_for() {
    let mut room = Room::new().await;
    let local = room.file("x", &noise(SIZE));
    // S3 has begun it; the answer never came, and the app ended.
    room.put("shape of things", "x").await;
    room.stage
        .emulator
        .fail_next(Endpoint::CreateMultipartUpload, Fault::LoseReply);
    hold(&room, Endpoint::CreateMultipartUpload, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "CreateMultipartUpload", 2).await;
    assert_eq!(room.unfinished_uploads().await, 1);
    room.restart();
    room.stage.emulator.release();
    room.files.restore_transfers().await.unwrap();
    room.done(id).await;
    assert_eq!(room.unfinished_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_after_a_restart() {
    let mut room = Room::new().await;
    let into = room.folder("in");
    let content = noise(SIZE);
    room.put("x", content.clone()).await;
    hold(&room, Endpoint::GetObject, 1);
    let id = room
        .files
        .download(&room.own, "x", &into, None, OnConflict::Ask)
        .await
        .unwrap();
    while journal(&room).matches("\"range\":{").count() < 2 {
        tokio::task::yield_now().await;
    }
    room.restart();
    room.stage.emulator.release();
    let [part] = room.names(&into).try_into().unwrap();
    assert!(
        part.starts_with(".x.") && part.ends_with(".keyfob-part"),
        "{part}"
    );
    let asked = room.stage.asked("GetObject");
    room.files.restore_transfers().await.unwrap();
    let transfer = room.done(id).await;
    assert_eq!(transfer.proof, Some(cognito_aws::Proof::Checksum));
    assert_eq!(room.stage.asked("GetObject") - asked, 1);
    assert!(std::fs::read(into.join("x")).unwrap() == content);
    assert_eq!(room.names(&into), ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_lost_meanwhile_is_found_out() {
    let mut room = Room::new().await;
    let into = room.folder("in");
    room.put("x", noise(SIZE)).await;
    hold(&room, Endpoint::GetObject, 1);
    let id = room
        .files
        .download(&room.own, "x", &into, None, OnConflict::Ask)
        .await
        .unwrap();
    while journal(&room).matches("\"range\":{").count() < 2 {
        tokio::task::yield_now().await;
    }
    room.restart();
    room.stage.emulator.release();
    let [part] = room.names(&into).try_into().unwrap();
    // As after a power failure: the file has its length, and holes.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(into.join(part))
        .unwrap();
    file.set_len(0).unwrap();
    file.set_len(SIZE as u64).unwrap();
    room.files.restore_transfers().await.unwrap();
    let TransferState::Failed(error) = room.end(id).await.state else {
        panic!("a damaged file was taken for whole")
    };
    assert!(
        matches!(error, Error::File(cognito_aws::FileError::Damaged { .. })),
        "{error:?}"
    );
    assert_eq!(room.names(&into), [] as [&str; 0]);
    room.files.resume(id);
    room.done(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changed_is_begun_anew() {
    let mut room = Room::new().await;
    let into = room.folder("in");
    room.put("x", noise(SIZE)).await;
    hold(&room, Endpoint::GetObject, 1);
    let id = room
        .files
        .download(&room.own, "x", &into, None, OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "GetObject", PARTS).await;
    room.restart();
    room.stage.emulator.release();
    let content = noise(SIZE + 9);
    room.put("x", content.clone()).await;
    room.files.restore_transfers().await.unwrap();
    assert_eq!(room.done(id).await.begun_anew, ["x"]);
    assert!(std::fs::read(into.join("x")).unwrap() == content);
    assert_eq!(room.names(&into), ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_download_leaves_nothing_behind() {
    let room = Room::new().await;
    let into = room.folder("in");
    room.put("x", noise(SIZE)).await;
    hold(&room, Endpoint::GetObject, 1);
    let id = room
        .files
        .download(&room.own, "x", &into, None, OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "GetObject", PARTS).await;
    room.files.cancel(id);
    room.stage.emulator.release();
    room.until(id, |_| room.journals() == 0).await;
    assert_eq!(room.names(&into), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_expire_midway_are_renewed() {
    let room = Room::new().await;
    let content = noise(SIZE);
    let local = room.file("x", &content);
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    // At AWS an hour passes; here nobody knows of it.
    room.stage.emulator.advance(HOUR);
    room.stage.emulator.release();
    room.done(id).await;
    assert!(room.content("x").await == content);
    // All requests share one renewal, the first try of which is refused: the ID token has expired too.
    assert_eq!(room.stage.asked("GetCredentialsForIdentity"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_transfers_are_not_taken_up() {
    let mut room = Room::new().await;
    let local = room.file("x", &noise(SIZE));
    hold(&room, Endpoint::UploadPart, 1);
    room.files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.restart();
    room.stage.emulator.release();
    room.stage
        .session
        .sign_out(cognito_client::SignOutScope::Device)
        .await
        .unwrap();
    room.stage.sign_in("robin").await;
    room.files.restore_transfers().await.unwrap();
    assert!(room.files.transfers().is_empty());
    assert_eq!(room.journals(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_was_cut_is_read_as_far_as_it_goes() {
    let mut room = Room::new().await;
    let content = noise(SIZE);
    let local = room.file("x", &content);
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.restart();
    room.stage.emulator.release();
    let folder = room.disk.path().join("journal");
    let path = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.to_lowercase().contains("secret") && !text.contains("ASIA"),
        "{text}"
    );
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    // A full disk has cut one, and the power failed in another.
    file.write_all(b"{\"part\":{\"fi{\"paused\":false}\n{\"part\":{\"file\":\"\",\"num")
        .unwrap();
    std::fs::write(folder.join("1.jsonl"), "not a journal\n").unwrap();
    room.files.restore_transfers().await.unwrap();
    room.done(id).await;
    assert!(room.content("x").await == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_waits_for_the_person_whose_it_is() {
    let room = Room::new().await;
    let content = noise(SIZE);
    let local = room.file("x", &content);
    hold(&room, Endpoint::UploadPart, 1);
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    until_asked(&room, "UploadPart", PARTS).await;
    room.files.pause(id);
    room.stage.emulator.release();
    let session = &room.stage.session;
    session
        .sign_out(cognito_client::SignOutScope::Device)
        .await
        .unwrap();
    room.files.resume(id);
    let failed = |state| matches!(state, TransferState::Failed(Error::Session(_)));
    assert!(failed(room.end(id).await.state));
    // Nor does it go on as somebody else.
    room.stage.sign_in("robin").await;
    room.files.restore_transfers().await.unwrap();
    assert!(failed(room.end(id).await.state));
    session
        .sign_out(cognito_client::SignOutScope::Device)
        .await
        .unwrap();
    room.stage.sign_in("alex").await;
    room.files.restore_transfers().await.unwrap();
    room.done(id).await;
    assert!(room.content("x").await == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_just_begins_can_be_stopped_at_any_moment() {
    let room = Room::new().await;
    let into = room.folder("in");
    room.put("x", noise(1)).await;
    for turn in 0..200 {
        room.stage
            .emulator
            .fail_next(Endpoint::GetObject, Fault::Stall);
        let begun = room
            .files
            .download(&room.own, "x", &into, None, OnConflict::KeepBoth)
            .await;
        let id = begun.unwrap();
        for _ in 0..turn % 20 {
            tokio::task::yield_now().await;
        }
        if turn % 2 == 0 {
            room.files.pause(id);
            room.files.resume(id);
            room.files.pause(id);
        }
        room.files.cancel(id);
        room.until(id, |_| room.journals() == 0).await;
        let state = room.transfer(id).state;
        assert!(
            matches!(state, TransferState::Cancelled),
            "{turn}: {state:?}"
        );
        room.stage.emulator.clear_faults();
        room.stage.emulator.release();
        room.files.dismiss(id);
    }
    assert_eq!(room.names(&into), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_while_others_are_taken_up_is_there_once() {
    let room = Room::new().await;
    let into = room.folder("in");
    room.put("x", noise(1)).await;
    hold(&room, Endpoint::GetObject, 1000);
    let mut begun = Vec::new();
    for _ in 0..100 {
        let (id, one, another) = tokio::join!(
            room.files
                .download(&room.own, "x", &into, None, OnConflict::KeepBoth),
            room.files.restore_transfers(),
            room.files.restore_transfers(),
        );
        one.unwrap();
        another.unwrap();
        begun.push(id.unwrap());
    }
    let all: Vec<_> = room.files.transfers().iter().map(|it| it.id).collect();
    assert_eq!(all, begun);
    #[cfg(target_os = "linux")]
    {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let mut open = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        let journals = room.disk.path().join("journal");
        assert!(
            !open.any(|file| file.starts_with(&journals)),
            "as many open files as transfers"
        );
    }
    room.stage.emulator.clear_faults();
    room.stage.emulator.release();
    for id in begun {
        room.done(id).await;
    }
    assert_eq!((room.names(&into).len(), room.journals()), (100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_there_after_the_question_is_not_replaced_after_a_restart() {
    let mut room = Room::new().await;
    let local = room.file("x", b"mine");
    room.put("x", "theirs").await;
    let id = room
        .files
        .upload(&local, &room.own, "x", OnConflict::Ask)
        .await
        .unwrap();
    room.end(id).await;
    hold(&room, Endpoint::PutObject, 1);
    let puts = room.stage.asked("PutObject");
    room.files.answer(id, OnConflict::Replace);
    until_asked(&room, "PutObject", puts + 1).await;
    room.restart();
    room.put("x", "theirs, and later").await;
    room.stage.emulator.release();
    room.files.restore_transfers().await.unwrap();
    let asked = room.end(id).await;
    assert!(matches!(asked.state, TransferState::Asking), "{asked:?}");
    assert_eq!(room.content("x").await, b"theirs, and later");
    room.files.answer(id, OnConflict::Replace);
    room.done(id).await;
    assert_eq!(room.content("x").await, b"mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_arrived_in_the_moment_of_a_pause_is_not_fetched_again() {
    let room = Room::new().await;
    for number in 0..40 {
        room.put(&format!("f/{number}"), "x").await;
    }
    for round in 0..5 {
        let into = room.folder(&format!("in {round}"));
        let id = room
            .files
            .download(&room.own, "f/", &into, None, OnConflict::KeepBoth)
            .await
            .unwrap();
        let here = into.join("f");
        let files = || std::fs::read_dir(&here).map_or(0, Iterator::count);
        while files() < 5 * (round + 1) {
            tokio::task::yield_now().await;
        }
        room.files.pause(id);
        room.files.resume(id);
        room.done(id).await;
        let names = room.names(&here);
        assert_eq!(names.len(), 40, "{names:?}");
    }
}
