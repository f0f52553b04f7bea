//! Arguments that cannot be used: refused before anything is done.

use serde_json::{Value, json};

use super::each;
use super::rows::ROWS;
use super::site::Site;
use crate::support::engine;

#[test]
fn bad_arguments_are_refused_and_do_nothing() {
    let Some(engine) = engine::at_hand("served::bad") else { return };
    each(ROWS, |row| {
        let site = Site::new(&engine);
        let good = (row.make)(&site);
        let before = site.state();
        let client = site.client();
        let tools = client.tools();
        let tool = tools.iter().find(|t| t["name"] == row.tool).unwrap();
        let mut bad = of_schema(&tool["inputSchema"], &good);
        let own = (row.bad)(&site);
        assert!(!own.is_empty() || good == json!({}), "{}: no bad arguments of its own", row.tool);
        for (change, word) in own {
            bad.push((merged(&good, &change), word.to_owned()));
        }
        for (arguments, word) in bad {
            let refused = client.call(row.tool, &arguments);
            let what = format!("{} {arguments}: {}", row.tool, refused.text);
            assert_eq!(refused.kind(), "invalid_arguments", "{what}");
            assert_eq!(refused.structured["error"]["effect"], "none", "{what}");
            assert!(refused.text.contains(&word), "it does not say `{word}`: {what}");
        }
        assert_eq!(site.state(), before, "{}: something was done", row.tool);
    });
}

/// A key that nobody knows; each argument with a value of another type; each needed one left out; each list that is
/// needed, empty.
fn of_schema(schema: &Value, good: &Value) -> Vec<(Value, String)> {
    let mut bad = vec![(merged(good, &json!({ "no_such_key": 1 })), "no_such_key".to_owned())];
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let types: Vec<&str> = match &property["type"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let wrong = match types.as_slice() {
            types if types.contains(&"object") => json!(17),
            ["boolean"] => json!("perhaps"),
            _ => json!({ "x": { "y": 1 } }),
        };
        bad.push((merged(good, &json!({ name: wrong })), name.clone()));
        if required.contains(&name.as_str()) {
            let mut without = good.clone();
            without.as_object_mut().unwrap().remove(name);
            bad.push((without, name.clone()));
            if types.contains(&"array") {
                bad.push((merged(good, &json!({ name: [] })), "empty".to_owned()));
            }
        }
    }
    bad
}

pub fn merged(good: &Value, change: &Value) -> Value {
    let mut all = good.clone();
    for (key, value) in change.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}
