//! Deleting what is in a folder, and taking that back.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::s3::{Deed, S3};
use super::{Files, Folder, Progress};
use crate::error::{AwsService, Error};

/// Deleted by one request (S3 API reference, "`DeleteObjects`").
const AT_ONCE: usize = 1_000;

/// What a deletion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// So many objects are gone from view.
    pub objects: u64,
    folder: Folder,
    /// Where the bucket keeps versions: each key with its delete marker's version.
    markers: Vec<(String, String)>,
}

impl Deleted {
    /// Whether there is something that [`Files::undelete`] can bring back, and all of it: the bucket keeps versions, and no
    /// answer was lost on the way.
    pub fn can_be_undone(&self) -> bool {
        self.objects > 0 && self.objects == self.markers.len() as u64
    }
}

/// A deletion that came to an end before its time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotAllDeleted {
    /// What was deleted by then, to be taken back or not. Of a request whose answer never came, that is not known.
    pub deleted: Deleted,
    /// Why not the rest.
    pub error: Error,
}

/// A key, and the version of it that is meant, if not what is there now.
type Version = (String, Option<String>);

impl Files {
    /// Deletes objects, and folders with all that is in them, until `progress` breaks: what is deleted by then is
    /// answered with.
    ///
    /// # Errors
    /// [`NotAllDeleted`], with any error but [`Error::Payload`] and with what was deleted before, which stays so.
    pub async fn delete(
        &self,
        folder: &Folder,
        paths: &[String],
        progress: impl Fn(Progress) -> ControlFlow<()> + Send + Sync,
    ) -> Result<Deleted, Box<NotAllDeleted>> {
        let mut gone = Vec::new();
        let ended = self.delete_into(&mut gone, folder, paths, progress).await;
        let deleted = Deleted {
            objects: gone.len() as u64,
            folder: folder.clone(),
            markers: gone
                .into_iter()
                .filter_map(|(key, marker)| Some((key, marker?)))
                .collect(),
        };
        match ended {
            Ok(()) => Ok(deleted),
            Err(error) => Err(Box::new(NotAllDeleted { deleted, error })),
        }
    }

    async fn delete_into(
        &self,
        gone: &mut Vec<Version>,
        folder: &Folder,
        paths: &[String],
        progress: impl Fn(Progress) -> ControlFlow<()> + Send + Sync,
    ) -> Result<(), Error> {
        let mut total = 0;
        for path in paths {
            let mut pages = path.ends_with('/').then(|| self.s3.below(folder, path));
            let mut keys = vec![(folder.key(path), None)];
            loop {
                if let Some(pages) = &mut pages {
                    let Some(entries) = pages.next().await? else {
                        break;
                    };
                    let entries = entries.iter();
                    keys = entries
                        .map(|entry| (folder.key(&entry.path), None))
                        .collect();
                }
                total += keys.len() as u64;
                self.s3.delete_keys(folder, keys, None, gone).await?;
                let done = gone.len() as u64;
                if progress(Progress { done, total }).is_break() {
                    return Ok(());
                }
                if pages.is_none() {
                    break;
                }
                keys = Vec::new();
            }
        }
        Ok(())
    }

    /// Takes a deletion back, by removing the delete markers it left (S3 guide, "Managing delete markers").
    ///
    /// # Errors
    /// [`Error::NotAllowed`] where the role may not `s3:DeleteObjectVersion`; any but [`Error::Payload`].
    pub async fn undelete(&self, deleted: &Deleted) -> Result<(), Error> {
        let markers = deleted.markers.iter().cloned();
        let markers = markers.map(|(key, version)| (key, Some(version))).collect();
        let mut back = Vec::new();
        self.s3
            .delete_keys(&deleted.folder, markers, None, &mut back)
            .await
    }
}

