//! `[create_safety]`, `[compose]`, `[build]`, `[registries]`, `[secrets]`

use std::collections::BTreeMap;

use super::roots::roots;
use crate::config::forms::strings;
use crate::config::layers::Form;
use crate::config::merge::{Entry, ceiling, fixed, higher, narrowed, subset};
use crate::config::reader::Reader;
use crate::config::section::{How, Section, Shape};
use crate::config::settings::{
    Build, BuildNetwork, Ceilings, Compose, CreateSafety, Exception, Profile, PublishedPorts, Registries,
    SecretSource,
};
use crate::config::tree::{Node, Value};
use crate::config::units::{quote, quote_all, size};

pub(super) fn create(s: &mut Section<'_, '_>) -> CreateSafety {
    let profiles = [("baseline", Profile::Baseline), ("restricted", Profile::Restricted)];
    let ports = [
        ("any", PublishedPorts::Any),
        ("loopback", PublishedPorts::Loopback),
        ("none", PublishedPorts::None),
    ];
    CreateSafety {
        profile: s.choice("profile", Profile::Baseline, &profiles, higher),
        allow: exceptions(s),
        bind_roots: roots(s, "bind_roots"),
        published_ports: s.choice("published_ports", PublishedPorts::Any, &ports, higher),
        limits: s.section("limits", |s| Ceilings {
            memory: amount(s, "memory", 6 << 20, 1 << 50),
            cpus: cpus(s),
            pids: amount(s, "pids", 1, 4_194_304),
            containers: amount(s, "containers", 1, 100_000),
        }),
    }
}

/// Fields that the create guard knows; an exception for another has no effect.
const FIELDS: &[&str] = &[
    "privileged",
    "cap_add",
    "cap_drop",
    "device",
    "devices",
    "device_requests",
    "gpus",
    "network_mode",
    "pid_mode",
    "ipc_mode",
    "uts_mode",
    "userns_mode",
    "cgroupns_mode",
    "cgroup_parent",
    "security_opt",
    "apparmor",
    "seccomp",
    "sysctl",
    "sysctls",
    "runtime",
    "volume_driver",
    "volumes_from",
    "bind",
    "mount",
    "group_add",
    "isolation",
    "user",
    "links",
    "log_driver",
    "log_config",
    "storage_opt",
    "oom_kill_disable",
    "oom_score_adj",
    "ulimit",
    "ulimits",
    "masked_paths",
    "readonly_paths",
    "read_only",
    "tmpfs",
    "target",
    "host_port",
    "ports",
    "extra_hosts",
    "dns",
    "no_new_privileges",
    "annotations",
    "restart_policy",
    // Asked for by compose files alone.
    "bind_propagation",
    "blkio_config",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "device_cgroup_rules",
    "endpoint_option",
    "link_local_ips",
    "log_option",
    "mac_address",
];

impl Entry for Exception {
    fn same(&self, other: &Self) -> bool {
        self.field == other.field && self.value == other.value
    }
}

fn exceptions(s: &mut Section<'_, '_>) -> Vec<Exception> {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let list = strings(reader, path, node)?;
        let count = list.len();
        let mut out = Vec::new();
        for (text, at) in list {
            let (field, value) = match text.split_once('=') {
                Some((field, value)) => (field.trim(), Some(value.trim())),
                None => (text.trim(), None),
            };
            let fine = !field.is_empty() && field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if !fine || value.is_some_and(str::is_empty) {
                let hint = Some("write `network_mode=host` or `cap_add=NET_ADMIN`".to_owned());
                reader.problem(&at, format!("`{text}` is not an exception"), hint);
                continue;
            }
            if !FIELDS.contains(&field) {
                let near = crate::config::error::nearest(field, FIELDS.iter().copied());
                let hint = near.map(|name| format!("did you mean `{name}`?"));
                reader.warning(
                    &at,
                    format!("`{field}` is no guarded field: the exception has no effect"),
                    hint,
                );
            }
            let source = reader.source(&at);
            out.push(Exception { field: field.to_owned(), value: value.map(str::to_owned), source });
        }
        (out.len() == count).then_some(out)
    };
    let show = |list: &Vec<Exception>| {
        let text = |e: &Exception| match &e.value {
            Some(value) => format!("{}={value}", e.field),
            None => e.field.clone(),
        };
        let texts: Vec<String> = list.iter().map(text).collect();
        quote_all(texts.iter().map(String::as_str))
    };
    let shape = Shape::new("a list of exceptions, such as \"network_mode=host\"", Form::List);
    s.value("allow", &shape, Vec::new(), &How { parse: &parse, merge: &subset, show: &show })
}

