//! Taking a container down: stopped, then removed.

use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::change::{Commit, Effect, Outcome};
use super::super::error::EngineError;
use super::super::removal::{Removal, Removed};
use super::super::seen::{Become, Want};
use super::super::wire::Change;

/// What became of a container that was to go.
#[derive(Debug)]
pub enum Down {
    /// It is gone.
    Removed(Removed),
    /// It was stopped for it, and is still there.
    Stopped(EngineError),
}

impl Engine {
    /// Stops a container and removes it; with `volumes` its anonymous ones, too.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn take_down(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        (grace, volumes): (Option<u64>, bool),
    ) -> Result<Outcome<Down>, EngineError> {
        let id = permit.target().id.clone();
        let (path, grace) = (format!("/containers/{id}/stop"), grace.map(|seconds| seconds.to_string()));
        let query: Vec<(&str, &str)> = grace.iter().map(|seconds| ("t", seconds.as_str())).collect();
        let sent = self.wire.change(budget, permit.levels(), commit, Change::post(&path, &query)).await;
        let stopped = match self.settled(budget, sent, Become { id, want: Want::Stopped }).await? {
            Outcome::Answered(answer) => !answer.not_modified(),
            Outcome::Lost(lost) if lost.finding.effect == Effect::Done => true,
            Outcome::Lost(lost) => return Ok(Outcome::Lost(lost)),
        };
        Ok(match self.remove(budget, commit, permit, Removal { force: false, volumes }).await {
            Ok(Outcome::Answered(removed)) => Outcome::Answered(Down::Removed(removed)),
            Ok(Outcome::Lost(lost)) => Outcome::Lost(lost),
            // One that removes itself when it ends is faster.
            Err(e) if e.is_gone() || is_going(&e) => Outcome::Answered(Down::Removed(Removed::default())),
            Err(e) if stopped => Outcome::Answered(Down::Stopped(e)),
            Err(e) => return Err(e),
        })
    }
}

fn is_going(e: &EngineError) -> bool {
    matches!(e, EngineError::Status { code: 409, message } if message.contains("already in progress"))
}
