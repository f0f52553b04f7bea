//! Progress: at once, and at least every five seconds, while somebody wants it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

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

/// Ends the relay when the call ends.
#[derive(Debug)]
pub struct Relay(Option<tokio::task::JoinHandle<()>>);

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
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

    /// Passes reports on, cleaned, until the relay is dropped. `learned` is set before the tool runs and can say anything.
    pub fn relay(&self, redactor: Arc<Redactor>, learned: Arc<OnceLock<Learned>>) -> Relay {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut receiver, report)) = rest else { return Relay(None) };
        Relay(Some(tokio::spawn(async move {
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
                    // The first tick comes at once.
                    _ = beat.tick() => if number == 0 { "started".to_owned() } else { "still running".to_owned() },
                };
                number += 1;
                beat.reset();
                report.report(number, message).await;
            }
        })))
    }
}
