//! `docker_create`

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::config::Settings;
use crate::output::Draft;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};

use super::options::Options;
use super::{asks, made, plan};

pub struct Create;

/// Without what belongs to the waiting.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Args(Options);

const WAITING: &[&str] = &["wait_for", "pattern", "timeout"];

impl JsonSchema for Args {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Create".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Options::json_schema(generator);
        if let Some(serde_json::Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|name, _| !WAITING.contains(&name.as_str()));
        }
        schema
    }
}

impl Tool for Create {
    const SPEC: Spec = Spec {
        name: "docker_create",
        title: "Create a container",
        levels: &[Level::Create],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: true,
        summary: "Make a container without starting it. What would weaken its isolation is refused, and the refusal names \
                  its rule.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        asks::targets(&args.0)
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        asks::guard(&args.0, settings)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        plan::preview(ctx, permits, &args.0).await
    }

    async fn run(mut ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let ready = made::make(&mut ctx, permits, &args.0, Self::SPEC.name).await?;
        Ok(draft(&ready, &args.0).with("state", "created"))
    }
}

/// What both tools say of what they made.
pub(super) fn draft(ready: &made::Ready, options: &Options) -> Draft {
    let who = ready.made.permit.target();
    let mut draft = Draft::default()
        .with("container", who.name.clone())
        .with("id", who.id.clone())
        .with("image", options.image.clone())
        .with("changed", true);
    if ready.pulled {
        draft = draft.with("pulled", true);
    }
    draft.learned = ready.learned.clone();
    if !ready.made.warnings.is_empty() {
        draft = draft.with("warnings", ready.made.warnings.clone());
    }
    ready.notes.iter().fold(draft, |draft, note| draft.note(note.clone()))
}
