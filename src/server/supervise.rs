//! One call under supervision: its clocks, its waiting, the pieces of work it makes, and what its ending says of the engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::settings::Neverhang;
use crate::engine::{Budget, Commit};
use crate::output::Finished;
use crate::supervisor::breaker::Verdict;
use crate::supervisor::doors::{Inside, Purpose};
use crate::supervisor::run::{Ending, Patience};
use crate::supervisor::slots::Place;
use crate::tool::context::After;
use crate::tool::{Class, Clocks, Kind, Phase, ToolDef, ToolError};

use super::trace::{self, Recorded};
use super::{Server, answer};

/// The shortest time that a call may give itself.
const SHORTEST: Duration = Duration::from_secs(1);

/// The class's clocks; a call that names its own time gets it, up to the limit.
pub(super) fn clocks(
    class: Class,
    asked: Option<Duration>,
    settings: &Neverhang,
) -> Result<Clocks, ToolError> {
    let clocks = Clocks::of(class, settings);
    match asked {
        None => Ok(clocks),
        // Below a second there is no time to ask the engine anything.
        Some(time) if time <= settings.max_timeout => Ok(clocks.within(time.max(SHORTEST))),
        Some(time) => Err(ToolError::invalid(format!("{time:?} is longer than a call may take"))
            .hint(format!("at most {:?} (neverhang.max_timeout)", settings.max_timeout))),
    }
}

/// One call's waiting for places.
#[derive(Clone, Copy)]
pub(super) struct Queue {
    pub class: Class,
    pub until: Instant,
}

impl Queue {
    /// Waits, unless the server stops or the circuit opens: then everybody is sent away at once.
    pub(super) async fn wait<T>(
        &self,
        server: &Server,
        cancel: &CancellationToken,
        place: impl Future<Output = Result<T, ToolError>>,
    ) -> Result<T, ToolError> {
        let opened = async {
            match self.class {
                Class::Local => std::future::pending().await,
                _ => server.supervisor.opened().await,
            }
        };
        tokio::select! {
            biased; // a server that stops gives no place; else one that is there is taken
            () = server.supervisor.shutdown.cancelled() => Err(stopping()),
            () = cancel.cancelled() => Err(given_up()),
            place = place => place,
            () = opened => Err(match server.supervisor.refusal() {
                Some(refused) => answer::circuit_open(refused),
                None => answer::overloaded(),
            }),
        }
    }

    /// What a call of this tool wants of its containers.
    pub(super) const fn purpose(&self, def: &ToolDef) -> Purpose {
        match self.class {
            _ if def.urgent => Purpose::Urgent,
            // Commands run side by side, and a container that is to be stopped need not wait for them.
            Class::Exec => Purpose::Stream,
            _ if !def.spec.effect.read_only() => Purpose::Change,
            Class::Stream => Purpose::Stream,
            _ => Purpose::Read,
        }
    }
}

fn given_up() -> ToolError {
    ToolError::new(Kind::Cancelled, "the caller gave up")
}

fn stopping() -> ToolError {
    ToolError::new(Kind::ShuttingDown, "the server is stopping")
}

/// How long after the deadline the supervisor ends what did not end by itself; well within the promised second.
const FIRST_WORD: Duration = Duration::from_millis(300);
/// The same for a change, which looks once more at what came of it.
const LAST_LOOK: Duration = Duration::from_millis(600);
/// What a probe may take beside a container that does not answer: at its deadline, and while there is time.
const WITNESS: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(2));

/// Runs pieces of one call, all under its one deadline.
pub(super) struct Supervise<'a> {
    pub server: &'a Server,
    pub clocks: Clocks,
    pub deadline: Instant,
    pub cancel: &'a CancellationToken,
    pub grace: Duration,
}

