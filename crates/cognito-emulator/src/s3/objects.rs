//! Objects: put, get, head, copy and delete.

use std::{ops::Range, time::SystemTime};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput,
        DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
        ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
        MetadataDirective, PutObjectInput, PutObjectOutput, Timestamp, TimestampFormat,
    },
    s3_error,
};

use super::{
    access::{Access, Caller},
    checksum::{Algorithm, Checksum, Declared, Hashers},
    files,
    service::Service,
    store::{Attributes, Object, Part, Version, no_such_key, timestamp},
};

/// What S3 computes where the client names nothing.
pub(super) const DEFAULT_ALGORITHM: Algorithm = Algorithm::Crc64Nvme;

/// The attributes every writing input has.
macro_rules! attributes_of {
    ($input:expr) => {
        $crate::s3::store::Attributes {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::s3::objects::content_encoding(
                $input.content_encoding.clone(),
            ),
            content_language: $input.content_language.clone(),
            expires: $input
                .expires
                .as_ref()
                .and_then($crate::s3::objects::http_date),
            metadata: $input.metadata.clone(),
        }
    };
}
pub(super) use attributes_of;

/// `aws-chunked` says how the request was sent, not what the object is.
pub(super) fn content_encoding(header: Option<String>) -> Option<String> {
    let header = header?;
    let rest = header.split(',').map(str::trim);
    let rest: Vec<_> = rest.filter(|coding| *coding != "aws-chunked").collect();
    (!rest.is_empty()).then(|| rest.join(","))
}

