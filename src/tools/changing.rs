//! What changes share: results per object, and the words for an answer that was lost.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::engine::EngineError;
use crate::engine::change::{Effect as Came, Lost, Outcome};
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
            Err(e) => Err(ToolError::of_object(e, kind, name)),
            Ok(Outcome::Answered(answer)) => Ok(well(answer)),
            Ok(Outcome::Lost(lost)) => found(ctx, *lost).map(|note| Well::changed(true).note(note)),
        };
        Self { name: name.to_owned(), came }
    }

    /// Of something that ended already.
    pub(super) fn ended(name: impl Into<String>, came: Result<Well, ToolError>) -> Self {
        Self { name: name.into(), came }
    }
}

/// What is said of a change whose answer was lost: a note where it is seen done, else a failure with its effect. What is
/// still open is looked at again when the caller has its answer.
pub(super) fn found(ctx: &Ctx, lost: Lost) -> Result<String, ToolError> {
    let Lost { cause, finding, mut trail } = lost;
    if matches!(finding.effect, Came::Continuing | Came::Unknown) {
        let (engine, until) = (Arc::clone(&ctx.engine), ctx.afterwards());
        ctx.after.the_answer(async move { engine.look_again(&mut trail, until).await });
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
        Came::Continuing => ToolError { message, effect: Effect::Continuing, retry: Retry::No, ..why }.hint(
            "the engine goes on with it: docker_wait waits for it, docker_ps shows it; do not repeat it",
        ),
        Came::Unknown => ToolError {
            message,
            kind: Kind::OutcomeUnknown,
            effect: Effect::Unknown,
            retry: Retry::No,
            retry_after: None,
            ..why
        }
        .hint("docker_inspect shows what came of it, before it is asked for again"),
    })
}

/// One object's result, or several: those that failed stand among the others, and it is said; all failed is a failure.
pub(super) fn draft(ctx: &Ctx, kind: &'static str, ones: Vec<One>) -> Result<Output, ToolError> {
    let failed = ones.iter().filter(|one| one.came.is_err()).count();
    if failed > 0 && failed == ones.len() {
        return Err(none_went_well(ones));
    }
    if ones.iter().all(|one| one.came.as_ref().is_ok_and(|well| !well.changed)) {
        ctx.after.unchanged();
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

/// Results of several kinds, each with its own, in their order. None of them is the call's failure but all of them.
pub(super) fn mixed(ctx: &Ctx, ones: Vec<(&'static str, One)>) -> Result<Output, ToolError> {
    let all = ones.len();
    let failed = ones.iter().filter(|(_, one)| one.came.is_err()).count();
    if failed > 0 && failed == all {
        return Err(none_went_well(ones.into_iter().map(|(_, one)| one).collect()));
    }
    if ones.iter().all(|(_, one)| one.came.as_ref().is_ok_and(|well| !well.changed)) {
        ctx.after.unchanged();
    }
    let rows = ones.into_iter().map(|(kind, one)| {
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

fn none_went_well(ones: Vec<One>) -> ToolError {
    let mut errors = ones.into_iter().filter_map(|one| Some((one.name, one.came.err()?)));
    let Some((name, mut first)) = errors.next() else {
        return ToolError::internal("nothing to act on");
    };
    let others: Vec<(String, ToolError)> = errors.collect();
    if others.is_empty() {
        return first;
    }
    first.message = format!("{name}: {}", first.message);
    for (name, other) in &others {
        first.message.push_str(&format!("; {name}: {}", other.message));
        first.daemon_fault |= other.daemon_fault;
        // The worst of them: what is unknown of one is unknown of all.
        if other.effect == Effect::Unknown || first.effect == Effect::None {
            first.effect = other.effect;
        }
    }
    first
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
            let json = json!({ kind: name, "changed": false, "error": error });
            Row::new(json, [name, "false".to_owned(), "failed".to_owned(), said])
        }
    }
}
