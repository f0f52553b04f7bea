//! What widens a container's reach, in the words of the guard of single containers.

use crate::guard::create::Ask;

use super::Refused;
use super::model::Service;
use super::reader::At;
use super::service::Around;

pub(super) const KEYS: &[&str] = &[
    "blkio_config",
    "cap_add",
    "cgroup",
    "cgroup_parent",
    "container_name",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "extra_hosts",
    "gpus",
    "group_add",
    "ipc",
    "isolation",
    "labels",
    "links",
    "logging",
    "mac_address",
    "network_mode",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "privileged",
    "runtime",
    "security_opt",
    "storage_opt",
    "sysctls",
    "user",
    "userns_mode",
    "uts",
    "volumes_from",
];

/// One value.
const ONE: &[(&str, &str)] = &[
    ("cgroup", "cgroupns_mode"),
    ("cgroup_parent", "cgroup_parent"),
    ("container_name", "name"),
    ("cpu_rt_period", "cpu_rt_period"),
    ("cpu_rt_runtime", "cpu_rt_runtime"),
    ("ipc", "ipc_mode"),
    ("isolation", "isolation"),
    ("mac_address", "mac_address"),
    ("network_mode", "network_mode"),
    ("oom_score_adj", "oom_score_adj"),
    ("pid", "pid_mode"),
    ("runtime", "runtime"),
    ("user", "user"),
    ("userns_mode", "userns_mode"),
    ("uts", "uts_mode"),
];

/// Each value of a list. A search list or an option is as good as a server: it says whom a name leads to.
const LISTS: &[(&str, &str)] = &[
    ("cap_add", "cap_add"),
    ("device_cgroup_rules", "device_cgroup_rules"),
    ("dns", "dns"),
    ("dns_opt", "dns"),
    ("dns_search", "dns"),
    ("group_add", "group_add"),
    ("security_opt", "security_opt"),
    ("volumes_from", "volumes_from"),
];

const FLAGS: &[&str] = &["oom_kill_disable", "privileged"];

pub(super) fn read(at: &At<'_>, around: &Around<'_>, service: &mut Service) -> Result<(), Refused> {
    for (key, field) in ONE {
        if let Some(at) = at.key(key)? {
            let value = at.scalar()?;
            // What is empty, or the usual, is not asked for.
            let usual = match *field {
                "isolation" => value == "default",
                "oom_score_adj" | "cpu_rt_period" | "cpu_rt_runtime" => value == "0",
                _ => false,
            };
            if !value.is_empty() && !usual {
                service.asks.push(Ask::new(field, value));
            }
        }
    }
    for (key, field) in LISTS {
        let words = at.key(key)?.map(|at| at.words()).transpose()?.unwrap_or_default();
        service.asks.extend(words.into_iter().map(|word| Ask::new(field, word)));
    }
    for key in FLAGS {
        if at.key(key)?.map(|at| at.flag()).transpose()? == Some(true) {
            service.asks.push(Ask::new(key, "true"));
        }
    }
    for (key, field) in [("sysctls", "sysctl"), ("storage_opt", "storage_opt")] {
        let texts = at.key(key)?.map(|at| at.texts()).transpose()?.unwrap_or_default();
        service
            .asks
            .extend(texts.into_iter().map(|(name, value)| Ask::new(field, format!("{name}={value}"))));
    }
    service.asks.extend(labels(at)?);
    hosts(at, service)?;
    if let Some(at) = at.key("blkio_config")? {
        for (key, _) in at.entries()? {
            service.asks.push(Ask::new("blkio_config", key));
        }
    }
    devices(at, service)?;
    logging(at, service)?;
    others(at, around, service)
}

/// Keys of labels.
pub(super) fn labels(at: &At<'_>) -> Result<Vec<Ask>, Refused> {
    let labels = at.key("labels")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    Ok(labels.into_keys().map(|key| Ask::new("label", key)).collect())
}

/// Printed as `name=address`; releases to come may print the map that one writes.
fn hosts(at: &At<'_>, service: &mut Service) -> Result<(), Refused> {
    let Some(at) = at.key("extra_hosts")? else { return Ok(()) };
    match at.entries() {
        Ok(entries) => {
            for (name, at) in entries {
                let each = at.words()?.into_iter().map(|to| Ask::new("extra_hosts", format!("{name}={to}")));
                service.asks.extend(each);
            }
        }
        Err(_) => service.asks.extend(at.words()?.into_iter().map(|line| Ask::new("extra_hosts", line))),
    }
    Ok(())
}

