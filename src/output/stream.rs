//! A text that comes in pieces.

use super::sanitise::floor;
use super::{Learned, MASK, Redactor, clean};

/// A line that is longer is let go in parts.
const HELD_MAX: usize = 64 * 1024;
/// Of a line that is too long this much stays: the longest secret that a chunk border could split.
const TAIL: usize = 4 * 1024;

/// Cleans and masks a stream; a secret that is split between two chunks is still masked.
///
/// Whole lines are let go. A private key is held until its end has come.
#[derive(Debug)]
pub struct Streaming<'r> {
    redactor: &'r Redactor,
    learned: Learned,
    held: String,
    /// Inside a secret too long to hold: drop what comes up to the next blank.
    swallow: bool,
}

impl<'r> Streaming<'r> {
    /// An empty stream.
    #[must_use]
    pub const fn new(redactor: &'r Redactor, learned: Learned) -> Self {
        Self { redactor, learned, held: String::new(), swallow: false }
    }

    /// Takes a chunk, gives what is safe to show by now.
    #[must_use]
    pub fn push(&mut self, chunk: &str) -> String {
        let mut chunk = chunk;
        if self.swallow {
            let Some(end) = chunk.find(char::is_whitespace) else { return String::new() };
            self.swallow = false;
            chunk = chunk.get(end..).unwrap_or_default();
        }
        self.held.push_str(chunk);
        let end = self.held.rfind('\n').map_or(0, |i| i + 1);
        let end = open_block(self.held.get(..end).unwrap_or_default()).unwrap_or(end);
        let mut out = self.release(end);
        if self.held.len() > HELD_MAX {
            out.push_str(&self.overflow());
        }
        out
    }

    /// The rest.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.release(self.held.len())
    }

    fn release(&mut self, end: usize) -> String {
        if end == 0 {
            return String::new();
        }
        let rest = self.held.split_off(end);
        let ready = std::mem::replace(&mut self.held, rest);
        self.redactor.block(&ready, &self.learned)
    }

    /// Lets go all but the end, and cuts through no secret.
    fn overflow(&mut self) -> String {
        let cleaned = clean(&self.held).into_owned();
        let tail = TAIL.max(self.learned.longest()).min(HELD_MAX / 2);
        let cut = floor(&cleaned, cleaned.len().saturating_sub(tail));
        let blank = cleaned.get(..cut).and_then(|t| t.rfind([' ', '\n'])).filter(|i| cut - i < tail);
        let cut = blank.map_or(cut, |i| i + 1);
        self.held = cleaned;
        let spans = self.redactor.spans(&self.held, &self.learned);
        match spans.into_iter().find(|s| s.start < cut && cut < s.end) {
            None => self.release(cut),
            Some(span) if span.start > 0 && span.end - span.start < HELD_MAX / 2 => self.release(span.start),
            Some(span) => {
                let mut out = self.release(span.start);
                let length = span.end - span.start;
                self.swallow = length >= self.held.len();
                self.held.drain(..length.min(self.held.len()));
                out.push_str(MASK);
                out
            }
        }
    }
}

/// Where a private key begins whose end has not come yet.
fn open_block(text: &str) -> Option<usize> {
    let label = text.rfind("PRIVATE KEY")?;
    let before = text.get(..label)?;
    let begin = before.rfind("-----BEGIN ")?;
    // the last label may be that of the end
    (label - begin < 60 && text.len() - begin < HELD_MAX / 4).then_some(begin)
}
