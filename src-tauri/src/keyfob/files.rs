//! The person's files. The page names a folder of the profile by its place in their list and what is in it by a
//! path relative to it; it has no words for anything outside.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cognito_aws::{Deleted, Files, Folder};
use cognito_client::Profile;
use tokio::sync::watch;

use super::Keyfob;
use super::account::{Account, Live};
use super::drags::{Drags, DragsFolder};
use crate::view::{
    CommandError, Conflict, DeletedView, ErrorCode, FileFolderView, FilePreviewView, FilesPageView,
    ListedView, ProgressView, unix_seconds,
};

/// A link is asked to live as long as S3 lets any; mostly it dies earlier, with the credentials.
const LINK_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Everybody's files.
#[derive(Default)]
pub(super) struct AllFiles {
    /// Where the journals of unfinished transfers are kept.
    journals: PathBuf,
    pub(super) drags: DragsFolder,
    /// By the folder of their journals: profiles that share it share the transfers.
    people: Mutex<HashMap<PathBuf, Arc<Person>>>,
    /// Counted up by each listing, which ends the one before.
    listing: watch::Sender<u64>,
    /// Counted up to end the changes that are being made.
    stops: AtomicU64,
}

/// One person's, until they sign out.
pub(super) struct Person {
    sub: String,
    live: Weak<Live>,
    pub(super) files: Files,
    /// The last deletion, and its number.
    deleted: Mutex<(u32, Option<Deleted>)>,
    /// Whether unfinished transfers are to be taken up.
    pub(super) to_restore: Mutex<bool>,
    pub(super) drags: Drags,
    pub(super) drags_folder: DragsFolder,
}

