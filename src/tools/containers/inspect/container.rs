//! A container, in sections.

use serde_json::{Map, Value, json};

use super::Section;
use super::pick::{array, copy, entries, environment, healthcheck, number, put, text};
use crate::engine::outlook::{HIDDEN, Outlook};
use crate::output::memory;
use crate::policy::Container;

/// The newest entries of the health log that are shown.
const HEALTH_LOG: usize = 3;
/// What `/dev/shm` has where nobody says how much.
const USUAL_SHM: u64 = 64 << 20;
const DEPENDS_ON: &str = "com.docker.compose.depends_on";

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

fn config(raw: &Value, who: &Container, outlook: &Outlook<'_>) -> Map<String, Value> {
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
    let mut labels: Map<String, Value> = entries(raw, "/Config/Labels").map(|(k, v)| (k.clone(), v.clone())).collect();
    if let Some(Value::String(depends_on)) = labels.get_mut(DEPENDS_ON) {
        let project = who.project.as_deref().unwrap_or_default();
        let visible = |entry: &&str| !outlook.hides_service(project, entry.split(':').next().unwrap_or_default());
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
        Value::Object(copy(d, &[("driver", "/Driver"), ("count", "/Count"), ("device_ids", "/DeviceIDs"), ("capabilities", "/Capabilities")]))
    };
    put(&mut out, "device_requests", array(host, "/DeviceRequests").iter().map(request).collect::<Vec<_>>());
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
        let mut out =
            copy(m, &[("type", "/Type"), ("destination", "/Destination"), ("mode", "/Mode"), ("propagation", "/Propagation")]);
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
