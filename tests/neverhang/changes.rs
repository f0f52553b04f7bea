//! Changes whose answer, caller or turn goes away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::engine;
use crate::support::faultd::{Fault, Faultd, Made, Poison, Toxic, get, post};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Engine, Launch};

const S: fn(u64) -> Duration = Duration::from_secs;
/// Ends at SIGTERM, at once.
const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];
/// Does not.
const DEAF: &[&str] = &["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];

fn config(lifecycle: Duration) -> String {
    format!(
        "[permissions]\nlifecycle = true\n[neverhang]\nread_timeout = \"2s\"\nlifecycle_timeout = \"{}s\"\n",
        lifecycle.as_secs()
    )
}

/// The outcome line of the change of that tool in the audit, when it is written.
fn outcome(client: &Client, tool: &str, within: Duration) -> Value {
    let until = Instant::now() + within;
    loop {
        let lines = client.audit_lines();
        if let Some(line) = lines.iter().find(|l| l["tool"] == tool && l["outcome"] != "intent") {
            return line.clone();
        }
        assert!(Instant::now() < until, "no outcome of {tool}: {lines:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn failures(client: &Client) -> Value {
    client.call("docker_health", &json!({})).ok().structured["circuit"].clone()
}

fn running(engine: &Engine, name: &str) -> bool {
    engine.inspect("container", name)["State"]["Running"] == true
}

#[test]
fn an_answer_that_is_lost_is_looked_for() {
    let Some(engine) = engine::at_hand("neverhang::changes::lost") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    // The engine does it, and the line breaks before its answer.
    let faultd = Faultd::before(&engine).on(post("/stop"), Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]));
    let client = Launch::at(&faultd.host()).config(&config(S(10))).connect();
    let result = client.call("docker_stop", &json!({ "containers": app, "timeout": 4 })).ok();
    let one = &result.structured["results"][0];
    assert_eq!(one["changed"], true, "{}", result.text);
    assert!(
        one["note"].as_str().is_some_and(|n| n.contains("lost") && n.contains("exited")),
        "{}",
        result.text
    );
    assert!(!running(&engine, &app));
    let line = outcome(&client, "docker_stop", S(2));
    assert_eq!((&line["outcome"], &line["effect"]), (&json!("done"), &json!("done")));
    saw("A2", Seen::of(&result, S(10)));
}

#[test]
fn a_request_that_got_lost_is_not_known_to_have_come() {
    let Some(engine) = engine::at_hand("neverhang::changes::unknown") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let faultd = Faultd::before(&engine).on(post("/stop"), Fault::EarlyEof);
    let client = Launch::at(&faultd.host()).config(&config(S(9))).connect();
    let result = client.call("docker_stop", &json!({ "containers": app, "timeout": 1 }));
    assert_eq!(result.kind(), "outcome_unknown", "{}", result.text);
    let error = &result.structured["error"];
    assert_eq!((&error["effect"], &error["retry"]), (&json!("unknown"), &json!("no")));
    assert!(result.text.contains("running") && result.text.contains("docker_inspect"), "{}", result.text);
    assert!(running(&engine, &app), "asked once, and never again by itself");
    assert_eq!(faultd.count(&post("/stop")), 1);
    assert_eq!(failures(&client)["failures"], 1);
    saw("C3", Seen::of(&result, S(9)).circuit("+1"));
}

#[test]
fn a_stop_that_takes_its_time_goes_on_and_is_seen_through() {
    let Some(engine) = engine::at_hand("neverhang::changes::slow") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["run", "-d", "--stop-timeout", "6"], "app", &[], engine::BASE, DEAF);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(&config(S(3))).connect();
    let result = client.call("docker_stop", &json!({ "containers": app }));
    assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
    let error = &result.structured["error"];
    assert_eq!((&error["effect"], &error["phase"]), (&json!("continuing"), &json!("total")), "{error}");
    assert!(result.took <= S(4), "{:?}", result.took);
    assert!(running(&engine, &app));
    assert_eq!(failures(&client)["failures"], 0, "a slow stop is no sick engine");
    // The record waits for what comes of it.
    let line = outcome(&client, "docker_stop", S(8));
    assert_eq!((&line["outcome"], &line["effect"]), (&json!("done"), &json!("done")), "{line}");
    assert!(line["evidence"].as_str().is_some_and(|e| e.contains("exited")), "{line}");
    assert!(!running(&engine, &app));
}

