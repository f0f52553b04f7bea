//! Every key with its type, default and words, for the reference and the schema.
//!
//! The keys and types come from reading, the words from the comments of the example: neither is written twice.

use super::error::TextFile;
use super::parse::{Format, parse};
use super::tree::{At, Node, Value};
use super::{EXAMPLE, Sources, walk};

/// A key of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `exec_safety.timeout`; names that the person chooses are `*`: `roles.*.read`.
    pub key: String,
    /// What may be written there, in words.
    pub shape: String,
    /// As TOML writes it; absent for keys that stand in optional tables.
    pub default: Option<String>,
    /// Full sentences.
    pub doc: String,
}

/// Tables whose keys the person chooses.
const FREE: [&str; 4] = ["hosts", "roles", "secrets", "cooldown"];

/// Every key, in the order of the documentation.
#[must_use]
pub fn keys() -> Vec<Key> {
    let text = uncommented(EXAMPLE);
    let file = TextFile::new("config.example.toml", &text);
    let tree = parse(&file, Format::Toml).0;
    let sources = Sources::default();
    let all = walk(&sources, Some(&file), Some(&tree));
    let plain = walk(&sources, None, None);
    let mut out: Vec<Key> = Vec::new();
    for described in &all.settings.described {
        let key = general(&described.key);
        if out.iter().any(|k| k.key == key) {
            continue;
        }
        let default =
            plain.settings.described.iter().find(|d| d.key == described.key).map(|d| d.value.clone());
        let doc = doc(&file, &tree, &described.key).unwrap_or_default();
        out.push(Key { key, shape: described.shape.clone(), default, doc });
    }
    out
}

/// The example with its optional settings set.
#[must_use]
pub fn uncommented(example: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '[') => rest.to_owned(),
        _ => line.to_owned(),
    };
    example.lines().map(|l| line(l) + "\n").collect()
}

fn general(key: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for part in key.split('.') {
        let free = out.last().is_some_and(|above| FREE.contains(above));
        out.push(if free { "*" } else { part });
    }
    out.join(".")
}

/// The comment above the key, or above the table that holds it within one line.
fn doc(file: &TextFile, tree: &Node, key: &str) -> Option<String> {
    let mut node = tree;
    let mut line = 0;
    for part in key.split('.') {
        if let Value::List(items) = &node.value {
            node = items.first()?;
        }
        let Some(field) = node.get(part) else { break };
        if let At::File(span) = &field.at {
            line = file.line(span.start);
        }
        node = &field.node;
    }
    let above: Vec<&str> = file.text().lines().take(usize::try_from(line).ok()?.checked_sub(1)?).collect();
    let mut words: Vec<&str> = above.iter().rev().map_while(|l| l.strip_prefix("# ")).collect();
    words.reverse();
    Some(words.join(" ")).filter(|text| !text.is_empty())
}
