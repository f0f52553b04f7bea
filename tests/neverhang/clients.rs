//! Rows G: what clients do. The server stops with them, or goes on without them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::meet::PATIENT;
use crate::support::faultd::{Fault, Faultd, Made, any, get, post};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::text::audit_below;
use crate::support::{Client, Launch, engine, rss};

const SECOND: Duration = Duration::from_secs(1);
/// A change of this configuration may take its time.
const MAY_STOP: &str = "[permissions]\nlifecycle = true\n";

/// Ended by itself within `promised` and a second, with this code; the row is written down.
#[track_caller]
fn ends(row: &str, client: &Client, code: i32, promised: Duration) -> Duration {
    let ended = client.wait_exit(promised + 3 * SECOND);
    let Some((status, took)) = ended else { panic!("it goes on; stderr: {}", client.stderr()) };
    assert_eq!(status.code(), Some(code), "{status:?}; stderr: {}", client.stderr());
    saw(row, Seen::new(&format!("exit {code}"), took, promised));
    took
}

/// A number below `below`, another one each time.
fn roll(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

/// Rounds of eight calls: four that nobody ever answers, four that are answered after a few milliseconds. What hangs is
/// cancelled at a random moment, and of the others every second one; then what is unknown, and what was cancelled before.
#[test]
fn g2_cancelled_at_a_thousand_moments() {
    const ROUNDS: usize = 170;
    let faultd = Faultd::new()
        .on(get("/networks"), Fault::NoAnswer)
        .on(get("/containers/json"), Fault::Late(Duration::from_millis(4)));
    let client = Launch::at(&faultd.host()).config(&format!("[neverhang]\n{PATIENT}")).connect();
    let cancel = |id: &Value| client.notify("notifications/cancelled", json!({ "requestId": id }));
    let mut dice = 0x2545_f491_4f6c_dd1d;
    let (mut silent, mut owed, mut cancelled) = (Vec::new(), Vec::new(), 0);
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let hanging: Vec<_> = (0..4).map(|_| client.begin_call("docker_networks", &json!({}))).collect();
        let late: Vec<_> = (0..4).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
        let mut doomed: Vec<Value> = hanging.iter().chain(late.iter().step_by(2)).cloned().collect();
        while !doomed.is_empty() {
            std::thread::sleep(Duration::from_micros(roll(&mut dice, 1500)));
            let which = roll(&mut dice, doomed.len() as u64);
            let id = doomed.swap_remove(usize::try_from(which).unwrap());
            cancel(&id);
            cancelled += 1;
            match roll(&mut dice, 4) {
                0 => cancel(&id),
                1 => cancel(&json!(1_000_000 + round)),
                2 => cancel(&json!(id.to_string())),
                _ => {}
            }
        }
        // Every one that was not cancelled is answered.
        for id in late.iter().skip(1).step_by(2) {
            client.wait(id).tool().ok();
        }
        slowest = slowest.max(faultd.wait_closed(SECOND));
        silent.extend(hanging);
        owed.extend(late.into_iter().skip(1).step_by(2));
    }
    assert!(cancelled >= 1000, "{cancelled}");
    // Of something that is over for long.
    owed.iter().take(20).for_each(cancel);
    client.call("docker_ps", &json!({})).ok();
    let answered = silent.iter().filter(|id| client.answer_within(id, Duration::ZERO).is_some()).count();
    assert_eq!(answered, 0, "calls that were cancelled before they could be answered were answered");
    // Each call has left its one line, the cancelled ones too.
    let lines = client.audit_wait(ROUNDS * 8 + 1);
    assert_eq!(lines.len(), ROUNDS * 8 + 1);
    let given_up = lines.iter().filter(|l| l["error_kind"] == "cancelled").count();
    assert!(given_up >= silent.len(), "{given_up}");
    eprintln!(
        "{cancelled} cancelled, {given_up} recorded so; the engine's connections closed after {slowest:?}"
    );
    saw("G2", Seen::new("no answer; the connection closed", slowest, SECOND));
}

