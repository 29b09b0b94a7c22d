//! Buckets, objects and their versions, in memory; contents and, in a folder that is to stay, records as files.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use s3s::{
    S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};
use serde::{Deserialize, Serialize};

use super::{
    checksum::Checksum,
    config::Bucket as BucketConfig,
    files::{Blob, Files},
    multipart::Upload,
};
use crate::random;

/// Everything behind the S3 endpoint.
pub(crate) struct Store {
    pub(crate) files: Files,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    /// Whether records are written: nobody reads those of a temporary folder.
    keeps: bool,
    /// Objects of buckets that are not configured now, so that their contents stay.
    _dormant: Vec<Arc<Object>>,
    /// Removed with everything in it at the end.
    temporary: Mutex<Option<tempfile::TempDir>>,
}

pub(crate) struct Bucket {
    pub(crate) versioned: bool,
    pub(crate) objects: BTreeMap<String, Vec<Version>>,
    pub(crate) uploads: BTreeMap<String, Upload>,
}

/// One version of an object, the newest being the last of its key.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) modified: SystemTime,
    /// `None` for a delete marker.
    pub(crate) object: Option<Arc<Object>>,
}

/// An object's content and what is said of it.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) attributes: Attributes,
    pub(crate) parts: Vec<Part>,
    /// Whether it was uploaded in parts, which can then be asked for.
    pub(crate) multipart: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) blob: Arc<Blob>,
    pub(crate) checksum: Option<Checksum>,
}

/// The headers an object is stored with and comes back with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) metadata: Option<HashMap<String, String>>,
}

impl Object {
    pub(crate) fn blobs(&self) -> Vec<Arc<Blob>> {
        let blob = |part: &Part| Arc::clone(&part.blob);
        self.parts.iter().map(blob).collect()
    }

    pub(crate) fn etag(&self) -> ETag {
        ETag::Strong(self.etag.clone())
    }
}

impl Version {
    /// What a bucket without versioning calls its only version.
    pub(crate) const NULL: &str = "null";

    /// `None` in a bucket that has no versioning: S3 then says nothing of versions.
    pub(crate) fn reported_id(&self) -> Option<String> {
        (self.id != Self::NULL).then(|| self.id.clone())
    }
}

impl Bucket {
    pub(crate) fn latest(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// The object as a reader sees it: its latest version, or this one.
    pub(crate) fn version(&self, key: &str, id: Option<&str>) -> S3Result<&Version> {
        let Some(id) = id else {
            return self.latest(key).ok_or_else(no_such_key);
        };
        let versions = self.objects.get(key).into_iter().flatten();
        let mut matching = versions.filter(|version| version.id == id);
        matching
            .next()
            .ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist."))
    }

    /// `If-Match` and `If-None-Match` of a write.
    pub(crate) fn check_write(
        &self,
        key: &str,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<()> {
        let current = self.latest(key).and_then(|version| version.object.as_ref());
        let failed = || {
            s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            )
        };
        if if_none_match.is_some() && current.is_some() {
            return Err(failed());
        }
        let Some(condition) = if_match else {
            return Ok(());
        };
        let current = current.ok_or_else(no_such_key)?;
        let matches = match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => current.etag().strong_cmp(etag),
        };
        matches.then_some(()).ok_or_else(failed)
    }
}

pub(crate) fn no_such_key() -> s3s::S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

/// The record of a version, beside its content.
#[derive(Serialize, Deserialize)]
struct Record {
    bucket: String,
    key: String,
    version: String,
    /// Nanoseconds since 1970.
    modified: u64,
    object: Option<ObjectRecord>,
}

#[derive(Serialize, Deserialize)]
struct ObjectRecord {
    etag: String,
    checksum: Option<Checksum>,
    attributes: Attributes,
    multipart: bool,
    /// File name, size and checksum of each part.
    parts: Vec<(String, u64, Option<Checksum>)>,
}

