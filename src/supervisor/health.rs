//! Probes beside the calls: an engine that comes back is noticed before the cooldown ends, and one that goes away while
//! nobody calls is known of.
//!
//! One task, so one probe at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::engine::endpoint::Endpoint;
use crate::engine::{Budget, Engine};
use crate::tool::ToolError;

use super::Supervisor;
use super::run::Ending;

/// Pauses between probes while the circuit is open: a short restart is noticed soon, a long outage costs little.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(2)];
/// The longest of them.
pub const PAUSE: Duration = Duration::from_secs(5);
/// One good probe can be luck; the second follows at once.
const CONFIRM: Duration = Duration::from_millis(250);
/// While nothing is wrong and nobody calls.
const IDLE: Duration = Duration::from_secs(30);

/// Runs until the server stops.
pub async fn probe(supervisor: Arc<Supervisor>, engine: Arc<Engine>) {
    let circuit = &supervisor.circuit;
    let mut news = circuit.news();
    let mut openings = 0;
    let mut pauses = PAUSES.into_iter();
    let mut confirm = false;
    loop {
        let now = news.borrow_and_update().openings;
        if now != openings {
            openings = now;
            pauses = PAUSES.into_iter();
            confirm = false;
        }
        let pause = match circuit.state() {
            ("open", _) if confirm => CONFIRM,
            ("open", _) => jittered(pauses.next().unwrap_or(PAUSE)),
            (_, true) => Duration::ZERO,
            // A trial that never comes back is noticed within this.
            ("half_open", _) => PAUSE,
            _ => jittered(IDLE),
        };
        tokio::select! {
            () = supervisor.shutdown.cancelled() => return,
            () = sleep(pause) => {}
            _ = news.changed() => continue,
        }
        confirm = worth_it(&supervisor, &engine) && once(&supervisor, &engine).await;
    }
}

/// Only where a probe tells something that calls do not.
fn worth_it(supervisor: &Supervisor, engine: &Engine) -> bool {
    match supervisor.circuit.state() {
        ("open", _) => true,
        ("half_open", wanted) => wanted,
        // Over ssh every probe is a login.
        _ => {
            !matches!(engine.found().endpoint, Endpoint::Ssh { .. })
                && supervisor.slots.counts() == (0, 0)
                && supervisor.circuit.silence() >= IDLE / 2
        }
    }
}

/// One probe; whether it went well.
async fn once(supervisor: &Supervisor, engine: &Arc<Engine>) -> bool {
    let budget = Budget::probe();
    let (deadline, engine) = (Instant::now() + budget.total, Arc::clone(engine));
    let work = async move { engine.probe(&budget).await };
    // What comes back may be anything: it is read where work runs.
    let ending = supervisor.run(deadline + GRACE, &supervisor.shutdown, Duration::ZERO, work).await;
    // Any other ending is a fault of ours, and says nothing about the engine.
    let Ending::Done(probe) = ending else { return false };
    let well = probe.is_ok();
    supervisor.circuit.probed(probe.map_err(|e| ToolError::from(e).kind.name()));
    well
}

/// How long after its own clock a probe is ended that did not end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Three quarters of the pause to all of it: many servers of one engine must not probe in step.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default() % 256;
    pause - pause * random / 1024
}
