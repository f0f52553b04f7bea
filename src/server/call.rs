//! The way of a call, one statement a layer.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::audit::{Decision, Guard};
use crate::config::settings::By;
use crate::output::{Draft, Finished, Learned, finish};
use crate::policy::decide::Named;
use crate::policy::{self, Ask, Permits, Target};
use crate::supervisor::doors::Inside;
use crate::supervisor::slots::Place;
use crate::tool::context::After;
use crate::tool::def::{Prepared, Running};
use crate::tool::error::Effect;
use crate::tool::{Class, Ctx, Mask, ToolDef, ToolError};

use super::confirming::{self, Next, Settled};
use super::progress::Reports;
use super::reporter::Reporter;
use super::spent::Spent;
use super::supervise::{Queue, Supervise, clocks, see_through, verdict};
use super::trace::{self, Trace};
use super::{
    Answer, Caller, InForce, Origin, Said, Server, aliases, answer, catalogue, failpoint, resting, targets,
};

/// How long a stream that was cancelled has for its answer.
const GRACE: Duration = Duration::from_millis(300);
/// What was reported last goes out before the answer: so long may that take, and where the time is over so long.
const LAST_REPORTS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(200));

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
    /// What a person said in the client, where one was asked.
    pub said: Option<Said>,
}

/// Serves one call. Gives exactly one answer, within the class's time and a second.
pub async fn call(server: &Arc<Server>, caller: &Caller, request: Request) -> Answer {
    called(server, caller, request, &Origin::default()).await
}

/// The same for a call of which is known where it comes from.
pub async fn called(server: &Arc<Server>, caller: &Caller, request: Request, origin: &Origin) -> Answer {
    let id = answer::correlation_id();
    serve(server, caller, request, origin, &id).instrument(origin.span(&id)).await
}

async fn serve(server: &Arc<Server>, caller: &Caller, request: Request, origin: &Origin, id: &str) -> Answer {
    let in_force = server.in_force_for(caller);
    let aliases::Called { tool, arguments, says } = aliases::translate(&request.tool, request.arguments);
    let counting = server.metrics.begin(&tool, origin);
    let mut guard = Guard::open(&server.audit, id, &caller.name, catalogue::find(&tool), &arguments);
    guard.role(caller.role.as_deref());
    guard.origin(origin.on_record(&in_force.redactor));
    guard.modes(in_force.settings.bypass, in_force.settings.dry_run);
    let mut trace = Trace::new(guard);
    let mut learned = Learned::default();
    let question = OnceLock::new();
    let work = Work {
        server,
        in_force: &in_force,
        caller,
        tool: &tool,
        reports: request.reports,
        cancel: &request.cancel,
        said: request.said,
        question: &question,
    };
    // What one call trips over is that call's error, on whichever transport: nobody waits for an answer that never comes.
    // Boxed: the layers' state is large, and every future around it would hold it.
    let layers = Box::pin(layers(work, arguments, &mut trace, &mut learned));
    let layers = AssertUnwindSafe(layers).catch_unwind();
    let result = layers.await;
    let result = result.unwrap_or_else(|_| Err(tripped(&tool, trace.may_have_begun())));
    trace.ended(result.as_ref().err(), request.cancel.is_cancelled());
    let audit_fails = server.audit.fault().is_some();
    let answer = answer::render(result, id, &in_force.redactor, &learned, audit_fails).saying(says);
    counting.ended(answer.failure);
    Answer { question: question.into_inner(), ..answer }
}

/// A panic in a layer. Once a change is on record nobody knows how far it came.
fn tripped(tool: &str, may_have_begun: bool) -> ToolError {
    let effect = if may_have_begun { Effect::Unknown } else { Effect::None };
    ToolError { effect, ..ToolError::internal(format!("a panic on the way of `{tool}`")) }
}

/// One call on its way.
struct Work<'a> {
    server: &'a Arc<Server>,
    in_force: &'a InForce,
    caller: &'a Caller,
    tool: &'a str,
    reports: Reports,
    cancel: &'a CancellationToken,
    said: Option<Said>,
    /// What a person in the client is to be asked.
    question: &'a OnceLock<String>,
}

