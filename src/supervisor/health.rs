//! Probes while the circuit is open, so that a restart of the engine is noticed before the cooldown ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::engine::{Budget, Engine};

use super::Supervisor;

/// Pauses between probes: a short restart is noticed soon, a long outage costs little.
const PAUSES: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(2), PAUSE];
/// The longest of them.
pub const PAUSE: Duration = Duration::from_secs(5);
/// One good probe can be luck; the second follows at once.
const CONFIRM: Duration = Duration::from_millis(250);

/// Runs until the server stops.
pub async fn probe(supervisor: Arc<Supervisor>, engine: Arc<Engine>) {
    loop {
        tokio::select! {
            () = supervisor.opened.notified() => {}
            () = supervisor.shutdown.cancelled() => return,
        }
        let mut pauses = PAUSES.into_iter();
        let mut pause = CONFIRM;
        while supervisor.circuit().0 == "open" {
            pause = pauses.next().unwrap_or(pause);
            tokio::select! {
                () = sleep(pause) => {}
                () = supervisor.shutdown.cancelled() => return,
            }
            if engine.ping(&Budget::probe()).await.is_err() {
                continue;
            }
            sleep(CONFIRM).await;
            if engine.ping(&Budget::probe()).await.is_ok() {
                tracing::info!("the engine answers again; one call is tried");
                supervisor.breaker().recovered();
            }
        }
    }
}
