//! One large file to S3, in parts side by side.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use tokio::task::JoinSet;

use super::checksum::{self, Proof};
use super::disk;
use super::job::{Job, blocking};
use super::journal::{Line, Part, Source, Upload};
use super::limits::{IN_MEMORY, MIB};
use super::plan::Item;
use super::sent::{self, UnderWay};
use super::upload::{Condition, NotMade, no_answer_of_s3, proof_of};
use crate::error::{AwsService, Error};
use crate::files::FileError;
use crate::files::s3::{Deed, patient};

/// What is not larger goes in one request; what is, in parts of this size or more. S3 takes no part below 5 MiB but
/// the last, and 10,000 of them.
pub(super) const PART: u64 = 8 * MIB;
const PARTS: u64 = 10_000;

/// What a part must be: its number, where it begins, how long it is.
#[derive(Clone, Copy, Debug)]
struct Span {
    number: i32,
    offset: u64,
    length: u64,
}

impl Job {
    pub(super) async fn put_in_parts(
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
        self.bytes().fetch_add(kept, Ordering::Relaxed);
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
            let room = self.shared.limits.room(span.length).await;
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
            self.bytes().fetch_sub(source.size, Ordering::Relaxed);
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
            parts: BTreeMap::new(),
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
        let under_way = UnderWay::new(&self.bytes());
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
        let etag = answer.e_tag.ok_or_else(no_answer_of_s3)?;
        under_way.arrived(span.length);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::transfer::upload::LARGEST;

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
