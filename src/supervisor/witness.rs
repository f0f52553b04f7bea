//! Is it the engine that does not answer, or what it was asked about? A probe tells.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::engine::{Budget, Engine};

use super::breaker::Verdict;
use super::suspects::Suspects;
use super::{Admission, Supervisor};

/// Longer than a healthy engine takes, also on a busy machine.
const PROBE: Duration = Duration::from_secs(2);
/// The supervisor's own clock, should the probe itself hang.
const MARGIN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Does the engine answer a probe within `time`?
    pub async fn answers(&self, engine: &Arc<Engine>, time: Duration) -> bool {
        let engine = Arc::clone(engine);
        let probe = self.work.spawn(async move { engine.probe(&Budget::of(time)).await.is_ok() });
        matches!(timeout(time + MARGIN, probe).await, Ok(Ok(true)))
    }

    /// May these containers be asked about?
    ///
    /// # Errors
    /// How long to leave one of them alone that hangs.
    pub fn responsive(&self, ids: &[String]) -> Result<(), Duration> {
        let now = self.started.elapsed();
        let mut suspects = self.suspects();
        ids.iter().try_for_each(|id| suspects.admit(now, id))
    }

    /// The engine answers, but did not about these.
    pub fn timed_out(&self, ids: &[String]) {
        let now = self.started.elapsed();
        let mut suspects = self.suspects();
        ids.iter().for_each(|id| suspects.timed_out(now, id));
    }

    /// It did.
    pub fn answered(&self, ids: &[String]) {
        let mut suspects = self.suspects();
        ids.iter().for_each(|id| suspects.answered(id));
    }

    /// How many containers are left alone at this moment.
    #[must_use]
    pub fn unresponsive(&self) -> usize {
        self.suspects().refused(self.started.elapsed())
    }

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a probe decide what a call's ending says of the engine. Nobody waits for it.
    pub fn ask(self: &Arc<Self>, admission: Admission, engine: Arc<Engine>) {
        let supervisor = Arc::clone(self);
        tokio::spawn(async move {
            let well = supervisor.answers(&engine, PROBE).await;
            admission.settle(if well { Verdict::Neutral } else { Verdict::Fault("daemon_timeout") });
        });
    }
}
