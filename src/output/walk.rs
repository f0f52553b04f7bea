//! Through a JSON value, string by string: what a field is decides how its text is judged.

use serde_json::{Map, Value};

use super::keys::OURS;
use super::keyvalue::is_secret_flag;
use super::{Learned, MASK, Redactor, clean, clean_line, look};

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Fields with names of Docker's or of ours.
    Fields,
    /// A map whose keys are data: labels, options.
    Data,
    /// A map or a list of environment variables.
    Env,
}

pub(super) fn walk(redactor: &Redactor, value: &mut Value, learned: &Learned) {
    inside(redactor, value, learned, Place::Fields);
}

fn inside(redactor: &Redactor, value: &mut Value, learned: &Learned, place: Place) {
    match value {
        Value::String(s) => *s = redactor.block(s, learned),
        Value::Array(list) => array(redactor, list, learned, place),
        Value::Object(map) => object(redactor, map, learned, place),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn object(redactor: &Redactor, map: &mut Map<String, Value>, learned: &Learned, place: Place) {
    for (key, mut value) in std::mem::take(map) {
        match &mut value {
            Value::String(s) => *s = field(redactor, &key, s, learned, place),
            Value::Array(list) if names(&key) && list.iter().all(Value::is_string) => {
                for item in list.iter_mut() {
                    if let Value::String(s) = item {
                        *s = field(redactor, &key, s, learned, Place::Fields);
                    }
                }
            }
            other => inside(redactor, other, learned, place_of(&key)),
        }
        let key =
            if place == Place::Fields { clean_line(&key).into_owned() } else { redactor.line(&key, learned) };
        map.insert(key, value);
    }
}

fn field(redactor: &Redactor, key: &str, text: &str, learned: &Learned, place: Place) -> String {
    let cleaned = clean(text);
    match place {
        Place::Env => redactor.env_pair(key, &cleaned, learned).into_owned(),
        Place::Data => redactor.key_value(key, &cleaned, learned).into_owned(),
        Place::Fields if is_reference(key, &cleaned) || OURS.contains(&key) => cleaned.into_owned(),
        Place::Fields if matches!(key, "key" | "keys") || look::path(&cleaned) => {
            redactor.text(&cleaned, learned).into_owned()
        }
        Place::Fields => redactor.key_value(key, &cleaned, learned).into_owned(),
    }
}

/// Elements know their neighbours: `--password`, `x` and `-e`, `KEY=x`.
fn array(redactor: &Redactor, list: &mut [Value], learned: &Learned, place: Place) {
    let mut before = String::new();
    for item in list {
        let Value::String(s) = item else {
            inside(redactor, item, learned, Place::Fields);
            before.clear();
            continue;
        };
        let cleaned = clean(s).into_owned();
        let pair = place == Place::Env || matches!(before.as_str(), "-e" | "--env" | "--build-arg" | "-E");
        *s = if is_secret_flag(&before) && !cleaned.starts_with('-') && redactor.enabled() {
            if look::placeholder(&cleaned) { cleaned.clone() } else { MASK.to_owned() }
        } else if pair {
            redactor.env_line(&cleaned, learned)
        } else {
            redactor.text(&cleaned, learned).into_owned()
        };
        before = cleaned;
    }
}

fn place_of(key: &str) -> Place {
    match key {
        "Env" | "env" | "Environment" | "environment" => Place::Env,
        "LogConfig" | "log_config" | "logging" => Place::Data,
        _ if is_plain_map(key) => Place::Data,
        _ => Place::Fields,
    }
}

/// Maps whose keys are data, not names of fields.
pub(super) fn is_plain_map(key: &str) -> bool {
    matches!(
        key,
        "Labels"
            | "labels"
            | "Options"
            | "options"
            | "DriverOpts"
            | "driver_opts"
            | "driverOpts"
            | "Annotations"
            | "annotations"
            | "Sysctls"
            | "sysctls"
            | "Data"
            | "build_args"
            | "buildargs"
            | "Ports"
            | "PortBindings"
            | "ExposedPorts"
            | "Volumes"
            | "volumes"
            | "networks"
            | "Networks"
            | "secrets"
            | "configs"
            | "environment"
            | "env"
            | "depends_on"
            | "Attributes"
            | "attributes"
            | "Storage"
            | "StorageOpt"
    )
}

/// Fields that hold names, ids and references.
fn names(key: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "id", "name", "names", "image", "images", "imageid", "image_id", "container", "containers",
        "containerid", "container_id", "shortid", "short_id", "status", "state", "driver", "digest", "digests",
        "repodigests", "repotags", "tags", "tag", "parent", "project", "projects", "service", "services",
        "network", "networks", "networkid", "endpointid", "sandboxid", "volume", "volumes", "reference",
        "references", "repository", "host", "hostname", "health", "platform", "architecture", "os", "created",
        "started", "finished", "uptime", "tool", "from", "type",
    ];
    key.len() <= 16 && NAMES.contains(&key.to_ascii_lowercase().replace([' ', '-'], "_").as_str())
}

/// Whether this is a name, an id or a reference: by its field, and by its shape, so that no sentence hides there.
pub(super) fn is_reference(key: &str, value: &str) -> bool {
    // `/data/x:/y` under `volumes` is a mount, and a path may hold anything
    let path = value.contains('/') && key.to_ascii_lowercase().starts_with("volume");
    names(key)
        && !path
        && value.len() <= 255
        && !value.contains("://")
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:/@+-".contains(&b))
}
