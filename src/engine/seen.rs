//! What changes of one container come to, seen from the outside: for those whose answer was lost.

use std::time::Duration;

use serde::Deserialize;

use super::budget::Budget;
use super::change::{Effect, Goal, Look, Looking, USUAL};
use super::error::EngineError;
use super::lifecycle::State;
use super::{Engine, raw};

/// What is to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// There is no such container.
    Gone,
    /// It has this name.
    Named(String),
    /// It runs, or ran since.
    Running,
    /// It does not run.
    Stopped,
}

/// A container that is to become so.
#[derive(Debug, Clone)]
pub(super) struct Become {
    pub id: String,
    pub want: Want,
}

/// What is read of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Brief {
    #[serde(deserialize_with = "raw::nullable")]
    pub name: String,
    pub state: State,
}

impl Engine {
    pub(super) async fn brief(&self, budget: &Budget, id: &str) -> Result<Brief, EngineError> {
        let path = format!("/containers/{id}/json");
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }
}

impl Goal for Become {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let now = engine.brief(budget, &self.id).await?;
            let runs = matches!(now.state.status.as_str(), "running" | "restarting" | "paused");
            let reached = match &self.want {
                Want::Gone => false,
                Want::Named(name) => now.name.trim_start_matches('/') == name,
                Want::Running => runs,
                Want::Stopped => !runs,
            };
            let evidence = match &self.want {
                Want::Named(_) => format!("it is called `{}`", now.name.trim_start_matches('/')),
                _ => format!("the container is {}", now.state.status),
            };
            Ok(Look { reached: Some(reached), as_before: !reached, evidence })
        })
    }

    fn takes(&self) -> Duration {
        match self.want {
            // A container with much in it, or one that is to end first.
            Want::Gone | Want::Stopped => USUAL + Duration::from_secs(10),
            _ => USUAL,
        }
    }

    fn gone(&self) -> Effect {
        match self.want {
            Want::Gone | Want::Stopped => Effect::Done,
            _ => Effect::Unknown,
        }
    }
}
