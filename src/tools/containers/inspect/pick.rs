//! Fields out of what the engine says, under our names.

use serde_json::{Map, Value};

/// Copies what says something: not null, not empty, not zero, not false, not the year one.
pub(super) fn copy(raw: &Value, fields: &[(&str, &str)]) -> Map<String, Value> {
    let field = |(key, pointer): &(&str, &str)| {
        raw.pointer(pointer).filter(|v| says_something(v)).map(|v| ((*key).to_owned(), v.clone()))
    };
    fields.iter().filter_map(field).collect()
}

/// Adds it if it says something.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    let value = value.into();
    if says_something(&value) {
        map.insert(key.to_owned(), value);
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty() && !s.starts_with("0001-01-01T"),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

pub(super) fn text<'v>(raw: &'v Value, pointer: &str) -> &'v str {
    raw.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(raw: &Value, pointer: &str) -> u64 {
    raw.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

pub(super) fn array<'v>(raw: &'v Value, pointer: &str) -> &'v [Value] {
    raw.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn entries<'v>(raw: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    raw.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// `KEY=VALUE` pairs as a map: masked by key on the way out.
pub(super) fn environment(raw: &Value, pointer: &str) -> Map<String, Value> {
    let pair = |v: &Value| {
        let (key, value) = v.as_str()?.split_once('=').or_else(|| Some((v.as_str()?, "")))?;
        Some((key.to_owned(), value.into()))
    };
    array(raw, pointer).iter().filter_map(pair).collect()
}

/// A time that the engine gives in nanoseconds.
pub(super) fn span(nanos: u64) -> Value {
    let (millis, rest) = (nanos / 1_000_000, nanos % 1_000_000_000);
    match (millis, rest) {
        (0, _) => Value::Null,
        (_, 0) => crate::output::duration(millis / 1000).into(),
        _ => format!("{millis}ms").into(),
    }
}

/// A health check, as containers and images have it.
pub(super) fn healthcheck(raw: &Value) -> Map<String, Value> {
    let mut map = copy(raw, &[("test", "/Test"), ("retries", "/Retries")]);
    for (key, pointer) in [
        ("interval", "/Interval"),
        ("timeout", "/Timeout"),
        ("start_period", "/StartPeriod"),
        ("start_interval", "/StartInterval"),
    ] {
        put(&mut map, key, span(number(raw, pointer)));
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_says_nothing_is_left_out() {
        let raw = json!({ "A": null, "B": "", "C": 0, "D": false, "E": [], "F": {}, "G": "0001-01-01T00:00:00Z", "H": "x" });
        let fields = ["A", "B", "C", "D", "E", "F", "G", "H"].map(|k| (k, format!("/{k}")));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, p)| (*k, p.as_str())).collect();
        assert_eq!(Value::Object(copy(&raw, &fields)), json!({ "H": "x" }));
    }

    #[test]
    fn environments_and_spans() {
        let raw = json!({ "Env": ["A=b=c", "EMPTY=", "BARE"] });
        assert_eq!(Value::Object(environment(&raw, "/Env")), json!({ "A": "b=c", "EMPTY": "", "BARE": "" }));
        assert_eq!(span(2_000_000_000), "2s");
        assert_eq!(span(1_500_000_000), "1500ms");
        assert_eq!(span(0), Value::Null);
    }
}
