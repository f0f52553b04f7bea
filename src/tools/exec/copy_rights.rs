//! Where a user other than root could write. The engine writes as root, and asks nobody.

use std::collections::HashMap;

use crate::engine::archive::{Entry, Walk};
use crate::engine::{Budget, EngineError};
use crate::guard::exec::{Place, copies};
use crate::policy::{Container, Permit};
use crate::tool::{Ctx, ToolError};
use crate::tools::guarded::refused;

use super::copy_place::unseen;

/// A file in such a folder goes only by its owner or the folder's.
const STICKY: u32 = 0o1000;

/// Whose folders and files are, read once each.
pub(super) struct Rights<'a> {
    ctx: &'a Ctx,
    budget: &'a Budget,
    permit: &'a Permit<Container>,
    known: HashMap<String, Entry>,
}

impl<'a> Rights<'a> {
    pub(super) fn new(ctx: &'a Ctx, budget: &'a Budget, permit: &'a Permit<Container>) -> Self {
        Self { ctx, budget, permit, known: HashMap::new() }
    }

    /// These folders could be entered.
    ///
    /// # Errors
    /// One that only root may enter.
    pub(super) async fn enters(&mut self, folders: &[String]) -> Result<(), ToolError> {
        for folder in folders {
            let entry = self.of(folder).await?;
            if !copies::is_entered(entry.mode, (entry.uid, entry.gid)) {
                return Err(refused(copies::only_root(folder, "writing")));
            }
        }
        Ok(())
    }

    /// Files could be made in this folder.
    ///
    /// # Errors
    /// Only root makes files there.
    pub(super) async fn writes(&mut self, folder: &str) -> Result<(), ToolError> {
        let entry = self.of(folder).await?;
        match copies::is_writable(entry.mode, (entry.uid, entry.gid)) {
            true => Ok(()),
            false => Err(refused(copies::only_root_writes(folder))),
        }
    }

    /// This file of that folder, in which files could be made, could be replaced.
    ///
    /// # Errors
    /// It is root's, in a folder of root's where files go only by their owners.
    pub(super) async fn replaces(&mut self, folder: &str, file: &str) -> Result<(), ToolError> {
        let above = self.of(folder).await?;
        if above.mode & STICKY == 0 || above.uid != 0 || self.of(file).await?.uid != 0 {
            return Ok(());
        }
        Err(refused(copies::only_root_replaces(file)))
    }

    async fn of(&mut self, path: &str) -> Result<Entry, ToolError> {
        if let Some(known) = self.known.get(path) {
            return Ok(known.clone());
        }
        let entry = self.ctx.engine.archive_entry(self.budget, self.permit, path).await;
        let entry = entry.map_err(|e| unseen(e, &self.permit.target().name, path))?;
        self.known.insert(path.to_owned(), entry.clone());
        Ok(entry)
    }
}

/// The place with what its programs are links to.
///
/// # Errors
/// As [`EngineError`]; what leads nowhere is left as it is.
pub(super) async fn followed(walk: &mut Walk<'_>, place: &Place) -> Result<Place, EngineError> {
    let mut all = place.clone();
    for (paths, real) in [(&place.programs, &mut all.programs), (&place.folders, &mut all.folders)] {
        for path in paths {
            match walk.find(path, true).await {
                Ok(found) if found.whole() != *path => real.push(found.whole()),
                Ok(_) | Err(EngineError::Conflict(_) | EngineError::Changed(_)) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(all)
}
