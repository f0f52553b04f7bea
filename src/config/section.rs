//! One table of the file: each key is asked for once, with its type, default, range and rule for variables.

use super::layers::Form;
use super::provenance::Described;
use super::reader::Reader;
use super::tree::{At, Field, Node, Value};

/// What a key takes: the words for messages and the schema, and the form of its text in a variable.
#[derive(Debug, Clone)]
pub struct Shape {
    /// `true or false`
    pub words: String,
    /// For variables and options.
    pub form: Form,
}

impl Shape {
    /// Both.
    #[must_use]
    pub fn new(words: impl Into<String>, form: Form) -> Self {
        Self { words: words.into(), form }
    }
}

/// How a key's value is read, changed by a variable, and shown.
pub struct How<'h, T> {
    /// From a node; problems go to the reader, with the key's path for their words.
    pub parse: &'h dyn Fn(&mut Reader<'_>, &str, &Node) -> Option<T>,
    /// One of [`super::merge`].
    pub merge: &'h dyn Fn(&T, T) -> Option<T>,
    /// As the file would write it.
    pub show: &'h dyn Fn(&T) -> String,
}

/// One table while it is read.
#[derive(Debug)]
pub struct Section<'r, 'a> {
    /// The collector.
    pub reader: &'r mut Reader<'a>,
    /// `exec_safety`; empty at the top.
    pub path: String,
    /// Where the table stands.
    pub at: At,
    pub(super) table: Option<&'a Node>,
    pub(super) known: Vec<&'static str>,
}

impl<'a> Section<'_, 'a> {
    /// `exec_safety.timeout`
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The field of that name, which becomes known.
    pub fn field(&mut self, key: &'static str) -> Option<&'a Field> {
        self.known.push(key);
        self.table.and_then(|table| table.get(key))
    }

    /// Does the file set the key? It does not become known by this.
    #[must_use]
    pub fn peek(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.get(key).is_some())
    }

    /// A table below this one.
    pub fn section<T>(&mut self, key: &'static str, f: impl FnOnce(&mut Section<'_, 'a>) -> T) -> T {
        let field = self.field(key);
        let at = field.map_or(At::Nowhere, |f| f.at.clone());
        let path = self.key(key);
        self.reader.table(path, field.map(|f| &f.node), at, f)
    }

    /// The tables below one whose keys are free names, such as `[roles.NAME]`.
    pub fn named<T>(
        &mut self,
        key: &'static str,
        mut f: impl FnMut(&mut Section<'_, 'a>, &str) -> T,
    ) -> Vec<(String, T)> {
        let path = self.key(key);
        let Some(field) = self.field(key) else { return Vec::new() };
        if !matches!(field.node.value, Value::Table(_)) {
            self.reader.wrong_kind(&path, &field.node, "a table of tables");
        }
        let mut out = Vec::new();
        for entry in field.node.fields() {
            if !is_name(&entry.key) {
                let hint = Some("letters, digits, `_`, `-` and `.`, at most 64".to_owned());
                self.reader.problem(&entry.at, format!("`{}` cannot be a name", entry.key), hint);
                continue;
            }
            let below = format!("{path}.{}", entry.key);
            let value = self.reader.table(below, Some(&entry.node), entry.at.clone(), |s| f(s, &entry.key));
            out.push((entry.key.clone(), value));
        }
        out
    }

    /// The tables of a list, such as `[[http.keys]]`.
    pub fn each<T>(&mut self, key: &'static str, mut f: impl FnMut(&mut Section<'_, 'a>) -> T) -> Vec<T> {
        let path = self.key(key);
        let Some(field) = self.field(key) else { return Vec::new() };
        let Value::List(items) = &field.node.value else {
            self.reader.wrong_kind(&path, &field.node, "a list of tables");
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            out.push(self.reader.table(path.clone(), Some(item), item.at.clone(), &mut f));
        }
        out
    }

    /// The one way that every key goes: default, seed, file, variable, option.
    pub fn value<T>(&mut self, key: &'static str, shape: &Shape, default: T, how: &How<'_, T>) -> T {
        let path = self.key(key);
        let node = self.field(key).map(|f| &f.node);
        let reader = &mut *self.reader;
        let (mut value, mut at) = (default, At::Nowhere);
        if let Some(given) = reader.layers.seed(&path) {
            // A seed's text that cannot be used is a warning, so its problems are taken back.
            let before = reader.problems.len();
            let parsed = (how.parse)(reader, &path, &given.node(shape.form));
            let why = reader.problems.drain(before..).next().map(|p| p.message);
            let merged =
                parsed.map(|new| if reader.layers.may_loosen { Some(new) } else { (how.merge)(&value, new) });
            match merged {
                _ if node.is_some() => reader.ignore(&given, format!("the file sets `{path}`"), false),
                Some(Some(new)) => (value, at) = (new, given.at.clone()),
                Some(None) => reader.ignore(&given, format!("a variable may not loosen `{path}`"), true),
                None => reader.ignore(&given, why.unwrap_or_else(|| "it is not understood".to_owned()), true),
            }
        }
        if let Some(node) = node
            && let Some(new) = (how.parse)(reader, &path, node)
        {
            (value, at) = (new, node.at.clone());
        }
        if let Some(given) = reader.layers.env(&path) {
            match (how.parse)(reader, &path, &given.node(shape.form)) {
                Some(new) if reader.layers.may_loosen => (value, at) = (new, given.at),
                Some(new) => match (how.merge)(&value, new) {
                    Some(new) => (value, at) = (new, given.at),
                    None => {
                        let hint = "variables may only tighten guards: change the file, or start with \
                                    `--allow-env-override`";
                        reader.problem(
                            &given.at,
                            format!("this would loosen `{path}`"),
                            Some(hint.to_owned()),
                        );
                    }
                },
                None => {}
            }
        }
        if let Some(given) = reader.layers.flag(&path)
            && let Some(new) = (how.parse)(reader, &path, &given.node(shape.form))
        {
            (value, at) = (new, given.at);
        }
        let origin = reader.origin(&at);
        let shown = (how.show)(&value);
        reader.described.push(Described { key: path, value: shown, origin, shape: shape.words.clone() });
        reader.places.push(at);
        value
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}
