//! What is kept of an unfinished transfer, so that it goes on after the app was closed, and leaves nothing behind in S3.
//!
//! One file each: the first line says what is to be done, every further one what has happened. A line that was cut
//! when the power failed is the last one, and ignored. There is no secret in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{TransferId, TransferKind};
use crate::files::{Folder, OnConflict};

const EXTENSION: &str = "jsonl";

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) version: u8,
    pub(super) kind: TransferKind,
    /// Whose it is: nobody else takes it up.
    pub(super) sub: String,
    pub(super) folder: Folder,
    /// The object or folder in S3.
    pub(super) path: String,
    /// The file or folder here. For a download: the folder it goes into.
    pub(super) local: PathBuf,
    /// For a download: what it is called there, if not as in S3.
    pub(super) name: Option<String>,
}

/// What has happened. Files are told apart by their path below the transfer's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Order(Order),
    /// What was at a file's place when the person was asked: its entity tag, where it is an object.
    Seen {
        file: String,
        etag: Option<String>,
    },
    /// The person's answer to what is there already.
    OnConflict(OnConflict),
    Paused(bool),
    /// All of it is to be undone.
    Cancelled,
    /// An upload in parts will be begun at this path: should nothing further be known, look for it.
    Beginning {
        file: String,
        key_path: String,
        at: SystemTime,
    },
    Upload {
        file: String,
        upload: Upload,
    },
    Part {
        file: String,
        number: i32,
        part: Part,
    },
    Download {
        file: String,
        download: Download,
    },
    Range {
        file: String,
        number: u64,
    },
    /// Nothing of it is kept any more; it begins anew.
    Dropped {
        file: String,
    },
    /// It gets its place, and is whole; after a power failure it may be neither.
    Placed {
        file: String,
        place: PathBuf,
    },
    /// For a download: and it is on the disk.
    Done {
        file: String,
    },
}

/// An upload in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) id: String,
    /// Where to, which may be another name than the file's.
    pub(super) key_path: String,
    pub(super) part_size: u64,
    pub(super) source: Source,
    #[serde(skip)]
    pub(super) parts: BTreeMap<i32, Part>,
}

/// What a local file was when it was begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) etag: String,
    /// CRC-64/NVME of its bytes.
    pub(super) crc: u64,
}

/// A download in ranges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Download {
    pub(super) etag: String,
    pub(super) size: u64,
    pub(super) range_size: u64,
    /// The unfinished file.
    pub(super) unfinished: PathBuf,
    /// What it will be.
    pub(super) place: PathBuf,
    #[serde(skip)]
    pub(super) ranges: BTreeSet<u64>,
}

impl Download {
    /// The bytes of these ranges.
    pub(super) fn bytes_of(&self, numbers: &Range<u64>) -> Range<u64> {
        let offset = |number: u64| (number * self.range_size).min(self.size);
        offset(numbers.start)..offset(numbers.end)
    }

    pub(super) fn received(&self) -> u64 {
        let lengths = self.ranges.iter().map(|&number| {
            let bytes = self.bytes_of(&(number..number + 1));
            bytes.end - bytes.start
        });
        lengths.sum()
    }

    /// Ranges that are missing and follow each other: about so many stretches if all are missing, and none of more bytes
    /// than `longest`.
    pub(super) fn missing(&self, stretches: u64, longest: u64) -> Vec<Range<u64>> {
        let all = 0..self.size.div_ceil(self.range_size);
        let missing: Vec<_> = all.filter(|number| !self.ranges.contains(number)).collect();
        let length = (missing.len() as u64).div_ceil(stretches);
        let length = length.min(longest / self.range_size).max(1);
        missing
            .chunk_by(|one, next| one + 1 == *next)
            .flat_map(|run| run.chunks(usize::try_from(length).unwrap_or(usize::MAX)))
            .map(|run| run[0]..run[0] + run.len() as u64)
            .collect()
    }
}

/// All that is known of a transfer.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) order: Order,
    pub(super) on_conflict: OnConflict,
    /// What the person has been asked about.
    pub(super) seen: HashMap<String, Option<String>>,
    pub(super) paused: bool,
    pub(super) cancelled: bool,
    pub(super) beginning: HashMap<String, (String, SystemTime)>,
    pub(super) uploads: HashMap<String, Upload>,
    pub(super) downloads: HashMap<String, Download>,
    /// What has its place and may not be on the disk yet.
    pub(super) placed: HashMap<String, PathBuf>,
    /// The same of an earlier run, which is to be looked at again.
    pub(super) unsure: HashMap<String, PathBuf>,
    /// Whether an earlier run has written in it.
    pub(super) taken_up: bool,
    pub(super) done: HashSet<String>,
}

/// The record and the file it is kept in, which is open only while the transfer is at work: there may be more of them than
/// a process may have open files.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// With the length of what is whole in it.
    file: Option<(File, u64)>,
    pub(super) record: Record,
}

