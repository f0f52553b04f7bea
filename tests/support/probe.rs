//! Calls of tools that this file does not know by name: what to ask follows from the schemas of `tools/list`.

use serde_json::{Value, json};

use super::{Client, ToolResult};

/// Arguments whose value names an object.
const NAMING: &[&str] = &["container", "containers", "name", "network", "volume", "project", "image"];

/// A tool and one of its arguments that names an object.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The tool.
    pub tool: String,
    /// The argument.
    pub argument: String,
    /// The other arguments that the tool needs, and a kind that it can be told.
    pub rest: Value,
}

impl Slot {
    /// Calls the tool for the object of that name.
    pub fn ask(&self, client: &Client, word: &str) -> ToolResult {
        client.call(&self.tool, &self.arguments(word))
    }

    /// What the call takes.
    pub fn arguments(&self, word: &str) -> Value {
        let mut arguments = self.rest.clone();
        arguments[&self.argument] = json!(word);
        arguments
    }
}

/// Every argument of every tool that names an object, with the least that the tool needs beside it.
pub fn slots(tools: &[Value]) -> Vec<Slot> {
    let mut slots = Vec::new();
    for tool in tools {
        let Some(properties) = tool["inputSchema"]["properties"].as_object() else { continue };
        for argument in properties.keys().filter(|k| NAMING.contains(&k.as_str())) {
            let rest = least(tool, &[argument]);
            let kinds = match argument == "name" && properties.contains_key("kind") {
                true => ["container", "image", "network", "volume"].as_slice(),
                false => &[""],
            };
            for kind in kinds {
                let mut rest = rest.clone();
                if !kind.is_empty() {
                    rest["kind"] = json!(kind);
                }
                let tool = tool["name"].as_str().unwrap().to_owned();
                slots.push(Slot { tool, argument: argument.clone(), rest });
            }
        }
    }
    slots
}

/// The tools that can be called without naming an object, and how.
pub fn plain_calls(tools: &[Value]) -> Vec<(String, Value)> {
    let needs = |tool: &Value| {
        let required = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
        required.iter().filter_map(Value::as_str).any(|r| NAMING.contains(&r))
    };
    let plain = tools.iter().filter(|tool| !needs(tool));
    plain.map(|tool| (tool["name"].as_str().unwrap().to_owned(), least(tool, &[]))).collect()
}

/// Calls that show more: each flag on, each choice of each enumeration, one at a time, on top of the least.
pub fn views(tools: &[Value], tool: &str, least: &Value) -> Vec<Value> {
    let Some(tool) = tools.iter().find(|t| t["name"] == tool) else { return Vec::new() };
    let mut views = vec![least.clone()];
    let Some(properties) = tool["inputSchema"]["properties"].as_object() else { return views };
    for (name, schema) in properties {
        let choices = match (name.as_str(), types(schema)) {
            ("kind" | "until" | "follow" | "use_ai" | "no_stream", _) => continue,
            (_, types) if types.contains(&"boolean") => vec![json!(true)],
            _ => choices(schema),
        };
        views.extend(choices.into_iter().map(|choice| {
            let mut view = least.clone();
            view[name] = choice;
            view
        }));
    }
    views
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// The words of an enumeration, wherever its schema keeps them.
fn choices(schema: &Value) -> Vec<Value> {
    match schema {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("enum", Value::Array(all)) => all.iter().filter(|c| !c.is_null()).cloned().collect(),
                ("const", one) => vec![one.clone()],
                ("anyOf" | "oneOf" | "allOf", _) => choices(value),
                _ => Vec::new(),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(choices).collect(),
        _ => Vec::new(),
    }
}

/// The arguments without which a tool does not run, and those that keep it from running long.
fn least(tool: &Value, without: &[&str]) -> Value {
    let schema = &tool["inputSchema"];
    let mut least = json!({});
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for needed in required.iter().filter_map(Value::as_str).filter(|n| !without.contains(n)) {
        least[needed] = match (needed, choices(&schema["properties"][needed]).first()) {
            ("until", _) => json!("running"),
            (_, Some(first)) => first.clone(),
            _ => json!("x"),
        };
    }
    let has = |name: &str| schema["properties"].get(name).is_some();
    if has("timeout") {
        least["timeout"] = json!("2s");
    }
    // What looks back and then waits is asked to look back only.
    if has("since") && has("duration") && !has("follow") {
        least["since"] = json!("10m");
        least["duration"] = json!("1s");
    }
    least
}
