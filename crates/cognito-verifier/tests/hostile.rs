//! Tokens that must be refused, each for its own reason, and the few unusual ones that must not.
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::{
    hmac,
    signature::{RSA_PKCS1_SHA384, RSA_PSS_SHA256},
};
use cognito_verifier::{
    AccessClaims, ClientIds, IdClaims, JwksCache, KeyProblem, MAX_TOKEN_BYTES, Segment, UserPool,
    Verifier, VerifyError,
};
use serde_json::{Map, Value, json};
use support::{
    CLIENT, GOOD, ISSUER, NOW, OTHER, STRANGER, TestClock, access_claims, encode, id_claims, jwks,
    with,
};

const HEADER: &str = r#"{"kid":"good/key+id=","alg":"RS256"}"#;

/// One key a pool would have, and every kind it must not use. All but `good` and `other` reuse the good key's numbers
/// where they can, so that nothing but the rule at hand refuses the token.
fn keys() -> Arc<JwksCache> {
    let (n, e) = GOOD.numbers();
    let named = |kid: &str, changes: Value| with(with(GOOD.jwk(), json!({ "kid": kid })), changes);
    let zero_led = encode([&[0][..], &n].concat());
    let set = jwks([
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
    ]);
    Arc::new(JwksCache::from_json(set.as_bytes()).unwrap())
}

fn pool() -> UserPool {
    UserPool::new(ISSUER).unwrap()
}

fn access() -> Verifier<AccessClaims> {
    Verifier::access(pool(), ClientIds::only([CLIENT]))
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64))
}

fn id() -> Verifier<IdClaims> {
    Verifier::id(pool(), ClientIds::only([CLIENT]))
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64))
}

fn good_token() -> String {
    GOOD.token(&access_claims())
}

/// The good claims under a header of the case's making.
fn headed(header: &str) -> String {
    GOOD.raw(header, Value::from(access_claims()).to_string())
}

fn keyed(kid: &str) -> String {
    headed(&json!({ "kid": kid, "alg": "RS256" }).to_string())
}

fn claiming(changes: Value) -> String {
    GOOD.token(&with(access_claims(), changes))
}

fn paid(payload: impl AsRef<[u8]>) -> String {
    GOOD.raw(HEADER, payload)
}

/// The good token with one of its three segments replaced.
fn replaced(index: usize, segment: &str) -> String {
    let token = good_token();
    let mut segments: Vec<&str> = token.split('.').collect();
    segments[index] = segment;
    segments.join(".")
}

