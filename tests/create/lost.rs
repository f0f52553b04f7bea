//! Something goes wrong on the way: nothing half-made stays.

use std::time::Duration;

use serde_json::json;

use super::{ON, Place};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, post};
use crate::support::{Launch, engine};

const S: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn an_answer_that_is_lost_is_found_by_its_label() {
    let Some(engine) = engine::at_hand("create::lost") else { return };
    let place = Place::new(&engine);
    let break_off = || Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let faultd = Faultd::before(&engine).on(post("/containers/create"), break_off());
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let run = client.call("docker_run", &json!({ "image": place.image, "name": place.name("app") })).ok();
    assert!(run.text.contains("lost"), "{}", run.text);
    assert_eq!(run.structured["state"], "running");
    assert_eq!(place.inspect(&place.name("app"))["Id"], run.structured["id"]);
    assert_eq!(faultd.count(&post("/containers/create")), 1, "asked once");
    // The request itself got lost.
    let faultd = Faultd::before(&engine).on(post("/containers/create"), Fault::EarlyEof);
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let lost = client.call("docker_create", &json!({ "image": place.image, "name": place.name("lost") }));
    assert_eq!(lost.kind(), "outcome_unknown", "{}", lost.text);
    assert_eq!(place.containers(), [place.name("app")]);
}

#[test]
fn what_the_engine_refuses_is_told_and_not_blamed() {
    let Some(engine) = engine::at_hand("create::refused") else { return };
    let place = Place::new(&engine);
    let no_space = || Fault::DockerError(500, "no space left on device".to_owned());
    let faultd = Faultd::before(&engine).on(post("/containers/create"), no_space());
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let call = json!({ "image": place.image, "name": place.name("app") });
    let refused = client.call("docker_run", &call);
    assert_eq!((refused.kind(), &refused.structured["error"]["effect"]), ("daemon_error", &json!("none")));
    // Made, and the start fails: taken back.
    let faultd = Faultd::before(&engine).on(post("/start"), no_space());
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let refused = client.call("docker_run", &call);
    assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
    assert!(
        refused.text.contains("no space left") && refused.text.contains("removed again"),
        "{}",
        refused.text
    );
    assert!(place.containers().is_empty());
}

/// P6: the engine takes what it likes; what it made is compared before it runs.
#[test]
fn what_was_made_otherwise_never_runs() {
    let Some(engine) = engine::at_hand("create::otherwise") else { return };
    let place = Place::new(&engine);
    let folder = tempfile::Builder::new().prefix("docker-mcp-swap-").tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("real")).unwrap();
    let held = Toxic::up(Poison::Latency(Duration::from_millis(1500), Duration::ZERO));
    let faultd = Faultd::before(&engine).on(post("/containers/create"), Fault::Toxic(vec![held]));
    let config = format!("{ON}[create_safety]\nbind_roots = [\"{}\"]\n", root.display());
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let call = json!({ "image": place.image, "name": place.name("app"),
        "volumes": { root.join("real").to_str().unwrap(): "/x" } });
    let begun = client.begin_call("docker_run", &call);
    // M6: while the request is on its way, the folder becomes a link.
    faultd.wait_for(&post("/containers/create"), 1, S(5));
    std::fs::remove_dir(root.join("real")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("real")).unwrap();
    let result = client.wait(&begun).tool();
    assert!(result.is_error, "{}", result.text);
    assert!(result.text.contains("removed again"), "{}", result.text);
    assert!(place.containers().is_empty());
}

#[test]
fn who_gives_up_leaves_nothing_half_made() {
    let Some(engine) = engine::at_hand("create::cancelled") else { return };
    let place = Place::new(&engine);
    let slow = Toxic::down(Poison::Latency(S(2), Duration::ZERO));
    let faultd = Faultd::before(&engine).on(post("/containers/create"), Fault::Toxic(vec![slow]));
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let id = client.begin_call("docker_run", &json!({ "image": place.image, "name": place.name("app") }));
    faultd.wait_for(&post("/containers/create"), 1, S(5));
    client.notify("notifications/cancelled", json!({ "requestId": id, "reason": "test" }));
    let until = std::time::Instant::now() + S(12);
    let line = loop {
        let lines = client.audit_lines();
        let ended = |l: &&serde_json::Value| l["tool"] == "docker_run" && l["outcome"] != "intent";
        if let Some(line) = lines.iter().find(ended) {
            break line.clone();
        }
        assert!(std::time::Instant::now() < until, "{lines:#?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(line["effect"], "none", "{line}");
    assert!(place.containers().is_empty(), "{:?}", place.containers());
    assert_eq!(faultd.count(&post("/start")), 0);
}
