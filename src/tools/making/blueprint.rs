//! From options to the fields of the engine that name no other object.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::Settings;
use crate::guard::create;
use crate::tool::ToolError;
use crate::tool::time::Span;
use crate::tools::lifecycle::is_signal;

use super::asks;
use super::forms::Argv;
use super::options::{HealthCheck, Options};
use super::secrets::{Environment, OPEN};

type Fields = BTreeMap<&'static str, Value>;

fn wrong(field: &str, why: &str, hint: &str) -> ToolError {
    ToolError::invalid(format!("`{field}`: {why}")).hint(hint.to_owned())
}

/// Are the options such as the engine can take? What it would call a fault of its own is said here.
pub(super) fn checked(options: &Options) -> Result<(), ToolError> {
    for (field, command) in [("command", &options.command), ("entrypoint", &options.entrypoint)] {
        words(field, command.as_ref())?;
    }
    for (key, _) in Options::texts(options.environment.as_ref()) {
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(wrong("environment", "a variable needs a name without `=`", "{\"NAME\": \"value\"}"));
        }
    }
    if options.workdir.as_deref().is_some_and(|dir| !dir.starts_with('/')) {
        return Err(wrong("workdir", "it must be absolute", "begin it with a slash"));
    }
    if let Some(name) = options.hostname.as_deref()
        && (name.is_empty()
            || name.len() > 63
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)))
    {
        return Err(wrong("hostname", "it is no name of a host", "letters, digits, `-` and `.`, 63 at most"));
    }
    if options.stop_signal.as_deref().is_some_and(|signal| !is_signal(signal)) {
        return Err(wrong("stop_signal", "it is no signal", "write SIGTERM, INT or 15"));
    }
    restart(options.restart_policy.as_deref())?;
    for (name, address) in Options::texts(options.extra_hosts.as_ref()) {
        if name.is_empty() || address.is_empty() || name.contains(':') {
            return Err(wrong("extra_hosts", "a name and an address", "{\"db\": \"10.0.0.5\"}"));
        }
    }
    if options.tmpfs.as_ref().is_some_and(|list| list.0.iter().any(|path| !path.starts_with('/'))) {
        return Err(wrong("tmpfs", "the path in the container must be absolute", "\"/run:size=16m\""));
    }
    for (field, map) in [("sysctls", &options.sysctls), ("ulimits", &options.ulimits)] {
        let odd = |key: &str| !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if Options::texts(map.as_ref()).any(|(key, _)| odd(key)) {
            return Err(wrong(
                field,
                "a name has letters, digits, `.`, `_` and `-`",
                "{\"nofile\": \"1024\"}",
            ));
        }
    }
    if Options::list(options.volumes_from.as_ref())
        .iter()
        .any(|t| !matches!(asks::mode_of(t), "" | "ro" | "rw"))
    {
        return Err(wrong("volumes_from", "only `ro` or `rw` may follow", "\"container:ro\""));
    }
    if let Some(check) = &options.health_check {
        health(check)?;
    }
    if let (Some(mode), Some(_)) = (&options.network_mode, &options.networks)
        && (asks::is_own(mode) || asks::other(mode).is_some())
        && !matches!(mode.as_str(), "bridge" | "default" | "")
    {
        return Err(wrong("network_mode", "it goes with no other network", "leave `networks` out"));
    }
    Ok(())
}

/// Secrets stand where they are put in, and nowhere else.
pub(super) fn in_their_place(options: &Options) -> Result<(), ToolError> {
    let Some(field) = secret_elsewhere(options) else { return Ok(()) };
    // Not in its own form, which is masked like a secret.
    Err(wrong(
        field,
        "a secret may stand in a value of `environment` only",
        "give it to the container as a variable",
    ))
}

/// The first field with `${secret:` in it, but for values of the environment.
fn secret_elsewhere(options: &Options) -> Option<&'static str> {
    fn said(argv: Option<&Argv>) -> Vec<&str> {
        match argv {
            None => Vec::new(),
            Some(Argv::Line(line)) => vec![line],
            Some(Argv::Words(words)) => words.iter().map(String::as_str).collect(),
        }
    }
    let both = |map| Options::texts(map).flat_map(|(key, value)| [key, value]).collect::<Vec<_>>();
    let lists = |list| Options::list(list).iter().map(String::as_str).collect::<Vec<_>>();
    let fields = [
        ("environment", Options::texts(options.environment.as_ref()).map(|(key, _)| key).collect()),
        ("command", said(options.command.as_ref())),
        ("entrypoint", said(options.entrypoint.as_ref())),
        ("health_check.cmd", said(options.health_check.as_ref().map(|check| &check.cmd))),
        ("labels", both(options.labels.as_ref())),
        ("extra_hosts", both(options.extra_hosts.as_ref())),
        ("sysctls", both(options.sysctls.as_ref())),
        ("ulimits", both(options.ulimits.as_ref())),
        ("tmpfs", lists(options.tmpfs.as_ref())),
        ("user", options.user.as_deref().into_iter().collect()),
        ("workdir", options.workdir.as_deref().into_iter().collect()),
        ("hostname", options.hostname.as_deref().into_iter().collect()),
    ];
    fields.into_iter().find(|(_, texts)| texts.iter().any(|text| text.contains(OPEN))).map(|(field, _)| field)
}

