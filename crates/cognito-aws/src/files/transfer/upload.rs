//! One file to S3: in one request, or in parts side by side (S3 guide, "Uploading an object using multipart upload").
//!
//! Every request carries the CRC-64/NVME of its bytes, which S3 compares before it keeps them; of an upload in parts
//! it compares the whole once more.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use cognito_client::TransientCause;

use super::checksum::{self, Proof};
use super::disk;
use super::job::{Job, Outcome, blocking};
use super::journal::{Line, Record, Source};
use super::limits::MIB;
use super::parts::PART;
use super::plan::Item;
use super::sent::{self, UnderWay};
use crate::error::{AwsService, Error};
use crate::files::s3::{Deed, patient};
use crate::files::{FileError, Folder, OnConflict, names};

/// S3 guide, "Amazon S3 multipart upload limits".
pub(super) const LARGEST: u64 = 50_000 * 1024 * MIB;

/// Why an object was not made.
pub(super) enum NotMade {
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
pub(super) struct Condition {
    pub(super) none: Option<String>,
    pub(super) etag: Option<String>,
}

impl Condition {
    /// To be replaced is what the person was asked about, as it was then; anything, where they had said so unasked.
    fn of(record: &Record, file: &str) -> Self {
        let (none, etag) = match (record.on_conflict, record.seen.get(file)) {
            (OnConflict::Replace, _) if record.seen.is_empty() => (None, None),
            (OnConflict::Replace, Some(Some(etag))) => (None, Some(etag.clone())),
            _ => (Some("*".into()), None),
        };
        Self { none, etag }
    }
}

impl Job {
    /// Uploads a file.
    pub(super) async fn upload(
        self: &Arc<Self>,
        item: &Item,
        local: &Path,
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
        let (begun, on_conflict, condition) = {
            let record = &self.journal().record;
            let begun = record.uploads.get(&item.path).cloned();
            (begun, record.on_conflict, Condition::of(record, &item.path))
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
        let _held = self.shared.limits.room(source.size).await;
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
        let under_way = UnderWay::new(&self.bytes());
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
            Ok(answer) if answer.e_tag.is_none() => return Err(no_answer_of_s3().into()),
            Ok(answer) => answer.checksum_crc64_nvme,
            Err(error) => Some(self.already(deed, &header, source.size, error).await?),
        };
        under_way.arrived(source.size);
        proof_of(kept.as_deref(), &header, deed)
    }

    /// A refusal may be about the very object that was made: its answer was lost, and the request sent again.
    pub(super) async fn already(
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
}

/// What S3 says it has kept is what was sent.
pub(super) fn proof_of(kept: Option<&str>, header: &str, deed: Deed<'_>) -> Result<Proof, NotMade> {
    match kept {
        None => Ok(Proof::Length),
        Some(kept) if kept == header => Ok(Proof::Checksum),
        Some(_) => Err(FileError::Damaged {
            name: deed.path.unwrap_or_default().to_owned(),
        }
        .into()),
    }
}

/// Whatever stands between, a page to log in to a network for instance, gives what it takes no entity tag.
pub(super) fn no_answer_of_s3() -> Error {
    Error::Transient {
        service: AwsService::S3,
        cause: TransientCause::NotTheService,
    }
}
