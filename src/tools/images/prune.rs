//! `docker_image_prune`

use schemars::JsonSchema;
use serde::Deserialize;

use super::removing::{self, Which};
use crate::engine::snapshot::short;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing;

pub struct Prune;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Also images that have a name.
    #[serde(default)]
    all: bool,
}

impl Tool for Prune {
    const SPEC: Spec = Spec {
        name: "docker_image_prune",
        title: "Remove unused images",
        levels: &[Level::Images],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: true,
        foreign_text: false,
        summary: "Remove images that no container uses, running or not: exactly those that the preview shows.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::UnusedImages(args.all)])
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _: &Args) -> Result<Preview, ToolError> {
        removing::preview(ctx, permits, &all(permits)).await
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        let mut ones = Vec::new();
        for which in all(&permits) {
            ones.push(removing::remove(&ctx, &permits, which).await);
        }
        if ones.is_empty() {
            return Ok(changing::nothing(&ctx, "no unused images"));
        }
        changing::draft(&ctx, "image", ones)
    }
}

fn all(permits: &Permits) -> Vec<Which<'_>> {
    permits.images.iter().map(|permit| (permit, short(&permit.target().id).to_owned(), None)).collect()
}
