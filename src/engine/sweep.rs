//! Removing what nothing uses, one by one: containers that do not run, images without a name.

use std::time::Duration;

use serde::de::IgnoredAny;

use crate::policy::{Container, Image, Permit};

use super::Engine;
use super::budget::Budget;
use super::change::{Commit, Effect, Goal, Look, Looking, Outcome};
use super::error::EngineError;
use super::wire::Change;

/// It is not there any more.
struct Removed {
    path: String,
    what: &'static str,
}

/// Layers are deleted file by file.
const LAYERS: Duration = Duration::from_secs(20);

impl Engine {
    /// Removes a container that does not run; one that was started meanwhile stays. Its volumes stay.
    ///
    /// # Errors
    /// Nothing happened: see [`EngineError`].
    pub async fn sweep_container(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
    ) -> Result<Outcome<()>, EngineError> {
        let path = format!("/containers/{}", permit.target().id);
        let sent = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &[])).await;
        let goal = Removed { path: format!("{path}/json"), what: "the container is still there" };
        self.settled(budget, sent.map(|_| ()), goal).await
    }

    /// Removes an image without a name, unless a container was made from it meanwhile.
    ///
    /// # Errors
    /// Nothing happened: see [`EngineError`].
    pub async fn sweep_image(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Image>,
    ) -> Result<Outcome<()>, EngineError> {
        let path = format!("/images/{}", permit.target().id);
        let sent = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &[])).await;
        let goal = Removed { path: format!("{path}/json"), what: "the image is still there" };
        self.settled(budget, sent.map(|_| ()), goal).await
    }
}

impl Goal for Removed {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            engine.wire.json::<IgnoredAny>(budget, &self.path, &[]).await?;
            Ok(Look { reached: Some(false), as_before: true, evidence: self.what.to_owned() })
        })
    }

    fn takes(&self) -> Duration {
        LAYERS
    }

    fn gone(&self) -> Effect {
        Effect::Done
    }
}
