//! `docker_recreate`

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::endpoint::Endpoint;
use crate::engine::recreate::{Mended, Patience, Recreated, Recreation, Undone, Way};
use crate::guard::create::{self, Amounts, Refusal, Wanted};
use crate::output::Draft;
use crate::policy::reference::ImageRef;
use crate::policy::{Level, Permits};
use crate::tool::error::Effect as Came;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Retry, Spec, Tool, ToolError};

pub struct Recreate;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Name or id.
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
        summary: "Make a container anew with its whole configuration, perhaps of another image. The new one runs beside \
                  the old one until it is healthy, then takes its name; if it does not get well, the old one stays. \
                  Volumes stay; what was written in the container itself goes.",
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
            return Ok(Preview { lines: vec![line], state: vec!["half".to_owned()] });
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
        Ok(Preview { lines, state: vec![format!("{} {}", what.state, what.created)] })
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let Some(permit) = permits.containers.first() else {
            return Err(ToolError::internal("a recreation without its container"));
        };
        let name = permit.target().name.clone();
        let mended = ctx.engine.mend(&ctx.budget, &ctx.commit, permit, Patience::None).await;
        let mended = mended.map_err(|e| ToolError::of_object(e, "container", &name))?;
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
        let what = look(&ctx, &permits, &args).await?;
        judge(&what, &args, &ctx)?;
        let Some(permit) = permits.containers.pop() else {
            return Err(ToolError::internal("a recreation without its container"));
        };
        let unnamed = what.unnamed.clone();
        let way = Way { stop_first: args.stop_first && !what.contended.is_empty() };
        // From now on somebody finishes or undoes it, should we be killed. Where the old one runs all the time, only its
        // name is at stake, and the next call mends that, too.
        let watch = ctx.watchdogs.start(&permit.target().id, &ctx.engine.found().endpoint.to_string()).await;
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

/// The configuration may be kept, whatever it is; it may not grow.
fn judge(what: &Recreation, args: &Args, ctx: &Ctx) -> Result<(), ToolError> {
    let settings = &ctx.settings;
    let socket = match &ctx.engine.found().endpoint {
        Endpoint::Unix(path) => Some(path.clone()),
        _ => None,
    };
    let conflict = |message: String| ToolError::new(Kind::Conflict, message);
    let denied = |message: String| ToolError::new(Kind::PermissionDenied, message);
    let name = &what.name;
    if let Some(why) = what.uncopied {
        return Err(ToolError::new(Kind::Unsupported, format!("`{name}` cannot be made anew: {why}"))
            .hint("make it anew with docker_create, or on the host"));
    }
    if matches!(what.state.as_str(), "paused" | "removing" | "dead") {
        return Err(conflict(format!("container `{name}` is {}", what.state))
            .hint("docker_unpause it first, or docker_remove it"));
    }
    if what.shares_unseen && !settings.bypass {
        return Err(conflict(format!("`{name}` shares a namespace of a container that is not there"))
            .hint("make it anew with docker_create"));
    }
    others(what)?;
    if !what.contended.is_empty() && !args.stop_first {
        let needs = what.contended.join(", ");
        return Err(conflict(format!("old and new cannot run at once, for both need {needs}")).hint(
            "with stop_first = true the old one is stopped before the new one starts, and started again should that fail",
        ));
    }
    if !what.contended.is_empty() && what.auto_remove {
        return Err(conflict(format!(
            "`{name}` removes itself when it is stopped, so there would be no way back"
        ))
        .hint("docker_update cannot change that; make it anew with docker_run"));
    }
    if !what.other_image || settings.bypass {
        return Ok(());
    }
    // What it may do it may do for the image that it was made of; another one would get what nobody gave it.
    let asks = what.asks.iter().map(|ask| (vec![ask.clone()], Amounts::default()));
    let parts = asks.chain([(Vec::new(), what.amounts)]);
    let protected: Vec<PathBuf> = settings.audit.dir.iter().cloned().chain(socket).collect();
    let refused: Vec<Refusal> = parts
        .filter_map(|(asks, amounts)| {
            let wanted = Wanted { asks, amounts, protected: protected.clone() };
            create::check(&wanted, &settings.create).err()
        })
        .collect();
    let Some(first) = refused.first() else { return Ok(()) };
    let given: Vec<String> =
        refused.iter().map(|refusal| format!("{}={}", refusal.ask.field, refusal.ask.value)).collect();
    Err(denied(format!(
        "another image would get what only this container was given, and [create_safety] refuses to a new one: {} ({}: {})",
        given.join(", "),
        first.rule,
        first.why
    ))
    .hint("leave `image` out; a person can add an exception to `allow` under [create_safety]"))
}

/// What others have of it by its id would be gone with it.
fn others(what: &Recreation) -> Result<(), ToolError> {
    let name = &what.name;
    let named: Vec<String> =
        what.joined.seen.iter().map(|(other, shares)| format!("`{other}` ({shares})")).collect();
    let who = match (named.is_empty(), what.joined.unseen) {
        (true, false) => return Ok(()),
        // What is out of sight is not named.
        (true, true) => "something else".to_owned(),
        (false, _) => named.join(", "),
    };
    Err(ToolError::new(Kind::Conflict, format!("{who} shares what is `{name}`'s alone, and would lose it"))
        .hint(
            "docker_remove those first and make them anew behind it; where you see none, do it on the host",
        ))
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
