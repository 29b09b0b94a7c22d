//! S3 as AWS's own SDK for Rust sees it.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete,
        ObjectIdentifier,
    },
};
use cognito_emulator::{Bucket, Config, Endpoint, Fault, Role};
use common::{sdk::*, *};
use serde_json::json;

const BUCKET: &str = "keyfob-demo";
const MIB: usize = 1024 * 1024;

/// Octets without a pattern that a mistake in order or place would leave unseen.
fn noise(length: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..4099_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    block.iter().copied().cycle().take(length).collect()
}

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
async fn the_policy_keeps_people_apart() {
    let emulator = start_with(with_blair(Config::demo())).await;
    let alex = Person::alex(&emulator).await;
    let url = authorize_url(&emulator, &[]);
    let back = emulator
        .sign_in_with(&url, "blair", "Blair-pass-1")
        .await
        .unwrap();
    let code = query_of(&back)["code"].clone();
    let tokens: serde_json::Value = redeem(&emulator, &code).await.json().await.unwrap();
    let blair = Person::of(&emulator, &tokens["id_token"]).await;
    assert_ne!(alex.identity_id, blair.identity_id);
    let (own, other) = (
        s3(&emulator, &alex.credentials),
        s3(&emulator, &blair.credentials),
    );
    let key = alex.own("diary.txt");
    let arn =
        "arn:aws:sts::123456789012:assumed-role/KeyfobDemoAuthenticated/CognitoIdentityCredentials";
    own.put_object()
        .bucket(BUCKET)
        .key(&key)
        .body(b"dear".to_vec().into())
        .send()
        .await
        .unwrap();
    let refused = |action: &str, resource: &str| {
        let message = format!(
            "User: {arn} is not authorized to perform: {action} on resource: \"{resource}\" because no identity-based \
             policy allows the {action} action"
        );
        ("AccessDenied".to_owned(), message, 403)
    };
    let object = format!("arn:aws:s3:::{BUCKET}/{key}");
    let get = other.get_object().bucket(BUCKET).key(&key).send().await;
    assert_eq!(refusal(get), refused("s3:GetObject", &object));
    let put = other
        .put_object()
        .bucket(BUCKET)
        .key(&key)
        .body(noise(2 * MIB).into())
        .send()
        .await;
    assert_eq!(refusal(put), refused("s3:PutObject", &object));
    let delete = other.delete_object().bucket(BUCKET).key(&key).send().await;
    assert_eq!(refusal(delete), refused("s3:DeleteObject", &object));
    let begin = other
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await;
    assert_eq!(refusal(begin), refused("s3:PutObject", &object));
    let copy = other.copy_object().bucket(BUCKET).key(blair.own("stolen"));
    let copy = copy
        .copy_source(format!("{BUCKET}/{}", key.replace(':', "%3A")))
        .send()
        .await;
    assert_eq!(refusal(copy), refused("s3:GetObject", &object));
    let bucket = format!("arn:aws:s3:::{BUCKET}");
    for prefix in ["", "users/", &alex.own("")] {
        let list = other
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .send()
            .await;
        assert_eq!(refusal(list), refused("s3:ListBucket", &bucket), "{prefix}");
    }
    assert_eq!(
        refusal(other.list_buckets().send().await),
        refused("s3:ListAllMyBuckets", "arn:aws:s3:::*")
    );
    let ids = [key.clone(), blair.own("x")]
        .map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder()
        .set_objects(Some(ids.to_vec()))
        .build()
        .unwrap();
    let deleted = other
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.errors()[0].code(), Some("AccessDenied"));
    assert_eq!(deleted.errors()[0].key(), Some(&*key));
    assert_eq!(deleted.deleted()[0].key(), Some(&*blair.own("x")));
    let still = own
        .get_object()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
    assert_eq!(still.body.collect().await.unwrap().to_vec(), b"dear");
    let list = own
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(alex.own(""))
        .send()
        .await
        .unwrap();
    assert_eq!(list.contents()[0].key(), Some(&*key));
    let shared = other
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("shared/")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(shared.contents()[0].key(), Some("shared/Welcome.txt"));
    assert_eq!(
        shared.common_prefixes()[0].prefix(),
        Some("shared/pictures/")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_looked_at_before_anything_else() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let good = &alex.credentials;
    let with = |key: &str, secret: &str, token: Option<&str>| {
        let token = token.map(str::to_owned);
        aws_credential_types::Credentials::new(key, secret, token, None, "test")
    };
    let (key, secret, token) = (
        good.access_key_id(),
        good.secret_access_key(),
        good.session_token(),
    );
    let cases = [
        (
            with("ASIAIOSFODNN7EXAMPLE", secret, token),
            "InvalidAccessKeyId",
            403,
        ),
        (
            with(key, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token),
            "SignatureDoesNotMatch",
            403,
        ),
        (with(key, secret, None), "InvalidToken", 400),
        (
            with(key, secret, Some("IQoJb3JpZ2luX2Vjmine")),
            "InvalidToken",
            400,
        ),
    ];
    for (credentials, code, status) in cases {
        let put = s3(&emulator, &credentials)
            .put_object()
            .bucket(BUCKET)
            .key(alex.own("x"));
        // More than a connection takes in while nobody reads.
        let refused = refusal(put.body(noise(3 * MIB).into()).send().await);
        assert_eq!((refused.0.as_str(), refused.2), (code, status));
        assert!(!refused.1.is_empty(), "{code} has no message");
    }
    let get = |ahead| {
        s3_ahead(&emulator, good, ahead)
            .get_object()
            .bucket(BUCKET)
            .key("shared/Welcome.txt")
            .send()
    };
    get(Duration::from_secs(14 * 60)).await.unwrap();
    let skewed = refusal(get(Duration::from_secs(16 * 60)).await);
    assert_eq!((skewed.0.as_str(), skewed.2), ("RequestTimeTooSkewed", 403));
    emulator.advance(Duration::from_secs(3300));
    get(Duration::from_secs(3300)).await.unwrap();
    let skewed = refusal(get(Duration::ZERO).await);
    assert_eq!(skewed.0, "RequestTimeTooSkewed");
    emulator.advance(Duration::from_secs(300));
    let expired = refusal(get(Duration::from_secs(3600)).await);
    assert_eq!(
        expired,
        (
            "ExpiredToken".into(),
            "The provided token has expired.".into(),
            400
        )
    );
}

