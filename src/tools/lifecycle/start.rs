//! `docker_start`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::lifecycle::Act;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::acting;

pub struct Start;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
}

impl Tool for Start {
    const SPEC: Spec = Spec {
        name: "docker_start",
        title: "Start containers",
        levels: &[Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: true,
        summary: "Start stopped containers. One that runs already is left alone (changed = false).",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        acting::targets(&args.containers)
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Start).await
    }
}
