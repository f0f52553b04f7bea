//! Removing containers: what would go with them, and the removal.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::policy::{Container, Permit, World};

use super::budget::Budget;
use super::change::{Commit, LOOK, Outcome};
use super::error::EngineError;
use super::seen::{Become, Want};
use super::snapshot::{Seen, View};
use super::wire::Change;
use super::{Engine, ops, raw};

/// Sizes are worth no more: the engine walks every file for them.
const SIZES: Duration = Duration::from_millis(1500);
/// So many containers at once are asked for their sizes.
const SIZED: usize = 50;

/// A container as it is before it goes.
#[derive(Debug, Clone, Default)]
pub struct Doomed {
    /// Its name.
    pub name: String,
    /// `running`, `exited`, ...
    pub state: String,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes that it wrote; absent where that would take long to find out.
    pub size: Option<i64>,
    /// Volumes without a name of their own that nothing else uses.
    pub volumes: Vec<String>,
    /// Another one of its volumes is not for the caller to see.
    pub hidden_volume: bool,
    /// A killed run of `docker_recreate` left it, or needs it.
    pub recreating: bool,
}

/// How to remove one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removal {
    /// Kill it first where it runs.
    pub force: bool,
    /// Its anonymous volumes, too.
    pub volumes: bool,
}

/// What went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Anonymous volumes that are gone with it.
    pub volumes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sized {
    id: String,
    #[serde(default, deserialize_with = "raw::nullable")]
    size_rw: i64,
}

impl Engine {
    /// What would go. From the list, which answers for a container that hangs, too. One that is gone is left out.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn doomed(
        &self,
        budget: &Budget,
        world: &Permit<World>,
        permits: &[Permit<Container>],
    ) -> Result<Vec<Doomed>, EngineError> {
        let rules = world.rules();
        let view = self.view(budget, rules).await?;
        let ids: Vec<&str> = permits.iter().map(|p| p.target().id.as_str()).collect();
        let sizes = match ids.len() {
            1..=SIZED => self.sizes(budget, &ids).await,
            _ => HashMap::new(),
        };
        let chosen: Vec<&Seen> = ids
            .iter()
            .filter_map(|id| view.containers.visible.iter().find(|seen| seen.identity.id == *id))
            .collect();
        let hidden: Vec<String> = match chosen.iter().any(|seen| anonymous(seen).next().is_some()) {
            false => Vec::new(),
            true => {
                let all = self.volume_candidates(budget, rules, Some(&view)).await?;
                all.into_iter().filter(|(_, by)| by.is_some()).map(|(volume, _)| volume.name).collect()
            }
        };
        let pairs = self.replacements(budget).await?;
        Ok(chosen
            .into_iter()
            .map(|seen| Doomed {
                name: seen.identity.name.clone(),
                state: seen.raw.state.clone(),
                created: seen.raw.created,
                size: sizes.get(&seen.identity.id).copied(),
                hidden_volume: anonymous(seen).any(|name| hidden.iter().any(|h| h == name)),
                volumes: anonymous(seen)
                    .filter(|name| !hidden.iter().any(|h| h == name) && !shared(&view, seen, name))
                    .map(str::to_owned)
                    .collect(),
                recreating: pairs.iter().any(|(new, old)| {
                    // Once the old one is gone, the new one is like any other.
                    let id = &seen.identity.id;
                    id == old || (id == new && view.has(old))
                }),
            })
            .collect())
    }

    async fn sizes(&self, budget: &Budget, ids: &[&str]) -> HashMap<String, i64> {
        let filters = serde_json::json!({ "id": ids }).to_string();
        let query = [("all", "1"), ("size", "1"), ("filters", filters.as_str())];
        let short = budget.at_most(SIZES);
        // Not worth an error, and not worth more time.
        let sized: Vec<Sized> = self.wire.json(&short, "/containers/json", &query).await.unwrap_or_default();
        sized.into_iter().map(|one| (one.id, one.size_rw)).collect()
    }

    /// Removes it, once.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn remove(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        removal: Removal,
    ) -> Result<Outcome<Removed>, EngineError> {
        let id = permit.target().id.clone();
        let its = match removal.volumes {
            true => self.anonymous_of(&budget.at_most(LOOK), &id).await,
            false => Vec::new(),
        };
        let flag = |on: bool| if on { "1" } else { "0" };
        let path = format!("/containers/{id}");
        let query = [("force", flag(removal.force)), ("v", flag(removal.volumes))];
        let sent = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &query)).await;
        let goal = Become { id, want: Want::Gone };
        Ok(match self.settled(budget, sent, goal).await? {
            Outcome::Answered(_) => Outcome::Answered(Removed { volumes: self.gone_of(budget, its).await }),
            Outcome::Lost(lost) => Outcome::Lost(lost),
        })
    }

    async fn anonymous_of(&self, budget: &Budget, id: &str) -> Vec<String> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        struct Mounted {
            #[serde(deserialize_with = "raw::nullable")]
            mounts: Vec<raw::Mount>,
        }
        let path = format!("/containers/{id}/json");
        let mounted: Mounted = self.wire.json(budget, &path, &[]).await.unwrap_or_default();
        mounted.mounts.into_iter().filter(is_anonymous).map(|m| m.name).collect()
    }

    /// The engine keeps volumes that something else uses, and does not say so.
    async fn gone_of(&self, budget: &Budget, names: Vec<String>) -> Vec<String> {
        let mut gone = Vec::new();
        for name in names {
            let path = format!("/volumes/{name}");
            let look = self.wire.json::<raw::Volume>(&budget.at_most(LOOK), &path, &[]).await;
            if look.is_err_and(|e| e.is_gone()) {
                gone.push(name);
            }
        }
        gone
    }
}

/// The engine names volumes itself that nobody named.
fn is_anonymous(mount: &raw::Mount) -> bool {
    mount.r#type == "volume" && ops::is_hex64(&mount.name)
}

fn anonymous(seen: &Seen) -> impl Iterator<Item = &str> {
    seen.raw.mounts.iter().filter(|m| is_anonymous(m)).map(|m| m.name.as_str())
}

fn shared(view: &View, by: &Seen, name: &str) -> bool {
    let others = view.containers.visible.iter().filter(|seen| seen.identity.id != by.identity.id);
    others.into_iter().any(|seen| seen.raw.mounts.iter().any(|m| m.name == name))
}
