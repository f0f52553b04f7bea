//! What is true of every tool, by the list that clients see.

use std::collections::BTreeSet;

use docker_mcp::policy::{Level, Right};
use docker_mcp::server::catalogue;
use docker_mcp::tool::ToolDef;
use serde_json::{Value, json};

use crate::support::Launch;

/// Those that callers without a role can have.
fn of_levels() -> impl Iterator<Item = &'static ToolDef> {
    catalogue::all().filter(|def| Right::of(def.spec.name).is_none())
}

/// What the list of the reading tools may cost: 3,000 tokens of four bytes.
const READ_ONLY_BYTES: usize = 12_000;
/// 11,000 tokens.
const ALL_BYTES: usize = 44_000;

#[test]
fn every_tool_is_one_that_clients_take() {
    let everything = "[permissions]\nlifecycle = true\nexec = true\ncreate = true\nimages = true\nvolumes = true\n\
                      networks = true\nsystem = true\n";
    let client = Launch::without_engine().config(everything).connect();
    let tools = client.tools();
    let served: BTreeSet<&str> = tools.iter().filter_map(|t| t["name"].as_str()).collect();
    let known: BTreeSet<&str> = of_levels().map(|def| def.spec.name).collect();
    assert_eq!(tools.len(), served.len(), "a name stands twice");
    assert_eq!(served, known, "with every level on, every tool is served");
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let fits = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(fits && name.starts_with("docker_") && name.len() <= 40, "{name}");
        let description = tool["description"].as_str().unwrap();
        assert!((20..2048).contains(&description.len()), "{name}: {description}");
        let schema = &tool["inputSchema"];
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(schema["additionalProperties"], false, "{name} takes anything");
        for combinator in ["oneOf", "anyOf", "allOf", "not", "if", "$ref"] {
            assert!(schema.get(combinator).is_none(), "{name} has `{combinator}` at its root");
        }
        assert!(
            !schema.to_string().contains("\"format\":\"u"),
            "{name} has a format that no client knows: {schema}"
        );
        assert!(tool.get("outputSchema").is_none(), "{name} spends tokens on an output schema");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} has no {hint}");
        }
    }
}

#[test]
fn no_name_is_both_served_and_promised() {
    let names: Vec<&str> = catalogue::names().collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), unique.len(), "a name stands twice");
    let source = include_str!("../../src/server/catalogue.rs");
    let later = source.split_once("const LATER: &[&str] = &[").unwrap().1.split_once("];").unwrap().0;
    let later: Vec<&str> = later.split('"').filter(|word| word.starts_with("docker_")).collect();
    assert!(!later.is_empty(), "the list was not found: {later:?}");
    // `names` leaves out of LATER what is served, so the source has to tell whether something is.
    for def in catalogue::all() {
        let name = def.spec.name;
        assert!(!later.contains(&name), "{name} is served: take it out of LATER");
    }
    assert!(later.iter().all(|name| unique.contains(name)), "{later:?}");
}

#[test]
fn the_list_of_the_default_is_short() {
    let client = Launch::without_engine().connect();
    let list = client.request("tools/list", json!({})).result()["tools"].to_string();
    eprintln!("tools/list of the default: {} bytes, about {} tokens", list.len(), list.len() / 4);
    assert!(list.len() <= READ_ONLY_BYTES, "{} bytes", list.len());
    let all_read = client.tools().iter().all(|t| t["annotations"]["readOnlyHint"] == true);
    assert!(all_read, "a tool of the default changes something");
    let mut again = client.tools();
    assert_eq!(again, client.tools(), "the order changes");
    again.sort_by_key(Value::to_string);
    again.dedup();
    assert_eq!(again.len(), client.tools().len());
}

#[test]
fn the_list_of_everything_is_not_long() {
    let levels: String = Level::ALL.iter().map(|level| format!("{} = true\n", level.name())).collect();
    let client = Launch::without_engine().config(&format!("[permissions]\n{levels}")).connect();
    let list = client.request("tools/list", json!({})).result()["tools"].to_string();
    eprintln!("tools/list of everything: {} bytes, about {} tokens", list.len(), list.len() / 4);
    assert!(list.len() <= ALL_BYTES, "{} bytes", list.len());
}

#[test]
fn an_argument_that_no_tool_knows_is_refused() {
    let client = Launch::without_engine().connect();
    for tool in client.tools() {
        let name = tool["name"].as_str().unwrap();
        let result = client.call(name, &json!({ "no_such_argument": 1 }));
        assert_eq!(result.kind(), "invalid_arguments", "{name}: {}", result.text);
        assert!(result.text.contains("no_such_argument"), "{}", result.text);
        // Roles and approvals never come from the caller.
        for claim in ["role", "approved", "bypass", "host", "DOCKER_HOST", "confirm"] {
            if tool["inputSchema"]["properties"].get(claim).is_none() {
                assert_eq!(
                    client.call(name, &json!({ claim: "admin" })).kind(),
                    "invalid_arguments",
                    "{name} {claim}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_tool_is_refused_with_the_nearest_name() {
    let client = Launch::without_engine().connect();
    let result = client.call("docker_p", &json!({}));
    assert_eq!(result.kind(), "invalid_arguments", "{}", result.text);
    assert!(result.text.contains("`docker_ps`"), "{}", result.text);
}

#[test]
fn a_tool_whose_level_is_off_is_neither_listed_nor_callable() {
    for off in Level::ALL {
        let levels = Level::ALL.iter().map(|l| format!("{} = {}\n", l.name(), *l != off));
        let config = format!("[permissions]\n{}", levels.collect::<String>());
        let client = Launch::without_engine().config(&config).connect();
        let listed = client.tools();
        for def in of_levels() {
            let name = def.spec.name;
            let needs = def.spec.levels.contains(&off);
            assert_eq!(listed.iter().any(|t| t["name"] == name), !needs, "{name} with `{}` off", off.name());
            if !needs {
                continue;
            }
            // With no arguments and with wrong ones: the refusal comes first.
            for arguments in [json!({}), json!({ "no_such_argument": 1 })] {
                let result = client.call(name, &arguments);
                assert_eq!(result.kind(), "permission_denied", "{name}: {}", result.text);
                assert!(result.text.contains(&format!("`{}`", off.name())), "{name}: {}", result.text);
                assert!(result.text.contains("[permissions]"), "no way out for {name}: {}", result.text);
            }
        }
        let denied = client.audit_wait(2 * (of_levels().count() - listed.len()));
        assert!(denied.iter().all(|line| line["decision"] == "denied"), "{denied:?}");
    }
}

#[test]
fn a_tool_that_is_switched_off_is_neither_listed_nor_callable() {
    let client = Launch::without_engine().config("[tools]\ndisable = [\"docker_p*\"]\n").connect();
    assert!(client.tools().iter().all(|t| t["name"] != "docker_ps"));
    for name in ["docker_ps", "list_containers", "ps"] {
        assert_eq!(client.call(name, &json!({})).kind(), "permission_denied", "{name}");
    }
    client.call("docker_health", &json!({})).ok();
}

#[test]
fn the_instructions_name_the_levels_that_are_off() {
    let hello = Launch::without_engine().start().initialize();
    let text = hello["instructions"].as_str().unwrap();
    for level in ["lifecycle", "exec", "create", "images", "volumes", "networks", "system"] {
        assert!(text.contains(level), "`{level}` is missing in: {text}");
    }
    assert!(text.len() < 2048);
}
