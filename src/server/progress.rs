//! Progress: at once, and at least every five seconds, while somebody wants it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::output::{Learned, Redactor};
use crate::tool::Progress;

/// Where progress goes. Gives each report a growing number.
pub trait Report: Send + Sync {
    /// Sends one report; resolves when it was written.
    fn report(&self, number: u64, message: String) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Clients give up on calls that say nothing for long.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Reports that may wait; then the source slows down.
const QUEUE: usize = 16;

/// The reports of one call.
pub struct Reports {
    sender: Option<mpsc::Sender<String>>,
    rest: Mutex<Option<(mpsc::Receiver<String>, Arc<dyn Report>)>>,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").field("wanted", &self.sender.is_some()).finish()
    }
}

/// Passes reports on. Dropping it ends that at once.
#[derive(Debug)]
pub struct Relay {
    task: Option<JoinHandle<()>>,
    last: CancellationToken,
}

impl Relay {
    /// Nothing more is reported: passes on what waits, for as long as there is time. What the tool said is not lost
    /// because its answer is quicker.
    pub async fn finish(mut self, by: Instant) {
        self.last.cancel();
        if let Some(task) = &mut self.task {
            let _slow_reader = timeout_at(by, task).await;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Reports {
    /// Nobody wants them.
    #[must_use]
    pub const fn none() -> Self {
        Self { sender: None, rest: Mutex::new(None) }
    }

    /// They go there.
    #[must_use]
    pub fn to(report: Arc<dyn Report>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender: Some(sender), rest: Mutex::new(Some((receiver, report))) }
    }

    /// The tool's end.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.sender.clone().map_or_else(Progress::default, Progress::to)
    }

    /// Passes reports on, cleaned, until the relay is finished or dropped. `learned` is set before the tool runs and can
    /// say anything.
    pub fn relay(&self, redactor: Arc<Redactor>, learned: Arc<OnceLock<Learned>>) -> Relay {
        let last = CancellationToken::new();
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut receiver, report)) = rest else { return Relay { task: None, last } };
        let over = last.clone();
        let task = tokio::spawn(async move {
            let mut beat = interval(HEARTBEAT);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut number = 0;
            let none = Learned::default();
            loop {
                let message = tokio::select! {
                    said = receiver.recv() => match said {
                        Some(text) => redactor.block(&text, learned.get().unwrap_or(&none)),
                        None => return,
                    },
                    () = over.cancelled(), if !receiver.is_closed() => {
                        receiver.close();
                        continue;
                    }
                    // The first tick comes at once.
                    _ = beat.tick() => if number == 0 { "started".to_owned() } else { "still running".to_owned() },
                };
                number += 1;
                beat.reset();
                report.report(number, message).await;
            }
        });
        Relay { task: Some(task), last }
    }
}
