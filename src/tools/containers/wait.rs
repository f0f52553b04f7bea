//! `docker_wait`

use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::engine::EngineError;
use crate::engine::logs::{LogOptions, LogStream};
use crate::output::Draft;
use crate::policy::{Container, Level, Permit, Permits};
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Mask, Output, Spec, Tool, ToolError};
use crate::tools::containers::logs::masked::{HELD_FOR, Masked, lead};
use crate::tools::pattern;

pub struct Wait;

/// The first looks come fast, later ones less so.
const SOON: Duration = Duration::from_millis(250);
const LATER: Duration = Duration::from_secs(1);
/// One look; a stuck container must not hold the call.
const LOOK: Duration = Duration::from_secs(5);
/// The pattern is also looked for in what is there already.
const LOOK_BACK: u64 = 1_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
    until: Until,
    /// Regex, for until = log; the last 1000 lines count.
    pattern: Option<String>,
    /// At most so long: 30, "2m".
    timeout: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tools) enum Until {
    Running,
    Healthy,
    Exited,
    Removed,
    Log,
}

/// What one look at the container says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Look {
    /// `running`, `exited`, ...; `removed` when it is gone.
    state: String,
    health: Option<String>,
    started: String,
    exit_code: Option<i64>,
}

/// How the waiting ended.
#[derive(Debug, Default)]
struct Outcome {
    met: bool,
    line: Option<String>,
    hint: Option<&'static str>,
}

/// How the waiting ended, and how the container is.
#[derive(Debug)]
pub(in crate::tools) struct Waited {
    pub met: bool,
    pub line: Option<String>,
    pub hint: Option<&'static str>,
    pub state: String,
    pub health: Option<String>,
    pub exit_code: Option<i64>,
}

impl Tool for Wait {
    const SPEC: Spec = Spec {
        name: "docker_wait",
        title: "Wait for a container",
        levels: &[Level::Read],
        class: Class::Stream,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "Wait until a container runs, is healthy, exited or removed, or logs a line. Answers met = false when the \
                  time is over.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        match (&args.pattern, args.until) {
            (None, Until::Log) => {
                return Err(
                    ToolError::invalid("`until` = log needs `pattern`").hint("give the text to wait for")
                );
            }
            (Some(pattern), Until::Log) => drop(pattern::compile("pattern", pattern)?),
            (Some(_), _) => {
                return Err(ToolError::invalid("`pattern` is for `until` = log").hint("leave it out"));
            }
            (None, _) => {}
        }
        Ok(vec![Asked::Container(args.container.clone())])
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.timeout.map(|t| t.0)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let permit = super::the_container(&permits)?;
        let start = Instant::now();
        let Waited { met, line, hint, state, health, exit_code } =
            wait_until(&ctx, permit, args.until, args.pattern.as_deref()).await?;
        let waited = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut draft = Draft::default()
            .with("container", permit.target().name.clone())
            .with("until", args.until.word())
            .with("met", met)
            .with("waited_ms", waited)
            .with("state", state);
        if let Some(health) = health {
            draft = draft.with("health", health);
        }
        if let Some(code) = exit_code {
            draft = draft.with("exit_code", code);
        }
        if let Some(line) = line {
            draft = draft.with("matched_line", line);
        }
        if let Some(hint) = hint {
            draft = draft.note(hint);
        }
        Ok(draft)
    }
}

/// Waits until it is so or the call's time is over. `pattern` is for [`Until::Log`].
pub(in crate::tools) async fn wait_until(
    ctx: &Ctx,
    permit: &Permit<Container>,
    until: Until,
    pattern: Option<&str>,
) -> Result<Waited, ToolError> {
    let first = look(ctx, permit).await?;
    if until == Until::Healthy && first.health.is_none() && first.state != "removed" {
        return Err(ToolError::new(
            Kind::Conflict,
            "the container has no health check, so it never becomes healthy",
        )
        .hint("wait until = running, or until = log with a pattern"));
    }
    let mut last = first.clone();
    let Outcome { met, line, hint } = match pattern {
        Some(pattern) => until_logged(ctx, permit, &pattern::compile("pattern", pattern)?).await?,
        None => until_state(ctx, permit, until, &first, &mut last).await?,
    };
    if until == Until::Log {
        // What it says matters more than a look that fails.
        last = look(ctx, permit).await.unwrap_or(last);
    }
    Ok(Waited { met, line, hint, state: last.state, health: last.health, exit_code: last.exit_code })
}

