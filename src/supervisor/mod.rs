//! HOW LONG, HOW MANY, WHEN TO STOP.
//!
//! The work runs on a runtime of its own; the supervisor's timers and the MCP I/O never share a thread with it, so that a
//! stuck poll cannot delay an answer.

pub mod breaker;
pub mod health;
pub mod run;
pub mod slots;
pub mod suspects;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::settings;
use breaker::{Breaker, Verdict};
use slots::Slots;

/// Watches every call of one server.
#[derive(Debug)]
pub struct Supervisor {
    /// Where work runs.
    work: Handle,
    /// Bounded places per class.
    pub slots: Slots,
    breaker: Mutex<Breaker>,
    /// Probes may end an open state early.
    probed: bool,
    started: Instant,
    stuck: Arc<AtomicUsize>,
    /// Cancelled when the server stops: calls in flight answer `shutting_down`.
    pub shutdown: CancellationToken,
    /// Wakes the prober when the circuit opens.
    opened: tokio::sync::Notify,
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
            self.supervisor.settle(ticket, verdict);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.supervisor.settle(ticket, Verdict::Neutral);
        }
    }
}

impl Supervisor {
    /// A supervisor whose work runs on `work`.
    #[must_use]
    pub fn new(work: Handle, limits: &settings::Limits, breaker: &settings::Breaker) -> Self {
        Self {
            work,
            slots: Slots::new(limits.max_concurrent as usize),
            breaker: Mutex::new(Breaker::new(breaker.failures, breaker.window, breaker.cooldown)),
            probed: breaker.early_recovery,
            started: Instant::now(),
            stuck: Arc::default(),
            shutdown: CancellationToken::new(),
            opened: tokio::sync::Notify::new(),
        }
    }

    /// May a call touch the engine?
    ///
    /// # Errors
    /// When to come back, while the circuit is open.
    pub fn admit(self: &Arc<Self>) -> Result<Admission, Duration> {
        let ticket = self.breaker().admit(self.now()).map_err(|after| self.worth_trying(after))?;
        Ok(Admission { supervisor: Arc::clone(self), ticket: Some(ticket) })
    }

    /// State, faults in the window, and when an open circuit admits a trial at the latest.
    #[must_use]
    pub fn circuit(&self) -> (&'static str, usize, Option<Duration>) {
        let now = self.now();
        let breaker = self.breaker();
        (
            breaker.state(),
            breaker.failures(now),
            breaker.retry_after(now).map(|after| self.worth_trying(after)),
        )
    }

    /// When a refused caller should come back: the next probe may find the engine well long before the cooldown ends.
    fn worth_trying(&self, cooldown: Duration) -> Duration {
        if self.probed { cooldown.min(health::PAUSE) } else { cooldown }
    }

    /// Workers that were told to end and did not.
    #[must_use]
    pub fn stuck_workers(&self) -> usize {
        self.stuck.load(Ordering::Relaxed)
    }

    fn settle(&self, ticket: breaker::Ticket, verdict: Verdict) {
        let now = self.now();
        let mut breaker = self.breaker();
        let before = breaker.state();
        breaker.settle(now, ticket, verdict);
        let after = breaker.state();
        drop(breaker);
        if before != after {
            tracing::warn!(from = before, to = after, "circuit changed");
            if after == "open" {
                self.opened.notify_one();
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
