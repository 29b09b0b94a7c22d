//! The person's files and their transfers. Of this computer's paths only names are in here.

use std::path::Path;

use cognito_aws::{Entry, EntryKind, Folder, OnConflict, Preview, Transfer, TransferKind};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{CommandError, unix_seconds};

/// So many of a transfer's conflicts and problems are told, and their number.
const TOLD: usize = 5;

/// A folder of the profile's; the page names it by its place in their list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileFolderView {
    /// What the person reads.
    pub title: String,
    /// The bucket.
    pub bucket: String,
    /// Whether it is the person's own; others are shared.
    pub personal: bool,
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    /// Its path in the profile's folder, ending in `/` for a folder.
    pub path: String,
    /// In bytes; 0 for a folder.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<u64>,
    /// Whether it must be restored from an archive before it can be read.
    pub archived: bool,
}

/// What S3 gave at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FilesPageView {
    /// In the order of their keys.
    pub files: Vec<FileView>,
    /// How many objects a search has looked at so far.
    pub looked_at: u64,
}

/// How a listing has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ListedView {
    /// Whether everything was looked at.
    pub complete: bool,
    /// How many pages were told: the last may still be on their way.
    pub pages: u32,
}

/// What to do where something of the name is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Conflict {
    /// Touch nothing and ask.
    Ask,
    /// Replace it.
    Replace,
    /// Give the new one another name.
    KeepBoth,
    /// Leave out the new one.
    Skip,
}

/// How far a move or a deletion has come, in objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ProgressView {
    /// So many are done.
    pub done: u64,
    /// Of so many known of.
    pub total: u64,
}

/// What a deletion did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeletedView {
    /// So many objects are gone from view.
    pub objects: u64,
    /// By what it can be taken back, until the next deletion; nothing, where it cannot.
    pub undo: Option<u32>,
    /// Why there is more that was to be deleted and is not.
    pub problem: Option<CommandError>,
}

/// What can be shown of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum FilePreviewView {
    /// The beginning of a text.
    Text {
        /// Its words.
        text: String,
        /// Whether that is all of it.
        complete: bool,
    },
    /// A picture.
    Picture {
        /// All of it, as a `data:` URL.
        url: String,
    },
    /// Neither.
    None,
    /// A picture of more than 10 MB.
    TooLarge,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as in `cognito_aws::TransferKind`")]
pub enum Way {
    Upload,
    Download,
}

/// A transfer as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TransferView {
    /// Which one.
    pub id: u64,
    /// Which way.
    pub way: Way,
    /// What is transferred.
    pub name: String,
    /// The name of the folder it goes to.
    pub to: String,
    /// How it is.
    pub state: TransferStateView,
    /// Bytes that have arrived.
    pub bytes_done: u64,
    /// Bytes there are, as far as known.
    pub bytes_total: u64,
    /// Files that have arrived.
    pub files_done: u64,
    /// Files there are, as far as known.
    pub files_total: u64,
    /// Bytes a second.
    pub rate: Option<u64>,
    /// How long it will still take at that rate.
    pub seconds_left: Option<u64>,
    /// The first files whose place is taken.
    pub conflicts: Vec<String>,
    /// The first of what could not be transferred though the rest was.
    pub problems: Vec<TransferProblemView>,
    /// How many more there are of both.
    pub more: u64,
}

/// A file that could not be transferred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct TransferProblemView {
    /// Its path below the transfer's.
    pub path: String,
    /// Why not.
    pub error: CommandError,
}

/// How a transfer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[allow(missing_docs, reason = "as in `cognito_aws::TransferState`")]
pub enum TransferStateView {
    Queued,
    Running,
    Paused,
    Asking,
    Failed { error: CommandError },
    Done,
    Cancelled,
}

/// Where what is dropped onto the window goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum DropTarget {
    /// Nowhere.
    #[default]
    Nothing,
    /// It is a profile to be read.
    Profile,
    /// It is to be uploaded.
    Files {
        /// The profile's folder, by its place in their list.
        folder: usize,
        /// The folder in it.
        path: String,
    },
}

