//! Every read tool, every form of address, every hidden object: the answer of an object that does not exist.

use std::collections::BTreeSet;

use serde_json::Value;

use super::addresses::{OF_A_NAME, OF_AN_ID};
use crate::support::probe::slots;
use crate::support::{Fixture, Launch, ToolResult, engine};

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
            let shown = slot.ask(&client, &fixture.name("app"));
            assert!(shown.kind() != "not_found", "{}: {}", slot.tool, shown.text);
        }
        for (hidden, absent) in pairs(&fixture) {
            let forms = if hidden.len() == 64 { OF_AN_ID } else { OF_A_NAME };
            for (form, write) in forms {
                let there = slot.ask(&client, &write(&hidden));
                let nowhere = slot.ask(&client, &write(&absent));
                let (there, nowhere) = (plain(&there, &write(&hidden)), plain(&nowhere, &write(&absent)));
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
    let outcome = |word: &str| plain(&slot.ask(&client, word), word);

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
    let shown = slot.ask(&client, &fixture.shown[0][..12]);
    assert_ne!(shown.kind(), "not_found", "twelve digits of a visible id: {}", shown.text);
}

/// Hidden words, each beside one of the same length and looks that exists nowhere.
fn pairs(fixture: &Fixture) -> Vec<(String, String)> {
    let names = [
        ("vault", "vaulx"),
        ("vault-stopped", "vaulx-stopped"),
        ("vaultdb", "vaulxdb"),
        ("web/safe", "web/safx"),
        ("vdata", "vdatx"),
        ("vold", "volx"),
        ("secretnet", "secretnex"),
    ];
    let mut pairs = names.map(|(there, nowhere)| (fixture.name(there), fixture.name(nowhere))).to_vec();
    // What the filters name and nobody made does not exist either.
    pairs.push((fixture.name("vaulty"), fixture.name("vaulxy")));
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
fn plain(result: &ToolResult, asked: &str) -> String {
    let call = result.structured.pointer("/error/correlation_id").and_then(Value::as_str).unwrap_or("\0");
    let mut text = result.whole().replace(call, "<call>");
    // As it was sent, as it stands in JSON, and what is left of it when it is cleaned.
    let quoted = Value::from(asked).to_string();
    let without: String = asked.chars().filter(|c| !c.is_control() && *c != '\u{200b}').collect();
    let spaced: String = asked.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for word in [asked, &quoted[1..quoted.len() - 1], &without, &spaced, without.trim(), spaced.trim()] {
        text = text.replace(&format!("`{word}`"), "`<asked>`");
    }
    text
}