fn signed_by(algorithm: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
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
fn uncanonical(segment: &str) -> String {
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

fn segment(token: &str, index: usize) -> String {
    token.split('.').nth(index).unwrap().to_owned()
}

/// Pads JSON with spaces, which it allows, until its length leaves unused bits in base64url.
fn with_unused_bits(json: &str) -> String {
    let mut json = json.to_owned();
    while json.len() % 3 == 0 {
        json.push(' ');
    }
    json
}

fn malformed_cases() -> Vec<(&'static str, String, &'static str)> {
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
        (
            "control characters",
            "\0\u{1}\u{7f}.\n.\r".into(),
            "malformed",
        ),
        (
            "not ASCII",
            format!("{header}.{payload}.{signature}é"),
            "malformed",
        ),
        (
            "no signature segment",
            format!("{header}.{payload}"),
            "malformed",
        ),
        (
            "empty signature",
            format!("{header}.{payload}."),
            "malformed",
        ),
        (
            "empty header",
            format!(".{payload}.{signature}"),
            "malformed",
        ),
        (
            "empty payload",
            format!("{header}..{signature}"),
            "malformed",
        ),
        ("a fourth segment", format!("{token}.AAAA"), "malformed"),
        ("a trailing dot", format!("{token}."), "malformed"),
        ("a leading dot", format!(".{token}"), "malformed"),
        (
            "five segments, as a JWE has",
            format!("{header}.AAAA.AAAA.AAAA.AAAA"),
            "malformed",
        ),
        ("leading space", format!(" {token}"), "malformed"),
        ("trailing space", format!("{token} "), "malformed"),
        ("trailing newline", format!("{token}\n"), "malformed"),
        (
            "Bearer left in front",
            format!("Bearer {token}"),
            "malformed",
        ),
        ("quoted", format!("\"{token}\""), "malformed"),
        (
            "twice, with a comma",
            format!("{token},{token}"),
            "malformed",
        ),
        (
            "padded header",
            format!("{header}=.{payload}.{signature}"),
            "malformed",
        ),
        (
            "padded payload",
            format!("{header}.{payload}==.{signature}"),
            "malformed",
        ),
        ("padded signature", format!("{token}=="), "malformed"),
        (
            "percent-encoded padding",
            format!("{token}%3D%3D"),
            "malformed",
        ),
        (
            "standard alphabet +",
            replaced(2, &format!("+{}", &signature[1..])),
            "malformed",
        ),
        (
            "standard alphabet /",
            replaced(2, &format!("/{}", &signature[1..])),
            "malformed",
        ),
        (
            "line break inside the payload",
            replaced(1, &format!("{}\n{}", &payload[..9], &payload[9..])),
            "malformed",
        ),
        (
            "signature cut by one character",
            token[..token.len() - 1].into(),
            "malformed",
        ),
        (
            "uncanonical header",
            odd_header.replacen(
                &segment(&odd_header, 0),
                &uncanonical(&segment(&odd_header, 0)),
                1,
            ),
            "malformed",
        ),
        (
            "uncanonical payload",
            odd_payload.replacen(
                &segment(&odd_payload, 1),
                &uncanonical(&segment(&odd_payload, 1)),
                1,
            ),
            "malformed",
        ),
        (
            "uncanonical signature",
            replaced(2, &uncanonical(&signature)),
            "malformed",
        ),
        (
            "JSON serialization",
            json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
            "malformed",
        ),
        ("header is an array", headed("[]"), "malformed"),
        ("header is a string", headed("\"RS256\""), "malformed"),
        ("header is null", headed("null"), "malformed"),
        ("header is empty", headed(" "), "malformed"),
        (
            "header is cut",
            headed(&HEADER[..HEADER.len() - 1]),
            "malformed",
        ),
        (
            "header has more behind it",
            headed(&format!("{HEADER}{{}}")),
            "malformed",
        ),
        (
            "header with a byte-order mark",
            headed(&format!("\u{feff}{HEADER}")),
            "malformed",
        ),
        (
            "header with single quotes",
            headed("{'kid':'good/key+id=','alg':'RS256'}"),
            "malformed",
        ),
        (
            "header with a comment",
            headed("{\"kid\":\"good/key+id=\",\"alg\":\"RS256\"/**/}"),
            "malformed",
        ),
        (
            "header names alg twice",
            headed(r#"{"kid":"good/key+id=","alg":"none","alg":"RS256"}"#),
            "malformed",
        ),
        (
            "header names alg twice, once escaped",
            headed(r#"{"kid":"good/key+id=","\u0061lg":"none","alg":"RS256"}"#),
            "malformed",
        ),
        (
            "header names kid twice",
            headed(r#"{"kid":"other","kid":"good/key+id=","alg":"RS256"}"#),
            "malformed",
        ),
        (
            "header is not UTF-8",
            GOOD.raw(
                b"{\"kid\":\"good/key+id=\",\"alg\":\"RS256\",\"x\":\"\xff\"}",
                "{}",
            ),
            "malformed",
        ),
        ("payload is empty", paid(""), "malformed"),
        (
            "payload is an array",
            paid(json!([access_claims()]).to_string()),
            "malformed",
        ),
        ("payload is a string", paid("\"foo\""), "malformed"),
        ("payload is not JSON", paid("foo"), "malformed"),
        (
            "payload is not UTF-8",
            paid(b"{\"sub\":\"\xc3\x28\"}"),
            "malformed",
        ),
        (
            "payload has a lone surrogate",
            paid(r#"{"sub":"\ud800"}"#),
            "malformed",
        ),
        (
            "payload names sub twice",
            paid(with_member("\"sub\":\"someone else\"")),
            "malformed",
        ),
        (
            "payload names exp twice",
            paid(with_member("\"exp\":9999999999")),
            "malformed",
        ),
        (
            "payload names a nested member twice",
            paid(with_member("\"a\":{\"b\":1,\"b\":2}")),
            "malformed",
        ),
        ("payload nests 500 deep", paid(deep), "malformed"),
        (
            "nbf is larger than a number can be",
            paid(with_member("\"nbf\":1e999")),
            "malformed",
        ),
        ("nbf is NaN", paid(with_member("\"nbf\":NaN")), "malformed"),
        (
            "nbf is Infinity",
            paid(with_member("\"nbf\":Infinity")),
            "malformed",
        ),
        (
            "one byte too large",
            "A".repeat(MAX_TOKEN_BYTES + 1),
            "too_large",
        ),
        ("a megabyte of dots", ".".repeat(1 << 20), "too_large"),
        (
            "a valid token too large",
            claiming(json!({ "x": "x".repeat(MAX_TOKEN_BYTES) })),
            "too_large",
        ),
    ]
}

/// The good payload with one more member in front, as text, so that it may be what `Value` cannot hold.
fn with_member(member: &str) -> String {
    Value::from(access_claims())
        .to_string()
        .replacen('{', &format!("{{{member},"), 1)
}

fn header_and_key_cases() -> Vec<(&'static str, String, &'static str)> {
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
        (
            "alg missing",
            headed(r#"{"kid":"good/key+id="}"#),
            "wrong_algorithm",
        ),
        (
            "alg null",
            headed(r#"{"kid":"good/key+id=","alg":null}"#),
            "wrong_algorithm",
        ),
        (
            "alg an array",
            headed(r#"{"kid":"good/key+id=","alg":["RS256"]}"#),
            "wrong_algorithm",
        ),
        (
            "HS256 keyed with the public key",
            signed_by("HS256", |input| {
                hmac::sign(&secret, input).as_ref().to_vec()
            }),
            "wrong_algorithm",
        ),
        (
            "RS384, properly signed",
            signed_by("RS384", |input| GOOD.sign_with(&RSA_PKCS1_SHA384, input)),
            "wrong_algorithm",
        ),
        (
            "PS256, properly signed",
            signed_by("PS256", |input| GOOD.sign_with(&RSA_PSS_SHA256, input)),
            "wrong_algorithm",
        ),
        ("ES256", none("ES256"), "wrong_algorithm"),
        (
            "an HMAC called RS256",
            signed_by("RS256", |input| {
                hmac::sign(&secret, input).as_ref().to_vec()
            }),
            "bad_signature",
        ),
        (
            "PSS called RS256",
            signed_by("RS256", |input| GOOD.sign_with(&RSA_PSS_SHA256, input)),
            "bad_signature",
        ),
        (
            "SHA-384 called RS256",
            signed_by("RS256", |input| GOOD.sign_with(&RSA_PKCS1_SHA384, input)),
            "bad_signature",
        ),
        (
            "crit with an extension",
            headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":["exp"],"exp":1}"#),
            "critical_header",
        ),
        (
            "crit with b64",
            headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":["b64"],"b64":false}"#),
            "critical_header",
        ),
        (
            "crit empty",
            headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":[]}"#),
            "critical_header",
        ),
        (
            "crit null",
            headed(r#"{"kid":"good/key+id=","alg":"RS256","crit":null}"#),
            "critical_header",
        ),
        (
            "kid missing",
            headed(r#"{"alg":"RS256"}"#),
            "missing_key_id",
        ),
        (
            "kid a number",
            headed(r#"{"alg":"RS256","kid":1}"#),
            "missing_key_id",
        ),
        (
            "kid null",
            headed(r#"{"alg":"RS256","kid":null}"#),
            "missing_key_id",
        ),
        ("kid empty", keyed(""), "unknown_key"),
        ("kid unknown", keyed("../../etc/passwd"), "unknown_key"),
        ("kid cut", keyed("good/key+id"), "unknown_key"),
        ("kid in base64url", keyed("good_key-id="), "unknown_key"),
        ("kid with a space", keyed("good/key+id= "), "unknown_key"),
        (
            "stranger's key under its own kid",
            STRANGER.token(&access_claims()),
            "unknown_key",
        ),
        (
            "stranger's key under a good kid",
            STRANGER.raw(HEADER, Value::from(access_claims()).to_string()),
            "bad_signature",
        ),
        (
            "the pool's other key under this kid",
            OTHER.raw(HEADER, Value::from(access_claims()).to_string()),
            "bad_signature",
        ),
        (
            "stranger's key in the header",
            stranger_with(json!({ "jwk": STRANGER.jwk() })),
            "bad_signature",
        ),
        (
            "stranger's key at an address in the header",
            stranger_with(
                json!({ "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert" }),
            ),
            "bad_signature",
        ),
        ("key for encryption", keyed("encrypts"), "unusable_key"),
        ("key for RS384", keyed("rs384"), "unusable_key"),
        ("key for PS256", keyed("ps256"), "unusable_key"),
        (
            "key whose alg is a number",
            keyed("alg-null"),
            "unusable_key",
        ),
        (
            "key whose key_ops lack verify",
            keyed("wraps"),
            "unusable_key",
        ),
        (
            "key whose key_ops are a string",
            keyed("ops-string"),
            "unusable_key",
        ),
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
        (
            "signature of zeros",
            replaced(2, &encode([0; 256])),
            "bad_signature",
        ),
        (
            "signature of ones",
            replaced(2, &encode([0xff; 256])),
            "bad_signature",
        ),
        ("signature of one byte", replaced(2, "AA"), "bad_signature"),
        (
            "signature with a byte more",
            replaced(2, &encode([&GOOD.sign(b"x")[..], &[0]].concat())),
            "bad_signature",
        ),
        (
            "signature that is the modulus",
            replaced(2, &encode(GOOD.numbers().0)),
            "bad_signature",
        ),
        (
            "signature of another token",
            replaced(2, &segment(&claiming(json!({ "username": "mallory" })), 2)),
            "bad_signature",
        ),
        (
            "payload of another token",
            replaced(1, &segment(&claiming(json!({ "username": "mallory" })), 1)),
            "bad_signature",
        ),
        (
            "header with a space more",
            replaced(0, &encode(format!("{HEADER} "))),
            "bad_signature",
        ),
    ]
}

fn stranger_with(members: Value) -> String {
    let header = with(
        support::object(json!({ "kid": GOOD.kid, "alg": "RS256" })),
        members,
    );
    STRANGER.raw(
        Value::from(header).to_string(),
        Value::from(access_claims()).to_string(),
    )
}

fn claim_cases() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("no claims", paid("{}"), "missing_claim"),
        (
            "iss missing",
            claiming(json!({ "iss": null })),
            "missing_claim",
        ),
        (
            "iss null",
            paid(Value::from(with_null("iss")).to_string()),
            "invalid_claim",
        ),
        (
            "iss an array",
            claiming(json!({ "iss": [ISSUER] })),
            "invalid_claim",
        ),
        (
            "iss of another pool",
            claiming(json!({ "iss": format!("{ISSUER}2") })),
            "wrong_issuer",
        ),
        (
            "iss a prefix",
            claiming(json!({ "iss": &ISSUER[..ISSUER.len() - 1] })),
            "wrong_issuer",
        ),
        (
            "iss with a slash",
            claiming(json!({ "iss": format!("{ISSUER}/") })),
            "wrong_issuer",
        ),
        (
            "iss in capitals",
            claiming(json!({ "iss": ISSUER.to_uppercase() })),
            "wrong_issuer",
        ),
        (
            "iss with http",
            claiming(json!({ "iss": ISSUER.replace("https", "http") })),
            "wrong_issuer",
        ),
        (
            "iss of the newer form",
            claiming(json!({ "iss": ISSUER.replace("cognito-idp", "issuer-cognito-idp") })),
            "wrong_issuer",
        ),
        ("iss empty", claiming(json!({ "iss": "" })), "wrong_issuer"),
        (
            "token_use missing",
            claiming(json!({ "token_use": null })),
            "missing_claim",
        ),
        (
            "token_use a number",
            claiming(json!({ "token_use": 1 })),
            "invalid_claim",
        ),
        (
            "token_use id",
            claiming(json!({ "token_use": "id" })),
            "wrong_token_use",
        ),
        (
            "token_use in capitals",
            claiming(json!({ "token_use": "Access" })),
            "wrong_token_use",
        ),
        ("an ID token", GOOD.token(&id_claims()), "wrong_token_use"),
        (
            "client_id missing",
            claiming(json!({ "client_id": null })),
            "missing_claim",
        ),
        (
            "client_id missing, aud there",
            claiming(json!({ "client_id": null, "aud": CLIENT })),
            "missing_claim",
        ),
        (
            "client_id an array",
            claiming(json!({ "client_id": [CLIENT] })),
            "invalid_claim",
        ),
        (
            "client_id of another client",
            claiming(json!({ "client_id": "someone" })),
            "wrong_client",
        ),
        (
            "client_id in capitals",
            claiming(json!({ "client_id": CLIENT.to_uppercase() })),
            "wrong_client",
        ),
        (
            "client_id with more",
            claiming(json!({ "client_id": format!("{CLIENT}x") })),
            "wrong_client",
        ),
        (
            "client_id empty",
            claiming(json!({ "client_id": "" })),
            "wrong_client",
        ),
        (
            "another client's with a good aud",
            claiming(json!({ "client_id": "someone", "aud": CLIENT })),
            "wrong_client",
        ),
        (
            "aud a number",
            claiming(json!({ "aud": 1 })),
            "invalid_claim",
        ),
        (
            "aud an array of numbers",
            claiming(json!({ "aud": [1] })),
            "invalid_claim",
        ),
        (
            "aud an object",
            claiming(json!({ "aud": {} })),
            "invalid_claim",
        ),
        (
            "sub missing",
            claiming(json!({ "sub": null })),
            "missing_claim",
        ),
        (
            "sub a number",
            claiming(json!({ "sub": 1 })),
            "invalid_claim",
        ),
        (
            "exp missing",
            claiming(json!({ "exp": null })),
            "missing_claim",
        ),
        (
            "exp null",
            paid(Value::from(with_null("exp")).to_string()),
            "invalid_claim",
        ),
        (
            "exp a string",
            claiming(json!({ "exp": (NOW + 3600).to_string() })),
            "invalid_claim",
        ),
        (
            "exp true",
            claiming(json!({ "exp": true })),
            "invalid_claim",
        ),
        (
            "exp an array",
            claiming(json!({ "exp": [NOW + 3600] })),
            "invalid_claim",
        ),
        ("exp now", claiming(json!({ "exp": NOW })), "expired"),
        (
            "exp now, as a fraction",
            claiming(json!({ "exp": NOW as f64 - 0.001 })),
            "expired",
        ),
        (
            "exp a second ago",
            claiming(json!({ "exp": NOW - 1 })),
            "expired",
        ),
        ("exp zero", claiming(json!({ "exp": 0 })), "expired"),
        ("exp negative", claiming(json!({ "exp": -1 })), "expired"),
        (
            "exp very negative",
            claiming(json!({ "exp": -1e300 })),
            "expired",
        ),
        (
            "nbf in a second",
            claiming(json!({ "nbf": NOW + 1 })),
            "not_yet_valid",
        ),
        (
            "nbf in a moment",
            claiming(json!({ "nbf": NOW as f64 + 0.001 })),
            "not_yet_valid",
        ),
        (
            "nbf very late",
            claiming(json!({ "nbf": 1e300 })),
            "not_yet_valid",
        ),
        (
            "nbf a string",
            claiming(json!({ "nbf": "0" })),
            "invalid_claim",
        ),
        (
            "nbf null",
            paid(Value::from(with_null("nbf")).to_string()),
            "invalid_claim",
        ),
        (
            "iat a string",
            claiming(json!({ "iat": "0" })),
            "invalid_claim",
        ),
        (
            "iat an object",
            claiming(json!({ "iat": {} })),
            "invalid_claim",
        ),
        (
            "username a number",
            claiming(json!({ "username": 1 })),
            "invalid_claim",
        ),
        (
            "scope an array",
            claiming(json!({ "scope": ["openid"] })),
            "invalid_claim",
        ),
        (
            "groups a string",
            claiming(json!({ "cognito:groups": "admins" })),
            "invalid_claim",
        ),
        (
            "groups with a number",
            claiming(json!({ "cognito:groups": ["admins", 1] })),
            "invalid_claim",
        ),
        (
            "groups nested",
            claiming(json!({ "cognito:groups": [["admins"]] })),
            "invalid_claim",
        ),
    ]
}

fn with_null(claim: &str) -> Map<String, Value> {
    let mut claims = access_claims();
    claims.insert(claim.to_owned(), Value::Null);
    claims
}

#[tokio::test]
async fn hostile_access_tokens_are_refused_each_for_its_reason() {
    let verifier = access();
    verifier.verify(&good_token()).await.unwrap();
    let cases = [malformed_cases(), header_and_key_cases(), claim_cases()].concat();
    assert!(cases.len() >= 150, "{}", cases.len());
    for (name, token, code) in cases {
        let refusal = verifier.verify(&token).await.expect_err(name);
        assert_eq!(
            (refusal.code(), refusal.status()),
            (code, 401),
            "{name}: {refusal}"
        );
        let signature = token.rsplit('.').next().unwrap_or_default();
        let shown = format!("{refusal} {refusal:?} {}", refusal.www_authenticate());
        assert!(
            signature.len() < 20 || !shown.contains(signature),
            "{name} shows the token: {shown}"
        );
    }
}

#[tokio::test]
async fn keys_that_are_no_rsa_keys_never_verify() {
    let verifier = access();
    for kid in ["even-e", "e-is-1", "even-n"] {
        let refusal = verifier.verify(&keyed(kid)).await.expect_err(kid);
        assert!(
            matches!(refusal.code(), "unusable_key" | "bad_signature"),
            "{kid}: {refusal}"
        );
    }
}

#[tokio::test]
async fn unusual_but_valid_access_tokens_are_accepted() {
    let verifier = access();
    for (name, token) in [
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
    ] {
        if let Err(refusal) = verifier.verify(&token).await {
            panic!("{name}: {refusal}");
        }
    }
}

#[tokio::test]
async fn hostile_id_tokens_are_refused_each_for_its_reason() {
    let verifier = id();
    for (name, changes, code) in [
        (
            "an access token's use",
            json!({ "token_use": "access" }),
            "wrong_token_use",
        ),
        ("aud missing", json!({ "aud": null }), "missing_claim"),
        (
            "aud missing, client_id there",
            json!({ "aud": null, "client_id": CLIENT }),
            "missing_claim",
        ),
        ("aud empty", json!({ "aud": [] }), "missing_claim"),
        (
            "aud of another client",
            json!({ "aud": "someone" }),
            "wrong_client",
        ),
        (
            "aud with a stranger",
            json!({ "aud": [CLIENT, "someone"] }),
            "wrong_client",
        ),
        (
            "aud an object",
            json!({ "aud": { "0": CLIENT } }),
            "invalid_claim",
        ),
        (
            "aud with a number",
            json!({ "aud": [CLIENT, 1] }),
            "invalid_claim",
        ),
        ("nonce a number", json!({ "nonce": 1 }), "invalid_claim"),
        (
            "at_hash an array",
            json!({ "at_hash": [] }),
            "invalid_claim",
        ),
        ("email an object", json!({ "email": {} }), "invalid_claim"),
        (
            "email_verified a number",
            json!({ "email_verified": 1 }),
            "invalid_claim",
        ),
        (
            "email_verified another word",
            json!({ "email_verified": "yes" }),
            "invalid_claim",
        ),
        (
            "auth_time a string",
            json!({ "auth_time": "1" }),
            "invalid_claim",
        ),
        (
            "name an array",
            json!({ "name": ["Alex"] }),
            "invalid_claim",
        ),
        (
            "username a number",
            json!({ "cognito:username": 7 }),
            "invalid_claim",
        ),
    ] {
        let refusal = verifier
            .verify(&GOOD.token(&with(id_claims(), changes)))
            .await
            .expect_err(name);
        assert_eq!(refusal.code(), code, "{name}: {refusal}");
    }
    for changes in [
        json!({}),
        json!({ "aud": [CLIENT] }),
        json!({ "email_verified": "true" }),
        json!({ "email": null }),
    ] {
        verifier
            .verify(&GOOD.token(&with(id_claims(), changes)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn refusals_carry_what_was_expected_and_what_was_found() {
    let refusal = async |token: &str| access().verify(token).await.unwrap_err();
    assert_eq!(
        refusal(&claiming(json!({ "iss": "evil" }))).await,
        VerifyError::WrongIssuer {
            expected: ISSUER.into(),
            actual: "evil".into()
        }
    );
    assert_eq!(
        refusal(&claiming(json!({ "client_id": "evil\n\u{1b}[31m" }))).await,
        VerifyError::WrongClient {
            expected: ClientIds::only([CLIENT]),
            actual: "evil\n\u{1b}[31m".into()
        }
    );
    let shown = refusal(&claiming(json!({ "client_id": "evil\n\u{1b}[31m" })))
        .await
        .to_string();
    assert!(!shown.contains(['\n', '\u{1b}']), "{shown}");
    assert_eq!(
        refusal(&claiming(json!({ "exp": NOW - 5 }))).await,
        VerifyError::Expired {
            expired_at: NOW - 5,
            now: NOW,
            leeway: Duration::ZERO
        }
    );
    assert_eq!(
        refusal("a.b").await,
        VerifyError::SegmentCount { actual: 2 }
    );
    assert_eq!(
        refusal(&format!("{}=", good_token())).await,
        VerifyError::NotBase64Url {
            segment: Segment::Signature
        }
    );
    assert_eq!(
        refusal(&paid("[]")).await,
        VerifyError::NotJsonObject {
            segment: Segment::Payload
        }
    );
    assert_eq!(
        refusal(&keyed("short")).await,
        VerifyError::UnusableKey {
            kid: "short".into(),
            problem: KeyProblem::Size { bits: 1024 }
        }
    );
    assert_eq!(
        refusal(&keyed("4097")).await,
        VerifyError::UnusableKey {
            kid: "4097".into(),
            problem: KeyProblem::Size { bits: 4097 }
        }
    );
    let VerifyError::UnknownKey { kid } = refusal(&keyed(&"k".repeat(4000))).await else {
        panic!()
    };
    assert_eq!(kid.len(), 128);
}

#[tokio::test]
async fn claims_come_out_as_they_went_in() {
    let claims = access().verify(&good_token()).await.unwrap();
    assert_eq!(
        (claims.client_id.as_str(), claims.exp, claims.iat),
        (CLIENT, NOW + 3600, Some(NOW - 60))
    );
    assert_eq!(claims.username.as_deref(), Some("alex"));
    assert_eq!(claims.scopes, ["openid", "email", "profile"]);
    assert_eq!(claims.groups, ["developers", "admins"]);
    assert_eq!(claims.all, access_claims());

    let claims = id().verify(&GOOD.token(&id_claims())).await.unwrap();
    assert_eq!(
        (claims.username.as_str(), claims.name.as_deref()),
        ("alex", Some("Alex Morgan"))
    );
    assert_eq!(
        (claims.email.as_deref(), claims.email_verified),
        (Some("alex@example.com"), Some(true))
    );
    assert_eq!(
        (claims.aud.as_slice(), claims.auth_time),
        ([CLIENT.to_owned()].as_slice(), Some(NOW - 60))
    );
    assert_eq!(claims.all, id_claims());
}

#[tokio::test]
async fn leeway_is_granted_exactly() {
    let lenient = access().with_leeway(Duration::from_secs(60));
    lenient
        .verify(&claiming(json!({ "exp": NOW - 59 })))
        .await
        .unwrap();
    assert_eq!(
        lenient
            .verify(&claiming(json!({ "exp": NOW - 60 })))
            .await
            .unwrap_err()
            .code(),
        "expired"
    );
    lenient
        .verify(&claiming(json!({ "nbf": NOW + 60 })))
        .await
        .unwrap();
    assert_eq!(
        lenient
            .verify(&claiming(json!({ "nbf": NOW + 61 })))
            .await
            .unwrap_err()
            .code(),
        "not_yet_valid"
    );
    let half = access().with_clock(TestClock::at(NOW as f64 + 0.5));
    assert_eq!(
        half.verify(&claiming(json!({ "exp": NOW })))
            .await
            .unwrap_err()
            .code(),
        "expired"
    );
    half.verify(&claiming(json!({ "exp": NOW + 1 })))
        .await
        .unwrap();
}

#[tokio::test]
async fn clients_are_only_those_named() {
    let several = Verifier::access(pool(), ClientIds::only(["a", CLIENT]))
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64));
    several.verify(&good_token()).await.unwrap();
    several
        .verify(&claiming(json!({ "client_id": "a" })))
        .await
        .unwrap();
    assert_eq!(
        several
            .verify(&claiming(json!({ "client_id": "b" })))
            .await
            .unwrap_err()
            .code(),
        "wrong_client"
    );
    let nobody = Verifier::access(pool(), ClientIds::only(<[&str; 0]>::default()))
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64));
    assert_eq!(
        nobody.verify(&good_token()).await.unwrap_err().code(),
        "wrong_client"
    );
    let anybody = Verifier::access(pool(), ClientIds::any())
        .with_jwks(keys())
        .with_clock(TestClock::at(NOW as f64));
    anybody
        .verify(&claiming(json!({ "client_id": "b" })))
        .await
        .unwrap();
    assert_eq!(
        anybody
            .verify(&claiming(json!({ "client_id": null })))
            .await
            .unwrap_err()
            .code(),
        "missing_claim"
    );
}

#[tokio::test]
async fn only_the_owner_of_a_valid_token_hears_what_it_lacks() {
    let verifier = access()
        .with_required_scope("openid")
        .with_required_scope("https://api.example.com/read");
    let refusal = verifier.verify(&good_token()).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.status()), ("missing_scope", 403));
    assert_eq!(
        refusal.www_authenticate(),
        "Bearer error=\"insufficient_scope\", error_description=\"the token lacks a required scope\", scope=\"https://api.example.com/read\""
    );
    let forged = STRANGER.raw(HEADER, Value::from(access_claims()).to_string());
    assert_eq!(
        verifier.verify(&forged).await.unwrap_err().code(),
        "bad_signature"
    );
    // A scope is a whole word.
    let token = claiming(json!({ "scope": "openid https://api.example.com/readwrite" }));
    assert_eq!(
        verifier.verify(&token).await.unwrap_err().code(),
        "missing_scope"
    );
    verifier
        .verify(&claiming(
            json!({ "scope": "https://api.example.com/read openid" }),
        ))
        .await
        .unwrap();

    let verifier = access().with_required_group("owners");
    let refusal = verifier.verify(&good_token()).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.status()), ("missing_group", 403));
    verifier
        .verify(&claiming(json!({ "cognito:groups": ["owners"] })))
        .await
        .unwrap();
}

#[tokio::test]
async fn nonce_and_at_hash_bind_the_id_token() {
    let verify = async |changes: Value| {
        id().verify(&GOOD.token(&with(id_claims(), changes)))
            .await
            .unwrap()
    };
    let claims = verify(json!({})).await;
    claims.check_nonce("n-0S6_WzA2Mj").unwrap();
    assert_eq!(claims.check_nonce("another"), Err(VerifyError::WrongNonce));
    assert_eq!(claims.check_nonce(""), Err(VerifyError::WrongNonce));
    assert_eq!(
        verify(json!({ "nonce": null })).await.check_nonce(""),
        Err(VerifyError::MissingClaim { claim: "nonce" })
    );
    claims
        .check_at_hash("anything, as there is no at_hash")
        .unwrap();
    // The example of OpenID Connect Core 1.0, appendix A.3.
    let claims = verify(json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" })).await;
    claims
        .check_at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
        .unwrap();
    assert_eq!(
        claims.check_at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Z"),
        Err(VerifyError::WrongAtHash)
    );
    assert_eq!(
        verify(json!({ "at_hash": "" })).await.check_at_hash("x"),
        Err(VerifyError::WrongAtHash)
    );
}

/// Every position: another byte, a byte less, a byte more; every spelling of each segment's last character.
#[tokio::test]
async fn no_single_byte_change_of_a_valid_token_is_accepted() {
    let verifier = access();
    let token = good_token();
    let bytes = token.as_bytes();
    verifier.verify(&token).await.unwrap();
    let mut tried = 0;
    for at in 0..=bytes.len() {
        let mut changed: Vec<Vec<u8>> = Vec::new();
        for insert in [b'A', b'.', b'='] {
            changed.push([&bytes[..at], &[insert], &bytes[at..]].concat());
        }
        if at < bytes.len() {
            changed.push([&bytes[..at], &bytes[at + 1..]].concat());
            let last_of_segment = bytes.get(at + 1).is_none_or(|next| *next == b'.');
            let others: Vec<u8> = if last_of_segment {
                (0..128).collect()
            } else {
                vec![bytes[at] ^ 1, bytes[at] ^ 0x20, b'.']
            };
            for other in others.into_iter().filter(|other| *other != bytes[at]) {
                changed.push([&bytes[..at], &[other], &bytes[at + 1..]].concat());
            }
        }
        for changed in changed
            .into_iter()
            .filter_map(|bytes| String::from_utf8(bytes).ok())
        {
            if let Ok(claims) = verifier.verify(&changed).await {
                panic!(
                    "accepted a change at {at} of {}: {:?}",
                    bytes.len(),
                    claims.sub
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 5_000, "{tried}");
}