#[test]
fn who_gives_up_a_change_that_was_sent_does_not_undo_it() {
    let Some(engine) = engine::at_hand("neverhang::changes::cancelled") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["run", "-d", "--stop-timeout", "3"], "app", &[], engine::BASE, DEAF);
    let app = scope.name("app");
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&config(S(20))).connect();
    let first = client.begin_call("docker_stop", &json!({ "containers": app }));
    faultd.wait_for(&post("/stop"), 1, S(3));
    // The next one waits for its turn at this container: it can be called off without a trace in the engine.
    let second = client.begin_call("docker_restart", &json!({ "containers": app }));
    std::thread::sleep(Duration::from_millis(300));
    for id in [&second, &first] {
        client.notify("notifications/cancelled", json!({ "requestId": id, "reason": "test" }));
    }
    engine.wait_state(&app, "exited");
    let line = outcome(&client, "docker_stop", S(3));
    assert_eq!((&line["outcome"], &line["effect"]), (&json!("done"), &json!("done")), "{line}");
    let line = outcome(&client, "docker_restart", S(3));
    assert_eq!(line["effect"], "none", "{line}");
    assert_eq!(faultd.count(&post("/restart")), 0);
    for id in [first, second] {
        assert!(client.answer_within(&id, Duration::from_millis(100)).is_none(), "nobody waits for it");
    }
    saw("G2", Seen::new("no answer", Duration::ZERO, S(1)));
}

#[test]
fn changes_of_one_container_come_one_after_the_other() {
    let Some(engine) = engine::at_hand("neverhang::changes::crowd") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let slow = Toxic::up(Poison::Latency(Duration::from_millis(100), Duration::ZERO));
    let faultd = Faultd::before(&engine).on(post("/start"), Fault::Toxic(vec![slow]));
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    let begun = Instant::now();
    let ids: Vec<Value> =
        (0..1000).map(|_| client.begin_call("docker_start", &json!({ "containers": app }))).collect();
    let answers: Vec<_> = ids.iter().map(|id| client.wait(id).tool()).collect();
    let took = begun.elapsed();
    let done = answers.iter().filter(|a| !a.is_error).count();
    let full: Vec<_> = answers.iter().filter(|a| a.kind() == "overloaded").collect();
    assert_eq!(
        done + full.len(),
        1000,
        "{:?}",
        answers.iter().find(|a| a.is_error && a.kind() != "overloaded")
    );
    assert!(done >= 3 && full.len() >= 500, "{done} done");
    assert_eq!(faultd.count(&post("/start")), done);
    let least = Duration::from_millis(100) * u32::try_from(done - 1).unwrap();
    assert!(took >= least, "{done} in {took:?}: not one after the other");
    let slowest = answers.iter().max_by_key(|a| a.took).unwrap();
    eprintln!("{done} done, {} told that the queue is full, the last answer after {took:?}", full.len());
    saw("G4", Seen::of(slowest, S(8)).circuit("0"));
}

#[test]
fn a_container_that_hangs_takes_nobody_with_it() {
    let Some(engine) = engine::at_hand("neverhang::changes::stuck") else { return };
    let scope = Scope::new(&engine);
    let stuck = scope.run("stuck", &[], POLITE);
    scope.run("well", &[], POLITE);
    let (name, well) = (scope.name("stuck"), scope.name("well"));
    let faultd = Faultd::before(&engine).on(get("/json").of(&stuck), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    for _ in 0..2 {
        let hung = client.call("docker_inspect", &json!({ "container": name }));
        assert_eq!(hung.kind(), "container_unresponsive", "{}", hung.text);
        assert_eq!(hung.structured["error"]["retry"], "after");
        saw("B27", Seen::of(&hung, S(2)).circuit("0"));
    }
    let before = faultd.count(&get("/json").of(&stuck));
    let refused = client.call("docker_inspect", &json!({ "container": name }));
    assert_eq!(refused.kind(), "container_unresponsive", "{}", refused.text);
    assert!(refused.structured["error"]["retry_after_ms"].as_u64().unwrap() > 30_000, "{}", refused.text);
    assert_eq!(faultd.count(&get("/json").of(&stuck)), before, "it is left alone");
    client.call("docker_inspect", &json!({ "container": well })).ok();
    assert!(client.call("docker_ps", &json!({})).ok().text.contains(&name), "the list knows it");
    assert_eq!(failures(&client)["failures"], 0);
    // It can still be stopped.
    let stopped = client.call("docker_stop", &json!({ "containers": name, "timeout": 2 })).ok();
    assert_eq!(stopped.structured["results"][0]["changed"], true, "{}", stopped.text);
}

#[test]
fn an_engine_that_hangs_is_not_blamed_on_a_container() {
    let Some(engine) = engine::at_hand("neverhang::changes::blame") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[], POLITE);
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    client.call("docker_ps", &json!({})).ok();
    // It goes silent after it has listed the containers.
    faultd.set(get("/json").of(&id), Fault::NoAnswer);
    faultd.add(get("/_ping"), Fault::NoAnswer);
    let hung = client.call("docker_inspect", &json!({ "container": scope.name("app") }));
    assert_eq!(hung.kind(), "daemon_timeout", "{}", hung.text);
    assert_eq!(failures(&client)["failures"], 1);
    saw("B1", Seen::of(&hung, S(2)).circuit("+1"));
}

