//! The circuit breaker, served: it opens once, tries one call at a time, is never stuck half open, and counts nothing that
//! is not the engine's fault.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::faultd::{Fault, Faultd, Made, any, get};
use crate::support::ledger::{Seen, saw};
use crate::support::shim::Shim;
use crate::support::{Client, Launch, ToolResult};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Half open after a second, and only by the cooldown.
const LITERAL: &str = "[neverhang]\nread_timeout = \"2s\"\n\
                       circuit_breaker = { cooldown = \"1s\", early_recovery = false }\n";

/// What `docker_health` says of the circuit.
fn circuit(client: &Client) -> Value {
    client.call("docker_health", &json!({})).ok().structured["circuit"].clone()
}

fn state(client: &Client) -> String {
    circuit(client)["state"].as_str().unwrap().to_owned()
}

/// The changes of the circuit in the log, as `from>to cause`.
fn changes(client: &Client) -> Vec<String> {
    let log = client.stderr();
    let field = |line: &str, key: &str| {
        let rest = line.split(&format!("{key}=")).nth(1).unwrap_or_default();
        rest.trim_start_matches('"').split(['"', ' ']).next().unwrap_or_default().to_owned()
    };
    let changed = log.lines().filter(|line| line.contains("circuit changed"));
    changed.map(|l| format!("{}>{} {}", field(l, "from"), field(l, "to"), field(l, "cause"))).collect()
}

/// Waits until the log has so many changes; all of them.
#[track_caller]
fn changes_of(client: &Client, count: usize) -> Vec<String> {
    let start = Instant::now();
    while changes(client).len() < count && start.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(MS(10));
    }
    changes(client)
}

/// Three calls that the engine does not answer as one.
#[track_caller]
fn open(client: &Client, faultd: &Faultd) {
    faultd.set(get("/containers/json"), Fault::EarlyEof);
    for _ in 0..3 {
        let result = client.call("docker_ps", &json!({}));
        assert_eq!(result.kind(), "daemon_protocol", "{}", result.text);
    }
    let refused = client.call("docker_ps", &json!({}));
    assert_eq!(refused.kind(), "circuit_open", "{}", refused.text);
    assert!(refused.text.contains("daemon_protocol") && refused.text.contains("ago"), "{}", refused.text);
    let now = circuit(client);
    assert_eq!((&now["state"], &now["last_error"]), (&json!("open"), &json!("daemon_protocol")), "{now}");
    assert!(now["opened_ms_ago"].is_u64() && now["probes_failed"].is_u64(), "{now}");
    faultd.clear();
}

/// A call that is let through as the trial when the cooldown is over.
fn cooled_down() {
    std::thread::sleep(MS(1_050));
}

/// Waits until the circuit is in that state; how long that took.
#[track_caller]
fn becomes(client: &Client, want: &str, within: Duration) -> Duration {
    let start = Instant::now();
    while state(client) != want {
        assert!(start.elapsed() < within, "{} after {within:?}: {:?}", circuit(client), changes(client));
        std::thread::sleep(MS(20));
    }
    start.elapsed()
}

