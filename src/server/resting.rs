//! How often a thing may be changed, whatever it is called and through whichever tool.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::config::Settings;
use crate::config::settings::{Cooldown, CooldownKey};
use crate::confirm::binding;
use crate::limits::{Bucket, MINUTES, Resting};
use crate::policy::Target;
use crate::policy::decide::Named;
use crate::tool::def::Prepared;
use crate::tool::{Class, Kind, ToolDef, ToolError};

use super::spent::Spent;
use super::{Caller, Server};

/// What this call lets rest.
pub(super) fn buckets(
    def: &ToolDef,
    targets: &[Named],
    project: Option<&str>,
    settings: &Settings,
) -> Vec<Bucket> {
    let tool = def.spec.name;
    let all = &settings.limits.cooldown;
    // The same deed by two tools is one deed: who may not restart a service may not restart its container either.
    let deed = tool.replacen("docker_compose_", "docker_", 1);
    let twin = if deed == tool { tool.replacen("docker_", "docker_compose_", 1) } else { deed.clone() };
    let by_twin = all.get(&twin).filter(|rule| rule.key != CooldownKey::Tool);
    let mut found = BTreeMap::new();
    for (rule, name, own) in [(all.get(tool), tool, true), (by_twin, twin.as_str(), false)]
        .into_iter()
        .filter_map(|(rule, name, own)| Some((rule?, name, own)))
    {
        for thing in things(rule, targets, project, own) {
            let bucket = Bucket {
                key: match rule.key {
                    CooldownKey::Tool => tool.to_owned(),
                    _ => format!("{deed} {}", thing.0),
                },
                every: rule.every,
                words: format!("{}; [limits.cooldown] {name} ({})", thing.1, rule.source),
            };
            let longest = found.entry(bucket.key.clone()).or_insert_with(|| bucket.clone());
            if longest.every < bucket.every {
                *longest = bucket;
            }
        }
    }
    found.into_values().collect()
}

/// The things of these targets that rest by this rule: a name that nothing else has, and words.
fn things(rule: &Cooldown, targets: &[Named], project: Option<&str>, own: bool) -> Vec<(String, String)> {
    let of_project = |name: &str| (format!("project {name}"), format!("project `{name}`"));
    if rule.key == CooldownKey::Tool {
        return vec![(String::new(), "the tool".to_owned())];
    }
    let mut things: Vec<(String, String)> = targets
        .iter()
        .filter_map(|named| match (&named.target, rule.key) {
            (Target::Container(c), CooldownKey::Container) => {
                Some((format!("container {}", c.id), format!("container `{}`", c.name)))
            }
            (Target::Container(c), CooldownKey::Service) => match (&c.project, &c.service) {
                (Some(project), Some(service)) => {
                    let words = format!("service `{service}` of project `{project}`");
                    Some((format!("service {project} {service}"), words))
                }
                _ => own.then(|| (format!("container {}", c.id), format!("container `{}`", c.name))),
            },
            (Target::Container(c), CooldownKey::Project) => match &c.project {
                Some(project) => Some(of_project(project)),
                None => own.then(|| (format!("container {}", c.id), format!("container `{}`", c.name))),
            },
            // It does not exist yet, or is no container: its name is all there is.
            (other, _) => (own && project.is_none()).then(|| {
                (
                    format!("{} {}", other.kind(), other.label()),
                    format!("{} `{}`", other.kind(), other.label()),
                )
            }),
        })
        .collect();
    // What a whole stack brings has no containers that could be counted yet.
    if let Some(project) = project.filter(|_| own && (rule.key == CooldownKey::Project || things.is_empty()))
    {
        things.push(of_project(project));
    }
    things
}

/// Arguments that say which objects are meant: by whatever words, the objects count.
const NAMING: &[&str] = &[
    "container",
    "containers",
    "service",
    "services",
    "project",
    "volume",
    "volumes",
    "network",
    "networks",
    "image",
    "images",
];

