//! Pulls and pushes that go well, and those that end in the middle.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ON;
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, post};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::registry::{Gate, Registry, id_of, image};
use crate::support::{Client, Launch, engine};

const S: fn(u64) -> Duration = Duration::from_secs;

fn begin(client: &Client, tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": tool } });
    client.begin("tools/call", params)
}

fn progress(client: &Client) -> Vec<String> {
    let others = client.others();
    let messages = others.iter().filter(|(m, _)| m["method"] == "notifications/progress");
    messages.filter_map(|(m, _)| m["params"]["message"].as_str().map(str::to_owned)).collect()
}

fn outcome(client: &Client, tool: &str, within: Duration) -> Value {
    let until = Instant::now() + within;
    loop {
        let lines = client.audit_lines();
        if let Some(line) = lines.iter().find(|l| l["tool"] == tool && l["outcome"] != "intent") {
            return line.clone();
        }
        assert!(Instant::now() < until, "no outcome of {tool}: {lines:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn there_and_back() {
    let test = "images::transfers::there_and_back";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let name = registry.name(&scope, "1");
    let id = image(&engine, &scope, &name, 3 << 20);
    let client = Launch::at(&engine.host).config(ON).connect();
    let call = json!({ "image": name });

    let pushed = client.wait(&begin(&client, "docker_push", &call)).tool().ok();
    let digest = pushed.structured["digest"].as_str().unwrap().to_owned();
    assert_eq!(pushed.structured["image"], json!(name), "{}", pushed.text);
    assert!(pushed.text.contains(&digest), "the text is complete too: {}", pushed.text);
    assert!(
        progress(&client).iter().any(|m| m.contains("waiting for the registry")),
        "{:?}",
        progress(&client)
    );

    engine.docker(&["rmi", &name]);
    let pulled = client.wait(&begin(&client, "docker_pull", &call)).tool().ok();
    assert_eq!(id_of(&engine, &name).as_deref(), Some(id.as_str()));
    let seen = &pulled.structured;
    assert_eq!((&seen["changed"], &seen["id"], &seen["digest"]), (&json!(true), &json!(id), &json!(digest)));
    assert!(seen["size"].as_str().is_some_and(|size| size.ends_with("MB")), "{}", pulled.text);
    assert!(progress(&client).iter().any(|m| m.starts_with("pull: ")), "{:?}", progress(&client));

    let again = client.call("docker_pull", &call).ok();
    assert_eq!(again.structured["changed"], false, "{}", again.text);
    // By its digest: no tag comes with it.
    engine.docker(&["rmi", &name]);
    let by_digest = format!("{}@{digest}", name.trim_end_matches(":1"));
    let pulled = client.call("docker_pull", &json!({ "image": by_digest })).ok();
    assert_eq!(pulled.structured["id"], json!(id), "{}", pulled.text);
    assert_eq!(id_of(&engine, &name), None, "no tag was asked for");

    let lines = client.audit_wait(8);
    let told: Vec<_> = lines.iter().filter(|l| l["outcome"] != "intent").map(|l| &l["effect"]).collect();
    assert_eq!(told, ["done", "done", "none", "done"], "{lines:#?}");
    assert!(lines.iter().all(|l| l["level"] == json!(["images"])), "{lines:#?}");
}

#[test]
fn what_is_given_up_in_the_middle_ends_soon_and_can_be_asked_for_again() {
    let test = "images::transfers::cancelled";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let gate = Gate::before(&registry, 300_000);
    let (direct, name) = (registry.name(&scope, "1"), format!("{}/{}:1", gate.host, scope.prefix));
    image(&engine, &scope, &direct, 4 << 20);
    engine.docker(&["push", "-q", &direct]);
    engine.docker(&["rmi", &direct]);
    let client = Launch::at(&engine.host).config(ON).connect();
    let id = begin(&client, "docker_pull", &json!({ "image": name }));
    let moving = client
        .other_within(S(20), |m| m["params"]["message"].as_str().is_some_and(|m| m.starts_with("pull: ")));
    assert!(moving.is_some(), "{:?}", progress(&client));
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    // Who asks again soon loses nothing; nobody does.
    let line = outcome(&client, "docker_pull", S(12));
    assert_eq!(line["effect"], "none", "{line:#}");
    // Were the engine still at it, it would come now.
    gate.open();
    std::thread::sleep(S(2));
    assert_eq!(id_of(&engine, &name), None);
    let pulled = client.call("docker_pull", &json!({ "image": name })).ok();
    assert_eq!(pulled.structured["changed"], true, "{}", pulled.text);
    assert!(id_of(&engine, &name).is_some());
}

#[test]
fn a_pull_that_is_asked_for_again_goes_on() {
    let test = "images::transfers::again";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let gate = Gate::before(&registry, 300_000);
    let (direct, name) = (registry.name(&scope, "1"), format!("{}/{}:1", gate.host, scope.prefix));
    image(&engine, &scope, &direct, 4 << 20);
    engine.docker(&["push", "-q", &direct]);
    engine.docker(&["rmi", &direct]);
    let client = Launch::at(&engine.host).config(ON).connect();
    let first = begin(&client, "docker_pull", &json!({ "image": name }));
    assert!(
        client
            .other_within(S(20), |m| m["params"]["message"].as_str().is_some_and(|m| m.starts_with("pull: ")))
            .is_some()
    );
    client.notify("notifications/cancelled", json!({ "requestId": first }));
    let second = client.begin_call("docker_pull", &json!({ "image": name }));
    std::thread::sleep(S(1));
    gate.open();
    let pulled = client.wait(&second).tool().ok();
    assert!(pulled.structured["id"].is_string(), "{}", pulled.text);
    assert!(id_of(&engine, &name).is_some());
}

#[test]
fn a_registry_that_is_silent_is_waited_for_and_said() {
    let test = "images::transfers::silent";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let gate = Gate::before(&registry, 0);
    let name = format!("{}/{}:1", gate.host, scope.prefix);
    let config = format!("{ON}[neverhang]\ntransfer_timeout = \"6s\"\ntransfer_idle = \"5s\"\n");
    let client = Launch::at(&engine.host).config(&config).connect();
    let result = client.wait(&begin(&client, "docker_pull", &json!({ "image": name }))).tool();
    let error = &result.structured["error"];
    assert_eq!((result.kind(), &error["effect"]), ("daemon_error", &json!("none")), "{}", result.text);
    assert_eq!((&error["phase"], &error["retry"]), (&json!("total"), &json!("safe")), "{}", result.text);
    assert!(result.took < S(7), "{:?}", result.took);
    let waiting = progress(&client).iter().filter(|m| m.contains("waiting for the registry")).count();
    assert!(waiting >= 2, "{:?}", progress(&client));
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["state"], "closed", "{}", health.text);
}

/// B14
#[test]
fn b14_a_pull_that_breaks_in_the_middle_is_looked_at_again() {
    let test = "images::transfers::b14";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let name = registry.name(&scope, "1");
    image(&engine, &scope, &name, 1 << 20);
    engine.docker(&["push", "-q", &name]);
    engine.docker(&["rmi", &name]);
    let call = json!({ "image": name });
    let config = format!("{ON}[neverhang]\ntransfer_timeout = \"20s\"\ntransfer_idle = \"10s\"\n");

    // Reset before anything of it was heard, while the registry holds: it is not there, and it may be asked for again.
    let gate = Gate::before(&registry, 300_000);
    let held = format!("{}/{}:1", gate.host, scope.prefix);
    let reset = Fault::Toxic(vec![Toxic::down(Poison::ResetPeer(400))]);
    let faultd = Faultd::before(&engine).on(post("/images/create"), reset);
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let lost = client.call("docker_pull", &json!({ "image": held }));
    assert_eq!(lost.kind(), "outcome_unknown", "{}", lost.text);
    let error = &lost.structured["error"];
    assert_eq!((&error["effect"], &error["retry"]), (&json!("unknown"), &json!("safe")), "{}", lost.text);
    assert!(lost.text.contains("not there") && lost.text.contains("layer"), "{}", lost.text);
    saw("B14", Seen::of(&lost, S(20)));

    // The engine did it all the same: that is seen.
    faultd.set(post("/images/create"), Fault::Toxic(vec![Toxic::down(Poison::SlowClose(S(0)))]));
    client.call("docker_pull", &call).ok();
    engine.docker(&["rmi", &name]);
    // Of its answer the last lines are missing.
    faultd.set(post("/images/create"), Fault::Toxic(vec![Toxic::down(Poison::Timeout(500))]));
    let short = format!("{ON}[neverhang]\ntransfer_timeout = \"20s\"\ntransfer_idle = \"2s\"\n");
    let client = Launch::at(&faultd.host()).config(&short).connect();
    let stalled = client.call("docker_pull", &call).ok();
    assert_eq!(stalled.structured["changed"], true, "{}", stalled.text);
    assert!(stalled.text.contains("lost"), "{}", stalled.text);
    assert!(stalled.took < S(6), "{:?}", stalled.took);
    assert!(id_of(&engine, &name).is_some());
    saw("B14", Seen::of(&stalled, S(20)));
}

/// B15
#[test]
fn b15_a_200_is_no_success() {
    let test = "images::transfers::b15";
    let Some(engine) = engine::at_hand(test) else { return };
    let words = "write /var/lib/docker/tmp/x: no space left on device";
    let faultd = Faultd::before(&engine).on(post("/images/create"), Fault::ErrorInStream(words.to_owned()));
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let failed = client.call("docker_pull", &json!({ "image": "docker-mcp/nosuch:1" }));
    assert_eq!(failed.kind(), "daemon_error", "{}", failed.text);
    assert_eq!(failed.structured["error"]["effect"], "none", "{}", failed.text);
    assert!(failed.text.contains("disk is full") && !failed.text.contains("/var/lib"), "{}", failed.text);
    saw("B15", Seen::of(&failed, S(1800)));
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["state"], "closed", "{}", health.text);
    // Half a line, no line, another language.
    for fault in [Fault::Malformed, Fault::Empty, Fault::WrongType] {
        faultd.set(post("/images/create"), fault);
        let failed = client.call("docker_pull", &json!({ "image": "docker-mcp/nosuch:1" }));
        assert!(failed.is_error, "{}", failed.text);
        assert_eq!(failed.kind(), "outcome_unknown", "{}", failed.text);
    }
}

