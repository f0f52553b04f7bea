//! A tool that panics, and one that does not let go of its thread.

use std::time::Duration;

use serde_json::json;

use crate::support::Launch;
use crate::support::ledger::{Seen, saw};

#[test]
fn a_panic_in_a_tool_is_the_error_of_one_call() {
    if !cfg!(debug_assertions) {
        return;
    }
    let client = Launch::without_engine().env("DOCKER_MCP_FAILPOINT", "panic:docker_health").connect();
    for _ in 0..5 {
        let result = client.call("docker_health", &json!({}));
        assert_eq!(result.kind(), "internal", "{}", result.text);
        assert!(!result.text.contains("src/"), "a place in the source: {}", result.text);
        assert!(result.structured["error"]["correlation_id"].is_string(), "{}", result.text);
        saw("H12", Seen::of(&result, Duration::from_secs(2)));
    }
    client.call("docker_policy", &json!({})).ok();
    let lines = client.audit_wait(6);
    let failed = lines.iter().filter(|l| l["error_kind"] == "internal").count();
    assert_eq!(failed, 5, "{lines:?}");
    client.close_stdin();
    assert!(client.wait_exit(Duration::from_secs(1)).is_some());
}

#[test]
fn a_stuck_tool_delays_neither_its_answer_nor_others() {
    if !cfg!(debug_assertions) {
        return;
    }
    let client = Launch::without_engine().env("DOCKER_MCP_FAILPOINT", "stuck:docker_policy").connect();
    let stuck: Vec<_> = (0..3).map(|_| client.begin_call("docker_policy", &json!({}))).collect();
    std::thread::sleep(Duration::from_millis(100));
    let other = client.call("docker_health", &json!({})).ok();
    assert!(other.took < Duration::from_millis(500), "{:?}", other.took);
    for call in stuck {
        let result = client.wait(&call).tool();
        assert!(
            result.is_error && result.took <= Duration::from_secs(3),
            "{:?}: {}",
            result.took,
            result.text
        );
    }
    client.signal("TERM");
    assert!(client.wait_exit(Duration::from_secs(1)).is_some(), "a stuck thread keeps the process");
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn half_of_the_threads_stuck_is_said() {
    if !cfg!(debug_assertions) {
        return;
    }
    let client = Launch::without_engine().env("DOCKER_MCP_FAILPOINT", "stuck:docker_policy").connect();
    let health = client.call("docker_health", &json!({})).ok();
    assert!(health.structured.get("advice").is_none_or(serde_json::Value::is_null), "{}", health.text);
    let stuck: Vec<_> = (0..2).map(|_| client.begin_call("docker_policy", &json!({}))).collect();
    for call in stuck {
        assert!(client.wait(&call).tool().took <= 3 * SECOND);
    }
    // Told to end five seconds ago, and looked at every two.
    std::thread::sleep(8 * SECOND);
    let health = client.call("docker_health", &json!({})).ok();
    assert!(health.took < SECOND, "{:?}", health.took);
    assert_eq!(health.structured["calls"]["stuck_workers"], 2, "{}", health.text);
    assert_eq!(health.structured["healthy"], false);
    assert!(health.structured["advice"].is_string(), "{}", health.text);
    assert!(client.stderr().contains("half of them are stuck"), "{}", client.stderr());
    assert!(client.wait_exit(6 * SECOND).is_none(), "two threads are left: {}", client.stderr());
}

#[test]
fn with_all_threads_stuck_it_ends_and_says_so() {
    if !cfg!(debug_assertions) {
        return;
    }
    let client = Launch::without_engine().env("DOCKER_MCP_FAILPOINT", "stuck:docker_policy").connect();
    let stuck: Vec<_> = (0..4).map(|_| client.begin_call("docker_policy", &json!({}))).collect();
    for call in stuck {
        let result = client.wait(&call).tool();
        assert!(result.is_error && result.took <= 3 * SECOND, "{:?}", result.took);
    }
    // What comes now is answered at its clock, until it is clear that no thread comes back.
    let start = std::time::Instant::now();
    let (mut answered, mut refused) = (0, 0);
    while client.wait_exit(Duration::ZERO).is_none() {
        assert!(start.elapsed() < 20 * SECOND, "it goes on: {}", client.stderr());
        let call = client.begin_call("docker_health", &json!({}));
        let Some(reply) = client.answer_within(&call, 4 * SECOND) else { break };
        answered += 1;
        refused += usize::from(reply.tool().kind() == "shutting_down");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (status, _) = client.wait_exit(3 * SECOND).expect("it goes on");
    assert_eq!(status.code(), Some(70), "{status:?}: {}", client.stderr());
    assert!(client.stderr().contains("no thread is left"), "{}", client.stderr());
    assert!(answered >= 2, "{answered}");
    eprintln!(
        "{answered} answered on the way, {refused} of them refused at the end, after {:?}",
        start.elapsed()
    );
}
