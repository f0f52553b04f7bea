//! One container: inspection, processes, changed files.

use bollard::models::{ChangeType, FilesystemChange};
use serde::Deserialize;
use serde_json::Value;

use crate::policy::{Container, Permit};

use super::budget::Budget;
use super::error::EngineError;
use super::wire::from_bollard;
use super::{Engine, raw};

/// What is asked of the host's `ps`.
const COLUMNS: &str = "-eo pid,ppid,user,stat,pcpu,pmem,etime,args";

/// The process list of a container, as `ps` on the host prints it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Processes {
    /// Column titles.
    #[serde(rename = "Titles", deserialize_with = "raw::nullable")]
    pub titles: Vec<String>,
    /// One row a process.
    #[serde(rename = "Processes", deserialize_with = "raw::nullable")]
    pub rows: Vec<Vec<String>>,
}

/// A path that differs from the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `modified`, `added` or `deleted`.
    pub kind: &'static str,
    /// The path in the container.
    pub path: String,
}

impl Engine {
    /// Everything the engine says of a container, as it says it: raw, to be masked by the caller's output pipeline.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn inspect_container(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
    ) -> Result<Value, EngineError> {
        self.inspect_id(budget, &permit.target().id).await
    }

    /// The processes in a running container, with host process ids.
    ///
    /// # Errors
    /// `Status` 409 where it does not run.
    pub async fn top(&self, budget: &Budget, permit: &Permit<Container>) -> Result<Processes, EngineError> {
        let path = format!("/containers/{}/top", permit.target().id);
        let ask = async |query: &[(&str, &str)]| self.wire.json::<Processes>(budget, &path, query).await;
        let answer = match ask(&[("ps_args", COLUMNS)]).await {
            // Engines before 24 say 500 for what does not run.
            Err(EngineError::Status { code: 500, message }) if message.contains("is not running") => {
                Err(EngineError::Status { code: 409, message })
            }
            // The host's `ps` does not know these columns.
            Err(EngineError::Status { code: 500, .. }) => ask(&[]).await,
            answer => answer,
        };
        answer.map_err(|e| self.scrubbed(e))
    }

    /// The paths that differ from the image.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn changes(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
    ) -> Result<Vec<Change>, EngineError> {
        let docker = self.wire.bollard(budget).await?;
        let answer = docker.container_changes(&permit.target().id).await;
        let list = answer.map_err(|e| self.scrubbed(from_bollard(e)))?.unwrap_or_default();
        let change = |c: FilesystemChange| Change {
            kind: match c.kind {
                ChangeType::_0 => "modified",
                ChangeType::_1 => "added",
                ChangeType::_2 => "deleted",
            },
            path: c.path,
        };
        Ok(list.into_iter().map(change).collect())
    }

    pub(super) async fn inspect_id(&self, budget: &Budget, id: &str) -> Result<Value, EngineError> {
        self.wire.json(budget, &format!("/containers/{id}/json"), &[]).await.map_err(|e| self.scrubbed(e))
    }

    /// The same error without the names and ids of hidden objects.
    pub(super) fn scrubbed(&self, e: EngineError) -> EngineError {
        match e {
            EngineError::Status { code, message } => {
                EngineError::Status { code, message: self.scrub(&message) }
            }
            other => other,
        }
    }
}