/// One more of the same change, unless it comes to nothing.
pub(super) fn again(
    server: &Arc<Server>,
    caller: &Caller,
    def: &ToolDef,
    prepared: &Prepared,
    (ids, settings): (impl Iterator<Item = String>, &Settings),
) -> Result<Option<Spent>, ToolError> {
    // Commands are repeated to see what they say; their own limit is exec_per_minute.
    if prepared.class == Class::Exec {
        return Ok(None);
    }
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    let mut arguments: Map<String, Value> = serde_json::from_str(&prepared.canonical).unwrap_or_default();
    if !ids.is_empty() {
        arguments.retain(|name, _| !NAMING.contains(&name.as_str()));
    }
    let arguments = Value::Object(arguments).to_string();
    let parts = [caller.name.as_str(), def.spec.name, &arguments];
    let change = binding(parts.into_iter().chain(ids.iter().map(String::as_str)));
    let (most, now, keeper) = (settings.limits.loop_guard, Instant::now(), Arc::clone(server));
    let counted = server.repeats.again(change, most, now);
    counted.map(|()| Some(Spent::new(move || keeper.repeats.forget(change, now)))).map_err(|wait| {
        ToolError::new(
            Kind::RateLimited,
            format!(
                "this very change was made {most} times within {MINUTES} minutes: [limits] loop_guard = {most}"
            ),
        )
        .hint("look why it does not help (docker_inspect, docker_logs) instead of repeating it, or ask the person")
        .retry_after(wait.max(Duration::from_millis(1)))
    })
}

/// How often this call may be made, for who asks beforehand.
pub(super) fn words(
    def: &ToolDef,
    prepared: &Prepared,
    rests: &[Bucket],
    settings: &Settings,
) -> Vec<String> {
    let limits = &settings.limits;
    let mut words: Vec<String> =
        rests.iter().map(|rest| format!("once in {} s: {}", rest.every.as_secs(), rest.words)).collect();
    let (key, per_minute) = def.rate.of(limits);
    if per_minute > 0 {
        words.push(format!("at most {per_minute} a minute for each caller: [limits] {key}"));
    }
    if !def.spec.effect.read_only() && prepared.class != Class::Exec && limits.loop_guard > 0 {
        let most = limits.loop_guard;
        words.push(format!(
            "the very same change at most {most} times in {MINUTES} minutes: [limits] loop_guard"
        ));
    }
    words
}

/// They rest from now on, unless it comes to nothing. Waits for the disk.
pub(super) fn take(
    server: &Arc<Server>,
    buckets: Vec<Bucket>,
) -> impl Future<Output = Result<Option<Spent>, ToolError>> + Send + 'static + use<> {
    let server = Arc::clone(server);
    async move {
        if buckets.is_empty() {
            return Ok(None);
        }
        let take = move || {
            let taken = server.cooldowns.take(&buckets)?;
            Ok(Some(Spent::new(move || server.cooldowns.give_back(&taken))))
        };
        let taken = tokio::task::spawn_blocking(take).await;
        taken.map_err(|e| ToolError::internal(e.to_string()))?.map_err(resting)
    }
}

/// Have they rested? Waits for the disk.
pub(super) fn rested(
    server: &Arc<Server>,
    buckets: &[Bucket],
) -> impl Future<Output = Result<(), ToolError>> + Send + 'static + use<> {
    let (server, buckets) = (Arc::clone(server), buckets.to_vec());
    async move {
        if buckets.is_empty() {
            return Ok(());
        }
        let looked = tokio::task::spawn_blocking(move || server.cooldowns.rested(&buckets)).await;
        looked.map_err(|e| ToolError::internal(e.to_string()))?.map_err(resting)
    }
}

fn resting(Resting { bucket, wait }: Resting) -> ToolError {
    let (every, left) = (bucket.every.as_secs(), wait.as_secs().max(1));
    ToolError::new(
        Kind::Cooldown,
        format!("once in {every} s and not before {left} s from now: {}", bucket.words),
    )
    .hint("wait, and look meanwhile whether the last one helped (docker_inspect, docker_logs)")
    .retry_after(wait)
}
