//! `docker_compose_down`

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::change::Outcome;
use crate::engine::projects::{Down, Part};
use crate::engine::removal::Removed;
use crate::output::Draft;
use crate::policy::{Container, Level, Permit, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::error::Effect as Came;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Retry, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};
use crate::tools::removing::{self, enough};
use crate::tools::words::names;

use super::acting::{From, Plan, with_services};
use super::asking;

pub struct ComposeDown;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Instead of project.
    file: Option<String>,
    services: Option<OneOrMany>,
    /// With all data. Needs the level volumes too.
    #[serde(default)]
    volumes: bool,
    /// They go in any case without services.
    #[serde(default)]
    remove_orphans: bool,
    /// Seconds until SIGKILL.
    timeout: Option<Span>,
}

impl Tool for ComposeDown {
    const SPEC: Spec = Spec {
        name: "docker_compose_down",
        title: "Remove a compose project",
        levels: &[Level::Lifecycle],
        class: Class::Compose,
        effect: Effect::Destroys,
        idempotent: false,
        foreign_text: false,
        summary: "Stop and remove the containers of a compose project, and its networks that nobody else is on. Volumes stay without `volumes`.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let part = Part::Everything { volumes: args.volumes };
        asking::asked(args.project.as_deref(), args.file.as_deref(), args.services.as_ref(), part)
    }

    fn levels(args: &Args) -> &'static [Level] {
        if args.volumes { &[Level::Lifecycle, Level::Volumes] } else { Self::SPEC.levels }
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        asking::guard(args.timeout, settings)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let mut preview = removing::preview(ctx, permits).await?;
        if !args.volumes {
            return Ok(preview);
        }
        // Those without a name go with their containers.
        for one in ctx.engine.doomed(&ctx.budget, &permits.world, &permits.containers).await? {
            if one.hidden_volume {
                return Err(ToolError::new(
                    Kind::PermissionDenied,
                    format!(
                        "the filters do not show every volume of `{}`, so they cannot go with it",
                        one.name
                    ),
                )
                .hint("leave `volumes` out: the containers go, and the volumes stay"));
            }
            let anonymous = one.volumes.iter().map(|v| format!("volume `{v}` (anonymous, of {})", one.name));
            preview.lines.extend(anonymous);
            preview.state.extend(one.volumes.iter().cloned());
        }
        Ok(preview)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let plan = Plan::of(&ctx, &permits).await?;
        let kept = kept(&ctx, &permits, &plan.project, &args).await.unwrap_or_default();
        let Permits { world, containers, .. } = permits;
        let grace = asking::seconds(args.timeout);
        let (mut services, mut ones) = (Vec::new(), Vec::new());
        for wave in plan.waves(containers, From::Needing) {
            services.extend(wave.iter().map(|permit| plan.service(permit).to_owned()));
            let ended =
                join_all(wave.into_iter().map(|permit| one(&ctx, permit, (grace, args.volumes)))).await;
            ones.extend(ended.into_iter().map(|one| ("container", one)));
        }
        ones.extend(removing::remove_all(&ctx, Permits { world, containers: Vec::new(), ..permits }).await);
        let draft = with_services(changing::mixed(&ctx, ones)?, &services).with("project", plan.project);
        let draft = match args.remove_orphans && args.services.is_some() {
            true => draft.note("remove_orphans does nothing beside services"),
            false => draft,
        };
        Ok(kept.into_iter().fold(draft, Draft::note))
    }
}

/// Stops one and removes it.
async fn one(ctx: &Ctx, permit: Permit<Container>, how: (Option<u64>, bool)) -> One {
    let name = permit.target().name.clone();
    if let Some(why) = enough(ctx) {
        return One::ended(name, Err(why));
    }
    let removed = |volumes: Vec<String>| {
        let well = Well::changed(true).shown("removed").with("removed", true);
        match volumes.len() {
            0 => well,
            n => well.with("volumes_removed", volumes).note(format!("with {n} of its volumes")),
        }
    };
    let one = match ctx.engine.take_down(&ctx.budget, &ctx.commit, permit, how).await {
        Ok(Outcome::Answered(Down::Removed(Removed { volumes }))) => One::ended(&name, Ok(removed(volumes))),
        Ok(Outcome::Answered(Down::Stopped(e))) => {
            let why = ToolError::from(e);
            let message = format!("it was stopped, and not removed: {}", why.message);
            One::ended(&name, Err(ToolError { message, effect: Came::Done, retry: Retry::Safe, ..why }))
        }
        Ok(Outcome::Lost(lost)) => {
            One::of(ctx, ("container", &name), Ok(Outcome::<()>::Lost(lost)), |()| removed(Vec::new()))
        }
        // Somebody else was faster: it is gone, as it should be.
        Err(e) if e.is_gone() => {
            One::ended(&name, Ok(Well::changed(false).shown("gone").note("it was gone already")))
        }
        Err(e) => One::of(ctx, ("container", &name), Err(e), |()| removed(Vec::new())),
    };
    ctx.progress.say(format!("{name}: {}", if one.failed() { "failed" } else { "done" })).await;
    one
}

/// What has the project's label and stays, because others use it. Who is hidden is not named.
async fn kept(ctx: &Ctx, permits: &Permits, project: &str, args: &Args) -> Result<Vec<String>, ToolError> {
    let going: Vec<&str> = permits.containers.iter().map(|p| p.target().name.as_str()).collect();
    let stays = |kind: &str, name: &str, users: &[String]| {
        let (its, others): (Vec<String>, Vec<String>) =
            users.iter().cloned().partition(|user| going.contains(&user.as_str()));
        let by = if others.is_empty() { String::new() } else { format!(" by {}", names(&others)) };
        // Of some services only: what these did not use is not spoken of.
        let about = args.services.is_none() || !its.is_empty();
        about.then(|| format!("{kind} `{name}` stays: it is in use{by}"))
    };
    let mut kept = Vec::new();
    for network in ctx.engine.networks(&ctx.budget, &permits.world).await? {
        let goes = permits.networks.iter().any(|p| p.target().id == network.raw.id);
        if !goes && network.raw.identity().project.as_deref() == Some(project) {
            kept.extend(stays("network", &network.raw.name, &network.containers));
        }
    }
    if args.volumes {
        for volume in ctx.engine.volumes(&ctx.budget, &permits.world).await? {
            let goes = permits.volumes.iter().any(|p| p.target().name == volume.raw.name);
            if !goes && volume.raw.identity().project.as_deref() == Some(project) {
                kept.extend(stays("volume", &volume.raw.name, &volume.containers));
            }
        }
    }
    Ok(kept)
}
