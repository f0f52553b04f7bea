//! A whole session with every level on: whatever is called, with whatever arguments, what is hidden stays as it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use docker_mcp::policy::Right;
use docker_mcp::server::catalogue;
use serde_json::{Value, json};

use super::bad::merged;
use super::each;
use super::hidden::Hidden;
use super::rows::ROWS;
use super::site::Site;
use crate::support::probe::{plain_calls, slots};
use crate::support::{Client, engine};

/// A pull or a push would ask a registry on the internet.
const FAR: [&str; 3] = ["docker_pull", "docker_push", "docker_compose_pull"];

#[test]
fn a_session_leaves_what_is_hidden_as_it_is() {
    let Some(engine) = engine::at_hand("served::session") else { return };
    let site = Site::new(&engine);
    let hidden = Hidden::new(&site);
    let client = site.client();
    let tools = client.tools();
    let of_levels = catalogue::all().filter(|def| Right::of(def.spec.name).is_none());
    assert_eq!(tools.len(), of_levels.count(), "a tool is not served");
    let before = hidden.state();
    let words = hostile(&site, &hidden);
    let calls = AtomicUsize::new(0);
    let ask = |tool: &str, arguments: &Value| {
        calls.fetch_add(1, Ordering::SeqCst);
        told_nothing(&client, &hidden, tool, arguments);
    };

    // Good ones: each tool that changes something does so, the prunes included.
    for (number, row) in ROWS.iter().enumerate().filter(|(_, row)| !FAR.contains(&row.tool)) {
        let own = site.within(number);
        ask(row.tool, &(row.make)(&own));
    }
    for (tool, arguments) in plain_calls(&tools) {
        ask(&tool, &arguments);
    }
    assert_eq!(hidden.state(), before, "good arguments");

    // Hostile ones, in each argument that names an object, of every tool.
    for slot in slots(&tools) {
        for word in &words {
            let mut arguments = slot.arguments(word);
            if FAR.contains(&slot.tool.as_str()) {
                arguments["dry_run"] = json!(true);
            }
            ask(&slot.tool, &arguments);
        }
    }
    assert_eq!(hidden.state(), before, "names of what is hidden");

    // And in every other argument that takes words; a token is a word that is compared, and no more.
    each(ROWS.iter().filter(|row| !FAR.contains(&row.tool)), |row| {
        let own = site.within(100 + ROWS.iter().position(|r| r.tool == row.tool).unwrap());
        let good = (row.make)(&own);
        let tool = tools.iter().find(|t| t["name"] == row.tool).unwrap();
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        for (name, schema) in properties.iter().filter(|(name, _)| *name != "confirm_token") {
            for word in &words {
                for value in shaped(schema, word) {
                    ask(row.tool, &merged(&good, &json!({ name: value })));
                }
            }
        }
    });
    assert_eq!(hidden.state(), before, "words in other arguments");
    assert!(calls.into_inner() > 1500, "few calls");
}

/// Names, ids and places of what is hidden, and ways to write past a check of names.
fn hostile(site: &Site, hidden: &Hidden<'_>) -> Vec<String> {
    let n = |short: &str| site.name(short);
    let hex = hidden.image.strip_prefix("sha256:").unwrap();
    vec![
        n("vault"),
        format!("/{}", n("vault-idle")),
        format!("{}/safe", n("web")),
        hidden.container.clone(),
        hidden.container[..12].to_owned(),
        n("secretnet"),
        hidden.network[..12].to_owned(),
        n("secretvol"),
        n("secretold"),
        hidden.image.clone(),
        hex[..12].to_owned(),
        format!("{}/secret:1", site.scope.prefix),
        format!("container:{}", n("vault")),
        format!("{}:/v", n("secretvol")),
        format!("../containers/{}", hidden.container),
        format!("x/../../volumes/{}", n("secretvol")),
        format!("{}?force=1&v=1", n("vault")),
        format!("{}%2f..", n("vault")),
    ]
}

/// The word as this argument could take it.
fn shaped(schema: &Value, word: &str) -> Vec<Value> {
    let types = match &schema["type"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let of = |kind: &Value| match kind.as_str() {
        Some("string") => Some(json!(word)),
        Some("array") => Some(json!([word])),
        Some("object") => Some(json!({ word: "/x" })),
        _ => None,
    };
    types.iter().filter_map(of).collect()
}

/// Whatever the answer is, it says nothing of what is hidden that the call did not say.
fn told_nothing(client: &Client, hidden: &Hidden<'_>, tool: &str, arguments: &Value) {
    let answer = client.call(tool, arguments);
    let (asked, whole) = (arguments.to_string(), answer.whole());
    for word in hidden.words().iter().filter(|word| !asked.contains(word.as_str())) {
        assert!(!whole.contains(word.as_str()), "{tool} {arguments}: {word} in {}", answer.text);
    }
}