fn devices(at: &At<'_>, service: &mut Service) -> Result<(), Refused> {
    for at in at.key("devices")?.map(|at| at.list()).transpose()?.unwrap_or_default() {
        if let Ok(line) = at.text() {
            service.asks.push(Ask::new("device", line));
            continue;
        }
        at.closed(&[&["source", "target", "permissions"]])?;
        let mut parts = Vec::new();
        for key in ["source", "target", "permissions"] {
            parts.extend(at.key(key)?.map(|at| at.scalar()).transpose()?);
        }
        service.asks.push(Ask::new("device", parts.join(":")));
    }
    let gpus = at.key("gpus")?.map(|at| at.list()).transpose()?.unwrap_or_default();
    for at in gpus {
        service.asks.push(requested(&at)?);
    }
    Ok(())
}

/// A request for devices: graphics cards, or whatever else a driver of the engine knows.
pub(super) fn requested(at: &At<'_>) -> Result<Ask, Refused> {
    at.closed(&[&["capabilities", "count", "device_ids", "driver", "options"]])?;
    let words = |key: &str| Ok(at.key(key)?.map(|at| at.words()).transpose()?.unwrap_or_default());
    let (capabilities, ids) = (words("capabilities")?, words("device_ids")?);
    let driver = at.key("driver")?.map(|at| at.scalar()).transpose()?.unwrap_or_default();
    let options = at.key("options")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    let count = at.key("count")?.map(|at| at.scalar()).transpose()?.unwrap_or_default();
    let of_a_gpu = |word: &String| {
        ["gpu", "nvidia", "compute", "utility", "graphics", "video", "display"].contains(&word.as_str())
    };
    let plain =
        matches!(driver.as_str(), "" | "nvidia") && capabilities.iter().all(of_a_gpu) && options.is_empty();
    Ok(match (plain, ids.is_empty()) {
        (true, true) if matches!(count.as_str(), "-1" | "") => Ask::new("gpus", "all"),
        (true, true) => Ask::new("gpus", count),
        (true, false) => Ask::new("gpus", format!("device={}", ids.join(","))),
        (false, _) => Ask::new(
            "device",
            format!("driver={driver},capabilities={},ids={}", capabilities.join("+"), ids.join("+")),
        ),
    })
}

/// What the drivers that keep output here are told. Others send it elsewhere.
const LOG_OPTIONS: &[&str] = &[
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];

fn logging(at: &At<'_>, service: &mut Service) -> Result<(), Refused> {
    let Some(at) = at.key("logging")? else { return Ok(()) };
    at.closed(&[&["driver", "options"]])?;
    let driver = at.key("driver")?.map(|at| at.scalar()).transpose()?.unwrap_or_default();
    let options = at.key("options")?.map(|at| at.texts()).transpose()?.unwrap_or_default();
    if driver.is_empty() {
        // The engine's usual driver may be one that sends.
        let odd = options.into_keys().filter(|key| !LOG_OPTIONS.contains(&key.as_str()));
        service.asks.extend(odd.map(|key| Ask::new("log_option", key)));
    } else {
        service.asks.push(Ask::new("log_driver", driver));
    }
    Ok(())
}

/// Containers of this project and of others.
fn others(at: &At<'_>, around: &Around<'_>, service: &mut Service) -> Result<(), Refused> {
    for key in ["network_mode", "pid", "ipc", "uts"] {
        let Some(at) = at.key(key)? else { continue };
        let mode = at.text()?;
        if let Some(name) = mode.strip_prefix("container:") {
            service.containers.push(plain(name));
        } else if let Some(name) = mode.strip_prefix("service:") {
            service.shares.push(around.service(&at, name)?);
        } else if key == "network_mode" && !matches!(mode, "" | "host" | "none" | "bridge" | "default") {
            service.networks.push(mode.to_owned());
        }
    }
    if let Some(at) = at.key("volumes_from")? {
        for word in at.words()? {
            match word.strip_prefix("container:") {
                Some(rest) => service.containers.push(plain(&first(rest))),
                None => service.shares.push(around.service(&at, &first(&word))?),
            }
        }
    }
    if let Some(at) = at.key("links")? {
        for word in at.words()? {
            service.shares.push(around.service(&at, &first(&word))?);
        }
    }
    for list in [&mut service.containers, &mut service.shares] {
        list.sort();
        list.dedup();
    }
    Ok(())
}

/// The engine's names begin with a slash, which nobody needs to write.
fn plain(name: &str) -> String {
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

fn first(text: &str) -> String {
    text.split(':').next().unwrap_or_default().to_owned()
}