#[test]
fn many_timeouts_at_once_are_one_transition() {
    let faultd = Faultd::new().on(get("/containers/json"), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config("[neverhang]\nread_timeout = \"1s\"\n").connect();
    let calls: Vec<Value> = (0..100).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
    let results: Vec<ToolResult> = calls.iter().map(|id| client.wait(id).tool()).collect();
    let timed_out = results.iter().filter(|r| r.kind() == "daemon_timeout").count();
    let kinds: std::collections::BTreeSet<&str> = results.iter().map(ToolResult::kind).collect();
    eprintln!("{timed_out} of 100 timed out; all kinds: {kinds:?}");
    assert!(timed_out >= 10, "too few at once to tell: {kinds:?}");
    assert!(kinds.iter().all(|k| ["daemon_timeout", "overloaded", "circuit_open"].contains(k)), "{kinds:?}");
    let now = circuit(&client);
    assert_eq!(now["state"], "open", "{now}");
    assert_eq!(changes_of(&client, 1), ["closed>open daemon_timeout"], "{}", client.stderr());
    let slowest = results.iter().max_by_key(|r| r.took).unwrap();
    saw("K4", Seen::of(slowest, MS(1_000)).circuit("open"));
}

#[test]
fn half_open_lets_one_of_five_hundred_through() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let config = LITERAL.replace("read_timeout = \"2s\"", "read_timeout = \"9s\"");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    open(&client, &faultd);
    cooled_down();
    // The trial is held for as long as the others ask.
    let lists = || faultd.requests().iter().filter(|r| r.query == "all=1").count();
    let before = lists();
    faultd.set(get("/containers/json"), Fault::Late(MS(4_000)));
    let calls: Vec<Value> = (0..500).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
    let mut refused: Vec<ToolResult> = Vec::new();
    let mut tried = Vec::new();
    for id in &calls {
        match client.answer_within(id, MS(500)) {
            Some(reply) => refused.push(reply.tool()),
            None => tried.push(id),
        }
    }
    assert_eq!((refused.len(), tried.len(), lists() - before), (499, 1, 1), "{:?}", changes(&client));
    for result in &refused {
        assert_eq!(result.kind(), "circuit_open", "{}", result.text);
        assert_eq!(result.structured["error"]["retry_after_ms"], 1000, "{}", result.text);
    }
    let trial = client.wait(tried[0]).tool().ok();
    assert!(trial.took >= MS(4_000), "{:?}", trial.took);
    let expected = ["closed>open daemon_protocol", "open>half_open cooldown", "half_open>closed call"]
        .map(str::to_owned);
    assert_eq!(changes_of(&client, 3), expected);
    let slowest = refused.iter().max_by_key(|r| r.took).unwrap();
    // They come in one burst, and are answered one after the other.
    saw("K5", Seen::of(slowest, MS(50)).circuit("half_open"));
}

#[test]
fn cancelled_trials_do_not_keep_it_half_open() {
    let faultd = Faultd::new();
    let client = Launch::at(&faultd.host()).config(LITERAL).connect();
    open(&client, &faultd);
    cooled_down();
    faultd.set(get("/networks"), Fault::NoAnswer);
    for number in 1..=3 {
        let trial = client.begin_call("docker_networks", &json!({}));
        faultd.wait_for(&get("/networks"), number, Duration::from_secs(2));
        client.notify("notifications/cancelled", json!({ "requestId": trial }));
        assert!(client.answer_within(&trial, MS(300)).is_none(), "an answer to what was cancelled");
    }
    // Nobody calls any more: a probe decides.
    let took = becomes(&client, "closed", Duration::from_secs(3));
    assert_eq!(changes_of(&client, 3)[2], "half_open>closed probes", "{:?}", changes(&client));
    saw("K6", Seen::new("closed by a probe", took, MS(2_000)).circuit("closed"));
}

#[test]
fn cancelled_trials_of_a_sick_engine_open_it_again() {
    let faultd = Faultd::new();
    let client = Launch::at(&faultd.host()).config(LITERAL).connect();
    open(&client, &faultd);
    cooled_down();
    faultd.set(get("/containers/json"), Fault::NoAnswer);
    let before = faultd.count(&get("/containers/json"));
    for number in 1..=3 {
        let trial = client.begin_call("docker_ps", &json!({}));
        faultd.wait_for(&get("/containers/json"), before + number, Duration::from_secs(2));
        client.notify("notifications/cancelled", json!({ "requestId": trial }));
        std::thread::sleep(MS(100));
    }
    let given_up = Instant::now();
    // The cooldown of a second is soon over; it only must have been left by a failed probe.
    let all = changes_of(&client, 3);
    let took = given_up.elapsed();
    assert_eq!(all[2], "half_open>open daemon_timeout", "{all:?}");
    saw("K6", Seen::new("opened by a probe", took, MS(2_000)).circuit("open"));
}

#[test]
fn trials_that_panic_do_not_keep_it_half_open() {
    if !cfg!(debug_assertions) {
        return;
    }
    let faultd = Faultd::new();
    let client = Launch::at(&faultd.host())
        .config(LITERAL)
        .env("DOCKER_MCP_FAILPOINT", "panic:docker_images")
        .connect();
    open(&client, &faultd);
    cooled_down();
    for _ in 0..3 {
        let result = client.call("docker_images", &json!({}));
        assert_eq!(result.kind(), "internal", "{}", result.text);
    }
    let took = becomes(&client, "closed", Duration::from_secs(3));
    assert_eq!(changes_of(&client, 3)[2], "half_open>closed probes", "{:?}", changes(&client));
    saw("K6", Seen::new("closed by a probe", took, MS(2_000)).circuit("closed"));
}

