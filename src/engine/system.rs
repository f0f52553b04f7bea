//! The engine itself.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

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

impl Engine {
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
        let _one: Vec<IgnoredAny> = self.wire.json(budget, "/containers/json", &[("limit", "1")]).await?;
        Ok(())
    }

    /// Which engine it is. It asks containerd, and hangs when containerd does: bound it shortly.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn version(&self, budget: &Budget) -> Result<Version, EngineError> {
        self.wire.json(budget, "/version", &[]).await
    }
}
