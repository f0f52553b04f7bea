//! Pieces of one output, put together to lines.
//!
//! Memory is bounded by the longest line that is kept whole; work is linear, also where no newline ever comes. The engine
//! stores long lines in parts of 16 KiB, without a mark; with timestamps, each part carries one of its own.

use hyper::body::Bytes;

/// Longer lines are split.
pub const LINE_MAX: usize = 64 << 10;
/// The engine's parts of a long line.
const PART: usize = 16 << 10;
/// `2026-01-31T12:00:00.000000000+01:00` and a space.
const STAMP_MAX: usize = 36;

/// A line, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Without its end; invalid UTF-8 is replaced.
    pub text: String,
    /// When the engine got it, in its own form, if it was asked for.
    pub timestamp: Option<String>,
    /// The line goes on in the next one.
    pub more: bool,
}

/// Puts the lines of one output together.
#[derive(Debug)]
pub struct Lines {
    max: usize,
    stamps: bool,
    framed: bool,
    held: Vec<u8>,
    stamp: Option<String>,
    /// Bytes that may be a timestamp.
    peek: Option<Vec<u8>>,
    /// Something of the line came.
    open: bool,
    /// Bytes since the line's, the frame's or the part's beginning.
    run: usize,
    messages: u64,
}

impl Lines {
    /// For an output whose frames are announced by [`Lines::frame`], or whose bytes come as they are.
    #[must_use]
    pub fn new(stamps: bool, framed: bool) -> Self {
        let (held, stamp, peek) = (Vec::new(), None, None);
        Self { max: LINE_MAX, stamps, framed, held, stamp, peek, open: false, run: 0, messages: 0 }
    }

    /// Another bound.
    #[must_use]
    pub const fn up_to(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    /// How many entries of the log these lines were, as the engine counts for `tail`.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// A frame begins.
    pub fn frame(&mut self) {
        self.message();
    }

    fn message(&mut self) {
        self.messages += 1;
        self.run = 0;
        if self.stamps && self.peek.is_none() {
            self.peek = Some(Vec::with_capacity(STAMP_MAX));
        }
    }

    /// Takes bytes off `input` up to the end of a line; `None` when `input` is used up.
    pub fn take(&mut self, input: &mut Bytes) -> Option<Text> {
        while !input.is_empty() {
            if !self.framed && (!self.open || self.run >= PART) {
                self.message();
            }
            self.open = true;
            if self.peek.is_some() {
                self.look_for_stamp(input);
                continue;
            }
            let part = if self.framed { usize::MAX } else { PART - self.run };
            let room = self.max.saturating_sub(self.held.len()).min(part);
            let window = input.get(..input.len().min(room)).unwrap_or_default();
            // A newline right behind a full line ends it.
            let newline = memchr::memchr(b'\n', window).or_else(|| {
                (input.get(room) == Some(&b'\n') && self.held.len() + room >= self.max).then_some(room)
            });
            if let Some(at) = newline {
                let line = input.split_to(at);
                drop(input.split_to(1));
                return Some(self.end(&line));
            }
            let taken = input.split_to(window.len());
            self.run += taken.len();
            self.held.extend_from_slice(&taken);
            if self.held.len() >= self.max && !input.is_empty() {
                return Some(self.split());
            }
        }
        None
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> Option<Text> {
        if let Some(peek) = self.peek.take() {
            self.held.extend(peek);
        }
        self.open.then(|| self.end(&[]))
    }

    fn end(&mut self, rest: &[u8]) -> Text {
        let whole =
            |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned();
        let text = if self.held.is_empty() {
            whole(rest)
        } else {
            self.held.extend_from_slice(rest);
            whole(&self.held)
        };
        self.held.clear();
        (self.open, self.run) = (false, 0);
        Text { text, timestamp: self.stamp.take(), more: false }
    }

    fn split(&mut self) -> Text {
        // Not through a character: at most 3 bytes wait for the rest of theirs.
        let whole = match std::str::from_utf8(&self.held) {
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            _ => self.held.len(),
        };
        let rest = self.held.split_off(whole);
        let text = String::from_utf8_lossy(&self.held).into_owned();
        self.held = rest;
        Text { text, timestamp: self.stamp.clone(), more: true }
    }

    /// Collects up to the space behind a timestamp. The first one is the line's; those of its later parts go.
    fn look_for_stamp(&mut self, input: &mut Bytes) {
        let Some(peek) = &mut self.peek else { return };
        let window = input.get(..input.len().min(STAMP_MAX.saturating_sub(peek.len()))).unwrap_or_default();
        let end = window.iter().position(|b| matches!(b, b' ' | b'\n'));
        peek.extend_from_slice(&input.split_to(end.unwrap_or(window.len())));
        if end.is_none() && peek.len() < STAMP_MAX {
            return;
        }
        let peek = self.peek.take().unwrap_or_default();
        match std::str::from_utf8(&peek).ok().filter(|text| input.first() == Some(&b' ') && is_stamp(text)) {
            Some(stamp) => {
                drop(input.split_to(1));
                self.stamp.get_or_insert_with(|| stamp.to_owned());
            }
            None => {
                self.run += peek.len();
                self.held.extend(peek);
            }
        }
    }
}

/// `2026-01-31T12:00:00.000000000Z`: only the form matters here.
fn is_stamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at = |i: usize, b: u8| bytes.get(i) == Some(&b);
    bytes.len() >= 20 && at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':')
}

#[cfg(test)]
mod tests;
