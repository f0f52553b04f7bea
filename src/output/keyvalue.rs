//! `key = value` in running text: logs, command lines, JSON, YAML, headers, URLs, environments.
//!
//! Written by hand, not as a regex: the value must be taken whole whatever symbols it is made of, and left alone when it
//! is a number of tokens, a reference or the next word of a sentence. One pass over the line, with bounded look-back.

use std::ops::Range;

use super::keys::{KeySet, OURS, Strength, classify};
use super::look;

const KEY_MAX: usize = 100;
/// A value that is no secret is searched for further keys, unless it is longer: that keeps hostile lines linear.
const AGAIN_MAX: usize = 2048;

/// A value and what was thought of it.
struct Found {
    range: Range<usize>,
    secret: bool,
}

impl Found {
    /// Where to go on.
    fn next(&self, at: usize) -> usize {
        if self.secret || self.range.len() > AGAIN_MAX { self.range.end.max(at) } else { at }
    }
}

/// Finds values of secret keys in one line and adds their ranges. `globs` are asked for `UPPER_CASE=` keys.
pub(super) fn scan(line: &str, base: usize, globs: Option<&KeySet>, out: &mut Vec<Range<usize>>) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|r| r.iter().position(|b| matches!(b, b'=' | b':'))) {
        let sep = at + offset;
        at = sep + 1;
        let Some(key) = key_before(line, sep) else { continue };
        let name = line.get(key.clone()).unwrap_or_default();
        let equals = bytes.get(sep) == Some(&b'=');
        let Some(strength) = strength(line, &key, name, equals, globs) else { continue };
        let place = Place { line, key, name, equals, strength };
        let Some(found) = place.value(at) else { continue };
        at = found.next(at);
        if found.secret {
            out.push(found.range.start + base..found.range.end + base);
        }
    }
    flags(line, base, out);
}

fn strength(
    line: &str,
    key: &Range<usize>,
    name: &str,
    equals: bool,
    globs: Option<&KeySet>,
) -> Option<Strength> {
    if let Some(found) = classify(name) {
        return Some(found);
    }
    if name.eq_ignore_ascii_case("pass") {
        // `PASS: TestThing` is the report of a test
        let quoted = matches!(line.as_bytes().get(key.end), Some(b'"' | b'\'' | b'\\'));
        let sure = (equals || quoted).then_some(Strength::Strong);
        return sure.or((name == "pass").then_some(Strength::Weak));
    }
    if name.eq_ignore_ascii_case("key") {
        // `API key: ...`
        let before = line.get(..key.start)?.strip_suffix(' ')?;
        let word = before.rsplit([' ', '\t', '"', '\'']).next()?;
        return classify(&format!("{word} key"));
    }
    let upper = equals
        && name.len() > 1
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !OURS.contains(&name);
    (upper && globs.is_some_and(|g| g.matches(name))).then_some(Strength::Strong)
}

/// The identifier that ends before the separator, quotes and one pair of blanks set aside.
fn key_before(line: &str, sep: usize) -> Option<Range<usize>> {
    let bytes = line.as_bytes();
    let before = |i: usize| i.checked_sub(1).and_then(|i| bytes.get(i)).copied();
    let mut end = sep;
    let floor = sep.saturating_sub(KEY_MAX);
    while matches!(before(end), Some(b' ' | b'\t' | b':')) && sep - end < 3 {
        end -= 1;
    }
    if matches!(before(end), Some(b'"' | b'\'' | b'`' | b']')) {
        end -= 1;
        while matches!(before(end), Some(b'\\' | b'"' | b'\'')) && sep - end < 12 {
            end -= 1;
        }
    }
    let mut start = end;
    while start > floor
        && matches!(before(start), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
    {
        start -= 1;
    }
    (start < end).then_some(start..end)
}

struct Place<'l> {
    line: &'l str,
    key: Range<usize>,
    name: &'l str,
    equals: bool,
    strength: Strength,
}

