//! What a build needs of images: here before the builder runs, as itself, and nothing in it that no build may do.
//!
//! The builder would fetch them itself, with every credential of the host, and run what they trigger (`ONBUILD`) unseen.
//! So what is missing is fetched as docker_pull does it, looked at, and only then built on.

use crate::engine::build::{Base, Here, Platform};
use crate::engine::change::Effect as Came;
use crate::engine::credentials::Found;
use crate::engine::transfer::Failed;
use crate::guard::build::{self as guard, Needed};
use crate::policy::reference::ImageRef;
use crate::policy::{self, Permits};
use crate::tool::{Ctx, Kind, Tool, ToolError};
use crate::tools::images::moving::{self, Layers, Space};
use crate::tools::images::pull::{follow, told};

use super::{Build, hidden};

/// An image that is needed and not here.
pub(super) struct Missing {
    line: usize,
    pub image: ImageRef,
    /// None: the engine's own.
    platform: Option<String>,
    /// A stage begins with it.
    begins: bool,
}

/// What there is of them.
#[derive(Default)]
pub(super) struct Looked {
    /// To be fetched.
    pub missing: Vec<Missing>,
    /// The ids of the others: a name that moves is another base.
    pub here: Vec<String>,
}

/// Judges those that are here; gives those that are not.
pub(super) async fn look(
    ctx: &Ctx,
    permits: &Permits,
    needed: &[Needed],
    asked: Option<&str>,
) -> Result<Looked, ToolError> {
    let mut looked = Looked::default();
    if needed.is_empty() {
        return Ok(looked);
    }
    let native = ctx.engine.platform(&ctx.budget).await?;
    for Needed { named: guard::Named { line, image }, begins } in needed {
        let platform = match begins {
            Some(flag) => wanted(flag, asked, &native).ok_or_else(|| unclear(*line))?,
            None => None,
        };
        // Of a tag and a digest the digest decides, for builders too.
        let image = &image.fetched_as();
        match ctx.engine.base(&ctx.budget, &permits.world, image).await? {
            Here::Hidden => return Err(hidden(*line, image)),
            Here::No => {
                let same = |other: &&mut Missing| other.image == *image && other.platform == platform;
                match looked.missing.iter_mut().find(same) {
                    Some(other) => other.begins |= begins.is_some(),
                    None => looked.missing.push(Missing {
                        line: *line,
                        image: image.clone(),
                        platform,
                        begins: begins.is_some(),
                    }),
                }
            }
            Here::Base(base) => {
                if begins.is_some() {
                    let want = platform.as_deref().and_then(Platform::parse);
                    judge(*line, image, &base, &want.unwrap_or_else(|| native.clone()))?;
                }
                looked.here.push(base.id);
            }
        }
    }
    Ok(looked)
}

/// The platform of a stage; none where it is the engine's own. `None` outside: it is not known here.
fn wanted(flag: &str, asked: Option<&str>, native: &Platform) -> Option<Option<String>> {
    let text = match flag {
        "" | "$TARGETPLATFORM" | "${TARGETPLATFORM}" => asked,
        "$BUILDPLATFORM" | "${BUILDPLATFORM}" => None,
        flag => Some(flag),
    };
    let Some(text) = text else { return Some(None) };
    let platform = Platform::parse(text)?;
    Some((platform != *native).then(|| platform.to_string()))
}

fn unclear(line: usize) -> ToolError {
    ToolError::invalid(format!("line {line} of the Dockerfile: a platform that is not known here"))
        .hint("write it like linux/arm64, or as $BUILDPLATFORM or $TARGETPLATFORM")
}

fn judge(line: usize, image: &ImageRef, base: &Base, want: &Platform) -> Result<(), ToolError> {
    let name = image.familiar();
    if !want.takes(&base.platform) {
        return Err(ToolError::new(
            Kind::Conflict,
            format!(
                "line {line} of the Dockerfile: `{name}` is here for {}, and {want} is needed",
                base.platform
            ),
        )
        .hint(format!("docker_pull with platform = \"{want}\" fetches that one first")));
    }
    for trigger in &base.triggers {
        guard::trigger(trigger).map_err(|why| {
            ToolError::new(
                Kind::PermissionDenied,
                format!("line {line} of the Dockerfile: `{name}` has an ONBUILD that is not built: {why}"),
            )
            .hint("docker_inspect shows it (on_build); begin with another image")
        })?;
    }
    Ok(())
}

/// Fetches what is missing, and judges it. One that is refused does not stay.
pub(super) async fn fetch(
    ctx: &Ctx,
    permits: &Permits,
    space: &Space,
    missing: Vec<Missing>,
) -> Result<(), ToolError> {
    let Some(tag) = permits.references.first() else {
        return Err(ToolError::internal("no permit for the tag"));
    };
    for Missing { line, image, platform, begins } in missing {
        let permit = policy::also(tag, Build::SPEC.name, image.clone()).map_err(|_| hidden(line, &image))?;
        let Found { credentials, trouble } = moving::credentials(&image).await;
        let mut layers = Layers::default();
        let begin =
            ctx.engine.pull(&ctx.budget, &ctx.commit, &permit, platform.as_deref(), credentials.as_ref());
        let begun = tokio::select! {
            begun = moving::begun(ctx, &image, begin) => begun,
            () = moving::given_up(ctx) => return Err(ToolError::new(Kind::Cancelled, "the caller gave up")),
        };
        let came = match begun {
            Ok(pulling) => follow(ctx, &permit, pulling, (&mut layers, space)).await.map(Some),
            Err(failed) => Err(failed),
        };
        let pulled = match came {
            Ok(pulled) => pulled,
            Err(Failed::Lost(lost)) if lost.finding.effect == Came::Done => None,
            Err(failed) => {
                let error = told(moving::failure(ctx, &image, "pull", &layers, failed), trouble);
                let message = format!(
                    "line {line} of the Dockerfile: `{}` could not be fetched: {}",
                    image.familiar(),
                    error.message
                );
                return Err(ToolError { message, ..error });
            }
        };
        let native = ctx.engine.platform(&ctx.budget).await?;
        let want = platform.as_deref().and_then(Platform::parse).unwrap_or(native);
        let judged = match ctx.engine.base(&ctx.budget, &permits.world, &image).await? {
            Here::Hidden => Err(hidden(line, &image)),
            Here::No => Err(ToolError::new(
                Kind::Conflict,
                format!("line {line} of the Dockerfile: `{}` was fetched and is gone", image.familiar()),
            )),
            Here::Base(base) if begins => judge(line, &image, &base, &want),
            Here::Base(_) => Ok(()),
        };
        if let Err(why) = judged {
            if let Some(pulled) = pulled {
                let _stays = pulled.undo(&ctx.engine, &ctx.budget, &ctx.commit, &permit).await;
            }
            return Err(why);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_of_a_stage() {
        let native = Platform::parse("linux/amd64").unwrap();
        for (flag, asked, want) in [
            ("", None, Some(None)),
            ("", Some("linux/amd64"), Some(None)),
            ("", Some("linux/arm64"), Some(Some("linux/arm64"))),
            ("$BUILDPLATFORM", Some("linux/arm64"), Some(None)),
            ("${TARGETPLATFORM}", Some("linux/arm64"), Some(Some("linux/arm64"))),
            ("linux/s390x", None, Some(Some("linux/s390x"))),
            ("linux/$X", None, None),
        ] {
            let found = wanted(flag, asked, &native);
            assert_eq!(found.as_ref().map(|platform| platform.as_deref()), want, "{flag} {asked:?}");
        }
    }
}
