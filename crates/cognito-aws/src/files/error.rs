//! What can go wrong with a file, here or in S3, apart from what can go wrong with any service.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file cannot be had, kept or changed. Each says what to do in [`Error::remedy`](crate::Error::remedy).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such object or folder.
    #[error("“{name}” is not there (any more)")]
    NotFound {
        /// Its path.
        name: String,
    },
    /// Something of that name is there already. It was not touched: replace it, keep both, or leave it?
    #[error("“{name}” is there already")]
    Exists {
        /// Its path.
        name: String,
    },
    /// It is no longer what it was when the work began.
    #[error("“{name}” was changed meanwhile")]
    Changed {
        /// Its path.
        name: String,
    },
    /// A name that cannot be used.
    #[error("the name “{name}” {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it, in words that follow the name.
        problem: &'static str,
    },
    /// What arrived is not what was sent.
    #[error("“{name}” was damaged on the way: its checksum does not match")]
    Damaged {
        /// Its path.
        name: String,
    },
    /// Larger than what can be done with it.
    #[error("“{name}” is larger than the {limit}")]
    TooLarge {
        /// Its path.
        name: String,
        /// The limit, in words that follow "larger than the".
        limit: &'static str,
    },
    /// The object is in an archive (S3 Glacier), from where it must be restored first.
    #[error("“{name}” is archived")]
    Archived {
        /// Its path.
        name: String,
    },
    /// This computer does not let it be read or written.
    #[error("{} {cause}", path.display())]
    Local {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        cause: LocalCause,
    },
}

/// What the operating system objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalCause {
    /// It is not there.
    NotFound,
    /// The person may not read or write it.
    Denied,
    /// The disk, or the person's share of it, is full.
    Full,
    /// The file system does not take files of this size.
    TooLarge,
    /// A link stands where a folder or a file is to be written, and leads elsewhere.
    Link,
    /// Anything else.
    Failed(io::ErrorKind),
}

impl FileError {
    /// Sorts the operating system's errors.
    pub(crate) fn local(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind;
        Self::Local {
            path: path.to_owned(),
            cause: match error.kind() {
                ErrorKind::NotFound => LocalCause::NotFound,
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => LocalCause::Denied,
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => LocalCause::Full,
                ErrorKind::FileTooLarge => LocalCause::TooLarge,
                kind => LocalCause::Failed(kind),
            },
        }
    }

    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::NotFound { .. } => {
                "Look at the folder again: somebody may have moved or deleted it.".into()
            }
            Self::Exists { .. } => {
                "Replace it, keep both under different names, or leave it as it is.".into()
            }
            Self::Changed { .. } => "Try again when nobody is changing it.".into(),
            Self::Name { .. } => "Rename it and try again.".into(),
            Self::Damaged { .. } => {
                "Try again. If it keeps happening, the file must be uploaded again.".into()
            }
            Self::TooLarge { .. } => "Split it into smaller files.".into(),
            Self::Archived { .. } => {
                "Ask your administrator to restore it from the archive.".into()
            }
            Self::Local { cause, .. } => match cause {
                LocalCause::NotFound => "Choose another file or folder.",
                LocalCause::Denied => {
                    "Choose another folder, or get permission to read and write this one."
                }
                LocalCause::Full => {
                    "Make room on the disk, or choose another folder, and try again."
                }
                LocalCause::TooLarge => "Choose a folder on a disk that takes larger files.",
                LocalCause::Link => "Choose another folder, or remove the link.",
                LocalCause::Failed(_) => "Check the disk and try again.",
            }
            .into(),
        }
    }
}

impl fmt::Display for LocalCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "is not there",
            Self::Denied => "may not be read or written",
            Self::Full => "cannot be written: the disk is full",
            Self::TooLarge => "is too large for this disk",
            Self::Link => "is a link to somewhere else",
            Self::Failed(kind) => return write!(f, "cannot be read or written: {kind}"),
        })
    }
}