impl Place<'_> {
    /// The range to mask for a value that begins somewhere behind `at`.
    fn value(&self, at: usize) -> Option<Found> {
        let bytes = self.line.as_bytes();
        let skip = |from: usize, set: &[u8]| {
            from + bytes.get(from..).map_or(0, |r| r.iter().take_while(|b| set.contains(b)).count())
        };
        let blank = matches!(bytes.get(at), Some(b' ' | b'\t'));
        let start = skip(skip(at, b"=>"), b" \t");
        let first = *bytes.get(start)?;
        if let Some(range) = quoted(self.line, start) {
            let content = self.line.get(range.clone())?;
            let from = range.start + scheme(content).0;
            return Some(self.judge(from..range.end));
        }
        let rest = self.line.get(start..)?;
        if matches!(first, b'{' | b'[' | b',' | b'}' | b')') || (!self.equals && matches!(first, b'|' | b'>'))
        {
            return None;
        }
        let (skipped, to_end) = scheme(rest);
        let from = start + skipped;
        let header =
            !self.equals && matches!(self.name.to_ascii_lowercase().as_str(), "cookie" | "set-cookie");
        if (header && rest.contains('=')) || to_end {
            let end = rest.find(['"', '\'']).map_or(self.line.len(), |i| start + i);
            return Some(self.judge(from..end));
        }
        if skipped > 0 {
            return Some(self.judge(from..unquoted(self.line, from)));
        }
        if !self.equals && blank && self.sentence(rest) {
            return None;
        }
        let end = self.whole(start).unwrap_or_else(|| unquoted(self.line, start));
        let mut found = self.judge(start..end);
        // `/data/secret:/x` is a mount, `org/auth-token:v1` an image
        let glued = !self.equals && !blank;
        let before = self.key.start.checked_sub(1).and_then(|i| bytes.get(i));
        if glued && (first == b'/' || before == Some(&b'/') || rest.starts_with("latest")) {
            found.secret = false;
        }
        Some(found)
    }

    /// At the beginning of a line a value may hold blanks: `key: a b` in YAML, `KEY=a b` in an environment.
    fn whole(&self, start: usize) -> Option<usize> {
        let before = self.line.get(..self.key.start)?.trim_start();
        let opens = matches!(before, "" | "- " | "export " | "ENV ");
        let rest = self.line.get(start..)?;
        if !opens || self.strength < Strength::Strong || rest.contains(['"', '\'']) {
            return None;
        }
        if self.equals {
            if self.name.bytes().any(|b| b.is_ascii_lowercase()) {
                return None;
            }
            // unless it is a command line
            let command = rest.split(' ').skip(1).any(|w| w.starts_with('-') || w.contains(['=', '/']));
            return (!command).then(|| start + rest.trim_end().len());
        }
        Some(start + rest.find(" #").unwrap_or(rest.trim_end().len()))
    }

    /// `password: must be at least ...` is prose.
    fn sentence(&self, rest: &str) -> bool {
        let mut words = rest.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if look::prose(first) {
            return true;
        }
        let plain =
            |w: &str| !w.is_empty() && w.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | ',' | '.'));
        let opens =
            self.line.get(..self.key.start).is_none_or(|b| b.trim_start_matches([' ', '-', '\t']).is_empty());
        !opens && plain(first) && words.next().is_some_and(plain)
    }

    fn judge(&self, range: Range<usize>) -> Found {
        let secret = self.line.get(range.clone()).is_some_and(|value| self.is_secret(value));
        Found { range, secret }
    }

    fn is_secret(&self, value: &str) -> bool {
        if value.is_empty() || look::placeholder(value) || look::path(value) {
            return false;
        }
        let name = self.name.to_ascii_lowercase();
        if value.bytes().all(|b| b.is_ascii_digit()) {
            let counted = name.ends_with('s') && !name.ends_with("pass");
            let short = value.len() < 6 && (self.strength == Strength::Weak || name.ends_with("token"));
            if counted || short {
                return false;
            }
        }
        if self.strength == Strength::Weak && value.len() < 20 && look::wordy(value.trim_end_matches(',')) {
            return false;
        }
        let cwd = matches!(name.as_str(), "pwd" | "oldpwd") && value.starts_with(['/', '~', '\\']);
        !cwd
    }
}

/// `Bearer xyz`: how much of it is the scheme, and whether what follows is a list up to the end of the line.
fn scheme(value: &str) -> (usize, bool) {
    let Some(blank) = value.bytes().take(20).position(|b| b == b' ') else { return (0, false) };
    let word = value.get(..blank).unwrap_or_default().to_ascii_lowercase();
    let rest = value.get(blank..).unwrap_or_default();
    let skip = blank + (rest.len() - rest.trim_start().len());
    match word.as_str() {
        "bearer" | "basic" | "token" | "negotiate" | "ntlm" | "apikey" | "api-key" | "key" | "dpop"
        | "bot" => (skip, false),
        "digest" | "aws4-hmac-sha256" | "hawk" | "signature" | "oauth" => (skip, true),
        _ => (0, false),
    }
}

