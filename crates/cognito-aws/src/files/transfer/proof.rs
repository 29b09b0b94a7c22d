//! What proves a download: what S3 knows of the object, and how the file is compared with it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use aws_sdk_s3::types::ChecksumMode;

use super::checksum::{Expected, Proof};
use super::job::{Job, blocking};
use crate::error::Error;
use crate::files::FileError;
use crate::files::s3::Deed;

/// Of a file that is read to be compared.
const BUFFER: usize = 256 * 1024;

/// What an answer says the object's checksum is: the strongest it names, or its entity tag where that is an MD5, which
/// it is not under a key of KMS or of the customer (S3 API reference, "Object").
macro_rules! expected_of {
    ($answer:expr, $etag:expr) => {{
        use aws_sdk_s3::types::ServerSideEncryption;
        use $crate::files::transfer::checksum::{Algorithm, Expected};

        let checksums = [
            (Algorithm::Sha256, $answer.checksum_sha256()),
            (Algorithm::Crc64Nvme, $answer.checksum_crc64_nvme()),
            (Algorithm::Crc32c, $answer.checksum_crc32_c()),
            (Algorithm::Crc32, $answer.checksum_crc32()),
            (Algorithm::Sha1, $answer.checksum_sha1()),
        ];
        let plain = matches!(
            $answer.server_side_encryption(),
            None | Some(ServerSideEncryption::Aes256)
        ) && $answer.sse_customer_algorithm().is_none();
        let checksum = checksums
            .into_iter()
            .find_map(|(algorithm, value)| Expected::checksum(algorithm, value?));
        checksum.or_else(|| plain.then(|| Expected::etag($etag)).flatten())
    }};
}

pub(super) use expected_of;

/// An object, as it was when it was listed.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) deed: Deed<'a>,
    pub(super) etag: &'a str,
    pub(super) size: u64,
}

impl Object<'_> {
    pub(super) fn damaged(&self) -> Error {
        let name = self.deed.path.unwrap_or_default().to_owned();
        FileError::Damaged { name }.into()
    }
}

impl Job {
    /// What S3 knows of the object's checksum.
    pub(super) async fn expected(&self, object: Object<'_>) -> Result<Option<Expected>, Error> {
        let key = object.deed.key();
        let answer = self
            .shared
            .s3
            .ask(object.deed, |s3, credentials| {
                s3.head_object()
                    .bucket(&object.deed.folder.bucket)
                    .key(&key)
                    .if_match(object.etag)
                    .checksum_mode(ChecksumMode::Enabled)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        Ok(expected_of!(answer, object.etag))
    }

    /// Reads a file and compares it with what it must be.
    pub(super) async fn prove(
        &self,
        object: Object<'_>,
        file: &Path,
        expected: Option<Expected>,
    ) -> Result<Proof, Error> {
        let Some(expected) = expected else {
            return Ok(Proof::Length);
        };
        let mut lengths = vec![object.size];
        if let Some(parts) = expected.parts {
            // Nearly always all parts but the last are as long as the first.
            let first = self.part_length(object, 1).await?;
            lengths = match object.size.div_ceil(first.max(1)) == parts {
                true => {
                    let starts = (0..parts).map(|part| part * first);
                    starts.map(|start| first.min(object.size - start)).collect()
                }
                false => Vec::new(),
            };
        }
        let proof = expected.proof();
        if !lengths.is_empty() && matches(file, &expected, lengths).await? {
            return Ok(proof);
        }
        let Some(parts) = expected.parts else {
            return Err(object.damaged());
        };
        let Some(lengths) = self.part_lengths(object, parts).await? else {
            return Ok(Proof::Length);
        };
        match matches(file, &expected, lengths).await? {
            true => Ok(proof),
            false => Err(object.damaged()),
        }
    }

    /// How long each of the parts is that a composite checksum is made of; `None` where S3 does not tell.
    pub(super) async fn part_lengths(
        &self,
        object: Object<'_>,
        parts: u64,
    ) -> Result<Option<Vec<u64>>, Error> {
        let mut lengths = Vec::new();
        for number in (1..).take(usize::try_from(parts).unwrap_or(0)) {
            lengths.push(self.part_length(object, number).await?);
        }
        Ok((lengths.iter().sum::<u64>() == object.size).then_some(lengths))
    }

    async fn part_length(&self, object: Object<'_>, number: i32) -> Result<u64, Error> {
        let key = object.deed.key();
        let answer = self
            .shared
            .s3
            .ask(object.deed, |s3, credentials| {
                s3.head_object()
                    .bucket(&object.deed.folder.bucket)
                    .key(&key)
                    .if_match(object.etag)
                    .part_number(number)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        let length = answer.content_length.unwrap_or_default();
        Ok(length.try_into().unwrap_or(0))
    }
}

async fn matches(file: &Path, expected: &Expected, lengths: Vec<u64>) -> Result<bool, Error> {
    let (path, expected) = (file.to_owned(), expected.clone());
    blocking(move || {
        let read = || {
            expected.is_of(
                BufReader::with_capacity(BUFFER, File::open(&path)?),
                &lengths,
            )
        };
        read().map_err(|error| FileError::local(&path, &error))
    })
    .await
}
