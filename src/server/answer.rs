//! The one place where results and failures become words.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::audit::Guard;
use crate::engine::resolve::{Unresolved, Want};
use crate::output::{Finished, Learned, Redactor};
use crate::policy::Denial;
use crate::tool::{Kind, ToolError};

/// What a caller gets.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Short text; starts with `Error:` for a failure.
    pub text: String,
    /// The same as a JSON object.
    pub json: Value,
    /// Why it failed, if so.
    pub failure: Option<Kind>,
}

impl Answer {
    /// A success begins with the word that another system's clients wait for: `pong`.
    #[must_use]
    pub fn saying(mut self, word: Option<&str>) -> Self {
        if let (Some(word), None, Value::Object(map)) = (word, self.failure, &mut self.json) {
            map.insert(word.to_owned(), Value::Bool(true));
            self.text = format!("{word}\n{}", self.text);
        }
        self
    }
}

/// A name for one call, in its answer, the log and the audit.
#[must_use]
pub fn correlation_id() -> String {
    let mut bytes = [0; 6];
    // Without randomness the call still gets its answer; only the name is not unique.
    let _no_randomness = getrandom::fill(&mut bytes);
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Success as the tool drafted it, failure in the contract's form. Nothing leaves uncleaned.
#[must_use]
pub fn render(
    result: Result<Finished, ToolError>,
    id: &str,
    redactor: &Redactor,
    learned: &Learned,
    audit_degraded: bool,
) -> Answer {
    let mut answer = match result {
        Ok(Finished { text, json }) => Answer { text, json, failure: None },
        Err(error) => failure(error, id, redactor, learned),
    };
    if audit_degraded && let Value::Object(map) = &mut answer.json {
        map.insert("audit_degraded".into(), Value::Bool(true));
        answer.text.push_str("\nnote: the audit log cannot be written; docker_health says why");
    }
    answer
}

/// Messages repeat the caller's words, and those have no end.
const LONGEST: usize = 1_000;

/// A message as it may leave: clean, masked, short. Masked before it is cut, or half a secret could stay.
fn said(text: &str, redactor: &Redactor, learned: &Learned) -> String {
    // What is far too long is not worth masking whole; the margin is wider than any secret that is recognised.
    let bounded: String = text.chars().take(16 * LONGEST).collect();
    let masked = redactor.line(&bounded, learned);
    match masked.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", masked.get(..at).unwrap_or_default()),
        None => masked,
    }
}

fn failure(error: ToolError, id: &str, redactor: &Redactor, learned: &Learned) -> Answer {
    let kind = error.kind;
    let message = said(&error.message, redactor, learned);
    let detail = error.detail.as_deref().map(|detail| said(detail, redactor, learned));
    tracing::info!(call = id, kind = kind.name(), what = message, detail, "call failed");
    let hint = error.hint.as_deref().map(|hint| said(hint, redactor, learned));
    let mut text = format!("Error: {message}");
    if let Some(hint) = &hint {
        text.push_str("\nNext: ");
        text.push_str(hint);
    }
    text.push_str(&format!(
        "\n[{} · effect {} · retry {}{} · {id}]",
        kind.name(),
        error.effect.name(),
        error.retry.name(),
        error.retry_after.map(|d| format!(" after {}", seconds(d))).unwrap_or_default()
    ));
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            fields.insert(key.to_owned(), value);
        }
    };
    put("kind", kind.name().into());
    put("message", message.into());
    put("hint", hint.into());
    put("effect", error.effect.name().into());
    put("retry", error.retry.name().into());
    put("retry_after_ms", error.retry_after.map(millis).into());
    put("phase", error.phase.map(|p| p.name()).into());
    put("limit_ms", error.limit.map(millis).into());
    put("correlation_id", id.into());
    Answer { text, json: json!({ "error": fields }), failure: Some(kind) }
}

/// A refusal, recorded. What the filters hide is answered like what does not exist.
pub(super) fn denied(denial: Denial, trace: &mut Guard) -> ToolError {
    trace.denied(denial.rule());
    refusal(denial)
}

/// The words of a refusal.
#[must_use]
pub fn refusal(denial: Denial) -> ToolError {
    match denial {
        Denial::LevelOff { level, rule } => ToolError::new(
            Kind::PermissionDenied,
            format!("the level `{level}` is off: {rule}"),
        )
        .hint(format!(
            "a person can turn it on with `{level} = true` under [permissions], then restart the server"
        )),
        Denial::LevelElsewhere { level, target, rule } => ToolError::new(
            Kind::PermissionDenied,
            format!("the level `{level}` does not cover `{target}`: {rule}"),
        )
        .hint(format!("a person can add a glob for it to `{level}` under [permissions]")),
        Denial::ToolOff { tool, rule } => {
            ToolError::new(Kind::PermissionDenied, format!("the tool `{tool}` is switched off: {rule}"))
                .hint("a person can take it out of [tools] disable")
        }
        Denial::Hidden { kind, asked, rule } => ToolError::not_found(kind, &asked).detail(rule),
    }
}

/// A name that did not resolve, recorded with the rule that hides it, if one does.
pub(super) fn not_found(error: ToolError, trace: &mut Guard) -> ToolError {
    if error.kind == Kind::NotFound
        && let Some(rule) = &error.detail
    {
        trace.denied(rule);
    }
    error
}

/// Names that do not resolve, in the caller's words alone.
#[must_use]
pub fn unresolved(e: Unresolved) -> ToolError {
    match e {
        Unresolved::Engine(e) => e.into(),
        Unresolved::NotFound { want, asked, rule } => {
            let error = ToolError::not_found(want.word(), &asked);
            match rule {
                Some(rule) => error.detail(rule),
                None => error,
            }
        }
        Unresolved::NoName { want, asked } => {
            let form = match want {
                Want::Container => "give a name as docker_ps shows it, or an id of 4 to 64 hex digits",
                Want::Image => "give a reference such as `nginx:1.27` or `registry/app@sha256:...`, or an id",
                _ => "give a name as the lists show it, or an id",
            };
            ToolError::invalid(format!("`{asked}` cannot be the name or id of any {}", want.word()))
                .hint(form)
        }
        Unresolved::Ambiguous { want, asked, count } => {
            ToolError::invalid(format!("`{asked}` fits {count} {}s", want.word()))
                .hint("give more digits of the id")
        }
    }
}

pub(super) fn circuit_open(after: Duration) -> ToolError {
    ToolError::new(
        Kind::CircuitOpen,
        "the engine failed several times; calls are refused until it is well again",
    )
    .hint("docker_health shows the state; probes go on, and calls pass again soon after it recovers")
    .retry_after(after)
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(d: Duration) -> String {
    if d < Duration::from_secs(10) { format!("{} ms", d.as_millis()) } else { format!("{} s", d.as_secs()) }
}