/// The inside of a quoted value, whose quotes may be escaped: `"x"`, `'x'`, `\"x\"`. Unterminated: to the end.
fn quoted(line: &str, start: usize) -> Option<Range<usize>> {
    let rest = line.get(start..)?;
    let slashes = rest.bytes().take_while(|b| *b == b'\\').count();
    let quote = rest.as_bytes().get(slashes).copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    let open = start + slashes + 1;
    let body = line.as_bytes().get(open..)?;
    let mut run = 0;
    for (i, b) in body.iter().enumerate() {
        if *b == b'\\' {
            run += 1;
            continue;
        }
        // as many backslashes as the opening quote had close it; more of them belong to the value
        if *b == quote && (run == slashes || (slashes == 0 && run % 2 == 0)) {
            return Some(open..open + i - if slashes == 0 { 0 } else { run });
        }
        run = 0;
    }
    Some(open..line.len())
}

/// The end of an unquoted value: a blank, a quote, or a separator behind which the next pair begins.
fn unquoted(line: &str, start: usize) -> usize {
    let bytes = line.as_bytes();
    let mut end = start;
    while let Some(b) = bytes.get(end).copied() {
        let stop = match b {
            b' ' | b'\t' | b'"' | b'`' => true,
            b'\'' => end > start,
            b'\\' => matches!(bytes.get(end + 1), Some(b'"' | b'\'')),
            b'<' => bytes.get(end + 1) == Some(&b'/'),
            b',' | b'&' | b';' => separates(bytes.get(end + 1..).unwrap_or_default()),
            _ => false,
        };
        if stop {
            break;
        }
        end += 1;
    }
    // brackets that were opened before the key
    for _ in 0..4 {
        let (close, open) = match end.checked_sub(1).and_then(|i| bytes.get(i)) {
            Some(b')') => (b')', b'('),
            Some(b']') => (b']', b'['),
            Some(b'}') => (b'}', b'{'),
            _ => break,
        };
        let value = bytes.get(start..end).unwrap_or_default();
        let count = |x: u8| value.iter().filter(|b| **b == x).count();
        if count(open) >= count(close) {
            break;
        }
        end -= 1;
    }
    end
}

/// Whether what follows a separator is the end, a blank, a quote, a bracket or another `key=`.
fn separates(rest: &[u8]) -> bool {
    match rest.first() {
        None | Some(b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'{' | b'[' | b'(' | b']' | b'}' | b')') => {
            return true;
        }
        Some(_) => {}
    }
    let word = rest
        .iter()
        .take(KEY_MAX)
        .take_while(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ' | b'%' | b'[' | b']')
        })
        .count();
    word > 0 && matches!(rest.get(word), Some(b'=' | b':'))
}

/// `--password hunter3`, `-token x`, also as elements of a printed list: `"--password", "x"`.
fn flags(line: &str, base: usize, out: &mut Vec<Range<usize>>) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|r| r.iter().position(|b| *b == b'-')) {
        let dash = at + offset;
        let opens = dash == 0
            || matches!(
                bytes.get(dash - 1),
                Some(b' ' | b'\t' | b'"' | b'\'' | b'`' | b'[' | b'(' | b',' | b'=' | b';' | b':')
            );
        let rest = line.get(dash..).unwrap_or_default();
        let name = rest.trim_start_matches('-');
        let length =
            name.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
        let end = dash + (rest.len() - name.len()) + length;
        at = end.max(dash + 1);
        if !opens || length < 3 {
            continue;
        }
        if !is_secret_flag(line.get(dash..end).unwrap_or_default()) {
            continue;
        }
        let gap = bytes.get(end..).map_or(0, |r| {
            let listed = matches!(r.first(), Some(b'"' | b'\''));
            r.iter()
                .take(8)
                .take_while(|b| matches!(b, b' ' | b'\t') || (listed && b"\"',".contains(b)))
                .count()
        });
        let start = end + gap;
        let Some(first) = bytes.get(start).filter(|_| gap > 0) else { continue };
        if *first == b'-' || (*first == b'|' || *first == b'<' || *first == b'>') {
            continue;
        }
        let range = quoted(line, start).unwrap_or_else(|| start..unquoted(line, start));
        let value = line.get(range.clone()).unwrap_or_default();
        let secret = !(value.is_empty() || look::placeholder(value) || look::path(value));
        let found = Found { range, secret };
        at = found.next(at);
        if found.secret {
            out.push(found.range.start + base..found.range.end + base);
        }
    }
}

/// Whether an argument is a flag that takes a secret as the next argument.
pub(super) fn is_secret_flag(argument: &str) -> bool {
    let name = argument.trim_start_matches('-');
    let dashes = argument.len() - name.len();
    (1..=2).contains(&dashes)
        && name.len() > 2
        && !name.contains(['=', ':', ' '])
        && (classify(name).is_some() || name == "pass")
}
