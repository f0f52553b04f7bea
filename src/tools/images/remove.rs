//! `docker_image_remove`

use schemars::JsonSchema;
use serde::Deserialize;

use super::removing::{self, Which};
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing;

pub struct Remove;

/// More at once is a mistake more often than a wish.
const MOST: usize = 50;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Names or ids. A name takes that name away, and the image with its last; an id takes all its names.
    images: OneOrMany,
}

impl Tool for Remove {
    const SPEC: Spec = Spec {
        name: "docker_image_remove",
        title: "Remove images",
        levels: &[Level::Images],
        class: Class::Lifecycle,
        effect: Effect::Destroys,
        idempotent: false,
        foreign_text: false,
        summary: "Remove images, or one name of an image that has several. What containers were made from stays.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        match args.images.0.len() {
            0 => Err(ToolError::invalid("`images` is empty").hint("name an image, or several")),
            n if n > MOST => {
                Err(ToolError::invalid(format!("{n} images at once; {MOST} is the most")).hint("name fewer"))
            }
            _ => Ok(args.images.0.iter().cloned().map(Asked::Image).collect()),
        }
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        removing::preview(ctx, permits, &all(permits, args)).await
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let mut ones = Vec::new();
        // One after the other: two names of one image are two removals.
        for which in all(&permits, &args) {
            ones.push(removing::remove(&ctx, &permits, which).await);
        }
        changing::draft(&ctx, "image", ones)
    }
}

/// What each of the words means; one that is meant twice is taken once.
fn all<'a>(permits: &'a Permits, args: &Args) -> Vec<Which<'a>> {
    let mut all: Vec<Which<'a>> = Vec::new();
    for (permit, words) in permits.images.iter().zip(&args.images.0) {
        let which = removing::which(permit, words);
        if !all.iter().any(|(p, _, name)| p.target().id == permit.target().id && *name == which.2) {
            all.push(which);
        }
    }
    all
}
