//! Something else is at the socket, or the engine's socket may not be opened.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::absent::{PATIENT, median};
use crate::support::faultd::{Fault, Faultd, get};
use crate::support::ledger::{Seen, saw};
use crate::support::{Launch, ToolResult, launch};

/// Five calls to a server whose engine should be at that path.
fn five(path: &Path) -> Vec<ToolResult> {
    let client = Launch::at(&format!("unix://{}", path.display())).config(PATIENT).connect();
    (0..5).map(|_| client.call("docker_ps", &json!({}))).collect()
}

#[track_caller]
fn all_at_once(results: &[ToolResult], kind: &str) {
    for result in results {
        assert_eq!(result.kind(), kind, "{}", result.text);
        assert_eq!(result.structured["error"]["effect"], "none");
        assert!(
            result.structured["error"]["hint"].as_str().is_some_and(|h| !h.is_empty()),
            "no next step: {}",
            result.text
        );
    }
    let times: Vec<_> = results.iter().map(|r| r.took).collect();
    assert!(median(times.clone()) <= Duration::from_millis(100), "{times:?}");
}

#[test]
fn a_file_is_no_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, "not a socket").unwrap();
    let results = five(&path);
    assert!(["daemon_protocol", "daemon_unreachable"].contains(&results[0].kind()), "{}", results[0].text);
    all_at_once(&results, results[0].kind());
    let folder = five(dir.path());
    all_at_once(&folder, results[0].kind());
}

#[test]
fn an_engine_that_hangs_is_given_up_in_time() {
    for fault in [Fault::NoAnswer, Fault::BodyStall { after: 1 }, Fault::Trickle { bps: 20 }] {
        let faultd = Faultd::new().on(get("/containers/json"), fault);
        let config = "[neverhang]\nread_timeout = \"2s\"\n";
        let client = Launch::at(&faultd.host()).config(config).connect();
        let calls: Vec<_> = (0..3).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
        for call in calls {
            let result = client.wait(&call).tool();
            assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
            assert!(result.took <= Duration::from_secs(3), "{:?}", result.took);
            assert!(result.structured["error"]["limit_ms"].as_u64() <= Some(2000), "{}", result.text);
        }
        let refused = client.call("docker_ps", &json!({}));
        assert_eq!(refused.kind(), "circuit_open", "{}", refused.text);
        let health = client.call("docker_health", &json!({})).ok();
        assert!(health.took <= Duration::from_secs(3), "{:?}", health.took);
    }
}

#[test]
fn a_socket_that_may_not_be_opened_is_a_matter_of_permission() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = dir.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut launch = Launch::at(&format!("unix://{}", path.display())).config(PATIENT);
    if launch::is_root() {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        launch = launch.by_nobody();
    } else {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    }
    let client = launch.connect();
    let results: Vec<_> = (0..5).map(|_| client.call("docker_ps", &json!({}))).collect();
    all_at_once(&results, "daemon_permission");
    assert_eq!(results[0].structured["error"]["retry"], "no");
    // A matter of configuration, not of the engine's health.
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0, "{}", health.text);
    let mut times: Vec<_> = results.into_iter().collect();
    times.sort_by_key(|r| r.took);
    saw("A4", Seen::of(&times[2], Duration::from_millis(100)).circuit("0"));
}
