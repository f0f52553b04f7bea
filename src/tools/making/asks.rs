//! From options to what the guard judges, and to what they name.

use crate::config::Settings;
use crate::engine::create::Published;
use crate::guard::create::{self, Amounts, Ask, Refusal, Wanted};
use crate::tool::{Asked, Kind, ToolError};

use super::forms::Pairs;
use super::options::Options;
use super::words;

/// One mount, as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    pub source: String,
    pub target: String,
    pub read_only: bool,
}

impl Mounted {
    /// A path of the host; else a volume.
    pub fn is_host(&self) -> bool {
        self.source.starts_with('/')
    }
}

/// What an option of another container's is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Network,
    Pid,
    Ipc,
    Volumes,
    Link,
}

/// `container:ro`: what follows the name.
pub fn mode_of(text: &str) -> &str {
    text.split_once(':').map_or("", |(_, mode)| mode)
}

/// The networks that are named, in their order.
pub fn networks(options: &Options) -> Vec<&str> {
    let mode = options.network_mode.as_deref().filter(|mode| !is_own(mode) && other(mode).is_none());
    let mut all: Vec<&str> = mode.into_iter().collect();
    for name in Options::list(options.networks.as_ref()) {
        // The usual one may be named like any other.
        if !(all.contains(&name.as_str()) || name == "bridge") {
            all.push(name);
        }
    }
    all
}

/// Words that are no network's name but the engine's own.
pub fn is_own(mode: &str) -> bool {
    matches!(mode, "bridge" | "default" | "none" | "host" | "")
}

/// `container:X`
pub fn other(mode: &str) -> Option<&str> {
    mode.strip_prefix("container:")
}

/// Other containers that the options name.
pub fn containers(options: &Options) -> Vec<(Role, &str)> {
    let modes = [
        options.network_mode.as_deref().and_then(other).map(|name| (Role::Network, name)),
        options.pid_mode.as_deref().and_then(other).map(|name| (Role::Pid, name)),
        options.ipc_mode.as_deref().and_then(other).map(|name| (Role::Ipc, name)),
    ];
    let mut all: Vec<(Role, &str)> = modes.into_iter().flatten().collect();
    for (role, list) in [(Role::Volumes, &options.volumes_from), (Role::Link, &options.links)] {
        let names = Options::list(list.as_ref()).iter();
        all.extend(names.map(|text| (role, text.split_once(':').map_or(text.as_str(), |(name, _)| name))));
    }
    all
}

/// Links: what is named, and what it is called in the container.
pub fn links(options: &Options) -> Vec<(&str, &str)> {
    let all = Options::list(options.links.as_ref()).iter();
    all.map(|text| text.split_once(':').unwrap_or((text, text))).collect()
}

/// Everything that the options name, and the name that is to be.
pub fn targets(options: &Options) -> Result<Vec<Asked>, ToolError> {
    let name = match &options.name {
        Some(name) => Asked::NewContainer(name.clone()),
        None => Asked::UnnamedContainer(like(&options.image)),
    };
    let mut all = vec![name, Asked::ImageOrPull(options.image.clone())];
    all.extend(networks(options).into_iter().map(|name| Asked::Network(name.to_owned())));
    let volumes = mounts(options)?.into_iter().filter(|mount| !mount.is_host());
    all.extend(volumes.map(|mount| Asked::Volume(mount.source)));
    all.extend(containers(options).into_iter().map(|(_, name)| Asked::Container(name.to_owned())));
    Ok(all)
}

/// The last part of an image's name, as the beginning of a container's.
fn like(image: &str) -> String {
    let last = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let name: String = last
        .split(':')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c))
        .take(40)
        .collect();
    let name = name.trim_start_matches(['_', '.', '-']);
    if name.is_empty() || name == "sha256" { "container".to_owned() } else { name.to_owned() }
}

