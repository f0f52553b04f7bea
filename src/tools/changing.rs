//! What changes share: results per object, and the words for an answer that was lost.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::engine::EngineError;
use crate::engine::change::{Effect as Came, Finding, Lost, Outcome};
use crate::output::{Draft, Row};
use crate::tool::error::Effect;
use crate::tool::{Ctx, Kind, Output, Retry, ToolError};
use crate::tools::words::count;

/// What became of one object.
pub(super) struct One {
    name: String,
    came: Result<Well, ToolError>,
}

/// It came out well.
#[derive(Default)]
pub(super) struct Well {
    changed: bool,
    /// For the table.
    shown: String,
    /// For the JSON.
    facts: Map<String, Value>,
    note: Option<String>,
}

impl Well {
    /// `false`: it was so already.
    pub(super) fn changed(changed: bool) -> Self {
        Self { changed, ..Self::default() }
    }

    /// In the table's column `state`.
    pub(super) fn shown(mut self, text: impl Into<String>) -> Self {
        self.shown = text.into();
        self
    }

    /// One more fact of the JSON.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(key.to_owned(), value.into());
        self
    }

    /// It was not so already.
    pub(super) const fn has_changed(&self) -> bool {
        self.changed
    }

    /// As the table shows it.
    pub(super) fn is_shown(&self) -> &str {
        &self.shown
    }

    /// Something to know.
    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }
}

impl One {
    /// What came of a change of this object. `kind`: `container`, `volume`, ...
    pub(super) fn of<T>(
        ctx: &Ctx,
        (kind, name): (&str, &str),
        came: Result<Outcome<T>, EngineError>,
        well: impl FnOnce(T) -> Well,
    ) -> Self {
        let came = match came {
            // Before one of these is changed, only lists are looked at: who is silent then is the engine.
            Err(e @ EngineError::Timeout { .. }) if kind != "container" => Err(e.into()),
            Err(e) => Err(ToolError::of_object(e, kind, name)),
            Ok(Outcome::Answered(answer)) => Ok(well(answer)),
            Ok(Outcome::Lost(lost)) => {
                let was_so = lost.trail.was_so();
                found(ctx, (kind, name), *lost).map(|note| Well::changed(!was_so).note(note))
            }
        };
        Self { name: name.to_owned(), came }
    }

    /// Says a failure in other words.
    pub(super) fn on_failure(&mut self, other: impl FnOnce(ToolError) -> ToolError) {
        if let Err(e) = &mut self.came {
            *e = other(std::mem::replace(e, ToolError::internal("a failure without words")));
        }
    }

    /// What it is about.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What came of it.
    pub(super) fn into_came(self) -> Result<Well, ToolError> {
        self.came
    }

    /// It did not come out well.
    pub(super) const fn failed(&self) -> bool {
        self.came.is_err()
    }

    /// Of something that ended already.
    pub(super) fn ended(name: impl Into<String>, came: Result<Well, ToolError>) -> Self {
        Self { name: name.into(), came }
    }
}

/// What is said of a change whose answer was lost: a note where it is seen done, else a failure with its effect. What is
/// still open is looked at again when the caller has its answer.
pub(super) fn found(ctx: &Ctx, (kind, name): (&str, &str), lost: Lost) -> Result<String, ToolError> {
    let Lost { cause, finding, mut trail } = lost;
    if matches!(finding.effect, Came::Continuing | Came::Unknown) {
        let (engine, until) = (Arc::clone(&ctx.engine), ctx.afterwards());
        let name = name.to_owned();
        ctx.after.the_answer(async move {
            let Finding { effect, evidence } = engine.look_again(&mut trail, until).await;
            Finding { effect, evidence: format!("{name}: {evidence}") }
        });
    }
    let why = ToolError::from(cause);
    let evidence = finding.evidence;
    let message = format!("{}; looked at again, {evidence}", why.message);
    Err(match finding.effect {
        Came::Done => return Ok(format!("the engine's answer was lost, but {evidence}")),
        Came::None => {
            ToolError { message, effect: Effect::None, retry: Retry::Safe, retry_after: None, ..why }
                .hint("nothing happened; it can be asked for again")
        }
        Came::Continuing => ToolError { message, effect: Effect::Continuing, retry: Retry::No, ..why }
            .hint(format!("the engine goes on with it: {}; do not repeat it", shows(kind))),
        Came::Unknown => ToolError {
            message,
            kind: Kind::OutcomeUnknown,
            effect: Effect::Unknown,
            retry: Retry::No,
            retry_after: None,
            ..why
        }
        .hint(match kind {
            "container" => "docker_inspect shows what came of it, before it is asked for again".to_owned(),
            kind => format!("{}: look, before it is asked for again", shows(kind)),
        }),
    })
}

