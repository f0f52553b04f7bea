//! A server that is killed leaves no effect without its intent, and the next one leaves no intent without an outcome.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::engine::{self, BASE, Engine};
use crate::support::fixture::Scope;
use crate::support::{Launch, eventually};

const ON: &str = "[permissions]\nread = true\nlifecycle = true\ncreate = true\n[confirm]\nrequire = \"none\"\n[limits]\nloop_guard = 0\n";

/// What the engine did with containers of this prefix since then: the deed and the name. It remembers 256 events, so that
/// it is asked after each round; `since` moves on.
fn events(engine: &Engine, since: &mut String, prefix: &str) -> Vec<(String, String)> {
    let until = engine.docker(&["info", "--format", "{{.SystemTime}}"]);
    let since = std::mem::replace(since, until.clone());
    let format = "{{.Action}} {{.Actor.Attributes.name}}";
    let args =
        ["events", "--since", &since, "--until", &until, "--filter", "type=container", "--format", format];
    let text = engine.docker(&args);
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .filter(|(_, name)| name.starts_with(prefix))
        .map(|(deed, name)| (deed.into(), name.into()))
        .collect()
}

/// Rounds, of which each kills a server within its changes. More of them with `DOCKER_MCP_KILL_ROUNDS`.
#[test]
fn no_effect_without_an_intent_and_no_intent_without_an_outcome() {
    let Some(engine) = engine::at_hand("audit::killed") else { return };
    let rounds: u64 = std::env::var("DOCKER_MCP_KILL_ROUNDS").map_or(12, |n| n.parse().unwrap());
    let scope = Scope::new(&engine);
    let mut since = engine.docker(&["info", "--format", "{{.SystemTime}}"]);
    let launch = Launch::at(&engine.host).config(ON);
    let keeper = launch.connect();
    let mut events_seen = Vec::new();
    let label = scope.label();
    let (key, value) = label.split_once('=').unwrap();
    for round in 0..rounds {
        let server = launch.connect_beside(&keeper);
        let named = |n: u64| scope.name(&format!("k{round}-{n}"));
        for n in 0..3 {
            let create = json!({ "image": BASE, "name": named(n), "command": ["sleep", "9999"],
                                 "labels": { key: value } });
            server.begin_call("docker_create", &create);
        }
        // As far as it comes: a longer wait lets more of them through.
        std::thread::sleep(Duration::from_millis(round * 37 % 250));
        for n in 0..3 {
            server.begin_call("docker_start", &json!({ "containers": named(n) }));
            server.begin_call("docker_rename", &json!({ "container": named(n), "name": named(n + 10) }));
            server.begin_call("docker_remove", &json!({ "containers": named(n), "force": true }));
        }
        std::thread::sleep(Duration::from_millis(round * 13 % 120));
        server.signal("KILL");
        server.wait_exit(Duration::from_secs(10)).expect("it is killed");
        if round % 10 == 9 {
            // What was on its way comes to its end; then the engine is emptied, which is not the servers' doing.
            std::thread::sleep(Duration::from_millis(500));
            events_seen.extend(events(&engine, &mut since, &scope.prefix));
            scope.empty();
            since = engine.docker(&["info", "--format", "{{.SystemTime}}"]);
        } else {
            events_seen.extend(events(&engine, &mut since, &scope.prefix));
        }
    }
    // What was on its way when the last one died.
    std::thread::sleep(Duration::from_secs(1));
    events_seen.extend(events(&engine, &mut since, &scope.prefix));
    let last = launch.connect_beside(&keeper);
    let boots = keeper.home().join("state/docker-mcp/audit/boots");
    let closed = || std::fs::read_dir(&boots).map_or(0, Iterator::count) == 0;
    assert!(eventually(Duration::from_secs(20), closed), "what the dead left is closed");
    let proved = last.prints(&["audit", "--verify"]);
    assert!(proved.contains("every chain holds"), "{proved}");

    let lines: Vec<Value> =
        last.audit_text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut intents: HashMap<(String, String), i64> = HashMap::new();
    let mut open: HashMap<&str, &Value> = HashMap::new();
    let mut reconciled = 0;
    for line in &lines {
        let call = line["call"].as_str().unwrap();
        match line["outcome"].as_str().unwrap() {
            "intent" => {
                open.insert(call, line);
                for target in line["target"].as_array().unwrap() {
                    let name = target.as_str().unwrap().to_owned();
                    *intents.entry((line["tool"].as_str().unwrap().to_owned(), name)).or_default() += 1;
                }
            }
            outcome => {
                reconciled += u64::from(outcome == "reconciled");
                assert!(outcome != "reconciled" || line["effect"] == "unknown", "{line}");
                open.remove(call);
            }
        }
    }
    assert!(open.is_empty(), "without an outcome: {:?}", open.values());
    // A short form may be lucky; a long one is not.
    assert!(rounds < 100 || reconciled > 0, "no kill hit a change");
    let mut seen = 0;
    for (deed, name) in events_seen {
        let tool = match deed.as_str() {
            "create" => "docker_create",
            "start" => "docker_start",
            "rename" => "docker_rename",
            "destroy" => "docker_remove",
            _ => continue,
        };
        seen += 1;
        // It was renamed meanwhile: the intent has either name.
        let (stem, n) = name.rsplit_once('-').unwrap();
        let n: u64 = n.parse().unwrap();
        let had = [format!("{stem}-{}", n % 10), format!("{stem}-{}", n % 10 + 10)];
        let intent = had.iter().find_map(|name| {
            let left = intents.get_mut(&(tool.to_owned(), name.clone()))?;
            (*left > 0).then(|| *left -= 1)
        });
        assert!(intent.is_some(), "{deed} of {name} was not intended: {intents:?}");
    }
    assert!(seen > rounds, "{seen} effects in {rounds} rounds");
    eprintln!("{rounds} kills: {seen} effects, each with its intent; {reconciled} intents reconciled");
}
