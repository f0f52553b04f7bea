//! A server that is killed in the middle of `docker_recreate`: the old one runs or the new one is well, never neither.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use super::recreate::{CHECKED, LEVELS, all};
use super::{POLITE, on};
use crate::support::engine::{self, BASE, Engine};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, When, delete, post};
use crate::support::fixture::Scope;
use crate::support::private::{Private, signal};
use crate::support::{Client, Launch, eventually};

/// One of them runs within this after the kill, and within the second all is tidy.
const SOON: Duration = Duration::from_secs(5);
pub(super) const TIDY: Duration = Duration::from_secs(20);
/// As a container is, but for its own folder: the copy of it does not get well.
const SICK: &[&str] =
    &["--health-cmd", "test -e /mine", "--health-interval", "200ms", "--health-retries", "1"];

/// Where the server is killed.
#[derive(Debug, Clone, Copy)]
enum At {
    /// While it waits for the answer to the n-th request of that kind. The engine has done it, or never heard of it.
    Request { like: fn() -> When, nth: u64, made: bool },
    /// So long after the first start was asked for.
    AfterStart(u64),
}

#[derive(Debug, Clone, Copy)]
struct Case {
    what: &'static str,
    at: At,
    stop_first: bool,
    /// The new one does not get well.
    sick: bool,
}

/// Kills the server there, and gives its client: its home is needed further. `first`: what is done right before, with
/// those who watch over it.
fn kill(engine: &Engine, scope: &Scope, id: &str, case: Case, first: impl Fn(&[u32])) -> (Client, Faultd) {
    let faultd = Faultd::before(engine);
    let (like, nth): (fn() -> When, _) = match case.at {
        At::Request { like, nth, made } => {
            let late =
                Fault::Toxic(vec![Toxic::down(Poison::Latency(Duration::from_secs(30), Duration::ZERO))]);
            faultd.set(like().nth(nth..=nth), if made { late } else { Fault::NoAnswer });
            (like, nth)
        }
        At::AfterStart(_) => (|| post("/start"), 1),
    };
    let client = Launch::at(&faultd.host()).config(&on(LEVELS)).connect();
    let arguments = json!({ "container": scope.name("app"), "stop_first": case.stop_first });
    client.begin_call("docker_recreate", &arguments);
    faultd.wait_for(&like(), nth.try_into().unwrap(), Duration::from_secs(20));
    // The engine has the time that it needs for it.
    std::thread::sleep(match case.at {
        At::Request { made: true, .. } => Duration::from_millis(800),
        At::Request { made: false, .. } => Duration::from_millis(50),
        At::AfterStart(millis) => Duration::from_millis(millis),
    });
    let watching = watching(id);
    // It may just have come out well.
    let over = matches!(case.at, At::AfterStart(_)) && watching.is_empty();
    assert!(over || watching.len() == 1, "nobody watches over it: {}", client.stderr());
    first(&watching);
    client.signal("KILL");
    client.wait_exit(SOON).expect("it is killed");
    (client, faultd)
}

/// Nobody is left who could see it through.
fn alone(watching: &[u32]) {
    watching.iter().for_each(|pid| signal(*pid, "KILL"));
}

/// Processes that watch over the recreation of that container.
pub(super) fn watching(id: &str) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = words.split(|b| *b == 0).collect();
        words.contains(&b"watch-recreation".as_slice()) && words.contains(&id.as_bytes())
    })
    .collect()
}

/// The old one runs, or another one is healthy.
pub(super) fn one_serves(engine: &Engine, scope: &Scope, old: &str) -> bool {
    let filter = format!("label={}", scope.label());
    let list = engine.docker(&[
        "ps",
        "--no-trunc",
        "--filter",
        &filter,
        "--format",
        "{{.ID}} {{.Names}} {{.Status}}",
    ]);
    list.lines()
        .filter(|line| line.contains("-app"))
        .any(|line| line.starts_with(old) || line.contains("(healthy)"))
}

pub(super) fn the_app(engine: &Engine, scope: &Scope) -> bool {
    all(engine, scope) == [("app".to_owned(), "running".to_owned())]
}

fn start(scope: &Scope, case: Case) -> String {
    let mut options = [if case.sick { SICK } else { CHECKED }, &["-l", "own=1"]].concat();
    if case.stop_first {
        options.extend(["-v", "/data"]);
    }
    let id = scope.run("app", &options, POLITE);
    if case.sick {
        scope.engine.docker(&["exec", &id, "touch", "/mine"]);
    }
    id
}

