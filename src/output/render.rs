//! Tables, trees, and numbers for people.

use serde_json::{Map, Value};

/// A cell longer than this is cut with an ellipsis: an id with its `sha256:` still fits.
const CELL_MAX: usize = 72;
/// The last cell of a line pushes nothing aside: paths and commands.
const LAST_MAX: usize = 400;
/// An array of scalars up to this length stands on one line.
const INLINE_MAX: usize = 100;

/// A size the way `docker stats` shows traffic: `450MB`, `1.2GB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    scaled(n, 1000, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A size of memory: `256M`, `1.5G`.
#[must_use]
pub fn memory(n: u64) -> String {
    scaled(n, 1024, &["B", "K", "M", "G", "T", "P", "E"])
}

/// One decimal below ten, none above, rounded.
fn scaled(n: u64, base: u64, units: &[&str]) -> String {
    let mut unit = 1_u128;
    let mut names = units.iter().copied().peekable();
    while let Some(name) = names.next() {
        let tenths = (u128::from(n) * 10 + unit / 2) / unit;
        let whole = (u128::from(n) + unit / 2) / unit;
        if whole < u128::from(base) || names.peek().is_none() {
            return match (tenths / 10, tenths % 10) {
                (w, t) if w < 10 && t > 0 => format!("{w}.{t}{name}"),
                (w, _) if w < 10 => format!("{w}{name}"),
                _ => format!("{whole}{name}"),
            };
        }
        unit *= u128::from(base);
    }
    String::new()
}

/// A span of time: `3d 12h`, `4h 2m`, `12s`.
#[must_use]
pub fn duration(secs: u64) -> String {
    let parts = [(secs / 86_400, "d"), (secs / 3600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
    let Some(first) = parts.iter().position(|(n, _)| *n > 0) else { return "0s".to_owned() };
    let shown: Vec<String> =
        parts.iter().skip(first).take(2).filter(|(n, _)| *n > 0).map(|(n, u)| format!("{n}{u}")).collect();
    shown.join(" ")
}

/// A fixed-width table: headings in capitals, two spaces between columns, the last one not padded.
#[must_use]
pub fn table<R: AsRef<[String]>>(columns: &[&str], rows: &[R]) -> String {
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|c| c.to_uppercase()).collect()];
    let max = |i: usize| if i + 1 == columns.len() { LAST_MAX } else { CELL_MAX };
    lines.extend(rows.iter().map(|r| r.as_ref().iter().enumerate().map(|(i, c)| cell(c, max(i))).collect()));
    let mut widths: Vec<usize> = Vec::new();
    for line in &lines {
        for (i, c) in line.iter().enumerate() {
            match widths.get_mut(i) {
                Some(w) => *w = (*w).max(width(c)),
                None => widths.push(width(c)),
            }
        }
    }
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (c, w) in line.iter().zip(&widths) {
            text.push_str(c);
            text.extend(std::iter::repeat_n(' ', w.saturating_sub(width(c)) + 2));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

fn cell(text: &str, max: usize) -> String {
    let text = super::clean_line(text);
    if width(&text) <= max {
        return text.into_owned();
    }
    let mut used = 0;
    let mut out = String::new();
    for c in text.chars() {
        used += columns(c);
        if used >= max {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Columns on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Wide for East Asian scripts and pictures, nothing for what combines; the rest is one column.
const fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The same facts as the JSON, as indented `key: value` lines.
#[must_use]
pub fn tree(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) => entries(map, 0, &mut out),
        Value::Array(list) => items(list, 0, &mut out),
        scalar => {
            out.push_str(&word(scalar));
            out.push('\n');
        }
    }
    out
}

fn entries(map: &Map<String, Value>, depth: usize, out: &mut String) {
    for (key, value) in map {
        indent(depth, out);
        out.push_str(key);
        out.push(':');
        after_key(value, depth, out);
    }
}

fn after_key(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            entries(map, depth + 1, out);
        }
        Value::Array(list) if !list.is_empty() => {
            if let Some(line) = inline(list) {
                out.push(' ');
                out.push_str(&line);
                out.push('\n');
            } else {
                out.push('\n');
                items(list, depth + 1, out);
            }
        }
        Value::String(s) if s.contains('\n') => {
            out.push('\n');
            for line in s.lines() {
                indent(depth + 1, out);
                out.push_str(line);
                out.push('\n');
            }
        }
        scalar => {
            out.push(' ');
            out.push_str(&word(scalar));
            out.push('\n');
        }
    }
}

fn items(list: &[Value], depth: usize, out: &mut String) {
    for item in list {
        indent(depth, out);
        out.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                // the first entry stands on the line of the dash
                let mut nested = String::new();
                entries(map, depth + 1, &mut nested);
                out.push(' ');
                out.push_str(nested.trim_start_matches(' '));
            }
            other => after_key(other, depth, out),
        }
    }
}

