//! What is not here is pulled for a container, by the rules of docker_pull.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ON, Place};
use crate::support::fixture::Scope;
use crate::support::registry::{Gate, Registry, free_port, id_of, image};
use crate::support::{Client, Engine, Launch, ToolResult, engine};

const S: fn(u64) -> Duration = Duration::from_secs;

/// An image that is in the registry and not here.
fn away(engine: &Engine, scope: &Scope, name: &str, bytes: usize) -> String {
    let id = image(engine, scope, name, bytes);
    engine.docker(&["push", "-q", name]);
    engine.docker(&["rmi", name]);
    id
}

fn call(scope: &Scope, image: &str, short: &str) -> Value {
    json!({ "image": image, "name": scope.name(short), "command": ["sleep", "9999"], "stop_timeout": 0 })
}

fn begin(client: &Client, tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": tool } });
    client.begin("tools/call", params)
}

fn pulling(client: &Client) -> bool {
    let said = |m: &Value| m["params"]["message"].as_str().is_some_and(|m| m.starts_with("pull: "));
    client.other_within(S(20), said).is_some()
}

fn error(result: &ToolResult) -> (&str, &Value) {
    (result.kind(), &result.structured["error"]["effect"])
}

#[test]
fn a_missing_image_is_pulled_and_the_container_runs() {
    let test = "create::pulls::runs";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let place = Place::new(&engine);
    let scope = &place.scope;
    let name = registry.name(scope, "1");
    let id = away(&engine, scope, &name, 2 << 20);
    // The level `images` is off. The short clock is for the container: waiting for the registry is a transfer.
    let client = place.client("[neverhang]\nlifecycle_timeout = \"20s\"\n");
    let mut dry = call(scope, &name, "app");
    dry["dry_run"] = json!(true);
    let shown = client.call("docker_run", &dry).ok();
    assert!(shown.text.contains(&format!("the image `{name}` would be pulled")), "{}", shown.text);
    let asked = json!({ "tool": "docker_run", "arguments": call(scope, &name, "app") });
    let explained = client.call("docker_policy", &asked).ok();
    assert_eq!(explained.structured["allowed"], true, "{}", explained.text);
    assert!(explained.text.contains("would be pulled"), "{}", explained.text);
    assert_eq!(id_of(&engine, &name), None, "nothing is pulled for a look");

    let began = begin(&client, "docker_run", &call(scope, &name, "app"));
    let ran = client.wait(&began).tool().ok();
    let seen = &ran.structured;
    assert_eq!((&seen["pulled"], &seen["state"]), (&json!(true), &json!("running")), "{}", ran.text);
    assert!(ran.text.contains("pulled"), "the text is complete too: {}", ran.text);
    assert!(pulling(&client), "its layers are told");
    let is = place.inspect(&place.name("app"));
    assert_eq!((&is["Image"], &is["Config"]["Image"]), (&json!(id), &json!(name)), "known by its name");
    let listed = client.call("docker_ps", &json!({ "filter": { "name": place.name("app") } })).ok();
    assert_eq!(listed.structured["containers"][0]["image"], json!(name), "{}", listed.text);
    // Now it is here.
    let again = client.call("docker_create", &call(scope, &name, "again")).ok();
    assert_eq!(again.structured["pulled"], Value::Null, "{}", again.text);
    // By tag and digest, for docker_create too.
    let digests = engine.docker(&["image", "inspect", "--format", "{{json .RepoDigests}}", &name]);
    let digest = digests.split_once("sha256:").unwrap().1[..64].to_owned();
    for short in ["app", "again"] {
        engine.docker(&["rm", "-f", &place.name(short)]);
    }
    engine.docker(&["rmi", &name]);
    let both = format!("{name}@sha256:{digest}");
    let made = client.call("docker_create", &call(scope, &both, "both")).ok();
    assert_eq!(made.structured["pulled"], true, "{}", made.text);
    assert_eq!(place.inspect(&place.name("both"))["Image"], json!(id));
    let line = client.audit_wait(1).into_iter().rfind(|l| l["tool"] == "docker_create").unwrap();
    assert_eq!(line["level"], json!(["create"]), "{line:#}");
}