/// Where it is seen what became of one.
fn shows(kind: &str) -> &'static str {
    match kind {
        "image" => "docker_images shows it",
        "network" => "docker_networks shows it",
        "project" => "docker_compose_ps shows it",
        "volume" => "docker_volumes shows it",
        _ => "docker_wait waits for it, docker_ps shows it",
    }
}

/// One object's result, or several: those that failed stand among the others, and it is said; all failed is a failure.
pub(super) fn draft(ctx: &Ctx, kind: &'static str, ones: Vec<One>) -> Result<Output, ToolError> {
    if ones.is_empty() {
        return Ok(nothing(ctx, "nothing to remove"));
    }
    ctx.after.known(closed(&ones));
    let failed = ones.iter().filter(|one| one.came.is_err()).count();
    if failed > 0 && failed == ones.len() {
        return Err(none_went_well(ones));
    }
    let all = ones.len();
    let columns = match kind {
        "image" => &["image", "changed", "state", "note"],
        "network" => &["network", "changed", "state", "note"],
        "volume" => &["volume", "changed", "state", "note"],
        _ => &["container", "changed", "state", "note"],
    };
    let rows = ones.into_iter().map(|one| row(kind, one)).collect();
    let draft = Draft::list("results", columns, rows).keep_empty(&["results"]);
    if failed == 0 {
        return Ok(draft);
    }
    Ok(draft.with("failed", failed).head(format!("{failed} of {} FAILED", count(all, kind))))
}

/// There was nothing that it could be done to.
pub(super) fn nothing(ctx: &Ctx, why: &str) -> Output {
    ctx.after.unchanged();
    let draft = Draft::default().with("results", json!([])).keep_empty(&["results"]).told(&["results"]);
    draft.tail(why)
}

