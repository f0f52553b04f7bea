//! A tool that panics, and one that does not let go of its thread.

use std::time::Duration;

use serde_json::json;

use crate::support::Launch;

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
