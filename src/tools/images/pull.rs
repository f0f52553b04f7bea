//! `docker_pull`

use schemars::JsonSchema;
use serde::Deserialize;

use super::moving::{self, Layers, Space};
use crate::config::Settings;
use crate::engine::build::{Here, Platform};
use crate::engine::change::Effect as Came;
use crate::engine::credentials::Found;
use crate::engine::image_names::Holder;
use crate::engine::transfer::{Arrived, Failed, Pull as Pulling, Refusal};
use crate::output::{Draft, bytes};
use crate::policy::reference::ImageRef;
use crate::policy::{Level, Permit, Permits, Reference};
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Spec, Tool, ToolError};

pub struct Pull;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// `nginx:1.27`, `registry.example:5000/team/app@sha256:...`; without a tag, latest.
    image: String,
    /// Such as `linux/arm64`; by default the engine's own.
    platform: Option<String>,
}

impl Tool for Pull {
    const SPEC: Spec = Spec {
        name: "docker_pull",
        title: "Pull an image",
        levels: &[Level::Images],
        class: Class::Transfer,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Fetch an image from its registry, with progress; gives its id, digest and size. Credentials come from \
                  docker's configuration on the host.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(ImageRef::judged_as(&args.image).into_iter().map(Asked::Reference).collect())
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        moving::allowed(&args.image, settings)?;
        match &args.platform {
            Some(platform) if !is_platform(platform) => {
                Err(ToolError::invalid(format!("`{platform}` is no platform"))
                    .hint("write it like linux/arm64 or linux/arm/v7"))
            }
            _ => Ok(()),
        }
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let Some(permit) = permits.references.last() else {
            return Err(ToolError::internal("no permit for the image"));
        };
        let image = permit.target().image.clone();
        let Fetched { arrived, layers, note, trouble } =
            fetch(&ctx, &permits, permit, args.platform.as_deref()).await?;
        if arrived.as_ref().is_some_and(|arrived| !arrived.changed) {
            ctx.after.unchanged();
        }
        let mut draft = draft(&image, arrived, layers);
        if permits.references.len() > 1 {
            draft = draft.note("pulled by its digest: the tag was not compared, and was not given to it");
        }
        for note in note.into_iter().chain(trouble.map(|why| format!("without credentials: {why}"))) {
            draft = draft.note(note);
        }
        Ok(draft)
    }
}

/// What was fetched.
pub(in crate::tools) struct Fetched {
    /// What is there now, where the engine said so.
    arrived: Option<Arrived>,
    layers: usize,
    /// Its answer was lost, and it is there.
    pub note: Option<String>,
    /// Why it was asked without credentials.
    pub trouble: Option<String>,
}

impl Fetched {
    /// It is another image than before, as far as that is known.
    pub(in crate::tools) fn changed(&self) -> bool {
        self.arrived.as_ref().is_none_or(|arrived| arrived.changed)
    }
}

/// The filters hide the image that has the name: it would lose it.
pub(in crate::tools) fn kept(image: &ImageRef) -> ToolError {
    ToolError::new(
        Kind::Conflict,
        format!("`{}` cannot be pulled: the filters keep the image that has the name", image.familiar()),
    )
    .hint("pull another tag of it, or ask a person to change the image filters")
}

/// Fetches an image by that name.
pub(in crate::tools) async fn fetch(
    ctx: &Ctx,
    permits: &Permits,
    permit: &Permit<Reference>,
    platform: Option<&str>,
) -> Result<Fetched, ToolError> {
    let image = permit.target().image.clone();
    // It would move the name.
    if ctx.engine.holds(&ctx.budget, (&permits.world, permit)).await? == Holder::Hidden {
        return Err(kept(&image));
    }
    let space = moving::space(ctx, permits).await?;
    let Found { credentials, trouble } = moving::credentials(&image).await;
    let mut layers = Layers::default();
    let begin = ctx.engine.pull(&ctx.budget, &ctx.commit, permit, platform, credentials.as_ref());
    let begun = tokio::select! {
        begun = moving::begun(ctx, &image, begin) => begun,
        () = moving::given_up(ctx) => return Err(ToolError::new(Kind::Cancelled, "the caller gave up")),
    };
    let came = match begun {
        Ok(pulling) => match follow(ctx, permit, pulling, (&mut layers, &space)).await {
            Ok(pulled) if is_for(ctx, permits, &image, platform).await => {
                pulled.arrived(&ctx.engine, &ctx.budget).await
            }
            Ok(pulled) => Err(another_platform(ctx, permit, pulled, String::new()).await),
            Err(failed) => Err(failed),
        },
        Err(failed) => Err(failed),
    };
    let (arrived, note) = match came {
        Ok(arrived) => (Some(arrived), None),
        Err(Failed::Lost(lost)) if lost.finding.effect == Came::Done => {
            (None, Some(format!("the engine's answer was lost, but {}", lost.finding.evidence)))
        }
        Err(failed) => return Err(told(moving::failure(ctx, &image, "pull", &layers, failed), trouble)),
    };
    Ok(Fetched { arrived, layers: layers.counts().1, note, trouble })
}

