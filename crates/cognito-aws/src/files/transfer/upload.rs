//! One file to S3: in one request, or in parts side by side (S3 guide, "Uploading an object using multipart upload").
//!
//! Every request carries the CRC-64/NVME of its bytes, which S3 compares before it keeps them; of an upload in parts
//! it compares the whole once more.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::checksum::{self, Proof};
use super::disk;
use super::job::{Job, Outcome, blocking};
use super::journal::{Line, Part, Source, Upload};
use super::plan::Item;
use super::sent::{self, UnderWay};
use crate::error::{AwsService, Error};
use crate::files::s3::{Deed, patient};
use crate::files::{FileError, Folder, OnConflict, names};

const MIB: u64 = 1024 * 1024;
/// What is not larger goes in one request; what is, in parts of this size or more. S3 takes no part below 5 MiB but
/// the last, and 10,000 of them.
const PART: u64 = 8 * MIB;
const PARTS: u64 = 10_000;
/// Larger parts, of files above 160 GB, are sent from the disk.
const IN_MEMORY: u64 = 16 * MIB;
/// S3 guide, "Amazon S3 multipart upload limits".
const LARGEST: u64 = 50_000 * 1024 * MIB;

/// Why an object was not made.
enum NotMade {
    /// Another is there, or is not the one that was to be replaced.
    Taken,
    Failed(Error),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<FileError> for NotMade {
    fn from(error: FileError) -> Self {
        Self::Failed(error.into())
    }
}

/// What must be there, or not, for an object to be made.
#[derive(Clone, Debug, Default)]
struct Condition {
    none: Option<String>,
    etag: Option<String>,
}

/// What a part must be: its number, where it begins, how long it is.
#[derive(Clone, Copy, Debug)]
struct Span {
    number: i32,
    offset: u64,
    length: u64,
}

impl Job {
    /// Uploads a file. `seen` is what was at its place when the person was asked.
    pub(super) async fn upload(
        self: &Arc<Self>,
        item: &Item,
        local: &Path,
        seen: Option<String>,
    ) -> Result<Outcome, Error> {
        let order = self.order();
        let path = local.to_owned();
        let source = blocking(move || disk::source(&path)).await?;
        if source.size > LARGEST {
            let name = local.display().to_string();
            return Err(FileError::TooLarge {
                name,
                limit: "48.8 TB that S3 takes",
            }
            .into());
        }
        let (begun, on_conflict) = {
            let record = &self.journal().record;
            (record.uploads.get(&item.path).cloned(), record.on_conflict)
        };
        let mut key_path = format!("{}{}", order.path, item.path);
        if let Some(upload) = begun {
            if upload.source == source {
                key_path = upload.key_path;
            } else {
                let deed = Deed::write(&order.folder, &upload.key_path);
                self.shared.s3.abort_all_of(deed, &upload.id).await?;
                self.begun_anew(&item.path);
            }
        }
        let condition = match on_conflict {
            OnConflict::Replace => Condition {
                none: None,
                etag: seen,
            },
            _ => Condition {
                none: Some("*".into()),
                etag: None,
            },
        };
        loop {
            names::check_key(&order.folder.key(&key_path))?;
            let deed = Deed::write(&order.folder, &key_path);
            let made = if source.size <= PART {
                self.put(deed, local, source, &condition).await
            } else {
                self.put_in_parts(deed, item, local, source, &condition)
                    .await
            };
            match made {
                Ok(proof) => return Ok(Outcome::Done(Some(proof))),
                Err(NotMade::Failed(error)) => return Err(error),
                Err(NotMade::Taken) => {}
            }
            match on_conflict {
                OnConflict::Ask | OnConflict::Replace => {
                    let there = self.shared.s3.stat(&order.folder, &key_path).await?;
                    return Ok(Outcome::Conflict(there.and_then(|there| there.etag())));
                }
                OnConflict::Skip => {
                    self.drop_upload(&order.folder, &item.path).await?;
                    return Ok(Outcome::Skipped);
                }
                OnConflict::KeepBoth => {
                    self.drop_upload(&order.folder, &item.path).await?;
                    key_path = names::another(&key_path);
                }
            }
        }
    }

