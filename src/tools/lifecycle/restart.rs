//! `docker_restart`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::lifecycle::Act;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::acting;

pub struct Restart;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
    /// Seconds until SIGKILL.
    timeout: Option<Span>,
    signal: Option<String>,
}

impl Tool for Restart {
    const SPEC: Spec = Spec {
        name: "docker_restart",
        title: "Restart containers",
        levels: &[Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Stops,
        idempotent: false,
        foreign_text: true,
        summary: "Stop and start containers.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        acting::targets(&args.containers)
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        acting::guard(args.timeout, args.signal.as_deref(), settings)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Restart { grace: acting::seconds(args.timeout), signal: args.signal })
            .await
    }
}