pub(super) fn http_date(time: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

impl Service {
    pub(super) async fn put(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let declared = Declared::in_headers(&request.headers)?;
        let input = request.input;
        self.store.bucket(&input.bucket, |bucket| {
            bucket.check_write(
                &input.key,
                input.if_match.as_ref(),
                input.if_none_match.as_ref(),
            )
        })?;
        let algorithm = declared.algorithm.unwrap_or(DEFAULT_ALGORITHM);
        let written = match input.body {
            Some(body) => {
                self.store
                    .files
                    .write(body, Hashers::new(&[algorithm]))
                    .await?
            }
            None => {
                let nothing = futures_util::stream::empty();
                self.store
                    .files
                    .write(nothing, Hashers::new(&[algorithm]))
                    .await?
            }
        };
        let trailer = request.trailing_headers.and_then(|trailer| trailer.take());
        declared.check(trailer.as_ref(), &written.md5, &written.checksums)?;
        let checksum = written.checksums.into_iter().next();
        let object = Object {
            size: written.blob.size,
            etag: crate::sigv4::hex(&written.md5),
            checksum: checksum.clone(),
            attributes: attributes_of!(input),
            parts: vec![Part {
                blob: written.blob,
                checksum: None,
            }],
            multipart: false,
        };
        let etag = object.etag();
        let version = self.store.bucket(&input.bucket, |bucket| {
            // Somebody else may have written in the meantime.
            bucket.check_write(
                &input.key,
                input.if_match.as_ref(),
                input.if_none_match.as_ref(),
            )?;
            self.store
                .add(&input.bucket, bucket, &input.key, Some(object), self.now())
        })?;
        let checksum = checksum.map(|checksum| checksum.dto()).unwrap_or_default();
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag),
            version_id: version.reported_id(),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            ..PutObjectOutput::default()
        }))
    }

    pub(super) fn get(
        &self,
        request: &S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &request.input;
        let (version, object) = self.readable(
            request,
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
        )?;
        check_read(
            &object,
            version.modified,
            &Conditions {
                if_match: input.if_match.as_ref(),
                if_none_match: input.if_none_match.as_ref(),
                if_modified_since: input.if_modified_since.as_ref(),
                if_unmodified_since: input.if_unmodified_since.as_ref(),
            },
        )?;
        let slice = Slice::of(&object, input.range, input.part_number)?;
        let checksum = slice.checksum(&object, input.checksum_mode.is_some());
        let attributes = &object.attributes;
        let length = slice.range.end - slice.range.start;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            body: Some(files::read(object.blobs(), slice.range.clone())),
            content_length: i64::try_from(length).ok(),
            content_range: slice.content_range,
            parts_count: slice.parts_count,
            e_tag: Some(object.etag()),
            last_modified: Some(timestamp(version.modified)),
            version_id: version.reported_id(),
            content_type: content_type(attributes),
            cache_control: attributes.cache_control.clone(),
            content_disposition: attributes.content_disposition.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_language: attributes.content_language.clone(),
            expires: expires(attributes),
            metadata: attributes.metadata.clone(),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            ..GetObjectOutput::default()
        }))
    }

    pub(super) fn head(
        &self,
        request: &S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &request.input;
        let (version, object) = self.readable(
            request,
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
        )?;
        check_read(
            &object,
            version.modified,
            &Conditions {
                if_match: input.if_match.as_ref(),
                if_none_match: input.if_none_match.as_ref(),
                if_modified_since: input.if_modified_since.as_ref(),
                if_unmodified_since: input.if_unmodified_since.as_ref(),
            },
        )?;
        let slice = Slice::of(&object, input.range, input.part_number)?;
        let checksum = slice.checksum(&object, input.checksum_mode.is_some());
        let attributes = &object.attributes;
        let length = slice.range.end - slice.range.start;
        let partial = slice.content_range.is_some();
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(length).ok(),
            content_range: slice.content_range,
            parts_count: slice.parts_count,
            e_tag: Some(object.etag()),
            last_modified: Some(timestamp(version.modified)),
            version_id: version.reported_id(),
            content_type: content_type(attributes),
            cache_control: attributes.cache_control.clone(),
            content_disposition: attributes.content_disposition.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_language: attributes.content_language.clone(),
            expires: expires(attributes),
            metadata: attributes.metadata.clone(),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            ..HeadObjectOutput::default()
        };
        Ok(match partial {
            true => S3Response::with_status(output, StatusCode::PARTIAL_CONTENT),
            false => S3Response::new(output),
        })
    }

    /// The version a reader asks for. Whoever may not list the bucket is not told that a key does not exist.
    fn readable<T>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> S3Result<(Version, std::sync::Arc<Object>)> {
        let version = self
            .store
            .bucket(bucket, |bucket| bucket.version(key, version_id).cloned());
        let refused = match version {
            Ok(version) => match &version.object {
                Some(object) => {
                    let object = std::sync::Arc::clone(object);
                    return Ok((version, object));
                }
                None if version_id.is_some() => marked(
                    s3_error!(
                        MethodNotAllowed,
                        "The specified method is not allowed against this resource."
                    ),
                    &version,
                ),
                None => marked(no_such_key(), &version),
            },
            Err(refused) => refused,
        };
        if *refused.code() == s3s::S3ErrorCode::NoSuchKey {
            Caller::of(&request.extensions)?.may(Access::list(bucket))?;
        }
        Err(refused)
    }

    pub(super) async fn copy(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = &request.input;
        let (version, source) = self.source(&request, &input.copy_source)?;
        check_read(
            &source,
            version.modified,
            &Conditions {
                if_match: input.copy_source_if_match.as_ref(),
                if_none_match: input.copy_source_if_none_match.as_ref(),
                if_modified_since: input.copy_source_if_modified_since.as_ref(),
                if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
            },
        )
        // A copy has nothing to answer with when nothing has changed.
        .map_err(|_| {
            s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            )
        })?;
        let replace = input
            .metadata_directive
            .as_ref()
            .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let onto_itself = matches!(&input.copy_source, CopySource::Bucket { bucket, key, version_id: None }
            if **bucket == *input.bucket && **key == *input.key);
        if onto_itself && !replace {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        let asked = input.checksum_algorithm.as_ref();
        let asked = asked
            .map(|asked| Algorithm::parse(asked.as_str()))
            .transpose()?;
        let kept = source.checksum.clone();
        let checksum = match asked {
            Some(asked) if kept.as_ref().is_none_or(|kept| kept.algorithm != asked) => {
                let hashers = Hashers::checksums(&[asked]);
                files::hash(source.blobs(), hashers)
                    .await?
                    .into_iter()
                    .next()
            }
            _ => kept,
        };
        // The copy shares the content's files, and keeps the ETag with them.
        let object = Object {
            size: source.size,
            etag: source.etag.clone(),
            checksum: checksum.clone(),
            attributes: match replace {
                true => attributes_of!(input),
                false => source.attributes.clone(),
            },
            parts: source.parts.clone(),
            multipart: source.multipart,
        };
        let etag = object.etag();
        let copy = self.store.bucket(&input.bucket, |bucket| {
            self.store
                .add(&input.bucket, bucket, &input.key, Some(object), self.now())
        })?;
        let checksum = checksum.map(|checksum| checksum.dto()).unwrap_or_default();
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(etag),
                last_modified: Some(timestamp(copy.modified)),
                checksum_crc32: checksum.checksum_crc32,
                checksum_crc32c: checksum.checksum_crc32c,
                checksum_crc64nvme: checksum.checksum_crc64nvme,
                checksum_sha1: checksum.checksum_sha1,
                checksum_sha256: checksum.checksum_sha256,
                checksum_type: checksum.checksum_type,
            }),
            copy_source_version_id: version.reported_id(),
            version_id: copy.reported_id(),
            ..CopyObjectOutput::default()
        }))
    }

    /// What a copy reads, if the caller may.
    pub(super) fn source<T>(
        &self,
        request: &S3Request<T>,
        source: &CopySource,
    ) -> S3Result<(Version, std::sync::Arc<Object>)> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(s3_error!(NotImplemented, "Access points are not emulated."));
        };
        let version_id = version_id.as_deref();
        Caller::of(&request.extensions)?.may(Access::get(bucket, key, version_id))?;
        self.readable(request, bucket, key, version_id)
    }

    pub(super) fn delete(
        &self,
        input: &DeleteObjectInput,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let deleted = self.delete_one(
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
            input.if_match.as_ref(),
        )?;
        Ok(S3Response::new(DeleteObjectOutput {
            delete_marker: deleted
                .as_ref()
                .map(|version| version.object.is_none())
                .filter(|marker| *marker),
            version_id: deleted.and_then(|version| version.reported_id()),
            ..DeleteObjectOutput::default()
        }))
    }

    /// The delete marker that was made, or the version that was removed for good.
    fn delete_one(
        &self,
        name: &str,
        key: &str,
        version_id: Option<&str>,
        if_match: Option<&ETagCondition>,
    ) -> S3Result<Option<Version>> {
        self.store.bucket(name, |bucket| {
            bucket.check_write(key, if_match, None)?;
            match version_id {
                Some(id) => self.store.remove(name, bucket, key, id),
                None if bucket.versioned => {
                    let marker = self.store.add(name, bucket, key, None, self.now())?;
                    Ok(Some(marker))
                }
                None => {
                    self.store.remove(name, bucket, key, Version::NULL)?;
                    Ok(None)
                }
            }
        })
    }

    pub(super) fn delete_many(
        &self,
        request: &S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = &request.input;
        let caller = Caller::of(&request.extensions)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        self.store.bucket(&input.bucket, |_| Ok(()))?;
        if input.delete.objects.len() > 1000 {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            ));
        }
        for object in &input.delete.objects {
            let version_id = object.version_id.as_deref();
            let condition = object.e_tag.clone().map(ETagCondition::ETag);
            let outcome = caller
                .may(Access::delete(&input.bucket, &object.key, version_id))
                .and_then(|()| {
                    self.delete_one(&input.bucket, &object.key, version_id, condition.as_ref())
                });
            match outcome {
                Ok(version) => {
                    let marker = version.filter(|version| version.object.is_none());
                    deleted.push(DeletedObject {
                        key: Some(object.key.clone()),
                        version_id: object.version_id.clone(),
                        delete_marker: marker.as_ref().map(|_| true),
                        delete_marker_version_id: marker.map(|marker| marker.id),
                    });
                }
                Err(error) => errors.push(s3s::dto::Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key.clone()),
                    message: error.message().map(str::to_owned),
                    version_id: object.version_id.clone(),
                }),
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!input.delete.quiet.unwrap_or_default()).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }
}

