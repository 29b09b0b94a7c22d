//! Valid tokens of any claims, with any one byte changed, one more or one less: none is accepted, remembered or not.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, LazyLock};

use cognito_verifier::{AccessClaims, ClientIds, JwksCache, UserPool, Verifier};
use proptest::{prelude::*, sample::Index};
use serde_json::{Map, Value, json};
use support::{CLIENT, GOOD, ISSUER, NOW, OTHER, TestClock, access_claims, jwks, with};

static VERIFIERS: LazyLock<[Verifier<AccessClaims>; 2]> = LazyLock::new(|| {
    let keys = JwksCache::from_json(jwks([GOOD.jwk(), OTHER.jwk()]).as_bytes()).unwrap();
    let verifier = Verifier::access(UserPool::new(ISSUER).unwrap(), ClientIds::only([CLIENT]))
        .with_jwks(Arc::new(keys))
        .with_clock(TestClock::at(NOW as f64));
    [verifier.clone(), verifier.with_token_cache(64)]
});

#[derive(Clone, Copy, Debug)]
enum Change {
    Replaced(u8),
    Inserted(u8),
    Removed,
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes of a token more often than others, which are refused at once.
    let byte = || {
        let of_a_token = "[-A-Za-z0-9_.=]".prop_map(|one| one.as_bytes()[0]);
        prop_oneof![4 => of_a_token, 1 => 0..128_u8]
    };
    prop_oneof![
        4 => byte().prop_map(Change::Replaced),
        2 => byte().prop_map(Change::Inserted),
        1 => Just(Change::Removed),
    ]
}

fn changed(token: &str, at: Index, change: Change) -> String {
    let mut bytes = token.as_bytes().to_vec();
    match change {
        Change::Replaced(byte) => bytes[at.index(token.len())] = byte,
        Change::Inserted(byte) => bytes.insert(at.index(token.len() + 1), byte),
        Change::Removed => drop(bytes.remove(at.index(token.len()))),
    }
    String::from_utf8(bytes).unwrap()
}

fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let groups = proptest::collection::vec(any::<String>(), 0..4);
    let (exp, iat) = (NOW + 1..u64::from(u32::MAX), 0..u64::from(u32::MAX));
    (any::<String>(), any::<String>(), groups, exp, iat).prop_map(
        |(sub, username, groups, exp, iat)| {
            let bent = json!({
                "sub": sub, "username": username, "cognito:groups": groups, "exp": exp, "iat": iat,
            });
            with(access_claims(), bent)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_token_is_accepted(
        claims in claims(),
        other_key in any::<bool>(),
        changes in proptest::collection::vec((any::<Index>(), change()), 100),
    ) {
        let key = if other_key { &*OTHER } else { &*GOOD };
        let token = key.token(&claims);
        for verifier in &*VERIFIERS {
            let accepted = verifier.verify_now(&token).unwrap();
            prop_assert_eq!(Value::from(accepted.all()), Value::from(claims.clone()));
            for (at, change) in &changes {
                let changed = changed(&token, *at, *change);
                if changed != token {
                    let verdict = verifier.verify_now(&changed);
                    prop_assert!(verdict.is_err(), "{change:?} at {}: {changed}", at.index(token.len()));
                }
            }
            // And the unchanged one still is.
            prop_assert!(verifier.verify_now(&token).is_ok());
        }
    }
}
