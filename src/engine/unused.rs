//! What nothing uses: for pruning. The engine's own prune is never called; what it would take is not known before.

use std::collections::HashSet;

use crate::policy::decide::Named;
use crate::policy::{Rules, Target};

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;
use super::raw;

/// A set of objects, all of them visible. What a hidden container uses is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// Containers that are created, exited or dead.
    StoppedContainers,
    /// Images that no container was made from.
    UnusedImages {
        /// Also those that have a name.
        named: bool,
    },
    /// Networks that no container is on, running or not; not the engine's own.
    UnusedNetworks,
    /// Volumes that no container mounts, running or not.
    UnusedVolumes {
        /// Also those that somebody named.
        named: bool,
    },
}

/// Volumes that the engine named itself carry this label; older engines only gave them 64 hex digits.
const ANONYMOUS: &str = "com.docker.volume.anonymous";

impl Engine {
    /// The members of a set at this moment.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub(crate) async fn unused(
        &self,
        budget: &Budget,
        rules: &Rules,
        set: Set,
    ) -> Result<Vec<Named>, EngineError> {
        let view = self.view(budget, rules).await?;
        let targets: Vec<Target> = match set {
            Set::StoppedContainers => view
                .containers
                .visible
                .iter()
                .filter(|seen| matches!(seen.raw.state.as_str(), "created" | "exited" | "dead"))
                .map(|seen| Target::Container(seen.identity.clone()))
                .collect(),
            Set::UnusedImages { named } => {
                let all = &view.containers;
                let seen = all.visible.iter().map(|seen| seen.identity.image_id.as_str());
                let used: HashSet<&str> =
                    seen.chain(all.hidden.iter().map(|h| h.identity.image_id.as_str())).collect();
                let images = self.image_candidates(budget, rules).await?;
                images
                    .into_iter()
                    .filter(|(image, hidden)| hidden.is_none() && !used.contains(image.id.as_str()))
                    .filter(|(image, _)| named || image.references.iter().all(|r| r.tag().is_none()))
                    .map(|(image, _)| Target::Image(image))
                    .collect()
            }
            Set::UnusedNetworks => {
                let networks = self.network_candidates(budget, rules, Some(&view)).await?;
                let on = |set: &HashSet<String>, n: &crate::policy::Network| {
                    set.contains(&n.id) || set.contains(&n.name)
                };
                networks
                    .into_iter()
                    .filter(|(_, hidden)| hidden.is_none())
                    .map(|(network, _)| network)
                    .filter(|n| !on(&view.visible_networks, n) && !on(&view.hidden_networks, n))
                    .filter(|n| {
                        !matches!(n.name.as_str(), "bridge" | "host" | "none" | "ingress" | "docker_gwbridge")
                    })
                    .map(Target::Network)
                    .collect()
            }
            Set::UnusedVolumes { named } => {
                let dangling: raw::Volumes =
                    self.wire.json(budget, "/volumes", &[("filters", r#"{"dangling":["true"]}"#)]).await?;
                let takes = |v: &raw::Volume| {
                    named || v.labels.contains_key(ANONYMOUS) || super::ops::is_hex64(&v.name)
                };
                let takes: HashSet<String> =
                    dangling.volumes.iter().filter(|v| takes(v)).map(|v| v.name.clone()).collect();
                let volumes = self.volume_candidates(budget, rules, Some(&view)).await?;
                volumes
                    .into_iter()
                    .filter(|(volume, hidden)| hidden.is_none() && takes.contains(&volume.name))
                    .map(|(volume, _)| Target::Volume(volume))
                    .collect()
            }
        };
        Ok(targets.into_iter().map(|target| Named { asked: target.label(), target }).collect())
    }
}
