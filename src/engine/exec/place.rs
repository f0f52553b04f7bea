//! What makes a container as good as the host, and what of it root runs: from its inspection, and from what it mounts.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::guard::create::image::{self, Volume};
use crate::guard::exec::Place;
use crate::policy::Container;

use super::super::budget::Budget;
use super::super::endpoint::Endpoint;
use super::super::error::EngineError;
use super::super::{Engine, raw};
use super::host::{Host, real};
use super::programs;

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
/// A folder or file of the host in a container, or what is said of a volume that cannot be seen through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// This path.
    Path(String),
    /// Whatever that is.
    Unclear(String),
}

impl Engine {
    /// What is to be known of a container before a command may run in it. For the guard: no permit is given yet, and what
    /// is read of it is not shown. `ours`: paths that are nobody's but ours.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub(crate) async fn place(
        &self,
        budget: &Budget,
        container: &Container,
        ours: Vec<PathBuf>,
    ) -> Result<Place, EngineError> {
        let inspection = self.inspect_id(budget, &container.id).await?;
        let mut place = place(&container.name, &inspection);
        let mut reach = bound(&inspection);
        reach.extend(self.through_volumes(budget, &inspection).await?);
        if reach.is_empty() {
            return Ok(place);
        }
        let info: raw::Root = self.wire.json(budget, "/info", &[]).await.map_err(|e| self.scrubbed(e))?;
        let mut host = Host::new(info.docker_root_dir);
        let mut paths: Vec<String> = Vec::new();
        for reach in reach {
            match reach {
                Reach::Path(path) => paths.push(path),
                Reach::Unclear(what) => place.powers.push(what),
            }
        }
        // Elsewhere paths are those of another host.
        if let Endpoint::Unix(socket) = &self.found().endpoint {
            (paths, host) = real(paths, host.with(ours, socket)).await?;
        }
        place.powers.extend(paths.iter().filter_map(|path| host.power(path)));
        place.powers.dedup();
        Ok(place)
    }

    /// Volumes can be folders of the host under a name.
    async fn through_volumes(&self, budget: &Budget, inspection: &Value) -> Result<Vec<Reach>, EngineError> {
        let mounts = list(inspection, "/Mounts");
        let names: Vec<&str> =
            mounts.iter().filter(|m| text(m, "/Type") == "volume").map(|m| text(m, "/Name")).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let filters = json!({ "name": names }).to_string();
        let asked = self.wire.json(budget, "/volumes", &[("filters", &filters)]).await;
        let there: raw::Volumes = asked.map_err(|e| self.scrubbed(e))?;
        Ok(names.into_iter().filter_map(|name| through(name, &there.volumes)).collect())
    }
}

/// What a volume is.
fn through(name: &str, there: &[raw::Volume]) -> Option<Reach> {
    let Some(volume) = there.iter().find(|volume| volume.name == name) else {
        return Some(Reach::Unclear("a volume that the engine does not know".to_owned()));
    };
    if volume.driver != "local" {
        // Where a plugin has it on this host.
        return Some(Reach::Path(volume.mountpoint.clone())).filter(|_| !volume.mountpoint.is_empty());
    }
    let of = |key: &str| volume.options.get(key).map(String::as_str).unwrap_or_default();
    // Memory, with whatever flags: but what is bound is bound, whatever its type says.
    let memory = of("type") == "tmpfs" && !of("o").contains("bind");
    match image::volume(&json!({ "Driver": volume.driver, "Options": volume.options })) {
        Volume::Plain => None,
        Volume::Bind(device) => Some(Reach::Path(device)),
        Volume::Other(_) if memory => None,
        Volume::Other(_) => Some(Reach::Unclear("a volume with options of its driver".to_owned())),
    }
}

