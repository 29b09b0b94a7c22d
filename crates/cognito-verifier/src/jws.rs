//! The compact serialization of a signed JWT (RFC 7515 §7.1), parsed strictly.

use std::sync::OnceLock;

use base64_simd::{Out, URL_SAFE_NO_PAD};

use crate::{
    error::{Segment, VerifyError, clip},
    json::{Item, JsonProblem, Object, Span},
};

/// The largest token that is looked at, in bytes. Cognito's are 1 to 2 KB and servers' header limits are near 8 KB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Header segments of tokens that were verified, and the key ids they name: they need not be read again. There are as many
/// as a pool has keys; nobody without its private keys can add one.
#[derive(Default)]
pub(crate) struct KnownHeaders([OnceLock<(Box<str>, Box<str>)>; 16]);

impl KnownHeaders {
    fn kid(&self, header: &str) -> Option<&str> {
        let known = self.0.iter().map_while(OnceLock::get);
        let (_, kid) = known.into_iter().find(|(known, _)| **known == *header)?;
        Some(kid)
    }

    /// For a token whose signature was right.
    pub(crate) fn remember(&self, jws: &Jws<'_>) {
        let Kid::Read(..) = jws.kid else { return };
        for place in &self.0 {
            if place.set((jws.header.into(), jws.kid().into())).is_ok() {
                return;
            }
        }
    }
}

/// A token taken apart, its header checked, its signature not.
pub(crate) struct Jws<'a> {
    header: &'a str,
    kid: Kid<'a>,
    /// What was signed: header and payload as they were sent.
    pub(crate) signing_input: &'a [u8],
    payload: &'a str,
    signature: &'a str,
}

enum Kid<'a> {
    Known(&'a str),
    Read(Object<3>, Span),
}

impl<'a> Jws<'a> {
    pub(crate) fn parse(token: &'a str, known: &'a KnownHeaders) -> Result<Self, VerifyError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(VerifyError::TooLarge {
                limit: MAX_TOKEN_BYTES,
                actual: token.len(),
            });
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(VerifyError::SegmentCount {
                actual: token.split('.').count(),
            });
        };
        let kid = match known.kid(header) {
            Some(kid) => Kid::Known(kid),
            None => parse_header(decode(header, Segment::Header)?)?,
        };
        Ok(Self {
            header,
            kid,
            signing_input: &token.as_bytes()[..header.len() + 1 + payload.len()],
            payload,
            signature,
        })
    }

    pub(crate) fn kid(&self) -> &str {
        match &self.kid {
            Kid::Known(kid) => kid,
            Kid::Read(header, kid) => header.text(*kid),
        }
    }

    pub(crate) fn payload(&self) -> Result<Vec<u8>, VerifyError> {
        decode(self.payload, Segment::Payload)
    }

    pub(crate) fn signature(&self) -> Result<Signature, VerifyError> {
        let malformed = || VerifyError::NotBase64Url {
            segment: Segment::Signature,
        };
        if self.signature.is_empty() {
            return Err(malformed());
        }
        let text = self.signature.as_bytes();
        let mut octets = [0; MAX_SIGNATURE_BYTES];
        if URL_SAFE_NO_PAD
            .decoded_length(text)
            .map_err(|_| malformed())?
            > octets.len()
        {
            // No key is as long: nothing but its form counts.
            URL_SAFE_NO_PAD.check(text).map_err(|_| malformed())?;
            return Ok(Signature { octets, length: 0 });
        }
        let length = URL_SAFE_NO_PAD
            .decode(text, Out::from_slice(&mut octets))
            .map_err(|_| malformed())?
            .len();
        Ok(Signature { octets, length })
    }
}

/// Of an RSA key of 4096 bits.
const MAX_SIGNATURE_BYTES: usize = 512;

pub(crate) struct Signature {
    octets: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

const ALG: usize = 0;
const KID: usize = 1;
const CRIT: usize = 2;

/// What the header must say. Members that point at keys (`jwk`, `jku`, `x5u`, `x5c`) are never read.
fn parse_header(json: Vec<u8>) -> Result<Kid<'static>, VerifyError> {
    let header = Object::parse(json, |name| match name {
        "alg" => Some(ALG),
        "kid" => Some(KID),
        "crit" => Some(CRIT),
        _ => None,
    })
    .map_err(|problem| malformed(Segment::Header, problem))?;
    let alg = match header.item(ALG) {
        Item::Text(alg) => header.text(*alg),
        _ => "",
    };
    if alg != "RS256" {
        return Err(VerifyError::WrongAlgorithm { actual: clip(alg) });
    }
    if !matches!(header.item(CRIT), Item::Absent) {
        return Err(VerifyError::CriticalHeader);
    }
    match header.item(KID) {
        Item::Text(kid) => {
            let kid = *kid;
            Ok(Kid::Read(header, kid))
        }
        _ => Err(VerifyError::MissingKeyId),
    }
}

/// The decoder refuses padding, other alphabets and non-zero trailing bits: exactly one spelling per value.
pub(crate) fn decode(text: &str, segment: Segment) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .map_err(|_| VerifyError::NotBase64Url { segment })
}

pub(crate) fn malformed(segment: Segment, problem: JsonProblem) -> VerifyError {
    match problem {
        JsonProblem::NotAnObject => VerifyError::NotJsonObject { segment },
        JsonProblem::DuplicateMember => VerifyError::DuplicateMember { segment },
    }
}