impl Supervise<'_> {
    /// The same call with the clocks of that class from now on; a time that the caller named stays.
    pub(super) fn as_long_as(
        &self,
        class: Class,
        named: Option<Duration>,
        settings: &Neverhang,
    ) -> Result<Self, ToolError> {
        let clocks = clocks(class, named, settings)?;
        let deadline = match named {
            Some(_) => self.deadline,
            None => Instant::now() + clocks.total,
        };
        Ok(Self { clocks, deadline, ..*self })
    }

    pub(super) fn budget(&self) -> Budget {
        let Clocks { connect, headers, idle, total } = self.clocks;
        Budget { connect, headers, idle, deadline: self.deadline, total }
    }

    /// A container that does not answer: does the engine? What it says decides whose fault it is.
    pub(super) async fn witnessed<T>(
        &self,
        def: &ToolDef,
        ids: &[String],
        result: Result<T, ToolError>,
    ) -> Result<T, ToolError> {
        let supervisor = &self.server.supervisor;
        match result {
            Err(stuck) if stuck.kind == Kind::ContainerUnresponsive => {
                if self.engine_answers().await {
                    // Of several nobody can say which it was: the others must not pay for one that is stuck.
                    if ids.len() == 1 {
                        supervisor.timed_out(ids);
                    }
                    return Err(stuck);
                }
                Err(ToolError { phase: stuck.phase, limit: stuck.limit, ..answer::silent() })
            }
            // A volume plugin that hangs is no sick engine; only what a probe would ask speaks for itself.
            Err(late)
                if late.daemon_fault && waited(&late) && def.spec.class == Class::Read && !def.probes =>
            {
                Err(ToolError { daemon_fault: !self.engine_answers().await, ..late })
            }
            Ok(value) => {
                supervisor.answered(ids);
                Ok(value)
            }
            other => other,
        }
    }

    /// Does a probe get its answer, in what is left of the call?
    async fn engine_answers(&self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.server.supervisor.answers(&self.server.engine, left.clamp(WITNESS.0, WITNESS.1)).await
    }

    /// Waits for what comes before a change, as long as the change may still be called off.
    pub(super) async fn before<T>(&self, step: impl Future<Output = T>) -> Result<T, ToolError> {
        let ending: Ending<Result<T, ToolError>> = tokio::select! {
            biased; // who gave up already gets no change
            () = self.cancel.cancelled() => Ending::Cancelled,
            done = step => Ending::Done(Ok(done)),
            () = self.server.supervisor.shutdown.cancelled() => Ending::ShuttingDown,
            () = tokio::time::sleep_until(self.deadline) => Ending::Deadline,
        };
        self.said(ending)
    }

    /// Runs a change: see [`crate::supervisor::Supervisor::change`].
    pub(super) async fn change<T, F>(
        &self,
        commit: Arc<Commit>,
        finish_by: Instant,
        work: impl FnOnce(oneshot::Sender<Result<T, ToolError>>) -> F,
    ) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let patience = Patience {
            // Its last look at what came of it needs longer than a read's last word.
            deadline: self.deadline + LAST_LOOK,
            // Its own clock ends it first.
            finish_by: finish_by + LAST_LOOK,
        };
        let ending = self.server.supervisor.change(patience, self.cancel, &commit, work).await;
        // A tool that ended by itself has looked, and knows; what is said for one that did not end is a guess.
        let guess = !matches!(ending, Ending::Done(_)) && commit.sent();
        self.said(ending).map_err(|e| if guess { answer::unfinished(e) } else { e })
    }

    pub(super) async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, ToolError>
    where
        T: Send + 'static,
        E: Into<ToolError> + Send + 'static,
    {
        // The work knows better what it waited for: its own clock, at the deadline, gets the first word.
        let deadline = self.deadline + FIRST_WORD;
        self.said(self.server.supervisor.run(deadline, self.cancel, self.grace, work).await)
    }

    /// An ending in the contract's words.
    fn said<T, E: Into<ToolError>>(&self, ending: Ending<Result<T, E>>) -> Result<T, ToolError> {
        match ending {
            Ending::Done(result) => result.map_err(Into::into),
            Ending::Panicked(text) => Err(ToolError::internal(format!("panic: {text}"))),
            Ending::Deadline => Err(ToolError::new(Kind::DaemonTimeout, "the call took too long")
                .clock(Phase::Total, self.clocks.total)
                .hint("ask for less, or raise the class's timeout in [neverhang]")),
            Ending::Cancelled => Err(given_up()),
            Ending::ShuttingDown => Err(stopping()),
        }
    }
}

