//! Why a peer's verdict is another than ours. The document is not made while a difference has no reason here, nor while
//! a reason has no difference.

/// Rows of the table that differ for one reason.
pub(crate) struct Reason {
    pub(crate) rows: &'static [&'static str],
    pub(crate) text: &'static str,
}

pub(crate) const REASONS: &[Reason] = &[
    Reason {
        rows: &["padded signature", "uncanonical signature"],
        text: "**One token, one spelling.** RFC 7515 §2 knows base64url without padding only, and RFC 4648 §3.5 lets a \
               decoder refuse unused bits that are set. Whoever accepts other spellings of the signature lets anybody make \
               valid tokens that are no known string: deny-lists, caches and logs keyed by the token miss them. Header and \
               payload are signed as they are spelt, so there the others refuse too.",
    },
    Reason {
        rows: &["header with a byte-order mark"],
        text: "**No byte-order mark.** RFC 8259 §8.1 forbids it in JSON that is sent and lets a reader ignore it. Python's \
               `json` ignores it in bytes; `JSON.parse` and we do not.",
    },
    Reason {
        rows: &[
            "header names alg twice",
            "header names alg twice, once escaped",
            "header names kid twice",
            "payload names sub twice",
            "payload names exp twice",
            "payload names a nested member twice",
        ],
        text: "**No member twice.** RFC 7515 §4 and RFC 7519 §4 leave a reader the choice between refusing and taking the \
               last. All three take the last; the next service may take the first, and then one signature stands for two \
               tokens. Cognito never writes such a token.",
    },
    Reason {
        rows: &["a valid token too large"],
        text: "**A size limit before any work.** The others have none and leave it to the HTTP server.",
    },
    Reason {
        rows: &[
            "crit with an extension",
            "crit with b64",
            "crit empty",
            "crit null",
        ],
        text: "**`crit` is obeyed.** RFC 7515 §4.1.11: an extension listed there that is not understood makes the token \
               invalid, and the list is never empty. aws-jwt-verify does not look at `crit`. joserfc goes through its \
               members, and an empty one has none; `null` it refuses by accident.",
    },
    Reason {
        rows: &[
            "key for encryption",
            "key whose key_ops lack verify",
            "key whose key_ops are a string",
        ],
        text: "**A key does what it is for.** RFC 7517 §4.2, §4.3. aws-jwt-verify looks at `use` and not at `key_ops`, PyJWT \
               at neither, joserfc at both, but finds the word `verify` in a string as in an array.",
    },
    Reason {
        rows: &["key with a leading zero", "key with padded n"],
        text: "**A key has one spelling too.** RFC 7518 §2 and §6.3.1.1: as few octets as possible, in unpadded base64url. A \
               key that is spelt otherwise was not published by Cognito.",
    },
    Reason {
        rows: &["two keys under one kid"],
        text: "**A key id names one key.** With two RSA keys under it, which one counts would depend on their order: the others \
               take the first. We use neither.",
    },
    Reason {
        rows: &["iss of the newer form"],
        text: "**The issuer is what was configured.** aws-jwt-verify is given a pool id and accepts both issuers that \
               Cognito has for it. We are given an issuer and accept that one; where tokens of \
               both forms are about, both issuers are named.",
    },
    Reason {
        rows: &["client_id an array"],
        text: "**`client_id` is one client.** joserfc's `value` accepts a list that contains it. Cognito writes a string.",
    },
    Reason {
        rows: &["aud a number", "aud an array of numbers", "aud an object"],
        text: "**A claim that is there has its type.** PyJWT was told not to check the audience, as access tokens have none \
               as a rule, and so does not look at its type (RFC 7519 §4.1.3) either.",
    },
    Reason {
        rows: &["sub missing", "exp missing"],
        text: "**Every Cognito token has `sub` and `exp`.** aws-jwt-verify checks `exp` where it is there, so that a token \
               without it never expires. PyJWT and joserfc need to be told that a claim is required, and were.",
    },
    Reason {
        rows: &["exp a string", "nbf a string", "iat a string"],
        text: "**Times are numbers.** RFC 7519 §2. PyJWT converts strings.",
    },
    Reason {
        rows: &["exp now"],
        text: "**`exp` is the first moment at which a token is dead.** RFC 7519 §4.1.4: not accepted on or after it. \
               aws-jwt-verify accepts it for that moment.",
    },
    Reason {
        rows: &["nbf in a moment", "exp a fraction"],
        text: "**Fractions of a second count.** RFC 7519 §2. PyJWT cuts them off, so that `nbf` comes and `exp` passes up to \
               a second early.",
    },
    Reason {
        rows: &[
            "username a number",
            "groups a string",
            "groups with a number",
            "groups nested",
            "nonce a number",
            "at_hash an array",
            "email an object",
            "email_verified a number",
            "email_verified another word",
            "auth_time a string",
            "name an array",
        ],
        text: "**What is given out as a field has its type.** The others hand over the JSON and leave it to the handler what \
               a group `[\"admins\", 1]` means. `\"groups\" contains \"admins\"` is also true of the string \
               `\"not-admins\"`.",
    },
    Reason {
        rows: &["scope an array"],
        text: "**`scope` is a string.** RFC 8693 §4.2 and Cognito. PyJWT and joserfc leave it to the handler.",
    },
    Reason {
        rows: &["aud with a stranger"],
        text: "**No stranger in the audience.** RFC 7519 §4.1.3 is content with one audience that fits; OpenID Connect Core \
               1.0 §3.1.3.7, step 3, refuses an ID token that also names one that is not trusted.",
    },
    Reason {
        rows: &["aud an array of one"],
        text: "**`aud` may be an array of one.** RFC 7519 §4.1.3. aws-jwt-verify accepts the string only, which is what \
               Cognito writes today.",
    },
    Reason {
        rows: &["a kid shared with an EC key"],
        text: "**Keys of different types may share a key id.** RFC 7517 §4.5. Here the EC key, which lacks its curve, \
               comes first: aws-jwt-verify takes it because it is the first of that id, and joserfc refuses the whole set \
               for it. PyJWT and we pass it over, as §5 asks.",
    },
    Reason {
        rows: &["iat later than now"],
        text: "**`iat` is not compared with the clock.** RFC 7519 §4.1.6 asks for no such check, and a server whose clock is \
               a second late would refuse every new token. PyJWT and joserfc check it; `exp` bounds the token's life \
               either way.",
    },
];