#[test]
fn a_trial_that_times_out_opens_it_again() {
    let faultd = Faultd::new();
    let client = Launch::at(&faultd.host()).config(LITERAL).connect();
    open(&client, &faultd);
    cooled_down();
    faultd.set(get("/containers/json"), Fault::NoAnswer);
    let trial = client.call("docker_ps", &json!({}));
    assert_eq!(trial.kind(), "daemon_timeout", "{}", trial.text);
    assert_eq!(changes_of(&client, 3)[2], "half_open>open daemon_timeout", "{:?}", changes(&client));
    saw("K6", Seen::of(&trial, MS(2_000)).circuit("open"));
}

#[test]
fn what_is_not_the_engines_fault_leaves_it_closed() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let config = "[tools]\ndisable = [\"docker_volumes\"]\n\
                  [neverhang]\nread_timeout = \"2s\"\n";
    let client = Launch::at(&faultd.host()).config(config).connect();
    let three = |tool: &str, arguments: Value, kind: &str| {
        for _ in 0..3 {
            let result = client.call(tool, &arguments);
            assert_eq!(result.kind(), kind, "{tool}: {}", result.text);
            saw("K10", Seen::of(&result, MS(2_000)).circuit("0"));
        }
        let now = circuit(&client);
        assert_eq!((&now["state"], &now["failures"]), (&json!("closed"), &json!(0)), "{tool} {now}");
    };
    three("docker_volumes", json!({}), "permission_denied");
    three("docker_stop", json!({ "container": "app" }), "permission_denied");
    three("docker_inspect", json!({ "name": "nobody" }), "not_found");
    three("docker_ps", json!({ "no_such": 1 }), "invalid_arguments");
    // A stream that has nothing to say.
    faultd.set(get("/containers/*/logs"), Fault::BodyStall { after: 0 });
    three("docker_logs", json!({ "container": "app", "follow": true, "duration": "1s" }), "");
    faultd.set(
        get("/networks"),
        Fault::DockerError(500, "driver failed programming external connectivity".into()),
    );
    three("docker_networks", json!({}), "daemon_error");
    // Three that the caller gives up.
    faultd.set(get("/networks"), Fault::NoAnswer);
    let before = faultd.count(&get("/networks"));
    for number in 1..=3 {
        let call = client.begin_call("docker_networks", &json!({}));
        faultd.wait_for(&get("/networks"), before + number, Duration::from_secs(2));
        client.notify("notifications/cancelled", json!({ "requestId": call }));
    }
    faultd.wait_closed(Duration::from_secs(2));
    let now = circuit(&client);
    assert_eq!((&now["state"], &now["failures"]), (&json!("closed"), &json!(0)), "{now}");
    assert_eq!(changes(&client), [""; 0]);
}

#[test]
fn a_wall_clock_that_jumps_neither_opens_nor_closes_it() {
    const HOUR: i64 = 3_600;
    let Some(shim) = Shim::new("neverhang::circuit_clock") else { return };
    let faultd = Faultd::new().on(get("/containers/json"), Fault::EarlyEof);
    let config = LITERAL.replace("\"1s\"", "\"2s\"");
    let client = shim.under(Launch::at(&faultd.host()).config(&config)).connect();
    // Three faults in two hours are three in a moment.
    for jump in [0, HOUR, -HOUR] {
        shim.clock(jump);
        let result = client.call("docker_ps", &json!({}));
        assert_eq!(result.kind(), "daemon_protocol", "{}", result.text);
    }
    faultd.clear();
    let opened = Instant::now();
    for jump in [HOUR, 0, -HOUR] {
        shim.clock(jump);
        let refused = client.call("docker_ps", &json!({}));
        assert_eq!(refused.kind(), "circuit_open", "{jump}: {}", refused.text);
        saw("K8", Seen::of(&refused, MS(50)).circuit("open"));
    }
    assert!(opened.elapsed() < MS(1_500), "too slow to tell");
    std::thread::sleep(MS(2_050).saturating_sub(opened.elapsed()));
    let trial = client.call("docker_ps", &json!({})).ok();
    assert_eq!(state(&client), "closed");
    saw("K8", Seen::of(&trial, MS(2_000)).circuit("closed"));
}

