//! An engine of the test's own is killed, started again, and stopped in its tracks.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::absent::recovers;
use crate::support::ledger::{Seen, saw};
use crate::support::{Launch, engine, fixture};

/// An engine that belongs to the test.
struct Own {
    name: String,
    host: String,
    pid: String,
}

impl Own {
    /// None where there can be none: it takes root and Linux.
    fn new() -> Option<Self> {
        let name = fixture::unique();
        let said = script(&["new", &name])?;
        let value = |key: &str| said.lines().find_map(|l| l.strip_prefix(key)).map(str::to_owned);
        Some(Self { host: value("DOCKER_HOST=")?, pid: value("PID=")?, name })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        script(&["rm", &self.name]);
    }
}

fn script(args: &[&str]) -> Option<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");
    let run = Command::new(path).args(args).output().unwrap();
    // 3: none can be had here.
    assert!([Some(0), Some(3)].contains(&run.status.code()), "{}", String::from_utf8_lossy(&run.stderr));
    run.status.success().then(|| String::from_utf8(run.stdout).unwrap())
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args(["-s", name, pid]).status().unwrap().success());
}

#[test]
fn an_engine_dies_and_comes_back() {
    if engine::at_hand("faults::outage").is_none() {
        return;
    }
    let Some(own) = Own::new() else { return };
    let client = Launch::at(&own.host).config("[neverhang]\nread_timeout = \"2s\"\n").connect();
    client.call("docker_ps", &json!({})).ok();

    // It hangs: the clock ends the calls, the circuit opens, and closes when it goes on.
    signal("STOP", &own.pid);
    for _ in 0..3 {
        let result = client.call("docker_ps", &json!({}));
        assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
        assert!(result.took <= Duration::from_secs(3), "{:?}", result.took);
        saw("B2", Seen::of(&result, Duration::from_secs(2)).circuit("+1"));
    }
    let refused = client.call("docker_ps", &json!({}));
    assert_eq!(refused.kind(), "circuit_open", "{}", refused.text);
    assert!(refused.took <= Duration::from_millis(50), "{:?}", refused.took);
    signal("CONT", &own.pid);
    eprintln!("went on: {:?}", recovers(&client, Duration::from_secs(15)));
    // What it answers late to the calls that were given up is nobody's.
    let after = client.call("docker_ps", &json!({})).ok();
    saw("B2", Seen::of(&after, Duration::from_secs(2)).circuit("0"));

    // It dies.
    signal("KILL", &own.pid);
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..3 {
        let dead = client.call("docker_ps", &json!({}));
        assert_eq!(dead.kind(), "daemon_unreachable", "{}", dead.text);
        saw("A5", Seen::of(&dead, Duration::from_millis(100)).circuit("+1"));
    }
    script(&["restart", &own.name, "--kill"]);
    eprintln!("came back: {:?}", recovers(&client, Duration::from_secs(15)));
}
