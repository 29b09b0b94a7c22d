//! One file from S3: in one request, or in ranges side by side, beside its place until all of it is there and proven.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_sdk_s3::types::ChecksumMode;
use crc_fast::CrcAlgorithm;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::task::{JoinError, JoinSet};

use super::checksum::{self, Expected, Proof};
use super::disk::{self, NotPlaced, Unfinished};
use super::job::{Job, Outcome, blocking};
use super::journal::{Download, Line};
use super::limits::{self, MIB};
use super::plan::Item;
use super::proof::{Object, expected_of};
use super::range::{ATTEMPTS, SILENCE, cut, not_as_long};
use super::sent::UnderWay;
use crate::error::Error;
use crate::files::s3::Deed;
use crate::files::{FileError, OnConflict, names};

/// What is not larger comes in one request; what is, in ranges of this size or more.
const RANGE: u64 = 8 * MIB;
const RANGES: u64 = 10_000;
/// Requests at once for one object, and the most that one of them brings: the more each brings, the fewer there are.
const AT_ONCE: u64 = 8;
const STRETCH: u64 = 32 * MIB;
/// What an address keeps of a key.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Where it comes from and goes to.
struct Route<'a> {
    object: Object<'a>,
    /// Which file of the transfer.
    file: &'a str,
    place: PathBuf,
    replace: bool,
}

impl Job {
    pub(super) async fn download(
        self: &Arc<Self>,
        item: &Item,
        etag: &str,
        place: &Path,
    ) -> Result<Outcome, Error> {
        let (order, begun, unsure, on_conflict) = {
            let record = &self.journal().record;
            (
                record.order.clone(),
                record.downloads.get(&item.path).cloned(),
                record.unsure.get(&item.path).cloned(),
                record.on_conflict,
            )
        };
        let path = format!("{}{}", order.path, item.path);
        let path = if item.path.is_empty() {
            order.path.clone()
        } else {
            path
        };
        let object = Object {
            deed: Deed::read(&order.folder, &path),
            etag,
            size: item.size,
        };
        // One that was begun and is gone may have got its name just before the end of that run.
        let perhaps = begun.as_ref().filter(|begun| !begun.unfinished.exists());
        let unsure = unsure.or_else(|| perhaps.map(|begun| begun.place.clone()));
        if let Some(place) = unsure
            && let Some(outcome) = self.look_again(item, object, place, on_conflict).await?
        {
            return Ok(outcome);
        }
        loop {
            let (root, below) = (order.local.clone(), place.to_owned());
            let begun = begun.as_ref().map(|begun| begun.place.clone());
            let find = move || spot(&root, &below, begun, on_conflict);
            let replace = on_conflict == OnConflict::Replace;
            let is_small = item.size <= RANGE;
            let proof = if is_small && !matches!(on_conflict, OnConflict::Ask | OnConflict::Skip) {
                // Whatever is there, it is fetched: where it goes is looked at when it is here, in one go with the rest.
                self.fetch_whole(item, object, replace, move || Ok(find()?.0))
                    .await?
            } else {
                let (place, taken) = blocking(find).await?;
                match on_conflict {
                    OnConflict::Ask if taken => return Ok(Outcome::Conflict(None)),
                    OnConflict::Skip if taken => {
                        self.drop_download(&item.path).await?;
                        return Ok(Outcome::Skipped);
                    }
                    _ => {}
                }
                if is_small {
                    self.fetch_whole(item, object, replace, move || Ok(place))
                        .await?
                } else {
                    let file = &item.path;
                    let route = Route {
                        object,
                        file,
                        place,
                        replace,
                    };
                    self.fetch_in_ranges(&route).await?
                }
            };
            match proof {
                Some(proof) => return Ok(Outcome::Done(Some(proof))),
                // A folder is never replaced by a file.
                None if replace => return Ok(Outcome::Conflict(None)),
                // Something has come there meanwhile.
                None => {}
            }
        }
    }

