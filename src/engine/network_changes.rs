//! Networks: making and removing them, and who is on them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::policy::{Container, Network, NewNetwork, Permit};

use super::budget::Budget;
use super::change::{Commit, Effect, Failed, Goal, LOOK, Look, Looking, Outcome};
use super::error::EngineError;
use super::snapshot::View;
use super::wire::Change;
use super::{Engine, raw};

/// Every network takes a range of addresses.
pub const NO_ADDRESSES: &str = "the engine has no range of addresses left for one more network";

/// A network that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MakeNetwork {
    /// `bridge`, ...
    pub driver: String,
    /// Without a way out.
    pub internal: bool,
    /// Containers may be put on it one by one: what an overlay says of itself.
    pub attachable: bool,
    /// The caller's.
    pub labels: BTreeMap<String, String>,
}

impl MakeNetwork {
    fn differs(&self, there: &raw::Network) -> Option<&'static str> {
        if there.driver != self.driver {
            return Some("its driver differs");
        }
        if there.internal != self.internal {
            return Some("one of them is internal, the other is not");
        }
        let labelled = self.labels.iter().all(|(key, value)| there.labels.get(key) == Some(value));
        (!labelled).then_some("its labels differ")
    }
}

/// There is one of that name, as it was asked for.
struct Made {
    name: String,
    make: MakeNetwork,
}

/// It is not there any more.
struct Removed {
    id: String,
}

/// Whether a container is on a network.
struct Joined {
    network: Permit<Network>,
    container: Permit<Container>,
    wanted: bool,
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "NetworkSettings", default)]
    settings: raw::NetworkSettings,
    #[serde(rename = "Config", default)]
    config: Hosted,
}

#[derive(Default, Deserialize)]
struct Hosted {
    #[serde(rename = "Hostname", default, deserialize_with = "raw::nullable")]
    hostname: String,
}

impl Inspected {
    /// Its end of that network, if it is on it.
    fn end_on(self, network: &Network) -> Option<raw::Endpoint> {
        let Network { id, name, .. } = network;
        let it = |key: &str, end: &raw::Endpoint| match end.network_id.as_str() {
            "" => key == name || key == id,
            on => on == id,
        };
        self.settings.networks.into_iter().find(|(key, end)| it(key, end)).map(|(_, end)| end)
    }
}

