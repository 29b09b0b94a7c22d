//! Uploads and downloads: one after the other and side by side, to be paused, resumed, cancelled, and taken up again
//! after the app was closed.

mod checksum;
mod disk;
mod download;
mod job;
mod journal;
mod limits;
mod parts;
mod plan;
mod proof;
mod queue;
mod range;
mod rate;
mod sent;
mod upload;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Folder;
use crate::error::Error;

pub use checksum::Proof;
pub(super) use queue::Queue;

/// Which transfer; later ones are greater, also after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId(pub u64);

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// From this computer to S3.
    Upload,
    /// From S3 to this computer.
    Download,
}

/// A transfer of a file, or of a folder with all that is in it, as it stands.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Which one.
    pub id: TransferId,
    /// Which way.
    pub kind: TransferKind,
    /// The folder of the profile.
    pub folder: Folder,
    /// The object or folder in it.
    pub path: String,
    /// The file or folder on this computer; of a download, the folder it goes into.
    pub local: PathBuf,
    /// How it is.
    pub state: TransferState,
    /// Bytes that have arrived.
    pub bytes_done: u64,
    /// Bytes there are, as far as known.
    pub bytes_total: u64,
    /// Files that have arrived.
    pub files_done: u64,
    /// Files there are, as far as known.
    pub files_total: u64,
    /// Bytes a second over the last ten seconds.
    pub rate: Option<u64>,
    /// How long it will still take at that rate.
    pub time_left: Option<Duration>,
    /// Whether every file that has got its name on this computer is on the disk, too. Where one is not, and the power fails
    /// or the program ends, the next [`restore_transfers`](super::Files::restore_transfers) looks at it again.
    pub settled: bool,
    /// What proves that all that has arrived is whole: the least of what any of its files had.
    pub proof: Option<Proof>,
    /// Files that had changed since they were begun, and were begun anew.
    pub begun_anew: Vec<String>,
    /// Files whose place is taken: see [`Files::answer`](super::Files::answer). At most a hundred are named.
    pub conflicts: Vec<String>,
    /// What could not be transferred though the rest was, and why. At most a hundred are named.
    pub problems: Vec<(String, Error)>,
}

/// How a transfer is.
#[derive(Clone, Debug)]
pub enum TransferState {
    /// Others are before it.
    Queued,
    /// It runs.
    Running,
    /// The person has stopped it for now.
    Paused,
    /// Everything else is done; the person must say what is to become of the conflicts.
    Asking,
    /// It can be tried again from where it failed.
    Failed(Error),
    /// All of it has arrived.
    Done,
    /// It is being, or has been, undone.
    Cancelled,
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