    /// Looks at a file that an earlier run put in its place, and may not have had put onto the disk: whether it is whole.
    /// `None` where nothing is there, and it is to be fetched.
    async fn look_again(
        &self,
        item: &Item,
        object: Object<'_>,
        place: PathBuf,
        on_conflict: OnConflict,
    ) -> Result<Option<Outcome>, Error> {
        let path = place.clone();
        let there = blocking(move || match path.symlink_metadata() {
            Ok(there) => Ok(Some(there)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::local(&path, &error)),
        });
        let there = there.await?;
        let file = item.path.clone();
        let Some(there) = there else {
            return Ok(None);
        };
        if there.is_file() && there.len() == object.size {
            let expected = self.expected(object).await?;
            match self.prove(object, &place, expected).await {
                // A length proves nothing here: room for all of it was taken first.
                Ok(Proof::Length) | Err(Error::File(_)) => {}
                proof => {
                    let proof = proof?;
                    self.bytes().fetch_add(object.size, Ordering::Relaxed);
                    self.journal().write(Line::Placed { file, place });
                    return Ok(Some(Outcome::Done(Some(proof))));
                }
            }
        }
        if on_conflict == OnConflict::KeepBoth {
            return Ok(None);
        }
        // It may be the person's by now, whatever they said of what was there before.
        let mut journal = self.journal();
        journal.write(Line::Dropped { file });
        journal.write(Line::OnConflict(OnConflict::Ask));
        Ok(Some(Outcome::Conflict(None)))
    }

    async fn drop_download(&self, file: &str) -> Result<(), Error> {
        let begun = self.journal().record.downloads.get(file).cloned();
        if let Some(begun) = begun {
            blocking(move || Unfinished::discard(&begun.unfinished)).await?;
            self.journal().write(Line::Dropped {
                file: file.to_owned(),
            });
        }
        Ok(())
    }

