use std::{fmt, time::Duration};

use crate::pool::ClientIds;

/// Why a token was refused, or could not be judged: one variant per rule, with what was expected and what was found.
///
/// No variant holds the token, its signature or a nonce. Strings taken from a token are cut at 128 characters and shown
/// escaped, and until the signature is checked they are whatever the sender wrote: fit for a log, not for a decision.
/// What goes back to the caller ([`VerifyError::www_authenticate`], [`VerifyError::reason`]) contains none of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No `Authorization: Bearer` header (RFC 6750 §2.1).
    #[error("no bearer token: send the token as `Authorization: Bearer TOKEN`")]
    MissingToken,
    /// More than one `Authorization` header, or one that is not `Bearer`, spaces and a token (RFC 6750 §2.1, §3.1).
    #[error("the Authorization header is not one `Bearer TOKEN`")]
    MalformedAuthorization,
    /// The token is larger than any Cognito issues, so no work is done on it.
    #[error("the token has {actual} bytes; at most {limit} are accepted")]
    TooLarge {
        /// [`crate::MAX_TOKEN_BYTES`].
        limit: usize,
        /// Bytes received.
        actual: usize,
    },
    /// A signed JWT is header, payload and signature separated by dots (RFC 7515 §7.1); an encrypted one has five parts.
    #[error("the token has {actual} dot-separated segments; a signed JWT has 3")]
    SegmentCount {
        /// Segments received.
        actual: usize,
    },
    /// A segment is empty, padded, not base64url, or spelt in a way that does not survive re-encoding (RFC 7515 §2).
    #[error("the token's {segment} is not unpadded, canonical base64url")]
    NotBase64Url {
        /// The segment concerned.
        segment: Segment,
    },
    /// The header or payload is not a JSON object in UTF-8 (RFC 7515 §4, RFC 7519 §7.2).
    #[error("the token's {segment} is not a JSON object")]
    NotJsonObject {
        /// The segment concerned.
        segment: Segment,
    },
    /// A member name occurs twice, so two readers could see two different tokens (RFC 7515 §4, RFC 7519 §4).
    #[error("the token's {segment} names a member twice")]
    DuplicateMember {
        /// The segment concerned.
        segment: Segment,
    },
    /// Cognito signs with RS256 only (Developer Guide, "Verifying a JSON web token").
    #[error("the token's alg is {actual:?}; only \"RS256\" is accepted")]
    WrongAlgorithm {
        /// The header's `alg`, empty when absent or not a string.
        actual: String,
    },
    /// The header names extensions that must be understood; none are (RFC 7515 §4.1.11).
    #[error("the token's header has `crit`; no critical extension is supported")]
    CriticalHeader,
    /// The header has no `kid`, which in Cognito names the key (Developer Guide, "Verifying a JSON web token").
    #[error("the token's header has no `kid`")]
    MissingKeyId,
    /// The pool's key set, just read or read a moment ago, has no such key.
    #[error("the pool has no key {kid:?}; is the token from another user pool?")]
    UnknownKey {
        /// The header's `kid`.
        kid: String,
    },
    /// The pool has this key, but says it is for something else, or it is too weak.
    #[error("the pool's key {kid:?} must not check RS256 signatures: {problem}")]
    UnusableKey {
        /// The header's `kid`.
        kid: String,
        /// What is wrong with the key.
        problem: KeyProblem,
    },
    /// The signature does not fit the token and the pool's key (RFC 7515 §5.2).
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim that must be there is not.
    #[error("the token has no `{claim}` claim")]
    MissingClaim {
        /// The claim's name.
        claim: &'static str,
    },
    /// A claim is of the wrong JSON type.
    #[error("the token's `{claim}` claim is not {expected}")]
    InvalidClaim {
        /// The claim's name.
        claim: &'static str,
        /// The type it should have, e.g. `a number`.
        expected: &'static str,
    },
    /// `iss` is not the configured issuer (RFC 7519 §4.1.1), compared byte for byte.
    #[error("the token was issued by {actual:?}; expected {expected:?}")]
    WrongIssuer {
        /// The configured issuer.
        expected: String,
        /// The token's `iss`.
        actual: String,
    },
    /// An ID token where an access token belongs, or the other way round.
    #[error("the token's token_use is {actual:?}; expected {expected:?}")]
    WrongTokenUse {
        /// `access` or `id`.
        expected: &'static str,
        /// The token's `token_use`.
        actual: String,
    },
    /// Issued to an app client that is not accepted: `client_id` of an access token, `aud` of an ID token.
    #[error("the token was issued to client {actual:?}; expected {expected}")]
    WrongClient {
        /// The accepted clients.
        expected: ClientIds,
        /// The token's clients, joined by spaces.
        actual: String,
    },
    /// Bound to other resources than the one required: `aud` of an access token (RFC 8707 §2.2, RFC 9068 §4).
    #[error("the token is for the resource {actual:?}; expected {expected:?}")]
    WrongResource {
        /// The resources accepted, joined by spaces.
        expected: String,
        /// The token's resources, joined by spaces.
        actual: String,
    },
    /// `exp` has been reached (RFC 7519 §4.1.4: not accepted on or after it).
    #[error("the token expired at {expired_at}; it is now {now} (Unix seconds, leeway {leeway:?})")]
    Expired {
        /// `exp`, in Unix seconds.
        expired_at: u64,
        /// The clock, in Unix seconds.
        now: u64,
        /// The leeway that was granted.
        leeway: Duration,
    },
    /// `nbf` has not been reached (RFC 7519 §4.1.5).
    #[error(
        "the token is not valid before {not_before}; it is now {now} (Unix seconds, leeway {leeway:?})"
    )]
    NotYetValid {
        /// `nbf`, in Unix seconds.
        not_before: u64,
        /// The clock, in Unix seconds.
        now: u64,
        /// The leeway that was granted.
        leeway: Duration,
    },
    /// The ID token answers another sign-in than the one in progress (OpenID Connect Core 1.0 §3.1.3.7, step 11).
    #[error("the ID token's nonce belongs to another sign-in")]
    WrongNonce,
    /// The ID token was issued with another access token (OpenID Connect Core 1.0 §3.1.3.8).
    #[error("the ID token's at_hash does not fit the access token")]
    WrongAtHash,
    /// A valid token without a scope that is required (RFC 6750 §3.1 `insufficient_scope`).
    #[error("the token lacks the scope {required:?}; it has {actual:?}")]
    MissingScope {
        /// The scope required.
        required: String,
        /// The token's scopes.
        actual: Vec<String>,
    },
    /// A valid token of a user who is not in a group that is required.
    #[error("the user is not in the group {required:?}, only in {actual:?}")]
    MissingGroup {
        /// The group required.
        required: String,
        /// The user's groups.
        actual: Vec<String>,
    },
    /// A valid token that does not fulfil a condition of [`crate::Verifier::with_predicate`].
    #[error("the token does not fulfil the condition {predicate:?}")]
    PredicateFailed {
        /// The condition's name.
        predicate: &'static str,
    },
    /// A valid token that the [`crate::DenyList`] names.
    #[error("the token has been revoked")]
    Revoked,
    /// The pool's keys could not be fetched, so the token can be neither accepted nor refused.
    #[error("the keys at {uri} could not be fetched: {problem}")]
    JwksUnavailable {
        /// Where the keys are.
        uri: String,
        /// What went wrong.
        problem: JwksProblem,
    },
}

