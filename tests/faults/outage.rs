//! An engine of the test's own is killed, started again, and stopped in its tracks.

use std::time::{Duration, Instant};

use serde_json::json;

use super::absent::recovers;
use crate::support::ledger::{Seen, saw};
use crate::support::private::Private;
use crate::support::{Launch, engine};

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn an_engine_dies_and_comes_back() {
    if engine::at_hand("faults::outage").is_none() {
        return;
    }
    let Some(mut own) = Private::new() else { return };
    let config = "[neverhang]\nread_timeout = \"2s\"\n";
    let client = Launch::at(&own.engine.host).config(config).connect();
    client.call("docker_ps", &json!({})).ok();

    // It hangs: the clock ends the calls, the circuit opens, and closes when it goes on.
    own.signal("STOP");
    for _ in 0..3 {
        let result = client.call("docker_ps", &json!({}));
        assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
        assert!(result.took <= S(3), "{:?}", result.took);
        saw("B2", Seen::of(&result, S(2)).circuit("+1"));
    }
    let refused = client.call("docker_ps", &json!({}));
    assert_eq!(refused.kind(), "circuit_open", "{}", refused.text);
    assert!(refused.text.contains("daemon_timeout"), "why? {}", refused.text);
    assert!(refused.took <= MS(50), "{:?}", refused.took);
    saw("K9", Seen::of(&refused, MS(50)).circuit("open"));
    own.signal("CONT");
    let took = recovers(&client, S(15));
    eprintln!("went on: {took:?}");
    // The next probe comes within five seconds, and one may have been waiting for its answer.
    saw("K9", Seen::new("ok", took, S(7)).circuit("closed"));
    let log = client.stderr();
    assert_eq!(log.matches("circuit changed").count(), 3, "open, half open, closed: {log}");
    // What it answers late to the calls that were given up is nobody's.
    let after = client.call("docker_ps", &json!({})).ok();
    saw("B2", Seen::of(&after, S(2)).circuit("0"));

    // It dies.
    own.signal("KILL");
    std::thread::sleep(MS(300));
    for _ in 0..3 {
        let dead = client.call("docker_ps", &json!({}));
        assert_eq!(dead.kind(), "daemon_unreachable", "{}", dead.text);
        saw("A5", Seen::of(&dead, MS(100)).circuit("+1"));
    }

    // It is started again, which takes its time; calls go on meanwhile.
    let ready = std::thread::scope(|scope| {
        let restart = scope.spawn(|| {
            own.restart_killed();
            Instant::now()
        });
        let mut kinds = std::collections::BTreeSet::new();
        while !restart.is_finished() {
            let meanwhile = client.call("docker_ps", &json!({}));
            // A trial may meet an engine that takes connections and does not answer yet.
            let promised = if meanwhile.kind() == "circuit_open" { MS(50) } else { S(2) };
            kinds.insert(meanwhile.kind().to_owned());
            saw("C1", Seen::of(&meanwhile, promised));
            std::thread::sleep(MS(50));
        }
        eprintln!("while it started: {kinds:?}");
        assert!(kinds.contains("circuit_open"), "{kinds:?}");
        restart.join().unwrap()
    });
    recovers(&client, S(15));
    let took = ready.elapsed();
    eprintln!("came back: {took:?} after it was ready");
    saw("C1", Seen::new("ok", took, S(5)).circuit("closed"));
}
