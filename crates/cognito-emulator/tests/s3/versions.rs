//! Buckets that keep versions.

use crate::BUCKET;
use crate::common::{sdk::*, *};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_object_can_be_had_back_where_versions_are_kept() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let key = alex.own("draft.txt");
    for text in ["one", "two"] {
        let put = s3
            .put_object()
            .bucket(BUCKET)
            .key(&key)
            .body(text.as_bytes().to_vec().into());
        put.send().await.unwrap();
    }
    let gone = s3
        .delete_object()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.delete_marker(), Some(true));
    let listed = s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(alex.own(""))
        .send()
        .await
        .unwrap();
    assert!(listed.contents().is_empty());
    let versions = s3
        .list_object_versions()
        .bucket(BUCKET)
        .prefix(alex.own(""))
        .send()
        .await
        .unwrap();
    assert_eq!(versions.versions().len(), 2);
    assert_eq!(versions.delete_markers()[0].version_id(), gone.version_id());
    assert_eq!(versions.delete_markers()[0].is_latest(), Some(true));
    let old = versions.versions()[1].version_id().unwrap();
    let first = s3
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .version_id(old)
        .send()
        .await
        .unwrap();
    assert_eq!(first.body.collect().await.unwrap().to_vec(), b"one");
    let marker = s3
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .version_id(gone.version_id().unwrap())
        .send()
        .await;
    assert_eq!(refusal(marker).2, 405);
    // The marker goes, and the object is there again.
    let back = s3
        .delete_object()
        .bucket(BUCKET)
        .key(&key)
        .version_id(gone.version_id().unwrap());
    back.send().await.unwrap();
    let got = s3
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"two");
    let mut seen = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = s3
            .list_object_versions()
            .bucket(BUCKET)
            .prefix(alex.own(""))
            .max_keys(1);
        let page = page
            .set_key_marker(key_marker)
            .set_version_id_marker(id_marker)
            .send()
            .await
            .unwrap();
        seen.extend(
            page.versions()
                .iter()
                .map(|version| version.version_id().unwrap().to_owned()),
        );
        (key_marker, id_marker) = (page.next_key_marker, page.next_version_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(seen.len(), 2);
    assert_ne!(seen[0], seen[1]);
    let unknown = s3
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .version_id("none")
        .send()
        .await;
    assert_eq!(refusal(unknown).0, "NoSuchVersion");
}
