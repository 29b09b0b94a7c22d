//! The operating system's keychain.

use keyring::{Entry, Error};

use super::split::{self, Items};
use super::{Secret, StoreError, TokenStore};

/// Keeps secrets in the OS keychain: Keychain on macOS, Credential Manager on Windows, the Secret
/// Service on Linux. Never in a file.
///
/// They are kept as bytes and not as text, which Windows would store as UTF-16 and so at twice the
/// length; there they are split over as many credentials as the limit of 2,560 bytes asks for
/// (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
#[derive(Clone, Debug)]
pub struct KeyringStore {
    service: String,
}

impl KeyringStore {
    /// Items are kept under this service name.
    pub fn new(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
        }
    }

    fn entry(&self, item: &str) -> Result<Entry, StoreError> {
        Entry::new(&self.service, item).map_err(|error| store_error(&error))
    }
}

impl TokenStore for KeyringStore {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        split::load(self, key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        split::save(self, key, secret)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        split::delete(self, key)
    }
}

impl Items for KeyringStore {
    // The other systems hold far more than a session in one item, and macOS may ask the person once an item.
    const MAX_BYTES: usize = if cfg!(windows) { 2_560 } else { 256 * 1024 };

    fn read(&self, item: &str) -> Result<Option<Secret>, StoreError> {
        match self.entry(item)?.get_secret() {
            Ok(secret) => Ok(Some(Secret::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(store_error(&error)),
        }
    }

    fn write(&self, item: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.entry(item)?
            .set_secret(secret)
            .map_err(|error| store_error(&error))
    }

    fn delete(&self, item: &str) -> Result<(), StoreError> {
        match self.entry(item)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(store_error(&error)),
        }
    }
}

/// What the keychain's own words mean for the person. They are left out of ours, because some of them
/// carry attribute values or the secret.
fn store_error(error: &Error) -> StoreError {
    match error {
        Error::NoDefaultStore => StoreError::Absent,
        Error::NoStorageAccess(_) => StoreError::Locked,
        Error::TooLong(..) => StoreError::Full,
        Error::BadEncoding(_) | Error::BadDataFormat(..) => StoreError::Damaged,
        _ => StoreError::Failed,
    }
}
