//! The table: what each case is called, the token, and the code of its refusal.
#![allow(unreachable_pub)]

use std::sync::Arc;

use aws_lc_rs::{
    hmac,
    signature::{RSA_PKCS1_SHA384, RSA_PSS_SHA256},
};
use cognito_verifier::{
    AccessClaims, ClientIds, IdClaims, JwksCache, MAX_TOKEN_BYTES, UserPool, Verifier,
};
use serde_json::{Map, Value, json};

use crate::support::{
    self, CLIENT, GOOD, ISSUER, NOW, OTHER, STRANGER, TestClock, access_claims, encode, id_claims,
    jwks, with,
};

pub const HEADER: &str = r#"{"kid":"good/key+id=","alg":"RS256"}"#;

/// One key a pool would have, and every kind it must not use. All but `good` and `other` reuse the good key's numbers
/// where they can, so that nothing but the rule at hand refuses the token.
pub fn key_set() -> Vec<Map<String, Value>> {
    let (n, e) = GOOD.numbers();
    let named = |kid: &str, changes: Value| with(with(GOOD.jwk(), json!({ "kid": kid })), changes);
    let zero_led = encode([&[0][..], &n].concat());
    vec![
        GOOD.jwk(),
        OTHER.jwk(),
        named("encrypts", json!({ "use": "enc" })),
        named("rs384", json!({ "alg": "RS384" })),
        named("ps256", json!({ "alg": "PS256" })),
        named("alg-null", json!({ "alg": 7 })),
        named("wraps", json!({ "use": null, "key_ops": ["wrapKey"] })),
        named("ops-string", json!({ "use": null, "key_ops": "verify" })),
        named("bare", json!({ "alg": null, "use": null })),
        named("verifies", json!({ "use": null, "key_ops": ["verify"] })),
        named("short", json!({ "n": encode(&n[..128]) })),
        named(
            "2047",
            json!({ "n": encode([&[0x7f][..], &n[1..]].concat()) }),
        ),
        named(
            "4097",
            json!({ "n": encode([&[1][..], &[0xff; 512]].concat()) }),
        ),
        named("zero-led", json!({ "n": zero_led })),
        named("padded-n", json!({ "n": format!("{}==", encode(&n)) })),
        named("no-n", json!({ "n": null })),
        named("no-e", json!({ "e": null })),
        named("empty-e", json!({ "e": "" })),
        named("even-e", json!({ "e": encode([e[0], e[1], 0]) })),
        named("e-is-1", json!({ "e": "AQ" })),
        named("even-n", json!({ "n": encode([&n[..255], &[0]].concat()) })),
        named(
            "ec",
            json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        ),
        named("secret", json!({ "kty": "oct", "k": "c2VjcmV0" })),
        named("no-kty", json!({ "kty": null })),
        named("twice", json!({})),
        with(OTHER.jwk(), json!({ "kid": "twice" })),
        named("rsa-and-ec", json!({ "kty": "EC" })),
        named("rsa-and-ec", json!({})),
    ]
}

pub fn keys() -> Arc<JwksCache> {
    let set = jwks(key_set());
    Arc::new(JwksCache::from_json(set.as_bytes()).unwrap())
}

pub fn pool() -> UserPool {
    UserPool::new(ISSUER).unwrap()
}

pub fn access() -> Verifier<AccessClaims> {
    Verifier::access(pool(), ClientIds::only([CLIENT]))
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64))
}

pub fn id() -> Verifier<IdClaims> {
    Verifier::id(pool(), ClientIds::only([CLIENT]))
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64))
}

pub fn good_token() -> String {
    GOOD.token(&access_claims())
}

/// The good claims under a header of the case's making.
pub fn headed(header: &str) -> String {
    GOOD.raw(header, Value::from(access_claims()).to_string())
}

pub fn keyed(kid: &str) -> String {
    headed(&json!({ "kid": kid, "alg": "RS256" }).to_string())
}

