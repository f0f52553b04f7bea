//! A client that does not read stderr: MCP allows it, and many do not.

use std::time::Duration;

use serde_json::json;

use crate::support::Launch;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nobody_has_to_read_the_log() {
    let limits = "[limits]\nlogs_per_minute = 0\n";
    let client = Launch::without_engine().config(limits).arg("--log-level").arg("info").connect_deaf();
    // Far more than any pipe holds.
    let name = format!("={}", "n".repeat(1024));
    for _ in 0..40 {
        let calls: Vec<_> =
            (0..50).map(|_| client.begin_call("docker_logs", &json!({ "container": name }))).collect();
        for call in calls {
            let result = client.wait(&call).tool();
            assert_eq!(result.kind(), "invalid_arguments", "{}", result.text);
        }
    }
    let health = client.call("docker_health", &json!({})).ok();
    assert!(health.took < SECOND, "{:?}", health.took);
    assert!(client.request("ping", json!({})).took < SECOND);
    // Nor do its last words keep it from ending.
    client.close_stdin();
    let ended = client.wait_exit(3 * SECOND);
    assert!(ended.is_some_and(|(status, took)| status.code() == Some(0) && took <= SECOND), "{ended:?}");
}

#[test]
fn one_long_word_does_not_fill_the_log() {
    let client = Launch::without_engine().arg("--log-level").arg("trace").connect_deaf();
    for _ in 0..3 {
        let result = client.call("docker_logs", &json!({ "container": "n".repeat(200_000) }));
        assert!(result.is_error && result.took < SECOND, "{:?}", result.took);
    }
    assert!(client.request("ping", json!({})).took < SECOND);
}
