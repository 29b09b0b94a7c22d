//! Where the agent listens: a place that only the person themself can reach.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use system::{Connection, Listening};

/// The folder an agent is found by: of one person, who alone may enter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// The person's own: `keyfob` in the runtime folder (`$XDG_RUNTIME_DIR`, XDG Base Directory
    /// Specification), which ends with their log-in; where the system has none, `agent` in the app's data
    /// folder. `None` for a user without folders.
    pub fn of_user() -> Option<Self> {
        let folder = match dirs::runtime_dir() {
            Some(runtime) => runtime.join("keyfob"),
            None => dirs::data_local_dir()?
                .join(crate::IDENTIFIER)
                .join("agent"),
        };
        Some(Self::within(folder))
    }

    /// This folder, made when it is needed.
    pub fn within(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The right to listen here, which one process has at a time, until it is dropped. `None` while another
    /// has it.
    pub(crate) fn claim(&self) -> io::Result<Option<File>> {
        system::make_private(&self.folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Listens; whatever a former owner of the claim has left is replaced.
    pub(crate) fn listen(&self) -> io::Result<Listening> {
        system::listen(&self.folder)
    }

    /// Connects to whoever listens, until then where the system knows time-outs.
    pub(crate) fn connect(&self, until: Instant) -> io::Result<Connection> {
        system::connect(&self.folder, until)
    }
}

/// Removes what a crash has left; nothing there is as good.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
