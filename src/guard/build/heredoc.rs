//! Here-documents: lines of theirs are no instructions. Where it is not certain that there is one, or that there is none,
//! the file is refused.

use super::Refused;
use super::lines::{Statement, statement};

/// Its end is a line with this name alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heredoc {
    pub name: String,
    /// Tabs may stand before that name.
    pub tabs: bool,
}

/// Those that a statement opens, in order.
pub(super) fn of(s: &Statement) -> Result<Vec<Heredoc>, Refused> {
    if s.keyword == "onbuild" {
        return of(&statement(&s.rest, s.line)?);
    }
    let mut found = Vec::new();
    if !matches!(s.keyword.as_str(), "run" | "copy" | "add") || !s.rest.contains("<<") {
        return Ok(found);
    }
    let unclear = || Refused::unclear(s.line, "`<<` that may or may not begin a here-document");
    if s.rest.starts_with('[') {
        return Err(unclear());
    }
    let mut before = String::new();
    for word in s.rest.split_whitespace() {
        let opens = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<");
        if let Some(opens) = opens {
            // Within quotes it is none; where quotes end is the shell's secret.
            if before.contains(['"', '\'', '\\', '`']) {
                return Err(unclear());
            }
            let (name, tabs) = match opens.strip_prefix('-') {
                Some(name) => (name, true),
                None => (opens, false),
            };
            let quoted = |q: char| name.strip_prefix(q).and_then(|n| n.strip_suffix(q));
            let name = quoted('"').or_else(|| quoted('\'')).unwrap_or(name);
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(unclear());
            }
            found.push(Heredoc { name: name.to_owned(), tabs });
            // Its own quotes are balanced.
            continue;
        }
        before.push_str(word);
    }
    Ok(found)
}
