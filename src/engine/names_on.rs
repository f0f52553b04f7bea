//! What containers on a network are found by: names, hostnames and aliases, of those out of sight, too.

use futures_util::future::join_all;
use serde_json::Value;

use crate::policy::Container;

use super::Engine;
use super::budget::Budget;
use super::change::LOOK;
use super::error::EngineError;
use super::snapshot::View;

/// Inspections under way at once.
const AT_ONCE: usize = 8;

impl Engine {
    /// The first of these names by which another container is found on one of these networks (by name or id). The list of
    /// containers says nothing of aliases: each that is on one of them is looked at.
    pub(super) async fn is_found_on(
        &self,
        budget: &Budget,
        view: &View,
        (networks, names, but): (&[String], &[&str], &[&str]),
    ) -> Result<Option<String>, EngineError> {
        let is = |key: &str, id: &str| networks.iter().any(|network| network == key || network == id);
        let seen = view.containers.visible.iter().filter(|seen| {
            seen.raw.network_settings.on().any(|on| networks.iter().any(|network| network == on))
        });
        let seen = seen.map(|seen| &seen.identity);
        let unseen = view.containers.hidden.iter().map(|unseen| &unseen.identity);
        let others: Vec<&Container> =
            seen.chain(unseen).filter(|who| !but.contains(&who.id.as_str())).collect();
        for some in others.chunks(AT_ONCE) {
            let looks = some.iter().map(|who| self.look_at_end(budget, &who.id));
            for (who, facts) in some.iter().zip(join_all(looks).await) {
                let facts = facts?;
                let ends = facts.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
                let ends = ends.into_iter().flatten().filter(|(key, end)| {
                    is(key, end.get("NetworkID").and_then(Value::as_str).unwrap_or_default())
                });
                let hostname = facts.pointer("/Config/Hostname").and_then(Value::as_str);
                for (_, end) in ends {
                    // Older engines name neither the name nor the hostname among the aliases.
                    let is =
                        |name: &&&str| who.name == **name || hostname == Some(**name) || answers(end, name);
                    if let Some(name) = names.iter().find(is) {
                        return Ok(Some((*name).to_owned()));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Nothing where it went meanwhile.
    async fn look_at_end(&self, budget: &Budget, id: &str) -> Result<Value, EngineError> {
        match self.inspect_id(&budget.at_most(LOOK * 2), id).await {
            Err(e) if e.is_gone() => Ok(Value::Null),
            facts => facts,
        }
    }
}

fn answers(end: &Value, name: &str) -> bool {
    let list = |key: &str| end.get(key).and_then(Value::as_array).into_iter().flatten();
    list("Aliases").chain(list("DNSNames")).any(|alias| alias.as_str() == Some(name))
}
