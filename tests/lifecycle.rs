//! Starting, stopping and their kin on real containers.

use serde_json::{Value, json};

use crate::support::fixture::Scope;
use crate::support::{Client, Launch, engine};

const ON: &str = "[permissions]\nlifecycle = true\n";
/// Ends at SIGTERM, at once.
const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];

fn one(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = client.call(tool, &arguments).ok();
    let results = result.structured["results"].as_array().unwrap_or_else(|| panic!("{}", result.text));
    assert_eq!(results.len(), 1, "{}", result.text);
    results[0].clone()
}

#[test]
fn a_container_goes_through_its_life() {
    let Some(engine) = engine::at_hand("lifecycle::life") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(ON).connect();
    let state = || engine.inspect("container", &app)["State"].clone();

    let paused = one(&client, "docker_pause", json!({ "containers": app }));
    assert_eq!((&paused["changed"], &paused["state"]), (&json!(true), &json!("paused")));
    assert_eq!(state()["Status"], "paused");
    assert_eq!(client.call("docker_pause", &json!({ "containers": app })).kind(), "conflict");
    assert_eq!(one(&client, "docker_unpause", json!({ "containers": [app] }))["state"], "running");

    let started = state()["StartedAt"].clone();
    let again = one(&client, "docker_start", json!({ "containers": app }));
    assert_eq!((&again["changed"], &again["container"]), (&json!(false), &json!(app)), "it runs already");
    let restarted = one(&client, "docker_restart", json!({ "container": app, "timeout": 5 }));
    assert_eq!((&restarted["changed"], &restarted["state"]), (&json!(true), &json!("running")));
    assert_ne!(state()["StartedAt"], started);

    let stopped = one(&client, "docker_stop", json!({ "containers": app, "timeout": "5s" }));
    assert_eq!(stopped, json!({ "container": app, "changed": true, "state": "exited", "exit_code": 3 }));
    let again = one(&client, "docker_stop", json!({ "containers": app }));
    assert_eq!(again["changed"], false);
    assert_eq!(one(&client, "docker_start", json!({ "containers": app }))["state"], "running");
    let killed = one(&client, "docker_kill", json!({ "containers": app }));
    assert_eq!(killed["changed"], true);
    engine.wait_state(&app, "exited");
    assert_eq!(state()["ExitCode"], 137);
    assert_eq!(client.call("docker_kill", &json!({ "containers": app })).kind(), "conflict");

    let lines = client.audit_wait(20);
    let stop: Vec<&Value> = lines.iter().filter(|l| l["tool"] == "docker_stop").collect();
    let told: Vec<(&str, &str)> =
        stop.iter().map(|l| (l["outcome"].as_str().unwrap(), l["effect"].as_str().unwrap())).collect();
    assert_eq!(told[..2], [("intent", "none"), ("done", "done")], "{stop:#?}");
    assert!(stop.iter().all(|l| l["target"] == json!([app]) && l["level"] == json!(["lifecycle"])));
}

