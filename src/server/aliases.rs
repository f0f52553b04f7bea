//! Names of the five systems that this one replaces, and their argument names. Not listed, only understood.

use serde_json::{Map, Value};

use super::catalogue;

/// Other systems' tool names.
const TOOLS: &[(&str, &str)] = &[
    ("ping", "docker_health"),
    ("health", "docker_health"),
    ("list_containers", "docker_ps"),
    ("list-containers", "docker_ps"),
    ("get_container_logs", "docker_logs"),
    ("get-logs", "docker_logs"),
    ("network-list", "docker_networks"),
    ("network-inspect", "docker_inspect"),
];

/// Other systems' argument names, taken where the tool has no argument of the name.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("container_name", &["container"]),
    ("id", &["container", "name"]),
    ("name", &["container"]),
    ("timeoutMs", &["timeout"]),
];

/// The canonical tool and arguments.
#[must_use]
pub fn translate(tool: &str, mut arguments: Map<String, Value>) -> (String, Map<String, Value>) {
    let mut name = TOOLS.iter().find(|(seed, _)| *seed == tool).map_or(tool, |(_, ours)| *ours).to_owned();
    if catalogue::find(&name).is_none() {
        let prefixed = format!("docker_{}", tool.replace('-', "_"));
        if catalogue::find(&prefixed).is_some() {
            name = prefixed;
        }
    }
    if tool == "network-inspect" {
        arguments.entry("kind").or_insert_with(|| "network".into());
    }
    (name, arguments)
}
