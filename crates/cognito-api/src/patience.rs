//! How long a server waits for the other end of a connection.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::limits::Limits;

/// What the connection is doing, told by whoever answers its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    answering: AtomicBool,
    used: AtomicBool,
}

impl Activity {
    pub(crate) fn begin(&self) {
        self.0.used.store(true, Ordering::Relaxed);
        self.0.answering.store(true, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.0.answering.store(false, Ordering::Relaxed);
    }

    /// Whether a request ever came.
    pub(crate) fn used(&self) -> bool {
        self.0.used.load(Ordering::Relaxed)
    }

    fn answering(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed)
    }
}

/// A stream that fails with `TimedOut` when its peer keeps it waiting for longer than the limits allow.
///
/// There is one timer per connection, moved only when it goes off too early: a request costs two looks at the clock, not a
/// timer of its own.
pub(crate) struct Patience {
    stream: TcpStream,
    activity: Activity,
    limits: Limits,
    /// When the header in progress began: with the connection, and later with the first byte after an answer.
    header: Option<Instant>,
    progress: Instant,
    stalled: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    /// Whom the timer wakes.
    alarmed: Waker,
}

impl Patience {
    pub(crate) fn new(stream: TcpStream, activity: Activity, limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            stream,
            activity,
            limits,
            header: Some(now),
            progress: now,
            stalled: None,
            timer: Box::pin(tokio::time::sleep_until(now + limits.header_timeout)),
            alarmed: Waker::noop().clone(),
        }
    }

    /// Ready once `since` is longer ago than `patience`; else the task is woken then.
    fn lost(&mut self, context: &mut Context<'_>, since: Instant, patience: Duration) -> Poll<()> {
        let due = since + patience;
        loop {
            // An earlier alarm is left: it costs one look when it goes off. A later one would be too late.
            let early = self.timer.deadline() <= due && !self.timer.is_elapsed();
            if early && self.alarmed.will_wake(context.waker()) {
                return Poll::Pending;
            }
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            if !early {
                self.timer.as_mut().reset(due);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                self.alarmed.clone_from(context.waker());
                return Poll::Pending;
            }
        }
    }
}

impl AsyncRead for Patience {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answering = self.activity.answering();
        let before = buffer.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before {
                let now = Instant::now();
                self.progress = now;
                if !answering && self.header.is_none() {
                    self.header = Some(now);
                }
            }
            return Poll::Ready(outcome);
        }
        if answering {
            // The request's own time-out counts.
            self.header = None;
            return Poll::Pending;
        }
        let (since, patience) = match self.header {
            Some(began) => (began, self.limits.header_timeout),
            None => (self.progress, self.limits.keep_alive),
        };
        ready!(self.lost(context, since, patience));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Patience {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Patience {
    fn written(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            // An answer is on its way, so the header it answers is done with.
            self.header = None;
            self.stalled = None;
            let now = Instant::now();
            self.progress = now;
            // hyper need not read again after an answer, if it found nothing to read before it.
            let keep_alive = self.limits.keep_alive;
            let _alarm_set = self.lost(context, now, keep_alive);
            return written;
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        let patience = self.limits.write_timeout;
        ready!(self.lost(context, since, patience));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
