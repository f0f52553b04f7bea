//! One container: inspection, processes, changed files.

use bollard::query_parameters::TopOptionsBuilder;
use serde_json::Value;

use crate::policy::{Container, Permit};

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;
use super::wire::from_bollard;

/// The process list of a container, as `ps` on the host prints it.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    /// Column titles.
    pub titles: Vec<String>,
    /// One row a process.
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
        let options =
            TopOptionsBuilder::default().ps_args("-eo pid,ppid,user,stat,pcpu,pmem,etime,args").build();
        let docker = self.wire.bollard(budget).await?;
        let answer = docker.top_processes(&permit.target().id, Some(options)).await;
        let answer = answer.map_err(|e| self.scrubbed(from_bollard(e)))?;
        Ok(Processes {
            titles: answer.titles.unwrap_or_default(),
            rows: answer.processes.unwrap_or_default(),
        })
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
        let change = |c: bollard::models::FilesystemChange| Change {
            kind: match i32::from(c.kind as u8) {
                0 => "modified",
                1 => "added",
                _ => "deleted",
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
