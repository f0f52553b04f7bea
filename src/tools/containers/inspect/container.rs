//! A container, in sections.

use serde_json::{Map, Value, json};

use super::Section;
use super::config::config;
use super::pick::{array, copy, entries, number, put, text};
use crate::engine::outlook::{HIDDEN, Outlook};
use crate::policy::Container;

/// The newest entries of the health log that are shown.
const HEALTH_LOG: usize = 3;

pub(super) fn curated(raw: &Value, who: &Container, outlook: &Outlook<'_>, section: Section) -> Value {
    let mut out = copy(raw, &[("created", "/Created"), ("platform", "/Platform")]);
    out.insert("id".into(), who.id.as_str().into());
    out.insert("name".into(), who.name.as_str().into());
    let image = outlook.image(&who.image, &who.image_id);
    if image != HIDDEN {
        out.insert("image_id".into(), who.image_id.as_str().into());
    }
    out.insert("image".into(), image.into());
    if section.has(Section::State) {
        out.insert("state".into(), state(raw, outlook).into());
    }
    if section.has(Section::Config) {
        out.insert("config".into(), config(raw, who, outlook).into());
    }
    if section.has(Section::Network) {
        out.insert("network".into(), network(raw, outlook).into());
    }
    if section.has(Section::Mounts) {
        out.insert("mounts".into(), mounts(raw, outlook).into());
    }
    Value::Object(out)
}

fn state(raw: &Value, outlook: &Outlook<'_>) -> Map<String, Value> {
    let mut out = copy(
        raw,
        &[
            ("status", "/State/Status"),
            ("pid", "/State/Pid"),
            ("dead", "/State/Dead"),
            ("started_at", "/State/StartedAt"),
            ("finished_at", "/State/FinishedAt"),
        ],
    );
    // Asked for by name, these are told also when they are false or zero.
    for (key, pointer) in [
        ("running", "/State/Running"),
        ("paused", "/State/Paused"),
        ("restarting", "/State/Restarting"),
        ("oom_killed", "/State/OOMKilled"),
        ("exit_code", "/State/ExitCode"),
        ("restart_count", "/RestartCount"),
    ] {
        if let Some(value) = raw.pointer(pointer) {
            out.insert(key.into(), value.clone());
        }
    }
    put(&mut out, "error", outlook.scrub(text(raw, "/State/Error")));
    if let Some(health) = raw.pointer("/State/Health").filter(|h| h.is_object()) {
        let mut told = copy(health, &[("status", "/Status"), ("failing_streak", "/FailingStreak")]);
        let log = array(health, "/Log");
        let newest = log.iter().skip(log.len().saturating_sub(HEALTH_LOG));
        let line = |entry: &Value| {
            let mut line = copy(entry, &[("start", "/Start"), ("end", "/End"), ("output", "/Output")]);
            line.insert("exit_code".into(), entry.pointer("/ExitCode").cloned().unwrap_or_default());
            Value::Object(line)
        };
        put(&mut told, "log", newest.map(line).collect::<Vec<_>>());
        put(&mut out, "health", told);
    }
    out
}

fn network(raw: &Value, outlook: &Outlook<'_>) -> Map<String, Value> {
    let mut out = Map::new();
    put(&mut out, "mode", outlook.network_mode(text(raw, "/HostConfig/NetworkMode")));
    let end = |v: &Value| {
        let mut end = copy(
            v,
            &[
                ("gateway", "/Gateway"),
                ("mac", "/MacAddress"),
                ("ipv6", "/GlobalIPv6Address"),
                ("ipv6_gateway", "/IPv6Gateway"),
                ("aliases", "/Aliases"),
                ("dns_names", "/DNSNames"),
            ],
        );
        let ip = text(v, "/IPAddress");
        if !ip.is_empty() {
            end.insert("ip".into(), format!("{ip}/{}", number(v, "/IPPrefixLen")).into());
        }
        let link = |l: &Value| {
            let (container, alias) = l.as_str()?.split_once(':')?;
            Some(Value::String(format!("{}:{alias}", outlook.container(container))))
        };
        put(&mut end, "links", array(v, "/Links").iter().filter_map(link).collect::<Vec<_>>());
        Value::Object(end)
    };
    let networks: Map<String, Value> = entries(raw, "/NetworkSettings/Networks")
        .filter(|(name, v)| outlook.network(name, text(v, "/NetworkID")))
        .map(|(name, v)| (name.clone(), end(v)))
        .collect();
    out.insert("networks".into(), networks.into());
    put(&mut out, "ports", ports(raw));
    out
}

/// As `docker_ps` writes them. While it does not run, what would be published.
fn ports(raw: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    let bound = entries(raw, "/NetworkSettings/Ports").next().is_some();
    let pointer = if bound { "/NetworkSettings/Ports" } else { "/HostConfig/PortBindings" };
    for (inside, bindings) in entries(raw, pointer) {
        let bindings = bindings.as_array().map(Vec::as_slice).unwrap_or_default();
        for binding in bindings {
            let (ip, port) = (text(binding, "/HostIp"), text(binding, "/HostPort"));
            let port = if port.is_empty() { "(any)" } else { port };
            out.push(match ip {
                "" => format!("{port}->{inside}"),
                ip if ip.contains(':') => format!("[{ip}]:{port}->{inside}"),
                ip => format!("{ip}:{port}->{inside}"),
            });
        }
        if bindings.is_empty() {
            out.push(inside.clone());
        }
    }
    out.into_iter().map(Value::String).collect()
}

fn mounts(raw: &Value, outlook: &Outlook<'_>) -> Vec<Value> {
    let one = |m: &Value| {
        let mut out = copy(
            m,
            &[
                ("type", "/Type"),
                ("destination", "/Destination"),
                ("mode", "/Mode"),
                ("propagation", "/Propagation"),
            ],
        );
        out.insert("rw".into(), m.pointer("/RW").cloned().unwrap_or(true.into()));
        let (name, source) = (text(m, "/Name"), text(m, "/Source"));
        match name {
            "" => put(&mut out, "source", outlook.host_path(source)),
            name if outlook.volume(name) => put(&mut out, "name", name),
            _ => put(&mut out, "name", HIDDEN),
        }
        Value::Object(out)
    };
    let tmpfs = |(path, options): (&String, &Value)| {
        let mut out = copy(options, &[("mode", "")]);
        out.extend([("type".to_owned(), json!("tmpfs")), ("destination".to_owned(), json!(path))]);
        Value::Object(out)
    };
    let mut all: Vec<Value> =
        array(raw, "/Mounts").iter().map(one).chain(entries(raw, "/HostConfig/Tmpfs").map(tmpfs)).collect();
    // The engine's order changes from call to call.
    all.sort_by(|a, b| text(a, "/destination").cmp(text(b, "/destination")));
    all
}