    /// `None` when something is at its place, which `find` tells.
    async fn fetch_whole(
        self: &Arc<Self>,
        item: &Item,
        object: Object<'_>,
        replace: bool,
        find: impl FnOnce() -> Result<PathBuf, FileError> + Send + 'static,
    ) -> Result<Option<Proof>, Error> {
        let _room = self.shared.limits.room(object.size).await;
        let under_way = UnderWay::new(&self.bytes());
        let mut attempt = 0;
        let (bytes, mut expected) = loop {
            attempt += 1;
            under_way.reset();
            match self.whole(object, &under_way).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS => {}
                whole => break whole?,
            }
        };
        let mut lengths = vec![object.size];
        if let Some(parts) = expected.as_ref().and_then(|expected| expected.parts) {
            match self.part_lengths(object, parts).await? {
                Some(known) => lengths = known,
                None => expected = None,
            }
        }
        let (id, url) = (self.id, self.url(object.deed));
        let damaged = object.damaged();
        let (job, file) = (self.clone(), item.path.clone());
        let placed = self
            .on_disk(move || {
                let whole = expected
                    .as_ref()
                    .map(|expected| expected.is_of(&bytes[..], &lengths));
                if !whole.is_none_or(|whole| whole.is_ok_and(|is| is)) {
                    return Err(damaged);
                }
                let proof = expected.map_or(Proof::Length, |expected| expected.proof());
                let place = find()?;
                let unfinished = Unfinished::create(&place, id)?;
                let written = unfinished.write_at(&[bytes.into()], 0);
                // First: were the name on the disk alone after a power failure, nobody would look at what it is of.
                job.note_placed(&file, &place);
                let placed = written.and_then(|()| place_it(&unfinished, &place, replace, &url));
                if !matches!(placed, Ok(true)) {
                    job.journal().write(Line::Dropped { file });
                    // The first error is the one to tell.
                    let _ = Unfinished::discard(&unfinished.path);
                }
                Ok::<_, Error>(placed?.then_some(proof))
            })
            .await?;
        if placed.is_some() {
            under_way.arrived(object.size);
        }
        Ok(placed)
    }

    async fn whole(
        &self,
        object: Object<'_>,
        under_way: &UnderWay,
    ) -> Result<(Vec<u8>, Option<Expected>), Error> {
        let (key, size) = (object.deed.key(), object.size);
        let answer = self
            .shared
            .s3
            .ask(object.deed, |s3, credentials| {
                s3.get_object()
                    .bucket(&object.deed.folder.bucket)
                    .key(&key)
                    .if_match(object.etag)
                    .checksum_mode(ChecksumMode::Enabled)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        let expected = expected_of!(answer, object.etag);
        let mut body = answer.body;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        loop {
            match tokio::time::timeout(SILENCE, body.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(chunk))) => {
                    bytes.extend_from_slice(&chunk);
                    under_way.add(chunk.len() as u64);
                    if bytes.len() as u64 > size {
                        return Err(not_as_long());
                    }
                }
                // The SDK compares whole answers itself.
                Ok(Some(Err(error))) if is_mismatch(&error) => return Err(object.damaged()),
                Ok(Some(Err(_))) | Err(_) => return Err(cut()),
            }
        }
        if bytes.len() as u64 == size {
            Ok((bytes, expected))
        } else {
            Err(cut())
        }
    }

    /// `None` when something is at its place.
    async fn fetch_in_ranges(self: &Arc<Self>, route: &Route<'_>) -> Result<Option<Proof>, Error> {
        let object = route.object;
        let expected = self.expected(object).await?;
        let crc = expected.as_ref().and_then(Expected::crc);
        // What an earlier run has written may be lost, and nothing would tell.
        let may_go_on = expected.is_some() || !self.journal().record.taken_up;
        let (download, unfinished) = self.begin_or_go_on(route, may_go_on).await?;
        let stretches = self.fetch_missing(route, &download, &unfinished, crc);
        let stretches = stretches.await?;
        // What an earlier run has written is proven by what is on the disk now.
        let whole = crc
            .filter(|_| download.ranges.is_empty())
            .map(|crc| checksum::combined(crc, stretches.into_iter()));
        let proof = match (whole, expected) {
            (Some(crc), Some(expected)) if expected.is_crc(crc) => Ok(expected.proof()),
            (Some(_), _) => Err(object.damaged()),
            (None, expected) => self.prove(object, &unfinished.path, expected).await,
        };
        if let Err(Error::File(FileError::Damaged { .. })) = proof {
            self.drop_download(route.file).await?;
        }
        let proof = proof?;
        let (place, replace, url) = (route.place.clone(), route.replace, self.url(object.deed));
        let (job, file) = (self.clone(), route.file.to_owned());
        let placed = self.on_disk(move || {
            let placed = place_it(&unfinished, &place, replace, &url)?;
            if placed {
                job.journal().write(Line::Placed { file, place });
            }
            Ok::<_, FileError>(placed)
        });
        let placed = placed.await?;
        if !placed {
            self.bytes().fetch_sub(object.size, Ordering::Relaxed);
        }
        Ok(placed.then_some(proof))
    }

    /// Answers with the checksums of the stretches it came in, each with its length.
    async fn fetch_missing(
        self: &Arc<Self>,
        route: &Route<'_>,
        download: &Download,
        unfinished: &Unfinished,
        crc: Option<CrcAlgorithm>,
    ) -> Result<Vec<(u64, u64)>, Error> {
        self.bytes()
            .fetch_add(download.received(), Ordering::Relaxed);
        limits::keep_memory();
        let deed = route.object.deed;
        let mut receiving = JoinSet::new();
        let mut received = BTreeMap::new();
        for numbers in download.missing(AT_ONCE, STRETCH) {
            if receiving.len() as u64 >= AT_ONCE {
                received.extend(ended(receiving.join_next().await)?);
            }
            // What has arrived is written soon: two batches of a megabyte at most.
            let room = self.shared.limits.room(2 * MIB).await;
            let (job, download, unfinished) = (self.clone(), download.clone(), unfinished.clone());
            let (folder, file) = (deed.folder.clone(), route.file.to_owned());
            let path = deed.path.unwrap_or_default().to_owned();
            receiving.spawn(async move {
                let source = (&folder, path.as_str(), file.as_str());
                let bytes = download.bytes_of(&numbers);
                let into = (&download, &unfinished);
                let crc = job.fetch_ranges(source, into, numbers, crc).await?;
                drop(room);
                Ok::<_, Error>((bytes.start, (crc, bytes.end - bytes.start)))
            });
        }
        while let Some(stretch) = receiving.join_next().await {
            received.extend(ended(Some(stretch))?);
        }
        Ok(received.into_values().collect())
    }

    /// Takes up what is there of it, if it is of this very object; or begins it.
    async fn begin_or_go_on(
        self: &Arc<Self>,
        route: &Route<'_>,
        may_go_on: bool,
    ) -> Result<(Download, Unfinished), Error> {
        let (size, file) = (route.object.size, route.file.to_owned());
        let begun = self.journal().record.downloads.get(&file).cloned();
        if let Some(begun) = begun {
            let path = begun.unfinished.clone();
            let there =
                blocking(move || Ok::<_, FileError>(Unfinished::reopen(&path, size))).await?;
            if let Some(unfinished) = there
                && begun.etag == route.object.etag
                && begun.size == size
                && may_go_on
            {
                return Ok((begun, unfinished));
            }
            self.drop_download(&file).await?;
            self.begun_anew(&file);
        }
        let (job, etag, place) = (
            self.clone(),
            route.object.etag.to_owned(),
            route.place.clone(),
        );
        let begun = self.on_disk(move || {
            let unfinished = Unfinished::create(&place, job.id)?;
            let download = Download {
                etag,
                size,
                range_size: size.div_ceil(RANGES).next_multiple_of(MIB).max(RANGE),
                unfinished: unfinished.path.clone(),
                place,
                ranges: BTreeSet::new(),
            };
            // Before it takes room: whoever ends this must know of it.
            job.journal().write(Line::Download {
                file: file.clone(),
                download: download.clone(),
            });
            if let Err(error) = unfinished.reserve(size) {
                // The first error is the one to tell.
                let _ = Unfinished::discard(&unfinished.path);
                job.journal().write(Line::Dropped { file });
                return Err(error);
            }
            Ok::<_, FileError>((download, unfinished))
        });
        begun.await
    }

    /// The object's address, for the mark of a download: without a query, which could hold a signature.
    fn url(&self, deed: Deed<'_>) -> String {
        let (bucket, key) = (&deed.folder.bucket, deed.key());
        let key = utf8_percent_encode(&key, PATH);
        match &self.shared.s3.session().profile().endpoints.s3 {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.as_str().trim_end_matches('/')),
            None => format!(
                "https://{bucket}.s3.{}.amazonaws.com/{key}",
                deed.folder.region
            ),
        }
    }
}

