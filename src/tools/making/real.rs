//! Where paths of this host really lead. The only look at the file system that the making of containers takes.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

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

/// Each path without links; of one that is to be made, the folder that it is made in. A link that leads nowhere is there,
/// and leads nowhere.
pub(in crate::tools) async fn or_made(
    paths: Vec<(PathBuf, bool)>,
) -> Result<BTreeMap<PathBuf, String>, ToolError> {
    let ways = blocking(move || {
        let there = |(path, made): (PathBuf, bool)| {
            let is = path.ancestors().find(|above| !made || std::fs::symlink_metadata(above).is_ok());
            let is = is.unwrap_or(&path).to_owned();
            (path, is)
        };
        paths.into_iter().map(there).collect::<Vec<_>>()
    })
    .await?;
    let real = real(ways.iter().map(|(_, there)| there.to_string_lossy().into_owned()).collect()).await?;
    let lead = |((path, there), real): ((PathBuf, PathBuf), String)| {
        let leads = match path.strip_prefix(&there) {
            Ok(rest) if !rest.as_os_str().is_empty() => {
                Path::new(&real).join(rest).to_string_lossy().into_owned()
            }
            _ => real,
        };
        (path, leads)
    };
    Ok(ways.into_iter().zip(real).map(lead).collect())
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
