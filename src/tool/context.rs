//! What a running tool holds.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::engine::change::{Effect, Finding};
use crate::engine::compose::stack::Stack;
use crate::engine::{Budget, Commit, Engine};
use crate::guard::exec::Place;
use crate::output::{Learned, LineMask, Redactor};

use super::error::ToolError;
use super::watch::Watchdogs;

/// What the server can tell about itself, for the tools that report on it.
pub trait Host: Send + Sync {
    /// The supervisor's state, at once.
    fn vitals(&self) -> Vitals;

    /// What the policy would say of a call, without making it. An absent tool: the rules in force.
    fn explain(&self, tool: Option<String>, arguments: Option<Map<String, Value>>) -> Told<'_>;

    /// What waits for a person and this caller may answer.
    fn pending(&self) -> Told<'_>;

    /// Answers what waits.
    fn answer(&self, code: String, approves: bool) -> Told<'_>;

    /// Lines of the audit log, the last ones.
    fn audit(&self, query: Lookup) -> Told<'_>;
}

/// What the server tells, when it has looked.
pub type Told<'a> = Pin<Box<dyn Future<Output = Result<Value, ToolError>> + Send + 'a>>;

/// Which lines of the audit log: those that fit all of these. Globs, but for `status` and `since`.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// Who called.
    pub caller: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// What was acted on.
    pub target: Option<String>,
    /// An outcome, a decision or a kind of error.
    pub status: Option<String>,
    /// From when on.
    pub since: Option<String>,
    /// Lines at most.
    pub limit: usize,
}

/// The supervisor's state at one moment.
#[derive(Debug, Clone, Default)]
pub struct Vitals {
    /// The circuit breaker.
    pub circuit: Circuit,
    /// Calls that are running.
    pub in_flight: usize,
    /// Calls that wait for a place.
    pub waiting: usize,
    /// Workers that did not end when they were told to.
    pub stuck_workers: usize,
    /// They are half of all threads for work, or more.
    pub worn: bool,
    /// Why the audit log cannot be written, if so.
    pub audit_fault: Option<String>,
    /// Levels that a person raised for a while, in words.
    pub grants: Vec<String>,
}

/// The circuit breaker at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circuit {
    /// `closed`, `open` or `half_open`.
    pub state: &'static str,
    /// Daemon faults in the window.
    pub failures: usize,
    /// When an open circuit admits a trial at the latest.
    pub retry_after: Option<Duration>,
    /// How long ago calls stopped passing, unless it is closed.
    pub opened_ago: Option<Duration>,
    /// The kind of the last fault that still counts, or that opened it.
    pub last_error: Option<&'static str>,
    /// Probes that failed since calls stopped passing.
    pub probes_failed: u32,
    /// The last probe.
    pub probe: Option<Probe>,
    /// What happened since the start, for metrics.
    pub counters: Counters,
}

/// One probe of the engine beside the calls.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// How long ago it ended.
    pub ago: Duration,
    /// The kind of its error, if it failed.
    pub error: Option<&'static str>,
}

/// What the circuit breaker did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes to `open`, failed trials included.
    pub to_open: u64,
    /// Changes to `half_open`.
    pub to_half_open: u64,
    /// Changes to `closed`.
    pub to_closed: u64,
    /// Changes from `closed` to `open`.
    pub outages: u64,
    /// Probes of the engine.
    pub probes: u64,
    /// Those of them that failed.
    pub probes_failed: u64,
}

impl Counters {
    /// Counts one change of state.
    pub fn count(&mut self, from: &str, to: &str) {
        match to {
            "open" => self.to_open += 1,
            "half_open" => self.to_half_open += 1,
            _ => self.to_closed += 1,
        }
        self.outages += u64::from(from == "closed" && to == "open");
    }
}

/// Where a tool reports how far it is. Reports are cleaned, and thinned out to what a client can read.
#[derive(Debug, Clone, Default)]
pub struct Progress(Option<mpsc::Sender<String>>);

impl Progress {
    /// Reports go there.
    #[must_use]
    pub const fn to(sender: mpsc::Sender<String>) -> Self {
        Self(Some(sender))
    }