/// Why there were no credentials may be why it failed.
pub(super) fn told(mut error: ToolError, trouble: Option<String>) -> ToolError {
    if let Some(why) = trouble {
        error.message.push_str(&format!(" (asked without credentials: {why})"));
    }
    error
}

/// To its last step.
pub(super) async fn follow(
    ctx: &Ctx,
    permit: &Permit<Reference>,
    mut pulling: Pulling,
    (layers, space): (&mut Layers, &Space),
) -> Result<Pulling, Failed> {
    let mut given_up = std::pin::pin!(moving::given_up(ctx));
    loop {
        let step = tokio::select! {
            step = pulling.next(&ctx.engine, &ctx.budget) => step,
            () = &mut given_up => return Err(Failed::Lost(Box::new(pulling.stop(&ctx.engine).await))),
        };
        match step {
            Ok(Some(step)) => {
                layers.step(ctx, "pull", step).await;
                // Layers are told one after another: before the last bytes come, the size is known.
                if layers.size() > space.bytes {
                    drop(pulling.stop(&ctx.engine).await);
                    let why = Refusal::TooLarge(layers.size());
                    return Err(Failed::Refused { why, said: String::new() });
                }
            }
            Ok(None) => return Ok(pulling),
            // The engine looks at the platform when all of it is there, and keeps it.
            Err(Failed::Refused { why: Refusal::NoSuchPlatform, said }) => {
                return Err(another_platform(ctx, permit, pulling, said).await);
            }
            Err(failed) => return Err(failed),
        }
    }
}

/// Is what came made for what was asked for? Engines of the years 20 do not look.
async fn is_for(ctx: &Ctx, permits: &Permits, image: &ImageRef, platform: Option<&str>) -> bool {
    let Some(want) = platform.and_then(Platform::parse) else { return true };
    match ctx.engine.base(&ctx.budget, &permits.world, image).await {
        Ok(Here::Base(base)) => want.takes(&base.platform),
        // Whether it is there is looked at next.
        _ => true,
    }
}

/// Puts things as they were before it.
async fn another_platform(ctx: &Ctx, permit: &Permit<Reference>, pulling: Pulling, said: String) -> Failed {
    let undone = pulling.undo(&ctx.engine, &ctx.budget, &ctx.commit, permit).await;
    let why = if undone { Refusal::NoSuchPlatform } else { Refusal::AnotherPlatform };
    Failed::Refused { why, said }
}

fn draft(image: &ImageRef, arrived: Option<Arrived>, layers: usize) -> Output {
    let changed = arrived.as_ref().is_none_or(|arrived| arrived.changed);
    let draft = Draft::default().with("image", image.familiar()).with("changed", changed);
    match arrived {
        Some(Arrived { id, digest, size, .. }) => {
            let digest = digest.or_else(|| image.digest().map(str::to_owned));
            draft.with("id", id).with("digest", digest).with("size", bytes(size)).with("layers", layers)
        }
        None => draft,
    }
}

/// `linux/arm64`, `linux/arm/v7`.
fn is_platform(text: &str) -> bool {
    let part = |part: &str| {
        (1..=32).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    (2..=3).contains(&text.split('/').count()) && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms() {
        assert!(is_platform("linux/arm64") && is_platform("linux/arm/v7"));
        for bad in ["", "linux", "linux/", "a/b/c/d", "linux/arm 64", "linux/arm64&tag=x"] {
            assert!(!is_platform(bad), "{bad}");
        }
    }
}
