//! Compose runs on copies in a folder of ours: what it prints begins with that folder's path, which is taken off again.

use std::path::Path;

use serde_json::Value;

use super::Refused;

const HINT: &str = "write the path as it is, without `PWD`, `HOME` or a way above the project's root";

/// Takes the mirror's path off every field that holds a path of the host.
///
/// # Errors
/// It stands somewhere else as well, or a path leads out of the mirror into the folder around it: that is not what the file
/// means where it really lies.
pub fn unmirror(json: &mut Value, prefix: &Path) -> Result<(), Refused> {
    let text = prefix.to_str().map(|text| text.trim_end_matches('/')).filter(|text| text.starts_with('/'));
    let Some(text) = text else {
        return Err(Refused::new("", "the mirror has no path that is text", "set another temporary folder"));
    };
    // As compose prints it.
    let prefix = text.replace('$', "$$");
    // `/tmp` alone is everybody's.
    let around =
        prefix.rsplit_once('/').map(|(around, _)| around).filter(|around| around.matches('/').count() > 1);
    for (place, path) in paths(json) {
        if let Some(rest) = below(path, &prefix) {
            *path = if rest.is_empty() { "/".to_owned() } else { rest.to_owned() };
        } else if around.is_some_and(|around| below(path, around).is_some()) {
            return Err(Refused::new(place, "it leads out of where compose runs", HINT));
        }
    }
    clean(json, "", &prefix)
}

/// What follows `folder` in `path`, if it lies there.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every path of the host that compose makes absolute.
fn paths(json: &mut Value) -> Vec<(String, &mut String)> {
    let mut all = Vec::new();
    for (kind, value) in json.as_object_mut().into_iter().flatten() {
        for (name, value) in value.as_object_mut().into_iter().flatten() {
            let place = format!("{kind}.{name}");
            match kind.as_str() {
                "services" => service(&place, value, &mut all),
                "secrets" | "configs" => field(&place, value, "file", &mut all),
                "volumes" => {
                    if let Some(options) = value.get_mut("driver_opts") {
                        field(&format!("{place}.driver_opts"), options, "device", &mut all);
                    }
                }
                _ => {}
            }
        }
    }
    all
}

fn service<'a>(place: &str, service: &'a mut Value, all: &mut Vec<(String, &'a mut String)>) {
    for (key, value) in service.as_object_mut().into_iter().flatten() {
        let place = format!("{place}.{key}");
        match key.as_str() {
            "build" => {
                for (key, value) in value.as_object_mut().into_iter().flatten() {
                    let place = format!("{place}.{key}");
                    match (key.as_str(), value) {
                        ("context" | "dockerfile", Value::String(path)) => all.push((place, path)),
                        ("additional_contexts", Value::Object(contexts)) => {
                            for (name, value) in contexts {
                                if let Value::String(path) = value {
                                    all.push((format!("{place}.{name}"), path));
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            "volumes" => {
                for (at, value) in value.as_array_mut().into_iter().flatten().enumerate() {
                    if value.get("type").and_then(Value::as_str) == Some("bind") {
                        field(&format!("{place}[{at}]"), value, "source", all);
                    }
                }
            }
            "develop" => {
                let watch = value.get_mut("watch").and_then(Value::as_array_mut);
                for (at, value) in watch.into_iter().flatten().enumerate() {
                    field(&format!("{place}.watch[{at}]"), value, "path", all);
                }
            }
            _ => {}
        }
    }
}

fn field<'a>(place: &str, value: &'a mut Value, key: &str, all: &mut Vec<(String, &'a mut String)>) {
    if let Some(Value::String(path)) = value.get_mut(key) {
        all.push((format!("{place}.{key}"), path));
    }
}

/// Is the mirror nowhere in it any more? It calls itself no deeper than the model is, which `serde_json` bounds.
fn clean(value: &Value, place: &str, prefix: &str) -> Result<(), Refused> {
    let why = "where compose runs has got into it: that is not where the project lies";
    match value {
        Value::String(text) if text.contains(prefix) => Err(Refused::new(place, why, HINT)),
        Value::Array(all) => {
            let mut each = all.iter().enumerate();
            each.try_for_each(|(at, value)| clean(value, &format!("{place}[{at}]"), prefix))
        }
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            if key.contains(prefix) {
                return Err(Refused::new(place, why, HINT));
            }
            let below = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            clean(value, &below, prefix)
        }),
        _ => Ok(()),
    }
}