#[tokio::test]
async fn unsigned_requests_are_told_who_answers() {
    let emulator = start().await;
    let answer = get(format!("{}/{BUCKET}/shared/Welcome.txt", emulator.domain())).await;
    assert_eq!(answer.status(), 403);
    let text = answer.text().await.unwrap();
    assert!(text.contains("<Code>AccessDenied</Code>"), "{text}");
    let answer = get(format!("{}/no-such-bucket/x", emulator.domain())).await;
    assert_eq!(answer.status(), 404);
    // A signature of version 2 is none, and one of version 4 does not let it pass.
    let alex = Person::alex(&emulator).await;
    let key = alex.credentials.access_key_id();
    let old = format!("AWSAccessKeyId={key}&Expires=9999999999&Signature=AAAA");
    let both = format!("{old}&X-Amz-Credential={key}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request");
    for (query, code) in [(old, "InvalidRequest"), (both, "InvalidArgument")] {
        let answer = get(format!(
            "{}/{BUCKET}/shared/Welcome.txt?{query}",
            emulator.domain()
        ))
        .await;
        assert_eq!(answer.status(), 400, "{query}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_urls_die_in_time_and_with_their_credentials() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let presign = async |seconds: u64| {
        let config =
            aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(seconds))
                .unwrap();
        let get = s3.get_object().bucket(BUCKET).key("shared/Welcome.txt");
        get.presigned(config).await.unwrap().uri().to_owned()
    };
    let (short, long) = (presign(60).await, presign(7 * 24 * 3600).await);
    for url in [&short, &long] {
        let answer = get(url).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().starts_with("Everybody"));
    }
    let other = short.replace("Welcome.txt", "pictures/Colours.png");
    assert!(
        get(other)
            .await
            .text()
            .await
            .unwrap()
            .contains("SignatureDoesNotMatch")
    );
    let url = long.replace("X-Amz-Expires=604800", "X-Amz-Expires=604801");
    assert!(
        get(url)
            .await
            .text()
            .await
            .unwrap()
            .contains("AuthorizationQueryParametersError")
    );
    emulator.advance(Duration::from_secs(61));
    assert!(
        get(&short)
            .await
            .text()
            .await
            .unwrap()
            .contains("<Message>Request has expired</Message>")
    );
    assert_eq!(get(&long).await.status(), 200);
    emulator.advance(Duration::from_secs(3600));
    assert!(
        get(&long)
            .await
            .text()
            .await
            .unwrap()
            .contains("<Code>ExpiredToken</Code>")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_in_parts_are_listed_completed_and_aborted() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let key = alex.own("large.bin");
    let content = noise(5 * MIB + 17);
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Crc64Nvme,
    ] {
        let begin = s3
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(&key)
            .content_type("x/y");
        let upload = begin
            .checksum_algorithm(algorithm.clone())
            .send()
            .await
            .unwrap();
        let id = upload.upload_id().unwrap();
        let mut parts = Vec::new();
        for (index, part) in content.chunks(5 * MIB).enumerate() {
            let number = i32::try_from(index).unwrap() + 1;
            let upload = s3
                .upload_part()
                .bucket(BUCKET)
                .key(&key)
                .upload_id(id)
                .part_number(number);
            let upload = upload
                .checksum_algorithm(algorithm.clone())
                .body(part.to_vec().into());
            let sent = upload.send().await.unwrap();
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(sent.e_tag)
                    .set_checksum_crc32(sent.checksum_crc32)
                    .set_checksum_sha256(sent.checksum_sha256)
                    .set_checksum_crc64_nvme(sent.checksum_crc64_nvme)
                    .build(),
            );
        }
        let listed = s3
            .list_parts()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(id)
            .max_parts(1)
            .send()
            .await
            .unwrap();
        assert_eq!(listed.parts().len(), 1);
        assert_eq!(listed.is_truncated(), Some(true));
        let marker = listed.next_part_number_marker().unwrap();
        let rest = s3
            .list_parts()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(id)
            .part_number_marker(marker);
        let rest = rest.send().await.unwrap();
        assert_eq!(rest.parts()[0].size(), Some(17));
        let uploads = s3
            .list_multipart_uploads()
            .bucket(BUCKET)
            .prefix(alex.own(""))
            .send()
            .await
            .unwrap();
        assert_eq!(uploads.uploads()[0].upload_id(), Some(id));
        let complete = |parts: Vec<CompletedPart>| {
            let parts = CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build();
            let complete = s3
                .complete_multipart_upload()
                .bucket(BUCKET)
                .key(&key)
                .upload_id(id);
            complete.multipart_upload(parts).send()
        };
        let backwards = parts.iter().rev().cloned().collect();
        assert_eq!(refusal(complete(backwards).await).0, "InvalidPartOrder");
        let mut wrong = parts.clone();
        wrong[1].e_tag = Some("\"d41d8cd98f00b204e9800998ecf8427e\"".into());
        assert_eq!(refusal(complete(wrong).await).0, "InvalidPart");
        let done = complete(parts.clone()).await.unwrap();
        assert!(done.e_tag().unwrap().ends_with("-2\""));
        assert_eq!(refusal(complete(parts).await).0, "NoSuchUpload");
        let got = s3
            .get_object()
            .bucket(BUCKET)
            .key(&key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(got.content_type(), Some("x/y"));
        match algorithm {
            ChecksumAlgorithm::Crc32 => assert!(got.checksum_crc32().unwrap().ends_with("-2")),
            ChecksumAlgorithm::Sha256 => assert!(got.checksum_sha256().unwrap().ends_with("-2")),
            _ => {
                // Of the whole object, put together from those of the parts: as in one piece.
                let whole = s3
                    .put_object()
                    .bucket(BUCKET)
                    .key(alex.own("whole"))
                    .body(content.clone().into());
                let whole = whole
                    .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                    .send()
                    .await
                    .unwrap();
                assert_eq!(got.checksum_crc64_nvme(), whole.checksum_crc64_nvme());
            }
        }
        assert!(got.body.collect().await.unwrap().to_vec() == content);
        let part = s3
            .get_object()
            .bucket(BUCKET)
            .key(&key)
            .part_number(2)
            .send()
            .await
            .unwrap();
        assert_eq!(part.parts_count(), Some(2));
        assert!(part.body.collect().await.unwrap().to_vec() == content[5 * MIB..]);
        let across = s3
            .get_object()
            .bucket(BUCKET)
            .key(&key)
            .range("bytes=5242870-5242890")
            .send()
            .await
            .unwrap();
        assert!(across.body.collect().await.unwrap().to_vec() == content[5_242_870..=5_242_890]);
    }
    let upload = s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
    let id = upload.upload_id().unwrap();
    for number in [1, 2] {
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(id)
            .part_number(number);
        part.body(noise(100).into()).send().await.unwrap();
    }
    let parts = s3
        .list_parts()
        .bucket(BUCKET)
        .key(&key)
        .upload_id(id)
        .send()
        .await
        .unwrap();
    let completed = parts.parts().iter().map(|part| {
        CompletedPart::builder()
            .set_part_number(part.part_number)
            .set_e_tag(part.e_tag.clone())
            .build()
    });
    let small = CompletedMultipartUpload::builder()
        .set_parts(Some(completed.collect()))
        .build();
    let small = s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(&key)
        .upload_id(id)
        .multipart_upload(small);
    assert_eq!(refusal(small.send().await).0, "EntityTooSmall");
    let abort = || {
        s3.abort_multipart_upload()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(id)
            .send()
    };
    abort().await.unwrap();
    assert_eq!(refusal(abort().await).0, "NoSuchUpload");
    let late = s3
        .upload_part()
        .bucket(BUCKET)
        .key(&key)
        .upload_id(id)
        .part_number(2)
        .body(noise(10).into());
    assert_eq!(refusal(late.send().await).0, "NoSuchUpload");
}

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