    /// An empty folder, as [`Files::create_folder`](crate::Files::create_folder) makes it.
    pub(super) async fn upload_folder(&self, item: &Item) -> Result<Outcome, Error> {
        let order = self.order();
        let path = format!("{}{}", order.path, item.path);
        let deed = Deed::write(&order.folder, &path);
        let key = deed.key();
        names::check_key(&key)?;
        self.shared
            .s3
            .ask(deed, |s3, credentials| {
                s3.put_object()
                    .bucket(&order.folder.bucket)
                    .key(&key)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        Ok(Outcome::Done(None))
    }

    async fn drop_upload(&self, folder: &Folder, file: &str) -> Result<(), Error> {
        let begun = self.journal().record.uploads.get(file).cloned();
        if let Some(upload) = begun {
            let deed = Deed::write(folder, &upload.key_path);
            self.shared.s3.abort_all_of(deed, &upload.id).await?;
            self.journal().write(Line::Dropped {
                file: file.to_owned(),
            });
        }
        Ok(())
    }

    async fn put(
        &self,
        deed: Deed<'_>,
        local: &Path,
        source: Source,
        condition: &Condition,
    ) -> Result<Proof, NotMade> {
        let _held = self.room(source.size).await;
        let path = local.to_owned();
        let (bytes, crc) = blocking(move || {
            // One byte more would show that it has grown.
            let length = usize::try_from(source.size)
                .unwrap_or(usize::MAX)
                .saturating_add(1);
            let bytes = disk::read_at(&path, 0, length)?;
            if bytes.len() as u64 != source.size || disk::source(&path)? != source {
                return Err(FileError::Changed {
                    name: path.display().to_string(),
                });
            }
            let crc = checksum::crc64(&bytes);
            Ok((Bytes::from(bytes), crc))
        })
        .await?;
        let (key, header) = (deed.key(), checksum::header(crc));
        let under_way = UnderWay::new(&self.bytes);
        let put = self
            .shared
            .s3
            .ask(deed, |s3, credentials| {
                s3.put_object()
                    .bucket(&deed.folder.bucket)
                    .key(&key)
                    .body(sent::body(bytes.clone(), under_way.clone()))
                    .checksum_crc64_nvme(&header)
                    .set_if_none_match(condition.none.clone())
                    .set_if_match(condition.etag.clone())
                    .customize()
                    .config_override(patient(credentials))
                    .send()
            })
            .await;
        let kept = match put {
            Ok(answer) => answer.checksum_crc64_nvme,
            Err(error) => Some(self.already(deed, &header, source.size, error).await?),
        };
        under_way.arrived(source.size);
        proof_of(kept.as_deref(), &header, deed)
    }

    /// A refusal may be about the very object that was made: its answer was lost, and the request sent again.
    async fn already(
        &self,
        deed: Deed<'_>,
        header: &str,
        size: u64,
        error: Error,
    ) -> Result<String, NotMade> {
        use FileError::{Changed, NotFound};
        let Error::File(Changed { .. } | NotFound { .. }) = error else {
            return Err(error.into());
        };
        let key = deed.key();
        let there = self
            .shared
            .s3
            .ask(
                Deed {
                    action: "s3:GetObject",
                    ..deed
                },
                |s3, credentials| {
                    s3.head_object()
                        .bucket(&deed.folder.bucket)
                        .key(&key)
                        .checksum_mode(ChecksumMode::Enabled)
                        .customize()
                        .config_override(credentials)
                        .send()
                },
            )
            .await;
        match there {
            Ok(there)
                if there.checksum_crc64_nvme() == Some(header)
                    && there
                        .content_length
                        .and_then(|length| length.try_into().ok())
                        == Some(size) =>
            {
                Ok(header.to_owned())
            }
            _ if matches!(error, Error::File(Changed { .. })) => Err(NotMade::Taken),
            _ => Err(error.into()),
        }
    }

    async fn put_in_parts(
        self: &Arc<Self>,
        deed: Deed<'_>,
        item: &Item,
        local: &Path,
        source: Source,
        condition: &Condition,
    ) -> Result<Proof, NotMade> {
        let upload = match self.parts_there(deed, item).await? {
            Some(upload) => upload,
            None => self.begin(deed, item, source, condition).await?,
        };
        let length_of = |number: i32| part_length(source.size, upload.part_size, number);
        let kept: u64 = upload.parts.keys().map(|number| length_of(*number)).sum();
        self.bytes.fetch_add(kept, Ordering::Relaxed);
        let mut sending = JoinSet::new();
        for number in (1..).take_while(|number| length_of(*number) > 0) {
            if upload.parts.contains_key(&number) {
                continue;
            }
            let offset = u64::from(number.unsigned_abs() - 1) * upload.part_size;
            let span = Span {
                number,
                offset,
                length: length_of(number),
            };
            // Whoever waits for room has begun nothing.
            let room = self.room(span.length).await;
            let (job, local, upload) = (self.clone(), local.to_owned(), upload.clone());
            let (item, folder) = (item.path.clone(), deed.folder.clone());
            sending.spawn(async move {
                let deed = Deed::write(&folder, &upload.key_path);
                let part = job.put_part(deed, &local, &upload.id, span).await?;
                drop(room);
                job.journal().write(Line::Part {
                    file: item,
                    number,
                    part,
                });
                Ok::<_, Error>(())
            });
            while let Some(sent) = sending.try_join_next() {
                sent.unwrap_or(Ok(()))?;
            }
        }
        while let Some(sent) = sending.join_next().await {
            sent.unwrap_or(Ok(()))?;
        }
        let path = local.to_owned();
        if blocking(move || disk::source(&path)).await? != source {
            return Err(FileError::Changed {
                name: local.display().to_string(),
            }
            .into());
        }
        let completed = self.complete(deed, item, source, condition).await;
        if matches!(completed, Err(NotMade::Taken)) {
            self.bytes.fetch_sub(source.size, Ordering::Relaxed);
        }
        completed
    }

    /// The upload that is begun, with those of its parts that S3 and the journal agree on.
    async fn parts_there(&self, deed: Deed<'_>, item: &Item) -> Result<Option<Upload>, Error> {
        let begun = self.journal().record.uploads.get(&item.path).cloned();
        let Some(mut upload) = begun else {
            return Ok(None);
        };
        let there = match self.shared.s3.parts(deed, &upload.id).await {
            // A lifecycle rule, or somebody, has ended it.
            Err(Error::File(FileError::NotFound { .. })) => {
                self.begun_anew(&item.path);
                return Ok(None);
            }
            there => there?,
        };
        let (size, part_size) = (upload.source.size, upload.part_size);
        upload.parts.retain(|number, part| {
            let length = part_length(size, part_size, *number);
            there
                .iter()
                .any(|(n, l, etag)| n == number && *l == length && *etag == part.etag)
        });
        if let Some(kept) = self.journal().record.uploads.get_mut(&item.path) {
            kept.parts.clone_from(&upload.parts);
        }
        Ok(Some(upload))
    }

    async fn begin(
        &self,
        deed: Deed<'_>,
        item: &Item,
        source: Source,
        condition: &Condition,
    ) -> Result<Upload, NotMade> {
        let s3 = &self.shared.s3;
        let key_path = deed.path.unwrap_or_default().to_owned();
        // Told now, and not after all of it was sent.
        if condition.none.is_some() && s3.stat(deed.folder, &key_path).await?.is_some() {
            return Err(NotMade::Taken);
        }
        // An earlier beginning may have been answered with one that never arrived.
        let lost = self.journal().record.beginning.get(&item.path).cloned();
        if let Some((path, at)) = lost {
            let deed = Deed::write(deed.folder, &path);
            s3.abort_begun_since(deed, at, None).await?;
        }
        let at = s3.session().now();
        self.journal().write(Line::Beginning {
            file: item.path.clone(),
            key_path: key_path.clone(),
            at,
        });
        let (begun, lost) = match self.create(deed, RetryConfig::disabled()).await {
            Err(error) if error.is_transient() => {
                (self.create(deed, RetryConfig::standard()).await?, true)
            }
            begun => (begun?, false),
        };
        if lost {
            s3.abort_begun_since(deed, at, begun.upload_id()).await?;
        }
        let id = begun.upload_id.ok_or(Error::Protocol {
            service: AwsService::S3,
            problem: "began an upload without a name",
        })?;
        let upload = Upload {
            id,
            key_path,
            part_size: part_size(source.size),
            source,
            parts: std::collections::BTreeMap::new(),
        };
        self.journal().write(Line::Upload {
            file: item.path.clone(),
            upload: upload.clone(),
        });
        Ok(upload)
    }

    async fn create(
        &self,
        deed: Deed<'_>,
        retry: RetryConfig,
    ) -> Result<CreateMultipartUploadOutput, Error> {
        let key = deed.key();
        self.shared
            .s3
            .ask(deed, |s3, credentials| {
                s3.create_multipart_upload()
                    .bucket(&deed.folder.bucket)
                    .key(&key)
                    .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
                    .checksum_type(ChecksumType::FullObject)
                    .customize()
                    .config_override(credentials.retry_config(retry.clone()))
                    .send()
            })
            .await
    }

    async fn put_part(
        &self,
        deed: Deed<'_>,
        local: &Path,
        upload_id: &str,
        span: Span,
    ) -> Result<Part, Error> {
        let path = local.to_owned();
        let (bytes, crc) = blocking(move || read(&path, span)).await?;
        let (key, header) = (deed.key(), checksum::header(crc));
        let under_way = UnderWay::new(&self.bytes);
        let answer = self
            .shared
            .s3
            .ask(deed, |s3, credentials| {
                let part = s3
                    .upload_part()
                    .bucket(&deed.folder.bucket)
                    .key(&key)
                    .upload_id(upload_id)
                    .part_number(span.number)
                    .checksum_crc64_nvme(&header);
                let (bytes, under_way) = (bytes.clone(), under_way.clone());
                async move {
                    let body = match bytes {
                        Some(bytes) => sent::body(bytes, under_way),
                        None => ByteStream::read_from()
                            .path(local)
                            .offset(span.offset)
                            .length(Length::Exact(span.length))
                            .build()
                            .await
                            .map_err(SdkError::construction_failure)?,
                    };
                    part.body(body)
                        .customize()
                        .config_override(patient(credentials))
                        .send()
                        .await
                }
            })
            .await?;
        under_way.arrived(span.length);
        let etag = answer.e_tag.unwrap_or_default();
        Ok(Part { etag, crc })
    }

    async fn complete(
        &self,
        deed: Deed<'_>,
        item: &Item,
        source: Source,
        condition: &Condition,
    ) -> Result<Proof, NotMade> {
        let Some(upload) = self.journal().record.uploads.get(&item.path).cloned() else {
            return Err(FileError::NotFound {
                name: item.path.clone(),
            }
            .into());
        };
        let pieces = upload.parts.iter().map(|(number, part)| {
            (
                part.crc,
                part_length(source.size, upload.part_size, *number),
            )
        });
        let header = checksum::header(checksum::combined(CrcAlgorithm::Crc64Nvme, pieces));
        let parts = upload.parts.iter().map(|(number, part)| {
            let crc = checksum::header(part.crc);
            CompletedPart::builder()
                .part_number(*number)
                .e_tag(&part.etag)
                .checksum_crc64_nvme(crc)
                .build()
        });
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let key = deed.key();
        let completed = self
            .shared
            .s3
            .ask(deed, |s3, credentials| {
                s3.complete_multipart_upload()
                    .bucket(&deed.folder.bucket)
                    .key(&key)
                    .upload_id(&upload.id)
                    .multipart_upload(parts.clone())
                    .checksum_crc64_nvme(&header)
                    .checksum_type(ChecksumType::FullObject)
                    .set_mpu_object_size(source.size.try_into().ok())
                    .set_if_none_match(condition.none.clone())
                    .set_if_match(condition.etag.clone())
                    .customize()
                    .config_override(patient(credentials))
                    .send()
            })
            .await;
        let kept = match completed {
            Ok(answer) => answer.checksum_crc64_nvme,
            Err(error) => {
                let gone = matches!(error, Error::File(FileError::NotFound { .. }));
                let kept = self.already(deed, &header, source.size, error).await;
                if gone && kept.is_err() {
                    self.begun_anew(&item.path);
                }
                Some(kept?)
            }
        };
        proof_of(kept.as_deref(), &header, deed)
    }

    /// Waits until so much may be read, and another request be sent.
    async fn room(
        &self,
        bytes: u64,
    ) -> (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>) {
        (
            permits(&self.shared.slots, 1).await,
            permits(&self.shared.memory, megabytes(bytes)).await,
        )
    }
}

/// Never an error: nobody closes them.
pub(super) async fn permits(of: &Arc<Semaphore>, number: u32) -> Option<OwnedSemaphorePermit> {
    of.clone().acquire_many_owned(number).await.ok()
}

pub(super) fn megabytes(bytes: u64) -> u32 {
    u32::try_from(bytes.min(IN_MEMORY).div_ceil(MIB).max(1)).unwrap_or(1)
}

/// The bytes of a part, if they are to be held, and their checksum.
fn read(path: &Path, span: Span) -> Result<(Option<Bytes>, u64), FileError> {
    let changed = || FileError::Changed {
        name: path.display().to_string(),
    };
    let mut pieces = Vec::new();
    let mut held = None;
    for start in (0..span.length).step_by(16 * 1024 * 1024) {
        let length = (span.length - start).min(IN_MEMORY);
        let bytes = disk::read_at(
            path,
            span.offset + start,
            usize::try_from(length).unwrap_or(usize::MAX),
        )?;
        if bytes.len() as u64 != length {
            return Err(changed());
        }
        pieces.push((checksum::crc64(&bytes), length));
        held = (length == span.length).then(|| Bytes::from(bytes));
    }
    let crc = checksum::combined(CrcAlgorithm::Crc64Nvme, pieces.into_iter());
    Ok((held, crc))
}

fn part_size(size: u64) -> u64 {
    size.div_ceil(PARTS).next_multiple_of(MIB).max(PART)
}

/// 0 after the last.
fn part_length(size: u64, part_size: u64, number: i32) -> u64 {
    let offset = u64::from(number.unsigned_abs().saturating_sub(1)).saturating_mul(part_size);
    size.saturating_sub(offset).min(part_size)
}

/// What S3 says it has kept is what was sent.
fn proof_of(kept: Option<&str>, header: &str, deed: Deed<'_>) -> Result<Proof, NotMade> {
    match kept {
        None => Ok(Proof::Length),
        Some(kept) if kept == header => Ok(Proof::Checksum),
        Some(_) => Err(FileError::Damaged {
            name: deed.path.unwrap_or_default().to_owned(),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_size_has_ten_thousand_parts_at_most() {
        for size in [
            1,
            PART,
            PART + 1,
            256 * MIB,
            80_000 * MIB,
            5_000_000 * MIB + 17,
            LARGEST,
        ] {
            let part = part_size(size);
            assert!((PART..=5 * 1024 * MIB).contains(&part), "{size}");
            let parts = size.div_ceil(part);
            assert!(parts <= PARTS, "{size}: {parts}");
            let last = i32::try_from(parts).unwrap();
            assert!(part_length(size, part, last) > 0);
            assert_eq!(part_length(size, part, last + 1), 0);
        }
    }
}
