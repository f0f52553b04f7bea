//! A container is made: from our own types, by resolved ids, and found again where the answer was lost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::policy::reference::ImageRef;
use crate::policy::{Container, Image, Network, NewContainer, Permit, Volume, World};

use super::budget::Budget;
use super::change::{Commit, Effect, Finding, Goal, LOOK, Look, Looking, Lost, Outcome, Trail};
use super::error::EngineError;
use super::recreate::named as named_image;
use super::wire::Change;
use super::{Engine, raw};

/// Tells the containers that we made, and each from every other.
pub const LABEL: &str = "docker-mcp.call";
/// Engines before 25 take one network when a container is made.
const SEVERAL_NETWORKS: (u32, u32) = (1, 44);

/// What a container is on.
#[derive(Debug)]
pub enum Net<'a> {
    /// The engine's usual bridge.
    Usual,
    /// `none`, `host`: the engine's own words.
    Own(&'static str),
    /// These networks.
    On(Vec<&'a Permit<Network>>),
    /// The network of another container.
    Of(&'a Permit<Container>),
}

/// Where a mount comes from.
#[derive(Debug)]
pub enum Source<'a> {
    /// A volume.
    Volume(&'a Permit<Volume>),
    /// A path of the host, as it really is.
    Host(String),
}

/// One mount.
#[derive(Debug)]
pub struct Mount<'a> {
    /// From there.
    pub source: Source<'a>,
    /// To this path in the container.
    pub target: String,
    /// Not to be written.
    pub read_only: bool,
}

/// One port of the container on one of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `80/tcp`
    pub port: String,
    /// Empty: every address.
    pub host_ip: String,
    /// Empty: the engine chooses one.
    pub host_port: String,
}

