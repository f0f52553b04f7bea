//! The engine goes in the middle of making: nothing half-made stays, and what is said is so.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ON;
use crate::support::engine::BASE;
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, post};
use crate::support::private::Private;
use crate::support::{Client, Engine, Launch, ToolResult, engine};

const S: fn(u64) -> Duration = Duration::from_secs;

/// The state of the container of that name, if it is there.
fn state(engine: &Engine, name: &str) -> Option<String> {
    engine.try_docker(&["inspect", "--type", "container", "--format", "{{.State.Status}}", name]).ok()
}

/// The line that ends the call of a tool in the audit, when all looks are done.
fn ending(client: &Client, tool: &str, within: Duration) -> Value {
    let until = Instant::now() + within;
    loop {
        let lines = client.audit_lines();
        let ended = |l: &&Value| l["tool"] == tool && l["outcome"] != "intent";
        if let Some(line) = lines.iter().find(ended) {
            return line.clone();
        }
        assert!(Instant::now() < until, "{lines:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What was said fits what there is, and what is there is whole.
fn fits(client: &Client, engine: &Engine, tool: &str, name: &str, said: &ToolResult, what: &str) {
    let line = ending(client, tool, S(70));
    let there = state(engine, name);
    let facts = format!("{what}, {tool}: said {}\naudit {line}\nthere {there:?}", said.text);
    match line["effect"].as_str() {
        Some("none") => assert_eq!(there, None, "{facts}"),
        Some("done") => assert!(there.is_some(), "{facts}"),
        _ => {}
    }
    if !said.is_error {
        assert!(there.is_some(), "{facts}");
    }
    if said.structured["error"]["effect"] == "none" {
        assert_eq!(there, None, "{facts}");
    }
    // A run that never ran is half a run: it does not stay, but where the start itself is what nobody knows of.
    if tool == "docker_run" && there.as_deref() == Some("created") {
        assert!(said.text.contains("asked to start"), "{facts}");
    }
    assert_ne!(said.kind(), "internal", "{facts}");
}

#[test]
fn an_engine_that_is_killed_in_the_middle_leaves_nothing_half_made() {
    let Some(mut own) = Private::new() else {
        return engine::left_out("create::restart");
    };
    let engine = own.engine.clone();
    let cut = || Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let slow = || Fault::Toxic(vec![Toxic::up(Poison::Latency(Duration::from_millis(300), Duration::ZERO))]);
    let cases: [(&str, &str, Option<(&str, Fault)>, u64); 7] = [
        ("docker_create", "/containers/create", None, 0),
        ("docker_run", "/containers/create", None, 30),
        ("docker_run", "/containers/create", Some(("/containers/create", slow())), 250),
        ("docker_create", "/containers/create", Some(("/containers/create", cut())), 100),
        ("docker_run", "/containers/create", Some(("/containers/create", cut())), 100),
        ("docker_run", "/start", None, 20),
        ("docker_run", "/start", Some(("/start", slow())), 100),
    ];
    // What is looked at after the answer is waited for at the end, for all of them.
    let mut ended = Vec::new();
    let config = format!("{ON}[neverhang]\nlifecycle_timeout = \"10s\"\n");
    for (i, (tool, seen, fault, after)) in cases.into_iter().enumerate() {
        let faultd = Faultd::before(&engine);
        if let Some((path, fault)) = fault {
            faultd.add(post(path), fault);
        }
        let client = Launch::at(&faultd.host()).config(&config).connect();
        let name = format!("restart-{i}");
        let begun =
            client.begin_call(tool, &json!({ "image": BASE, "name": name, "command": ["sleep", "9999"] }));
        faultd.wait_for(&post(seen), 1, S(10));
        std::thread::sleep(Duration::from_millis(after));
        own.restart_killed();
        let said = client.wait(&begun).tool();
        assert!(said.took < S(12), "{:?}", said.took);
        ended.push((faultd, client, tool, name, said));
    }
    for (i, (_faultd, client, tool, name, said)) in ended.iter().enumerate() {
        fits(client, &engine, tool, name, said, &format!("case {i}"));
    }
}

/// A request that reaches the engine when its caller has been answered: what comes of it is taken back.
#[test]
fn what_turns_up_late_is_taken_back() {
    let Some(engine) = engine::at_hand("create::late") else { return };
    let place = super::Place::new(&engine);
    let late = Toxic::up(Poison::Latency(S(8), Duration::ZERO));
    let faultd = Faultd::before(&engine).on(post("/containers/create"), Fault::Toxic(vec![late]));
    let config = format!("{ON}[neverhang]\nlifecycle_timeout = \"5s\"\n");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let since = engine.docker(&["run", "--rm", BASE, "date", "+%s"]);
    let name = place.name("late");
    let said = client.call("docker_run", &json!({ "image": place.image, "name": name }));
    assert!(said.is_error && said.took < S(6), "{} after {:?}", said.text, said.took);
    assert_ne!(said.structured["error"]["effect"], "none", "{}", said.text);
    assert!(said.text.contains("removed again"), "what becomes of it is told: {}", said.text);
    let line = ending(&client, "docker_run", S(60));
    let filter = format!("container={name}");
    // Its clock is read in whole seconds: what happened in this one would be left out.
    std::thread::sleep(S(2));
    let until = engine.docker(&["run", "--rm", BASE, "date", "+%s"]);
    let events = engine.docker(&[
        "events",
        "--since",
        &since,
        "--until",
        &until,
        "--filter",
        &filter,
        "--format",
        "{{.Action}}",
    ]);
    assert!(events.lines().any(|l| l == "create"), "it never turned up: {events} {line}");
    assert!(events.lines().any(|l| l == "destroy") && !events.lines().any(|l| l == "start"), "{events}");
    assert_eq!(line["effect"], "none", "{line}");
    assert!(place.containers().is_empty());
}
