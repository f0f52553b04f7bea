//! `docker_inspect`
//!
//! Each kind is a list of chosen fields: what the engine adds one day is not shown until somebody has thought about it.

mod config;
mod container;
mod image;
mod network;
mod pick;
mod volume;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::output::Draft;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Spec, Tool, ToolError};

pub struct Inspect;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Name or id of a container.
    container: Option<String>,
    /// Name or id of any object, instead of `container`.
    name: Option<String>,
    /// Of `name`.
    kind: Option<What>,
    /// Of a container; all by default.
    section: Option<Section>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    Container,
    Image,
    Network,
    Volume,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Section {
    Config,
    State,
    Network,
    Mounts,
    All,
}

impl Section {
    fn has(self, part: Self) -> bool {
        self == part || self == Self::All
    }
}

impl Tool for Inspect {
    const SPEC: Spec = Spec {
        name: "docker_inspect",
        title: "Inspect an object",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "Show one container (state with health log, configuration, networks, mounts), image (with history), \
                  network or volume. Secrets are masked.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let section = args.section.is_some_and(|s| s != Section::All);
        let asked = match (&args.container, &args.name, args.kind) {
            (Some(container), None, None | Some(What::Container)) => Asked::Container(container.clone()),
            (Some(_), None, Some(_)) => {
                return Err(ToolError::invalid("`container` and another `kind` contradict each other")
                    .hint("give `name` with `kind`"));
            }
            (None, Some(name), Some(What::Container)) => Asked::Container(name.clone()),
            (None, Some(name), Some(What::Image)) => Asked::Image(name.clone()),
            (None, Some(name), Some(What::Network)) => Asked::Network(name.clone()),
            (None, Some(name), Some(What::Volume)) => Asked::Volume(name.clone()),
            (None, Some(name), None) => Asked::Any(name.clone()),
            (Some(_), Some(_), _) => {
                return Err(
                    ToolError::invalid("`container` and `name` are both given").hint("give one of them")
                );
            }
            (None, None, _) => {
                return Err(ToolError::invalid("nothing to inspect is named")
                    .hint("give `container`, or `name` with `kind` = container, image, network or volume"));
            }
        };
        match asked {
            Asked::Container(_) | Asked::Any(_) => Ok(vec![asked]),
            _ if section => {
                Err(ToolError::invalid("only containers have sections").hint("leave `section` out"))
            }
            _ => Ok(vec![asked]),
        }
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let section = args.section.unwrap_or(Section::All);
        let asked = args.container.as_deref().or(args.name.as_deref()).unwrap_or_default();
        let kind = match (&args.container, args.kind) {
            (Some(_), _) | (_, Some(What::Container)) => "container",
            (_, Some(What::Image)) => "image",
            (_, Some(What::Network)) => "network",
            (_, Some(What::Volume)) => "volume",
            (None, None) => "object",
        };
        let outlook = ctx.engine.outlook(&ctx.budget, &permits.world).await?;
        let json = if let Some(permit) = permits.containers.first() {
            let raw = ctx.engine.inspect_container(&ctx.budget, permit).await;
            raw.map(|raw| container::curated(&raw, permit.target(), &outlook, section))
        } else if let Some(permit) = permits.images.first() {
            let raw = ctx.engine.inspect_image(&ctx.budget, permit).await;
            let history = ctx.engine.image_history(&ctx.budget, permit).await;
            raw.and_then(|raw| Ok(image::curated(&raw, &history?, permit.target(), &outlook)))
        } else if let Some(permit) = permits.networks.first() {
            let raw = ctx.engine.inspect_network(&ctx.budget, permit).await;
            raw.map(|raw| network::curated(&raw, permit.target(), &outlook))
        } else if let Some(permit) = permits.volumes.first() {
            let raw = ctx.engine.inspect_volume(&ctx.budget, permit).await;
            raw.map(|raw| volume::curated(&raw, permit.target(), &outlook))
        } else {
            return Err(ToolError::internal("no permit for the object"));
        };
        let json = json.map_err(|e| too_large(ToolError::of_object(e, kind, asked)))?;
        Ok(Draft::object(json).hint("a section (config, state, network, mounts) is shorter"))
    }
}

fn too_large(error: ToolError) -> ToolError {
    if error.kind == Kind::ResponseTooLarge {
        return error.hint("its labels or environment must be huge: look at it on the host");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn targets(args: Value) -> Result<Vec<Asked>, ToolError> {
        Inspect::targets(&serde_json::from_value(args).unwrap())
    }

    #[test]
    fn exactly_one_object_is_named() {
        assert_eq!(targets(json!({ "container": "web" })).unwrap(), [Asked::Container("web".into())]);
        assert_eq!(targets(json!({ "name": "web" })).unwrap(), [Asked::Any("web".into())]);
        let network = json!({ "name": "front", "kind": "network" });
        assert_eq!(targets(network).unwrap(), [Asked::Network("front".into())]);
        for bad in [
            json!({}),
            json!({ "kind": "image" }),
            json!({ "container": "a", "name": "b" }),
            json!({ "container": "a", "kind": "volume" }),
            json!({ "name": "a", "kind": "volume", "section": "state" }),
        ] {
            let error = targets(bad.clone()).unwrap_err();
            assert_eq!(error.kind, Kind::InvalidArguments, "{bad}");
            assert!(error.hint.is_some(), "{bad}");
        }
    }
}
