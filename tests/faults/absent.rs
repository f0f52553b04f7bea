//! No engine at the socket: refusals at once, an open circuit, and a recovery that nobody asks for.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Client, Launch, engine};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The middle one of some times.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A circuit that stays closed, for tests that look at the first failure.
pub const PATIENT: &str = "[neverhang]\ncircuit_breaker = { failures = 100 }\n";

#[test]
fn without_an_engine_it_starts_and_lists_its_tools() {
    let client = Launch::without_engine().connect();
    assert!(client.tools().iter().any(|t| t["name"] == "docker_ps"));
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["healthy"], false, "{}", health.text);
    assert_eq!(health.structured["engine"]["reachable"], false);
    assert_eq!(health.structured["circuit"]["state"], "closed");
}

#[test]
fn without_a_socket_a_call_fails_at_once() {
    let client = Launch::without_engine().config(PATIENT).connect();
    let mut times = Vec::new();
    for _ in 0..5 {
        let result = client.call("docker_ps", &json!({}));
        assert_eq!(result.kind(), "daemon_unreachable", "{}", result.text);
        assert!(result.text.contains("/nonexistent/docker-mcp-test.sock"), "which one? {}", result.text);
        assert_eq!(result.structured["error"]["effect"], "none");
        assert!(result.text.starts_with("Error:"), "{}", result.text);
        times.push(result.took);
    }
    assert!(median(times.clone()) <= MS(100), "{times:?}");
}

#[test]
fn a_socket_that_nobody_listens_on_is_unreachable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let client = Launch::at(&format!("unix://{}", path.display())).config(PATIENT).connect();
    let results: Vec<_> = (0..5).map(|_| client.call("docker_ps", &json!({}))).collect();
    assert!(results.iter().all(|r| r.kind() == "daemon_unreachable"), "{}", results[0].text);
    assert!(median(results.iter().map(|r| r.took).collect()) <= MS(100));
}

#[test]
fn after_three_failures_calls_are_refused_faster_still() {
    let client = Launch::without_engine().connect();
    open_the_circuit(&client);
    let refused: Vec<_> = (0..20).map(|_| client.call("docker_ps", &json!({}))).collect();
    for result in &refused {
        assert_eq!(result.kind(), "circuit_open", "{}", result.text);
        let after = result.structured["error"]["retry_after_ms"].as_u64().unwrap_or_default();
        assert!((1..=300_000).contains(&after), "{}", result.text);
        assert_eq!(result.structured["error"]["retry"], "after");
    }
    let times: Vec<_> = refused.iter().map(|r| r.took).collect();
    assert!(median(times.clone()) <= MS(50), "{times:?}");
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["state"], "open", "{}", health.text);
    assert!(health.structured["circuit"]["failures"].as_u64() >= Some(3), "{}", health.text);
    // What needs no engine works on.
    assert!(!client.tools().is_empty());
    client.call("docker_policy", &json!({})).ok();
}

#[test]
fn it_recovers_by_itself_when_an_engine_appears() {
    let Some(engine) = engine::at_hand("faults::recovery") else { return };
    let Some(real) = engine.socket() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("later.sock");
    let client = Launch::at(&format!("unix://{}", path.display())).connect();
    open_the_circuit(&client);
    assert_eq!(client.call("docker_ps", &json!({})).kind(), "circuit_open");

    std::os::unix::fs::symlink(real, &path).unwrap();
    let took = recovers(&client, Duration::from_secs(15));
    eprintln!("recovered {took:?} after the engine appeared");
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["state"], "closed", "{}", health.text);
    assert_eq!(health.structured["healthy"], true, "{}", health.text);
}

/// Three failures.
pub fn open_the_circuit(client: &Client) {
    for _ in 0..3 {
        let result = client.call("docker_ps", &json!({}));
        assert!(result.kind().starts_with("daemon_"), "{}", result.text);
    }
}

/// Calls until one goes well; how long that took.
#[track_caller]
pub fn recovers(client: &Client, limit: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let result = client.call("docker_ps", &json!({}));
        if !result.is_error {
            return start.elapsed();
        }
        assert!(start.elapsed() < limit, "still after {:?}: {}", start.elapsed(), result.text);
        std::thread::sleep(MS(100));
    }
}
