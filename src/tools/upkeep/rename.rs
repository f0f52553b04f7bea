//! `docker_rename`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::guard::create::{self, Ask};
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::{self, One, Well};

use super::levels;
use super::words::made_anew;

pub struct Rename;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
    name: String,
}

impl Tool for Rename {
    const SPEC: Spec = Spec {
        name: "docker_rename",
        title: "Rename a container",
        levels: &[Level::Create],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: true,
        foreign_text: false,
        summary: "Give a container another name. It runs on; the filters and levels must allow both names.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::Container(args.container.clone()), Asked::NewContainer(args.name.clone())])
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        // What a new container may not be called, an old one is not called either.
        let asks = vec![Ask::new("name", args.name.as_str())];
        create::check(&create::Wanted { asks, ..create::Wanted::default() }, &settings.create).map_err(|no| {
            let what = format!("`name` = `{}` is refused by {}: {}", args.name, no.rule, no.why);
            ToolError::new(Kind::PermissionDenied, what).hint("choose another name")
        })
    }

    async fn preview(ctx: &Ctx, permits: &Permits, _: &Args) -> Result<Preview, ToolError> {
        let ([old], [new]) = (permits.containers.as_slice(), permits.new_containers.as_slice()) else {
            return Err(ToolError::internal("a rename without its two names"));
        };
        let (from, to) = (&old.target().name, &new.target().name);
        if let Some(rule) = levels::gained(&ctx.settings, from, to) {
            return Err(ToolError::new(
                Kind::PermissionDenied,
                format!("called `{to}`, more would be allowed to `{from}` than now: {rule}"),
            )
            .hint("choose a name that no more rules cover than the old one"));
        }
        if ctx.engine.shifts_sight(&ctx.budget, old, new).await? {
            return Err(ToolError::new(
                Kind::PermissionDenied,
                format!("the filters do not allow to call `{from}` `{to}`"),
            )
            .hint("choose another name"));
        }
        Ok(Preview { lines: vec![format!("container `{from}` is called `{to}`")], ..Preview::default() })
    }

    async fn run(ctx: Ctx, mut permits: Permits, _: Args) -> Result<Output, ToolError> {
        let (Some(old), Some(new)) = (permits.containers.pop(), permits.new_containers.pop()) else {
            return Err(ToolError::internal("a rename without its two names"));
        };
        let (who, to) = (old.target().clone(), new.target().name.clone());
        let from = who.name.clone();
        let well = |changed| Well::changed(changed).shown(format!("called {to}")).with("name", to.clone());
        if from == to {
            return changing::draft(&ctx, "container", vec![One::ended(from, Ok(well(false)))]);
        }
        let came = ctx.engine.rename(&ctx.budget, &ctx.commit, old, new).await;
        let anew = match &came {
            Err(e) if e.is_gone() => made_anew(&ctx, &permits.world, &who).await,
            _ => None,
        };
        let mut one = One::of(&ctx, ("container", &from), came, |()| well(true));
        if let Some(anew) = anew {
            one.on_failure(|_| anew);
        }
        one.on_failure(|e| match e.kind {
            // Who has it may be hidden: the engine's words would say so.
            Kind::Conflict => ToolError { message: format!("the name `{to}` is not available"), ..e }
                .hint("choose another name"),
            _ => e,
        });
        changing::draft(&ctx, "container", vec![one])
    }
}