/// The mounts that are asked for.
pub fn mounts(options: &Options) -> Result<Vec<Mounted>, ToolError> {
    let wrong = |text: &str, why: &str| {
        Err(ToolError::invalid(format!("`volumes`: `{text}`: {why}"))
            .hint("write {\"volume\": \"/path\"} or [\"/host/folder:/path:ro\"]"))
    };
    let lines: Vec<String> = match &options.volumes {
        None | Some(Pairs::Nothing) => return Ok(Vec::new()),
        Some(Pairs::Lines(lines)) => lines.clone(),
        Some(Pairs::Map(pairs)) => pairs.iter().map(|(from, to)| format!("{from}:{to}")).collect(),
    };
    let mut all: Vec<Mounted> = Vec::new();
    for line in lines {
        let parts: Vec<&str> = line.split(':').collect();
        let (source, target, flags) = match parts.as_slice() {
            [source, target] => (*source, *target, ""),
            [source, target, flags] => (*source, *target, *flags),
            [_] => return wrong(&line, "a source and a path in the container, with a colon between"),
            _ => return wrong(&line, "too many colons"),
        };
        let read_only = match flags {
            "" | "rw" => false,
            "ro" => true,
            _ => {
                return wrong(&line, "only `ro` or `rw` may follow; how it spreads and is labelled is fixed");
            }
        };
        if !target.starts_with('/') || inside(target) == "/" || target.split('/').any(|part| part == "..") {
            return wrong(&line, "the path in the container must be absolute, without `..`, and not `/`");
        }
        let name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let is_volume = source.starts_with(|c: char| c.is_ascii_alphanumeric()) && source.chars().all(name);
        if source.starts_with('/') {
            if let Err(why) = create::clean(source) {
                return wrong(&line, why);
            }
        } else if !is_volume {
            return wrong(&line, "the source must be a volume's name, or an absolute path of the host");
        }
        let target = inside(target);
        if all.iter().any(|mount| mount.target == target) {
            return wrong(&line, "two mounts at one path");
        }
        all.push(Mounted { source: source.to_owned(), target, read_only });
    }
    Ok(all)
}

/// A path of the container as the engine writes it: without double or trailing slashes, and without dots.
fn inside(target: &str) -> String {
    let parts: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    format!("/{}", parts.join("/"))
}

/// The ports that are asked for.
pub fn ports(options: &Options, settings: &Settings) -> Result<Vec<Published>, ToolError> {
    let usual = create::defaults(&settings.create).host_ip;
    let lines: Vec<String> = match &options.ports {
        None | Some(Pairs::Nothing) => return Ok(Vec::new()),
        Some(Pairs::Lines(lines)) => lines.clone(),
        // The container's port is the key, with its protocol.
        Some(Pairs::Map(pairs)) => pairs.iter().map(|(port, host)| format!("{host}:{port}")).collect(),
    };
    lines.iter().map(|line| port(line, usual)).collect()
}

