//! Logs that are followed or break off, statistics of many containers, and an engine whose clock is off.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::meet::{SHORT, connect, failures};
use crate::support::faultd::{Fault, Faultd, Made, get};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, ToolResult, engine};

const S: fn(u64) -> Duration = Duration::from_secs;

/// Follows for two seconds; our side of the stream is closed a second later.
#[track_caller]
fn follow(row: &str, faultd: &Faultd, client: &Client, who: &str) -> ToolResult {
    let asked = json!({ "container": who, "follow": true, "duration": "2s", "tail": 0 });
    let result = client.call("docker_logs", &asked).ok();
    let closed = faultd.wait_closed(S(1));
    eprintln!("{row} {who}: {} in {:?}, closed after {closed:?}", result.structured["ended"], result.took);
    saw(row, Seen::of(&result, S(2)).circuit("0"));
    assert_eq!(failures(client), 0);
    result
}

#[test]
fn a_followed_log_ends_by_itself_and_is_let_go() {
    let Some(engine) = engine::at_hand("neverhang::follow") else { return };
    if engine.socket().is_none() {
        return;
    }
    let scope = Scope::new(&engine);
    scope.run("ticks", &[], &["sh", "-c", "while true; do echo tick; sleep 0.05; done"]);
    scope.run("chatty", &[], &["sh", "-c", "yes chatter"]);
    scope.run("silent", &[], &["sleep", "9999"]);
    let faultd = Faultd::before(&engine);
    // The clock of its class is shorter than what is asked for: the call's own time counts.
    let client = connect(&faultd.host(), "stream_timeout = \"1s\"\n");
    let ticks = follow("B7", &faultd, &client, &scope.name("ticks"));
    assert_eq!(ticks.structured["ended"], "time_limit", "{}", ticks.text);
    assert!(ticks.text.contains("tick"), "{}", ticks.text);
    let chatty = follow("B7", &faultd, &client, &scope.name("chatty"));
    assert!(["time_limit", "byte_limit"].map(Some).contains(&chatty.structured["ended"].as_str()));
    let silent = follow("B8", &faultd, &client, &scope.name("silent"));
    assert_eq!(silent.structured["ended"], "time_limit", "{}", silent.text);
    assert!(silent.took >= Duration::from_millis(1500), "{:?}", silent.took);
}

#[test]
fn a_log_without_end_that_is_followed_ends() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]).on(get("/logs"), Fault::EndlessLog);
    let client = connect(&faultd.host(), SHORT);
    follow("B7", &faultd, &client, "app");
}

#[test]
fn of_a_log_that_breaks_off_what_came_is_given() {
    // A frame's header and three words.
    let after = 8 + "app sp".len();
    for fault in [Fault::ShortLength { after }, Fault::TruncateChunk { after }, Fault::ResetPeer { after }] {
        for follow in [false, true] {
            // Following asks first how long the log is.
            let when = get("/logs").nth(if follow { 2.. } else { 1.. });
            let faultd = Faultd::new().running(vec![Made::new(1, "app")]).on(when, fault.clone());
            let client = connect(&faultd.host(), SHORT);
            let result = client.call("docker_logs", &json!({ "container": "app", "follow": follow })).ok();
            assert_eq!(result.structured["partial"], true, "{fault:?}: {}", result.text);
            assert!(result.text.contains("app sp"), "{fault:?}: {}", result.text);
            assert!(result.text.contains("broke off"), "{fault:?}: {}", result.text);
            saw("B13", Seen::of(&result, S(2)).circuit("0"));
            faultd.wait_closed(S(1));
        }
    }
}

/// So many containers, each of which answers late.
fn crowd(late: Duration) -> Faultd {
    let made = (0..150).map(|n| Made::new(n, &format!("c{n}"))).collect();
    Faultd::new().running(made).on(get("/stats"), Fault::Late(late))
}

#[test]
fn statistics_of_150_containers_come_in_time_and_bounded() {
    let faultd = crowd(Duration::from_millis(150));
    let client = connect(&faultd.host(), "");
    let id = client.begin_call("docker_stats", &json!({}));
    let mut most = 0;
    let result = loop {
        most = most.max(faultd.open_connections());
        if let Some(reply) = client.answer_within(&id, Duration::from_millis(5)) {
            break reply.tool().ok();
        }
    };
    eprintln!("150 containers: {:?}, {most} connections at most", result.took);
    assert_eq!(result.structured["stats"].as_array().unwrap().len(), 150, "{}", result.text);
    // Sixteen are asked at once; those that we have closed are still seen open for a moment.
    assert!((8..=32).contains(&most), "{most} at once");
    saw("B28", Seen::of(&result, S(30)).circuit("0"));
}

#[test]
fn statistics_that_are_missing_are_named() {
    let faultd = crowd(Duration::from_millis(10));
    let client = connect(&faultd.host(), "");
    let stuck: Vec<Made> = [7, 70].map(|n| Made::new(n, "")).into();
    faultd.set(get("/stats").of(&stuck[0].id), Fault::NoAnswer);
    faultd.add(get("/stats").of(&stuck[1].id), Fault::BodyStall { after: 10 });
    let result = client.call("docker_stats", &json!({})).ok();
    assert_eq!(result.structured["missing"], json!(["c7", "c70"]), "{}", result.text);
    assert_eq!(result.structured["stats"].as_array().unwrap().len(), 148);
    saw("B28", Seen::of(&result, S(30)).circuit("0"));
    // All of them, under a class that has less time than they would take one after another.
    faultd.set(get("/stats"), Fault::NoAnswer);
    for (time, seconds) in [("read_timeout = \"3s\"\n", 3), ("", 30)] {
        let client = connect(&faultd.host(), time);
        let result = client.call("docker_stats", &json!({}));
        eprintln!("all stuck: {} in {:?}", result.text.lines().last().unwrap_or_default(), result.took);
        match result.is_error {
            true => assert_eq!(result.kind(), "daemon_timeout", "{}", result.text),
            false => assert_eq!(result.structured["missing"].as_array().unwrap().len(), 150),
        }
        saw("B28", Seen::of(&result, S(seconds)));
        faultd.wait_closed(S(1));
    }
}

#[test]
fn moments_go_by_the_engines_clock() {
    let now = || i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    for ahead in [3600, -86_400, 0] {
        let faultd = Faultd::new().running(vec![Made::new(1, "app")]).ahead(ahead);
        let client = connect(&faultd.host(), SHORT);
        for (tool, path, arguments) in [
            ("docker_logs", "/logs", json!({ "container": "app", "since": "10m" })),
            ("docker_events", "/events", json!({ "since": "10m" })),
        ] {
            let result = client.call(tool, &arguments);
            let requests = faultd.requests();
            let asked = requests.iter().rev().find(|r| r.path.ends_with(path)).expect("it asked");
            let since = asked.query.split('&').find_map(|q| q.strip_prefix("since=")).expect("since");
            let since: i64 = since.split('.').next().unwrap().parse().unwrap();
            let off = since - (now() + ahead - 600);
            assert!(off.abs() <= 3, "{tool}, {ahead} s ahead: off by {off} s: {}", asked.query);
            if tool == "docker_logs" {
                saw("B30", Seen::of(&result.ok(), S(2)).circuit("0"));
            }
        }
    }
}
