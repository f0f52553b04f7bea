//! Where paths of this host really lead. The only look at the file system that the making of containers takes.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::tool::{Kind, ToolError};

/// Each path without links. A path that is missing, a socket or a device is none for a container.
pub(in crate::tools) async fn real(paths: Vec<String>) -> Result<Vec<String>, ToolError> {
    if paths.is_empty() {
        return Ok(paths);
    }
    blocking(move || paths.iter().map(|path| one(path)).collect::<Result<Vec<_>, _>>()).await?
}

/// Paths as they are, and where they lead if they lead anywhere.
pub(crate) async fn also(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, ToolError> {
    blocking(move || {
        let real: Vec<PathBuf> = paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
        let absolute = paths.into_iter().filter(|path| path.is_absolute());
        absolute.chain(real).collect()
    })
    .await
}

/// Each path without links; of one that is to be made, the folder that it is made in.
pub(in crate::tools) async fn or_made(
    paths: Vec<(PathBuf, bool)>,
) -> Result<BTreeMap<PathBuf, String>, ToolError> {
    let (there, missing): (Vec<_>, Vec<_>) = blocking(move || {
        paths.into_iter().partition(|(path, made)| !made || std::fs::symlink_metadata(path).is_ok())
    })
    .await?;
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let names: Vec<PathBuf> = there.into_iter().map(|(path, _)| path).collect();
    let real = real(names.iter().map(text).collect()).await?;
    let mut all: BTreeMap<PathBuf, String> = names.into_iter().zip(real).collect();
    let lead = |path: PathBuf| {
        let real = path.ancestors().find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(std::fs::canonicalize(above).ok()?.join(rest))
        });
        real.map(|real| (path, real.to_string_lossy().into_owned()))
    };
    let missing = move || missing.into_iter().filter_map(|(path, _)| lead(path)).collect::<Vec<_>>();
    all.extend(blocking(missing).await?);
    Ok(all)
}

/// A dead network file system hangs a thread and not the server.
async fn blocking<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Result<T, ToolError> {
    spawn_blocking(look).await.map_err(|e| ToolError::internal(format!("looking at paths: {e}")))
}

fn one(path: &str) -> Result<String, ToolError> {
    let wrong = |why: &str| ToolError::invalid(format!("`volumes`: `{path}`: {why}"));
    let real = std::fs::canonicalize(path).map_err(|_| {
        wrong("there is no such path on this host").hint("make it first: it is not made for you")
    })?;
    let kind = std::fs::metadata(&real)
        .map_err(|_| wrong("it cannot be looked at").hint("see to its rights"))?
        .file_type();
    if kind.is_socket() || kind.is_block_device() || kind.is_char_device() || kind.is_fifo() {
        return Err(ToolError::new(
            Kind::PermissionDenied,
            format!("`bind` = `{path}` is refused: it is a socket or a device"),
        )
        .hint("bind a folder or a plain file"));
    }
    match real.to_str() {
        Some(real) => Ok(real.to_owned()),
        None => Err(wrong("it leads to a path that is no text").hint("choose another")),
    }
}
