//! What one verification takes from the heap: at most ten pieces, whatever the token. Nobody is told the keys' number, nor
//! the groups'.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use cognito_verifier::{Claims, ClientIds, JwksCache, UserPool, Verifier};
use serde_json::{Value, json};
use support::{CLIENT, GOOD, ISSUER, NOW, TestClock, access_claims, id_claims, jwks, with};

const LIMIT: u64 = 10;

fn verifier<C: Claims>(make: fn(UserPool, ClientIds) -> Verifier<C>) -> Verifier<C> {
    let keys = JwksCache::from_json(jwks([GOOD.jwk()]).as_bytes()).unwrap();
    make(UserPool::new(ISSUER).unwrap(), ClientIds::only([CLIENT]))
        .with_jwks(Arc::new(keys))
        .with_clock(TestClock::at(NOW as f64))
}

fn allocations<C: Claims>(verifier: &Verifier<C>, token: &str) -> u64 {
    // aws-lc makes what is needed once at its first use.
    verifier.verify_now(token).unwrap();
    let counted = allocation_counter::measure(|| {
        verifier.verify_now(token).unwrap();
    });
    counted.count_total
}

#[test]
fn one_verification_allocates_ten_times_at_most() {
    let (access, id) = (verifier(Verifier::access), verifier(Verifier::id));
    let groups: Vec<String> = (0..100).map(|n| format!("group-{n}")).collect();
    let many = with(
        access_claims(),
        json!({ "cognito:groups": groups, "scope": "a b c d e f g h i j k l" }),
    );
    let federated = with(
        id_claims(),
        json!({
            "identities": [{ "userId": "1", "providerName": "Google", "providerType": "Google", "issuer": null, "primary": "true", "dateCreated": "1" }],
            "cognito:roles": ["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"],
            "custom:a": "1", "custom:b": "2", "custom:c": "3", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "jti": "1",
            "origin_jti": "2", "event_id": "3", "phone_number": "+1", "phone_number_verified": true, "given_name": "A",
        }),
    );
    let escaped = |claims: &serde_json::Map<String, Value>| {
        // As Cognito writes them.
        let escape = |json: Value| json.to_string().replace('/', "\\/");
        GOOD.raw(
            escape(json!({ "kid": GOOD.kid, "alg": "RS256" })),
            escape(Value::from(claims.clone())),
        )
    };
    let mut counts = Vec::new();
    for (name, count) in [
        (
            "access",
            allocations(&access, &GOOD.token(&access_claims())),
        ),
        (
            "access, escaped",
            allocations(&access, &escaped(&access_claims())),
        ),
        ("access, 100 groups", allocations(&access, &escaped(&many))),
        ("id", allocations(&id, &GOOD.token(&id_claims()))),
        ("id, escaped", allocations(&id, &escaped(&id_claims()))),
        ("id, federated", allocations(&id, &escaped(&federated))),
    ] {
        assert!((1..=LIMIT).contains(&count), "{name}: {count}");
        counts.push(count);
    }
    assert!(counts[0] <= 6, "{counts:?}");
    let remembering = access.clone().with_token_cache(10);
    assert_eq!(
        allocations(&remembering, &escaped(&many)),
        0,
        "a remembered token"
    );
}
