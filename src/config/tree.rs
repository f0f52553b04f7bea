//! One small tree for TOML and JSON: every value knows where it stands.

use std::ops::Range;
use std::sync::Arc;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Bytes of the file.
    File(Range<usize>),
    /// A variable, by name.
    Env(Arc<str>),
    /// An option of the command line.
    Flag(Arc<str>),
    /// Nobody wrote it.
    Nowhere,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where.
    pub at: At,
    /// What.
    pub value: Value,
}

/// A value as written.
#[derive(Debug, Clone)]
pub enum Value {
    /// JSON's `null`: not set.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that is not whole, or too large to be held as one.
    Float(f64),
    /// A string.
    Text(String),
    /// A date or time of TOML; no key takes one.
    Date,
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the file; keys are unique.
    Table(Vec<Field>),
}

/// A key of a table.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub key: String,
    /// Where the name stands.
    pub at: At,
    /// What it holds.
    pub node: Node,
}

impl Node {
    /// What it is, with an article.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::Date => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The fields of a table.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match &self.value {
            Value::Table(fields) => fields,
            _ => &[],
        }
    }

    /// The field of that name, unless it is null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Field> {
        self.fields().iter().find(|f| f.key == key && !matches!(f.node.value, Value::Null))
    }
}
