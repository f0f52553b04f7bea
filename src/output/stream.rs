//! The lines of a stream, masked one after the other, with what a line alone does not tell.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use memchr::memrchr2;

use super::sanitise::floor;
use super::{Learned, MASK, Redactor, clean};

/// Of a line that goes on, this much waits for its next part: the longest secret that the border could cut.
const TAIL: usize = 4 * 1024;
/// A secret that is still open at the border waits whole up to this length; of a longer one the rest is dropped.
const OPEN_MAX: usize = 32 * 1024;
/// A private key has fewer lines, and fewer bytes also where each line carries a prefix. What follows a lone beginning
/// is shown again behind that.
const KEY_LINES: usize = 256;
const KEY_BYTES: usize = 32 * 1024;
/// So many lines without base64 in them: a beginning that was only mentioned. A key's headers are fewer.
const PLAIN_LINES: usize = 8;
/// What is shorter is no line of base64; keys have 64 or more.
const BODY_MIN: usize = 32;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const LABEL: &str = "PRIVATE KEY";

/// Cleans and masks the lines of one stream, and remembers what must be known of earlier ones: a private key that has
/// begun, the end of a line that goes on. Memory is bounded, work is linear.
#[derive(Debug, Default)]
pub struct LineMask {
    /// Without it everything passes, cleaned.
    known: Option<(Arc<Redactor>, Learned)>,
    key: Option<Key>,
    /// The end of a line that goes on; not masked yet.
    carry: String,
    /// Inside a secret too long to hold: what comes up to the next blank is dropped.
    swallow: bool,
    /// Lines of base64 that came directly before.
    run: Run,
}

/// A private key that has begun.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    lines: usize,
    bytes: usize,
    plain: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Run {
    #[default]
    None,
    /// Of so many words each, with what stands before the base64.
    Full(usize),
    /// Its last line was a short one: only the end may follow.
    Short,
}

/// What is said of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It may be shown.
    Whole,
    /// It may be of a key whose beginning was not seen: later lines tell.
    Perhaps,
    /// The end of such a key: those directly before it were one.
    End,
}

impl LineMask {
    /// With what is known of secrets.
    #[must_use]
    pub fn new(redactor: Arc<Redactor>, learned: Learned) -> Self {
        Self { known: redactor.enabled().then_some((redactor, learned)), ..Self::default() }
    }

