//! `docker_network_remove`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::{changing, removing};

pub struct Remove;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    name: OneOrMany,
}

impl Tool for Remove {
    const SPEC: Spec = Spec {
        name: "docker_network_remove",
        title: "Remove networks",
        levels: &[Level::Networks],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: true,
        foreign_text: false,
        summary: "Remove networks that no running container is on.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        removing::named(&args.name.0, Asked::Network)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _args: &Args) -> Result<Preview, ToolError> {
        removing::preview(ctx, permits).await
    }

    async fn run(ctx: Ctx, permits: Permits, _args: Args) -> Result<Output, ToolError> {
        let ones = removing::remove_all(&ctx, permits).await;
        changing::draft(&ctx, "network", ones.into_iter().map(|(_, one)| one).collect())
    }
}