/// Where a file goes that belongs at `below` in the folder `root`, or was begun elsewhere in the same folder; and whether
/// something is there.
fn spot(
    root: &Path,
    below: &Path,
    begun: Option<PathBuf>,
    on_conflict: OnConflict,
) -> Result<(PathBuf, bool), FileError> {
    let parent = disk::make_folder(root, below.parent().unwrap_or(Path::new("")))?;
    let name = below.file_name().unwrap_or_default().to_string_lossy();
    let begun = begun.filter(|begun| begun.parent() == Some(&parent));
    let mut place = begun.unwrap_or_else(|| parent.join(&*name));
    loop {
        let taken = place.symlink_metadata().is_ok();
        if !taken || on_conflict != OnConflict::KeepBoth {
            return Ok((place, taken));
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        place = place.with_file_name(names::another(&name));
    }
}

fn is_mismatch(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<aws_smithy_checksums::body::validate::Error>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What a stretch ended with, unless it was stopped.
fn ended<T>(stretch: Option<Result<Result<T, Error>, JoinError>>) -> Result<Option<T>, Error> {
    stretch.and_then(Result::ok).transpose()
}

fn place_it(
    unfinished: &Unfinished,
    place: &Path,
    replace: bool,
    url: &str,
) -> Result<bool, FileError> {
    match unfinished.finish(place, replace, url) {
        Ok(()) => Ok(true),
        Err(NotPlaced::Exists) => Ok(false),
        Err(NotPlaced::Failed(error)) => Err(error),
    }
}
