//! Renaming a container, so that nothing comes out of sight or into it.

use serde_json::Value;

use crate::policy::{Container, NewContainer, Permit, Rules};

use super::Engine;
use super::budget::Budget;
use super::change::{Commit, Outcome};
use super::error::EngineError;
use super::seen::{Become, Want};
use super::snapshot::View;
use super::wire::Change;

impl Engine {
    /// Would the filters show another set of containers, were it called so? Links of other containers carry its name.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn shifts_sight(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        name: &Permit<NewContainer>,
    ) -> Result<bool, EngineError> {
        let view = self.view(budget, permit.rules()).await?;
        Ok(shifts(permit.rules(), &view, permit.target(), &name.target().name))
    }

    /// Gives it the name, once.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn rename(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        name: Permit<NewContainer>,
    ) -> Result<Outcome<()>, EngineError> {
        let (id, name) = (permit.target().id.clone(), name.target().name.clone());
        self.may_be_renamed(budget, &permit, &name).await?;
        let path = format!("/containers/{id}/rename");
        let query = [("name", name.as_str())];
        let sent = self.wire.change(budget, permit.levels(), commit, Change::post(&path, &query)).await;
        let goal = Become { id, want: Want::Named(name.clone()) };
        Ok(match self.settled(budget, sent, goal).await? {
            Outcome::Answered(_) => Outcome::Answered(()),
            Outcome::Lost(lost) => Outcome::Lost(lost),
        })
    }

    /// By its name it is found on every network of its own that it is on: nobody takes another's there.
    async fn may_be_renamed(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        name: &str,
    ) -> Result<(), EngineError> {
        if permit.rules().bypass {
            return Ok(());
        }
        let facts = self.inspect_id(budget, &permit.target().id).await?;
        let ends = facts.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
        // On the usual one nobody is found by a name.
        let ends =
            ends.into_iter().flatten().filter(|(key, _)| !matches!(key.as_str(), "bridge" | "host" | "none"));
        let networks: Vec<String> = ends
            .flat_map(|(key, end)| [Some(key.as_str()), end.get("NetworkID").and_then(Value::as_str)])
            .flatten()
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        if networks.is_empty() {
            return Ok(());
        }
        let view = self.view(budget, permit.rules()).await?;
        match self.is_found_on(budget, &view, (&networks, &[name], &[&permit.target().id])).await? {
            Some(_) => Err(EngineError::Conflict(format!("the name `{name}` is not available"))),
            None => Ok(()),
        }
    }
}

fn shifts(rules: &Rules, view: &View, who: &Container, name: &str) -> bool {
    let seen = view.containers.visible.iter().map(|seen| (&seen.identity, true));
    let unseen = view.containers.hidden.iter().map(|unseen| (&unseen.identity, false));
    seen.chain(unseen).any(|(c, shown)| {
        let then = renamed(c, who, name);
        // What a sticky rule hides stays hidden, whatever its name.
        then != *c && rules.container(&then).shown() != shown
    })
}

/// How a container would be known: by its own new name, or by the new name of one that links to it.
fn renamed(c: &Container, who: &Container, name: &str) -> Container {
    let mut then = c.clone();
    if c.id == who.id {
        name.clone_into(&mut then.name);
    }
    for alias in &mut then.aliases {
        if let Some((linker, rest)) = alias.split_once('/')
            && linker == who.name
        {
            *alias = format!("{name}/{rest}");
        }
    }
    then
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::{Seen, Unseen};
    use crate::policy::pattern::{Kind, Pattern, PatternSet, Source};

    #[test]
    fn a_link_carries_the_name_of_the_one_that_links() {
        let text = "web*safe".to_owned();
        let pattern = Pattern { text, source: Source::flag("test") };
        let mut rules = Rules::default();
        rules.containers.deny = PatternSet::new(Kind::Name, vec![pattern]).unwrap();
        let c = |id: &str, name: &str, aliases: &[&str]| Container {
            id: id.repeat(64),
            name: name.to_owned(),
            aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
            ..Container::default()
        };
        let (web, vault, other) = (c("a", "web", &[]), c("b", "v", &["web/safe", "safe"]), c("c", "x", &[]));
        let mut view = View::default();
        for identity in [web.clone(), other.clone()] {
            view.containers.visible.push(Seen { identity, raw: Default::default() });
        }
        view.containers.hidden.push(Unseen { identity: vault, rule: String::new() });
        assert!(shifts(&rules, &view, &web, "new"), "the hidden one would come into sight");
        assert!(!shifts(&rules, &view, &other, "y"));
        assert!(!shifts(&Rules::default(), &View::default(), &web, "y"));
    }
}
