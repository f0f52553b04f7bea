//! What makes a container as good as the host, from its inspection.

use serde_json::Value;

use crate::guard::exec::Place;
use crate::policy::Container;

use super::super::Engine;
use super::super::budget::Budget;
use super::super::error::EngineError;

/// Capabilities that lead out of a container.
const CAPABILITIES: &[&str] = &[
    "ALL",
    "SYS_ADMIN",
    "SYS_PTRACE",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_BOOT",
    "DAC_READ_SEARCH",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "BPF",
    "PERFMON",
];
/// Sockets by which everything can be done.
const SOCKETS: &[&str] = &["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock"];
/// Where such sockets are: a folder above them holds them.
const SOCKET_PLACES: &[&str] = &[
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/var/lib/docker/volumes",
];
/// The host's own, with all below.
const HOST: &[&str] = &["/proc", "/sys", "/dev", "/boot", "/etc", "/root", "/usr", "/bin", "/sbin", "/lib"];
/// Files of them that many containers get, and that give nothing.
const HARMLESS: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/shm",
    "/dev/log",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/usr/share",
];

impl Engine {
    /// What is to be known of a container before a command may run in it. For the guard: no permit is given yet, and what
    /// is read of it is not shown.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub(crate) async fn place(&self, budget: &Budget, container: &Container) -> Result<Place, EngineError> {
        let inspection = self.inspect_id(budget, &container.id).await?;
        Ok(place(&container.name, &inspection))
    }
}

/// From an inspection.
#[must_use]
pub fn place(name: &str, inspection: &Value) -> Place {
    let text = |path: &str| inspection.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let list = |path: &str| inspection.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut powers = Vec::new();
    if inspection.pointer("/HostConfig/Privileged") == Some(&Value::Bool(true)) {
        powers.push("privileged".to_owned());
    }
    for (field, word) in [
        ("PidMode", "the host's processes"),
        ("NetworkMode", "the host's network"),
        ("IpcMode", "the host's shared memory"),
        ("UTSMode", "the host's name"),
        ("UsernsMode", "the host's users"),
    ] {
        if text(&format!("/HostConfig/{field}")) == "host" {
            powers.push(word.to_owned());
        }
    }
    for capability in list("/HostConfig/CapAdd").iter().filter_map(Value::as_str) {
        let bare = capability.to_ascii_uppercase();
        let bare = bare.strip_prefix("CAP_").unwrap_or(&bare);
        if CAPABILITIES.contains(&bare) {
            powers.push(format!("the capability {bare}"));
        }
    }
    if !list("/HostConfig/Devices").is_empty() || !list("/HostConfig/DeviceCgroupRules").is_empty() {
        powers.push("devices of the host".to_owned());
    }
    for option in list("/HostConfig/SecurityOpt").iter().filter_map(Value::as_str) {
        if option.ends_with("unconfined") || matches!(option, "label=disable" | "label:disable") {
            powers.push(option.to_owned());
        }
    }
    for mount in list("/Mounts") {
        let of = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        if of("Type") == "bind"
            && let Some(power) = bound(of("Source"))
        {
            powers.push(power);
        }
    }
    powers.dedup();
    let (program, folder) = (text("/Path"), text("/Config/WorkingDir"));
    let program = if program.contains('/') { absolute(program, folder) } else { String::new() };
    let words = list("/Args");
    let words = words.iter().filter_map(Value::as_str).filter(|word| word.contains('/'));
    let programs = std::iter::once(program).chain(words.map(|word| absolute(word, folder))).collect();
    Place { name: name.to_owned(), user: text("/Config/User").to_owned(), powers, programs }
}

/// A path as the container's own program takes it.
fn absolute(path: &str, folder: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{}", folder.trim_end_matches('/'), path.trim_start_matches("./")),
    }
}

/// What a folder or file of the host gives.
fn bound(source: &str) -> Option<String> {
    let source = match source.trim_end_matches('/') {
        "" => return Some("the host's root folder".to_owned()),
        source => source,
    };
    let below = |place: &str, folder: &str| {
        place == folder || place.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    let file = source.rsplit('/').next().unwrap_or_default();
    if SOCKETS.contains(&file) || SOCKET_PLACES.iter().any(|place| below(place, source)) {
        return Some("the engine's socket or files".to_owned());
    }
    if HARMLESS.iter().any(|fine| below(source, fine)) {
        return None;
    }
    HOST.iter().any(|folder| below(source, folder)).then(|| "system files of the host".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn powers(host: Value, mounts: Value) -> Vec<String> {
        place("app", &json!({ "HostConfig": host, "Mounts": mounts, "Config": { "User": "app" } })).powers
    }

    #[test]
    fn what_leads_to_the_host_is_seen() {
        for host in [
            json!({ "Privileged": true }),
            json!({ "PidMode": "host" }),
            json!({ "NetworkMode": "host" }),
            json!({ "IpcMode": "host" }),
            json!({ "UTSMode": "host" }),
            json!({ "UsernsMode": "host" }),
            json!({ "CapAdd": ["CAP_SYS_ADMIN"] }),
            json!({ "CapAdd": ["sys_ptrace"] }),
            json!({ "CapAdd": ["ALL"] }),
            json!({ "Devices": [{ "PathOnHost": "/dev/sda" }] }),
            json!({ "SecurityOpt": ["seccomp=unconfined"] }),
            json!({ "SecurityOpt": ["apparmor:unconfined"] }),
        ] {
            assert_eq!(powers(host.clone(), json!([])).len(), 1, "{host}");
        }
        for source in [
            "/",
            "//",
            "/run",
            "/var/run/",
            "/var",
            "/run/docker.sock",
            "/home/me/.docker/run/docker.sock",
            "/run/containerd",
            "/var/lib/docker",
            "/proc",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/sda",
            "/etc",
            "/root/.ssh",
        ] {
            let mounts = json!([{ "Type": "bind", "Source": source, "Destination": "/x" }]);
            assert_eq!(powers(json!({}), mounts).len(), 1, "{source}");
        }
    }

    #[test]
    fn a_usual_container_is_no_host() {
        let host = json!({ "Privileged": false, "PidMode": "", "NetworkMode": "bridge", "IpcMode": "private",
                           "CapAdd": ["NET_BIND_SERVICE"], "Devices": null, "SecurityOpt": ["no-new-privileges"] });
        let mounts = json!([
            { "Type": "bind", "Source": "/srv/app" }, { "Type": "bind", "Source": "/etc/localtime" },
            { "Type": "bind", "Source": "/runner/x" }, { "Type": "volume", "Source": "/var/lib/docker/volumes/x/_data" },
        ]);
        assert_eq!(powers(host, mounts), Vec::<String>::new());
        assert_eq!(powers(json!(null), json!(null)), Vec::<String>::new());
    }
}