/// The error of reading a delete marker says that there is one.
fn marked(mut error: s3s::S3Error, marker: &Version) -> s3s::S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(&marker.id) {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}

fn content_type(attributes: &Attributes) -> Option<String> {
    let default = || "binary/octet-stream".to_owned();
    Some(attributes.content_type.clone().unwrap_or_else(default))
}

fn expires(attributes: &Attributes) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, attributes.expires.as_deref()?).ok()
}

struct Conditions<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

/// RFC 9110, section 13.2.2: an ETag counts before a date. HTTP dates have no fractions of a second.
fn check_read(object: &Object, modified: SystemTime, conditions: &Conditions<'_>) -> S3Result<()> {
    let matches = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => ETag::weak_cmp(&object.etag(), etag),
    };
    let later = |since: &Timestamp| {
        let modified =
            http_date(&timestamp(modified)).and_then(|date| httpdate::parse_http_date(&date).ok());
        let since = http_date(since).and_then(|date| httpdate::parse_http_date(&date).ok());
        modified > since
    };
    let kept = match (conditions.if_match, conditions.if_unmodified_since) {
        (Some(condition), _) => matches(condition),
        (None, Some(since)) => !later(since),
        (None, None) => true,
    };
    if !kept {
        return Err(s3_error!(
            PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold"
        ));
    }
    let changed = match (conditions.if_none_match, conditions.if_modified_since) {
        (Some(condition), _) => !matches(condition),
        (None, Some(since)) => later(since),
        (None, None) => true,
    };
    if changed {
        return Ok(());
    }
    let mut unchanged = s3_error!(NotModified, "Not Modified");
    let mut headers = HeaderMap::new();
    if let Ok(etag) = object.etag().to_http_header() {
        headers.insert("etag", etag);
    }
    unchanged.set_headers(headers);
    Err(unchanged)
}

