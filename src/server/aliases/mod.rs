//! Names of the five systems that this one replaces, and their argument names. Not listed, only understood.
//!
//! What the tool itself knows is never touched: an argument is renamed only where the tool has none of that name, and what
//! stays unknown is refused like any other unknown argument.

mod table;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::catalogue;
use crate::tool::ToolDef;
use table::{ARGUMENTS, Argument, DROPPED, Form, TOOLS};

/// A call in our own words.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// The canonical name; the caller's where there is no such tool.
    pub tool: String,
    /// The arguments under our names.
    pub arguments: Map<String, Value>,
    /// A word that the other system's clients wait for.
    pub says: Option<&'static str>,
}

/// Other systems' names with ours, for those tools that exist: filters and roles may be written with either.
pub fn names() -> impl Iterator<Item = (String, &'static str)> {
    let table = TOOLS.iter().filter(|t| catalogue::find(t.ours).is_some());
    let short = |ours: &'static str| {
        let bare = ours.strip_prefix("docker_").unwrap_or(ours);
        [(bare.to_owned(), ours), (bare.replace('_', "-"), ours)]
    };
    table
        .map(|t| (t.theirs.to_owned(), t.ours))
        .chain(catalogue::all().flat_map(move |def| short(def.spec.name)))
}

/// The canonical tool and arguments.
#[must_use]
pub fn translate(tool: &str, mut arguments: Map<String, Value>) -> Called {
    let unknown = |arguments| Called { tool: tool.to_owned(), arguments, says: None };
    let alias = TOOLS.iter().find(|t| t.theirs == tool);
    let def = match alias {
        Some(alias) => catalogue::find(alias.ours),
        // `compose_ps` and `compose-ps` are `docker_compose_ps`.
        None => {
            catalogue::find(tool).or_else(|| catalogue::find(&format!("docker_{}", tool.replace('-', "_"))))
        }
    };
    let Some(def) = def else { return unknown(arguments) };
    for (argument, value) in alias.map(|a| a.implies).unwrap_or_default() {
        arguments.entry(*argument).or_insert_with(|| (*value).into());
    }
    Called {
        tool: def.spec.name.to_owned(),
        arguments: rename(def, arguments),
        says: alias.and_then(|a| a.says),
    }
}

fn rename(def: &ToolDef, arguments: Map<String, Value>) -> Map<String, Value> {
    let schema = def.schema();
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return arguments };
    let (mut ours, theirs): (Map<_, _>, Map<_, _>) =
        arguments.into_iter().partition(|(key, _)| known.contains_key(key));
    for (key, value) in theirs {
        let for_tool = |a: &&Argument| a.theirs == key && (a.tool.is_empty() || a.tool == def.spec.name);
        let exists = |a: &&Argument| known.contains_key(a.ours.split('.').next().unwrap_or_default());
        let rule = ARGUMENTS.iter().filter(for_tool).find(exists);
        // S2's gateway says of every call whether it was approved; of a read that means nothing.
        let approved = key == "approved" && value.is_boolean() && def.spec.effect.read_only();
        let dropped = approved || DROPPED.contains(&key.as_str());
        match rule {
            Some(rule) if !is_given(&ours, rule.ours) => put(&mut ours, rule.ours, form(rule.form, value)),
            _ if dropped => {}
            // Said twice, or unknown: the tool refuses it and says so.
            _ => {
                ours.insert(key, value);
            }
        }
    }
    for (argument, property) in known {
        if let (Some(Value::Array(list)), true) = (ours.get(argument), takes_map(property)) {
            let map = pairs(list);
            ours.extend(map.map(|map| (argument.clone(), Value::Object(map))));
        }
    }
    ours
}

fn is_given(arguments: &Map<String, Value>, path: &str) -> bool {
    match path.split_once('.') {
        // A value that is no object cannot take the field in: it counts as given, and is refused.
        Some((outer, inner)) => {
            arguments.get(outer).is_some_and(|v| v.as_object().is_none_or(|o| o.contains_key(inner)))
        }
        None => arguments.contains_key(path),
    }
}

fn put(arguments: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        Some((outer, inner)) => {
            if let Value::Object(map) = arguments.entry(outer).or_insert_with(|| json!({})) {
                map.insert(inner.to_owned(), value);
            }
        }
        None => {
            arguments.insert(path.to_owned(), value);
        }
    }
}

fn form(form: Form, value: Value) -> Value {
    match (form, &value) {
        (Form::Millis, Value::Number(n)) => format!("{n}ms").into(),
        (Form::Millis, Value::String(s)) if s.bytes().all(|b| b.is_ascii_digit()) => format!("{s}ms").into(),
        (Form::Tool, Value::String(s)) => translate(s, Map::new()).tool.into(),
        _ => value,
    }
}

/// A map of texts, and no list.
fn takes_map(property: &Value) -> bool {
    property.get("type").is_some_and(|t| t == "object")
        && property.get("additionalProperties").is_some_and(|p| p != false)
}

/// `["K=V"]` as a map, if all of it is like that.
fn pairs(list: &[Value]) -> Option<Map<String, Value>> {
    let pair = |v: &Value| v.as_str()?.split_once('=').map(|(key, value)| (key.to_owned(), value.into()));
    list.iter().map(pair).collect()
}