#[test]
fn g2_an_id_that_is_in_use_is_refused() {
    let faultd = Faultd::new().on(get("/networks"), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).connect();
    let message = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call",
                          "params": { "name": "docker_networks", "arguments": {} } });
    client.send(&message);
    faultd.wait_for(&get("/networks"), 1, 5 * SECOND);
    client.send(&message);
    let refused = client.answer_within(&json!("mine"), 2 * SECOND).expect("an answer");
    assert_eq!(refused.code(), Some(-32600), "{}", refused.message);
    // The same word as a number is another id.
    client.send(&json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" }));
    client.send(&json!({ "jsonrpc": "2.0", "id": "7", "method": "ping" }));
    for id in [json!(7), json!("7")] {
        assert!(client.wait(&id).code().is_none());
    }
    // The first one is still there to be cancelled.
    client.notify("notifications/cancelled", json!({ "requestId": "mine" }));
    faultd.wait_closed(SECOND);
}

#[test]
fn g5_stdin_ends_with_nothing_to_do() {
    let client = Launch::without_engine().connect();
    client.call("docker_policy", &json!({})).ok();
    client.close_stdin();
    let took = ends("G5", &client, 0, SECOND);
    assert!(took <= SECOND, "{took:?}");
}

#[test]
fn g6_stdin_ends_during_a_read() {
    let faultd = Faultd::new()
        .on(get("/networks"), Fault::NoAnswer)
        .on(get("/logs"), Fault::NoAnswer)
        .running(vec![Made::new(1, "app")]);
    let client = Launch::at(&faultd.host()).connect();
    let read = client.begin_call("docker_networks", &json!({}));
    let stream = client.begin_call("docker_logs", &json!({ "container": "app", "follow": true }));
    faultd.wait_for(&get("/logs"), 1, 5 * SECOND);
    client.close_stdin();
    let took = ends("G6", &client, 0, 2 * SECOND);
    assert!(took <= 2 * SECOND, "{took:?}");
    for call in [read, stream] {
        assert_eq!(client.wait(&call).tool().kind(), "shutting_down");
    }
    assert_eq!(client.audit_lines().len(), 2);
}

