//! `docker_stop`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::lifecycle::Act;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::acting;

pub struct Stop;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
    /// Seconds until SIGKILL.
    timeout: Option<Span>,
    signal: Option<String>,
}

impl Tool for Stop {
    const SPEC: Spec = Spec {
        name: "docker_stop",
        title: "Stop containers",
        levels: &[Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Stops,
        idempotent: true,
        foreign_text: false,
        summary: "Stop running containers: SIGTERM (or their own signal), and SIGKILL after `timeout`.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        acting::targets(&args.containers)
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        acting::guard(args.timeout, args.signal.as_deref(), settings)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Stop { grace: acting::seconds(args.timeout), signal: args.signal })
            .await
    }
}
