//! Making, moving and deleting what is in a folder, and taking a deletion back.

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::names;
use super::s3::{Deed, S3, patient};
use super::{Entry, EntryKind, FileError, Files, Folder};
use crate::error::{AwsService, Error};

/// A copy by one request may have so many bytes (S3 API reference, "`CopyObject`").
const COPIED_AT_ONCE: u64 = 5 * 1024 * 1024 * 1024;
/// Of a larger one, so many by each.
const COPIED_PART: u64 = 1024 * 1024 * 1024;
/// Deleted by one request (S3 API reference, "`DeleteObjects`").
const DELETED_AT_ONCE: usize = 1_000;
/// In a header, all but what a URI need not encode.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// How far a move or a deletion has come, in objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// So many are done.
    pub done: u64,
    /// Of so many known of.
    pub total: u64,
}

/// What to do where something of the name is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Touch nothing and ask.
    #[default]
    Ask,
    /// Replace it.
    Replace,
    /// Give the new one another name: `report (2).pdf`.
    KeepBoth,
    /// Leave out the new one.
    Skip,
}

/// What a deletion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// So many objects are gone from view.
    pub objects: u64,
    folder: Folder,
    /// Where the bucket keeps versions: each key with its delete marker's version.
    markers: Vec<(String, String)>,
}

impl Deleted {
    /// Whether [`Files::undelete`] can bring all of it back: the bucket keeps versions.
    pub fn can_be_undone(&self) -> bool {
        self.objects == self.markers.len() as u64
    }
}

