//! Where a session's tokens are kept between runs.

mod keyring;
mod memory;
mod split;

pub use keyring::KeyringStore;
pub use memory::MemoryStore;

use zeroize::Zeroizing;

/// What is kept: the serialised tokens of a session, or of a sign-in that is waiting for its answer.
/// Overwritten in memory when dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// Keeps one [`Secret`] under each key.
///
/// Blocking, because keychains are: a [`Session`](crate::Session) calls it off the async threads, and
/// stops waiting after a time. An implementation replaces a secret atomically: whoever loads, whenever,
/// gets one that was saved as a whole.
pub trait TokenStore: Send + Sync + 'static {
    /// The secret kept under `key`, or `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot tell.
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError>;

    /// Keeps `secret` under `key` in place of what is there.
    ///
    /// # Errors
    /// [`StoreError`] when it is not kept; what was there before still is.
    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError>;

    /// Forgets what is kept under `key`, if anything is.
    ///
    /// # Errors
    /// [`StoreError`] when it may still be there.
    fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// Why a store cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The machine offers no keychain.
    #[error("this computer's keychain cannot be reached")]
    Absent,
    /// The keychain is locked, and was not unlocked.
    #[error("this computer's keychain is locked")]
    Locked,
    /// The keychain did not answer in time; it may be waiting for its password.
    #[error("this computer's keychain did not answer")]
    TimedOut,
    /// What was written is not there when read back.
    #[error("this computer's keychain did not keep what was saved")]
    NotKept,
    /// What is there was not written by Keyfob, or is damaged.
    #[error("what is kept in this computer's keychain is damaged")]
    Damaged,
    /// The keychain refuses the amount of data.
    #[error("this computer's keychain has no room for the session")]
    Full,
    /// The keychain failed for a reason of its own.
    #[error("this computer's keychain failed")]
    Failed,
}

impl StoreError {
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Absent | Self::NotKept => {
                if cfg!(target_os = "linux") {
                    "Start a Secret Service such as GNOME Keyring or KWallet with a default (login) keyring, then start Keyfob again. Nothing is ever written to a plain file instead."
                } else {
                    "Check that you are logged in to this computer with your own account, then start Keyfob again. Nothing is ever written to a plain file instead."
                }
            }
            Self::Locked | Self::TimedOut => {
                if cfg!(target_os = "linux") {
                    "Unlock your login keyring, or create one and make it the default, then try again."
                } else {
                    "Unlock the keychain, then try again."
                }
            }
            Self::Damaged => "Sign in again; that replaces it.",
            Self::Full | Self::Failed => {
                "Look at the keychain with the system's own program for passwords, then try again."
            }
        }
    }
}
