//! The copy that compose makes a project of: the model, and what the settings put in where the file is silent.

use serde_json::{Map, Value, json};

use crate::config::settings::{CreateSafety, Profile};
use crate::guard::create::{self, Amounts};

use super::reader::At;
use super::resources;

/// The model with the ceilings of `create_safety.limits` where a service names no amount, and, under the profile restricted,
/// hardened. `trusted`: its file is one that a person listed, so it stays as it is.
///
/// Without either nothing changes at all: compose hashes what it is given, and a container whose hash is that of a plain
/// `docker compose up` is not made anew by one.
#[must_use]
pub fn frozen(mut json: Value, settings: &CreateSafety, trusted: bool) -> Value {
    if trusted || settings.profile == Profile::Off {
        return json;
    }
    let services = json.get_mut("services").and_then(Value::as_object_mut);
    for (_, service) in services.into_iter().flatten() {
        // What cannot be read was refused before it came here.
        let Ok(amounts) = resources::amounts(&At::top(service)) else { continue };
        let Some(service) = service.as_object_mut() else { continue };
        bound(service, &amounts, settings);
        if settings.profile == Profile::Restricted {
            harden(service, &create::defaults(settings));
        }
    }
    json
}

/// Compose takes no limit of the service beside other limits under `deploy`: where those are, it goes there.
fn bound(service: &mut Map<String, Value>, amounts: &Amounts, settings: &CreateSafety) {
    let most = settings.limits;
    let period = service.get("cpu_period").and_then(Value::as_f64).filter(|period| *period > 0.0);
    if let (None, Some(cpus), Some(period)) = (amounts.cpus, most.cpus, period) {
        // The engine takes no number of processors beside a period.
        #[expect(clippy::cast_possible_truncation, reason = "it is far below where that matters")]
        let quota = (cpus * period) as i64;
        service.insert("cpu_quota".to_owned(), json!(quota));
    }
    let mut put = |own: &str, deployed: &str, value: Value| {
        let limits = ["deploy", "resources", "limits"];
        let first = service.get_mut("deploy");
        let found = limits.iter().skip(1).fold(first, |at, key| at.and_then(|at| at.get_mut(*key)));
        match found.and_then(Value::as_object_mut) {
            Some(limits) => {
                limits.insert(deployed.to_owned(), value);
                service.remove(own);
            }
            None => {
                service.insert(own.to_owned(), value);
            }
        }
    };
    if let (None, Some(memory)) = (amounts.memory, most.memory) {
        put("mem_limit", "memory", json!(memory.to_string()));
    }
    if let (None, Some(pids)) = (amounts.pids, most.pids) {
        put("pids_limit", "pids", json!(pids));
    }
    if let (None, Some(cpus), None) = (amounts.cpus, most.cpus, period) {
        put("cpus", "cpus", json!(cpus));
    }
}

/// As a single container is made that says nothing else.
fn harden(service: &mut Map<String, Value>, defaults: &create::Defaults) {
    let texts = |service: &Map<String, Value>, key: &str| -> Vec<String> {
        let list = service.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut drop = texts(service, "cap_drop");
    for cap in &defaults.cap_drop {
        if !drop.iter().any(|dropped| dropped.eq_ignore_ascii_case(cap)) {
            drop.push((*cap).to_owned());
        }
    }
    service.insert("cap_drop".to_owned(), json!(drop));
    if defaults.read_only {
        service.entry("read_only").or_insert(json!(true));
    }
    let mut options = texts(service, "security_opt");
    let said = options.iter().any(|option| option.starts_with("no-new-privileges"));
    if !said && defaults.no_new_privileges && service.get("privileged") != Some(&Value::Bool(true)) {
        options.push("no-new-privileges:true".to_owned());
        service.insert("security_opt".to_owned(), json!(options));
    }
}