impl VerifyError {
    /// A stable name for programs: logs, metrics, API clients.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.wire().0
    }

    /// A sentence for the person who called the API. It repeats nothing from the token or the configuration.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.wire().1
    }

    /// The HTTP status to answer with: 403 for a good token that lacks a scope (RFC 6750 §3.1 `insufficient_scope`), 503
    /// when the keys could not be fetched, 401 for everything else.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::MissingScope { .. } => 403,
            Self::JwksUnavailable { .. } => 503,
            _ => 401,
        }
    }

    /// The value of the `WWW-Authenticate` header (RFC 6750 §3). For [`VerifyError::JwksUnavailable`], which is not the
    /// caller's fault, it is the bare challenge and need not be sent.
    #[must_use]
    pub fn www_authenticate(&self) -> String {
        let error = match self {
            // RFC 6750 §3.1: a request without a token gets no error code.
            Self::MissingToken | Self::JwksUnavailable { .. } => return "Bearer".to_owned(),
            Self::MalformedAuthorization => "invalid_request",
            Self::MissingScope { .. } => "insufficient_scope",
            _ => "invalid_token",
        };
        let mut challenge = format!(
            "Bearer error=\"{error}\", error_description=\"{}\"",
            self.reason()
        );
        if let Self::MissingScope { required, .. } = self
            // The characters RFC 6749 §3.3 allows in a scope; nothing else may reach a header.
            && required.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        {
            challenge.push_str(&format!(", scope=\"{required}\""));
        }
        challenge
    }

    /// The one table from refusal to code and sentence. Sentences use only the characters of RFC 6750 §3
    /// `error_description`: printable ASCII without `"` and `\`.
    fn wire(&self) -> (&'static str, &'static str) {
        match self {
            Self::MissingToken => (
                "missing_token",
                "send a token as Authorization: Bearer TOKEN",
            ),
            Self::MalformedAuthorization => (
                "malformed_authorization",
                "send exactly one Authorization: Bearer TOKEN header",
            ),
            Self::TooLarge { .. } => ("too_large", "the token is too large"),
            Self::SegmentCount { .. } => (
                "malformed",
                "the token is not a signed JWT of three segments",
            ),
            Self::NotBase64Url { .. } => (
                "malformed",
                "a segment of the token is not canonical base64url",
            ),
            Self::NotJsonObject { .. } => (
                "malformed",
                "the token's header or payload is not a JSON object",
            ),
            Self::DuplicateMember { .. } => (
                "malformed",
                "the token's header or payload names a member twice",
            ),
            Self::WrongAlgorithm { .. } => {
                ("wrong_algorithm", "the token is not signed with RS256")
            }
            Self::CriticalHeader => (
                "critical_header",
                "the token's header has crit, which is not supported",
            ),
            Self::MissingKeyId => ("missing_key_id", "the token's header has no kid"),
            Self::UnknownKey { .. } => (
                "unknown_key",
                "the token is signed with a key the user pool does not have",
            ),
            Self::UnusableKey { .. } => (
                "unusable_key",
                "the token is signed with a key that must not sign tokens",
            ),
            Self::BadSignature => ("bad_signature", "the token's signature is wrong"),
            Self::MissingClaim { .. } => ("missing_claim", "the token lacks a required claim"),
            Self::InvalidClaim { .. } => {
                ("invalid_claim", "a claim of the token has the wrong type")
            }
            Self::WrongIssuer { .. } => ("wrong_issuer", "the token is from another user pool"),
            Self::WrongTokenUse {
                expected: "access", ..
            } => ("wrong_token_use", "this is not an access token"),
            Self::WrongTokenUse { .. } => ("wrong_token_use", "this is not an ID token"),
            Self::WrongClient { .. } => (
                "wrong_client",
                "the token was issued to an app client that is not accepted here",
            ),
            Self::Expired { .. } => ("expired", "the token has expired"),
            Self::NotYetValid { .. } => ("not_yet_valid", "the token is not valid yet"),
            Self::WrongNonce => ("wrong_nonce", "the ID token belongs to another sign-in"),
            Self::WrongAtHash => (
                "wrong_at_hash",
                "the ID token belongs to another access token",
            ),
            Self::MissingScope { .. } => ("missing_scope", "the token lacks a required scope"),
            Self::MissingGroup { .. } => ("missing_group", "the user is not in a required group"),
            Self::WrongResource { .. } => {
                ("wrong_resource", "the token is bound to another resource")
            }
            Self::PredicateFailed { .. } => (
                "predicate_failed",
                "the token does not fulfil a condition of this API",
            ),
            Self::Revoked => ("revoked", "the token has been revoked"),
            Self::JwksUnavailable { .. } => (
                "jwks_unavailable",
                "the user pool's keys cannot be fetched at the moment; try again",
            ),
        }
    }
}

