//! The compact serialization of a signed JWT (RFC 7515 §7.1), parsed strictly.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    error::{Segment, VerifyError, clip},
    json::{JsonProblem, parse_object},
};

/// The largest token that is looked at, in bytes. Cognito's are 1 to 2 KB and servers' header limits are near 8 KB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token taken apart, its header checked, its signature not.
pub(crate) struct Jws<'a> {
    pub(crate) kid: String,
    /// What was signed: header and payload as they were sent.
    pub(crate) signing_input: &'a [u8],
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
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
        let kid = key_id(&object(&decode(header, Segment::Header)?, Segment::Header)?)?;
        Ok(Self {
            kid,
            signing_input: &token.as_bytes()[..header.len() + 1 + payload.len()],
            payload: decode(payload, Segment::Payload)?,
            signature: match signature {
                "" => {
                    return Err(VerifyError::NotBase64Url {
                        segment: Segment::Signature,
                    });
                }
                signature => decode(signature, Segment::Signature)?,
            },
        })
    }

    pub(crate) fn claims(&self) -> Result<Map<String, Value>, VerifyError> {
        object(&self.payload, Segment::Payload)
    }
}

/// What the header must say. Members that point at keys (`jwk`, `jku`, `x5u`, `x5c`) are never read.
fn key_id(header: &Map<String, Value>) -> Result<String, VerifyError> {
    match header.get("alg").and_then(Value::as_str) {
        Some("RS256") => {}
        other => {
            return Err(VerifyError::WrongAlgorithm {
                actual: clip(other.unwrap_or_default()),
            });
        }
    }
    if header.contains_key("crit") {
        return Err(VerifyError::CriticalHeader);
    }
    match header.get("kid") {
        Some(Value::String(kid)) => Ok(kid.clone()),
        _ => Err(VerifyError::MissingKeyId),
    }
}

/// The engine refuses padding, other alphabets and non-zero trailing bits: exactly one spelling per value.
pub(crate) fn decode(text: &str, segment: Segment) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| VerifyError::NotBase64Url { segment })
}

fn object(bytes: &[u8], segment: Segment) -> Result<Map<String, Value>, VerifyError> {
    parse_object(bytes).map_err(|problem| match problem {
        JsonProblem::NotAnObject => VerifyError::NotJsonObject { segment },
        JsonProblem::DuplicateMember => VerifyError::DuplicateMember { segment },
    })
}
