//! A connection that watches itself: an idle clock, a byte cap, counters.
//!
//! hyper hides why a read failed behind its own error, so the reason is also kept in the [`Meter`], which the caller
//! above hyper shares.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use tokio::time::{Instant, Sleep, sleep};

#[cfg(test)]
mod tests;

/// Why the guard stopped a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardTrip {
    /// The engine had begun to answer and then sent nothing for this long.
    Idle {
        /// The limit that passed.
        limit: Duration,
    },
    /// The engine sent more than this.
    TooLarge {
        /// The cap, in bytes, headers included.
        cap: u64,
    },
}

impl fmt::Display for GuardTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle { limit } => write!(f, "the engine sent nothing for {} ms", limit.as_millis()),
            Self::TooLarge { cap } => write!(f, "the engine sent more than {cap} bytes"),
        }
    }
}

impl std::error::Error for GuardTrip {}

impl GuardTrip {
    fn into_error(self) -> io::Error {
        let kind = match self {
            Self::Idle { .. } => io::ErrorKind::TimedOut,
            Self::TooLarge { .. } => io::ErrorKind::FileTooLarge,
        };
        io::Error::new(kind, self)
    }
}

/// What went over one connection, readable from outside while it runs and after it is gone.
#[derive(Debug, Default)]
pub struct Meter {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    trip: OnceLock<GuardTrip>,
}

impl Meter {
    /// Bytes handed up so far.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes taken for sending so far.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// Whether the engine may have seen anything of the request: a change is never repeated after that.
    #[must_use]
    pub fn wrote_any(&self) -> bool {
        self.bytes_out() > 0
    }

    /// Why the guard stopped the connection, if it did.
    #[must_use]
    pub fn trip(&self) -> Option<GuardTrip> {
        self.trip.get().copied()
    }
}

/// A connection under guard. Nothing ticks while no read waits.
#[derive(Debug)]
pub struct GuardIo<I> {
    inner: I,
    idle: Option<Duration>,
    cap: Option<u64>,
    meter: Arc<Meter>,
    clock: Option<Pin<Box<Sleep>>>,
    armed: bool,
    over: bool,
}

impl<I> GuardIo<I> {
    /// Puts `inner` under guard.
    ///
    /// `idle` is the longest silence in the middle of an answer: it runs while a read waits, and only after the first
    /// byte came (the wait for that is the caller's clock). `cap` is the most that is read; all up to it is handed up.
    pub fn new(inner: I, idle: Option<Duration>, cap: Option<u64>, meter: Arc<Meter>) -> Self {
        Self { inner, idle, cap, meter, clock: None, armed: false, over: false }
    }

    fn trip<T>(&self, trip: GuardTrip) -> Poll<io::Result<T>> {
        Poll::Ready(Err(self.meter.trip.get_or_init(|| trip).into_error()))
    }

    /// The inner read waits: has it waited too long?
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(limit) = self.idle else { return Poll::Pending };
        if self.meter.bytes_in() == 0 {
            return Poll::Pending;
        }
        let clock = self.clock.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.armed {
            clock.as_mut().reset(Instant::now() + limit);
            self.armed = true;
        }
        ready!(clock.as_mut().poll(cx));
        self.trip(GuardTrip::Idle { limit })
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for GuardIo<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(trip) = self.meter.trip() {
            return self.trip(trip);
        }
        if let (true, Some(cap)) = (self.over, self.cap) {
            return self.trip(GuardTrip::TooLarge { cap });
        }
        // An inner stream that is always ready must not hold its thread: a spent budget gives it back.
        let budget = ready!(poll_proceed(cx));
        let before = buf.filled().len();
        let Poll::Ready(outcome) = Pin::new(&mut self.inner).poll_read(cx, buf) else {
            return self.poll_idle(cx);
        };
        budget.made_progress();
        self.armed = false;
        outcome?;
        let mut read = (buf.filled().len() - before) as u64;
        if let Some(cap) = self.cap {
            let room = cap.saturating_sub(self.meter.bytes_in());
            if read > room {
                if room == 0 {
                    buf.set_filled(before);
                    return self.trip(GuardTrip::TooLarge { cap });
                }
                buf.set_filled(before + usize::try_from(room).unwrap_or(usize::MAX));
                self.over = true;
                read = room;
            }
        }
        self.meter.bytes_in.fetch_add(read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<I> GuardIo<I> {
    fn count_out(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = outcome {
            self.meter.bytes_out.fetch_add(written as u64, Ordering::Relaxed);
        }
        outcome
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for GuardIo<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, data);
        self.count_out(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, data);
        self.count_out(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
