//! Files of this computer: where a download may go, and how it gets there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fs4::FileExt as _;
use tempfile::TempPath;

use super::TransferId;
use super::journal::Source;
use crate::files::{FileError, LocalCause};

/// A file that is being written, beside the place it will have.
#[derive(Clone, Debug)]
pub(super) struct Unfinished {
    pub(super) path: PathBuf,
    file: Arc<File>,
    /// Systems let one write to a file at a time, and have the others spin.
    writing: Arc<Mutex<()>>,
}

/// Why a file could not be put in its place.
pub(super) enum NotPlaced {
    /// Something is there.
    Exists,
    Failed(FileError),
}

impl Unfinished {
    /// `.NAME.ID.keyfob-part`.
    pub(super) fn create(place: &Path, id: TransferId) -> Result<Self, FileError> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let name = &name[..name.floor_char_boundary(180)];
        let mut number = 0;
        loop {
            let path = place.with_file_name(format!(".{name}.{:x}{number:x}.keyfob-part", id.0));
            let failed = |error: io::Error| FileError::local(&path, &error);
            // Nothing that is there is opened: no file of another's, and no link.
            let file = match OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)
            {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 16 => {
                    number += 1;
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            return Ok(Self {
                path,
                file: Arc::new(file),
                writing: Arc::default(),
            });
        }
    }

    /// Takes room on the disk for all of it, so that the disk being full is told at once; or throws the file away.
    pub(super) fn reserve(&self, size: u64) -> Result<(), FileError> {
        // A file system that cannot reserve room says so.
        let reserved = self.file.allocate(size);
        let reserved = reserved.and_then(|()| self.file.set_len(size));
        let reserved = reserved.or_else(|error| match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Err(error),
            _ => self.file.set_len(size),
        });
        reserved.map_err(|error| {
            let _ = fs::remove_file(&self.path);
            FileError::local(&self.path, &error)
        })
    }

    /// One of an earlier run, if it is still there and a file of that length.
    pub(super) fn reopen(path: &Path, size: u64) -> Option<Self> {
        let is_file = fs::symlink_metadata(path).ok()?.is_file();
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        let as_long = file.metadata().ok()?.len() == size;
        (is_file && as_long).then(|| Self {
            path: path.to_owned(),
            file: Arc::new(file),
            writing: Arc::default(),
        })
    }

    /// Pieces that follow each other, from `offset` on.
    pub(super) fn write_at(&self, pieces: &[Bytes], mut offset: u64) -> Result<(), FileError> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in pieces {
            self.write_piece(piece, offset)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    fn write_piece(&self, mut bytes: &[u8], mut offset: u64) -> Result<(), FileError> {
        while !bytes.is_empty() {
            match write_some_at(&self.file, bytes, offset) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::local(&self.path, &error)),
            }
        }
        Ok(())
    }

    /// Gives it its name. Never over something else, unless that is to be replaced.
    pub(super) fn finish(&self, place: &Path, replace: bool, url: &str) -> Result<(), NotPlaced> {
        let failed = |error: &io::Error| NotPlaced::Failed(FileError::local(place, error));
        mark(&self.path, url);
        if replace {
            // A folder is never replaced by a file; a link is, and not what it leads to.
            match fs::symlink_metadata(place) {
                Ok(there) if there.is_dir() => return Err(NotPlaced::Exists),
                // Of the two, the disk always has one whole.
                Ok(_) => self.file.sync_data().map_err(|error| failed(&error))?,
                Err(_) => {}
            }
            return fs::rename(&self.path, place).map_err(|error| failed(&error));
        }
        let unfinished = TempPath::try_from_path(&self.path).map_err(|error| failed(&error))?;
        unfinished.persist_noclobber(place).map_err(|error| {
            let kept = error.path.keep();
            match error.error.kind() {
                io::ErrorKind::AlreadyExists => NotPlaced::Exists,
                _ => failed(&kept.err().map_or(error.error, |kept| kept.error)),
            }
        })
    }

    /// Has a finished one put onto the disk; whether that could be done. What the person has put elsewhere is theirs.
    pub(super) fn settle(place: &Path) -> Result<bool, FileError> {
        // Windows flushes only what may be written.
        match OpenOptions::new()
            .read(true)
            .write(cfg!(windows))
            .open(place)
        {
            Ok(file) => match file.sync_data() {
                Ok(()) => Ok(true),
                Err(error) => Err(FileError::local(place, &error)),
            },
            Err(error) => Ok(error.kind() == io::ErrorKind::NotFound),
        }
    }

    /// One that is not there is no error.
    pub(super) fn discard(path: &Path) -> Result<(), FileError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::local(path, &error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(unix)]
