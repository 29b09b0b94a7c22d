//! Files that are dragged out of the window. What another program takes must be on the disk, so they are downloaded
//! first: into a folder of their own, which goes when the person signs out or the app is started again.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cognito_aws::{Files, Folder, OnConflict, Transfer, TransferId, TransferState};
use tempfile::TempDir;

use super::Keyfob;
use super::files::{Person, named};
use crate::view::{CommandError, ErrorCode, FileView};

/// The folder among the journals, which is the person's own.
const FOLDER: &str = "dragged";
/// What an earlier run has left in it, on its way out.
const OLD: &str = "dragged.old";
/// What the person reads in place of a folder they never chose.
const INTO: &str = "drag and drop";
/// So many drags are kept: whoever took one may still be reading it.
const KEPT: usize = 4;

/// What has been downloaded to be dragged, the newest last.
#[derive(Default)]
pub(super) struct Drags(Mutex<(u32, VecDeque<Drag>)>);

struct Drag {
    number: u32,
    wanted: Wanted,
    transfers: Vec<TransferId>,
    /// Whether somebody has taken it. What was not is there for another try.
    taken: bool,
    place: TempDir,
}

/// What is to be dragged, as it was seen.
#[derive(PartialEq, Eq)]
struct Wanted {
    folder: Folder,
    files: Vec<FileView>,
    /// With a folder among them: which listing that was. Nothing else tells whether what is in it has changed.
    listing: Option<u64>,
}

impl Drags {
    fn with<T>(&self, act: impl FnOnce(&mut u32, &mut VecDeque<Drag>) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, drags) = &mut *all;
        act(last, drags)
    }
}

impl Keyfob {
    /// Downloads what is to be [dragged](Self::dragged_out), unless that was done and nobody has taken it; answers by
    /// which number, or nothing where it was cancelled or has failed, which the transfers tell.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be begun.
    pub async fn fetch_to_drag(
        &self,
        folder: usize,
        files: Vec<FileView>,
    ) -> Result<Option<u32>, CommandError> {
        for file in &files {
            named(&file.path)?;
        }
        let (person, folder) = self.folder(folder).await?;
        let has_folder = files.iter().any(|file| file.path.ends_with('/'));
        let wanted = Wanted {
            folder,
            files,
            listing: has_folder.then(|| self.files.listing()),
        };
        let (number, transfers) = match person.fetched(&wanted) {
            Some(fetched) => fetched,
            None => person.fetch(wanted).await?,
        };
        let mut changes = person.files.watch_transfers();
        // Nobody's transfers go on because they are waited for here.
        let person = {
            let waiting = Arc::downgrade(&person);
            drop(person);
            waiting
        };
        loop {
            changes.mark_unchanged();
            let Some(person) = person.upgrade() else {
                return Ok(None);
            };
            match progress(&person.files, &transfers) {
                Some(true) => return Ok(Some(number)),
                Some(false) => {}
                None => {
                    person.give_up(number);
                    return Ok(None);
                }
            }
            drop(person);
            if changes.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// The files and folders to be dragged by this number.
    ///
    /// # Errors
    /// [`CommandError`] when they are gone.
    pub async fn to_drag(&self, number: u32) -> Result<Vec<PathBuf>, CommandError> {
        let (person, _) = self.person().await?;
        let place = person.drags.with(|_, drags| {
            let drag = drags.iter().find(|drag| drag.number == number)?;
            Some(drag.place.path().join(INTO))
        });
        let read = |place: PathBuf| {
            fs::read_dir(place)?
                .map(|entry| Ok(entry?.path()))
                .collect()
        };
        let paths: Option<std::io::Result<Vec<_>>> = place.map(read);
        match paths {
            Some(Ok(mut paths)) if !paths.is_empty() => {
                paths.sort();
                Ok(paths)
            }
            _ => Err(CommandError {
                code: ErrorCode::File,
                message: "What was to be dragged is gone.".into(),
                remedy: "Drag it once more.".into(),
            }),
        }
    }

    /// Somebody has taken it: whoever drags the same again means it as it is then.
    pub async fn dragged_out(&self, number: u32) {
        if let Ok((person, _)) = self.person().await {
            person.drags.with(|_, drags| {
                for drag in drags.iter_mut().filter(|drag| drag.number == number) {
                    drag.taken = true;
                }
            });
        }
    }
}

/// Where everything is that is to be dragged.
#[derive(Clone, Default)]
pub(super) struct DragsFolder(PathBuf);

impl DragsFolder {
    /// Beside the journals. What an earlier run has left there is out of the way at once, and deleted in its own time:
    /// it may be large, and the window waits for this.
    pub(super) fn beside(journals: &Path) -> Self {
        let (left, old) = (journals.join(FOLDER), journals.join(OLD));
        // An earlier one was not deleted to its end.
        if fs::rename(&left, &old).is_err() {
            remove(&left);
        }
        if old.exists() {
            std::thread::spawn(move || remove(&old));
        }
        Self(journals.to_owned())
    }

    fn path(&self) -> std::io::Result<PathBuf> {
        Ok(fs::canonicalize(&self.0)?.join(FOLDER))
    }

    /// A new folder in it.
    fn make(&self) -> std::io::Result<TempDir> {
        fs::create_dir_all(&self.0)?;
        let path = self.path()?;
        fs::create_dir_all(&path)?;
        let mut place = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            place.permissions(fs::Permissions::from_mode(0o700));
        }
        let place = place.tempdir_in(path)?;
        fs::create_dir(place.path().join(INTO))?;
        Ok(place)
    }

    /// Whether something without links in its path is or was in there.
    fn has(&self, path: &Path) -> bool {
        self.path().is_ok_and(|folder| path.starts_with(folder))
    }

    /// Whether it comes from there, and is dragged back into the window, whose thread asks for no disk but then.
    pub(super) fn has_file(&self, path: &Path) -> bool {
        path.parent().is_some_and(|folder| folder.ends_with(INTO))
            && fs::canonicalize(path).is_ok_and(|path| self.has(&path))
    }

    /// Cancels what an earlier run was downloading to be dragged.
    pub(super) fn cancel_old(&self, files: &Files) {
        for transfer in files.transfers() {
            if self.has(&transfer.local) && !transfer.local.exists() {
                files.cancel(transfer.id);
            }
        }
    }

    /// Whether there is nothing to tell of it: it was to be dragged, and will not be.
    pub(super) fn is_over_for(&self, transfer: &Transfer) -> bool {
        matches!(transfer.state, TransferState::Cancelled) && self.has(&transfer.local)
    }
}

impl Person {
    /// What was downloaded for such a drag already, or has been begun; tried again where it failed.
    fn fetched(&self, wanted: &Wanted) -> Option<(u32, Vec<TransferId>)> {
        let known = self.drags.with(|_, drags| {
            let drag = drags
                .iter()
                .find(|drag| !drag.taken && drag.wanted == *wanted)?;
            Some((drag.number, drag.transfers.clone()))
        })?;
        // Before any is tried again: it could have failed again by then.
        let is_cancelled = |transfer: &Transfer| {
            known.1.contains(&transfer.id) && matches!(transfer.state, TransferState::Cancelled)
        };
        if self.files.transfers().iter().any(is_cancelled) {
            return None;
        }
        for &transfer in &known.1 {
            self.files.resume(transfer);
        }
        Some(known)
    }

