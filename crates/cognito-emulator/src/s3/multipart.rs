//! Uploads in parts.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use s3s::{
    S3Request, S3Response, S3Result,
    crypto::{Checksum as _, Md5},
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CompletedPart, CopyPartResult, CreateMultipartUploadInput,
        CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput,
        ListPartsInput, ListPartsOutput, MultipartUpload, Part as PartOutput, Range,
        UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};

use super::{
    checksum::{Algorithm, Checksum, Declared, Hashers},
    files::{self, Blob, Written},
    listing::encoded,
    objects::{DEFAULT_ALGORITHM, attributes_of},
    service::Service,
    store::{Attributes, Bucket, Object, Part, timestamp},
};
use crate::random;

/// Every part but the last has at least 5 MiB.
const MIN_PART: u64 = 5 * 1024 * 1024;
const MAX_PARTS: i32 = 10_000;

/// An upload that has begun.
pub(crate) struct Upload {
    key: String,
    started: SystemTime,
    algorithm: Algorithm,
    composite: bool,
    attributes: Attributes,
    parts: BTreeMap<i32, UploadedPart>,
}

#[derive(Clone)]
struct UploadedPart {
    blob: Arc<Blob>,
    md5: [u8; 16],
    checksum: Option<Checksum>,
    modified: SystemTime,
}

impl UploadedPart {
    fn etag(&self) -> ETag {
        ETag::Strong(crate::sigv4::hex(&self.md5))
    }
}

fn find<'a>(bucket: &'a mut Bucket, key: &str, upload_id: &str) -> S3Result<&'a mut Upload> {
    bucket
        .uploads
        .get_mut(upload_id)
        .filter(|upload| upload.key == key)
        .ok_or_else(|| {
            s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                 aborted or completed."
            )
        })
}

fn check_part_number(number: i32) -> S3Result<()> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidArgument,
        "Part number must be an integer between 1 and 10000, inclusive"
    ))
}

