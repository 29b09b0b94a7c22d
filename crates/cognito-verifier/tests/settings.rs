//! What a verifier can be told besides one pool and its clients.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use cognito_verifier::{
    AccessClaims, ClientIds, JwksCache, TokenIds, UserPool, UserPools, Verifier, VerifyError,
};
use serde_json::{Value, json};
use support::{
    CLIENT, GOOD, ISSUER, Key, KeyServer, NOW, OTHER, STRANGER, TestClock, access_claims,
    id_claims, jwks, with,
};

/// The same pool's newer form of issuer.
const NEWER: &str = "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test";
const ELSEWHERE: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Test";

fn fixed(keys: &[&Key]) -> Arc<JwksCache> {
    let set = jwks(keys.iter().map(|key| key.jwk()));
    Arc::new(JwksCache::from_json(set.as_bytes()).unwrap())
}

fn pool(issuer: &str, keys: &[&Key]) -> UserPool {
    UserPool::new(issuer).unwrap().with_jwks(fixed(keys))
}

fn access(pools: impl Into<UserPools>, clients: ClientIds) -> Verifier<AccessClaims> {
    Verifier::access(pools, clients).with_clock(TestClock::at(NOW as f64))
}

fn of_one() -> Verifier<AccessClaims> {
    access(pool(ISSUER, &[&GOOD]), ClientIds::only([CLIENT]))
}

fn token(key: &Key, changes: Value) -> String {
    key.token(&with(access_claims(), changes))
}

fn code(verifier: &Verifier<AccessClaims>, token: &str) -> &'static str {
    verifier
        .verify_now(token)
        .map_or_else(|refusal| refusal.code(), |_| "accepted")
}

#[test]
fn a_token_is_checked_by_the_keys_of_the_pool_it_names_and_no_others() {
    let verifier = access(
        [pool(ISSUER, &[&GOOD]), pool(ELSEWHERE, &[&OTHER])],
        ClientIds::only([CLIENT]),
    );
    for (key, issuer, expected) in [
        (&*GOOD, ISSUER, "accepted"),
        (&OTHER, ELSEWHERE, "accepted"),
        (&OTHER, ISSUER, "unknown_key"),
        (&GOOD, ELSEWHERE, "unknown_key"),
        (&STRANGER, ISSUER, "unknown_key"),
        (&GOOD, NEWER, "wrong_issuer"),
    ] {
        let token = token(key, json!({ "iss": issuer }));
        assert_eq!(code(&verifier, &token), expected, "{} {issuer}", key.kid);
    }
    // The same key id in both pools: the key is the one of the pool that `iss` names.
    let mut same_id = OTHER.jwk();
    same_id.insert("kid".into(), json!(GOOD.kid));
    let keys = Arc::new(JwksCache::from_json(jwks([same_id]).as_bytes()).unwrap());
    let elsewhere = UserPool::new(ELSEWHERE).unwrap().with_jwks(keys);
    let verifier = access([pool(ISSUER, &[&GOOD]), elsewhere], ClientIds::any());
    assert_eq!(code(&verifier, &token(&GOOD, json!({}))), "accepted");
    assert_eq!(
        code(&verifier, &token(&GOOD, json!({ "iss": ELSEWHERE }))),
        "bad_signature"
    );

    let refusal = verifier
        .verify_now(&token(&GOOD, json!({ "iss": "evil" })))
        .unwrap_err();
    let expected = format!("{ISSUER} or {ELSEWHERE}");
    assert_eq!(
        refusal,
        VerifyError::WrongIssuer {
            expected,
            actual: "evil".into()
        }
    );
}

#[test]
fn both_issuer_forms_of_a_pool_are_two_pools_with_the_same_keys() {
    let keys = fixed(&[&GOOD]);
    let forms =
        [ISSUER, NEWER].map(|issuer| UserPool::new(issuer).unwrap().with_jwks(Arc::clone(&keys)));
    let verifier = access(forms, ClientIds::only([CLIENT]));
    assert_eq!(code(&verifier, &token(&GOOD, json!({}))), "accepted");
    let newer = verifier
        .verify_now(&token(&GOOD, json!({ "iss": NEWER })))
        .unwrap();
    assert_eq!(newer.iss(), NEWER);
}

#[test]
fn no_pool_accepts_nothing_and_of_two_with_one_issuer_the_first_counts() {
    let none = access(Vec::new(), ClientIds::any());
    assert_eq!(code(&none, &token(&GOOD, json!({}))), "wrong_issuer");
    assert!(none.issuers_without_keys().is_empty());
    let twice = access(
        [pool(ISSUER, &[&GOOD]), pool(ISSUER, &[&OTHER])],
        ClientIds::any(),
    );
    assert_eq!(code(&twice, &token(&GOOD, json!({}))), "accepted");
    assert_eq!(code(&twice, &token(&OTHER, json!({}))), "unknown_key");
}

