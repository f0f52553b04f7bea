//! A server that is killed in the middle of `docker_recreate`.

use std::time::Duration;

use serde_json::json;

use super::recreate::{CHECKED, LEVELS, all};
use super::{POLITE, on};
use crate::support::Launch;
use crate::support::engine::{self, Engine};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, When, delete, post};
use crate::support::fixture::Scope;

/// The server is killed while it waits for that step. `made`: the engine has made it.
fn kill_at(
    engine: &Engine,
    scope: &Scope,
    like: When,
    (step, seen): (When, usize),
    made: bool,
    stop_first: bool,
) {
    let late = Fault::Toxic(vec![Toxic::down(Poison::Latency(Duration::from_secs(30), Duration::ZERO))]);
    let faultd = Faultd::before(engine).on(step, if made { late } else { Fault::NoAnswer });
    let client = Launch::at(&faultd.host()).config(&on(LEVELS)).connect();
    client
        .begin_call("docker_recreate", &json!({ "container": scope.name("app"), "stop_first": stop_first }));
    faultd.wait_for(&like, seen, Duration::from_secs(20));
    // The engine has the time that it needs for it.
    std::thread::sleep(Duration::from_millis(900));
    client.signal("KILL");
    std::thread::sleep(Duration::from_millis(100));
}

fn running(list: &[(String, String)]) -> usize {
    list.iter().filter(|(_, state)| state == "running").count()
}

/// The next call puts it right, by the name, or by the id where nothing has the name.
fn mended(engine: &Engine, scope: &Scope, id: &str, stop_first: bool, what: &str) {
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let named = all(engine, scope).iter().any(|(name, _)| name == "app");
    let ask = if named { scope.name("app") } else { id.to_owned() };
    let result = client.call("docker_recreate", &json!({ "container": ask, "stop_first": stop_first })).ok();
    assert_eq!(all(engine, scope), [("app".to_owned(), "running".to_owned())], "{what}: {}", result.text);
    let facts = engine.inspect("container", &scope.name("app"));
    assert_eq!(facts["Config"]["Labels"]["own"], "1", "{what}");
}

/// Its name, the requests that are like it, and which of them it is.
type Step = (&'static str, fn() -> When, usize);

fn each(name: &str, stop_first: bool, steps: &[Step]) {
    let Some(engine) = engine::at_hand(name) else { return };
    for (step, like, nth) in steps {
        for made in [false, true] {
            let what = format!("{step}, {}", if made { "made" } else { "not made" });
            eprintln!("{what}");
            let scope = Scope::new(&engine);
            let mut options = [CHECKED, &["-l", "own=1"]].concat();
            if stop_first {
                options.extend(["-v", "/data"]);
            }
            let id = scope.run("app", &options, POLITE);
            let nth = u64::try_from(*nth).unwrap();
            kill_at(
                &engine,
                &scope,
                like(),
                (like().nth(nth..=nth), nth.try_into().unwrap()),
                made,
                stop_first,
            );
            let left = all(&engine, &scope);
            if !stop_first {
                assert!(running(&left) >= 1, "{what}: neither runs: {left:?}");
                let old = left.iter().find(|(name, _)| name == "app" || name.starts_with("app.old"));
                let old = old.is_some_and(|(_, state)| state == "running");
                // Where the old one does not run, the new one is healthy and has the name.
                if !old {
                    let facts = engine.inspect("container", &scope.name("app"));
                    assert_eq!(facts["State"]["Health"]["Status"], "healthy", "{what}: {left:?}");
                }
            }
            mended(&engine, &scope, &id, stop_first, &what);
        }
    }
}

#[test]
fn at_every_step_one_of_them_runs() {
    each(
        "upkeep::killed::beside",
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
}

/// Where both cannot run at once nobody can start the other one when the server is killed; the next call does.
#[test]
fn what_had_to_be_stopped_is_brought_back_by_the_next_call() {
    each(
        "upkeep::killed::stopped",
        true,
        &[
            ("stop", || post("/stop"), 1),
            ("start", || post("/start"), 1),
            ("rename", || post("/rename"), 1),
            ("remove", || delete(""), 1),
        ],
    );
}

/// Threat X12: what a recreation needs is not pruned meanwhile.
#[test]
fn what_was_left_half_done_is_not_pruned() {
    let Some(engine) = engine::at_hand("upkeep::killed::pruned") else { return };
    let scope = Scope::new(&engine);
    let options = [CHECKED, &["-v", "/data", "-l", "own=1"]].concat();
    let id = scope.run("app", &options, POLITE);
    kill_at(&engine, &scope, post("/start"), (post("/start"), 1), false, true);
    assert_eq!(running(&all(&engine, &scope)), 0);
    let config = on("create").replacen(
        "create",
        &format!("whitelist_containers = [\"{}-*\"]\ncreate", scope.prefix),
        1,
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let pruned = client.call("docker_container_prune", &json!({})).ok();
    assert_eq!(pruned.structured["results"], json!([]), "{}", pruned.text);
    mended(&engine, &scope, &id, true, "pruned");
}
