//! What was asked of the emulator, so that tests can count round trips and follow a session. Never a query string, a
//! body or a token.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// HTTP method.
    pub method: String,
    /// Path without the query, which may hold codes.
    pub path: String,
    /// The part of `X-Amz-Target` after the last dot, e.g. `GetId`.
    pub operation: Option<String>,
    /// The port it was sent to, which tells the [domains](crate::Emulator::add_domain) apart.
    pub port: u16,
}

/// One use of the refresh grant by a token this user pool has issued, in the order the pool acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The port it was sent to, which tells the [domains](crate::Emulator::add_domain) apart.
    pub port: u16,
    /// Whose session it is.
    pub username: String,
    /// The refresh token that was presented.
    pub presented: Fingerprint,
    /// What came of it.
    pub outcome: RefreshOutcome,
}

/// What the pool makes of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// New tokens; the refresh token stays.
    Renewed,
    /// New tokens and, in place of the refresh token, this one.
    Rotated(Fingerprint),
    /// `invalid_grant`: used up, expired, revoked, or of a user who may not.
    Refused,
}

/// What names a token and tells nothing of it: the first half of its SHA-256, in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of this token.
    pub fn of(token: &[u8]) -> Self {
        let half = digest(&SHA256, token).as_ref()[..16].to_vec();
        Self(half.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The port a request was sent to, for its handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrivedAt(pub(crate) u16);
