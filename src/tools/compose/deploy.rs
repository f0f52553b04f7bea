//! `docker_compose_deploy`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::compose::stack::{Purpose, Source};
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};

use super::stack::{self, How};

pub struct ComposeDeploy;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project_name: String,
    compose_yaml: String,
}

const HOW: How = How { tool: ComposeDeploy::SPEC.name, build: false, force_recreate: false, timeout: None };

impl Tool for ComposeDeploy {
    const SPEC: Spec = Spec {
        name: "docker_compose_deploy",
        title: "Deploy a compose text",
        levels: &[Level::Create, Level::Lifecycle],
        class: Class::Compose,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: true,
        summary: "docker_compose_up of a compose file given as text. It names no file of this host and builds nothing.",
    };
    /// A compose file.
    const ROOM: usize = 1 << 20;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let purpose = Purpose::Up { build: false, pull: false };
        stack::asked(Some(&args.project_name), Source::Text(args.compose_yaml.clone()), None, purpose)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _: &Args) -> Result<Preview, ToolError> {
        stack::preview(ctx, permits, &*stack::of(ctx)?, HOW).await
    }

    async fn run(mut ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        let stack = stack::of(&ctx)?;
        stack::bring(&mut ctx, permits, &stack, HOW).await
    }
}
