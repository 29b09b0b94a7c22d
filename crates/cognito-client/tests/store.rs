//! One contract for every store, the real Secret Service (or Keychain, or Credential Manager) included.

#![allow(clippy::unwrap_used)]

use cognito_client::{KeyringStore, MemoryStore, TokenStore};

/// As large as a session's tokens become, and larger than one Windows credential.
fn secret(fill: u8, length: usize) -> Vec<u8> {
    (0..length).map(|i| fill ^ (i % 251) as u8).collect()
}

fn contract(store: &dyn TokenStore) {
    let (key, other) = (
        "client at https://issuer.example/pool",
        "other at https://issuer.example/pool",
    );
    store.delete(key).unwrap();
    store.delete(other).unwrap();
    assert!(store.load(key).unwrap().is_none());

    store.save(other, b"untouched").unwrap();
    for length in [0, 1, 2_559, 2_560, 2_561, 6_144, 5_000, 20_000, 10] {
        let secret = secret(7, length);
        store.save(key, &secret).unwrap();
        assert_eq!(*store.load(key).unwrap().unwrap(), secret, "{length}");
    }
    store.delete(key).unwrap();
    store.delete(key).unwrap();
    assert!(store.load(key).unwrap().is_none());
    assert_eq!(**store.load(other).unwrap().unwrap(), *b"untouched");
    store.delete(other).unwrap();
}

#[test]
fn memory() {
    contract(&MemoryStore::new());
}

#[test]
fn keychain() {
    contract(&KeyringStore::new("dev.keyfob.test"));
}
