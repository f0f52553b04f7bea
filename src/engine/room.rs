//! Free space where the engine keeps its images, if that can be seen from here.

use serde::Deserialize;

use crate::policy::{Permit, World};

use super::budget::Budget;
use super::change::LOOK;
use super::endpoint::Endpoint;
use super::{Engine, raw};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Info {
    #[serde(deserialize_with = "raw::nullable")]
    docker_root_dir: String,
}

/// Where images lie on this host.
#[derive(Debug, Clone)]
pub struct Room(std::path::PathBuf);

impl Room {
    /// Bytes that are free there; none where the file system does not say.
    pub async fn free(&self) -> Option<u64> {
        let folder = self.0.clone();
        let seen = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await.ok()?.ok()?;
        // Some have no blocks at all, and are not full.
        (seen.f_blocks > 0).then(|| seen.f_bavail.saturating_mul(seen.f_frsize))
    }
}

impl Engine {
    /// Where this engine keeps its images; none where it is not on this host, or does not say.
    pub async fn room(&self, budget: &Budget, _world: &Permit<World>) -> Option<Room> {
        if !matches!(self.found().endpoint, Endpoint::Unix(_)) {
            return None;
        }
        // It is no more than a precaution: an engine that is slow to say it does not hold up the call.
        let asked = self.wire.json::<Info>(&budget.at_most(LOOK * 2), "/info", &[]).await;
        let folder = asked.ok()?.docker_root_dir;
        let room = Room(folder.into());
        (room.0.is_absolute() && room.free().await.is_some()).then_some(room)
    }
}
