//! What is counted of every call, and what a scrape gets: [`Metrics::text`].
//!
//! Labels are words of ours: tools of the catalogue, kinds, states. No name of a container, a caller or a tool that is none.

mod seen;
mod text;

use std::time::Instant;

use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use crate::tool::Kind;

use super::{Origin, catalogue};

pub use text::CONTENT_TYPE;

/// Seconds: from what a read takes to what a pull may.
const BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    /// None could only be had with a name that is no metric's; a test makes them.
    counters: Option<Counters>,
    seen: seen::Cache,
    started: Instant,
}

#[derive(Debug)]
struct Counters {
    registry: Registry,
    executions: IntCounterVec,
    durations: HistogramVec,
    failures: IntCounterVec,
    denials: IntCounter,
    timeouts: IntCounter,
    attempts: IntCounterVec,
}

/// How a caller was let in, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// By a key or a token.
    Success,
    /// Without one, where that is allowed.
    Anonymous,
    /// Not: there was none.
    Missing,
    /// Not: it was wrong.
    Failure,
    /// Not: too many were wrong before.
    Throttled,
    /// Not: it is somebody's token who has no role here.
    NoRole,
    /// Not: nobody could say whether it was right.
    Unavailable,
}

impl Attempt {
    const ALL: [Self; 7] = [
        Self::Success,
        Self::Anonymous,
        Self::Missing,
        Self::Failure,
        Self::Throttled,
        Self::NoRole,
        Self::Unavailable,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Anonymous => "anonymous",
            Self::Missing => "missing",
            Self::Failure => "failure",
            Self::Throttled => "throttled",
            Self::NoRole => "no_role",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A call that is counted when it ends, whatever becomes of it.
#[derive(Debug)]
pub(super) struct Counting<'a> {
    counters: Option<&'a Counters>,
    tool: &'static str,
    started: Instant,
}

impl Default for Metrics {
    fn default() -> Self {
        let (counters, seen) = (Counters::new().ok(), seen::Cache::default());
        Self { counters, seen, started: Instant::now() }
    }
}

impl Metrics {
    /// A call of that name begins.
    pub(super) fn begin(&self, tool: &str, origin: &Origin) -> Counting<'_> {
        // A name that is no tool's must not make a series.
        let tool = catalogue::find(tool).map_or("(unknown)", |def| def.spec.name);
        let counters = self.counters.as_ref().filter(|_| !origin.unasked);
        Counting { counters, tool, started: Instant::now() }
    }

    /// Somebody came to the door.
    pub fn attempted(&self, attempt: Attempt) {
        if let Some(counters) = &self.counters {
            counters.attempts.with_label_values(&[attempt.word()]).inc();
        }
    }
}

impl Counters {
    fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone())).map(|()| made)
        };
        let counter = |name: &str, help: &str| {
            let made = IntCounter::new(name, help)?;
            registry.register(Box::new(made.clone())).map(|()| made)
        };
        let executions = counters(
            "docker_mcp_tool_executions_total",
            "Calls of tools that ended, by success, denied, timeout or error.",
            &["tool_name", "status"],
        )?;
        let failures = counters(
            "docker_mcp_tool_failures_total",
            "Calls of tools that failed, by error.kind as their callers got it.",
            &["kind"],
        )?;
        let attempts = counters(
            "docker_mcp_authentication_attempts_total",
            "Requests at doors that ask who calls, by what was found.",
            &["result"],
        )?;
        // What never happened is 0: a first time is then an increase.
        for attempt in Attempt::ALL {
            attempts.with_label_values(&[attempt.word()]).inc_by(0);
        }
        let denials = counter(
            "docker_mcp_denials_total",
            "Calls that rules, guards, limits or a person refused. What the filters hide counts as missing.",
        )?;
        let timeouts = counter("docker_mcp_timeouts_total", "Calls that ended because a clock ran out.")?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "docker_mcp_tool_execution_duration_seconds",
                "How long calls of tools took, waiting included.",
            )
            .buckets(BUCKETS.to_vec()),
            &["tool_name"],
        )?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self { registry, executions, durations, failures, denials, timeouts, attempts })
    }
}

impl Counting<'_> {
    /// It has its answer.
    pub(super) fn ended(mut self, failure: Option<Kind>) {
        self.count(status(failure), failure.map(Kind::name));
    }

    fn count(&mut self, status: &str, kind: Option<&str>) {
        let Some(counters) = self.counters.take() else { return };
        counters.executions.with_label_values(&[self.tool, status]).inc();
        counters.durations.with_label_values(&[self.tool]).observe(self.started.elapsed().as_secs_f64());
        if let Some(kind) = kind {
            counters.failures.with_label_values(&[kind]).inc();
        }
        match status {
            "denied" => counters.denials.inc(),
            "timeout" => counters.timeouts.inc(),
            _ => {}
        }
    }
}

impl Drop for Counting<'_> {
    /// Nobody waits for its answer any more.
    fn drop(&mut self) {
        self.count("error", Some(Kind::Cancelled.name()));
    }
}

/// As few words as somebody who watches needs. It is told from what the caller got: what the filters hide must count like
/// what does not exist, or counting would tell them apart.
const fn status(failure: Option<Kind>) -> &'static str {
    match failure {
        None => "success",
        Some(
            Kind::PermissionDenied
            | Kind::ApprovalDenied
            | Kind::ConfirmationInvalid
            | Kind::RateLimited
            | Kind::Cooldown,
        ) => "denied",
        Some(
            Kind::DaemonTimeout
            | Kind::ContainerUnresponsive
            | Kind::ExecTimeout
            | Kind::ChildTimeout
            | Kind::OutcomeUnknown,
        ) => "timeout",
        Some(_) => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_counted_and_what_nobody_asked_for_is_not() {
        let metrics = Metrics::default();
        let counters = metrics.counters.as_ref().expect("every name is a metric's");
        let count = |status| counters.executions.with_label_values(&["docker_ps", status]).get();
        metrics.begin("docker_ps", &Origin::default()).ended(None);
        drop(metrics.begin("docker_ps", &Origin::default()));
        metrics.begin("docker_ps", &Origin { unasked: true, ..Origin::default() }).ended(None);
        assert_eq!((count("success"), count("error")), (1, 1));
        metrics.begin("x\"} 1", &Origin::default()).ended(Some(Kind::InvalidArguments));
        assert_eq!(counters.executions.with_label_values(&["(unknown)", "error"]).get(), 1);
        assert_eq!((counters.denials.get(), counters.timeouts.get()), (0, 0));
    }
}
