//! `docker_compose_up`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::compose::stack::{Purpose, Source};
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};

use super::asking;
use super::stack::{self, How};

pub struct ComposeUp;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Compose file or its folder.
    file: Option<String>,
    /// With what they need.
    services: Option<OneOrMany>,
    /// First. Needs the level images too.
    #[serde(default)]
    build: bool,
    /// First, also what is here. Needs the level images too.
    #[serde(default)]
    pull: bool,
    #[serde(default)]
    force_recreate: bool,
    /// Only true.
    detach: Option<bool>,
    /// Seconds until SIGKILL.
    timeout: Option<Span>,
}

impl Args {
    fn how(&self) -> How {
        How {
            tool: ComposeUp::SPEC.name,
            build: self.build,
            force_recreate: self.force_recreate,
            timeout: asking::seconds(self.timeout),
        }
    }
}

impl Tool for ComposeUp {
    const SPEC: Spec = Spec {
        name: "docker_compose_up",
        title: "Bring a compose project up",
        levels: &[Level::Create, Level::Lifecycle],
        class: Class::Compose,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: true,
        summary: "Make and start the services of a compose file and wait until they are healthy; missing images are pulled. dry_run lists what it would create, recreate (with the changed keys), start and leave. Guarded as docker_create is.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        if args.detach == Some(false) {
            return Err(ToolError::invalid("`detach = false` is not served: a call comes back")
                .hint("leave it out; docker_compose_logs with follow = true shows what they write"));
        }
        let purpose = Purpose::Up { build: args.build, pull: args.pull };
        stack::asked(
            args.project.as_deref(),
            Source::File(args.file.clone()),
            args.services.as_ref(),
            purpose,
        )
    }

    fn levels(args: &Args) -> &'static [Level] {
        match args.build || args.pull {
            true => &[Level::Create, Level::Lifecycle, Level::Images],
            false => Self::SPEC.levels,
        }
    }

    fn class(args: &Args) -> Class {
        if args.build || args.pull { Class::Transfer } else { Self::SPEC.class }
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        asking::guard(args.timeout, settings)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        stack::preview(ctx, permits, &*stack::of(ctx)?, args.how()).await
    }

    async fn run(mut ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let stack = stack::of(&ctx)?;
        stack::bring(&mut ctx, permits, &stack, args.how()).await
    }
}
