//! Project Wycheproof's JSON Web Signature vectors, at the level of the signature.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cognito_verifier::Jwks;
use serde_json::{Value, json};

#[test]
fn json_web_signatures() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/testdata/wycheproof/json_web_signature_test.json");
    let Ok(text) = fs::read_to_string(&path) else {
        // Past the test harness, which keeps what a passing test prints: an absent file must not look like a pass.
        let absent = format!(
            "NOT RUN: {} is absent; it is Wycheproof's file of that name\n",
            path.display()
        );
        return io::stderr().write_all(absent.as_bytes()).unwrap();
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let (mut rs256, mut accepted, mut tried) = (0, 0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let mut key = if group["public"].is_object() {
            &group["public"]
        } else {
            &group["private"]
        }
        .clone();
        if !key["kid"].is_string() {
            key["kid"] = json!("unnamed");
        }
        let keys = Jwks::from_json(json!({ "keys": [key] }).to_string().as_bytes());
        for test in group["tests"].as_array().unwrap() {
            let jws = test["jws"].as_str().unwrap_or_default();
            let header = jws
                .split('.')
                .next()
                .and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
            let header: Value = header
                .and_then(|header| serde_json::from_slice(&header).ok())
                .unwrap_or_default();
            // Valid RS256 is to be accepted; the rest, valid under other algorithms included, is to be refused.
            let expected = test["result"] == "valid" && header["alg"] == "RS256";
            let verdict = keys
                .as_ref()
                .map_err(|problem| problem.to_string())
                .and_then(|keys| {
                    keys.verify_signature(jws)
                        .map_err(|refusal| refusal.to_string())
                });
            assert_eq!(
                verdict.is_ok(),
                expected,
                "{} {}: {verdict:?}",
                test["tcId"],
                test["comment"]
            );
            // Said by the key or by the token: one names RS256 to a key of PS512.
            let key_allows = key["kty"] == "RSA" && (key["alg"] == "RS256" || key["alg"].is_null());
            rs256 += usize::from(key_allows || header["alg"] == "RS256");
            accepted += usize::from(expected);
            tried += 1;
        }
    }
    assert_eq!((tried, rs256, accepted), (401, 236, 8));
}
