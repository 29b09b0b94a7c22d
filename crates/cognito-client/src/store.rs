//! Where a session's tokens are kept between runs.

mod keyring;
mod memory;
mod split;

pub use keyring::KeyringStore;
pub use memory::MemoryStore;

use crate::tokens::TokenSet;

/// Keeps one [`TokenSet`] under each key.
///
/// Blocking, because keychains are: a [`Session`](crate::Session) calls it off the async threads, and
/// stops waiting after a time. An implementation replaces a set atomically: whoever loads, whenever,
/// gets a set that was saved as a whole.
pub trait TokenStore: Send + Sync + 'static {
    /// The set kept under `key`, or `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot tell.
    fn load(&self, key: &str) -> Result<Option<TokenSet>, StoreError>;

    /// Keeps `tokens` under `key` in place of what is there.
    ///
    /// # Errors
    /// [`StoreError`] when they are not kept; what was there before still is.
    fn save(&self, key: &str, tokens: &TokenSet) -> Result<(), StoreError>;

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
                "Unlock the keychain (your login keyring's password), then try again."
            }
            Self::Damaged => "Sign in again; that replaces it.",
            Self::Full | Self::Failed => {
                "Look at the keychain with the system's own program for passwords, then try again."
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::tokens::{AccessToken, IdToken, RefreshToken, User};

    /// A set as large as Cognito's usually are (access 1,200, ID 1,480, refresh 1,730 bytes).
    pub(crate) fn token_set(username: &str) -> TokenSet {
        TokenSet {
            access: AccessToken::new(format!("access-{username}-{}", "a".repeat(1_200))),
            id: IdToken::new(format!("id-{username}-{}", "i".repeat(1_480))),
            refresh: RefreshToken::new(format!("refresh-{username}-{}", "r".repeat(1_730))),
            user: User {
                sub: "c6b9f5a2-0000-4000-8000-000000000001".into(),
                username: username.into(),
                name: Some("Alex Morgan".into()),
                email: None,
                groups: vec!["developers".into()],
                signed_in_at: 1_000,
                token_expires_at: 4_600,
                session_expires_at: 2_593_000,
            },
        }
    }
}