#[test]
fn what_an_engine_refuses_leaves_the_circuit_closed() {
    let Some(engine) = engine::at_hand("neverhang::changes::refused") else { return };
    let scope = Scope::new(&engine);
    let port = free_port();
    let publish = format!("127.0.0.1:{port}:80");
    scope.run("first", &["-p", &publish], POLITE);
    scope.container(&["create"], "second", &["-p", &publish], engine::BASE, POLITE);
    scope.container(&["create"], "full", &[], engine::BASE, POLITE);
    let full = engine.inspect("container", &scope.name("full"))["Id"].as_str().unwrap().to_owned();
    let no_space = "mkdir /var/lib/docker/x: no space left on device".to_owned();
    let faultd = Faultd::before(&engine).on(post("/start").of(&full), Fault::DockerError(500, no_space));
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    for (name, row, word) in [("second", "K10", "port is already allocated"), ("full", "C5", "no space left")]
    {
        for _ in 0..3 {
            let refused = client.call("docker_start", &json!({ "containers": scope.name(name) }));
            assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
            assert_eq!(refused.structured["error"]["effect"], "none");
            assert!(refused.text.contains(word), "{}", refused.text);
            saw(row, Seen::of(&refused, S(8)).circuit("0"));
        }
    }
    let circuit = failures(&client);
    assert_eq!((&circuit["state"], &circuit["failures"]), (&json!("closed"), &json!(0)));
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_paused_container_can_be_stopped_and_restarted() {
    let Some(engine) = engine::at_hand("neverhang::changes::paused") else { return };
    let scope = Scope::new(&engine);
    let client = Launch::at(&engine.host).config(&config(S(20))).connect();
    for verb in ["docker_restart", "docker_stop"] {
        scope.run(verb, &[], POLITE);
        let app = json!({ "containers": scope.name(verb) });
        client.call("docker_pause", &app).ok();
        let again = client.call("docker_pause", &app);
        assert_eq!(again.kind(), "conflict", "{}", again.text);
        saw("C8", Seen::of(&again, S(20)).circuit("0"));
        let result = client.call(verb, &app).ok();
        assert_eq!(result.structured["results"][0]["changed"], true, "{}", result.text);
        saw("C8", Seen::of(&result, S(20)).circuit("0"));
    }
}

#[test]
fn who_is_named_beside_a_stuck_container_does_not_pay_for_it() {
    let sick = Made { id: "b".repeat(64), ..Made::new(2, "sick") };
    let stuck = get("/json").of(&sick.id);
    let faultd = Faultd::new().running(vec![Made::new(1, "good"), sick]).on(stuck, Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    for _ in 0..2 {
        let stuck = client.call("docker_start", &json!({ "containers": ["good", "sick"] }));
        assert_eq!(stuck.kind(), "container_unresponsive", "{}", stuck.text);
        assert_eq!(stuck.structured["error"]["effect"], "none");
        assert!(stuck.text.contains("`bbbbbbbbbbbb`"), "it says which: {}", stuck.text);
    }
    client.call("docker_inspect", &json!({ "container": "good" })).ok();
}

/// A part of it happened, a part of it failed: the record tells both, and what is not known is not called undone.
#[test]
fn the_record_of_several_tells_of_each() {
    let two = Made::new(2, "two");
    let id = two.id.clone();
    let faultd = Faultd::new().running(vec![Made::new(1, "one"), two]);
    faultd.add(post("/kill").of(&id), Fault::DockerError(409, "not running".to_owned()));
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    let both = json!({ "containers": ["one", "two"] });
    let result = client.call("docker_kill", &both).ok();
    assert_eq!(result.structured["failed"], 1, "{}", result.text);
    let line = outcome(&client, "docker_kill", S(3));
    assert_eq!((&line["outcome"], &line["effect"]), (&json!("done"), &json!("done")), "{line}");
    assert_eq!(line["evidence"], "two: conflict", "{line}");
    // Lost, and still as it was: the other one is stopped for all that.
    faultd.add(post("/stop").of(&id), Fault::EarlyEof);
    let result = client.call("docker_stop", &json!({ "containers": ["one", "two"], "timeout": 0 })).ok();
    assert!(result.structured["results"][1]["changed"].is_null(), "{}", result.text);
    assert_eq!(result.structured["results"][1]["error"]["effect"], "unknown", "{}", result.text);
    let line = outcome(&client, "docker_stop", S(45));
    assert_ne!(line["effect"], "none", "{line}");
}

#[test]
fn a_worker_that_is_stuck_keeps_no_record_open() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let launch = Launch::at(&faultd.host()).config(&config(S(2)));
    let client = launch.env("DOCKER_MCP_FAILPOINT", "stuck:docker_kill").connect();
    let stuck = client.call("docker_kill", &json!({ "containers": "app" }));
    assert_eq!((stuck.kind(), &stuck.structured["error"]["effect"]), ("daemon_timeout", &json!("none")));
    let line = outcome(&client, "docker_kill", S(2));
    assert_eq!((&line["effect"], &line["error_kind"]), (&json!("none"), &json!("daemon_timeout")), "{line}");
    assert_eq!(faultd.count(&post("/kill")), 0);
}

#[test]
fn what_was_not_sent_when_a_change_is_given_up_never_is() {
    let two = Made::new(2, "two");
    // A look at how it is takes its time: the other one is killed meanwhile.
    let slow = Toxic::down(Poison::Latency(Duration::from_millis(700), Duration::ZERO));
    let faultd = Faultd::new().on(get("/json").of(&two.id), Fault::Toxic(vec![slow]));
    let faultd = faultd.running(vec![Made::new(1, "one"), two]);
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    let id = client.begin_call("docker_kill", &json!({ "containers": ["one", "two"] }));
    faultd.wait_for(&post("/kill"), 1, S(3));
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    let line = outcome(&client, "docker_kill", S(4));
    assert_eq!((&line["effect"], &line["evidence"]), (&json!("done"), &json!("two: cancelled")), "{line}");
    assert_eq!(faultd.count(&post("/kill")), 1);
}

/// Killing is for what takes its time to stop.
#[test]
fn a_kill_cuts_a_stop_short() {
    let Some(engine) = engine::at_hand("neverhang::changes::kill") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["run", "-d", "--stop-timeout", "15"], "app", &[], engine::BASE, DEAF);
    let app = json!({ "containers": scope.name("app") });
    let client = Launch::at(&engine.host).config(&config(S(30))).connect();
    let begun = Instant::now();
    let stop = client.begin_call("docker_stop", &app);
    std::thread::sleep(Duration::from_millis(500));
    client.call("docker_kill", &app).ok();
    let stopped = client.wait(&stop).tool().ok();
    assert!(begun.elapsed() < S(10), "{:?}", begun.elapsed());
    assert_eq!(stopped.structured["results"][0]["state"], "exited", "{}", stopped.text);
}

/// A volume plugin that hangs costs those who ask for volumes, and nobody else.
#[test]
fn one_kind_of_question_that_hangs_is_no_sick_engine() {
    let faultd = Faultd::new().on(get("/volumes"), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config(&config(S(8))).connect();
    for _ in 0..4 {
        let hung = client.call("docker_volumes", &json!({}));
        assert_eq!(hung.kind(), "daemon_timeout", "{}", hung.text);
        saw("B27", Seen::of(&hung, S(2)).circuit("0"));
    }
    assert_eq!(failures(&client)["failures"], 0);
    client.call("docker_ps", &json!({})).ok();
}
