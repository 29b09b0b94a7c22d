//! Any bytes as the pool's key set.
#![no_main]

use cognito_verifier::Jwks;
use cognito_verifier_fuzz::{GENUINE, KID, jwk};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let set: Option<Value> = serde_json::from_slice(data).ok();
    let entries = || {
        set.iter()
            .flat_map(|set| set["keys"].as_array().into_iter().flatten())
    };
    let Ok(keys) = Jwks::from_json(data) else {
        return;
    };
    let usable = |key: &Value| key["kty"] == "RSA" && key["n"].is_string() && key["e"].is_string();
    assert!(entries().any(usable), "no lenient reader finds a key");
    match keys.verify_signature(GENUINE) {
        // Only where the genuine key is there, under the name the token gives it.
        Ok(_) => {
            let genuine = jwk();
            assert!(entries().any(|key| key["kid"] == KID
                && key["n"] == genuine["n"]
                && key["e"] == genuine["e"]));
        }
        Err(refusal) => match refusal.code() {
            "unknown_key" => assert!(entries().all(|key| key["kid"] != KID)),
            "unusable_key" | "bad_signature" => {}
            other => panic!("{other}: {refusal}"),
        },
    }
});
