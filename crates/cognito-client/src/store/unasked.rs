//! Reads and writes that never make the system ask the person for a password.

use super::{Secret, StoreError};

/// A connection to the keychain for such reads, where the system has them.
#[derive(Default)]
pub(crate) struct Unasked {
    #[cfg(all(unix, not(target_os = "macos")))]
    connection: std::sync::Mutex<Option<secret_service::blocking::SecretService<'static>>>,
}

#[cfg(all(unix, not(target_os = "macos")))]
impl Unasked {
    /// Reads an item as [`keyring_core`]'s stores name it; searching for it there unlocks it first.
    pub(crate) fn read(
        &self,
        service: &str,
        item: &str,
    ) -> Option<Result<Option<Secret>, StoreError>> {
        Some(self.found(service, item))
    }

    fn found(&self, service: &str, item: &str) -> Result<Option<Secret>, StoreError> {
        let attributes = [("service", service), ("username", item)].into();
        self.with(|connection| {
            let found = connection.search_items(attributes)?;
            if !found.locked.is_empty() {
                return Err(secret_service::Error::Locked);
            }
            let secret = found.unlocked.first().map(|item| item.get_secret());
            Ok(secret.transpose()?.map(Secret::new))
        })
    }

    /// Whether something can be put there, or taken away: [`keyring_core`]'s stores unlock it first.
    pub(crate) fn check_unlocked(&self) -> Result<(), StoreError> {
        self.with(|connection| connection.get_default_collection()?.ensure_unlocked())
    }

    fn with<T>(
        &self,
        ask: impl FnOnce(
            &secret_service::blocking::SecretService<'static>,
        ) -> Result<T, secret_service::Error>,
    ) -> Result<T, StoreError> {
        use secret_service::{EncryptionType, Error, blocking::SecretService};

        let connection = self.connection.lock();
        let mut connection = connection.unwrap_or_else(std::sync::PoisonError::into_inner);
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => {
                let made = SecretService::connect(EncryptionType::Dh);
                none.insert(made.map_err(|_| StoreError::Absent)?)
            }
        };
        ask(connection).map_err(|error| match error {
            Error::Locked => StoreError::Locked,
            Error::Unavailable | Error::NoResult => StoreError::Absent,
            _ => StoreError::Failed,
        })
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
impl Unasked {
    pub(crate) fn read(&self, _: &str, _: &str) -> Option<Result<Option<Secret>, StoreError>> {
        None
    }

    pub(crate) fn check_unlocked(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl std::fmt::Debug for Unasked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unasked")
    }
}