#[test]
fn a_person_closes_it_with_a_signal() {
    let client = Launch::without_engine().connect();
    crate::faults::absent::open_the_circuit(&client);
    assert_eq!(client.call("docker_ps", &json!({})).kind(), "circuit_open");
    client.signal("USR1");
    becomes(&client, "closed", Duration::from_secs(2));
    assert_eq!(client.call("docker_ps", &json!({})).kind(), "daemon_unreachable");
    assert_eq!(
        changes(&client),
        ["closed>open daemon_unreachable", "open>closed operator"],
        "{}",
        client.stderr()
    );
}

#[test]
fn an_engine_that_hangs_but_answers_pings_is_not_taken_for_well() {
    let faultd = Faultd::new().on(get("/containers/json"), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config("[neverhang]\nread_timeout = \"1s\"\n").connect();
    for _ in 0..3 {
        assert_eq!(client.call("docker_ps", &json!({})).kind(), "daemon_timeout");
    }
    // Two probes fail, though every ping is answered.
    let start = Instant::now();
    while circuit(&client)["probes_failed"].as_u64() < Some(2) {
        assert!(start.elapsed() < Duration::from_secs(12), "{}", circuit(&client));
        std::thread::sleep(MS(100));
    }
    assert_eq!(changes(&client), ["closed>open daemon_timeout"]);
    let refused = client.call("docker_ps", &json!({}));
    assert!(refused.text.contains("probes since"), "{}", refused.text);
    faultd.clear();
    becomes(&client, "half_open", Duration::from_secs(8));
    client.call("docker_ps", &json!({})).ok();
    assert_eq!(state(&client), "closed");
}

/// One that comes and goes, three seconds each, and four callers who never stop.
#[test]
fn an_engine_that_comes_and_goes_leaves_nothing_behind() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let config = "[neverhang]\nread_timeout = \"2s\"\n";
    let client = Launch::at(&faultd.host()).config(config).connect();
    let proc = format!("/proc/{}", client.pid());
    let held = || {
        let fds = std::fs::read_dir(format!("{proc}/fd")).unwrap().count();
        let threads = std::fs::read_dir(format!("{proc}/task")).unwrap().count();
        (fds, threads)
    };
    (0..5).for_each(|_| drop(client.call("docker_ps", &json!({})).ok()));
    let before = held();
    let until = Instant::now() + Duration::from_secs(30);
    let results: Vec<ToolResult> = std::thread::scope(|scope| {
        let caller = || {
            let mut seen: Vec<ToolResult> = Vec::new();
            while Instant::now() < until {
                seen.push(client.call("docker_ps", &json!({})));
                std::thread::sleep(MS(20));
            }
            seen
        };
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(caller)).collect();
        for turn in 0..5 {
            std::thread::sleep(Duration::from_secs(3));
            // Stopped in order, killed, or silent at once.
            match turn % 3 {
                0 => faultd.vanish(),
                1 => faultd.die(),
                _ => faultd.set(any(), Fault::NoAnswer),
            }
            std::thread::sleep(Duration::from_secs(3));
            match turn % 3 {
                2 => faultd.clear(),
                _ => faultd.listen(),
            }
        }
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    results.iter().for_each(|r| *counts.entry(r.kind()).or_default() += 1);
    eprintln!("{} answers: {counts:?}; {:?}", results.len(), changes(&client));
    assert!(counts.get("").is_some_and(|good| *good > 50), "{counts:?}");
    assert!(counts.get("circuit_open").is_some_and(|open| *open > 50), "{counts:?}");
    let slowest = results.iter().max_by_key(|r| r.took).unwrap();
    crate::faults::absent::recovers(&client, Duration::from_secs(10));
    faultd.hang_up();
    std::thread::sleep(MS(500));
    let after = held();
    eprintln!("descriptors and threads: {before:?}, then {after:?}");
    // Threads for blocking work come and go.
    assert!(after.0 <= before.0 + 4 && after.1 <= before.1 + 8, "{before:?} {after:?}");
    saw("K11", Seen::of(slowest, MS(2_000)));
}
