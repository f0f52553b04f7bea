//! `docker_volume_prune`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::{changing, removing};

pub struct Prune;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Also volumes with a name.
    #[serde(default)]
    all: bool,
}

impl Tool for Prune {
    const SPEC: Spec = Spec {
        name: "docker_volume_prune",
        title: "Remove unused volumes",
        levels: &[Level::Volumes],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: true,
        foreign_text: false,
        summary: "Remove the volumes that no container uses, with all data in them: exactly those that the preview shows.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::UnusedVolumes(args.all)])
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _args: &Args) -> Result<Preview, ToolError> {
        removing::preview(ctx, permits).await
    }

    async fn run(ctx: Ctx, permits: Permits, _args: Args) -> Result<Output, ToolError> {
        let ones = removing::remove_all(&ctx, permits).await;
        changing::draft(&ctx, "volume", ones.into_iter().map(|(_, one)| one).collect())
    }
}
