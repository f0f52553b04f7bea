//! A thousand calls at once.

use std::time::Duration;

use serde_json::json;

use crate::support::ledger::{Seen, saw};
use crate::support::{Launch, engine, rss};

const CALLS: usize = 1000;
const HEALTH: usize = 100;
/// The class's time, as it is by default.
const CLASS: Duration = Duration::from_secs(30);

#[test]
fn a_thousand_calls_at_once_are_each_answered_once() {
    let Some(engine) = engine::at_hand("concurrency") else { return };
    let client = Launch::at(&engine.host).connect();
    let mut last = client.call("docker_ps", &json!({})).ok();

    let calls: Vec<_> = (0..CALLS).map(|_| client.begin_call("docker_ps", &json!({ "all": true }))).collect();
    // Meanwhile, what reports on the server is not in their queue.
    let mut slow = Vec::new();
    for _ in 0..HEALTH {
        slow.push(client.call("docker_health", &json!({})).ok().took);
    }
    let mut kinds = std::collections::BTreeMap::new();
    for call in &calls {
        let result = client.wait(call).tool();
        if result.took > last.took {
            last = result.clone();
        }
        *kinds.entry(result.kind().to_owned()).or_insert(0) += 1;
    }
    slow.sort();
    let (middle, p95, p99) = (slow[HEALTH / 2], slow[HEALTH - 6], slow[HEALTH - 2]);
    eprintln!(
        "answers by kind (empty is success): {kinds:?}; the last after {:?}; health: {middle:?}, {p95:?} for 95 of 100, {p99:?} for 99",
        last.took
    );
    assert_eq!(
        kinds.get("").copied().unwrap_or_default() + kinds.get("overloaded").copied().unwrap_or_default(),
        CALLS
    );
    assert!(kinds[""] >= CALLS / 2, "{kinds:?}");
    assert!(p95 < Duration::from_millis(200), "docker_health took {slow:?} meanwhile");
    let peak = rss::peak(client.pid());
    assert!(peak <= 256 << 20, "{} MiB", rss::mib(peak));
    saw("G3", Seen::of(&last, CLASS).memory(peak));
    saw("G3", Seen::new("health, 99 of 100", p99, Duration::from_millis(200)));
    // The audit knows each of them.
    let lines = client.audit_wait(CALLS + 1 + HEALTH);
    let mut ids: Vec<String> = lines.iter().map(|l| l["call"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), CALLS + 1 + HEALTH, "a call without a line of its own");
    client.call("docker_ps", &json!({})).ok();
}
