//! `docker_compose_config`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::compose::stack::{Purpose, Source, Stack};
use crate::guard::compose::Service;
use crate::output::{Draft, Keep, Row};
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

use super::stack;

pub struct ComposeConfig;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Compose file or its folder.
    file: Option<String>,
    /// With what they need.
    services: Option<OneOrMany>,
}

impl Tool for ComposeConfig {
    const SPEC: Spec = Spec {
        name: "docker_compose_config",
        title: "Check a compose file",
        levels: &[Level::Read],
        class: Class::Compose,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "Check a compose file and show it with variables, includes and defaults put in. Secrets are masked.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        let file = Source::File(args.file.clone());
        stack::asked(args.project.as_deref(), file, args.services.as_ref(), Purpose::Show)
    }

    async fn run(ctx: Ctx, _: Permits, _: Args) -> Result<Output, ToolError> {
        let stack = stack::of(&ctx)?;
        let rows = stack.model.services.iter().map(|service| row(&stack, service)).collect();
        let mut shown = stack.json.clone();
        undouble(&mut shown);
        let whole = serde_json::to_string_pretty(&shown).map_err(|e| ToolError::internal(e.to_string()))?;
        let draft =
            Draft::list("services", &["service", "image", "build", "ports", "networks", "needs"], rows)
                .with("project", stack.name.clone())
                .with("files", stack::files(&stack))
                .keep_empty(&["services"])
                .learned(stack::secrets(&stack))
                .and_body("config", whole, Keep::Head)
                .hint("name services");
        Ok(stack::unset(&stack).into_iter().fold(draft, Draft::note))
    }
}

fn row(stack: &Stack, service: &Service) -> Row {
    let image = match &service.build {
        Some(_) => stack.built_as(service),
        None => service.image.clone().unwrap_or_default(),
    };
    let build = service.build.as_ref().map(|build| build.context.display().to_string());
    let needs: Vec<&str> = service.needs.iter().map(|(name, _)| name.as_str()).collect();
    let cells = [
        service.name.clone(),
        image.clone(),
        build.clone().unwrap_or_default(),
        service.ports.join(", "),
        service.networks.join(", "),
        needs.join(", "),
    ];
    let json = json!({
        "service": service.name, "image": image, "build": build, "ports": service.ports, "networks": service.networks,
        "volumes": service.volumes, "needs": needs, "replicas": service.replicas,
        "health_check": service.has_health_check, "environment": service.environment.keys().collect::<Vec<_>>(),
    });
    Row::new(json, cells)
}

/// Compose prints each `$` twice, so that it can read it again.
fn undouble(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = text.replace("$$", "$"),
        serde_json::Value::Array(all) => all.iter_mut().for_each(undouble),
        serde_json::Value::Object(map) => map.values_mut().for_each(undouble),
        _ => {}
    }
}
