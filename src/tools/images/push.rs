//! `docker_push`

use schemars::JsonSchema;
use serde::Deserialize;

use super::moving::{self, Layers};
use super::pull::told;
use crate::config::Settings;
use crate::engine::credentials::Found;
use crate::engine::transfer::{Failed, Push as Pushing, Step};
use crate::output::Draft;
use crate::policy::reference::ImageRef;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Spec, Tool, ToolError};

pub struct Push;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The name to send it by, with its registry: `registry.example:5000/team/app:2`.
    image: String,
}

impl Tool for Push {
    const SPEC: Spec = Spec {
        name: "docker_push",
        title: "Push an image",
        levels: &[Level::Images],
        class: Class::Transfer,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Send one tag of an image to its registry, with progress; gives the digest.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        if ImageRef::parse(&args.image).is_ok_and(|image| image.digest().is_some()) {
            return Err(ToolError::invalid(format!("`{}` names a digest: tags are pushed", args.image))
                .hint("give it a tag with docker_tag, and push that"));
        }
        Ok(vec![Asked::Reference(args.image.clone()), Asked::Image(args.image.clone())])
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        moving::allowed(&args.image, settings)
    }

    async fn preview(_: &Ctx, permits: &Permits, _: &Args) -> Result<Preview, ToolError> {
        let names = permits.references.iter().map(|permit| &permit.target().image);
        let lines = names.map(|name| format!("image `{}` is sent to `{}`", name.familiar(), name.registry()));
        Ok(Preview { lines: lines.collect(), state: Vec::new(), ..Preview::default() })
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        let (Some(permit), Some(name)) = (permits.images.first(), permits.references.first()) else {
            return Err(ToolError::internal("no permit for the image"));
        };
        let image = name.target().image.clone();
        let Found { credentials, trouble } = moving::credentials(&image).await;
        let mut layers = Layers::default();
        let begin = ctx.engine.push(&ctx.budget, &ctx.commit, (permit, name), credentials.as_ref());
        let begun = tokio::select! {
            begun = moving::begun(&ctx, &image, begin) => begun,
            () = moving::given_up(&ctx) => return Err(ToolError::new(Kind::Cancelled, "the caller gave up")),
        };
        let came = match begun {
            Ok(pushing) => follow(&ctx, pushing, &mut layers).await,
            Err(failed) => Err(failed),
        };
        let digest = came.map_err(|failed| {
            told(moving::failure(&ctx, &image, "push", &layers, failed), trouble.clone())
        })?;
        let mut draft = Draft::default()
            .with("image", image.familiar())
            .with("changed", true)
            .with("digest", digest)
            .with("layers", layers.counts().1);
        if let Some(why) = trouble {
            draft = draft.note(format!("without credentials: {why}"));
        }
        Ok(draft)
    }
}

async fn follow(ctx: &Ctx, mut pushing: Pushing, layers: &mut Layers) -> Result<Option<String>, Failed> {
    let mut digest = None;
    let mut given_up = std::pin::pin!(moving::given_up(ctx));
    loop {
        let step = tokio::select! {
            step = pushing.next() => step?,
            () = &mut given_up => return Err(pushing.stop()),
        };
        match step {
            Some(Step::Digest(seen)) => digest = Some(seen),
            Some(step) => layers.step(ctx, "push", step).await,
            None => return Ok(digest),
        }
    }
}
