//! `docker_kill`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::lifecycle::Act;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::acting;

pub struct Kill;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    containers: OneOrMany,
    /// SIGKILL by default; SIGHUP, 15, ...
    signal: Option<String>,
}

impl Tool for Kill {
    const SPEC: Spec = Spec {
        name: "docker_kill",
        title: "Kill containers",
        levels: &[Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Stops,
        idempotent: false,
        foreign_text: false,
        summary: "Send a signal to running containers, SIGKILL by default. docker_stop is gentler.",
    };
    const URGENT: bool = true;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        acting::targets(&args.containers)
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        acting::guard(None, args.signal.as_deref(), settings)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        acting::act(ctx, permits, Act::Kill { signal: args.signal }).await
    }
}
