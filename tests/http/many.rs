//! Many callers at once: none is lost, no role is another's, and memory stays what it was.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use docker_mcp::transport::http::new_key;
use serde_json::json;

use super::Served;
use crate::support::fixture::Scope;
use crate::support::http::Reply;
use crate::support::{Launch, engine, rss};

const CALLERS: usize = 200;
const ROLES: usize = 4;
/// What the crowd may cost beside what one call of each kind cost.
const GROWTH: u64 = 48 << 20;
/// How long a caller comes again where there is no place.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many calls, all callers together. More of them with `DOCKER_MCP_CALLS`.
fn calls() -> usize {
    std::env::var("DOCKER_MCP_CALLS").map_or(2_000, |n| n.parse().unwrap())
}

/// Each role sees a container of its own, and holds a level of its own.
#[test]
fn two_hundred_callers_get_their_own_answers() {
    let Some(engine) = engine::at_hand("http::many") else { return };
    let scope = Scope::new(&engine);
    let mut config = "[limits]\nmax_concurrent = 64\n".to_owned();
    let levels = ["lifecycle", "exec", "volumes", "networks"];
    for (role, level) in levels.iter().enumerate() {
        let name = format!("c{role}");
        scope.run(&name, &[], &["sleep", "600"]);
        config.push_str(&format!(
            "[roles.r{role}]\nread = true\n{level} = true\nwhitelist_containers = [\"{}\"]\n",
            scope.name(&name)
        ));
    }
    let keys: Vec<String> = (0..CALLERS)
        .map(|n| {
            let (key, hash) = new_key().unwrap();
            let role = n % ROLES;
            config.push_str(&format!(
                "[[http.keys]]\nname = \"caller{n}\"\nrole = \"r{role}\"\nhash = \"{hash}\"\n"
            ));
            key
        })
        .collect();
    let served = Served::start(Launch::at(&engine.host).config(&config));
    let busy = AtomicUsize::new(0);
    // A full house says so, and when to come again: that is an answer, and no call is lost by it.
    let patiently = |call: &dyn Fn() -> Reply| {
        let start = Instant::now();
        loop {
            let reply = call();
            if !reply.body.contains("\"kind\":\"overloaded\"") || start.elapsed() > PATIENCE {
                return reply;
            }
            busy.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    let ask = |caller: usize, turn: usize| {
        let (key, role) = (Some(keys[caller].as_str()), caller % ROLES);
        let what = format!("caller {caller}, turn {turn}");
        match turn % 10 {
            0 => {
                let reply = patiently(&|| served.tool("docker_ps", key, &json!({ "all": true })));
                assert_eq!(reply.status, 200, "{what}: {reply:?}");
                let names: Vec<String> = reply.json()["containers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|c| c["name"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(names, [scope.name(&format!("c{role}"))], "{what}");
            }
            5 => {
                let call = json!({ "name": "docker_policy", "arguments": {} });
                let reply = patiently(&|| served.mcp(key, "tools/call", call.clone()));
                let levels_of = &reply.json()["result"]["structuredContent"]["levels"];
                for (n, level) in levels.iter().enumerate() {
                    assert_eq!(levels_of[level], n == role, "{what}: {reply:?}");
                }
            }
            _ => {
                let reply = patiently(&|| served.tool("docker_policy", key, &json!({})));
                assert_eq!(reply.status, 200, "{what}: {reply:?}");
                for (n, level) in levels.iter().enumerate() {
                    assert_eq!(reply.json()["levels"][level], n == role, "{what}: {reply:?}");
                }
            }
        }
    };
    for turn in [0, 5, 1] {
        for caller in 0..ROLES {
            ask(caller, turn);
        }
    }
    let before = rss::peak(served.client.pid());
    let (right, each) = (AtomicUsize::new(0), calls().div_ceil(CALLERS));
    std::thread::scope(|threads| {
        for caller in 0..CALLERS {
            let (ask, right) = (&ask, &right);
            threads.spawn(move || {
                for turn in 0..each {
                    ask(caller, caller + turn);
                    right.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let peak = rss::peak(served.client.pid());
    assert_eq!(right.into_inner(), CALLERS * each);
    eprintln!(
        "{CALLERS} callers, {} calls, {} told to come again; memory {:.1} MiB at first, {:.1} MiB at most",
        CALLERS * each,
        busy.into_inner(),
        rss::mib(before),
        rss::mib(peak)
    );
    assert!(peak - before <= GROWTH, "{:.1} MiB more", rss::mib(peak - before));
    let recorded = served.client.audit_wait(CALLERS * each);
    let mixed = recorded.iter().filter_map(|line| {
        let n: usize = line["caller"].as_str()?.strip_prefix("caller")?.parse().ok()?;
        (line["role"] != format!("r{}", n % ROLES)).then_some(line)
    });
    assert_eq!(mixed.count(), 0);
}
