//! What a copy into a container would do: looked up, judged, and said.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::archive::{Item, Kind as What, Load, Stat, join};
use crate::engine::{Budget, EngineError, clock};
use crate::guard::exec::copies;
use crate::output::bytes;
use crate::policy::{Container, Permit};
use crate::tool::{Ctx, Kind, ToolError};
use crate::tools::guarded::refused;

use super::copy_content::Encoding;
use super::copy_place::{PAUSE, no_file};
use super::copy_to::{Args, File};

/// Names of one call.
const MOST: usize = 100;

/// A file that was given, as it is to be.
#[derive(Debug)]
pub(super) struct Given {
    pub name: String,
    pub content: Vec<u8>,
    pub mode: u32,
}

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
}

/// The files, as far as they can be read without looking anywhere.
///
/// # Errors
/// What is no file, or two of one name.
pub(super) fn given(files: &[File]) -> Result<Vec<Given>, ToolError> {
    if files.is_empty() || files.len() > MOST {
        return Err(ToolError::invalid(format!("`files` holds {}; 1 to {MOST} go at once", files.len())));
    }
    let mut names = BTreeSet::new();
    let mut given = Vec::with_capacity(files.len());
    for File { path, content, encoding, mode } in files {
        copies::name(path).map_err(refused)?;
        if !names.insert(path.as_str()) {
            return Err(ToolError::invalid(format!("`{path}` is given twice")));
        }
        let content = match encoding.unwrap_or_default() {
            Encoding::Auto | Encoding::Text => content.clone().into_bytes(),
            Encoding::Base64 => {
                STANDARD.decode(content.split_ascii_whitespace().collect::<String>()).map_err(|_| {
                    ToolError::invalid(format!("the content of `{path}` is no base64"))
                        .hint("standard base64 with its padding, or leave `encoding` out for text")
                })?
            }
        };
        given.push(Given { name: path.clone(), content, mode: bits(path, mode.as_deref())? });
    }
    for name in &names {
        let above = |other: &&&str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        if let Some(other) = names.iter().find(above) {
            return Err(ToolError::invalid(format!("`{name}` is a file, and `{other}` would lie in it")));
        }
    }
    Ok(given)
}

fn bits(path: &str, mode: Option<&str>) -> Result<u32, ToolError> {
    let Some(text) = mode else { return Ok(0o644) };
    let digits = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
    let bits = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    bits.filter(|bits| *bits <= 0o777).ok_or_else(|| {
        ToolError::invalid(format!("`{text}` cannot be the mode of `{path}`"))
            .hint("octal digits up to \"0777\"; setuid, setgid and sticky bits are not given")
    })
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
    let (owner, _) = copies::write(args.owner.as_deref(), place, safety, bypass).map_err(refused)?;
    let given = given(&args.files)?;
    let budget = Budget { idle: Some(PAUSE.min(ctx.budget.total)), ..ctx.budget };
    let name = &permit.target().name;
    let of = |e: EngineError| ToolError::of_object(e, "container", name);
    let found = ctx.engine.archive_find(&budget, permit, &args.path, true).await.map_err(of)?;
    let folder = found.whole();
    // Where it leads is judged before anything is said of what is there.
    for file in &given {
        copies::written(&join(&folder, &file.name), place, safety, bypass).map_err(refused)?;
    }
    if found.stat.kind != What::Folder {
        return Err(in_the_way(&found.path, found.stat.kind));
    }
    if !found.missing.is_empty() && args.parents != Some(true) {
        return Err(parents(no_file(&args.path, name)));
    }
    let mut looks = Looks { ctx, budget: &budget, permit, known: HashMap::new() };
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
        let mut at = folder.clone();
        for step in steps.iter().take(steps.len() - 1) {
            at = join(&at, step);
            if folders.contains(&at) {
                continue;
            }
            match looks.at(&at).await.map_err(of)? {
                Some(stat) if stat.kind == What::Folder => {}
                Some(stat) => return Err(in_the_way(&at, stat.kind)),
                None if args.parents != Some(true) => return Err(parents(no_file(&at, name))),
                None => folders.push(at.clone()),
            }
        }
        let replaces = match folders.contains(&at) {
            true => None,
            false => looks.at(&path).await.map_err(of)?,
        };
        if let Some(stat) = replaces.as_ref().filter(|s| !matches!(s.kind, What::File | What::Link)) {
            return Err(in_the_way(&path, stat.kind));
        }
        files.push(Planned { path, size: file.content.len(), mode: file.mode, replaces });
    }
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
    Ok(Plan { load: Load { folder: found.path, owner, items }, files, folders, folder })
}

/// Looks that are not made twice.
struct Looks<'a> {
    ctx: &'a Ctx,
    budget: &'a Budget,
    permit: &'a Permit<Container>,
    known: HashMap<String, Option<Stat>>,
}

impl Looks<'_> {
    async fn at(&mut self, path: &str) -> Result<Option<Stat>, EngineError> {
        if let Some(known) = self.known.get(path) {
            return Ok(known.clone());
        }
        let stat = self.ctx.engine.archive_stat(self.budget, self.permit, path).await?;
        self.known.insert(path.to_owned(), stat.clone());
        Ok(stat)
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
                Some(stat) if stat.kind == What::Link => format!("replaces a link to {}", stat.target),
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
        folders.chain(files).collect()
    }

    /// What must be the same when it is confirmed.
    pub(super) fn state(&self) -> Vec<String> {
        let files = self.files.iter().map(|file| format!("{} {:?}", file.path, file.replaces));
        self.folders.iter().cloned().chain(files).collect()
    }
}

fn in_the_way(path: &str, kind: What) -> ToolError {
    let what = match kind {
        What::Link => "a link: give the folder it leads to as `path`",
        What::Folder => "a folder, and no file takes its place",
        kind => kind.name(),
    };
    ToolError::new(Kind::Conflict, format!("`{path}` is there already, and is {what}"))
        .hint("choose another path; docker_copy_from of the folder above it shows what is there")
}

fn parents(error: ToolError) -> ToolError {
    error.hint("parents = true makes the folders that are missing")
}
