//! Given up or out of time midway: what is said of it is what is true at the engine.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rows::Row;
use super::site::Site;
use super::{each, here};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, get};
use crate::support::{Client, Engine, Launch, engine};

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;

/// A server behind a line that will be bad, and its time for a change.
fn served(engine: &Engine, site: &Site, seconds: u64) -> (Faultd, Client) {
    let faultd = Faultd::before(engine);
    let clocks = format!(
        "[neverhang]\nread_timeout = \"{seconds}s\"\nlifecycle_timeout = \"{seconds}s\"\n\
         compose_timeout = \"{seconds}s\"\n\
         [confirm]\nrequire = \"none\"\n"
    );
    let client = Launch::at(&faultd.host()).config(&site.config("", &clocks)).connect();
    // It knows the engine.
    client.call("docker_ps", &json!({})).ok();
    (faultd, client)
}

/// How the record of the call was closed.
fn recorded(client: &Client, tool: &str) -> Value {
    let until = Instant::now() + S(15);
    loop {
        let lines = client.audit_lines();
        if let Some(line) = lines.iter().find(|l| l["tool"] == tool && l["outcome"] != "intent") {
            return line.clone();
        }
        assert!(Instant::now() < until, "{tool}: the record is not closed: {lines:#?}");
        std::thread::sleep(MS(50));
    }
}

fn cancel(client: &Client, id: &Value) {
    client.notify("notifications/cancelled", json!({ "requestId": id, "reason": "test" }));
}

/// Nobody waits for it any more: nothing is said.
fn silent(client: &Client, row: &Row, id: &Value) {
    assert!(client.answer_within(id, MS(100)).is_none(), "{}: it was answered", row.tool);
    assert_eq!(client.faults(), Vec::<String>::new(), "{}", row.tool);
}

#[test]
fn given_up_before_it_was_sent_it_never_is() {
    let Some(engine) = engine::at_hand("served::midway::before") else { return };
    each(here(|row| &row.cancelled), |row| {
        let site = Site::new(&engine);
        let arguments = (row.make)(&site);
        let (faultd, client) = served(&engine, &site, 20);
        let before = site.state();
        // It is looked at what there is, slowly.
        let asked = faultd.count(&get(""));
        faultd.set(get(""), Fault::Late(MS(800)));
        let id = client.begin_call(row.tool, &arguments);
        faultd.wait_for(&get(""), asked + 1, S(5));
        cancel(&client, &id);
        let line = recorded(&client, row.tool);
        assert_eq!(line["effect"], "none", "{}: {line}", row.tool);
        std::thread::sleep(S(2));
        silent(&client, row, &id);
        if row.came.is_some() {
            assert_eq!(faultd.count(&(row.sent)()), 0, "{}: {:?}", row.tool, faultd.lines());
        }
        assert_eq!(site.state(), before, "{}: something happened", row.tool);
        client.call("docker_health", &json!({})).ok();
    });
}

#[test]
fn given_up_on_its_way_it_happens_and_the_record_says_so() {
    let Some(engine) = engine::at_hand("served::midway::way") else { return };
    // The request is slow, or its answer is.
    let faults = [Toxic::up, Toxic::down].map(|way| slow(way, MS(800)));
    for fault in faults {
        each(here(|row| &row.cancelled).filter(|row| row.came.is_some()), |row| {
            let came = row.came.unwrap();
            let site = Site::new(&engine);
            let arguments = (row.make)(&site);
            let (faultd, client) = served(&engine, &site, 20);
            let before = site.state();
            faultd.set((row.sent)(), fault.clone());
            let id = client.begin_call(row.tool, &arguments);
            faultd.wait_for(&(row.sent)(), 1, S(8));
            cancel(&client, &id);
            let line = recorded(&client, row.tool);
            let told = (&line["effect"], came(&site));
            // What was made for a caller who is gone is taken back.
            let back = makes(row) && told == (&json!("none"), false) && site.state() == before;
            // Which of its two containers there are is left open by the record.
            let open = row.tool == "docker_recreate" && told == (&json!("unknown"), false);
            assert!(
                back || open || told == (&json!("done"), true),
                "{} ({fault:?}): it is {}: {line}",
                row.tool,
                told.1
            );
            silent(&client, row, &id);
            assert_eq!(faultd.count(&(row.sent)()), 1, "{}: asked again", row.tool);
        });
    }
}

fn slow(way: fn(Poison) -> Toxic, by: Duration) -> Fault {
    Fault::Toxic(vec![way(Poison::Latency(by, Duration::ZERO))])
}

