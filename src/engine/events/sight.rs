//! Who may see an event: decided on what is there now, on what the event itself says, and on what was once hidden.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::budget::Budget;
use crate::engine::error::EngineError;
use crate::engine::snapshot::{View, short};
use crate::engine::{Engine, ops};
use crate::policy::reference::ImageRef;
use crate::policy::rules::{Grant, Sight as Said};
use crate::policy::{Container, Image, Level, Network, Rules, Volume};

use super::{Event, Raw};

/// Between two looks at the engine, however much happens there.
const REST: Duration = Duration::from_millis(250);
const HIDDEN: &str = "[hidden]";

/// What is known of the engine's objects.
#[derive(Debug)]
pub(super) struct Sight<'r> {
    rules: &'r Rules,
    /// Something may be hidden because of the containers on it.
    filtered: bool,
    images_filtered: bool,
    visible: HashMap<String, Container>,
    /// Names of containers whose last event was shown: one that came and went is in no list.
    met: HashMap<String, String>,
    hidden: HashSet<String>,
    networks: HashMap<String, bool>,
    volumes: HashMap<String, bool>,
    images: HashMap<String, Vec<ImageRef>>,
    taken: Instant,
}

impl<'r> Sight<'r> {
    pub(super) fn new(rules: &'r Rules) -> Self {
        let all = rules.containers.allow.is_empty() && rules.containers.deny.is_empty();
        let all = all && rules.projects.allow.is_empty() && rules.projects.deny.is_empty();
        let all = all && !matches!(rules.level(Level::Read).grant, Grant::Only(_));
        let images = rules.images.allow.is_empty() && rules.images.deny.is_empty();
        Self {
            rules,
            filtered: !rules.bypass && !all,
            images_filtered: !rules.bypass && !images,
            visible: HashMap::new(),
            met: HashMap::new(),
            hidden: HashSet::new(),
            networks: HashMap::new(),
            volumes: HashMap::new(),
            images: HashMap::new(),
            taken: Instant::now(),
        }
    }

    pub(super) async fn take(
        engine: &Engine,
        budget: &Budget,
        rules: &'r Rules,
    ) -> Result<Self, EngineError> {
        let mut sight = Self::new(rules);
        sight.look(engine, budget).await?;
        Ok(sight)
    }

    /// Looks again, but not all the time.
    pub(super) async fn refresh(&mut self, engine: &Engine, budget: &Budget) -> Result<(), EngineError> {
        if self.taken.elapsed() >= REST { self.look(engine, budget).await } else { Ok(()) }
    }

    async fn look(&mut self, engine: &Engine, budget: &Budget) -> Result<(), EngineError> {
        self.taken = Instant::now();
        let view = engine.view(budget, self.rules).await?;
        for (network, rule) in engine.network_candidates(budget, self.rules, Some(&view)).await? {
            self.networks.insert(network.id, rule.is_none());
        }
        for (volume, rule) in engine.volume_candidates(budget, self.rules, Some(&view)).await? {
            self.volumes.insert(volume.name, rule.is_none());
        }
        if self.images_filtered {
            for (image, _) in engine.image_candidates(budget, self.rules).await? {
                self.images.insert(image.id, image.references);
            }
        }
        self.learn(view);
        Ok(())
    }

    /// What was seen stays known after it is gone; what is hidden by now was never there.
    pub(super) fn learn(&mut self, view: View) {
        for seen in view.containers.visible {
            self.visible.insert(seen.identity.id.clone(), seen.identity);
        }
        for unseen in view.containers.hidden {
            self.visible.remove(&unseen.identity.id);
            self.hidden.insert(unseen.identity.id);
        }
    }