/// Everything that a container is made with. What is not here cannot be asked for.
#[derive(Debug)]
#[expect(missing_docs, reason = "the engine's own fields")]
pub struct Blueprint<'a> {
    pub image: &'a Permit<Image>,
    /// What docker_ps shows of it: a name of that image; without one, its id.
    pub called: Option<ImageRef>,
    pub network: Net<'a>,
    pub mounts: Vec<Mount<'a>>,
    pub pid_of: Option<&'a Permit<Container>>,
    pub ipc_of: Option<&'a Permit<Container>>,
    /// With `true`: not to be written.
    pub volumes_from: Vec<(&'a Permit<Container>, bool)>,
    /// With the name each is to have.
    pub links: Vec<(&'a Permit<Container>, String)>,
    pub ports: Vec<Published>,
    pub labels: BTreeMap<String, String>,
    pub env: Vec<String>,
    pub command: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    /// Further fields of `Config` and of `HostConfig`: made by our own code, never by a caller's JSON.
    pub config: BTreeMap<&'static str, Value>,
    pub host: BTreeMap<&'static str, Value>,
}

/// A container that was made and does not run yet.
#[derive(Debug)]
pub struct Made {
    /// To start it by.
    pub start: Permit<Container>,
    /// To look at it, and to take it back.
    pub permit: Permit<Container>,
    /// The engine's words.
    pub warnings: Vec<String>,
    /// What it was made by, to be compared with what came of it.
    pub sent: Value,
    /// The engine's answer was lost, and the container found by its label.
    pub lost: bool,
}

/// How the making of a container came out that was sent.
#[derive(Debug)]
pub enum Creation {
    /// There it is.
    Made(Box<Made>),
    /// Nobody heard of it.
    Lost(Box<Unheard>),
}

/// A container whose making nobody heard of. It may turn up yet, unlooked at: [`Engine::take_back_late`].
#[derive(Debug)]
pub struct Unheard {
    /// Why there is no answer.
    pub cause: EngineError,
    /// What was seen.
    pub finding: Finding,
    /// To be taken back by.
    pub late: Late,
}

/// A container that may turn up after its call.
#[derive(Debug)]
pub struct Late {
    call: String,
    permit: Permit<NewContainer>,
    trail: Trail,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    id: String,
    #[serde(default, deserialize_with = "raw::nullable")]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Place {
    #[serde(default, deserialize_with = "raw::nullable")]
    docker_root_dir: String,
}

/// The container with this call's label is there.
struct Born {
    call: String,
}

impl Blueprint<'_> {
    fn body(&self, call: &str) -> Value {
        let mut config: Map<String, Value> = named(&self.config);
        let mut host: Map<String, Value> = named(&self.host);
        let mut labels = self.labels.clone();
        labels.insert(LABEL.to_owned(), call.to_owned());
        let image = self.image.target();
        let called = self.called.as_ref().map_or_else(|| image.id.clone(), |name| named_image(image, name));
        config.insert("Image".into(), json!(called));
        config.insert("Labels".into(), json!(labels));
        if !self.env.is_empty() {
            config.insert("Env".into(), json!(self.env));
        }
        if let Some(command) = &self.command {
            config.insert("Cmd".into(), json!(command));
        }
        if let Some(entrypoint) = &self.entrypoint {
            config.insert("Entrypoint".into(), json!(entrypoint));
        }
        let other = |permit: &Permit<Container>| format!("container:{}", permit.target().id);
        match &self.network {
            Net::Usual => {}
            Net::Own(word) => drop(host.insert("NetworkMode".into(), json!(word))),
            Net::Of(permit) => drop(host.insert("NetworkMode".into(), json!(other(permit)))),
            Net::On(networks) => {
                let ids: Vec<&str> = networks.iter().map(|n| n.target().id.as_str()).collect();
                if let Some(first) = ids.first() {
                    host.insert("NetworkMode".into(), json!(first));
                }
                let ends: Map<String, Value> = ids.iter().map(|id| ((*id).to_owned(), json!({}))).collect();
                config.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": ends }));
            }
        }
        if let Some(permit) = self.pid_of {
            host.insert("PidMode".into(), json!(other(permit)));
        }
        if let Some(permit) = self.ipc_of {
            host.insert("IpcMode".into(), json!(other(permit)));
        }
        if !self.volumes_from.is_empty() {
            let from = self.volumes_from.iter().map(|(permit, read_only)| {
                let id = permit.target().id.as_str();
                if *read_only { format!("{id}:ro") } else { id.to_owned() }
            });
            host.insert("VolumesFrom".into(), from.collect());
        }
        if !self.links.is_empty() {
            let links = self.links.iter().map(|(p, alias)| format!("{}:{alias}", p.target().id));
            host.insert("Links".into(), links.collect());
        }
        if !self.mounts.is_empty() {
            host.insert("Mounts".into(), self.mounts.iter().map(Mount::body).collect());
        }
        if !self.ports.is_empty() {
            let mut exposed = Map::new();
            let mut bindings: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
            for published in &self.ports {
                exposed.insert(published.port.clone(), json!({}));
                let on = json!({ "HostIp": published.host_ip, "HostPort": published.host_port });
                bindings.entry(&published.port).or_default().push(on);
            }
            config.insert("ExposedPorts".into(), Value::Object(exposed));
            host.insert("PortBindings".into(), json!(bindings));
        }
        config.insert("HostConfig".into(), Value::Object(host));
        Value::Object(config)
    }
}

impl Mount<'_> {
    /// As a mount and not as a bind: a source that is missing is an error, and not made as root. It spreads as the engine
    /// does by itself: not at all.
    fn body(&self) -> Value {
        match &self.source {
            Source::Volume(permit) => json!({
                "Type": "volume", "Source": permit.target().name, "Target": self.target, "ReadOnly": self.read_only,
            }),
            Source::Host(path) => json!({
                "Type": "bind", "Source": path, "Target": self.target, "ReadOnly": self.read_only,
            }),
        }
    }
}