/// A change and what follows it: its answer goes to the caller, if that one still waits; what was left open is looked at
/// again; the record is closed when all is known.
pub(super) async fn see_through(
    running: impl Future<Output = Result<Finished, ToolError>>,
    answer: oneshot::Sender<Result<Finished, ToolError>>,
    held: (Place, Inside),
    after: After,
    trace: Arc<Mutex<Option<Recorded>>>,
) {
    let result = running.await;
    drop(held);
    let mut trace = trace::take(&trace);
    let (known, looks) = (after.is_known(), after.take());
    if let Some(trace) = &mut trace {
        trace.ended(result.as_ref().err(), known.as_ref(), !looks.is_empty());
    }
    // Nobody may be waiting any more.
    let _gone = answer.send(result);
    if let (Some(trace), false) = (&mut trace, looks.is_empty()) {
        let found = join_all(looks).await;
        trace.found(&known.into_iter().chain(found).collect::<Vec<_>>());
    }
}

/// The engine had the request, and was waited for.
const fn waited(e: &ToolError) -> bool {
    matches!(e.phase, Some(Phase::Headers | Phase::Idle | Phase::Total))
}

/// What a result says of the engine's health; `None`: a probe must tell. `hurried`: the call had less than its class's time
/// for the engine.
pub(super) fn verdict<T>(result: &Result<T, ToolError>, hurried: bool, class: Class) -> Option<Verdict> {
    Some(match result {
        Ok(_) => Verdict::Good,
        Err(e) if e.phase == Some(Phase::Total) && hurried => Verdict::Neutral,
        // A slow stop is no sick engine.
        Err(e) if e.phase.is_some() && !matches!(class, Class::Read | Class::Local) => return None,
        Err(e) if e.daemon_fault => Verdict::Fault(e.kind.name()),
        Err(e) => match e.kind {
            Kind::NotFound | Kind::Conflict | Kind::DaemonError | Kind::Unsupported => Verdict::Good,
            _ => Verdict::Neutral,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: ToolError, class: Class) -> Option<Verdict> {
        verdict(&Err::<(), _>(error), false, class)
    }

    #[test]
    fn only_the_engines_own_faults_count() {
        let clock = |kind| ToolError::new(kind, "").clock(Phase::Total, Duration::from_secs(3));
        for kind in [
            Kind::PermissionDenied,
            Kind::InvalidArguments,
            Kind::RateLimited,
            Kind::Overloaded,
            Kind::DaemonPermission,
            Kind::ContainerUnresponsive,
            Kind::ResponseTooLarge,
            Kind::ExecTimeout,
            Kind::ChildTimeout,
            Kind::AuditUnavailable,
            Kind::Cancelled,
            Kind::ShuttingDown,
            Kind::Internal,
        ] {
            assert_eq!(of(ToolError::new(kind, ""), Class::Read), Some(Verdict::Neutral), "{kind:?}");
        }
        for kind in [Kind::NotFound, Kind::Conflict, Kind::DaemonError, Kind::Unsupported] {
            assert_eq!(of(ToolError::new(kind, ""), Class::Lifecycle), Some(Verdict::Good), "{kind:?}");
        }
        let sick = || clock(Kind::DaemonTimeout).daemon_fault();
        assert_eq!(of(sick(), Class::Read), Some(Verdict::Fault("daemon_timeout")));
        // A slow stop, command or build: a probe must tell.
        for class in [Class::Stream, Class::Lifecycle, Class::Exec, Class::Transfer, Class::Compose] {
            assert_eq!(of(sick(), class), None, "{class:?}");
            assert_eq!(of(clock(Kind::OutcomeUnknown).daemon_fault(), class), None, "{class:?}");
        }
        // A caller in a hurry.
        assert_eq!(verdict(&Err::<(), _>(sick()), true, Class::Read), Some(Verdict::Neutral));
        let gone = ToolError::new(Kind::DaemonUnreachable, "").daemon_fault();
        assert_eq!(of(gone, Class::Lifecycle), Some(Verdict::Fault("daemon_unreachable")));
    }
}