impl Files {
    /// Makes an empty folder: an empty object whose key ends in `/`, as the S3 console does.
    ///
    /// # Errors
    /// [`FileError::Exists`], [`FileError::Name`], or any but [`Error::Payload`].
    pub async fn create_folder(&self, folder: &Folder, path: &str) -> Result<(), Error> {
        let marker = format!("{}/", path.trim_end_matches('/'));
        names::check_key(&folder.key(&marker))?;
        if self.s3.stat(folder, &marker).await?.is_some() {
            return Err(FileError::Exists { name: marker }.into());
        }
        let (key, deed) = (folder.key(&marker), Deed::write(folder, &marker));
        self.s3
            .ask(deed, |s3, credentials| {
                s3.put_object()
                    .bucket(&folder.bucket)
                    .key(&key)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        Ok(())
    }

    /// Gives an object or a folder another name or place. Objects are moved one after the other, each copied
    /// before it is deleted: where this ends early, every object is in one place or the other.
    /// Answers with the path it has got.
    ///
    /// # Errors
    /// [`FileError::Exists`] when something is at `to` and `on_conflict` is [`OnConflict::Ask`];
    /// [`FileError::NotFound`], [`FileError::Name`], or any but [`Error::Payload`].
    pub async fn rename(
        &self,
        (folder, from): (&Folder, &str),
        (target, to): (&Folder, &str),
        on_conflict: OnConflict,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<String, Error> {
        let is_folder = from.ends_with('/');
        if from.is_empty() || is_folder != to.ends_with('/') {
            return Err(wrong_name(to, "cannot be given to that"));
        }
        names::check_key(&target.key(to))?;
        let same_bucket = folder.bucket == target.bucket;
        if same_bucket && folder.key(from) == target.key(to) {
            return Ok(to.to_owned());
        }
        if is_folder && same_bucket && target.key(to).starts_with(&folder.key(from)) {
            return Err(wrong_name(to, "lies inside the folder itself"));
        }
        let mut to = to.to_owned();
        let mut there = self.s3.stat(target, &to).await?;
        while there.is_some() {
            match on_conflict {
                OnConflict::Ask => return Err(FileError::Exists { name: to }.into()),
                OnConflict::Skip => return Ok(from.to_owned()),
                OnConflict::Replace => break,
                OnConflict::KeepBoth => to = names::another(&to),
            }
            there = self.s3.stat(target, &to).await?;
        }
        let replaces = there.is_some();
        if !is_folder {
            let entry = self.s3.stat(folder, from).await?;
            let entry = entry.ok_or_else(|| FileError::NotFound { name: from.into() })?;
            self.move_object((folder, &entry), (target, &to), replaces)
                .await?;
            return Ok(to);
        }
        let objects = self.all_below(folder, from).await?;
        if objects.is_empty() {
            return Err(FileError::NotFound { name: from.into() }.into());
        }
        let total = objects.len() as u64;
        for (done, entry) in (0..).zip(&objects) {
            progress(Progress { done, total });
            let place = format!("{to}{}", &entry.path[from.len()..]);
            names::check_key(&target.key(&place))?;
            self.move_object((folder, entry), (target, &place), replaces)
                .await?;
        }
        progress(Progress { done: total, total });
        Ok(to)
    }

    /// Deletes objects, and folders with all that is in them. Dropping the future stops it after what is
    /// already deleted.
    ///
    /// # Errors
    /// Any but [`Error::Payload`]: what was deleted before stays so.
    pub async fn delete(
        &self,
        folder: &Folder,
        paths: &[String],
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Deleted, Error> {
        let mut deleted = Deleted {
            objects: 0,
            folder: folder.clone(),
            markers: Vec::new(),
        };
        let mut total = 0;
        for path in paths {
            let mut batch = vec![path.clone()];
            let mut pages = None;
            if path.ends_with('/') {
                pages = Some(self.s3.below(folder, path));
                batch.clear();
            }
            loop {
                if let Some(pages) = &mut pages {
                    let Some(entries) = pages.next().await? else {
                        break;
                    };
                    batch = entries.into_iter().map(|entry| entry.path).collect();
                }
                total += batch.len() as u64;
                for some in batch.chunks(DELETED_AT_ONCE) {
                    let keys = some.iter().map(|path| (folder.key(path), None)).collect();
                    let answer = self.s3.delete_keys(folder, keys).await?;
                    for object in answer.deleted.unwrap_or_default() {
                        deleted.objects += 1;
                        if let (Some(true), Some(key), Some(version)) = (
                            object.delete_marker,
                            object.key,
                            object.delete_marker_version_id,
                        ) {
                            deleted.markers.push((key, version));
                        }
                    }
                    let done = deleted.objects;
                    progress(Progress { done, total });
                }
                if pages.is_none() {
                    break;
                }
            }
        }
        Ok(deleted)
    }

    /// Takes a deletion back, by removing the delete markers it left (S3 guide, "Managing delete markers").
    ///
    /// # Errors
    /// [`Error::NotAllowed`] where the role may not `s3:DeleteObjectVersion`; any but [`Error::Payload`].
    pub async fn undelete(&self, deleted: &Deleted) -> Result<(), Error> {
        for some in deleted.markers.chunks(DELETED_AT_ONCE) {
            let keys = some.iter().cloned();
            let keys = keys.map(|(key, version)| (key, Some(version))).collect();
            self.s3.delete_keys(&deleted.folder, keys).await?;
        }
        Ok(())
    }

    async fn all_below(&self, folder: &Folder, path: &str) -> Result<Vec<Entry>, Error> {
        let mut pages = self.s3.below(folder, path);
        let mut all = Vec::new();
        while let Some(entries) = pages.next().await? {
            all.extend(entries);
        }
        Ok(all)
    }

    async fn move_object(
        &self,
        (folder, entry): (&Folder, &Entry),
        (target, to): (&Folder, &str),
        replaces: bool,
    ) -> Result<(), Error> {
        let source = format!("{}/{}", folder.bucket, folder.key(&entry.path));
        let source = utf8_percent_encode(&source, COPY_SOURCE).to_string();
        self.s3.copy(&source, entry, target, to, replaces).await?;
        let keys = vec![(folder.key(&entry.path), None)];
        self.s3.delete_keys(folder, keys).await?;
        Ok(())
    }
}

impl S3 {
    /// Copies the very object that was seen; onto something else only where it is to be replaced.
    async fn copy(
        &self,
        source: &str,
        entry: &Entry,
        target: &Folder,
        to: &str,
        replaces: bool,
    ) -> Result<(), Error> {
        let EntryKind::File { size, etag, .. } = &entry.kind else {
            return Err(FileError::NotFound {
                name: entry.path.clone(),
            }
            .into());
        };
        let (key, deed) = (target.key(to), Deed::write(target, to));
        let none = (!replaces).then(|| "*".to_owned());
        if *size > COPIED_AT_ONCE {
            return self.copy_in_parts(source, (*size, etag), deed, none).await;
        }
        self.ask(deed, |s3, credentials| {
            s3.copy_object()
                .copy_source(source)
                .copy_source_if_match(etag)
                .bucket(&target.bucket)
                .key(&key)
                .set_if_none_match(none.clone())
                .customize()
                .config_override(patient(credentials))
                .send()
        })
        .await?;
        Ok(())
    }

    async fn copy_in_parts(
        &self,
        source: &str,
        (size, etag): (u64, &str),
        deed: Deed<'_>,
        none: Option<String>,
    ) -> Result<(), Error> {
        let (bucket, key) = (&deed.folder.bucket, deed.key());
        let upload = self
            .ask(deed, |s3, credentials| {
                s3.create_multipart_upload()
                    .bucket(bucket)
                    .key(&key)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        let upload_id = upload.upload_id.unwrap_or_default();
        let copied = async {
            let mut parts = Vec::new();
            let part_size = COPIED_PART.max(size.div_ceil(10_000));
            for (number, start) in
                (1..).zip((0..size).step_by(usize::try_from(part_size).unwrap_or(usize::MAX)))
            {
                let end = (start + part_size).min(size) - 1;
                let answer = self
                    .ask(deed, |s3, credentials| {
                        s3.upload_part_copy()
                            .copy_source(source)
                            .copy_source_if_match(etag)
                            .copy_source_range(format!("bytes={start}-{end}"))
                            .bucket(bucket)
                            .key(&key)
                            .upload_id(&upload_id)
                            .part_number(number)
                            .customize()
                            .config_override(patient(credentials))
                            .send()
                    })
                    .await?;
                let etag = answer.copy_part_result.and_then(|result| result.e_tag);
                let part = CompletedPart::builder().part_number(number).set_e_tag(etag);
                parts.push(part.build());
            }
            let parts = CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build();
            self.ask(deed, |s3, credentials| {
                s3.complete_multipart_upload()
                    .bucket(bucket)
                    .key(&key)
                    .upload_id(&upload_id)
                    .set_if_none_match(none.clone())
                    .multipart_upload(parts.clone())
                    .customize()
                    .config_override(patient(credentials))
                    .send()
            })
            .await?;
            Ok(())
        };
        let copied = copied.await;
        if copied.is_err() {
            // The first error is the one to tell.
            let _ = self.abort(deed, &upload_id).await;
        }
        copied
    }

    /// Deletes these versions, or what is there now. The keys are in the body, so that there is none that
    /// cannot be deleted.
    async fn delete_keys(
        &self,
        folder: &Folder,
        keys: Vec<(String, Option<String>)>,
    ) -> Result<DeleteObjectsOutput, Error> {
        let versions = keys.iter().any(|(_, version)| version.is_some());
        let action = if versions {
            "s3:DeleteObjectVersion"
        } else {
            "s3:DeleteObject"
        };
        let first = keys
            .first()
            .map(|(key, _)| key[folder.prefix.len()..].to_owned());
        let deed = Deed {
            action,
            folder,
            path: first.as_deref(),
        };
        let objects = keys.into_iter().map(|(key, version)| {
            ObjectIdentifier::builder()
                .key(key)
                .set_version_id(version)
                .build()
        });
        let delete = objects
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).build())
            .map_err(|_| Error::Protocol {
                service: AwsService::S3,
                problem: "cannot be asked to delete nothing",
            })?;
        let answer = self
            .ask(deed, |s3, credentials| {
                s3.delete_objects()
                    .bucket(&folder.bucket)
                    .delete(delete.clone())
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        // Each key has an answer of its own.
        let Some(error) = answer.errors().first() else {
            return Ok(answer);
        };
        let key = error.key().unwrap_or_default();
        let path = key.strip_prefix(&folder.prefix);
        Err(self
            .told(Deed { path, ..deed }, error.code().unwrap_or_default())
            .await)
    }
}

fn wrong_name(name: &str, problem: &'static str) -> Error {
    FileError::Name {
        name: name.to_owned(),
        problem,
    }
    .into()
}