/// The process ignores SIGTERM, as the first one of a container does by itself: the engine kills it after 8 s.
#[test]
fn g7_stdin_ends_during_a_change() {
    let Some(engine) = engine::at_hand("neverhang::clients::g7") else { return };
    let scope = Scope::new(&engine);
    scope.run("deaf", &[], &["sleep", "9999"]);
    let name = scope.name("deaf");
    let client = Launch::at(&engine.host).config(MAY_STOP).connect();
    let stop = client.begin_call("docker_stop", &json!({ "containers": name, "timeout": "8s" }));
    std::thread::sleep(2 * SECOND);
    client.close_stdin();
    std::thread::sleep(SECOND);
    let took = ends("G7", &client, 0, 10 * SECOND);
    eprintln!("stdin ended 2 s after the stop began; the process ended {took:?} and 1 s later");
    let stopped = client.wait(&stop).tool().ok();
    assert!(stopped.whole().contains("true"), "{}", stopped.text);
    let lines = client.audit_lines();
    let outcomes: Vec<&str> = lines.iter().filter_map(|l| l["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["intent", "done"], "{lines:?}");
    assert_eq!(engine.inspect("container", &name)["State"]["Running"], false);
}

/// The engine takes the change and never says what became of it.
#[test]
fn g7_a_change_that_does_not_end_is_left_as_unknown() {
    let faultd = Faultd::new().on(post("/stop"), Fault::NoAnswer).running(vec![Made::new(1, "app")]);
    let client = Launch::at(&faultd.host()).config(MAY_STOP).connect();
    let stop = client.begin_call("docker_stop", &json!({ "containers": "app", "timeout": "5s" }));
    faultd.wait_for(&post("/stop"), 1, 5 * SECOND);
    client.close_stdin();
    ends("G7", &client, 3, 10 * SECOND + Duration::from_millis(700));
    let answer = client.wait(&stop).tool();
    assert_eq!(answer.structured["error"]["effect"], "unknown", "{}", answer.text);
    let lines = client.audit_lines();
    let last = lines.last().unwrap();
    assert!(["unknown", "continuing"].contains(&last["outcome"].as_str().unwrap()), "{lines:?}");
}

/// Nothing of stdout is read, and the client says so many things that all pipes and queues are full.
fn unread(row: &str, say: &[u8], kept: u64) {
    let faultd = Faultd::new().on(get("/networks"), Fault::Trickle { bps: 1 });
    let mut bare = Launch::at(&faultd.host()).bare();
    let pid = bare.child.id();
    let mut stdin = bare.child.stdin.take().unwrap();
    let hello = json!({ "jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let hanging = json!({ "jsonrpc": "2.0", "id": "hanging", "method": "tools/call",
                          "params": { "name": "docker_networks", "arguments": {} } });
    let begun = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    stdin.write_all(format!("{hello}\n{begun}\n{hanging}\n").as_bytes()).unwrap();
    faultd.wait_for(&get("/networks"), 1, 5 * SECOND);
    let mut log = bare.child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).map(|_| text)
    });
    let (before, start) = (rss::now(pid), Instant::now());
    let say = say.to_vec();
    // Ends when the server does.
    let writer = std::thread::spawn(move || {
        let mut number = 0_u64;
        loop {
            let line = String::from_utf8_lossy(&say).replace("NUMBER", &number.to_string());
            if stdin.write_all(line.as_bytes()).is_err() {
                return number;
            }
            number += 1;
        }
    });
    let mut peak = before;
    let status = loop {
        if let Some(status) = bare.child.try_wait().unwrap() {
            break status;
        }
        peak = peak.max(rss::peak_if_alive(pid).unwrap_or(0));
        assert!(start.elapsed() < 20 * SECOND, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = start.elapsed();
    let said = writer.join().unwrap();
    let log = log.join().unwrap().unwrap();
    assert_eq!(status.code(), Some(74), "{}", &log[log.len().saturating_sub(2000)..]);
    assert!(took >= 9 * SECOND, "{took:?}");
    assert!(log.contains("has read nothing"), "{}", &log[log.len().saturating_sub(2000)..]);
    let grown = peak - before;
    eprintln!("{said} lines were taken; {:.1} MiB more; exit after {took:?}", rss::mib(grown));
    assert!(grown < kept, "{:.1} MiB", rss::mib(grown));
    let audit = audit_below(bare.home.path());
    let lines: Vec<Value> = audit.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let hung = lines.iter().find(|l| l["tool"] == "docker_networks").expect("a line of what hung");
    assert_eq!(hung["error_kind"], "shutting_down", "{hung}");
    let undone = lines.iter().filter(|l| l["outcome"] == "cut_short").count();
    assert_eq!(undone, 0, "of {} lines", lines.len());
    saw(row, Seen::new("exit 74", took, 10 * SECOND).memory(grown));
}

#[test]
fn g8_a_client_that_calls_and_never_reads() {
    let call = json!({ "jsonrpc": "2.0", "id": "NUMBER", "method": "tools/call",
                       "params": { "name": "docker_policy", "arguments": {} } });
    unread("G8", format!("{call}\n").as_bytes(), 64 << 20);
}

#[test]
fn g8_a_client_that_sends_garbage_and_never_reads() {
    unread("G8", &b"garbage NUMBER\n".repeat(100), 64 << 20);
}

#[test]
fn g8_a_client_that_reads_slowly_is_served() {
    let client = Launch::without_engine().connect_slow(Duration::from_millis(150));
    // 4 KiB in 150 ms: the answers take longer than the ten seconds in which something must be read.
    let start = Instant::now();
    let calls: Vec<_> = (0..45).map(|_| client.begin("tools/list", json!({}))).collect();
    for call in &calls {
        assert!(client.wait(call).code().is_none());
    }
    assert!(start.elapsed() > 10 * SECOND, "too fast to tell: {:?}", start.elapsed());
    client.close_stdin();
    ends("G8", &client, 0, SECOND);
}

/// Logs without end are followed with tokens, and the client takes 500 KiB a second.
#[test]
fn g11_a_flood_of_progress_for_a_slow_reader() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let client = Launch::at(&faultd.host()).connect_slow(Duration::from_millis(8));
    let before = rss::peak(client.pid());
    let follow = |number: usize| {
        let params = json!({ "name": "docker_logs", "_meta": { "progressToken": number },
                             "arguments": { "container": "app", "follow": true, "duration": "6s" } });
        // What is there already is counted first; what follows has no end.
        faultd.set(get("/logs"), Fault::Late(Duration::from_millis(300)));
        let call = client.begin("tools/call", params);
        faultd.wait_for(&get("/logs"), 2 * number + 1, 5 * SECOND);
        faultd.set(get("/logs"), Fault::EndlessLog);
        faultd.wait_for(&get("/logs"), 2 * number + 2, 5 * SECOND);
        call
    };
    let calls: Vec<_> = (0..4).map(follow).collect();
    let health = client.call("docker_health", &json!({})).ok();
    let results: Vec<_> = calls.iter().map(|call| client.wait(call).tool().ok()).collect();
    // The last answer is read when all before it was: what a pipe holds, and a report of each call.
    let last = results.iter().max_by_key(|r| r.took).unwrap();
    let grown = rss::peak(client.pid()) - before;
    let progress = client.others().len();
    eprintln!(
        "{progress} reports, the last answer after {:?}, health after {:?}, {:.1} MiB more",
        last.took,
        health.took,
        rss::mib(grown)
    );
    // Far less than what the log brings in that time, and far more than the beats.
    assert!((30..2000).contains(&progress), "{progress} reports");
    assert!(grown < 32 << 20, "{:.1} MiB", rss::mib(grown));
    saw("G11", Seen::of(last, 6 * SECOND).memory(grown));
}

