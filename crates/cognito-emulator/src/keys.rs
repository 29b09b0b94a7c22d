//! The pool's two RSA-2048 keys: one signs ID tokens, the other access tokens.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, KeyPair, RsaKeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::{
    sync::{OnceCell, watch},
    task::spawn_blocking,
};

use crate::random;

pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pair: RsaKeyPair,
}

impl SigningKey {
    fn generate() -> Self {
        Self {
            // Standard base64 of 32 bytes: 44 characters, `+` and `/` included, as Cognito's.
            kid: BASE64_STANDARD.encode(random::bytes::<32>()),
            pair: RsaKeyPair::generate(KeySize::Rsa2048)
                .expect("RSA key generation fails only without entropy"),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .expect("the buffer is as long as the modulus");
        signature
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(
            &signature::RSA_PKCS1_2048_8192_SHA256,
            self.pair.public_key().as_ref(),
        )
        .verify(message, signature)
        .is_ok()
    }

    pub(crate) fn jwk(&self) -> Value {
        // RFC 8017 A.1.1: SEQUENCE { INTEGER n, INTEGER e }. For a 2048-bit n: 4 octets of SEQUENCE header,
        // 4 of INTEGER header, one zero octet for the sign, 256 of n; e is always 65537 here.
        let n = &self.pair.public_key().as_ref()[9..265];
        json!({
            "alg": "RS256", "e": "AQAB", "kid": self.kid, "kty": "RSA",
            "n": BASE64_URL_SAFE_NO_PAD.encode(n), "use": "sig",
        })
    }
}

pub(crate) struct KeyPairs {
    pub(crate) id: SigningKey,
    pub(crate) access: SigningKey,
}

impl KeyPairs {
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.id.jwk(), self.access.jwk()] })
    }

    pub(crate) fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        [&self.id, &self.access]
            .into_iter()
            .find(|key| key.kid == kid)
    }
}

/// The current keys, generated on threads of their own: requests that need them wait, the start does not.
pub(crate) struct Keys {
    current: Arc<watch::Sender<Option<Arc<KeyPairs>>>>,
    generation: Arc<AtomicU64>,
    /// The identity pool's own, which few ask for.
    identity: Arc<OnceCell<Arc<SigningKey>>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    pub(crate) fn generate() -> Self {
        let keys = Self {
            current: Arc::new(watch::Sender::new(None)),
            generation: Arc::default(),
            identity: Arc::default(),
        };
        keys.rotate();
        keys
    }

    pub(crate) fn rotate(&self) {
        let mine = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        self.current.send_replace(None);
        let (current, generation) = (Arc::clone(&self.current), Arc::clone(&self.generation));
        thread::spawn(move || {
            let id = thread::spawn(SigningKey::generate);
            let access = SigningKey::generate();
            let id = id.join().expect("key generation does not panic");
            current.send_if_modified(|slot| {
                // A later rotation has taken over.
                let newest = generation.load(Ordering::SeqCst) == mine;
                if newest {
                    *slot = Some(Arc::new(KeyPairs { id, access }));
                }
                newest
            });
        });
    }

    /// What signs the identity pool's tokens for STS.
    pub(crate) async fn identity(&self) -> Arc<SigningKey> {
        let generate = || async {
            let generated = spawn_blocking(SigningKey::generate).await;
            Arc::new(generated.expect("key generation does not panic"))
        };
        Arc::clone(self.identity.get_or_init(generate).await)
    }

    pub(crate) async fn current(&self) -> Arc<KeyPairs> {
        let mut current = self.current.subscribe();
        let ready = current
            .wait_for(Option::is_some)
            .await
            .expect("the sender lives as long as self");
        Arc::clone(ready.as_ref().expect("waited for it"))
    }
}