/// May do everything in a bucket without versions.
fn wide() -> Config {
    let everything = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
    let mut config = Config::demo().with_bucket(Bucket::new("plain"));
    let pool = config.identity_pool.id.clone();
    let role = Role::for_authenticated("arn:aws:iam::123456789012:role/Wide", &pool);
    config.identity_pool.authenticated_role = Some(role.arn.clone());
    config.with_role(role.with_policy(everything))
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

#[tokio::test(flavor = "multi_thread")]
async fn transfers_break_where_they_are_told_to() {
    let emulator = start().await;
    let alex = Person::alex(&emulator).await;
    let s3 = s3(&emulator, &alex.credentials);
    let key = alex.own("x");
    let content = noise(2 * MIB);
    let put = || {
        let put = s3.put_object().bucket(BUCKET).key(&key);
        put.body(content.clone().into()).send()
    };
    let get = || s3.get_object().bucket(BUCKET).key(&key).send();
    let versions = async || {
        let listed = s3.list_object_versions().bucket(BUCKET).prefix(&key);
        listed.send().await.unwrap().versions().len()
    };
    // Whoever is refused while still sending hears why.
    emulator.fail_next(Endpoint::PutObject, Fault::Throttled);
    assert_eq!(refusal(put().await).0, "SlowDown");
    emulator.fail_next(Endpoint::PutObject, Fault::DropMidBody);
    assert!(put().await.unwrap_err().as_service_error().is_none());
    assert_eq!(versions().await, 0, "half an upload is none");
    // It is there, and nobody has heard of it.
    emulator.fail_next(Endpoint::PutObject, Fault::LoseReply);
    assert!(put().await.unwrap_err().as_service_error().is_none());
    assert_eq!(versions().await, 1);
    put().await.unwrap();
    emulator.fail_next(Endpoint::GetObject, Fault::CutReply);
    let cut = get().await.unwrap();
    assert_eq!(cut.content_length(), Some(2 * MIB as i64));
    assert!(cut.body.collect().await.is_err());
    let whole = get().await.unwrap();
    assert!(whole.body.collect().await.unwrap().to_vec() == content);

    let upload = s3.create_multipart_upload().bucket(BUCKET).key(&key);
    let upload = upload.send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = || {
        let part = s3.upload_part().bucket(BUCKET).key(&key).upload_id(id);
        part.part_number(1).body(content.clone().into()).send()
    };
    emulator.fail_next(Endpoint::UploadPart, Fault::DropMidBody);
    assert!(part().await.is_err());
    let parts = s3.list_parts().bucket(BUCKET).key(&key).upload_id(id);
    assert!(parts.send().await.unwrap().parts().is_empty());
    let sent = part().await.unwrap();
    // What S3 can answer once it has sent 200.
    emulator.fail_next(
        Endpoint::CompleteMultipartUpload,
        Fault::Xml {
            status: 200,
            code: "InternalError".into(),
            message: "We encountered an internal error. Please try again.".into(),
        },
    );
    let complete = || {
        let part = CompletedPart::builder().part_number(1);
        let part = part.set_e_tag(sent.e_tag.clone()).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let complete = s3.complete_multipart_upload().bucket(BUCKET).key(&key);
        complete.upload_id(id).multipart_upload(parts).send()
    };
    assert_eq!(refusal(complete().await).0, "InternalError");
    complete().await.unwrap();
    let asked = emulator.requests();
    let asked = asked
        .iter()
        .filter_map(|request| request.operation.as_deref());
    let completed = asked.filter(|operation| *operation == "CompleteMultipartUpload");
    assert_eq!(completed.count(), 2);
}
