//! The listing operations.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use s3s::{
    S3Response, S3Result,
    dto::{
        Bucket as BucketOutput, ChecksumAlgorithm, CommonPrefix, DeleteMarkerEntry,
        ListBucketsOutput, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput,
        ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object as ObjectOutput,
        ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass,
    },
    s3_error,
};

use super::{
    listing::{Page, Query, encoded, is_object, page},
    service::Service,
    store::{Version, timestamp},
};

const MAX_KEYS: i32 = 1000;

fn limit_of(max_keys: Option<i32>) -> S3Result<i32> {
    let asked = max_keys.unwrap_or(MAX_KEYS);
    if asked < 0 {
        return Err(s3_error!(
            InvalidArgument,
            "Argument maxKeys must be an integer between 0 and 2147483647"
        ));
    }
    Ok(asked.min(MAX_KEYS))
}

fn as_size(limit: i32) -> usize {
    usize::try_from(limit).unwrap_or_default()
}

fn contents(page: &Page<'_, Vec<Version>>, url: bool) -> Vec<ObjectOutput> {
    let entries = page.entries.iter();
    let object = |(key, versions): &(&String, &Vec<Version>)| {
        let latest = versions.last()?;
        let object = latest.object.as_ref()?;
        let checksum = object.checksum.as_ref();
        Some(ObjectOutput {
            key: Some(encoded(key, url)),
            size: i64::try_from(object.size).ok(),
            e_tag: Some(object.etag()),
            last_modified: Some(timestamp(latest.modified)),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            checksum_algorithm: checksum
                .map(|checksum| -> Vec<ChecksumAlgorithm> { vec![checksum.algorithm.dto()] }),
            checksum_type: checksum.map(|checksum| checksum.kind()),
            ..ObjectOutput::default()
        })
    };
    entries.filter_map(object).collect()
}

fn prefixes(prefixes: &[String], url: bool) -> Vec<CommonPrefix> {
    let prefix = |prefix: &String| CommonPrefix {
        prefix: Some(encoded(prefix, url)),
    };
    prefixes.iter().map(prefix).collect()
}

impl Service {
    pub(super) fn list_v2(
        &self,
        input: &ListObjectsV2Input,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let url = input.encoding_type.is_some();
        let limit = limit_of(input.max_keys)?;
        let token = input.continuation_token.as_deref().map(|token| {
            let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
            decoded
                .and_then(|key| String::from_utf8(key).ok())
                .ok_or_else(|| {
                    s3_error!(
                        InvalidArgument,
                        "The continuation token provided is incorrect"
                    )
                })
        });
        let token = token.transpose()?;
        self.store.bucket(&input.bucket, |bucket| {
            let query = Query {
                prefix: input.prefix.as_deref().unwrap_or_default(),
                delimiter: input.delimiter.as_deref(),
                after: token.as_deref().or(input.start_after.as_deref()),
                limit: as_size(limit),
            };
            let page = page(&bucket.objects, &query, |versions| is_object(versions));
            let count = page.entries.len() + page.common_prefixes.len();
            let next = page.next.as_ref();
            Ok(S3Response::new(ListObjectsV2Output {
                name: Some(input.bucket.clone()),
                prefix: Some(encoded(query.prefix, url)),
                delimiter: input
                    .delimiter
                    .as_deref()
                    .map(|delimiter| encoded(delimiter, url)),
                start_after: input
                    .start_after
                    .as_deref()
                    .map(|start| encoded(start, url)),
                max_keys: Some(limit),
                key_count: i32::try_from(count).ok(),
                contents: Some(contents(&page, url)),
                common_prefixes: Some(prefixes(&page.common_prefixes, url)),
                is_truncated: Some(next.is_some()),
                next_continuation_token: next.map(|next| BASE64_URL_SAFE_NO_PAD.encode(next)),
                continuation_token: input.continuation_token.clone(),
                encoding_type: input.encoding_type.clone(),
                ..ListObjectsV2Output::default()
            }))
        })
    }

    pub(super) fn list_v1(
        &self,
        input: &ListObjectsInput,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let url = input.encoding_type.is_some();
        let limit = limit_of(input.max_keys)?;
        self.store.bucket(&input.bucket, |bucket| {
            let query = Query {
                prefix: input.prefix.as_deref().unwrap_or_default(),
                delimiter: input.delimiter.as_deref(),
                after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
                limit: as_size(limit),
            };
            let page = page(&bucket.objects, &query, |versions| is_object(versions));
            // Without a delimiter the last key is the next marker.
            let next = page.next.as_ref().filter(|_| query.delimiter.is_some());
            Ok(S3Response::new(ListObjectsOutput {
                name: Some(input.bucket.clone()),
                prefix: Some(encoded(query.prefix, url)),
                marker: Some(encoded(query.after.unwrap_or_default(), url)),
                delimiter: input
                    .delimiter
                    .as_deref()
                    .map(|delimiter| encoded(delimiter, url)),
                max_keys: Some(limit),
                contents: Some(contents(&page, url)),
                common_prefixes: Some(prefixes(&page.common_prefixes, url)),
                is_truncated: Some(page.next.is_some()),
                next_marker: next.map(|next| encoded(next, url)),
                encoding_type: input.encoding_type.clone(),
                ..ListObjectsOutput::default()
            }))
        })
    }

