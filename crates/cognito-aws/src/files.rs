//! The person's files in S3: folders of the profile's buckets, browsed, changed and shared.
//!
//! Paths are relative to their [`Folder`] and use `/`. One that ends in `/`, or is empty, names a folder, which in S3
//! is no more than what keys begin with; every other names an object.

mod change;
mod deed;
mod delete;
mod error;
mod link;
mod listing;
mod names;
mod preview;
mod s3;
mod transfer;
mod versions;

use std::path::PathBuf;
use std::sync::Arc;

use cognito_client::{Bucket, Profile};
use serde::{Deserialize, Serialize};

pub use change::{OnConflict, Progress};
pub use delete::{Deleted, NotAllDeleted};
pub use error::{FileError, LocalCause};
pub use link::Link;
pub use listing::{Entry, EntryKind, Listing, Page, Search};
pub use preview::Preview;
pub use transfer::{Proof, Transfer, TransferId, TransferKind, TransferState};

use crate::aws::Aws;
use crate::error::Error;
use s3::S3;
use transfer::Queue;

/// The files of whoever is signed in. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Files {
    s3: S3,
    queue: Arc<Queue>,
}

/// A folder of a bucket that the profile names, for the person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// What the person reads.
    pub title: String,
    /// The bucket.
    pub bucket: String,
    /// What every key in the folder begins with: empty, or ending in `/`.
    pub prefix: String,
    /// The bucket's Region.
    pub region: String,
    /// Whether it is the person's own; others are shared.
    pub personal: bool,
}

impl Files {
    /// The files that `aws` gives access to. Nothing is sent yet. The journal of unfinished transfers is kept
    /// in the folder `journal`, which is one profile's own.
    pub fn new(aws: Aws, journal: impl Into<PathBuf>) -> Self {
        let s3 = S3::new(aws);
        let queue = Arc::new(Queue::new(s3.clone(), journal.into()));
        Self { s3, queue }
    }

    /// The profile's folders, in its order, with the person's identity ID filled in.
    ///
    /// # Errors
    /// What getting credentials ends in.
    pub async fn folders(&self) -> Result<Vec<Folder>, Error> {
        self.folders_of(self.s3.session().profile()).await
    }

    /// As [`folders`](Self::folders), those of another profile for the same user pool and identity pool.
    ///
    /// # Errors
    /// What getting credentials ends in.
    pub async fn folders_of(&self, profile: &Profile) -> Result<Vec<Folder>, Error> {
        if profile.buckets.is_empty() {
            return Ok(Vec::new());
        }
        let identity_id = self.s3.identity_id().await?;
        let folder = |bucket: &Bucket| Folder {
            title: match &bucket.title {
                Some(title) => title.clone(),
                None if bucket.is_personal() => format!("{} (yours)", bucket.bucket),
                None => bucket.bucket.clone(),
            },
            bucket: bucket.bucket.clone(),
            prefix: bucket.prefix_of(&identity_id),
            region: bucket.region.as_ref().unwrap_or(&profile.region).clone(),
            personal: bucket.is_personal(),
        };
        Ok(profile.buckets.iter().map(folder).collect())
    }
}

impl Folder {
    /// The key of a path in this folder.
    pub fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}
