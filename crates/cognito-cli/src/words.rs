//! What the members of a token's header and its claims mean.

/// A member's name and its meaning; in the order in which they are shown.
pub(crate) struct Meaning {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    /// A NumericDate (RFC 7519 §2).
    pub(crate) is_date: bool,
}

const fn text(name: &'static str, words: &'static str) -> Meaning {
    Meaning {
        name,
        words,
        is_date: false,
    }
}

const fn date(name: &'static str, words: &'static str) -> Meaning {
    Meaning {
        name,
        words,
        is_date: true,
    }
}

/// RFC 7515 §4.1.
pub(crate) const HEADER: &[Meaning] = &[
    text(
        "alg",
        "how it is signed; Cognito's are RS256, RSA with SHA-256",
    ),
    text("kid", "which of the pool's keys signed it"),
    text("typ", "the kind of object; Cognito writes none"),
    text("enc", "how it is encrypted"),
    text("cty", "what is inside the encryption"),
    text(
        "crit",
        "extensions that must be understood; Cognito has none, and such a token is refused",
    ),
    text("jku", "an address of keys, which must never be followed"),
    text("jwk", "a key, which must never be trusted"),
    text(
        "x5u",
        "an address of certificates, which must never be followed",
    ),
    text("x5c", "certificates, which must never be trusted"),
];

/// Cognito Developer Guide, "Understanding the access token" and "Understanding the identity (ID) token".
pub(crate) const CLAIMS: &[Meaning] = &[
    text(
        "token_use",
        "what it is for: access tokens go to APIs, ID tokens tell the app who signed in",
    ),
    text("iss", "the user pool that issued it"),
    text("client_id", "the app client it was issued to"),
    text(
        "aud",
        "whom it is for: in an ID token the app client, in an access token a resource",
    ),
    text(
        "sub",
        "the user's permanent id; in a token of a machine, its client id",
    ),
    text("username", "the user's name in the pool"),
    text("cognito:username", "the user's name in the pool"),
    date("exp", "when it expires"),
    date("nbf", "from when on it is valid"),
    date("iat", "when it was issued"),
    date(
        "auth_time",
        "when the person last signed in; a refresh does not change it",
    ),
    text("scope", "what the app may do for the user"),
    text("cognito:groups", "the pool's groups the user is in"),
    text("cognito:roles", "the AWS roles of those groups"),
    text(
        "cognito:preferred_role",
        "the role of the group that comes first",
    ),
    text("name", "the full name"),
    text("email", "the e-mail address"),
    text(
        "email_verified",
        "whether the pool knows that the address is the user's",
    ),
    text("phone_number", "the telephone number"),
    text(
        "phone_number_verified",
        "whether the pool knows that the number is the user's",
    ),
    text(
        "identities",
        "the accounts elsewhere with which the user signs in",
    ),
    text("nonce", "which sign-in it answers"),
    text(
        "at_hash",
        "the fingerprint of the access token issued with it",
    ),
    text("acr", "how strong the sign-in was"),
    text("amr", "by what means the user signed in"),
    text("jti", "the id of this token"),
    text(
        "origin_jti",
        "the id of the sign-in it comes from; revoking that ends all its tokens",
    ),
    text("event_id", "the sign-in's id in the pool's logs"),
    text("device_key", "the remembered device"),
    text("version", "the form of the token"),
];
