//! How a command ended, in the contract's words.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::engine::EngineError;
use crate::engine::change::{Effect as Came, Finding};
use crate::engine::exec::{Killed, Made, State, Unstarted};
use crate::guard::exec::quoted;
use crate::output::{Cut, Draft, Keep};
use crate::policy::{Container, Permit};
use crate::tool::error::Effect;
use crate::tool::{Ctx, Kind, Output, Retry, ToolError};

use super::kept::shares;
use super::watch::{Sink, Why};

/// The engine closes the streams before it knows the exit code: it is asked again for so long.
const CODE: Duration = Duration::from_secs(2);
/// What is left for the answer, and for killing before it, when the time is over.
const LATE: Duration = Duration::from_millis(400);
/// Killing for a caller who gave up, and for a server that stops.
const BESIDE: Duration = Duration::from_secs(3);

/// What a result says of itself.
#[derive(Debug)]
pub(super) struct About {
    pub name: String,
    pub argv: Vec<String>,
    pub shell: bool,
    pub user: Option<String>,
}

/// A command that was made, and maybe started.
pub(super) struct Run<'a> {
    pub ctx: &'a Ctx,
    pub permit: Arc<Permit<Container>>,
    pub made: Arc<Made>,
    pub about: About,
}

impl Run<'_> {
    /// Nothing was seen of it: did it start?
    pub(super) async fn unstarted(&self, unstarted: Unstarted) -> ToolError {
        let Unstarted { error, written } = unstarted;
        if !written {
            return ToolError::of_object(error, "container", &self.about.name);
        }
        let silent = matches!(error, EngineError::Timeout { .. });
        let why = ToolError::from(error);
        let draft = self.draft(&Sink::new(self.ctx, None)).with("exec_id", self.made.id.clone());
        // It may start yet, or run already. Whatever it does, nobody listens to it.
        let killed = self.kill(self.late().min(Instant::now() + CODE)).await;
        match killed {
            Killed { still_running: false, exit_code: Some(_) } => {
                ToolError { effect: Effect::Done, retry: Retry::No, ..why }
                    .hint("it ran, unheard, and was killed; look at what it did before it is asked for again")
            }
            _ => {
                self.see_through();
                let kind = if silent { Kind::OutcomeUnknown } else { why.kind };
                ToolError { kind, effect: Effect::Unknown, retry: Retry::No, retry_after: None, ..why }
                    .hint("whether it ran is not known; look at what it does before it is asked for again")
            }
        }
        .with_partial(draft)
    }

    /// What came of it.
    pub(super) async fn ended(&self, why: Why, sink: Sink) -> Result<Output, ToolError> {
        match why {
            Why::Closed(broken) => self.closed(sink, broken).await,
            Why::Silent => self.closed(sink, None).await,
            Why::Deadline => {
                let killed = self.kill(self.late()).await;
                let limit = self.ctx.budget.total;
                let error = self.killed(&sink, killed, |end| {
                    ToolError::new(
                        Kind::ExecTimeout,
                        format!("the command did not end within {}, {end}", span(limit)),
                    )
                });
                Err(ToolError { limit: Some(limit), ..error })
            }
            Why::Cancelled => {
                let killed = self.kill(Instant::now() + BESIDE).await;
                Err(self.killed(&sink, killed, |end| {
                    ToolError::new(
                        Kind::Cancelled,
                        format!("the caller gave up while the command ran, {end}"),
                    )
                }))
            }
            Why::Stopping => {
                let killed = self.kill(Instant::now() + BESIDE).await;
                Err(self.killed(&sink, killed, |end| {
                    ToolError::new(
                        Kind::ShuttingDown,
                        format!("the server stops while the command ran, {end}"),
                    )
                }))
            }
        }
    }

    /// The streams are closed; only the engine's word on the command says how it ended.
    async fn closed(&self, sink: Sink, broken: Option<String>) -> Result<Output, ToolError> {
        let draft = self.draft(&sink);
        match self.code().await {
            Ok(State { pid, exit_code: Some(code), running: false }) => {
                let mut draft = could_not_start(draft.with("exit_code", code), code, pid);
                if let Some(what) = broken {
                    draft = draft.with("partial", true).note(format!("the output is not complete: {what}"));
                }
                if code == KILLED && self.container_ended().await {
                    draft = draft.note("the container ended while the command ran");
                }
                if let left @ 1.. = self.ctx.engine.exec_left(&self.made).await {
                    let what = if left == 1 { "a process" } else { "processes" };
                    draft = draft.with("still_running", left).note(format!(
                        "{what} that the command put into the background runs on in the container; docker_top shows it"
                    ));
                }
                Ok(draft)
            }
            // Its streams were let go, and it runs on.
            Ok(_) => {
                let killed = self.kill(self.late()).await;
                Err(self.killed(&sink, killed, |end| {
                    let message = format!("the engine closed the command's output before it ended, {end}");
                    ToolError::new(Kind::OutcomeUnknown, message)
                }))
            }
            Err(e) if e.is_gone() => Err(match self.container_runs().await {
                Err(e) if e.is_gone() => self.over("the container was removed while the command ran"),
                Ok(false) => self.over("the container ended while the command ran"),
                _ => self.unknown("the engine knows nothing of the command any more: it was restarted"),
            }
            .with_partial(draft.with("still_running", false))),
            Err(e) => {
                let why = ToolError::from(e);
                self.see_through();
                let message = format!("how the command ended is not known: {}", why.message);
                let error = self.unknown(&message).with_partial(draft.with("exec_id", self.made.id.clone()));
                Err(ToolError { phase: why.phase, limit: why.limit, daemon_fault: why.daemon_fault, ..error })
            }
        }
    }

    /// The state once it ended; what it is when nothing changes any more.
    async fn code(&self) -> Result<State, EngineError> {
        let until = (Instant::now() + CODE).min(self.late()).max(Instant::now() + LATE / 2);
        let mut pause = Duration::from_millis(10);
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(LATE / 4);
            let budget = crate::engine::Budget::of(left);
            let state = self.ctx.engine.exec_state(&budget, &self.made).await;
            let open = state.as_ref().is_ok_and(|state| state.ended().is_none());
            if !open || Instant::now() + pause >= until {
                return state;
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    /// Killed with its container? The engine says of the one before it says so of the other.
    async fn container_ended(&self) -> bool {
        for _ in 0..3 {
            match self.container_runs().await {
                Ok(true) => sleep(LATE / 4).await,
                Ok(false) => return true,
                Err(e) => return e.is_gone(),
            }
        }
        false
    }

    async fn container_runs(&self) -> Result<bool, EngineError> {
        let budget = crate::engine::Budget::of(LATE);
        let facts = self.ctx.engine.inspect_container(&budget, &self.permit).await?;
        Ok(facts.pointer("/State/Running").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Until when the answer waits at most.
    fn late(&self) -> Instant {
        self.ctx.budget.deadline + LATE
    }

    async fn kill(&self, by: Instant) -> Killed {
        self.ctx.engine.exec_kill(by, &self.permit, &self.made).await
    }

    /// Kills on when the caller has its answer, and records what comes of it.
    fn see_through(&self) {
        let (engine, by) = (Arc::clone(&self.ctx.engine), self.ctx.afterwards());
        let (permit, made) = (Arc::clone(&self.permit), Arc::clone(&self.made));
        self.ctx.after.the_answer(async move {
            let killed = engine.exec_kill(by, &permit, &made).await;
            match killed.still_running {
                false => Finding {
                    effect: Came::Done,
                    evidence: format!("the command is over ({:?})", killed.exit_code),
                },
                true => Finding {
                    effect: Came::Continuing,
                    evidence: "the command could not be killed".to_owned(),
                },
            }
        });
    }

    /// An error about a command that was to be killed.
    fn killed(&self, sink: &Sink, killed: Killed, error: impl FnOnce(&str) -> ToolError) -> ToolError {
        // What the engine says of its exit code, once nobody listens, is no word of the command.
        let draft = self
            .draft(sink)
            .with("exit_code", Value::Null)
            .keep_empty(&["exit_code"])
            .with("still_running", killed.still_running)
            .with("exec_id", self.made.id.clone());
        let error = match killed.still_running {
            false => ToolError { effect: Effect::Done, ..error("and was killed") }
                .hint("what it did until then is done; give it more `timeout`, or less to do. docker_top shows what runs: a \
                       process that dropped its environment and its parent cannot be told from the container's own"),
            true => {
                self.see_through();
                ToolError { effect: Effect::Continuing, ..error("and could not be killed yet") }
                    .hint("it is tried on for a while; docker_top shows whether it runs, and a restart of the container ends it")
            }
        };
        ToolError { retry: Retry::No, ..error }.with_partial(draft)
    }

    fn over(&self, what: &str) -> ToolError {
        let error = ToolError::new(Kind::Conflict, what)
            .hint("what the command did until then is done, or lost with it");
        ToolError { effect: Effect::Done, retry: Retry::No, ..error }
    }

    fn unknown(&self, what: &str) -> ToolError {
        let error = ToolError::new(Kind::OutcomeUnknown, what)
            .hint("look at what it did before it is asked for again; docker_top shows whether it runs");
        ToolError { effect: Effect::Unknown, retry: Retry::No, ..error }
    }

    /// What is known however it ended.
    fn draft(&self, sink: &Sink) -> Draft {
        let About { name, argv, shell, user } = &self.about;
        let (out, err) = shares(sink.out.len(), sink.err.len(), self.ctx.settings.exec.max_output);
        let ((out, cut_out), (err, cut_err)) = (sink.out.text(out), sink.err.text(err));
        let cut = cut_out + cut_err;
        let mut draft = Draft::default()
            .head(format!("command: {}", quoted(argv)))
            .with("container", name.clone())
            .with("command", argv.clone())
            .told(&["command"])
            .hint("let the command print less: head, tail, grep");
        if *shell {
            draft = draft.with("shell", true);
        }
        if let Some(user) = user {
            draft = draft.with("user", user.clone());
        }
        if cut > 0 {
            let ([out_bytes, err_bytes], total) = (sink.totals, sink.out.bytes() + sink.err.bytes());
            draft = draft
                .with("stdout_bytes", out_bytes)
                .with("stderr_bytes", err_bytes)
                .with("stdout_lines", sink.out.lines())
                .with("stderr_lines", sink.err.lines())
                .cut(Cut {
                    total: Some(total),
                    shown: Some(total - cut),
                    what: "bytes",
                    hint:
                        "first and last are here; let it print less (head, tail, grep), or a person raises \
                           max_output under [exec_safety]"
                            .to_owned(),
                });
        }
        draft.and_body("stdout", out, Keep::Both).and_body("stderr", err, Keep::Both)
    }
}

/// The exit code of what got SIGKILL.
const KILLED: i64 = 137;

/// The engine says why a command did not begin where the command's output would be.
fn could_not_start(mut draft: Draft, code: i64, pid: i32) -> Draft {
    let said =
        draft.bodies.iter().map(|body| body.text.trim()).find(|text| !text.is_empty()).unwrap_or_default();
    // What has a process began, whatever it says of itself.
    let engine_says = pid == 0 && REFUSALS.iter().any(|words| said.starts_with(words));
    if !matches!(code, 126 | 127) || !engine_says {
        return draft;
    }
    let reason = said.rsplit("unable to start container process: ").next().unwrap_or(said);
    let reason = reason.trim_start_matches(REFUSED).trim_start_matches(':').trim();
    let reason = reason.strip_suffix(": unknown").unwrap_or(reason).to_owned();
    for body in &mut draft.bodies {
        body.text.clear();
    }
    let lacks = reason.contains("executable file not found");
    let draft = draft.with("could_not_start", true).with("reason", reason);
    match lacks {
        true => draft.note(
            "the container has no such program; what only a shell knows needs [\"sh\", \"-c\", \"...\"]",
        ),
        false => draft,
    }
}

const REFUSED: &str = "OCI runtime exec failed";
/// The last two are said of users that the container does not have.
const REFUSALS: &[&str] = &[REFUSED, "unable to find user", "unable to find group"];

fn span(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}