/// Nobody calls again: what was left half done is brought to its end all the same.
fn one(engine: &Engine, case: Case) {
    let scope = Scope::new(engine);
    let id = start(&scope, case);
    let (client, _faultd) = kill(engine, &scope, &id, case, |_| {});
    if !case.stop_first {
        assert!(one_serves(engine, &scope, &id), "{case:?}: {:?}", all(engine, &scope));
    }
    let killed = Instant::now();
    let served = eventually(SOON, || one_serves(engine, &scope, &id));
    assert!(served, "{case:?}: neither runs: {:?}\n{}", all(engine, &scope), client.audit_text());
    let took = killed.elapsed();
    // From then on there is never none again, and the end is one container with the name, and nobody who watches.
    let tidy = eventually(TIDY, || {
        assert!(one_serves(engine, &scope, &id), "{case:?}: {:?}", all(engine, &scope));
        watching(&id).is_empty()
    });
    let left = all(engine, &scope);
    assert!(tidy && the_app(engine, &scope), "{case:?}: {left:?}\n{}", client.audit_text());
    let facts = engine.inspect("container", &scope.name("app"));
    assert_eq!(facts["Config"]["Labels"]["own"], "1", "{case:?}");
    let is_new = facts["Id"] != json!(id);
    assert!(!(is_new && case.sick), "{case:?}: the new one was not well");
    eprintln!(
        "{} {case:?}: {} served after {took:?}, tidy after {:?}",
        case.what,
        if is_new { "new" } else { "old" },
        killed.elapsed()
    );
}

/// Some at once: most of the time one waits.
fn each(name: &str, cases: Vec<Case>) {
    let Some(engine) = engine::at_hand(name) else { return };
    let rounds = std::env::var("DOCKER_MCP_ROUNDS").ok().and_then(|n| n.parse().ok());
    // The short form leaves out what differs least: of requests that the engine never heard of, every second one.
    let all_of_them = rounds.is_some();
    let chosen = |(n, case): (usize, &Case)| {
        all_of_them || n % 2 == 0 || matches!(case.at, At::Request { made: true, .. } | At::AfterStart(_))
    };
    let chosen: Vec<Case> =
        cases.iter().enumerate().filter(|it| chosen(*it)).map(|(_, case)| *case).collect();
    let queue: Mutex<VecDeque<Case>> =
        Mutex::new((0..rounds.unwrap_or(1)).flat_map(|_: u32| chosen.clone()).collect());
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().pop_front() else { return };
                    one(&engine, case);
                }
            });
        }
    });
}