#[test]
fn several_at_once_each_with_its_result() {
    let Some(engine) = engine::at_hand("lifecycle::several") else { return };
    let scope = Scope::new(&engine);
    for name in ["a", "b", "c"] {
        scope.run(name, &[], POLITE);
    }
    let names: Vec<String> = ["a", "b", "c"].iter().map(|n| scope.name(n)).collect();
    let client = Launch::at(&engine.host).config(ON).connect();
    // One that is unknown: nothing is done to the others.
    let unknown = [names.as_slice(), &["nosuch-container".to_owned()]].concat();
    let refused = client.call("docker_stop", &json!({ "containers": unknown }));
    assert_eq!(refused.kind(), "not_found", "{}", refused.text);
    assert!(names.iter().all(|n| engine.inspect("container", n)["State"]["Running"] == true));

    // One that cannot: the others are stopped, and it is said.
    engine.docker(&["kill", &names[1]]);
    let result = client.call("docker_kill", &json!({ "containers": names, "signal": "TERM" })).ok();
    assert_eq!(result.structured["failed"], 1, "{}", result.text);
    assert!(result.text.contains("1 of 3 containers FAILED"), "{}", result.text);
    let of = |name: &str| {
        let list = result.structured["results"].as_array().unwrap();
        list.iter().find(|r| r["container"] == name).unwrap().clone()
    };
    assert_eq!(of(&names[0])["changed"], true);
    assert_eq!(of(&names[1])["error"]["kind"], "conflict");
    assert_eq!(of(&names[1])["error"]["effect"], "none");

    // A name and an id of one container are one container.
    let id = engine.inspect("container", &names[1])["Id"].clone();
    let twice = client.call("docker_start", &json!({ "containers": [names[1], id] })).ok();
    assert_eq!(twice.structured["results"].as_array().unwrap().len(), 1, "{}", twice.text);
    let none = client.call("docker_start", &json!({ "containers": [] }));
    assert_eq!(none.kind(), "invalid_arguments");
}

#[test]
fn what_the_settings_forbid_is_not_done() {
    let Some(engine) = engine::at_hand("lifecycle::forbidden") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let call = json!({ "containers": app });
    let runs = || engine.inspect("container", &app)["State"]["Running"] == true;

    let off = Launch::at(&engine.host).connect();
    assert!(!off.tools().iter().any(|t| t["name"] == "docker_stop"));
    assert_eq!(off.call("docker_stop", &call).kind(), "permission_denied");

    let others = Launch::at(&engine.host).config("[permissions]\nlifecycle = [\"other-*\"]\n").connect();
    let refused = others.call("docker_stop", &call);
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);

    let hidden = format!("[permissions]\nlifecycle = true\nblacklist_containers = [\"{app}\"]\n");
    assert_eq!(
        Launch::at(&engine.host).config(&hidden).connect().call("docker_stop", &call).kind(),
        "not_found"
    );

    let dry = Launch::at(&engine.host).config(&format!("dry_run = true\n{ON}")).connect();
    let would = dry.call("docker_stop", &call).ok();
    assert_eq!(would.structured["dry_run"], true);
    assert_eq!(would.structured["containers"], json!([app]));

    // A confirmation that cannot be taken yet is a refusal.
    for require in ["\"mutating\"", "[\"lifecycle\"]", "[\"docker_st*\"]"] {
        let config = format!("{ON}[confirm]\nrequire = {require}\n");
        let asked = Launch::at(&engine.host).config(&config).connect().call("docker_stop", &call);
        assert_eq!(asked.kind(), "unsupported", "{}", asked.text);
        assert!(asked.text.contains("confirm"), "{}", asked.text);
    }
    let client = Launch::at(&engine.host).config(ON).connect();
    for (arguments, word) in [
        (json!({ "containers": app, "timeout": 56 }), "lifecycle_timeout"),
        (json!({ "containers": app, "timeout": -1 }), "timeout"),
        (json!({ "containers": app, "signal": "TERM; rm" }), "signal"),
        (json!({ "containers": app, "signal": "SIGNOSUCH" }), "signal"),
        (json!({ "containers": app, "force": true }), "force"),
    ] {
        let refused = client.call("docker_stop", &arguments);
        assert_eq!(refused.kind(), "invalid_arguments", "{arguments}: {}", refused.text);
        assert!(refused.text.contains(word), "{arguments}: {}", refused.text);
    }
    assert!(runs(), "it was stopped");
}

#[test]
fn seed_names_reach_them() {
    let Some(engine) = engine::at_hand("lifecycle::aliases") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(ON).connect();
    for (tool, argument) in [
        ("restart_container", "container_name"),
        ("stop-container", "id"),
        ("start-container", "container"),
        ("restart-container", "containers"),
    ] {
        let result = client.call(tool, &json!({ argument: app })).ok();
        assert_eq!(result.structured["results"][0]["container"], json!(app), "{tool}: {}", result.text);
    }
}
