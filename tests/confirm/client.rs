//! `by = "human"`: a person is asked in the client, over both eras of the protocol.

use std::time::Duration;

use serde_json::{Value, json};

use super::persons::{HUMAN, code};
use crate::support::engine::{self, BASE};
use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch, Reply};

fn there(engine: &Engine, name: &str) -> bool {
    engine.try_docker(&["inspect", name]).is_ok()
}

/// A client of the older era that can ask.
fn older(engine: &Engine) -> Client {
    older_with(engine, HUMAN)
}

fn older_with(engine: &Engine, config: &str) -> Client {
    let client = Launch::at(&engine.host).config(config).start();
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": { "elicitation": {} },
                         "clientInfo": { "name": "tests", "version": "1" } });
    client.request("initialize", params);
    client.notify("notifications/initialized", json!({}));
    client
}

/// Calls, answers the question that comes, and waits for the end of it.
fn answered(client: &Client, name: &str, answer: &Value) -> Reply {
    let call = client.begin_call("docker_remove", &json!({ "container": name }));
    let seen = client.others().len();
    let limit = Duration::from_secs(20);
    let asked = client.other_within(limit, |m| {
        m["method"] == "elicitation/create"
            && m["params"]["message"].as_str().is_some_and(|m| m.contains(name))
    });
    let asked = asked.unwrap_or_else(|| panic!("nobody was asked; {seen} messages before"));
    let form = &asked["params"]["requestedSchema"];
    assert_eq!(form["required"], json!(["confirm"]), "{asked}");
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": answer }));
    client.wait(&call)
}

#[test]
fn the_older_era_is_sent_a_request() {
    let Some(engine) = engine::at_hand("confirm::client::older") else { return };
    let scope = Scope::new(&engine);
    for (short, answer, kind, left) in [
        ("yes", json!({ "action": "accept", "content": { "confirm": true } }), "", false),
        ("no", json!({ "action": "accept", "content": { "confirm": false } }), "approval_denied", true),
        ("declined", json!({ "action": "decline" }), "approval_denied", true),
        ("closed", json!({ "action": "cancel" }), "pending", true),
        ("empty", json!({ "action": "accept", "content": {} }), "pending", true),
    ] {
        scope.container(&["create"], short, &[], BASE, &["true"]);
        let name = scope.name(short);
        let client = older(&engine);
        let result = answered(&client, &name, &answer).tool();
        match kind {
            "" => assert_eq!(result.ok().structured["results"][0]["changed"], true),
            // Nobody said anything: it still waits, for a person at the host.
            "pending" => drop(code(&result)),
            kind => assert_eq!(result.kind(), kind, "{short}: {}", result.text),
        }
        assert_eq!(there(&engine, &name), left, "{short}");
        // Who said it, and where, is on record.
        let said = match kind {
            "" => Some("(approve)"),
            "pending" => None,
            _ => Some("(deny)"),
        };
        let line = client.audit_lines().into_iter().find(|line| line["caller"] == "client of stdio");
        assert_eq!(line.as_ref().and_then(|line| line["tool"].as_str()), said, "{short}");
    }
}

/// The question is whole, whatever a result may hold, and nothing in it hides.
#[test]
fn the_question_is_whole() {
    let Some(engine) = engine::at_hand("confirm::client::whole") else { return };
    let scope = Scope::new(&engine);
    let config = format!("{HUMAN}[output]\nmax_bytes = 1000\n");
    let client = older_with(&engine, &config);
    let command =
        format!("echo {}; PASSWORD=$(evil-one); x=\u{1b}]$(evil-two)\u{7}; evil-three", "x".repeat(6000));
    let call = json!({ "name": scope.name("app"), "image": BASE, "command": ["sh", "-c", command] });
    let call = client.begin_call("docker_run", &call);
    let asked =
        client.other_within(Duration::from_secs(20), |m| m["method"] == "elicitation/create").unwrap();
    let message = asked["params"]["message"].as_str().unwrap();
    for word in ["$(evil-one)", "$(evil-two)", "evil-three", "docker_run", &engine.host] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(!message.contains('\u{1b}'));
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "decline" } }));
    assert_eq!(client.wait(&call).tool().kind(), "approval_denied");
}

