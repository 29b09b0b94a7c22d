//! The contents of objects, as files. Names come from random numbers and never from keys, so that no key leads out of
//! the folder, and every key of 1,024 bytes fits.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::Bytes;
use futures_util::{Stream, StreamExt};
use s3s::{
    S3Result,
    dto::StreamingBlob,
    s3_error,
    stream::{ByteStream, RemainingLength},
};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::checksum::{Checksum, Hashers};

/// Read at once from a file, and kept ready for the connection twice.
const CHUNK: usize = 512 * 1024;

/// A folder of contents.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    /// Cleared at the end: contents then outlive the handles on them.
    open: Arc<AtomicBool>,
}

/// Some content. The file goes when the last handle does: an upload that broke off, or an object that was deleted and
/// that nobody is downloading any more.
#[derive(Debug)]
pub(crate) struct Blob {
    path: PathBuf,
    pub(crate) size: u64,
    open: Arc<AtomicBool>,
}

/// What was written, and what it hashes to.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) blob: Arc<Blob>,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Vec<Checksum>,
}

impl Drop for Blob {
    fn drop(&mut self) {
        if self.open.load(Ordering::Relaxed) {
            // A file that cannot be removed is found, and removed, at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Files {
    pub(crate) fn in_folder(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            open: Arc::new(AtomicBool::new(true)),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on, contents are there to stay.
    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// Content that is there already.
    pub(crate) fn existing(&self, name: &str, size: u64) -> Arc<Blob> {
        Arc::new(self.blob(name, size))
    }

    fn blob(&self, name: &str, size: u64) -> Blob {
        Blob {
            path: self.folder.join(name),
            size,
            open: Arc::clone(&self.open),
        }
    }

    /// Receives and writes at the same time, on two threads, and holds a few pieces in memory and no more.
    pub(crate) async fn write(
        &self,
        mut body: impl Stream<Item = Result<Bytes, s3s::StdError>> + Unpin,
        hashers: Hashers,
    ) -> S3Result<Written> {
        let (pieces, received) = mpsc::channel(16);
        let mut blob = self.blob(&format!("{}.blob", crate::random::uuid()), 0);
        let writer = spawn_blocking(move || {
            let (size, md5, checksums) = write_all(&blob.path, received, hashers)?;
            blob.size = size;
            io::Result::Ok(Written {
                blob: Arc::new(blob),
                md5,
                checksums,
            })
        });
        let mut broken = None;
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => {
                    // The writer is gone when it cannot write, and says why below.
                    if pieces.send(piece).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        drop(pieces);
        let written = match writer.await {
            Ok(written) => written,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Not begun at all: the emulator is being stopped.
            Err(error) => return Err(s3s::S3Error::internal_error(error)),
        };
        match broken {
            Some(error) => Err(refuse_body(error)),
            None => written.map_err(s3s::S3Error::internal_error),
        }
    }
}

/// A body that ended early or is not what its hashes say.
fn refuse_body(error: s3s::StdError) -> s3s::S3Error {
    match error.downcast::<s3s::S3Error>() {
        Ok(refusal) => *refusal,
        Err(error) => {
            let text = error.to_string().to_lowercase();
            let (code, message) = if text.contains("signature") {
                (
                    s3s::S3ErrorCode::SignatureDoesNotMatch,
                    "The chunk signature we calculated does not match the signature you provided.",
                )
            } else if text.contains("sha256") || text.contains("checksum") {
                (
                    s3s::S3ErrorCode::from_bytes(b"XAmzContentSHA256Mismatch")
                        .unwrap_or(s3s::S3ErrorCode::BadDigest),
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                )
            } else {
                (
                    s3s::S3ErrorCode::IncompleteBody,
                    "You did not provide the number of bytes specified by the Content-Length HTTP header",
                )
            };
            let mut refusal = s3s::S3Error::with_message(code, message);
            if refusal.status_code().is_none() {
                refusal.set_status_code(axum::http::StatusCode::BAD_REQUEST);
            }
            refusal.set_source(error);
            refusal
        }
    }
}

fn write_all(
    path: &Path,
    mut received: mpsc::Receiver<Bytes>,
    mut hashers: Hashers,
) -> io::Result<(u64, [u8; 16], Vec<Checksum>)> {
    let mut file = BufWriter::with_capacity(CHUNK / 2, File::create_new(path)?);
    let mut size = 0;
    while let Some(piece) = received.blocking_recv() {
        hashers.update(&piece);
        file.write_all(&piece)?;
        size += piece.len() as u64;
    }
    file.flush()?;
    let (md5, checksums) = hashers.finish();
    Ok((size, md5, checksums))
}

/// The octets of this range of these contents, one after the other.
pub(crate) fn read(blobs: Vec<Arc<Blob>>, range: Range<u64>) -> StreamingBlob {
    let remaining = range.end - range.start;
    // One piece in the channel and one in the making.
    let (pieces, received) = mpsc::channel(1);
    spawn_blocking(move || {
        if let Err(error) = send_all(&blobs, range, &pieces) {
            // Nobody listens to a connection that is gone.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    StreamingBlob::new(Content {
        received,
        remaining,
    })
}

fn send_all(
    blobs: &[Arc<Blob>],
    range: Range<u64>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut start_of_blob = 0;
    for blob in blobs {
        let end_of_blob = start_of_blob + blob.size;
        let (from, to) = (range.start.max(start_of_blob), range.end.min(end_of_blob));
        if from < to {
            let mut file = File::open(&blob.path)?;
            if from > start_of_blob {
                file.seek(SeekFrom::Start(from - start_of_blob))?;
            }
            let mut left = to - from;
            while left > 0 {
                let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
                let mut piece = vec![0; length];
                file.read_exact(&mut piece)?;
                left -= length as u64;
                if pieces.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
        }
        start_of_blob = end_of_blob;
    }
    Ok(())
}

struct Content {
    received: mpsc::Receiver<io::Result<Bytes>>,
    remaining: u64,
}

impl Stream for Content {
    type Item = Result<Bytes, s3s::StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = std::task::ready!(self.received.poll_recv(context));
        if let Some(Ok(piece)) = &piece {
            self.remaining -= piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| piece.map_err(Into::into)))
    }
}

impl ByteStream for Content {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining)
            .map_or(RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

/// Reads contents for their checksums only.
pub(crate) async fn hash(blobs: Vec<Arc<Blob>>, mut hashers: Hashers) -> S3Result<Vec<Checksum>> {
    let hash = spawn_blocking(move || {
        let mut piece = vec![0; CHUNK];
        for blob in blobs {
            let mut file = File::open(&blob.path)?;
            loop {
                match file.read(&mut piece)? {
                    0 => break,
                    length => hashers.update(&piece[..length]),
                }
            }
        }
        io::Result::Ok(hashers.finish().1)
    });
    hash.await
        .expect("reading does not panic")
        .map_err(|error| s3_error!(error, InternalError))
}

impl Blob {
    /// The file's name inside its folder.
    pub(crate) fn name(&self) -> &str {
        self.path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("is made of a UUID")
    }
}
