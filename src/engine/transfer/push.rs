//! Sending an image.

use super::pull::refused;
use super::{Failed, Said, Step, Steps};
use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::change::{self, Commit, Effect, Finding, Goal, LOOK, Look, Looking, Lost, Trail};
use crate::engine::credentials::Credentials;
use crate::engine::error::EngineError;
use crate::engine::ops;
use crate::engine::wire::Change;
use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, Reference};

/// A push on its way.
#[derive(Debug)]
pub struct Push {
    steps: Steps,
}

/// Nothing on this side shows what a registry got.
struct Unseen;

impl Engine {
    /// Begins to send one name of an image to its registry: that name must be this image's.
    ///
    /// # Errors
    /// The name is another image's by now; the engine or the registry refused it at once; the answer was lost.
    pub async fn push(
        &self,
        budget: &Budget,
        commit: &Commit,
        (image, name): (&Permit<Image>, &Permit<Reference>),
        credentials: Option<&Credentials>,
    ) -> Result<Push, Failed> {
        let name: &ImageRef = &name.target().image;
        let holder = self.holder(&budget.at_most(LOOK * 5), name).await.map_err(Failed::Engine)?;
        if holder.is_none_or(|raw| raw.id != image.target().id) {
            return Err(Failed::Engine(EngineError::Gone));
        }
        let path = format!("/images/{}/push", ops::escaped(name.repository()));
        let query = [("tag", name.tag().unwrap_or("latest"))];
        let header = credentials.and_then(Credentials::header).unwrap_or_else(Credentials::nobody);
        let asked = Change::post(&path, &query).registry_auth(header);
        match self.wire.change(budget, image.levels(), commit, asked).await {
            Ok(answer) => Ok(Push { steps: Steps::of(answer) }),
            Err(change::Failed { error: EngineError::Status { message, .. }, written: false }) => {
                Err(refused(message))
            }
            Err(change::Failed { error, written: false }) => Err(Failed::Engine(error)),
            Err(failed) => Err(lost(failed.error)),
        }
    }
}

fn lost(cause: EngineError) -> Failed {
    let finding = Finding { effect: Effect::Unknown, evidence: "only the registry knows".to_owned() };
    Failed::Lost(Box::new(Lost { cause, finding, trail: Trail::of_refusal(Unseen) }))
}

impl Push {
    /// The next step; `None` when all is done. May be dropped while it waits, and asked again.
    ///
    /// # Errors
    /// What the engine or the registry refuses in the middle, and answers that break off or stall.
    pub async fn next(&mut self) -> Result<Option<Step>, Failed> {
        match self.steps.next().await {
            Ok(None) => Ok(None),
            Ok(Some(Said::Failure(said))) => Err(refused(said)),
            Ok(Some(Said::Step(step))) => Ok(Some(step)),
            Err(error) => Err(lost(error)),
        }
    }

    /// Nobody waits for it any more: the connection is closed, and the engine ends it.
    #[must_use]
    pub fn stop(self) -> Failed {
        lost(EngineError::Withdrawn)
    }
}

impl Goal for Unseen {
    fn look<'a>(&'a self, _: &'a Engine, _: &'a Budget) -> Looking<'a> {
        Box::pin(async {
            Ok(Look { reached: None, as_before: false, evidence: "only the registry knows".to_owned() })
        })
    }
}
