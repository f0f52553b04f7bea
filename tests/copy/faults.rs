//! Something goes wrong on the way.

use std::time::Duration;

use serde_json::{Value, json};

use super::{QUIET, ROOT, container, file, from, says, to};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, get, put};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

fn x() -> Value {
    json!([{ "path": "x", "content": "x" }])
}

#[test]
fn an_answer_that_is_lost_is_looked_for() {
    let Some(engine) = engine::at_hand("copy::lost") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir /t");
    let break_off = Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let faultd = Faultd::before(&engine).on(put("/archive"), break_off);
    let client = Launch::at(&faultd.host()).config(ROOT).connect();
    let done = to(&client, &app, "/t", x(), json!({})).ok();
    assert!(done.text.contains("lost"), "{}", done.text);
    assert_eq!(says(&engine, &app, "cat /t/x"), "x");
    assert_eq!(faultd.count(&put("/archive")), 1, "asked once");
    // The request itself got lost: nothing is there.
    let faultd = Faultd::before(&engine).on(put("/archive"), Fault::EarlyEof);
    let client = Launch::at(&faultd.host()).config(ROOT).connect();
    let lost = to(&client, &app, "/t", json!([{ "path": "y", "content": "y" }]), json!({}));
    assert_eq!(lost.kind(), "outcome_unknown", "{}", lost.text);
    assert!(lost.text.contains("none of the files"), "{}", lost.text);
    // An archive that stalls, or is none.
    for (fault, kind) in [
        (Fault::BodyStall { after: 100 }, "container_unresponsive"),
        // Broken off, or no archive at all: the engine's own fault, unlike one that ends well and too early.
        (Fault::TruncateChunk { after: 100 }, "daemon_protocol"),
        (Fault::WrongType, "daemon_protocol"),
        (Fault::NoAnswer, "container_unresponsive"),
    ] {
        let faultd = Faultd::before(&engine).on(get("/archive"), fault);
        let config = format!("{QUIET}[neverhang]\nexec_timeout = 2000\n");
        let client = Launch::at(&faultd.host()).config(&config).connect();
        let failed = from(&client, &app, "/etc/passwd");
        assert!(failed.is_error && failed.took < Duration::from_secs(4), "{:?} {}", failed.took, failed.text);
        assert_eq!(failed.kind(), kind, "{}", failed.text);
    }
}

#[test]
fn containers_that_are_paused_read_only_or_gone() {
    let Some(engine) = engine::at_hand("copy::states") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir /t; echo y > /t/y");
    scope.run("ro", &["--read-only"], &["sleep", "9999"]);
    let ro = scope.name("ro");
    let client = Launch::at(&engine.host).config(ROOT).connect();
    engine.docker(&["pause", &app]);
    let paused = from(&client, &app, "/t/y").ok();
    assert_eq!(file(&paused, "/t/y")["content"], "y\n");
    to(&client, &app, "/t", x(), json!({})).ok();
    engine.docker(&["unpause", &app]);
    assert_eq!(says(&engine, &app, "cat /t/x"), "x");
    let refused = to(&client, &ro, "/tmp", x(), json!({}));
    assert_eq!(
        (refused.kind(), &refused.structured["error"]["effect"]),
        ("conflict", &json!("none")),
        "{}",
        refused.text
    );
    assert!(refused.text.contains("read-only"), "{}", refused.text);
    // Something that cannot be replaced.
    let hosts = to(&client, &app, "/etc", json!([{ "path": "hosts", "content": "" }]), json!({}));
    assert_eq!(hosts.kind(), "conflict", "{}", hosts.text);
    engine.docker(&["rm", "-f", &app]);
    assert_eq!(from(&client, &app, "/t").kind(), "not_found");
}

#[test]
fn a_container_that_goes_midway_and_a_caller_that_gives_up() {
    let Some(engine) = engine::at_hand("copy::midway") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir /t");
    let faultd = Faultd::before(&engine).on(get("/archive").once(), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config(ROOT).connect();
    let begun = client.begin_call("docker_copy_from", &json!({ "container": app, "path": "/t" }));
    faultd.wait_for(&get("/archive"), 1, Duration::from_secs(10));
    client.notify("notifications/cancelled", json!({ "requestId": begun }));
    assert!(faultd.wait_closed(Duration::from_secs(5)) < Duration::from_secs(3), "the request is given up");
    // The engine takes the files and says nothing: what came of it is not guessed.
    faultd.set(put("/archive"), Fault::NoAnswer);
    let config = format!("{ROOT}[neverhang]\nexec_timeout = 2000\n");
    let hurried = Launch::at(&faultd.host()).config(&config).connect();
    let silent = to(&hurried, &app, "/t", x(), json!({}));
    assert!(
        silent.is_error && silent.took < Duration::from_millis(3500),
        "{:?} {}",
        silent.took,
        silent.text
    );
    let effect = silent.structured["error"]["effect"].as_str().unwrap();
    assert!(["unknown", "continuing"].contains(&effect), "{}", silent.text);
    assert_eq!(silent.structured["error"]["retry"], "no");
    // Gone while it is read.
    let held = Fault::Toxic(vec![Toxic::up(Poison::Latency(Duration::from_millis(1500), Duration::ZERO))]);
    faultd.set(get("/archive"), held);
    let begun = client.begin_call("docker_copy_from", &json!({ "container": app, "path": "/t" }));
    faultd.wait_for(&get("/archive"), 2, Duration::from_secs(10));
    engine.docker(&["rm", "-f", &app]);
    let gone = client.wait(&begun).tool();
    assert_eq!(gone.kind(), "not_found", "{}", gone.text);
    assert_eq!(to(&client, &app, "/t", x(), json!({})).kind(), "not_found");
}
