//! `docker_copy_to`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::config::Settings;
use crate::engine::EngineError;
use crate::engine::change::Outcome;
use crate::guard::exec::{Place, copies};
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::error::Effect as Came;
use crate::tool::{Asked as Target, Class, Ctx, Effect, Kind, Output, Preview, Spec, Tool, ToolError};
use crate::tools::changing::found;
use crate::tools::guarded::refused;

use super::copy_content::Encoding;
use super::copy_place::target;
use super::copy_plan::{given, plan};

pub struct CopyTo;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Name or id.
    pub container: Option<String>,
    /// Compose project, with `service` instead of `container`.
    pub project: Option<String>,
    pub service: Option<String>,
    /// A folder in it, absolute.
    pub path: String,
    pub files: Vec<File>,
    /// "uid:gid"; the container's own user if that is a number.
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
    pub mode: Option<String>,
}

impl Tool for CopyTo {
    const SPEC: Spec = Spec {
        name: "docker_copy_to",
        title: "Write files into a container",
        levels: &[Level::Exec],
        class: Class::Exec,
        effect: Effect::Destroys,
        idempotent: true,
        foreign_text: false,
        summary: "Write files into a folder of a container, running or not; what has their names is replaced. Up to 1 MiB \
                  at once. They are gone with the container, unless the folder is a volume's.",
    };
    const ROOM: usize = 1 << 20;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Target>, ToolError> {
        copies::path(&args.path).map_err(refused)?;
        given(&args.files)?;
        target(args.container.as_deref(), args.project.as_deref(), args.service.as_deref())
    }

    fn judge(args: &Args, settings: &Settings, places: &[Place]) -> Result<Vec<String>, ToolError> {
        let [place] = places else { return Err(ToolError::internal("files without their place")) };
        let (safety, bypass) = (&settings.exec, settings.bypass);
        let (_, because) = copies::write(args.owner.as_deref(), place, safety, bypass).map_err(refused)?;
        for file in &args.files {
            let at = crate::engine::archive::join(&args.path, &file.path);
            copies::written(&at, place, safety, bypass).map_err(refused)?;
        }
        Ok(because)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let [permit] = permits.containers.as_slice() else {
            return Err(ToolError::internal("files without their place"));
        };
        let plan = plan(ctx, permit, args).await?;
        Ok(Preview { lines: plan.lines(&permit.target().name), state: plan.state() })
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
            let json = json!({ "path": file.path, "size": file.size, "mode": mode, "replaced": replaced });
            Row::new(json, [file.path.clone(), file.size.to_string(), mode, replaced.to_string()])
        });
        let mut draft = Draft::list("files", &["path", "size", "mode", "replaced"], rows.collect())
            .with("container", name.clone())
            .with("path", plan.folder)
            .with("owner", format!("{uid}:{gid}"))
            .with("folders_made", plan.folders);
        let several = plan.load.items.len() > 1;
        match ctx.engine.archive_write(&ctx.budget, &ctx.commit, permit, plan.load).await {
            Err(e) => return Err(unwritten(e, &name, several)),
            Ok(Outcome::Answered(())) => {}
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

/// The engine says 500 to what the container does not allow. Of several files it has written those before that one.
fn unwritten(e: EngineError, container: &str, several: bool) -> ToolError {
    let conflict =
        |message: &str| ToolError::new(Kind::Conflict, format!("the container does not take it: {message}"));
    match e {
        EngineError::Status { code: 404, message } if message.contains("find the file") => {
            ToolError::new(Kind::NotFound, format!("the folder is gone: {message}"))
                .hint("parents = true makes the folders that are missing")
        }
        EngineError::Status { code: 403 | 500, message } if message.contains("read-only") => {
            conflict(&message).hint("its root is read-only: the folder of a volume takes files")
        }
        EngineError::Status { code: 400 | 403 | 409 | 500, message } => {
            let effect = if several { Came::Unknown } else { Came::None };
            ToolError { effect, ..conflict(&message) }
                .hint("docker_copy_from shows what is there; of several files some may have been written")
        }
        e => ToolError::of_object(e, "container", container),
    }
}
