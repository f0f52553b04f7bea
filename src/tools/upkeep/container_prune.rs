//! `docker_container_prune`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::removal::Removal;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing;

use super::{remove, words};

pub struct ContainerPrune;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {}

impl Tool for ContainerPrune {
    const SPEC: Spec = Spec {
        name: "docker_container_prune",
        title: "Remove stopped containers",
        levels: &[Level::Create],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: false,
        foreign_text: false,
        summary: "Remove every container that is not running, exactly those that are previewed. Volumes stay.",
    };
    type Args = Args;

    fn targets(_: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::StoppedContainers])
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _: &Args) -> Result<Preview, ToolError> {
        let doomed = ctx.engine.doomed(&ctx.budget, &permits.world, &permits.containers).await?;
        let goes = || doomed.iter().filter(|one| !one.recreating);
        Ok(Preview {
            lines: goes().map(|one| words::line(one, false)).collect(),
            state: goes().map(|one| words::state(one, false)).collect(),
            ..Preview::default()
        })
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        let doomed = ctx.engine.doomed(&ctx.budget, &permits.world, &permits.containers).await?;
        let mut ones = Vec::new();
        // One by one, and without force: what was started meanwhile stays.
        for permit in permits.containers {
            let name = &permit.target().name;
            if doomed.iter().any(|one| &one.name == name && !one.recreating) {
                ones.push(remove::one(&ctx, permit, Removal::default()).await);
            }
        }
        changing::draft(&ctx, "container", ones)
    }
}
