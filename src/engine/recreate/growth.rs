//! What a container has that a new one would have to ask for, and whether a copy has more than its model.

use serde_json::Value;

use crate::guard::create::{Amounts, Ask};

/// What a copy must have exactly as its model.
const SAME: &[&str] = &[
    "Privileged",
    "CapAdd",
    "CapDrop",
    "Devices",
    "DeviceRequests",
    "DeviceCgroupRules",
    "SecurityOpt",
    "PidMode",
    "IpcMode",
    "UTSMode",
    "UsernsMode",
    "CgroupParent",
    "Runtime",
    "GroupAdd",
    "ReadonlyRootfs",
    "Sysctls",
    "MaskedPaths",
    "ReadonlyPaths",
    "PublishAllPorts",
    "Memory",
    "NanoCpus",
    "PidsLimit",
];
fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// `null`, `[]`, `{}`, `""`, `0` and `false` are all nothing.
fn empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(s)) => s.is_empty(),
        Some(Value::Array(a)) => a.is_empty(),
        Some(Value::Object(o)) => o.is_empty(),
        Some(Value::Number(n)) => n.as_f64() == Some(0.0),
        Some(Value::Bool(true)) => false,
    }
}

/// Everything that another image would get with it, as it would be asked for if a container were made: the guard of those
/// judges it.
pub(super) fn asks(inspection: &Value) -> Vec<Ask> {
    let host = inspection.get("HostConfig").unwrap_or(&Value::Null);
    let get = |key: &str| host.get(key);
    let list = |key: &str| get(key).and_then(Value::as_array).into_iter().flatten();
    let words = |key: &str| -> Vec<String> {
        list(key).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
    };
    let pairs = |key: &str| get(key).and_then(Value::as_object).into_iter().flatten();
    let is = |key: &str| get(key) == Some(&Value::Bool(true));
    let mut asks: Vec<Ask> = Vec::new();
    let mut ask = |field: &'static str, value: &str| asks.push(Ask::new(field, value));
    let privileged = is("Privileged");
    for (key, field) in [("Privileged", "privileged"), ("OomKillDisable", "oom_kill_disable")] {
        if is(key) {
            ask(field, "true");
        }
    }
    for (key, field) in [
        ("CapAdd", "cap_add"),
        ("SecurityOpt", "security_opt"),
        ("GroupAdd", "group_add"),
        ("VolumesFrom", "volumes_from"),
        ("Links", "links"),
        ("DeviceRequests", "gpus"),
        ("DeviceCgroupRules", "device_cgroup_rules"),
        ("Dns", "dns"),
        ("ExtraHosts", "extra_hosts"),
    ] {
        words(key).iter().for_each(|value| ask(field, value));
    }
    list("Devices").for_each(|device| ask("device", text(device.get("PathOnHost"))));
    for ulimit in list("Ulimits") {
        let number = |key: &str| ulimit.get(key).and_then(Value::as_i64).unwrap_or_default();
        let limit = format!("{}={}:{}", text(ulimit.get("Name")), number("Soft"), number("Hard"));
        ask("ulimit", &limit);
    }
    // Left out: what the engine itself gives to those that ask for nothing.
    for (key, field, usual) in [
        ("PidMode", "pid_mode", &[][..]),
        ("IpcMode", "ipc_mode", &["shareable"]),
        ("UTSMode", "uts_mode", &[]),
        ("UsernsMode", "userns_mode", &[]),
        ("NetworkMode", "network_mode", &[]),
        ("CgroupParent", "cgroup_parent", &[]),
        ("Runtime", "runtime", &["runc", "io.containerd.runc.v2"]),
    ] {
        let value = text(get(key));
        if !value.is_empty() && !usual.contains(&value) {
            ask(field, value);
        }
    }
    let log = text(host.pointer("/LogConfig/Type"));
    if !matches!(log, "" | "journald") {
        ask("log_driver", log);
    }
    let restart = text(host.pointer("/RestartPolicy/Name"));
    if !restart.is_empty() {
        ask("restart_policy", restart);
    }
    if let Some(score) = get("OomScoreAdj").and_then(Value::as_i64).filter(|score| *score != 0) {
        ask("oom_score_adj", &score.to_string());
    }
    for (key, field) in [("Annotations", "annotations"), ("StorageOpt", "storage_opt")] {
        pairs(key).for_each(|(key, _)| ask(field, key));
    }
    for (key, field, between) in [("Sysctls", "sysctl", "="), ("Tmpfs", "tmpfs", ":")] {
        pairs(key).for_each(|(key, value)| ask(field, &format!("{key}{between}{}", text(Some(value)))));
    }
    // An empty list is no mask at all.
    for (key, field) in [("MaskedPaths", "masked_paths"), ("ReadonlyPaths", "readonly_paths")] {
        if !privileged && get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            ask(field, "none");
        }
    }
    for (_, on) in pairs("PortBindings") {
        for on in on.as_array().into_iter().flatten() {
            ask("host_port", &format!("{}:{}", text(on.get("HostIp")), text(on.get("HostPort"))));
        }
    }
    for mount in inspection.get("Mounts").and_then(Value::as_array).into_iter().flatten() {
        if text(mount.get("Type")) == "bind" {
            ask("bind", text(mount.get("Source")));
        }
    }
    asks
}

/// The resources that it has.
pub(super) fn amounts(inspection: &Value) -> Amounts {
    let number = |key: &str| {
        let value = inspection.pointer(&format!("/HostConfig/{key}")).and_then(Value::as_i64);
        value.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0)
    };
    #[expect(clippy::cast_precision_loss, reason = "so many processors no host has")]
    let cpus = number("NanoCpus").map(|nano| nano as f64 / 1e9);
    Amounts { memory: number("Memory"), cpus, pids: number("PidsLimit") }
}

/// Does the copy have exactly what its model has? Else: what it has not.
pub(super) fn differs(asked: &Value, model: &Value, copy: &Value) -> Option<&'static str> {
    let host = |of: &Value, key: &str| of.pointer(&format!("/HostConfig/{key}")).cloned();
    for key in SAME {
        let (want, have) = (host(asked, key), host(copy, key));
        if want != have && !(empty(want.as_ref()) && empty(have.as_ref())) {
            return Some(key);
        }
    }
    let mounts = |of: &Value| -> Vec<[String; 3]> {
        let all = of.get("Mounts").and_then(Value::as_array).cloned().unwrap_or_default();
        let what = |m: &Value| {
            if text(m.get("Type")) == "volume" { text(m.get("Name")) } else { text(m.get("Source")) }
                .to_owned()
        };
        all.iter()
            .map(|m| {
                [
                    what(m),
                    text(m.get("Destination")).to_owned(),
                    (m.get("RW") == Some(&Value::Bool(true))).to_string(),
                ]
            })
            .collect()
    };
    let (model, copy) = (mounts(model), mounts(copy));
    let new = |mount: &&[String; 3]| !model.contains(mount) && !super::super::ops::is_hex64(&mount[0]);
    match model.iter().all(|mount| copy.contains(mount)) && !copy.iter().any(|m| new(&m)) {
        true => None,
        false => Some("Mounts"),
    }
}

/// Containers whose namespaces it shares: what follows `container:`.
pub(super) fn shares(inspection: &Value) -> Vec<String> {
    let mode = |key: &str| text(inspection.pointer(&format!("/HostConfig/{key}"))).to_owned();
    let modes = ["NetworkMode", "PidMode", "IpcMode"].map(mode);
    modes.iter().filter_map(|m| m.strip_prefix("container:")).map(str::to_owned).collect()
}
