//! Making, moving and deleting.

use std::ops::ControlFlow;
use std::sync::Mutex;

use cognito_aws::{Error, FileError, OnConflict, Progress};
use cognito_emulator::{Bucket, Endpoint, Fault};
use serde_json::json;

use crate::room::{BUCKET, Room, denied};

fn nobody(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_made_once() {
    let room = Room::new().await;
    room.files.create_folder(&room.own, "new").await.unwrap();
    let error = room
        .files
        .create_folder(&room.own, "new")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::Exists { .. })),
        "{error:?}"
    );
    for bad in ["..", "a/../b", &"x".repeat(1_024)] {
        let error = room.files.create_folder(&room.own, bad).await.unwrap_err();
        assert!(
            matches!(error, Error::File(FileError::Name { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_renamed_and_nothing_is_overwritten_unasked() {
    let room = Room::new().await;
    room.put("ä +?.txt", "one").await;
    room.put("b.txt", "two").await;
    let rename = async |from: &str, to: &str, answer| {
        room.files
            .rename((&room.own, from), (&room.own, to), answer, nobody)
            .await
    };
    let error = rename("ä +?.txt", "b.txt", OnConflict::Ask)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::Exists { .. })),
        "{error:?}"
    );
    assert_eq!(
        rename("ä +?.txt", "b.txt", OnConflict::Skip).await.unwrap(),
        "ä +?.txt"
    );
    assert_eq!(room.content("b.txt").await, b"two");
    assert_eq!(
        rename("ä +?.txt", "b.txt", OnConflict::KeepBoth)
            .await
            .unwrap(),
        "b (2).txt"
    );
    assert_eq!(room.content("b (2).txt").await, b"one");
    assert_eq!(room.files.stat(&room.own, "ä +?.txt").await.unwrap(), None);
    assert_eq!(
        rename("b (2).txt", "b.txt", OnConflict::Replace)
            .await
            .unwrap(),
        "b.txt"
    );
    assert_eq!(room.content("b.txt").await, b"one");
    assert_eq!(
        rename("b.txt", "b.txt", OnConflict::Ask).await.unwrap(),
        "b.txt"
    );
    let error = rename("gone", "there", OnConflict::Ask).await.unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::NotFound { .. })),
        "{error:?}"
    );
    let error = rename("b.txt", "../b.txt", OnConflict::Ask)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::Name { .. })),
        "{error:?}"
    );
    let moved = room
        .files
        .rename(
            (&room.own, "b.txt"),
            (&room.shared, "b.txt"),
            OnConflict::Ask,
            nobody,
        )
        .await
        .unwrap();
    assert!(
        room.files
            .stat(&room.shared, &moved)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_moved_object_by_object() {
    let room = Room::new().await;
    for name in ["a/1", "a/b/2", "a/b/c/3", "ab"] {
        room.put(name, name).await;
    }
    let told = Mutex::new(Vec::new());
    let moved = room
        .files
        .rename(
            (&room.own, "a/"),
            (&room.own, "new/place/"),
            OnConflict::Ask,
            |progress| {
                told.lock().unwrap().push((progress.done, progress.total));
                ControlFlow::Continue(())
            },
        )
        .await
        .unwrap();
    assert_eq!(moved, "new/place/");
    assert_eq!(*told.lock().unwrap(), [(0, 3), (1, 3), (2, 3), (3, 3)]);
    assert_eq!(room.content("new/place/b/c/3").await, b"a/b/c/3");
    assert_eq!(room.files.stat(&room.own, "a/").await.unwrap(), None);
    assert!(room.files.stat(&room.own, "ab").await.unwrap().is_some());
    let error = room
        .files
        .rename(
            (&room.own, "new/"),
            (&room.own, "new/place/x/"),
            OnConflict::Ask,
            nobody,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::Name { .. })),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_fails_leaves_every_object_in_one_place() {
    let room = Room::new().await;
    for name in ["a/1", "a/2", "a/3"] {
        room.put(name, name).await;
    }
    // The first object is copied and deleted, the second one is not copied.
    let fail = |progress: Progress| {
        if progress.done == 1 {
            room.stage
                .emulator
                .fail_next(Endpoint::CopyObject, denied());
        }
        ControlFlow::Continue(())
    };
    let error = room
        .files
        .rename((&room.own, "a/"), (&room.own, "b/"), OnConflict::Ask, fail)
        .await
        .unwrap_err();
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
    for (there, gone) in [("b/1", "a/1"), ("a/2", "b/2"), ("a/3", "b/3")] {
        assert!(
            room.files.stat(&room.own, there).await.unwrap().is_some(),
            "{there}"
        );
        assert_eq!(
            room.files.stat(&room.own, gone).await.unwrap(),
            None,
            "{gone}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_the_old_name_meanwhile_is_not_deleted_with_it() {
    let room = Room::new().await;
    room.put("a", "old").await;
    let emulator = &room.stage.emulator;
    emulator.fail_next(Endpoint::DeleteObjects, Fault::Stall);
    let (from, to) = ((&room.own, "a"), (&room.own, "b"));
    let renamed = room.files.rename(from, to, OnConflict::Ask, nobody);
    let meanwhile = async {
        while room.stage.asked("DeleteObjects") == 0 {
            tokio::task::yield_now().await;
        }
        room.put("a", "new").await;
        emulator.release();
    };
    let (renamed, ()) = tokio::join!(renamed, meanwhile);
    let error = renamed.unwrap_err();
    assert!(
        matches!(error, Error::File(FileError::Changed { .. })),
        "{error:?}"
    );
    assert_eq!(room.content("a").await, b"new");
    assert_eq!(room.content("b").await, b"old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_taken_back_where_versions_are_kept() {
    let room = Room::new().await;
    for name in ["docs/1", "docs/deep/2", "keep", "odd \u{1} ä"] {
        room.put(name, name).await;
    }
    let paths = ["docs/".to_owned(), "odd \u{1} ä".to_owned()];
    let deleted = room.files.delete(&room.own, &paths, nobody).await.unwrap();
    assert_eq!(deleted.objects, 3);
    assert!(deleted.can_be_undone());
    assert_eq!(room.files.stat(&room.own, "docs/").await.unwrap(), None);
    assert!(room.files.stat(&room.own, "keep").await.unwrap().is_some());
    room.files.undelete(&deleted).await.unwrap();
    assert_eq!(room.content("docs/deep/2").await, b"docs/deep/2");
    assert_eq!(room.content("odd \u{1} ä").await, "odd \u{1} ä".as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_promised_of_a_deletion_whose_answer_was_lost() {
    let room = Room::new().await;
    let odd = "odd \u{1} ä";
    for (path, endpoint) in [
        ("x", Endpoint::DeleteObjects),
        (odd, Endpoint::DeleteObject),
    ] {
        for (fault, promised) in [(Fault::Throttled, true), (Fault::LoseReply, false)] {
            room.put(path, "x").await;
            room.stage.emulator.fail_next(endpoint, fault.clone());
            let paths = [path.to_owned()];
            let deleted = room.files.delete(&room.own, &paths, nobody).await.unwrap();
            assert_eq!(deleted.objects, 1);
            assert_eq!(deleted.can_be_undone(), promised, "{path:?} {fault:?}");
            if promised {
                room.files.undelete(&deleted).await.unwrap();
                assert_eq!(room.content(path).await, b"x");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_stopped_between_two_objects() {
    let room = Room::new().await;
    for name in ["a/1", "a/2", "a/3", "x", "y"] {
        room.put(name, name).await;
    }
    let stop_after = |number: u64| {
        move |progress: Progress| match progress.done < number {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    let (from, to) = ((&room.own, "a/"), (&room.own, "b/"));
    let renamed = room
        .files
        .rename(from, to, OnConflict::Ask, stop_after(1))
        .await;
    assert_eq!(renamed.unwrap(), "a/", "not all of it has the other name");
    let paths = ["x".to_owned(), "y".to_owned()];
    let deleted = room.files.delete(&room.own, &paths, stop_after(1)).await;
    let deleted = deleted.unwrap();
    assert_eq!(deleted.objects, 1);
    for there in ["b/1", "a/2", "a/3", "y"] {
        assert_eq!(
            room.content(there).await,
            there.replace('b', "a").as_bytes()
        );
    }
    for gone in ["a/1", "b/2", "x"] {
        assert_eq!(room.files.stat(&room.own, gone).await.unwrap(), None);
    }
    // What is deleted can be had back all the same.
    room.files.undelete(&deleted).await.unwrap();
    assert_eq!(room.content("x").await, b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_before_a_failure_can_be_had_back() {
    let room = Room::with(|config| {
        let role = &mut config.roles[0];
        *role = role.clone().with_policy(json!([{
            "Effect": "Deny",
            "Action": "s3:DeleteObject",
            "Resource": format!("arn:aws:s3:::{BUCKET}/*/kept"),
        }]));
    })
    .await;
    for name in ["docs/1", "docs/kept", "docs/zzz", "x"] {
        room.put(name, name).await;
    }
    let paths = ["x".to_owned(), "docs/".to_owned()];
    let not_all = room.files.delete(&room.own, &paths, nobody).await;
    let not_all = not_all.unwrap_err();
    assert!(
        matches!(
            not_all.error,
            Error::NotAllowed {
                action: "s3:DeleteObject",
                ..
            }
        ),
        "{not_all}"
    );
    assert!(not_all.to_string().contains("docs/kept"), "{not_all}");
    // Of one request as of several.
    assert_eq!(not_all.deleted.objects, 3);
    assert!(not_all.deleted.can_be_undone());
    for gone in ["docs/1", "docs/zzz", "x"] {
        assert_eq!(room.files.stat(&room.own, gone).await.unwrap(), None);
    }
    room.files.undelete(&not_all.deleted).await.unwrap();
    for back in ["docs/1", "docs/kept", "docs/zzz", "x"] {
        assert_eq!(room.content(back).await, back.as_bytes());
    }

    // Nothing is nothing to take back.
    let paths = ["docs/kept".to_owned()];
    let nothing = room.files.delete(&room.own, &paths, nobody).await;
    let deleted = nothing.unwrap_err().deleted;
    assert_eq!((deleted.objects, deleted.can_be_undone()), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_final_where_none_are() {
    let room = Room::with(|config| config.buckets = vec![Bucket::new(BUCKET)]).await;
    room.put("x", "x").await;
    let deleted = room
        .files
        .delete(&room.own, &["x".to_owned()], nobody)
        .await
        .unwrap();
    assert_eq!(deleted.objects, 1);
    assert!(!deleted.can_be_undone());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_files_are_not_deleted() {
    let room = Room::new().await;
    let mut other = room.own.clone();
    other.prefix = "users/us-east-1:somebody-else/".into();
    let error = room
        .files
        .delete(&other, &["x".to_owned()], nobody)
        .await
        .unwrap_err()
        .error;
    assert!(
        matches!(
            error,
            Error::NotAllowed {
                action: "s3:DeleteObject",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("somebody-else/x"), "{error}");
}
