//! One line of the log.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::read::Entry;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A read that was let through.
    Read,
    /// A change that was only previewed.
    Preview,
    /// A change that was let through.
    Allowed,
    /// A refusal.
    Denied,
    /// It never came to one: bad arguments, an engine that could not be asked.
    Undecided,
}

/// What one call leaves. Holds no argument values: their shape, and keyed hashes that are good for one process's life.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields are the contract's, section 7")]
pub struct Record {
    pub call: String,
    pub caller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    pub tool: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub level: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,
    pub decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub effect: &'static str,
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    pub duration_ms: u64,
    pub bypass: bool,
    pub dry_run: bool,
    pub args: Value,
}

impl Record {
    /// What a person did at the host. `target`: words of ours, without anything that an agent wrote.
    #[must_use]
    pub fn of_person(command: &str, who: &str, target: String, decision: Decision) -> Self {
        Self {
            call: "-".to_owned(),
            caller: who.to_owned(),
            role: None,
            request_id: None,
            trace_id: None,
            tool: command.to_owned(),
            level: Vec::new(),
            target: vec![target],
            decision,
            rule: None,
            effect: "none",
            outcome: "ok",
            error_kind: None,
            evidence: None,
            duration_ms: 0,
            bypass: false,
            dry_run: false,
            args: Value::Object(Map::new()),
        }
    }
}

impl Record {
    /// What the log itself did.
    #[must_use]
    pub(super) fn of_the_log(what: &str, target: Vec<String>) -> Self {
        Self { target, ..Self::of_person(what, "docker-mcp", String::new(), Decision::Allowed) }
    }

    /// The outcome of an intent whose process did not live to tell it.
    #[must_use]
    pub(super) fn reconciled(intent: &Entry) -> Self {
        let evidence = format!("process {} ended before it could tell; intent {}", intent.boot, intent.seq);
        Self {
            call: intent.call.clone(),
            role: intent.role.clone(),
            request_id: intent.request_id.clone(),
            trace_id: intent.trace_id.clone(),
            target: intent.target.clone(),
            effect: "unknown",
            outcome: "reconciled",
            evidence: Some(evidence),
            ..Self::of_person(&intent.tool, &intent.caller, String::new(), Decision::Allowed)
        }
    }
}

/// The shape of arguments: type, length, and a keyed hash in place of each value. A name that is no argument's is the
/// caller's free text, and is not kept either.
#[must_use]
pub fn shape(key: &[u8; 16], known: &dyn Fn(&str) -> bool, arguments: &Map<String, Value>) -> Value {
    let mut shape = Map::new();
    let mut unknown = 0;
    for (name, value) in arguments {
        if known(name) {
            shape.insert(name.clone(), Value::String(one(key, value)));
        } else {
            unknown += 1;
        }
    }
    if unknown > 0 {
        shape.insert("(unknown)".into(), unknown.into());
    }
    Value::Object(shape)
}

fn one(key: &[u8; 16], value: &Value) -> String {
    let text = value.to_string();
    let hash = Sha256::new().chain_update(key).chain_update(text.as_bytes()).finalize();
    let hex: String = hex::encode(hash).chars().take(12).collect();
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(_) => format!("number#{hex}"),
        Value::String(s) => format!("string({})#{hex}", s.len()),
        Value::Array(a) => format!("array({})#{hex}", a.len()),
        Value::Object(o) => format!("object({})#{hex}", o.len()),
    }
}
