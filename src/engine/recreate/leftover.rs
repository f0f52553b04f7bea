//! What a run left that was killed: finished where the new one is well, undone where it is not.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::policy::rules::Sight;
use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::change::Commit;
use super::super::error::EngineError;
use super::run::Run;
use super::{FIRST, NAME, Now, OF, RAN, SETTLE, has_check, names};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mended {
    /// There was nothing to mend.
    Nothing,
    /// The new one is in its place, and the old one is gone.
    Finished {
        /// The new one.
        id: String,
        /// Its name.
        name: String,
    },
    /// The new one is gone, and the old one is as it was.
    Undone {
        /// The old one's id.
        id: String,
        /// Its name.
        name: String,
    },
    /// Not everything could be put right: what is left is for a person.
    Stuck(&'static str),
}

/// The two containers of a run.
struct Two {
    new: String,
    old: String,
    name: String,
    ran: bool,
    stop_first: bool,
}

/// How long a mending may look whether what was sent before still has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As for a caller who waits: what was sent has had its effect.
    None,
    /// The server was there a moment ago: what it asked the old one to do may still go on.
    UntilSettled,
}

/// How long a container may take to end, where it does not say itself; and the longest that is waited for.
const GRACE: (u64, u64) = (10, 60);
/// What the engine needs beyond that.
const SPARE: Duration = Duration::from_secs(3);
const EACH: Duration = Duration::from_secs(10);

impl Engine {
    /// Is there something to mend at this container?
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn is_left_half(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
    ) -> Result<bool, EngineError> {
        Ok(self.two(budget, permit).await?.is_some())
    }

    /// What whoever makes it anew, or mends it, must hold meanwhile: the old one's id, whichever of the two this is.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn at_stake(&self, budget: &Budget, permit: &Permit<Container>) -> Result<String, EngineError> {
        Ok(self.two(budget, permit).await?.map_or_else(|| permit.target().id.clone(), |two| two.old))
    }

    /// Mends what a killed run left of this container, old or new.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn mend(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: &Permit<Container>,
        patience: Patience,
    ) -> Result<Mended, EngineError> {
        let Some(two) = self.two(budget, permit).await? else { return Ok(Mended::Nothing) };
        let (new_name, old_name) = names(&two.name, &two.old);
        let new = self.glance(&budget.at_most(EACH), &two.new).await?;
        let old = self.glance(&budget.at_most(EACH), &two.old).await?;
        let ours = [new_name.as_str(), &two.name].contains(&new.name())
            && [old_name.as_str(), &two.name].contains(&old.name());
        if !ours {
            return Ok(Mended::Stuck("one of its two containers was renamed since"));
        }
        let levels = permit.levels();
        let run = Run { engine: self, commit, levels, old: &two.old, name: &two.name };
        let swapped = new.name() == two.name;
        // No name was changed before the new one was well.
        let proven = swapped || old.name() == old_name;
        let away = two.ran && !old.runs();
        let good = match (proven, away) {
            (true, _) => !two.ran || new.well(),
            (false, true) => self.proves(&run, &two.new, &new).await?,
            // The old one in its place and running, or as it always was.
            (false, false) => false,
        };
        if good {
            if old.name() != old_name {
                run.rename(budget, &two.old, &old_name).await?;
            }
            if !swapped {
                run.rename(budget, &two.new, &two.name).await?;
            }
            run.clear(budget, old.runs()).await?;
            return Ok(Mended::Finished { id: two.new, name: two.name });
        }
        // Looked at before the new one goes, for the mark goes with it.
        let ending = two.stop_first && two.ran && !away && patience == Patience::UntilSettled;
        let until = Instant::now() + self.grace(budget, &two.old).await;
        let mut restored = run.restore(&two.new, away, old.name() != two.name).await;
        if ending {
            restored &= run.stays(until).await;
        }
        match restored {
            true => Ok(Mended::Undone { id: two.old, name: two.name }),
            false => Ok(Mended::Stuck("the old one could not be brought back")),
        }
    }

    /// The old one is away and the new one was not proven: is it well? One without a check must run for a while.
    async fn proves(&self, run: &Run<'_>, id: &str, new: &Now) -> Result<bool, EngineError> {
        if new.health() == Some("healthy") {
            return Ok(new.well());
        }
        let checked = has_check(&self.inspect_id(&Budget::of(EACH), id).await?);
        if checked || !new.well() {
            return Ok(false);
        }
        Ok(run.well(id, false, Instant::now() + SETTLE + SPARE).await.is_ok())
    }

    /// How long it may take to end.
    async fn grace(&self, budget: &Budget, id: &str) -> Duration {
        let asked = self.inspect_id(&budget.at_most(EACH), id).await.ok();
        let asked = asked.and_then(|facts| facts.pointer("/Config/StopTimeout").and_then(Value::as_u64));
        Duration::from_secs(asked.unwrap_or(GRACE.0).min(GRACE.1)) + SPARE
    }

    /// The pair that it is one of, if both are there and no blacklist hides the other one.
    async fn two(&self, budget: &Budget, permit: &Permit<Container>) -> Result<Option<Two>, EngineError> {
        let id = &permit.target().id;
        let marked = self.marked(budget).await?;
        if marked.is_empty() {
            return Ok(None);
        }
        let view = self.view(budget, permit.rules()).await?;
        for mut one in marked {
            let (Some(old), Some(name)) = (one.labels.remove(OF), one.labels.remove(NAME)) else { continue };
            if (one.id != *id && old != *id) || !view.has(&old) || !super::super::ops::is_name(&name) {
                continue;
            }
            let other = if one.id == *id { &old } else { &one.id };
            let hidden = view.containers.hidden.iter().find(|hidden| hidden.identity.id == *other);
            // A whitelist of whole names does not show the names in between; a blacklist is another matter.
            let denied = hidden.is_some_and(|hidden| {
                matches!(permit.rules().container(&hidden.identity), Sight::Denied(_))
                    || self.memory().is_denied(&hidden.identity.id)
            });
            if !denied {
                let ran = one.labels.remove(RAN).is_some_and(|ran| ran == "yes");
                let stop_first = one.labels.remove(FIRST).is_some_and(|first| first == "yes");
                return Ok(Some(Two { new: one.id, old, name, ran, stop_first }));
            }
        }
        Ok(None)
    }
}
