//! Too long is cut where it hurts least, and the cut is said.

use serde_json::{Map, Value};

use super::{Keep, render};

/// A body that was cut, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    pub text: String,
    pub shown: usize,
    pub total: usize,
    pub total_bytes: usize,
}

impl Lines {
    pub(super) fn is_cut(&self) -> bool {
        self.text.len() != self.total_bytes
    }
}

/// How many bytes a string takes inside of a JSON string.
pub(super) fn escaped_len(text: &str) -> usize {
    text.len() + text.bytes().filter(|b| matches!(b, b'"' | b'\\' | b'\n' | b'\t')).count()
}

/// Keeps as many whole lines as fit into `budget` bytes of JSON.
pub(super) fn lines(text: &str, keep: Keep, budget: usize) -> Lines {
    let total = text.lines().count();
    let total_bytes = text.len();
    if escaped_len(text) <= budget {
        return Lines { text: text.to_owned(), shown: total, total, total_bytes };
    }
    let (text, shown) = match keep {
        Keep::Head => first(text, budget),
        Keep::Tail => last(text, budget),
        Keep::Both => {
            let note = 40;
            let (head, a) = first(text, budget.saturating_sub(note) / 2);
            let rest = text.get(head.len()..).unwrap_or_default();
            let (end, b) = last(rest, budget.saturating_sub(note + escaped_len(&head)));
            let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
            let cut = total.saturating_sub(a + b);
            (format!("{head}{gap}[... {cut} lines cut]\n{end}"), a + b)
        }
    };
    Lines { text, shown, total, total_bytes }
}

fn first(text: &str, budget: usize) -> (String, usize) {
    let (mut used, mut end, mut shown) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        used += escaped_len(line);
        if used > budget {
            break;
        }
        end += line.len();
        shown += 1;
    }
    if shown == 0 {
        let line = text.lines().next().unwrap_or_default();
        return (shorten_text(line, budget), usize::from(budget > 0));
    }
    (text.get(..end).unwrap_or_default().to_owned(), shown)
}

fn last(text: &str, budget: usize) -> (String, usize) {
    let (mut used, mut start, mut shown) = (0, text.len(), 0);
    for line in text.split_inclusive('\n').rev() {
        used += escaped_len(line);
        if used > budget {
            break;
        }
        start -= line.len();
        shown += 1;
    }
    if shown == 0 {
        let line = text.lines().next_back().unwrap_or_default();
        return (shorten_text(line, budget), usize::from(budget > 0));
    }
    (text.get(start..).unwrap_or_default().to_owned(), shown)
}

/// The beginning of a text and the marker, in at most `budget` bytes of JSON.
pub(super) fn shorten_text(text: &str, budget: usize) -> String {
    if escaped_len(text) <= budget {
        return text.to_owned();
    }
    let room = budget.saturating_sub("[... 18446744073709551615 bytes cut]".len());
    let (mut used, mut end) = (0, 0);
    for c in text.chars() {
        used += c.len_utf8() + usize::from(matches!(c, '"' | '\\' | '\n' | '\t'));
        if used > room {
            break;
        }
        end += c.len_utf8();
    }
    let out = format!("{}[... {} bytes cut]", text.get(..end).unwrap_or_default(), text.len() - end);
    if escaped_len(&out) <= budget { out } else { String::new() }
}

/// Shortens the largest strings, arrays and maps until both forms of the object fit. Says whether it had to.
pub(super) fn object(map: &mut Map<String, Value>, budget: usize) -> bool {
    if fits(map, budget) {
        return false;
    }
    // the largest limit that fits: halve until it does, then look between the last two
    let mut limit = budget.max(32);
    let mut best = loop {
        let candidate = limited(map, limit);
        if fits(&candidate, budget) {
            break candidate;
        }
        limit = limit * 3 / 4;
        if limit < 8 {
            let mut rest = Map::new();
            rest.insert("truncated".to_owned(), Value::Bool(true));
            break if fits(&rest, budget) { rest } else { Map::new() };
        }
    };
    let (mut low, mut high) = (limit, limit * 4 / 3);
    for _ in 0..4 {
        let middle = usize::midpoint(low, high);
        let candidate = limited(map, middle);
        if fits(&candidate, budget) {
            best = candidate;
            low = middle;
        } else {
            high = middle;
        }
    }
    *map = best;
    true
}

fn fits(map: &Map<String, Value>, budget: usize) -> bool {
    let value = Value::Object(map.clone());
    size(&value) <= budget && render::tree(&value).len() <= budget
}

/// The length of the serialisation, without making it.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(b) => 5 - usize::from(*b),
        Value::Number(n) => n.to_string().len(),
        Value::String(s) => escaped_len(s) + 2,
        Value::Array(list) => 2 + list.iter().map(size).sum::<usize>() + list.len().saturating_sub(1),
        Value::Object(map) => {
            2 + map.iter().map(|(k, v)| escaped_len(k) + 3 + size(v)).sum::<usize>()
                + map.len().saturating_sub(1)
        }
    }
}