impl Engine {
    /// Makes a network. `false`: there was one like it already.
    ///
    /// # Errors
    /// The name is taken by another, or nothing happened as [`EngineError`] says.
    pub async fn make_network(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<NewNetwork>,
        make: MakeNetwork,
    ) -> Result<Outcome<bool>, EngineError> {
        let name = permit.target().name.clone();
        let view = self.first_view(budget, permit.rules()).await?;
        let there = self.network_called(budget, &name).await?;
        let hides = |raw: &raw::Network| {
            let who = raw.identity();
            !permit.rules().network(&who).shown() || (!permit.rules().bypass && view.hides_network(&who))
        };
        match there {
            Some(raw) if hides(&raw) => {
                return Err(EngineError::Conflict(format!("the network name `{name}` is not available")));
            }
            Some(raw) => {
                return match make.differs(&raw) {
                    None => Ok(Outcome::Answered(false)),
                    Some(why) => {
                        Err(EngineError::Conflict(format!("there is a network `{name}` already, and {why}")))
                    }
                };
            }
            None => {}
        }
        let body = json!({
            "Name": name, "Driver": make.driver, "Internal": make.internal, "Attachable": make.attachable,
            "Labels": make.labels,
            // Engines before 25 let two networks have one name, unless they are told.
            "CheckDuplicate": true,
        });
        let asked = Change::post("/networks/create", &[]).json(body);
        let sent = match self.wire.change(budget, permit.levels(), commit, asked).await {
            Ok(answer) => answer.json::<Created>().await.map_err(|error| Failed { error, written: true }),
            Err(failed) => Err(failed),
        };
        let goal = Made { name: name.clone(), make: make.clone() };
        let id = match self.settled(budget, sent, goal).await.map_err(taken(&name))? {
            Outcome::Lost(lost) => return Ok(Outcome::Lost(lost)),
            Outcome::Answered(created) => created.id,
        };
        // What was made is looked at; another thing than was permitted does not stay.
        let path = format!("/networks/{id}");
        let made: raw::Network = self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))?;
        if made.name == name && make.differs(&made).is_none() {
            return Ok(Outcome::Answered(true));
        }
        let gone = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &[])).await;
        let stays = if gone.is_ok() { "it was removed again" } else { "it could not be removed again" };
        Err(EngineError::Protocol(format!("another network was made than was asked for; {stays}")))
    }

    /// Removes a network that nothing is on.
    ///
    /// # Errors
    /// It is in use, or nothing happened as [`EngineError`] says.
    pub async fn remove_network(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Network>,
    ) -> Result<Outcome<()>, EngineError> {
        let Network { id, name, .. } = permit.target().clone();
        let view = self.view(budget, permit.rules()).await?;
        if !permit.rules().bypass && view.hides_network(permit.target()) {
            return Err(EngineError::Gone);
        }
        if matches!(name.as_str(), "bridge" | "host" | "none") {
            return Err(EngineError::Conflict(format!("network `{name}` is the engine's own")));
        }
        let in_use = |by: &str| EngineError::Conflict(format!("network `{name}` is in use{by}"));
        let users = running_on(&view, permit.target());
        if !users.is_empty() {
            return Err(in_use(&format!(" by {}", users.join(", "))));
        }
        // The engine lets a stopped container lose its network; one that the caller does not see must not.
        if view.hidden_networks.contains(&id) || view.hidden_networks.contains(&name) {
            return Err(in_use(""));
        }
        let path = format!("/networks/{id}");
        let sent = self.wire.change(budget, permit.levels(), commit, Change::delete(&path, &[])).await;
        let settled = self.settled(budget, sent.map(|_| ()), Removed { id }).await;
        settled.map_err(|e| match e {
            EngineError::Status { code: 403, message } if message.contains("active endpoints") => in_use(""),
            e => refused(e),
        })
    }

    /// Puts a container on a network. `false`: it was on it already, under these aliases too.
    ///
    /// # Errors
    /// An alias is somebody else's name, or nothing happened as [`EngineError`] says.
    pub async fn connect(
        &self,
        budget: &Budget,
        commit: &Commit,
        (network, container): (Permit<Network>, Permit<Container>),
        aliases: &[String],
    ) -> Result<Outcome<bool>, EngineError> {
        let view = self.view(budget, container.rules()).await?;
        for alias in aliases {
            self.may_be_called(&view, &container, "alias", alias)?;
        }
        let inspected = self.inspected(budget, &container).await?;
        let hostname = inspected.config.hostname.clone();
        if let Some(end) = inspected.end_on(network.target()) {
            return match aliases.iter().all(|alias| end.aliases.contains(alias)) {
                true => Ok(Outcome::Answered(false)),
                false => Err(EngineError::Conflict(
                    "the container is on that network already, without these aliases; disconnect it first"
                        .to_owned(),
                )),
            };
        }
        // The engine makes the hostname a name on the network, as it does with the aliases.
        if hostname != container.target().name {
            self.may_be_called(&view, &container, "hostname", &hostname)?;
        }
        if !container.rules().bypass {
            let on = [network.target().id.clone(), network.target().name.clone()];
            let own = [container.target().name.as_str(), hostname.as_str()]
                .into_iter()
                .filter(|own| !own.is_empty());
            let words: Vec<&str> = aliases.iter().map(String::as_str).chain(own).collect();
            if let Some(word) =
                self.is_found_on(budget, &view, (&on, &words, &[&container.target().id])).await?
            {
                let what = if aliases.contains(&word) { "alias" } else { "name" };
                return Err(EngineError::Conflict(format!("the {what} `{word}` is not available")));
            }
        }
        let path = format!("/networks/{}/connect", network.target().id);
        let body = json!({ "Container": container.target().id, "EndpointConfig": { "Aliases": aliases } });
        let asked = Change::post(&path, &[]).json(body);
        self.joining(budget, commit, asked, Joined { network, container, wanted: true }).await
    }

    /// Takes a container off a network. `false`: it was not on it.
    ///
    /// # Errors
    /// Nothing happened: see [`EngineError`].
    pub async fn disconnect(
        &self,
        budget: &Budget,
        commit: &Commit,
        (network, container): (Permit<Network>, Permit<Container>),
    ) -> Result<Outcome<bool>, EngineError> {
        if self.endpoint(budget, &network, &container).await?.is_none() {
            return Ok(Outcome::Answered(false));
        }
        let path = format!("/networks/{}/disconnect", network.target().id);
        let asked = Change::post(&path, &[]).json(json!({ "Container": container.target().id }));
        self.joining(budget, commit, asked, Joined { network, container, wanted: false }).await
    }

    async fn joining(
        &self,
        budget: &Budget,
        commit: &Commit,
        asked: Change<'_>,
        goal: Joined,
    ) -> Result<Outcome<bool>, EngineError> {
        let sent = self.wire.change(budget, goal.network.levels(), commit, asked).await;
        self.settled(budget, sent.map(|_| true), goal).await.map_err(|e| match e {
            // Nothing in the request is the caller's own text but aliases that were looked at before.
            EngineError::Status { code: 400, message } => EngineError::Status { code: 409, message },
            e => refused(e),
        })
    }

    /// The container's end of the network, if it is on it.
    async fn endpoint(
        &self,
        budget: &Budget,
        network: &Permit<Network>,
        container: &Permit<Container>,
    ) -> Result<Option<raw::Endpoint>, EngineError> {
        Ok(self.inspected(budget, container).await?.end_on(network.target()))
    }

    async fn inspected(
        &self,
        budget: &Budget,
        container: &Permit<Container>,
    ) -> Result<Inspected, EngineError> {
        let path = format!("/containers/{}/json", container.target().id);
        self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))
    }

    /// Names on a network are where others look for a container: nobody takes another's.
    fn may_be_called(
        &self,
        view: &View,
        container: &Permit<Container>,
        what: &str,
        alias: &str,
    ) -> Result<(), EngineError> {
        let is = |who: &Container| {
            who.id != container.target().id && (who.name == alias || who.aliases.iter().any(|a| a == alias))
        };
        let denied = !container.rules().bypass && container.rules().containers.deny.matches(alias).is_some();
        let all = view.containers.visible.iter().map(|seen| &seen.identity);
        let taken = all.chain(view.containers.hidden.iter().map(|h| &h.identity)).any(is);
        match denied || taken {
            true => Err(EngineError::Conflict(format!("the {what} `{alias}` is not available"))),
            false => Ok(()),
        }
    }

    async fn network_called(&self, budget: &Budget, name: &str) -> Result<Option<raw::Network>, EngineError> {
        let list: Vec<raw::Network> = self.wire.json(budget, "/networks", &[]).await?;
        Ok(list.into_iter().find(|raw| raw.name == name))
    }
}

