//! Where paths of this host really lead. The only look at the file system that the making of containers takes.

use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::tool::{Kind, ToolError};

/// Each path without links. A path that is missing, a socket or a device is none for a container.
pub(in crate::tools) async fn real(paths: Vec<String>) -> Result<Vec<String>, ToolError> {
    if paths.is_empty() {
        return Ok(paths);
    }
    // A dead network file system hangs a thread and not the server.
    let looked = spawn_blocking(move || paths.iter().map(|path| one(path)).collect::<Result<Vec<_>, _>>());
    looked.await.map_err(|e| ToolError::internal(format!("looking at paths: {e}")))?
}

/// Paths as they are, and where they lead if they lead anywhere.
pub(in crate::tools) async fn also(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, ToolError> {
    let looked = spawn_blocking(move || {
        let real: Vec<PathBuf> = paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
        let absolute = paths.into_iter().filter(|path| path.is_absolute());
        absolute.chain(real).collect()
    });
    looked.await.map_err(|e| ToolError::internal(format!("looking at paths: {e}")))
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
