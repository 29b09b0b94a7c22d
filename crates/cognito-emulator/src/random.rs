//! Random values in the shapes AWS gives them.

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};

pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    fill(&mut buffer);
    buffer
}

fn fill(buffer: &mut [u8]) {
    aws_lc_rs::rand::fill(buffer).expect("the system has entropy");
}

pub(crate) fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A UUID like any of Cognito's authorization codes, but for its end: logs can be searched for the codes of this
/// emulator without knowing them.
pub(crate) fn authorization_code() -> String {
    const MARK: [u8; 6] = [0xc0, 0xde, 0xc0, 0xde, 0xc0, 0xde];
    let mut bytes = bytes::<16>();
    bytes[10..].copy_from_slice(&MARK);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// A UUID that depends on `parts` only, so that users and identities survive a restart.
pub(crate) fn derived_uuid(parts: &[&str]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, parts.join("\n").as_bytes());
    let bytes = digest.as_ref()[..16]
        .try_into()
        .expect("a SHA-256 digest has 32 bytes");
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// `length` characters of A-Z and 2-7, the alphabet of AWS's identifiers.
pub(crate) fn base32(length: usize) -> String {
    let mut raw = vec![0; length];
    fill(&mut raw);
    raw.iter()
        .map(|byte| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]))
        .collect()
}

pub(crate) fn base64(length: usize) -> String {
    let mut raw = vec![0; length];
    fill(&mut raw);
    BASE64_STANDARD.encode(raw)
}

/// 1,024 characters that begin as those of AWS do.
pub(crate) fn session_token() -> String {
    format!("IQoJb3JpZ2luX2Vj{}", base64(756))
}

pub(crate) fn base64_url(length: usize) -> String {
    let mut raw = vec![0; length];
    fill(&mut raw);
    BASE64_URL_SAFE_NO_PAD.encode(raw)
}

pub(crate) fn six_digits() -> String {
    format!("{:06}", u32::from_le_bytes(bytes()) % 1_000_000)
}
