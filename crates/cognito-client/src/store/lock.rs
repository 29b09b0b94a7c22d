//! Locks between processes: one file for each key, locked by the operating system.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};

use super::{StoreError, StoreLock};

/// The folder the lock files are in. They are never deleted: a process that still waits at a deleted
/// file and one that makes it anew would both have the lock.
#[derive(Clone, Debug)]
pub(crate) struct LockFiles(Option<PathBuf>);

impl LockFiles {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    pub(crate) fn lock(&self, key: &str) -> Result<StoreLock, StoreError> {
        let file = self.open(key).map_err(|error| {
            tracing::warn!(%error, "the session's lock file cannot be opened");
            StoreError::NoLock
        })?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(StoreLock::new(file)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::warn!(%error, "the session's lock file cannot be locked");
                    return Err(StoreError::NoLock);
                }
            }
        }
    }

    /// Tells the other processes that what is kept under `key` may have changed.
    pub(crate) fn count(&self, key: &str) {
        let next = self.revision(key).wrapping_add(1);
        let counted = self.open(Self::counter(key).as_str()).and_then(|mut file| {
            file.rewind()?;
            file.write_all(&next.to_le_bytes())
        });
        if let Err(error) = counted {
            // They will notice at their next renewal.
            tracing::debug!(%error, "other programs are not told of a change");
        }
    }

    pub(crate) fn revision(&self, key: &str) -> u64 {
        let mut count = [0; 8];
        let read = self
            .path(&Self::counter(key))
            .and_then(|path| File::open(path).ok())
            .and_then(|mut file| file.read_exact(&mut count).ok());
        read.map_or(0, |()| u64::from_le_bytes(count))
    }

    /// A file of its own: Windows lets nobody read a file that another process has locked.
    fn counter(key: &str) -> String {
        format!("{key}, counter")
    }

    /// Named by a digest, because a key holds characters that file names must not.
    fn path(&self, key: &str) -> Option<PathBuf> {
        let digest = digest(&SHA256, key.as_bytes());
        let name: String = digest.as_ref()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(self.0.as_ref()?.join("locks").join(name))
    }

    fn open(&self, key: &str) -> std::io::Result<File> {
        let path = self.path(key).ok_or(ErrorKind::NotFound)?;
        if let Some(folder) = path.parent() {
            create_dir_all(folder)?;
        }
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
    }
}