impl AllFiles {
    fn people(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<Person>>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of whoever is signed in with this account.
    pub(super) fn of(&self, account: &Account, sub: &str) -> Result<Arc<Person>, CommandError> {
        let aws = account.live.aws()?.clone();
        let journal = self.journals.join(journal_of(&account.profile));
        let mut people = self.people();
        let known = people.get(&journal).filter(|person| person.sub == sub);
        if let Some(person) = known {
            return Ok(person.clone());
        }
        let person = Arc::new(Person {
            sub: sub.to_owned(),
            live: Arc::downgrade(&account.live),
            files: Files::new(aws, journal.clone()),
            deleted: Mutex::default(),
            to_restore: Mutex::new(true),
            drags: Drags::default(),
            drags_folder: self.drags.clone(),
        });
        people.insert(journal, person.clone());
        Ok(person)
    }

    /// Which listing is the latest.
    pub(super) fn listing(&self) -> u64 {
        *self.listing.borrow()
    }

    /// Tells how far a change has come, until the changes are stopped.
    fn until_stopped(
        &self,
        tell: impl Fn(cognito_aws::Progress) + Send + Sync,
    ) -> impl Fn(cognito_aws::Progress) -> ControlFlow<()> + Send + Sync {
        let at_first = self.stops.load(Ordering::Relaxed);
        move |progress| {
            tell(progress);
            match self.stops.load(Ordering::Relaxed) == at_first {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        }
    }

    /// Whose session is not there for now takes up their transfers when it is again.
    pub(super) fn wait_for(&self, live: &Arc<Live>) {
        let people = self.people();
        let theirs = |person: &&Arc<Person>| {
            let known = person.live.upgrade();
            known.is_some_and(|known| Arc::ptr_eq(&known, live))
        };
        for person in people.values().filter(theirs) {
            *person
                .to_restore
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = true;
        }
    }

    /// Lets go of those who are signed out, and of profiles that are gone; what they were transferring stops.
    pub(super) fn keep(&self, is_kept: impl Fn(&Arc<Live>, &str) -> bool) {
        self.people().retain(|_, person| {
            let live = person.live.upgrade();
            live.is_some_and(|live| is_kept(&live, &person.sub))
        });
    }
}

impl Keyfob {
    /// Names the folder for what the app must remember of transfers, and for what is dragged out of it.
    #[must_use]
    pub fn with_journals(mut self, folder: impl Into<PathBuf>) -> Self {
        self.files.journals = folder.into();
        self.files.drags = DragsFolder::beside(&self.files.journals);
        self
    }

    /// The profile's folders.
    ///
    /// # Errors
    /// [`CommandError`] when there are no credentials.
    pub async fn file_folders(&self) -> Result<Vec<FileFolderView>, CommandError> {
        let (_, folders) = self.their_folders().await?;
        Ok(folders.into_iter().map(Into::into).collect())
    }

    /// Tells what is at `path`, or, with `words`, what is anywhere below and has them in its name; page by page,
    /// until another listing begins.
    ///
    /// # Errors
    /// [`CommandError`] when S3 does not say.
    pub async fn list_files(
        &self,
        folder: usize,
        path: &str,
        words: Option<&str>,
        tell: impl Fn(FilesPageView) + Send,
    ) -> Result<ListedView, CommandError> {
        let mut superseded = {
            self.files.listing.send_modify(|listing| *listing += 1);
            self.files.listing.subscribe()
        };
        let mut pages = 0;
        let list = async {
            let (person, folder) = self.folder(folder).await?;
            let mut tell = |page: cognito_aws::Page| {
                pages += 1;
                tell(FilesPageView {
                    files: page.entries.into_iter().map(Into::into).collect(),
                    looked_at: page.looked_at,
                });
            };
            let Some(words) = words else {
                let mut listing = person.files.list(&folder, path);
                while let Some(page) = listing.next().await? {
                    tell(page);
                }
                return Ok::<_, CommandError>(true);
            };
            let mut search = person.files.search(&folder, path, words);
            while let Some(page) = search.next().await? {
                tell(page);
            }
            Ok(search.is_complete())
        };
        tokio::select! {
            complete = list => Ok(ListedView { complete: complete?, pages }),
            _ = superseded.changed() => Ok(ListedView { complete: false, pages: 0 }),
        }
    }

    /// Makes an empty folder.
    ///
    /// # Errors
    /// [`CommandError`], with [`ErrorCode::Exists`] when something of the name is there.
    pub async fn create_folder(&self, folder: usize, path: &str) -> Result<(), CommandError> {
        let (person, folder) = self.folder(folder).await?;
        Ok(person.files.create_folder(&folder, named(path)?).await?)
    }

    /// Gives a file or a folder another name or place in the same folder of the profile; answers with its path, which
    /// is the one it had when that was stopped.
    ///
    /// # Errors
    /// As [`create_folder`](Self::create_folder), when `conflict` says to ask.
    pub async fn rename_file(
        &self,
        folder: usize,
        from: &str,
        to: &str,
        conflict: Conflict,
        tell: impl Fn(ProgressView) + Send + Sync,
    ) -> Result<String, CommandError> {
        let (person, folder) = self.folder(folder).await?;
        let (from, to) = ((&folder, named(from)?), (&folder, named(to)?));
        let tell = self.files.until_stopped(|progress| tell(progress.into()));
        Ok(person.files.rename(from, to, conflict.into(), tell).await?)
    }

    /// Whether what is deleted from the folder can be had back; nothing, where the person may not know.
    ///
    /// # Errors
    /// [`CommandError`] when S3 does not say.
    pub async fn keeps_versions(&self, folder: usize) -> Result<Option<bool>, CommandError> {
        let (person, folder) = self.folder(folder).await?;
        Ok(person.files.keeps_versions(&folder).await?)
    }

    /// Deletes files, and folders with all that is in them. What was deleted before something went wrong stays so, and
    /// is answered with.
    ///
    /// # Errors
    /// [`CommandError`] when nothing was deleted.
    pub async fn delete_files(
        &self,
        folder: usize,
        paths: &[String],
        tell: impl Fn(ProgressView) + Send + Sync,
    ) -> Result<DeletedView, CommandError> {
        for path in paths {
            named(path)?;
        }
        let (person, folder) = self.folder(folder).await?;
        let tell = self.files.until_stopped(|progress| tell(progress.into()));
        let (deleted, problem) = match person.files.delete(&folder, paths, tell).await {
            Ok(deleted) => (deleted, None),
            Err(not_all) if not_all.deleted.objects > 0 => (not_all.deleted, Some(not_all.error)),
            Err(nothing) => return Err(nothing.error.into()),
        };
        Ok(DeletedView {
            objects: deleted.objects,
            undo: person.remember(deleted),
            problem: problem.map(Into::into),
        })
    }

    /// Ends the renaming and the deletions that are under way, after what they are just at.
    pub fn stop_changes(&self) {
        self.files.stops.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the last deletion back.
    ///
    /// # Errors
    /// [`CommandError`] when it is not the last, or when S3 does not.
    pub async fn undo_delete(&self, undo: u32) -> Result<(), CommandError> {
        let (person, _) = self.person().await?;
        let deleted = person.deletion(undo).ok_or_else(|| CommandError {
            code: ErrorCode::File,
            message: "This deletion cannot be taken back any more.".into(),
            remedy: "Ask your administrator: the bucket may keep earlier versions.".into(),
        })?;
        person.files.undelete(&deleted).await?;
        person.forget(undo);
        Ok(())
    }

    /// What can be shown of a file.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be read.
    pub async fn preview_file(
        &self,
        folder: usize,
        path: &str,
    ) -> Result<FilePreviewView, CommandError> {
        let (person, folder) = self.folder(folder).await?;
        Ok(person.files.preview(&folder, named(path)?).await?.into())
    }

    /// Puts a link to a file on the clipboard, and nowhere else; answers when it dies.
    ///
    /// # Errors
    /// [`CommandError`] when there is no such file, no credentials, or no clipboard.
    pub async fn share_file(&self, folder: usize, path: &str) -> Result<u64, CommandError> {
        let (person, folder) = self.folder(folder).await?;
        let link = person.files.link(&folder, named(path)?, LINK_LIFE).await?;
        self.copy_link(String::from(link.url).into()).await?;
        Ok(unix_seconds(link.expires))
    }

    /// The files of the person who is signed in with the current profile.
    pub(super) async fn person(&self) -> Result<(Arc<Person>, Account), CommandError> {
        let account = self.current()?;
        let user = account.live.session.user().await?;
        Ok((self.files.of(&account, &user.sub)?, account))
    }

    async fn their_folders(&self) -> Result<(Arc<Person>, Vec<Folder>), CommandError> {
        let (person, account) = self.person().await?;
        let folders = person.files.folders_of(&account.profile).await?;
        Ok((person, folders))
    }

    /// A folder that the profile lists, and no other.
    pub(super) async fn folder(&self, at: usize) -> Result<(Arc<Person>, Folder), CommandError> {
        let (person, mut folders) = self.their_folders().await?;
        if at >= folders.len() {
            return Err(CommandError {
                code: ErrorCode::NotAllowed,
                message: "The profile does not list this folder.".into(),
                remedy: "Ask your administrator to add it to the profile's `[[buckets]]`.".into(),
            });
        }
        Ok((person, folders.swap_remove(at)))
    }
}

impl Person {
    fn deleted(&self) -> MutexGuard<'_, (u32, Option<Deleted>)> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, deleted: Deleted) -> Option<u32> {
        let mut last = self.deleted();
        last.0 += 1;
        last.1 = deleted.can_be_undone().then_some(deleted);
        last.1.is_some().then_some(last.0)
    }

    fn deletion(&self, number: u32) -> Option<Deleted> {
        let last = self.deleted();
        last.1.clone().filter(|_| last.0 == number)
    }

    fn forget(&self, number: u32) {
        let mut last = self.deleted();
        if last.0 == number {
            last.1 = None;
        }
    }
}

/// A path that names something in a folder, and not the folder itself.
pub(super) fn named(path: &str) -> Result<&str, CommandError> {
    if path.trim_matches('/').is_empty() {
        return Err(CommandError {
            code: ErrorCode::NotAllowed,
            message: "The folder itself cannot be changed.".into(),
            remedy: "Choose something in it.".into(),
        });
    }
    Ok(path)
}

/// The folder of a profile's journals: its own, and the same one after it was renamed or its buckets were changed.
fn journal_of(profile: &Profile) -> String {
    let pool = profile.identity_pool_id.as_deref().unwrap_or_default();
    let key = format!("{}\n{pool}", profile.session_key());
    // FNV-1a of 64 bits, which stays what it is: `Hash` may change with the compiler.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_are_found_again() {
        let mut profile = Profile::local_demo();
        let folder = journal_of(&profile);
        assert_eq!(folder, "3912c59b125cf01a");
        profile.name = "Another name".into();
        profile.buckets.clear();
        assert_eq!(journal_of(&profile), folder);
        profile.client_id = "another".into();
        assert_ne!(journal_of(&profile), folder);
    }

    #[test]
    fn the_folder_itself_has_no_name() {
        for path in ["", "/", "//"] {
            assert_eq!(named(path).unwrap_err().code, ErrorCode::NotAllowed);
        }
        assert_eq!(named("/a").unwrap(), "/a");
    }
}
