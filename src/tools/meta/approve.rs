//! `docker_approve`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::output::Draft;
use crate::policy::Permits;
use crate::tool::def::Preview;
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};

pub struct Approve;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// As the list shows it; without one, lists what waits
    code: Option<String>,
    /// Refuse it instead
    #[serde(default)]
    deny: bool,
}

impl Tool for Approve {
    const SPEC: Spec = Spec {
        name: "docker_approve",
        title: "Answer a held call",
        levels: &[],
        class: Class::Local,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: false,
        summary: "List the calls of others that wait for an approval and that this role may answer; with a code, approve that one, \
                  or refuse it with deny = true. Whoever asked then repeats the very same call. Read what would change before.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<crate::tool::Asked>, ToolError> {
        match args {
            Args { code: None, deny: true } => {
                Err(ToolError::invalid("`deny` is of one call: its `code` is missing"))
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn preview(_: &Ctx, _: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let word = if args.deny { "refuse" } else { "approve" };
        let lines = args.code.iter().map(|code| format!("{word} `{code}`")).collect();
        Ok(Preview { lines, ..Preview::default() })
    }

    async fn run(ctx: Ctx, _: Permits, args: Args) -> Result<Output, ToolError> {
        let Some(code) = args.code else {
            ctx.after.unchanged();
            return Ok(Draft::object(ctx.host.pending().await?).keep_empty(&["pending"]));
        };
        Ok(Draft::object(ctx.host.answer(code, !args.deny).await?))
    }
}
