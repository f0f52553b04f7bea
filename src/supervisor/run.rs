//! One piece of work under supervision.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::engine::Commit;

use super::Supervisor;

/// How supervised work ended.
#[derive(Debug)]
pub enum Ending<T> {
    /// By itself.
    Done(T),
    /// It panicked; the text is for the log.
    Panicked(String),
    /// The deadline came first.
    Deadline,
    /// The caller gave up.
    Cancelled,
    /// The server is stopping.
    ShuttingDown,
}

/// When a change that was sent is given up for good: its caller was answered long before.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The caller is answered by then.
    pub deadline: Instant,
    /// What outlives the call may go on until then.
    pub finish_by: Instant,
}

/// After a signal to stop, a change that was sent may still bring its answer for so long.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// A worker that was told to end and is still busy after this is counted as stuck.
const REAP: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Runs `work` on the work runtime and answers at the deadline at the latest, whatever the work does. Work that is
    /// cancelled has `grace` to answer with what it has.
    pub async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        cancel: &CancellationToken,
        grace: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Ending<T> {
        let mut worker = Aborting(Some(self.work.spawn(work.in_current_span())));
        let Some(handle) = worker.0.as_mut() else { return Ending::Deadline };
        let ending = tokio::select! {
            biased; // an answer that is there wins over a deadline that came at the same moment
            done = handle => match done {
                Ok(value) => Ending::Done(value),
                Err(e) if e.is_panic() => Ending::Panicked(panic_text(e)),
                Err(_) => Ending::Cancelled,
            },
            () = given_up(cancel, grace) => Ending::Cancelled,
            () = self.shutdown.cancelled() => Ending::ShuttingDown,
            () = sleep_until(deadline) => Ending::Deadline,
        };
        if matches!(ending, Ending::Cancelled | Ending::ShuttingDown | Ending::Deadline)
            && let Some(handle) = worker.0.take()
        {
            self.reap(handle);
        }
        ending
    }

    /// Runs a change. Until `commit` says that it was sent it can be called off like a read; from then on nothing ends it
    /// but `finish_by`: whoever waits is answered in time, and the work goes on to see and record what came of it. The
    /// work gives its answer through the channel, and may live on.
    pub async fn change<T, F>(
        &self,
        patience: Patience,
        cancel: &CancellationToken,
        commit: &Arc<Commit>,
        work: impl FnOnce(oneshot::Sender<T>) -> F,
    ) -> Ending<T>
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        // Once it runs it may be sent before anybody looks again.
        if cancel.is_cancelled() {
            return Ending::Cancelled;
        }
        let (answer, mut answered) = oneshot::channel();
        let mut handle = self.work.spawn(work(answer).in_current_span());
        let counted = self.changes.begin();
        let mut deadline = patience.deadline;
        let mut stopping = false;
        let ending = loop {
            tokio::select! {
                biased; // an answer that is there wins over a deadline that came at the same moment
                answer = &mut answered => match answer {
                    Ok(value) => break Ending::Done(value),
                    // It went without an answer: only a panic does.
                    Err(_) => break match (&mut handle).await {
                        Err(e) if e.is_panic() => Ending::Panicked(panic_text(e)),
                        _ => Ending::Panicked("a change ended without an answer".to_owned()),
                    },
                },
                () = cancel.cancelled() => break Ending::Cancelled,
                () = self.shutdown.cancelled(), if !stopping => {
                    if commit.withdraw() {
                        break Ending::ShuttingDown;
                    }
                    stopping = true;
                    deadline = deadline.min(Instant::now() + SHUTDOWN_GRACE);
                }
                () = sleep_until(deadline) => {
                    break if stopping { Ending::ShuttingDown } else { Ending::Deadline };
                }
            }
        };
        // What was never sent is ended; what was sent is seen through.
        if !matches!(ending, Ending::Done(_)) && commit.withdraw() {
            self.reap(handle);
        } else {
            self.finish(handle, patience.finish_by, counted);
        }
        ending
    }

    /// Lets a change that was sent go on until `by`.
    fn finish(&self, mut handle: JoinHandle<()>, by: Instant, counted: super::changes::Running) {
        let stuck = Arc::clone(&self.stuck);
        tokio::spawn(async move {
            let _counted = counted;
            if timeout_at(by, &mut handle).await.is_err() {
                handle.abort();
                put_away(handle, &stuck).await;
            }
        });
    }

    /// Ends a worker without waiting for it: a stuck poll wastes one thread and delays nobody.
    fn reap<T: Send + 'static>(&self, handle: JoinHandle<T>) {
        handle.abort();
        let stuck = Arc::clone(&self.stuck);
        tokio::spawn(async move { put_away(handle, &stuck).await });
    }
}

/// Waits until a worker that was told to end is gone; one that does not end is counted as stuck meanwhile.
async fn put_away<T>(mut handle: JoinHandle<T>, stuck: &AtomicUsize) {
    if timeout(REAP, &mut handle).await.is_err() {
        stuck.fetch_add(1, Ordering::Relaxed);
        let _ended = handle.await;
        stuck.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Resolves when the caller gave up, and the work had its time to end by itself.
async fn given_up(cancel: &CancellationToken, grace: Duration) {
    cancel.cancelled().await;
    if !grace.is_zero() {
        sleep(grace).await;
    }
}

/// Ends the worker when the call itself is dropped.
struct Aborting<T>(Option<JoinHandle<T>>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

fn panic_text(e: tokio::task::JoinError) -> String {
    let payload = e.into_panic();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}