/// What is dragged over the window and dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum DropView {
    /// Files are over the window.
    Over,
    /// They are not any more.
    Left,
    /// A file was read as a profile's text.
    Profile {
        /// Its name.
        name: String,
        /// Its words.
        text: String,
    },
    /// They are being uploaded.
    Uploading {
        /// So many files and folders.
        count: usize,
    },
    /// They could not be taken.
    Refused {
        /// Why not.
        error: CommandError,
    },
}

impl From<Folder> for FileFolderView {
    fn from(folder: Folder) -> Self {
        Self {
            title: folder.title,
            bucket: folder.bucket,
            personal: folder.personal,
        }
    }
}

impl From<Entry> for FileView {
    fn from(entry: Entry) -> Self {
        let size = entry.size();
        let (modified, archived) = match entry.kind {
            EntryKind::File {
                modified, archived, ..
            } => (modified.map(unix_seconds), archived),
            EntryKind::Folder => (None, false),
        };
        Self {
            path: entry.path,
            size,
            modified,
            archived,
        }
    }
}

impl From<Conflict> for OnConflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Ask => Self::Ask,
            Conflict::Replace => Self::Replace,
            Conflict::KeepBoth => Self::KeepBoth,
            Conflict::Skip => Self::Skip,
        }
    }
}

impl From<cognito_aws::Progress> for ProgressView {
    fn from(progress: cognito_aws::Progress) -> Self {
        Self {
            done: progress.done,
            total: progress.total,
        }
    }
}

impl From<Preview> for FilePreviewView {
    fn from(preview: Preview) -> Self {
        use base64::Engine as _;
        match preview {
            Preview::Text { text, complete } => Self::Text { text, complete },
            Preview::Picture { media_type, bytes } => {
                let bytes = base64::engine::general_purpose::STANDARD.encode(bytes);
                Self::Picture {
                    url: format!("data:{media_type};base64,{bytes}"),
                }
            }
            Preview::None => Self::None,
            Preview::TooLarge => Self::TooLarge,
        }
    }
}

impl From<cognito_aws::TransferState> for TransferStateView {
    fn from(state: cognito_aws::TransferState) -> Self {
        use cognito_aws::TransferState as State;
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Paused => Self::Paused,
            State::Asking => Self::Asking,
            State::Failed(error) => Self::Failed {
                error: error.into(),
            },
            State::Done => Self::Done,
            State::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Transfer> for TransferView {
    fn from(transfer: Transfer) -> Self {
        let remote = transfer.path.strip_suffix('/').unwrap_or(&transfer.path);
        let (above, last) = remote.rsplit_once('/').unwrap_or(("", remote));
        let title = &transfer.folder.title;
        let (way, name, to) = match transfer.kind {
            TransferKind::Upload => {
                let to = above.rsplit_once('/').map_or(above, |(_, to)| to);
                let to = if to.is_empty() { title } else { to };
                (Way::Upload, last, to.to_owned())
            }
            TransferKind::Download => {
                let name = if last.is_empty() { title } else { last };
                (Way::Download, name, shown(&transfer.local))
            }
        };
        let more = transfer.conflicts.len().saturating_sub(TOLD)
            + transfer.problems.len().saturating_sub(TOLD);
        let problem = |(path, error)| TransferProblemView {
            path,
            error: CommandError::from(error),
        };
        Self {
            id: transfer.id.0,
            way,
            name: name.to_owned(),
            to,
            state: transfer.state.into(),
            bytes_done: transfer.bytes_done,
            bytes_total: transfer.bytes_total,
            files_done: transfer.files_done,
            files_total: transfer.files_total,
            rate: transfer.rate,
            seconds_left: transfer.time_left.map(|left| left.as_secs()),
            conflicts: transfer.conflicts.into_iter().take(TOLD).collect(),
            problems: transfer
                .problems
                .into_iter()
                .take(TOLD)
                .map(problem)
                .collect(),
            more: more as u64,
        }
    }
}

/// A path's last name.
pub(crate) fn shown(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
