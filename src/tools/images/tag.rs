//! `docker_tag`

use schemars::JsonSchema;
use serde::Deserialize;

use super::moving;
use crate::engine::image_names::Holder;
use crate::engine::snapshot::short;
use crate::policy::reference::ImageRef;
use crate::policy::{Image, Level, Permit, Permits, Reference};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};

pub struct Tag;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Name or id of an image.
    image: String,
    /// `registry.example:5000/team/app:2`; without a tag, latest.
    name: String,
}

impl Tool for Tag {
    const SPEC: Spec = Spec {
        name: "docker_tag",
        title: "Name an image",
        levels: &[Level::Images],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Give an image one more name. Another image that has the name loses it.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        if ImageRef::parse(&args.name).is_ok_and(|name| name.digest().is_some()) {
            return Err(ToolError::invalid(format!(
                "`{}` names a digest: those come from registries",
                args.name
            ))
            .hint("give a name with a tag"));
        }
        Ok(vec![Asked::Image(args.image.clone()), Asked::Reference(args.name.clone())])
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let (Some(image), Some(name)) = (permits.images.first(), permits.references.first()) else {
            return Err(ToolError::internal("no permit for the image"));
        };
        let new = name.target().image.familiar();
        let holder = may_move(ctx, permits, name).await?;
        let mut lines =
            vec![format!("image `{}` ({}) is named `{new}`", args.image, short(&image.target().id))];
        let holder = holder.filter(|holder| holder.id != image.target().id);
        if let Some(holder) = &holder {
            lines.push(format!("image {} loses the name `{new}`", short(&holder.id)));
        }
        Ok(Preview {
            lines,
            state: holder.into_iter().map(|holder| holder.id).collect(),
            ..Preview::default()
        })
    }

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        let (Some(image), Some(name)) = (permits.images.first(), permits.references.first()) else {
            return Err(ToolError::internal("no permit for the image"));
        };
        let new = name.target().image.familiar();
        may_move(&ctx, &permits, name).await?;
        let given = ctx.engine.give_name(&ctx.budget, &ctx.commit, (image, name)).await;
        let id = image.target().id.clone();
        let one = One::of(&ctx, ("image", &new), given, |changed| Well::changed(changed).with("id", id));
        changing::draft(&ctx, "image", vec![one])
    }
}

/// The image that has the name now, if it may lose it.
async fn may_move(
    ctx: &Ctx,
    permits: &Permits,
    name: &Permit<Reference>,
) -> Result<Option<Image>, ToolError> {
    match ctx.engine.holds(&ctx.budget, (&permits.world, name)).await? {
        Holder::Nobody => Ok(None),
        Holder::Image { image, needed: false } => Ok(Some(image)),
        Holder::Hidden | Holder::Image { .. } => Err(moving::taken(&name.target().image.familiar())),
    }
}
