//! Through a JSON value, string by string.

use serde_json::Value;

use super::{Learned, Redactor};

pub(super) fn walk(redactor: &Redactor, value: &mut Value, learned: &Learned) {
    match value {
        Value::String(s) => *s = redactor.block(s, learned),
        Value::Array(list) => list.iter_mut().for_each(|v| walk(redactor, v, learned)),
        Value::Object(map) => map.iter_mut().for_each(|(_, v)| walk(redactor, v, learned)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
