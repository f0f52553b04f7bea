//! Making a container anew: the new one beside the old, and in its place once it is well.
//!
//! What is done, in this order, and what a killed server leaves after each step:
//!
//! 1. the new one is created under a name of its own, marked with the old one's id (the old one runs)
//! 2. it is started and watched until it is well (the old one runs)
//! 3. the old one gets another name, the new one gets the old one's (both run)
//! 4. the old one is stopped and removed, its volumes stay (the new one runs)
//!
//! The mark counts as long as both exist; what a killed run left is mended by [`Engine::mend`]: by the next call, and at once
//! by a process that was started for that beforehand (`server::watch`). Where both cannot run at once, the old one is
//! stopped before step 2, which the caller must have asked for.

mod back;
mod copy;
mod growth;
mod joined;
mod leftover;
mod run;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::guard::create::image::{Volume, is_somebodys, volume};
use crate::guard::create::{Amounts, Ask};
use crate::policy::reference::ImageRef;
use crate::policy::{Container, Image, Permit};

use super::budget::Budget;
use super::error::EngineError;
use super::lifecycle::State;
use super::{Engine, raw};
use copy::Macs;

pub use joined::Joined;
pub use leftover::{Mended, Patience};
pub use run::{Recreated, Undone};

/// From this API on a hardware address belongs to a network, and from that on the engine rolls those that nobody chose.
const MAC_OF_NETWORK: (u32, u32) = (1, 44);
const MAC_AT_RANDOM: (u32, u32) = (1, 48);
/// The id of the container that one was made to take the place of.
const OF: &str = "docker-mcp.recreate.of";
/// What all such labels begin with.
const MARKS: &str = "docker-mcp.recreate.";
/// The name that it is to have in the end.
const NAME: &str = "docker-mcp.recreate.name";
/// Whether the old one ran.
const RAN: &str = "docker-mcp.recreate.ran";
/// Whether the old one was to be stopped first.
const FIRST: &str = "docker-mcp.recreate.first";
/// One without a health check is well when it has run for so long.
const SETTLE: Duration = Duration::from_secs(3);

/// What making it anew would come to.
#[derive(Debug, Clone, Default)]
pub struct Recreation {
    /// The old one's name.
    pub name: String,
    /// Its state: `running`, ...
    pub state: String,
    /// Seconds or dates as the engine writes them.
    pub created: String,
    /// It removes itself when it ends.
    pub auto_remove: bool,
    /// What both would need, so that they cannot run at once; empty where nothing runs.
    pub contended: Vec<String>,
    /// What another image would get with it, for the guard of new containers.
    pub asks: Vec<Ask>,
    /// The resources that it has.
    pub amounts: Amounts,
    /// The new one is of another image.
    pub other_image: bool,
    /// It shares a namespace of a container that is not in sight.
    pub shares_unseen: bool,
    /// Others that would lose something with it.
    pub joined: Joined,
    /// Where volumes are mounted that had no name of their own: the new one names them by their ids.
    pub unnamed: Vec<String>,
    /// It cannot be copied, and why.
    pub uncopied: Option<&'static str>,
    plan: Plan,
}

/// What is needed to do it.
#[derive(Debug, Clone, Default)]
struct Plan {
    body: Value,
    model: Value,
    image_id: String,
    ran: bool,
    checked: bool,
}

/// How it is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Stop the old one before the new one is started.
    pub stop_first: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Pair {
    id: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    #[serde(deserialize_with = "raw::nullable")]
    labels: std::collections::BTreeMap<String, String>,
}

