//! Is it the engine that does not answer, or what it was asked about? A probe tells.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::engine::{Budget, Engine};

use super::breaker::Verdict;
use super::{Admission, Supervisor};

/// Longer than a healthy engine takes, also on a busy machine.
const PROBE: Duration = Duration::from_secs(2);
/// The supervisor's own clock, should the probe itself hang.
const MARGIN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Does the engine answer a ping within `time`?
    pub async fn answers(&self, engine: &Arc<Engine>, time: Duration) -> bool {
        let engine = Arc::clone(engine);
        let probe = self.work.spawn(async move { engine.ping(&Budget::of(time)).await.is_ok() });
        matches!(timeout(time + MARGIN, probe).await, Ok(Ok(true)))
    }

    /// Lets a probe decide what a call's ending says of the engine. Nobody waits for it.
    pub fn ask(self: &Arc<Self>, admission: Admission, engine: Arc<Engine>) {
        let supervisor = Arc::clone(self);
        tokio::spawn(async move {
            let well = supervisor.answers(&engine, PROBE).await;
            admission.settle(if well { Verdict::Neutral } else { Verdict::Fault });
        });
    }
}
