//! All containers of the engine at one moment, divided into what the filters show and what they hide.

use std::collections::{BTreeSet, HashSet, VecDeque};

use crate::policy::rules::Sight;
use crate::policy::{Container, Network, Permit, Rules, World};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// How many hidden ids, and volumes, are remembered.
const STICKY: usize = 65_536;

/// What the engine room remembers between calls.
#[derive(Debug, Default)]
pub struct Memory {
    /// Ids that a blacklist entry once hid: a rename does not bring them back to sight.
    denied: HashSet<String>,
    order: VecDeque<String>,
    /// Volumes that such containers mounted: the data stays theirs when the container is gone.
    denied_volumes: BTreeSet<String>,
    /// Every container id of the newest snapshot, hidden ones too: their environments are learned for masking.
    pub(super) ids: Vec<String>,
    /// What visible containers, images, projects and services are called.
    pub(super) names: Vec<String>,
    /// Names that the engine's error texts may mention and callers must not see.
    hidden_names: BTreeSet<String>,
    /// The engine that it is about.
    epoch: u64,
}

impl Memory {
    /// Forgets what was of another engine, but for the ids that are hidden: they are like no others, and an engine that
    /// only lost its own ID must not show them.
    pub(super) fn of(&mut self, epoch: u64) {
        if self.epoch != epoch {
            let (denied, order) = (std::mem::take(&mut self.denied), std::mem::take(&mut self.order));
            *self = Self { denied, order, epoch, ..Self::default() };
        }
    }

    pub(super) fn deny(&mut self, id: &str) {
        if self.denied.insert(id.to_owned()) {
            self.order.push_back(id.to_owned());
            if self.order.len() > STICKY
                && let Some(oldest) = self.order.pop_front()
            {
                self.denied.remove(&oldest);
            }
        }
    }

    fn deny_volumes<'a>(&mut self, names: impl Iterator<Item = &'a String>) {
        for name in names.filter(|name| !name.is_empty()) {
            if self.denied_volumes.len() >= STICKY {
                return;
            }
            self.denied_volumes.insert(name.clone());
        }
    }

    /// A blacklist entry hid it at some time.
    pub(super) fn is_denied(&self, id: &str) -> bool {
        self.denied.contains(id)
    }
}

/// A container that the filters show.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Who it is.
    pub identity: Container,
    /// The line of the list.
    pub raw: raw::Container,
}

/// A container that the filters hide, and why. For the log and `explain`.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// Who it is.
    pub identity: Container,
    /// The rule that hides it.
    pub rule: String,
}

/// All containers at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Newest first, as the engine lists them.
    pub visible: Vec<Seen>,
    /// Never shown to callers.
    pub hidden: Vec<Unseen>,
}

/// A snapshot with what volumes and networks need to know about hidden containers.
#[derive(Debug, Default)]
pub struct View {
    /// The containers.
    pub containers: Snapshot,
    /// Names of volumes that hidden containers mount.
    pub hidden_volumes: HashSet<String>,
    /// Networks of hidden containers: ids, or names where the container never ran.
    pub hidden_networks: HashSet<String>,
    /// Networks of visible containers, the same way.
    pub visible_networks: HashSet<String>,
}

impl View {
    /// There is a container of that id, hidden or not.
    pub(super) fn has(&self, id: &str) -> bool {
        let all = &self.containers;
        all.visible.iter().any(|seen| seen.identity.id == id)
            || all.hidden.iter().any(|hidden| hidden.identity.id == id)
    }

    /// Only hidden containers are on it. The engine's own three networks always exist.
    #[must_use]
    pub fn hides_network(&self, network: &Network) -> bool {
        let on = |set: &HashSet<String>| set.contains(&network.id) || set.contains(&network.name);
        !matches!(network.name.as_str(), "bridge" | "host" | "none")
            && on(&self.hidden_networks)
            && !on(&self.visible_networks)
    }
}

/// Names on both sides of the filters, for the person at the host.
#[derive(Debug, Default)]
pub struct Census {
    /// Names that callers see.
    pub visible: Vec<String>,
    /// Names that they do not.
    pub hidden: Vec<String>,
}

