//! Tokens of an issuer that shares no code with this crate: the emulator, signed in to through its pages.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use cognito_emulator::{Config, Emulator};
use cognito_verifier::{ClientIds, Clock, SystemClock, UserPool, Verifier, VerifyError};

const CLIENT: &str = "6keyfobdemodesktop00client";

/// An access token and an ID token, signed in with the nonce `n`.
async fn sign_in(emulator: &Emulator) -> (String, String) {
    let tokens = emulator.tokens("openid email profile", "n").await.unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    (token("access_token"), token("id_token"))
}

struct Later(Duration);

impl Clock for Later {
    fn now(&self) -> std::time::SystemTime {
        SystemClock.now() + self.0
    }
}

#[tokio::test]
async fn a_pools_tokens_are_accepted_for_their_use_and_until_they_expire() {
    let emulator = Emulator::start(Config::demo().port(0)).await.unwrap();
    let pool = UserPool::new(emulator.issuer()).unwrap();
    let access = Verifier::access(pool.clone(), ClientIds::only([CLIENT]));
    let id = Verifier::id(pool, ClientIds::only([CLIENT]));
    let (access_token, id_token) = sign_in(&emulator).await;

    let claims = access.verify(&access_token).await.unwrap();
    assert_eq!(
        (claims.username(), claims.groups().collect()),
        (Some("alex"), vec!["developers"])
    );
    assert!(claims.scopes().eq(["openid", "email", "profile"]));

    let claims = id.verify(&id_token).await.unwrap();
    assert_eq!(
        (claims.username(), claims.name()),
        ("alex", Some("Alex Morgan"))
    );
    assert_eq!(
        (claims.email(), claims.email_verified()),
        (Some("alex@example.com"), Some(true))
    );
    claims.check_nonce("n").unwrap();
    assert!(
        claims.at_hash().is_some(),
        "Cognito sends at_hash after a sign-in in the browser"
    );
    claims.check_at_hash(&access_token).unwrap();
    assert_eq!(
        claims.check_at_hash(&id_token),
        Err(VerifyError::WrongAtHash)
    );

    assert_eq!(
        access.verify(&id_token).await.unwrap_err().code(),
        "wrong_token_use"
    );
    assert_eq!(
        id.verify(&access_token).await.unwrap_err().code(),
        "wrong_token_use"
    );
    let later = access.with_clock(Arc::new(Later(Duration::from_secs(3601))));
    assert_eq!(
        later.verify(&access_token).await.unwrap_err().code(),
        "expired"
    );
}
