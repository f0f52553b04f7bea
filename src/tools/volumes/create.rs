//! `docker_volume_create`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::volumes::MakeVolume;
use crate::guard::{labels, volume};
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};
use crate::tools::guarded::refused;

pub struct Create;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    name: String,
    /// local.
    driver: Option<String>,
    /// None, or memory: type=tmpfs, device=tmpfs, o=size=64m (and uid, gid, mode).
    #[serde(default)]
    driver_opts: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Tool for Create {
    const SPEC: Spec = Spec {
        name: "docker_volume_create",
        title: "Create a volume",
        levels: &[Level::Volumes],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Create a volume. One that is there already and is like it stays as it is.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::NewVolume(args.name.clone())])
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        make(args, settings).map(|_| ())
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let make = make(&args, &ctx.settings)?;
        let Some(permit) = permits.new_volumes.pop() else {
            return Err(ToolError::internal("no permit for a volume"));
        };
        let made = ctx.engine.make_volume(&ctx.budget, &ctx.commit, permit, make).await;
        let one = One::of(&ctx, ("volume", &args.name), made, |changed| {
            Well::changed(changed).shown(if changed { "created" } else { "there already" })
        });
        changing::draft(&ctx, "volume", vec![one])
    }
}

/// What is sent: never the caller's options, but what was understood of them.
fn make(args: &Args, settings: &Settings) -> Result<MakeVolume, ToolError> {
    let driver = args.driver.as_deref();
    let options = match settings.bypass {
        true => args.driver_opts.clone(),
        false => {
            labels::check(&args.labels).map_err(refused)?;
            let most = settings.create.limits.memory;
            volume::check(driver, &args.driver_opts, most).map_err(refused)?.options()
        }
    };
    Ok(MakeVolume { driver: driver.unwrap_or("local").to_owned(), options, labels: args.labels.clone() })
}
