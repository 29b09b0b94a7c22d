//! The checksums S3 keeps with an object.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use axum::http::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::{
    S3Result,
    crypto::{self, Checksum as _, Md5},
    dto::{self, ChecksumAlgorithm, ChecksumType},
    s3_error,
};
use serde::{Deserialize, Serialize};

/// An algorithm a client can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// A checksum of an object or of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    pub(crate) value: Vec<u8>,
    /// The number of parts, when it is a checksum of the parts' checksums.
    pub(crate) parts: Option<usize>,
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> S3Result<Self> {
        match name.to_ascii_uppercase().as_str() {
            "CRC32" => Ok(Self::Crc32),
            "CRC32C" => Ok(Self::Crc32c),
            "CRC64NVME" => Ok(Self::Crc64Nvme),
            "SHA1" => Ok(Self::Sha1),
            "SHA256" => Ok(Self::Sha256),
            _ => Err(s3_error!(
                InvalidRequest,
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                 [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
            )),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => ChecksumAlgorithm::CRC32,
            Self::Crc32c => ChecksumAlgorithm::CRC32C,
            Self::Crc64Nvme => ChecksumAlgorithm::CRC64NVME,
            Self::Sha1 => ChecksumAlgorithm::SHA1,
            Self::Sha256 => ChecksumAlgorithm::SHA256,
        }
    }

    pub(crate) fn dto(self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::from_static(self.name())
    }

    /// A hash of the parts' hashes is what S3 makes of all but CRC64NVME, unless the client asks for more.
    pub(crate) fn is_composite(self, kind: Option<&str>) -> bool {
        match kind {
            Some(kind) => kind == ChecksumType::COMPOSITE,
            None => self != Self::Crc64Nvme,
        }
    }

    fn crc(self) -> Option<(CrcAlgorithm, usize)> {
        match self {
            Self::Crc32 => Some((CrcAlgorithm::Crc32IsoHdlc, 4)),
            Self::Crc32c => Some((CrcAlgorithm::Crc32Iscsi, 4)),
            Self::Crc64Nvme => Some((CrcAlgorithm::Crc64Nvme, 8)),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// Everything one upload is hashed with, in one pass.
pub(crate) struct Hashers {
    md5: Option<Md5>,
    others: Vec<(Algorithm, Hasher)>,
}

enum Hasher {
    Crc32(crypto::Crc32),
    Crc32c(crypto::Crc32c),
    Crc64Nvme(crypto::Crc64Nvme),
    Sha1(crypto::Sha1),
    Sha256(Box<crypto::Sha256>),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(crypto::Crc32::new()),
            Algorithm::Crc32c => Self::Crc32c(crypto::Crc32c::new()),
            Algorithm::Crc64Nvme => Self::Crc64Nvme(crypto::Crc64Nvme::new()),
            Algorithm::Sha1 => Self::Sha1(crypto::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Box::new(crypto::Sha256::new())),
        }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(data),
            Self::Crc32c(hasher) => hasher.update(data),
            Self::Crc64Nvme(hasher) => hasher.update(data),
            Self::Sha1(hasher) => hasher.update(data),
            Self::Sha256(hasher) => hasher.update(data),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc32(hasher) => hasher.finalize().to_vec(),
            Self::Crc32c(hasher) => hasher.finalize().to_vec(),
            Self::Crc64Nvme(hasher) => hasher.finalize().to_vec(),
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Hashers {
    /// MD5 for the ETag, and these.
    pub(crate) fn new(algorithms: &[Algorithm]) -> Self {
        Self {
            md5: Some(Md5::new()),
            ..Self::checksums(algorithms)
        }
    }

    /// These alone, for content whose ETag is known.
    pub(crate) fn checksums(algorithms: &[Algorithm]) -> Self {
        let hasher = |algorithm: &Algorithm| (*algorithm, Hasher::new(*algorithm));
        Self {
            md5: None,
            others: algorithms.iter().map(hasher).collect(),
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(data);
        }
        for (_, hasher) in &mut self.others {
            hasher.update(data);
        }
    }

    /// The MD5, zeros where none was asked for, and the checksums.
    pub(crate) fn finish(self) -> ([u8; 16], Vec<Checksum>) {
        let md5 = self.md5.map(crypto::Checksum::finalize).unwrap_or_default();
        let checksum = |(algorithm, hasher): (Algorithm, Hasher)| Checksum {
            algorithm,
            value: hasher.finish(),
            parts: None,
        };
        (md5, self.others.into_iter().map(checksum).collect())
    }
}

impl Checksum {
    /// As S3 writes it: base64, and the number of parts behind a dash.
    pub(crate) fn text(&self) -> String {
        let value = BASE64_STANDARD.encode(&self.value);
        match self.parts {
            Some(parts) => format!("{value}-{parts}"),
            None => value,
        }
    }

    /// The checksum of an object from those of its parts, each with its size.
    pub(crate) fn of_parts(
        algorithm: Algorithm,
        composite: bool,
        parts: &[(Self, u64)],
    ) -> Option<Self> {
        if parts.iter().any(|(part, _)| part.algorithm != algorithm) {
            return None;
        }
        if composite {
            let mut hasher = Hasher::new(algorithm);
            for (part, _) in parts {
                hasher.update(&part.value);
            }
            return Some(Self {
                algorithm,
                value: hasher.finish(),
                parts: Some(parts.len()),
            });
        }
        let (crc, width) = algorithm.crc()?;
        let number = |checksum: &Self| {
            checksum
                .value
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        let whole = parts
            .iter()
            .map(|(part, size)| (number(part), *size))
            .reduce(|(left, length), (right, size)| {
                (checksum_combine(crc, left, right, size), length + size)
            });
        let whole = whole?.0.to_be_bytes();
        Some(Self {
            algorithm,
            value: whole[8 - width..].to_vec(),
            parts: None,
        })
    }

    pub(crate) fn kind(&self) -> ChecksumType {
        ChecksumType::from_static(match self.parts {
            Some(_) => ChecksumType::COMPOSITE,
            None => ChecksumType::FULL_OBJECT,
        })
    }

    /// In the member of its algorithm.
    pub(crate) fn dto(&self) -> dto::Checksum {
        let text = Some(self.text());
        let mut checksum = dto::Checksum {
            checksum_type: Some(self.kind()),
            ..Default::default()
        };
        match self.algorithm {
            Algorithm::Crc32 => checksum.checksum_crc32 = text,
            Algorithm::Crc32c => checksum.checksum_crc32c = text,
            Algorithm::Crc64Nvme => checksum.checksum_crc64nvme = text,
            Algorithm::Sha1 => checksum.checksum_sha1 = text,
            Algorithm::Sha256 => checksum.checksum_sha256 = text,
        }
        checksum
    }
}

/// What a client says about the content it sends.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) algorithm: Option<Algorithm>,
    value: Option<String>,
    content_md5: Option<String>,
}

impl Declared {
    /// From the headers `x-amz-checksum-...`, `x-amz-trailer`, `x-amz-sdk-checksum-algorithm` and `content-md5`.
    pub(crate) fn in_headers(headers: &HeaderMap) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut declared = Self {
            content_md5: text("content-md5").map(str::to_owned),
            ..Self::default()
        };
        for (name, value) in headers {
            let Some(algorithm) = name.as_str().strip_prefix("x-amz-checksum-") else {
                continue;
            };
            let Ok(algorithm) = Algorithm::parse(algorithm) else {
                continue;
            };
            if declared.value.is_some() {
                return Err(s3_error!(
                    InvalidRequest,
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
                ));
            }
            declared.algorithm = Some(algorithm);
            declared.value = value.to_str().ok().map(str::to_owned);
        }
        if declared.algorithm.is_none() {
            let trailer =
                text("x-amz-trailer").and_then(|name| name.trim().strip_prefix("x-amz-checksum-"));
            let named = trailer.or_else(|| text("x-amz-sdk-checksum-algorithm"));
            declared.algorithm = named.map(Algorithm::parse).transpose()?;
        }
        Ok(declared)
    }

    /// Compares with what came, once its trailer is there.
    pub(crate) fn check(
        mut self,
        trailer: Option<&HeaderMap>,
        md5: &[u8; 16],
        checksums: &[Checksum],
    ) -> S3Result<()> {
        if let Some(declared) = &self.content_md5 {
            let declared = BASE64_STANDARD
                .decode(declared)
                .ok()
                .filter(|md5| md5.len() == 16)
                .ok_or_else(|| {
                    s3_error!(InvalidDigest, "The Content-MD5 you specified is not valid.")
                })?;
            if declared != md5 {
                return Err(s3_error!(
                    BadDigest,
                    "The Content-MD5 you specified did not match what we received."
                ));
            }
        }
        let Some(algorithm) = self.algorithm else {
            return Ok(());
        };
        if let Some(trailer) = trailer {
            let name = format!("x-amz-checksum-{}", algorithm.name().to_lowercase());
            let value = trailer.get(name).and_then(|value| value.to_str().ok());
            self.value = self.value.or(value.map(str::to_owned));
        }
        let computed = checksums
            .iter()
            .find(|checksum| checksum.algorithm == algorithm);
        match (self.value, computed) {
            (Some(declared), Some(computed)) if declared != computed.text() => Err(s3_error!(
                BadDigest,
                "The {} you specified did not match the calculated checksum.",
                algorithm.name()
            )),
            _ => Ok(()),
        }
    }
}
