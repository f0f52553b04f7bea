//! What these tools share: several containers at once, each with its own result.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::config::Settings;
use crate::engine::change::{Effect as Came, Finding};
use crate::engine::lifecycle::{Act, Acted, State};
use crate::output::{Draft, Row};
use crate::policy::{Container, Permit, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::error::Effect;
use crate::tool::time::Span;
use crate::tool::{Asked, Ctx, Kind, Output, Retry, ToolError};
use crate::tools::words::count;

/// More at once is a mistake more often than a wish.
const MOST: usize = 50;
/// What a stop takes besides its grace: the engine's own work.
const MARGIN: Duration = Duration::from_secs(5);

/// The containers that a call names.
pub(super) fn targets(containers: &OneOrMany) -> Result<Vec<Asked>, ToolError> {
    match containers.0.len() {
        0 => Err(ToolError::invalid("`containers` is empty").hint("name a container, or several")),
        n if n > MOST => {
            Err(ToolError::invalid(format!("{n} containers at once; {MOST} is the most")).hint("name fewer"))
        }
        _ => Ok(containers.0.iter().cloned().map(Asked::Container).collect()),
    }
}

/// A grace that the class's clock has room for, and a signal that looks like one.
pub(super) fn guard(grace: Option<Span>, signal: Option<&str>, settings: &Settings) -> Result<(), ToolError> {
    let room = settings.neverhang.lifecycle_timeout.saturating_sub(MARGIN);
    if let Some(Span(grace)) = grace
        && grace > room
    {
        return Err(ToolError::invalid(format!(
            "`timeout` of {grace:?} does not fit into the call's own time"
        ))
        .hint(format!(
            "at most {room:?}; a person can raise lifecycle_timeout under [neverhang], which is 5 s more"
        )));
    }
    match signal {
        Some(signal) if !is_signal(signal) => {
            Err(ToolError::invalid(format!("`{signal}` is no signal")).hint("write SIGTERM, HUP or 15"))
        }
        _ => Ok(()),
    }
}

/// The signals of Linux, as the engine knows them.
const SIGNALS: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// A name with or without `SIG`, `RTMIN+3`, or a number. The engine would call another one a fault of its own (500).
fn is_signal(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let real_time = |from: &str, most: u8| {
        let rest = name.strip_prefix(from);
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.get(1..).is_some_and(|n| n.parse().is_ok_and(|n: u8| n <= most))
        })
    };
    let number = text.parse().is_ok_and(|n: u8| (1..=64).contains(&n));
    number || SIGNALS.contains(&name) || real_time("RTMIN", 15) || real_time("RTMAX", 14)
}

/// The engine counts whole seconds.
pub(super) fn seconds(grace: Option<Span>) -> Option<u64> {
    grace.map(|Span(grace)| grace.as_secs() + u64::from(grace.subsec_nanos() > 0))
}

/// One container's result.
struct One {
    name: String,
    came: Result<Well, ToolError>,
}

/// It came out well.
struct Well {
    changed: bool,
    now: Option<State>,
    note: Option<String>,
}

/// Does it to every container, each once, all at the same time.
pub(super) async fn act(ctx: Ctx, permits: Permits, act: Act) -> Result<Output, ToolError> {
    let mut seen = BTreeSet::new();
    // Two names of one container are one container.
    let permits = permits.containers.into_iter().filter(|p| seen.insert(p.target().id.clone()));
    let ones = join_all(permits.map(|permit| one(&ctx, permit, act.clone()))).await;
    ctx.after.known(closed(&ones));
    draft(ones)
}

/// What came of those that are not looked at again: what happened to one of them happened, and who failed is named.
fn closed(ones: &[One]) -> Finding {
    let effect = |one: &One| match &one.came {
        Ok(well) if well.changed => Came::Done,
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

async fn one(ctx: &Ctx, permit: Permit<Container>, act: Act) -> One {
    let name = permit.target().name.clone();
    let came = match ctx.engine.act(&ctx.budget, &ctx.commit, permit, act).await {
        Err(e) => Err(ToolError::of_object(e, "container", &name)),
        Ok(Acted::Answered { changed, now }) => Ok(Well { changed, now, note: None }),
        Ok(Acted::Lost { cause, finding, mut trail }) => {
            let (effect, was_so) = (finding.effect, trail.was_so());
            let evidence = finding.evidence;
            if matches!(effect, Came::Continuing | Came::Unknown) {
                let (engine, until) = (Arc::clone(&ctx.engine), ctx.afterwards());
                let name = name.clone();
                ctx.after.the_answer(async move {
                    let Finding { effect, evidence } = engine.look_again(&mut trail, until).await;
                    Finding { effect, evidence: format!("{name}: {evidence}") }
                });
            }
            let why = ToolError::from(cause);
            match effect {
                Came::Done => Ok(Well {
                    changed: !was_so,
                    now: None,
                    note: Some(format!("the engine's answer was lost, but {evidence}")),
                }),
                _ => Err(lost(why, effect, &evidence)),
            }
        }
    };
    One { name, came }
}

/// A failure that says what was seen afterwards.
fn lost(why: ToolError, effect: Came, evidence: &str) -> ToolError {
    let message = format!("{}; looked at again, {evidence}", why.message);
    match effect {
        Came::None | Came::Done => {
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
        .hint("docker_inspect with section = state shows what came of it, before it is asked for again"),
    }
}

fn draft(ones: Vec<One>) -> Result<Output, ToolError> {
    let failed = ones.iter().filter(|one| one.came.is_err()).count();
    if failed == ones.len() {
        return Err(none_went_well(ones));
    }
    let all = ones.len();
    let draft = Draft::list(
        "results",
        &["container", "changed", "state", "note"],
        ones.into_iter().map(row).collect(),
    );
    if failed == 0 {
        return Ok(draft);
    }
    Ok(draft.with("failed", failed).head(format!("{failed} of {} FAILED", count(all, "container"))))
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
        return ToolError::internal("no container to act on");
    };
    match message.as_slice() {
        [_] => worst,
        _ => ToolError { message: message.join("; "), daemon_fault, ..worst },
    }
}

/// What is unknown of one is unknown of all; and what must not be repeated for one must not be repeated for all.
fn badness(e: &ToolError) -> (u8, u8) {
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

fn row(One { name, came }: One) -> Row {
    match came {
        Ok(Well { changed, now, note }) => {
            let state = now.as_ref().map(|now| now.status.clone()).unwrap_or_default();
            let ended = now.as_ref().filter(|now| now.status == "exited").map(|now| now.exit_code);
            let shown = ended.map_or_else(|| state.clone(), |code| format!("{state} ({code})"));
            let json = json!({ "container": name, "changed": changed, "state": state, "exit_code": ended, "note": note });
            Row::new(json, [name, changed.to_string(), shown, note.unwrap_or_default()])
        }
        Err(e) => {
            // Nobody knows, or it is being changed.
            let changed = (e.effect == Effect::None).then_some(false);
            let json = json!({ "container": name, "changed": changed,
                               "error": { "kind": e.kind.name(), "message": e.message, "effect": e.effect.name() } });
            let said = format!("{}: {} (effect {})", e.kind.name(), e.message, e.effect.name());
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
        One { name: name.into(), came: Ok(Well { changed, now: None, note: None }) }
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
    }
}
