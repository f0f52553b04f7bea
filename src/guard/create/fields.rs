//! The verdict on each field. Rows of the table of the Pod Security Standards, in its order, then those of Docker alone.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::config::settings::{CreateSafety, Profile, PublishedPorts};

use super::{Ask, paths};

/// Why not, before anybody's exceptions.
pub(super) struct No {
    pub why: String,
    pub rule: String,
    /// No exception lets it through.
    pub final_word: bool,
}

/// May be added in baseline: what Docker gives every container, but for NET_RAW.
pub const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Those that reach no further than the container.
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
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// Labels that others read as their own.
const RESERVED: &[&str] = &["com.docker.", "docker-mcp.", "io.docker.", "org.dockerproject."];

/// `cap_sys_admin`, `CAP_SYS_ADMIN` and `SYS_ADMIN` are one to the engine.
pub(super) fn capability(text: &str) -> String {
    let upper = text.trim().to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

/// Key and value of an option; the engine takes `:` as well as `=`. Alone, `no-new-privileges` is true.
pub(super) fn security_opt(text: &str) -> (String, String) {
    match text.find(['=', ':']) {
        Some(at) => {
            let (key, value) = text.split_at(at);
            (key.to_owned(), value.get(1..).unwrap_or_default().to_owned())
        }
        None if text == "no-new-privileges" => (text.to_owned(), "true".to_owned()),
        None => (text.to_owned(), String::new()),
    }
}

pub(super) fn verdict(ask: &Ask, protected: &[PathBuf], settings: &CreateSafety) -> Result<(), No> {
    let restricted = settings.profile == Profile::Restricted;
    let profile = if restricted { "restricted" } else { "baseline" };
    let rule = format!("create_safety.profile = \"{profile}\"");
    let no = |why: &str| Err(No { why: why.to_owned(), rule: rule.clone(), final_word: false });
    let value = ask.value.as_str();
    match ask.field {
        // Host namespaces, and those of other containers.
        "network_mode" if value == "host" => no("the host's network is not the container's to use"),
        "network_mode" if value.starts_with("container:") => no("it would share another container's network"),
        "network_mode" => Ok(()),
        "ipc_mode" if matches!(value, "private" | "none") => Ok(()),
        "cgroupns_mode" if value == "private" => Ok(()),
        "ipc_mode" if value == "shareable" => no("other containers could join its memory"),
        "pid_mode" | "uts_mode" if matches!(value, "private" | "shareable") => {
            no("there is no such mode: without one it has its own")
        }
        "pid_mode" | "ipc_mode" | "uts_mode" | "userns_mode" | "cgroupns_mode" => {
            no("it would share a namespace of the host or of another container")
        }
        "privileged" if value == "false" => Ok(()),
        "privileged" => no("a privileged container is the host"),
        "cap_add" => {
            let name = capability(value);
            match (restricted, CAPABILITIES.contains(&name.as_str())) {
                (true, _) if name == "NET_BIND_SERVICE" => Ok(()),
                (true, _) => no("only NET_BIND_SERVICE may be added"),
                (false, true) => Ok(()),
                (false, false) => no("this capability reaches beyond the container"),
            }
        }
        "bind" => bind(value, protected, settings, &rule),
        "target" if ["/proc", "/sys"].iter().any(|own| paths::below(value, own)) => {
            no("what is mounted there covers, or uncovers, what the engine keeps from a container")
        }
        "target" => Ok(()),
        "mount" => no("the options of this volume mount something of the host or of the network"),
        "host_port" => host_port(value, settings, restricted, &rule),
        "security_opt" => match (security_opt(value), restricted) {
            ((key, said), _) if key == "no-new-privileges" && said == "true" => Ok(()),
            ((key, said), false) if key == "no-new-privileges" && said == "false" => Ok(()),
            _ => no("it would weaken the container's isolation"),
        },
        "sysctl" => {
            let name = value.split('=').next().unwrap_or_default();
            if SYSCTLS.contains(&name) { Ok(()) } else { no("this setting of the kernel is not a safe one") }
        }
        "tmpfs" => tmpfs(value, settings.limits.memory).or_else(|why| no(&why)),
        "user" if restricted => user(value).or_else(no),
        "user" => Ok(()),
        "device" | "gpus" => no("it would reach a device of the host"),
        "cgroup_parent" | "runtime" => no("it is chosen by the host alone"),
        "volumes_from" => no("it would take over the mounts of another container"),
        "links" => no("a link tells a container the environment of another one"),
        "group_add" => match value.parse::<u32>() {
            Ok(1000..) => Ok(()),
            _ => no("the groups of the system may reach what the container's user may not"),
        },
        "log_driver" if matches!(value, "json-file" | "local" | "none") => Ok(()),
        "log_driver" => no("it would send the container's output elsewhere"),
        "oom_kill_disable" if value == "false" => Ok(()),
        "oom_score_adj" if !value.starts_with('-') => Ok(()),
        "oom_kill_disable" | "oom_score_adj" => no("others would be killed for the memory that it takes"),
        "ulimit" => ulimit(value).or_else(no),
        "restart_policy" if restricted && !(value == "no" || value.starts_with("on-failure")) => {
            no("it would come back whatever happens")
        }
        "restart_policy" => Ok(()),
        "extra_hosts" | "dns" if restricted => no("names are the network's to resolve"),
        "extra_hosts" | "dns" => Ok(()),
        "label" if RESERVED.iter().any(|prefix| value.to_ascii_lowercase().starts_with(prefix)) => Err(No {
            why: "labels with this prefix are read by others as their own".to_owned(),
            rule: "reserved labels".to_owned(),
            final_word: true,
        }),
        "label" => Ok(()),
        "name" if value.starts_with("docker-mcp") => Err(No {
            why: "names with this prefix are our own".to_owned(),
            rule: "reserved names".to_owned(),
            final_word: true,
        }),
        "name" => Ok(()),
        // A field that nobody thought of is a field that nobody may use.
        _ => no("it is not one of the fields that this profile knows"),
    }
}

fn bind(path: &str, protected: &[PathBuf], settings: &CreateSafety, rule: &str) -> Result<(), No> {
    let no = |why: String, rule: String| Err(No { why, rule, final_word: false });
    if settings.profile == Profile::Restricted {
        return no("folders of the host are not for containers".to_owned(), rule.to_owned());
    }
    match paths::bindable(path, &settings.bind_roots, protected) {
        Ok(()) => Ok(()),
        Err(why) => no(why, "create_safety.bind_roots".to_owned()),
    }
}

/// An address of a host, in numbers.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// `address:port`; no address is every address.
fn host_port(value: &str, settings: &CreateSafety, restricted: bool, rule: &str) -> Result<(), No> {
    let no =
        |why: &str, rule: &str| Err(No { why: why.to_owned(), rule: rule.to_owned(), final_word: false });
    let address = value.rsplit_once(':').map_or("", |(address, _)| address);
    let loopback = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match settings.published_ports {
        PublishedPorts::None => no("no port may be published", "create_safety.published_ports = \"none\""),
        PublishedPorts::Loopback if !loopback => no(
            "only addresses of this host alone may be published on",
            "create_safety.published_ports = \"loopback\"",
        ),
        _ if restricted => no("no port of the host may be taken", rule),
        _ => Ok(()),
    }
}

/// `/path` or `/path:options`
fn tmpfs(value: &str, most: Option<u64>) -> Result<(), String> {
    let (path, options) = value.split_once(':').unwrap_or((value, ""));
    if ["/proc", "/sys"].iter().any(|own| paths::below(path, own)) || paths::clean(path).is_err() {
        return Err(format!("`{path}` is no place for it"));
    }
    for option in options.split(',').filter(|o| !o.is_empty()) {
        let (key, said) = option.split_once('=').unwrap_or((option, ""));
        // Without a size the container's memory is the ceiling.
        if key == "size" && most.is_some_and(|most| bytes(said).is_none_or(|size| size > most)) {
            return Err(format!("`size={said}` is more than limits.memory, or no number of bytes"));
        }
        let fine =
            matches!(key, "size" | "mode" | "uid" | "gid" | "rw" | "ro" | "noexec" | "nosuid" | "nodev");
        if !fine {
            return Err(format!("`{key}` is not one of size, mode, uid, gid, ro, rw, noexec, nosuid, nodev"));
        }
    }
    Ok(())
}

/// `64m`; never a share of the memory.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Numbers, none of them root.
fn user(value: &str) -> Result<(), &'static str> {
    let number = |text: &str| text.parse::<u32>().is_ok_and(|id| id > 0);
    match value.split_once(':') {
        Some((user, group)) if number(user) && number(group) => Ok(()),
        _ => Err("the user must be numbers that are not root's, with a group: user = \"65534:65534\""),
    }
}

fn ulimit(value: &str) -> Result<(), &'static str> {
    let (name, limit) = value.split_once('=').unwrap_or((value, ""));
    let most = match name {
        "nofile" => 1_048_576,
        "nproc" => 65_536,
        "core" => 0,
        _ => return Err("only nofile, nproc and core may be set"),
    };
    let within = |n: &str| n.parse::<i64>().is_ok_and(|n| (0..=most).contains(&n));
    let (soft, hard) = limit.split_once(':').unwrap_or((limit, limit));
    if within(soft) && within(hard) { Ok(()) } else { Err("that is more than one container may have") }
}
