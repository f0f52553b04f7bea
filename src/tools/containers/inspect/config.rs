//! What a container was created with.

use serde_json::{Map, Value};

use super::pick::{array, copy, entries, environment, healthcheck, number, put, text};
use crate::engine::outlook::{HIDDEN, Outlook};
use crate::output::memory;
use crate::policy::Container;

/// What `/dev/shm` has where nobody says how much.
const USUAL_SHM: u64 = 64 << 20;
const DEPENDS_ON: &str = "com.docker.compose.depends_on";

pub(super) fn config(raw: &Value, who: &Container, outlook: &Outlook<'_>) -> Map<String, Value> {
    let mut out = copy(
        raw,
        &[
            ("command", "/Config/Cmd"),
            ("entrypoint", "/Config/Entrypoint"),
            ("user", "/Config/User"),
            ("workdir", "/Config/WorkingDir"),
            ("domainname", "/Config/Domainname"),
            ("tty", "/Config/Tty"),
            ("stdin_open", "/Config/OpenStdin"),
            ("stop_signal", "/Config/StopSignal"),
            ("stop_timeout", "/Config/StopTimeout"),
            ("auto_remove", "/HostConfig/AutoRemove"),
            ("cap_add", "/HostConfig/CapAdd"),
            ("cap_drop", "/HostConfig/CapDrop"),
            ("security_opt", "/HostConfig/SecurityOpt"),
            ("read_only", "/HostConfig/ReadonlyRootfs"),
            ("init", "/HostConfig/Init"),
            ("group_add", "/HostConfig/GroupAdd"),
            ("uts_mode", "/HostConfig/UTSMode"),
            ("userns_mode", "/HostConfig/UsernsMode"),
            ("dns", "/HostConfig/Dns"),
            ("dns_search", "/HostConfig/DnsSearch"),
            ("extra_hosts", "/HostConfig/ExtraHosts"),
            ("sysctls", "/HostConfig/Sysctls"),
            ("annotations", "/HostConfig/Annotations"),
            ("log_driver", "/HostConfig/LogConfig/Type"),
            ("log_options", "/HostConfig/LogConfig/Config"),
        ],
    );
    out.insert("privileged".into(), raw.pointer("/HostConfig/Privileged").cloned().unwrap_or(false.into()));
    put(&mut out, "env", environment(raw, "/Config/Env"));
    put(&mut out, "labels", labels(raw, who, outlook));
    put(&mut out, "restart_policy", restart_policy(raw));
    put(&mut out, "healthcheck", raw.pointer("/Config/Healthcheck").map(healthcheck).unwrap_or_default());
    let network_mode = outlook.network_mode(text(raw, "/HostConfig/NetworkMode"));
    // Who shares a network has the other's host name, which is the other's id.
    let own_name = network_mode != format!("container:{HIDDEN}");
    put(&mut out, "hostname", if own_name { text(raw, "/Config/Hostname") } else { HIDDEN });
    put(&mut out, "network_mode", network_mode);
    put(&mut out, "pid_mode", outlook.namespace(text(raw, "/HostConfig/PidMode")));
    put(&mut out, "ipc_mode", unusual(&outlook.namespace(text(raw, "/HostConfig/IpcMode")), "private"));
    put(&mut out, "runtime", unusual(text(raw, "/HostConfig/Runtime"), "runc"));
    put(&mut out, "resources", resources(raw));
    let other = |pointer: &str, alias: bool| -> Vec<Value> {
        // `/vault:/web/safe` is a link to vault, `vault:ro` its volumes.
        let one = |s: &str| match s.split_once(':') {
            Some((container, rest)) => {
                let rest = if alias { rest.rsplit('/').next().unwrap_or(rest) } else { rest };
                format!("{}:{rest}", outlook.container(container))
            }
            None => outlook.container(s).to_owned(),
        };
        array(raw, pointer).iter().filter_map(Value::as_str).map(|s| one(s).into()).collect()
    };
    put(&mut out, "links", other("/HostConfig/Links", true));
    put(&mut out, "volumes_from", other("/HostConfig/VolumesFrom", false));
    out
}

/// Nothing where it is what it always is.
fn unusual<'t>(text: &'t str, usual: &str) -> &'t str {
    if text == usual { "" } else { text }
}

/// Compose writes the services that a container depends on into a label.
fn labels(raw: &Value, who: &Container, outlook: &Outlook<'_>) -> Map<String, Value> {
    // Marks of docker_recreate are no words of the user's.
    let others = |(key, _): &(&String, &Value)| !key.starts_with("docker-mcp.recreate.");
    let mut labels: Map<String, Value> =
        entries(raw, "/Config/Labels").filter(others).map(|(k, v)| (k.clone(), v.clone())).collect();
    if let Some(Value::String(depends_on)) = labels.get_mut(DEPENDS_ON) {
        let project = who.project.as_deref().unwrap_or_default();
        let visible =
            |entry: &&str| !outlook.hides_service(project, entry.split(':').next().unwrap_or_default());
        *depends_on = depends_on.split(',').filter(visible).collect::<Vec<_>>().join(",");
    }
    labels
}

fn restart_policy(raw: &Value) -> String {
    let name = text(raw, "/HostConfig/RestartPolicy/Name");
    match number(raw, "/HostConfig/RestartPolicy/MaximumRetryCount") {
        0 => name.to_owned(),
        n => format!("{name}:{n}"),
    }
}

fn resources(raw: &Value) -> Map<String, Value> {
    let host = raw.pointer("/HostConfig").unwrap_or(&Value::Null);
    let mut out = copy(
        host,
        &[
            ("cpu_shares", "/CpuShares"),
            ("cpu_quota", "/CpuQuota"),
            ("cpu_period", "/CpuPeriod"),
            ("cpuset", "/CpusetCpus"),
            ("pids", "/PidsLimit"),
            ("oom_score_adj", "/OomScoreAdj"),
            ("oom_kill_disable", "/OomKillDisable"),
            ("cgroup_parent", "/CgroupParent"),
        ],
    );
    for (key, pointer) in [
        ("memory", "/Memory"),
        ("memory_swap", "/MemorySwap"),
        ("memory_reservation", "/MemoryReservation"),
        ("shm_size", "/ShmSize"),
    ] {
        match number(host, pointer) {
            0 => {}
            USUAL_SHM if key == "shm_size" => {}
            n => put(&mut out, key, memory(n)),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "billionths of a CPU; no host has 2^52 of them")]
    let cpus = number(host, "/NanoCpus") as f64 / 1e9;
    put(&mut out, "cpus", cpus);
    let limit = |u: &Value| {
        let bound = |key| u.pointer(key).map(Value::to_string).unwrap_or_default();
        Value::String(format!("{}={}:{}", text(u, "/Name"), bound("/Soft"), bound("/Hard")))
    };
    put(&mut out, "ulimits", array(host, "/Ulimits").iter().map(limit).collect::<Vec<_>>());
    let device = |d: &Value| {
        let [from, to, how] = ["/PathOnHost", "/PathInContainer", "/CgroupPermissions"].map(|p| text(d, p));
        Value::String(format!("{from}:{to}:{how}"))
    };
    put(&mut out, "devices", array(host, "/Devices").iter().map(device).collect::<Vec<_>>());
    let request = |d: &Value| {
        Value::Object(copy(
            d,
            &[
                ("driver", "/Driver"),
                ("count", "/Count"),
                ("device_ids", "/DeviceIDs"),
                ("capabilities", "/Capabilities"),
            ],
        ))
    };
    put(&mut out, "device_requests", array(host, "/DeviceRequests").iter().map(request).collect::<Vec<_>>());
    out
}
