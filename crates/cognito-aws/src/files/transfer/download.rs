//! One file from S3: in one request, or in ranges side by side, beside its place until all of it is there and proven.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::types::{ChecksumMode, ServerSideEncryption};
use bytes::Bytes;
use cognito_client::TransientCause;
use crc_fast::{CrcAlgorithm, Digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::task::{JoinHandle, JoinSet};

use super::checksum::{self, Algorithm, Expected, Proof};
use super::disk::{self, NotPlaced, Unfinished};
use super::job::{Job, Outcome, blocking};
use super::journal::{Download, Line};
use super::plan::Item;
use super::sent::UnderWay;
use super::upload::{megabytes, permits};
use crate::error::{AwsService, Error};
use crate::files::s3::Deed;
use crate::files::{FileError, Folder, OnConflict, names};

const MIB: u64 = 1024 * 1024;
/// What is not larger comes in one request; what is, in ranges of this size or more.
const RANGE: u64 = 8 * MIB;
const RANGES: u64 = 10_000;
/// So much is received before it is written, and so much again while that is being done.
const BATCH: usize = 1024 * 1024;
/// A connection that brings nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a range is asked for again when its answer is cut short without having brought anything.
const ATTEMPTS: u32 = 4;
/// What an address keeps of a key.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// What an answer says the object's checksum is: the strongest it names, or its entity tag where that is an MD5, which
/// it is not under a key of KMS or of the customer (S3 API reference, "Object").
macro_rules! expected {
    ($answer:expr, $etag:expr) => {{
        let checksums = [
            (Algorithm::Sha256, $answer.checksum_sha256()),
            (Algorithm::Crc64Nvme, $answer.checksum_crc64_nvme()),
            (Algorithm::Crc32c, $answer.checksum_crc32_c()),
            (Algorithm::Crc32, $answer.checksum_crc32()),
            (Algorithm::Sha1, $answer.checksum_sha1()),
        ];
        let plain = matches!(
            $answer.server_side_encryption(),
            None | Some(ServerSideEncryption::Aes256)
        ) && $answer.sse_customer_algorithm().is_none();
        let checksum = checksums
            .into_iter()
            .find_map(|(algorithm, value)| Expected::checksum(algorithm, value?));
        checksum.or_else(|| plain.then(|| Expected::etag($etag)).flatten())
    }};
}

/// Where it comes from and goes to.
struct Route<'a> {
    deed: Deed<'a>,
    item: &'a Item,
    etag: &'a str,
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
        let order = self.order();
        let (begun, on_conflict) = {
            let record = &self.journal().record;
            (
                record.downloads.get(&item.path).cloned(),
                record.on_conflict,
            )
        };
        let (root, parent) = (
            order.local.clone(),
            place.parent().unwrap_or(Path::new("")).to_owned(),
        );
        let parent = blocking(move || disk::make_folder(&disk::real(&root)?, &parent)).await?;
        let name = place
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut place = match &begun {
            // Where it was begun, unless that was another folder.
            Some(begun) if begun.place.parent() == Some(&parent) => begun.place.clone(),
            _ => parent.join(name),
        };
        let path = format!("{}{}", order.path, item.path);
        let path = if item.path.is_empty() {
            order.path.clone()
        } else {
            path
        };
        loop {
            let there = place.clone();
            let taken =
                blocking(move || Ok::<_, FileError>(there.symlink_metadata().is_ok())).await?;
            match on_conflict {
                OnConflict::Ask if taken => return Ok(Outcome::Conflict(None)),
                OnConflict::Skip if taken => {
                    self.drop_download(&item.path).await?;
                    return Ok(Outcome::Done(None));
                }
                OnConflict::KeepBoth if taken => {
                    let name = place.file_name().unwrap_or_default().to_string_lossy();
                    place = place.with_file_name(names::another(&name));
                    continue;
                }
                _ => {}
            }
            let route = Route {
                deed: Deed::read(&order.folder, &path),
                item,
                etag,
                place: place.clone(),
                replace: on_conflict == OnConflict::Replace,
            };
            let proof = if item.size <= RANGE {
                self.fetch_whole(&route).await?
            } else {
                self.fetch_in_ranges(&route).await?
            };
            match proof {
                Some(proof) => return Ok(Outcome::Done(Some(proof))),
                // A folder is never replaced by a file.
                None if route.replace => return Ok(Outcome::Conflict(None)),
                // Something has come there meanwhile.
                None => {}
            }
        }
    }

    async fn drop_download(&self, file: &str) -> Result<(), Error> {
        let begun = self.journal().record.downloads.get(file).cloned();
        if let Some(begun) = begun {
            blocking(move || Ok::<_, FileError>(Unfinished::discard(&begun.unfinished))).await?;
            self.journal().write(Line::Dropped {
                file: file.to_owned(),
            });
        }
        Ok(())
    }

    /// `None` when something is at its place.
    async fn fetch_whole(&self, route: &Route<'_>) -> Result<Option<Proof>, Error> {
        let size = route.item.size;
        let _slot = permits(&self.shared.slots, 1).await;
        let _memory = permits(&self.shared.memory, megabytes(size)).await;
        let under_way = UnderWay::new(&self.bytes);
        let mut attempt = 0;
        let (bytes, expected) = loop {
            attempt += 1;
            under_way.reset();
            match self.whole(route, &under_way).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS => {}
                whole => break whole?,
            }
        };
        let expected = self.provable(route, expected).await?;
        let (id, place, replace) = (self.id, route.place.clone(), route.replace);
        let url = self.url(route.deed);
        let name = route.item.path.clone();
        let placed = blocking(move || {
            let unfinished = Unfinished::create(&place, id, size)?;
            let done = (|| {
                unfinished.write_at(&bytes, 0)?;
                let proof = prove(&unfinished.path, &place, expected.as_ref(), None)?;
                place_it(&unfinished, &place, replace, &url).map(|placed| placed.then_some(proof))
            })();
            if !matches!(done, Ok(Some(_))) {
                Unfinished::discard(&unfinished.path);
            }
            done
        })
        .await;
        let placed = placed.map_err(|error| named(error, &name))?;
        under_way.arrived(size);
        Ok(placed)
    }

    async fn whole(
        &self,
        route: &Route<'_>,
        under_way: &UnderWay,
    ) -> Result<(Vec<u8>, Option<Expected>), Error> {
        let (key, size) = (route.deed.key(), route.item.size);
        let answer = self
            .shared
            .s3
            .ask(route.deed, |s3, credentials| {
                s3.get_object()
                    .bucket(&route.deed.folder.bucket)
                    .key(&key)
                    .if_match(route.etag)
                    .checksum_mode(ChecksumMode::Enabled)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        let expected = expected!(answer, route.etag);
        let mut body = answer.body;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        while let Some(chunk) = next(&mut body, route).await? {
            bytes.extend_from_slice(&chunk);
            under_way.add(chunk.len() as u64);
            if bytes.len() as u64 > size {
                return Err(not_as_long());
            }
        }
        if bytes.len() as u64 == size {
            Ok((bytes, expected))
        } else {
            Err(cut())
        }
    }

    async fn fetch_in_ranges(self: &Arc<Self>, route: &Route<'_>) -> Result<Option<Proof>, Error> {
        let expected = self.head(route).await?;
        let crc = expected.as_ref().and_then(Expected::crc);
        let (download, unfinished, taken_up) = self.begin_or_go_on(route).await?;
        let size = download.size;
        let kept = download.ranges.keys();
        let kept: u64 = kept.map(|number| range_length(&download, *number)).sum();
        self.bytes.fetch_add(kept, Ordering::Relaxed);
        let mut receiving = JoinSet::new();
        for number in 0..size.div_ceil(download.range_size) {
            if download.ranges.contains_key(&number) {
                continue;
            }
            let slot = permits(&self.shared.slots, 1).await;
            let (job, unfinished) = (self.clone(), unfinished.clone());
            let (folder, path) = (
                route.deed.folder.clone(),
                route.deed.path.unwrap_or_default().to_owned(),
            );
            let (item, etag) = (route.item.path.clone(), route.etag.to_owned());
            let start = number * download.range_size;
            let end = start + range_length(&download, number);
            receiving.spawn(async move {
                let source = (&folder, path.as_str(), etag.as_str());
                let crc = job
                    .fetch_range(source, &unfinished, start..end, crc)
                    .await?;
                drop(slot);
                job.journal().write(Line::Range {
                    file: item,
                    number,
                    crc,
                });
                Ok::<_, Error>(())
            });
            while let Some(received) = receiving.try_join_next() {
                received.unwrap_or(Ok(()))?;
            }
        }
        while let Some(received) = receiving.join_next().await {
            received.unwrap_or(Ok(()))?;
        }
        let ranges = self
            .journal()
            .record
            .downloads
            .get(&route.item.path)
            .map(|d| d.ranges.clone());
        let pieces = ranges.unwrap_or_default().into_iter();
        let pieces = pieces.map(|(number, crc)| (crc, range_length(&download, number)));
        // What an earlier run has written is proven by what is on the disk now.
        let whole = crc
            .filter(|_| !taken_up)
            .map(|crc| checksum::combined(crc, pieces));
        let (place, replace, url) = (route.place.clone(), route.replace, self.url(route.deed));
        let part_size = self.part_size(route, expected.as_ref()).await?;
        let expected = if part_size.is_none() {
            expected.filter(|expected| expected.parts.is_none())
        } else {
            expected
        };
        let placed = blocking(move || {
            let proof = match (whole, &expected) {
                (Some(crc), Some(expected)) if expected.is_crc(crc) => expected.proof(),
                (Some(_), Some(_)) => {
                    return Err(FileError::Damaged {
                        name: String::new(),
                    });
                }
                _ => prove(&unfinished.path, &place, expected.as_ref(), part_size)?,
            };
            place_it(&unfinished, &place, replace, &url).map(|placed| placed.then_some(proof))
        })
        .await;
        match placed {
            Err(error @ Error::File(FileError::Damaged { .. })) => {
                self.drop_download(&route.item.path).await?;
                Err(named(error, &route.item.path))
            }
            Ok(None) => {
                self.bytes.fetch_sub(size, Ordering::Relaxed);
                Ok(None)
            }
            placed => placed,
        }
    }

    /// Takes up what is there of it, if it is of this very object; or begins it. Says which.
    async fn begin_or_go_on(
        &self,
        route: &Route<'_>,
    ) -> Result<(Download, Unfinished, bool), Error> {
        let (size, file) = (route.item.size, route.item.path.clone());
        let begun = self.journal().record.downloads.get(&file).cloned();
        if let Some(begun) = begun {
            let path = begun.unfinished.clone();
            let there =
                blocking(move || Ok::<_, FileError>(Unfinished::reopen(&path, size))).await?;
            if let Some(unfinished) = there
                && begun.etag == route.etag
                && begun.size == size
            {
                return Ok((begun, unfinished, true));
            }
            self.drop_download(&file).await?;
            self.begun_anew(&file);
        }
        let (place, id) = (route.place.clone(), self.id);
        let unfinished = blocking(move || Unfinished::create(&place, id, size)).await?;
        let download = Download {
            etag: route.etag.to_owned(),
            size,
            range_size: size.div_ceil(RANGES).next_multiple_of(MIB).max(RANGE),
            unfinished: unfinished.path.clone(),
            place: route.place.clone(),
            ranges: std::collections::BTreeMap::new(),
        };
        self.journal().write(Line::Download {
            file,
            download: download.clone(),
        });
        Ok((download, unfinished, false))
    }

    async fn fetch_range(
        &self,
        (folder, path, etag): (&Folder, &str, &str),
        unfinished: &Unfinished,
        range: std::ops::Range<u64>,
        crc: Option<CrcAlgorithm>,
    ) -> Result<u64, Error> {
        let deed = Deed::read(folder, path);
        let key = deed.key();
        let under_way = UnderWay::new(&self.bytes);
        let mut at = range.start;
        let mut writer = Writer::new(unfinished, at, crc);
        let mut attempts = 0;
        while at < range.end {
            let before = at;
            let answer = self
                .shared
                .s3
                .ask(deed, |s3, credentials| {
                    s3.get_object()
                        .bucket(&folder.bucket)
                        .key(&key)
                        .if_match(etag)
                        .range(format!("bytes={at}-{}", range.end - 1))
                        .customize()
                        .config_override(credentials)
                        .send()
                })
                .await?;
            let mut body = answer.body;
            let ended = loop {
                match tokio::time::timeout(SILENCE, body.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        at += chunk.len() as u64;
                        if at > range.end {
                            return Err(not_as_long());
                        }
                        under_way.add(chunk.len() as u64);
                        writer.take(chunk).await?;
                    }
                    Ok(None) => break true,
                    Ok(Some(Err(_))) | Err(_) => break false,
                }
            };
            attempts = if at > before { 0 } else { attempts + 1 };
            if attempts >= ATTEMPTS || (ended && at < range.end && at == before) {
                return Err(cut());
            }
        }
        let crc = writer.finish().await?;
        under_way.arrived(range.end - range.start);
        Ok(crc)
    }

    /// What S3 knows of the object's checksum.
    async fn head(&self, route: &Route<'_>) -> Result<Option<Expected>, Error> {
        let key = route.deed.key();
        let answer = self
            .shared
            .s3
            .ask(route.deed, |s3, credentials| {
                s3.head_object()
                    .bucket(&route.deed.folder.bucket)
                    .key(&key)
                    .if_match(route.etag)
                    .checksum_mode(ChecksumMode::Enabled)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        Ok(expected!(answer, route.etag))
    }

    /// Of a composite checksum, how long the parts were it is made of; `None` where that cannot be told.
    async fn part_size(
        &self,
        route: &Route<'_>,
        expected: Option<&Expected>,
    ) -> Result<Option<u64>, Error> {
        let Some(parts) = expected.and_then(|expected| expected.parts) else {
            return Ok(None);
        };
        let key = route.deed.key();
        let answer = self
            .shared
            .s3
            .ask(route.deed, |s3, credentials| {
                s3.head_object()
                    .bucket(&route.deed.folder.bucket)
                    .key(&key)
                    .if_match(route.etag)
                    .part_number(1)
                    .customize()
                    .config_override(credentials)
                    .send()
            })
            .await?;
        let length = answer
            .content_length
            .and_then(|length| u64::try_from(length).ok());
        // Parts that were not all of one size do not add up.
        Ok(length.filter(|length| *length > 0 && route.item.size.div_ceil(*length) == parts))
    }

    /// What an object of one request is proven by: for a composite checksum, its parts must be known.
    async fn provable(
        &self,
        route: &Route<'_>,
        expected: Option<Expected>,
    ) -> Result<Option<Expected>, Error> {
        match expected {
            // It is shorter than two parts can be, so that it has one.
            Some(expected) if expected.parts.is_some_and(|parts| parts > 1) => {
                let known = self.part_size(route, Some(&expected)).await?;
                Ok(known.map(|_| expected))
            }
            expected => Ok(expected),
        }
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

/// Writes what is received, while more is.
struct Writer {
    unfinished: Unfinished,
    at: u64,
    batch: Vec<Bytes>,
    length: usize,
    writing: Option<JoinHandle<Result<Option<Digest>, FileError>>>,
    digest: Option<Digest>,
}

impl Writer {
    fn new(unfinished: &Unfinished, at: u64, crc: Option<CrcAlgorithm>) -> Self {
        Self {
            unfinished: unfinished.clone(),
            at,
            batch: Vec::new(),
            length: 0,
            writing: None,
            digest: crc.map(Digest::new),
        }
    }

    async fn take(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.length += chunk.len();
        self.batch.push(chunk);
        if self.length >= BATCH {
            self.write().await
        } else {
            Ok(())
        }
    }

    async fn write(&mut self) -> Result<(), Error> {
        self.written().await?;
        let (unfinished, mut digest) = (self.unfinished.clone(), self.digest.take());
        let (batch, mut at) = (std::mem::take(&mut self.batch), self.at);
        self.at += std::mem::take(&mut self.length) as u64;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            for chunk in batch {
                unfinished.write_at(&chunk, at)?;
                at += chunk.len() as u64;
                if let Some(digest) = &mut digest {
                    digest.update(&chunk);
                }
            }
            Ok(digest)
        }));
        Ok(())
    }

    async fn written(&mut self) -> Result<(), Error> {
        if let Some(writing) = self.writing.take() {
            let ended = AwsService::S3;
            let written = writing.await.map_err(|_| Error::Protocol {
                service: ended,
                problem: "was not waited for",
            })?;
            self.digest = written?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<u64, Error> {
        self.write().await?;
        self.written().await?;
        Ok(self.digest.map_or(0, |digest| digest.finalize()))
    }
}

async fn next(
    body: &mut aws_sdk_s3::primitives::ByteStream,
    route: &Route<'_>,
) -> Result<Option<Bytes>, Error> {
    match tokio::time::timeout(SILENCE, body.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        // The SDK compares whole answers itself.
        Ok(Some(Err(error))) if is_mismatch(&error) => Err(FileError::Damaged {
            name: route.item.path.clone(),
        }
        .into()),
        Ok(Some(Err(_))) => Err(cut()),
        Err(_) => Err(Error::Transient {
            service: AwsService::S3,
            cause: TransientCause::Timeout,
        }),
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

fn range_length(download: &Download, number: u64) -> u64 {
    download
        .size
        .saturating_sub(number * download.range_size)
        .min(download.range_size)
}

/// Compares a file with what it must be.
fn prove(
    unfinished: &Path,
    place: &Path,
    expected: Option<&Expected>,
    part_size: Option<u64>,
) -> Result<Proof, FileError> {
    let Some(expected) = expected else {
        return Ok(Proof::Length);
    };
    match expected.is_of(unfinished, part_size) {
        Ok(true) => Ok(expected.proof()),
        Ok(false) => Err(FileError::Damaged {
            name: place.display().to_string(),
        }),
        Err(error) => Err(FileError::local(unfinished, &error)),
    }
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

fn named(error: Error, name: &str) -> Error {
    match error {
        Error::File(FileError::Damaged { .. }) => FileError::Damaged {
            name: name.to_owned(),
        }
        .into(),
        error => error,
    }
}

fn cut() -> Error {
    Error::Transient {
        service: AwsService::S3,
        cause: TransientCause::Unreachable,
    }
}

fn not_as_long() -> Error {
    Error::Protocol {
        service: AwsService::S3,
        problem: "sent more than was asked for",
    }
}
