//! `docker_network_disconnect`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};

pub struct Disconnect;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    network: String,
    container: String,
}

impl Tool for Disconnect {
    const SPEC: Spec = Spec {
        name: "docker_network_disconnect",
        title: "Disconnect from a network",
        levels: &[Level::Networks],
        class: Class::Lifecycle,
        effect: Effect::Stops,
        idempotent: true,
        foreign_text: false,
        summary: "Take a container off a network; its connections over it break.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::Network(args.network.clone()), Asked::Container(args.container.clone())])
    }

    async fn preview(_: &Ctx, permits: &Permits, _: &Args) -> Result<Preview, ToolError> {
        super::between(permits, "is disconnected from")
    }

    async fn run(ctx: Ctx, mut permits: Permits, _args: Args) -> Result<Output, ToolError> {
        let (Some(network), Some(container)) = (permits.networks.pop(), permits.containers.pop()) else {
            return Err(ToolError::internal("no permits for a network and a container"));
        };
        let names = (network.target().name.clone(), container.target().name.clone());
        let came = ctx.engine.disconnect(&ctx.budget, &ctx.commit, (network, container)).await;
        let one = One::of(&ctx, ("container", &names.1), came, |changed| {
            let shown = if changed { "disconnected" } else { "not connected" };
            Well::changed(changed).shown(format!("{shown}: {}", names.0)).with("network", names.0.clone())
        });
        changing::draft(&ctx, "container", vec![one])
    }
}
