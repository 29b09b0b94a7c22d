//! Uploads in parts.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart};

use crate::common::{sdk::*, *};
use crate::{BUCKET, MIB, noise};

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
