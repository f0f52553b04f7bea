//! What a run left that was killed: finished where the new one is well, undone where it is not.

use std::time::Duration;

use crate::policy::rules::Sight;
use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::change::Commit;
use super::super::error::EngineError;
use super::run::Run;
use super::{NAME, OF, RAN, names};

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
}

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

    /// Mends what a killed run left of this container, old or new.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn mend(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: &Permit<Container>,
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
        let run = Run { engine: self, commit, levels, old: two.old.clone(), name: two.name.clone() };
        let swapped = new.name() == two.name;
        let well = !two.ran || new.well();
        // The old one in its place and running: the new one was not proven. Else it is good where it is well.
        let begun = swapped || old.name() == old_name || (two.ran && !old.runs());
        if begun && well {
            if old.name() != old_name {
                run.rename(budget, &two.old, &old_name).await?;
            }
            if !swapped {
                run.rename(budget, &two.new, &two.name).await?;
            }
            run.clear(budget, old.runs()).await?;
            return Ok(Mended::Finished { id: two.new, name: two.name });
        }
        let renamed = old.name() != two.name;
        match run.restore(&two.new, two.ran && !old.runs(), renamed).await {
            true => Ok(Mended::Undone { id: two.old, name: two.name }),
            false => Ok(Mended::Stuck("the old one could not be brought back")),
        }
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
                return Ok(Some(Two { new: one.id, old, name, ran }));
            }
        }
        Ok(None)
    }
}