#[test]
fn what_may_not_be_pulled_is_refused_in_the_words_of_docker_pull() {
    let test = "create::pulls::refused";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let place = Place::new(&engine);
    let scope = &place.scope;
    let name = registry.name(scope, "1");
    let id = away(&engine, scope, &name, 100_000);
    let host = &registry.host;
    let closed = format!("127.0.0.1:{}", free_port());
    let id_words = "26e2fa12aad5".to_owned();
    for (config, image, kind) in [
        (format!("blacklist_images = [\"{host}/*\"]\n"), &name, "permission_denied"),
        ("whitelist_images = [\"nosuch/*\"]\n".to_owned(), &name, "permission_denied"),
        ("[registries]\nallow = [\"registry.example\"]\n".to_owned(), &name, "permission_denied"),
        (format!("[registries]\nallow = [\"{host}\"]\n"), &format!("{host}/nosuch:1"), "not_found"),
        (String::new(), &format!("{closed}/x:1"), "daemon_error"),
        (format!("[registries]\nallow = [\"{closed}\"]\n"), &format!("{closed}/x:1"), "daemon_error"),
    ] {
        let client = Launch::at(&engine.host).config(&format!("{ON}images = true\n{config}")).connect();
        let pull = client.call("docker_pull", &json!({ "image": image }));
        for tool in ["docker_run", "docker_create"] {
            let refused = client.call(tool, &call(scope, image, "no"));
            assert_eq!(error(&refused), (kind, &json!("none")), "{config}: {}", refused.text);
            let said = |of: &ToolResult| of.structured["error"]["message"].as_str().unwrap().to_owned();
            assert_eq!(said(&refused).replace("; no container was made", ""), said(&pull), "{config}");
        }
    }
    let client = place.client("");
    let nothing = client.call("docker_run", &call(scope, &id_words, "no"));
    assert_eq!(nothing.kind(), "not_found", "an id is nothing to pull: {}", nothing.text);
    assert_eq!(id_of(&engine, &name), None, "nothing was pulled");

    // What arrives has a name that the filters hide; a name that is hidden by another of its image's.
    engine.docker(&["pull", "-q", &name]);
    let secret = format!("{}/secret:1", scope.prefix);
    engine.docker(&["tag", &name, &secret]);
    engine.docker(&["rmi", &name]);
    let client = place.client(&format!("blacklist_images = [\"{secret}\"]\n"));
    let refused = client.call("docker_run", &call(scope, &name, "no"));
    assert_eq!(error(&refused), ("permission_denied", &json!("none")), "{}", refused.text);
    assert_eq!(id_of(&engine, &name).as_deref(), Some(id.as_str()), "it came, and nothing was made of it");
    let refused = client.call("docker_run", &call(scope, &name, "no"));
    assert_eq!(error(&refused), ("conflict", &json!("none")), "{}", refused.text);
    assert!(!refused.whole().contains("secret"), "{}", refused.text);
    assert!(place.containers().is_empty(), "{:?}", place.containers());
}

#[test]
fn what_is_called_off_in_the_pull_makes_nothing() {
    let test = "create::pulls::cancelled";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let place = Place::new(&engine);
    let scope = &place.scope;
    let gate = Gate::before(&registry, 300_000);
    let (direct, name) = (registry.name(scope, "1"), format!("{}/{}:1", gate.host, scope.prefix));
    away(&engine, scope, &direct, 4 << 20);

    // The caller's own time stays what it is.
    let client = place.client("[neverhang]\ntransfer_timeout = \"60s\"\ntransfer_idle = \"30s\"\n");
    let mut short = call(scope, &name, "short");
    short["timeout"] = json!(5);
    let late = client.call("docker_run", &short);
    assert_eq!(late.structured["error"]["effect"], "none", "{}", late.text);
    assert!(late.text.contains("no container was made") && late.took < S(6), "{:?} {}", late.took, late.text);
    // Else it is the transfer's, and not the shorter one of what the call is for.
    let config =
        "[neverhang]\nlifecycle_timeout = \"2s\"\ntransfer_timeout = \"7s\"\ntransfer_idle = \"7s\"\n";
    let patient = place.client(config);
    let late = patient.call("docker_create", &call(scope, &name, "late"));
    assert_eq!(error(&late), ("daemon_error", &json!("none")), "{}", late.text);
    assert!(late.took > S(6) && late.took < S(8), "{:?} {}", late.took, late.text);
    let health = patient.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["state"], "closed", "{}", health.text);

    let gate = Gate::before(&registry, 300_000);
    let name = format!("{}/{}:2", gate.host, scope.prefix);
    engine.docker(&["pull", "-q", &direct]);
    let again = registry.name(scope, "2");
    engine.docker(&["tag", &direct, &again]);
    engine.docker(&["push", "-q", &again]);
    engine.docker(&["rmi", &direct, &again]);
    let client = place.client("");
    let id = begin(&client, "docker_run", &call(scope, &name, "app"));
    assert!(pulling(&client));
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    let until = Instant::now() + S(12);
    let line = loop {
        let ended = |l: &Value| l["tool"] == "docker_run" && l["outcome"] != "intent";
        match client.audit_lines().into_iter().find(ended) {
            Some(line) => break line,
            None => assert!(Instant::now() < until, "no outcome"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(line["effect"], "none", "{line:#}");
    gate.open();
    std::thread::sleep(S(2));
    assert_eq!(id_of(&engine, &name), None);
    assert!(place.containers().is_empty(), "{:?}", place.containers());
    client.call("docker_run", &call(scope, &name, "app")).ok();
}