/// Results of several kinds, each with its own, in their order.
pub(super) fn mixed(ctx: &Ctx, ones: Vec<(&'static str, One)>) -> Result<Output, ToolError> {
    let (kinds, ones): (Vec<&'static str>, Vec<One>) = ones.into_iter().unzip();
    if ones.is_empty() {
        return Ok(nothing(ctx, "nothing to remove"));
    }
    ctx.after.known(closed(&ones));
    let failed = ones.iter().filter(|one| one.came.is_err()).count();
    if failed > 0 && failed == ones.len() {
        return Err(none_went_well(ones));
    }
    let all = ones.len();
    let rows = kinds.into_iter().zip(ones).map(|(kind, one)| {
        let mut row = row(kind, one);
        row.cells.insert(0, kind.to_owned());
        row
    });
    let columns = &["kind", "name", "changed", "state", "note"];
    let draft = Draft::list("results", columns, rows.collect()).keep_empty(&["results"]);
    if failed == 0 {
        return Ok(draft);
    }
    Ok(draft.with("failed", failed).head(format!("{failed} of {} FAILED", count(all, "object"))))
}

/// What came of those that are not looked at again: what happened to one of them happened, and who failed is named.
fn closed(ones: &[One]) -> Finding {
    let effect = |one: &One| match &one.came {
        Ok(well) if well.changed => Came::Done,
        // The first of two steps.
        Err(e) if e.effect == Effect::Done => Came::Done,
        _ => Came::None,
    };
    let failed = ones.iter().filter_map(|one| Some((one, one.came.as_ref().err()?)));
    let failed = failed.filter(|(_, e)| e.effect == Effect::None);
    let failed: Vec<String> = failed.map(|(one, e)| format!("{}: {}", one.name, e.kind.name())).collect();
    Finding {
        effect: ones.iter().map(effect).max().unwrap_or(Came::None),
        // Of one alone, its error says it.
        evidence: if ones.len() > 1 { failed.join("; ") } else { String::new() },
    }
}

/// One error for all: the worst of them, with the words of each.
fn none_went_well(mut ones: Vec<One>) -> ToolError {
    let errors = || ones.iter().filter_map(|one| Some((one.name.as_str(), one.came.as_ref().err()?)));
    let message: Vec<String> = errors().map(|(name, e)| format!("{name}: {}", e.message)).collect();
    let daemon_fault = errors().any(|(_, e)| e.daemon_fault);
    let bad = |one: &One| one.came.as_ref().err().map(badness);
    // Of equals the first.
    let worst = (0..ones.len()).rev().max_by_key(|i| ones.get(*i).and_then(bad));
    let Some(Err(worst)) = worst.map(|i| ones.swap_remove(i).came) else {
        return ToolError::internal("nothing to act on");
    };
    match message.as_slice() {
        [_] => worst,
        _ => ToolError { message: message.join("; "), daemon_fault, ..worst },
    }
}

/// What is unknown of one is unknown of all; and what must not be repeated for one must not be repeated for all.
const fn badness(e: &ToolError) -> (u8, u8) {
    let effect = match e.effect {
        Effect::None => 0,
        Effect::Done => 1,
        Effect::Continuing => 2,
        Effect::Unknown => 3,
    };
    let retry = match e.retry {
        Retry::Safe => 0,
        Retry::After => 1,
        Retry::No => 2,
    };
    (effect, retry)
}

fn row(kind: &str, One { name, came }: One) -> Row {
    match came {
        Ok(Well { changed, shown, facts, note }) => {
            let mut json =
                Map::from_iter([(kind.to_owned(), json!(name)), ("changed".to_owned(), json!(changed))]);
            json.extend(facts);
            json.insert("note".into(), json!(note));
            Row::new(Value::Object(json), [name, changed.to_string(), shown, note.unwrap_or_default()])
        }
        Err(e) => {
            let error = json!({ "kind": e.kind.name(), "message": e.message, "effect": e.effect.name() });
            let said = format!("{}: {} (effect {})", e.kind.name(), e.message, e.effect.name());
            // Nobody knows, or it is being changed.
            let changed = (e.effect == Effect::None).then_some(false);
            let json = json!({ kind: name, "changed": changed, "error": error });
            let changed = if changed.is_some() { "false" } else { "?" };
            Row::new(json, [name, changed.to_owned(), "failed".to_owned(), said])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(name: &str, kind: Kind, effect: Effect, retry: Retry) -> One {
        let e = ToolError { effect, retry, ..ToolError::new(kind, "said") };
        One { name: name.into(), came: Err(e) }
    }

    fn well(name: &str, changed: bool) -> One {
        One { name: name.into(), came: Ok(Well::changed(changed)) }
    }

    #[test]
    fn what_must_not_be_repeated_for_one_must_not_be_repeated_for_all() {
        let away = || failed("a", Kind::DaemonUnreachable, Effect::None, Retry::After);
        let lost = || failed("b", Kind::OutcomeUnknown, Effect::Unknown, Retry::No);
        for ones in [vec![away(), lost()], vec![lost(), away()]] {
            let error = none_went_well(ones);
            let seen = (error.kind, error.effect, error.retry, error.retry_after);
            assert_eq!(seen, (Kind::OutcomeUnknown, Effect::Unknown, Retry::No, None));
            assert!(error.message.contains("a: said") && error.message.contains("b: said"), "{error:?}");
        }
        let conflict = failed("c", Kind::Conflict, Effect::None, Retry::No);
        let error = none_went_well(vec![away(), conflict]);
        assert_eq!((error.kind, error.retry), (Kind::Conflict, Retry::No));
        assert_eq!(none_went_well(vec![away()]).message, "said");
    }

    #[test]
    fn what_happened_to_one_happened() {
        let conflict = || failed("c", Kind::Conflict, Effect::None, Retry::No);
        let open = failed("d", Kind::OutcomeUnknown, Effect::Unknown, Retry::No);
        let found = closed(&[conflict(), well("a", true), open]);
        assert_eq!((found.effect, found.evidence.as_str()), (Came::Done, "c: conflict"));
        assert_eq!(closed(&[conflict(), well("a", false)]).effect, Came::None);
        assert_eq!(closed(&[conflict()]).evidence, "");
        let half = failed("e", Kind::DaemonError, Effect::Done, Retry::Safe);
        assert_eq!(closed(&[half, conflict()]).effect, Came::Done);
    }
}
