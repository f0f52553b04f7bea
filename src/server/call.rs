//! The way of a call, one statement a layer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audit::{Decision, Guard};
use crate::config::settings::Neverhang;
use crate::engine::Budget;
use crate::engine::resolve::Want;
use crate::output::{Finished, Learned, finish};
use crate::policy::decide::Named;
use crate::policy::{self, Ask, Target};
use crate::supervisor::breaker::Verdict;
use crate::supervisor::run::Ending;
use crate::tool::def::Prepared;
use crate::tool::{Asked, Class, Clocks, Ctx, Kind, Mask, Phase, ToolDef, ToolError};

use super::progress::Reports;
use super::{Answer, InForce, Server, aliases, answer, catalogue, explain, failpoint};

/// The shortest time that a call may give itself.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long a stream that was cancelled has for its answer.
const GRACE: Duration = Duration::from_millis(300);

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `stdio`, `cli`, later the name of a key.
    pub name: String,
}

/// What is called.
#[derive(Debug)]
pub struct Request {
    /// The tool, by its name or a seed's.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Where progress goes, if the caller wants it.
    pub reports: Reports,
    /// The caller gave up.
    pub cancel: CancellationToken,
}

/// Serves one call. Gives exactly one answer, within the class's time and a second.
pub async fn call(server: &Arc<Server>, caller: &Caller, request: Request) -> Answer {
    let in_force = server.in_force();
    let id = answer::correlation_id();
    let aliases::Called { tool, arguments, says } = aliases::translate(&request.tool, request.arguments);
    let mut trace = Guard::open(&server.audit, &id, &caller.name, catalogue::find(&tool), &arguments);
    trace.modes(in_force.settings.bypass, in_force.settings.dry_run);
    let mut learned = Learned::default();
    let work =
        Work { server, in_force: &in_force, tool: &tool, reports: request.reports, cancel: &request.cancel };
    let result = layers(work, arguments, &mut trace, &mut learned).await;
    trace.ended(result.as_ref().err(), request.cancel.is_cancelled());
    answer::render(result, &id, &in_force.redactor, &learned, server.audit.fault().is_some()).saying(says)
}

/// One call on its way.
struct Work<'a> {
    server: &'a Arc<Server>,
    in_force: &'a InForce,
    tool: &'a str,
    reports: Reports,
    cancel: &'a CancellationToken,
}

/// The layers that need no engine; [`execute`] holds those that do.
async fn layers(
    work: Work<'_>,
    arguments: Map<String, Value>,
    trace: &mut Guard,
    learned: &mut Learned,
) -> Result<Finished, ToolError> {
    let settings = &work.in_force.settings;

    // Deny by default: what is not in the catalogue does not exist.
    let def = catalogue::find(work.tool).ok_or_else(|| catalogue::unknown(work.tool))?;

    // The cheap refusal, before Docker is touched and before the arguments are looked at.
    policy::decide::admits(&settings.rules, def.spec.name, def.spec.levels)
        .map_err(|d| answer::denied(d, trace))?;

    let prepared = def.prepare(arguments)?;

    let clocks = clocks(prepared.class, prepared.time, &settings.neverhang)?;
    let deadline = Instant::now() + clocks.total;

    // What reports on the server itself must answer while the engine is known to be down; everything else fails fast.
    let admission = match prepared.class {
        Class::Local => None,
        _ => Some(work.server.supervisor.admit().map_err(answer::circuit_open)?),
    };

    let waits_since = Instant::now();
    let _place = work.server.supervisor.slots.take(prepared.class, deadline).await?;

    // Time that the caller cut short, or that went by in our own queue, says nothing about the engine.
    let hurried = prepared.time.is_some() || waits_since.elapsed() > clocks.total / 4;

    // A stream that the caller ends has something to answer with.
    let grace = if prepared.class == Class::Stream { GRACE } else { Duration::ZERO };
    let supervise = Supervise { server: work.server, clocks, deadline, cancel: work.cancel, grace };
    let result = execute(&work, def, prepared, &supervise, trace, learned).await;

    // Classified here, counted there: the breaker never sees a request.
    if let Some(admission) = admission {
        admission.settle(verdict(&result, hurried));
    }
    result
}

