//! Every read tool, every form of address, every hidden object: the answer of an object that does not exist.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::addresses::{OF_A_NAME, OF_AN_ID};
use crate::support::{Client, Fixture, Launch, ToolResult, engine};

/// Arguments whose value names an object.
const NAMING: &[&str] = &["container", "containers", "name", "network", "volume", "project", "image"];

/// A tool and one of its arguments that names an object.
struct Slot {
    tool: String,
    argument: String,
    /// The other arguments that the tool needs, or a kind that it can be told.
    rest: Value,
}

#[test]
fn what_is_hidden_is_answered_like_what_does_not_exist() {
    let Some(engine) = engine::at_hand("permissions::matrix") else { return };
    let fixture = Fixture::new(&engine);
    let before = fixture.state();
    let client = Launch::at(&engine.host).config(&fixture.config()).connect();
    let slots = slots(&client.tools());
    assert!(slots.iter().any(|s| s.argument == "container"), "no tool takes a container");

    let mut wrong = Vec::new();
    for slot in &slots {
        // The test must be able to fail: a visible one is found in the same way.
        if slot.argument == "container" {
            let shown = ask(&client, slot, &fixture.name("app"));
            assert!(shown.kind() != "not_found", "{}: {}", slot.tool, shown.text);
        }
        for (hidden, absent) in pairs(&fixture) {
            let forms = if hidden.len() == 64 { OF_AN_ID } else { OF_A_NAME };
            for (form, write) in forms {
                let there = ask(&client, slot, &write(&hidden));
                let nowhere = ask(&client, slot, &write(&absent));
                let (there, nowhere) =
                    (plain(&there, &write(&hidden), &hidden), plain(&nowhere, &write(&absent), &absent));
                if there != nowhere {
                    wrong.push(format!(
                        "{} {}={form} of {hidden}:\n  hidden: {there}\n  absent: {nowhere}",
                        slot.tool, slot.argument
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences, the first ones:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
    assert_eq!(fixture.state(), before, "a hidden object changed");
}

#[test]
fn short_prefixes_tell_of_visible_ids_only() {
    let Some(engine) = engine::at_hand("permissions::prefixes") else { return };
    let fixture = Fixture::new(&engine);
    let client = Launch::at(&engine.host).config(&fixture.config()).connect();
    let slots = slots(&client.tools());
    let Some(slot) = slots.iter().find(|s| s.argument == "container") else {
        panic!("no tool takes a container")
    };
    let outcome = |word: &str| plain(&ask(&client, slot, word), word, word);

    // One and two digits: every one of them. Whatever they answer, it may follow from what is visible alone.
    let digits: Vec<String> = (0..16).map(|d| format!("{d:x}")).collect();
    let two = digits.iter().flat_map(|a| digits.iter().map(move |b| format!("{a}{b}")));
    let short: Vec<String> = digits.iter().cloned().chain(two).collect();
    let starts: BTreeSet<bool> =
        short.iter().map(|s| fixture.shown.iter().any(|id| id.starts_with(s.as_str()))).collect();
    assert_eq!(starts.len(), 2);
    let untouched: BTreeSet<String> = short
        .iter()
        .filter(|s| !fixture.shown.iter().any(|id| id.starts_with(s.as_str())))
        .map(|s| outcome(s))
        .collect();
    assert_eq!(untouched.len(), 1, "prefixes of no visible id are answered differently: {untouched:?}");

    // Longer ones of hidden ids, up to the whole.
    let not_there = outcome("0123456789abcdef");
    for id in &fixture.hidden {
        for length in (4..=64).filter(|l| fixture.shown.iter().all(|s| s[..*l] != id[..*l])) {
            assert_eq!(outcome(&id[..length]), not_there, "{length} digits of a hidden id");
        }
    }
    let shown = ask(&client, slot, &fixture.shown[0][..12]);
    assert_ne!(shown.kind(), "not_found", "twelve digits of a visible id: {}", shown.text);
}

/// Hidden words, each beside one of the same length that exists nowhere.
fn pairs(fixture: &Fixture) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> =
        ["vault", "vault-stopped", "vaultdb", "web/safe", "vdata", "vold", "secretnet"]
            .map(|n| (fixture.name(n), fixture.name(&"nonesuch-nonesuch"[..n.len()])))
            .to_vec();
    let network = fixture.scope.engine.inspect("network", &fixture.name("secretnet"));
    let ids = fixture.hidden.iter().map(String::as_str).chain(network["Id"].as_str());
    pairs.extend(ids.map(|id| {
        // The same digits in another order start like nothing that exists.
        let absent: String = id.chars().rev().collect();
        (id.to_owned(), absent)
    }));
    pairs
}

/// The answer without what belongs to the call: the word that was asked, and the id of the call.
fn plain(result: &ToolResult, asked: &str, core: &str) -> String {
    let call = result.structured.pointer("/error/correlation_id").and_then(Value::as_str).unwrap_or("\0");
    let mut text = result.whole().replace(call, "<call>");
    // As it was sent, as it stands in JSON, and what is left of it when it is cleaned.
    let quoted = Value::from(asked).to_string();
    let cleaned: String = asked.chars().filter(|c| !c.is_control()).collect();
    let lower = core.to_uppercase();
    for word in [asked, &quoted[1..quoted.len() - 1], cleaned.trim(), core, &lower] {
        if !word.is_empty() {
            text = text.replace(word, "<asked>");
        }
    }
    text
}

fn ask(client: &Client, slot: &Slot, word: &str) -> ToolResult {
    let mut arguments = slot.rest.clone();
    arguments[&slot.argument] = json!(word);
    client.call(&slot.tool, &arguments)
}

/// Every argument of every tool that names an object, with the least that the tool needs beside it.
fn slots(tools: &[Value]) -> Vec<Slot> {
    let mut slots = Vec::new();
    for tool in tools {
        let schema = &tool["inputSchema"];
        let Some(properties) = schema["properties"].as_object() else { continue };
        for argument in properties.keys().filter(|k| NAMING.contains(&k.as_str())) {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let mut rest = json!({});
            for needed in required.iter().filter_map(Value::as_str).filter(|n| n != argument) {
                rest[needed] = filler(needed, &properties[needed]);
            }
            if properties.contains_key("timeout") {
                rest["timeout"] = json!("2s");
            }
            let name = tool["name"].as_str().unwrap().to_owned();
            let kinds = match argument == "name" && properties.contains_key("kind") {
                true => ["container", "image", "network", "volume"].as_slice(),
                false => &[""],
            };
            for kind in kinds {
                let mut rest = rest.clone();
                if !kind.is_empty() {
                    rest["kind"] = json!(kind);
                }
                slots.push(Slot { tool: name.clone(), argument: argument.clone(), rest });
            }
        }
    }
    slots
}

/// Something that an argument accepts.
fn filler(name: &str, schema: &Value) -> Value {
    match (name, schema["enum"].get(0)) {
        ("until", _) => json!("running"),
        (_, Some(first)) => first.clone(),
        _ => json!("x"),
    }
}
