//! What a copy into a container would do: looked up, judged, and said.

use crate::engine::archive::{Found, Item, Kind as What, Load, Stat, join};
use crate::engine::{Budget, EngineError, clock};
use crate::guard::exec::copies;
use crate::output::bytes;
use crate::policy::{Container, Permit};
use crate::tool::{Ctx, Kind, ToolError};
use crate::tools::guarded::refused;

use super::copy_given::{Given, given};
use super::copy_place::{PAUSE, no_file, unseen};
use super::copy_rights::{Rights, followed};
use super::copy_to::Args;

/// One file of a plan.
#[derive(Debug)]
pub(super) struct Planned {
    pub path: String,
    pub size: usize,
    pub mode: u32,
    /// What is there now.
    pub replaces: Option<Stat>,
}

/// What would be sent, and what it would do.
#[derive(Debug)]
pub(super) struct Plan {
    pub load: Load,
    pub files: Vec<Planned>,
    /// Folders that would be made.
    pub folders: Vec<String>,
    /// Where the files go, without links.
    pub folder: String,
    /// Whose they become may not be whom somebody expects.
    pub note: Option<String>,
}

/// Looks where the files would go, and judges that.
///
/// # Errors
/// What is not let through, what is not there, and what is in the way.
pub(super) async fn plan(ctx: &Ctx, permit: &Permit<Container>, args: &Args) -> Result<Plan, ToolError> {
    let [place] = ctx.places.as_slice() else {
        return Err(ToolError::internal("files without their place"));
    };
    let (safety, bypass) = (&ctx.settings.exec, ctx.settings.bypass);
    let given = given(&args.files)?;
    let budget = Budget { idle: Some(PAUSE.min(ctx.budget.total)), ..ctx.budget };
    let name = &permit.target().name;
    let of = |e: EngineError| unseen(e, name, &args.path);
    let mut walk = ctx.engine.archive_walk(&budget, permit);
    let found = walk.find(&args.path, true).await.map_err(of)?;
    let folder = found.whole();
    let rooted = !bypass && !safety.allow_root;
    // Where it leads is judged before anything is said of what is there.
    let followed = if rooted { followed(&mut walk, place).await.map_err(of)? } else { place.clone() };
    for file in &given {
        copies::written(&join(&folder, &file.name), &followed, safety, bypass).map_err(refused)?;
    }
    let mut rights = Rights::new(ctx, &budget, permit);
    if rooted {
        rights.enters(&found.closed).await?;
    }
    if found.stat.kind != What::Folder {
        return Err(in_the_way(&found.path, found.stat.kind));
    }
    if rooted && !found.missing.is_empty() {
        rights.writes(&found.path).await?;
    }
    itself(args, &found, &given)?;
    if !found.missing.is_empty() && args.parents != Some(true) {
        return Err(parents(no_file(&args.path, name)));
    }
    let mut folders: Vec<String> = Vec::new();
    let mut above = found.path.clone();
    for part in &found.missing {
        above = join(&above, part);
        folders.push(above.clone());
    }
    let mut files = Vec::with_capacity(given.len());
    for file in &given {
        let path = join(&folder, &file.name);
        let steps: Vec<&str> = file.name.split('/').collect();
        let (mut at, mut there) = (folder.clone(), found.path.clone());
        for step in steps.iter().take(steps.len() - 1) {
            at = join(&at, step);
            if folders.contains(&at) {
                continue;
            }
            match walk.at(&at).await.map_err(of)? {
                Some(stat) if stat.kind == What::Folder => {
                    there.clone_from(&at);
                    if rooted && stat.mode & 0o001 == 0 {
                        rights.enters(std::slice::from_ref(&at)).await?;
                    }
                }
                Some(stat) => return Err(in_the_way(&at, stat.kind)),
                None => {
                    if rooted {
                        rights.writes(&there).await?;
                    }
                    if args.parents != Some(true) {
                        return Err(parents(no_file(&at, name)));
                    }
                    folders.push(at.clone());
                }
            }
        }
        let replaces = match folders.contains(&at) {
            true => None,
            false => walk.at(&path).await.map_err(of)?,
        };
        if rooted && !folders.contains(&at) {
            rights.writes(&there).await?;
            if replaces.is_some() {
                rights.replaces(&there, &path).await?;
            }
        }
        if let Some(stat) = replaces.as_ref().filter(|s| !matches!(s.kind, What::File | What::Link)) {
            return Err(in_the_way(&path, stat.kind));
        }
        files.push(Planned { path, size: file.content.len(), mode: file.mode, replaces });
    }
    let owned = copies::owner(args.owner.as_deref(), place, safety, bypass).map_err(refused)?;
    let inside = |path: &str| {
        path.strip_prefix(found.path.as_str()).unwrap_or(path).trim_start_matches('/').to_owned()
    };
    let made = folders.iter().map(|path| Item { path: inside(path), content: None, mode: 0o755 });
    let sent = given.into_iter().zip(&files);
    let sent = sent.map(|(file, planned)| Item {
        path: inside(&planned.path),
        content: Some(file.content),
        mode: file.mode,
    });
    let items = made.chain(sent).collect();
    let load = Load { folder: found.path, owner: owned.ids, items };
    Ok(Plan { load, files, folders, folder, note: owned.note })
}

/// The folder would have the name of the file that is meant.
fn itself(args: &Args, found: &Found, given: &[Given]) -> Result<(), ToolError> {
    let last = args.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match given {
        [file] if !found.missing.is_empty() && file.name == last => Err(ToolError::invalid(format!(
            "`path` is the folder: the file would be `{}`",
            join(&args.path, &file.name)
        ))
        .hint("leave the file's name out of `path`; if it is meant so, make the folder first (docker_exec with mkdir)")),
        _ => Ok(()),
    }
}

impl Plan {
    /// One line a file and a folder.
    pub(super) fn lines(&self, container: &str) -> Vec<String> {
        let (uid, gid) = self.load.owner;
        let folders = self
            .folders
            .iter()
            .map(|path| format!("container `{container}`: make the folder `{path}` ({uid}:{gid})"));
        let files = self.files.iter().map(|file| {
            let does = match &file.replaces {
                None => "new".to_owned(),
                // What others wrote is not shown before secrets are known: where the link leads the result tells.
                Some(stat) if stat.kind == What::Link => "replaces a link".to_owned(),
                Some(stat) => format!(
                    "replaces {} of {}",
                    bytes(stat.size),
                    clock::show(i128::from(stat.modified) * 1_000_000_000)
                ),
            };
            format!(
                "container `{container}`: write `{}` ({}, mode {:04o}, owner {uid}:{gid}; {does})",
                file.path,
                bytes(file.size as u64),
                file.mode
            )
        });
        folders.chain(files).chain(self.note.clone()).collect()
    }

    /// What must be the same when it is confirmed.
    pub(super) fn state(&self) -> Vec<String> {
        let files = self.files.iter().map(|file| format!("{} {:?}", file.path, file.replaces));
        self.folders.iter().cloned().chain(files).collect()
    }
}

fn in_the_way(path: &str, kind: What) -> ToolError {
    let what = match kind {
        What::Link => "a link: give the folder it leads to as `path`".to_owned(),
        What::Folder => "a folder, and no file takes its place".to_owned(),
        What::Other => "something else than a file".to_owned(),
        kind => format!("a {}", kind.name()),
    };
    ToolError::new(Kind::Conflict, format!("`{path}` is there already: it is {what}"))
        .hint("choose another path; docker_copy_from of the folder above it shows what is there")
}

fn parents(error: ToolError) -> ToolError {
    error.hint("parents = true makes the folders that are missing")
}
