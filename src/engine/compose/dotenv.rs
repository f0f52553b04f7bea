//! `.env` files, read leniently: what of them steers the CLI, and what they say of plain variables.
//!
//! What steers it is taken out of the copy that it gets: it goes to the command line, where we know of it, or nowhere.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Refused;

/// What of `COMPOSE_*` is honoured.
const HONOURED: [&str; 4] =
    ["COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"];
/// `DOCKER_*` that the docker CLI itself goes by; others of that kind (`DOCKER_TAG`, `DOCKER_REGISTRY`) are for the files.
const OF_THE_CLI: [&str; 14] = [
    "DOCKER_API_VERSION",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_CLI_HINTS",
    "DOCKER_CONFIG",
    "DOCKER_CONTENT_TRUST",
    "DOCKER_CONTENT_TRUST_SERVER",
    "DOCKER_CONTEXT",
    "DOCKER_CUSTOM_HEADERS",
    "DOCKER_HIDE_LEGACY_COMMANDS",
    "DOCKER_HOST",
    "DOCKER_MCP_JOB",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
];

/// Does a variable of that name tell the CLI what to do?
pub(super) fn steers(name: &str) -> bool {
    name.starts_with("COMPOSE_") || OF_THE_CLI.contains(&name)
}

/// A `.env` file.
#[derive(Debug, Clone, Default)]
pub(super) struct Dotenv {
    text: String,
    statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
struct Statement {
    name: String,
    /// Without quotes, nothing in it expanded.
    value: String,
    at: Range<usize>,
}

impl Dotenv {
    pub(super) fn parse(text: String) -> Self {
        let statements = Scan { text: &text, at: 0 }.collect();
        Self { text, statements }
    }

    /// What it says of one of the variables that are honoured.
    pub(super) fn own(&self, name: &str) -> Result<Option<&str>, Refused> {
        debug_assert!(HONOURED.contains(&name));
        match self.statements.iter().rfind(|it| it.name == name).map(|it| it.value.as_str()) {
            Some(value) if value.contains('$') => Err(Refused::unfit(
                format!("`{name}` in .env is put together from variables, which are not followed there"),
                "write it out",
            )),
            value => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// The copy for the CLI: as it is, but for what steers. Lines keep their numbers.
    pub(super) fn copy(&self) -> String {
        let (mut copy, mut from) = (String::with_capacity(self.text.len()), 0);
        for Statement { at, .. } in self.statements.iter().filter(|it| steers(&it.name)) {
            copy.push_str(self.text.get(from..at.start).unwrap_or_default());
            let left_out = self.text.get(at.clone()).unwrap_or_default();
            copy.extend(left_out.chars().filter(|c| *c == '\n'));
            from = at.end;
        }
        copy.push_str(self.text.get(from..).unwrap_or_default());
        copy
    }

    /// Its variables, where every line of it is so plain that any reader reads it in the same way.
    pub(super) fn plain(&self) -> Option<BTreeMap<String, String>> {
        let mut plain = BTreeMap::new();
        for line in self.text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if !line.bytes().all(|b| (b' '..=b'~').contains(&b)) {
                return None;
            }
            if line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=')?;
            let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !starts || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return None;
            }
            let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let value = inside.unwrap_or(value);
            if value.contains(['"', '\'', '\\', '$', '#', '`']) || value.trim() != value {
                return None;
            }
            plain.insert(name.to_owned(), value.to_owned());
        }
        Some(plain)
    }
}

/// Goes through the statements as compose does.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

impl Iterator for Scan<'_> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                break;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
        let start = self.at;
        let exported = self.rest().strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        if let Some(rest) = exported {
            self.at = self.text.len() - rest.trim_start_matches([' ', '\t']).len();
        }
        let rest = self.rest();
        let ends = rest.find(['=', ':', '\n'])?;
        let name = rest.get(..ends)?.trim().to_owned();
        let alone = rest.get(ends..)?.starts_with('\n');
        self.at += ends + 1;
        if alone {
            return Some(Statement { name, value: String::new(), at: start..self.at });
        }
        let blank = |c: char| c.is_whitespace() && c != '\n';
        self.at += self.rest().len() - self.rest().trim_start_matches(blank).len();
        let (value, length) = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => {
                quoted(self.rest(), quote).unwrap_or_else(|| to_the_end(self.rest()))
            }
            _ => to_the_end(self.rest()),
        };
        self.at += length;
        Some(Statement { name, value, at: start..self.at })
    }
}

fn to_the_end(rest: &str) -> (String, usize) {
    let line = rest.split('\n').next().unwrap_or_default();
    let value = line.split_once(" #").map_or(line, |(value, _)| value);
    (value.trim().to_owned(), line.len())
}

/// Over several lines, too.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            c if c == quote && !escaped => return Some((value, at + 1)),
            c => {
                if escaped && c != quote {
                    value.push('\\');
                }
                escaped = false;
                value.push(c);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_taken_out_and_the_rest_stays_as_it_is() {
        let text = "# COMPOSE_X=1\nA=1 # x\nCOMPOSE_FILE=a.yml:b.yml # both\nexport COMPOSE_PROFILES=\"x,y\"\n\
                    B='two\nCOMPOSE_FILE=no\n'\nDOCKER_HOST=tcp://x\nDOCKER_TAG=7\n COMPOSE_PROJECT_NAME : shop\nbare\n\
                    COMPOSE_REMOVE_ORPHANS='1\n'\nZ=9";
        let env = Dotenv::parse(text.to_owned());
        assert_eq!(
            env.copy(),
            "# COMPOSE_X=1\nA=1 # x\n\n\nB='two\nCOMPOSE_FILE=no\n'\n\nDOCKER_TAG=7\n \nbare\n\n\nZ=9"
        );
        assert_eq!(env.copy().lines().count(), text.lines().count());
        assert_eq!(env.own("COMPOSE_FILE").unwrap(), Some("a.yml:b.yml"));
        assert_eq!(env.own("COMPOSE_PROFILES").unwrap(), Some("x,y"));
        assert_eq!(env.own("COMPOSE_PROJECT_NAME").unwrap(), Some("shop"));
        assert_eq!(env.own("COMPOSE_PATH_SEPARATOR").unwrap(), None);
        assert!(Dotenv::parse("COMPOSE_FILE=$X.yml".into()).own("COMPOSE_FILE").is_err());
    }

    #[test]
    fn any_bytes_are_gone_through() {
        for text in
            ["", "\n", "=", "a", "a=", "a='", "a=\"\\", "export", "export ", "\u{a0}=\u{85}x\r\n", ":\n="]
        {
            let env = Dotenv::parse(text.to_owned());
            assert_eq!(env.copy(), text, "{text:?}");
        }
    }

    #[test]
    fn only_plain_files_say_what_variables_are() {
        let plain = |text: &str| Dotenv::parse(text.to_owned()).plain();
        let both = plain("# it's\nA=one\r\n\nB=\"t/w.o\"\n").unwrap();
        assert_eq!((both["A"].as_str(), both["B"].as_str()), ("one", "t/w.o"));
        for not in
            ["A='x'", "A=\"x", "A=$B", "A", "A: x", "export A=x", "A=\u{e4}", "A=x #y", " A=x", "A\\=x"]
        {
            assert_eq!(plain(&format!("Z=1\n{not}\n")), None, "{not}");
        }
    }
}
