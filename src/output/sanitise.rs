//! Text that others wrote, made harmless to a terminal and to a reader.
//!
//! Escape sequences go whole, control characters, bidi overrides and zero-width characters go, line separators become
//! newlines. A lone carriage return becomes a newline: what a progress bar would have overwritten stays visible.

use std::borrow::Cow;

/// An unterminated sequence swallows at most this much, and never more than its line.
const SEQUENCE_MAX: usize = 4096;

/// Removes what could drive a terminal or hide in a line. Borrows when there is nothing to do. Idempotent, linear.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let Some(first) = next_banned(text, 0) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(text.get(..first).unwrap_or_default());
    let mut at = first;
    loop {
        at = step(text, at, &mut out);
        let Some(next) = next_banned(text, at) else { break };
        out.push_str(text.get(at..next).unwrap_or_default());
        at = next;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

/// The same for a field that is one line: newlines and tabs become spaces.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    let cleaned = clean(text);
    if cleaned.bytes().any(|b| b == b'\n' || b == b'\t') {
        Cow::Owned(cleaned.replace(['\n', '\t'], " "))
    } else {
        cleaned
    }
}

/// Whether this character may never leave.
#[must_use]
pub const fn banned(c: char) -> bool {
    matches!(c,
        '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Bytes that begin (or are) a banned character, so that plain text is passed over a byte at a time.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: a wrong index does not compile")]
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 0x20 {
        table[b] = b != 0x09 && b != 0x0a;
        b += 1;
    }
    table[0x7f] = true;
    table[0xc2] = true; // U+0080..=U+00BF
    table[0xd8] = true; // U+061C
    table[0xe1] = true; // U+180E
    table[0xe2] = true; // U+2000..=U+2FFF
    table[0xef] = true; // U+F000..=U+FFFF
    table[0xf3] = true; // U+C0000..=U+FFFFF
    table
};

fn next_banned(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        at += rest.iter().position(|b| SUSPECT.get(usize::from(*b)).copied().unwrap_or(false))?;
        let c = text.get(at..)?.chars().next()?;
        if banned(c) {
            return Some(at);
        }
        at += c.len_utf8();
    }
}

/// Deals with the banned character at `at` and returns where to go on.
fn step(text: &str, at: usize, out: &mut String) -> usize {
    let Some(rest) = text.get(at..) else { return text.len() };
    let Some(c) = rest.chars().next() else { return text.len() };
    let after = at + c.len_utf8();
    match c {
        '\r' => {
            let end = after + count(text, after, |b| b == b'\r');
            if text.as_bytes().get(end) != Some(&b'\n') {
                out.push('\n');
            }
            end
        }
        '\u{2028}' | '\u{2029}' => {
            out.push('\n');
            after
        }
        '\x1b' => escape(text, after),
        '\u{9b}' => control_sequence(text, after),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => control_string(text, after),
        _ => after,
    }
}

/// What follows ESC.
fn escape(text: &str, at: usize) -> usize {
    match text.as_bytes().get(at) {
        Some(b'[') => control_sequence(text, at + 1),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => control_string(text, at + 1),
        Some(0x20..=0x2f) => {
            let end = at + count(text, at, |b| matches!(b, 0x20..=0x2f));
            end + usize::from(matches!(text.as_bytes().get(end), Some(0x30..=0x7e)))
        }
        Some(0x30..=0x7e) => at + 1,
        _ => at,
    }
}

/// CSI: parameters, intermediates, one final byte.
fn control_sequence(text: &str, at: usize) -> usize {
    let end = at + count(text, at, |b| matches!(b, 0x30..=0x3f));
    let end = end + count(text, end, |b| matches!(b, 0x20..=0x2f));
    end + usize::from(matches!(text.as_bytes().get(end), Some(0x40..=0x7e)))
}

/// OSC, DCS, SOS, PM, APC: up to BEL or ST; unterminated, up to the next control character or the bound.
fn control_string(text: &str, at: usize) -> usize {
    let Some(rest) = text.get(at..) else { return text.len() };
    for (offset, c) in rest.char_indices() {
        let here = at + offset;
        match c {
            '\x07' | '\u{9c}' => return here + c.len_utf8(),
            '\x1b' if text.as_bytes().get(here + 1) == Some(&b'\\') => return here + 2,
            '\x1b' | '\n' | '\r' | '\u{80}'..='\u{9f}' => return here,
            _ if offset >= SEQUENCE_MAX => return here,
            _ => {}
        }
    }
    text.len()
}

