//! One transfer at work.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cognito_client::SignInReason;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use super::checksum::Proof;
use super::disk::{self, Unfinished};
use super::journal::{Journal, Line, Order};
use super::limits::Limits;
use super::plan::{Item, What};
use super::rate::{Rate, time_left};
use super::{Transfer, TransferId, TransferState};
use crate::error::{AwsService, Error};
use crate::files::s3::{Deed, S3};
use crate::files::{FileError, OnConflict};

/// Files of one transfer under way at once.
const WIDTH: usize = 32;
/// Files that are in their places and not yet surely on the disk: so many the next start may have to look at.
const UNSETTLED: usize = 1000;
/// Conflicts and problems that are named.
const NAMED: usize = 100;

/// What all transfers share, and the most they may take.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) s3: S3,
    /// Transfers at work.
    pub(super) turns: Semaphore,
    pub(super) limits: Limits,
    /// Counted up whenever a transfer is not as it was.
    pub(super) changes: watch::Sender<u64>,
}

/// What the person wants of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Go,
    Pause,
    Cancel,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: TransferId,
    pub(super) shared: Arc<Shared>,
    journal: Mutex<Journal>,
    status: Mutex<Status>,
    /// Bytes done or under way; what an earlier run had under way takes back its own.
    bytes: Mutex<Arc<AtomicU64>>,
    wish: watch::Sender<Wish>,
    /// Whoever holds this is at work.
    at_work: tokio::sync::Mutex<()>,
    /// Held by what is done on the disk, which goes on when nobody waits for it any more.
    on_disk: Arc<tokio::sync::RwLock<()>>,
    /// Places that were noted; and how many of them are noted on the disk.
    placings: AtomicU64,
    placings_on_disk: Mutex<u64>,
}

#[derive(Debug)]
struct Status {
    state: TransferState,
    bytes_total: u64,
    files_done: u64,
    files_total: u64,
    rate: Rate,
    proof: Option<Proof>,
    begun_anew: Vec<String>,
    /// Each with the entity tag of what is there, where it is an object.
    conflicts: Vec<(String, Option<String>)>,
    problems: Vec<(String, Error)>,
    /// Cancelled, and nothing of it is left.
    undone: bool,
    /// The person has seen enough of it.
    dismissed: bool,
}

/// What became of one file.
pub(super) enum Outcome {
    Done(Option<Proof>),
    /// The person wanted it left out.
    Skipped,
    /// Something is there, with this entity tag if it is an object.
    Conflict(Option<String>),
}

/// A file, and what became of it.
type Ended = (Item, Result<Outcome, Error>);

/// Does it where waiting for a disk holds up nobody.
pub(super) async fn blocking<T: Send + 'static, E: Into<Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        // It does not panic; the runtime is ending.
        Err(_) => Err(Error::Protocol {
            service: AwsService::S3,
            problem: "was not waited for",
        }),
    }
}

