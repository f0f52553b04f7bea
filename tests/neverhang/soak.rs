//! Calls for a long time over an engine whose answers go wrong now and then. A minute here; `make soak` takes ten, or as
//! many seconds as `DOCKER_MCP_SOAK_SECONDS` says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::engine::{self, Engine};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, any, get};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Launch, rss};

const S: fn(u64) -> Duration = Duration::from_secs;
/// Between two calls of one client: two clients make fifty a second.
const PACE: Duration = Duration::from_millis(40);
/// How long the same five faults stay, each met by one request of a hundred.
const SHIFT: Duration = Duration::from_secs(5);
const CONFIG: &str = "\
[permissions]
lifecycle = true
[limits]
logs_per_minute = 0
[neverhang]
read_timeout = \"2s\"
stream_timeout = \"2s\"
lifecycle_timeout = \"6s\"
";

fn faults() -> Vec<Fault> {
    let toxic = |poison| Fault::Toxic(vec![Toxic::down(poison)]);
    vec![
        Fault::NoAnswer,
        Fault::BodyStall { after: 10 },
        Fault::ResetPeer { after: 10 },
        Fault::Malformed,
        Fault::DockerError(500, "soaked".into()),
        Fault::NoRead,
        Fault::Trickle { bps: 20 },
        Fault::TruncateChunk { after: 20 },
        Fault::Status(502, "<html>bad gateway</html>".into()),
        Fault::EarlyEof,
        Fault::HalfHeaders,
        Fault::EndlessJson,
        Fault::HugeHead(1 << 20),
        Fault::WrongType,
        toxic(Poison::Latency(Duration::from_millis(300), Duration::from_millis(300))),
        Fault::Huge(20 << 20),
        toxic(Poison::Bandwidth(2_000)),
        toxic(Poison::Limit(300)),
        Fault::ErrorStall(500),
        toxic(Poison::Slicer(7, Duration::from_millis(1))),
    ]
}

/// What is called, and the time of its class. The last ones change something.
fn calls(app: &str) -> Vec<(&'static str, Value, Duration)> {
    let one = json!({ "container": app });
    let many = json!({ "containers": app });
    vec![
        ("docker_ps", json!({}), S(2)),
        ("docker_inspect", one.clone(), S(2)),
        ("docker_logs", json!({ "container": app, "tail": 20 }), S(2)),
        ("docker_images", json!({}), S(2)),
        ("docker_networks", json!({}), S(2)),
        ("docker_volumes", json!({}), S(2)),
        ("docker_top", one.clone(), S(2)),
        ("docker_health", json!({}), S(2)),
        ("docker_diff", one, S(2)),
        ("docker_events", json!({ "duration": 1 }), S(1)),
        ("docker_logs", json!({ "container": app, "follow": true, "duration": 1 }), S(1)),
        ("docker_start", many.clone(), S(6)),
        ("docker_pause", many.clone(), S(6)),
        ("docker_unpause", many, S(6)),
    ]
}

/// What the kernel says of the server.
#[derive(Debug, Clone, Copy)]
struct State {
    descriptors: usize,
    threads: usize,
    memory: u64,
}

fn state(pid: u32) -> State {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
    State { descriptors: count("fd"), threads: count("task"), memory: rss::now(pid) }
}

fn zombies(of: u32) -> usize {
    let dead = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let rest = stat.rsplit_once(") ")?.1.to_owned();
        let mut words = rest.split(' ');
        (words.next() == Some("Z") && words.next()?.parse() == Ok(of)).then_some(())
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(dead).count()
}

