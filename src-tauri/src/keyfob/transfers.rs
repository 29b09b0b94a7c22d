//! Uploads and downloads, and telling the page of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use cognito_aws::{Files, Folder, OnConflict, TransferId, TransferState};
use cognito_client::SessionState;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Keyfob;
use super::files::{Person, named};
use crate::view::{CommandError, Conflict, ErrorCode, TransferStateView, TransferView};

/// The page is told of bytes so often, and of nothing while nothing runs.
const TELLING: Duration = Duration::from_millis(250);

impl Keyfob {
    /// Tells the current profile's transfers now and whenever they change, until `tell` says nobody listens; takes up
    /// what earlier runs left, for whoever is signed in. A reloaded page takes the place of the one before.
    pub fn watch_transfers(
        self: &Arc<Self>,
        tell: impl FnMut(Vec<TransferView>) -> bool + Send + 'static,
    ) {
        let keyfob = self.clone();
        let task = tokio::spawn(async move { keyfob.tell_transfers(tell).await }).abort_handle();
        let page = self.transfers.lock();
        let mut page = page.unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = page.replace(task) {
            former.abort();
        }
    }

    async fn tell_transfers(&self, mut tell: impl FnMut(Vec<TransferView>) -> bool) {
        let mut accounts = self.accounts.subscribe();
        let mut ticks = tokio::time::interval(TELLING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            accounts.mark_unchanged();
            let current = self.tend();
            let mut changes = current
                .as_ref()
                .map(|person| person.files.watch_transfers());
            let transfers = current.as_ref().map(|person| person.files.transfers());
            let transfers = transfers.unwrap_or_default();
            let running = |state: &TransferState| matches!(state, TransferState::Running);
            let is_running = transfers.iter().any(|transfer| running(&transfer.state));
            let transfers = transfers.into_iter();
            let told_of = transfers.filter(|transfer| !self.files.drags.is_over_for(transfer));
            let view: Vec<_> = told_of.map(TransferView::from).collect();
            if told.as_ref() != Some(&view) {
                if !tell(view.clone()) {
                    return;
                }
                told = Some(view);
            }
            // However much happens, the page is told four times a second.
            ticks.tick().await;
            if is_running {
                continue;
            }
            tokio::select! {
                changed = accounts.changed() => if changed.is_err() { return },
                () = changed(changes.as_mut()) => {}
            }
        }
    }

    /// Takes up the transfers of those who have signed in or come back online, and lets go of those who are signed
    /// out; gives the current profile's person.
    fn tend(&self) -> Option<Arc<Person>> {
        let accounts = self.accounts.borrow();
        self.files.keep(|live, sub| {
            let is_known = accounts
                .iter()
                .any(|account| Arc::ptr_eq(&account.live, live));
            is_known
                && match live.session.status().state {
                    SessionState::SignedIn(user) => user.sub == sub,
                    SessionState::SignedOut => false,
                    // They may come back.
                    _ => true,
                }
        });
        let mut current = None;
        for account in accounts.iter() {
            let status = account.live.session.status();
            let SessionState::SignedIn(user) = status.state else {
                self.files.wait_for(&account.live);
                continue;
            };
            let Ok(person) = self.files.of(account, &user.sub) else {
                continue;
            };
            person.tend(status.offline_since.is_some());
            let shown = accounts.current().map(|current| current.name());
            if shown == Some(account.name()) {
                current = Some(person);
            }
        }
        current
    }

    /// Names a folder, for when the person has said what is to be transferred.
    ///
    /// # Errors
    /// [`CommandError`] when the profile does not list it.
    pub async fn s3_folder(&self, folder: usize) -> Result<S3Folder, CommandError> {
        let (person, folder) = self.folder(folder).await?;
        let person = Arc::downgrade(&person);
        Ok(S3Folder { person, folder })
    }

    /// Does this to a transfer of the person's.
    ///
    /// # Errors
    /// [`CommandError`] when nobody is signed in.
    async fn with_transfer(
        &self,
        id: u64,
        act: impl FnOnce(&Files, TransferId),
    ) -> Result<(), CommandError> {
        let (person, _) = self.person().await?;
        act(&person.files, TransferId(id));
        Ok(())
    }

    /// Stops a transfer for now.
    ///
    /// # Errors
    /// [`CommandError`] when nobody is signed in.
    pub async fn pause_transfer(&self, id: u64) -> Result<(), CommandError> {
        self.with_transfer(id, Files::pause).await
    }

    /// Goes on with one that is paused or has failed.
    ///
    /// # Errors
    /// As [`pause_transfer`](Self::pause_transfer).
    pub async fn resume_transfer(&self, id: u64) -> Result<(), CommandError> {
        self.with_transfer(id, Files::resume).await
    }

