//! Bodies that say how far they have come, and can be sent again.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Small enough for a bar that moves, large enough to cost nothing.
const FRAME: usize = 256 * 1024;

/// Counts bytes that are under way, and takes them back unless they arrive.
#[derive(Debug)]
pub(super) struct UnderWay {
    total: Arc<AtomicU64>,
    counted: AtomicU64,
}

impl UnderWay {
    pub(super) fn new(total: &Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            total: total.clone(),
            counted: AtomicU64::new(0),
        })
    }

    pub(super) fn add(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many of them have arrived.
    pub(super) fn keep(&self, bytes: u64) {
        self.counted.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// It begins again.
    pub(super) fn reset(&self) {
        let counted = self.counted.swap(0, Ordering::Relaxed);
        self.total.fetch_sub(counted, Ordering::Relaxed);
    }

    /// It has arrived: so many bytes, however often they were sent.
    pub(super) fn arrived(&self, bytes: u64) {
        let counted = self.counted.swap(0, Ordering::Relaxed);
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_sub(counted, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.reset();
    }
}

/// A body of these bytes, none of them copied.
pub(super) fn body(bytes: Bytes, under_way: Arc<UnderWay>) -> ByteStream {
    ByteStream::new(SdkBody::retryable(move || {
        under_way.reset();
        let (left, under_way) = (bytes.clone(), under_way.clone());
        SdkBody::from_body_1_x(Counted { left, under_way })
    }))
}

struct Counted {
    left: Bytes,
    under_way: Arc<UnderWay>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = FRAME.min(self.left.len());
        let frame = self.left.split_to(length);
        self.under_way.add(length as u64);
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