fn inline(list: &[Value]) -> Option<String> {
    let mut out = String::new();
    for item in list {
        match item {
            Value::Object(_) | Value::Array(_) => return None,
            Value::String(s) if s.contains('\n') || s.contains(", ") => return None,
            scalar => {
                if !out.is_empty() {
                    out.push_str(", ");
                }
                out.push_str(&word(scalar));
            }
        }
        if out.len() > INLINE_MAX {
            return None;
        }
    }
    Some(out)
}

fn word(value: &Value) -> String {
    match value {
        Value::String(s) if s.is_empty() => "\"\"".to_owned(),
        Value::String(s) => s.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(_) => "(none)".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes() {
        for (n, want) in [
            (0, "0B"),
            (999, "999B"),
            (1_000, "1kB"),
            (1_200_000_000, "1.2GB"),
            (450_000_000, "450MB"),
            (999_999_999, "1GB"),
            (9_960_000, "10MB"),
            (u64::MAX, "18EB"),
        ] {
            assert_eq!(bytes(n), want, "{n}");
        }
        for (n, want) in [(256 << 20, "256M"), (3 << 29, "1.5G"), (512 << 20, "512M"), (1023, "1023B")] {
            assert_eq!(memory(n), want, "{n}");
        }
    }

    #[test]
    fn spans() {
        for (n, want) in [
            (0, "0s"),
            (12, "12s"),
            (62, "1m 2s"),
            (14_520, "4h 2m"),
            (302_400, "3d 12h"),
            (86_400, "1d"),
            (86_405, "1d"),
        ] {
            assert_eq!(duration(n), want, "{n}");
        }
    }

    #[test]
    fn tables() {
        let rows = [
            vec!["web".to_owned(), "✓".to_owned(), "a\nb".to_owned()],
            vec!["データ".to_owned(), "x".to_owned(), "c".repeat(480)],
        ];
        let text = table(&["name", "ok", "note"], &rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NAME    OK  NOTE");
        assert_eq!(lines[1], "web     ✓   a b");
        assert_eq!(lines[2], format!("データ  x   {}…", "c".repeat(399)));
        assert_eq!(table::<Vec<String>>(&["a"], &[]), "A\n");
    }

    #[test]
    fn trees() {
        let value = json!({
            "empty": "", "gone": null, "list": [1, 2], "log": "a\nb", "none": [], "map": {"x": true},
            "objects": [{"id": "1", "ports": ["80", "81"]}, {"id": "2"}],
            "sentences": ["one, two", "three"],
        });
        assert_eq!(
            tree(&value),
            "empty: \"\"\ngone: -\nlist: 1, 2\nlog:\n  a\n  b\nmap:\n  x: true\nnone: (none)\nobjects:\n  \
             - id: 1\n    ports: 80, 81\n  - id: 2\nsentences:\n  - one, two\n  - three\n"
        );
    }
}
