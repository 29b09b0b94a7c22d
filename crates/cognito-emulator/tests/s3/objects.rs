//! Objects, whole and as they are: every key, their checksums, their listings.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use cognito_emulator::{Bucket, Config};

use crate::common::{sdk::*, *};
use crate::{BUCKET, noise, wide};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_comes_back_as_it_went() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let content = noise(300_000);
    let key = alex.own("notes.bin");
    let put = s3
        .put_object()
        .bucket(BUCKET)
        .key(&key)
        .content_type("application/x-test")
        .cache_control("no-cache")
        .metadata("colour", "blue")
        .body(content.clone().into())
        .send()
        .await
        .unwrap();
    let got = s3
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(got.e_tag, put.e_tag);
    assert_eq!(got.version_id, put.version_id);
    assert!(got.version_id.is_some(), "the demo's bucket has versions");
    assert_eq!(got.checksum_crc32, put.checksum_crc32);
    assert!(
        got.checksum_crc32.is_some(),
        "what this SDK sends by itself"
    );
    assert_eq!(got.content_type.as_deref(), Some("application/x-test"));
    assert_eq!(got.cache_control.as_deref(), Some("no-cache"));
    assert_eq!(got.metadata.unwrap()["colour"], "blue");
    assert_eq!(got.body.collect().await.unwrap().to_vec(), content);
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=299990-", 299_990..300_000),
        ("bytes=-7", 299_993..300_000),
        ("bytes=100000-200000", 100_000..200_001),
        ("bytes=299999-400000", 299_999..300_000),
    ] {
        let got = s3
            .get_object()
            .bucket(BUCKET)
            .key(&key)
            .range(range)
            .send()
            .await
            .unwrap();
        let sent = format!("bytes {}-{}/300000", expected.start, expected.end - 1);
        assert_eq!(got.content_range.as_deref(), Some(&*sent), "{range}");
        assert_eq!(
            got.body.collect().await.unwrap().to_vec(),
            content[expected],
            "{range}"
        );
    }
    let beyond = s3
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .range("bytes=300000-")
        .send()
        .await;
    assert_eq!(refusal(beyond).2, 416);
    let empty = alex.own("empty");
    s3.put_object()
        .bucket(BUCKET)
        .key(&empty)
        .send()
        .await
        .unwrap();
    let got = s3
        .get_object()
        .bucket(BUCKET)
        .key(&empty)
        .send()
        .await
        .unwrap();
    assert_eq!(
        got.e_tag.as_deref(),
        Some("\"d41d8cd98f00b204e9800998ecf8427e\"")
    );
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_checksum_is_kept_and_a_wrong_one_refused() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let key = alex.own("sums");
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        s3.put_object()
            .bucket(BUCKET)
            .key(&key)
            .checksum_algorithm(algorithm.clone())
            .body(ByteStream::from_static(b"hello world"))
            .send()
            .await
            .unwrap();
        let head = s3
            .head_object()
            .bucket(BUCKET)
            .key(&key)
            .checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        let sums = [
            (ChecksumAlgorithm::Crc32, head.checksum_crc32, "DUoRhQ=="),
            (ChecksumAlgorithm::Crc32C, head.checksum_crc32_c, "yZRlqg=="),
            (
                ChecksumAlgorithm::Crc64Nvme,
                head.checksum_crc64_nvme,
                "jSnVw/bqjr4=",
            ),
            (
                ChecksumAlgorithm::Sha1,
                head.checksum_sha1,
                "Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            ),
            (
                ChecksumAlgorithm::Sha256,
                head.checksum_sha256,
                "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
            ),
        ];
        for (of, sum, expected) in sums {
            let expected = (of == algorithm).then(|| expected.to_owned());
            assert_eq!(sum, expected, "{of} after {algorithm}");
        }
    }
    let wrong = s3
        .put_object()
        .bucket(BUCKET)
        .key(alex.own("wrong"))
        .checksum_sha256("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
    let (code, message, status) =
        refusal(wrong.body(ByteStream::from_static(b"hello")).send().await);
    assert_eq!((code.as_str(), status), ("BadDigest", 400));
    assert_eq!(
        message,
        "The SHA256 you specified did not match the calculated checksum."
    );
    let wrong = s3
        .put_object()
        .bucket(BUCKET)
        .key(alex.own("wrong"))
        .content_md5("XUFAKrxLKna5cZ2REBfFkg==");
    assert_eq!(
        refusal(wrong.body(ByteStream::from_static(b"other")).send().await).0,
        "BadDigest"
    );
    let absent = s3
        .get_object()
        .bucket(BUCKET)
        .key(alex.own("wrong"))
        .send()
        .await;
    assert_eq!(
        refusal(absent).2,
        403,
        "nothing was kept, and the role may not list without a prefix"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_is_a_key_and_leads_nowhere_else() {
    let emulator = start_with(wide()).await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let keys = [
        "with space +plus %41 percent".to_owned(),
        "emoji 🗝️/ключ/鍵.txt".into(),
        "../../../etc/passwd".into(),
        "a/../b".into(),
        "a/./b".into(),
        "..".into(),
        ".hidden".into(),
        "trailing.".into(),
        "back\\slash\\..\\x".into(),
        "CON".into(),
        "a//b".into(),
        "folder/".into(),
        "q?x=1&y#z".into(),
        "\"quoted\" <&> 'it'".into(),
        "k".repeat(1024),
        "é".repeat(512),
    ];
    for key in &keys {
        let put = s3
            .put_object()
            .bucket("plain")
            .key(key)
            .body(key.as_bytes().to_vec().into());
        put.send()
            .await
            .unwrap_or_else(|error| panic!("{key}: {error:?}"));
    }
    for key in &keys {
        let got = s3
            .get_object()
            .bucket("plain")
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(
            got.body.collect().await.unwrap().to_vec(),
            key.as_bytes(),
            "{key}"
        );
    }
    let listed = s3.list_objects_v2().bucket("plain").send().await.unwrap();
    let mut sorted = keys.to_vec();
    sorted.sort();
    let listed: Vec<_> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect();
    assert_eq!(listed, sorted);
    let long = s3
        .put_object()
        .bucket("plain")
        .key("k".repeat(1025))
        .send()
        .await;
    assert_eq!(
        refusal(long),
        ("KeyTooLongError".into(), "Your key is too long".into(), 400)
    );
    let copy =
        s3.copy_object().bucket("plain").key("copy").copy_source(
            "plain/emoji%20%F0%9F%97%9D%EF%B8%8F/%D0%BA%D0%BB%D1%8E%D1%87/%E9%8D%B5.txt",
        );
    copy.send().await.unwrap();
    let got = s3
        .get_object()
        .bucket("plain")
        .key("copy")
        .send()
        .await
        .unwrap();
    assert_eq!(
        got.body.collect().await.unwrap().to_vec(),
        keys[1].as_bytes()
    );
    for key in &keys {
        s3.delete_object()
            .bucket("plain")
            .key(key)
            .send()
            .await
            .unwrap();
    }
    let listed = s3.list_objects_v2().bucket("plain").send().await.unwrap();
    assert_eq!(listed.contents().len(), 1);
    let absent = s3.get_object().bucket("plain").key("a/../b").send().await;
    assert_eq!(
        refusal(absent),
        (
            "NoSuchKey".into(),
            "The specified key does not exist.".into(),
            404
        )
    );
    let absent = s3.get_object().bucket("absent").key("x").send().await;
    assert_eq!(refusal(absent).0, "NoSuchBucket");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_objects_list_in_pages() {
    let sample = |bucket: Bucket, index: usize| {
        bucket.with_sample(format!("n/{index:05}"), "text/plain", "")
    };
    let many = (0..10_000).fold(Bucket::new("many"), sample);
    let emulator = start_with(wide().with_bucket(many)).await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let mut pages = s3
        .list_objects_v2()
        .bucket("many")
        .prefix("n/")
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.key_count(), Some(1000));
        keys.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
    }
    assert_eq!(keys.len(), 10_000);
    assert!(keys.is_sorted());
    let folders = s3
        .list_objects_v2()
        .bucket("many")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(folders.common_prefixes().len(), 1);
    let after = s3
        .list_objects_v2()
        .bucket("many")
        .start_after("n/09997")
        .send()
        .await
        .unwrap();
    assert_eq!(after.contents().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_reads_and_writes() {
    let emulator = start_with(wide()).await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let put = || {
        s3.put_object()
            .bucket("plain")
            .key("x")
            .body(b"1".to_vec().into())
    };
    let etag = put()
        .if_none_match("*")
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    assert_eq!(refusal(put().if_none_match("*").send().await).2, 412);
    assert_eq!(refusal(put().if_match("\"other\"").send().await).2, 412);
    put().if_match(&etag).send().await.unwrap();
    let get = || s3.get_object().bucket("plain").key("x");
    get().if_match(&etag).send().await.unwrap();
    assert_eq!(refusal(get().if_match("\"other\"").send().await).2, 412);
    let same = get().if_none_match(&etag).send().await.unwrap_err();
    assert_eq!(same.raw_response().unwrap().status().as_u16(), 304);
    let modified = get().send().await.unwrap().last_modified.unwrap();
    let same = get().if_modified_since(modified).send().await.unwrap_err();
    assert_eq!(same.raw_response().unwrap().status().as_u16(), 304);
}

#[tokio::test]
async fn objects_outlive_the_emulator_in_a_folder_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config {
        s3_folder: Some(folder.path().to_owned()),
        ..wide()
    };
    let contents = || {
        std::fs::read_dir(folder.path().join("objects"))
            .unwrap()
            .count()
    };
    let emulator = start_with(config()).await;
    let alex = Person::alex(&emulator).await;
    let client = s3(&emulator, &alex.credentials);
    for key in ["kept", "deleted"] {
        let put = client
            .put_object()
            .bucket("plain")
            .key(key)
            .metadata("a", "b");
        put.body(b"text".to_vec().into()).send().await.unwrap();
    }
    client
        .copy_object()
        .bucket("plain")
        .key("copy")
        .copy_source("plain/deleted")
        .send()
        .await
        .unwrap();
    client
        .delete_object()
        .bucket("plain")
        .key("deleted")
        .send()
        .await
        .unwrap();
    let upload = client
        .create_multipart_upload()
        .bucket("plain")
        .key("never")
        .send()
        .await
        .unwrap();
    let part = client
        .upload_part()
        .bucket("plain")
        .key("never")
        .part_number(1);
    part.upload_id(upload.upload_id().unwrap())
        .body(noise(9).into())
        .send()
        .await
        .unwrap();
    emulator.shutdown().await;
    // Two samples, two objects, each with its record, and a part.
    assert_eq!(contents(), 9);

    let emulator = start_with(config()).await;
    assert_eq!(contents(), 8);
    let alex = Person::alex(&emulator).await;
    let client = s3(&emulator, &alex.credentials);
    for key in ["kept", "copy"] {
        let got = client
            .get_object()
            .bucket("plain")
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(got.metadata().unwrap()["a"], "b");
        assert_eq!(got.body.collect().await.unwrap().to_vec(), b"text");
    }
    let gone = client
        .get_object()
        .bucket("plain")
        .key("deleted")
        .send()
        .await;
    assert_eq!(refusal(gone).0, "NoSuchKey");
    client
        .delete_object()
        .bucket("plain")
        .key("copy")
        .send()
        .await
        .unwrap();
    assert_eq!(contents(), 6);
}