#[test]
fn a_pools_clients_narrow_the_verifiers_and_never_widen_them() {
    let narrowed = pool(ISSUER, &[&GOOD]).with_clients(ClientIds::only(["a", "x"]));
    let pools = || [narrowed.clone(), pool(ELSEWHERE, &[&OTHER])];
    let several = access(pools(), ClientIds::only(["a", "b"]));
    let any = access(pools(), ClientIds::any());
    for (verifier, key, issuer, client, expected) in [
        (&several, &*GOOD, ISSUER, "a", "accepted"),
        (&several, &GOOD, ISSUER, "b", "wrong_client"),
        (&several, &GOOD, ISSUER, "x", "wrong_client"),
        (&several, &OTHER, ELSEWHERE, "a", "accepted"),
        (&several, &OTHER, ELSEWHERE, "b", "accepted"),
        (&several, &OTHER, ELSEWHERE, "x", "wrong_client"),
        (&any, &GOOD, ISSUER, "x", "accepted"),
        (&any, &GOOD, ISSUER, "b", "wrong_client"),
        (&any, &OTHER, ELSEWHERE, "b", "accepted"),
    ] {
        let token = token(key, json!({ "iss": issuer, "client_id": client }));
        assert_eq!(code(verifier, &token), expected, "{issuer} {client}");
    }
    let refusal = several
        .verify_now(&token(&GOOD, json!({ "client_id": "b" })))
        .unwrap_err();
    assert_eq!(
        refusal,
        VerifyError::WrongClient {
            expected: ClientIds::only(["a", "x"]),
            actual: "b".into()
        }
    );

    let id = Verifier::id(narrowed.clone(), ClientIds::only(["a", "b"]))
        .with_clock(TestClock::at(NOW as f64));
    let id_token = |aud: Value| GOOD.token(&with(id_claims(), json!({ "aud": aud })));
    id.verify_now(&id_token(json!("a"))).unwrap();
    assert_eq!(
        id.verify_now(&id_token(json!(["a", "b"])))
            .unwrap_err()
            .code(),
        "wrong_client"
    );
}

#[tokio::test]
async fn keys_may_come_from_another_address_than_the_issuers() {
    let server = KeyServer::start(jwks([GOOD.jwk()])).await;
    let uri = format!("{}/.well-known/jwks.json", server.issuer);
    let pool = UserPool::new(ISSUER).unwrap().with_keys_at(&uri).unwrap();
    let verifier = access(pool, ClientIds::only([CLIENT]));
    assert_eq!(verifier.issuers_without_keys(), [ISSUER]);
    verifier.preload().await.unwrap();
    assert_eq!(code(&verifier, &token(&GOOD, json!({}))), "accepted");
    assert_eq!(
        code(&verifier, &token(&GOOD, json!({ "iss": server.issuer }))),
        "wrong_issuer"
    );
}

#[tokio::test]
async fn preload_fetches_every_pools_keys_and_says_whose_are_missing() {
    let (here, there) = (
        KeyServer::start(jwks([GOOD.jwk()])).await,
        KeyServer::start(jwks([OTHER.jwk()])).await,
    );
    there.answer(support::Answer::Status(500));
    let clock = TestClock::at(NOW as f64);
    let verifier =
        Verifier::access([there.pool(), here.pool()], ClientIds::any()).with_clock(clock);
    let refusal = verifier.preload().await.unwrap_err();
    assert!(refusal.to_string().contains(&there.issuer), "{refusal}");
    while verifier.issuers_without_keys() != [&there.issuer] {
        tokio::task::yield_now().await;
    }
    assert_eq!((here.downloads(), there.downloads()), (1, 1));
}

#[test]
#[should_panic(expected = "2 pools")]
fn keys_for_several_pools_at_once_are_a_mistake() {
    let pools = [ISSUER, ELSEWHERE].map(|issuer| UserPool::new(issuer).unwrap());
    drop(access(pools, ClientIds::any()).with_jwks(fixed(&[&GOOD])));
}

#[test]
fn a_required_resource_is_looked_for_in_aud() {
    let verifier = of_one().with_resource("https://api.example.com");
    for (aud, expected) in [
        (json!("https://api.example.com"), "accepted"),
        (json!(["https://api.example.com"]), "accepted"),
        (
            json!(["https://b.example.com", "https://api.example.com"]),
            "accepted",
        ),
        (Value::Null, "missing_claim"),
        (json!([]), "missing_claim"),
        (json!(""), "wrong_resource"),
        (json!("https://api.example.com/"), "wrong_resource"),
        (
            json!("https://api.example.com https://b.example.com"),
            "wrong_resource",
        ),
        (json!("https://b.example.com"), "wrong_resource"),
        (
            json!(["https://b.example.com", "https://c.example.com"]),
            "wrong_resource",
        ),
        (json!(CLIENT), "wrong_resource"),
        (json!([["https://api.example.com"]]), "invalid_claim"),
        (json!(["https://api.example.com", 1]), "invalid_claim"),
        (json!({ "https://api.example.com": true }), "invalid_claim"),
    ] {
        assert_eq!(
            code(&verifier, &token(&GOOD, json!({ "aud": aud }))),
            expected,
            "{aud}"
        );
    }
    let two = verifier.with_resource("https://b.example.com");
    assert_eq!(
        code(
            &two,
            &token(&GOOD, json!({ "aud": "https://b.example.com" }))
        ),
        "accepted"
    );
    let refusal = two
        .verify_now(&token(&GOOD, json!({ "aud": ["x", "y"] })))
        .unwrap_err();
    assert_eq!(refusal.status(), 401);
    let expected = "https://api.example.com https://b.example.com".to_owned();
    assert_eq!(
        refusal,
        VerifyError::WrongResource {
            expected,
            actual: "x y".into()
        }
    );
    let claims = of_one()
        .verify_now(&token(&GOOD, json!({ "aud": ["x", "y"] })))
        .unwrap();
    assert!(claims.aud().eq(["x", "y"]));
}

