//! The operating system's keychain.

use std::path::PathBuf;
use std::sync::Arc;

use keyring_core::{Entry, Error};

use super::lock::LockFiles;
use super::split::{self, Items};
use super::unasked::Unasked;
use super::{Secret, StoreError, StoreLock, TokenStore};

/// Keeps secrets in the OS keychain: Keychain on macOS, Credential Manager on Windows, the Secret
/// Service on Linux. Never in a file.
///
/// They are kept as bytes and not as text, which Windows would store as UTF-16 and so at twice the
/// length; there they are split over as many credentials as the limit of 2,560 bytes asks for
/// (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
///
/// Locks are files beside it, locked by the operating system, which frees them when their holder dies.
/// They hold a counter and nothing else.
#[derive(Clone, Debug)]
pub struct KeyringStore {
    service: String,
    locks: LockFiles,
    /// What reads in place of the keychain's own interface, where nobody may be asked anything.
    unasked: Option<Arc<Unasked>>,
}

impl KeyringStore {
    /// Items are kept under this service name, and lock files in the folder of that name within the
    /// user's local data folder. All programs that share a session must use the same name.
    pub fn new(service: impl Into<String>) -> Self {
        let service = service.into();
        Self {
            locks: LockFiles::new(dirs::data_local_dir().map(|data| data.join(&service))),
            service,
            unasked: None,
        }
    }

    /// Does not have the system ask the person for a password before something is read: a keychain that is
    /// locked is [`StoreError::Locked`]. For programs that run where nobody may be looking. Only the Secret
    /// Service can be asked so; on macOS the system may ask once whether this program may read.
    #[must_use]
    pub fn without_asking(mut self) -> Self {
        self.unasked = Some(Arc::default());
        self
    }

    /// Has its lock files in `folder`.
    #[must_use]
    pub fn with_lock_folder(mut self, folder: PathBuf) -> Self {
        self.locks = LockFiles::new(Some(folder));
        self
    }

    /// Where nobody may be asked for a password, it is not written past a lock.
    fn check_unlocked(&self) -> Result<(), StoreError> {
        let unasked = self.unasked.as_ref();
        unasked.map_or(Ok(()), |unasked| unasked.check_unlocked())
    }

    /// Does something with an item; with a new connection once more, where the keychain is a program
    /// that may have been started, or started again, since the last time.
    fn with_entry<T>(
        &self,
        item: &str,
        operation: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // What it says of the first try is of no use later.
        let _connected_once = keyring::Entry::store_status();
        let attempt = || Entry::new(&self.service, item).and_then(|entry| operation(&entry));
        match attempt() {
            Err(error @ (Error::NoDefaultStore | Error::PlatformFailure(_))) => {
                if connect_again() {
                    attempt()
                } else {
                    Err(error)
                }
            }
            done => done,
        }
    }
}

/// Whether there is a new connection to the Secret Service.
#[cfg(all(unix, not(target_os = "macos")))]
fn connect_again() -> bool {
    let store = zbus_secret_service_keyring_store::Store::new();
    store
        .map(|store| keyring_core::set_default_store(store))
        .is_ok()
}

/// The other systems' keychains are part of the system.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn connect_again() -> bool {
    false
}

impl TokenStore for KeyringStore {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        split::load(self, key)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        let saved = split::save(self, key, secret);
        self.locks.count(key);
        saved
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        let deleted = split::delete(self, key);
        self.locks.count(key);
        deleted
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        self.locks.lock(key)
    }

    fn revision(&self, key: &str) -> u64 {
        self.locks.revision(key)
    }
}

impl Items for KeyringStore {
    // The other systems hold far more than a session in one item, and macOS may ask the person once an item.
    const MAX_BYTES: usize = if cfg!(windows) { 2_560 } else { 256 * 1024 };

    fn read(&self, item: &str) -> Result<Option<Secret>, StoreError> {
        let unasked = self.unasked.as_ref();
        if let Some(read) = unasked.and_then(|unasked| unasked.read(&self.service, item)) {
            return read;
        }
        match self.with_entry(item, Entry::get_secret) {
            Ok(secret) => Ok(Some(Secret::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(store_error(&error)),
        }
    }

    fn write(&self, item: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.check_unlocked()?;
        self.with_entry(item, |entry| entry.set_secret(secret))
            .map_err(|error| store_error(&error))
    }

    fn delete(&self, item: &str) -> Result<(), StoreError> {
        self.check_unlocked()?;
        match self.with_entry(item, Entry::delete_credential) {
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
