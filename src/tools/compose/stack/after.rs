//! What became of a project: each container waited for, and the last words of those that failed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::engine::compose::stack::Stack;
use crate::engine::projects::{Member, Standing};
use crate::guard::compose::Service;
use crate::guard::create::{self, Wanted};
use crate::output::Row;
use crate::policy::{self, Permits};
use crate::tool::{Ctx, ToolError};
use crate::tools::containers::logs::scan;
use crate::tools::containers::logs::window::Keep;
use crate::tools::making::real;

use super::changes::{Change, members};
use super::is_free;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Last words of a container that failed.
const LINES: usize = 20;
const BYTES: usize = 4 << 10;
/// One that runs without a check is believed after this: what fails at once has failed by then.
const SETTLES: Duration = Duration::from_millis(1500);
/// One that ended and was started again so often while it was waited for will do so again.
const RESTARTS: u64 = 3;

/// How one container is.
#[derive(Debug, Clone)]
pub(super) struct Is {
    pub service: String,
    pub container: String,
    pub id: String,
    pub state: String,
    pub health: String,
    pub exit_code: Option<i64>,
    pub stand: Stand,
    /// How often it was started again; since it was looked at first, once it is waited for.
    pub restarts: u64,
    /// Its last words, where it failed.
    pub logs: String,
}

/// Whether it is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It runs, or has done its work.
    Well,
    /// It may yet be.
    NotYet,
    /// It is not.
    Failed,
}

impl Is {
    fn of(member: &Member, service: &Service, now: Option<Standing>) -> Self {
        let now = now.unwrap_or_default();
        let health = if now.health.status == "none" { String::new() } else { now.health.status };
        let once = service
            .restart
            .as_deref()
            .is_none_or(|restart| restart == "no" || restart.starts_with("on-failure"));
        let stand = match (now.status.as_str(), health.as_str()) {
            ("running", "starting") => Stand::NotYet,
            ("running", "unhealthy") => Stand::Failed,
            ("running", _) => Stand::Well,
            ("exited", _) if now.exit_code == 0 && once => Stand::Well,
            ("restarting" | "", _) => Stand::NotYet,
            _ => Stand::Failed,
        };
        let exit_code =
            matches!(now.status.as_str(), "exited" | "restarting" | "dead").then_some(now.exit_code);
        Self {
            service: service.name.clone(),
            container: member.seen.identity.name.clone(),
            id: member.seen.identity.id.clone(),
            state: now.status,
            health,
            exit_code,
            stand,
            restarts: now.restarts,
            logs: String::new(),
        }
    }

    /// In words.
    pub(super) fn said(&self) -> String {
        let code = self.exit_code.map(|code| format!(" ({code})")).unwrap_or_default();
        let health = if self.health.is_empty() { String::new() } else { format!(", {}", self.health) };
        let state = if self.state.is_empty() { "does not answer" } else { &self.state };
        let again = match self.restarts {
            restarts if self.stand == Stand::Failed && restarts >= RESTARTS => {
                format!(", restarted {restarts} times")
            }
            _ => String::new(),
        };
        format!("{state}{code}{health}{again}")
    }

    /// A line of the answer.
    pub(super) fn row(self, did: &str) -> Row {
        let cells = [self.service.clone(), self.container.clone(), did.to_owned(), self.said()];
        let json = json!({
            "service": self.service, "container": self.container, "did": did, "state": self.state,
            "health": Some(self.health).filter(|h| !h.is_empty()), "exit_code": self.exit_code,
            "last_logs": Some(self.logs).filter(|logs| !logs.is_empty()),
        });
        Row::new(json, cells)
    }
}

/// Waits until every container is as it should be, or one is not, or the time is over.
pub(super) async fn wait(ctx: &Ctx, permits: &Permits, stack: &Stack) -> Result<Vec<Is>, ToolError> {
    let mut calm = Instant::now();
    let mut seen: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    loop {
        let mut all = look(ctx, permits, stack).await?;
        for is in &mut all {
            let (first, last) = seen.entry(is.id.clone()).or_insert((is.restarts, is.restarts));
            if is.restarts > *last {
                *last = is.restarts;
                calm = Instant::now();
            }
            is.restarts = is.restarts.saturating_sub(*first);
            if is.restarts >= RESTARTS {
                is.stand = Stand::Failed;
            }
        }
        let waits: Vec<&Is> = all.iter().filter(|is| is.stand == Stand::NotYet).collect();
        let failed = all.iter().any(|is| is.stand == Stand::Failed);
        let settled =
            calm.elapsed() >= SETTLES || all.iter().all(|is| is.state != "running" || !is.health.is_empty());
        if failed || (waits.is_empty() && settled) {
            return Ok(all);
        }
        let left = ctx.ends_by().saturating_duration_since(Instant::now());
        if left <= PAUSE || ctx.cancel.is_cancelled() {
            return Ok(all);
        }
        if let Some(is) = waits.first() {
            ctx.progress.say(format!("{}: waiting, {}", is.service, is.said())).await;
        }
        tokio::select! {
            () = ctx.cancel.cancelled() => {}
            () = sleep(PAUSE) => {}
        }
    }
}