/// The layers that ask the engine, each under the one deadline.
async fn execute(
    work: &Work<'_>,
    def: &ToolDef,
    prepared: Prepared,
    supervise: &Supervise<'_>,
    trace: &mut Guard,
    learned: &mut Learned,
) -> Result<Finished, ToolError> {
    let Work { server, in_force, reports, cancel, .. } = work;
    let settings = &in_force.settings;
    let mut ctx = Ctx {
        engine: Arc::clone(&server.engine),
        settings: Arc::clone(settings),
        budget: supervise.budget(),
        progress: reports.progress(),
        mask: Mask::default(),
        cancel: cancel.child_token(),
        host: Arc::new(explain::Reporter(Arc::clone(server))),
    };

    // From here on the caller hears that its call is alive. What the tool says is masked by what is learned before it runs.
    let secrets = Arc::new(OnceLock::new());
    let _relay = reports.relay(Arc::clone(&in_force.redactor), Arc::clone(&secrets));

    // From the caller's words to identities, on our own filtered view.
    let targets =
        supervise.run(resolve(&ctx, &prepared.asked)).await.map_err(|e| answer::not_found(e, trace))?;
    trace.targets(targets.iter().map(|named| named.target.label()));
    let containers = containers(&targets);

    // The decision, on the identities alone.
    let ask = Ask { tool: def.spec.name, needs: def.spec.levels, targets };
    let permits = policy::decide(&settings.rules, ask).map_err(|d| answer::denied(d, trace))?;
    trace.decided(if def.spec.effect.read_only() { Decision::Read } else { Decision::Allowed });

    // What containers keep secret must be known before anything is said that they or others wrote.
    if def.spec.foreign_text {
        *learned = supervise.run(server.secrets.learn(server, in_force, containers)).await?;
    }

    let _once = secrets.set(learned.clone());
    let (redactor, known, cap) = (Arc::clone(&in_force.redactor), learned.clone(), settings.output.max_bytes);
    ctx.mask = Mask::new(Arc::clone(&in_force.redactor), learned.clone());
    let (tool, running) = (def.spec.name, def.run(ctx, permits, prepared));
    supervise
        .run(async move {
            failpoint::reach(tool);
            let mut draft = running.await?;
            draft.learned = draft.learned.merge(&known);
            // Cleaning 40 kB is work as well: it stays off the threads that answer.
            Ok::<_, ToolError>(finish(draft, &redactor, cap))
        })
        .await
}

/// How long after the deadline the supervisor ends what did not end by itself; well within the promised second.
const FIRST_WORD: Duration = Duration::from_millis(150);

/// Runs pieces of one call, all under its one deadline.
struct Supervise<'a> {
    server: &'a Server,
    clocks: Clocks,
    deadline: Instant,
    cancel: &'a CancellationToken,
    grace: Duration,
}

impl Supervise<'_> {
    fn budget(&self) -> Budget {
        let Clocks { connect, headers, idle, total } = self.clocks;
        Budget { connect, headers, idle, deadline: self.deadline, total }
    }

    async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, ToolError>
    where
        T: Send + 'static,
        E: Into<ToolError> + Send + 'static,
    {
        // The work knows better what it waited for: its own clock, at the deadline, gets the first word.
        let deadline = self.deadline + FIRST_WORD;
        match self.server.supervisor.run(deadline, self.cancel, self.grace, work).await {
            Ending::Done(result) => result.map_err(Into::into),
            Ending::Panicked(text) => Err(ToolError::internal(format!("panic: {text}"))),
            Ending::Deadline => Err(ToolError::new(Kind::DaemonTimeout, "the call took too long")
                .clock(Phase::Total, self.clocks.total)
                .hint("ask for less, or raise the class's timeout in [neverhang]")),
            Ending::Cancelled => Err(ToolError::new(Kind::Cancelled, "the caller gave up")),
            Ending::ShuttingDown => Err(ToolError::new(Kind::ShuttingDown, "the server is stopping")),
        }
    }
}

/// The objects that the arguments name, as the engine knows them.
fn resolve(
    ctx: &Ctx,
    asked: &[Asked],
) -> impl Future<Output = Result<Vec<Named>, ToolError>> + 'static + use<> {
    let (engine, settings, budget) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.settings), ctx.budget);
    let wanted = wanted(asked);
    async move {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<(Want, &str)> = wanted.iter().map(|(want, words)| (*want, words.as_str())).collect();
        engine.resolve(&budget, &settings.rules, &wanted).await.map_err(answer::unresolved)
    }
}

/// What the engine is asked to resolve.
pub(super) fn wanted(asked: &[Asked]) -> Vec<(Want, String)> {
    let one = |asked: &Asked| match asked {
        Asked::Container(words) => (Want::Container, words.clone()),
        Asked::Image(words) => (Want::Image, words.clone()),
        Asked::Network(words) => (Want::Network, words.clone()),
        Asked::Volume(words) => (Want::Volume, words.clone()),
        Asked::Any(words) => (Want::Any, words.clone()),
    };
    asked.iter().map(one).collect()
}

/// The class's clocks; a call that names its own time gets it, up to the limit.
fn clocks(class: Class, asked: Option<Duration>, settings: &Neverhang) -> Result<Clocks, ToolError> {
    let clocks = Clocks::of(class, settings);
    match asked {
        None => Ok(clocks),
        // Below a second there is no time to ask the engine anything.
        Some(time) if time <= settings.max_timeout => Ok(clocks.within(time.max(SHORTEST))),
        Some(time) => Err(ToolError::invalid(format!("{time:?} is longer than a call may take"))
            .hint(format!("at most {:?} (neverhang.max_timeout)", settings.max_timeout))),
    }
}

fn containers(targets: &[Named]) -> Vec<String> {
    let id = |named: &Named| match &named.target {
        Target::Container(c) => Some(c.id.clone()),
        _ => None,
    };
    targets.iter().filter_map(id).collect()
}

/// What a result says of the engine's health. `hurried`: the call had less than its class's time for the engine.
fn verdict<T>(result: &Result<T, ToolError>, hurried: bool) -> Verdict {
    match result {
        Ok(_) => Verdict::Good,
        Err(e) if e.phase == Some(Phase::Total) && hurried => Verdict::Neutral,
        Err(e) if e.daemon_fault => Verdict::Fault,
        Err(e) => match e.kind {
            Kind::NotFound | Kind::Conflict | Kind::DaemonError | Kind::Unsupported => Verdict::Good,
            _ => Verdict::Neutral,
        },
    }
}
