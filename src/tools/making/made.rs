//! Made, looked at, compared with what was let through; else taken back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::config::settings::Profile;
use crate::engine::EngineError;
use crate::engine::change::{Effect as Came, Finding};
use crate::engine::create::{Creation, Made, Unheard};
use crate::guard::create::made::compare;
use crate::output::Learned;
use crate::policy::{Container, Permit, Permits};
use crate::tool::error::Effect;
use crate::tool::{Ctx, Kind, Retry, ToolError};

use super::asks::Role;
use super::fetch::{self, Pulled};
use super::options::Options;
use super::{asks, plan, secrets};

/// One look at what was made.
const LOOK: Duration = Duration::from_secs(5);
/// Taking back may take this long, whatever is left of the call.
const BACK: Duration = Duration::from_secs(15);
/// And at least so long.
const LEAST: Duration = Duration::from_millis(600);

/// A container that is as it was let through, and does not run yet.
pub(super) struct Ready {
    pub made: Made,
    pub learned: Learned,
    pub notes: Vec<String>,
    /// The image was fetched for it.
    pub pulled: bool,
}

/// Makes it; an image that is not here is fetched first.
pub(super) async fn make(
    ctx: &mut Ctx,
    mut permits: Permits,
    options: &Options,
    tool: &str,
) -> Result<Ready, ToolError> {
    let pulled = fetch::image(ctx, &mut permits, options, tool).await?;
    match (made(ctx, permits, options).await, pulled) {
        (made, None) => made,
        (Ok(ready), Some(Pulled { mut notes, .. })) => {
            notes.extend(ready.notes);
            Ok(Ready { pulled: true, notes, ..ready })
        }
        (Err(e), Some(Pulled { name, .. })) => Err(fetch::stays(e, &name)),
    }
}

async fn made(ctx: &Ctx, mut permits: Permits, options: &Options) -> Result<Ready, ToolError> {
    let judged = plan::judge(ctx, &permits, options).await?;
    // Held until it is made: two calls must not take the last place both.
    let place = room(ctx, &permits).await?;
    let environment = secrets::environment(options, &ctx.settings).await?;
    let name = permits.new_containers.pop().ok_or_else(|| ToolError::internal("no permit for the name"))?;
    let called = name.target().name.clone();
    let blueprint = plan::blueprint(ctx, &permits, options, &judged, &environment)?;
    let made = match ctx.engine.create(&ctx.budget, &ctx.commit, name, &blueprint).await {
        Err(e) => return Err(refused(e, options, &called)),
        Ok(Creation::Lost(unheard)) => return Err(lost(ctx, &called, *unheard)),
        Ok(Creation::Made(made)) => *made,
    };
    drop(place);
    drop(blueprint);
    if ctx.cancel.is_cancelled() {
        let gave_up = ToolError::new(Kind::Cancelled, "the caller gave up");
        return Err(back(ctx, made.permit, gave_up).await);
    }
    if let Err(why) = as_permitted(ctx, &permits, options, &made).await {
        return Err(back(ctx, made.permit, why).await);
    }
    let mut notes = Vec::new();
    if made.lost {
        notes.push("the engine's answer was lost, but the container is there".to_owned());
    }
    notes.extend(environment.short.iter().map(|secret| {
        format!(
            "the secret `{secret}` is shorter than 8 characters: it cannot be masked wherever it shows up"
        )
    }));
    Ok(Ready { made, learned: environment.learned, notes, pulled: false })
}

/// Nobody heard of it. Where it turns up late it is taken back: it was not compared with what was let through.
fn lost(ctx: &Ctx, name: &str, unheard: Unheard) -> ToolError {
    let Unheard { cause, finding, late } = unheard;
    let (engine, until) = (Arc::clone(&ctx.engine), ctx.afterwards());
    let called = name.to_owned();
    ctx.after.the_answer(async move {
        let Finding { effect, evidence } = engine.take_back_late(late, until).await;
        Finding { effect, evidence: format!("{called}: {evidence}") }
    });
    let why = ToolError::from(cause);
    let message = format!("{}; looked at again, {}", why.message, finding.evidence);
    match finding.effect {
        Came::None => ToolError { message, effect: Effect::None, retry: Retry::Safe, retry_after: None, ..why }
            .hint("nothing happened; it can be asked for again"),
        came => ToolError {
            message,
            kind: if came == Came::Continuing { why.kind } else { Kind::OutcomeUnknown },
            effect: if came == Came::Continuing { Effect::Continuing } else { Effect::Unknown },
            retry: Retry::No,
            retry_after: None,
            ..why
        }
        .hint("should it turn up late, it is removed again: look with docker_ps in a minute, and ask again then"),
    }
}

/// Whoever counts, counts alone.
static COUNTING: Mutex<()> = Mutex::const_new(());

/// Is there room for one more? What it gives is held until there is one more.
pub(super) async fn room(ctx: &Ctx, permits: &Permits) -> Result<Option<MutexGuard<'static, ()>>, ToolError> {
    let Some(most) = ctx.settings.create.limits.containers else { return Ok(None) };
    if ctx.settings.create.profile == Profile::Off {
        return Ok(None);
    }
    let place = COUNTING.lock().await;
    let there = ctx.engine.made_by_us(&ctx.budget, &permits.world).await?;
    if there < most {
        return Ok(Some(place));
    }
    Err(ToolError::new(
        Kind::PermissionDenied,
        format!("create_safety.limits.containers = {most}: as many made by docker-mcp exist"),
    )
    .hint("remove one that is not needed (docker_remove); a person can raise it under [create_safety]"))
}

