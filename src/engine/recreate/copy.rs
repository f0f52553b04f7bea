//! From a container's inspection to the request that makes another like it. Nothing in it is the caller's.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::super::ops::is_hex64;

#[cfg(test)]
mod tests;

/// Stands at the end of strings that were cut while they were read.
const CUT: &str = "…[cut]";
/// What an image says of these, a container of another image gets from that one.
const OF_IMAGE: &[&str] =
    &["User", "WorkingDir", "Cmd", "Entrypoint", "Healthcheck", "StopSignal", "Shell", "ArgsEscaped"];

/// A request, and what stands in the way of running both at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Copied {
    pub body: Value,
    /// What both would need.
    pub contended: Vec<String>,
    /// Where volumes are mounted that nobody named.
    pub unnamed: Vec<String>,
}

/// How an engine keeps hardware addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macs {
    /// One for a container.
    OfContainer,
    /// One for each network; what nobody chose is made of the address in numbers.
    Derived,
    /// One for each network; what nobody chose looks like any other.
    AtRandom,
}

/// `image`: as the new one is to name it. `old`: the configuration of the image that it came from, where the new one is
/// another.
pub(super) fn copy(
    inspection: &Value,
    image: &str,
    old: Option<&Value>,
    marks: &[(&str, &str)],
    macs: Macs,
) -> Result<Copied, &'static str> {
    if is_cut(inspection) {
        return Err("a text in its configuration is too long to be copied exactly");
    }
    let object =
        |path: &str| inspection.pointer(path).and_then(Value::as_object).cloned().unwrap_or_default();
    let (mut config, mut host) = (object("/Config"), object("/HostConfig"));
    let (mut contended, mut unnamed) = (Vec::new(), Vec::new());
    let mode = text(host.get("NetworkMode")).to_owned();
    let shared = mode == "host" || mode.starts_with("container:");

    config.insert("Image".into(), json!(image));
    config.remove("OnBuild");
    let id = text(inspection.get("Id"));
    let own_name = text(config.get("Hostname"));
    if shared || text(host.get("UTSMode")) == "host" || id.get(..12) == Some(own_name) {
        config.remove("Hostname");
        config.remove("Domainname");
    }
    if mode.starts_with("container:") {
        config.remove("ExposedPorts");
    }
    if let Some(old) = old {
        subtract(&mut config, old);
    }
    let labels = config.entry("Labels").or_insert_with(|| json!({}));
    if !labels.is_object() {
        *labels = json!({});
    }
    if let Some(labels) = labels.as_object_mut() {
        labels.retain(|key, _| !key.starts_with("docker-mcp.recreate."));
        labels.extend(marks.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    }

    host.remove("ContainerIDFile");
    links(&mut host);
    mounts(inspection, &mut host, (&mut contended, &mut unnamed));
    if shared {
        contended.push(
            if mode == "host" { "the host's network" } else { "another container's network" }.to_owned(),
        );
    }
    for (port, to) in host.get("PortBindings").and_then(Value::as_object).into_iter().flatten() {
        let fixed = to.as_array().into_iter().flatten().map(|b| text(b.get("HostPort")));
        contended.extend(
            fixed.filter(|p| !matches!(*p, "" | "0")).map(|p| format!("port {p} of the host for {port}")),
        );
    }
    let endpoints = if shared || mode == "none" {
        config.remove("MacAddress");
        Map::new()
    } else {
        networks(inspection, id, (&mut config, &mut host), &mut contended, macs)
    };

    let mut body = config;
    body.insert("HostConfig".into(), Value::Object(host));
    if !endpoints.is_empty() {
        body.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": endpoints }));
    }
    Ok(Copied { body: Value::Object(body), contended, unnamed })
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn is_cut(value: &Value) -> bool {
    match value {
        Value::String(text) => text.ends_with(CUT),
        Value::Array(list) => list.iter().any(is_cut),
        Value::Object(map) => map.iter().any(|(key, value)| key.ends_with(CUT) || is_cut(value)),
        _ => false,
    }
}

/// Takes away what the container only had from its image.
fn subtract(config: &mut Map<String, Value>, old: &Value) {
    for key in OF_IMAGE {
        if config.get(*key).is_some_and(|value| old.get(*key) == Some(value)) {
            config.remove(*key);
        }
    }
    let had: Vec<&Value> = old.get("Env").and_then(Value::as_array).into_iter().flatten().collect();
    if let Some(env) = config.get_mut("Env").and_then(Value::as_array_mut) {
        env.retain(|line| !had.contains(&line));
    }
    for key in ["Labels", "ExposedPorts", "Volumes"] {
        if let Some(map) = config.get_mut(key).and_then(Value::as_object_mut) {
            map.retain(|name, value| old.get(key).and_then(|had| had.get(name)) != Some(value));
        }
    }
}

/// The engine writes `/db:/web/alias`, and reads `db:alias`.
fn links(host: &mut Map<String, Value>) {
    for link in host.get_mut("Links").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some((to, alias)) = link.as_str().and_then(|l| l.split_once(':')) {
            let alias = alias.rsplit('/').next().unwrap_or(alias);
            *link = json!(format!("{}:{alias}", to.trim_start_matches('/')));
        }
    }
}

