//! Which keys of a service are not as they are in one of its containers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::engine::compose::stack::Stack;
use crate::engine::projects::Member;
use crate::guard::compose::Service;
use crate::policy::Permits;
use crate::tool::Ctx;

/// Keys that the engine repeats as they are written, and where.
const SAME: [(&str, &str); 14] = [
    ("command", "/Config/Cmd"),
    ("entrypoint", "/Config/Entrypoint"),
    ("user", "/Config/User"),
    ("working_dir", "/Config/WorkingDir"),
    ("hostname", "/Config/Hostname"),
    ("tty", "/Config/Tty"),
    ("stop_signal", "/Config/StopSignal"),
    ("healthcheck/test", "/Config/Healthcheck/Test"),
    ("network_mode", "/HostConfig/NetworkMode"),
    ("init", "/HostConfig/Init"),
    ("privileged", "/HostConfig/Privileged"),
    ("read_only", "/HostConfig/ReadonlyRootfs"),
    ("cap_add", "/HostConfig/CapAdd"),
    ("cap_drop", "/HostConfig/CapDrop"),
];

/// The keys that differ; `image`: its image is another by now.
pub(super) async fn differs(
    ctx: &Ctx,
    permits: &Permits,
    (stack, service): (&Stack, &Service),
    member: &Member,
    image: bool,
) -> Vec<&'static str> {
    let id = &member.seen.identity.id;
    let facts = match permits.containers.iter().find(|p| p.target().id == *id) {
        Some(permit) => ctx.engine.inspect_container(&ctx.budget, permit).await.unwrap_or_default(),
        None => Value::Null,
    };
    let asked = stack.json.pointer(&format!("/services/{}", service.name)).unwrap_or(&Value::Null);
    let two = Two { asked, facts: &facts, service };
    let mut keys = Vec::new();
    let other_name = || two.text("/Config/Image").is_some_and(|is| service.image.as_deref() != Some(is));
    if image || (service.image.is_some() && other_name()) {
        keys.push("image");
    }
    if two.environment() {
        keys.push("environment");
    }
    for (key, path) in SAME {
        if two.same(key, path) == Some(false) {
            keys.push(key.split('/').next().unwrap_or(key));
        }
    }
    for (key, differs) in [
        ("restart", two.restart()),
        ("ports", two.ports()),
        ("networks", two.networks()),
        ("volumes", two.volumes()),
        ("labels", two.labels()),
        ("memory", service.amounts.memory.is_some_and(|most| two.number("/HostConfig/Memory") != Some(most))),
    ] {
        if differs {
            keys.push(key);
        }
    }
    if keys.is_empty() && member.hash().is_some() {
        // What was taken out of the file is in the container, and not of its image.
        let of_image = permits.images.iter().find(|p| p.target().id == member.seen.identity.image_id);
        let image = match of_image {
            Some(permit) => ctx.engine.inspect_image(&ctx.budget, permit).await.unwrap_or_default(),
            None => Value::Null,
        };
        if of_image.is_some() && two.left_over(&image) {
            keys.push("environment");
        }
    }
    if keys.is_empty() && member.hash().is_some() {
        keys.push("other keys");
    }
    keys
}

/// A service of the model, and what the engine says of its container.
struct Two<'a> {
    asked: &'a Value,
    facts: &'a Value,
    service: &'a Service,
}

impl Two<'_> {
    fn text(&self, path: &str) -> Option<&str> {
        self.facts.pointer(path).and_then(Value::as_str)
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.facts.pointer(path).and_then(Value::as_u64)
    }

    fn map(&self, path: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.facts.pointer(path).and_then(Value::as_object).into_iter().flat_map(Map::iter)
    }

    /// None: the file says nothing of it.
    fn same(&self, key: &str, path: &str) -> Option<bool> {
        let asked = self.asked.pointer(&format!("/{key}")).filter(|value| !value.is_null())?;
        let asked = plain(asked);
        // The engine has an id in its place.
        if asked.as_str().is_some_and(|text| text.starts_with("service:")) {
            return None;
        }
        Some(self.facts.pointer(path).is_some_and(|fact| *fact == asked))
    }

    fn env(&self) -> BTreeSet<&str> {
        let env = self.facts.pointer("/Config/Env").and_then(Value::as_array);
        env.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn environment(&self) -> bool {
        let env = self.env();
        let mut asked =
            self.service.environment.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        asked.any(|(key, value)| !env.contains(format!("{key}={value}").as_str()))
    }

    fn left_over(&self, image: &Value) -> bool {
        let of_image = image.pointer("/Config/Env").and_then(Value::as_array);
        let of_image: BTreeSet<&str> = of_image.into_iter().flatten().filter_map(Value::as_str).collect();
        let key = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        self.env()
            .iter()
            .any(|pair| !of_image.contains(pair) && !self.service.environment.contains_key(&key(pair)))
    }

    fn restart(&self) -> bool {
        let asked = self.service.restart.as_deref().unwrap_or("no").split(':').next().unwrap_or_default();
        self.text("/HostConfig/RestartPolicy/Name")
            .is_some_and(|is| is != asked && !(is.is_empty() && asked == "no"))
    }

    fn ports(&self) -> bool {
        // Chosen by the engine, or said to be.
        let port = |port: &str| if port == "0" { String::new() } else { port.to_owned() };
        let of =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut is = Vec::new();
        for (inside, bound) in self.map("/HostConfig/PortBindings") {
            for bound in bound.as_array().into_iter().flatten() {
                is.push((of(bound, "HostIp"), port(&of(bound, "HostPort")), inside.clone()));
            }
        }
        let asked = self.asked.get("ports").and_then(Value::as_array);
        let asked = asked.into_iter().flatten().map(|value| {
            let target = value.get("target").and_then(Value::as_u64).unwrap_or_default();
            let published = match value.get("published") {
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::String(text)) => text.clone(),
                _ => String::new(),
            };
            (of(value, "host_ip"), port(&published), format!("{target}/{}", of(value, "protocol")))
        });
        let mut asked: Vec<_> = asked.collect();
        is.sort();
        asked.sort();
        is != asked
    }

    fn networks(&self) -> bool {
        let is: BTreeSet<&str> =
            self.map("/NetworkSettings/Networks").map(|(name, _)| name.as_str()).collect();
        let asked: BTreeSet<&str> = self.service.networks.iter().map(String::as_str).collect();
        !asked.is_empty() && asked != is
    }

    fn volumes(&self) -> bool {
        let mounts = self.facts.pointer("/Mounts").and_then(Value::as_array);
        let mounts: Vec<&Value> = mounts.into_iter().flatten().collect();
        let has =
            |mount: &Value, key: &str, value: &str| mount.get(key).and_then(Value::as_str) == Some(value);
        let bound = self.service.binds.iter().all(|bind| {
            let source = bind.source.to_string_lossy();
            // A volume that is a folder of the host has a source of its own.
            let there = |m: &&&Value| has(m, "Destination", &bind.target);
            mounts.iter().find(there).is_some_and(|m| has(m, "Type", "volume") || has(m, "Source", &source))
        });
        let named = |name: &String| mounts.iter().any(|m| has(m, "Name", name));
        !bound || !self.service.volumes.iter().all(named)
    }

    fn labels(&self) -> bool {
        let asked = self.asked.get("labels").and_then(Value::as_object);
        asked.into_iter().flatten().any(|(key, value)| {
            self.facts.pointer("/Config/Labels").and_then(|labels| labels.get(key)) != Some(&plain(value))
        })
    }
}

/// Without the second of each two `$`.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(all) => all.iter().map(plain).collect(),
        other => other.clone(),
    }
}
