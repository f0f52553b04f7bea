//! `docker_remove`

use std::collections::BTreeSet;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::removal::{Removal, Removed};
use crate::policy::{Container, Level, Permit, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};

use super::words;

pub struct Remove;

/// More at once is a mistake more often than a wish.
const MOST: usize = 50;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
    /// Kill those that run.
    #[serde(default)]
    force: bool,
    /// Their anonymous volumes too, with the data. Needs the level `volumes`.
    #[serde(default)]
    volumes: bool,
}

impl Tool for Remove {
    const SPEC: Spec = Spec {
        name: "docker_remove",
        title: "Remove containers",
        levels: &[Level::Create],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: false,
        foreign_text: false,
        summary: "Remove containers and what was written in them. Named volumes stay. A running one is refused without \
                  `force`.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        match args.containers.0.len() {
            0 => Err(ToolError::invalid("`containers` is empty").hint("name a container, or several")),
            n if n > MOST => {
                Err(ToolError::invalid(format!("{n} containers at once; {MOST} is the most"))
                    .hint("name fewer"))
            }
            _ => Ok(args.containers.0.iter().cloned().map(Asked::Container).collect()),
        }
    }

    fn levels(args: &Args) -> &'static [Level] {
        if args.volumes { &[Level::Create, Level::Volumes] } else { Self::SPEC.levels }
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let mut doomed = ctx.engine.doomed(&ctx.budget, &permits.world, &permits.containers).await?;
        let mut seen = BTreeSet::new();
        doomed.retain(|one| seen.insert(one.name.clone()));
        if let Some(one) = doomed.iter().find(|one| args.volumes && one.hidden_volume) {
            return Err(ToolError::new(
                Kind::PermissionDenied,
                format!("the filters do not show every volume of `{}`, so they cannot go with it", one.name),
            )
            .hint("leave `volumes` out: the container goes, and its volumes stay"));
        }
        let lines = doomed.iter().map(|one| {
            let mut line = words::line(one, args.volumes);
            if one.recreating {
                line.push_str("; a docker_recreate that was cut short needs it: docker_recreate mends that");
            }
            line
        });
        let state = doomed.iter().map(|one| words::state(one, args.volumes)).collect();
        Ok(Preview { lines: lines.collect(), state, ..Preview::default() })
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let mut seen = BTreeSet::new();
        // Two names of one container are one container.
        let permits = permits.containers.into_iter().filter(|p| seen.insert(p.target().id.clone()));
        let removal = Removal { force: args.force, volumes: args.volumes };
        let ones = join_all(permits.map(|permit| one(&ctx, permit, removal))).await;
        changing::draft(&ctx, "container", ones)
    }
}

/// Removes one, and says what came of it.
pub(super) async fn one(ctx: &Ctx, permit: Permit<Container>, removal: Removal) -> One {
    let name = permit.target().name.clone();
    let came = ctx.engine.remove(&ctx.budget, &ctx.commit, permit, removal).await;
    let mut one = One::of(ctx, ("container", &name), came, |Removed { volumes }| {
        let n = volumes.len();
        let well = Well::changed(true).shown("removed").with("state", "removed");
        if n == 0 {
            well
        } else {
            well.with("volumes_removed", volumes).note(format!("with {n} of its volumes"))
        }
    });
    one.on_failure(|e| match e.kind {
        Kind::Conflict if !removal.force && e.message.contains("running") => {
            ToolError { message: format!("container `{name}` is running"), ..e }
                .hint("stop it first (docker_stop), or force = true to kill it")
        }
        Kind::Conflict if !removal.force && e.message.contains("paused") => {
            ToolError { message: format!("container `{name}` is paused"), ..e }
                .hint("docker_unpause and docker_stop it first, or force = true to kill it")
        }
        _ => e,
    });
    one
}