impl Job {
    pub(super) fn new(shared: &Arc<Shared>, id: TransferId, journal: Journal) -> Arc<Self> {
        let wish = match &journal.record {
            record if record.cancelled => Wish::Cancel,
            record if record.paused => Wish::Pause,
            _ => Wish::Go,
        };
        Arc::new(Self {
            id,
            shared: shared.clone(),
            journal: Mutex::new(journal),
            status: Mutex::new(Status {
                state: match wish {
                    Wish::Go => TransferState::Queued,
                    Wish::Pause => TransferState::Paused,
                    Wish::Cancel => TransferState::Cancelled,
                },
                bytes_total: 0,
                files_done: 0,
                files_total: 0,
                rate: Rate::default(),
                proof: None,
                begun_anew: Vec::new(),
                conflicts: Vec::new(),
                problems: Vec::new(),
                undone: false,
                dismissed: false,
            }),
            bytes: Mutex::default(),
            wish: watch::Sender::new(wish),
            at_work: tokio::sync::Mutex::default(),
            on_disk: Arc::default(),
            placings: AtomicU64::new(0),
            placings_on_disk: Mutex::default(),
        })
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> Arc<AtomicU64> {
        let bytes = self.bytes.lock();
        bytes.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn order(&self) -> Order {
        self.journal().record.order.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status());
        self.shared.changes.send_modify(|changes| *changes += 1);
    }

    /// As it stands.
    pub(super) fn transfer(&self) -> Transfer {
        let order = self.order();
        // The transfer of one file is that file.
        let own = order.path.rsplit('/').next().unwrap_or_default();
        let name = |file: &String| {
            if file.is_empty() {
                own.to_owned()
            } else {
                file.clone()
            }
        };
        let now = self.shared.s3.session().now();
        let mut status = self.status();
        // Not before: what is done has all its bytes.
        let bytes_done = self.bytes().load(Ordering::Relaxed);
        let settled = self.journal().record.placed.is_empty();
        let running = matches!(status.state, TransferState::Running);
        let rate = if running {
            status.rate.at(now, bytes_done)
        } else {
            None
        };
        let conflicts = status.conflicts.iter().take(NAMED);
        let problems = status.problems.iter();
        Transfer {
            id: self.id,
            kind: order.kind,
            state: status.state.clone(),
            bytes_done,
            bytes_total: status.bytes_total,
            files_done: status.files_done,
            files_total: status.files_total,
            begun_anew: status.begun_anew.iter().map(name).collect(),
            conflicts: conflicts.map(|(file, _)| name(file)).collect(),
            problems: problems
                .map(|(file, error)| (name(file), error.clone()))
                .collect(),
            proof: status.proof,
            settled,
            time_left: time_left(status.bytes_total.saturating_sub(bytes_done), rate),
            rate,
            folder: order.folder,
            path: order.path.clone(),
            local: order.local,
        }
    }

    /// Changes how it stands while it is wanted as it was at first: whoever wants it otherwise has said how it stands.
    fn change_if_wanted(&self, wanted: &watch::Receiver<Wish>, change: impl FnOnce(&mut Status)) {
        self.change(|status| {
            if wanted.has_changed().is_ok_and(|changed| !changed) {
                change(status);
            }
        });
    }

    /// Takes it off the list, if it is over and nothing of it is left that should not be.
    pub(super) fn dismiss(&self) {
        self.change(|status| {
            let owes = *self.wish.borrow() == Wish::Cancel && !status.undone;
            status.dismissed |= status.is_over() && !owes;
        });
    }

    /// Whether it is on the list.
    pub(super) fn is_listed(&self) -> bool {
        !self.status().dismissed
    }

    /// Whether it is off the list, and no journal is left by which it would come back.
    pub(super) fn is_forgotten(&self) -> bool {
        let status = self.status();
        status.dismissed && self.journal().is_deleted()
    }

    /// Whether there is nothing more to do for it.
    pub(super) fn is_over(&self) -> bool {
        self.status().is_over()
    }

    /// Whether it is cancelled and something of it may be left.
    pub(super) fn owes(&self) -> bool {
        *self.wish.borrow() == Wish::Cancel && !self.status().undone
    }

    /// Whether it failed for want of a network or of a session, and may do better now.
    pub(super) fn waits(&self) -> bool {
        match &self.status().state {
            TransferState::Failed(error) => {
                error.is_transient() || matches!(error, Error::Session(_))
            }
            _ => false,
        }
    }

    /// Says what the person wants; whether anything is to be done about it.
    pub(super) fn wish(&self, wish: Wish) -> bool {
        let mut is_new = false;
        // In one go: whoever is at work must not say in between how it stands.
        self.change(|status| {
            let at_it = matches!(status.state, TransferState::Queued | TransferState::Running);
            if status.is_over() || (wish == Wish::Go && at_it) {
                return;
            }
            is_new = true;
            self.journal().write(match wish {
                Wish::Go => Line::Paused(false),
                Wish::Pause => Line::Paused(true),
                Wish::Cancel => Line::Cancelled,
            });
            self.wish.send_replace(wish);
            status.state = match wish {
                Wish::Go => TransferState::Queued,
                Wish::Pause => TransferState::Paused,
                Wish::Cancel => TransferState::Cancelled,
            };
        });
        if self.at_work.try_lock().is_ok() {
            self.journal().close();
        }
        is_new
    }

    pub(super) fn answer(&self, answer: OnConflict) {
        let conflicts = std::mem::take(&mut self.status().conflicts);
        let mut journal = self.journal();
        for (file, etag) in conflicts {
            journal.write(Line::Seen { file, etag });
        }
        journal.write(Line::OnConflict(answer));
        journal.close();
    }

    /// As [`blocking`], and waited for before anything else becomes of the transfer.
    pub(super) async fn on_disk<T: Send + 'static, E: Into<Error> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error> {
        let at_it = self.on_disk.clone().read_owned().await;
        blocking(move || {
            let done = work();
            drop(at_it);
            done
        })
        .await
    }

    /// Works until it is done, has failed, or the person wants otherwise.
    pub(super) async fn run(self: Arc<Self>) {
        let _at_work = self.at_work.lock().await;
        if !self.is_over() || self.owes() {
            self.go().await;
        }
        self.journal().close();
    }

