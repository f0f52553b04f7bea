//! `ARG` before the first `FROM`, and what `FROM` makes of it.

use std::collections::BTreeMap;

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// It is declared and has no value.
    Unset,
    /// Its value.
    Value(String),
    /// It has one that is not known here.
    Unknown,
}

/// Variables by their names.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Known>);

impl Variables {
    /// Declares what an `ARG` names. `None`: it cannot be read for certain.
    pub(super) fn declare(&mut self, rest: &str, build_args: &BTreeMap<String, String>) -> Option<()> {
        for word in rest.split_whitespace() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            if !is_name(name) {
                return None;
            }
            let value = match value.map(unquoted) {
                Some(None) => return None,
                Some(Some(value)) => self.expand(value).map_or(Known::Unknown, Known::Value),
                None => Known::Unset,
            };
            let known = match build_args.get(name) {
                Some(given) => Known::Value(given.clone()),
                None if predefined(name) => Known::Unknown,
                None => value,
            };
            self.0.insert(name.to_owned(), known);
        }
        Some(())
    }

    /// The word with the values of its variables. `None`: one of them is not known, or more than that is asked for.
    pub(super) fn expand(&self, word: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(inside) = after.strip_prefix('{') {
                let (expression, behind) = inside.split_once('}')?;
                out.push_str(&self.expression(expression)?);
                rest = behind;
            } else {
                let end = after.find(|c: char| !part(c)).unwrap_or(after.len());
                let (name, behind) = after.split_at(end);
                out.push_str(self.value(name)?);
                rest = behind;
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// `NAME`, `NAME:-word`, `NAME-word`, `NAME:+word`, `NAME+word`.
    fn expression(&self, text: &str) -> Option<String> {
        let end = text.find(|c: char| !part(c)).unwrap_or(text.len());
        let (name, operator) = text.split_at(end);
        if operator.is_empty() {
            return self.value(name).map(str::to_owned);
        }
        let value = match self.0.get(name)? {
            Known::Unknown => return None,
            Known::Unset => None,
            Known::Value(value) => Some(value.clone()),
        };
        let (empty_counts, operator) = match operator.strip_prefix(':') {
            Some(operator) => (false, operator),
            None => (true, operator),
        };
        let is_set = value.as_ref().is_some_and(|value| empty_counts || !value.is_empty());
        if let Some(word) = operator.strip_prefix('-') {
            let word = plain(word)?;
            return if is_set { value } else { Some(word) };
        }
        let word = plain(operator.strip_prefix('+')?)?;
        Some(if is_set { word } else { String::new() })
    }

    fn value(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Known::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// A value without its quotes. `None`: not plain, or with what only a shell could read.
fn unquoted(value: &str) -> Option<&str> {
    let within = |q: char| value.strip_prefix(q).and_then(|v| v.strip_suffix(q));
    // Nothing is expanded between these.
    let single = within('\'').filter(|inner| !inner.contains('$'));
    let inner = within('"').or(single).unwrap_or(value);
    (!inner.contains(['"', '\'', '\\', '`'])).then_some(inner)
}

fn plain(word: &str) -> Option<String> {
    (!word.contains(['$', '{', '"', '\'', '\\', '`'])).then(|| word.to_owned())
}

fn part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(part)
}

/// The builder gives these their values.
fn predefined(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["TARGET", "BUILD", "SOURCE_DATE_EPOCH"].iter().any(|start| upper.starts_with(start))
        || upper.ends_with("_PROXY")
}
