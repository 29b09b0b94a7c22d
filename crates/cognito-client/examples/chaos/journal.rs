//! What a process says of itself while it works, so that it is known even of one that is killed.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use cognito_client::{KeyringStore, Secret, StoreError, StoreLock, TokenStore};
use cognito_emulator::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::micros;

/// Not the app's.
const SERVICE: &str = "dev.keyfob.chaos";
/// How the emulator's refresh tokens begin, as Cognito's do.
const REFRESH_TOKEN: &[u8] = b"eyJjdHkiOiJKV1QiLCJlbmMi";

/// One line of a worker's standard output. Refresh tokens are named by fingerprint.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Event {
    /// The tokens are about to be kept: from here on they may be.
    Saving { user: usize, token: String },
    /// They are kept.
    Kept { user: usize, token: String },
    /// What the store was found to have.
    Found { user: usize, token: Option<String> },
    /// What the store has is about to be deleted.
    Deleting { user: usize },
    /// The session said that the person must sign in.
    Ended {
        user: usize,
        /// What it can have been about.
        known: Vec<Known>,
        said: String,
    },
    /// A token, or the API's answer, was another person's.
    WrongUser { user: usize, what: String },
    /// An error that is neither of the network nor a sign-in.
    Odd { user: usize, error: String },
    /// What was done since the last line of this kind.
    Done(Tally),
    /// Everything was well at the end, or what was not.
    Settled {
        user: usize,
        problem: Option<String>,
    },
    /// The answer to a ping: all that came before it has been read.
    Pong(u64),
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tally {
    /// Tokens handed out.
    pub(crate) handed: u64,
    /// Times a task said that its token was refused, or found that the API had refused it.
    pub(crate) asked: u64,
    /// Calls of the API that were answered with the person's own record.
    pub(crate) api: u64,
    /// Calls that ended with a passing error.
    pub(crate) passing: u64,
    /// Calls that were given up in the middle.
    pub(crate) cancelled: u64,
    /// Sessions taken up anew from the store.
    pub(crate) restored: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.handed += other.handed;
        self.asked += other.asked;
        self.api += other.api;
        self.passing += other.passing;
        self.cancelled += other.cancelled;
        self.restored += other.restored;
    }
}

/// When, and what.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub(crate) at: u64,
    pub(crate) event: Event,
}

pub(crate) type Tell = Arc<dyn Fn(Line) + Send + Sync>;

/// Tells the runner at the other end of standard output; without a runner there is nothing left to do.
pub(crate) fn to_runner(line: &Line) {
    let mut text = serde_json::to_vec(line).expect("plain data always serialises");
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    if out.write_all(&text).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// What the store had when a process looked into it or put it there: a refresh token, or nothing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Known {
    pub(crate) at: u64,
    pub(crate) token: Option<String>,
}

/// A session that says it has ended may have found out this long before it was asked, while another session of the same
/// process has found the next one since: in microseconds.
const RECENT: u64 = 5_000_000;
/// More than a process looks into the store in that time.
const REMEMBERED: usize = 1_024;

/// The system's keychain, which tells what it is used for.
pub(crate) struct Journaling {
    keychain: KeyringStore,
    user: usize,
    session_key: String,
    tell: Tell,
    seen: Mutex<VecDeque<Known>>,
    locks: bool,
}

impl Journaling {
    /// Without `locks`, processes meet each other as they would without this store's locks: then sessions are lost.
    pub(crate) fn new(user: usize, session_key: String, tell: Tell, locks: bool) -> Self {
        Self {
            keychain: KeyringStore::new(SERVICE),
            user,
            session_key,
            tell,
            seen: Mutex::default(),
            locks,
        }
    }

    /// What to say when the session says that it has ended, having been asked at that moment.
    pub(crate) fn ended(&self, said: String, asked_at: u64) -> Event {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = asked_at.saturating_sub(RECENT);
        let before = seen.iter().rev().find(|known| known.at < since);
        let recent = seen.iter().filter(|known| known.at >= since);
        Event::Ended {
            user: self.user,
            known: before.into_iter().chain(recent).cloned().collect(),
            said,
        }
    }

    fn tell(&self, at: u64, event: Event) {
        (self.tell)(Line { at, event });
    }

    fn saw(&self, at: u64, token: Option<&String>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == REMEMBERED {
            seen.pop_front();
        }
        let token = token.cloned();
        seen.push_back(Known { at, token });
    }
}

impl TokenStore for Journaling {
    fn load(&self, key: &str) -> Result<Option<Secret>, StoreError> {
        let at = micros();
        let found = self.keychain.load(key)?;
        if key == self.session_key {
            let token = found.as_ref().and_then(|secret| print(secret));
            self.saw(at, token.as_ref());
            let user = self.user;
            self.tell(at, Event::Found { user, token });
        }
        Ok(found)
    }

    fn save(&self, key: &str, secret: &[u8]) -> Result<(), StoreError> {
        let token = print(secret).filter(|_| key == self.session_key);
        let user = self.user;
        if let Some(token) = token.clone() {
            self.tell(micros(), Event::Saving { user, token });
        } else if key == self.session_key {
            // Tokens without a refresh token take the place of those with one.
            self.tell(micros(), Event::Deleting { user });
        }
        self.keychain.save(key, secret)?;
        if let Some(token) = token {
            let at = micros();
            self.saw(at, Some(&token));
            self.tell(at, Event::Kept { user, token });
        }
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        if key == self.session_key {
            let user = self.user;
            self.tell(micros(), Event::Deleting { user });
        }
        self.keychain.delete(key)
    }

    fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        if self.locks {
            self.keychain.lock(key)
        } else {
            Ok(StoreLock::new(()))
        }
    }

    fn revision(&self, key: &str) -> u64 {
        self.keychain.revision(key)
    }
}

/// The fingerprint of the refresh token in what a session keeps, wherever in it that is.
fn print(secret: &[u8]) -> Option<String> {
    let start = secret
        .windows(REFRESH_TOKEN.len())
        .position(|window| window == REFRESH_TOKEN)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let token = &secret[start..];
    let end = token
        .iter()
        .position(|byte| !is_part(byte))
        .unwrap_or(token.len());
    Some(Fingerprint::of(&token[..end]).to_string())
}

/// The keychain itself, without a journal.
pub(crate) fn keychain() -> KeyringStore {
    KeyringStore::new(SERVICE)
}

/// What a session keeps, as a token reply that a confused proxy could give to somebody else; without the refresh token.
pub(crate) fn reply_of(secret: &[u8]) -> Option<serde_json::Value> {
    let kept: serde_json::Value = serde_json::from_slice(secret).ok()?;
    let (access, id) = (kept["access"].as_str()?, kept["id"].as_str()?);
    Some(serde_json::json!({
        "access_token": access,
        "id_token": id,
        "token_type": "Bearer",
        "expires_in": 3600,
    }))
}
