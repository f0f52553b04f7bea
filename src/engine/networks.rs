//! Networks: list and inspection, without the endpoints of hidden containers.

use std::collections::HashSet;

use serde_json::Value;

use crate::policy::{Network, Permit, World};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, raw};

/// A network that the filters show, and the visible containers on it.
#[derive(Debug, Clone)]
pub struct SeenNetwork {
    /// The line of the list.
    pub raw: raw::Network,
    /// Names of visible containers, running or not.
    pub containers: Vec<String>,
}

impl Engine {
    /// The networks that the filters show.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn networks(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<Vec<SeenNetwork>, EngineError> {
        let view = self.first_view(budget, permit.rules()).await?;
        let list: Vec<raw::Network> = self.wire.json(budget, "/networks", &[]).await?;
        let seen = list.into_iter().filter(|raw| {
            let network = raw.identity();
            permit.rules().network(&network).shown() && !view.hides_network(&network)
        });
        Ok(seen
            .map(|raw| {
                let on_it = |s: &&super::snapshot::Seen| {
                    s.raw.network_settings.on().any(|on| on == raw.id || on == raw.name)
                };
                let containers =
                    view.containers.visible.iter().filter(on_it).map(|s| s.identity.name.clone()).collect();
                SeenNetwork { raw, containers }
            })
            .collect())
    }

    /// Everything the engine says of a network, its endpoints reduced to visible containers.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn inspect_network(
        &self,
        budget: &Budget,
        permit: &Permit<Network>,
    ) -> Result<Value, EngineError> {
        let view = self.view(budget, permit.rules()).await?;
        let path = format!("/networks/{}", permit.target().id);
        let mut value: Value = self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))?;
        let visible: HashSet<&str> = view.containers.visible.iter().map(|s| s.identity.id.as_str()).collect();
        if let Some(Value::Object(endpoints)) = value.get_mut("Containers") {
            endpoints.retain(|id, _| visible.contains(id.as_str()));
        }
        Ok(value)
    }
}
