//! `docker_pause`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::lifecycle::Act;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::acting;

pub struct Pause;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
}

impl Tool for Pause {
    const SPEC: Spec = Spec {
        name: "docker_pause",
        title: "Pause containers",
        levels: &[Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Stops,
        idempotent: false,
        foreign_text: false,
        summary: "Freeze all processes of running containers until docker_unpause.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        acting::targets(&args.containers)
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Pause).await
    }
}
