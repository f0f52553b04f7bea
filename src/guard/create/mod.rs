//! What a container may be made with: the Pod Security Standards mapped to Docker, and the exceptions of a person.
//!
//! Everything that could widen a container's reach is an [`Ask`], a field and a value; whoever makes a container says all
//! of them, and one function judges each. What is not an ask cannot be said at all.

mod fields;
pub mod image;
pub mod made;
mod paths;
#[cfg(test)]
mod tests;
mod ways;

use std::path::PathBuf;

use crate::config::settings::{CreateSafety, Exception, Profile};

pub use fields::{CAPABILITIES, is_address};
pub use paths::clean;
pub use ways::{Way, apart};

/// One thing that is asked of a container beyond the usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// As in `create_safety.allow`: `cap_add`, `bind`, ...
    pub field: &'static str,
    /// What it is to be.
    pub value: String,
}

impl Ask {
    /// This field, this value.
    pub fn new(field: &'static str, value: impl Into<String>) -> Self {
        Self { field, value: value.into() }
    }
}

/// What a container may use of the host's resources, as asked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amounts {
    /// Bytes.
    pub memory: Option<u64>,
    /// Processors.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// Everything that is judged.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// All of it.
    pub asks: Vec<Ask>,
    /// Resources.
    pub amounts: Amounts,
    /// Paths of our own that no container may get: the audit, the engine's socket.
    pub protected: Vec<PathBuf>,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked.
    pub ask: Ask,
    /// A lowercase fragment.
    pub why: String,
    /// The setting that says so.
    pub rule: String,
    /// The entry of `create_safety.allow` that would let it through, if one can.
    pub exception: Option<String>,
}

/// May a container be made with all of this?
///
/// # Errors
/// The first thing that it may not have.
pub fn check(wanted: &Wanted, settings: &CreateSafety) -> Result<(), Refusal> {
    if settings.profile == Profile::Off {
        return Ok(());
    }
    for ask in &wanted.asks {
        judge(ask, wanted, settings)?;
    }
    ceilings(&wanted.amounts, settings)
}

/// What is let through that its profile refuses, by a person's exceptions or a bypass: `field=value`. Not what only names
/// something: paths, labels, names.
#[must_use]
pub fn beyond(wanted: &Wanted, settings: &CreateSafety) -> Vec<String> {
    let asks = wanted
        .asks
        .iter()
        .filter(|ask| !matches!(ask.field, "bind" | "mount" | "name" | "label" | "host_port"));
    let refused = asks.filter(|ask| fields::verdict(ask, &wanted.protected, settings).is_err());
    refused.map(|ask| format!("{}={}", ask.field, ask.value)).collect()
}

fn judge(ask: &Ask, wanted: &Wanted, settings: &CreateSafety) -> Result<(), Refusal> {
    let Err(fields::No { why, rule, final_word }) = fields::verdict(ask, &wanted.protected, settings) else {
        return Ok(());
    };
    if !final_word && settings.allow.iter().any(|exception| lets_through(exception, ask)) {
        return Ok(());
    }
    let exception = (!final_word).then(|| format!("{}={}", ask.field, ask.value));
    Err(Refusal { ask: ask.clone(), why, rule, exception })
}

/// Several words for one field, as people write them.
fn same_field(written: &str, field: &str) -> bool {
    let group: &[&str] = match field {
        "device" => &["devices"],
        "gpus" => &["device_requests"],
        "sysctl" => &["sysctls"],
        "ulimit" => &["ulimits"],
        "log_driver" => &["log_config"],
        "host_port" => &["ports"],
        "mount" => &["volume_driver"],
        _ => &[],
    };
    written == field || group.contains(&written)
}

fn lets_through(exception: &Exception, ask: &Ask) -> bool {
    let Exception { field, value, .. } = exception;
    if ask.field == "security_opt" && field != "security_opt" {
        // `seccomp=unconfined`, `apparmor`, `no_new_privileges=false`
        let (key, said) = fields::security_opt(&ask.value);
        return *field == key.replace('-', "_") && value.as_ref().is_none_or(|value| *value == said);
    }
    if !same_field(field, ask.field) {
        return false;
    }
    let Some(value) = value else { return true };
    match ask.field {
        "cap_add" => fields::capability(value) == fields::capability(&ask.value),
        "bind" => paths::below(&ask.value, value),
        "security_opt" => fields::security_opt(value) == fields::security_opt(&ask.value),
        "sysctl" | "ulimit" => {
            *value == ask.value || ask.value.split_once('=').is_some_and(|(key, _)| key == value)
        }
        // `8080` is meant on every address.
        "host_port" => *value == ask.value || ask.value.rsplit(':').next() == Some(value),
        // The container's path may be another one.
        "device" => *value == ask.value || ask.value.split(':').next() == Some(value),
        _ => *value == ask.value,
    }
}

fn ceilings(amounts: &Amounts, settings: &CreateSafety) -> Result<(), Refusal> {
    let limits = &settings.limits;
    let over = |field, value: String, most: String| Refusal {
        why: format!("the ceiling is {most}"),
        rule: format!("create_safety.limits.{field} = {most}"),
        ask: Ask::new(field, value),
        exception: None,
    };
    match (amounts.memory, limits.memory) {
        (Some(asked), Some(most)) if asked > most => {
            return Err(over("memory", asked.to_string(), most.to_string()));
        }
        _ => {}
    }
    match (amounts.cpus, limits.cpus) {
        (Some(asked), Some(most)) if asked > most => {
            return Err(over("cpus", asked.to_string(), most.to_string()));
        }
        _ => {}
    }
    match (amounts.pids, limits.pids) {
        (Some(asked), Some(most)) if asked > most => Err(over("pids", asked.to_string(), most.to_string())),
        _ => Ok(()),
    }
}

/// What a container gets that asks for less than its profile gives or takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// Resources where the call names none.
    pub amounts: Amounts,
    /// `no-new-privileges`, unless the call says otherwise.
    pub no_new_privileges: bool,
    /// Dropped besides what the call drops.
    pub cap_drop: Vec<&'static str>,
    /// Where the call does not say.
    pub read_only: bool,
    /// Where a port names no address of the host.
    pub host_ip: &'static str,
}

/// Threads of one container, where nobody says how many.
const PIDS: u64 = 512;

/// The defaults under these settings.
#[must_use]
pub fn defaults(settings: &CreateSafety) -> Defaults {
    let limits = settings.limits;
    let raw = || settings.allow.iter().any(|e| lets_through(e, &Ask::new("cap_add", "NET_RAW")));
    match settings.profile {
        Profile::Off => Defaults {
            amounts: Amounts::default(),
            no_new_privileges: false,
            cap_drop: Vec::new(),
            read_only: false,
            host_ip: "",
        },
        profile => Defaults {
            amounts: Amounts {
                memory: limits.memory,
                cpus: limits.cpus,
                pids: Some(limits.pids.map_or(PIDS, |most| most.min(PIDS))),
            },
            no_new_privileges: true,
            cap_drop: match profile {
                Profile::Restricted => vec!["ALL"],
                _ if raw() => Vec::new(),
                _ => vec!["NET_RAW"],
            },
            read_only: profile == Profile::Restricted,
            host_ip: "127.0.0.1",
        },
    }
}
