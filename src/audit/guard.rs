//! The trace of one call, written when it is dropped: whatever happens to the call, its line is there.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::tool::error::Effect;
use crate::tool::{Kind, ToolDef, ToolError};

use super::record::{Decision, Record, shape};
use super::sink::{SLOW, Sink, WAIT};

/// The intent of a change is not known to be durable: it must not be sent, unless the configuration says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFault {
    /// Why; names files of this host.
    pub why: String,
}

/// An open trace.
#[derive(Debug)]
pub struct Guard {
    sink: Arc<Sink>,
    record: Record,
    started: Instant,
    stage: Stage,
    /// What became of the change, once somebody knows.
    effect: Option<Effect>,
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A read, or a change that is not decided yet.
    Before,
    /// Its intent was handed over, and may be in the file; nothing was sent.
    Intended,
    /// It may have been sent.
    Begun,
}

impl Guard {
    /// Opens the trace of a call. Until something else is said, its outcome is that it was cut short.
    #[must_use]
    pub fn open(
        sink: &Arc<Sink>,
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
            request_id: None,
            trace_id: None,
            tool: name.to_owned(),
            level: tool.into_iter().flat_map(|def| def.spec.levels).map(|level| level.name()).collect(),
            target: Vec::new(),
            decision: Decision::Undecided,
            rule: None,
            effect: "none",
            outcome: "cut_short",
            error_kind: None,
            evidence: None,
            duration_ms: 0,
            bypass: false,
            dry_run: false,
            args: shape(sink.key(), &known, arguments),
        };
        Self { sink: Arc::clone(sink), record, started: Instant::now(), stage: Stage::Before, effect: None }
    }

    /// What its caller is.
    pub fn role(&mut self, role: Option<&str>) {
        self.record.role = role.map(str::to_owned);
    }

    /// The request and the trace it is part of. Clean already, and short.
    pub fn origin(&mut self, (request, trace): (Option<String>, Option<String>)) {
        (self.record.request_id, self.record.trace_id) = (request, trace);
    }

    /// Which modes are in force.
    pub fn modes(&mut self, bypass: bool, dry_run: bool) {
        self.record.bypass = bypass;
        self.record.dry_run = dry_run;
    }

    /// What the arguments need, which may be more than what the tool always needs.
    pub fn levels(&mut self, names: impl Iterator<Item = &'static str>) {
        self.record.level = names.collect();
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

    /// Records what is about to be changed; returns when that is durable. From then on the outcome is `unknown` until
    /// [`Guard::ended`] or [`Guard::effect`] says more. Where nothing is recorded, it is fine at once.
    ///
    /// # Errors
    /// It is not durable, or was not within a second. The change must not be sent: the outcome is `not_started`, unless
    /// [`Guard::begun_anyway`] is called.
    pub async fn intent(&mut self) -> Result<(), AuditFault> {
        self.record.decision = Decision::Allowed;
        // Whoever drops this while it waits leaves a line that says so.
        self.stage = Stage::Intended;
        let record = Record { outcome: "intent", duration_ms: self.millis(), ..self.record.clone() };
        self.durable(record).await.map_err(|why| AuditFault { why })?;
        self.stage = Stage::Begun;
        Ok(())
    }

    async fn durable(&self, record: Record) -> Result<(), String> {
        let Some(mut told) = self.sink.intent(record)? else { return Ok(()) };
        let ended = || Err("its writer ended".to_owned());
        match timeout(WAIT, &mut told).await {
            Ok(told) => told.unwrap_or_else(|_| ended()),
            Err(_late) => {
                // From here on it can only come too late; what came before counts.
                told.close();
                told.try_recv().unwrap_or_else(|_| Err(SLOW.to_owned()))
            }
        }
    }

    /// Its intent was handed over: something may have been sent.
    #[must_use]
    pub fn may_have_begun(&self) -> bool {
        self.stage != Stage::Before
    }

    /// The change is sent although its intent is not durable (`audit.required = false`).
    pub fn begun_anyway(&mut self) {
        self.stage = Stage::Begun;
    }

    /// How it ended, as its caller hears it. A stream that its caller gave up answers with what it has, and nobody gets
    /// that answer.
    pub fn ended(&mut self, error: Option<&ToolError>, cancelled: bool) {
        match error {
            None if self.stage == Stage::Begun => {
                self.effect.get_or_insert(Effect::Done);
            }
            None if cancelled => self.record.outcome = "cancelled",
            None => self.record.outcome = "ok",
            Some(e) => {
                // What a guard or a person refuses was let through by the rules before: it is denied all the same.
                let refused = match e.kind {
                    Kind::PermissionDenied => Some("a guard of the tool"),
                    Kind::ApprovalDenied => Some("a person"),
                    Kind::ConfirmationInvalid => Some("[confirm]"),
                    Kind::Cooldown => Some("[limits.cooldown]"),
                    Kind::RateLimited => Some("[limits]"),
                    _ => None,
                };
                if let Some(by) = refused.filter(|_| self.stage == Stage::Before) {
                    self.record.decision = Decision::Denied;
                    if self.record.rule.is_none() {
                        self.record.rule = Some(e.rule().unwrap_or(by).to_owned());
                    }
                }
                self.record.outcome = "failed";
                self.record.error_kind = Some(e.kind.name());
                self.effect = Some(e.effect);
            }
        }
    }

    /// What became of the change; the last one to say so is believed.
    pub fn effect(&mut self, effect: Effect) {
        self.effect = Some(effect);
    }

    /// What the effect was learned from. Clean already, and short: it is written as it is.
    pub fn evidence(&mut self, text: impl Into<String>) {
        self.record.evidence = Some(text.into());
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut record = Record { duration_ms: self.millis(), ..self.record.clone() };
        match self.stage {
            Stage::Before => {
                record.effect = self.effect.unwrap_or(Effect::None).name();
                self.sink.write(record);
            }
            Stage::Intended => {
                record.effect = Effect::None.name();
                record.outcome = "not_started";
                self.sink.outcome(record);
            }
            Stage::Begun => {
                let effect = self.effect.unwrap_or(Effect::Unknown);
                record.effect = effect.name();
                record.outcome = match effect {
                    Effect::None if record.error_kind.is_some() => "failed",
                    effect => effect.name(),
                };
                self.sink.outcome(record);
            }
        }
    }
}
