//! What is in a folder: one level of it in pages, a search below it, one entry of it.

use std::collections::HashSet;
use std::time::SystemTime;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};
use percent_encoding::percent_decode_str;

use super::s3::{Deed, S3};
use super::{FileError, Files, Folder};
use crate::error::{AwsService, Error};

/// A search ends after so many objects: a minute or two of listing.
const SEARCHED: u64 = 200_000;
/// Nobody reads more hits than this.
const HITS: usize = 1_000;

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the [`Folder`], ending in `/` for a folder. It is as S3 keeps it: anything may be in it.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// What other keys begin with.
    Folder,
    /// An object.
    File {
        /// In bytes.
        size: u64,
        /// When it was last written.
        modified: Option<SystemTime>,
        /// Its entity tag, quotes included: another one after every change.
        etag: String,
        /// Whether it is archived and must be restored before it can be read.
        archived: bool,
    },
}

/// What S3 gave at once, up to a thousand entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys.
    pub entries: Vec<Entry>,
    /// How many objects were looked at so far, for a search.
    pub looked_at: u64,
}

/// The entries of one folder, page by page. Drop it to stop.
pub struct Listing {
    pages: Pages,
}

/// The entries below a folder whose names contain the words, page by page. Drop it to stop.
pub struct Search {
    pages: Pages,
    words: String,
    folders: HashSet<String>,
    looked_at: u64,
    hits: usize,
    complete: bool,
}

/// One walk over keys.
pub(super) struct Pages {
    s3: S3,
    folder: Folder,
    path: String,
    /// Whether folders below are one entry each, instead of all that is in them.
    level: bool,
    at_once: i32,
    token: Option<String>,
    over: bool,
}

impl Files {
    /// What is at `path` of the folder, one level of it.
    pub fn list(&self, folder: &Folder, path: &str) -> Listing {
        let pages = Pages::new(&self.s3, folder, path, true);
        Listing { pages }
    }

    /// What is anywhere below `path` and has `words` in its name, in whatever case. It looks at 200,000 objects
    /// at most and finds 1,000: see [`Search::is_complete`].
    pub fn search(&self, folder: &Folder, path: &str, words: &str) -> Search {
        Search {
            pages: Pages::new(&self.s3, folder, path, false),
            words: words.trim().to_lowercase(),
            folders: HashSet::new(),
            looked_at: 0,
            hits: 0,
            complete: false,
        }
    }

    /// What is at this path now; `None` when there is nothing.
    ///
    /// It asks for a listing, which a role that may see its own prefix only is allowed; S3 would answer
    /// such a role 403 to `HeadObject` on what is not there (S3 API reference, "`HeadObject`").
    ///
    /// # Errors
    /// Any but [`Error::Payload`].
    pub async fn stat(&self, folder: &Folder, path: &str) -> Result<Option<Entry>, Error> {
        self.s3.stat(folder, path).await
    }
}

impl S3 {
    pub(super) async fn stat(&self, folder: &Folder, path: &str) -> Result<Option<Entry>, Error> {
        let mut pages = Pages::new(self, folder, path, false);
        pages.at_once = 1;
        // Of all keys that begin with it, the key itself comes first.
        let first = pages.next().await?.into_iter().flatten().next();
        let is_folder = path.is_empty() || path.ends_with('/');
        Ok(match first {
            Some(_) if is_folder => Some(Entry {
                path: path.to_owned(),
                kind: EntryKind::Folder,
            }),
            entry => entry.filter(|entry| entry.path == path),
        })
    }

    /// Everything below a folder, its markers included.
    pub(super) fn below(&self, folder: &Folder, path: &str) -> Pages {
        Pages::new(self, folder, path, false)
    }
}

impl Listing {
    /// The next entries; `None` after the last.
    ///
    /// # Errors
    /// Any but [`Error::Payload`]. The same page may be asked for again.
    pub async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(mut entries) = self.pages.next().await? else {
            return Ok(None);
        };
        // The folder's own marker.
        entries.retain(|entry| entry.path != self.pages.path);
        Ok(Some(Page {
            looked_at: 0,
            entries,
        }))
    }
}

impl Search {
    /// The next finds, which may be none; `None` at the end.
    ///
    /// # Errors
    /// As for [`Listing::next`].
    pub async fn next(&mut self) -> Result<Option<Page>, Error> {
        if self.looked_at >= SEARCHED || self.hits >= HITS {
            return Ok(None);
        }
        let Some(objects) = self.pages.next().await? else {
            self.complete = true;
            return Ok(None);
        };
        self.looked_at += objects.len() as u64;
        let mut entries = Vec::new();
        for object in objects {
            self.folders_of(&object.path, &mut entries);
            if object.is_file() && self.matches(object.name()) {
                entries.push(object);
            }
        }
        self.hits += entries.len();
        Ok(Some(Page {
            entries,
            looked_at: self.looked_at,
        }))
    }

