//! A private engine is killed, restarted, or loses its containerd, under calls.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::private::{Private, signal};
use crate::support::{Launch, engine};

const S: fn(u64) -> Duration = Duration::from_secs;
const ON: &str = "[permissions]\nlifecycle = true\n";

/// How often: more by `DOCKER_MCP_ROUNDS`.
fn rounds() -> u64 {
    std::env::var("DOCKER_MCP_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// The engine is killed while it stops or starts a container, and comes back: the answer says what became of it, and
/// the audit says the same.
#[test]
fn an_engine_that_dies_in_the_middle_of_a_change() {
    if engine::at_hand("neverhang::outages::killed").is_none() {
        return;
    }
    let Some(mut own) = Private::new() else { return };
    let scope = Scope::new(&own.engine);
    let deaf = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];
    scope.container(&["create", "--stop-timeout", "3"], "app", &[], engine::BASE, &deaf);
    let app = scope.name("app");
    for round in 0..rounds() {
        let verb = if round % 2 == 0 { "docker_stop" } else { "docker_start" };
        // An engine that comes back has ended its containers: then there is nothing to kill.
        let _as_wanted = own.engine.try_docker(&[if round % 2 == 0 { "start" } else { "kill" }, &app]);
        let before = own.engine.inspect("container", &app)["State"].clone();
        let client = Launch::at(&own.engine.host).config(ON).connect();
        client.call("docker_ps", &json!({})).ok();
        let id = client.begin_call(verb, &json!({ "containers": app }));
        std::thread::sleep(Duration::from_millis(100 + 97 * round % 400));
        own.signal("KILL");
        own.restart_killed();
        let result = client.wait(&id).tool();
        let after = own.engine.inspect("container", &app)["State"].clone();
        let error = &result.structured["error"];
        let effect = if result.is_error { error["effect"].as_str().unwrap() } else { "done" };
        eprintln!("{verb}: {effect}, {:?}: {}", result.took, result.text);
        let (up, anew) = (after["Running"] == true, after["StartedAt"] != before["StartedAt"]);
        match (verb, effect) {
            ("docker_stop", "done") => assert!(!up, "{}", result.text),
            ("docker_stop", "none") => assert!(up, "{}", result.text),
            ("docker_start", "done") => assert!(anew, "{}", result.text),
            ("docker_start", "none") => assert!(!anew, "{}", result.text),
            _ => panic!("the engine is back, and still it is not known: {}", result.text),
        }
        let lines = client.audit_wait(3);
        let line = lines.iter().find(|l| l["tool"] == verb && l["outcome"] != "intent").unwrap();
        assert_eq!(line["effect"], effect, "{line}");
        assert!(lines.iter().any(|l| l["tool"] == verb && l["outcome"] == "intent"));
        saw("C3", Seen::of(&result, S(60)));
    }
}

/// containerd hangs: dockerd answers lists, and starts never end.
#[test]
fn a_containerd_that_hangs() {
    if engine::at_hand("neverhang::outages::containerd").is_none() {
        return;
    }
    let Some(own) = Private::new() else { return };
    let scope = Scope::new(&own.engine);
    for name in ["a", "b", "c"] {
        scope.container(&["create"], name, &[], engine::BASE, &["sleep", "9999"]);
    }
    let config = format!("{ON}[neverhang]\nlifecycle_timeout = \"3s\"\n");
    let client = Launch::at(&own.engine.host).config(&config).connect();
    client.call("docker_ps", &json!({})).ok();
    let containerd = own.containerd();
    signal(containerd, "STOP");
    for name in ["a", "b", "c"] {
        let hung = client.call("docker_start", &json!({ "containers": scope.name(name) }));
        eprintln!("{:?}: {}", hung.took, hung.text);
        assert!(["daemon_timeout", "outcome_unknown"].contains(&hung.kind()), "{}", hung.text);
        assert_ne!(hung.structured["error"]["effect"], "none");
        saw("C7", Seen::of(&hung, S(3)).circuit("0"));
    }
    let list = client.call("docker_ps", &json!({ "all": true })).ok();
    assert!(list.text.contains(&scope.name("a")));
    std::thread::sleep(S(3));
    let circuit = client.call("docker_health", &json!({})).ok().structured["circuit"].clone();
    assert_eq!((&circuit["state"], &circuit["failures"]), (&json!("closed"), &json!(0)));
    signal(containerd, "CONT");
}

/// What was hidden stays hidden, and a stream over the engine's death ends in time.
#[test]
fn events_over_a_restart() {
    if engine::at_hand("neverhang::outages::events").is_none() {
        return;
    }
    let Some(mut own) = Private::new() else { return };
    let scope = Scope::new(&own.engine);
    scope.run("app", &[], &["sleep", "9999"]);
    scope.run("vault", &[], &["sleep", "9999"]);
    let vault = scope.name("vault");
    let config = format!("[permissions]\nblacklist_containers = [\"{vault}\"]\n");
    let client = Launch::at(&own.engine.host).config(&config).connect();
    let id = client.begin_call("docker_events", &json!({ "duration": 8 }));
    std::thread::sleep(S(1));
    own.signal("KILL");
    let result = client.wait(&id).tool();
    eprintln!("{:?}: {}", result.took, result.text);
    assert!(result.took <= S(9), "{:?}", result.took);
    assert!(result.text.contains("broke off"), "it says so: {}", result.text);
    saw("C6", Seen::of(&result, S(8)));
    own.restart_killed();
    let until = Instant::now() + S(20);
    loop {
        let list = client.call("docker_ps", &json!({ "all": true }));
        if !list.is_error {
            assert!(list.text.contains(&scope.name("app")) && !list.text.contains("vault"), "{}", list.text);
            break;
        }
        assert!(Instant::now() < until, "{}", list.text);
        std::thread::sleep(Duration::from_millis(200));
    }
    let since = client.call("docker_events", &json!({ "since": "10m", "duration": 1 })).ok();
    assert!(!since.whole().contains("vault"), "{}", since.text);
    for word in [vault.as_str(), "nosuch"] {
        assert_eq!(client.call("docker_inspect", &json!({ "container": word })).kind(), "not_found");
    }
}

/// A graceful restart with `live-restore`: containers go on, and a stop in between is seen through.
#[test]
fn an_engine_that_restarts_around_its_containers() {
    if engine::at_hand("neverhang::outages::restored").is_none() {
        return;
    }
    let Some(own) = Private::new() else { return };
    let scope = Scope::new(&own.engine);
    let deaf = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];
    scope.container(&["run", "-d", "--stop-timeout", "8"], "app", &[], engine::BASE, &deaf);
    let app = scope.name("app");
    std::fs::write(own.dir().join("daemon.json"), "{\"live-restore\": true}").unwrap();
    own.signal("HUP");
    std::thread::sleep(S(1));
    let client = Launch::at(&own.engine.host).config(ON).connect();
    client.call("docker_ps", &json!({})).ok();
    let id = client.begin_call("docker_stop", &json!({ "containers": app }));
    std::thread::sleep(Duration::from_millis(500));
    let again = Again::of(&own);
    own.signal("TERM");
    again.start();
    let result = client.wait(&id).tool();
    eprintln!("{:?}: {}", result.took, result.text);
    let up = own.engine.inspect("container", &app)["State"]["Running"] == true;
    let effect = match result.is_error {
        true => result.structured["error"]["effect"].as_str().unwrap().to_owned(),
        false => "done".to_owned(),
    };
    assert_eq!(effect, if up { "none" } else { "done" }, "{}", result.text);
    saw("C4", Seen::of(&result, S(60)));
    drop(again);
}

