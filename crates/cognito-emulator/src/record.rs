//! What was asked of the emulator, so that tests can count round trips. Never a query string or a body.

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// HTTP method.
    pub method: String,
    /// Path without the query, which may hold codes.
    pub path: String,
    /// The part of `X-Amz-Target` after the last dot, e.g. `GetId`.
    pub operation: Option<String>,
}
