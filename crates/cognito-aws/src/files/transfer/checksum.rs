//! Whether what arrived is what was sent (S3 guide, "Checking object integrity").

use std::io::{self, BufRead};

use aws_smithy_checksums::{Checksum, ChecksumAlgorithm};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// What proves that a file is whole, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// S3 has no checksum of it; it has the right length.
    Length,
    /// Its MD5 is the object's entity tag.
    Etag,
    /// The object's checksum.
    Checksum,
}

/// The checksums S3 keeps that can be computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc64Nvme,
    Crc32,
    Crc32c,
    Sha256,
    Sha1,
    /// Of the entity tag.
    Md5,
}

/// What a file's checksum must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) algorithm: Algorithm,
    value: Vec<u8>,
    /// Of the checksums of so many parts; S3 calls that composite.
    pub(super) parts: Option<u64>,
}

impl Expected {
    /// From a checksum header: base64, and `-PARTS` after it where it is composite.
    pub(super) fn checksum(algorithm: Algorithm, header: &str) -> Option<Self> {
        let (value, parts) = split(header)?;
        let value = BASE64_STANDARD.decode(value).ok()?;
        Some(Self {
            algorithm,
            value,
            parts,
        })
    }

    /// From an entity tag that is an MD5, in hexadecimal, with `-PARTS` after it for an upload in parts.
    pub(super) fn etag(etag: &str) -> Option<Self> {
        let (value, parts) = split(etag.trim_matches('"'))?;
        if value.len() != 32 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let byte = |at| u8::from_str_radix(value.get(at..at + 2)?, 16).ok();
        let value = (0..32).step_by(2).map(byte).collect::<Option<_>>()?;
        Some(Self {
            algorithm: Algorithm::Md5,
            value,
            parts,
        })
    }

    pub(super) fn proof(&self) -> Proof {
        match self.algorithm {
            Algorithm::Md5 => Proof::Etag,
            _ => Proof::Checksum,
        }
    }

    /// The algorithm when it is one of the whole object, and that whole can be put together from its ranges.
    pub(super) fn crc(&self) -> Option<CrcAlgorithm> {
        if self.parts.is_some() {
            return None;
        }
        match self.algorithm {
            Algorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Algorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            _ => None,
        }
    }

    pub(super) fn is_crc(&self, crc: u64) -> bool {
        let bytes = crc.to_be_bytes();
        match self.algorithm {
            Algorithm::Crc64Nvme => self.value == bytes,
            _ => self.value == bytes[4..],
        }
    }

    /// Reads parts of these lengths and compares; one part, unless the checksum is composite.
    pub(super) fn is_of(&self, mut from: impl BufRead, lengths: &[u64]) -> io::Result<bool> {
        let mut parts = Vec::new();
        for length in lengths {
            let mut checksum = self.algorithm.start();
            let mut left = *length;
            while left > 0 {
                let bytes = from.fill_buf()?;
                if bytes.is_empty() {
                    return Ok(false);
                }
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                let read = bytes.len().min(most);
                checksum.update(&bytes[..read]);
                from.consume(read);
                left -= read as u64;
            }
            parts.push(checksum.finalize());
        }
        if self.parts.is_none() {
            return Ok(matches!(parts.as_slice(), [whole] if **whole == *self.value));
        }
        let mut whole = self.algorithm.start();
        for part in parts {
            whole.update(&part);
        }
        Ok(*whole.finalize() == *self.value)
    }
}

/// A value and the number of parts that may follow it.
fn split(value: &str) -> Option<(&str, Option<u64>)> {
    match value.rsplit_once('-') {
        Some((value, parts)) => Some((
            value,
            Some(
                parts
                    .parse()
                    .ok()
                    .filter(|parts| (1..=10_000).contains(parts))?,
            ),
        )),
        None => Some((value, None)),
    }
}

