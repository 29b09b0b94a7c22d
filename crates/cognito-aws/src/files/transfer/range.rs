//! Ranges of an object, onto the disk while more of them is received.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use cognito_client::TransientCause;
use crc_fast::{CrcAlgorithm, Digest};
use tokio::task::JoinHandle;

use super::disk::Unfinished;
use super::job::Job;
use super::journal::{Download, Line};
use super::sent::UnderWay;
use crate::error::{AwsService, Error};
use crate::files::s3::Deed;
use crate::files::{FileError, Folder};

/// So much is received before it is written, and so much again while that is being done.
const BATCH: usize = 1024 * 1024;
/// A connection that brings nothing for so long is given up.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// How often it is asked for again when its answer is cut short without having brought anything.
pub(super) const ATTEMPTS: u32 = 4;

impl Job {
    /// Receives ranges that follow each other in one request, and notes each of them when it is written. Answers with the
    /// checksum of all of them, 0 where none was asked for.
    pub(super) async fn fetch_ranges(
        &self,
        (folder, path, file): (&Folder, &str, &str),
        (download, unfinished): (&Download, &Unfinished),
        numbers: Range<u64>,
        crc: Option<CrcAlgorithm>,
    ) -> Result<u64, Error> {
        let deed = Deed::read(folder, path);
        let key = deed.key();
        let under_way = UnderWay::new(&self.bytes());
        let range = download.bytes_of(&numbers);
        let mut at = range.start;
        let mut writer = Writer::new(unfinished, at, crc);
        let mut unnoted = numbers;
        let mut note = |written: u64| {
            while let Some(number) = unnoted.clone().next()
                && download.bytes_of(&(number..number + 1)).end <= written
            {
                unnoted.start += 1;
                let bytes = download.bytes_of(&(number..number + 1));
                under_way.keep(bytes.end - bytes.start);
                let file = file.to_owned();
                self.journal().write(Line::Range { file, number });
            }
        };
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
                        .if_match(&download.etag)
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
                        note(writer.written);
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
        note(range.end);
        Ok(crc)
    }
}

/// Writes what is received, while more is.
struct Writer {
    unfinished: Unfinished,
    /// Where the next batch goes.
    at: u64,
    /// Up to here all is written.
    written: u64,
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
            written: at,
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
        self.wait().await?;
        let (unfinished, mut digest) = (self.unfinished.clone(), self.digest.take());
        let (batch, at) = (std::mem::take(&mut self.batch), self.at);
        self.at += std::mem::take(&mut self.length) as u64;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            if let Some(digest) = &mut digest {
                batch.iter().for_each(|chunk| digest.update(chunk));
            }
            unfinished.write_at(&batch, at)?;
            Ok(digest)
        }));
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), Error> {
        if let Some(writing) = self.writing.take() {
            let ended = AwsService::S3;
            let written = writing.await.map_err(|_| Error::Protocol {
                service: ended,
                problem: "was not waited for",
            })?;
            self.digest = written?;
            self.written = self.at;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<u64, Error> {
        self.write().await?;
        self.wait().await?;
        Ok(self.digest.map_or(0, |digest| digest.finalize()))
    }
}

pub(super) fn cut() -> Error {
    Error::Transient {
        service: AwsService::S3,
        cause: TransientCause::Unreachable,
    }
}

pub(super) fn not_as_long() -> Error {
    Error::Protocol {
        service: AwsService::S3,
        problem: "sent more than was asked for",
    }
}