/// One client's calls until the end; then every one must have been answered in its time.
fn drive(client: &Client, app: &str, until: Instant) -> (BTreeMap<String, u64>, Duration, State) {
    let calls = calls(app);
    let mut begun = Vec::new();
    let mut early = None;
    let start = Instant::now();
    for number in 0.. {
        let due = start + PACE * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if Instant::now() >= until {
            break;
        }
        if early.is_none() && start.elapsed() * 2 > until - start {
            early = Some(state(client.pid()));
        }
        if number % 250 == 0 {
            eprintln!("{:>5} s: {:.1} MiB", start.elapsed().as_secs(), rss::mib(rss::now(client.pid())));
        }
        let (tool, arguments, promised) = &calls[number as usize % calls.len()];
        begun.push((client.begin_call(tool, arguments), *tool, *promised));
    }
    let mut kinds = BTreeMap::<String, u64>::new();
    let mut latest = Duration::ZERO;
    for (id, tool, promised) in begun {
        let result = client.answer_within(&id, S(10)).unwrap_or_else(|| panic!("{tool}: no answer")).tool();
        let kind = if result.is_error { result.kind() } else { "ok" };
        *kinds.entry(kind.to_owned()).or_default() += 1;
        let over = result.took.saturating_sub(promised);
        assert!(over <= S(1), "{tool}: {:?}, promised {promised:?}: {}", result.took, result.text);
        latest = latest.max(over);
    }
    (kinds, latest, early.unwrap())
}

fn seconds() -> u64 {
    std::env::var("DOCKER_MCP_SOAK_SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[test]
fn a_long_time_with_faults() {
    let Some(engine) = engine::at_hand("neverhang::soak") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], &["sh", "-c", "while :; do echo tick; sleep 0.2; done"]);
    soak(&engine, &scope.name("app"));
}

fn soak(engine: &Engine, app: &str) {
    let faultd = Faultd::before(engine);
    // One circuit that opens and closes all the time, and one that never does, so that every fault is met.
    let patient = format!("{CONFIG}circuit_breaker = {{ failures = 100, window = 1000 }}\n");
    let clients =
        [CONFIG, patient.as_str()].map(|config| Launch::at(&faultd.host()).config(config).connect());
    for client in &clients {
        client.call("docker_ps", &json!({})).ok();
    }
    // The first answers of 20 MB leave their mark on each thread's heap. What comes after them is to be flat.
    faultd.set(get("/networks"), Fault::Huge(20 << 20));
    for client in &clients {
        let ids: Vec<Value> = (0..40).map(|_| client.begin_call("docker_networks", &json!({}))).collect();
        for id in ids {
            assert!(client.wait(&id).tool().is_error);
        }
    }
    faultd.clear();
    let before = clients.each_ref().map(|client| state(client.pid()));
    let until = Instant::now() + S(seconds());
    let seen = std::thread::scope(|threads| {
        let drivers = clients.each_ref().map(|client| threads.spawn(move || drive(client, app, until)));
        let all = faults();
        for turn in 0.. {
            if Instant::now() >= until {
                break;
            }
            faultd.clear();
            for place in 0..5 {
                let fault = all[(turn * 5 + place) % all.len()].clone();
                faultd.add(any().chance(1, (turn * 5 + place) as u64), fault);
            }
            std::thread::sleep(SHIFT.min(until.saturating_duration_since(Instant::now())));
        }
        faultd.clear();
        drivers.map(|driver| driver.join().unwrap())
    });
    // What was given up is put away.
    std::thread::sleep(S(7));
    for ((client, before), (kinds, latest, early)) in clients.iter().zip(before).zip(seen) {
        let (after, dead) = (state(client.pid()), zombies(client.pid()));
        eprintln!("{kinds:?}, the latest {latest:?} over its time");
        eprintln!("before {before:?}\nearly {early:?}\nafter {after:?}");
        let answers: u64 = kinds.values().sum();
        assert!(answers >= seconds() * 20, "only {answers} calls in {} s", seconds());
        assert!(kinds.len() >= 3, "no fault was met: {kinds:?}");
        assert_eq!(dead, 0, "zombies");
        assert!(after.descriptors <= before.descriptors + 4, "descriptors");
        assert!(after.threads <= before.threads + 2, "threads");
        // It grows in steps, when more large answers than before meet on one heap; a leak of 1 KiB a call is 15 MiB.
        let margin = if seconds() >= 300 { 16 } else { 32 };
        assert!(after.memory <= early.memory + (margin << 20), "memory grows");
        assert!(after.memory <= 128 << 20, "memory is not bounded");
        let health = client.call("docker_health", &json!({})).ok();
        assert_eq!(health.structured["calls"]["in_flight"], 1, "itself: {}", health.text);
        let grown = after.memory.saturating_sub(early.memory);
        saw("S", Seen::new("all answered", latest, Duration::ZERO).memory(grown));
    }
}
