//! From the caller's JSON to typed arguments, forgiving in form and strict in meaning.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::ToolError;

/// No tool takes as many arguments.
const MOST: usize = 64;

/// Reads `arguments` as `T`.
///
/// Objects, arrays, numbers and booleans may arrive as JSON strings, because some clients send them so; a `null` is an
/// argument left out.
///
/// # Errors
/// `invalid_arguments` with the field, what is wrong, and the nearest name for an unknown one.
pub fn read<T: DeserializeOwned>(
    schema: &Map<String, Value>,
    mut arguments: Map<String, Value>,
) -> Result<T, ToolError> {
    if arguments.len() > MOST {
        return Err(ToolError::invalid(format!("more than {MOST} arguments")).hint("no tool takes as many"));
    }
    arguments.retain(|_, value| !value.is_null());
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, value) in &mut arguments {
        match properties.and_then(|p| p.get(name)) {
            Some(property) => unquote(property, value),
            None => return Err(unknown(name, properties)),
        }
    }
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|e| {
        let path = e.path().to_string();
        let inner = plain(&e.into_inner().to_string());
        let message = if path == "." { inner } else { format!("`{path}`: {inner}") };
        ToolError::invalid(message).hint("the tool's input schema lists its arguments and their types")
    })
}

/// What every change takes, and the rest.
///
/// # Errors
/// `invalid_arguments` for a token that is no text, or a `dry_run` that is neither true nor false.
pub fn of_change(
    mut arguments: Map<String, Value>,
) -> Result<(Option<String>, bool, Map<String, Value>), ToolError> {
    let token = match arguments.remove("confirm_token") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) => Some(token),
        Some(_) => {
            return Err(ToolError::invalid("`confirm_token` must be text").hint("repeat it as it came"));
        }
    };
    let dry_run = match arguments.remove("dry_run") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(Value::String(word)) if word == "false" => false,
        Some(Value::String(word)) if word == "true" => true,
        Some(_) => return Err(ToolError::invalid("`dry_run` must be true or false").hint("leave it out")),
    };
    Ok((token, dry_run, arguments))
}

/// serde's words without Rust's names of types.
fn plain(message: &str) -> String {
    const WORDS: &[(&str, &str)] = &[
        ("expected usize", "expected a whole number from 0"),
        ("expected u64", "expected a whole number from 0"),
        ("expected u32", "expected a whole number from 0"),
        ("expected u16", "expected a whole number from 0"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a string", "expected text"),
        ("expected a sequence", "expected an array"),
        ("expected a map", "expected an object"),
        ("sequence", "array"),
        (": map,", ": object,"),
        ("unknown field", "unknown key"),
        ("unknown variant", "unknown word"),
    ];
    let mut text = message.to_owned();
    if let Some((before, after)) = text.clone().split_once("expected struct ") {
        let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
        text = format!("{before}expected an object {rest}").trim_end().to_owned();
    }
    for (rust, word) in WORDS {
        text = text.replace(rust, word);
    }
    text
}

fn unknown(name: &str, properties: Option<&Map<String, Value>>) -> ToolError {
    let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let error = ToolError::invalid(format!("unknown argument `{name}`"));
    if name == "approved" && known.contains(&"confirm_token") {
        // A flag that the asker sets itself approves nothing.
        return error
            .hint("leave it out: a call that needs a confirmation says so, and gives a confirm_token");
    }
    match nearest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("this tool takes no arguments"),
        None => error.hint(format!("it takes: {}", known.join(", "))),
    }
}

/// The name that was probably meant, if one is near enough.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (strsim::damerau_levenshtein(&name.to_ascii_lowercase(), k), k))
        .filter(|(distance, k)| *distance <= 2.max(k.len() / 3) || k.contains(name))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// Turns `"5"` into `5` where the schema takes a number and no text.
fn unquote(property: &Value, value: &mut Value) {
    let Value::String(text) = value else { return };
    let mut types = Vec::new();
    collect_types(property, &mut types);
    let wanted = |v: &Value| {
        let name = match v {
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::String(_) | Value::Null => return false,
        };
        types.contains(&name) || (name == "integer" && types.contains(&"number"))
    };
    // Where text is allowed as well, only a bracket shows that JSON was meant: `"5"` may be a container's name.
    let plain_text_ok = types.contains(&"string");
    if plain_text_ok && !text.trim_start().starts_with(['[', '{']) {
        return;
    }
    if let Ok(parsed) = serde_json::from_str::<Value>(text.trim())
        && wanted(&parsed)
    {
        *value = parsed;
    }
}

fn collect_types<'a>(property: &'a Value, out: &mut Vec<&'a str>) {
    match property.get("type") {
        Some(Value::String(one)) => out.push(one),
        Some(Value::Array(many)) => out.extend(many.iter().filter_map(Value::as_str)),
        _ => {}
    }
    for key in ["anyOf", "oneOf"] {
        for option in property.get(key).and_then(Value::as_array).into_iter().flatten() {
            collect_types(option, out);
        }
    }
}

/// A string, or an array of strings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match Value::deserialize(deserializer)? {
            Value::String(one) => Ok(Self(vec![one])),
            Value::Array(many) => many
                .into_iter()
                .map(|v| match v {
                    Value::String(s) => Ok(s),
                    other => Err(D::Error::custom(format!("expected text, found {other}"))),
                })
                .collect::<Result<_, _>>()
                .map(Self),
            other => Err(D::Error::custom(format!("expected text or an array of texts, found {other}"))),
        }
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}