impl Algorithm {
    fn start(self) -> Box<dyn Checksum> {
        match self {
            Self::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme.into_impl(),
            Self::Crc32 => ChecksumAlgorithm::Crc32.into_impl(),
            Self::Crc32c => ChecksumAlgorithm::Crc32c.into_impl(),
            Self::Sha256 => ChecksumAlgorithm::Sha256.into_impl(),
            Self::Sha1 => ChecksumAlgorithm::Sha1.into_impl(),
            Self::Md5 => Box::new(EtagMd5(Md5::new())),
        }
    }
}

struct EtagMd5(Md5);

impl Checksum for EtagMd5 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finalize(self: Box<Self>) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(&self.0.finalize())
    }

    fn size(&self) -> u64 {
        16
    }
}

/// What S3 compares an upload with.
pub(super) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::crc64_nvme(bytes)
}

/// A CRC-64/NVME as S3 writes it.
pub(super) fn header(crc: u64) -> String {
    BASE64_STANDARD.encode(crc.to_be_bytes())
}

/// The checksum of pieces that follow each other, each with its length.
pub(super) fn combined(algorithm: CrcAlgorithm, pieces: impl Iterator<Item = (u64, u64)>) -> u64 {
    pieces
        .reduce(|(whole, length), (crc, more)| {
            (
                crc_fast::checksum_combine(algorithm, whole, crc, more),
                length + more,
            )
        })
        .map_or_else(|| crc_fast::checksum(algorithm, &[]), |(whole, _)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_checksum_is_verified() {
        // From the algorithms' own documents: the check value of "123456789".
        for (algorithm, value) in [
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (
                Algorithm::Sha256,
                "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
            ),
        ] {
            let expected = Expected::checksum(algorithm, value).unwrap();
            assert!(
                expected.is_of(&b"123456789"[..], &[9]).unwrap(),
                "{algorithm:?}"
            );
            for other in [&b"123456780"[..], b"12345678", b""] {
                assert!(!expected.is_of(other, &[9]).unwrap(), "{algorithm:?}");
            }
        }
        let etag = Expected::etag("\"25f9e794323b453885f5181f1b624d0b\"").unwrap();
        assert!(etag.is_of(&b"123456789"[..], &[9]).unwrap());
        assert_eq!(etag.proof(), Proof::Etag);
    }

    #[test]
    fn a_composite_checksum_is_that_of_the_parts() {
        // SHA-256 of SHA-256("12345") and SHA-256("6789"); MD5 likewise.
        let part = |bytes: &[u8], algorithm: Algorithm| {
            let mut checksum = algorithm.start();
            checksum.update(bytes);
            checksum.finalize()
        };
        for algorithm in [Algorithm::Sha256, Algorithm::Crc32, Algorithm::Md5] {
            let both = [part(b"12345", algorithm), part(b"6789", algorithm)].concat();
            let whole = part(&both, algorithm);
            let expected = Expected {
                algorithm,
                value: whole.to_vec(),
                parts: Some(2),
            };
            assert!(expected.is_of(&b"123456789"[..], &[5, 4]).unwrap());
            assert!(!expected.is_of(&b"123456789"[..], &[4, 5]).unwrap());
            assert_eq!(expected.crc(), None);
        }
        assert_eq!(
            Expected::checksum(Algorithm::Sha256, "FeKw-3")
                .unwrap()
                .parts,
            Some(3)
        );
        assert_eq!(Expected::checksum(Algorithm::Sha256, "FeKw-0"), None);
        assert_eq!(Expected::etag("\"not an md5\""), None);
    }

    #[test]
    fn pieces_make_the_whole() {
        let whole = crc64(b"123456789");
        let pieces = [&b"1234"[..], b"", b"56789"].map(|piece| (crc64(piece), piece.len() as u64));
        assert_eq!(combined(CrcAlgorithm::Crc64Nvme, pieces.into_iter()), whole);
        assert_eq!(header(whole), "rosUhgp5mIg=");
        let expected = Expected::checksum(Algorithm::Crc64Nvme, &header(whole)).unwrap();
        assert!(expected.is_crc(whole) && !expected.is_crc(whole + 1));
        assert_eq!(
            combined(CrcAlgorithm::Crc64Nvme, std::iter::empty()),
            crc64(b"")
        );
    }
}
