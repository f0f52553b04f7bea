//! Given up in the middle: what was begun is finished, the rest is not begun, and the record says so.

use std::time::{Duration, Instant};

use serde_json::json;

use super::stack::{ON, POLITE, Stack};
use crate::support::engine;

const SLOW: &[&str] = &["sh", "-c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.05; done"];

#[test]
fn between_two_services_it_can_be_called_off() {
    let Some(engine) = engine::at_hand("compose::called_off") else { return };
    for tool in ["docker_compose_stop", "docker_compose_down"] {
        let stack = Stack::new(&engine);
        stack.network("front");
        stack.run("db", "", &["--network", &stack.name("front")], POLITE);
        let needs = stack.labels("web", "db:service_started:false");
        let options: Vec<&str> = needs.iter().map(String::as_str).collect();
        stack.scope.container(&["run", "-d", "--stop-timeout", "9"], "web-1", &options, engine::BASE, SLOW);
        let client = stack.client(ON);
        let id = client.begin_call(tool, &stack.ask());
        // The intent is written before anything is sent.
        let until = Instant::now() + Duration::from_secs(5);
        while client.audit_lines().iter().all(|l| l["outcome"] != "intent") {
            assert!(Instant::now() < until, "{tool} did not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(700));
        client.notify("notifications/cancelled", json!({ "requestId": id }));
        engine.wait_state(&stack.name("web-1"), "exited");
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(stack.state("db"), "running", "{tool}");
        assert!(stack.has("network", "front"), "{tool}");
        // Its removal was not begun either.
        assert!(stack.has("container", "web-1"), "{tool}");
        let line = client.audit_lines().into_iter().find(|l| l["tool"] == tool && l["outcome"] != "intent");
        let line = line.unwrap_or_else(|| panic!("{tool}: the record is open"));
        assert_eq!(line["effect"], "done", "{tool}: {line}");
    }
}
