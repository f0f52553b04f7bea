//! Following a log: what is new goes out while it comes, and the call ends by itself.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::engine::logs::{LogLine, LogOptions, LogStream};
use crate::policy::{Container, Permit};
use crate::tool::failure::broke_off;
use crate::tool::{Ctx, ToolError};

use super::masked::{HELD_FOR, Masked, lead};
use super::window::{Keep, Window};

/// New lines are collected for this long before they go out; no line is held longer for what may follow.
const BATCH: Duration = HELD_FOR;
/// A container that writes more than this while it is followed ends the call.
const BYTES: usize = 8 << 20;

/// How it went.
#[derive(Debug)]
pub struct Followed {
    /// The newest lines.
    pub window: Window,
    /// Why it ended.
    pub ended: &'static str,
    /// Why the log broke off, if it did.
    pub broken: Option<String>,
}

/// Follows until the time is over, the container ends, it wrote too much, or the caller gives up.
///
/// # Errors
/// The log cannot be read at all.
pub async fn follow(
    ctx: &Ctx,
    permit: &Permit<Container>,
    keep: Keep,
    options: &LogOptions,
) -> Result<Followed, ToolError> {
    let timestamps = options.timestamps;
    let end = ctx.ends_by();
    let lead = lead(ctx, permit, options, end).await?;
    let options = LogOptions { tail: options.tail.saturating_add(lead), ..*options };
    let mut log = ctx.engine.logs(&ctx.budget.streaming(), permit, &options).await?;
    let full = ctx.settings.output.chunk_bytes;
    let wanted = ctx.progress.wanted();
    let mut taken = Taken {
        masked: Masked::new(&ctx.mask),
        window: Window::new(keep),
        batch: Batch::of(full),
        lead,
        wanted,
        timestamps,
        written: 0,
    };
    let (time_is_over, flush) = (sleep_until(end), sleep_until(end));
    tokio::pin!(time_is_over, flush);
    let (mut armed, mut broken) = (false, None);
    let ended = loop {
        let line = tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => break "cancelled",
            () = &mut time_is_over => break "time_limit",
            () = &mut flush, if armed => {
                armed = false;
                taken.release();
                taken.batch.send(ctx, end).await;
                continue;
            }
            line = log.next() => line,
        };
        match line {
            Ok(Some(line)) => {
                taken.push(line, &log);
                if taken.written > BYTES {
                    break "byte_limit";
                }
                if taken.batch.is_full() {
                    taken.batch.send(ctx, end).await;
                    armed = false;
                }
                if !armed && taken.waits() {
                    armed = true;
                    flush.as_mut().reset(end.min(Instant::now() + BATCH));
                }
            }
            Ok(None) => break "container_exit",
            Err(e) => {
                let mut came = taken.window.seen() > 0 || taken.masked.holds();
                while let Some(line) = log.rest() {
                    came = true;
                    taken.push(line, &log);
                }
                if !came {
                    return Err(e.into());
                }
                broken = Some(broke_off(e));
                break "broken";
            }
        }
    };
    while let Some(line) = log.rest() {
        taken.push(line, &log);
    }
    taken.release();
    taken.batch.send(ctx, end.max(Instant::now() + Duration::from_millis(50))).await;
    Ok(Followed { window: taken.window, ended, broken })
}

/// What came.
struct Taken {
    masked: Masked,
    window: Window,
    batch: Batch,
    /// Entries that are not shown.
    lead: u64,
    /// Somebody listens.
    wanted: bool,
    timestamps: bool,
    written: usize,
}

impl Taken {
    fn push(&mut self, line: LogLine, log: &LogStream) {
        self.masked.push(line, log.messages());
        self.drain();
    }

    fn release(&mut self) {
        self.masked.release();
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((line, entry)) = self.masked.pop() {
            if entry <= self.lead {
                continue;
            }
            let size = line.text.len();
            let fresh = self.window.push(line);
            if fresh == 0 {
                continue;
            }
            self.written += size;
            if self.wanted {
                self.batch.add(&self.window.newest(fresh, self.timestamps));
            }
        }
    }

    fn waits(&self) -> bool {
        self.masked.holds() || !self.batch.is_empty()
    }
}

/// Lines on their way out, masked already: whatever they are cut into, no part of a secret is in it.
#[derive(Debug)]
pub(in crate::tools) struct Batch {
    text: String,
    full: usize,
}

impl Batch {
    /// In pieces of so many bytes.
    pub(in crate::tools) const fn of(full: usize) -> Self {
        Self { text: String::new(), full }
    }

    /// Nothing waits.
    pub(in crate::tools) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// A piece is full.
    pub(in crate::tools) const fn is_full(&self) -> bool {
        self.text.len() >= self.full
    }

    pub(in crate::tools) fn add(&mut self, lines: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(lines);
    }

    /// In pieces; a listener that is slow slows the log down, and never holds the call.
    pub(in crate::tools) async fn send(&mut self, ctx: &Ctx, by: Instant) {
        let text = std::mem::take(&mut self.text);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(cut(rest, self.full));
            rest = behind.strip_prefix('\n').unwrap_or(behind);
            if timeout_at(by, ctx.progress.say(piece)).await.is_err() {
                return;
            }
        }
    }
}

/// Where to cut a text that is too long: behind a line if there is one, never through a character.
fn cut(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    // At least one character: the rest must become shorter.
    let fits = (1..=max).rev().find(|at| text.is_char_boundary(*at));
    let end = fits.or_else(|| text.chars().next().map(char::len_utf8)).unwrap_or(text.len());
    match text.get(..end).and_then(|head| head.rfind('\n')) {
        Some(at) if at > 0 => at,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn pieces_end_with_a_line() {
        assert_eq!(cut("ab", 9), 2);
        assert_eq!(cut("ab\ncd\nef", 6), 5);
        assert_eq!(cut("abcdef", 4), 4);
        assert_eq!(cut("ää", 3), 2);
        assert_eq!(cut("ä", 1), 2);
    }
}