impl Store {
    /// Opens a folder that stays, or makes one for the time being.
    pub(crate) fn open(folder: Option<&Path>, buckets: &[BucketConfig]) -> io::Result<Self> {
        let (folder, temporary) = match folder {
            Some(folder) => (folder.join("objects"), None),
            None => {
                let temporary = tempfile::Builder::new()
                    .prefix("cognito-emulator-")
                    .tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let bucket = |config: &BucketConfig| {
            let bucket = Bucket {
                versioned: config.versioned,
                objects: BTreeMap::new(),
                uploads: BTreeMap::new(),
            };
            (config.name.clone(), bucket)
        };
        let mut buckets: BTreeMap<_, _> = buckets.iter().map(bucket).collect();
        let files = Files::in_folder(folder)?;
        let dormant = load(&files, &mut buckets)?;
        Ok(Self {
            files,
            buckets: Mutex::new(buckets),
            keeps: temporary.is_none(),
            _dormant: dormant,
            temporary: Mutex::new(temporary),
        })
    }

    /// The end: contents stay where they are to stay, and go where not.
    pub(crate) fn close(&self) {
        self.files.close();
        let mut temporary = self.temporary.lock().expect("no panic while locked");
        // Where that fails, the system clears its temporary folder some day.
        drop(temporary.take());
    }

    pub(crate) fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().expect("no panic while locked")
    }

    pub(crate) fn has_bucket(&self, name: &str) -> bool {
        self.buckets().contains_key(name)
    }

    /// Reads or changes a bucket. Nothing inside waits for the disk but the writing of a record.
    pub(crate) fn bucket<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut buckets = self.buckets();
        let bucket = buckets
            .get_mut(name)
            .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))?;
        act(bucket)
    }

    /// Makes this, or a delete marker, the latest version of a key.
    pub(crate) fn add(
        &self,
        name: &str,
        bucket: &mut Bucket,
        key: &str,
        object: Option<Object>,
        modified: SystemTime,
    ) -> S3Result<Version> {
        let version = Version {
            id: match bucket.versioned {
                true => random::base64_url(24),
                false => Version::NULL.to_owned(),
            },
            modified,
            object: object.map(Arc::new),
        };
        if self.keeps {
            self.record(name, key, &version)
                .map_err(s3s::S3Error::internal_error)?;
        }
        let versions = bucket.objects.entry(key.to_owned()).or_default();
        versions.retain(|known| known.id != version.id);
        versions.push(version.clone());
        Ok(version)
    }

    /// Removes a version for good, and gives it.
    pub(crate) fn remove(
        &self,
        name: &str,
        bucket: &mut Bucket,
        key: &str,
        id: &str,
    ) -> S3Result<Option<Version>> {
        let Some(versions) = bucket.objects.get_mut(key) else {
            return Ok(None);
        };
        let Some(at) = versions.iter().position(|version| version.id == id) else {
            return Ok(None);
        };
        if self.keeps {
            fs::remove_file(self.record_path(name, key, id))
                .map_err(s3s::S3Error::internal_error)?;
        }
        let removed = versions.remove(at);
        if versions.is_empty() {
            bucket.objects.remove(key);
        }
        Ok(Some(removed))
    }

    fn record_path(&self, bucket: &str, key: &str, id: &str) -> PathBuf {
        let name = random::derived_uuid(&["record", bucket, key, id]);
        self.files.folder().join(format!("{name}.json"))
    }

    fn record(&self, bucket: &str, key: &str, version: &Version) -> io::Result<()> {
        let nanoseconds = version.modified.duration_since(UNIX_EPOCH);
        let record = Record {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version: version.id.clone(),
            modified: nanoseconds.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0)),
            object: version.object.as_ref().map(|object| {
                let part = |part: &Part| {
                    let name = part.blob.name().to_owned();
                    (name, part.blob.size, part.checksum.clone())
                };
                ObjectRecord {
                    etag: object.etag.clone(),
                    checksum: object.checksum.clone(),
                    attributes: object.attributes.clone(),
                    multipart: object.multipart,
                    parts: object.parts.iter().map(part).collect(),
                }
            }),
        };
        let path = self.record_path(bucket, key, &version.id);
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, serde_json::to_vec(&record)?)?;
        fs::rename(&unfinished, &path)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads every record, and removes contents no record knows: uploads that an earlier run did not see the end of.
fn load(files: &Files, buckets: &mut BTreeMap<String, Bucket>) -> io::Result<Vec<Arc<Object>>> {
    let mut dormant = Vec::new();
    let mut known: HashMap<String, Arc<Blob>> = HashMap::new();
    let mut contents = Vec::new();
    let mut records = Vec::new();
    for entry in fs::read_dir(files.folder())? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => records.push(serde_json::from_slice::<Record>(&fs::read(&path)?)?),
            Some("blob" | "new") => contents.push(path),
            _ => {}
        }
    }
    records.sort_by_key(|record| record.modified);
    for record in records {
        let object = record.object.map(|object| {
            let mut size = 0;
            let parts = object.parts.into_iter().map(|(name, part_size, checksum)| {
                size += part_size;
                let blob = known
                    .entry(name)
                    .or_insert_with_key(|name| files.existing(name, part_size));
                Part {
                    blob: Arc::clone(blob),
                    checksum,
                }
            });
            let parts = parts.collect();
            Arc::new(Object {
                size,
                etag: object.etag,
                checksum: object.checksum,
                attributes: object.attributes,
                parts,
                multipart: object.multipart,
            })
        });
        if let Some(bucket) = buckets.get_mut(&record.bucket) {
            bucket.objects.entry(record.key).or_default().push(Version {
                id: record.version,
                modified: UNIX_EPOCH + Duration::from_nanos(record.modified),
                object,
            });
        } else {
            dormant.extend(object);
        }
    }
    for path in contents {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_none_or(|name| !known.contains_key(name)) {
            fs::remove_file(path)?;
        }
    }
    Ok(dormant)
}

/// The emulator's time as S3 reports it.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}
