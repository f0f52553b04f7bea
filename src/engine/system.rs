//! The engine itself.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::policy::{Permit, World};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// What `GET /version` says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Version {
    /// The engine's version.
    #[serde(deserialize_with = "raw::nullable")]
    pub version: String,
    /// The newest API it speaks.
    #[serde(deserialize_with = "raw::nullable")]
    pub api_version: String,
    /// `linux`, ...
    #[serde(deserialize_with = "raw::nullable")]
    pub os: String,
}

/// What `GET /info` says of the engine and its host: facts that name no object and no place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the engine's own field names")]
pub struct Info {
    #[serde(deserialize_with = "raw::nullable")]
    pub server_version: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub operating_system: String,
    #[serde(rename = "OSType", deserialize_with = "raw::nullable")]
    pub os_type: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub architecture: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub kernel_version: String,
    #[serde(rename = "NCPU")]
    pub cpus: u64,
    pub mem_total: u64,
    #[serde(deserialize_with = "raw::nullable")]
    pub driver: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub logging_driver: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub cgroup_driver: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub cgroup_version: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub default_runtime: String,
    #[serde(deserialize_with = "raw::nullable")]
    pub security_options: Vec<String>,
    pub live_restore_enabled: bool,
    #[serde(deserialize_with = "raw::nullable")]
    pub swarm: Swarm,
    #[serde(deserialize_with = "raw::nullable")]
    pub warnings: Vec<String>,
}

/// What it says of its swarm.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Swarm {
    /// `active`, `inactive`, ...
    #[serde(deserialize_with = "raw::nullable")]
    pub local_node_state: String,
}

impl Engine {
    /// What it is and what it runs on. It asks containerd, and hangs when containerd does.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn info(&self, budget: &Budget, _permit: &Permit<World>) -> Result<Info, EngineError> {
        self.wire.json(budget, "/info", &[]).await.map_err(|e| self.scrubbed(e))
    }

    /// Does it answer at all? Needs no permit: it touches no object. Gives the time it took and the API version.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn ping(&self, budget: &Budget) -> Result<(Duration, String), EngineError> {
        self.wire.ping(budget).await
    }

    /// Does it do its work? A hung engine may still answer pings, so a list is asked for as well, of which nothing is kept.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn probe(&self, budget: &Budget) -> Result<(), EngineError> {
        self.wire.ping(budget).await?;
        let list = self.wire.json::<Vec<IgnoredAny>>(budget, "/containers/json", &[("limit", "1")]).await;
        match list {
            // A proxy answered in its place: what the ping says must do.
            Ok(_) | Err(EngineError::Forbidden(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Which engine it is. It asks containerd, and hangs when containerd does: bound it shortly.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn version(&self, budget: &Budget) -> Result<Version, EngineError> {
        self.wire.json(budget, "/version", &[]).await
    }
}
