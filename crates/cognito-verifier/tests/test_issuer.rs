//! The test issuer (feature `test-issuer`): its tokens are good as they come, and bad exactly as they are bent.
#![allow(clippy::unwrap_used)]

mod support;

use cognito_verifier::{
    AccessClaims, ClientIds, Clock, IdClaims, SystemClock, Verifier,
    test_issuer::{TOKEN_LIFETIME, TestIssuer, TestKey, TestToken},
};
use serde_json::{Value, json};
use support::{CLIENT, ISSUER, NOW, TestClock};

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER).with_clock(TestClock::at(NOW as f64))
}

fn access(issuer: &TestIssuer) -> Verifier<AccessClaims> {
    Verifier::access(issuer.pool(), ClientIds::only([CLIENT]))
        .with_jwks(issuer.jwks_cache())
        .with_clock(TestClock::at(NOW as f64))
}

fn id(issuer: &TestIssuer) -> Verifier<IdClaims> {
    Verifier::id(issuer.pool(), ClientIds::only([CLIENT]))
        .with_jwks(issuer.jwks_cache())
        .with_clock(TestClock::at(NOW as f64))
}

#[tokio::test]
async fn tokens_are_valid_as_they_come() {
    let issuer = issuer();
    let token = issuer.access_token(CLIENT).sign();
    let claims = access(&issuer).verify(&token).await.unwrap();
    assert_eq!(claims.username(), Some("alex"));
    assert_eq!(
        (claims.iat(), claims.exp()),
        (Some(NOW), NOW + TOKEN_LIFETIME)
    );
    assert!(claims.scopes().eq(["openid", "email", "profile"]));
    // Of the size of Cognito's own.
    assert!((900..1300).contains(&token.len()), "{}", token.len());
    assert_eq!(token, issuer.access_token(CLIENT).sign());

    let token = issuer.id_token(CLIENT).sign();
    let claims = id(&issuer).verify(&token).await.unwrap();
    assert_eq!(claims.email(), Some("alex@example.com"));
    assert_eq!(claims.email_verified(), Some(true));
    assert_ne!(issuer.access_key().kid(), issuer.id_key().kid());
    assert_eq!(issuer.access_key().kid().len(), 44);
}

#[tokio::test]
async fn tokens_are_refused_as_they_are_bent() {
    let issuer = issuer();
    let verifier = access(&issuer);
    let stranger = TestKey::stranger();
    let good = || issuer.access_token(CLIENT);
    #[rustfmt::skip] // One case, one line.
    let cases: Vec<(TestToken, &str)> = vec![
        (good().claim("iss", "https://example.com"), "wrong_issuer"),
        (good().claim("exp", "tomorrow"), "invalid_claim"),
        (good().claim("cognito:groups", json!(["admins", 7])), "invalid_claim"),
        (good().without("client_id"), "missing_claim"),
        (good().without("exp"), "missing_claim"),
        (good().expired_at(NOW), "expired"),
        (good().claim("nbf", NOW + 1), "not_yet_valid"),
        (good().header("alg", "none").raw_signature([]), "wrong_algorithm"),
        (good().header("crit", json!(["exp"])), "critical_header"),
        (good().header("kid", stranger.kid()).signed_by(&stranger), "unknown_key"),
        (good().signed_by(&stranger), "bad_signature"),
        (good().signed_by(&stranger).claim("username", "root"), "bad_signature"),
        (good().signed_by(issuer.id_key()), "bad_signature"),
        (good().raw_signature([0; 256]), "bad_signature"),
        (good().without_header("kid"), "missing_key_id"),
        (good().raw_header(r#"{"alg":"RS256","alg":"none"}"#), "malformed"),
        (good().raw_payload("[]"), "malformed"),
        (issuer.access_token("another"), "wrong_client"),
        (issuer.id_token(CLIENT), "wrong_token_use"),
    ];
    for (token, code) in cases {
        let refusal = verifier.verify(&token.sign()).await.unwrap_err();
        assert_eq!(refusal.code(), code, "{token:?}");
    }
    // Signed by the issuer's own other key, and named so: a pool's keys are its keys.
    let token = good()
        .header("kid", issuer.id_key().kid())
        .signed_by(issuer.id_key());
    verifier.verify(&token.sign()).await.unwrap();
    verifier
        .verify(&good().expired_at(NOW + 1).sign())
        .await
        .unwrap();
}

#[tokio::test]
async fn fresh_keys_are_another_pools() {
    let (old, new) = (issuer(), issuer().with_fresh_keys());
    let code = async |pool: &TestIssuer, token: TestToken| {
        let refusal = access(pool).verify(&token.sign()).await.unwrap_err();
        refusal.code()
    };
    assert_eq!(code(&new, old.access_token(CLIENT)).await, "unknown_key");
    assert_eq!(code(&old, new.access_token(CLIENT)).await, "unknown_key");
    let good = new.access_token(CLIENT).sign();
    access(&new).verify(&good).await.unwrap();
}

#[test]
fn the_key_set_is_as_cognito_publishes_it() {
    let set: Value = serde_json::from_str(&issuer().jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let members: Vec<_> = key.as_object().unwrap().keys().collect();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&key["alg"], &key["use"]), (&json!("RS256"), &json!("sig")));
        assert_eq!((&key["kty"], &key["e"]), (&json!("RSA"), &json!("AQAB")));
        assert_eq!(key["n"].as_str().unwrap().len(), 342);
    }
    assert!(!format!("{:?}", issuer()).contains("pair"));
}

#[test]
#[should_panic(expected = "raw bytes have no members")]
fn a_claim_of_a_raw_payload_is_a_mistake_of_the_test() {
    drop(issuer().access_token(CLIENT).raw_payload("x").claim("a", 1));
}

/// Also without the injected clock, which services have no use for.
#[tokio::test]
async fn the_systems_clock_is_the_default() {
    let issuer = TestIssuer::new(ISSUER);
    let verifier =
        Verifier::access(issuer.pool(), ClientIds::only([CLIENT])).with_jwks(issuer.jwks_cache());
    let good = issuer.access_token(CLIENT);
    verifier.verify(&good.sign()).await.unwrap();
    let now = SystemClock.now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let refusal = verifier.verify(&good.expired_at(now).sign()).await;
    assert_eq!(refusal.unwrap_err().code(), "expired");
}
