//! What a project may not take of others: names of what is hidden, and names by which others are found on a network.

use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::error::EngineError;
use crate::engine::exec::place;
use crate::engine::projects::Member;
use crate::engine::raw;
use crate::guard::compose::{Model, Service};
use crate::policy::{Permit, Permits, World};

/// What a container has that reaches out of it, as the engine says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaches {
    /// What makes it as good as the host, or another container.
    pub powers: Vec<String>,
    /// Paths of the host that it mounts.
    pub binds: Vec<String>,
}

impl Engine {
    /// Compose takes what is there under a name for its own, and makes each service's key a name on its networks. So the
    /// names of new objects must be nobody's, and on networks that are there already nobody takes another's name. Of what
    /// is hidden the same words are said as of what is seen.
    ///
    /// # Errors
    /// A conflict; or as [`EngineError`].
    pub async fn names_are_free(
        &self,
        budget: &Budget,
        permits: &Permits,
        model: &Model,
    ) -> Result<(), EngineError> {
        let rules = permits.world.rules();
        if rules.bypass {
            return Ok(());
        }
        let taken = |what: &str, name: &str| {
            Err(EngineError::Conflict(format!("the {what} `{name}` is not available")))
        };
        let view = self.first_view(budget, rules).await?;
        let all = || {
            let visible = view.containers.visible.iter().map(|seen| &seen.identity);
            visible.chain(view.containers.hidden.iter().map(|hidden| &hidden.identity))
        };
        for permit in &permits.new_containers {
            let name = permit.target().name.as_str();
            if all().any(|who| who.name == name || who.aliases.iter().any(|alias| alias == name)) {
                return taken("name", name);
            }
        }
        if !permits.new_volumes.is_empty() {
            let list: raw::Volumes =
                self.wire.json(budget, "/volumes", &[]).await.map_err(|e| self.scrubbed(e))?;
            let new = permits.new_volumes.iter().map(|permit| permit.target().name.as_str());
            if let Some(name) = new.into_iter().find(|name| list.volumes.iter().any(|it| it.name == *name)) {
                return taken("volume name", name);
            }
        }
        if !permits.new_networks.is_empty() {
            let list: Vec<raw::Network> =
                self.wire.json(budget, "/networks", &[]).await.map_err(|e| self.scrubbed(e))?;
            let new = permits.new_networks.iter().map(|permit| permit.target().name.as_str());
            if let Some(name) = new.into_iter().find(|name| list.iter().any(|it| it.identity().name == *name))
            {
                return taken("network name", name);
            }
        }
        let own: Vec<&str> = all()
            .filter(|who| who.project.as_deref() == Some(model.name.as_str()))
            .map(|who| who.id.as_str())
            .collect();
        for permit in &permits.networks {
            let network = permit.target();
            // On the usual one nobody is found by a name.
            if matches!(network.name.as_str(), "bridge" | "host" | "none") {
                continue;
            }
            let is = |named: &String| *named == network.name || network.id.starts_with(named.as_str());
            let joining: Vec<(&Service, Vec<String>)> = model
                .services
                .iter()
                .filter(|service| service.networks.iter().any(is))
                .map(|service| (service, words(&model.name, service)))
                .collect();
            let all_words: Vec<&str> =
                joining.iter().flat_map(|(_, words)| words).map(String::as_str).collect();
            // On one of the project's own nobody looks for others.
            let own_network = model.networks.iter().any(|its| !its.external && its.name == network.name);
            let denied = |word: &&&str| !own_network && rules.containers.deny.matches(word).is_some();
            let denied = all_words.iter().find(denied);
            let found = match denied {
                Some(word) => Some((*word).to_owned()),
                None if all_words.is_empty() => None,
                None => {
                    let ids = [network.id.clone(), network.name.clone()];
                    self.is_found_on(budget, &view, (&ids, &all_words, &own)).await?
                }
            };
            if let Some(word) = found {
                let whose = joining.iter().find(|(_, words)| words.contains(&word));
                let service = whose.map_or("", |(service, _)| service.name.as_str());
                return Err(EngineError::Conflict(format!(
                    "service `{service}`: the name `{word}` is not available on the network `{}`",
                    network.name
                )));
            }
        }
        Ok(())
    }

    /// What a container of a project reaches. None: it does not answer, or is gone.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn reaches(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
        member: &Member,
    ) -> Result<Option<Reaches>, EngineError> {
        member.in_sight_of(permit)?;
        let facts = match self
            .inspect_id(&budget.at_most(crate::engine::change::LOOK), &member.seen.identity.id)
            .await
        {
            Ok(facts) => facts,
            Err(EngineError::Timeout { .. }) => return Ok(None),
            Err(e) if e.is_gone() => return Ok(None),
            Err(e) => return Err(e),
        };
        let mounts = facts.get("Mounts").and_then(serde_json::Value::as_array).into_iter().flatten();
        let text = |mount: &serde_json::Value, key: &str| {
            mount.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        let binds = mounts.filter(|mount| text(mount, "Type") == "bind").map(|mount| text(mount, "Source"));
        let powers = place(&member.seen.identity.name, &facts).powers;
        Ok(Some(Reaches { powers, binds: binds.collect() }))
    }
}

/// By which its containers are found on a network.
fn words(project: &str, service: &Service) -> Vec<String> {
    let mut words = vec![service.name.clone()];
    words.extend(service.found_as.iter().cloned());
    match &service.container_name {
        Some(name) => words.push(name.clone()),
        // A service that has more is refused for its first ones.
        None => {
            words.extend((1..=service.replicas.min(20)).map(|n| format!("{project}-{}-{n}", service.name)))
        }
    }
    words
}
