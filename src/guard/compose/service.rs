//! A service, key by key. Every key of compose's schema is in exactly one of these lists; one that is in none is refused.

use super::model::{self, Condition, Service};
use super::networks::{self, Network};
use super::reader::At;
use super::stored::{Files, Volume};
use super::{Refused, build, deploy, mounts, ports, reach, resources};

/// Refused whatever the settings say: these run code on the host, run it where nobody looks, or reach past the engine.
const REFUSED: &[(&str, &str, &str)] = &[
    ("provider", "a program of the host would be run for it", "use an image"),
    (
        "use_api_socket",
        "it would get the engine's socket and everybody's credentials",
        "use the tools of this server",
    ),
    ("credential_spec", "credentials of the host would be handed in", "use a secret with a file"),
    ("models", "models are fetched and run by a program beside the engine", "run the model elsewhere"),
    ("pre_start", "commands would be run beside its own", "put it into the image or its command"),
    (
        "post_start",
        "commands would be run in it, past the rules for them",
        "put it into the image or its command",
    ),
    (
        "pre_stop",
        "commands would be run in it, past the rules for them",
        "put it into the image or its command",
    ),
    ("annotations", "they speak to the runtime of the host", "use labels"),
    ("external_links", "it would reach containers of others by name", "use a network that both are on"),
    ("env_file", "a file is left to be read", NOT_PRINTED),
    ("label_file", "a file is left to be read", NOT_PRINTED),
    ("extends", "a file is left to be read", NOT_PRINTED),
];
const NOT_PRINTED: &str = "it is not what compose prints";

/// A text, a number or a flag that reaches no further than the container. Shares of processors and swap are under the
/// ceilings, or under none like everybody's.
const HARMLESS: &[&str] = &[
    "attach",
    "cpu_count",
    "cpu_percent",
    "cpu_shares",
    "cpuset",
    "domainname",
    "hostname",
    "init",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "pull_refresh_after",
    "read_only",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tty",
    "working_dir",
];

/// Words that reach no further than the container, or none of them.
const WORDS: &[&str] = &["cap_drop", "command", "entrypoint", "expose"];

/// What is read in this file. `develop` says what `compose watch` would do, which is never run.
const HERE: &[&str] = &[
    "build",
    "depends_on",
    "develop",
    "environment",
    "healthcheck",
    "image",
    "platform",
    "profiles",
    "pull_policy",
    "restart",
    "scale",
];

/// What a service can name.
pub(super) struct Around<'a> {
    pub services: &'a [&'a str],
    pub networks: &'a [Network],
    pub volumes: &'a [Volume],
    pub secrets: &'a Files,
    pub configs: &'a Files,
}

impl Around<'_> {
    /// A service of the same project.
    pub(super) fn service(&self, at: &At<'_>, name: &str) -> Result<String, Refused> {
        match self.services.contains(&name) {
            true => Ok(name.to_owned()),
            false => Err(at.refuse("there is no such service", "name a service of the same project")),
        }
    }
}

pub(super) fn read(name: &str, at: &At<'_>, around: &Around<'_>) -> Result<Service, Refused> {
    model::never(at, REFUSED)?;
    at.closed(&[
        HARMLESS,
        WORDS,
        HERE,
        reach::KEYS,
        resources::KEYS,
        ports::KEYS,
        mounts::KEYS,
        networks::KEYS,
        deploy::KEYS,
        // Only those that say false are left.
        &REFUSED.iter().map(|(key, _, _)| *key).collect::<Vec<_>>(),
    ])?;
    for key in HARMLESS {
        at.key(key)?.map(|at| at.scalar()).transpose()?;
    }
    for key in WORDS {
        at.key(key)?.map(|at| at.words()).transpose()?;
    }
    let text = |key: &str| -> Result<Option<String>, Refused> {
        let text = at.key(key)?.map(|at| at.text().map(str::to_owned)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    };
    let words = |key: &str| Ok(at.key(key)?.map(|at| at.words()).transpose()?.unwrap_or_default());
    let mut service = Service {
        name: name.to_owned(),
        image: text("image")?,
        build: at.key("build")?.map(|at| build::read(&at)).transpose()?,
        platform: text("platform")?,
        pull_policy: text("pull_policy")?,
        container_name: text("container_name")?,
        profiles: words("profiles")?,
        restart: text("restart")?,
        has_health_check: health(at)?,
        needs: needs(at, around)?,
        found_as: text("hostname")?.into_iter().collect(),
        amounts: resources::amounts(at)?,
        ..Service::default()
    };
    if service.image.is_none() && service.build.is_none() {
        return Err(at.refuse("it has neither an image nor a build", "name an image"));
    }
    if let Some(at) = at.key("environment")? {
        for (key, at) in at.entries()? {
            let value = if at.is_null() { None } else { Some(at.scalar()?) };
            service.environment.insert(key.to_owned(), value);
        }
    }
    reach::read(at, around, &mut service)?;
    resources::read(at, &mut service)?;
    ports::read(at, &mut service)?;
    mounts::read(at, around, &mut service)?;
    networks::join(at, around, &mut service)?;
    deploy::read(at, &mut service)?;
    Ok(service)
}

/// Is there a check of its own?
fn health(service: &At<'_>) -> Result<bool, Refused> {
    let Some(at) = service.key("healthcheck")? else { return Ok(false) };
    at.closed(&[&["test", "disable", "interval", "timeout", "retries", "start_period", "start_interval"]])?;
    let off = at.key("disable")?.map(|at| at.flag()).transpose()?.unwrap_or(false);
    let test = at.key("test")?.map(|at| at.words()).transpose()?.unwrap_or_default();
    Ok(!off && test.first().is_some_and(|word| word != "NONE"))
}

fn needs(service: &At<'_>, around: &Around<'_>) -> Result<Vec<(String, Condition)>, Refused> {
    let mut all = Vec::new();
    for (name, at) in service.key("depends_on")?.map(|at| at.entries()).transpose()?.unwrap_or_default() {
        at.closed(&[&["condition", "restart", "required"]])?;
        let condition = match at.key("condition")? {
            None => Condition::Started,
            Some(at) => match at.text()? {
                "service_started" => Condition::Started,
                "service_healthy" => Condition::Healthy,
                "service_completed_successfully" => Condition::Completed,
                _ => return Err(at.refuse("no such condition is known here", "wait for service_healthy")),
            },
        };
        let required = at.key("required")?.map(|at| at.flag()).transpose()?.unwrap_or(true);
        if required || around.services.contains(&name) {
            all.push((around.service(&at, name)?, condition));
        }
    }
    Ok(all)
}
