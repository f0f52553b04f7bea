//! No change without its intent on the disk: full, slow and failing disks, and a server that is killed right after.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::host_audit::{Disk, changing, degraded, read, read_until, verified};
use crate::faults::absent::median;
use crate::support::faultd::{Fault, Faultd, Made, post};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::shim::Shim;
use crate::support::{Client, Launch, ToolResult, engine};

const MS: fn(u64) -> Duration = Duration::from_millis;
/// How long an intent is waited for.
const INTENT: Duration = Duration::from_secs(1);

/// Call, outcome and effect of each line about a change.
fn told(dir: &Path) -> Vec<(String, String, String)> {
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let lines = verified(dir).lines;
    let changes = lines.iter().filter(|line| line["level"] == json!(["lifecycle"]));
    changes.map(|line| (word(line, "call"), word(line, "outcome"), word(line, "effect"))).collect()
}

/// The same, once there are so many: outcomes are written beside the calls.
#[track_caller]
fn told_wait(dir: &Path, count: usize) -> Vec<(String, String, String)> {
    let start = Instant::now();
    loop {
        let told = told(dir);
        if told.len() >= count {
            assert_eq!(told.len(), count, "{told:?}");
            return told;
        }
        assert!(start.elapsed() < Duration::from_secs(8), "{} of {count}: {told:?}", told.len());
        std::thread::sleep(MS(20));
    }
}

fn outcomes(told: &[(String, String, String)]) -> Vec<(&str, &str)> {
    told.iter().map(|(_, outcome, effect)| (outcome.as_str(), effect.as_str())).collect()
}

/// One running container, of a canned engine.
fn faultd() -> Faultd {
    Faultd::new().running(vec![Made::new(1, "app")])
}

fn hup(client: &Client) -> ToolResult {
    client.call("docker_kill", &json!({ "containers": "app", "signal": "HUP" }))
}

#[track_caller]
fn refused(result: &ToolResult) {
    assert_eq!(result.kind(), "audit_unavailable", "{}", result.text);
    assert_eq!(result.structured["error"]["effect"], "none", "{}", result.text);
    assert_eq!(result.structured["error"]["retry"], "no", "{}", result.text);
}

#[test]
fn a_full_disk_refuses_changes_before_they_are_sent() {
    let Some(engine) = engine::at_hand("neverhang::audit_full_changes") else { return };
    let Some(disk) = Disk::new("neverhang::audit_full_changes") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], &["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]);
    let app = scope.name("app");
    let state = || engine.inspect("container", &app)["State"].clone();
    let before = state();
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&changing(disk.path(), "")).connect();
    let looks = (0..5).map(|_| client.call("docker_inspect", &json!({ "container": app })).ok().took);
    let usual = median(looks.collect());

    disk.fill();
    read_until(&client, true, Duration::from_secs(5));
    let mut times = Vec::new();
    for tool in ["docker_stop", "docker_restart", "docker_kill", "docker_pause", "docker_stop"] {
        let result = client.call(tool, &json!({ "containers": app }));
        refused(&result);
        assert!(degraded(&result), "{}", result.text);
        saw("H1", Seen::of(&result, MS(100)).circuit("0"));
        times.push(result.took);
    }
    assert!(median(times.clone()) <= usual + MS(100), "{times:?}, a look takes {usual:?}");
    let sent: Vec<String> = faultd.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(sent, Vec::<String>::new(), "something was sent");
    assert_eq!(state(), before, "something happened");
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0, "{}", health.text);

    // Who need not record goes on.
    let careless = changing(disk.path(), "required = false\n");
    let careless = Launch::at(&faultd.host()).config(&careless).connect();
    let restarted = careless.call("docker_restart", &json!({ "containers": app, "timeout": 5 })).ok();
    assert_eq!(restarted.structured["results"][0]["changed"], true, "{}", restarted.text);
    drop(careless);

    disk.free();
    let stopped = client.call("docker_stop", &json!({ "containers": app, "timeout": 5 })).ok();
    assert_eq!(stopped.structured["results"][0]["changed"], true, "{}", stopped.text);
    assert_eq!(state()["Status"], "exited");
    let told = told_wait(disk.path(), 2);
    assert_eq!(outcomes(&told), [("intent", "none"), ("done", "done")]);
}

