//! What an image brings along that nobody asked for.

use std::collections::BTreeMap;

use serde_json::Value;

/// What of an image's own configuration matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// Who its processes run as; empty is root.
    pub user: String,
    /// Labels that make a container of it somebody's: the composer of a project, or us. They are emptied.
    pub labels: BTreeMap<String, String>,
}

/// Reads an inspection of an image.
#[must_use]
pub fn brought(inspection: &Value) -> Brought {
    let user = inspection.pointer("/Config/User").and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels = inspection.pointer("/Config/Labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().map(|(key, _)| key).filter(|key| is_somebodys(key));
    Brought { user, labels: labels.map(|key| (key.clone(), String::new())).collect() }
}

/// Does a label say whose a container is: a project's, a stack's, ours?
#[must_use]
pub fn is_somebodys(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["com.docker.compose.", "com.docker.stack.", "com.docker.swarm.", "docker-mcp."]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// The volume's own options: where it lies, if that is on the host; or what else it mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// The engine's own storage, or memory.
    Plain,
    /// A path of the host by another name.
    Bind(String),
    /// A device, a share, a plugin.
    Other(String),
}

/// Reads an inspection of a volume: `local` is mount(8) as root, and its options say what is mounted.
#[must_use]
pub fn volume(inspection: &Value) -> Volume {
    let text = |key: &str| inspection.get(key).and_then(Value::as_str).unwrap_or_default();
    let driver = text("Driver");
    if driver != "local" {
        return Volume::Other(format!("driver {driver}"));
    }
    let options = inspection.get("Options").and_then(Value::as_object);
    let options: BTreeMap<&str, &str> =
        options.into_iter().flatten().map(|(k, v)| (k.as_str(), v.as_str().unwrap_or_default())).collect();
    if options.is_empty() {
        return Volume::Plain;
    }
    let of = |key: &str| options.get(key).copied().unwrap_or_default();
    let flags: Vec<&str> = of("o").split(',').filter(|o| !o.is_empty()).collect();
    let known = options.keys().all(|key| matches!(*key, "type" | "device" | "o"));
    let keys =
        |known: &[&str]| flags.iter().all(|o| known.contains(&o.split('=').next().unwrap_or_default()));
    if known && of("type") == "tmpfs" && of("device") == "tmpfs" && keys(&["size", "uid", "gid", "mode"]) {
        return Volume::Plain;
    }
    let binds = flags.iter().any(|o| matches!(*o, "bind" | "rbind"));
    if known && binds && matches!(of("type"), "none" | "") && keys(&["bind", "rbind", "ro", "rw"]) {
        return Volume::Bind(of("device").to_owned());
    }
    Volume::Other(format!("type={},device={},o={}", of("type"), of("device"), of("o")))
}
