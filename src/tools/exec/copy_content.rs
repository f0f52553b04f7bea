//! What of a file may be shown, and how: as text where it is text, masked line by line; else as base64, or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::Source;
use crate::engine::logs::LogLine;
use crate::output::clean;
use crate::tool::Mask;
use crate::tools::containers::logs::masked::Masked;

/// More is read than is shown, so that a secret that the cut would halve is seen whole.
pub(super) const SLACK: usize = 4 << 10;

/// How content is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Encoding {
    #[default]
    Auto,
    Text,
    Base64,
}

/// What is shown of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// `text` or `base64`.
    pub encoding: &'static str,
    pub content: String,
    /// Something of it is missing.
    pub cut: bool,
    /// Why it is not as it is in the container.
    pub note: Option<&'static str>,
}

/// Of the first bytes of a file; `whole`: there are no more. At most `room` bytes of result.
pub(super) fn shown(mask: &Mask, bytes: &[u8], whole: bool, how: Encoding, room: usize) -> Shown {
    match how {
        Encoding::Base64 => base64(mask, bytes, whole, room),
        Encoding::Auto if !is_text(bytes, whole) => base64(mask, bytes, whole, room),
        Encoding::Auto | Encoding::Text => text(mask, bytes, whole, room),
    }
}

fn text(mask: &Mask, bytes: &[u8], whole: bool, room: usize) -> Shown {
    let valid = complete(bytes, whole);
    let read = String::from_utf8_lossy(valid).replace("\r\n", "\n");
    let changed = read.as_bytes() != valid || clean(&read) != read;
    let mut content = masked(mask, &read, whole);
    let cut = !whole || cost(&content) > room;
    if cost(&content) > room {
        content.truncate(fitting(&content, room));
    }
    let note = changed
        .then_some("line ends or control characters were cleaned; encoding = \"base64\" gives it as it is");
    Shown { encoding: "text", content, cut, note }
}

fn base64(mask: &Mask, bytes: &[u8], whole: bool, room: usize) -> Shown {
    let withheld = |note| Shown { encoding: "base64", cut: true, note: Some(note), ..Shown::default() };
    let plain = String::from_utf8_lossy(bytes);
    // Whatever words the file itself holds: what a mask changes beyond what cleaning changes is a secret.
    if masked(mask, &plain, true) != masked(&Mask::default(), &plain, true) {
        return withheld("withheld: it holds a secret; encoding = \"text\" shows it with the secret masked");
    }
    let whole = whole && bytes.len().div_ceil(3) * 4 <= room;
    let most = if whole { bytes.len() } else { bytes.len().min(room / 4 * 3) };
    let content = STANDARD.encode(bytes.get(..most).unwrap_or_default());
    if masked(mask, &content, true) != content {
        return withheld("withheld: something in it looks like a secret");
    }
    Shown { encoding: "base64", content, cut: !whole, note: None }
}

/// Line by line: what a line alone does not tell, the lines before it do.
fn masked(mask: &Mask, text: &str, whole: bool) -> String {
    let mut lines = Masked::new(mask);
    let mut out = String::with_capacity(text.len());
    let mut drain = |lines: &mut Masked| {
        while let Some((line, _)) = lines.pop() {
            out.push_str(&line.text);
            if !line.more {
                out.push('\n');
            }
        }
    };
    for line in text.split_inclusive('\n') {
        let ended = line.ends_with('\n');
        // Of a line that the cut ended, the end stays away: it may be half of a secret.
        let more = !ended && !whole;
        let text = line.strip_suffix('\n').unwrap_or(line).to_owned();
        lines.push(LogLine { source: Source::Stdout, text, timestamp: None, more }, 0);
        drain(&mut lines);
    }
    lines.release();
    drain(&mut lines);
    if !text.ends_with('\n') && out.ends_with('\n') {
        out.pop();
    }
    out
}

/// UTF-8 without what text does not hold.
pub(super) fn is_text(bytes: &[u8], whole: bool) -> bool {
    let harmless = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    std::str::from_utf8(complete(bytes, whole)).is_ok_and(|text| text.chars().all(harmless))
}

/// Without the half of a character that a cut leaves.
fn complete(bytes: &[u8], whole: bool) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(e) if !whole && e.error_len().is_none() => bytes.get(..e.valid_up_to()).unwrap_or_default(),
        _ => bytes,
    }
}

/// What a text takes in a result.
pub(super) fn cost(text: &str) -> usize {
    text.len() + text.bytes().filter(|b| matches!(b, b'"' | b'\\' | b'\n' | b'\t')).count()
}

/// How much of a text takes so much; whole lines, if that leaves something.
fn fitting(text: &str, room: usize) -> usize {
    let (mut used, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        used += c.len_utf8() + usize::from(matches!(c, '"' | '\\' | '\n' | '\t'));
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    let text = text.get(..end).unwrap_or_default();
    text.rfind('\n').map_or(end, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_and_the_rest_is_base64() {
        let mask = Mask::default();
        let of = |bytes: &[u8], whole| shown(&mask, bytes, whole, Encoding::Auto, 1000);
        assert_eq!(of("größe\n".as_bytes(), true).content, "größe\n");
        assert_eq!(of(b"", true), Shown { encoding: "text", ..Shown::default() });
        let windows = of(b"a\r\nb", true);
        assert!(windows.content == "a\nb" && windows.note.is_some(), "{windows:?}");
        assert_eq!(of(b"\0\x01", true).content, "AAE=");
        assert_eq!(of(b"\xff\xfe", true).encoding, "base64");
        // Cut within a character.
        assert_eq!(of(&"ä\nö".as_bytes()[..4], false).encoding, "text");
        assert_eq!(shown(&mask, b"\xffx", true, Encoding::Text, 1000).content, "\u{fffd}x");
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let mask = Mask::default();
        let lines = "line\n".repeat(100);
        let some = shown(&mask, lines.as_bytes(), true, Encoding::Auto, 33);
        assert!(some.cut && some.content == "line\n".repeat(5), "{some:?}");
        let bytes = vec![0; 1000];
        let some = shown(&mask, &bytes, true, Encoding::Auto, 41);
        assert!(some.cut && some.content.len() == 40, "{some:?}");
        assert!(!shown(&mask, &bytes, true, Encoding::Auto, 4000).cut);
    }
}
