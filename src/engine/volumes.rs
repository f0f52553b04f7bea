//! Volumes: list and inspection, without those that hidden containers use; making and removing them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::policy::{NewVolume, Permit, Volume, World};

use super::budget::Budget;
use super::change::{Commit, Effect, Failed, Goal, Look, Looking, Outcome};
use super::error::EngineError;
use super::snapshot::View;
use super::wire::Change;
use super::{Engine, raw};

/// A volume that the filters show, and the visible containers that mount it.
#[derive(Debug, Clone)]
pub struct SeenVolume {
    /// The line of the list.
    pub raw: raw::Volume,
    /// Names of visible containers, running or not.
    pub containers: Vec<String>,
}

impl Engine {
    /// The volumes that the filters show.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn volumes(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<Vec<SeenVolume>, EngineError> {
        let view = self.first_view(budget, permit.rules()).await?;
        let list: raw::Volumes = self.wire.json(budget, "/volumes", &[]).await?;
        let seen = list.volumes.into_iter().filter(|raw| {
            let volume = raw.identity();
            permit.rules().volume(&volume).shown() && !view.hidden_volumes.contains(&raw.name)
        });
        Ok(seen.map(|raw| SeenVolume { containers: users(&view, &raw.name), raw }).collect())
    }

    /// Everything the engine says of a volume.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn inspect_volume(
        &self,
        budget: &Budget,
        permit: &Permit<Volume>,
    ) -> Result<Value, EngineError> {
        let path = format!("/volumes/{}", permit.target().name);
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }
}

/// A volume that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MakeVolume {
    /// `local`, or a plugin's name.
    pub driver: String,
    /// Of the driver.
    pub options: BTreeMap<String, String>,
    /// The caller's.
    pub labels: BTreeMap<String, String>,
}

impl MakeVolume {
    /// Is that one it? Labels beside those that were asked for do no harm.
    fn differs(&self, there: &raw::Volume) -> Option<&'static str> {
        if there.driver != self.driver {
            return Some("driver");
        }
        if there.options != self.options {
            return Some("driver options");
        }
        let labelled = self.labels.iter().all(|(key, value)| there.labels.get(key) == Some(value));
        (!labelled).then_some("labels")
    }
}

/// It is there, as it was asked for.
struct Made {
    name: String,
    make: MakeVolume,
}

/// It is not there any more.
struct Removed {
    name: String,
}

impl Engine {
    /// Makes a volume. `false`: there was one like it already.
    ///
    /// # Errors
    /// The name is taken by another, or nothing happened as [`EngineError`] says.
    pub async fn make_volume(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<NewVolume>,
        make: MakeVolume,
    ) -> Result<Outcome<bool>, EngineError> {
        let name = permit.target().name.clone();
        let view = self.first_view(budget, permit.rules()).await?;
        let list: raw::Volumes = self.wire.json(budget, "/volumes", &[]).await?;
        let there = list.volumes.into_iter().find(|raw| raw.name == name);
        // The engine gives an existing volume for a new one: its data would be the caller's, or the caller's that one's.
        let hidden = there.as_ref().is_some_and(|raw| !permit.rules().volume(&raw.identity()).shown())
            || view.hidden_volumes.contains(&name);
        if hidden {
            return Err(EngineError::Conflict(format!("the volume name `{name}` is not available")));
        }
        if let Some(there) = there {
            return match make.differs(&there) {
                None => Ok(Outcome::Answered(false)),
                Some(what) => Err(EngineError::Conflict(format!(
                    "there is a volume `{name}` already, and its {what} differ"
                ))),
            };
        }
        let body = json!({
            "Name": name, "Driver": make.driver, "DriverOpts": make.options, "Labels": make.labels,
        });
        let asked = Change::post("/volumes/create", &[]).json(body);
        let sent = match self.wire.change(budget, permit.levels(), commit, asked).await {
            Ok(answer) => answer.json::<raw::Volume>().await.map_err(|error| Failed { error, written: true }),
            Err(failed) => Err(failed),
        };
        match self.settled(budget, sent, Made { name: name.clone(), make: make.clone() }).await? {
            Outcome::Lost(lost) => Ok(Outcome::Lost(lost)),
            // What another made in the same moment is that one's: it stays.
            Outcome::Answered(made) => match make.differs(&made) {
                None => Ok(Outcome::Answered(true)),
                Some(what) => Err(EngineError::Conflict(format!(
                    "another volume `{name}` was made in the same moment, and its {what} differ"
                ))),
            },
        }
    }

    /// Removes a volume that nothing uses.
    ///
    /// # Errors
    /// It is in use, or nothing happened as [`EngineError`] says.
    pub async fn remove_volume(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Volume>,
    ) -> Result<Outcome<()>, EngineError> {
        let name = permit.target().name.clone();
        let view = self.view(budget, permit.rules()).await?;
        // A hidden container has come to use it since it was resolved: from then on it does not exist.
        if view.hidden_volumes.contains(&name) {
            return Err(EngineError::Gone);
        }
        let users = users(&view, &name);
        if !users.is_empty() {
            return Err(EngineError::Conflict(format!("volume `{name}` is in use by {}", users.join(", "))));
        }
        let path = format!("/volumes/{name}");
        let sent = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &[])).await;
        self.settled(budget, sent.map(|_| ()), Removed { name }).await
    }
}

/// Names of visible containers that mount it, running or not.
fn users(view: &View, volume: &str) -> Vec<String> {
    let mounts_it = |s: &&super::snapshot::Seen| s.raw.mounts.iter().any(|m| m.name == volume);
    view.containers.visible.iter().filter(mounts_it).map(|s| s.identity.name.clone()).collect()
}

impl Goal for Made {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let path = format!("/volumes/{}", self.name);
            let (reached, evidence) = match engine.wire.json::<raw::Volume>(budget, &path, &[]).await {
                Ok(there) => (self.make.differs(&there).is_none(), "the volume is there"),
                Err(e) if e.is_gone() => (false, "the volume is not there"),
                Err(e) => return Err(e),
            };
            Ok(Look { reached: Some(reached), as_before: !reached, evidence: evidence.to_owned() })
        })
    }
}

impl Goal for Removed {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let path = format!("/volumes/{}", self.name);
            engine.wire.json::<raw::Volume>(budget, &path, &[]).await?;
            Ok(Look {
                reached: Some(false),
                as_before: true,
                evidence: "the volume is still there".to_owned(),
            })
        })
    }

    fn gone(&self) -> Effect {
        Effect::Done
    }
}
