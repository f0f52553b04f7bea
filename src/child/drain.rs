//! What is kept of a stream: its beginning and its end, and how long it was.

use std::collections::VecDeque;
use std::fmt::Write as _;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Of a longer line the middle is not shown.
const LINE: usize = 4096;

/// The beginning and the end of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    total: u64,
}

impl Kept {
    pub(super) fn new(keep: usize) -> Self {
        Self { half: keep / 2, ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        // Of a piece that is longer than the tail only its end can stay.
        let last = rest.get(rest.len().saturating_sub(self.half)..).unwrap_or_default();
        let surplus = (self.tail.len() + last.len()).saturating_sub(self.half);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(last);
    }

    /// How many bytes the stream had.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many of them were not kept, in the middle.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.total.saturating_sub((self.head.len() + self.tail.len()) as u64)
    }

    /// What was kept, as text: a gap is named, endless lines lose their middle, what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        let gap = self.left_out();
        if gap > 0 {
            bytes.extend_from_slice(format!("\n[{gap} bytes left out]\n").as_bytes());
        }
        bytes.extend(&self.tail);
        let mut text = String::with_capacity(bytes.len());
        for line in String::from_utf8_lossy(&bytes).split_inclusive('\n') {
            if line.len() <= LINE {
                text.push_str(line);
                continue;
            }
            let (first, rest) = line.split_at(line.floor_char_boundary(LINE / 2));
            let (gap, last) = rest.split_at(rest.ceil_char_boundary(rest.len() - LINE / 2));
            let _infallible = write!(text, "{first}[{} bytes of this line left out]{last}", gap.len());
        }
        text
    }
}

/// Reads to the end, or until the pipe breaks, which is an end as well.
pub(super) async fn drain(mut pipe: impl AsyncRead + Unpin, kept: &mut Kept) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        kept.push(chunk.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_whole_however_it_comes() {
        for size in [1, 3, 100] {
            let mut kept = Kept::new(20);
            "0123456789abcdefghij".as_bytes().chunks(size).for_each(|piece| kept.push(piece));
            assert_eq!((kept.text().as_str(), kept.left_out()), ("0123456789abcdefghij", 0));
        }
    }

    #[test]
    fn the_middle_goes() {
        for size in [1, 3, 7, 1000] {
            let mut kept = Kept::new(8);
            let text: String = (0..100).map(|n| char::from(b'a' + n % 26)).collect();
            text.as_bytes().chunks(size).for_each(|piece| kept.push(piece));
            assert_eq!(kept.text(), "abcd\n[92 bytes left out]\nstuv");
            assert_eq!((kept.total(), kept.left_out()), (100, 92));
        }
    }

    #[test]
    fn endless_lines_are_cut_and_bytes_are_replaced() {
        let mut kept = Kept::new(100_000);
        kept.push(&[b'x'; LINE + 5]);
        kept.push(b"y\nshort \xff\n");
        let text = kept.text();
        assert!(text.contains("x[7 bytes of this line left out]x"), "{} bytes", text.len());
        assert!(text.ends_with("xy\nshort \u{fffd}\n"), "{} bytes", text.len());
    }
}