    /// Every version, the newest first of its key. A page may end between two versions of a key.
    pub(super) fn list_versions(
        &self,
        input: &ListObjectVersionsInput,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let url = input.encoding_type.is_some();
        let limit = limit_of(input.max_keys)?;
        if input.version_id_marker.is_some() && input.key_marker.is_none() {
            return Err(s3_error!(
                InvalidArgument,
                "A version-id marker cannot be specified without a key marker."
            ));
        }
        self.store.bucket(&input.bucket, |bucket| {
            let query = Query {
                prefix: input.prefix.as_deref().unwrap_or_default(),
                delimiter: input.delimiter.as_deref(),
                after: input
                    .key_marker
                    .as_deref()
                    .filter(|marker| !marker.is_empty()),
                limit: as_size(limit),
            };
            let page = page(&bucket.objects, &query, |_| true);
            // The rest of the key at which the last page ended.
            let unfinished = input.version_id_marker.as_deref().and_then(|id| {
                let (key, all) = bucket.objects.get_key_value(input.key_marker.as_ref()?)?;
                let at = all.iter().position(|version| version.id == id)?;
                Some((key, &all[..at], all.len()))
            });
            let whole = page
                .entries
                .iter()
                .map(|(key, all)| (*key, all.as_slice(), all.len()));
            let mut all = unfinished
                .into_iter()
                .chain(whole)
                .flat_map(|(key, some, count)| {
                    let newest_first = some.iter().enumerate().rev();
                    newest_first.map(move |(at, version)| (key, version, at + 1 == count))
                });
            let room = as_size(limit).saturating_sub(page.common_prefixes.len());
            let shown: Vec<_> = all.by_ref().take(room).collect();
            let truncated = limit > 0 && (page.next.is_some() || all.next().is_some());
            let last = shown.last().filter(|_| truncated);
            let (mut versions, mut markers) = (Vec::new(), Vec::new());
            for (key, version, latest) in &shown {
                match &version.object {
                    Some(object) => versions.push(ObjectVersion {
                        key: Some(encoded(key, url)),
                        version_id: Some(version.id.clone()),
                        is_latest: Some(*latest),
                        last_modified: Some(timestamp(version.modified)),
                        size: i64::try_from(object.size).ok(),
                        e_tag: Some(object.etag()),
                        storage_class: Some(ObjectVersionStorageClass::from_static(
                            ObjectVersionStorageClass::STANDARD,
                        )),
                        ..ObjectVersion::default()
                    }),
                    None => markers.push(DeleteMarkerEntry {
                        key: Some(encoded(key, url)),
                        version_id: Some(version.id.clone()),
                        is_latest: Some(*latest),
                        last_modified: Some(timestamp(version.modified)),
                        ..DeleteMarkerEntry::default()
                    }),
                }
            }
            // A page that ends with a common prefix goes on behind it.
            let next_key = last
                .map(|(key, _, _)| *key)
                .max(page.next.as_ref().filter(|_| truncated));
            let next_id = last.filter(|(key, _, _)| Some(*key) == next_key);
            Ok(S3Response::new(ListObjectVersionsOutput {
                name: Some(input.bucket.clone()),
                prefix: Some(encoded(query.prefix, url)),
                delimiter: input
                    .delimiter
                    .as_deref()
                    .map(|delimiter| encoded(delimiter, url)),
                key_marker: Some(encoded(query.after.unwrap_or_default(), url)),
                version_id_marker: input.version_id_marker.clone(),
                max_keys: Some(limit),
                is_truncated: Some(truncated),
                next_key_marker: next_key.map(|key| encoded(key, url)),
                next_version_id_marker: next_id.map(|(_, version, _)| version.id.clone()),
                versions: Some(versions),
                delete_markers: Some(markers),
                common_prefixes: Some(prefixes(&page.common_prefixes, url)),
                encoding_type: input.encoding_type.clone(),
                ..ListObjectVersionsOutput::default()
            }))
        })
    }

    pub(super) fn list_buckets(&self) -> S3Response<ListBucketsOutput> {
        let buckets = self.store.buckets();
        let bucket = |name: &String| BucketOutput {
            name: Some(name.clone()),
            creation_date: Some(timestamp(std::time::UNIX_EPOCH)),
            bucket_region: Some(self.shared.config.region.clone()),
        };
        S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.keys().map(bucket).collect()),
            ..ListBucketsOutput::default()
        })
    }
}
