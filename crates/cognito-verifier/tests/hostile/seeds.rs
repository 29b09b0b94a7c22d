//! Where the fuzzers start: the table's tokens, cut down to what each target is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    cases::{
        claim_cases, good_token, header_and_key_cases, key_set, malformed_cases, unusual_cases,
    },
    support::{GOOD, access_claims, jwks},
};

/// Larger ones teach a fuzzer nothing and slow it down.
const MAX_SEED_BYTES: usize = 400;

/// `TARGET/NAME` and content.
fn seeds() -> BTreeMap<String, Vec<u8>> {
    let refused = [malformed_cases(), header_and_key_cases(), claim_cases()].concat();
    let tokens = refused.into_iter().map(|(name, token, _)| (name, token));
    let mut seeds = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut add = |target: &str, name: &str, content: Vec<u8>| {
        if content.len() <= MAX_SEED_BYTES && seen.insert((target.to_owned(), content.clone())) {
            let name: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect();
            let name = format!("{target}/{name}");
            let taken = seeds.contains_key(&name);
            seeds.insert(if taken { name + "-2" } else { name }, content);
        }
    };
    for (name, token) in tokens.chain(unusual_cases()) {
        if token.len() < 200 {
            add("token", name, token.clone().into_bytes());
        }
        let segment = |index: usize| {
            let text = token.split('.').nth(index)?;
            URL_SAFE_NO_PAD.decode(text).ok()
        };
        if let Some(header) = segment(0) {
            add("header", name, header);
        }
        if let Some(payload) = segment(1) {
            add("payload", name, without_the_usual(payload));
        }
    }
    // Numbers of the right size are what a fuzzer does not find, and they are too long for the limit.
    for key in key_set() {
        let kid = key["kid"].as_str().unwrap().to_owned();
        let mut small = key.clone();
        small.retain(|name, value| name != "n" || *value != GOOD.jwk()["n"]);
        add("jwks", &kid, jwks([small]).into_bytes());
    }
    seeds.insert("jwks/genuine".into(), jwks([GOOD.jwk()]).into_bytes());
    seeds.insert("token/genuine".into(), good_token().into_bytes());
    seeds
}

/// The payload without the members that are as in every token and need not be there.
fn without_the_usual(payload: Vec<u8>) -> Vec<u8> {
    let usual = access_claims();
    let Ok(Value::Object(mut claims)) = serde_json::from_slice(&payload) else {
        return payload;
    };
    // What a `Value` does not keep, such as a member named twice, must stay.
    if Value::from(claims.clone()).to_string().len() != payload.len() {
        return payload;
    }
    claims.retain(|name, value| {
        let needed = ["sub", "iss", "client_id", "token_use", "exp"].contains(&name.as_str());
        needed || usual.get(name) != Some(value)
    });
    Value::from(claims).to_string().into_bytes()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

#[test]
fn the_fuzzers_seeds_are_the_tables() {
    for (name, content) in seeds() {
        let found = fs::read(folder().join(&name)).unwrap_or_default();
        assert!(
            found == content,
            "fuzz/seeds/{name} is not as the table has it; \
             run: cargo test -p cognito-verifier --test hostile -- --ignored write_the_seeds"
        );
    }
}

#[test]
#[ignore = "writes fuzz/seeds"]
fn write_the_seeds() {
    drop(fs::remove_dir_all(folder()));
    for (name, content) in seeds() {
        let path = folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
