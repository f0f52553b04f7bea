//! Writing to the client, by a thread of its own: a client that does not read blocks no runtime. One that reads nothing
//! for ten seconds, while something waits for it, is given up.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// For so long a client may read nothing of what waits for it.
const STALL: Duration = Duration::from_secs(10);
/// Written at once: a larger write would come back only when the client has read all of it, and a slow reader would look
/// like none.
const PIECE: usize = 4096;
/// What a waiting message costs beside its bytes.
const OVERHEAD: usize = 512;
/// Messages that may wait.
const QUEUE: usize = 256;

/// The way to the thread.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    state: Arc<State>,
}

/// Bytes to write, and who waits for it.
#[derive(Debug)]
struct Job {
    bytes: Vec<u8>,
    done: oneshot::Sender<()>,
    _held: Held,
}

#[derive(Debug)]
struct State {
    began: Instant,
    /// When the client last took something, or something came to wait for it; in milliseconds after `began`.
    moved: AtomicU64,
    /// Bytes that wait.
    waiting: AtomicUsize,
    stalled: CancellationToken,
}

/// Bytes that are held for the client, until it has them.
#[derive(Debug)]
struct Held {
    state: Arc<State>,
    bytes: usize,
}

impl Held {
    fn new(state: &Arc<State>, bytes: usize) -> Self {
        if state.waiting.fetch_add(bytes, Ordering::Relaxed) == 0 {
            state.move_on();
        }
        Self { state: Arc::clone(state), bytes }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.state.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl State {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn move_on(&self) {
        self.moved.store(self.now(), Ordering::Relaxed);
    }

    /// Says so when the client has taken nothing for too long. Never resolves: the process ends over it, and until then
    /// what waits goes on to wait.
    async fn watch<T>(&self) -> T {
        loop {
            let idle = Duration::from_millis(self.now().saturating_sub(self.moved.load(Ordering::Relaxed)));
            match STALL.checked_sub(idle) {
                None | Some(Duration::ZERO) => {
                    self.stalled.cancel();
                    std::future::pending().await
                }
                Some(left) => sleep(left).await,
            }
        }
    }
}

/// The client is gone.
#[derive(Debug)]
pub struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the client does not read any more")
    }
}

impl std::error::Error for Gone {}

impl Writer {
    /// Starts the thread. `gone` is cancelled when stdout is closed, `stalled` when nobody reads it.
    pub(super) fn spawn(gone: CancellationToken, stalled: CancellationToken) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (moved, waiting) = (AtomicU64::new(0), AtomicUsize::new(0));
        let state = Arc::new(State { began: Instant::now(), moved, waiting, stalled });
        let of_thread = Arc::clone(&state);
        std::thread::Builder::new().name("stdout".into()).spawn(move || {
            write_all(queue, &of_thread, &mut std::io::stdout().lock());
            gone.cancel();
        })?;
        Ok(Self { jobs, state })
    }

    /// Bytes that wait for the client, and what holding them costs.
    pub(super) fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::Relaxed)
    }

    /// Hands bytes over; the future resolves when they are written.
    pub(super) fn write(
        &self,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), Gone>> + Send + 'static + use<> {
        let (done, written) = oneshot::channel();
        let held = Held::new(&self.state, bytes.len() + OVERHEAD);
        // The writer has room almost always, and then the order of messages is the order of calls.
        let late = match self.jobs.try_send(Job { bytes, done, _held: held }) {
            Ok(()) | Err(TrySendError::Closed(_)) => None,
            Err(TrySendError::Full(job)) => Some((self.jobs.clone(), job)),
        };
        let state = Arc::clone(&self.state);
        let write = async move {
            if let Some((jobs, job)) = late {
                jobs.send(job).await.map_err(|_| Gone)?;
            }
            written.await.map_err(|_| Gone)
        };
        async move {
            tokio::select! {
                biased;
                written = write => written,
                never = state.watch() => never,
            }
        }
    }
}

fn write_all(mut jobs: mpsc::Receiver<Job>, state: &State, out: &mut impl Write) {
    while let Some(Job { bytes, done, _held }) = jobs.blocking_recv() {
        for piece in bytes.chunks(PIECE) {
            if out.write_all(piece).is_err() {
                return;
            }
            state.move_on();
        }
        if out.flush().is_err() {
            return;
        }
        state.move_on();
        let _nobody_waits = done.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> (Writer, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel(1);
        let (moved, waiting, stalled) = (AtomicU64::new(0), AtomicUsize::new(0), CancellationToken::new());
        (Writer { jobs, state: Arc::new(State { began: Instant::now(), moved, waiting, stalled }) }, queue)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up_after_ten_seconds_however_long_it_was_idle() {
        let (writer, _nobody_takes) = writer();
        sleep(10 * STALL).await;
        let start = Instant::now();
        let writes = (tokio::spawn(writer.write(vec![0; 10])), tokio::spawn(writer.write(vec![0; 10])));
        writer.state.stalled.cancelled().await;
        let took = start.elapsed();
        assert!(took >= STALL && took < STALL + Duration::from_millis(50), "{took:?}");
        assert_eq!(writer.waiting(), 2 * (10 + OVERHEAD));
        drop(writes);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_little_is_not_given_up() {
        let (writer, mut queue) = writer();
        for _ in 0..20 {
            let write = tokio::spawn(writer.write(vec![0; 10]));
            sleep(STALL - Duration::from_secs(1)).await;
            let job = queue.try_recv().unwrap();
            writer.state.move_on();
            job.done.send(()).unwrap();
            write.await.unwrap().unwrap();
        }
        assert!(!writer.state.stalled.is_cancelled());
        assert_eq!(writer.waiting(), 0);
    }
}
