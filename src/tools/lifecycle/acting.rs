//! What these tools share: several containers at once, each with its own result.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::config::Settings;
use crate::engine::lifecycle::{Act, Acted};
use crate::policy::{Container, Permit, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::time::Span;
use crate::tool::{Asked, Ctx, Output, ToolError};
use crate::tools::changing::{self, One, Well};

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
pub(in crate::tools) fn is_signal(text: &str) -> bool {
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

/// Does it to every container, each once, all at the same time.
pub(super) async fn act(ctx: Ctx, permits: Permits, act: Act) -> Result<Output, ToolError> {
    let mut seen = BTreeSet::new();
    // Two names of one container are one container.
    let permits = permits.containers.into_iter().filter(|p| seen.insert(p.target().id.clone()));
    let ones = join_all(permits.map(|permit| one(&ctx, permit, act.clone()))).await;
    changing::draft(&ctx, "container", ones)
}

async fn one(ctx: &Ctx, permit: Permit<Container>, act: Act) -> One {
    let name = permit.target().name.clone();
    let acted = ctx.engine.act(&ctx.budget, &ctx.commit, permit, act).await;
    One::of(ctx, ("container", &name), acted, |Acted { changed, now }| {
        let state = now.as_ref().map(|now| now.status.clone()).unwrap_or_default();
        let code = now.as_ref().filter(|now| now.status == "exited").map(|now| now.exit_code);
        let shown = code.map_or_else(|| state.clone(), |code| format!("{state} ({code})"));
        let well = Well::changed(changed).shown(shown).with("state", state).with("exit_code", code);
        if now.is_some() {
            return well;
        }
        well.note("the engine says it is done; how it is now could not be seen in time: docker_ps shows it")
    })
}