    /// The event is of something that was not there at the last look.
    pub(super) fn is_news(&self, raw: &Raw) -> bool {
        let id = raw.actor.id.as_str();
        let unknown = |id: &str| !self.visible.contains_key(id) && !self.hidden.contains(id);
        match raw.r#type.as_str() {
            "container" => unknown(id) || raw.action == "rename",
            // A hidden container that joins a network may hide it.
            "network" => {
                !self.networks.contains_key(id)
                    || raw.attribute("container").is_some_and(|c| !self.visible.contains_key(c))
            }
            "volume" => !self.volumes.contains_key(id) || raw.attribute("container").is_some_and(unknown),
            _ => false,
        }
    }

    /// The event as it may be shown, if it may.
    pub(super) fn judge(&mut self, engine: &Engine, raw: Raw) -> Option<Event> {
        let event =
            Event { at: raw.at(), kind: raw.r#type.clone(), action: raw.action.clone(), ..Event::default() };
        match raw.r#type.as_str() {
            "container" => self.of_container(engine, &raw, event),
            "image" => self.of_image(&raw, event),
            "network" | "volume" => self.of_place(engine, &raw, event),
            // Their attributes are the engine's configuration.
            "daemon" | "plugin" | "builder" => Some(event),
            _ => None,
        }
    }

    fn of_container(&mut self, engine: &Engine, raw: &Raw, event: Event) -> Option<Event> {
        let id = &raw.actor.id;
        // Labels stand among the attributes: only a rename's own is believed.
        let renamed = raw.action == "rename";
        let old_name =
            raw.attribute("oldName").filter(|_| renamed).map(|n| n.trim_start_matches('/').to_owned());
        self.met.remove(id);
        let who = self.identity(raw, old_name.as_deref());
        self.may_see(engine, &who)?;
        self.met.insert(id.clone(), who.name.clone());
        // A whitelist shows a container by its name: the name it had is another question.
        let had =
            |name: &String| self.rules.container(&Container { name: name.clone(), ..who.clone() }).shown();
        Some(Event {
            id: Some(short(id).to_owned()),
            image: Some(self.image(&who)).filter(|i| !i.is_empty()),
            // Labels are attributes, too: one of the same name would speak for every action.
            exit_code: raw
                .attribute("exitCode")
                .filter(|_| raw.action.ends_with("die"))
                .and_then(|c| c.parse().ok()),
            signal: raw
                .attribute("signal")
                .filter(|s| raw.action == "kill" && s.len() <= 16)
                .map(str::to_owned),
            old_name: old_name.filter(had),
            name: Some(who.name),
            project: who.project,
            service: who.service,
            ..event
        })
    }

    /// Who a container was at that time, as far as the event and the last look tell.
    fn identity(&self, raw: &Raw, old_name: Option<&str>) -> Container {
        let id = raw.actor.id.clone();
        let known = self.visible.get(&id).cloned().unwrap_or_default();
        let label = |key: &str| raw.attribute(&format!("com.docker.compose.{key}")).map(str::to_owned);
        let (project, service) = (label("project").or(known.project), label("service").or(known.service));
        let mut aliases = known.aliases;
        aliases.extend(old_name.map(str::to_owned));
        aliases.extend(service.clone());
        if let (Some(project), Some(service)) = (&project, &service) {
            let number = label("container-number").unwrap_or_else(|| "1".into());
            aliases.push(format!("{project}-{service}-{number}"));
        }
        let name = raw.attribute("name").map(|n| n.trim_start_matches('/').to_owned());
        let name = name
            .or_else(|| Some(known.name).filter(|n| !n.is_empty()))
            .unwrap_or_else(|| short(&id).to_owned());
        let image = raw.attribute("image").map_or(known.image, str::to_owned);
        Container { id, name, aliases, project, service, image, image_id: known.image_id }
    }

    /// What a blacklist entry hides once, it hides from now on, under every name.
    fn may_see(&mut self, engine: &Engine, who: &Container) -> Option<()> {
        if self.rules.bypass {
            return Some(());
        }
        if self.hidden.contains(&who.id) || engine.memory().is_denied(&who.id) {
            return None;
        }
        match self.rules.container(who) {
            Said::Shown(_) => Some(()),
            Said::Unlisted => None,
            Said::Denied(_) => {
                // One that may be seen under the name it has now had another one before.
                if !self.visible.contains_key(&who.id) {
                    engine.memory().deny(&who.id);
                    self.hidden.insert(who.id.clone());
                }
                None
            }
        }
    }

    fn image(&self, who: &Container) -> String {
        let written = ImageRef::parse(&who.image).ok();
        let references =
            written.into_iter().chain(self.images.get(&who.image_id).into_iter().flatten().cloned());
        let image = Image { id: who.image_id.clone(), references: references.collect() };
        if self.rules.image(&image).shown() { who.image.clone() } else { HIDDEN.to_owned() }
    }

    fn of_image(&self, raw: &Raw, event: Event) -> Option<Event> {
        // The id of a pull is the whole reference; the name of it lacks the tag.
        let written = [Some(raw.actor.id.as_str()), raw.attribute("name")].into_iter().flatten();
        let written: Vec<ImageRef> =
            written.filter(|w| !is_image_id(w)).filter_map(|w| ImageRef::parse(w).ok()).collect();
        let named = written.first().cloned();
        let id = Some(raw.actor.id.as_str()).filter(|w| is_image_id(w));
        let shown = |references: Vec<ImageRef>| {
            self.rules.image(&Image { id: id.unwrap_or_default().to_owned(), references }).shown()
        };
        if self.images_filtered {
            let by_now = id.and_then(|id| self.images.get(id)).cloned().unwrap_or_default();
            let all: Vec<ImageRef> = written.iter().cloned().chain(by_now).collect();
            // Gone, and nobody knows what it was called.
            if all.is_empty() || !shown(all) || named.as_ref().is_some_and(|n| !shown(vec![n.clone()])) {
                return None;
            }
        }
        let name = named.map(|n| n.familiar()).or_else(|| id.map(|id| short(id).to_owned()));
        Some(Event { name, ..event })
    }

    fn of_place(&mut self, engine: &Engine, raw: &Raw, event: Event) -> Option<Event> {
        let id = &raw.actor.id;
        let is_network = raw.r#type == "network";
        let name = if is_network { raw.attribute("name").unwrap_or_default() } else { id };
        let (known, said) = if is_network {
            let network = Network { id: id.clone(), name: name.to_owned(), project: None };
            (self.networks.get(id), self.rules.network(&network))
        } else {
            (self.volumes.get(id), self.rules.volume(&Volume { name: name.to_owned(), project: None }))
        };
        // Whoever used what is gone by now is not known any more.
        let shown = known.copied().unwrap_or(!self.filtered);
        if !(self.rules.bypass || shown && said.shown()) {
            return None;
        }
        let container = match raw.attribute("container") {
            None => None,
            Some(container) => match self.by_id(engine, container) {
                Some(name) => Some(name),
                None => {
                    // Its volume is hidden from now on, also after both are gone.
                    if !is_network {
                        self.volumes.insert(id.clone(), false);
                    }
                    return None;
                }
            },
        };
        let id = is_network.then(|| short(id).to_owned());
        Some(Event { id, name: Some(name.to_owned()), container, ..event })
    }

    /// The name of a visible container. One that is gone has no name, and may be seen where nothing is hidden.
    fn by_id(&self, engine: &Engine, id: &str) -> Option<String> {
        if self.hidden.contains(id) || (!self.rules.bypass && engine.memory().is_denied(id)) {
            return None;
        }
        match self.met.get(id).or_else(|| self.visible.get(id).map(|c| &c.name)) {
            Some(name) => Some(name.clone()),
            None => (!self.filtered).then(|| short(id).to_owned()),
        }
    }
}

fn is_image_id(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(ops::is_hex64)
}