/// Every volume stays the same one, also where nobody named it, or another container lent it.
fn mounts(
    inspection: &Value,
    host: &mut Map<String, Value>,
    (contended, unnamed): (&mut Vec<String>, &mut Vec<String>),
) {
    let mut binds: Vec<String> = host
        .get("Binds")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|bind| bind.as_str().map(str::to_owned))
        .collect();
    let there = |binds: &[String], at: &str| binds.iter().any(|bind| bind.split(':').nth(1) == Some(at));
    for mount in inspection.get("Mounts").and_then(Value::as_array).into_iter().flatten() {
        let [kind, name, source, at] =
            ["Type", "Name", "Source", "Destination"].map(|key| text(mount.get(key)));
        let writable = mount.get("RW") == Some(&Value::Bool(true));
        let what = match kind {
            "volume" => name,
            "bind" => source,
            _ => continue,
        };
        if writable {
            contended.push(format!("what is written to {at}"));
        }
        let typed = host.get_mut("Mounts").and_then(Value::as_array_mut).into_iter().flatten();
        if let Some(typed) = typed.into_iter().find(|typed| text(typed.get("Target")) == at) {
            let nobody_named = kind == "volume" && text(typed.get("Source")).is_empty();
            if let (true, Some(typed)) = (nobody_named, typed.as_object_mut()) {
                typed.insert("Source".into(), json!(name));
                unnamed.push(at.to_owned());
            }
        } else if !there(&binds, at) {
            unnamed.extend((kind == "volume" && is_hex64(name)).then(|| at.to_owned()));
            binds.push(format!("{what}:{at}{}", if writable { "" } else { ":ro" }));
        }
    }
    host.insert("Binds".into(), json!(binds));
    // Their mounts are among the binds now: the name may be another container's by now.
    host.insert("VolumesFrom".into(), Value::Null);
}

/// Every network, with what was asked of it and without what the engine found for it.
fn networks(
    inspection: &Value,
    id: &str,
    (config, host): (&mut Map<String, Value>, &mut Map<String, Value>),
    contended: &mut Vec<String>,
    macs: Macs,
) -> Map<String, Value> {
    let of_container = text(config.get("MacAddress")).to_owned();
    let ran = inspection.pointer("/State/Status").is_some_and(|status| status != "created");
    if macs != Macs::OfContainer || of_container.is_empty() {
        config.remove("MacAddress");
    }
    let mode = text(host.get("NetworkMode")).to_owned();
    let mut endpoints = Map::new();
    let all = inspection.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    for (name, end) in all.into_iter().flatten() {
        let mut settings = Map::new();
        for key in ["IPAMConfig", "Links", "DriverOpts", "GwPriority"] {
            let value = end.get(key).filter(|v| !v.is_null() && **v != json!({}) && **v != json!(0));
            settings.extend(value.map(|value| (key.to_owned(), value.clone())));
        }
        let aliases = end.get("Aliases").and_then(Value::as_array).into_iter().flatten();
        // The engine adds the short id itself.
        let aliases: Vec<&Value> = aliases.filter(|alias| alias.as_str() != id.get(..12)).collect();
        if !aliases.is_empty() {
            settings.insert("Aliases".into(), json!(aliases));
        }
        let fixed = end.get("IPAMConfig").and_then(Value::as_object).into_iter().flatten();
        if fixed.into_iter().any(|(_, address)| !text(Some(address)).is_empty()) {
            contended.push(format!("a fixed address in `{name}`"));
        }
        let network = text(end.get("NetworkID"));
        let first = mode == *name
            || (name == "bridge" && matches!(mode.as_str(), "" | "default"))
            || (mode.len() >= 12 && network.starts_with(&mode));
        let mac = match first {
            true if !of_container.is_empty() => of_container.as_str(),
            _ => chosen_mac(end, ran, macs),
        };
        if !mac.is_empty() {
            if macs != Macs::OfContainer {
                settings.insert("MacAddress".into(), json!(mac));
            }
            contended.push(format!("the hardware address {mac} in `{name}`"));
        }
        if !mode.is_empty() && (network == mode || (mode.len() >= 12 && network.starts_with(&mode))) {
            host.insert("NetworkMode".into(), json!(name));
        }
        endpoints.insert(name.clone(), Value::Object(settings));
    }
    // The usual case needs no words, and old engines understand none for it.
    if matches!(mode.as_str(), "" | "default" | "bridge") {
        let plain = endpoints.get("bridge").is_some_and(|end| end.get("MacAddress").is_none());
        if endpoints.len() == 1 && plain {
            endpoints.clear();
        } else if endpoints.contains_key("bridge") {
            host.insert("NetworkMode".into(), json!("bridge"));
        }
    }
    endpoints
}

/// The hardware address that somebody chose for this network, as far as that can be told.
fn chosen_mac(end: &Value, ran: bool, macs: Macs) -> &str {
    let (mac, address) = (text(end.get("MacAddress")), text(end.get("IPAddress")));
    // Before a container ever ran it has none that nobody chose.
    let chosen = match (macs, ran) {
        (Macs::OfContainer, _) => false,
        (_, false) => true,
        (Macs::AtRandom, true) => false,
        (Macs::Derived, true) => {
            let derived = address.parse::<Ipv4Addr>().map(|ip| {
                let [a, b, c, d] = ip.octets();
                format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
            });
            derived.is_ok_and(|derived| derived != mac)
        }
    };
    if chosen { mac } else { "" }
}