pub(super) fn words(field: &str, command: Option<&Argv>) -> Result<Option<Vec<String>>, ToolError> {
    let Some(command) = command else { return Ok(None) };
    match command.words() {
        Ok(words) if words.iter().any(|word| word.contains('\0')) => {
            Err(wrong(field, "it holds a zero byte", "leave it out"))
        }
        Ok(words) => Ok(Some(words)),
        Err(why) => Err(wrong(field, why, "give the words as an array")),
    }
}

fn restart(policy: Option<&str>) -> Result<Option<Value>, ToolError> {
    let Some(policy) = policy else { return Ok(None) };
    let (name, count) = policy.split_once(':').unwrap_or((policy, ""));
    let number = if count.is_empty() { Some(0) } else { count.parse::<u16>().ok() };
    match (name, number) {
        ("no" | "always" | "unless-stopped", Some(0)) if count.is_empty() => {
            Ok(Some(json!({ "Name": name })))
        }
        ("on-failure", Some(count)) => Ok(Some(json!({ "Name": name, "MaximumRetryCount": count }))),
        _ => Err(wrong(
            "restart_policy",
            &format!("`{policy}` is none"),
            "no, on-failure, on-failure:3, unless-stopped or always",
        )),
    }
}

fn health(check: &HealthCheck) -> Result<Value, ToolError> {
    let test = match &check.cmd {
        Argv::Line(line) if line.trim().eq_ignore_ascii_case("none") => vec!["NONE".to_owned()],
        Argv::Line(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        Argv::Words(words) => match words.first().map(String::as_str) {
            Some("CMD" | "CMD-SHELL" | "NONE") => words.clone(),
            _ => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
        },
    };
    let mut out = Map::from_iter([("Test".to_owned(), json!(test))]);
    for (field, key, span) in [
        ("interval", "Interval", check.interval),
        ("timeout", "Timeout", check.timeout),
        ("start_period", "StartPeriod", check.start_period),
    ] {
        let Some(Span(span)) = span else { continue };
        // Below a millisecond the engine refuses it; zero is its own default.
        if !span.is_zero() && span < Duration::from_millis(1) {
            return Err(wrong(&format!("health_check.{field}"), "too short", "1ms at least"));
        }
        out.insert(key.to_owned(), json!(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX >> 1)));
    }
    if let Some(retries) = check.retries {
        out.insert("Retries".to_owned(), json!(retries));
    }
    Ok(Value::Object(out))
}

/// The fields of `Config`.
pub(super) fn config(options: &Options) -> Result<Fields, ToolError> {
    let mut out = Fields::new();
    let mut text = |key: &'static str, value: &Option<String>| {
        out.extend(value.as_ref().map(|value| (key, json!(value))));
    };
    text("User", &options.user);
    text("WorkingDir", &options.workdir);
    text("Hostname", &options.hostname);
    text("StopSignal", &options.stop_signal);
    out.extend(
        options.stop_timeout.map(|Span(time)| ("StopTimeout", json!(time.as_secs_f64().ceil() as u32))),
    );
    if let Some(check) = &options.health_check {
        out.insert("Healthcheck", health(check)?);
    }
    Ok(out)
}

/// The fields of `HostConfig`.
pub(super) fn host(options: &Options, settings: &Settings) -> Result<Fields, ToolError> {
    let mut out = Fields::new();
    let defaults = create::defaults(&settings.create);
    let mode = |mode: &Option<String>| mode.clone().filter(|m| !m.is_empty() && asks::other(m).is_none());
    for (key, value) in [
        ("PidMode", mode(&options.pid_mode)),
        ("IpcMode", mode(&options.ipc_mode)),
        ("UTSMode", mode(&options.uts_mode)),
        ("UsernsMode", mode(&options.userns_mode)),
        ("CgroupnsMode", mode(&options.cgroupns_mode)),
        ("CgroupParent", options.cgroup_parent.clone()),
        ("Runtime", options.runtime.clone()),
    ] {
        out.extend(value.map(|value| (key, json!(value))));
    }
    for (key, flag) in [
        ("Privileged", options.privileged),
        ("OomKillDisable", options.oom_kill_disable),
        ("Init", options.init),
    ] {
        out.extend(flag.filter(|on| *on).map(|on| (key, json!(on))));
    }
    if options.read_only.unwrap_or(defaults.read_only) {
        out.insert("ReadonlyRootfs", json!(true));
    }
    out.extend(options.oom_score_adj.map(|score| ("OomScoreAdj", json!(score))));
    lists(options, &defaults, &mut out);
    if let Some(policy) = restart(options.restart_policy.as_deref())? {
        out.insert("RestartPolicy", policy);
    }
    if let Some(driver) = &options.log_driver {
        out.insert("LogConfig", json!({ "Type": driver }));
    }
    let asked = asks::amounts(options)?;
    let memory = asked.memory.or(defaults.amounts.memory);
    let cpus = asked.cpus.or(defaults.amounts.cpus);
    let pids = asked.pids.or(defaults.amounts.pids);
    out.extend(memory.map(|bytes| ("Memory", json!(bytes))));
    out.extend(cpus.map(|cpus| ("NanoCpus", json!((cpus * 1e9).round() as u64))));
    out.extend(pids.map(|pids| ("PidsLimit", json!(pids))));
    Ok(out)
}

