//! What the fuzz targets hold the verifier against: a second reader that takes whatever other JWT libraries take.
//!
//! A token whose signature is looked at has passed every cheaper rule, so the target that ends in `bad_signature` says as
//! much about those rules as one that could forge signatures.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD,
    },
};
use cognito_verifier::{
    AccessClaims, ClientIds, Clock, JwksCache, Verifier, VerifyError, test_issuer::TestIssuer,
};
use serde_json::{Map, Value, json};

pub const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";
pub const CLIENT: &str = "4testclient0000000000000001";
pub const NOW: u64 = 1_793_491_200;
/// The key id of the hostile table, whose tokens are the seeds.
pub const KID: &str = "good/key+id=";

struct Standing;

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

static POOL: LazyLock<TestIssuer> =
    LazyLock::new(|| TestIssuer::new(ISSUER).with_clock(Arc::new(Standing)));

/// The genuine key as the pool publishes it.
pub fn jwk() -> Map<String, Value> {
    match POOL.access_key().jwk() {
        Value::Object(mut jwk) => {
            jwk.insert("kid".into(), KID.into());
            jwk
        }
        other => unreachable!("{other}"),
    }
}

/// The only token that may ever be accepted: the fuzzer has no private key.
pub const GENUINE: &str = include_str!("../seeds/token/genuine");

static VERIFIER: LazyLock<Verifier<AccessClaims>> = LazyLock::new(|| {
    let keys = json!({ "keys": [jwk()] }).to_string();
    let keys = JwksCache::from_json(keys.as_bytes()).expect("a usable key");
    Verifier::access(POOL.pool(), ClientIds::only([CLIENT]))
        .with_jwks(Arc::new(keys))
        .with_clock(Arc::new(Standing))
});

/// What the verifier says of `token`, having shown that its refusal can go anywhere.
pub fn verdict(token: &str) -> Result<AccessClaims, VerifyError> {
    VERIFIER.verify_now(token).inspect_err(|refusal| {
        let shown = refusal.to_string();
        assert!(shown.len() < 4096, "{} bytes of message", shown.len());
        assert!(!shown.contains(char::is_control), "{shown:?}");
        let challenge = refusal.www_authenticate();
        assert!(
            challenge.bytes().all(|b| (0x20..0x7f).contains(&b)),
            "{challenge:?}"
        );
        assert!((400..600).contains(&refusal.status()));
    })
}

/// A token of these bytes with a signature that cannot be right.
pub fn unsigned(header: &[u8], payload: &[u8]) -> String {
    let [header, payload, signature] =
        [header, payload, &[0; 256]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    format!("{header}.{payload}.{signature}")
}

/// A token of these claims, good in every other way.
pub fn signed(payload: &[u8]) -> String {
    let token = POOL.access_token(CLIENT).header("kid", KID);
    token.raw_payload(payload).sign()
}

/// The bytes of one segment of the genuine token.
pub fn genuine(segment: usize) -> Vec<u8> {
    let text = GENUINE.split('.').nth(segment).expect("three segments");
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// A segment as lenient libraries read it: any padding, any trailing bits, the last of two members.
pub fn lenient(segment: &str) -> Option<Value> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    serde_json::from_slice(&LENIENT.decode(segment).ok()?).ok()
}

/// The rules about the header, written a second time.
pub fn header_may_pass(header: &Value) -> bool {
    header["alg"] == "RS256" && header["kid"] == KID && header.get("crit").is_none()
}

/// The rules about the claims, written a second time.
pub fn claims_may_pass(claims: &Value) -> bool {
    let text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    let date = |name: &str| claims.get(name).is_none_or(|date| date.as_f64().is_some());
    let texts = |value: &Value| {
        value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_string))
    };
    claims["iss"] == ISSUER
        && claims["token_use"] == "access"
        && claims["client_id"] == CLIENT
        && claims["sub"].is_string()
        && claims["exp"].as_f64().is_some_and(|exp| exp > NOW as f64)
        && claims
            .get("nbf")
            .is_none_or(|nbf| nbf.as_f64().is_some_and(|nbf| nbf <= NOW as f64))
        && date("iat")
        && date("auth_time")
        && text("jti")
        && text("origin_jti")
        && text("username")
        && text("scope")
        && claims.get("cognito:groups").is_none_or(texts)
        && claims
            .get("aud")
            .is_none_or(|aud| aud.is_string() || texts(aud))
}

/// What must hold of any verdict about any token; whether only its signature is wrong.
pub fn check(token: &str) -> bool {
    let mut segments = token.split('.');
    let mut segment = || segments.next().and_then(lenient).unwrap_or_default();
    let (header, claims) = (segment(), segment());
    match verdict(token) {
        Ok(accepted) => {
            assert_eq!(token, GENUINE, "a forgery was accepted");
            check_claims(&accepted, &claims);
        }
        Err(refusal) => match refusal.code() {
            "bad_signature" => {
                assert!(header_may_pass(&header), "{header}");
                assert!(claims_may_pass(&claims), "{claims}");
                return true;
            }
            "wrong_algorithm" | "critical_header" | "missing_key_id" | "unknown_key" => {
                assert!(!header_may_pass(&header), "{refusal}: {header}");
            }
            "missing_claim" | "invalid_claim" | "wrong_issuer" | "wrong_token_use"
            | "wrong_client" | "expired" | "not_yet_valid" => {
                assert!(!claims_may_pass(&claims), "{refusal}: {claims}");
            }
            "malformed" | "too_large" => {}
            other => panic!("{other}: {refusal}"),
        },
    }
    false
}

/// That accepted claims say what the lenient reader sees.
pub fn check_claims(accepted: &AccessClaims, claims: &Value) {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let texts = |name: &str| match &claims[name] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let seconds = |name: &str| Some(claims.get(name)?.as_f64()? as u64);
    assert_eq!(Value::from(accepted.all()), *claims);
    assert_eq!(Some(accepted.iss()), text("iss"));
    assert_eq!(Some(accepted.sub()), text("sub"));
    assert_eq!(Some(accepted.client_id()), text("client_id"));
    assert_eq!(Some(accepted.exp()), seconds("exp"));
    assert_eq!(accepted.iat(), seconds("iat"));
    assert_eq!(accepted.auth_time(), seconds("auth_time"));
    assert_eq!(accepted.jti(), text("jti"));
    assert_eq!(accepted.origin_jti(), text("origin_jti"));
    assert_eq!(accepted.username(), text("username"));
    assert!(accepted.groups().eq(texts("cognito:groups")));
    assert!(accepted.aud().eq(texts("aud")));
    let scopes = text("scope")
        .unwrap_or_default()
        .split(' ')
        .filter(|scope| !scope.is_empty());
    assert!(accepted.scopes().eq(scopes));
}