/// What of an object is asked for.
struct Slice {
    range: Range<u64>,
    content_range: Option<String>,
    parts_count: Option<i32>,
    part: Option<usize>,
}

impl Slice {
    fn of(
        object: &Object,
        range: Option<s3s::dto::Range>,
        part_number: Option<i32>,
    ) -> S3Result<Self> {
        let whole = 0..object.size;
        let unsatisfiable = || s3_error!(InvalidRange, "The requested range is not satisfiable");
        let (range, part) = match (range, part_number) {
            (None, None) => {
                return Ok(Self {
                    range: whole,
                    content_range: None,
                    parts_count: None,
                    part: None,
                });
            }
            (Some(_), Some(_)) => {
                return Err(s3_error!(
                    InvalidRequest,
                    "Cannot specify both Range header and partNumber query parameter"
                ));
            }
            (Some(range), None) => {
                let range = range.check(object.size).map_err(|_| unsatisfiable())?;
                (range, None)
            }
            (None, Some(number)) => {
                let index = usize::try_from(number)
                    .ok()
                    .and_then(|number| number.checked_sub(1));
                let index = index
                    .filter(|index| *index < object.parts.len())
                    .ok_or_else(|| {
                        let mut error =
                            s3_error!(InvalidRange, "The requested partnumber is not satisfiable");
                        error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
                        error
                    })?;
                let sizes = object.parts.iter().map(|part| part.blob.size);
                let start = sizes.take(index).sum();
                (start..start + object.parts[index].blob.size, Some(index))
            }
        };
        let last = range.end.saturating_sub(1);
        Ok(Self {
            content_range: Some(format!("bytes {}-{last}/{}", range.start, object.size)),
            parts_count: part
                .filter(|_| object.multipart)
                .and_then(|_| i32::try_from(object.parts.len()).ok()),
            range,
            part,
        })
    }

    /// The checksum of what is sent, as far as S3 knows it: nothing of a range.
    fn checksum(&self, object: &Object, asked: bool) -> s3s::dto::Checksum {
        let checksum: Option<&Checksum> = match self.part {
            _ if !asked => None,
            Some(part) if object.multipart => object.parts[part].checksum.as_ref(),
            None if self.content_range.is_some() && self.range != (0..object.size) => None,
            _ => object.checksum.as_ref(),
        };
        checksum.map(Checksum::dto).unwrap_or_default()
    }
}