impl Engine {
    /// Who is visible and who is hidden under these rules. For `doctor`: no tool may call it.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub(crate) async fn census(&self, budget: &Budget, rules: &Rules) -> Result<Census, EngineError> {
        let view = self.first_view(budget, rules).await?;
        Ok(Census {
            visible: view.containers.visible.into_iter().map(|s| s.identity.name).collect(),
            hidden: view.containers.hidden.into_iter().map(|h| h.identity.name).collect(),
        })
    }

    /// The containers that the filters show, stopped ones too.
    ///
    /// # Errors
    /// No connection, a clock, or an answer that is no list.
    pub async fn containers(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<Vec<Seen>, EngineError> {
        Ok(self.first_view(budget, permit.rules()).await?.containers.visible)
    }

    /// The same, where a call begins with it: should another engine have come, it begins with that one.
    pub(super) async fn first_view(&self, budget: &Budget, rules: &Rules) -> Result<View, EngineError> {
        match self.view(budget, rules).await {
            Err(EngineError::Another) => self.view(budget, rules).await,
            view => view,
        }
    }

    /// Lists all containers and divides them. The list never hung in any fault that was tried; inspections did.
    pub(super) async fn view(&self, budget: &Budget, rules: &Rules) -> Result<View, EngineError> {
        let list = self.list(budget).await?;
        let mut view = View::default();
        let mut memory = self.memory();
        memory.ids = list.iter().map(|c| c.id.clone()).collect();
        memory.hidden_names.clear();
        memory.names.clear();
        for raw in list {
            let identity = identity(&raw);
            let networks: Vec<String> = raw.network_settings.on().map(str::to_owned).collect();
            let sight = rules.container(&identity);
            let rule = match sight {
                Sight::Denied(by) => {
                    memory.deny(&identity.id);
                    memory.deny_volumes(raw.mounts.iter().map(|m| &m.name));
                    Some(format!("`{}` in a blacklist ({})", by.text, by.source))
                }
                Sight::Unlisted => Some("no entry of the whitelist matches".to_owned()),
                Sight::Shown(_) if !rules.bypass && memory.is_denied(&identity.id) => {
                    Some("a blacklist entry matched an earlier name of it".to_owned())
                }
                Sight::Shown(_) => None,
            };
            match rule {
                Some(rule) => {
                    memory.hidden_names.insert(identity.name.clone());
                    view.hidden_networks.extend(networks);
                    view.hidden_volumes
                        .extend(raw.mounts.into_iter().map(|m| m.name).filter(|n| !n.is_empty()));
                    view.containers.hidden.push(Unseen { identity, rule });
                }
                None => {
                    view.visible_networks.extend(networks);
                    let who = &identity;
                    let labels = [who.project.as_ref(), who.service.as_ref()].into_iter().flatten();
                    memory.names.extend([&who.name, &who.image].into_iter().chain(labels).cloned());
                    view.containers.visible.push(Seen { identity, raw });
                }
            }
        }
        if !rules.bypass {
            view.hidden_volumes.extend(memory.denied_volumes.iter().cloned());
        }
        drop(memory);
        Ok(view)
    }

    /// All containers of one engine.
    async fn list(&self, budget: &Budget) -> Result<Vec<raw::Container>, EngineError> {
        let epoch = self.wire.identity.epoch();
        let list = self.wire.json(budget, "/containers/json", &[("all", "1")]).await?;
        self.wire.identity.listed(epoch)?;
        Ok(list)
    }

    /// Takes ids and names of hidden objects out of a text that the engine wrote.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut out = mask_ids(text);
        for name in &self.memory().hidden_names {
            if out.contains(name.as_str()) {
                out = out.replace(name.as_str(), "[hidden]");
            }
        }
        out
    }
}

/// Who a container is, from one line of the list.
#[must_use]
pub fn identity(raw: &raw::Container) -> Container {
    let names: Vec<&str> = raw.names.iter().map(|n| n.trim_start_matches('/')).collect();
    // A name with a slash is a legacy-link alias; `Names[0]` may be one.
    let name = names
        .iter()
        .find(|n| !n.contains('/'))
        .map_or_else(|| short(&raw.id).to_owned(), |n| (*n).to_owned());
    let mut aliases: Vec<String> = Vec::new();
    for other in names.iter().filter(|n| **n != name) {
        aliases.push((*other).to_owned());
        if let Some((_, last)) = other.rsplit_once('/') {
            aliases.push(last.to_owned());
        }
    }
    let label =
        |key: &str| raw.labels.get(&format!("com.docker.compose.{key}")).filter(|v| !v.is_empty()).cloned();
    let (project, service) = (label("project"), label("service"));
    aliases.extend(service.clone());
    if let (Some(project), Some(service)) = (&project, &service) {
        let number = label("container-number").unwrap_or_else(|| "1".into());
        aliases.push(format!("{project}-{service}-{number}"));
    }
    Container {
        id: raw.id.clone(),
        name,
        aliases,
        project,
        service,
        image: raw.image.clone(),
        image_id: raw.image_id.clone(),
    }
}

/// The 12 digits that Docker shows.
#[must_use]
pub fn short(id: &str) -> &str {
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    hex.get(..12).unwrap_or(hex)
}

/// Replaces every run of 12 to 64 hex digits.
pub(super) fn mask_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        out.push_str(if run.len() >= 12 { "[id]" } else { &run });
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_name_is_not_the_first_one() {
        let raw = raw::Container {
            id: "ab".repeat(32),
            names: vec!["/web/safe".into(), "/vault".into()],
            ..raw::Container::default()
        };
        let who = identity(&raw);
        assert_eq!(who.name, "vault");
        assert_eq!(who.aliases, ["web/safe", "safe"]);
    }

    #[test]
    fn ids_do_not_survive_in_texts() {
        let text = format!("container {} is not running; see abc", "0f".repeat(32));
        assert_eq!(mask_ids(&text), "container [id] is not running; see abc");
    }
}
