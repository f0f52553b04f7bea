//! Given up or out of time midway: what is said is what is true, and the project can be looked at.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Shop, none};
use crate::support::{Client, engine};

/// The second one is never begun.
const FILE: &str = "services:\n  db: { image: BASE, command: IDLE, \
    healthcheck: { test: [\"CMD\", \"false\"], interval: 1s, start_period: 90s } }\n  \
    web: { image: BASE, command: IDLE, depends_on: { db: { condition: service_healthy } } }\n";

fn ways(shop: &Shop) -> [(&'static str, Value); 2] {
    shop.file(FILE);
    [
        ("docker_compose_up", none()),
        ("docker_compose_deploy", json!({ "project_name": shop.project, "compose_yaml": shop.text(FILE) })),
    ]
}

fn runs(shop: &Shop) -> bool {
    shop.list(&["ps", "--format", "{{.Names}}"]).iter().any(|name| name.ends_with("-db-1"))
}

/// It is as it was said, and everything else works.
fn used_on(shop: &Shop, client: &Client) {
    let ps = client.call("docker_compose_ps", &none()).ok();
    assert!(ps.text.contains("db-1"), "{}", ps.text);
    client.call("docker_compose_down", &none()).ok();
    assert_eq!(shop.objects(), Vec::<String>::new());
    let own = format!("/proc/{}/task/{0}/children", client.pid());
    let until = Instant::now() + Duration::from_secs(10);
    while std::fs::read_to_string(&own).is_ok_and(|children| !children.trim().is_empty()) {
        assert!(Instant::now() < until, "it has children");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_gives_up_midway_is_told_what_is_true() {
    let Some(engine) = engine::at_hand("compose::files::given_up") else { return };
    let shop = Shop::new(&engine);
    for (tool, arguments) in ways(&shop) {
        let client = shop.client();
        let id = client.begin_call(tool, &arguments);
        let until = Instant::now() + Duration::from_secs(20);
        while !runs(&shop) {
            assert!(Instant::now() < until, "{tool}: nothing runs");
            std::thread::sleep(Duration::from_millis(50));
        }
        client.notify("notifications/cancelled", json!({ "requestId": id, "reason": "test" }));
        let start = Instant::now();
        let line = shop.recorded(&client, tool);
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        assert_eq!(
            (&line["error_kind"], &line["effect"]),
            (&json!("cancelled"), &json!("unknown")),
            "{tool}: {line}"
        );
        assert!(client.answer_within(&id, Duration::from_millis(100)).is_none());
        used_on(&shop, &client);
    }
}

#[test]
fn out_of_time_it_is_ended_and_said() {
    let Some(engine) = engine::at_hand("compose::files::given_up::late") else { return };
    let shop = Shop::new(&engine);
    for (tool, arguments) in ways(&shop) {
        let client = shop.launch("", "[neverhang]\ncompose_timeout = \"5s\"\n").connect();
        let late = client.call(tool, &arguments);
        assert_eq!(late.kind(), "child_timeout", "{tool}: {}", late.text);
        assert_eq!(late.structured["error"]["effect"], "unknown", "{tool}: {}", late.text);
        assert_ne!(late.structured["error"]["retry"], "safe", "{}", late.text);
        assert!(
            late.text.contains("compose_timeout") && late.text.contains("docker_compose_ps"),
            "{}",
            late.text
        );
        assert!(late.took < Duration::from_secs(12), "{tool}: {:?}", late.took);
        assert_eq!(shop.recorded(&client, tool)["effect"], "unknown", "{tool}");
        used_on(&shop, &client);
    }
}