/// The layers that need no engine; [`execute`] holds those that do.
async fn layers(
    work: Work<'_>,
    arguments: Map<String, Value>,
    trace: &mut Trace,
    learned: &mut Learned,
) -> Result<Finished, ToolError> {
    let Work { server, in_force, cancel, .. } = work;
    let settings = &in_force.settings;

    // Deny by default: what is not in the catalogue does not exist.
    let def = catalogue::find(work.tool).ok_or_else(|| catalogue::unknown(work.tool))?;

    failpoint::enter(def.spec.name);

    // The cheap refusal, before Docker is touched and before the arguments are looked at.
    policy::decide::admits(&settings.rules, def.spec.name, def.spec.levels)
        .map_err(|d| answer::denied(d, trace))?;

    let prepared = def.prepare(arguments)?;
    trace.levels(prepared.levels);
    policy::decide::admits(&settings.rules, def.spec.name, prepared.levels)
        .map_err(|d| answer::beyond(d, trace))?;

    // Not more often than a caller may.
    let (setting, per_minute) = def.rate.of(&settings.limits);
    server
        .rates
        .take(&work.caller.name, setting, per_minute, Instant::now().into_std())
        .map_err(|wait| answer::too_often(setting, per_minute, wait))?;

    let clocks = clocks(prepared.class, prepared.time, &settings.neverhang)?;
    let deadline = Instant::now() + clocks.total;

    // What reports on the server itself must answer while the engine is known to be down; everything else fails fast.
    let admission = match prepared.class {
        Class::Local => None,
        _ => Some(server.supervisor.admit().map_err(answer::circuit_open)?),
    };

    // Waiting counts inside the call's time, and takes a quarter of it at most.
    let queue = Queue { class: prepared.class, until: Instant::now() + clocks.total / 4 };
    let place = queue.wait(server, cancel, server.supervisor.slots.take(queue.class, queue.until)).await?;

    // A stream that the caller ends has something to answer with.
    let grace = if prepared.class == Class::Stream { GRACE } else { Duration::ZERO };
    let hurried = prepared.time.is_some();
    let supervise = Supervise { server, clocks, deadline, cancel, grace };
    // From here on the caller hears that its call is alive. What the tool says is masked by what is learned before it runs.
    let secrets = Arc::new(OnceLock::new());
    let relay = work.reports.relay(Arc::clone(&in_force.redactor), Arc::clone(&secrets));
    let result = execute(&work, def, prepared, (queue, place), &supervise, (trace, learned, &secrets)).await;
    if !cancel.is_cancelled() {
        let (now, (time, late)) = (Instant::now(), LAST_REPORTS);
        relay.finish((now + time).min(deadline.max(now + late))).await;
    }

    // Classified here, counted there: the breaker never sees a request.
    if let Some(admission) = admission {
        // Time that the caller cut short says nothing about the engine; what our own queue takes of it is little.
        match verdict(&result, hurried, queue.class) {
            Some(verdict) => admission.settle(verdict),
            None => server.supervisor.ask(admission, Arc::clone(&server.engine)),
        }
    }
    result
}