/// A ceiling: a number, for memory with a unit.
fn amount(s: &mut Section<'_, '_>, key: &'static str, least: u64, most: u64) -> Option<u64> {
    let memory = key == "memory";
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let number = match &node.value {
            Value::Int(number) => u64::try_from(*number).unwrap_or_default(),
            Value::Text(text) if memory => match size(text) {
                Ok(number) => number,
                Err(hint) => {
                    reader.problem(&node.at, format!("`{text}` is not a size"), Some(hint));
                    return None;
                }
            },
            _ => {
                let expected =
                    if memory { "a size, such as \"512m\" or a number of bytes" } else { "a whole number" };
                reader.wrong_kind(path, node, expected);
                return None;
            }
        };
        if (least..=most).contains(&number) {
            return Some(Some(number));
        }
        reader.problem(&node.at, format!("`{path}` must be from {least} to {most}"), None);
        None
    };
    let words = if memory { "a size in bytes or such as \"512m\"" } else { "a whole number" };
    let show = |n: &Option<u64>| n.map_or_else(|| "not set".to_owned(), |n| n.to_string());
    s.value(key, &Shape::new(words, Form::Number), None, &How { parse: &parse, merge: &ceiling, show: &show })
}

fn cpus(s: &mut Section<'_, '_>) -> Option<f64> {
    let parse = |reader: &mut Reader<'_>, path: &str, node: &Node| {
        let number = match &node.value {
            Value::Int(number) => i32::try_from(*number).map(f64::from).unwrap_or(-1.0),
            Value::Float(number) => *number,
            // A variable can only give text.
            Value::Text(text) if !matches!(node.at, crate::config::tree::At::File(_)) => {
                text.parse().unwrap_or(-1.0)
            }
            _ => {
                reader.wrong_kind(path, node, "a number");
                return None;
            }
        };
        if (0.01..=4096.0).contains(&number) {
            return Some(Some(number));
        }
        reader.problem(&node.at, format!("`{path}` must be from 0.01 to 4096"), None);
        None
    };
    let show = |n: &Option<f64>| n.map_or_else(|| "not set".to_owned(), |n| n.to_string());
    s.value(
        "cpus",
        &Shape::new("a number", Form::Number),
        None,
        &How { parse: &parse, merge: &ceiling, show: &show },
    )
}

pub(super) fn compose(s: &mut Section<'_, '_>) -> Compose {
    Compose {
        roots: roots(s, "roots"),
        files: s.paths("files", Vec::new(), narrowed),
        trusted_files: s.paths("trusted_files", Vec::new(), subset),
        pass_env: s.list("pass_env", &[], subset).into_iter().map(|p| p.text).collect(),
    }
}

pub(super) fn build(s: &mut Section<'_, '_>) -> Build {
    let networks = [("none", BuildNetwork::None), ("default", BuildNetwork::Default)];
    Build { roots: roots(s, "roots"), network: s.choice("network", BuildNetwork::None, &networks, higher) }
}

pub(super) fn registries(s: &mut Section<'_, '_>) -> Registries {
    let allow = s.list("allow", &[], narrowed);
    for host in allow.iter().filter(|p| p.text.contains(['/', '*', '@', ' '])) {
        let hint =
            Some("write the host alone, with its port if it has one: `registry.example.com:5000`".to_owned());
        s.reader.relation("registries.allow", format!("`{}` is not a registry's host", host.text), hint);
    }
    Registries { allow }
}

pub(super) fn secrets(s: &mut Section<'_, '_>) -> BTreeMap<String, SecretSource> {
    let read = |s: &mut Section<'_, '_>, name: &str| {
        let (env, file) = (s.text("env", fixed), s.path("file", fixed));
        match (env, file) {
            (Some(env), None) => Some(SecretSource::Env(env)),
            (None, Some(file)) => Some(SecretSource::File(file)),
            _ => {
                let at = s.at.clone();
                let hint = Some(format!(
                    "write `{name} = {{ env = {} }}` or `{{ file = \"...\" }}`",
                    quote("VARIABLE")
                ));
                s.reader.problem(&at, format!("`secrets.{name}` needs either `env` or `file`"), hint);
                None
            }
        }
    };
    s.named("secrets", read).into_iter().filter_map(|(name, source)| Some((name, source?))).collect()
}
