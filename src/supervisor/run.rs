//! One piece of work under supervision.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

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
        let mut worker = Aborting(Some(self.work.spawn(work)));
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

    /// Ends a worker without waiting for it: a stuck poll wastes one thread and delays nobody.
    fn reap<T: Send + 'static>(&self, mut handle: tokio::task::JoinHandle<T>) {
        handle.abort();
        let stuck = std::sync::Arc::clone(&self.stuck);
        tokio::spawn(async move {
            if timeout(REAP, &mut handle).await.is_err() {
                stuck.fetch_add(1, Ordering::Relaxed);
                let _ended = handle.await;
                stuck.fetch_sub(1, Ordering::Relaxed);
            }
        });
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
struct Aborting<T>(Option<tokio::task::JoinHandle<T>>);

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