impl Until {
    const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Healthy => "healthy",
            Self::Exited => "exited",
            Self::Removed => "removed",
            Self::Log => "log",
        }
    }

    /// Is it so? `first` is the look before the waiting began: what happened in between counts.
    fn met(self, first: &Look, now: &Look) -> bool {
        let ended = matches!(now.state.as_str(), "exited" | "dead" | "removed");
        match self {
            Self::Running => now.state == "running",
            Self::Healthy => now.state == "running" && now.health.as_deref() == Some("healthy"),
            // A restart between two looks is an exit, too.
            Self::Exited => ended || (first.state == "running" && now.started != first.started),
            Self::Removed => now.state == "removed",
            Self::Log => false,
        }
    }
}

async fn until_state(
    ctx: &Ctx,
    permit: &Permit<Container>,
    until: Until,
    first: &Look,
    last: &mut Look,
) -> Result<Outcome, ToolError> {
    let end = ctx.ends_by();
    let mut pause = SOON;
    loop {
        if until.met(first, last) {
            return Ok(Outcome { met: true, ..Outcome::default() });
        }
        if last.state == "removed" {
            return Ok(Outcome { hint: Some("the container was removed"), ..Outcome::default() });
        }
        if Instant::now() + pause >= end {
            tokio::select! {
                () = sleep_until(end) => {}
                () = ctx.cancel.cancelled() => {}
            }
            let hint =
                Some("the time is over: docker_logs shows what it does, or wait again with a longer timeout");
            return Ok(Outcome { hint, ..Outcome::default() });
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = ctx.cancel.cancelled() => {
                return Ok(Outcome { hint: Some("cancelled"), ..Outcome::default() });
            }
        }
        pause = (pause * 5 / 4).min(LATER);
        *last = look(ctx, permit).await?;
    }
}

/// Follows the log; a container that restarts writes on, so the end of a log is not the end of the waiting.
async fn until_logged(ctx: &Ctx, permit: &Permit<Container>, pattern: &Regex) -> Result<Outcome, ToolError> {
    let end = ctx.ends_by();
    let mut since = None;
    loop {
        let mut options = LogOptions { tail: LOOK_BACK, since, until: None, follow: true, timestamps: false };
        let lead = lead(ctx, permit, &options, end).await?;
        options.tail += lead;
        since = Some(ctx.engine.now(&ctx.budget).await?);
        let mut log = ctx.engine.logs(&ctx.budget.streaming(), permit, &options).await?;
        let over = tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => Some("cancelled"),
            () = sleep_until(end) => Some("the time is over: no line matched; docker_logs shows what it writes"),
            line = matching(&mut log, pattern, &ctx.mask, lead) => match line? {
                Some(line) => return Ok(Outcome { met: true, line: Some(line), hint: None }),
                None => None,
            },
        };
        if let Some(hint) = over {
            return Ok(Outcome { hint: Some(hint), ..Outcome::default() });
        }
        let ended = Some("the container ended, and no line matched; docker_logs shows what it wrote");
        if Instant::now() + LATER >= end
            || !matches!(look(ctx, permit).await?.state.as_str(), "running" | "restarting")
        {
            return Ok(Outcome { hint: ended, ..Outcome::default() });
        }
        sleep(SOON).await;
    }
}

/// As in `docker_logs`: what is searched is what is shown.
async fn matching(
    log: &mut LogStream,
    pattern: &Regex,
    mask: &Mask,
    lead: u64,
) -> Result<Option<String>, EngineError> {
    let mut masked = Masked::new(mask);
    loop {
        let next = if masked.holds() { timeout(HELD_FOR, log.next()).await } else { Ok(log.next().await) };
        let mut over = false;
        match next {
            Ok(Ok(Some(line))) => masked.push(line, log.messages()),
            Ok(Ok(None)) => over = true,
            Ok(Err(e)) => return Err(e),
            Err(_) => masked.release(),
        }
        if over {
            masked.release();
        }
        while let Some((line, entry)) = masked.pop() {
            if entry > lead && pattern.is_match(&line.text) {
                return Ok(Some(line.text));
            }
        }
        if over {
            return Ok(None);
        }
    }
}

async fn look(ctx: &Ctx, permit: &Permit<Container>) -> Result<Look, ToolError> {
    match ctx.engine.inspect_container(&ctx.budget.at_most(LOOK), permit).await {
        Ok(inspection) => Ok(read(&inspection)),
        Err(e) if e.is_gone() => Ok(Look { state: "removed".to_owned(), ..Look::default() }),
        Err(e) => Err(e.into()),
    }
}

fn read(inspection: &Value) -> Look {
    let text = |path: &str| inspection.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let state = text("/State/Status");
    let ended = matches!(state.as_str(), "exited" | "dead");
    Look {
        health: Some(text("/State/Health/Status")).filter(|h| !h.is_empty() && h != "none"),
        started: text("/State/StartedAt"),
        exit_code: inspection.pointer("/State/ExitCode").and_then(Value::as_i64).filter(|_| ended),
        state,
    }
}

#[cfg(test)]
mod tests;