impl Service {
    pub(super) fn create_upload(
        &self,
        input: &CreateMultipartUploadInput,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let asked = input.checksum_algorithm.as_ref();
        let algorithm = asked.map_or(Ok(DEFAULT_ALGORITHM), |asked| {
            Algorithm::parse(asked.as_str())
        })?;
        let kind = input
            .checksum_type
            .as_ref()
            .map(s3s::dto::ChecksumType::as_str);
        let composite = algorithm.is_composite(kind);
        let possible = match algorithm {
            Algorithm::Crc64Nvme => !composite,
            Algorithm::Sha1 | Algorithm::Sha256 => composite,
            Algorithm::Crc32 | Algorithm::Crc32c => true,
        };
        if !possible {
            return Err(s3_error!(
                InvalidRequest,
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                kind.unwrap_or_default(),
                algorithm.name().to_lowercase()
            ));
        }
        let id = random::base64_url(64);
        let upload = Upload {
            key: input.key.clone(),
            started: self.now(),
            algorithm,
            composite,
            attributes: attributes_of!(input),
            parts: BTreeMap::new(),
        };
        self.store.bucket(&input.bucket, |bucket| {
            bucket.uploads.insert(id.clone(), upload);
            Ok(())
        })?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(id),
            checksum_algorithm: asked.cloned(),
            checksum_type: asked.and(Some(kind_of(composite))),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let declared = Declared::in_headers(&request.headers)?;
        let input = request.input;
        check_part_number(input.part_number)?;
        let algorithm = self.store.bucket(&input.bucket, |bucket| {
            Ok(find(bucket, &input.key, &input.upload_id)?.algorithm)
        })?;
        let mut algorithms = vec![algorithm];
        algorithms.extend(declared.algorithm.filter(|other| *other != algorithm));
        let Some(body) = input.body else {
            return Err(s3_error!(
                MissingContentLength,
                "You must provide the Content-Length HTTP header."
            ));
        };
        let written = self
            .store
            .files
            .write(body, Hashers::new(&algorithms))
            .await?;
        let trailer = request.trailing_headers.and_then(|trailer| trailer.take());
        declared.check(trailer.as_ref(), &written.md5, &written.checksums)?;
        let part = self.keep_part(
            &input.bucket,
            &input.key,
            &input.upload_id,
            input.part_number,
            written,
        )?;
        let checksum = part
            .checksum
            .as_ref()
            .map(Checksum::dto)
            .unwrap_or_default();
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(part.etag()),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..UploadPartOutput::default()
        }))
    }

    /// The upload may have been completed or aborted while its part came in: then the part goes.
    fn keep_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: i32,
        written: Written,
    ) -> S3Result<UploadedPart> {
        let part = UploadedPart {
            blob: written.blob,
            md5: written.md5,
            checksum: written.checksums.into_iter().next(),
            modified: self.now(),
        };
        self.store.bucket(bucket, |bucket| {
            let upload = find(bucket, key, upload_id)?;
            upload.parts.insert(number, part.clone());
            Ok(part)
        })
    }

    pub(super) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = &request.input;
        check_part_number(input.part_number)?;
        let (version, source) = self.source(&request, &input.copy_source)?;
        let range = match &input.copy_source_range {
            None => 0..source.size,
            Some(range) => Range::parse(range)
                .ok()
                .and_then(|range| range.check(source.size).ok())
                .ok_or_else(|| {
                    s3_error!(
                        InvalidArgument,
                        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
                         are the zero-based offsets of the first and last bytes to copy"
                    )
                })?,
        };
        let algorithm = self.store.bucket(&input.bucket, |bucket| {
            Ok(find(bucket, &input.key, &input.upload_id)?.algorithm)
        })?;
        let content = files::read(source.blobs(), range);
        let written = self
            .store
            .files
            .write(content, Hashers::new(&[algorithm]))
            .await?;
        let part = self.keep_part(
            &input.bucket,
            &input.key,
            &input.upload_id,
            input.part_number,
            written,
        )?;
        let checksum = part
            .checksum
            .as_ref()
            .map(Checksum::dto)
            .unwrap_or_default();
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(part.etag()),
                last_modified: Some(timestamp(part.modified)),
                checksum_crc32: checksum.checksum_crc32,
                checksum_crc32c: checksum.checksum_crc32c,
                checksum_crc64nvme: checksum.checksum_crc64nvme,
                checksum_sha1: checksum.checksum_sha1,
                checksum_sha256: checksum.checksum_sha256,
            }),
            copy_source_version_id: version.reported_id(),
            ..UploadPartCopyOutput::default()
        }))
    }

    pub(super) fn complete_upload(
        &self,
        input: &CompleteMultipartUploadInput,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let named = input
            .multipart_upload
            .as_ref()
            .and_then(|upload| upload.parts.as_deref());
        let named = named.filter(|parts| !parts.is_empty()).ok_or_else(|| {
            s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            )
        })?;
        let (object, version) = self.store.bucket(&input.bucket, |bucket| {
            bucket.check_write(
                &input.key,
                input.if_match.as_ref(),
                input.if_none_match.as_ref(),
            )?;
            let upload = find(bucket, &input.key, &input.upload_id)?;
            let object = assemble(upload, named, input)?;
            let summary = (object.etag(), object.checksum.clone());
            let version =
                self.store
                    .add(&input.bucket, bucket, &input.key, Some(object), self.now())?;
            // Parts that were not named go with it.
            bucket.uploads.remove(&input.upload_id);
            Ok((summary, version))
        })?;
        let (etag, checksum) = object;
        let checksum = checksum.map(|checksum| checksum.dto()).unwrap_or_default();
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            location: Some(format!(
                "{}/{}/{}",
                self.shared.base, input.bucket, input.key
            )),
            e_tag: Some(etag),
            version_id: version.reported_id(),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    pub(super) fn abort_upload(
        &self,
        input: &AbortMultipartUploadInput,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.store.bucket(&input.bucket, |bucket| {
            find(bucket, &input.key, &input.upload_id)?;
            bucket.uploads.remove(&input.upload_id);
            Ok(S3Response::new(AbortMultipartUploadOutput::default()))
        })
    }

    pub(super) fn parts(&self, input: &ListPartsInput) -> S3Result<S3Response<ListPartsOutput>> {
        self.store.bucket(&input.bucket, |bucket| {
            let upload = find(bucket, &input.key, &input.upload_id)?;
            let limit = input.max_parts.unwrap_or(1000).clamp(0, 1000);
            let after = input.part_number_marker.unwrap_or_default();
            let mut left = upload.parts.range(after.saturating_add(1)..);
            let parts: Vec<_> = left
                .by_ref()
                .take(usize::try_from(limit).unwrap_or_default())
                .map(|(number, part)| {
                    let checksum = part
                        .checksum
                        .as_ref()
                        .map(Checksum::dto)
                        .unwrap_or_default();
                    PartOutput {
                        part_number: Some(*number),
                        e_tag: Some(part.etag()),
                        size: i64::try_from(part.blob.size).ok(),
                        last_modified: Some(timestamp(part.modified)),
                        checksum_crc32: checksum.checksum_crc32,
                        checksum_crc32c: checksum.checksum_crc32c,
                        checksum_crc64nvme: checksum.checksum_crc64nvme,
                        checksum_sha1: checksum.checksum_sha1,
                        checksum_sha256: checksum.checksum_sha256,
                    }
                })
                .collect();
            let truncated = left.next().is_some();
            Ok(S3Response::new(ListPartsOutput {
                bucket: Some(input.bucket.clone()),
                key: Some(input.key.clone()),
                upload_id: Some(input.upload_id.clone()),
                max_parts: Some(limit),
                is_truncated: Some(truncated),
                part_number_marker: Some(after),
                next_part_number_marker: parts.last().and_then(|part| part.part_number),
                checksum_algorithm: Some(upload.algorithm.dto()),
                checksum_type: Some(kind_of(upload.composite)),
                parts: Some(parts),
                ..ListPartsOutput::default()
            }))
        })
    }

    pub(super) fn uploads(
        &self,
        input: &ListMultipartUploadsInput,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let url = input.encoding_type.is_some();
        self.store.bucket(&input.bucket, |bucket| {
            let prefix = input.prefix.as_deref().unwrap_or_default();
            let mut uploads: Vec<_> = bucket
                .uploads
                .iter()
                .filter(|(_, upload)| upload.key.starts_with(prefix))
                .map(|(id, upload)| (&upload.key, id, upload))
                .collect();
            uploads.sort_by_key(|(key, id, _)| (*key, *id));
            if let Some(key_marker) = &input.key_marker {
                let id_marker = input.upload_id_marker.as_ref();
                uploads.retain(|(key, id, _)| {
                    *key > key_marker
                        || *key == key_marker && id_marker.is_some_and(|marker| *id > marker)
                });
            }
            let limit = input.max_uploads.unwrap_or(1000).clamp(1, 1000);
            let size = usize::try_from(limit).unwrap_or(1000);
            let truncated = uploads.len() > size;
            uploads.truncate(size);
            let last = uploads.last().filter(|_| truncated);
            Ok(S3Response::new(ListMultipartUploadsOutput {
                bucket: Some(input.bucket.clone()),
                prefix: input.prefix.clone(),
                key_marker: input.key_marker.clone(),
                upload_id_marker: input.upload_id_marker.clone(),
                max_uploads: Some(limit),
                is_truncated: Some(truncated),
                next_key_marker: last.map(|(key, _, _)| encoded(key, url)),
                next_upload_id_marker: last.map(|(_, id, _)| (*id).clone()),
                encoding_type: input.encoding_type.clone(),
                uploads: Some(
                    uploads
                        .iter()
                        .map(|(key, id, upload)| MultipartUpload {
                            key: Some(encoded(key, url)),
                            upload_id: Some((*id).clone()),
                            initiated: Some(timestamp(upload.started)),
                            checksum_algorithm: Some(upload.algorithm.dto()),
                            checksum_type: Some(kind_of(upload.composite)),
                            ..MultipartUpload::default()
                        })
                        .collect(),
                ),
                ..ListMultipartUploadsOutput::default()
            }))
        })
    }
}

