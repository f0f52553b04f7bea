//! `docker_compose_pull`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::compose::stack::{Purpose, Source};
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::changing;

use super::stack;

pub struct ComposePull;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Compose file or its folder.
    file: Option<String>,
    /// With what they need.
    services: Option<OneOrMany>,
}

impl Tool for ComposePull {
    const SPEC: Spec = Spec {
        name: "docker_compose_pull",
        title: "Pull compose images",
        levels: &[Level::Images],
        class: Class::Transfer,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Fetch the images that a compose file names and does not build.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let file = Source::File(args.file.clone());
        stack::asked(args.project.as_deref(), file, args.services.as_ref(), Purpose::Pull)
    }

    async fn run(ctx: Ctx, mut permits: Permits, _: Args) -> Result<Output, ToolError> {
        let stack = stack::of(&ctx)?;
        stack.keep_what_comes(&mut permits);
        let project = stack.name.clone();
        if permits.references.is_empty() {
            return Ok(changing::nothing(&ctx, "the compose file names no image that is pulled")
                .with("project", project));
        }
        let ones = stack::pull(&ctx, &permits).await;
        Ok(changing::draft(&ctx, "image", ones)?.with("project", project))
    }
}