/// Visible containers that run on it.
fn running_on(view: &View, network: &Network) -> Vec<String> {
    let runs = |s: &&super::snapshot::Seen| {
        matches!(s.raw.state.as_str(), "running" | "paused" | "restarting")
            && s.raw.network_settings.on().any(|on| on == network.id || on == network.name)
    };
    view.containers.visible.iter().filter(runs).map(|s| s.identity.name.clone()).collect()
}

/// The engine says 403 where the state of its objects does not allow it.
fn refused(e: EngineError) -> EngineError {
    match e {
        EngineError::Status { code: 403, message } => EngineError::Status { code: 409, message },
        e => e,
    }
}

/// Another took the name in the same moment.
fn taken(name: &str) -> impl Fn(EngineError) -> EngineError {
    let why = format!("the network name `{name}` is not available");
    move |e| match e {
        EngineError::Status { code: 409, .. } => EngineError::Conflict(why.clone()),
        // Engines say 404, 403 or 500 for it.
        EngineError::Status { message, .. } if message.contains("address pool") => {
            EngineError::Conflict(NO_ADDRESSES.to_owned())
        }
        // What is missing is its driver, or what that needs: there is no network yet that could be.
        EngineError::Status { code: 404, message } => EngineError::Status { code: 409, message },
        // It says 403 here, and 503 everywhere else where Swarm is off.
        EngineError::Status { code: 403, message } if message.contains("not a swarm manager") => {
            EngineError::Status { code: 503, message }
        }
        e => refused(e),
    }
}

fn look(reached: bool, evidence: &str) -> Look {
    // Before it was asked for it was the other way round.
    Look { reached: Some(reached), as_before: !reached, evidence: evidence.to_owned() }
}

impl Goal for Made {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            Ok(match engine.network_called(budget, &self.name).await? {
                Some(there) => look(self.make.differs(&there).is_none(), "the network is there"),
                None => look(false, "the network is not there"),
            })
        })
    }
}

impl Goal for Removed {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            engine.wire.json::<raw::Network>(budget, &format!("/networks/{}", self.id), &[]).await?;
            Ok(look(false, "the network is still there"))
        })
    }

    fn gone(&self) -> Effect {
        Effect::Done
    }
}

impl Goal for Joined {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let on = engine.endpoint(&budget.at_most(LOOK), &self.network, &self.container).await?.is_some();
            let evidence =
                if on { "the container is on the network" } else { "the container is not on the network" };
            Ok(look(on == self.wanted, evidence))
        })
    }
}
