//! Input schemas, small and portable: some clients refuse a whole list because of one keyword.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Made once a type: every call reads its arguments by it.
static MADE: LazyLock<Mutex<HashMap<TypeId, Arc<Map<String, Value>>>>> = LazyLock::new(Mutex::default);

/// The schema of `T`: inlined, without `$schema`, titles, number formats and null alternatives.
#[must_use]
pub fn of<T: JsonSchema + 'static>() -> Arc<Map<String, Value>> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(made.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make::<T>())))
}

/// The schema of a change: what all changes take stands beside `T`.
#[must_use]
pub fn of_change<T: JsonSchema + 'static>() -> Arc<Map<String, Value>> {
    struct Change<T>(std::marker::PhantomData<T>);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let schema = made.entry(TypeId::of::<Change<T>>()).or_insert_with(|| {
        let mut schema = make::<T>();
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("confirm_token".into(), json!({ "type": "string" }));
            properties.insert("dry_run".into(), json!({ "type": "boolean" }));
        }
        Arc::new(schema)
    });
    Arc::clone(schema)
}

fn make<T: JsonSchema>() -> Map<String, Value> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut value = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut value);
    match value {
        Value::Object(mut map) => {
            map.remove("description"); // the tool's own summary says it
            map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            map
        }
        _ => Map::new(),
    }
}

/// Takes away what costs tokens or trips validators and says nothing that the rest does not.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("title");
            map.remove("default");
            // `uint32` and friends are no JSON Schema formats: validators warn on every start.
            if map
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|f| f.starts_with("uint") || f.starts_with("int"))
            {
                map.remove("format");
            }
            without_null(map);
            for (key, inner) in map.iter_mut() {
                if key == "description" {
                    one_line(inner);
                } else {
                    tidy(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// An optional argument is one that may be left out; `null` is still accepted, but not advertised.
fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(options)) = map.get_mut("anyOf") {
        options.retain(|o| o.get("type").is_none_or(|t| t != "null"));
        if options.len() == 1
            && let Some(Value::Object(only)) = options.pop()
        {
            map.remove("anyOf");
            for (key, value) in only {
                map.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(options)) = map.get_mut("enum") {
        options.retain(|o| !o.is_null());
    }
}

fn one_line(text: &mut Value) {
    if let Value::String(s) = text {
        *s = s.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}
