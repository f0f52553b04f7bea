//! The trace of one call, written when it is dropped: whatever happens to the call, its line is there.

use std::time::Instant;

use serde_json::{Map, Value};

use crate::tool::{ToolDef, ToolError};

use super::record::{Decision, Record, shape};
use super::sink::Sink;

/// An open trace.
#[derive(Debug)]
pub struct Guard<'a> {
    sink: &'a Sink,
    record: Record,
    started: Instant,
}

impl<'a> Guard<'a> {
    /// Opens the trace of a call. Until something else is said, its outcome is that it was cut short.
    #[must_use]
    pub fn open(
        sink: &'a Sink,
        call: &str,
        caller: &str,
        tool: Option<&ToolDef>,
        arguments: &Map<String, Value>,
    ) -> Self {
        // A name that is no tool's is the caller's free text: it is not kept.
        let name = tool.map_or("(unknown)", |def| def.spec.name);
        let schema = tool.map(ToolDef::schema);
        let properties = schema.as_deref().and_then(|s| s.get("properties")).and_then(Value::as_object);
        let known = |argument: &str| properties.is_some_and(|p| p.contains_key(argument));
        let record = Record {
            call: call.to_owned(),
            caller: caller.to_owned(),
            role: None,
            tool: name.to_owned(),
            level: tool.into_iter().flat_map(|def| def.spec.levels).map(|level| level.name()).collect(),
            target: Vec::new(),
            decision: Decision::Undecided,
            rule: None,
            effect: "none",
            outcome: "cut_short",
            error_kind: None,
            duration_ms: 0,
            bypass: false,
            dry_run: false,
            args: shape(sink.key(), &known, arguments),
        };
        Self { sink, record, started: Instant::now() }
    }

    /// Which modes are in force.
    pub fn modes(&mut self, bypass: bool, dry_run: bool) {
        self.record.bypass = bypass;
        self.record.dry_run = dry_run;
    }

    /// What it acts on, by resolved names.
    pub fn targets(&mut self, names: impl Iterator<Item = String>) {
        self.record.target = names.collect();
    }

    /// It was let through.
    pub fn decided(&mut self, decision: Decision) {
        self.record.decision = decision;
    }

    /// A rule refused it.
    pub fn denied(&mut self, rule: &str) {
        self.record.decision = Decision::Denied;
        self.record.rule = Some(rule.to_owned());
    }

    /// How it ended. A stream that its caller gave up answers with what it has, and nobody gets that answer.
    pub fn ended(&mut self, error: Option<&ToolError>, cancelled: bool) {
        match error {
            None if cancelled => self.record.outcome = "cancelled",
            None => self.record.outcome = "ok",
            Some(e) => {
                self.record.outcome = "failed";
                self.record.error_kind = Some(e.kind.name());
                self.record.effect = e.effect.name();
            }
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.record.duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sink.write(self.record.clone());
    }
}
