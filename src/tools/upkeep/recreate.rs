//! `docker_recreate`

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use crate::engine::recreate::{Mended, Patience, Recreated, Recreation, Undone, Way};
use crate::output::Draft;
use crate::policy::reference::ImageRef;
use crate::policy::{Container, Level, Permit, Permits};
use crate::tool::claim::Claim;
use crate::tool::error::Effect as Came;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Retry, Spec, Tool, ToolError};

mod judge;

use super::words::made_anew;
use judge::judge;

pub struct Recreate;

/// Whoever is at it has so long to come to an end.
const BUSY: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
    /// Another image for it, one that is there already.
    image: Option<String>,
    /// Stop the old one before the new one starts: where both need the same port, address or data.
    #[serde(default)]
    stop_first: bool,
    /// For all of it, the wait for healthy included.
    timeout: Option<Span>,
}

impl Tool for Recreate {
    const SPEC: Spec = Spec {
        name: "docker_recreate",
        title: "Make a container anew",
        levels: &[Level::Create, Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: false,
        foreign_text: false,
        summary: "Make a container anew with its configuration, perhaps of another image. The new one runs beside the old one until it is healthy, then takes its name; else the old one stays. Volumes stay; what was written in the container goes.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let image = args.image.iter().cloned().map(Asked::Image);
        Ok(std::iter::once(Asked::Container(args.container.clone())).chain(image).collect())
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.timeout.map(|Span(time)| time)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let Some(permit) = permits.containers.first() else {
            return Err(ToolError::internal("a recreation without its container"));
        };
        let name = &permit.target().name;
        if ctx.engine.is_left_half(&ctx.budget, permit).await? {
            let line =
                format!("container `{name}`: what an earlier docker_recreate left half done is mended first");
            return Ok(Preview { lines: vec![line], state: vec!["half".to_owned()], ..Preview::default() });
        }
        let what = look(ctx, permits, args).await?;
        judge(&what, args, ctx)?;
        let mut line = format!("container `{name}` ({}) is made anew", what.state);
        if let (true, Some(image)) = (what.other_image, permits.images.first()) {
            let target = crate::policy::Target::Image(image.target().clone());
            line.push_str(&format!(" of the image {}", target.label()));
        }
        line.push_str("; what was written in it goes, its volumes stay");
        if args.stop_first && !what.contended.is_empty() {
            line.push_str(&format!("; it is away meanwhile, for both need {}", what.contended.join(", ")));
        }
        let lines = std::iter::once(line);
        let lines = lines.chain((!what.unnamed.is_empty()).then(|| kept(&what.unnamed))).collect();
        Ok(Preview { lines, state: vec![format!("{} {}", what.state, what.created)], ..Preview::default() })
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let Some(permit) = permits.containers.first() else {
            return Err(ToolError::internal("a recreation without its container"));
        };
        let name = permit.target().name.clone();
        // Held to the end, also by what goes on when the caller has gone.
        let claim = match claim(&ctx, permit).await {
            Err(e) if e.kind == Kind::NotFound => return Err(gone(&ctx, &permits, &name).await),
            claim => claim?,
        };
        let mended = ctx.engine.mend(&ctx.budget, &ctx.commit, permit, Patience::None).await;
        let mended = match mended {
            Ok(mended) => mended,
            Err(e) if e.is_gone() => return Err(gone(&ctx, &permits, &name).await),
            Err(e) => return Err(ToolError::of_object(e, "container", &name)),
        };
        match &mended {
            Mended::Nothing => {}
            // It has its own name again, which is not the one that this call was for.
            Mended::Undone { id, name: own } if *id == permit.target().id && *own == name => {}
            Mended::Undone { .. } => {
                return Ok(done(&name, "undone").note(
                    "what an earlier docker_recreate left half done is undone: the old one is as it was",
                ));
            }
            Mended::Finished { name, .. } => {
                return Ok(done(name, "finished").note(
                    "what an earlier docker_recreate left half done is finished: the new one is in its place",
                ));
            }
            Mended::Stuck(why) => {
                return Err(ToolError::new(
                    Kind::Conflict,
                    format!("an earlier docker_recreate left this half done, and {why}"),
                )
                .hint(
                    "docker_ps with all = true shows both; keep one of them, and remove or rename the other",
                ));
            }
        }
        let what = match look(&ctx, &permits, &args).await {
            Err(e) if e.kind == Kind::NotFound => return Err(gone(&ctx, &permits, &name).await),
            what => what?,
        };
        judge(&what, &args, &ctx)?;
        let Some(permit) = permits.containers.pop() else {
            return Err(ToolError::internal("a recreation without its container"));
        };
        let unnamed = what.unnamed.clone();
        let way = Way { stop_first: args.stop_first && !what.contended.is_empty() };
        // From now on somebody finishes or undoes it, should we be killed. Where the old one runs all the time, only its
        // name is at stake, and the next call mends that, too.
        let watch = match claim.is_some() {
            true => ctx.watchdogs.start(&permit.target().id, &ctx.engine.found().endpoint.to_string()).await,
            false => Err(unclaimed()),
        };
        let watch = match watch {
            Err(e) if way.stop_first => return Err(e),
            watch => watch.ok(),
        };
        let came = ctx.engine.recreate(&ctx.budget, &ctx.commit, permit, (what, way)).await;
        // What could not be put back, or tidied up, is tried again beside.
        let clean = match &came {
            Ok(recreated) => recreated.notes.is_empty(),
            Err(undone) => undone.restored,
        };
        if let (Some(watch), true) = (watch, clean) {
            watch.done();
        }
        let Recreated { id, state, health, notes } = came.map_err(|e| undone(&name, e))?;
        let short = id.get(..12).unwrap_or(&id).to_owned();
        let mut draft = done(&name, "recreated").with("id", short).with("state", state);
        if let Some(health) = health {
            draft = draft.with("health", health);
        }
        if mended != Mended::Nothing {
            draft = draft.note("what an earlier docker_recreate had left half done was undone first");
        }
        if !unnamed.is_empty() {
            draft = draft.note(kept(&unnamed));
        }
        Ok(notes.into_iter().fold(draft, Draft::note))
    }
}

/// Two that make the same one anew: the one that comes late hears of it.
async fn gone(ctx: &Ctx, permits: &Permits, name: &str) -> ToolError {
    let anew = match permits.containers.first() {
        Some(permit) => made_anew(ctx, &permits.world, permit.target()).await,
        None => None,
    };
    anew.unwrap_or_else(|| ToolError::not_found("container", name))
}

/// Who finishes and who undoes it at once would leave neither. Without a place for claims nobody watches, and nobody else
/// mends but the next call.
async fn claim(ctx: &Ctx, permit: &Permit<Container>) -> Result<Option<Claim>, ToolError> {
    let name = &permit.target().name;
    let stake = ctx.engine.at_stake(&ctx.budget, permit).await;
    let stake = stake.map_err(|e| ToolError::of_object(e, "container", name))?;
    let until = ctx.ends_by().min(Instant::now() + BUSY);
    match ctx.watchdogs.claims.take(&stake, until).await {
        Ok(claim) => Ok(Some(claim)),
        Err(e) if e.kind == Kind::Unsupported => Ok(None),
        Err(e) => Err(ToolError { message: format!("`{name}`: {}", e.message), ..e }),
    }
}

fn unclaimed() -> ToolError {
    ToolError::new(
        Kind::Unsupported,
        "there is no folder in which docker-mcp could mark what it is at work on",
    )
    .hint("see to the folder in [audit] dir; without stop_first it can be done")
}

/// Volumes without a name cannot be given on as such.
fn kept(at: &[String]) -> String {
    format!(
        "the volumes at {} had no name; they stay, the new one mounts them by their ids, and docker_remove with volumes = \
         true leaves them",
        at.join(", ")
    )
}

fn done(name: &str, status: &str) -> Output {
    Draft::default().with("container", name).with("changed", true).with("status", status)
}

async fn look(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Recreation, ToolError> {
    let Some(permit) = permits.containers.first() else {
        return Err(ToolError::internal("a recreation without its container"));
    };
    let reference = args.image.as_deref().and_then(|image| ImageRef::parse(image).ok());
    let image = permits.images.first();
    // An id is no reference: then the image is known by its first name.
    let first = image.and_then(|image| image.target().references.first().cloned());
    let reference = reference.or(first);
    let image = match (image, &reference) {
        (Some(image), Some(reference)) => Some((image, reference)),
        (None, _) => None,
        (Some(_), None) => {
            return Err(ToolError::new(Kind::Conflict, "the image has no name")
                .hint("give it one with docker_tag, and ask for that"));
        }
    };
    ctx.engine
        .recreation(&ctx.budget, permit, image)
        .await
        .map_err(|e| ToolError::of_object(e, "container", &permit.target().name))
}

fn undone(name: &str, e: Undone) -> ToolError {
    let Undone { step, error, why, restored, sent } = e;
    let error = match error {
        Some(e) => ToolError::from(e),
        None => ToolError::new(Kind::Conflict, why),
    };
    let message = format!("`{name}` was not made anew: {step}: {}", error.message);
    match (restored, sent) {
        (true, false) => ToolError { message, ..error },
        (true, true) => {
            ToolError { message: format!("{message}; the old one is as it was"), effect: Came::None, ..error }
                .hint(
                    "docker_logs of the old one, and the image, may say why; nothing is left of the new one",
                )
        }
        (false, _) => ToolError {
            kind: Kind::OutcomeUnknown,
            message: format!("{message}; and not everything could be put back"),
            effect: Came::Unknown,
            retry: Retry::No,
            retry_after: None,
            ..error
        }
        .hint("docker_ps with all = true shows what there is; docker_recreate again mends what is half done"),
    }
}