#[test]
fn predicates_are_asked_about_valid_tokens_only_and_named_when_they_fail() {
    let asked = Arc::new(AtomicUsize::new(0));
    let verifier = of_one()
        .with_predicate("is alex", {
            let asked = Arc::clone(&asked);
            move |claims| {
                asked.fetch_add(1, Ordering::Relaxed);
                claims.username() == Some("alex")
            }
        })
        .with_predicate("no device", |claims| {
            !claims.all().contains_key("device_key")
        });
    assert_eq!(code(&verifier, &token(&GOOD, json!({}))), "accepted");
    for bad in [
        token(&GOOD, json!({ "exp": NOW })),
        STRANGER.token(&access_claims()),
        token(&GOOD, json!({ "client_id": "x" })),
    ] {
        verifier.verify_now(&bad).unwrap_err();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    for (changes, predicate) in [
        (json!({ "username": "mallory" }), "is alex"),
        (json!({ "device_key": "x" }), "no device"),
    ] {
        let refusal = verifier.verify_now(&token(&GOOD, changes)).unwrap_err();
        assert_eq!(refusal, VerifyError::PredicateFailed { predicate });
        assert_eq!(
            (refusal.status(), refusal.code()),
            (401, "predicate_failed")
        );
        assert!(
            refusal
                .www_authenticate()
                .starts_with("Bearer error=\"invalid_token\"")
        );
    }
}

#[test]
fn the_deny_list_sees_all_a_token_can_be_revoked_by() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let verifier = of_one().with_deny_list(Arc::new({
        let seen = Arc::clone(&seen);
        move |token: &TokenIds<'_>| {
            seen.lock().unwrap().push(format!("{token:?}"));
            token.origin_jti == Some("stolen") || token.iat.is_some_and(|iat| iat < NOW - 100)
        }
    }));
    assert_eq!(code(&verifier, &token(&GOOD, json!({}))), "accepted");
    assert_eq!(
        code(
            &verifier,
            &token(
                &GOOD,
                json!({ "jti": null, "origin_jti": null, "iat": null })
            )
        ),
        "accepted"
    );
    for changes in [
        json!({ "origin_jti": "stolen" }),
        json!({ "iat": NOW - 101 }),
    ] {
        let refusal = verifier.verify_now(&token(&GOOD, changes)).unwrap_err();
        assert_eq!(
            (&refusal, refusal.status(), refusal.code()),
            (&VerifyError::Revoked, 401, "revoked")
        );
    }
    let seen = seen.lock().unwrap();
    let first = &seen[0];
    for part in [
        ISSUER,
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "11111111-1111",
        "22222222-2222",
        &(NOW - 60).to_string(),
    ] {
        assert!(first.contains(part), "{first} lacks {part}");
    }
    drop(seen);
    for bad in [
        STRANGER.token(&access_claims()),
        token(&GOOD, json!({ "jti": 1 })),
        token(&GOOD, json!({ "origin_jti": [] })),
    ] {
        let refusal = verifier.verify_now(&bad).unwrap_err();
        assert!(
            matches!(refusal.code(), "unknown_key" | "invalid_claim"),
            "{refusal}"
        );
    }
}

#[test]
fn what_is_asked_last_is_asked_of_remembered_tokens_too() {
    let (allowed, denied) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicBool::new(false)),
    );
    let verifier = of_one()
        .with_token_cache(10)
        .with_predicate("allowed", {
            let allowed = Arc::clone(&allowed);
            move |_| allowed.load(Ordering::Relaxed)
        })
        .with_deny_list(Arc::new({
            let denied = Arc::clone(&denied);
            move |_: &TokenIds<'_>| denied.load(Ordering::Relaxed)
        }));
    let token = token(&GOOD, json!({}));
    assert_eq!(code(&verifier, &token), "accepted");
    allowed.store(false, Ordering::Relaxed);
    assert_eq!(code(&verifier, &token), "predicate_failed");
    allowed.store(true, Ordering::Relaxed);
    denied.store(true, Ordering::Relaxed);
    assert_eq!(code(&verifier, &token), "revoked");
    denied.store(false, Ordering::Relaxed);
    assert_eq!(code(&verifier, &token), "accepted");
}