    /// Ends one and leaves no part of it behind.
    ///
    /// # Errors
    /// As [`pause_transfer`](Self::pause_transfer).
    pub async fn cancel_transfer(&self, id: u64) -> Result<(), CommandError> {
        self.with_transfer(id, Files::cancel).await
    }

    /// Says what is to become of a transfer's conflicts.
    ///
    /// # Errors
    /// As [`pause_transfer`](Self::pause_transfer).
    pub async fn answer_transfer(&self, id: u64, conflict: Conflict) -> Result<(), CommandError> {
        self.with_transfer(id, |files, id| files.answer(id, conflict.into()))
            .await
    }

    /// Takes all that are done or cancelled off the list.
    ///
    /// # Errors
    /// As [`pause_transfer`](Self::pause_transfer).
    pub async fn clear_transfers(&self) -> Result<(), CommandError> {
        let (person, _) = self.person().await?;
        for transfer in person.files.transfers() {
            let state = TransferStateView::from(transfer.state);
            if matches!(
                state,
                TransferStateView::Done | TransferStateView::Cancelled
            ) {
                person.files.dismiss(transfer.id);
            }
        }
        Ok(())
    }

    /// The folder of this computer that a download goes into.
    ///
    /// # Errors
    /// [`CommandError`] when there is no such transfer.
    pub async fn transfer_folder(&self, id: u64) -> Result<PathBuf, CommandError> {
        let (person, _) = self.person().await?;
        let transfers = person.files.transfers();
        let is_it = |transfer: &cognito_aws::Transfer| {
            transfer.id.0 == id && transfer.kind == cognito_aws::TransferKind::Download
        };
        let transfer = transfers.into_iter().find(is_it).ok_or_else(no_folder)?;
        Ok(transfer.local)
    }
}

/// A folder of whoever was signed in when it was named, whichever profile is the current one by now.
pub struct S3Folder {
    person: Weak<Person>,
    folder: Folder,
}

impl S3Folder {
    fn person(&self) -> Result<Arc<Person>, CommandError> {
        // Signed out meanwhile.
        self.person.upgrade().ok_or_else(|| CommandError {
            code: ErrorCode::SignInRequired,
            message: "You have signed out meanwhile.".into(),
            remedy: "Sign in, and choose once more.".into(),
        })
    }

    /// Begins to upload files and folders of this computer.
    ///
    /// # Errors
    /// [`CommandError`] of the first that could not be begun with; the others have been.
    pub async fn upload(&self, path: &str, locals: &[PathBuf]) -> Result<usize, CommandError> {
        if !(path.is_empty() || path.ends_with('/')) {
            return Err(no_folder());
        }
        let person = self.person()?;
        let mut refused = None;
        for local in locals {
            let files = &person.files;
            let begun = files.upload_into(local, &self.folder, path, OnConflict::Ask);
            if let Err(error) = begun.await {
                refused.get_or_insert(error);
            }
        }
        refused.map_or(Ok(locals.len()), |error| Err(error.into()))
    }

    /// Begins to download files and folders into a folder of this computer.
    ///
    /// # Errors
    /// As [`upload`](Self::upload).
    pub async fn download(
        &self,
        paths: &[String],
        into: &Path,
        conflict: Conflict,
    ) -> Result<usize, CommandError> {
        for path in paths {
            named(path)?;
        }
        let person = self.person()?;
        let mut refused = None;
        for path in paths {
            let files = &person.files;
            let begun = files.download(&self.folder, path, into, None, conflict.into());
            if let Err(error) = begun.await {
                refused.get_or_insert(error);
            }
        }
        refused.map_or(Ok(paths.len()), |error| Err(error.into()))
    }
}

impl Person {
    /// Takes up unfinished transfers, once after each time without network.
    fn tend(&self, offline: bool) {
        let mut to_restore = self
            .to_restore
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if offline || !*to_restore {
            *to_restore |= offline;
            return;
        }
        *to_restore = false;
        let (files, drags) = (self.files.clone(), self.drags_folder.clone());
        tokio::spawn(async move {
            if let Err(error) = files.restore_transfers().await {
                tracing::warn!(%error, "unfinished transfers are not taken up");
            }
            drags.cancel_old(&files);
        });
    }
}

async fn changed(changes: Option<&mut watch::Receiver<u64>>) {
    let alive = match changes {
        Some(changes) => changes.changed().await.is_ok(),
        None => false,
    };
    if !alive {
        std::future::pending::<()>().await;
    }
}

fn no_folder() -> CommandError {
    CommandError {
        code: ErrorCode::File,
        message: "There is no such folder.".into(),
        remedy: "Look at the folder again.".into(),
    }
}