    /// Whether everything was looked at, once [`next`](Self::next) has given `None`.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The folders an object is in, each of them once.
    fn folders_of(&mut self, path: &str, found: &mut Vec<Entry>) {
        let start = self.pages.path.len();
        let ends = path.match_indices('/').map(|(slash, _)| slash + 1);
        for end in ends.filter(|end| *end > start) {
            let folder = &path[..end];
            if self.folders.contains(folder) {
                continue;
            }
            self.folders.insert(folder.to_owned());
            let entry = Entry {
                path: folder.to_owned(),
                kind: EntryKind::Folder,
            };
            if self.matches(entry.name()) {
                found.push(entry);
            }
        }
    }

    fn matches(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.words)
    }
}

impl Pages {
    fn new(s3: &S3, folder: &Folder, path: &str, level: bool) -> Self {
        Self {
            s3: s3.clone(),
            folder: folder.clone(),
            path: path.to_owned(),
            level,
            at_once: 1_000,
            token: None,
            over: false,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<Entry>>, Error> {
        if self.over {
            return Ok(None);
        }
        let deed = Deed {
            action: "s3:ListBucket",
            folder: &self.folder,
            path: None,
        };
        let (prefix, token) = (self.folder.key(&self.path), self.token.clone());
        let (level, at_once) = (self.level, self.at_once);
        let answer = self
            .s3
            .ask(deed, |s3, credentials| {
                s3.list_objects_v2()
                    .bucket(&self.folder.bucket)
                    .prefix(&prefix)
                    .set_delimiter(level.then(|| "/".to_owned()))
                    .max_keys(at_once)
                    .set_continuation_token(token.clone())
                    // A key may hold what XML cannot (S3 API reference, "ListObjectsV2", EncodingType).
                    .encoding_type(EncodingType::Url)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await
            .map_err(|error| match error {
                Error::NotAllowed { action, role, .. } => Error::NotAllowed {
                    action,
                    // What a policy can allow it on.
                    resource: format!(
                        "arn:aws:s3:::{} with the prefix {prefix}",
                        self.folder.bucket
                    ),
                    role,
                },
                error => error,
            })?;
        self.token = answer.next_continuation_token.clone();
        self.over = !answer.is_truncated.unwrap_or_default() || self.token.is_none();
        self.entries(answer).map(Some)
    }

    /// In the order of their keys; S3 gives folders apart.
    fn entries(&self, answer: ListObjectsV2Output) -> Result<Vec<Entry>, Error> {
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let path = |key: Option<String>| {
            let key = key.unwrap_or_default();
            let key = if encoded { decoded(&key)? } else { key };
            let path = key.strip_prefix(&self.folder.prefix);
            Ok::<_, Error>(path.ok_or_else(strange)?.to_owned())
        };
        let mut entries = Vec::new();
        for folder in answer.common_prefixes.unwrap_or_default() {
            entries.push(Entry {
                path: path(folder.prefix)?,
                kind: EntryKind::Folder,
            });
        }
        for object in answer.contents.unwrap_or_default() {
            let kind = file(&object);
            let path = path(object.key)?;
            entries.push(Entry { path, kind });
        }
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }
}

impl Entry {
    /// The last part of its path, without the `/` of a folder.
    pub fn name(&self) -> &str {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// Whether it is an object, and not the marker that makes an empty folder.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, EntryKind::File { .. }) && !self.path.ends_with('/')
    }

    /// In bytes; 0 for a folder.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size, .. } => size,
            EntryKind::Folder => 0,
        }
    }

    pub(super) fn etag(self) -> Option<String> {
        match self.kind {
            EntryKind::File { etag, .. } => Some(etag),
            EntryKind::Folder => None,
        }
    }

    /// As what the person asked for: an object, not a folder.
    pub(super) fn into_file(self) -> Result<Self, FileError> {
        if self.is_file() {
            Ok(self)
        } else {
            Err(FileError::NotFound { name: self.path })
        }
    }
}

fn file(object: &Object) -> EntryKind {
    let class = object.storage_class().map(|class| class.as_str());
    EntryKind::File {
        size: object
            .size
            .and_then(|size| size.try_into().ok())
            .unwrap_or(0),
        modified: object
            .last_modified
            .and_then(|modified| SystemTime::try_from(modified).ok()),
        etag: object.e_tag.clone().unwrap_or_default(),
        archived: matches!(class, Some("GLACIER" | "DEEP_ARCHIVE")),
    }
}

/// S3 encodes as forms do: a space is a plus.
pub(super) fn decoded(key: &str) -> Result<String, Error> {
    let key = key.replace('+', " ");
    let key = percent_decode_str(&key).decode_utf8();
    Ok(key.map_err(|_| strange())?.into_owned())
}

fn strange() -> Error {
    Error::Protocol {
        service: AwsService::S3,
        problem: "listed a key that was not asked for",
    }
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}