type Step = (&'static str, fn() -> When, u64);

fn cases(stop_first: bool, sick: bool, steps: &[Step]) -> Vec<Case> {
    let mut cases = Vec::new();
    for made in [true, false] {
        for &(what, like, nth) in steps {
            cases.push(Case { what, at: At::Request { like, nth, made }, stop_first, sick });
        }
    }
    for millis in [150, 450] {
        cases.push(Case { what: "waiting for it to be well", at: At::AfterStart(millis), stop_first, sick });
    }
    cases
}

#[test]
fn at_every_step_beside() {
    let mut all = cases(
        false,
        false,
        &[
            ("create", || post("/create"), 1),
            ("start", || post("/start"), 1),
            ("first rename", || post("/rename"), 1),
            ("second rename", || post("/rename"), 2),
            ("stop", || post("/stop"), 1),
            ("remove", || delete(""), 1),
        ],
    );
    all.extend(cases(
        false,
        true,
        &[("start", || post("/start"), 1), ("remove the new one", || delete(""), 1)],
    ));
    each("upkeep::killed::beside", all);
}

#[test]
fn at_every_step_where_the_old_one_is_stopped_first() {
    let mut all = cases(
        true,
        false,
        &[
            ("create", || post("/create"), 1),
            ("stop", || post("/stop"), 1),
            ("start", || post("/start"), 1),
            ("first rename", || post("/rename"), 1),
            ("second rename", || post("/rename"), 2),
            ("remove", || delete(""), 1),
        ],
    );
    all.extend(cases(
        true,
        true,
        &[
            ("start", || post("/start"), 1),
            ("stop the new one", || post("/stop"), 2),
            ("remove the new one", || delete(""), 1),
            ("start the old one", || post("/start"), 2),
        ],
    ));
    each("upkeep::killed::stopped", all);
}

/// Who watches over it says in the log what it did, is gone at once when all went well, and was there before anything was
/// touched.
#[test]
fn what_was_seen_through_is_recorded() {
    let Some(engine) = engine::at_hand("upkeep::killed::recorded") else { return };
    let scope = Scope::new(&engine);
    let like: fn() -> When = || post("/start");
    let case =
        Case { what: "start", at: At::Request { like, nth: 1, made: false }, stop_first: true, sick: false };
    let id = start(&scope, case);
    let (client, _faultd) = kill(&engine, &scope, &id, case, |_| {});
    assert!(eventually(TIDY, || watching(&id).is_empty()) && the_app(&engine, &scope));
    let lines = client.audit_lines();
    let of = |caller: &str, outcome: &str| {
        lines.iter().position(|l| l["caller"] == caller && l["outcome"] == outcome)
    };
    assert!(of("stdio", "intent").is_some(), "{lines:?}");
    let (intent, done) = (of("watchdog", "intent").unwrap(), of("watchdog", "done").unwrap());
    assert!(intent < done, "{lines:?}");
    assert_eq!(lines[done]["tool"], "docker_recreate");
    assert_eq!(lines[done]["target"], json!([scope.name("app")]));
    assert!(lines[done]["evidence"].as_str().unwrap().contains("undone"), "{lines:?}");

    // In order: it has nothing to say, and is gone as soon as the answer is there.
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    client.call("docker_recreate", &json!({ "container": scope.name("app"), "stop_first": true })).ok();
    assert!(eventually(Duration::from_millis(500), || watching(&id).is_empty()), "it outlives its call");
    assert!(client.audit_wait(2).iter().all(|line| line["caller"] != "watchdog"));

    // Without one, nothing is touched.
    let id = engine.inspect("container", &scope.name("app"))["Id"].clone();
    let faultd = Faultd::before(&engine);
    let strict = on(LEVELS);
    let client = Launch::at(&faultd.host()).config(&strict).connect();
    client.call("docker_ps", &json!({})).ok();
    let file = client.home().join("config.toml");
    std::fs::write(&file, strict.replace("create = true", "create = false")).unwrap();
    let refused =
        client.call("docker_recreate", &json!({ "container": scope.name("app"), "stop_first": true }));
    assert_eq!(refused.kind(), "child_unavailable", "{}", refused.text);
    assert!(faultd.lines().iter().all(|line| line.contains("GET ")), "{:?}", faultd.lines());
    assert_eq!(engine.inspect("container", &scope.name("app"))["Id"], id);
}

/// The engine was asked to stop it and takes its time: it is started again when it has ended.
#[test]
fn what_is_still_ending_is_started_again() {
    let Some(engine) = engine::at_hand("upkeep::killed::ending") else { return };
    let scope = Scope::new(&engine);
    let slow = ["sh", "-c", "trap 'sleep 3; exit 3' TERM; while :; do sleep 0.05; done"];
    let id = scope.container(&["run", "-d"], "app", &["-v", "/data"], BASE, &slow);
    let begun = engine.inspect("container", &id)["State"]["StartedAt"].clone();
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&on(LEVELS)).connect();
    client.begin_call("docker_recreate", &json!({ "container": scope.name("app"), "stop_first": true }));
    faultd.wait_for(&post("/stop"), 1, Duration::from_secs(20));
    std::thread::sleep(Duration::from_millis(500));
    client.signal("KILL");
    assert!(
        eventually(TIDY, || engine.inspect("container", &id)["State"]["StartedAt"] != begun),
        "not started again"
    );
    assert!(eventually(TIDY, || watching(&id).is_empty()) && the_app(&engine, &scope));
}

/// Also where all of its group is killed, as a client does that tidies up.
#[test]
fn who_watches_is_not_of_its_group() {
    let Some(engine) = engine::at_hand("upkeep::killed::group") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[CHECKED, &["-v", "/data"]].concat(), POLITE);
    let faultd = Faultd::before(&engine).on(post("/start").once(), Fault::NoAnswer);
    let client = Launch::at(&faultd.host()).config(&on(LEVELS)).under(&["setsid"]).connect();
    client.begin_call("docker_recreate", &json!({ "container": scope.name("app"), "stop_first": true }));
    faultd.wait_for(&post("/start"), 1, Duration::from_secs(20));
    let group = format!("-{}", client.pid());
    let killed = std::process::Command::new("kill").args(["-s", "KILL", "--", &group]).status().unwrap();
    assert!(killed.success());
    assert!(
        eventually(TIDY, || watching(&id).is_empty()) && the_app(&engine, &scope),
        "{:?}",
        all(&engine, &scope)
    );
    assert!(one_serves(&engine, &scope, &id));
}