/// A part of a token in JWS compact serialization (RFC 7515 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The JOSE header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why a published key must not check RS256 signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// `kty` is not `RSA` (RFC 7517 §4.1).
    #[error("it is not an RSA key")]
    NotRsa,
    /// `alg` is present and not `RS256` (RFC 7517 §4.4).
    #[error("its alg is not RS256")]
    OtherAlgorithm,
    /// `use` is present and not `sig` (RFC 7517 §4.2).
    #[error("its use is not sig")]
    OtherUse,
    /// `key_ops` is present and lacks `verify` (RFC 7517 §4.3).
    #[error("its key_ops lack verify")]
    OtherOperations,
    /// `n` or `e` is missing, not canonical base64url, has leading zeros, or is no RSA public key (RFC 7518 §6.3.1).
    #[error("its n or e is not valid")]
    InvalidNumbers,
    /// The modulus is shorter than 2048 bits (RFC 7518 §3.3 forbids it) or longer than 4096.
    #[error("its modulus has {bits} bits, not 2048 to 4096")]
    Size {
        /// Bits of the modulus.
        bits: usize,
    },
    /// Two RSA keys of the set have this `kid`, so it does not say which one signed.
    #[error("another key has the same kid")]
    SharedKeyId,
}

/// Why a key set could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksProblem {
    /// They were asked for without waiting ([`crate::Verifier::verify_now`]) before they, or the key the token names, have
    /// been fetched; that has begun if it can.
    #[error("they have not been fetched yet")]
    NotFetched,
    /// The whole answer did not arrive in time.
    #[error("no answer within {after:?}")]
    TimedOut {
        /// The time allowed.
        after: Duration,
    },
    /// No connection, or it broke: DNS, TLS, proxy, network.
    #[error("{detail}")]
    Connection {
        /// The causes, outermost first.
        detail: String,
    },
    /// The answer was not 200. Redirects are not followed: keys come from the configured address or not at all.
    #[error("the answer was HTTP {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// A client given to `with_http` followed a redirect.
    #[error(
        "the answer came from another address (give with_http a client that follows no redirects)"
    )]
    Redirected,
    /// The answer is larger than any key set.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The bytes allowed.
        limit: usize,
    },
    /// The answer is not a JWK Set (RFC 7517 §5).
    #[error("the answer is not a JWK Set")]
    NotAJwkSet,
    /// The answer is a JWK Set in which no key can check RS256 signatures.
    #[error("the JWK Set has no usable RSA key")]
    NoUsableKey,
}

/// Cuts what a stranger wrote to a length that is fit for a log.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(128).collect()
}