impl Record {
    fn new(order: Order) -> Self {
        Self {
            order,
            on_conflict: OnConflict::Ask,
            seen: HashMap::new(),
            paused: false,
            cancelled: false,
            beginning: HashMap::new(),
            uploads: HashMap::new(),
            downloads: HashMap::new(),
            placed: HashMap::new(),
            unsure: HashMap::new(),
            taken_up: false,
            done: HashSet::new(),
        }
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Order(order) => self.order = order,
            Line::Seen { file, etag } => {
                self.seen.insert(file, etag);
            }
            Line::OnConflict(answer) => self.on_conflict = answer,
            Line::Paused(paused) => self.paused = paused,
            Line::Cancelled => self.cancelled = true,
            Line::Beginning { file, key_path, at } => {
                self.beginning.insert(file, (key_path, at));
            }
            Line::Upload { file, upload } => {
                self.beginning.remove(&file);
                self.uploads.insert(file, upload);
            }
            Line::Part { file, number, part } => {
                if let Some(upload) = self.uploads.get_mut(&file) {
                    upload.parts.insert(number, part);
                }
            }
            Line::Download { file, download } => {
                self.forget(&file);
                self.downloads.insert(file, download);
            }
            Line::Range { file, number } => {
                if let Some(download) = self.downloads.get_mut(&file) {
                    download.ranges.insert(number);
                }
            }
            Line::Dropped { file } => self.forget(&file),
            Line::Placed { file, place } => {
                self.forget(&file);
                self.placed.insert(file, place);
            }
            Line::Done { file } => {
                self.forget(&file);
                self.done.insert(file);
            }
        }
    }

    fn forget(&mut self, file: &str) {
        self.beginning.remove(file);
        self.uploads.remove(file);
        self.downloads.remove(file);
        self.placed.remove(file);
        self.unsure.remove(file);
    }
}

impl Journal {
    /// Begins one. It is there, whole, before anything is sent.
    pub(super) fn create(folder: &Path, id: TransferId, order: Order) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = path(folder, id);
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let first = Line::Order(order.clone());
        file.write_all(&encoded(&first)?)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&path).map_err(|error| error.error)?;
        Ok(Self {
            path,
            file: None,
            record: Record::new(order),
        })
    }

    /// Opens all that are in the folder and not among these. What cannot be read is left alone and logged.
    pub(super) fn open_all_but(folder: &Path, known: &[TransferId]) -> Vec<(TransferId, Self)> {
        let Ok(files) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let paths = files.filter_map(|file| Some(file.ok()?.path()));
        let mut all: Vec<_> = paths
            .filter_map(|path| {
                let id = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?.strip_suffix('.')?;
                let id = TransferId(id.parse().ok()?);
                if known.contains(&id) {
                    return None;
                }
                match Self::open(path) {
                    Ok(journal) => Some((id, journal)),
                    Err(error) => {
                        tracing::warn!(%error, transfer = id.0, "the journal of a transfer cannot be read");
                        None
                    }
                }
            })
            .collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    fn open(path: PathBuf) -> io::Result<Self> {
        let text = std::fs::read(&path)?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let mut lines = text[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let first = lines.next().map(serde_json::from_slice).transpose()?;
        let Some(Line::Order(order @ Order { version: 1, .. })) = first else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut record = Record::new(order);
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(line) => record.apply(line),
                // The rest is worth more than nothing.
                Err(error) => tracing::warn!(%error, "a line of a transfer's journal is left out"),
            }
        }
        record.unsure = std::mem::take(&mut record.placed);
        record.taken_up = true;
        if whole < text.len() {
            // Or the next line would be part of the one that was cut.
            let file = OpenOptions::new().append(true).open(&path)?;
            file.set_len(whole as u64)?;
        }
        let file = None;
        Ok(Self { path, file, record })
    }

    /// Writes down what happened. Where that fails the transfer goes on: no more is lost than the way back to it.
    pub(super) fn write(&mut self, line: Line) {
        if let Err(error) = self.append(&line) {
            tracing::warn!(%error, "the journal of a transfer cannot be written");
        }
        self.record.apply(line);
    }

    /// The file, to have what is written in it put onto the disk; where there is one.
    pub(super) fn to_sync(&self) -> Option<io::Result<File>> {
        self.file.as_ref().map(|(file, _)| file.try_clone())
    }

    /// Until the next line.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let (file, whole) = match &mut self.file {
            Some(open) => open,
            none => {
                let file = OpenOptions::new().append(true).open(&self.path)?;
                let whole = file.metadata()?.len();
                none.insert((file, whole))
            }
        };
        let bytes = encoded(line)?;
        if let Err(error) = file.write_all(&bytes) {
            // A part of it, as on a full disk, would spoil the next.
            file.set_len(*whole)?;
            return Err(error);
        }
        *whole += bytes.len() as u64;
        // What S3 holds for us, and where an unfinished file is, must survive a power failure; mere progress need not.
        match line {
            Line::Beginning { .. }
            | Line::Upload { .. }
            | Line::Download { .. }
            | Line::Cancelled => file.sync_data(),
            _ => Ok(()),
        }
    }

    /// Whether nobody finds it any more.
    pub(super) fn is_deleted(&self) -> bool {
        matches!(self.path.try_exists(), Ok(false))
    }

    /// There is nothing left to do.
    pub(super) fn delete(&self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the journal of a transfer cannot be deleted");
        }
    }
}

fn path(folder: &Path, id: TransferId) -> PathBuf {
    folder.join(format!("{}.{EXTENSION}", id.0))
}

fn encoded(line: &Line) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}