#[test]
fn a_slow_disk_refuses_changes_after_a_second_and_delays_no_read() {
    let Some(shim) = Shim::new("neverhang::audit_slow_changes") else { return };
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit");
    let faultd = faultd();
    let client = shim.under(Launch::at(&faultd.host()).config(&changing(&audit, ""))).connect();
    assert!(!degraded(&hup(&client).ok()));
    assert_eq!(faultd.count(&post("/kill")), 1);
    told_wait(&audit, 2);

    shim.fsync(5000);
    let start = Instant::now();
    let id = client.begin_call("docker_kill", &json!({ "containers": "app", "signal": "HUP" }));
    let times: Vec<Duration> = (0..30)
        .map(|_| {
            std::thread::sleep(MS(20));
            read(&client).took
        })
        .collect();
    assert!(median(times.clone()) <= MS(100), "{times:?}");
    let result = client.wait(&id).tool();
    refused(&result);
    assert!(result.took >= INTENT - MS(50), "it was not waited for: {:?}", result.took);
    saw("H3", Seen::of(&result, INTENT).circuit("0"));

    // What is known to hang keeps no other one waiting, and reads say so.
    assert!(start.elapsed() < Duration::from_secs(4), "too late to tell");
    let second = hup(&client);
    refused(&second);
    assert!(second.took <= MS(500), "{:?}", second.took);
    saw("H3", Seen::of(&second, INTENT).circuit("0"));
    read_until(&client, true, MS(500));
    assert_eq!(faultd.count(&post("")), 1, "sent without its intent: {:?}", faultd.lines());

    // The intent comes down late: its outcome says that nothing was begun.
    shim.fsync(0);
    let told = told_wait(&audit, 5);
    let words = [("intent", "none"), ("done", "done"), ("intent", "none"), ("not_started", "none")];
    assert_eq!(outcomes(&told)[..4], words);
    assert_eq!(outcomes(&told)[4], ("not_started", "none"));
    assert_eq!(told[2].0, told[3].0, "of the same call");
    read_until(&client, false, Duration::from_secs(8));
    assert!(!degraded(&hup(&client).ok()));
    assert_eq!(faultd.count(&post("/kill")), 2);
}

#[test]
fn a_disk_that_cannot_make_it_durable_refuses_changes() {
    let Some(shim) = Shim::new("neverhang::audit_eio") else { return };
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit");
    let faultd = faultd();
    let client = shim.under(Launch::at(&faultd.host()).config(&changing(&audit, ""))).connect();
    shim.fsync(-1);
    for _ in 0..3 {
        let result = hup(&client);
        refused(&result);
        saw("H3", Seen::of(&result, INTENT).circuit("0"));
    }
    assert!(degraded(&read(&client)), "a line that is written says nothing of those that must be durable");
    assert_eq!(faultd.count(&post("")), 0, "{:?}", faultd.lines());
    shim.fsync(0);
    assert!(!degraded(&hup(&client).ok()));
    assert!(!degraded(&read(&client)));
    let told = told_wait(&audit, 8);
    let refused = [("intent", "none"), ("not_started", "none")].repeat(3);
    assert_eq!(outcomes(&told), [&refused[..], &[("intent", "none"), ("done", "done")]].concat());
}

#[test]
fn the_intent_is_durable_before_the_engine_hears_of_the_change() {
    const DISK: u64 = 250;
    let Some(shim) = Shim::new("neverhang::audit_order") else { return };
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit");
    for round in 0..4 {
        let faultd = faultd().on(post("/kill").nth(2..), Fault::NoAnswer);
        shim.fsync(0);
        let client = shim.under(Launch::at(&faultd.host()).config(&changing(&audit, ""))).connect();
        // The first one, which is also the file's and the folder's, is not measured.
        hup(&client).ok();
        // Of the one that was killed before, its outcome too.
        while super::host_audit::text(&audit).lines().count() < 4 * round + 2 {
            std::thread::sleep(MS(5));
        }
        // In every other round the disk is slow, so that the order shows.
        let slow = round % 2 == 0;
        shim.fsync(if slow { i64::try_from(DISK).unwrap() } else { 0 });
        let start = Instant::now();
        client.begin_call("docker_kill", &json!({ "containers": "app", "signal": "HUP" }));
        faultd.wait_for(&post("/kill"), 2, Duration::from_secs(10));
        client.signal("KILL");
        let sent = faultd.requests().into_iter().rfind(|r| r.method == "POST").unwrap();
        let waited = sent.at - start;
        assert!(!slow || waited >= MS(DISK), "sent after {waited:?}, the disk takes {DISK} ms");
        assert!(client.wait_exit(Duration::from_secs(2)).is_some());

        let text = super::host_audit::text(&audit);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4 * round + 3, "{text}");
        assert_eq!(lines.iter().filter(|line| line["outcome"] == "reconciled").count(), round, "{text}");
        let last = &lines[4 * round + 2];
        assert_eq!((&last["outcome"], &last["decision"]), (&json!("intent"), &json!("allowed")), "{text}");
        assert_eq!((&last["tool"], &last["target"]), (&json!("docker_kill"), &json!(["app"])), "{text}");
        eprintln!("round {round}: sent after {waited:?}");
    }
}