    async fn go(self: &Arc<Self>) {
        let wanted = self.wish.subscribe();
        let mut files = JoinSet::new();
        let ended = tokio::select! {
            biased;
            () = otherwise(wanted.clone()) => None,
            ended = self.work(&wanted, &mut files) => Some(ended),
        };
        // Nothing of this goes on beside what comes next.
        files.abort_all();
        while let Some(file) = files.join_next().await {
            // The first error is the one to tell.
            let _ = self.took(Some(file));
        }
        drop(self.on_disk.write().await);
        if let Some(ended) = ended {
            self.tell(&wanted, ended);
        }
        self.settle().await;
        if self.owes() {
            self.undo().await;
        }
    }

    fn tell(&self, wanted: &watch::Receiver<Wish>, ended: Result<(), Error>) {
        self.change_if_wanted(wanted, |status| {
            status.state = match ended {
                Err(error) => TransferState::Failed(error),
                Ok(()) if !status.conflicts.is_empty() => TransferState::Asking,
                Ok(()) => match status.problems.first() {
                    Some((_, error)) => TransferState::Failed(error.clone()),
                    None => {
                        let journal = self.journal();
                        if journal.record.placed.is_empty() {
                            // Before it is told: nothing is left of what is done.
                            journal.delete();
                        }
                        TransferState::Done
                    }
                },
            };
        });
    }

    /// Has what is in its place put onto the disk, which nobody waits for: should the power fail before, the journal
    /// says what is to be looked at again.
    async fn settle(self: &Arc<Self>) {
        // Alone: one that is noted and has not got its place yet would be taken for one the person has put elsewhere.
        let alone = self.on_disk.clone().write_owned().await;
        let placed = self.journal().record.placed.clone();
        if placed.is_empty() {
            return;
        }
        let job = self.clone();
        let settled = blocking(move || {
            let settled: Vec<_> = placed
                .into_iter()
                .map(|(file, place)| (file, Unfinished::settle(&place)))
                .collect();
            // In one go: whoever sees that the disk has all of it finds nothing left of it either.
            job.change(|status| {
                let mut journal = job.journal();
                for (file, settled) in settled {
                    match settled {
                        Ok(true) => journal.write(Line::Done { file }),
                        // The next start looks at it.
                        Ok(false) => {}
                        Err(error) => {
                            journal.write(Line::Dropped { file: file.clone() });
                            // What is there is not to be trusted, and may be taken for what was there before.
                            journal.write(Line::OnConflict(OnConflict::Ask));
                            let error = Error::from(error);
                            if matches!(status.state, TransferState::Done) {
                                status.state = TransferState::Failed(error.clone());
                                status.dismissed = false;
                            }
                            if status.problems.len() < NAMED {
                                status.problems.push((file, error));
                            }
                        }
                    }
                }
                if matches!(status.state, TransferState::Done) && journal.record.placed.is_empty() {
                    journal.delete();
                }
            });
            drop(alone);
            Ok::<_, Error>(())
        });
        // It fails only where the runtime ends, and then the next start looks.
        let _ = settled.await;
    }

    async fn work(
        self: &Arc<Self>,
        wanted: &watch::Receiver<Wish>,
        files: &mut JoinSet<Ended>,
    ) -> Result<(), Error> {
        let _turn = self.shared.turns.acquire().await;
        // Somebody else may have signed in meanwhile.
        if self.shared.s3.session().user().await?.sub != self.order().sub {
            let reason = SignInReason::SignedOut;
            return Err(cognito_client::Error::SignInRequired(reason).into());
        }
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        self.change_if_wanted(wanted, |status| {
            status.state = TransferState::Running;
            status.rate.forget();
            status.problems.clear();
        });
        let plan = self.plan().await?;
        let done = self.journal().record.done.clone();
        self.change(|status| {
            status.conflicts.clear();
            status.bytes_total = plan.items.iter().map(|item| item.size).sum();
            status.files_total = plan.items.len() as u64;
            status.files_done = 0;
            status.problems = plan.problems;
            status.problems.truncate(NAMED);
        });
        for item in plan.items {
            if done.contains(&item.path) {
                self.bytes().fetch_add(item.size, Ordering::Relaxed);
                self.change(|status| status.files_done += 1);
                continue;
            }
            let placed = self.journal().record.placed.len();
            if placed >= UNSETTLED {
                self.settle().await;
            }
            if files.len() >= WIDTH {
                self.took(files.join_next().await)?;
            }
            let job = self.clone();
            files.spawn(async move {
                let outcome = job.one(&item).await;
                (item, outcome)
            });
        }
        while let Some(file) = files.join_next().await {
            self.took(Some(file))?;
        }
        Ok(())
    }

    async fn one(self: &Arc<Self>, item: &Item) -> Result<Outcome, Error> {
        match &item.what {
            What::File(local) => self.upload(item, local).await,
            What::EmptyFolder => self.upload_folder(item).await,
            What::Object { etag, place } => self.download(item, etag, place).await,
            What::Folder(place) => {
                let (root, place) = (self.order().local, place.clone());
                blocking(move || disk::make_folder(&root, &place)).await?;
                Ok(Outcome::Done(None))
            }
        }
    }