fn write_some_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_some_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

#[cfg(unix)]
fn read_some_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// These bytes of a file; less only where it ends.
pub(super) fn read_at(path: &Path, offset: u64, length: usize) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| FileError::local(path, &error);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match read_some_at(&file, &mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// The path without links, so that none can be changed under way.
pub(super) fn real(path: &Path) -> Result<PathBuf, FileError> {
    fs::canonicalize(path).map_err(|error| FileError::local(path, &error))
}

/// What a file is now.
pub(super) fn source(path: &Path) -> Result<Source, FileError> {
    let there = fs::metadata(path).map_err(|error| FileError::local(path, &error))?;
    Ok(Source {
        size: there.len(),
        modified: there.modified().ok(),
    })
}

/// The folder of a place below `root`, made where it is missing. No part of it may be a link, nor may `root` have become
/// one: whoever put it there would have the file written somewhere else.
pub(super) fn make_folder(root: &Path, below: &Path) -> Result<PathBuf, FileError> {
    let link = |path: &Path| FileError::Local {
        path: path.to_owned(),
        cause: LocalCause::Link,
    };
    let is_folder = |path: &Path| match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(link(path)),
        Err(error) => Err(FileError::local(path, &error)),
    };
    let mut folder = root.to_owned();
    is_folder(&folder)?;
    for part in below.components() {
        let Component::Normal(part) = part else {
            return Err(link(below));
        };
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(FileError::local(&folder, &error));
            }
            _ => is_folder(&folder)?,
        }
    }
    Ok(folder)
}

/// Tells the system that the file is from elsewhere, as browsers do, so that it asks before it opens what could do
/// harm. `url` must have no query. Where a file system keeps no such marks there is none.
fn mark(path: &Path, url: &str) {
    if let Err(error) = set_mark(path, url) {
        tracing::debug!(%error, "a download is not marked as one");
    }
}

/// freedesktop.org, "Common Extended Attributes".
#[cfg(not(any(target_os = "macos", windows)))]
fn set_mark(path: &Path, url: &str) -> io::Result<()> {
    xattr::set(path, "user.xdg.origin.url", url.as_bytes())
}

/// Flags (0x0001: from elsewhere, 0x0080: nobody has agreed to open it), time, program: what Launch Services writes.
#[cfg(target_os = "macos")]
fn set_mark(path: &Path, _: &str) -> io::Result<()> {
    let modified = fs::metadata(path)?.modified()?;
    let since = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let value = format!("0081;{:x};Keyfob;", since.as_secs());
    xattr::set(path, "com.apple.quarantine", value.as_bytes())
}

/// The alternate stream `Zone.Identifier`; zone 3 is the Internet ([MS-FSCC], section 5.6.1).
#[cfg(windows)]
fn set_mark(path: &Path, url: &str) -> io::Result<()> {
    let mut stream = path.as_os_str().to_owned();
    stream.push(":Zone.Identifier");
    fs::write(
        stream,
        format!("[ZoneTransfer]\r\nZoneId=3\r\nHostUrl={url}\r\n"),
    )
}