#[test]
fn of_a_push_that_breaks_only_the_registry_knows() {
    let test = "images::transfers::push_lost";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let name = registry.name(&scope, "1");
    image(&engine, &scope, &name, 1 << 20);
    let call = json!({ "image": name });
    let reset = Fault::Toxic(vec![Toxic::down(Poison::ResetPeer(400))]);
    let faultd = Faultd::before(&engine).on(post("/push"), reset);
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let lost = client.call("docker_push", &call);
    assert_eq!(lost.kind(), "outcome_unknown", "{}", lost.text);
    assert_eq!(lost.structured["error"]["retry"], "safe", "{}", lost.text);
    faultd.set(
        post("/push"),
        Fault::ErrorInStream("denied: requested access to the resource is denied".into()),
    );
    let refused = client.call("docker_push", &call);
    assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
    faultd.clear();
    client.call("docker_push", &call).ok();
    // Given up while the registry holds: the call is closed in the audit soon, and what came of it is not claimed.
    let gate = Gate::before(&registry, 0);
    let held = format!("{}/{}:1", gate.host, scope.prefix);
    engine.docker(&["tag", &name, &held]);
    let client = Launch::at(&engine.host).config(ON).connect();
    let id = begin(&client, "docker_push", &json!({ "image": held }));
    std::thread::sleep(S(1));
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    let line = outcome(&client, "docker_push", S(12));
    assert_ne!(line["effect"], "done", "{line:#}");
}