    async fn fetch(&self, wanted: Wanted) -> Result<(u32, Vec<TransferId>), CommandError> {
        let place = self.drags_folder.make().map_err(|error| {
            tracing::warn!(%error, "nothing can be dragged");
            CommandError {
                code: ErrorCode::File,
                message: "There is no place to download it to.".into(),
                remedy: "Use Download, and choose a folder.".into(),
            }
        })?;
        let into = place.path().join(INTO);
        let mut transfers = Vec::with_capacity(wanted.files.len());
        let mut refused = None;
        for file in &wanted.files {
            let (folder, keep) = (&wanted.folder, OnConflict::KeepBoth);
            let begun = self.files.download(folder, &file.path, &into, None, keep);
            match begun.await {
                Ok(transfer) => transfers.push(transfer),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        if let Some(error) = refused {
            self.cancel(&transfers);
            return Err(error.into());
        }
        let known = transfers.clone();
        let (number, oldest) = self.drags.with(|last, drags| {
            *last += 1;
            drags.push_back(Drag {
                number: *last,
                wanted,
                transfers,
                taken: false,
                place,
            });
            let oldest = (drags.len() > KEPT).then(|| drags.pop_front());
            (*last, oldest.flatten())
        });
        if let Some(oldest) = oldest {
            self.cancel(&oldest.transfers);
        }
        Ok((number, known))
    }

    /// Forgets what was cancelled; what has failed can be tried again.
    fn give_up(&self, number: u32) {
        let all = self.files.transfers();
        let is_cancelled = |drag: &Drag| {
            let its = |transfer: &&Transfer| drag.transfers.contains(&transfer.id);
            let mut its = all.iter().filter(its);
            its.any(|transfer| matches!(transfer.state, TransferState::Cancelled))
        };
        self.drags
            .with(|_, drags| drags.retain(|drag| drag.number != number || !is_cancelled(drag)));
    }

    /// Those that are done stay so.
    fn cancel(&self, transfers: &[TransferId]) {
        for &transfer in transfers {
            self.files.cancel(transfer);
        }
    }
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "what was to be dragged in an earlier run stays");
    }
}

/// Whether all of them are done; nothing, where one never will be by itself. One that has been taken off the list was
/// done.
fn progress(files: &Files, transfers: &[TransferId]) -> Option<bool> {
    let mut all_done = true;
    for transfer in files.transfers() {
        if !transfers.contains(&transfer.id) {
            continue;
        }
        match transfer.state {
            TransferState::Done => {}
            TransferState::Failed(_) | TransferState::Cancelled => return None,
            _ => all_done = false,
        }
    }
    Some(all_done)
}
