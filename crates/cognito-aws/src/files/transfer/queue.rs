//! All transfers of a person.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::UNIX_EPOCH;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::job::{Job, Shared, Wish};
use super::journal::{Journal, Order};
use super::limits::Limits;
use super::{Transfer, TransferId, TransferKind, disk};
use crate::error::Error;
use crate::files::s3::S3;
use crate::files::{FileError, Files, Folder, OnConflict, names};

/// Transfers at work at once; the others wait their turn.
const AT_WORK: usize = 3;
/// Its transfers end with it; their journals stay.
#[derive(Debug)]
pub(in crate::files) struct Queue {
    folder: PathBuf,
    shared: Arc<Shared>,
    jobs: Mutex<Jobs>,
    /// Whoever holds this brings transfers from their journals onto the list, each once.
    coming: tokio::sync::Mutex<()>,
    /// Where transfers run, so that they can be resumed from anywhere.
    runtime: OnceLock<Handle>,
}

#[derive(Debug, Default)]
struct Jobs {
    all: Vec<Arc<Job>>,
    /// Dropped with the queue, it stops them all.
    at_work: JoinSet<()>,
}

impl Queue {
    pub(in crate::files) fn new(s3: S3, folder: PathBuf) -> Self {
        Self {
            folder,
            shared: Arc::new(Shared {
                s3,
                turns: Semaphore::new(AT_WORK),
                limits: Limits::new(),
                changes: watch::Sender::new(0),
            }),
            jobs: Mutex::default(),
            coming: tokio::sync::Mutex::default(),
            runtime: OnceLock::new(),
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn job(&self, id: TransferId) -> Option<Arc<Job>> {
        self.jobs().all.iter().find(|job| job.id == id).cloned()
    }

    fn run(&self, job: Arc<Job>) {
        let mut jobs = self.jobs();
        while jobs.at_work.try_join_next().is_some() {}
        if let Some(runtime) = self.runtime.get() {
            jobs.at_work.spawn_on(job.run(), runtime);
        }
    }

    async fn start(&self, mut order: Order, on_conflict: OnConflict) -> Result<TransferId, Error> {
        self.runtime.get_or_init(Handle::current);
        order.sub = self.shared.s3.session().user().await?.sub;
        let now = self.shared.s3.session().now();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = TransferId(u64::try_from(now.as_micros()).unwrap_or(u64::MAX));
        let folder = self.folder.clone();
        let _coming = self.coming.lock().await;
        let (id, journal) = super::job::blocking(move || {
            let mut id = id;
            loop {
                match Journal::create(&folder, id, order.clone()) {
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => id.0 += 1,
                    made => {
                        break made
                            .map(|journal| (id, journal))
                            .map_err(|error| FileError::local(&folder, &error));
                    }
                }
            }
        })
        .await?;
        let job = Job::new(&self.shared, id, journal);
        job.answer(on_conflict);
        self.jobs().all.push(job.clone());
        self.run(job);
        self.shared.changes.send_modify(|changes| *changes += 1);
        Ok(id)
    }

    async fn restore(&self) -> Result<(), Error> {
        self.runtime.get_or_init(Handle::current);
        let sub = self.shared.s3.session().user().await?.sub;
        let folder = self.folder.clone();
        let _coming = self.coming.lock().await;
        // Those at work write in theirs; and one that is done meanwhile, and off the list, must not come back.
        let known: Vec<_> = self.jobs().all.iter().map(|job| job.id).collect();
        let opened = move || Ok::<_, FileError>(Journal::open_all_but(&folder, &known));
        for (id, journal) in super::job::blocking(opened).await? {
            if journal.record.order.sub != sub {
                continue;
            }
            let job = Job::new(&self.shared, id, journal);
            self.jobs().all.push(job.clone());
            self.run(job);
        }
        self.shared.changes.send_modify(|changes| *changes += 1);
        Ok(())
    }
}

/// Transfers.
impl Files {
    /// Begins to upload a file or a folder to `path`, which for a folder ends in `/`. Links in a folder are left out.
    ///
    /// # Errors
    /// [`FileError::Name`] when S3 cannot be asked for the path; [`FileError::Local`] when there is no such file or
    /// no journal can be kept. Whatever goes wrong later is in [`transfers`](Self::transfers).
    pub async fn upload(
        &self,
        local: &Path,
        folder: &Folder,
        path: &str,
        on_conflict: OnConflict,
    ) -> Result<TransferId, Error> {
        names::check_key(&folder.key(path))?;
        let is_folder = path.ends_with('/');
        let local = disk::real(local)?;
        let there = std::fs::metadata(&local).map_err(|error| FileError::local(&local, &error))?;
        if path.is_empty() || there.is_dir() != is_folder || !(there.is_dir() || there.is_file()) {
            let name = path.to_owned();
            return Err(FileError::Name {
                name,
                problem: "is not for that: a folder's ends in /",
            }
            .into());
        }
        let order = Order::new(TransferKind::Upload, folder, path, local, None);
        self.queue.start(order, on_conflict).await
    }

    /// Begins to upload a file or a folder into the folder at `into`, under its own name.
    ///
    /// # Errors
    /// As for [`upload`](Self::upload).
    pub async fn upload_into(
        &self,
        local: &Path,
        folder: &Folder,
        into: &str,
        on_conflict: OnConflict,
    ) -> Result<TransferId, Error> {
        let there = std::fs::metadata(local).map_err(|error| FileError::local(local, &error))?;
        let name = local.file_name().unwrap_or_default();
        let Some(name) = name.to_str() else {
            let name = name.to_string_lossy().into_owned();
            let problem = "is not Unicode";
            return Err(FileError::Name { name, problem }.into());
        };
        let end = if there.is_dir() { "/" } else { "" };
        let path = format!("{into}{}{end}", names::key_part(name));
        self.upload(local, folder, &path, on_conflict).await
    }

    /// Begins to download the object or folder at `path` into the folder `into` of this computer, as `name` if given,
    /// or under its own name as far as a disk can have that. What a folder consists of is downloaded with it. Nothing
    /// is written outside `into`.
    ///
    /// # Errors
    /// As for [`upload`](Self::upload).
    pub async fn download(
        &self,
        folder: &Folder,
        path: &str,
        into: &Path,
        name: Option<&str>,
        on_conflict: OnConflict,
    ) -> Result<TransferId, Error> {
        let into = disk::real(into)?;
        let name = name.map(str::to_owned);
        let order = Order::new(TransferKind::Download, folder, path, into, name);
        self.queue.start(order, on_conflict).await
    }

    /// All transfers since the start, unfinished ones of earlier runs among them, in the order they were begun.
    /// To be asked again and again while one is [running](super::TransferState::Running): bytes announce themselves nowhere.
    pub fn transfers(&self) -> Vec<Transfer> {
        let mut all: Vec<_> = self
            .queue
            .jobs()
            .all
            .iter()
            .filter(|job| job.is_listed())
            .map(|job| job.transfer())
            .collect();
        all.sort_by_key(|transfer| transfer.id);
        all
    }

    /// Changes whenever a transfer has another state, or another file of one is done.
    pub fn watch_transfers(&self) -> watch::Receiver<u64> {
        self.queue.shared.changes.subscribe()
    }

    /// Takes up what earlier runs left, and what failed for want of a network or a session: goes on with what was
    /// neither finished nor paused, and undoes what was cancelled. To be called once somebody is signed in, and again when the network has come back.
    ///
    /// # Errors
    /// [`Error::Session`] when nobody is signed in.
    pub async fn restore_transfers(&self) -> Result<(), Error> {
        let all = self.queue.jobs().all.clone();
        for job in all {
            if job.owes() || (job.waits() && job.wish(Wish::Go)) {
                self.queue.run(job);
            }
        }
        self.queue.restore().await
    }

    /// Stops it for now. What has arrived is kept.
    pub fn pause(&self, id: TransferId) {
        if let Some(job) = self.queue.job(id) {
            job.wish(Wish::Pause);
        }
    }

    /// Goes on with one that is paused or has failed, from where it was.
    pub fn resume(&self, id: TransferId) {
        if let Some(job) = self.queue.job(id)
            && job.wish(Wish::Go)
        {
            self.queue.run(job);
        }
    }

    /// Says what is to become of the conflicts of one that is asking, and goes on with it.
    pub fn answer(&self, id: TransferId, answer: OnConflict) {
        if let Some(job) = self.queue.job(id)
            && job.wish(Wish::Go)
        {
            job.answer(answer);
            self.queue.run(job);
        }
    }

    /// Ends it and leaves no part of it behind, neither here nor in S3. Files that are done stay.
    pub fn cancel(&self, id: TransferId) {
        if let Some(job) = self.queue.job(id)
            && job.wish(Wish::Cancel)
        {
            self.queue.run(job);
        }
    }

    /// Takes it off the list when it is done or cancelled.
    pub fn dismiss(&self, id: TransferId) {
        if let Some(job) = self.queue.job(id) {
            job.dismiss();
        }
        // What is not settled has its journal still, and would come back from there.
        self.queue.jobs().all.retain(|job| !job.is_forgotten());
    }
}

impl Order {
    fn new(
        kind: TransferKind,
        folder: &Folder,
        path: &str,
        local: PathBuf,
        name: Option<String>,
    ) -> Self {
        Self {
            version: 1,
            kind,
            sub: String::new(),
            folder: folder.clone(),
            path: path.to_owned(),
            local,
            name,
        }
    }
}