    /// Somebody listens.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Says something; waits while the listener is busy, so that a slow client slows the source down.
    pub async fn say(&self, text: impl Into<String>) {
        if let Some(sender) = &self.0 {
            let _gone = sender.send(text.into()).await;
        }
    }
}

/// Masks secrets, for tools that search in what others wrote: what is not shown must not be found either.
#[derive(Debug, Clone, Default)]
pub struct Mask(Option<(Arc<Redactor>, Learned)>);

impl Mask {
    /// With what is known of the engine's secrets.
    #[must_use]
    pub const fn new(redactor: Arc<Redactor>, learned: Learned) -> Self {
        Self(Some((redactor, learned)))
    }

    /// For the lines of one stream.
    #[must_use]
    pub fn lines(&self) -> LineMask {
        self.0.clone().map_or_else(LineMask::default, |(redactor, learned)| LineMask::new(redactor, learned))
    }
}

/// What came of a change after its caller was answered.
pub type Aftermath = Pin<Box<dyn Future<Output = Finding> + Send>>;

/// What follows a change: what became of it as far as is known, and what is looked at again, for the record.
#[derive(Clone, Default)]
pub struct After {
    looks: Arc<Mutex<Vec<Aftermath>>>,
    known: Arc<Mutex<Option<Finding>>>,
}

impl std::fmt::Debug for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("After").finish_non_exhaustive()
    }
}

impl After {
    /// Goes on when the caller has its answer.
    pub fn the_answer(&self, look: impl Future<Output = Finding> + Send + 'static) {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(look));
    }

    /// What became of all that is not looked at again. Without a word of it, success is an effect.
    pub fn known(&self, finding: Finding) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(finding);
    }

    /// It was so already: nothing changed, and that is no failure.
    pub fn unchanged(&self) {
        self.known(Finding { effect: Effect::None, evidence: String::new() });
    }

    /// What the tool says of that.
    #[must_use]
    pub fn is_known(&self) -> Option<Finding> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What there is to do.
    #[must_use]
    pub fn take(&self) -> Vec<Aftermath> {
        std::mem::take(&mut *self.looks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a running tool holds besides its permits and arguments.
#[derive(Clone)]
pub struct Ctx {
    /// The engine, reached with permits only.
    pub engine: Arc<Engine>,
    /// One snapshot for the whole call.
    pub settings: Arc<Settings>,
    /// The call's clocks.
    pub budget: Budget,
    /// Where to report.
    pub progress: Progress,
    /// What must not be found by searching.
    pub mask: Mask,
    /// The caller gave up.
    pub cancel: CancellationToken,
    /// The server is stopping.
    pub stopping: CancellationToken,
    /// Whether a change may still be called off. Reads have no use for it.
    pub commit: Arc<Commit>,
    /// What goes on when the caller has its answer.
    pub after: After,
    /// What is to be known of the containers that are entered, as [`super::Tool::judge`] heard it.
    pub places: Vec<Place>,
    /// The project that a compose file makes, where the call is about one.
    pub stack: Option<Arc<Stack>>,
    /// The name of the compose project that the call is about, where it had to be looked up.
    pub project: Option<String>,
    /// Who sees a change through, should this process die.
    pub watchdogs: Watchdogs,
    /// The server itself.
    pub host: Arc<dyn Host>,
}

/// A tool that ends by itself leaves this for its answer, before the supervisor gives one for it.
const ANSWER: Duration = Duration::from_millis(400);

/// What was left open is looked at for so long after the call, and for as long as the call itself might take.
const AFTERWARDS: Duration = Duration::from_secs(30);

impl Ctx {
    /// Until when a change that outlives its call is seen through.
    #[must_use]
    pub fn afterwards(&self) -> tokio::time::Instant {
        self.budget.deadline + self.budget.total.max(AFTERWARDS)
    }

    /// When a tool that waits or follows must end, to answer with what it has.
    #[must_use]
    pub fn ends_by(&self) -> tokio::time::Instant {
        self.budget.deadline - ANSWER.min(self.budget.total / 4)
    }
}

impl std::fmt::Debug for Ctx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx").field("budget", &self.budget).finish_non_exhaustive()
    }
}