    /// Takes the next line, or with `more` the next part of a long one; gives what is shown of it.
    ///
    /// A part is shown up to some distance from its end; the rest is shown with the next part.
    #[must_use]
    pub fn line(&mut self, text: &str, more: bool) -> (String, Seen) {
        if self.known.is_none() {
            return (clean(text).into_owned(), Seen::Whole);
        }
        let cleaned = clean(text);
        let part = more || !self.carry.is_empty() || self.swallow;
        let mut held = std::mem::take(&mut self.carry);
        let mut rest: &str = &cleaned;
        if self.swallow {
            let Some(end) = rest.find(char::is_whitespace) else {
                self.swallow = more;
                return (MASK.to_owned(), Seen::Whole);
            };
            self.swallow = false;
            rest = rest.get(end..).unwrap_or_default();
            held.push_str(MASK);
        }
        let text: Cow<'_, str> = if held.is_empty() {
            Cow::Borrowed(rest)
        } else {
            held.push_str(rest);
            Cow::Owned(held)
        };
        if more {
            return (self.part(&text), Seen::Whole);
        }
        let (shown, ended) = self.keys(&text);
        if ended {
            self.run = Run::None;
            return (shown, Seen::End);
        }
        // A part of a long line is no line of a key.
        self.run = if part || self.key.is_some() { Run::None } else { self.run.then(&text) };
        (shown, if self.run == Run::None { Seen::Whole } else { Seen::Perhaps })
    }

    /// All but the end, cut through no secret.
    fn part(&mut self, text: &str) -> String {
        self.run = Run::None;
        let tail = TAIL.max(self.known.as_ref().map_or(0, |k| k.1.longest())).min(OPEN_MAX / 2);
        let cut = floor(text, text.len().saturating_sub(tail));
        // A word that is cut may be a secret by its first half only: blanks are the better place.
        let from = (cut + 1).saturating_sub(tail);
        let blank = text.as_bytes().get(from..cut).and_then(|t| memrchr2(b' ', b'\n', t));
        let cut = blank.map_or(cut, |i| from + i + 1);
        let spans = self.spans(text);
        if spans.is_empty() && self.key.is_none() {
            // Without a secret it need not be searched again.
            text.get(cut..).unwrap_or_default().clone_into(&mut self.carry);
            return text.get(..cut).unwrap_or_default().to_owned();
        }
        let (at, mark) = match spans.into_iter().find(|s| s.start < cut && cut < s.end) {
            None => (cut..cut, ""),
            Some(span) if text.len() - span.start <= OPEN_MAX => (span.start..span.start, ""),
            Some(span) => {
                self.swallow = span.end >= text.len();
                (span, MASK)
            }
        };
        text.get(at.end..).unwrap_or_default().clone_into(&mut self.carry);
        let (mut shown, _) = self.keys(text.get(..at.start).unwrap_or_default());
        shown.push_str(mark);
        shown
    }

    /// Masked, and whether a key ends here whose beginning was not seen.
    fn keys(&mut self, text: &str) -> (String, bool) {
        let Some(key) = &mut self.key else { return self.outside(text) };
        if let Some(end) = behind(text, END) {
            self.key = None;
            let (rest, _) = self.outside(text.get(end..).unwrap_or_default());
            return (format!("{MASK}{rest}"), false);
        }
        key.lines += 1;
        key.bytes += text.len();
        key.plain = if longest_run(text) < BODY_MIN { key.plain + 1 } else { 0 };
        if key.lines > KEY_LINES || key.bytes > KEY_BYTES || key.plain > PLAIN_LINES {
            self.key = None;
            return self.outside(text);
        }
        (MASK.to_owned(), false)
    }

    fn outside(&mut self, text: &str) -> (String, bool) {
        if !text.contains(LABEL) {
            return (self.masked(text), false);
        }
        let ended = match (text.find(END), text.find(BEGIN)) {
            (Some(end), begin) => behind(text, END).is_some() && begin.is_none_or(|b| end < b),
            _ => false,
        };
        let open = text.rfind(BEGIN).filter(|at| {
            let key = text.get(*at..).unwrap_or_default();
            behind(key, BEGIN).is_some() && behind(key, END).is_none()
        });
        let Some(open) = open else { return (self.masked(text), ended) };
        self.key = Some(Key::default());
        (self.masked(text.get(..open).unwrap_or_default()) + MASK, ended)
    }

    fn masked(&self, text: &str) -> String {
        match &self.known {
            Some((redactor, learned)) => redactor.text(text, learned).into_owned(),
            None => text.to_owned(),
        }
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        self.known.as_ref().map(|(redactor, learned)| redactor.spans(text, learned)).unwrap_or_default()
    }
}

impl Run {
    fn then(self, text: &str) -> Self {
        // Also with a prefix, in quotes, with written out newlines.
        let last = text.trim_end().rsplit([' ', '\t', '"', '\'']).find(|w| w.len() > 1).unwrap_or_default();
        let last = last.trim_end_matches(',').trim_end_matches("\\n").trim_end_matches("\\r");
        if last.is_empty() || !last.bytes().all(armour) {
            return Self::None;
        }
        match self {
            _ if last.len() >= BODY_MIN => Self::Full(text.split_whitespace().count()),
            Self::Full(words) if text.split_whitespace().count() == words => Self::Short,
            _ => Self::None,
        }
    }
}

/// Where the marker of a private key is over.
fn behind(text: &str, marker: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(marker)) {
        let label = from + at + marker.len();
        let rest = text.get(label..floor(text, label + 60)).unwrap_or_default();
        let dashes = rest.find("-----");
        if rest.get(..dashes.unwrap_or(rest.len())).is_some_and(|l| l.contains(LABEL)) {
            return Some(dashes.map_or(label + rest.len(), |d| label + d + 5));
        }
        from = label;
    }
    None
}

const fn armour(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
}

fn longest_run(text: &str) -> usize {
    text.as_bytes().split(|b| !armour(*b)).map(<[u8]>::len).max().unwrap_or(0)
}