/// The layers that ask the engine, each under the one deadline: who is meant, may it be (before anything else is said of a
/// target: hidden must look like missing), do the guards let it (what needs a look at the engine they judge in the preview),
/// has it rested, is it wanted, is there a place, what is secret, is it on record, and then it is done. What a layer used up
/// is given back where a later one says no.
async fn execute(
    work: &Work<'_>,
    def: &'static ToolDef,
    prepared: Prepared,
    (queue, place): (Queue, Place),
    supervise: &Supervise<'_>,
    (trace, learned, secrets): (&mut Trace, &mut Learned, &OnceLock<Learned>),
) -> Result<Finished, ToolError> {
    let Work { server, in_force, cancel, .. } = work;
    let settings = &in_force.settings;
    let mut ctx = context(work, supervise);

    // From the caller's words to identities, on our own filtered view.
    let targets::Resolved { targets, places, stack, project } =
        supervise.run(resolve(&ctx, def, &prepared)).await.map_err(|e| answer::not_found(e, trace))?;
    trace.targets(targets.iter().map(|named| named.target.label()));
    // What a compose file gives to containers is as secret as what they have.
    let given = stack.as_deref().map(crate::tools::compose::secrets).unwrap_or_default();
    *learned = given.clone();
    let containers = containers(&targets);
    let fetches = targets::fetches(&prepared.asked, &targets);
    let longer;
    let (supervise, queue) = match fetches {
        false => (supervise, queue),
        true => {
            longer = supervise.as_long_as(Class::Transfer, prepared.time, &settings.neverhang)?;
            let until = Instant::now() + longer.budget().left() / 4;
            ctx.budget = longer.budget();
            (&longer, Queue { class: Class::Transfer, until })
        }
    };

    let rests = resting::buckets(def, &targets, project.as_deref(), settings);

    // The decision, on the identities alone; then what is asked of them.
    let ask = Ask { tool: def.spec.name, needs: prepared.levels, targets };
    let permits = policy::decide(&settings.rules, ask).map_err(|d| answer::denied(d, trace))?;
    def.judge(&prepared, settings, &places)?;
    (ctx.places, ctx.stack, ctx.project) = (places, stack, project);
    if !(settings.dry_run || prepared.dry_run) {
        supervise.run(resting::rested(server, &rests)).await?;
    }

    // What it would do is shown first: to the caller, where a confirmation is needed or nothing else is wanted.
    let changes = !def.spec.effect.read_only();
    let (permits, prepared, mut yes) = match changes {
        false => (permits, prepared, None),
        true => {
            match previewed(work, def, (&ctx, supervise, learned, &containers), (permits, prepared)).await? {
                (Next::Go(yes), permits, prepared) => (permits, prepared, yes),
                (Next::Show(preview), ..) => {
                    trace.decided(Decision::Preview);
                    return Ok(preview);
                }
            }
        }
    };
    let mut rests = supervise.run(resting::take(server, rests)).await?;
    trace.decided(if changes { Decision::Allowed } else { Decision::Read });

    // What fetches takes the place of a transfer, and gives its own back.
    let place = match fetches {
        false => place,
        true => {
            drop(place);
            queue.wait(server, cancel, server.supervisor.slots.take(queue.class, queue.until)).await?
        }
    };

    // One change and a few looks at a time: a stuck container must not take every place.
    let at = (containers.as_slice(), queue.purpose(def));
    let held =
        queue.wait(server, cancel, server.supervisor.slots.at(place, queue.class, at, queue.until)).await?;

    // What hung twice is left alone for a while; but a change is tried, for killing is what such a container needs.
    if !changes {
        server.supervisor.responsive(&containers).map_err(answer::suspect)?;
    }

    // What containers keep secret must be known before anything is said that they or others wrote.
    if def.spec.foreign_text {
        let learning = supervise.run(in_force.secrets.learn(in_force, containers.clone())).await;
        *learned = supervise.witnessed(def, &containers, learning).await?.merge(&given);
    }
    let _once = secrets.set(learned.clone());
    ctx.mask = Mask::new(Arc::clone(&in_force.redactor), learned.clone());

    // Nothing changes that was not recorded first. From here on it is used up, whatever becomes of this call, until it is
    // known that nothing was done.
    if changes {
        let mut again =
            resting::again(server, work.caller, def, &prepared, (permits.identities(), settings))?;
        let recorded = supervise.before(trace.intent(settings.audit.required)).await?;
        recorded.map_err(answer::unrecorded)?;
        rests.iter_mut().chain(&mut again).chain(&mut yes).for_each(Spent::keep);
        let result = change(work, def, (ctx, supervise), (permits, prepared), (held, trace, learned)).await;
        match &result {
            Err(e) if e.effect == Effect::None => {
                rests.iter_mut().chain(&mut again).chain(&mut yes).for_each(Spent::undo);
            }
            // A person's yes was for this: it was so already.
            Ok(done) if changed_nothing(&done.json) => {
                rests.iter_mut().chain(&mut again).for_each(Spent::undo);
            }
            _ => {}
        }
        return result;
    }
    let running = cleaned(work, def.spec.name, learned, def.run(ctx, permits, prepared));
    let result = supervise.run(running).await;
    drop(held);
    if result.is_ok() {
        rests.iter_mut().for_each(Spent::keep);
    }
    supervise.witnessed(def, &containers, result).await
}

/// It was so already, or there was nothing of the kind, or it could not even begin.
fn changed_nothing(result: &serde_json::Value) -> bool {
    let none = |one: &serde_json::Value| {
        one.get("changed") == Some(&false.into()) || one.get("could_not_start") == Some(&true.into())
    };
    match result.get("results").and_then(serde_json::Value::as_array) {
        Some(results) => results.iter().all(none),
        None => none(result),
    }
}

/// What the tool holds.
fn context(work: &Work<'_>, supervise: &Supervise<'_>) -> Ctx {
    let Work { server, in_force, reports, cancel, .. } = work;
    Ctx {
        engine: Arc::clone(&in_force.engine),
        settings: Arc::clone(&in_force.settings),
        budget: supervise.budget(),
        progress: reports.progress(),
        mask: Mask::default(),
        cancel: cancel.child_token(),
        stopping: server.supervisor.shutdown.clone(),
        commit: Arc::default(),
        after: After::default(),
        places: Vec::new(),
        stack: None,
        project: None,
        watchdogs: server.watchdogs.clone(),
        host: Arc::new(Reporter::of(server, in_force, work.caller)),
    }
}

