//! Is what was made what was let through? The engine takes what it does not know without a word, and images bring
//! settings of their own: what came of it is looked at before it may run.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fields::capability;

/// Fields of `HostConfig` that must be as they were sent; where nothing was sent, empty in the engine's way.
const SAME: &[&str] = &[
    "Privileged",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "OomKillDisable",
    "OomScoreAdj",
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "CgroupParent",
    "Cgroup",
    "ContainerIDFile",
    "VolumeDriver",
    "Isolation",
    "Binds",
    "VolumesFrom",
    "Devices",
    "DeviceCgroupRules",
    "DeviceRequests",
    "GroupAdd",
    "SecurityOpt",
    "Sysctls",
    "StorageOpt",
    "Annotations",
    "Tmpfs",
    "Memory",
    "NanoCpus",
    "AutoRemove",
    "PidsLimit",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "BlkioDeviceReadBps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteIOps",
];

/// Compares an inspection of the container with the request that it was made by. `linked`: its links as the engine writes
/// them, `/other:/itself/alias`.
///
/// # Errors
/// The first difference, as the engine calls the field.
pub fn compare(sent: &Value, made: &Value, linked: &BTreeSet<String>) -> Result<(), String> {
    let empty = Map::new();
    let host = |of: &Value| of.get("HostConfig").and_then(Value::as_object).cloned().unwrap_or_default();
    let (asked, got) = (host(sent), host(made));
    if got.is_empty() {
        return Err("HostConfig".to_owned());
    }
    for field in SAME {
        if !same(asked.get(*field), got.get(*field)) {
            return Err((*field).to_owned());
        }
    }
    let links = got.get("Links").and_then(Value::as_array);
    if links.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>()
        != *linked
    {
        return Err("Links".to_owned());
    }
    if restart(asked.get("RestartPolicy")) != restart(got.get("RestartPolicy")) {
        return Err("RestartPolicy".to_owned());
    }
    let driver = |of: &Map<String, Value>| of.get("LogConfig").and_then(|log| log.get("Type")).cloned();
    if driver(&asked).is_some_and(|asked| driver(&got) != Some(asked)) {
        return Err("LogConfig".to_owned());
    }
    for field in ["CapAdd", "CapDrop"] {
        if capabilities(asked.get(field)) != capabilities(got.get(field)) {
            return Err(field.to_owned());
        }
    }
    // What nobody asked for is the engine's default, which is never the host's.
    for (field, usual) in
        [("NetworkMode", ["default", "bridge", ""].as_slice()), ("IpcMode", &["private", "shareable", ""])]
    {
        let is = got.get(field).and_then(Value::as_str).unwrap_or_default();
        let fine = asked.get(field).and_then(Value::as_str).map_or(usual.contains(&is), |asked| asked == is);
        if !fine {
            return Err(field.to_owned());
        }
    }
    // The engine may have defaults of its own for these, which are its host's affair.
    for field in ["Runtime", "CgroupnsMode", "Ulimits", "Dns", "ExtraHosts"] {
        if asked.contains_key(field) && !same(asked.get(field), got.get(field)) {
            return Err(field.to_owned());
        }
    }
    // An empty list bares what the engine covers in /proc.
    let privileged = got.get("Privileged") == Some(&Value::Bool(true));
    for field in ["MaskedPaths", "ReadonlyPaths"] {
        if !privileged && got.get(field).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            return Err(field.to_owned());
        }
    }
    if ports(asked.get("PortBindings")) != ports(got.get("PortBindings")) {
        return Err("PortBindings".to_owned());
    }
    mounts(&asked, made)?;
    if sent.get("Image") != made.get("Image") {
        return Err("Image".to_owned());
    }
    let config = made.get("Config").and_then(Value::as_object).unwrap_or(&empty);
    for field in ["User", "Hostname", "WorkingDir"] {
        if sent.get(field).is_some() && sent.get(field) != config.get(field) {
            return Err(field.to_owned());
        }
    }
    let labels = config.get("Labels").and_then(Value::as_object).unwrap_or(&empty);
    let foreign = |(key, value): (&String, &Value)| {
        key.starts_with("com.docker.compose.") && value.as_str().is_some_and(|value| !value.is_empty())
    };
    match labels.iter().find(|pair| foreign(*pair)) {
        Some((key, _)) => Err(format!("Labels ({key})")),
        None => Ok(()),
    }
}

/// `no` is what there is without a word.
fn restart(policy: Option<&Value>) -> (String, u64) {
    let name = policy.and_then(|p| p.get("Name")).and_then(Value::as_str).unwrap_or_default();
    let count = policy.and_then(|p| p.get("MaximumRetryCount")).and_then(Value::as_u64).unwrap_or(0);
    (if name == "no" { String::new() } else { name.to_owned() }, count)
}

/// Missing, null, false, zero and empty are the same; lists are compared without their order.
fn same(asked: Option<&Value>, got: Option<&Value>) -> bool {
    let nothing = |v: Option<&Value>| match v {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Number(n)) => n.as_f64() == Some(0.0),
        Some(Value::String(s)) => s.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Bool(true)) => false,
    };
    match (nothing(asked), nothing(got)) {
        (true, true) => true,
        (false, false) => match (asked, got) {
            (Some(Value::Array(a)), Some(Value::Array(b))) => {
                // The engine adds fields with its defaults to what stands in a list.
                a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| within(a, b)))
            }
            (a, b) => a == b,
        },
        _ => false,
    }
}

/// Everything that `asked` says, `got` says as well.
fn within(asked: &Value, got: &Value) -> bool {
    match (asked, got) {
        (Value::Object(asked), Value::Object(got)) => {
            asked.iter().all(|(key, value)| got.get(key).is_some_and(|got| within(value, got)))
        }
        (asked, got) => asked == got,
    }
}

fn capabilities(list: Option<&Value>) -> BTreeSet<String> {
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(capability).collect()
}

fn ports(bindings: Option<&Value>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (port, on) in bindings.and_then(Value::as_object).into_iter().flatten() {
        for one in on.as_array().into_iter().flatten() {
            let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
            all.insert(format!("{}:{}:{port}", text("HostIp"), text("HostPort")));
        }
    }
    all
}

/// What is mounted was asked for, or is a volume that the engine made for the image.
fn mounts(asked: &Map<String, Value>, made: &Value) -> Result<(), String> {
    let list = |v: Option<&Value>| v.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let inherits = asked.contains_key("VolumesFrom");
    let asked = list(asked.get("Mounts"));
    let got = list(made.get("Mounts"));
    for mount in &got {
        let (kind, target) = (text(mount, "Type"), text(mount, "Destination"));
        let source = if kind == "volume" { text(mount, "Name") } else { text(mount, "Source") };
        let writes = mount.get("RW").and_then(Value::as_bool).unwrap_or(true);
        let wanted = asked.iter().any(|a| {
            let read_only = a.get("ReadOnly").and_then(Value::as_bool).unwrap_or(false);
            text(a, "Type") == kind
                && text(a, "Source") == source
                && text(a, "Target") == target
                && read_only != writes
        });
        let anonymous = kind == "volume"
            && text(mount, "Driver") == "local"
            && source.len() == 64
            && source.bytes().all(|b| b.is_ascii_hexdigit());
        if !wanted && !anonymous && !inherits && kind != "tmpfs" {
            return Err(format!("Mounts ({target})"));
        }
    }
    let missing = asked.iter().find(|a| !got.iter().any(|g| text(g, "Destination") == text(a, "Target")));
    match missing {
        Some(mount) => Err(format!("Mounts ({})", text(mount, "Target"))),
        None => Ok(()),
    }
}
