//! `docker_unpause`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::lifecycle::Act;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::acting;

pub struct Unpause;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
}

impl Tool for Unpause {
    const SPEC: Spec = Spec {
        name: "docker_unpause",
        title: "Unpause containers",
        levels: &[Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: false,
        summary: "Let the processes of paused containers go on.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        acting::targets(&args.containers)
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Unpause).await
    }
}
