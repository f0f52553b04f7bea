//! `docker_compose_stop`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::lifecycle::Act;
use crate::engine::projects::Part;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::{acting, asking};

pub struct Stop;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Instead of project.
    file: Option<String>,
    services: Option<OneOrMany>,
    /// Seconds until SIGKILL.
    timeout: Option<Span>,
}

impl Tool for Stop {
    const SPEC: Spec = Spec {
        name: "docker_compose_stop",
        title: "Stop a compose project",
        levels: &[Level::Lifecycle],
        class: Class::Compose,
        effect: Effect::Stops,
        idempotent: true,
        foreign_text: false,
        summary: "Stop the containers of a compose project in their order. They stay.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        asking::asked(args.project.as_deref(), args.file.as_deref(), args.services.as_ref(), Part::Services)
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        asking::guard(args.timeout, settings)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Stop { grace: asking::seconds(args.timeout), signal: None }).await
    }
}
