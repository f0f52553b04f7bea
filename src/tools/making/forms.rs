//! The forms that callers write options in.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::words;

/// Names and texts; numbers and booleans count as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub BTreeMap<String, String>);

/// Pairs, as an object or as `"a:b"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pairs {
    /// `{"80": 8080}`
    Map(Vec<(String, String)>),
    /// `["8080:80"]`
    #[default]
    Nothing,
    /// `["8080:80"]`
    Lines(Vec<String>),
}

/// Words, or a line of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argv {
    /// As written.
    Line(String),
    /// One by one.
    Words(Vec<String>),
}

/// A number, or a text such as `512m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(pub String);

impl Argv {
    /// The words.
    pub fn words(&self) -> Result<Vec<String>, &'static str> {
        match self {
            Self::Words(words) => Ok(words.clone()),
            Self::Line(line) => words::split(line),
        }
    }
}

fn scalar<E: Error>(value: Value) -> Result<String, E> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(yes) => Ok(yes.to_string()),
        other => Err(E::custom(format!("expected text, found {other}"))),
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(map) => {
                let pair = |(key, value)| Ok((key, scalar(value)?));
                map.into_iter().map(pair).collect::<Result<_, D::Error>>().map(Self)
            }
            // Not the value: it may be a secret.
            _ => Err(D::Error::custom("expected an object of names and texts")),
        }
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Texts".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(line) => Ok(Self::Lines(vec![line])),
            Value::Array(lines) => lines.into_iter().map(scalar).collect::<Result<_, _>>().map(Self::Lines),
            Value::Object(map) => {
                let mut pairs = Vec::new();
                for (key, value) in map {
                    match value {
                        Value::Array(values) => {
                            for value in values {
                                pairs.push((key.clone(), scalar(value)?));
                            }
                        }
                        value => pairs.push((key, scalar(value)?)),
                    }
                }
                Ok(Self::Map(pairs))
            }
            other => Err(D::Error::custom(format!("expected an object or an array of texts, found {other}"))),
        }
    }
}

impl JsonSchema for Pairs {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pairs".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["object", "array"] })
    }
}

impl<'de> Deserialize<'de> for Argv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(line) => Ok(Self::Line(line)),
            Value::Array(words) => words.into_iter().map(scalar).collect::<Result<_, _>>().map(Self::Words),
            _ => Err(D::Error::custom("expected text or an array of texts")),
        }
    }
}

impl JsonSchema for Argv {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Argv".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            other => Err(D::Error::custom(format!("expected a number, found {other}"))),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"] })
    }
}