/// `80`, `8080:80/udp`, `127.0.0.1:8080:80`, `[::1]:8080:80`
fn port(line: &str, usual: &str) -> Result<Published, ToolError> {
    let wrong = || {
        ToolError::invalid(format!("`ports`: `{line}` is no port"))
            .hint("write {\"80\": 8080}, \"8080:80\", \"127.0.0.1:8080:80/udp\"; ranges one by one")
    };
    let (rest, protocol) = line.rsplit_once('/').unwrap_or((line, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(wrong());
    }
    let (before, container) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (address, host) = match before.rsplit_once(':') {
        Some((address, host)) => (address.trim_start_matches('[').trim_end_matches(']'), host),
        None => ("", before),
    };
    let number =
        |text: &str| text.parse::<u16>().is_ok_and(|n| n > 0) && text.bytes().all(|b| b.is_ascii_digit());
    let host = if matches!(host, "0" | "") { "" } else { host };
    let fine = number(container) && (host.is_empty() || number(host));
    let address = if address.is_empty() { usual } else { address };
    if !fine || !(address.is_empty() || create::is_address(address)) {
        return Err(wrong());
    }
    Ok(Published {
        port: format!("{container}/{protocol}"),
        host_ip: address.to_owned(),
        host_port: host.to_owned(),
    })
}

/// What the options ask of the host's resources.
pub fn amounts(options: &Options) -> Result<Amounts, ToolError> {
    let Some(resources) = &options.resources else { return Ok(Amounts::default()) };
    let wrong = |field: &str, text: &str, hint: &str| {
        ToolError::invalid(format!("`resources.{field}`: `{text}` is no amount")).hint(hint.to_owned())
    };
    let memory = match &resources.memory {
        None => None,
        Some(n) => Some(
            words::bytes(&n.0)
                .filter(|bytes| *bytes >= 6 << 20)
                .ok_or_else(|| wrong("memory", &n.0, "6m at least: \"512m\", \"2g\", or bytes"))?,
        ),
    };
    let cpus = match &resources.cpu {
        None => None,
        Some(n) => Some(
            n.0.trim()
                .parse::<f64>()
                .ok()
                .filter(|cpus| (0.01..=4096.0).contains(cpus))
                .ok_or_else(|| wrong("cpu", &n.0, "processors: 0.5, 2"))?,
        ),
    };
    if let Some(pids @ (0 | 4_194_305..)) = resources.pids {
        return Err(wrong("pids", &pids.to_string(), "between 1 and 4194304, which is all that Linux has"));
    }
    Ok(Amounts { memory, cpus, pids: resources.pids })
}

/// Everything that widens a container's reach. `binds` are the paths of the host: as written, or where they lead.
pub fn wanted(options: &Options, settings: &Settings, binds: &[String]) -> Result<Wanted, ToolError> {
    let mut asks = Vec::new();
    let mut one = |field: &'static str, value: &Option<String>| {
        asks.extend(value.as_deref().map(|value| Ask::new(field, value)));
    };
    one("name", &options.name);
    one("network_mode", &options.network_mode);
    one("pid_mode", &options.pid_mode);
    one("ipc_mode", &options.ipc_mode);
    one("uts_mode", &options.uts_mode);
    one("userns_mode", &options.userns_mode);
    one("cgroupns_mode", &options.cgroupns_mode);
    one("cgroup_parent", &options.cgroup_parent);
    one("runtime", &options.runtime);
    one("gpus", &options.gpus);
    one("log_driver", &options.log_driver);
    one("restart_policy", &options.restart_policy);
    one("user", &options.user);
    let flags = [("privileged", options.privileged), ("oom_kill_disable", options.oom_kill_disable)];
    asks.extend(
        flags.into_iter().filter(|(_, on)| *on == Some(true)).map(|(field, _)| Ask::new(field, "true")),
    );
    asks.extend(options.oom_score_adj.map(|score| Ask::new("oom_score_adj", score.to_string())));
    for (field, list) in [
        ("cap_add", &options.cap_add),
        ("device", &options.devices),
        ("security_opt", &options.security_opt),
        ("volumes_from", &options.volumes_from),
        ("links", &options.links),
        ("group_add", &options.group_add),
        ("tmpfs", &options.tmpfs),
        ("dns", &options.dns),
        ("network_mode", &options.networks),
    ] {
        asks.extend(Options::list(list.as_ref()).iter().map(|value| Ask::new(field, value.as_str())));
    }
    for (field, map) in
        [("sysctl", &options.sysctls), ("ulimit", &options.ulimits), ("extra_hosts", &options.extra_hosts)]
    {
        asks.extend(
            Options::texts(map.as_ref()).map(|(key, value)| Ask::new(field, format!("{key}={value}"))),
        );
    }
    asks.extend(Options::texts(options.labels.as_ref()).map(|(key, _)| Ask::new("label", key)));
    for port in ports(options, settings)? {
        asks.push(Ask::new("host_port", format!("{}:{}", port.host_ip, port.host_port)));
    }
    asks.extend(mounts(options)?.into_iter().map(|mount| Ask::new("target", mount.target)));
    asks.extend(binds.iter().map(|path| Ask::new("bind", path.as_str())));
    Ok(Wanted { asks, amounts: amounts(options)?, protected: settings.protected() })
}

/// The refusal in the contract's words.
pub fn refused(refusal: Refusal) -> ToolError {
    let Refusal { ask, why, rule, exception } = refusal;
    let error = ToolError::new(
        Kind::PermissionDenied,
        format!("`{}` = `{}` is refused by {rule}: {why}", ask.field, ask.value),
    );
    error.hint(match exception {
        Some(exception) => format!(
            "leave it out or ask for less; a person can add \"{exception}\" to allow under [create_safety]"
        ),
        None if rule.contains("limits") => {
            "ask for less; a person can raise it under [create_safety]".to_owned()
        }
        None => "choose another one; no setting allows this one".to_owned(),
    })
}

/// The options as they are written, before anything is looked up.
pub fn guard(options: &Options, settings: &Settings) -> Result<(), ToolError> {
    super::blueprint::in_their_place(options)?;
    let binds: Vec<String> =
        mounts(options)?.into_iter().filter(Mounted::is_host).map(|mount| mount.source).collect();
    let wanted = wanted(options, settings, &binds)?;
    create::check(&wanted, &settings.create).map_err(refused)?;
    super::blueprint::checked(options)?;
    super::secrets::known(options, settings)
}
