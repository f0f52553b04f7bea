//! Lists, counts, events and inspections of what is visible do not show what is hidden beside it.

use serde_json::{Value, json};

use crate::support::probe::{plain_calls, slots, views};
use crate::support::{Client, Fixture, Launch, engine};

/// Every call that the tools allow, on everything that is visible.
pub fn all_calls(client: &Client, fixture: &Fixture) -> Vec<(String, Value)> {
    let tools = client.tools();
    let mut calls = Vec::new();
    for (tool, least) in plain_calls(&tools) {
        calls.extend(views(&tools, &tool, &least).into_iter().map(|v| (tool.clone(), v)));
    }
    for slot in slots(&tools) {
        for word in ["app", "web", "shared", "appdata"]
            .map(|n| fixture.name(n))
            .iter()
            .map(String::as_str)
            .chain(["docker-mcp/base"])
        {
            let least = slot.arguments(word);
            calls.extend(views(&tools, &slot.tool, &least).into_iter().map(|v| (slot.tool.clone(), v)));
        }
    }
    calls
}

#[test]
fn nothing_that_is_visible_tells_of_what_is_hidden() {
    let Some(engine) = engine::at_hand("permissions::outputs") else { return };
    let fixture = Fixture::new(&engine);
    // Something for the events.
    engine.docker(&["exec", &fixture.name("vault"), "true"]);
    engine.docker(&["restart", "-t", "0", &fixture.name("vaultdb")]);
    let before = fixture.state();
    let forbidden = fixture.forbidden();
    let client = Launch::at(&engine.host).config(&fixture.config()).arg("--log-level").arg("info").connect();

    let mut told = Vec::new();
    let mut seen = String::new();
    for (tool, arguments) in all_calls(&client, &fixture) {
        let whole = client.call(&tool, &arguments).whole();
        for word in forbidden.iter().filter(|w| whole.contains(w.as_str())) {
            let at = whole.find(word.as_str()).unwrap();
            let from = whole.floor_char_boundary(at.saturating_sub(80));
            let to = whole.ceil_char_boundary((at + 80).min(whole.len()));
            told.push(format!("{tool} {arguments}: {word} in ...{}...", &whole[from..to]));
        }
        seen.push_str(&whole);
    }
    assert!(
        told.is_empty(),
        "{} places, the first ones:\n{}",
        told.len(),
        told[..told.len().min(8)].join("\n")
    );
    // The test must be able to fail: what is visible was seen, also in the events, where hidden ones happened too.
    let events = client.call("docker_events", &json!({ "since": "10m", "duration": "1s" })).ok();
    assert!(events.text.contains(&fixture.name("app")), "{}", events.text);
    for word in ["app", "web", "shared", "appdata"].map(|n| fixture.name(n)) {
        assert!(seen.contains(&word), "{word} was not seen anywhere");
    }
    assert_eq!(fixture.state(), before, "a hidden object changed");
}

#[test]
fn lists_and_counts_are_the_same_when_the_hidden_ones_are_gone() {
    let Some(engine) = engine::at_hand("permissions::counts") else { return };
    let fixture = Fixture::new(&engine);
    let config = format!("{}whitelist_images = [\"docker-mcp/base\"]\n", fixture.config());
    let client = Launch::at(&engine.host).config(&config).connect();
    let tools = client.tools();
    let lists = ["docker_ps", "docker_images", "docker_networks", "docker_volumes", "docker_compose_ls"];
    let look = || -> Vec<(String, Value)> {
        let calls = plain_calls(&tools).into_iter().filter(|(tool, _)| lists.contains(&tool.as_str()));
        let views = calls.flat_map(|(tool, least)| {
            views(&tools, &tool, &least).into_iter().map(move |v| (tool.clone(), v))
        });
        views
            .map(|(tool, view)| {
                (format!("{tool} {view}"), timeless(client.call(&tool, &view).ok().structured))
            })
            .collect()
    };
    let with = look();
    let web = engine.inspect("container", &fixture.name("web"));
    assert_eq!(web["State"]["Status"], "running");
    for name in ["vault", "vault-stopped", "vaultdb"] {
        engine.docker(&["rm", "-f", "-v", &fixture.name(name)]);
    }
    engine.docker(&["volume", "rm", &fixture.name("vdata"), &fixture.name("vold")]);
    engine.docker(&["network", "rm", &fixture.name("secretnet")]);
    let without = look();
    for ((call, with), (_, without)) in with.iter().zip(&without) {
        assert_eq!(with, without, "{call} counted what is hidden");
    }
    let ps = client.call("docker_ps", &json!({ "all": true })).ok();
    assert_eq!(ps.structured["containers"].as_array().map(Vec::len), Some(2), "{}", ps.text);
}

/// Without what the passing of time changes.
fn timeless(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.retain(|k, _| !["uptime", "status", "created", "age"].contains(&k.as_str()));
            map.values_mut().for_each(|v| *v = timeless(v.take()));
        }
        Value::Array(all) => all.iter_mut().for_each(|v| *v = timeless(v.take())),
        _ => {}
    }
    value
}
