//! The operations of S3 that are emulated, for s3s to call.

use std::{sync::Arc, time::SystemTime};

use s3s::{
    S3, S3Request, S3Response, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, BucketLocationConstraint,
        BucketVersioningStatus, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
        CopyObjectInput, CopyObjectOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
        DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
        GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
        GetBucketVersioningOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
        HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
        ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectVersionsInput,
        ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput,
        UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
    },
};

use super::store::Store;
use crate::state::Shared;

pub(crate) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Arc<Store>,
}

impl Service {
    pub(super) fn now(&self) -> SystemTime {
        self.shared.clock.now()
    }
}

/// An operation of s3s by one of ours.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident = |$self:ident, $request:ident| $body:expr;)*) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(async fn $name(&self, $request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let $self = self;
                $body
            })*
        }
    };
}

operations! {
    put_object(PutObjectInput) -> PutObjectOutput = |service, request| service.put(request).await;
    get_object(GetObjectInput) -> GetObjectOutput = |service, request| service.get(&request);
    head_object(HeadObjectInput) -> HeadObjectOutput = |service, request| service.head(&request);
    copy_object(CopyObjectInput) -> CopyObjectOutput = |service, request| service.copy(request).await;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = |service, request| service.delete(&request.input);
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = |service, request| service.delete_many(&request);

    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput =
        |service, request| service.create_upload(&request.input);
    upload_part(UploadPartInput) -> UploadPartOutput = |service, request| service.upload_part(request).await;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput =
        |service, request| service.upload_part_copy(request).await;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput =
        |service, request| service.complete_upload(&request.input);
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput =
        |service, request| service.abort_upload(&request.input);
    list_parts(ListPartsInput) -> ListPartsOutput = |service, request| service.parts(&request.input);
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput =
        |service, request| service.uploads(&request.input);

    list_objects(ListObjectsInput) -> ListObjectsOutput = |service, request| service.list_v1(&request.input);
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = |service, request| service.list_v2(&request.input);
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput =
        |service, request| service.list_versions(&request.input);
    list_buckets(ListBucketsInput) -> ListBucketsOutput = |service, _request| Ok(service.list_buckets());

    head_bucket(HeadBucketInput) -> HeadBucketOutput = |service, request| {
        service.store.bucket(&request.input.bucket, |_| Ok(()))?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(service.shared.config.region.clone()),
            ..HeadBucketOutput::default()
        }))
    };
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = |service, request| {
        service.store.bucket(&request.input.bucket, |_| Ok(()))?;
        // `us-east-1` is no constraint.
        let region = Some(service.shared.config.region.clone()).filter(|region| region != "us-east-1");
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint: region.map(BucketLocationConstraint::from),
        }))
    };
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = |service, request| {
        let versioned = service.store.bucket(&request.input.bucket, |bucket| Ok(bucket.versioned))?;
        let enabled = BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED);
        Ok(S3Response::new(GetBucketVersioningOutput {
            status: versioned.then_some(enabled),
            ..GetBucketVersioningOutput::default()
        }))
    };
}
