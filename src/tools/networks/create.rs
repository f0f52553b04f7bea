//! `docker_network_create`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::network_changes::{MakeNetwork, NO_ADDRESSES};
use crate::guard::{labels, network};
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};
use crate::tools::guarded::refused;

pub struct Create;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    name: String,
    /// bridge by default; overlay in a swarm.
    driver: Option<String>,
    /// Containers on it reach nothing else.
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Tool for Create {
    const SPEC: Spec = Spec {
        name: "docker_network_create",
        title: "Create a network",
        levels: &[Level::Networks],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Create a network. One that is there already and is like it stays as it is.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::NewNetwork(args.name.clone())])
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        make(args, settings).map(|_| ())
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let make = make(&args, &ctx.settings)?;
        let Some(permit) = permits.new_networks.pop() else {
            return Err(ToolError::internal("no permit for a network"));
        };
        let made = ctx.engine.make_network(&ctx.budget, &ctx.commit, permit, make).await;
        let mut one = One::of(&ctx, ("network", &args.name), made, |changed| {
            Well::changed(changed).shown(if changed { "created" } else { "there already" })
        });
        one.on_failure(|e| match e.message == NO_ADDRESSES {
            true => ToolError { kind: Kind::DaemonError, ..e }.hint(
                "docker_network_prune removes those that nothing is on; a person can widen default-address-pools of the engine",
            ),
            false => e,
        });
        changing::draft(&ctx, "network", vec![one])
    }
}

fn make(args: &Args, settings: &Settings) -> Result<MakeNetwork, ToolError> {
    let driver = match settings.bypass {
        true => args.driver.as_deref().unwrap_or("bridge"),
        false => {
            labels::check(&args.labels).map_err(refused)?;
            network::check(&args.name, args.driver.as_deref()).map_err(refused)?.name()
        }
    };
    Ok(MakeNetwork {
        driver: driver.to_owned(),
        internal: args.internal,
        attachable: driver == "overlay",
        labels: args.labels.clone(),
    })
}
