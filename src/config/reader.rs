//! Collects while the tree is walked: problems, warnings, and every key that was asked for.
//!
//! Asking is what makes a key known, so the list of keys, `config show` and the check for unknown ones need nothing else.
//! Nothing stops at a mistake: the default stands in for the value, and the problem is kept.

use super::error::{Problem, TextFile, nearest};
use super::layers::{Given, IgnoredEnv, Layers};
use super::paths::Base;
use super::provenance::{Described, Origin};
use super::section::Section;
use super::tree::{At, Node, Value};
use crate::policy::Source;

/// Collects while the tree is walked.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The file, if there is one.
    pub file: Option<&'a TextFile>,
    /// Variables and options.
    pub layers: Layers,
    /// What paths are relative to.
    pub base: Base,
    /// Tool names as they may be written, and the names they mean; empty: not checked.
    pub tools: &'a [(String, String)],
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is allowed but unwise.
    pub warnings: Vec<Problem>,
    /// Folders that "where the server was started" must not mean: key, folder, why.
    pub wide_roots: Vec<(String, std::path::PathBuf, &'static str)>,
    /// Every key that was asked for.
    pub described: Vec<Described>,
    /// Where the values of those stand, in the same order.
    pub(super) places: Vec<At>,
    unknown: Vec<Unknown>,
    /// Sections and their keys.
    known: Vec<(String, Vec<&'static str>)>,
}

#[derive(Debug)]
struct Unknown {
    section: String,
    key: String,
    at: At,
}

impl<'a> Reader<'a> {
    /// An empty collector.
    #[must_use]
    pub fn new(
        file: Option<&'a TextFile>,
        layers: Layers,
        base: Base,
        tools: &'a [(String, String)],
    ) -> Self {
        Self {
            file,
            layers,
            base,
            tools,
            problems: Vec::new(),
            warnings: Vec::new(),
            wide_roots: Vec::new(),
            described: Vec::with_capacity(160),
            places: Vec::with_capacity(160),
            unknown: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Reads the whole tree with `f`.
    pub fn root<T>(&mut self, node: Option<&'a Node>, f: impl FnOnce(&mut Section<'_, 'a>) -> T) -> T {
        self.table(String::new(), node, At::Nowhere, f)
    }

    pub(super) fn table<T>(
        &mut self,
        path: String,
        node: Option<&'a Node>,
        at: At,
        f: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        let table = match node {
            Some(node) if !matches!(node.value, Value::Table(_)) && path.is_empty() => {
                let message = format!("the file must hold a table of settings, not {}", node.kind());
                self.problem(&node.at, message, None);
                None
            }
            Some(node) if !matches!(node.value, Value::Table(_)) => {
                let hint = Some(format!("write `[{path}]` and its keys below"));
                self.problem(&node.at, format!("`{path}` must be a table, not {}", node.kind()), hint);
                None
            }
            other => other,
        };
        let mut section = Section { reader: self, path, at, table, known: Vec::new() };
        let out = f(&mut section);
        let Section { path, known, .. } = section;
        for field in table.map(Node::fields).unwrap_or_default() {
            if !known.contains(&field.key.as_str()) {
                let (section, key, at) = (path.clone(), field.key.clone(), field.at.clone());
                self.unknown.push(Unknown { section, key, at });
            }
        }
        self.known.push((path, known));
        out
    }

    /// Keeps a problem.
    pub fn problem(&mut self, at: &At, message: String, hint: Option<String>) {
        let problem = self.make(at, message, hint);
        self.problems.push(problem);
    }

    /// Keeps a warning.
    pub fn warning(&mut self, at: &At, message: String, hint: Option<String>) {
        let problem = self.make(at, message, hint);
        self.warnings.push(problem);
    }

    fn make(&self, at: &At, message: String, hint: Option<String>) -> Problem {
        match (at, self.file) {
            (At::File(span), Some(file)) => Problem::at(file, span.clone(), message, hint),
            (At::Env(name), _) => Problem::of(Some(&format!("${name}")), message, hint),
            (At::Flag(name), _) => Problem::of(Some(name), message, hint),
            (At::File(_) | At::Nowhere, file) => Problem::of(file.map(|f| &*f.name), message, hint),
        }
    }

    /// Keeps the problem of a value that is of the wrong kind.
    pub fn wrong_kind(&mut self, path: &str, node: &Node, expected: &str) {
        let hint = match (&node.value, expected) {
            (Value::Text(text), _)
                if expected.starts_with("true or false") && (text == "true" || text == "false") =>
            {
                Some(format!("write {text} without quotes"))
            }
            (Value::Text(text), _) if expected.contains("number") && text.parse::<i64>().is_ok() => {
                Some(format!("write {text} without quotes"))
            }
            (Value::Text(text), _)
                if expected.starts_with("true or false")
                    && ["yes", "no", "on", "off", "1", "0", "none", "all"].contains(&text.as_str()) =>
            {
                Some("write true or false".to_owned())
            }
            (Value::Text(text), _) if expected.contains("list") => {
                Some(format!("write [{}]", super::units::quote(text)))
            }
            (Value::Int(0 | 1), _) if expected.starts_with("true or false") => {
                Some("write true or false".to_owned())
            }
            _ => None,
        };
        self.problem(&node.at, format!("`{path}` must be {expected}, not {}", node.kind()), hint);
    }

    /// Where a value came from.
    #[must_use]
    pub fn origin(&self, at: &At) -> Origin {
        match (at, self.file) {
            (At::File(span), Some(file)) => {
                Origin::File { file: std::sync::Arc::clone(&file.name), line: file.line(span.start) }
            }
            (At::Env(name), _) => Origin::Env(std::sync::Arc::clone(name)),
            (At::Flag(name), _) => Origin::Flag(std::sync::Arc::clone(name)),
            _ => Origin::Default,
        }
    }

    /// The same for a rule.
    #[must_use]
    pub fn source(&self, at: &At) -> Source {
        Source::from(&self.origin(at))
    }

    /// Where a key's value stands, for a relation between two.
    #[must_use]
    pub fn place(&self, key: &str) -> At {
        let found = self.described.iter().position(|d| d.key == key);
        found.and_then(|i| self.places.get(i)).cloned().unwrap_or(At::Nowhere)
    }

    /// Somebody said something for the key.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.place(key) != At::Nowhere
    }

    /// The same for a key of a list of tables, one each.
    #[must_use]
    pub fn places(&self, key: &str) -> Vec<At> {
        self.described
            .iter()
            .zip(&self.places)
            .filter(|(d, _)| d.key == key)
            .map(|(_, at)| at.clone())
            .collect()
    }

    /// `key` shows what `leader` shows: two keys, one value.
    pub fn follow(&mut self, key: &str, leader: &str) {
        let Some(leading) = self.described.iter().find(|d| d.key == leader) else { return };
        let (value, origin) = (leading.value.clone(), leading.origin.clone());
        if let Some(described) = self.described.iter_mut().find(|d| d.key == key) {
            (described.value, described.origin) = (value, origin);
        }
    }

    /// Keeps the problem of a value that does not fit another, or is unfit in itself. A seed's variable never stops the
    /// start, so for one it is a warning.
    pub fn relation(&mut self, key: &str, message: String, hint: Option<String>) {
        let at = self.place(key);
        match &at {
            At::Env(name) if !name.starts_with(super::env::PREFIX) => self.warning(&at, message, hint),
            _ => self.problem(&at, message, hint),
        }
    }

    /// A table within a list that has these keys and no others.
    pub fn closed(&mut self, path: &str, node: &Node, keys: &'static [&'static str]) {
        for field in node.fields().iter().filter(|f| !keys.contains(&f.key.as_str())) {
            let (section, key, at) = (path.to_owned(), field.key.clone(), field.at.clone());
            self.unknown.push(Unknown { section, key, at });
        }
        self.known.push((path.to_owned(), keys.to_vec()));
    }

    /// `told`: it is worth a warning, not only a line of `doctor`.
    pub(super) fn ignore(&mut self, given: &Given, reason: String, told: bool) {
        if let At::Env(name) = &given.at {
            if told {
                let hint = Some("set it in the configuration file".to_owned());
                self.warning(&given.at, format!("`{name}` is ignored: {reason}"), hint);
            }
            self.layers.ignored.push(IgnoredEnv { name: name.to_string(), reason });
        }
    }

    /// After the walk: names that nobody asked for.
    pub fn finish(&mut self) {
        for unknown in std::mem::take(&mut self.unknown) {
            let place = match unknown.section.as_str() {
                "" => "at the top".to_owned(),
                section => format!("of `[{section}]`"),
            };
            let hint = self.meant(&unknown.section, &unknown.key);
            self.problem(&unknown.at, format!("`{}` is not a key {place}", unknown.key), Some(hint));
        }
        for given in std::mem::take(&mut self.layers.env) {
            if given.used {
                continue;
            }
            let names: Vec<String> = self.described.iter().map(|d| super::env::variable(&d.key)).collect();
            let hint = match nearest(&given.key, names.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => {
                    "the name is `DOCKER_MCP__SECTION__KEY`; tables and unknown keys have none".to_owned()
                }
            };
            self.problem(&given.at, format!("`{}` names no setting", given.key), Some(hint));
        }
        for given in std::mem::take(&mut self.layers.flags).into_iter().filter(|given| !given.used) {
            self.problem(&given.at, format!("`{}` is not a key", given.key), None);
        }
    }

    fn meant(&self, section: &str, key: &str) -> String {
        let here =
            self.known.iter().filter(|(path, _)| path == section).flat_map(|(_, keys)| keys.iter().copied());
        let here: Vec<&str> = here.collect();
        if let Some(name) = nearest(key, here.iter().copied()) {
            return format!("did you mean `{name}`?");
        }
        if let Some(name) = here.iter().find(|name| name.split('_').any(|part| part == key)) {
            return format!("did you mean `{name}`?");
        }
        let title = |path: &str| if path.is_empty() { "the top".to_owned() } else { format!("`[{path}]`") };
        let elsewhere = |test: &dyn Fn(&str) -> bool| {
            self.known.iter().find_map(|(path, keys)| keys.iter().find(|k| test(k)).map(|k| (path, *k)))
        };
        if let Some((path, _)) = elsewhere(&|name| name == key) {
            return format!("`{key}` belongs in {}", title(path));
        }
        if key.len() > 3
            && let Some((path, name)) = elsewhere(&|name| nearest(key, [name]).is_some())
        {
            return format!("did you mean `{name}` in {}?", title(path));
        }
        format!("known here: {}", here.join(", "))
    }
}
