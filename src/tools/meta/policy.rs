//! `docker_policy`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::output::Draft;
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};

pub struct Policy;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    tool: Option<String>,
    arguments: Option<Map<String, Value>>,
}

impl Tool for Policy {
    const SPEC: Spec = Spec {
        name: "docker_policy",
        title: "Explain what is permitted",
        levels: &[Level::Read],
        class: Class::Local,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "Show the permission levels and filters in force; or, for a tool and its arguments, tell whether the call \
                  would be allowed, which rule decides, and what a person can change. Does nothing.",
    };
    type Args = Args;

    /// Arguments are looked up at the engine, as the call itself would: the engine's clocks, places and circuit hold.
    fn class(args: &Args) -> Class {
        if args.arguments.is_some() { Class::Read } else { Self::SPEC.class }
    }

    async fn run(ctx: Ctx, _permits: Permits, args: Args) -> Result<Output, ToolError> {
        Ok(Draft::object(ctx.host.explain(args.tool, args.arguments).await?))
    }
}