impl S3 {
    /// Deletes these, if they are what this entity tag says, and notes each key that is gone and the version of the delete
    /// marker it has got, if it has.
    pub(super) async fn delete_keys(
        &self,
        folder: &Folder,
        keys: Vec<Version>,
        etag: Option<String>,
        gone: &mut Vec<Version>,
    ) -> Result<(), Error> {
        // Many at once are named in XML, which cannot name all; one by one in an address, which cannot either, but
        // not the same ones.
        let (named, addressed): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(key, _)| {
            !key.chars()
                .any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
        });
        for some in named.chunks(AT_ONCE) {
            self.delete_at_once(folder, some, etag.as_deref(), gone)
                .await?;
        }
        for (key, version) in addressed {
            let path = key.strip_prefix(&folder.prefix);
            let action = action(version.is_some());
            let unanswered = Unanswered::default();
            let answer = self
                .ask(
                    Deed {
                        action,
                        folder,
                        path,
                    },
                    |s3, credentials| {
                        s3.delete_object()
                            .bucket(&folder.bucket)
                            .key(&key)
                            .set_version_id(version.clone())
                            .set_if_match(etag.clone())
                            .customize()
                            .interceptor(unanswered.clone())
                            .config_override(credentials)
                            .send()
                    },
                )
                .await?;
            let marker = answer.version_id.filter(|version| {
                answer.delete_marker == Some(true) && hides(version) && !unanswered.any()
            });
            gone.push((key, marker));
        }
        Ok(())
    }

    async fn delete_at_once(
        &self,
        folder: &Folder,
        keys: &[Version],
        etag: Option<&str>,
        gone: &mut Vec<Version>,
    ) -> Result<(), Error> {
        let action = action(keys.iter().any(|(_, version)| version.is_some()));
        let first = keys
            .first()
            .and_then(|(key, _)| key.strip_prefix(&folder.prefix));
        let deed = Deed {
            action,
            folder,
            path: first,
        };
        let objects = keys.iter().map(|(key, version)| {
            let object = ObjectIdentifier::builder().key(key);
            let object = object.set_version_id(version.clone());
            object.set_e_tag(etag.map(str::to_owned)).build()
        });
        let delete = objects
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).build())
            .map_err(|_| Error::Protocol {
                service: AwsService::S3,
                problem: "cannot be asked to delete nothing",
            })?;
        let unanswered = Unanswered::default();
        let answer = self
            .ask(deed, |s3, credentials| {
                s3.delete_objects()
                    .bucket(&folder.bucket)
                    .delete(delete.clone())
                    .customize()
                    .interceptor(unanswered.clone())
                    .config_override(credentials)
                    .send()
            })
            .await?;
        // Each key has an answer of its own.
        gone.extend(answer.deleted().iter().map(|object| {
            let marker = object.delete_marker_version_id();
            let marker = marker.filter(|version| {
                object.delete_marker() == Some(true) && hides(version) && !unanswered.any()
            });
            let key = object.key().unwrap_or_default();
            (key.to_owned(), marker.map(str::to_owned))
        }));
        let Some(error) = answer.errors().first() else {
            return Ok(());
        };
        let path = error.key().and_then(|key| key.strip_prefix(&folder.prefix));
        let code = error.code().unwrap_or_default();
        Err(self.told(Deed { path, ..deed }, code).await)
    }
}

/// Whether an attempt may have done its work and was not answered: then the next one has left another delete marker, and
/// the first, which nobody knows, hides what was there when the second is taken away.
#[derive(Clone, Debug, Default)]
struct Unanswered(Arc<AtomicBool>);

impl Unanswered {
    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Unanswered {
    fn name(&self) -> &'static str {
        "Unanswered"
    }

    fn read_after_attempt(
        &self,
        attempt: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = attempt
            .response()
            .map(|response| response.status().as_u16());
        // With 503, S3 says that it does nothing for now (S3 guide, "Best practices design patterns").
        let is_refused = status.is_some_and(|status| status == 503 || (400..500).contains(&status));
        let is_done = matches!(attempt.output_or_error(), Some(Ok(_)));
        if !is_refused && !is_done {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Whether a delete marker hides what was there: that of a bucket whose versioning is suspended has taken its place (S3
/// guide, "Deleting objects from versioning-suspended buckets").
fn hides(marker: &str) -> bool {
    marker != "null"
}

fn action(version: bool) -> &'static str {
    if version {
        "s3:DeleteObjectVersion"
    } else {
        "s3:DeleteObject"
    }
}