fn named(fields: &BTreeMap<&'static str, Value>) -> Map<String, Value> {
    fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

impl Engine {
    /// Makes a container, once. A lost answer is followed by looks for its label.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn create(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<NewContainer>,
        blueprint: &Blueprint<'_>,
    ) -> Result<Creation, EngineError> {
        let call = unique()?;
        let asked = blueprint.body(&call);
        // A name may be another image's by then: what came of it is compared with the one that was let through.
        let mut sent = asked.clone();
        if let Some(image) = sent.get_mut("Image") {
            *image = json!(blueprint.image.target().id);
        }
        if let Net::On(networks) = &blueprint.network
            && networks.len() > 1
            && self.wire.older_than(budget, SEVERAL_NETWORKS).await?
        {
            let message = "it takes one network when a container is made; connect the others later".into();
            return Err(EngineError::Status { code: 501, message });
        }
        self.may_be_found_as(budget, &permit, blueprint).await?;
        let name = permit.target().name.clone();
        let query = [("name", name.as_str())];
        let asked = Change::post("/containers/create", &query).json(asked);
        let answer = match self.wire.change(budget, permit.levels(), commit, asked).await {
            Ok(answer) => answer.json::<Answer>().await.map_err(|error| super::change::Failed {
                error,
                // The engine said that it did: only what it said broke off.
                written: true,
            }),
            Err(failed) => Err(failed),
        };
        let outcome = self.settled(budget, answer, Born { call: call.clone() }).await?;
        let (id, warnings, lost) = match outcome {
            Outcome::Answered(answer) if super::ops::is_hex64(&answer.id) => {
                (answer.id, answer.warnings, false)
            }
            Outcome::Answered(_) => return Err(EngineError::Protocol("a container without an id".into())),
            Outcome::Lost(lost) => {
                let there = match lost.finding.effect {
                    Effect::Done => self.of_call(&budget.at_most(LOOK), &call).await.ok().flatten(),
                    _ => None,
                };
                let Some(id) = there else {
                    let Lost { cause, finding, trail } = *lost;
                    let late = Late { call, permit, trail };
                    return Ok(Creation::Lost(Box::new(Unheard { cause, finding, late })));
                };
                (id, Vec::new(), true)
            }
        };
        let warnings = warnings.iter().map(|warning| self.scrub(warning)).collect();
        let [start, permit] = permit.born(id);
        Ok(Creation::Made(Box::new(Made { start, permit, warnings, sent, lost })))
    }

    /// Looks for a container whose making was not heard of, and takes it back where it turns up: nobody compared it with
    /// what was let through.
    pub async fn take_back_late(&self, late: Late, until: Instant) -> Finding {
        let Late { call, permit, mut trail } = late;
        let mut finding = self.look_again(&mut trail, until).await;
        loop {
            if let Ok(Some(id)) = self.of_call(&Budget::of(LOOK * 5), &call).await {
                let [permit, _] = permit.born(id);
                let (effect, then) = match self.unmake_until(&permit, until).await {
                    Ok(()) => (Effect::None, "was removed again"),
                    Err(_) => (Effect::Done, "could not be removed again"),
                };
                return Finding { effect, evidence: format!("it turned up late, and {then}") };
            }
            if finding.effect == Effect::None || Instant::now() + LOOK >= until {
                return finding;
            }
            // It was there, and somebody else took it away.
            if finding.effect == Effect::Done {
                finding.effect = Effect::Unknown;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// On a network of one's own a container is found by its name and its hostname: nobody takes another's there.
    async fn may_be_found_as(
        &self,
        budget: &Budget,
        permit: &Permit<NewContainer>,
        blueprint: &Blueprint<'_>,
    ) -> Result<(), EngineError> {
        let Net::On(networks) = &blueprint.network else { return Ok(()) };
        let rules = permit.rules();
        if rules.bypass {
            return Ok(());
        }
        let hostname = blueprint.config.get("Hostname").and_then(Value::as_str);
        let view = self.view(budget, rules).await?;
        let all = || {
            let visible = view.containers.visible.iter().map(|seen| &seen.identity);
            visible.chain(view.containers.hidden.iter().map(|hidden| &hidden.identity))
        };
        let taken = |word: &str| all().any(|who| who.name == word || who.aliases.iter().any(|a| a == word));
        let denied = |word: &str| rules.containers.deny.matches(word).is_some();
        let name = permit.target().name.as_str();
        if let Some(word) = hostname.filter(|word| *word != name && (taken(word) || denied(word))) {
            return Err(EngineError::Conflict(format!(
                "the hostname `{word}` is not available on a network"
            )));
        }
        let ids: Vec<String> = networks.iter().map(|network| network.target().id.clone()).collect();
        let words: Vec<&str> = std::iter::once(name).chain(hostname).collect();
        let found = match taken(name) {
            true => Some(name.to_owned()),
            false => self.is_found_on(budget, &view, (&ids, &words, &[])).await?,
        };
        if let Some(word) = found {
            let what = if word == name { "name" } else { "hostname" };
            return Err(EngineError::Conflict(format!("the {what} `{word}` is not available on a network")));
        }
        Ok(())
    }

    /// Where the engine keeps its own things.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn root(&self, budget: &Budget, _: &Permit<World>) -> Result<Option<PathBuf>, EngineError> {
        let info: Place = self.wire.json(budget, "/info", &[]).await.map_err(|e| self.scrubbed(e))?;
        Ok(Some(info.docker_root_dir).filter(|dir| !dir.is_empty()).map(PathBuf::from))
    }

    /// Takes back what was made a moment ago, with the volumes that the engine made for it.
    ///
    /// # Errors
    /// It is still there.
    pub async fn unmake(&self, budget: &Budget, permit: &Permit<Container>) -> Result<(), EngineError> {
        // Whoever called the change off wants this the more.
        let commit = &Commit::default();
        let path = format!("/containers/{}", permit.target().id);
        let asked = Change::delete(&path, &[("force", "1"), ("v", "1")]);
        match self.wire.change(budget, permit.levels(), commit, asked).await {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.is_gone() => Ok(()),
            Err(failed) => Err(self.scrubbed(failed.error)),
        }
    }

    /// The same, until it is done: an engine that is away, or does not answer, may come back.
    ///
    /// # Errors
    /// It is still there, or may be.
    pub async fn unmake_until(&self, permit: &Permit<Container>, until: Instant) -> Result<(), EngineError> {
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(LOOK / 2);
            match self.unmake(&Budget::of(left.min(LOOK * 15)), permit).await {
                Err(e) if is_away(&e) && Instant::now() + LOOK < until => tokio::time::sleep(LOOK / 2).await,
                came => return came,
            }
        }
    }

    /// How many containers there are that we made, whoever may see them.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn made_by_us(&self, budget: &Budget, _: &Permit<World>) -> Result<u64, EngineError> {
        let filters = json!({ "label": [LABEL] }).to_string();
        let query = [("all", "1"), ("filters", filters.as_str())];
        let list: Vec<raw::Container> = self.wire.json(budget, "/containers/json", &query).await?;
        Ok(list.len() as u64)
    }

    async fn of_call(&self, budget: &Budget, call: &str) -> Result<Option<String>, EngineError> {
        let filters = json!({ "label": [format!("{LABEL}={call}")] }).to_string();
        let query = [("all", "1"), ("filters", filters.as_str())];
        let list: Vec<raw::Container> = self.wire.json(budget, "/containers/json", &query).await?;
        Ok(list.into_iter().next().map(|container| container.id))
    }
}

impl Goal for Born {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let there = engine.of_call(budget, &self.call).await?.is_some();
            let evidence = if there { "the container is there" } else { "there is no such container" };
            Ok(Look { reached: Some(there), as_before: !there, evidence: evidence.to_owned() })
        })
    }
}

/// It may answer yet.
const fn is_away(e: &EngineError) -> bool {
    matches!(e, EngineError::Dial(_) | EngineError::Timeout { .. } | EngineError::Protocol(_))
}

/// A word that no other call has.
fn unique() -> Result<String, EngineError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| EngineError::NotAllowed(format!("no randomness: {e}")))?;
    Ok(hex::encode(bytes))
}
