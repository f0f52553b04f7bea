//! What a tool returns before it is cleaned, capped and rendered.

use serde_json::{Map, Value};

use super::learned::Learned;

/// A result in the making. A tool fills it with raw facts; [`super::finish()`] does the rest.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Plain facts: fields of the JSON object, lines of the text.
    pub data: Map<String, Value>,
    /// At most one list: an array in the JSON, a table in the text.
    pub list: Option<List>,
    /// Long texts, each a field of its own: logs, stdout, stderr.
    pub bodies: Vec<Body>,
    /// Stands above everything in the text, and there only: its facts must be in the JSON too.
    pub head: String,
    /// Stands below everything in the text, and there only.
    pub tail: String,
    /// A cut that the tool itself made.
    pub truncated: Option<Cut>,
    /// Secrets of the objects shown here, masked wherever they show up in it.
    pub learned: Learned,
    /// Keys that stay although null or empty: the fields of the seeds' shapes.
    pub keep_empty: &'static [&'static str],
    /// Keys of `data` that the text leaves out, because `head`, `tail` or the table says the same.
    pub told: &'static [&'static str],
    /// How to get the rest when [`super::finish()`] has to cut: `narrow with filter or limit`. Empty: a general one.
    pub hint: &'static str,
}

/// Rows of the same kind.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// The key of the array in the JSON.
    pub key: &'static str,
    /// Headings of the table.
    pub columns: &'static [&'static str],
    /// Best first: what is cut is cut from the end.
    pub rows: Vec<Row>,
}

/// One row in its two forms.
#[derive(Debug, Clone)]
pub struct Row {
    /// An element of the array.
    pub json: Value,
    /// A line of the table, a cell for each column.
    pub cells: Vec<String>,
}

/// A long text that someone else wrote.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its key in the JSON.
    pub key: &'static str,
    /// The text, raw.
    pub text: String,
    /// Which end matters.
    pub keep: Keep,
}

/// Which lines of a body stay when it is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The first ones.
    Head,
    /// The last ones: the newest of a log.
    Tail,
    /// The first and the last ones.
    Both,
}

/// A cut that the tool made before drafting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// How many there are, if that is known.
    pub total: Option<u64>,
    /// How many are here, if that is countable.
    pub shown: Option<u64>,
    /// Of what: `lines`, `containers`, `bytes`.
    pub what: &'static str,
    /// How to get the rest.
    pub hint: String,
}

impl Draft {
    /// A result that is one object. Anything but an object is put under `result`.
    #[must_use]
    pub fn object(value: Value) -> Self {
        let data = match value {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other => Map::from_iter([("result".to_owned(), other)]),
        };
        Self { data, ..Self::default() }
    }

    /// A result that is a list, shown as a table.
    #[must_use]
    pub fn list(key: &'static str, columns: &'static [&'static str], rows: Vec<Row>) -> Self {
        Self { list: Some(List { key, columns, rows }), ..Self::default() }
    }

    /// A result that is a text.
    #[must_use]
    pub fn body(key: &'static str, text: impl Into<String>, keep: Keep) -> Self {
        Self::default().and_body(key, text, keep)
    }

    /// One more text.
    #[must_use]
    pub fn and_body(mut self, key: &'static str, text: impl Into<String>, keep: Keep) -> Self {
        self.bodies.push(Body { key, text: text.into(), keep });
        self
    }

    /// One more fact.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.insert(key.into(), value.into());
        self
    }

    /// A sentence for the reader: an element of `notes` in the JSON, a line of the text.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        let notes = self.data.entry("notes").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = notes {
            list.push(Value::String(text.into()));
        }
        self
    }

    /// The first lines of the text.
    #[must_use]
    pub fn head(mut self, text: impl Into<String>) -> Self {
        self.head = text.into();
        self
    }

    /// The last lines of the text.
    #[must_use]
    pub fn tail(mut self, text: impl Into<String>) -> Self {
        self.tail = text.into();
        self
    }

    /// The tool has cut already.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Self {
        self.truncated = Some(cut);
        self
    }

    /// Secrets to mask in all of it.
    #[must_use]
    pub fn learned(mut self, learned: Learned) -> Self {
        self.learned = self.learned.merge(&learned);
        self
    }

    /// Keys that stay although null or empty.
    #[must_use]
    pub const fn keep_empty(mut self, keys: &'static [&'static str]) -> Self {
        self.keep_empty = keys;
        self
    }

    /// Keys of the data that the text says in other words.
    #[must_use]
    pub const fn told(mut self, keys: &'static [&'static str]) -> Self {
        self.told = keys;
        self
    }

    /// How to get the rest, for the line that says something was cut.
    #[must_use]
    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }
}

impl Row {
    /// A row in its two forms.
    #[must_use]
    pub fn new<C: Into<String>>(json: Value, cells: impl IntoIterator<Item = C>) -> Self {
        Self { json, cells: cells.into_iter().map(Into::into).collect() }
    }
}
