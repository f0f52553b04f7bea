//! `docker_copy_from`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::archive::{Found, Kind as What};
use crate::engine::{Budget, EngineError};
use crate::guard::exec::{Place, copies};
use crate::policy::{Container, Level, Permit, Permits};
use crate::tool::{Asked as Target, Class, Ctx, Effect, Kind, Output, Rate, Spec, Tool, ToolError};
use crate::tools::guarded::refused;

use super::copy_content::Encoding;
use super::copy_place::{PAUSE, changed, no_file, target, unseen, visible};
use super::copy_seen::Seen;

pub struct CopyFrom;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub container: Option<String>,
    /// With `service`, instead of container.
    pub project: Option<String>,
    pub service: Option<String>,
    /// A file or folder in it, absolute.
    pub path: String,
    /// auto: text where it is text.
    pub encoding: Option<Encoding>,
    /// Of content, in all.
    pub max_bytes: Option<usize>,
}

impl Tool for CopyFrom {
    const SPEC: Spec = Spec {
        name: "docker_copy_from",
        title: "Read files of a container",
        levels: &[Level::Exec],
        class: Class::Exec,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "Read a file or a small folder of a container, running or not, as text or base64. Secrets are masked; of \
                  large files the beginning. Links are named, not followed.",
    };
    const RATE: Rate = Rate::Exec;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Target>, ToolError> {
        copies::path(&args.path).map_err(refused)?;
        visible(&args.path)?;
        target(args.container.as_deref(), args.project.as_deref(), args.service.as_deref())
    }

    fn judge(args: &Args, settings: &Settings, places: &[Place]) -> Result<Vec<String>, ToolError> {
        let [place] = places else { return Err(ToolError::internal("files without their place")) };
        copies::read(&args.path, place, &settings.exec, settings.bypass).map_err(refused)
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let (Some(permit), [place]) = (permits.containers.pop(), ctx.places.as_slice()) else {
            return Err(ToolError::internal("files without their place"));
        };
        let name = permit.target().name.clone();
        let of = |e: EngineError| unseen(e, &name, &args.path);
        let budget = Budget { idle: Some(PAUSE.min(ctx.budget.total)), ..ctx.budget };
        let found = ctx.engine.archive_find(&budget, &permit, &args.path, false).await.map_err(of)?;
        may_read(&ctx, &budget, &permit, &found, place).await?;
        if !found.missing.is_empty() {
            return Err(no_file(&args.path, &name));
        }
        if found.stat.kind == What::Folder && copies::is_by_name(&ctx.settings.exec, ctx.settings.bypass) {
            return Err(refused(copies::a_folder(&found.path)));
        }
        if found.stat.kind == What::Socket {
            // Archives hold none.
            return Err(ToolError::new(Kind::Conflict, format!("`{}` is a socket, and no file", found.path))
                .hint("docker_exec with ls -l shows it"));
        }
        let reader = match ctx.engine.archive_read(&budget, &permit, &found.path).await {
            Err(EngineError::Status { code: 404, .. }) => return Err(no_file(&args.path, &name)),
            reader => reader.map_err(of)?,
        };
        let seen = Seen::new(&ctx, &args, &found.path).read(reader).await.map_err(of)?;
        // What was judged is what was read, or it is not shown.
        let now = ctx.engine.archive_find(&budget, &permit, &args.path, false).await.map_err(of)?;
        match now.leads_as(&found) {
            true => Ok(seen.draft(&name, &args.path, &found, place)),
            false => Err(changed(format!("`{}` leads elsewhere since it was looked up", args.path))),
        }
    }
}

/// Where the path leads may be read, too.
async fn may_read(
    ctx: &Ctx,
    budget: &Budget,
    permit: &Permit<Container>,
    found: &Found,
    place: &Place,
) -> Result<(), ToolError> {
    let (safety, bypass) = (&ctx.settings.exec, ctx.settings.bypass);
    copies::read(&found.whole(), place, safety, bypass).map_err(refused)?;
    if bypass || safety.allow_root {
        return Ok(());
    }
    for folder in &found.closed {
        let entry = ctx.engine.archive_entry(budget, permit, folder).await;
        let entry = entry.map_err(|e| unseen(e, &place.name, folder))?;
        if !copies::is_entered(entry.mode, (entry.uid, entry.gid)) {
            return Err(refused(copies::only_root(folder, "reading")));
        }
    }
    Ok(())
}