fn limited(map: &Map<String, Value>, limit: usize) -> Map<String, Value> {
    let mut out = map.clone();
    for value in out.values_mut() {
        limit_value(value, limit);
    }
    limit_map(&mut out, limit.saturating_mul(8));
    out
}

/// Strings to `limit`, arrays to twice, maps to four times that.
fn limit_value(value: &mut Value, limit: usize) {
    match value {
        Value::String(s) if escaped_len(s) > limit => *s = shorten_text(s, limit.max(40)),
        Value::Array(list) => {
            list.iter_mut().for_each(|v| limit_value(v, limit));
            let total = list.len();
            let (mut used, mut keep) = (0_usize, 0);
            for item in list.iter() {
                used += size(item) + 1;
                if used > limit.saturating_mul(2) {
                    break;
                }
                keep += 1;
            }
            if keep < total {
                list.truncate(keep);
                list.push(Value::String(format!("[... {} of {total} cut]", total - keep)));
            }
        }
        Value::Object(map) => {
            map.values_mut().for_each(|v| limit_value(v, limit));
            limit_map(map, limit.saturating_mul(4));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn limit_map(map: &mut Map<String, Value>, limit: usize) {
    let total = map.len();
    let mut used = 0_usize;
    let kept: Map<String, Value> = std::mem::take(map)
        .into_iter()
        .filter(|(k, v)| {
            let cost = escaped_len(k) + size(v) + 4;
            let fits = used + cost <= limit;
            used += if fits { cost } else { 0 };
            fits
        })
        .collect();
    *map = kept;
    if map.len() < total {
        map.insert(
            "[... cut]".to_owned(),
            Value::String(format!("{} of {total} entries", total - map.len())),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn size_is_the_serialised_length() {
        let value = json!({"a": [1, 2.5, null, true, false], "b\"": "x\n\t\\ü✓", "c": {}, "d": [], "e": -3});
        assert_eq!(size(&value), serde_json::to_string(&value).unwrap().len());
    }

    #[test]
    fn lines_are_kept_whole() {
        let text: String = (0..100).map(|i| format!("line {i}\n")).collect();
        let tail = lines(&text, Keep::Tail, 100);
        assert!(tail.text.ends_with("line 99\n") && tail.text.starts_with("line "), "{}", tail.text);
        assert_eq!((tail.shown, tail.total), (11, 100));
        let head = lines(&text, Keep::Head, 100);
        assert!(head.text.starts_with("line 0\n") && head.text.ends_with('\n'));
        let both = lines(&text, Keep::Both, 200);
        assert!(both.text.starts_with("line 0\n") && both.text.ends_with("line 99\n"), "{}", both.text);
        assert!(both.text.contains("lines cut]"));
        assert!(!lines("short", Keep::Tail, 5).is_cut());
        for keep in [Keep::Head, Keep::Tail, Keep::Both] {
            for budget in [0, 10, 50, 90, 300, 799] {
                let cut = lines(&text, keep, budget);
                assert!(escaped_len(&cut.text) <= budget.max(40), "{keep:?} {budget} {}", cut.text);
                assert!(cut.is_cut());
            }
        }
    }

    #[test]
    fn one_long_line_is_shortened() {
        let text = "é".repeat(1000);
        for keep in [Keep::Head, Keep::Tail, Keep::Both] {
            let cut = lines(&text, keep, 200);
            assert!(escaped_len(&cut.text) <= 200 && cut.text.contains("bytes cut]"), "{}", cut.text);
        }
    }

    #[test]
    fn the_largest_is_shortened_first() {
        let mut map = Map::new();
        map.insert("small".to_owned(), json!("keep me"));
        map.insert("big".to_owned(), json!("x".repeat(50_000)));
        map.insert("list".to_owned(), json!((0..20_000).collect::<Vec<u32>>()));
        assert!(object(&mut map, 8_000));
        assert_eq!(map.get("small"), Some(&json!("keep me")));
        let text = serde_json::to_string(&map).unwrap();
        assert!(text.contains("bytes cut]") && text.contains("of 20000 cut]"), "{text}");
        assert!(text.len() <= 8_000 && text.len() > 4_500, "{}", text.len());
    }

    #[test]
    fn always_below() {
        let many: Map<String, Value> = (0..5_000).map(|i| (format!("key{i}"), json!({"a": [i]}))).collect();
        for budget in [0, 2, 20, 60, 500, 4_000] {
            let mut map = many.clone();
            assert!(object(&mut map, budget));
            assert!(size(&Value::Object(map)) <= budget.max(2), "{budget}");
        }
    }
}
