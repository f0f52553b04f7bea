//! `docker_audit`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::output::Draft;
use crate::policy::Permits;
use crate::tool::context::Lookup;
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};

/// Lines, where the call does not say.
const LINES: usize = 100;
/// Lines at most: a result has room for no more.
const MOST: usize = 1000;

pub struct Audit;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Who called; `*` is any run of characters
    caller: Option<String>,
    /// A tool's name, or a glob
    tool: Option<String>,
    /// What was acted on, or a glob
    target: Option<String>,
    /// ok, failed, denied, preview, intent, unknown, or a kind of error
    status: Option<String>,
    /// "24h", "2026-01-31", or a timestamp
    since: Option<String>,
    /// The last ones; 100 by default, 1000 at most
    limit: Option<usize>,
}

impl Tool for Audit {
    const SPEC: Spec = Spec {
        name: "docker_audit",
        title: "Read the audit log",
        levels: &[],
        class: Class::Local,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "Who called what, on which objects, what was decided and what came of it: the last lines of the audit log that \
                  fit, oldest first.",
    };
    type Args = Args;

    async fn run(ctx: Ctx, _: Permits, args: Args) -> Result<Output, ToolError> {
        let Args { caller, tool, target, status, since, limit } = args;
        let limit = limit.unwrap_or(LINES);
        if !(1..=MOST).contains(&limit) {
            return Err(ToolError::invalid(format!("`limit` is between 1 and {MOST}")));
        }
        let found = ctx.host.audit(Lookup { caller, tool, target, status, since, limit }).await?;
        Ok(Draft::object(found).keep_empty(&["lines"]))
    }
}
