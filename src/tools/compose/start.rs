//! `docker_compose_start`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::lifecycle::Act;
use crate::engine::projects::Part;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::{acting, asking};

pub struct Start;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Instead of project.
    file: Option<String>,
    services: Option<OneOrMany>,
}

impl Tool for Start {
    const SPEC: Spec = Spec {
        name: "docker_compose_start",
        title: "Start a compose project",
        levels: &[Level::Lifecycle],
        class: Class::Compose,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: true,
        summary: "Start the stopped containers of a compose project in the order of depends_on, waiting for healthy where it says so.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        asking::asked(args.project.as_deref(), args.file.as_deref(), args.services.as_ref(), Part::Services)
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Start).await
    }
}