/// A file of secrets is not sent to a client: who is to see it sees it at the host.
#[test]
fn what_a_client_is_not_shown_it_is_not_asked() {
    let Some(engine) = engine::at_hand("confirm::client::host") else { return };
    let scope = Scope::new(&engine);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("compose.yaml");
    let yaml = format!(
        "name: {}\nservices:\n  web:\n    image: {BASE}\n    environment:\n      DB_PASSWORD: canary-5up3r-s3cret\n",
        scope.name("shop")
    );
    std::fs::write(&file, yaml).unwrap();
    let config = HUMAN.replace("volumes = true", "volumes = true\nnetworks = true\nimages = true");
    let client = older_with(&engine, &format!("{config}[compose]\nroots = [{:?}]\n", dir.path()));
    let held = client.call("docker_compose_up", &json!({ "file": file }));
    let waits = code(&held);
    assert!(client.others().iter().all(|(message, _)| message["method"] != "elicitation/create"));
    assert!(!held.whole().contains("canary"), "{}", held.text);
    let shown = client.prints(&["pending"]);
    assert!(shown.contains(&waits) && shown.contains("canary-5up3r-s3cret"), "{shown}");
}

#[test]
fn a_client_that_is_gone_or_gives_up_leaves_it_undone() {
    let Some(engine) = engine::at_hand("confirm::client::gone") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["create"], "app", &[], BASE, &["true"]);
    let name = scope.name("app");
    let client = older(&engine);
    let call = client.begin_call("docker_remove", &json!({ "container": name }));
    let asked =
        client.other_within(Duration::from_secs(20), |m| m["method"] == "elicitation/create").unwrap();
    client.notify("notifications/cancelled", json!({ "requestId": call }));
    std::thread::sleep(Duration::from_millis(500));
    // Who says yes after that says it to nobody.
    let yes = json!({ "action": "accept", "content": { "confirm": true } });
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": yes }));
    client.call("docker_health", &json!({})).ok();
    assert!(there(&engine, &name));
}

fn newer(client: &Client, name: &str, more: Value) -> Reply {
    let mut params = json!({
        "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                   "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
                   "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" } },
        "name": "docker_remove", "arguments": { "container": name },
    });
    for (key, value) in more.as_object().unwrap() {
        params[key] = value.clone();
    }
    client.request("tools/call", params)
}

#[test]
fn the_newer_era_gets_a_question_and_comes_back() {
    let Some(engine) = engine::at_hand("confirm::client::newer") else { return };
    let scope = Scope::new(&engine);
    for short in ["one", "two"] {
        scope.container(&["create"], short, &[], BASE, &["true"]);
    }
    let (one, two) = (scope.name("one"), scope.name("two"));
    let client = Launch::at(&engine.host).config(HUMAN).start();
    let asked = newer(&client, &one, json!({}));
    assert_eq!(asked.result()["resultType"], "input_required", "{}", asked.message);
    let question = &asked.result()["inputRequests"]["confirm"];
    assert_eq!(question["method"], "elicitation/create", "{question}");
    assert!(question["params"]["message"].as_str().unwrap().contains(&one), "{question}");
    let state = asked.result()["requestState"].clone();
    let yes = json!({ "confirm": { "action": "accept", "content": { "confirm": true } } });
    let closed = json!({ "confirm": { "action": "cancel" } });
    // Another call's answer lets nothing through, and neither does one that says nothing.
    let other = newer(&client, &two, json!({ "requestState": state, "inputResponses": yes }));
    code(&other.tool());
    code(&newer(&client, &one, json!({ "requestState": state, "inputResponses": closed })).tool());
    assert!(there(&engine, &one) && there(&engine, &two));
    newer(&client, &one, json!({ "requestState": state, "inputResponses": yes })).tool().ok();
    assert!(!there(&engine, &one) && there(&engine, &two));
    let again = newer(&client, &one, json!({ "requestState": state, "inputResponses": yes })).tool();
    assert_eq!(again.kind(), "not_found", "{}", again.text);
}
