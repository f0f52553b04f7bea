//! `docker_prune`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::{changing, removing};

pub struct Prune;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Also unused anonymous volumes; needs the level volumes too.
    #[serde(default)]
    volumes: bool,
}

impl Tool for Prune {
    const SPEC: Spec = Spec {
        name: "docker_prune",
        title: "Remove everything unused",
        levels: &[Level::System],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: true,
        foreign_text: false,
        summary: "Remove stopped containers, networks without containers, and images without a name: exactly those that the preview shows.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let always = [Asked::StoppedContainers, Asked::UnusedNetworks, Asked::UnusedImages(false)];
        Ok(always.into_iter().chain(args.volumes.then_some(Asked::UnusedVolumes(false))).collect())
    }

    fn levels(args: &Args) -> &'static [Level] {
        if args.volumes { &[Level::System, Level::Volumes] } else { Self::SPEC.levels }
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _args: &Args) -> Result<Preview, ToolError> {
        removing::preview(ctx, permits).await
    }

    async fn run(ctx: Ctx, permits: Permits, _args: Args) -> Result<Output, ToolError> {
        let ones = removing::remove_all(&ctx, permits).await;
        changing::mixed(&ctx, ones)
    }
}
