//! `docker_network_connect`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::guard::network;
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};
use crate::tools::guarded::refused;

pub struct Connect;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    network: String,
    container: String,
    /// Further names on that network.
    #[serde(default)]
    aliases: OneOrMany,
}

impl Tool for Connect {
    const SPEC: Spec = Spec {
        name: "docker_network_connect",
        title: "Connect to a network",
        levels: &[Level::Networks],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Put a container on a network, running or not.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::Network(args.network.clone()), Asked::Container(args.container.clone())])
    }

    fn guard(args: &Args, _settings: &Settings) -> Result<(), ToolError> {
        network::aliases(&args.aliases.0).map_err(refused)
    }

    async fn preview(_: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let mut preview = super::between(permits, "is connected to")?;
        if !args.aliases.0.is_empty() {
            preview.lines.push(format!("found there as {}, too", args.aliases.0.join(", ")));
        }
        Ok(preview)
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let (Some(network), Some(container)) = (permits.networks.pop(), permits.containers.pop()) else {
            return Err(ToolError::internal("no permits for a network and a container"));
        };
        if !ctx.settings.bypass {
            // By what it is, not by what it was called.
            network::may_join(&network.target().name).map_err(refused)?;
        }
        let names = (network.target().name.clone(), container.target().name.clone());
        let both = (network, container);
        let came = ctx.engine.connect(&ctx.budget, &ctx.commit, both, &args.aliases.0).await;
        let one = One::of(&ctx, ("container", &names.1), came, |changed| {
            let shown = if changed { "connected" } else { "connected already" };
            Well::changed(changed).shown(format!("{shown}: {}", names.0)).with("network", names.0.clone())
        });
        changing::draft(&ctx, "container", vec![one])
    }
}
