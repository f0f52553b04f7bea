//! What a container has that a new one would be refused, and whether a copy has more than its model.

use std::path::Path;

use serde_json::Value;

use crate::guard::create::CAPABILITIES;

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
const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
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

/// What of it is beyond the profile `baseline`, each as a field and its value. `under`: host paths that may be mounted.
pub(super) fn beyond(inspection: &Value, under: &dyn Fn(&Path) -> bool) -> Vec<(&'static str, String)> {
    let host = inspection.get("HostConfig").unwrap_or(&Value::Null);
    let get = |key: &str| host.get(key);
    let words = |key: &str| -> Vec<String> {
        let list = get(key).and_then(Value::as_array).into_iter().flatten();
        list.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
    };
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let privileged = get("Privileged") == Some(&Value::Bool(true));
    if privileged {
        found.push(("privileged", "true".to_owned()));
    }
    for cap in words("CapAdd") {
        let cap = cap.to_ascii_uppercase();
        let cap = cap.strip_prefix("CAP_").unwrap_or(&cap);
        if !CAPABILITIES.contains(&cap) {
            found.push(("cap_add", cap.to_owned()));
        }
    }
    let fine = ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"];
    found.extend(
        words("SecurityOpt").into_iter().filter(|o| !fine.contains(&o.as_str())).map(|o| ("security_opt", o)),
    );
    let device = |d: &Value| d.get("PathOnHost").and_then(Value::as_str).unwrap_or("any").to_owned();
    let devices = get("Devices").and_then(Value::as_array).into_iter().flatten();
    found.extend(devices.map(|d| ("device", device(d))));
    for (key, field, fine) in [
        ("PidMode", "pid_mode", &[""][..]),
        ("IpcMode", "ipc_mode", &["", "private", "none"]),
        ("UTSMode", "uts_mode", &[""]),
        ("UsernsMode", "userns_mode", &[""]),
        ("CgroupParent", "cgroup_parent", &[""]),
        ("Runtime", "runtime", &["", "runc", "io.containerd.runc.v2"]),
    ] {
        if !fine.contains(&text(get(key))) {
            found.push((field, text(get(key)).to_owned()));
        }
    }
    let mode = text(get("NetworkMode"));
    if mode == "host" || mode.starts_with("container:") {
        found.push(("network_mode", mode.to_owned()));
    }
    for (key, field) in [
        ("DeviceRequests", "device_requests"),
        ("DeviceCgroupRules", "device_cgroup_rules"),
        ("VolumesFrom", "volumes_from"),
        ("Links", "links"),
        ("GroupAdd", "group_add"),
        ("Annotations", "annotations"),
        ("OomKillDisable", "oom_kill_disable"),
        ("StorageOpt", "storage_opt"),
    ] {
        if !empty(get(key)) {
            found.push((field, words(key).join(",")));
        }
    }
    if get("OomScoreAdj").and_then(Value::as_i64).is_some_and(|n| n < 0) {
        found.push(("oom_score_adj", "below 0".to_owned()));
    }
    // An empty list is no mask at all.
    for (key, field) in [("MaskedPaths", "masked_paths"), ("ReadonlyPaths", "readonly_paths")] {
        if !privileged && get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            found.push((field, "none".to_owned()));
        }
    }
    let sysctls = get("Sysctls").and_then(Value::as_object).into_iter().flatten();
    found.extend(
        sysctls.filter(|(key, _)| !SYSCTLS.contains(&key.as_str())).map(|(key, _)| ("sysctl", key.clone())),
    );
    if !matches!(text(host.pointer("/LogConfig/Type")), "" | "json-file" | "local" | "none" | "journald") {
        found.push(("log_driver", text(host.pointer("/LogConfig/Type")).to_owned()));
    }
    for mount in inspection.get("Mounts").and_then(Value::as_array).into_iter().flatten() {
        let source = text(mount.get("Source"));
        if text(mount.get("Type")) == "bind" && !under(Path::new(source)) {
            found.push(("bind", source.to_owned()));
        }
    }
    found
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

/// It is root as far as can be seen: a user of the host, too, where user namespaces are not in use.
pub(super) fn is_root(user: &str) -> bool {
    matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root")
}

/// Containers whose namespaces it shares: what follows `container:`.
pub(super) fn shares(inspection: &Value) -> Vec<String> {
    let mode = |key: &str| text(inspection.pointer(&format!("/HostConfig/{key}"))).to_owned();
    let modes = ["NetworkMode", "PidMode", "IpcMode"].map(mode);
    modes.iter().filter_map(|m| m.strip_prefix("container:")).map(str::to_owned).collect()
}
