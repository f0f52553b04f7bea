//! Values of the model, each with its place, so that whatever is wrong can be named.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Refused;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    value: &'a Value,
    place: String,
}

/// Deeper than any model is; `serde_json` reads no deeper than 128.
const DEPTH: usize = 100;

const CLOSED: &str = "leave it out: what a key does that is not known here cannot be judged";

/// The model with its `$$` read as `$`, as compose will read them. Compose prints every `$` twice; one that is alone would be
/// replaced when the model is used, by something that was never looked at.
pub(super) fn plain(json: &Value) -> Result<Value, Refused> {
    unescaped(json, "", 0)
}

fn unescaped(value: &Value, place: &str, depth: usize) -> Result<Value, Refused> {
    if depth > DEPTH {
        return Err(Refused::new(place, "too many levels within each other", "make it flatter"));
    }
    Ok(match value {
        Value::String(text) if text.contains('$') => {
            if text.replace("$$", "").contains('$') {
                let why = "a `$` is left in it that would be replaced later";
                return Err(Refused::new(place, why, "write `$$` for a `$`"));
            }
            Value::String(text.replace("$$", "$"))
        }
        Value::Array(list) => {
            let each = list
                .iter()
                .enumerate()
                .map(|(at, value)| unescaped(value, &format!("{place}[{at}]"), depth + 1));
            Value::Array(each.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let place = below(place, key);
                // Nobody replaces anything in these, and yet they are printed twice.
                if key.contains('$') {
                    return Err(Refused::new(place, "a key with a `$` in it", "choose another name"));
                }
                out.insert(key.clone(), unescaped(value, &place, depth + 1)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

fn below(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

impl<'a> At<'a> {
    pub(super) fn top(value: &'a Value) -> Self {
        Self { value, place: String::new() }
    }

    pub(super) fn refuse(&self, why: impl Into<String>, hint: impl Into<String>) -> Refused {
        Refused::new(self.place.clone(), why, hint)
    }

    fn expected(&self, what: &str) -> Refused {
        self.refuse(format!("expected {what}"), "it is not what compose prints")
    }

    pub(super) fn map(&self) -> Result<&'a Map<String, Value>, Refused> {
        self.value.as_object().ok_or_else(|| self.expected("keys and values"))
    }

    /// What stands at a key; null is nothing.
    pub(super) fn key(&self, key: &str) -> Result<Option<At<'a>>, Refused> {
        Ok(self.map()?.get(key).filter(|value| !value.is_null()).map(|value| self.at(key, value)))
    }

    /// As [`key`](Self::key), down a way of several.
    pub(super) fn way(&self, keys: &[&str]) -> Result<Option<At<'a>>, Refused> {
        let mut at = self.clone();
        for key in keys {
            match at.key(key)? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn at(&self, key: &str, value: &'a Value) -> At<'a> {
        At { value, place: below(&self.place, key) }
    }

    /// All keys with their values, nulls included.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, At<'a>)>, Refused> {
        Ok(self.map()?.iter().map(|(key, value)| (key.as_str(), self.at(key, value))).collect())
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Has it no keys but these? What begins with `x-` is for others.
    pub(super) fn closed(&self, known: &[&[&str]]) -> Result<(), Refused> {
        for (key, at) in self.entries()? {
            if !key.starts_with("x-") && !known.iter().any(|known| known.contains(&key)) {
                return Err(at.refuse("a key that is not known here", CLOSED));
            }
        }
        Ok(())
    }

    pub(super) fn list(&self) -> Result<Vec<At<'a>>, Refused> {
        let list = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let each = list.iter().enumerate();
        Ok(each.map(|(at, value)| At { value, place: format!("{}[{at}]", self.place) }).collect())
    }

    pub(super) fn text(&self) -> Result<&'a str, Refused> {
        self.value.as_str().ok_or_else(|| self.expected("a text"))
    }

    /// A text, a number or a flag, as a text.
    pub(super) fn scalar(&self) -> Result<String, Refused> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(yes) => Ok(yes.to_string()),
            _ => Err(self.expected("a text or a number")),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, Refused> {
        match self.value {
            Value::Bool(yes) => Ok(*yes),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(super) fn whole(&self) -> Result<i64, Refused> {
        self.scalar()?.parse().map_err(|_| self.expected("a whole number"))
    }

    pub(super) fn number(&self) -> Result<f64, Refused> {
        let number = self.scalar()?.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| self.expected("a number"))
    }

    /// One text, or a list of texts and numbers.
    pub(super) fn words(&self) -> Result<Vec<String>, Refused> {
        match self.value {
            Value::Array(_) => self.list()?.iter().map(At::scalar).collect(),
            _ => Ok(vec![self.scalar()?]),
        }
    }

    /// Names and texts; null is an empty one.
    pub(super) fn texts(&self) -> Result<BTreeMap<String, String>, Refused> {
        let each = self.entries()?.into_iter().map(|(key, at)| {
            let text = if at.is_null() { String::new() } else { at.scalar()? };
            Ok((key.to_owned(), text))
        });
        each.collect()
    }
}

/// A path of the host, as one.
pub(super) fn absolute(at: &At<'_>, text: &str) -> Result<std::path::PathBuf, Refused> {
    if text.starts_with('/') && !text.contains(['\0', '\n']) {
        return Ok(text.into());
    }
    Err(at.refuse("it is no absolute path of this host", "name a file or a folder"))
}

/// A path in a container as the engine writes it: without double or trailing slashes, and without dots.
pub(super) fn inside(at: &At<'_>, target: &str) -> Result<String, Refused> {
    let parts: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if !target.starts_with('/') || parts.is_empty() || parts.contains(&"..") || target.contains(['\0', '\n'])
    {
        return Err(at.refuse("it is no place for a mount", "an absolute path without `..`, and not `/`"));
    }
    Ok(format!("/{}", parts.join("/")))
}