/// How many bytes from `at` on satisfy the test, bounded.
fn count(text: &str, at: usize, test: impl Fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes().get(at..).unwrap_or_default();
    bytes.iter().take(SEQUENCE_MAX).take_while(|b| test(**b)).count()
}

/// The last character boundary at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "hello\n\tworld", "✓ grün – 日本語 🐳", "[31m is text without ESC"] {
            assert!(matches!(clean(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn sequences_go_whole() {
        for (dirty, want) in [
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b[2J\x1b[Hgone", "gone"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1b]52;c;aGk=\u{9c}clip", "clip"),
            ("\x1bPq#0;2\x1b\\sixel", "sixel"),
            ("\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\ok", "ok"),
            ("\u{9b}31mred", "red"),
            ("\u{9d}0;title\x07text", "text"),
            ("\x1b(Bcharset\x1b#8", "charset"),
            ("\x1bcreset\x1b7\x1b8", "reset"),
            ("\x1b[38;5;1", ""),
            ("\x1b", ""),
            ("\x1b[\nnext", "\nnext"),
            ("bell\x07 null\0 del\x7f bs\x08", "bell null del bs"),
        ] {
            assert_eq!(clean(dirty), want, "{dirty:?}");
        }
    }

    #[test]
    fn an_unterminated_sequence_keeps_to_its_line() {
        assert_eq!(clean("a\x1b]0;never ends\nnext line"), "a\nnext line");
        assert_eq!(clean("a\x1b]0;never ends\rnext line"), "a\nnext line");
        let long = format!("\x1b]0;{}", "x".repeat(10_000));
        assert!(clean(&long).len() >= 10_000 - SEQUENCE_MAX);
        let wide = format!("\x1bP{}", "ü".repeat(10_000));
        assert!(clean(&wide).len() >= 10_000);
    }

    #[test]
    fn returns_keep_the_text() {
        assert_eq!(clean("a\r\nb"), "a\nb");
        assert_eq!(clean("a\r\r\nb"), "a\nb");
        assert_eq!(clean("10%\r20%\r\r30%"), "10%\n20%\n30%");
    }

    #[test]
    fn what_cannot_be_seen_goes() {
        assert_eq!(clean("user\u{202e}txt.exe"), "usertxt.exe");
        assert_eq!(clean("a\u{200b}b\u{2060}c\u{feff}d\u{61c}e\u{2069}f"), "abcdef");
        assert_eq!(clean("a\u{2028}b\u{2029}c"), "a\nb\nc");
        assert_eq!(clean("hi\u{e0068}\u{e0069}"), "hi");
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(clean_line("a\nb\tc\r\nd"), "a b c d");
        assert!(matches!(clean_line("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn fuzz_nothing_banned_and_idempotent() {
        let alphabet: Vec<char> =
            "\x1b\x1b\x1b[]P_^\\X;0123mHJKc#( \r\n\tabc\x07\u{9b}\u{9c}\u{9d}\u{90}\u{85}\0\u{202e}\u{2028}\u{200b}\u{feff}\u{e0041}é✓🐳\u{7f}"
                .chars()
                .collect();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..40 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let pick = usize::try_from(seed % alphabet.len() as u64).unwrap();
                text.push(alphabet[pick]);
            }
            let once = clean(&text).into_owned();
            assert!(!once.chars().any(banned), "{text:?} -> {once:?}");
            assert!(matches!(clean(&once), Cow::Borrowed(_)), "{text:?}");
            assert!(!clean_line(&text).chars().any(|c| banned(c) || c == '\n'), "{text:?}");
        }
    }

    #[test]
    fn linear_on_hostile_input() {
        for unit in ["\x1b", "\x1b]", "\x1b[", "\u{9d}", "\x1b]a\r", "\x1b[1;", "\r"] {
            let text = unit.repeat(10_000_000 / unit.len());
            let out = clean(&text);
            assert!(!out.chars().any(banned));
        }
    }
}
