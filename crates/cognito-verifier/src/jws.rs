//! The compact serialization of a signed JWT (RFC 7515 §7.1), parsed strictly.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    error::{Segment, VerifyError, clip},
    json::{Item, JsonProblem, Object, Span},
};

/// The largest token that is looked at, in bytes. Cognito's are 1 to 2 KB and servers' header limits are near 8 KB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token taken apart, its header checked, its signature not.
pub(crate) struct Jws<'a> {
    header: Object<3>,
    kid: Span,
    /// What was signed: header and payload as they were sent.
    pub(crate) signing_input: &'a [u8],
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, VerifyError> {
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
        let signing_input = &token.as_bytes()[..header.len() + 1 + payload.len()];
        let (header, kid) = parse_header(decode(header, Segment::Header)?)?;
        Ok(Self {
            header,
            kid,
            signing_input,
            payload,
            signature,
        })
    }

    pub(crate) fn kid(&self) -> &str {
        self.header.text(self.kid)
    }

    pub(crate) fn payload(&self) -> Result<Vec<u8>, VerifyError> {
        decode(self.payload, Segment::Payload)
    }

    pub(crate) fn signature(&self) -> Result<Vec<u8>, VerifyError> {
        match self.signature {
            "" => Err(VerifyError::NotBase64Url {
                segment: Segment::Signature,
            }),
            signature => decode(signature, Segment::Signature),
        }
    }
}

const ALG: usize = 0;
const KID: usize = 1;
const CRIT: usize = 2;

/// What the header must say. Members that point at keys (`jwk`, `jku`, `x5u`, `x5c`) are never read.
fn parse_header(json: Vec<u8>) -> Result<(Object<3>, Span), VerifyError> {
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
            Ok((header, kid))
        }
        _ => Err(VerifyError::MissingKeyId),
    }
}

/// The engine refuses padding, other alphabets and non-zero trailing bits: exactly one spelling per value.
pub(crate) fn decode(text: &str, segment: Segment) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| VerifyError::NotBase64Url { segment })
}

pub(crate) fn malformed(segment: Segment, problem: JsonProblem) -> VerifyError {
    match problem {
        JsonProblem::NotAnObject => VerifyError::NotJsonObject { segment },
        JsonProblem::DuplicateMember => VerifyError::DuplicateMember { segment },
    }
}
