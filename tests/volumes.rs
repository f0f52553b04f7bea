//! Making and removing volumes on a real engine.

use serde_json::{Value, json};

use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Fixture, Launch, engine};

const ON: &str = "[confirm]\nrequire = \"none\"\n[permissions]\nvolumes = true\n";

/// Volumes that a tool made carry no label of ours: they are removed by name.
struct Made<'a>(&'a Engine, Vec<String>);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for name in &self.1 {
            let _gone = self.0.try_docker(&["volume", "rm", name]);
        }
    }
}

fn one(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = client.call(tool, &arguments).ok();
    let results = result.structured["results"].as_array().unwrap_or_else(|| panic!("{}", result.text));
    assert_eq!(results.len(), 1, "{}", result.text);
    results[0].clone()
}

fn exists(engine: &Engine, name: &str) -> bool {
    engine.try_docker(&["volume", "inspect", name]).is_ok()
}

#[test]
fn a_volume_is_made_and_removed() {
    let Some(engine) = engine::at_hand("volumes::life") else { return };
    let scope = Scope::new(&engine);
    let (name, memory) = (scope.name("data"), scope.name("memory"));
    let _made = Made(&engine, vec![name.clone(), memory.clone()]);
    let client = Launch::at(&engine.host).config(ON).connect();

    let call = json!({ "name": name, "labels": { "team": "a" } });
    let made = one(&client, "docker_volume_create", call.clone());
    assert_eq!((&made["changed"], &made["volume"]), (&json!(true), &json!(name)), "{made}");
    let there = engine.inspect("volume", &name);
    assert_eq!((&there["Driver"], &there["Labels"]), (&json!("local"), &json!({ "team": "a" })));
    assert_eq!(one(&client, "docker_volume_create", call)["changed"], false, "it is there already");
    let other = client.call("docker_volume_create", &json!({ "name": name, "labels": { "team": "b" } }));
    assert_eq!(other.kind(), "conflict", "{}", other.text);

    let opts = json!({ "type": "tmpfs", "device": "tmpfs", "o": "uid=1000,size=1m,mode=0700" });
    one(&client, "docker_volume_create", json!({ "name": memory, "driver": "local", "driver_opts": opts }));
    let options = engine.inspect("volume", &memory)["Options"].clone();
    assert_eq!(
        options,
        json!({ "type": "tmpfs", "device": "tmpfs", "o": "size=1048576,uid=1000,mode=0700" })
    );
    let other = client.call("docker_volume_create", &json!({ "name": memory }));
    assert_eq!(other.kind(), "conflict", "{}", other.text);

    // In use, running or not: the user is named, and nothing happens.
    let mount = format!("{name}:/data");
    scope.container(&["create"], "app", &["-v", &mount], engine::BASE, &["true"]);
    let used = client.call("docker_volume_remove", &json!({ "name": name }));
    assert_eq!((used.kind(), used.text.contains(&scope.name("app"))), ("conflict", true), "{}", used.text);
    assert_eq!(used.structured["error"]["effect"], "none");
    engine.docker(&["rm", &scope.name("app")]);
    let removed = client.call("docker_volume_remove", &json!({ "volumes": [name, memory] })).ok();
    assert_eq!(removed.structured["results"].as_array().unwrap().len(), 2, "{}", removed.text);
    assert!(!exists(&engine, &name) && !exists(&engine, &memory));
    assert_eq!(client.call("docker_volume_remove", &json!({ "name": name })).kind(), "not_found");
    let lines = client.audit_wait(14);
    assert!(
        lines.iter().any(|l| l["tool"] == "docker_volume_remove" && l["outcome"] == "done"),
        "{lines:#?}"
    );
}
