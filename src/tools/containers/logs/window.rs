//! The newest lines that matter: all, or those a pattern picks, with the lines around them. Memory is bounded.

use std::collections::VecDeque;

use regex::Regex;

use crate::engine::Source;
use crate::engine::logs::LogLine;

/// Stands where lines between hits were left out.
const GAP: &str = "--";
/// Stands at the end of a line that was too long.
const MORE: &str = " [... goes on in the next line]";

/// What is kept of a log.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The last so many hits; without a pattern, every line is one.
    pub want: usize,
    /// Which lines are hits.
    pub pattern: Option<Regex>,
    /// The other ones are.
    pub invert: bool,
    /// Lines around each hit.
    pub context: usize,
    /// Bytes of text.
    pub bytes: usize,
}

/// Lines go in at one end, and the oldest fall out at the other.
///
/// They come [`super::masked`]: what is searched is what is shown. A colour in the middle of a word does not hide it, and a
/// secret cannot be found out by searching for it bit by bit; also not by a pattern that the mask itself matches, which a
/// look at the text as it was would answer.
#[derive(Debug)]
pub struct Window {
    keep: Keep,
    kept: VecDeque<Kept>,
    bytes: usize,
    kept_hits: usize,
    /// Lines that become context if a hit follows.
    before: VecDeque<Kept>,
    /// Lines that are context of the last hit.
    after: usize,
    seen: u64,
    hits: u64,
    /// The newest line that fell out because of its size.
    squeezed: Option<u64>,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    hit: bool,
    line: LogLine,
}

impl Window {
    /// An empty one.
    pub fn new(keep: Keep) -> Self {
        let (kept, before) = (VecDeque::new(), VecDeque::new());
        Self { keep, kept, bytes: 0, kept_hits: 0, before, after: 0, seen: 0, hits: 0, squeezed: None }
    }

    /// Takes a line. Gives how many lines at the newer end are shown because of it.
    pub fn push(&mut self, line: LogLine) -> usize {
        self.seen += 1;
        let hit = self.keep.pattern.as_ref().is_none_or(|p| p.is_match(&line.text) != self.keep.invert);
        let kept = Kept { number: self.seen, hit, line };
        if hit {
            let mut fresh = 1;
            for earlier in std::mem::take(&mut self.before) {
                fresh += 1;
                self.keep(earlier);
            }
            self.hits += 1;
            self.kept_hits += 1;
            self.after = self.keep.context;
            self.keep(kept);
            self.shrink();
            return fresh.min(self.kept.len());
        }
        if self.after > 0 {
            self.after -= 1;
            self.keep(kept);
            self.shrink();
            return 1.min(self.kept.len());
        }
        if self.keep.context > 0 {
            self.before.push_back(kept);
            if self.before.len() > self.keep.context {
                self.before.pop_front();
            }
        }
        0
    }

    fn keep(&mut self, kept: Kept) {
        self.bytes += weight(&kept.line);
        self.kept.push_back(kept);
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= weight(&oldest.line);
            self.kept_hits -= usize::from(oldest.hit);
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.keep.bytes && self.kept.len() > 1 {
            self.squeezed = self.kept.front().map(|k| k.number);
            self.drop_oldest();
        }
        if self.kept_hits <= self.keep.want {
            return;
        }
        while self.kept_hits > self.keep.want {
            self.drop_oldest();
        }
        self.drop_strays();
    }

    /// What stood around the hits that fell out goes with them.
    fn drop_strays(&mut self) {
        let first = self.first_hit();
        while self.kept.front().is_some_and(|k| k.number.saturating_add(self.keep.context as u64) < first) {
            self.drop_oldest();
        }
    }

    fn first_hit(&self) -> u64 {
        self.kept.iter().find(|k| k.hit).map_or(u64::MAX, |k| k.number)
    }

    /// The oldest so many lines were only read to know what the others are: they count for nothing.
    pub fn forget(&mut self, lead: u64, hits: u64) {
        while self.kept.front().is_some_and(|k| k.number <= lead) {
            self.drop_oldest();
        }
        self.drop_strays();
        self.squeezed = self.squeezed.filter(|lost| *lost > lead);
        self.seen = self.seen.saturating_sub(lead);
        self.hits = self.hits.saturating_sub(hits);
    }

    /// Lines that were looked at.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Hits among them.
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// As many hits are here as are wanted, or as fit.
    pub fn full(&self) -> bool {
        self.squeezed() || self.kept_hits >= self.keep.want
    }

    /// Lines that were wanted fell out because of their size.
    pub fn squeezed(&self) -> bool {
        let context = self.keep.context as u64;
        self.squeezed.is_some_and(|lost| {
            self.kept_hits < self.keep.want || lost.saturating_add(context) >= self.first_hit()
        })
    }

    /// Hits that are here.
    pub const fn kept_hits(&self) -> usize {
        self.kept_hits
    }

    /// All that is here, each line with its moment.
    pub fn lines(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.kept.iter().map(|kept| (kept.line.timestamp.as_deref(), kept.line.text.as_str()))
    }

    /// Lines that are here.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// How many of them were written to standard output, and to standard error.
    pub fn sources(&self) -> (usize, usize) {
        let out = self.kept.iter().filter(|k| k.line.source == Source::Stdout).count();
        (out, self.kept.len() - out)
    }

    /// All that is here.
    pub fn text(&self, timestamps: bool) -> String {
        self.newest(self.kept.len(), timestamps)
    }

    /// The newest lines.
    pub fn newest(&self, count: usize, timestamps: bool) -> String {
        let skip = self.kept.len().saturating_sub(count);
        let mut last = skip.checked_sub(1).and_then(|i| self.kept.get(i)).map(|k| k.number);
        let mut out = String::new();
        for (i, kept) in self.kept.iter().skip(skip).enumerate() {
            if i > 0 {
                out.push('\n');
            }
            if self.keep.context > 0 && last.is_some_and(|n| n + 1 != kept.number) {
                out.push_str(GAP);
                out.push('\n');
            }
            last = Some(kept.number);
            if let (true, Some(stamp)) = (timestamps, &kept.line.timestamp) {
                out.push_str(stamp);
                out.push(' ');
            }
            out.push_str(&kept.line.text);
            if kept.line.more {
                out.push_str(MORE);
            }
        }
        out
    }
}

fn weight(line: &LogLine) -> usize {
    line.text.len() + line.timestamp.as_ref().map_or(0, String::len) + 1
}

#[cfg(test)]
mod tests;
