//! The example is the default, whole and in words.

use std::time::Duration;

use super::*;
use crate::config::tree::{At, Value};

#[test]
fn it_loads_and_equals_the_defaults() {
    let loaded = loaded(&sources(), EXAMPLE);
    assert_eq!(loaded.settings.warnings, []);
    let defaults = toml("");
    let pairs = |s: &Settings| -> Vec<(String, String)> {
        s.describe().iter().map(|d| (d.key.clone(), d.value.clone())).collect()
    };
    assert_eq!(pairs(&loaded.settings), pairs(&defaults));
    assert_eq!(loaded.settings.log, defaults.log);
    assert!(loaded.settings.hosts.is_empty() && loaded.settings.roles.is_empty());
}

#[test]
fn it_loads_with_everything_set() {
    let settings = toml(&keys::uncommented(EXAMPLE));
    assert_eq!(settings.http.keys.len(), 1);
    assert_eq!(settings.roles.len(), 1);
    assert_eq!(settings.hosts.len(), 1);
    assert_eq!(settings.secrets.len(), 2);
    assert_eq!(settings.limits.cooldown["docker_compose_restart"].every, Duration::from_secs(300));
    assert_eq!(settings.create.limits.memory, Some(2 << 30));
    assert!(settings.http.oidc.is_some());
    assert!(settings.roles["ops"].limits.cooldown.contains_key("docker_restart"));
}

#[test]
fn it_holds_every_key_with_its_words() {
    let all = keys();
    assert!(all.len() > 130, "{}", all.len());
    for key in &all {
        assert!(!key.doc.is_empty(), "{} has no comment above it", key.key);
        assert!(
            key.doc.ends_with(['.', ':', '}', '*', '"']) || key.doc.contains(". "),
            "{}: {}",
            key.key,
            key.doc
        );
        assert!(!key.shape.is_empty());
    }
    let text = keys::uncommented(EXAMPLE);
    let file = TextFile::new("x", &text);
    let tree = parse::parse(&file, parse::Format::Toml).0;
    // What has a default but stands nowhere in the text would be a key that nobody can find.
    for described in toml("").describe() {
        let mut node = &tree;
        for part in described.key.split('.') {
            node = &node.get(part).unwrap_or_else(|| panic!("{} is not in the example", described.key)).node;
        }
    }
}

fn names(node: &Node, out: &mut Vec<std::ops::Range<usize>>, chosen: bool) {
    for field in node.fields() {
        if let (At::File(span), false) = (&field.at, chosen) {
            out.push(span.clone());
        }
        let free = !chosen && ["hosts", "roles", "secrets", "cooldown"].contains(&field.key.as_str());
        names(&field.node, out, free);
        if let Value::List(items) = &field.node.value {
            items.iter().for_each(|item| names(item, out, false));
        }
    }
}

#[test]
fn every_name_with_a_letter_dropped_is_refused_and_the_right_one_is_named() {
    let text = keys::uncommented(EXAMPLE);
    let file = TextFile::new("x", &text);
    let mut spans = Vec::new();
    names(&parse::parse(&file, parse::Format::Toml).0, &mut spans, false);
    assert!(spans.len() > 120, "{}", spans.len());
    let mut tried = 0;
    for span in spans {
        let name = &text[span.clone()];
        for drop in 0..name.len() {
            let wrong = format!("{}{}", &name[..drop], &name[drop + 1..]);
            if wrong.is_empty() {
                continue;
            }
            let broken = format!("{}{wrong}{}", &text[..span.start], &text[span.end..]);
            let list = problems(&broken);
            let line = file.line(span.start);
            let found = list.iter().any(|p| {
                p.message.contains(&format!("`{wrong}` is not a key"))
                    && p.hint.as_deref().is_some_and(|h| h.starts_with(&format!("did you mean `{name}`")))
            });
            assert!(found, "{name} -> {wrong} on line {line}: {list:#?}");
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried}");
}