/// The same dockerd again: its command line, environment and network.
struct Again {
    command: Vec<String>,
    environment: Vec<(String, String)>,
    /// Keeps the network namespace while no dockerd is in it.
    holder: std::process::Child,
    pid: u32,
}

impl Again {
    fn of(own: &Private) -> Self {
        let read = |what: &str| {
            let text = std::fs::read_to_string(format!("/proc/{}/{what}", own.pid())).unwrap();
            text.split('\0').filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let pair = |w: String| w.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        let holder = std::process::Command::new("nsenter")
            .args(["--net", "-t", &own.pid().to_string(), "sleep", "60"])
            .spawn()
            .unwrap();
        Self {
            command: read("cmdline"),
            environment: read("environ").into_iter().filter_map(pair).collect(),
            holder,
            pid: own.pid(),
        }
    }

    /// Waits until the old one is gone, and starts it anew.
    fn start(&self) {
        let until = Instant::now() + S(20);
        while std::path::Path::new(&format!("/proc/{}", self.pid)).exists() {
            assert!(Instant::now() < until, "dockerd does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
        let holder = self.holder.id().to_string();
        #[expect(
            clippy::zombie_processes,
            reason = "scripts/engine ends it; it is gone with this test's process"
        )]
        let _dockerd = std::process::Command::new("nsenter")
            .args(["--net", "-t", &holder])
            .args(&self.command)
            .env_clear()
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        let (_gone, _status) = (self.holder.kill(), self.holder.wait());
    }
}
