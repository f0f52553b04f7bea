//! HOW LONG, HOW MANY, WHEN TO STOP.
//!
//! The work runs on a runtime of its own; the supervisor's timers and the MCP I/O never share a thread with it, so that a
//! stuck poll cannot delay an answer.

pub mod breaker;
pub mod changes;
pub mod circuit;
pub mod doors;
pub mod health;
pub mod run;
pub mod slots;
mod stuck;
pub mod suspects;
mod witness;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::tool::context::Circuit as Shown;
use breaker::{Refused, Verdict};
use circuit::Circuit;
use slots::Slots;
use suspects::Suspects;

/// Watches every call of one server.
#[derive(Debug)]
pub struct Supervisor {
    /// Where work runs.
    work: Handle,
    /// Bounded places per class.
    pub slots: Slots,
    circuit: Circuit,
    /// Containers that do not answer.
    suspects: Mutex<Suspects>,
    started: Instant,
    stuck: Arc<AtomicUsize>,
    /// Changes that were sent, and what follows them.
    pub changes: changes::Changes,
    /// Cancelled when the server stops: calls in flight answer `shutting_down`.
    pub shutdown: CancellationToken,
}

/// Leave to touch the engine. Gives its outcome to the breaker, or counts as neutral when dropped.
#[derive(Debug)]
pub struct Admission {
    supervisor: Arc<Supervisor>,
    ticket: Option<breaker::Ticket>,
}

impl Admission {
    /// The call ended.
    pub fn settle(mut self, verdict: Verdict) {
        if let Some(ticket) = self.ticket.take() {
            self.supervisor.circuit.settle(ticket, verdict);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.supervisor.circuit.settle(ticket, Verdict::Neutral);
        }
    }
}

impl Supervisor {
    /// A supervisor whose work runs on `work`.
    #[must_use]
    pub fn new(work: Handle, settings: &Settings) -> Self {
        Self {
            work,
            slots: Slots::new(settings.limits.max_concurrent as usize, settings.exec.max_concurrent),
            circuit: Circuit::new(&settings.neverhang.breaker),
            suspects: Mutex::default(),
            started: Instant::now(),
            stuck: Arc::default(),
            changes: changes::Changes::default(),
            shutdown: CancellationToken::new(),
        }
    }

    /// May a call touch the engine?
    ///
    /// # Errors
    /// Why not and when to come back, while the circuit is open.
    pub fn admit(self: &Arc<Self>) -> Result<Admission, Refused> {
        let ticket = self.circuit.admit()?;
        Ok(Admission { supervisor: Arc::clone(self), ticket: Some(ticket) })
    }

    /// What a call would be told that came now, if it were refused.
    #[must_use]
    pub fn refusal(&self) -> Option<Refused> {
        self.circuit.refusal()
    }

    /// The circuit at this moment.
    #[must_use]
    pub fn circuit(&self) -> Shown {
        self.circuit.shown()
    }

    /// Resolves when the circuit opens, at once if it is open: who waits for a place is sent away then.
    pub fn opened(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.circuit.opened()
    }

    /// A person at the host says that the engine is well.
    pub fn reset_circuit(&self) {
        self.circuit.reset();
    }

    /// Workers that were told to end and did not.
    #[must_use]
    pub fn stuck_workers(&self) -> usize {
        self.stuck.load(Ordering::Relaxed)
    }
}