fn kind_of(composite: bool) -> s3s::dto::ChecksumType {
    s3s::dto::ChecksumType::from_static(match composite {
        true => s3s::dto::ChecksumType::COMPOSITE,
        false => s3s::dto::ChecksumType::FULL_OBJECT,
    })
}

/// The object these parts make up. Nothing is copied: it keeps their files.
fn assemble(
    upload: &Upload,
    named: &[CompletedPart],
    input: &CompleteMultipartUploadInput,
) -> S3Result<Object> {
    let invalid_part = || {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the \
             specified entity tag may not match the part's entity tag."
        )
    };
    let mut last_number = 0;
    let mut parts = Vec::new();
    for completed in named {
        let number = completed.part_number.unwrap_or_default();
        if number <= last_number {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        last_number = number;
        let part = upload.parts.get(&number).ok_or_else(invalid_part)?;
        let etag = completed.e_tag.as_ref();
        if etag.is_some_and(|etag| etag.value() != part.etag().value()) {
            return Err(invalid_part());
        }
        let declared = [
            &completed.checksum_crc32,
            &completed.checksum_crc32c,
            &completed.checksum_crc64nvme,
            &completed.checksum_sha1,
            &completed.checksum_sha256,
        ];
        let known = part.checksum.as_ref().map(Checksum::text);
        if declared
            .into_iter()
            .flatten()
            .any(|declared| Some(declared) != known.as_ref())
        {
            return Err(invalid_part());
        }
        parts.push(part.clone());
    }
    let small = parts
        .iter()
        .rev()
        .skip(1)
        .any(|part| part.blob.size < MIN_PART);
    if small {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    let size = parts.iter().map(|part| part.blob.size).sum();
    if input
        .mpu_object_size
        .is_some_and(|declared| u64::try_from(declared) != Ok(size))
    {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header value does not match what was computed."
        ));
    }
    // The ETag is the MD5 of the parts' MD5s and their number.
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(&part.md5);
    }
    let etag = format!("{}-{}", crate::sigv4::hex(&md5.finalize()), parts.len());
    let checksums: Option<Vec<_>> = parts
        .iter()
        .map(|part| Some((part.checksum.clone()?, part.blob.size)))
        .collect();
    let checksum = checksums
        .and_then(|checksums| Checksum::of_parts(upload.algorithm, upload.composite, &checksums));
    let declared = [
        &input.checksum_crc32,
        &input.checksum_crc32c,
        &input.checksum_crc64nvme,
        &input.checksum_sha1,
        &input.checksum_sha256,
    ];
    let known = checksum.as_ref().map(Checksum::text);
    // A client may leave the number of parts away.
    let same = |declared: &&String| {
        known.as_deref().is_some_and(|known| {
            known == declared.as_str()
                || known
                    .split_once('-')
                    .is_some_and(|(value, _)| value == declared.as_str())
        })
    };
    if !declared
        .into_iter()
        .flatten()
        .all(|declared| same(&declared))
    {
        return Err(s3_error!(
            BadDigest,
            "The {} you specified did not match the calculated checksum.",
            upload.algorithm.name().to_lowercase()
        ));
    }
    Ok(Object {
        size,
        etag,
        checksum,
        attributes: upload.attributes.clone(),
        parts: parts
            .into_iter()
            .map(|part| Part {
                blob: part.blob,
                checksum: part.checksum,
            })
            .collect(),
        multipart: true,
    })
}