    /// Notes what became of a file. What concerns no other file does not stop the others.
    fn took(&self, file: Option<Result<Ended, JoinError>>) -> Result<(), Error> {
        let Some(Ok((item, outcome))) = file else {
            return Ok(());
        };
        match outcome {
            Ok(Outcome::Done(proof)) => {
                self.note_done(&item.path);
                self.change(|status| {
                    status.files_done += 1;
                    if let Some(proof) = proof {
                        status.proof = Some(status.proof.map_or(proof, |least| least.min(proof)));
                    }
                });
            }
            Ok(Outcome::Skipped) => {
                self.bytes().fetch_add(item.size, Ordering::Relaxed);
                self.journal().write(Line::Done { file: item.path });
                self.change(|status| status.files_done += 1);
            }
            Ok(Outcome::Conflict(etag)) => {
                self.change(|status| status.conflicts.push((item.path, etag)));
            }
            Err(error) if concerns_one(&error) => self.change(|status| {
                if status.problems.len() < NAMED {
                    status.problems.push((item.path, error));
                }
            }),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn note_done(&self, file: &str) {
        let mut journal = self.journal();
        let record = &journal.record;
        if !record.done.contains(file) && !record.placed.contains_key(file) {
            journal.write(Line::Done { file: file.into() });
        }
    }

    /// Before it gets its place; and has that put onto the disk, for others that wait for the same, too.
    pub(super) fn note_placed(&self, file: &str, place: &Path) {
        let (file, place) = (file.to_owned(), place.to_owned());
        let (number, journal) = {
            let mut journal = self.journal();
            journal.write(Line::Placed { file, place });
            let number = self.placings.fetch_add(1, Ordering::Relaxed) + 1;
            (number, journal.to_sync())
        };
        let on_disk = self.placings_on_disk.lock();
        let mut on_disk = on_disk.unwrap_or_else(PoisonError::into_inner);
        if *on_disk >= number {
            return;
        }
        let now = self.placings.load(Ordering::Relaxed);
        if let Some(Ok(journal)) = journal
            && journal.sync_data().is_ok()
        {
            *on_disk = now;
        }
    }

    pub(super) fn begun_anew(&self, path: &str) {
        self.journal().write(Line::Dropped {
            file: path.to_owned(),
        });
        self.change(|status| {
            if status.begun_anew.len() < NAMED {
                status.begun_anew.push(path.to_owned());
            }
        });
    }

    /// Leaves nothing behind, here or in S3. What cannot be undone now stays in the journal, to be tried again.
    pub(super) async fn undo(&self) {
        if let Err(error) = self.try_undo().await {
            tracing::warn!(%error, transfer = self.id.0, "a cancelled transfer is not undone yet");
        } else {
            self.journal().delete();
            self.change(|status| status.undone = true);
        }
    }

    async fn try_undo(&self) -> Result<(), Error> {
        let order = self.order();
        let (beginning, uploads, downloads) = {
            let record = &self.journal().record;
            let downloads: Vec<_> = record
                .downloads
                .values()
                .map(|d| d.unfinished.clone())
                .collect();
            (record.beginning.clone(), record.uploads.clone(), downloads)
        };
        for path in downloads {
            blocking(move || Unfinished::discard(&path)).await?;
        }
        for (path, upload) in uploads {
            let deed = Deed::write(&order.folder, &upload.key_path);
            self.shared.s3.abort_all_of(deed, &upload.id).await?;
            self.journal().write(Line::Dropped { file: path });
        }
        for (path, (key_path, at)) in beginning {
            let deed = Deed::write(&order.folder, &key_path);
            self.shared.s3.abort_begun_since(deed, at, None).await?;
            self.journal().write(Line::Dropped { file: path });
        }
        Ok(())
    }
}

impl Status {
    fn is_over(&self) -> bool {
        matches!(self.state, TransferState::Done | TransferState::Cancelled)
    }
}

/// Until the person wants it otherwise, if they do not already.
async fn otherwise(mut wish: watch::Receiver<Wish>) {
    if *wish.borrow() == Wish::Go {
        // Nobody can want anything of what is gone.
        let _ = wish.changed().await;
    }
}

/// Whether the next file may well do better.
fn concerns_one(error: &Error) -> bool {
    use crate::files::LocalCause::{Full, TooLarge};
    match error {
        Error::File(FileError::Local { cause, .. }) => !matches!(cause, Full | TooLarge),
        Error::File(_) => true,
        _ => false,
    }
}