/// How every container of the services is now.
pub(super) async fn look(ctx: &Ctx, permits: &Permits, stack: &Stack) -> Result<Vec<Is>, ToolError> {
    let mut all = Vec::new();
    for member in members(ctx, permits, stack).await? {
        let Some(service) = stack.model.services.iter().find(|s| s.name == member.service) else { continue };
        let now = ctx.engine.standing_of_member(&ctx.budget, &permits.world, &member).await?;
        all.push(Is::of(&member, service, now));
    }
    all.sort_by(|a, b| (&a.service, &a.container).cmp(&(&b.service, &b.container)));
    Ok(all)
}

/// Services of which fewer containers are there than there are to be: compose may say that all is well.
pub(super) fn missing(stack: &Stack, all: &[Is]) -> Vec<String> {
    let count = |service: &Service| all.iter().filter(|is| is.service == service.name).count();
    let fewer = stack.model.services.iter().filter(|service| count(service) < service.replicas as usize);
    fewer.map(|s| format!("service `{}` has {} containers of {}", s.name, count(s), s.replicas)).collect()
}

/// What containers reach that their service does not ask for: somebody else made them, or what was made is not what was
/// judged.
pub(super) async fn more(
    ctx: &Ctx,
    permits: &Permits,
    stack: &Stack,
    planned: &[Change],
) -> Result<Vec<String>, ToolError> {
    let mut more = Vec::new();
    if is_free(stack, &ctx.settings) {
        return Ok(more);
    }
    for member in members(ctx, permits, stack).await? {
        let Some(service) = stack.model.services.iter().find(|s| s.name == member.service) else { continue };
        let was_there = planned.iter().any(|change| change.id.as_ref() == Some(&member.seen.identity.id));
        if !was_there && let Some(why) = other_image(permits, stack, service, &member) {
            more.push(why);
        }
        let Some(reaches) = ctx.engine.reaches(&ctx.budget, &permits.world, &member).await? else { continue };
        let asked = Wanted { asks: service.asks.clone(), amounts: service.amounts, protected: Vec::new() };
        // With a person's exceptions it has powers, and which of them is which is not told apart.
        let excepted = !create::beyond(&asked, &ctx.settings.create).is_empty();
        let powers = reaches.powers.into_iter().filter(|_| !excepted);
        let known = real::also(service.binds.iter().map(|bind| bind.source.clone()).collect()).await?;
        // A desktop has the host's folders elsewhere.
        let is_known = |bind: &String| {
            let bind = Path::new(bind.strip_prefix("/host_mnt").unwrap_or(bind));
            known.iter().any(|its| its == bind)
        };
        let binds = reaches.binds.into_iter().filter(|bind| !is_known(bind)).map(|bind| format!("`{bind}`"));
        let all: Vec<String> = powers.chain(binds).collect();
        if !all.is_empty() {
            let name = &member.seen.identity.name;
            more.push(format!(
                "container `{name}` has what its service does not ask for: {}",
                all.join(", ")
            ));
        }
    }
    Ok(more)
}

/// Between the decision and the child a name can be given to another image.
fn other_image(permits: &Permits, stack: &Stack, service: &Service, member: &Member) -> Option<String> {
    let identity = &member.seen.identity;
    let asked = stack.built_as(service);
    let decided = permits.image_of(&asked)?;
    (decided.target().id != identity.image_id).then(|| {
        format!(
            "container `{}` is made of another image than was decided on: `{asked}` was given away meanwhile",
            identity.name,
        )
    })
}

/// Adds the last words of those that failed.
pub(super) async fn last_words(ctx: &Ctx, permits: &Permits, tool: &str, all: &mut [Is]) {
    let Ok(seen) = ctx.engine.containers(&ctx.budget, &permits.world).await else { return };
    for is in all.iter_mut().filter(|is| is.stand == Stand::Failed) {
        let Some(seen) = seen.iter().find(|seen| seen.identity.id == is.id) else { continue };
        // It may be another than those that were decided on: it is decided on like them.
        let Ok(permit) = policy::came(&permits.world, tool, seen.identity.clone()) else { continue };
        let keep = Keep { want: LINES, pattern: None, invert: false, context: 0, bytes: BYTES };
        let span = scan::Span { since: None, until: None, timestamps: false };
        if let Ok(found) = scan::scan(ctx, &permit, &keep, span).await {
            is.logs = found.window.text(false);
        }
    }
}