pub fn claiming(changes: Value) -> String {
    GOOD.token(&with(access_claims(), changes))
}

pub fn paid(payload: impl AsRef<[u8]>) -> String {
    GOOD.raw(HEADER, payload)
}

/// The good token with one of its three segments replaced.
pub fn replaced(index: usize, segment: &str) -> String {
    let token = good_token();
    let mut segments: Vec<&str> = token.split('.').collect();
    segments[index] = segment;
    segments.join(".")
}

pub fn signed_by(algorithm: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "kid": GOOD.kid, "alg": algorithm }).to_string();
    let input = format!(
        "{}.{}",
        encode(header),
        encode(Value::from(access_claims()).to_string())
    );
    let signature = sign(input.as_bytes());
    format!("{input}.{}", encode(signature))
}

/// Another spelling of the same octets: the bits that base64url leaves unused in the last character, set.
pub fn uncanonical(segment: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "no unused bits");
    let last = ALPHABET
        .iter()
        .position(|c| *c == *segment.as_bytes().last().unwrap())
        .unwrap();
    format!(
        "{}{}",
        &segment[..segment.len() - 1],
        char::from(ALPHABET[last | 1])
    )
}

pub fn segment(token: &str, index: usize) -> String {
    token.split('.').nth(index).unwrap().to_owned()
}

/// Pads JSON with spaces, which it allows, until its length leaves unused bits in base64url.
pub fn with_unused_bits(json: &str) -> String {
    let mut json = json.to_owned();
    while json.len().is_multiple_of(3) {
        json.push(' ');
    }
    json
}