/// One look at a container.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Now {
    #[serde(deserialize_with = "raw::nullable")]
    name: String,
    state: Health,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Health {
    #[serde(flatten)]
    state: State,
    #[serde(deserialize_with = "raw::nullable")]
    health: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Status {
    #[serde(deserialize_with = "raw::nullable")]
    status: String,
}

impl Now {
    fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    fn runs(&self) -> bool {
        matches!(self.state.state.status.as_str(), "running" | "paused" | "restarting")
    }

    /// Running, and healthy where that is checked.
    fn well(&self) -> bool {
        self.state.state.status == "running" && matches!(self.health(), None | Some("healthy"))
    }

    fn health(&self) -> Option<&str> {
        Some(self.state.health.status.as_str()).filter(|status| !matches!(*status, "" | "none"))
    }
}

/// The names of the new one until it is well, and of the old one until it is gone.
fn names(name: &str, old_id: &str) -> (String, String) {
    let id = old_id.get(..8).unwrap_or(old_id);
    (format!("{name}.new-{id}"), format!("{name}.old-{id}"))
}

impl Engine {
    /// Ids of containers that were made to take another's place, each with that one's. Hidden ones, too: for our own use.
    pub(super) async fn replacements(&self, budget: &Budget) -> Result<Vec<(String, String)>, EngineError> {
        let list = self.marked(budget).await?;
        Ok(list.into_iter().filter_map(|mut one| Some((one.id, one.labels.remove(OF)?))).collect())
    }

    async fn marked(&self, budget: &Budget) -> Result<Vec<Pair>, EngineError> {
        let filters = serde_json::json!({ "label": [OF] }).to_string();
        let query = [("all", "1"), ("filters", filters.as_str())];
        let list: Vec<Pair> = self.wire.json(budget, "/containers/json", &query).await?;
        let mut ours = Vec::with_capacity(list.len());
        for one in list {
            // An image can bring any label along: a mark that the image has as well is not ours.
            let brought = match self.image_config(budget, &one.image_id).await {
                Ok(config) => config.pointer("/Labels").and_then(|labels| labels.get(OF)).is_some(),
                Err(e) if e.is_gone() => true,
                Err(e) => return Err(self.scrubbed(e)),
            };
            if !brought {
                ours.push(one);
            }
        }
        Ok(ours)
    }

    async fn glance(&self, budget: &Budget, id: &str) -> Result<Now, EngineError> {
        self.wire.json(budget, &format!("/containers/{id}/json"), &[]).await.map_err(|e| self.scrubbed(e))
    }

    async fn image_config(&self, budget: &Budget, id: &str) -> Result<Value, EngineError> {
        let mut image: Value = self.wire.json(budget, &format!("/images/{id}/json"), &[]).await?;
        Ok(image.get_mut("Config").map(Value::take).unwrap_or_default())
    }

    /// What making it anew would come to. `image`: another one for it, and the reference that it is to be known by.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn recreation(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        image: Option<(&Permit<Image>, &ImageRef)>,
    ) -> Result<Recreation, EngineError> {
        let target = permit.target();
        let model = self.inspect_id(budget, &target.id).await?;
        let text = |path: &str| model.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (had, was_called) = (text("/Image"), text("/Config/Image"));
        let (image_id, known_as) = match image {
            Some((image, reference)) => (image.target().id.clone(), named(image.target(), reference)),
            None => (had.clone(), self.still_called(budget, &had, &was_called).await?),
        };
        let other_image = image_id != had;
        let old = if other_image { Some(self.image_config(budget, &had).await?) } else { None };
        let state = text("/State/Status");
        let ran = matches!(state.as_str(), "running" | "restarting");
        let names =
            [(OF, target.id.as_str()), (NAME, target.name.as_str()), (RAN, if ran { "yes" } else { "no" })];
        let macs = match self.wire.older_than(budget, MAC_OF_NETWORK).await? {
            true => Macs::OfContainer,
            false if self.wire.older_than(budget, MAC_AT_RANDOM).await? => Macs::Derived,
            false => Macs::AtRandom,
        };
        let (mut copied, uncopied) = match copy::copy(&model, &known_as, old.as_ref(), &names, macs) {
            Ok(copied) => (copied, None),
            Err(why) => (copy::Copied::default(), Some(why)),
        };
        let new = self.image_config(budget, &image_id).await?;
        let brought: Vec<&String> = new
            .get("Labels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .filter(|key| is_somebodys(key))
            .collect();
        // Its marks would be taken for ours, and ours for its.
        let uncopied = match brought.iter().any(|key| key.starts_with(MARKS)) {
            true => Some("its image has labels that are reserved for docker-mcp"),
            false => uncopied,
        };
        if other_image && let Some(labels) = copied.body.get_mut("Labels").and_then(Value::as_object_mut) {
            for key in brought {
                labels.entry(key.clone()).or_insert_with(|| Value::String(String::new()));
            }
        }
        let user = |of: &Value| of.get("User").and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = user(&copied.body);
        let mut asks = growth::asks(&model);
        if asked.is_empty() {
            asks.push(Ask::new("user", user(&new)));
        } else {
            asks.push(Ask::new("user", asked));
        }
        if other_image {
            asks.extend(self.disguised(budget, &model).await?);
        }
        let view = self.view(budget, permit.rules()).await?;
        let seen = |id: &String| view.containers.visible.iter().any(|seen| seen.identity.id == *id);
        Ok(Recreation {
            name: target.name.clone(),
            state,
            created: text("/Created"),
            auto_remove: model.pointer("/HostConfig/AutoRemove") == Some(&Value::Bool(true)),
            contended: if ran { copied.contended } else { Vec::new() },
            asks,
            amounts: growth::amounts(&model),
            other_image,
            shares_unseen: !growth::shares(&model).iter().all(seen),
            joined: self.joined(budget, &view, target).await?,
            unnamed: copied.unnamed,
            uncopied,
            plan: Plan { body: copied.body, checked: has_check(&model), model, image_id, ran },
        })
    }

    /// Volumes that are something of the host, or of a network, in disguise.
    async fn disguised(&self, budget: &Budget, model: &Value) -> Result<Vec<Ask>, EngineError> {
        let mut found = Vec::new();
        let list: Value = self.wire.json(budget, "/volumes", &[]).await?;
        let volumes = || list.get("Volumes").and_then(Value::as_array).into_iter().flatten();
        for mount in model.get("Mounts").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = mount.get("Name") else { continue };
            match volumes().find(|volume| volume.get("Name") == Some(name)).map(volume) {
                None | Some(Volume::Plain) => {}
                Some(Volume::Bind(device)) => found.push(Ask::new("bind", device)),
                Some(Volume::Other(what)) => found.push(Ask::new("mount", what)),
            }
        }
        Ok(found)
    }

    /// A tag may have moved: then the id says which image it was.
    async fn still_called(&self, budget: &Budget, id: &str, name: &str) -> Result<String, EngineError> {
        let Ok(reference) = ImageRef::parse(name) else { return Ok(id.to_owned()) };
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        let image = list.iter().find(|image| image.id == id).map(super::images::identity);
        Ok(match image {
            Some(image) if image.is_called(&reference) => name.to_owned(),
            _ => id.to_owned(),
        })
    }
}

fn has_check(model: &Value) -> bool {
    let test = model.pointer("/Config/Healthcheck/Test").and_then(Value::as_array);
    test.is_some_and(|test| test.first().is_some_and(|kind| kind != "NONE"))
}

pub(super) fn named(image: &Image, reference: &ImageRef) -> String {
    if image.is_called(reference) { reference.familiar() } else { image.id.clone() }
}
