//! The model: what compose says that a project is, as far as it is judged or needed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::guard::create::{Amounts, Ask};

use super::reader::{self, At};
use super::service::{self, Around};
use super::{Build, Network, Refused, Volume, networks, stored};

/// A project as compose loaded it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// The project's name.
    pub name: String,
    /// In the order of their names.
    pub services: Vec<Service>,
    /// Those that services use.
    pub networks: Vec<Network>,
    /// Those that services use.
    pub volumes: Vec<Volume>,
}

/// What containers are made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// Its key.
    pub name: String,
    /// As written; what is built without one is called `PROJECT-SERVICE`.
    pub image: Option<String>,
    /// How the image is made.
    pub build: Option<Build>,
    /// `linux/arm64`
    pub platform: Option<String>,
    /// `always`, `missing`, `never`, `build`, ...
    pub pull_policy: Option<String>,
    /// Without one, compose chooses.
    pub container_name: Option<String>,
    /// How many containers; may be none.
    pub replicas: u32,
    /// It is only there if one of these is.
    pub profiles: Vec<String>,
    /// Everything that widens its reach. An image's own user is not among it.
    pub asks: Vec<Ask>,
    /// Of the host's resources; the larger where two places say it.
    pub amounts: Amounts,
    /// Paths of the host: mounts, files of secrets and configs, and volumes that are folders of the host.
    pub binds: Vec<Bind>,
    /// Named volumes, as the engine calls them.
    pub volumes: Vec<String>,
    /// As the engine calls them.
    pub networks: Vec<String>,
    /// What others on its networks find it by, beside its own name: its hostname and its aliases.
    pub found_as: Vec<String>,
    /// Other containers by name, whose networks, processes or mounts it shares.
    pub containers: Vec<String>,
    /// Services of this project that it is tied to in that way, or by a link.
    pub shares: Vec<String>,
    /// Without a value it is unset.
    pub environment: BTreeMap<String, Option<String>>,
    /// What has to be there before it.
    pub needs: Vec<(String, Condition)>,
    /// The file says how to see whether it is well; an image may say so, too.
    pub has_health_check: bool,
    /// `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`.
    pub restart: Option<String>,
    /// As shown: `127.0.0.1:8080 -> 80/tcp`.
    pub ports: Vec<String>,
}

impl Model {
    /// What the image of a service is called, also of one that is built without a name for it.
    #[must_use]
    pub fn built_as(&self, service: &Service) -> String {
        service.image.clone().unwrap_or_else(|| format!("{}-{}", self.name, service.name))
    }

    /// Is a container of this name the service's? Those without a name of their own are numbered.
    #[must_use]
    pub fn calls_so(&self, service: &Service, container: &str) -> bool {
        match &service.container_name {
            Some(name) => name == container,
            None => {
                let number = container.strip_prefix(&format!("{}-{}-", self.name, service.name));
                number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            }
        }
    }
}

/// A path of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// On the host.
    pub source: PathBuf,
    /// In the container.
    pub target: String,
    /// The container may write there.
    pub writable: bool,
    /// The engine may make the folder if it is not there. Some releases of compose print this and some do not: only a
    /// `false` is certain.
    pub creates: bool,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It has been started.
    Started,
    /// Its health check says so.
    Healthy,
    /// It has ended, and well.
    Completed,
}

/// What one call makes, and what its answer has room for.
const SERVICES: usize = 200;
const CONTAINERS: u64 = 500;

const KEYS: &[&str] = &["name", "services", "networks", "volumes", "secrets", "configs", "version"];

/// Keys of the file as a whole that are refused, whatever the settings say.
const REFUSED: &[(&str, &str, &str)] = &[
    ("models", "models are fetched and run by a program beside the engine", "run the model elsewhere"),
    ("include", "an included file is left in it", "it is not what compose prints"),
];

/// Reads what `config --format json` prints.
///
/// # Errors
/// The first thing that is not known, not of its type, or never let through.
pub fn model(json: &Value) -> Result<Model, Refused> {
    let json = reader::plain(json)?;
    let top = At::top(&json);
    never(&top, REFUSED)?;
    top.closed(&[KEYS])?;
    let name = match top.key("name")? {
        Some(at) if is_project(at.text()?) => at.text()?.to_owned(),
        Some(at) => return Err(at.refuse("it is no name of a project", "small letters, digits, `_` and `-`")),
        None => return Err(Refused::new("name", "the project has no name", "give it one")),
    };
    let mut networks = networks::all(&top, &name)?;
    let volumes = stored::volumes(&top, &name)?;
    let (secrets, configs) = (stored::files(&top, "secrets")?, stored::files(&top, "configs")?);
    let entries = top.key("services")?.map(|at| at.entries()).transpose()?.unwrap_or_default();
    let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
    let mut services = Vec::new();
    for (key, at) in &entries {
        if !is_key(key) {
            let hint = "letters, digits, `.`, `_` and `-`, the first a letter or digit";
            return Err(at.refuse("it is no name of a service", hint));
        }
        // Compose puts it there itself, when the model is used.
        if networks::is_usual(at)? && !networks.iter().any(|network| network.key == "default") {
            networks.push(Network::usual(&name));
        }
        let around = Around {
            services: &names,
            networks: &networks,
            volumes: &volumes,
            secrets: &secrets,
            configs: &configs,
        };
        services.push(service::read(key, at, &around)?);
    }
    let containers = services.iter().fold(0_u64, |sum, service| sum.saturating_add(service.replicas.into()));
    if services.len() > SERVICES || containers > CONTAINERS {
        let why =
            format!("{} services with {containers} containers are more than one call makes", services.len());
        return Err(Refused::new(
            "services",
            why,
            format!("{SERVICES} services and {CONTAINERS} containers are the most"),
        ));
    }
    // Those that a mode names: they are there already, whatever the file says of them.
    for name in services.iter().flat_map(|service| &service.networks) {
        if !networks.iter().any(|network| network.name == *name) {
            networks.push(Network {
                key: name.clone(),
                name: name.clone(),
                external: true,
                ..Network::default()
            });
        }
    }
    Ok(Model { name, services, networks, volumes })
}

/// Is none of these keys there? Null and false are as good as nothing.
pub(super) fn never(at: &At<'_>, refused: &[(&str, &str, &str)]) -> Result<(), Refused> {
    for (key, why, hint) in refused {
        if let Some(at) = at.key(key)?.filter(|at| !at.flag().is_ok_and(|yes| !yes)) {
            return Err(at.refuse(*why, *hint));
        }
    }
    Ok(())
}

fn is_project(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
