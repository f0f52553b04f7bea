//! Reading backwards: windows from the end of the log, ten times as long each, until there are enough hits.
//!
//! The engine seeks by `tail` alone; `since` without it reads the log from its beginning.

use tokio::time::{Instant, timeout_at};

use crate::engine::EngineError;
use crate::engine::clock::read;
use crate::engine::error::Clock;
use crate::engine::logs::{LogLine, LogOptions};
use crate::policy::{Container, Permit};
use crate::tool::failure::broke_off;
use crate::tool::{Ctx, ToolError};

use super::masked::{LEAD, Masked};
use super::window::{Keep, Window};

/// The first window of a search.
const FIRST: u64 = 1_000;
/// This part of the time is for reading, the rest for the answer.
const SHARE: f64 = 0.8;

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Nanoseconds since 1970.
    pub since: Option<i128>,
    /// Nanoseconds since 1970.
    pub until: Option<i128>,
    /// Lines carry their moments.
    pub timestamps: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The lines.
    pub window: Window,
    /// When the oldest line was written that was looked at.
    pub back_to: Option<String>,
    /// There may be older lines in the span.
    pub older: bool,
    /// The time was over before the end.
    pub out_of_time: bool,
    /// Why the log broke off, if it did.
    pub broken: Option<String>,
}

/// Reads what is wanted.
///
/// # Errors
/// The log cannot be read at all.
pub async fn scan(
    ctx: &Ctx,
    permit: &Permit<Container>,
    keep: &Keep,
    span: Span,
) -> Result<Found, ToolError> {
    let want = keep.want as u64;
    let search = keep.pattern.is_some() || span.until.is_some();
    if !search {
        // One more than wanted shows whether there are older ones.
        let (found, messages) = window(ctx, permit, keep, span, want + 1, ctx.budget.deadline).await?;
        return Ok(Found { older: messages > want || found.window.squeezed(), ..found });
    }
    let by = Instant::now() + ctx.budget.left().mul_f64(SHARE);
    let mut size = FIRST.max(want);
    let mut best: Option<Found> = None;
    loop {
        let (found, messages) =
            window(ctx, permit, keep, Span { timestamps: true, ..span }, size, by).await?;
        if found.out_of_time || found.broken.is_some() {
            // A window that was not read to its end lacks the newest lines: the one before it is whole.
            let (out_of_time, broken) = (found.out_of_time, found.broken.clone());
            let found = best.unwrap_or(found);
            if found.window.seen() == 0 && out_of_time {
                return Err(EngineError::Timeout { clock: Clock::Total, limit: ctx.budget.total }.into());
            }
            return Ok(Found { older: true, out_of_time, broken, ..found });
        }
        // Fewer than asked for: it began at the log's beginning, or at `since`. Half, because a terminal's entries
        // cannot be counted exactly.
        let all = messages.saturating_mul(2) < size;
        if found.window.full() || all {
            return Ok(Found {
                older: !all || found.window.hits() > want || found.window.squeezed(),
                ..found
            });
        }
        ctx.progress.say(format!("searched {messages} lines, {} hits", found.window.hits())).await;
        best = Some(found);
        size = size.saturating_mul(10);
    }
}

/// Reads one window. Gives how many entries of the log it had, too.
async fn window(
    ctx: &Ctx,
    permit: &Permit<Container>,
    keep: &Keep,
    span: Span,
    size: u64,
    by: Instant,
) -> Result<(Found, u64), ToolError> {
    let size = size.saturating_add(LEAD);
    // `until` is applied here: the engine counts the tail first, and then drops what is too late.
    let options =
        LogOptions { tail: size, since: span.since, until: None, follow: false, timestamps: span.timestamps };
    let mut found = Found {
        window: Window::new(keep.clone()),
        back_to: None,
        older: false,
        out_of_time: false,
        broken: None,
    };
    // Looking for the place where a long tail begins takes the engine seconds in which it says nothing.
    let budget = if size > FIRST + LEAD { ctx.budget.streaming() } else { ctx.budget };
    let mut log = ctx.engine.logs(&budget, permit, &options).await?;
    let mut masked = Masked::new(&ctx.mask);
    let mut lead = Lead::default();
    let mut take = |found: &mut Found, line: LogLine, entry: u64| {
        if lead.back_to.is_none() {
            lead.back_to.clone_from(&line.timestamp);
        }
        if found.back_to.is_none() && entry > LEAD {
            found.back_to.clone_from(&line.timestamp);
        }
        let late =
            span.until.is_some_and(|u| line.timestamp.as_deref().and_then(read).is_some_and(|at| at > u));
        if !late {
            found.window.push(line);
        }
        if entry <= LEAD {
            (lead.lines, lead.hits) = (found.window.seen(), found.window.hits());
        }
    };
    loop {
        match timeout_at(by, log.next()).await {
            Ok(Ok(Some(line))) => {
                masked.push(line, log.messages());
                while let Some((line, entry)) = masked.pop() {
                    take(&mut found, line, entry);
                }
            }
            Ok(Ok(None)) => break,
            Ok(Err(e)) => {
                let mut came = found.window.seen() > 0 || masked.holds();
                // A line that broke off in its middle is worth as much as a whole one.
                while let Some(line) = log.rest() {
                    came = true;
                    masked.push(line, log.messages());
                }
                if !came {
                    return Err(e.into());
                }
                found.broken = Some(broke_off(e));
                break;
            }
            Err(_) => {
                found.out_of_time = true;
                break;
            }
        }
        if Instant::now() >= by {
            found.out_of_time = true;
            break;
        }
    }
    // Nothing follows that could tell more.
    masked.release();
    while let Some((line, entry)) = masked.pop() {
        take(&mut found, line, entry);
    }
    let messages = log.messages();
    // Fewer than asked for: what was read begins where the log, or the span, does.
    if messages < size {
        found.back_to = lead.back_to;
        return Ok((found, messages));
    }
    found.window.forget(lead.lines, lead.hits);
    Ok((found, messages - LEAD))
}

/// What was read of the lead.
#[derive(Debug, Default)]
struct Lead {
    lines: u64,
    hits: u64,
    back_to: Option<String>,
}
