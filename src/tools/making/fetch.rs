//! An image that is not here is fetched, before anything is made of it: as docker_pull does it, and judged the same.

use crate::engine::image_names::Holder;
use crate::policy::{self, Permits};
use crate::tool::error::Effect;
use crate::tool::{Class, Clocks, Ctx, Kind, Retry, ToolError};
use crate::tools::images::moving;
use crate::tools::images::pull::{Fetched, fetch, kept};

use super::options::Options;
use super::{made, plan};

/// What was fetched for a container.
pub(super) struct Pulled {
    /// By this name.
    pub name: String,
    pub notes: Vec<String>,
}

/// The name that the image would be fetched by; none where it is here.
pub(super) async fn missing(
    ctx: &Ctx,
    permits: &Permits,
    options: &Options,
) -> Result<Option<String>, ToolError> {
    let (true, Some(permit)) = (permits.images.is_empty(), permits.references.last()) else {
        return Ok(None);
    };
    moving::allowed(&options.image, &ctx.settings)?;
    let name = permit.target().image.familiar();
    if ctx.engine.holds(&ctx.budget, (&permits.world, permit)).await? == Holder::Hidden {
        return Err(kept(&permit.target().image));
    }
    Ok(Some(name))
}

/// Fetches it where it is not here. What follows has the clocks of a container that is made, unless the caller named a time.
pub(super) async fn image(
    ctx: &mut Ctx,
    permits: &mut Permits,
    options: &Options,
    tool: &str,
) -> Result<Option<Pulled>, ToolError> {
    let Some(name) = missing(ctx, permits, options).await? else { return Ok(None) };
    // What is refused anyhow is refused before bytes come.
    plan::judge(ctx, permits, options).await?;
    drop(made::room(ctx, permits).await?);
    let Some(permit) = permits.references.last() else { return Ok(None) };
    let Fetched { note, trouble, .. } = fetch(ctx, permits, permit, None).await.map_err(unmade)?;
    let image = match ctx.engine.holds(&ctx.budget, (&permits.world, permit)).await {
        Ok(Holder::Image { image, .. }) => policy::arrived(permit, tool, image).map_err(|_| hidden(&name)),
        Ok(Holder::Hidden) => Err(hidden(&name)),
        Ok(Holder::Nobody) => {
            Err(ToolError::new(Kind::Conflict, format!("`{name}` was pulled, and is gone already"))
                .hint("ask again"))
        }
        Err(e) => Err(unmade(e.into())),
    }?;
    permits.images.push(image);
    if ctx.cancel.is_cancelled() {
        return Err(stays(ToolError::new(Kind::Cancelled, "the caller gave up"), &name));
    }
    if options.timeout.is_none() {
        let clocks = Clocks::of(Class::Lifecycle, &ctx.settings.neverhang);
        ctx.budget = ctx.budget.at_most(clocks.total);
    }
    ctx.budget = ctx.budget.streaming();
    let trouble = trouble.map(|why| format!("the image was asked for without credentials: {why}"));
    Ok(Some(Pulled { name, notes: note.into_iter().chain(trouble).collect() }))
}

/// Whatever came of the image: there is no container.
fn unmade(e: ToolError) -> ToolError {
    let open = matches!(e.effect, Effect::Unknown | Effect::Continuing);
    let kind = match (e.kind, e.phase) {
        (Kind::OutcomeUnknown, Some(_)) => Kind::DaemonTimeout,
        (Kind::OutcomeUnknown, None) => Kind::DaemonError,
        (kind, _) => kind,
    };
    ToolError {
        kind,
        message: format!("{}; no container was made", e.message),
        effect: Effect::None,
        retry: if open { Retry::Safe } else { e.retry },
        ..e
    }
}

/// No container came of it, and the image is here now.
pub(super) fn stays(e: ToolError, name: &str) -> ToolError {
    ToolError { message: format!("{}; the image `{name}` was pulled, and stays", e.message), ..e }
}

/// In the words of docker_pull's refusal.
fn hidden(name: &str) -> ToolError {
    ToolError::new(Kind::PermissionDenied, format!("the filters do not allow an image `{name}`")).hint(
        "choose another image; docker_policy shows the whitelists, and a person can change whitelist_images and \
         blacklist_images under [permissions]",
    )
}
