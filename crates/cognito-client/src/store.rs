//! Where a session's tokens are kept between runs.

mod keyring;
mod lock;
mod memory;
mod split;
mod unasked;

pub use keyring::KeyringStore;
pub use memory::MemoryStore;

use std::fmt;

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

    /// Waits until nobody else, in any process that shares this store, has the lock of `key`, and takes
    /// it. It is free again when the [`StoreLock`] is dropped, and when its holder dies in any way.
    ///
    /// Whoever replaces tokens does so under it: refresh tokens that are replaced by their use would
    /// otherwise be used twice, which ends the session. Loading needs no lock.
    ///
    /// # Errors
    /// [`StoreError`] when there is no telling whether anybody else has it.
    fn lock(&self, key: &str) -> Result<StoreLock, StoreError>;

    /// A number that changes whenever what is kept under `key` is saved or deleted through this kind of
    /// store, by any process; cheap enough to be asked every few seconds. A store that cannot tell says
    /// always the same, as this default does; changes are then noticed at the next renewal.
    fn revision(&self, _key: &str) -> u64 {
        0
    }
}

/// The right to replace what is kept under one key, until dropped.
pub struct StoreLock(
    #[expect(dead_code, reason = "it is there to be dropped")] Box<dyn Send + Sync>,
);

impl StoreLock {
    /// A lock that is released by dropping `held`.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self(Box::new(held))
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock")
    }
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
    /// Another program has held the session's lock for too long.
    #[error("another program has been renewing the session for too long")]
    Busy,
    /// The lock that keeps programs out of each other's way cannot be had.
    #[error("the lock file that guards the session cannot be used")]
    NoLock,
}

impl StoreError {
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Absent | Self::NotKept => {
                if cfg!(target_os = "linux") {
                    "Start a Secret Service such as GNOME Keyring or KWallet with a default (login) keyring, then try again. Nothing is ever written to a plain file instead."
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
            Self::Busy => {
                "Wait a moment and try again. If it stays so, end the other programs that use Keyfob's session."
            }
            Self::NoLock => {
                if cfg!(windows) {
                    "Make sure that you may write to your local application data folder (%LOCALAPPDATA%), then try again."
                } else if cfg!(target_os = "macos") {
                    "Make sure that you may write to ~/Library/Application Support, then try again."
                } else {
                    "Make sure that you may write to your data folder (~/.local/share, or $XDG_DATA_HOME) and that it is on a file system with locks, then try again."
                }
            }
        }
    }
}