/// Paths of the host that are bound as such.
fn bound(inspection: &Value) -> Vec<Reach> {
    let mounts = list(inspection, "/Mounts");
    let binds = mounts.iter().filter(|mount| text(mount, "/Type") == "bind");
    binds.map(|mount| Reach::Path(text(mount, "/Source").to_owned())).collect()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// From an inspection alone.
#[must_use]
pub fn place(name: &str, inspection: &Value) -> Place {
    let text = |path: &str| text(inspection, path);
    let list = |path: &str| list(inspection, path);
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
    powers.dedup();
    let (memory, mounts) = mounted(inspection);
    Place {
        name: name.to_owned(),
        user: text("/Config/User").to_owned(),
        powers,
        programs: programs::of(inspection),
        folders: programs::folders(inspection),
        memory,
        mounts,
    }
}

/// Where mounts are: those in memory, and the others.
fn mounted(inspection: &Value) -> (Vec<String>, Vec<String>) {
    let asked = list(inspection, "/HostConfig/Mounts").iter();
    let asked = asked.filter(|mount| text(mount, "/Type") == "tmpfs").map(|mount| text(mount, "/Target"));
    let short = inspection.pointer("/HostConfig/Tmpfs").and_then(Value::as_object);
    let short = short.into_iter().flat_map(|map| map.keys()).map(String::as_str);
    let (memory, mounts): (Vec<&Value>, Vec<&Value>) =
        list(inspection, "/Mounts").iter().partition(|mount| text(mount, "/Type") == "tmpfs");
    let memory = memory.into_iter().map(|mount| text(mount, "/Destination"));
    // Every container has these.
    let usual = ["/dev/shm", "/dev", "/proc", "/sys"].into_iter();
    let plain = |path: &str| format!("/{}", path.trim_matches('/'));
    (
        usual.chain(asked).chain(short).chain(memory).map(plain).collect(),
        mounts.into_iter().map(|mount| plain(text(mount, "/Destination"))).collect(),
    )
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
    }

    #[test]
    fn what_volumes_really_are() {
        let volume = |driver: &str, options: Value| {
            let volume = json!({ "Name": "v", "Driver": driver, "Mountpoint": "/m", "Options": options });
            through("v", &[serde_json::from_value(volume).unwrap()])
        };
        let path = |path: &str| Some(Reach::Path(path.to_owned()));
        assert_eq!(volume("local", json!(null)), None);
        assert_eq!(volume("local", json!({ "type": "tmpfs", "device": "tmpfs", "o": "nosuid" })), None);
        assert_eq!(volume("local", json!({ "type": "none", "device": "/etc", "o": "bind" })), path("/etc"));
        assert!(matches!(
            volume("local", json!({ "type": "nfs", "device": ":/x", "o": "addr=h" })),
            Some(Reach::Unclear(_))
        ));
        assert!(matches!(
            volume("local", json!({ "type": "ext4", "device": "/dev/sda1" })),
            Some(Reach::Unclear(_))
        ));
        assert!(matches!(
            volume("local", json!({ "type": "tmpfs", "device": "/etc", "o": "bind" })),
            Some(Reach::Unclear(_))
        ));
        assert_eq!(volume("plugin", json!({ "mountpoint": "/m" })), path("/m"));
        assert!(matches!(through("other", &[]), Some(Reach::Unclear(_))));
    }

    #[test]
    fn mounts_in_memory_are_told_from_others() {
        let seen = place(
            "app",
            &json!({
                "HostConfig": { "Tmpfs": { "/small/": "" }, "Mounts": [{ "Type": "tmpfs", "Target": "/other" }] },
                "Mounts": [{ "Type": "tmpfs", "Destination": "/third" }, { "Type": "volume", "Destination": "/small/data" }],
            }),
        );
        for folder in ["/small", "/other", "/third", "/dev/shm", "/proc"] {
            assert!(seen.memory.iter().any(|m| m == folder), "{folder}: {:?}", seen.memory);
        }
        assert_eq!(seen.mounts, ["/small/data"]);
    }

    #[test]
    fn a_usual_container_is_no_host() {
        let host = json!({ "Privileged": false, "PidMode": "", "NetworkMode": "bridge", "IpcMode": "private",
                           "CapAdd": ["NET_BIND_SERVICE"], "Devices": null, "SecurityOpt": ["no-new-privileges"] });
        assert_eq!(powers(host, json!([])), Vec::<String>::new());
        assert_eq!(powers(json!(null), json!(null)), Vec::<String>::new());
    }
}