fn makes(row: &Row) -> bool {
    row.tool == "docker_create" || several(row)
}

/// It takes several requests; what a lost answer to the first means is tested with the tool.
fn several(row: &Row) -> bool {
    ["docker_run", "docker_recreate"].contains(&row.tool)
}

#[test]
fn out_of_time_before_it_was_sent_it_never_is() {
    let Some(engine) = engine::at_hand("served::midway::early") else { return };
    each(here(|row| &row.timed_out), |row| {
        let site = Site::new(&engine);
        let mut arguments = (row.make)(&site);
        let (faultd, client) = served(&engine, &site, 2);
        if arguments.get("timeout").is_some() {
            arguments["timeout"] = json!("2s");
        }
        let before = site.state();
        faultd.set(get(""), Fault::NoAnswer);
        let late = client.call(row.tool, &arguments);
        assert_eq!(late.kind(), "daemon_timeout", "{}: {}", row.tool, late.text);
        assert_eq!(late.structured["error"]["effect"], "none", "{}: {}", row.tool, late.text);
        assert!(late.took <= S(3), "{}: {:?}", row.tool, late.took);
        assert_eq!(recorded(&client, row.tool)["effect"], "none", "{}", row.tool);
        faultd.clear();
        std::thread::sleep(S(1));
        if row.came.is_some() {
            assert_eq!(faultd.count(&(row.sent)()), 0, "{}: {:?}", row.tool, faultd.lines());
        }
        assert_eq!(site.state(), before, "{}: something happened", row.tool);
    });
}

#[test]
fn done_without_an_answer_in_time_it_is_said_to_be_done() {
    let Some(engine) = engine::at_hand("served::midway::done") else { return };
    each(here(|row| &row.timed_out).filter(|row| row.came.is_some() && !several(row)), |row| {
        let came = row.came.unwrap();
        let site = Site::new(&engine);
        let arguments = (row.make)(&site);
        let (faultd, client) = served(&engine, &site, 3);
        faultd.set((row.sent)(), slow(Toxic::down, S(6)));
        let done = client.call(row.tool, &arguments);
        assert!(done.took <= S(4), "{}: {:?}", row.tool, done.took);
        // What was made is not only there, it was to be looked at: without the time for it, it is taken back.
        if makes(row) {
            assert!(done.text.contains("removed again"), "{}: {}", row.tool, done.text);
            let start = std::time::Instant::now();
            while came(&site) {
                assert!(start.elapsed() < S(40), "{}: it is still there", row.tool);
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            return;
        }
        // On a machine that has no time for anybody a last look may get no answer; that is said as it is.
        if done.text.contains("the engine has not answered since") {
            assert_eq!(done.structured["error"]["effect"], "unknown", "{}: {}", row.tool, done.text);
            return;
        }
        assert!(!done.is_error, "{}: {}", row.tool, done.text);
        assert!(done.text.contains("lost"), "{}: {}", row.tool, done.text);
        let line = recorded(&client, row.tool);
        assert_eq!((&line["effect"], came(&site)), (&json!("done"), true), "{}: {line}", row.tool);
    });
}

#[test]
fn never_heard_of_it_is_not_said_to_be_done() {
    let Some(engine) = engine::at_hand("served::midway::never") else { return };
    each(here(|row| &row.timed_out).filter(|row| row.came.is_some()), |row| {
        let came = row.came.unwrap();
        let site = Site::new(&engine);
        let mut arguments = (row.make)(&site);
        if arguments.get("timeout").is_some() {
            arguments["timeout"] = json!("3s");
        }
        let (faultd, client) = served(&engine, &site, 3);
        let before = site.state();
        faultd.set((row.sent)(), Fault::NoAnswer);
        let late = client.call(row.tool, &arguments);
        let (kind, effect) = (late.kind(), late.structured["error"]["effect"].as_str().unwrap_or_default());
        // It took the request and is silent: it may be at it.
        let fits = [("daemon_timeout", "continuing"), ("container_unresponsive", "continuing")]
            .contains(&(kind, effect))
            || (kind, effect) == ("outcome_unknown", "unknown");
        assert!(fits, "{}: {}", row.tool, late.text);
        assert_ne!(late.structured["error"]["retry"], "safe", "{}: {}", row.tool, late.text);
        assert!(late.took <= S(4), "{}: {:?}", row.tool, late.took);
        assert!(!came(&site), "{}", row.tool);
        assert_eq!(site.state(), before, "{}: something happened", row.tool);
        assert_eq!(faultd.count(&(row.sent)()), 1, "{}: asked again", row.tool);
    });
}
