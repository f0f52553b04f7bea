//! From a node to a plain value, with a problem where that cannot be.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use super::reader::Reader;
use super::tree::{At, Node, Value};
use super::units;
use crate::policy::{Pattern, Source};

/// The words for a duration within a range.
pub fn time_words(range: &RangeInclusive<Duration>) -> String {
    let (from, to) = (units::show_duration(*range.start()), units::show_duration(*range.end()));
    format!("a duration from {from} to {to}")
}

/// `true` or `false`.
pub fn flag(reader: &mut Reader<'_>, path: &str, node: &Node) -> Option<bool> {
    match node.value {
        Value::Bool(value) => Some(value),
        _ => {
            reader.wrong_kind(path, node, "true or false");
            None
        }
    }
}

/// A duration: a string with a unit, or whole milliseconds.
pub fn time(
    reader: &mut Reader<'_>,
    path: &str,
    node: &Node,
    range: &RangeInclusive<Duration>,
) -> Option<Duration> {
    let read = match &node.value {
        Value::Text(text) => match units::duration(text) {
            Ok(time) => time,
            Err(hint) => {
                reader.problem(&node.at, format!("`{text}` is not a duration"), Some(hint));
                return None;
            }
        },
        Value::Int(ms) if *ms >= 0 => Duration::from_millis(u64::try_from(*ms).unwrap_or_default()),
        Value::Int(ms) => {
            reader.problem(&node.at, format!("`{path}` must not be negative, as {ms} is"), None);
            return None;
        }
        _ => {
            reader.wrong_kind(path, node, "a duration, such as \"30s\" or a whole number of milliseconds");
            return None;
        }
    };
    if range.contains(&read) {
        return Some(read);
    }
    let (from, to) = (units::show_duration(*range.start()), units::show_duration(*range.end()));
    let message = format!("`{path}` must be from {from} to {to}, not {}", units::show_duration(read));
    let hint = matches!(node.value, Value::Int(_)).then(|| "a bare number is milliseconds".to_owned());
    reader.problem(&node.at, message, hint);
    None
}

/// A string without control characters.
pub fn plain<'n>(reader: &mut Reader<'_>, path: &str, node: &'n Node) -> Option<&'n str> {
    let Value::Text(text) = &node.value else {
        reader.wrong_kind(path, node, "a string");
        return None;
    };
    if text.chars().any(char::is_control) {
        reader.problem(&node.at, format!("`{path}` must not hold control characters"), None);
        return None;
    }
    Some(text)
}

/// The path that a text means.
pub fn resolve(reader: &mut Reader<'_>, path: &str, node: &Node, text: &str) -> Option<PathBuf> {
    match reader.base.resolve(text) {
        Ok(path) => Some(path),
        Err(why) => {
            let hint = Some("write an absolute path".to_owned());
            reader.problem(&node.at, format!("`{path}` cannot be used: {why}"), hint);
            None
        }
    }
}

/// The strings of a list, none of them empty; all mistakes are kept.
pub fn strings(reader: &mut Reader<'_>, path: &str, node: &Node) -> Option<Vec<(String, At)>> {
    let Value::List(items) = &node.value else {
        reader.wrong_kind(path, node, "a list of strings");
        return None;
    };
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match &item.value {
            Value::Text(text) if text.trim().is_empty() => {
                let hint = Some("remove it".to_owned());
                reader.problem(&item.at, format!("an entry of `{path}` is empty"), hint);
            }
            Value::Text(text) if text.chars().any(char::is_control) => {
                reader.problem(&item.at, format!("an entry of `{path}` holds control characters"), None);
            }
            Value::Text(text) => out.push((text.clone(), item.at.clone())),
            _ => {
                let message = format!("the entries of `{path}` must be strings, not {}", item.kind());
                reader.problem(&item.at, message, None);
            }
        }
    }
    (out.len() == items.len()).then_some(out)
}

/// [`strings`] with their lines.
pub fn patterns(reader: &mut Reader<'_>, path: &str, node: &Node) -> Option<Vec<Pattern>> {
    let list = strings(reader, path, node)?;
    Some(list.into_iter().map(|(text, at)| Pattern { source: reader.source(&at), text }).collect())
}

/// Entries that nobody wrote.
pub fn defaults(texts: &[&str]) -> Vec<Pattern> {
    if texts.is_empty() {
        return Vec::new();
    }
    let source = Source::default_value();
    texts.iter().map(|text| Pattern { text: (*text).to_owned(), source: source.clone() }).collect()
}

/// As the file writes them.
#[expect(clippy::ptr_arg, reason = "it is passed as a function over the key's own type")]
pub fn show_patterns(list: &Vec<Pattern>) -> String {
    units::quote_all(list.iter().map(|p| p.text.as_str()))
}

/// Compiles `full`, naming `text` where it fails.
pub fn regex(reader: &mut Reader<'_>, at: &At, text: &str, full: &str) -> Option<Regex> {
    match regex::RegexBuilder::new(full).size_limit(1 << 20).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            let all = error.to_string();
            let why = all.rsplit("error: ").next().unwrap_or_default().lines().next().unwrap_or_default();
            let hint = Some("in a TOML string, `'...'` keeps backslashes as they are".to_owned());
            reader.problem(at, format!("`{text}` is not a regex: {}", why.to_lowercase()), hint);
            None
        }
    }
}

/// `"a", "b" or "c"`
#[must_use]
pub fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| units::quote(n)).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Keeps the problem of a word that is none of `names`.
pub fn not_one_of(reader: &mut Reader<'_>, path: &str, node: &Node, text: &str, names: &[&str]) {
    let hint =
        super::error::nearest(text, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    reader.problem(&node.at, format!("`{path}` must be {}, not `{text}`", one_of(names)), hint);
}
