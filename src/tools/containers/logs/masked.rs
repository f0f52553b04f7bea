//! The lines of a log as they are shown. What is searched, kept and sent on the way is this, and nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::engine::EngineError;
use crate::engine::Source;
use crate::engine::logs::{LogLine, LogOptions};
use crate::output::{LineMask, MASK, Seen};
use crate::policy::{Container, Permit};
use crate::tool::{Ctx, Mask};

/// So many entries before a window are read, and not shown: they tell whether it begins inside a secret. A key is
/// shorter.
pub const LEAD: u64 = 256;
/// Lines that may be of a key are held until the end of the key is seen, or so many lines or bytes came.
const HELD_LINES: usize = 256;
const HELD_BYTES: usize = 64 * 1024;
/// And in a log that is followed, so long.
pub const HELD_FOR: Duration = Duration::from_millis(200);

/// How many entries a log that is to be followed has before its tail, [`LEAD`] at most.
///
/// The end of what is there already is not marked in a log that goes on, so it is counted before.
///
/// # Errors
/// The log cannot be read.
pub async fn lead(
    ctx: &Ctx,
    permit: &Permit<Container>,
    options: &LogOptions,
    by: Instant,
) -> Result<u64, EngineError> {
    let tail = options.tail.saturating_add(LEAD);
    let before = LogOptions { tail, until: None, follow: false, ..*options };
    let count = async {
        let mut log = ctx.engine.logs(&ctx.budget.streaming(), permit, &before).await?;
        while log.next().await?.is_some() {}
        Ok(log.messages().saturating_sub(options.tail).min(LEAD))
    };
    tokio::select! {
        biased;
        () = ctx.cancel.cancelled() => Ok(0),
        () = sleep_until(by) => Ok(0),
        count = count => count,
    }
}

/// Masks line by line, each output by itself.
#[derive(Debug)]
pub struct Masked {
    out: LineMask,
    err: LineMask,
    held: VecDeque<Held>,
    bytes: usize,
    /// Lines that wait for what follows.
    waiting: usize,
}

#[derive(Debug)]
struct Held {
    line: LogLine,
    entry: u64,
    waits: bool,
}

impl Masked {
    /// Before the first line.
    #[must_use]
    pub fn new(mask: &Mask) -> Self {
        Self { out: mask.lines(), err: mask.lines(), held: VecDeque::new(), bytes: 0, waiting: 0 }
    }

    /// Takes a line that ends in this entry of the log.
    pub fn push(&mut self, mut line: LogLine, entry: u64) {
        let mask = match line.source {
            Source::Stdout => &mut self.out,
            Source::Stderr => &mut self.err,
        };
        let (text, seen) = mask.line(&line.text, line.more);
        line.text = text;
        if seen != Seen::Perhaps && self.waiting > 0 {
            for held in self.held.iter_mut().filter(|h| h.waits && h.line.source == line.source) {
                held.waits = false;
                self.waiting -= 1;
                if seen == Seen::End {
                    MASK.clone_into(&mut held.line.text);
                }
            }
        }
        let waits = seen == Seen::Perhaps;
        self.waiting += usize::from(waits);
        self.bytes += line.text.len();
        self.held.push_back(Held { line, entry, waits });
    }

    /// The next line that may be shown, and its entry.
    pub fn pop(&mut self) -> Option<(LogLine, u64)> {
        let full = self.held.len() > HELD_LINES || self.bytes > HELD_BYTES;
        if !full && self.held.front().is_none_or(|h| h.waits) {
            return None;
        }
        let next = self.held.pop_front()?;
        self.waiting -= usize::from(next.waits);
        self.bytes = self.bytes.saturating_sub(next.line.text.len());
        Some((next.line, next.entry))
    }

    /// Lines are held back.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Nothing follows, or not soon: all may be shown.
    pub fn release(&mut self) {
        self.waiting = 0;
        self.held.iter_mut().for_each(|h| h.waits = false);
    }
}

#[cfg(test)]
mod tests;