/// Calls that end while their first report is on its way.
#[test]
fn g11_nothing_is_reported_of_a_call_that_was_answered() {
    let client = Launch::without_engine().connect();
    let mut reports = 0;
    for round in 0..40 {
        let token = |n: u64| round * 50 + n;
        let begin = |n| {
            let params =
                json!({ "name": "docker_policy", "arguments": {}, "_meta": { "progressToken": token(n) } });
            client.begin("tools/call", params)
        };
        let calls: Vec<_> = (0..50).map(begin).collect();
        let answers: Vec<_> =
            calls.iter().map(|c| client.answer_at(c, 10 * SECOND).expect("an answer")).collect();
        client.request("ping", json!({}));
        let others = client.others();
        reports = others.len();
        let late = |(n, answered): (u64, &Instant)| {
            others.iter().any(|(m, at)| at > answered && m["params"]["progressToken"] == token(n))
        };
        let late: Vec<u64> = (0..50).zip(&answers).filter(|one| late(*one)).map(|(n, _)| token(n)).collect();
        assert!(late.is_empty(), "reports behind their answers: {late:?}");
    }
    assert!(reports > 0);
}

/// The engine says a byte a second until the class's time is over.
#[test]
fn g13_progress_while_the_engine_is_slow() {
    let faultd = Faultd::new().on(get("/containers/json"), Fault::Trickle { bps: 1 });
    let config = format!("[neverhang]\nread_timeout = \"12s\"\n{PATIENT}");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let start = Instant::now();
    let params = json!({ "name": "docker_ps", "arguments": {}, "_meta": { "progressToken": 42 } });
    let call = client.begin("tools/call", params);
    let result = client.wait(&call).tool();
    assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
    saw("G13", Seen::of(&result, 12 * SECOND));
    let at: Vec<Duration> = client
        .others()
        .iter()
        .filter(|(m, _)| m["params"]["progressToken"] == 42)
        .map(|(_, at)| *at - start)
        .collect();
    eprintln!("reports at {at:?}");
    assert!(at.len() >= 3, "{at:?}");
    assert!(at[0] <= SECOND, "the first one comes at once: {at:?}");
    let longest = at.windows(2).map(|two| two[1] - two[0]).max().unwrap();
    saw("G13", Seen::new("progress", longest, 5 * SECOND));
    assert!(faultd.count(&any()) > 0);
}