/// Compares what there is with what was asked for, and looks once more at what may have been exchanged meanwhile.
async fn as_permitted(ctx: &Ctx, permits: &Permits, options: &Options, made: &Made) -> Result<(), ToolError> {
    let inspection = ctx.engine.inspect_container(&ctx.budget.at_most(LOOK), &made.permit).await?;
    if ctx.settings.create.profile == Profile::Off {
        // The name may have gone to another image meanwhile.
        return match inspection.get("Image") == made.sent.get("Image") {
            true => Ok(()),
            false => Err(another(made, "Image")),
        };
    }
    let linked = asks::links(options)
        .into_iter()
        .zip(linked_to(permits, options))
        .map(|((_, alias), name)| format!("/{name}:/{}/{alias}", made.permit.target().name));
    if let Err(field) = compare(&made.sent, &inspection, &linked.collect()) {
        return Err(another(made, &field));
    }
    if asks::mounts(options)?.is_empty() {
        return Ok(());
    }
    plan::judge(ctx, permits, options).await.map(drop)
}

fn another(made: &Made, field: &str) -> ToolError {
    let name = &made.permit.target().name;
    let error = ToolError::new(
        Kind::Conflict,
        format!("the engine made `{name}` with another {field} than was let through"),
    );
    error.hint(match field {
        "Image" => "its name was given to another image in the same moment; ask again",
        _ => "an image or a setting of the engine brings it along; a person can look at the host",
    })
}

/// The names of the containers that are linked to, in the order of the links.
fn linked_to<'a>(permits: &'a Permits, options: &'a Options) -> impl Iterator<Item = &'a str> {
    let all = asks::containers(options).into_iter().zip(&permits.containers);
    all.filter(|((role, _), _)| *role == Role::Link).map(|(_, permit)| permit.target().name.as_str())
}

/// Takes back what was made: nothing half-made stays. Gives what is said of it. An engine that is away is waited for, after
/// the answer too.
pub(super) async fn back(ctx: &Ctx, permit: Permit<Container>, why: ToolError) -> ToolError {
    let patience = ctx.ends_by().min(Instant::now() + BACK).max(Instant::now() + LEAST);
    let Err(e) = ctx.engine.unmake_until(&permit, patience).await else {
        return ToolError {
            message: format!("{}; the container was removed again", why.message),
            effect: Effect::None,
            ..why
        };
    };
    let (name, cause) = (permit.target().name.clone(), ToolError::from(e).message);
    let (engine, until) = (Arc::clone(&ctx.engine), ctx.afterwards());
    let called = name.clone();
    ctx.after.the_answer(async move {
        let (effect, evidence) = match engine.unmake_until(&permit, until).await {
            Ok(()) => (Came::None, "it was removed again"),
            Err(_) => (Came::Done, "it could not be removed again"),
        };
        Finding { effect, evidence: format!("{called}: {evidence}") }
    });
    ToolError {
        message: format!("{}; the container `{name}` could not be removed again yet: {cause}", why.message),
        effect: Effect::Done,
        retry: Retry::No,
        retry_after: None,
        ..why
    }
    .hint("it is tried again for a while; docker_ps with all = true shows whether it is there, docker_remove takes it away")
}

/// How it is now, where that can be seen.
pub(super) async fn state(ctx: &Ctx, permit: &Permit<Container>) -> Option<String> {
    let facts = ctx.engine.inspect_container(&ctx.budget.at_most(LOOK), permit).await.ok()?;
    facts.pointer("/State/Status")?.as_str().map(str::to_owned)
}

/// What the engine calls a fault of its own, and is the caller's.
const MISTAKES: &[&str] =
    &["capability", "capadd", "capdrop", "security-opt", "security option", "seccomp profile"];

fn refused(e: EngineError, options: &Options, name: &str) -> ToolError {
    match e {
        EngineError::Status { code: 404, message } if message.contains("image") => {
            ToolError::not_found("image", &options.image)
        }
        EngineError::Status { code: 409, .. } => {
            ToolError::new(Kind::Conflict, format!("the name `{name}` is in use"))
                .hint("choose another name, or none")
        }
        EngineError::Status { code: 404, message } => {
            ToolError::new(Kind::Conflict, format!("something that it needs is missing: {message}"))
                .hint("list volumes and networks again")
        }
        EngineError::Status { code: 400 | 500, message }
            if MISTAKES.iter().any(|word| message.to_ascii_lowercase().contains(word)) =>
        {
            ToolError::invalid(format!("the engine refuses an option: {message}"))
                .hint("mend that option, or leave it out")
        }
        e => e.into(),
    }
}

/// Why it did not start, in the engine's words. What the container's own command or ports are at fault for is no fault of
/// the engine.
pub(super) fn unstarted(e: EngineError) -> ToolError {
    match e {
        EngineError::Status { code: 400 | 404 | 500, message } => {
            ToolError::new(Kind::DaemonError, format!("it could not be started: {message}"))
                .hint("a command that the image has not, a port that is taken: change it and ask again")
        }
        e => e.into(),
    }
}
