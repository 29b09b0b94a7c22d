//! What is done is not yet on the disk: what becomes of it when the power fails in between.

use std::fs;
use std::path::{Path, PathBuf};

use cognito_aws::{OnConflict, TransferId, TransferState};
use cognito_emulator::{Endpoint, Fault};

use crate::room::{MIB, Room, denied, noise};

/// Fetched in ranges.
const SIZE: usize = 9 * MIB;

/// A room in which the power failed when a download was done and had not been put onto the disk; and what the disk may then
/// have of it.
struct Failed {
    room: Room,
    into: PathBuf,
    id: TransferId,
    content: Vec<u8>,
}

impl Failed {
    /// With these lines in the journal after what was ordered.
    async fn with(on_conflict: &str, lines: impl Fn(&Path) -> Vec<serde_json::Value>) -> Self {
        let mut room = Room::new().await;
        let into = fs::canonicalize(room.folder("in")).unwrap();
        let content = noise(SIZE);
        room.put("x", content.clone()).await;
        for _ in 0..8 {
            room.stage
                .emulator
                .fail_next(Endpoint::GetObject, Fault::Stall);
        }
        let id = room.fetch("x", &into, OnConflict::Ask).await;
        while room.stage.asked("GetObject") == 0 {
            tokio::task::yield_now().await;
        }
        room.restart();
        room.stage.emulator.clear_faults();
        room.stage.emulator.release();
        for name in room.names(&into) {
            fs::remove_file(into.join(name)).unwrap();
        }
        let path = room.disk.path().join(format!("journal/{id}.jsonl"));
        let text = fs::read_to_string(&path).unwrap();
        let order = text.lines().next().unwrap().to_owned();
        let mut journal = format!("{order}\n{{\"on_conflict\":\"{on_conflict}\"}}\n");
        for line in lines(&into) {
            journal.push_str(&format!("{line}\n"));
        }
        fs::write(path, journal).unwrap();
        Self {
            room,
            into,
            id,
            content,
        }
    }

    async fn placed(on_conflict: &str) -> Self {
        let placed = |into: &Path| {
            vec![serde_json::json!({"placed": {"file": "", "place": into.join("x")}})]
        };
        Self::with(on_conflict, placed).await
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.into.join("x"), bytes).unwrap();
    }

    fn is_whole(&self) -> bool {
        fs::read(self.into.join("x")).unwrap() == self.content
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_whole_is_not_fetched_again() {
    let failed = Failed::placed("keep_both").await;
    failed.put(&failed.content);
    let asked = failed.room.stage.asked("GetObject");
    failed.room.files.restore_transfers().await.unwrap();
    let done = failed.room.done(failed.id).await;
    assert_eq!(done.proof, Some(cognito_aws::Proof::Checksum));
    assert_eq!(failed.room.stage.asked("GetObject"), asked);
    assert_eq!(failed.room.names(&failed.into), ["x"]);
    assert_eq!(failed.room.journals(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_had_just_got_its_name_is_found() {
    let begun = |into: &Path| {
        let download = serde_json::json!({
            "etag": "\"x\"", "size": SIZE, "range_size": 8 * MIB,
            "unfinished": into.join(".x.1.keyfob-part"), "place": into.join("x"),
        });
        vec![serde_json::json!({"download": {"file": "", "download": download}})]
    };
    let failed = Failed::with("keep_both", begun).await;
    failed.put(&failed.content);
    failed.room.files.restore_transfers().await.unwrap();
    failed.room.done(failed.id).await;
    assert_eq!(failed.room.names(&failed.into), ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_fetched_again() {
    let failed = Failed::placed("ask").await;
    failed.room.files.restore_transfers().await.unwrap();
    failed.room.done(failed.id).await;
    assert!(failed.is_whole());
}

/// Whatever the person had said of what was there before: it may be theirs by now.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_is_asked_about() {
    for on_conflict in ["ask", "replace", "skip"] {
        for there in [vec![0; SIZE], Vec::new(), b"mine by now".to_vec()] {
            let failed = Failed::placed(on_conflict).await;
            failed.put(&there);
            failed.room.files.restore_transfers().await.unwrap();
            let asked = failed.room.end(failed.id).await;
            assert!(matches!(asked.state, TransferState::Asking), "{asked:?}");
            assert_eq!(asked.conflicts, ["x"]);
            assert!(fs::read(failed.into.join("x")).unwrap() == there);
            failed.room.files.answer(failed.id, OnConflict::Replace);
            failed.room.done(failed.id).await;
            assert!(failed.is_whole());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_what_is_not_whole_another_is_put_where_both_are_to_be_kept() {
    let failed = Failed::placed("keep_both").await;
    failed.put(b"mine by now");
    failed.room.files.restore_transfers().await.unwrap();
    failed.room.done(failed.id).await;
    assert_eq!(failed.room.names(&failed.into), ["x", "x (2)"]);
    assert_eq!(fs::read(failed.into.join("x")).unwrap(), b"mine by now");
    assert!(fs::read(failed.into.join("x (2)")).unwrap() == failed.content);
}

/// A pause, or the network that is not there yet after a power failure, is no reason to take it for whole.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_looked_at_however_long_that_takes() {
    for paused in [true, false] {
        let failed = Failed::with("ask", |into| {
            let placed = serde_json::json!({"placed": {"file": "", "place": into.join("x")}});
            vec![placed, serde_json::json!({"paused": paused})]
        })
        .await;
        failed.put(&vec![0; SIZE]);
        let (room, id) = (&failed.room, failed.id);
        if !paused {
            let emulator = &room.stage.emulator;
            emulator.fail_next(Endpoint::HeadObject, denied());
        }
        room.files.restore_transfers().await.unwrap();
        let not_yet = room.end(id).await.state;
        assert_eq!(matches!(not_yet, TransferState::Paused), paused);
        assert_eq!(matches!(not_yet, TransferState::Failed(_)), !paused);
        room.files.resume(id);
        let asked = room.end(id).await;
        assert!(matches!(asked.state, TransferState::Asking), "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_dismissed_at_once_stays_away() {
    let room = Room::new().await;
    room.put("x", noise(SIZE)).await;
    for _ in 0..10 {
        let id = room
            .fetch("x", &room.folder("in"), OnConflict::Replace)
            .await;
        room.end(id).await;
        room.files.dismiss(id);
        room.files.restore_transfers().await.unwrap();
        let listed = room.files.transfers();
        assert!(listed.is_empty(), "{listed:?}");
    }
}
