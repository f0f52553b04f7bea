//! Who would lose something with a container: those that share its namespaces, or are linked to it.
//!
//! They name it by its id, so that its name, which the new one gets, does not help them. Volumes that others took from it
//! stay theirs: they were looked up when those were made.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::policy::Container;

use super::super::Engine;
use super::super::budget::Budget;
use super::super::error::EngineError;
use super::super::snapshot::View;

/// Inspections under way at once, and how long one may take.
const AT_ONCE: usize = 8;
const EACH: Duration = Duration::from_secs(2);

/// Who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Those in sight: a name, and what it shares.
    pub seen: Vec<(String, &'static str)>,
    /// There are others.
    pub unseen: bool,
}

impl Engine {
    /// Looks at every other container, also those that are out of sight: they must not be broken either.
    pub(super) async fn joined(
        &self,
        budget: &Budget,
        view: &View,
        of: &Container,
    ) -> Result<Joined, EngineError> {
        let seen = view.containers.visible.iter().map(|seen| (&seen.identity, true));
        let unseen = view.containers.hidden.iter().map(|unseen| (&unseen.identity, false));
        let others: Vec<_> = seen.chain(unseen).filter(|(other, _)| other.id != of.id).collect();
        let mut joined = Joined::default();
        for some in others.chunks(AT_ONCE) {
            let looks = some.iter().map(|(other, _)| self.look_at(budget, &other.id));
            for ((other, in_sight), facts) in some.iter().zip(join_all(looks).await) {
                match (shares(&facts?, of), in_sight) {
                    (Some(what), true) => joined.seen.push((other.name.clone(), what)),
                    (Some(_), false) => joined.unseen = true,
                    (None, _) => {}
                }
            }
        }
        joined.seen.sort();
        Ok(joined)
    }

    /// Nothing where it went meanwhile.
    async fn look_at(&self, budget: &Budget, id: &str) -> Result<Value, EngineError> {
        match self.inspect_id(&budget.at_most(EACH), id).await {
            Err(e) if e.is_gone() => Ok(Value::Null),
            facts => facts,
        }
    }
}

/// What it has of that one.
fn shares(facts: &Value, of: &Container) -> Option<&'static str> {
    let text = |key: &str| facts.pointer(&format!("/HostConfig/{key}")).and_then(Value::as_str);
    let is = |name: &str| name == of.name || (name.len() >= 12 && of.id.starts_with(name));
    let modes = [("NetworkMode", "network"), ("PidMode", "processes"), ("IpcMode", "memory")];
    let namespaces = modes.into_iter().find_map(|(key, what)| {
        text(key).and_then(|mode| mode.strip_prefix("container:")).filter(|name| is(name)).map(|_| what)
    });
    let links = facts.pointer("/HostConfig/Links").and_then(Value::as_array).into_iter().flatten();
    let mut links = links.filter_map(Value::as_str).filter_map(|link| link.split(':').next());
    namespaces.or_else(|| links.any(|to| is(to.trim_start_matches('/'))).then_some("link"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn by_id_and_by_name() {
        let of = Container { id: "ab".repeat(32), name: "web".to_owned(), ..Container::default() };
        let host = |key: &str, value: Value| shares(&json!({ "HostConfig": { key: value } }), &of);
        assert_eq!(host("NetworkMode", json!(format!("container:{}", of.id))), Some("network"));
        assert_eq!(host("PidMode", json!("container:web")), Some("processes"));
        assert_eq!(host("IpcMode", json!(format!("container:{}", &of.id[..12]))), Some("memory"));
        assert_eq!(host("Links", json!(["/web:/other/alias"])), Some("link"));
        for none in ["web", "container:webb", "container:ab", "host", ""] {
            assert_eq!(host("NetworkMode", json!(none)), None, "{none}");
        }
        assert_eq!(host("Links", json!(["/webb:/other/web"])), None);
    }
}
