//! The one place where results and failures become words.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::audit::AuditFault;
use crate::engine::resolve::{Unresolved, Want};
use crate::output::{Finished, Learned, Redactor};
use crate::policy::{Denial, Right};
use crate::supervisor::breaker::Refused;
use crate::tool::error::Effect;
use crate::tool::{Kind, Retry, ToolError};

use super::trace::Trace;

/// What a caller gets.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Short text; starts with `Error:` for a failure.
    pub text: String,
    /// The same as a JSON object.
    pub json: Value,
    /// Why it failed, if so.
    pub failure: Option<Kind>,
    /// What a person in the client is to be asked, where one may be asked there: not for the caller.
    pub question: Option<String>,
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
    hex::encode(bytes)
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
        Ok(Finished { text, json }) => Answer { text, json, failure: None, question: None },
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
        if error.retry_after.is_some() { "after" } else { error.retry.name() },
        error.retry_after.map(|d| format!(" {}", seconds(d))).unwrap_or_default()
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
    let mut json = json!({ "error": fields });
    // What there was before it failed: clean and short already.
    if let Some(partial) = error.more.and_then(|more| more.finished) {
        text = format!("{text}\n{}", partial.text);
        if let (Value::Object(json), Value::Object(partial)) = (&mut json, partial.json) {
            json.extend(partial.into_iter().filter(|(key, _)| key != "error"));
        }
    }
    Answer { text, json, failure: Some(kind), question: None }
}

/// A refusal, recorded. What the filters hide is answered like what does not exist.
pub(super) fn denied(denial: Denial, trace: &mut Trace) -> ToolError {
    trace.denied(denial.rule());
    refusal(denial)
}

/// The same for a level that only these arguments need.
pub(super) fn beyond(denial: Denial, trace: &mut Trace) -> ToolError {
    let off = match &denial {
        Denial::LevelOff { level, section, .. } => Some((*level, section.clone())),
        _ => None,
    };
    let error = denied(denial, trace);
    match off {
        Some((level, section)) => error.hint(format!(
            "leave the argument out that needs it; a person can turn it on with `{level} = true` under {section}"
        )),
        None => error,
    }
}

/// The words of a refusal.
#[must_use]
pub fn refusal(denial: Denial) -> ToolError {
    match denial {
        Denial::LevelOff { level, rule, section } => {
            // What a person raises for a while is raised for callers without a role.
            let hint = match section.as_str() {
                "[permissions]" => format!(
                    "a person can turn it on with `{level} = true` under {section} and a restart, or for a while with `docker-mcp grant {level} 30m`"
                ),
                _ => format!("a person can turn it on with `{level} = true` under {section}, and reload"),
            };
            ToolError::new(Kind::PermissionDenied, format!("the level `{level}` is off: {rule}")).hint(hint)
        }
        Denial::LevelElsewhere { level, target, rule, section } => ToolError::new(
            Kind::PermissionDenied,
            format!("the level `{level}` does not cover `{target}`: {rule}"),
        )
        .hint(format!("a person can add a glob for it to `{level}` under {section}")),
        Denial::ToolOff { tool, rule } => {
            ToolError::new(Kind::PermissionDenied, format!("the tool `{tool}` is switched off: {rule}"))
                .hint("a person can take it out of [tools] disable")
        }
        Denial::Right { tool, right, .. } => {
            let hint = match right {
                Right::Approve => {
                    "a person can give it to a role under [roles.NAME], and answers at the host with `docker-mcp approve CODE`"
                }
                Right::Audit => {
                    "a person can give it to a role under [roles.NAME], and reads the log at the host with `docker-mcp audit`"
                }
            };
            ToolError::new(Kind::PermissionDenied, format!("`{tool}` takes a role with `{}`", right.key()))
                .hint(hint)
        }
        Denial::Name { kind, asked, .. } => ToolError::new(
            Kind::PermissionDenied,
            format!("the filters do not allow a{} {kind} `{asked}`", if kind == "image" { "n" } else { "" }),
        )
        .hint(format!(
            "choose another name; docker_policy shows the whitelists, and a person can change \
             whitelist_{kind}s and blacklist_{kind}s under [permissions]"
        )),
        Denial::Hidden { kind, asked, rule } => ToolError::not_found(kind, &asked).detail(rule),
    }
}

/// A name that did not resolve, recorded with the rule that hides it, if one does.
pub(super) fn not_found(error: ToolError, trace: &mut Trace) -> ToolError {
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

pub(super) fn circuit_open(refused: Refused) -> ToolError {
    let Refused { after, opened_ago, last_error, probes_failed } = refused;
    let probes = match probes_failed {
        0 => String::new(),
        1 => ", and a probe since".to_owned(),
        many => format!(", and {many} probes since"),
    };
    ToolError::new(
        Kind::CircuitOpen,
        format!(
            "the engine failed several times ({last_error}), {} ago{probes}; calls are refused until it is well again",
            seconds(opened_ago)
        ),
    )
    .hint("docker_health shows the state; probes go on, and after retry_after_ms one call is tried again")
    .retry_after(after)
}

/// More calls in a minute than a caller may make.
pub(super) fn too_often(setting: &str, per_minute: u32, wait: Duration) -> ToolError {
    ToolError::new(
        Kind::RateLimited,
        format!("more than {per_minute} of these calls in a minute: [limits] {setting} = {per_minute}"),
    )
    .hint("wait, or do more in one call; a person can raise that limit")
    .retry_after(wait.max(Duration::from_millis(1)))
}

/// Sent away from a queue by a circuit that is closed again already.
pub(super) fn overloaded() -> ToolError {
    ToolError::new(Kind::Overloaded, "the engine failed while this call waited for its turn")
        .hint("ask again")
        .retry_after(Duration::from_secs(1))
}

/// The engine itself does not answer.
pub(super) fn silent() -> ToolError {
    ToolError::new(Kind::DaemonTimeout, "the engine took the request and did not answer")
        .hint("docker_health shows whether the engine answers at all")
        .daemon_fault()
}

/// Calls about this container ran into their clocks again and again.
pub(super) fn suspect(after: Duration) -> ToolError {
    ToolError::new(
        Kind::ContainerUnresponsive,
        "the engine answers, but did not about this container, twice; it is left alone for a while",
    )
    .hint("others may still answer; look at it on the host. Stopping and killing it are still tried")
    .retry_after(after)
}

/// A change that goes on without its caller.
pub(super) fn unfinished(e: ToolError) -> ToolError {
    let kind = match e.kind {
        Kind::DaemonTimeout | Kind::Internal => Kind::OutcomeUnknown,
        kind => kind,
    };
    match e.effect {
        // What the tool itself says of its effect stands; these were said for it.
        Effect::None if matches!(kind, Kind::OutcomeUnknown | Kind::Cancelled | Kind::ShuttingDown) => {
            ToolError { kind, effect: Effect::Unknown, retry: Retry::No, ..e }
                .hint("it was sent and is seen through; the audit log says what came of it, docker_inspect shows it")
        }
        _ => e,
    }
}

/// A change that cannot be recorded is not made.
pub(super) fn unrecorded(fault: AuditFault) -> ToolError {
    ToolError::new(Kind::AuditUnavailable, "the change cannot be recorded, so it was not made")
        .hint("a person must mend the audit log (docker_health says what is wrong), or set required = false under [audit]")
        .detail(fault.why)
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(d: Duration) -> String {
    if d < Duration::from_secs(10) { format!("{} ms", d.as_millis()) } else { format!("{} s", d.as_secs()) }
}