fn lists(options: &Options, defaults: &create::Defaults, out: &mut Fields) {
    let list = |list| Options::list(list).to_vec();
    let mut drop = list(options.cap_drop.as_ref());
    let all = drop.iter().any(|cap| cap.eq_ignore_ascii_case("all"));
    // What is dropped and added would be added.
    let added = list(options.cap_add.as_ref());
    let adds = |cap: &str| added.iter().any(|add| add.to_ascii_uppercase().trim_start_matches("CAP_") == cap);
    if !all {
        drop.extend(defaults.cap_drop.iter().filter(|cap| !adds(cap)).map(|cap| (*cap).to_owned()));
    }
    let mut security = Vec::new();
    let mut privileges = defaults.no_new_privileges && options.privileged != Some(true);
    for option in list(options.security_opt.as_ref()) {
        match option.strip_prefix("no-new-privileges") {
            Some("" | ":true" | "=true") => privileges = true,
            Some(":false" | "=false") => privileges = false,
            _ => security.push(option),
        }
    }
    if privileges {
        security.push("no-new-privileges".to_owned());
    }
    for (key, list) in [
        ("CapAdd", added),
        ("CapDrop", drop),
        ("SecurityOpt", security),
        ("GroupAdd", list(options.group_add.as_ref())),
        ("Dns", list(options.dns.as_ref())),
    ] {
        if !list.is_empty() {
            out.insert(key, json!(list));
        }
    }
    let devices: Vec<Value> =
        Options::list(options.devices.as_ref()).iter().map(|text| device(text)).collect();
    if !devices.is_empty() {
        out.insert("Devices", json!(devices));
    }
    if let Some(gpus) = &options.gpus {
        let count = if gpus == "all" { -1 } else { gpus.parse().unwrap_or(1) };
        out.insert("DeviceRequests", json!([{ "Count": count, "Capabilities": [["gpu"]] }]));
    }
    let tmpfs: Map<String, Value> = Options::list(options.tmpfs.as_ref())
        .iter()
        .map(|text| text.split_once(':').unwrap_or((text, "")))
        .map(|(path, options)| (path.to_owned(), json!(options)))
        .collect();
    if !tmpfs.is_empty() {
        out.insert("Tmpfs", Value::Object(tmpfs));
    }
    let hosts: Vec<String> =
        Options::texts(options.extra_hosts.as_ref()).map(|(name, ip)| format!("{name}:{ip}")).collect();
    if !hosts.is_empty() {
        out.insert("ExtraHosts", json!(hosts));
    }
    let sysctls: Map<String, Value> =
        Options::texts(options.sysctls.as_ref()).map(|(key, value)| (key.to_owned(), json!(value))).collect();
    if !sysctls.is_empty() {
        out.insert("Sysctls", Value::Object(sysctls));
    }
    let limits: Vec<Value> = Options::texts(options.ulimits.as_ref())
        .map(|(name, value)| {
            let (soft, hard) = value.split_once(':').unwrap_or((value, value));
            let number = |text: &str| text.parse::<i64>().unwrap_or_default();
            json!({ "Name": name, "Soft": number(soft), "Hard": number(hard) })
        })
        .collect();
    if !limits.is_empty() {
        out.insert("Ulimits", json!(limits));
    }
}

/// `/dev/x`, `/dev/x:/dev/y`, `/dev/x:/dev/y:rw`
fn device(text: &str) -> Value {
    let mut parts = text.split(':');
    let host = parts.next().unwrap_or_default();
    let inside = parts.next().unwrap_or(host);
    json!({ "PathOnHost": host, "PathInContainer": inside, "CgroupPermissions": parts.next().unwrap_or("rwm") })
}

/// The environment as the engine takes it.
pub(super) fn env(environment: &Environment) -> Vec<String> {
    environment.lines.clone()
}
