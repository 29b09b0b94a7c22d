//! Making folders, and moving what is in them.

use std::ops::ControlFlow;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::names;
use super::s3::{Deed, S3, patient};
use super::{Entry, EntryKind, FileError, Files, Folder};
use crate::error::Error;

/// A copy by one request may have so many bytes (S3 API reference, "`CopyObject`").
const COPIED_AT_ONCE: u64 = 5 * 1024 * 1024 * 1024;
/// Of a larger one, so many by each.
const COPIED_PART: u64 = 1024 * 1024 * 1024;
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
    /// before it is deleted: where this ends early, every object is in one place or the other. Answers with the path it
    /// has got; with `from` where `progress` broke before all of it was moved.
    ///
    /// # Errors
    /// [`FileError::Exists`] when something is at `to` and `on_conflict` is [`OnConflict::Ask`];
    /// [`FileError::NotFound`], [`FileError::Name`], or any but [`Error::Payload`].
    pub async fn rename(
        &self,
        (folder, from): (&Folder, &str),
        (target, to): (&Folder, &str),
        on_conflict: OnConflict,
        progress: impl Fn(Progress) -> ControlFlow<()> + Send + Sync,
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
            if progress(Progress { done, total }).is_break() {
                return Ok(from.to_owned());
            }
            let place = format!("{to}{}", &entry.path[from.len()..]);
            names::check_key(&target.key(&place))?;
            self.move_object((folder, entry), (target, &place), replaces)
                .await?;
        }
        // Nothing is left to be stopped.
        let _ = progress(Progress { done: total, total });
        Ok(to)
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
        // The very one that was copied: another may have come in its place (S3 guide, "How to perform conditional
        // deletes").
        let keys = vec![(folder.key(&entry.path), None)];
        let (etag, mut gone) = (entry.clone().etag(), Vec::new());
        match self.s3.delete_keys(folder, keys, etag, &mut gone).await {
            // Somebody else was faster; or the first answer was lost.
            Err(Error::File(FileError::NotFound { .. })) => Ok(()),
            Err(Error::File(FileError::Changed { .. }))
                if self.s3.stat(folder, &entry.path).await?.is_none() =>
            {
                Ok(())
            }
            deleted => deleted,
        }
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
}

fn wrong_name(name: &str, problem: &'static str) -> Error {
    FileError::Name {
        name: name.to_owned(),
        problem,
    }
    .into()
}