/// The engine dies at the same moment, and comes back.
#[test]
fn an_engine_that_was_away_is_waited_for() {
    let Some(mut private) = Private::new() else {
        return engine::left_out("upkeep::killed::engine");
    };
    let engine = private.engine.clone();
    let scope = Scope::new(&engine);
    let like: fn() -> When = || post("/start");
    let case =
        Case { what: "start", at: At::Request { like, nth: 1, made: false }, stop_first: true, sick: false };
    let id = start(&scope, case);
    let (_client, _faultd) = kill(&engine, &scope, &id, case, |_| private.signal("KILL"));
    private.restart_killed();
    assert!(eventually(TIDY, || watching(&id).is_empty()), "{:?}", all(&engine, &scope));
    assert!(the_app(&engine, &scope), "{:?}", all(&engine, &scope));
}

/// The next call puts it right, by the name, or by the id where nothing has the name.
fn mended(engine: &Engine, scope: &Scope, id: &str, what: &str) {
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let named = all(engine, scope).iter().any(|(name, _)| name == "app");
    let ask = if named { scope.name("app") } else { id.to_owned() };
    let result = client.call("docker_recreate", &json!({ "container": ask, "stop_first": true })).ok();
    assert!(the_app(engine, scope), "{what}: {} {:?}", result.text, all(engine, scope));
    let facts = engine.inspect("container", &scope.name("app"));
    assert_eq!(facts["Config"]["Labels"]["own"], "1", "{what}");
}

/// Where who watches over it is killed, too, the next call does the same.
#[test]
fn what_nobody_saw_through_is_mended_by_the_next_call() {
    let Some(engine) = engine::at_hand("upkeep::killed::alone") else { return };
    let steps: &[Step] = &[
        ("stop", || post("/stop"), 1),
        ("start", || post("/start"), 1),
        ("first rename", || post("/rename"), 1),
        ("second rename", || post("/rename"), 2),
        ("remove", || delete(""), 1),
    ];
    std::thread::scope(|threads| {
        for &(what, like, nth) in steps {
            let engine = &engine;
            threads.spawn(move || {
                let case =
                    Case { what, at: At::Request { like, nth, made: true }, stop_first: true, sick: false };
                let scope = Scope::new(engine);
                let id = start(&scope, case);
                let _killed = kill(engine, &scope, &id, case, alone);
                mended(engine, &scope, &id, what);
            });
        }
    });
}

/// The client starts its server again and asks again at once, while what the first one left is being mended.
#[test]
fn who_asks_again_at_once_is_in_nobodys_way() {
    let Some(engine) = engine::at_hand("upkeep::killed::again") else { return };
    let steps: &[Step] = &[
        ("stop", || post("/stop"), 1),
        ("start", || post("/start"), 1),
        ("first rename", || post("/rename"), 1),
        ("remove", || delete(""), 1),
    ];
    std::thread::scope(|threads| {
        for &(what, like, nth) in steps {
            let engine = &engine;
            threads.spawn(move || {
                let at = At::Request { like, nth, made: true };
                let case = Case { what, at, stop_first: true, sick: false };
                let scope = Scope::new(engine);
                let id = start(&scope, case);
                let _killed = kill(engine, &scope, &id, case, |_| {});
                let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
                let again = json!({ "container": scope.name("app"), "stop_first": true });
                let answer = client.call("docker_recreate", &again);
                let tidy = eventually(TIDY, || watching(&id).is_empty() && the_app(engine, &scope));
                assert!(tidy, "{what}: {} {:?}", answer.text, all(engine, &scope));
            });
        }
    });
}

/// Threat X12: what a recreation needs is not pruned meanwhile.
#[test]
fn what_was_left_half_done_is_not_pruned() {
    let Some(engine) = engine::at_hand("upkeep::killed::pruned") else { return };
    let scope = Scope::new(&engine);
    let like: fn() -> When = || post("/start");
    let case =
        Case { what: "start", at: At::Request { like, nth: 1, made: false }, stop_first: true, sick: false };
    let id = start(&scope, case);
    let _killed = kill(&engine, &scope, &id, case, alone);
    assert!(all(&engine, &scope).iter().all(|(_, state)| state != "running"));
    let config = on("create").replacen(
        "create",
        &format!("whitelist_containers = [\"{}-*\"]\ncreate", scope.prefix),
        1,
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let pruned = client.call("docker_container_prune", &json!({})).ok();
    assert_eq!(pruned.structured["results"], json!([]), "{}", pruned.text);
    mended(&engine, &scope, &id, "pruned");
}
