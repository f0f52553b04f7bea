//! `docker_compose_build`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::compose::stack::{Purpose, Source};
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing;

use super::stack;

pub struct ComposeBuild;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Compose file or its folder.
    file: Option<String>,
    /// With what they need.
    services: Option<OneOrMany>,
}

impl Tool for ComposeBuild {
    const SPEC: Spec = Spec {
        name: "docker_compose_build",
        title: "Build compose images",
        levels: &[Level::Images],
        class: Class::Transfer,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: true,
        summary: "Build the images of a compose file's services, as docker_build does.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let file = Source::File(args.file.clone());
        stack::asked(args.project.as_deref(), file, args.services.as_ref(), Purpose::Build)
    }

    async fn preview(ctx: &Ctx, _: &Permits, _: &Args) -> Result<Preview, ToolError> {
        let stack = stack::of(ctx)?;
        stack::buildable(ctx, &stack).await
    }

    async fn run(ctx: Ctx, mut permits: Permits, _: Args) -> Result<Output, ToolError> {
        let stack = stack::of(&ctx)?;
        if permits.references.is_empty() {
            return Ok(changing::nothing(&ctx, "no service of the compose file has a build")
                .with("project", stack.name.clone()));
        }
        let (ones, _) = stack::build(&ctx, &mut permits, &stack).await;
        Ok(changing::draft(&ctx, "image", ones)?
            .with("project", stack.name.clone())
            .learned(stack::secrets(&stack)))
    }
}
