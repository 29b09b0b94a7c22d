/// Tokens that are refused before they expire, because their user signed out everywhere, lost the device, or was removed.
///
/// Cognito tells nobody but its own API that a token was revoked (Developer Guide, "Revoking tokens"), so the list is the
/// caller's: filled by the program that revokes, held in memory, since it is asked for every token. An entry can be dropped
/// once the last token it is about has expired, a day at most.
pub trait DenyList: Send + Sync + 'static {
    /// Whether this token, valid in every other way, is refused with [`crate::VerifyError::Revoked`].
    fn denies(&self, token: &TokenIds<'_>) -> bool;
}

impl<F: Fn(&TokenIds<'_>) -> bool + Send + Sync + 'static> DenyList for F {
    fn denies(&self, token: &TokenIds<'_>) -> bool {
        self(token)
    }
}

/// What a token can be revoked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenIds<'a> {
    /// The issuer; ids of one pool say nothing about another's.
    pub iss: &'a str,
    /// The user, or the client of a machine token.
    pub sub: &'a str,
    /// This one token.
    pub jti: Option<&'a str>,
    /// Every token of one sign-in, however often it was refreshed.
    pub origin_jti: Option<&'a str>,
    /// When the token was issued, in Unix seconds: to refuse whatever is older than a sign-out.
    pub iat: Option<u64>,
}
