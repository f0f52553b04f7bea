//! Volumes: list and inspection, without those that hidden containers use.

use serde_json::Value;

use crate::policy::{Permit, Volume, World};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// A volume that the filters show, and the visible containers that mount it.
#[derive(Debug, Clone)]
pub struct SeenVolume {
    /// The line of the list.
    pub raw: raw::Volume,
    /// Names of visible containers, running or not.
    pub containers: Vec<String>,
}

impl Engine {
    /// The volumes that the filters show.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn volumes(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<Vec<SeenVolume>, EngineError> {
        let view = self.first_view(budget, permit.rules()).await?;
        let list: raw::Volumes = self.wire.json(budget, "/volumes", &[]).await?;
        let seen = list.volumes.into_iter().filter(|raw| {
            let volume = raw.identity();
            permit.rules().volume(&volume).shown() && !view.hidden_volumes.contains(&raw.name)
        });
        Ok(seen
            .map(|raw| {
                let mounts_it = |s: &&super::snapshot::Seen| s.raw.mounts.iter().any(|m| m.name == raw.name);
                let containers = view
                    .containers
                    .visible
                    .iter()
                    .filter(mounts_it)
                    .map(|s| s.identity.name.clone())
                    .collect();
                SeenVolume { raw, containers }
            })
            .collect())
    }

    /// Everything the engine says of a volume.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn inspect_volume(
        &self,
        budget: &Budget,
        permit: &Permit<Volume>,
    ) -> Result<Value, EngineError> {
        let path = format!("/volumes/{}", permit.target().name);
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }
}
