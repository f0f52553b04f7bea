//! `docker_copy_to`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::config::Settings;
use crate::engine::archive::Kind as What;
use crate::engine::change::Outcome;
use crate::guard::exec::{Place, copies};
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::error::Effect as Came;
use crate::tool::{
    Asked as Target, Class, Ctx, Effect, Kind, Output, Preview, Rate, Retry, Spec, Tool, ToolError,
};
use crate::tools::changing::found;
use crate::tools::guarded::refused;

use super::copy_content::Encoding;
use super::copy_given::{Mode, given};
use super::copy_place::{target, visible};
use super::copy_plan::plan;
use super::copy_unwritten::unwritten;

pub struct CopyTo;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub container: Option<String>,
    /// With `service`, instead of container.
    pub project: Option<String>,
    pub service: Option<String>,
    /// A folder in it, absolute.
    pub path: String,
    pub files: Vec<File>,
    /// "uid:gid"; without it default_user or the container's own user, if that is a number.
    pub owner: Option<String>,
    /// Make folders that are missing.
    pub parents: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct File {
    /// Below `path`: "app.conf".
    pub path: String,
    pub content: String,
    /// text, or base64.
    pub encoding: Option<Encoding>,
    /// Octal; "0644".
    pub mode: Option<Mode>,
}

impl Tool for CopyTo {
    const SPEC: Spec = Spec {
        name: "docker_copy_to",
        title: "Write files into a container",
        levels: &[Level::Exec],
        class: Class::Exec,
        effect: Effect::Destroys,
        idempotent: true,
        foreign_text: true,
        summary: "Write files into a folder of a container, running or not; what has their names is replaced. Up to 1 MiB \
                  at once. They are gone with the container, unless the folder is a volume's.",
    };
    const RATE: Rate = Rate::Exec;
    const ROOM: usize = 1 << 20;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Target>, ToolError> {
        copies::path(&args.path).map_err(refused)?;
        visible(&args.path)?;
        given(&args.files)?;
        target(args.container.as_deref(), args.project.as_deref(), args.service.as_deref())
    }

    fn judge(args: &Args, settings: &Settings, places: &[Place]) -> Result<Vec<String>, ToolError> {
        let [place] = places else { return Err(ToolError::internal("files without their place")) };
        let (safety, bypass) = (&settings.exec, settings.bypass);
        let mut because = copies::may_write(place, safety, bypass).map_err(refused)?;
        for file in &args.files {
            let at = crate::engine::archive::join(&args.path, &file.path);
            copies::written(&at, place, safety, bypass).map_err(refused)?;
        }
        // Whose they become comes last: another folder may be the answer to all of it.
        let owned = copies::owner(args.owner.as_deref(), place, safety, bypass).map_err(refused)?;
        because.push(format!("the files become those of {}:{}", owned.ids.0, owned.ids.1));
        because.extend(owned.note);
        Ok(because)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let [permit] = permits.containers.as_slice() else {
            return Err(ToolError::internal("files without their place"));
        };
        let plan = plan(ctx, permit, args).await?;
        Ok(Preview { lines: plan.lines(&permit.target().name), state: plan.state(), ..Preview::default() })
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let Some(permit) = permits.containers.pop() else {
            return Err(ToolError::internal("files without their place"));
        };
        let name = permit.target().name.clone();
        // Looked up again: what was previewed may have been a while ago.
        let plan = plan(&ctx, &permit, &args).await?;
        let (uid, gid) = plan.load.owner;
        let rows = plan.files.iter().map(|file| {
            let mode = format!("{:04o}", file.mode);
            let replaced = file.replaces.is_some();
            let link = file.replaces.as_ref().filter(|stat| stat.kind == What::Link);
            let mut json =
                json!({ "path": file.path, "size": file.size, "mode": mode, "replaced": replaced });
            if let (Some(stat), Some(json)) = (link, json.as_object_mut()) {
                json.insert("replaced_link".to_owned(), json!(stat.target));
            }
            let how = link.map_or_else(|| replaced.to_string(), |_| "a link".to_owned());
            Row::new(json, [file.size.to_string(), mode, how, file.path.clone()])
        });
        let mut draft = Draft::list("files", &["size", "mode", "replaced", "path"], rows.collect())
            .with("container", name.clone())
            .with("path", plan.folder.clone())
            .with("owner", format!("{uid}:{gid}"))
            .with("folders_made", plan.folders.clone());
        if let Some(note) = plan.note.clone() {
            draft = draft.note(note);
        }
        match ctx.engine.archive_write(&ctx.budget, &ctx.commit, permit, plan.load.clone()).await {
            Err(e) => return Err(unwritten(e, &name, &plan)),
            Ok(Outcome::Answered(permit)) => {
                // The engine follows links by itself: what was turned meanwhile led it elsewhere.
                let now = ctx.engine.archive_find(&ctx.budget, &permit, &args.path, true).await;
                let same = now.map(|now| now.whole() == plan.folder && now.stat.kind == What::Folder);
                if !matches!(same, Ok(true)) {
                    return Err(strayed(&args.path, same.is_ok()));
                }
            }
            Ok(Outcome::Lost(lost)) => {
                let note = found(&ctx, ("container", &name), *lost).map_err(|e| match e.kind {
                    Kind::OutcomeUnknown => {
                        e.hint("docker_copy_from shows what is there, before it is asked for again")
                    }
                    _ => e,
                })?;
                draft = draft.note(note);
            }
        }
        Ok(draft)
    }
}

/// The files were sent, and where to is not sure.
fn strayed(path: &str, looked: bool) -> ToolError {
    let message = match looked {
        true => format!("the path changed meanwhile: `{path}` leads elsewhere than when it was looked up"),
        false => format!("the files were sent, and whether `{path}` still leads there cannot be seen"),
    };
    ToolError { effect: Came::Unknown, retry: Retry::No, ..ToolError::new(Kind::Conflict, message) }
        .hint("docker_copy_from shows what is there, and where the path leads now")
}
