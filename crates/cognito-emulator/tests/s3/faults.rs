//! What goes wrong on demand.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use cognito_emulator::{Endpoint, Fault};

use crate::common::{sdk::*, *};
use crate::{BUCKET, MIB, noise};

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