/// Looks at what it would do, and whether that is what is wanted now.
async fn previewed(
    work: &Work<'_>,
    def: &'static ToolDef,
    (ctx, supervise, learned, containers): (&Ctx, &Supervise<'_>, &Learned, &[String]),
    (permits, prepared): (Permits, Prepared),
) -> Result<(Next, Permits, Prepared), ToolError> {
    let project = ctx.project.clone();
    let looking = def.preview(ctx.clone(), permits, prepared);
    let (permits, prepared, preview) =
        supervise.run(async move { Ok::<_, ToolError>(looking.await) }).await?;
    let preview = preview?;
    // What is allowed is allowed at this engine, which may have to be asked who it is.
    let asks = confirming::asks(def, &prepared, &preview, &work.in_force.settings);
    let engine = match asks {
        false => String::new(),
        true => {
            let (engine, budget) = (Arc::clone(&ctx.engine), ctx.budget);
            supervise.run(async move { Ok::<_, ToolError>(engine.whose(&budget).await) }).await?
        }
    };
    // Whether another one may be shown it hangs on what these containers keep secret.
    let mut learned = learned.clone();
    if asks && work.in_force.settings.confirm.by == By::Human {
        let learning = supervise.run(work.in_force.secrets.learn(work.in_force, containers.to_vec())).await;
        learned = supervise.witnessed(def, containers, learning).await?.merge(&learned);
    }
    let (by, who) = ((&**work.server, work.in_force), (work.caller, engine.as_str()));
    let next = match confirming::settle(
        by,
        who,
        def,
        (&permits, &prepared, project.as_deref()),
        (preview, &learned),
    )? {
        Settled::Next(next) => next,
        Settled::Hold(held) => {
            if let Some(question) = held.question() {
                let _once = work.question.set(question);
            }
            supervise.run(held.ask(work.server, work.in_force, work.said.clone())).await?
        }
    };
    Ok((next, permits, prepared))
}

/// Runs a change, which is seen through whatever becomes of its caller.
async fn change(
    work: &Work<'_>,
    def: &'static ToolDef,
    (ctx, supervise): (Ctx, &Supervise<'_>),
    (permits, prepared): (Permits, Prepared),
    (held, trace, learned): ((Place, Inside), &mut Trace, &Learned),
) -> Result<Finished, ToolError> {
    let (commit, after, finish_by) = (Arc::clone(&ctx.commit), ctx.after.clone(), ctx.afterwards());
    let running = cleaned(work, def.spec.name, learned, def.run(ctx, permits, prepared));
    let trace = Arc::new(Mutex::new(trace.hand_over(&commit, (&work.in_force.redactor, learned))));
    let (kept, sees) = (Arc::clone(&trace), Arc::clone(&commit));
    let result =
        supervise.change(sees, finish_by, |answer| see_through(running, answer, held, after, trace)).await;
    // Called off in time: its record does not wait for a worker that may be stuck.
    if let Err(e) = &result
        && !commit.sent()
        && let Some(mut trace) = trace::take(&kept)
    {
        trace.ended(Some(e), None, false);
    }
    result
}

/// The tool's own work, and the cleaning of what it says.
fn cleaned(
    work: &Work<'_>,
    tool: &'static str,
    learned: &Learned,
    running: Running,
) -> impl Future<Output = Result<Finished, ToolError>> + Send + 'static + use<> {
    let (redactor, known) = (Arc::clone(&work.in_force.redactor), learned.clone());
    let cap = work.in_force.settings.output.max_bytes;
    async move {
        failpoint::reach(tool);
        // Cleaning 40 kB is work as well: it stays off the threads that answer.
        let finished = |mut draft: Draft| {
            draft.learned = draft.learned.merge(&known);
            finish(draft, &redactor, cap)
        };
        match running.await {
            Ok(draft) => Ok(finished(draft)),
            Err(e) => Err(e.finished(finished)),
        }
    }
}

/// The objects that the arguments name, as the engine knows them.
fn resolve(
    ctx: &Ctx,
    def: &'static ToolDef,
    prepared: &Prepared,
) -> impl Future<Output = Result<targets::Resolved, ToolError>> + 'static + use<> {
    let (engine, settings, budget) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.settings), ctx.budget);
    let (asked, needs) = (prepared.asked.clone(), prepared.levels);
    let tool = def.spec.name;
    async move { targets::resolve(&engine, &budget, &settings, (tool, needs), &asked).await }
}

fn containers(targets: &[Named]) -> Vec<String> {
    let id = |named: &Named| match &named.target {
        Target::Container(c) => Some(c.id.clone()),
        _ => None,
    };
    targets.iter().filter_map(id).collect()
}
