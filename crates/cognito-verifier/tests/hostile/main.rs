//! Tokens that must be refused, each for its own reason, and the few unusual ones that must not.
#![allow(clippy::unwrap_used)]

mod cases;
mod seeds;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use cases::{
    HEADER, access, claim_cases, claiming, good_token, header_and_key_cases, id, id_cases, keyed,
    keys, malformed_cases, paid, pool, unusual_cases, unusual_id_cases,
};
use cognito_verifier::{ClientIds, KeyProblem, Segment, Verifier, VerifyError};
use serde_json::{Value, json};
use support::{CLIENT, GOOD, ISSUER, NOW, STRANGER, TestClock, access_claims, id_claims, with};

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
    for (name, token) in unusual_cases() {
        if let Err(refusal) = verifier.verify(&token).await {
            panic!("{name}: {refusal}");
        }
    }
}

#[tokio::test]
async fn hostile_id_tokens_are_refused_each_for_its_reason() {
    let verifier = id();
    for (name, token, code) in id_cases() {
        let refusal = verifier.verify(&token).await.expect_err(name);
        assert_eq!(refusal.code(), code, "{name}: {refusal}");
    }
    for (name, token) in unusual_id_cases() {
        if let Err(refusal) = verifier.verify(&token).await {
            panic!("{name}: {refusal}");
        }
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
        (claims.client_id(), claims.exp(), claims.iat()),
        (CLIENT, NOW + 3600, Some(NOW - 60))
    );
    assert_eq!(claims.username(), Some("alex"));
    assert!(claims.scopes().eq(["openid", "email", "profile"]));
    assert!(claims.groups().eq(["developers", "admins"]));
    assert_eq!(claims.all(), access_claims());

    let claims = id().verify(&GOOD.token(&id_claims())).await.unwrap();
    assert_eq!(
        (claims.username(), claims.name()),
        ("alex", Some("Alex Morgan"))
    );
    assert_eq!(
        (claims.email(), claims.email_verified()),
        (Some("alex@example.com"), Some(true))
    );
    assert_eq!(
        (claims.aud().collect(), claims.auth_time()),
        (vec![CLIENT], Some(NOW - 60))
    );
    assert_eq!(claims.all(), id_claims());
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
    assert_eq!((refusal.code(), refusal.status()), ("missing_group", 401));
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

#[tokio::test]
async fn keys_of_every_allowed_size_verify() {
    use aws_lc_rs::rsa::KeySize;
    for size in [KeySize::Rsa3072, KeySize::Rsa4096] {
        let key = support::Key::of_size("large", size);
        let set = support::jwks([key.jwk()]);
        let keys = cognito_verifier::JwksCache::from_json(set.as_bytes()).unwrap();
        let verifier = access().with_jwks(std::sync::Arc::new(keys));
        verifier.verify(&key.token(&access_claims())).await.unwrap();
    }
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
                    claims.sub()
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 5_000, "{tried}");
}