#[rustfmt::skip] // One case, one line.
pub fn malformed_cases() -> Vec<(&'static str, String, &'static str)> {
    let token = good_token();
    let header = segment(&token, 0);
    let payload = segment(&token, 1);
    let signature = segment(&token, 2);
    let odd_header = headed(&with_unused_bits(HEADER));
    let odd_payload = paid(with_unused_bits(&Value::from(access_claims()).to_string()));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
    vec![
        ("empty", String::new(), "malformed"),
        ("one dot", ".".into(), "malformed"),
        ("two dots", "..".into(), "malformed"),
        ("three dots", "...".into(), "malformed"),
        ("rubbish", "not a token".into(), "malformed"),
        ("control characters", "\0\u{1}\u{7f}.\n.\r".into(), "malformed"),
        ("not ASCII", format!("{header}.{payload}.{signature}é"), "malformed"),
        ("no signature segment", format!("{header}.{payload}"), "malformed"),
        ("empty signature", format!("{header}.{payload}."), "malformed"),
        ("empty header", format!(".{payload}.{signature}"), "malformed"),
        ("empty payload", format!("{header}..{signature}"), "malformed"),
        ("a fourth segment", format!("{token}.AAAA"), "malformed"),
        ("a trailing dot", format!("{token}."), "malformed"),
        ("a leading dot", format!(".{token}"), "malformed"),
        ("five segments, as a JWE has", format!("{header}.AAAA.AAAA.AAAA.AAAA"), "malformed"),
        ("leading space", format!(" {token}"), "malformed"),
        ("trailing space", format!("{token} "), "malformed"),
        ("trailing newline", format!("{token}\n"), "malformed"),
        ("Bearer left in front", format!("Bearer {token}"), "malformed"),
        ("quoted", format!("\"{token}\""), "malformed"),
        ("twice, with a comma", format!("{token},{token}"), "malformed"),
        ("padded header", format!("{header}=.{payload}.{signature}"), "malformed"),
        ("padded payload", format!("{header}.{payload}==.{signature}"), "malformed"),
        ("padded signature", format!("{token}=="), "malformed"),
        ("percent-encoded padding", format!("{token}%3D%3D"), "malformed"),
        ("standard alphabet +", replaced(2, &format!("+{}", &signature[1..])), "malformed"),
        ("standard alphabet /", replaced(2, &format!("/{}", &signature[1..])), "malformed"),
        ("line break inside the payload", replaced(1, &format!("{}\n{}", &payload[..9], &payload[9..])), "malformed"),
        ("signature cut by one character", token[..token.len() - 1].into(), "malformed"),
        ("uncanonical header", odd_header.replacen(&segment(&odd_header, 0), &uncanonical(&segment(&odd_header, 0)), 1), "malformed"),
        ("uncanonical payload", odd_payload.replacen(&segment(&odd_payload, 1), &uncanonical(&segment(&odd_payload, 1)), 1), "malformed"),
        ("uncanonical signature", replaced(2, &uncanonical(&signature)), "malformed"),
        ("JSON serialization", json!({ "protected": header, "payload": payload, "signature": signature }).to_string(), "malformed"),
        ("header is an array", headed("[]"), "malformed"),
        ("header is a string", headed("\"RS256\""), "malformed"),
        ("header is null", headed("null"), "malformed"),
        ("header is empty", headed(" "), "malformed"),
        ("header is cut", headed(&HEADER[..HEADER.len() - 1]), "malformed"),
        ("header has more behind it", headed(&format!("{HEADER}{{}}")), "malformed"),
        ("header with a byte-order mark", headed(&format!("\u{feff}{HEADER}")), "malformed"),
        ("header with single quotes", headed("{'kid':'good/key+id=','alg':'RS256'}"), "malformed"),
        ("header with a comment", headed("{\"kid\":\"good/key+id=\",\"alg\":\"RS256\"/**/}"), "malformed"),
        ("header names alg twice", headed(r#"{"kid":"good/key+id=","alg":"none","alg":"RS256"}"#), "malformed"),
        ("header names alg twice, once escaped", headed(r#"{"kid":"good/key+id=","\u0061lg":"none","alg":"RS256"}"#), "malformed"),
        ("header names kid twice", headed(r#"{"kid":"other","kid":"good/key+id=","alg":"RS256"}"#), "malformed"),
        ("header is not UTF-8", GOOD.raw(b"{\"kid\":\"good/key+id=\",\"alg\":\"RS256\",\"x\":\"\xff\"}", "{}"), "malformed"),
        ("payload is empty", paid(""), "malformed"),
        ("payload is an array", paid(json!([access_claims()]).to_string()), "malformed"),
        ("payload is a string", paid("\"foo\""), "malformed"),
        ("payload is not JSON", paid("foo"), "malformed"),
        ("payload is not UTF-8", paid(b"{\"sub\":\"\xc3\x28\"}"), "malformed"),
        ("payload has a lone surrogate", paid(r#"{"sub":"\ud800"}"#), "malformed"),
        ("payload names sub twice", paid(with_member("\"sub\":\"someone else\"")), "malformed"),
        ("payload names exp twice", paid(with_member("\"exp\":9999999999")), "malformed"),
        ("payload names a nested member twice", paid(with_member("\"a\":{\"b\":1,\"b\":2}")), "malformed"),
        ("payload nests 500 deep", paid(deep), "malformed"),
        ("nbf is larger than a number can be", paid(with_member("\"nbf\":1e999")), "malformed"),
        ("nbf is NaN", paid(with_member("\"nbf\":NaN")), "malformed"),
        ("nbf is Infinity", paid(with_member("\"nbf\":Infinity")), "malformed"),
        ("one byte too large", "A".repeat(MAX_TOKEN_BYTES + 1), "too_large"),
        ("a megabyte of dots", ".".repeat(1 << 20), "too_large"),
        ("a valid token too large", claiming(json!({ "x": "x".repeat(MAX_TOKEN_BYTES) })), "too_large"),
    ]
}

/// The good payload with one more member in front, as text, so that it may be what `Value` cannot hold.
pub fn with_member(member: &str) -> String {
    Value::from(access_claims())
        .to_string()
        .replacen('{', &format!("{{{member},"), 1)
}

#[rustfmt::skip] // One case, one line.
pub fn header_and_key_cases() -> Vec<(&'static str, String, &'static str)> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &GOOD.public_der());
    let none = |alg: &str| headed(&json!({ "kid": GOOD.kid, "alg": alg }).to_string());
    let unsigned = format!("{}.", none("none").rsplit_once('.').unwrap().0);
    vec![
        ("alg none, signed", none("none"), "wrong_algorithm"),
        ("alg none, no signature", unsigned, "wrong_algorithm"),
        ("alg None", none("None"), "wrong_algorithm"),
        ("alg NONE", none("NONE"), "wrong_algorithm"),
        ("alg empty", none(""), "wrong_algorithm"),
        ("alg rs256 in lower case", none("rs256"), "wrong_algorithm"),
        ("alg RS256 with a space", none("RS256 "), "wrong_algorithm"),
        ("alg missing", headed(r#"{"kid":"good/key+id="}"#), "wrong_algorithm"),
        ("alg null", headed(r#"{"kid":"good/key+id=","alg":null}"#), "wrong_algorithm"),
        ("alg an array", headed(r#"{"kid":"good/key+id=","alg":["RS256"]}"#), "wrong_algorithm"),
        ("HS256 keyed with the public key", signed_by("HS256", |input| { hmac::sign(&secret, input).as_ref().to_vec() }), "wrong_algorithm"),
        ("RS384, properly signed", signed_by("RS384", |input| GOOD.sign_with(&RSA_PKCS1_SHA384, input)), "wrong_algorithm"),
        ("PS256, properly signed", signed_by("PS256", |input| GOOD.sign_with(&RSA_PSS_SHA256, input)), "wrong_algorithm"),
        ("ES256", none("ES256"), "wrong_algorithm"),
        ("an HMAC called RS256", signed_by("RS256", |input| { hmac::sign(&secret, input).as_ref().to_vec() }), "bad_signature"),
        ("PSS called RS256", signed_by("RS256", |input| GOOD.sign_with(&RSA_PSS_SHA256, input)), "bad_signature"),
        ("SHA-384 called RS256", signed_by("RS256", |input| GOOD.sign_with(&RSA_PKCS1_SHA384, input)), "bad_signature"),
        ("crit with an extension", headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":["exp"],"exp":1}"#), "critical_header"),
        ("crit with b64", headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":["b64"],"b64":false}"#), "critical_header"),
        ("crit empty", headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":[]}"#), "critical_header"),
        ("crit null", headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":null}"#), "critical_header"),
        ("kid missing", headed(r#"{"alg":"RS256"}"#), "missing_key_id"),
        ("kid a number", headed(r#"{"alg":"RS256","kid":1}"#), "missing_key_id"),
        ("kid null", headed(r#"{"alg":"RS256","kid":null}"#), "missing_key_id"),
        ("kid empty", keyed(""), "unknown_key"),
        ("kid unknown", keyed("../../etc/passwd"), "unknown_key"),
        ("kid cut", keyed("good/key+id"), "unknown_key"),
        ("kid in base64url", keyed("good_key-id="), "unknown_key"),
        ("kid with a space", keyed("good/key+id= "), "unknown_key"),
        ("stranger's key under its own kid", STRANGER.token(&access_claims()), "unknown_key"),
        ("stranger's key under a good kid", STRANGER.raw(HEADER, Value::from(access_claims()).to_string()), "bad_signature"),
        ("the pool's other key under this kid", OTHER.raw(HEADER, Value::from(access_claims()).to_string()), "bad_signature"),
        ("stranger's key in the header", stranger_with(json!({ "jwk": STRANGER.jwk() })), "bad_signature"),
        ("stranger's key at an address in the header", stranger_with(json!({ "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert" })), "bad_signature"),
        ("key for encryption", keyed("encrypts"), "unusable_key"),
        ("key for RS384", keyed("rs384"), "unusable_key"),
        ("key for PS256", keyed("ps256"), "unusable_key"),
        ("key whose alg is a number", keyed("alg-null"), "unusable_key"),
        ("key whose key_ops lack verify", keyed("wraps"), "unusable_key"),
        ("key whose key_ops are a string", keyed("ops-string"), "unusable_key"),
        ("key of 1024 bits", keyed("short"), "unusable_key"),
        ("key of 2047 bits", keyed("2047"), "unusable_key"),
        ("key of 4097 bits", keyed("4097"), "unusable_key"),
        ("key with a leading zero", keyed("zero-led"), "unusable_key"),
        ("key with padded n", keyed("padded-n"), "unusable_key"),
        ("key without n", keyed("no-n"), "unusable_key"),
        ("key without e", keyed("no-e"), "unusable_key"),
        ("key with empty e", keyed("empty-e"), "unusable_key"),
        ("EC key", keyed("ec"), "unusable_key"),
        ("symmetric key", keyed("secret"), "unusable_key"),
        ("key without kty", keyed("no-kty"), "unusable_key"),
        ("two keys under one kid", keyed("twice"), "unusable_key"),
        ("signature of zeros", replaced(2, &encode([0; 256])), "bad_signature"),
        ("signature of ones", replaced(2, &encode([0xff; 256])), "bad_signature"),
        ("signature of one byte", replaced(2, "AA"), "bad_signature"),
        ("signature with a byte more", replaced(2, &encode([&GOOD.sign(b"x")[..], &[0]].concat())), "bad_signature"),
        ("signature that is the modulus", replaced(2, &encode(GOOD.numbers().0)), "bad_signature"),
        ("signature of another token", replaced(2, &segment(&claiming(json!({ "username": "mallory" })), 2)), "bad_signature"),
        ("payload of another token", replaced(1, &segment(&claiming(json!({ "username": "mallory" })), 1)), "bad_signature"),
        ("header with a space more", replaced(0, &encode(format!("{HEADER} "))), "bad_signature"),
    ]
}

pub fn stranger_with(members: Value) -> String {
    let header = with(
        support::object(json!({ "kid": GOOD.kid, "alg": "RS256" })),
        members,
    );
    STRANGER.raw(
        Value::from(header).to_string(),
        Value::from(access_claims()).to_string(),
    )
}

#[rustfmt::skip] // One case, one line.
pub fn claim_cases() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("no claims", paid("{}"), "missing_claim"),
        ("iss missing", claiming(json!({ "iss": null })), "missing_claim"),
        ("iss null", paid(Value::from(with_null("iss")).to_string()), "invalid_claim"),
        ("iss an array", claiming(json!({ "iss": [ISSUER] })), "invalid_claim"),
        ("iss of another pool", claiming(json!({ "iss": format!("{ISSUER}2") })), "wrong_issuer"),
        ("iss a prefix", claiming(json!({ "iss": &ISSUER[..ISSUER.len() - 1] })), "wrong_issuer"),
        ("iss with a slash", claiming(json!({ "iss": format!("{ISSUER}/") })), "wrong_issuer"),
        ("iss in capitals", claiming(json!({ "iss": ISSUER.to_uppercase() })), "wrong_issuer"),
        ("iss with http", claiming(json!({ "iss": ISSUER.replace("https", "http") })), "wrong_issuer"),
        ("iss of the newer form", claiming(json!({ "iss": ISSUER.replace("cognito-idp", "issuer-cognito-idp") })), "wrong_issuer"),
        ("iss empty", claiming(json!({ "iss": "" })), "wrong_issuer"),
        ("token_use missing", claiming(json!({ "token_use": null })), "missing_claim"),
        ("token_use a number", claiming(json!({ "token_use": 1 })), "invalid_claim"),
        ("token_use id", claiming(json!({ "token_use": "id" })), "wrong_token_use"),
        ("token_use in capitals", claiming(json!({ "token_use": "Access" })), "wrong_token_use"),
        ("an ID token", GOOD.token(&id_claims()), "wrong_token_use"),
        ("client_id missing", claiming(json!({ "client_id": null })), "missing_claim"),
        ("client_id missing, aud there", claiming(json!({ "client_id": null, "aud": CLIENT })), "missing_claim"),
        ("client_id an array", claiming(json!({ "client_id": [CLIENT] })), "invalid_claim"),
        ("client_id of another client", claiming(json!({ "client_id": "someone" })), "wrong_client"),
        ("client_id in capitals", claiming(json!({ "client_id": CLIENT.to_uppercase() })), "wrong_client"),
        ("client_id with more", claiming(json!({ "client_id": format!("{CLIENT}x") })), "wrong_client"),
        ("client_id empty", claiming(json!({ "client_id": "" })), "wrong_client"),
        ("another client's with a good aud", claiming(json!({ "client_id": "someone", "aud": CLIENT })), "wrong_client"),
        ("aud a number", claiming(json!({ "aud": 1 })), "invalid_claim"),
        ("aud an array of numbers", claiming(json!({ "aud": [1] })), "invalid_claim"),
        ("aud an object", claiming(json!({ "aud": {} })), "invalid_claim"),
        ("sub missing", claiming(json!({ "sub": null })), "missing_claim"),
        ("sub a number", claiming(json!({ "sub": 1 })), "invalid_claim"),
        ("exp missing", claiming(json!({ "exp": null })), "missing_claim"),
        ("exp null", paid(Value::from(with_null("exp")).to_string()), "invalid_claim"),
        ("exp a string", claiming(json!({ "exp": (NOW + 3600).to_string() })), "invalid_claim"),
        ("exp true", claiming(json!({ "exp": true })), "invalid_claim"),
        ("exp an array", claiming(json!({ "exp": [NOW + 3600] })), "invalid_claim"),
        ("exp now", claiming(json!({ "exp": NOW })), "expired"),
        ("exp now, as a fraction", claiming(json!({ "exp": NOW as f64 - 0.001 })), "expired"),
        ("exp a second ago", claiming(json!({ "exp": NOW - 1 })), "expired"),
        ("exp zero", claiming(json!({ "exp": 0 })), "expired"),
        ("exp negative", claiming(json!({ "exp": -1 })), "expired"),
        ("exp very negative", claiming(json!({ "exp": -1e300 })), "expired"),
        ("nbf in a second", claiming(json!({ "nbf": NOW + 1 })), "not_yet_valid"),
        ("nbf in a moment", claiming(json!({ "nbf": NOW as f64 + 0.001 })), "not_yet_valid"),
        ("nbf very late", claiming(json!({ "nbf": 1e300 })), "not_yet_valid"),
        ("nbf a string", claiming(json!({ "nbf": "0" })), "invalid_claim"),
        ("nbf null", paid(Value::from(with_null("nbf")).to_string()), "invalid_claim"),
        ("iat a string", claiming(json!({ "iat": "0" })), "invalid_claim"),
        ("iat an object", claiming(json!({ "iat": {} })), "invalid_claim"),
        ("username a number", claiming(json!({ "username": 1 })), "invalid_claim"),
        ("scope an array", claiming(json!({ "scope": ["openid"] })), "invalid_claim"),
        ("groups a string", claiming(json!({ "cognito:groups": "admins" })), "invalid_claim"),
        ("groups with a number", claiming(json!({ "cognito:groups": ["admins", 1] })), "invalid_claim"),
        ("groups nested", claiming(json!({ "cognito:groups": [["admins"]] })), "invalid_claim"),
    ]
}

pub fn with_null(claim: &str) -> Map<String, Value> {
    let mut claims = access_claims();
    claims.insert(claim.to_owned(), Value::Null);
    claims
}

/// The good ID token, changed.
pub fn identified(changes: Value) -> String {
    GOOD.token(&with(id_claims(), changes))
}

#[rustfmt::skip] // One case, one line.
pub fn id_cases() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("an access token's use", identified(json!({ "token_use": "access" })), "wrong_token_use"),
        ("aud missing", identified(json!({ "aud": null })), "missing_claim"),
        ("aud missing, client_id there", identified(json!({ "aud": null, "client_id": CLIENT })), "missing_claim"),
        ("aud empty", identified(json!({ "aud": [] })), "missing_claim"),
        ("aud of another client", identified(json!({ "aud": "someone" })), "wrong_client"),
        ("aud with a stranger", identified(json!({ "aud": [CLIENT, "someone"] })), "wrong_client"),
        ("aud an object", identified(json!({ "aud": { "0": CLIENT } })), "invalid_claim"),
        ("aud with a number", identified(json!({ "aud": [CLIENT, 1] })), "invalid_claim"),
        ("nonce a number", identified(json!({ "nonce": 1 })), "invalid_claim"),
        ("at_hash an array", identified(json!({ "at_hash": [] })), "invalid_claim"),
        ("email an object", identified(json!({ "email": {} })), "invalid_claim"),
        ("email_verified a number", identified(json!({ "email_verified": 1 })), "invalid_claim"),
        ("email_verified another word", identified(json!({ "email_verified": "yes" })), "invalid_claim"),
        ("auth_time a string", identified(json!({ "auth_time": "1" })), "invalid_claim"),
        ("name an array", identified(json!({ "name": ["Alex"] })), "invalid_claim"),
        ("username a number", identified(json!({ "cognito:username": 7 })), "invalid_claim"),
    ]
}

#[rustfmt::skip] // One case, one line.
pub fn unusual_cases() -> Vec<(&'static str, String)> {
    vec![
        ("minimal", GOOD.token(&support::object(json!({ "iss": ISSUER, "sub": "s", "client_id": CLIENT, "token_use": "access", "exp": NOW + 1 })))),
        ("the pool's other key", OTHER.token(&access_claims())),
        ("a key without alg and use", keyed("bare")),
        ("a key with key_ops verify", keyed("verifies")),
        ("a kid shared with an EC key", keyed("rsa-and-ec")),
        ("typ JWT", headed(r#"{"typ":"JWT","kid":"good/key+id=","alg":"RS256"}"#)),
        ("kid with an escaped slash", headed(r#"{"kid":"good\/key+id=","alg":"RS256"}"#)),
        ("white space in the JSON", headed("{ \"kid\" : \"good/key+id=\" ,\n\"alg\":\"RS256\" }")),
        ("claims with escaped slashes", paid(Value::from(access_claims()).to_string().replace('/', "\\/"))),
        ("exp a fraction", claiming(json!({ "exp": NOW as f64 + 0.5 }))),
        ("exp in exponent form", paid(Value::from(access_claims()).to_string().replace(&(NOW + 3600).to_string(), "1.7935e9"))),
        ("exp far away", claiming(json!({ "exp": 1e300 }))),
        ("nbf now", claiming(json!({ "nbf": NOW }))),
        ("iat later than now", claiming(json!({ "iat": NOW + 5 }))),
        ("aud a resource", claiming(json!({ "aud": "https://api.example.com" }))),
        ("aud two resources", claiming(json!({ "aud": ["https://api.example.com", "https://b.example.com"] }))),
        ("unknown claims", claiming(json!({ "custom:x": { "y": [1, null] } }))),
        ("no groups", claiming(json!({ "cognito:groups": null }))),
        ("nearly too large", claiming(json!({ "x": "x".repeat(MAX_TOKEN_BYTES * 3 / 4 - 1200) }))),
    ]
}

#[rustfmt::skip] // One case, one line.
pub fn unusual_id_cases() -> Vec<(&'static str, String)> {
    vec![
        ("as Cognito writes it", identified(json!({}))),
        ("aud an array of one", identified(json!({ "aud": [CLIENT] }))),
        ("email_verified a string", identified(json!({ "email_verified": "true" }))),
        ("no email", identified(json!({ "email": null }))),
    ]
}
