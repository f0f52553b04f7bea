//! The first and the last of an output, in bounded memory.

use std::collections::VecDeque;

/// What is kept of one output.
#[derive(Debug)]
pub(super) struct Kept {
    /// Of each end, at most.
    half: usize,
    head: String,
    /// The head is full: what comes goes to the tail.
    full: bool,
    tail: VecDeque<String>,
    tail_bytes: usize,
    lines: u64,
    bytes: u64,
}

impl Kept {
    /// At most `max` bytes, half of each end.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            half: max / 2,
            head: String::new(),
            full: false,
            tail: VecDeque::new(),
            tail_bytes: 0,
            lines: 0,
            bytes: 0,
        }
    }

    /// Bytes that came, cleaned.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lines, as far as they are ended.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// A line, or with `more` a part of one.
    pub(super) fn push(&mut self, mut text: String, more: bool) {
        if !more {
            text.push('\n');
            self.lines += 1;
        }
        self.bytes += text.len() as u64;
        if !self.full {
            let room = self.half.saturating_sub(self.head.len());
            if text.len() <= room {
                self.head.push_str(&text);
                return;
            }
            self.full = true;
            let rest = text.split_off(text.floor_char_boundary(room));
            self.head.push_str(&text);
            text = rest;
        }
        self.tail_bytes += text.len();
        self.tail.push_back(text);
        // One more, for a line end that may turn out to be none.
        while self.tail_bytes > self.half + 1 {
            let over = self.tail_bytes - self.half - 1;
            let Some(first) = self.tail.front_mut() else { break };
            if first.len() <= over {
                self.tail_bytes -= first.len();
                self.tail.pop_front();
            } else {
                let at = first.ceil_char_boundary(over);
                self.tail_bytes -= at;
                first.drain(..at);
            }
        }
    }

    /// The last line had no end.
    pub(super) fn unended(&mut self) {
        let last = match self.tail.back_mut() {
            Some(last) => {
                self.tail_bytes -= usize::from(last.ends_with('\n'));
                last
            }
            None => &mut self.head,
        };
        if last.ends_with('\n') {
            last.pop();
            self.bytes -= 1;
        }
    }

    /// How much is kept.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.tail_bytes
    }

    /// As much as fits, and how many bytes are missing.
    pub(super) fn text(&self, budget: usize) -> (String, u64) {
        let tail: String = self.tail.iter().map(String::as_str).collect();
        if self.len() <= budget && self.len() as u64 == self.bytes {
            return (format!("{}{tail}", self.head), 0);
        }
        let half = budget / 2;
        let all = if self.tail.is_empty() { "" } else { tail.as_str() };
        let (head, tail) = match all {
            // It is all in the head, and may not be shown whole.
            "" => (first(&self.head, half), last(&self.head, half)),
            tail => (first(&self.head, half), last(tail, half)),
        };
        let cut = self.bytes.saturating_sub((head.len() + tail.len()) as u64);
        let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
        (format!("{head}{gap}[... {cut} bytes cut]\n{tail}"), cut)
    }
}

/// Whole lines, if that leaves something.
fn first(text: &str, most: usize) -> &str {
    let text = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    match text.rfind('\n') {
        Some(at) => text.get(..=at).unwrap_or_default(),
        None => text,
    }
}

fn last(text: &str, most: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(most));
    let cut = text.get(from..).unwrap_or_default();
    match cut.find('\n') {
        Some(at) if at + 1 < cut.len() && from > 0 => cut.get(at + 1..).unwrap_or_default(),
        _ => cut,
    }
}

/// What each of two outputs may show of `max` bytes: the smaller one whole, if it leaves the other its half.
pub(super) fn shares(out: usize, err: usize, max: usize) -> (usize, usize) {
    let half = max / 2;
    match (out <= half, err <= half) {
        (_, true) => (max.saturating_sub(err), err),
        (true, false) => (out, max.saturating_sub(out)),
        (false, false) => (half, max - half),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_stay_and_memory_is_bounded() {
        let mut kept = Kept::new(100);
        for n in 0..10_000 {
            kept.push(format!("line {n}"), false);
            assert!(kept.len() <= 101 && kept.tail.len() <= 51);
        }
        let (text, cut) = kept.text(100);
        assert!(cut > 80_000 && text.starts_with("line 0\n") && text.ends_with("line 9999\n"), "{text}");
        assert!(text.contains("bytes cut]\nline ") && text.len() <= 140, "{text}");
        let (less, _) = kept.text(40);
        assert!(less.starts_with("line 0\n") && less.ends_with("line 9999\n") && less.len() <= 70, "{less}");
        assert_eq!(kept.lines(), 10_000);
    }

    #[test]
    fn what_fits_is_whole() {
        let mut kept = Kept::new(100);
        kept.push("ä".repeat(30), true);
        kept.push("ö".to_owned(), false);
        kept.push("end".to_owned(), false);
        kept.unended();
        assert_eq!(kept.text(100), (format!("{}ö\nend", "ä".repeat(30)), 0));
        assert!(kept.text(20).1 > 0, "less is allowed");
        assert_eq!(Kept::new(10).text(10), (String::new(), 0));
        let mut full = Kept::new(10);
        full.push("0123456789".to_owned(), false);
        full.unended();
        assert_eq!(full.text(10), ("0123456789".to_owned(), 0), "exactly as much as fits");
    }

    #[test]
    fn one_line_without_end_is_cut_between_characters() {
        let mut kept = Kept::new(101);
        for _ in 0..100 {
            kept.push("ä".repeat(333), true);
        }
        let (text, cut) = kept.text(100);
        assert!(cut > 0 && text.starts_with('ä') && text.ends_with('ä') && kept.len() <= 102, "{text}");
    }

    #[test]
    fn two_outputs_share() {
        assert_eq!(shares(10, 10, 100), (90, 10));
        assert_eq!(shares(1000, 10, 100), (90, 10));
        assert_eq!(shares(10, 1000, 100), (10, 90));
        assert_eq!(shares(1000, 1000, 100), (50, 50));
    }
}
