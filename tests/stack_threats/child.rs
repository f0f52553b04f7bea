//! Another program in the place of compose: section 5e of the catalogue of faults.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::yard::{IMAGE, Yard};
use crate::support::ledger::{Seen, saw};
use crate::support::private::Private;
use crate::support::stub::Stub;
use crate::support::{Client, Engine, Launch, ToolResult, engine, rss};

const CALL: Duration = Duration::from_secs(4);
const GONE: Duration = Duration::from_secs(6);

/// A project, and a compose that does as the script says where it is to bring it up.
struct Stubbed {
    yard: Yard,
    stub: Stub,
    _docker: Stub,
    client: Client,
}

/// The program that is there, by its whole path: a child of ours has a search path of its own.
pub(super) fn real(program: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let mut all = path.split(':').map(|dir| format!("{dir}/{program}"));
    all.find(|path| std::path::Path::new(path).exists()).unwrap_or_else(|| panic!("no {program} in PATH"))
}

/// A script that is asked its version and for the model as usual, and does this for `up`.
pub(super) fn at_up(fault: &str) -> String {
    format!("case \" $* \" in *' up '*) {fault} ;; *) exec {} \"$@\" ;; esac", real("docker-compose"))
}

impl Stubbed {
    fn new(engine: &Engine, script: &str) -> Self {
        Self::with(Yard::new(engine), script, "")
    }

    fn with(yard: Yard, script: &str, more: &str) -> Self {
        yard.web("", "");
        let stub = Stub::of("docker-compose", script);
        // Without a plugin.
        let docker = Stub::of("docker", "exit 0");
        let path = format!("{}:{}", docker.path("").display(), stub.search_path());
        let config = format!("[neverhang]\ncompose_timeout = \"4s\"\n{more}");
        let client = yard.launch(&config).env("PATH", &path).connect();
        Self { yard, stub, _docker: docker, client }
    }

    #[track_caller]
    fn call(&self, tool: &str) -> ToolResult {
        let answer = self.client.call(tool, &json!({ "file": "app" }));
        assert!(answer.took <= CALL + Duration::from_secs(1), "{tool}: {:?}: {}", answer.took, answer.text);
        answer
    }

    /// The session goes on, and nothing is left.
    #[track_caller]
    fn is_over(&self) {
        self.client.call("docker_ps", &json!({})).ok();
        self.stub.gone_within(GONE);
    }
}

#[test]
fn e1_a_compose_that_does_not_end_is_ended_with_all_of_its_own() {
    let Some(engine) = engine::at_hand("stack_threats::child::e1") else { return };
    let deaf = "trap '' TERM; setsid sh -c \"trap '' TERM; $NOTE; while :; do sleep 1; done\" & while :; do sleep 1; done";
    let it = Stubbed::new(&engine, &at_up(deaf));
    let up = it.call("docker_compose_up");
    assert_eq!(up.kind(), "child_timeout", "{}", up.text);
    // It lives yet, and may do something.
    assert_eq!(up.structured["error"]["effect"], "unknown", "{}", up.text);
    saw("E1", Seen::of(&up, CALL));
    it.is_over();
    // And one that is to print the model.
    it.stub.write(&format!("#!/bin/sh\nexec {}\n", "sh -c \"trap '' TERM; while :; do sleep 1; done\""));
    let config = it.call("docker_compose_config");
    assert!(["child_timeout", "child_unavailable"].contains(&config.kind()), "{}", config.text);
    it.is_over();
    assert_eq!(it.yard.made(), Vec::<String>::new());
}

#[test]
fn e2_a_grandchild_that_holds_the_pipes_delays_nothing() {
    let Some(engine) = engine::at_hand("stack_threats::child::e2") else { return };
    let it = Stubbed::new(&engine, &at_up("setsid sh -c \"$NOTE; sleep 1000\" & sleep 0.2; exit 1"));
    let up = it.call("docker_compose_up");
    assert!(up.is_error && up.kind() == "conflict", "{}", up.text);
    saw("E2", Seen::of(&up, CALL));
    it.is_over();
}

#[test]
fn e4_floods_are_bounded() {
    let Some(engine) = engine::at_hand("stack_threats::child::e4") else { return };
    for (script, tool) in [
        (at_up("yes >&2 & yes"), "docker_compose_up"),
        (at_up("head -c 300000000 /dev/zero >&2; exit 1"), "docker_compose_up"),
        (at_up("while :; do echo ' Container x-web-1  Creating'; done >&2"), "docker_compose_up"),
        ("case \" $* \" in *' version '*) echo 2.26.1 ;; *) yes >&2 & yes ;; esac".to_owned(), "docker_compose_config"),
        ("case \" $* \" in *' version '*) echo 2.26.1 ;; *) head -c 300000000 /dev/zero >&2; exit 1 ;; esac".to_owned(), "docker_compose_config"),
        ("case \"$*\" in *version*) yes ;; esac".to_owned(), "docker_compose_config"),
    ] {
        let it = Stubbed::new(&engine, &script);
        let before = rss::now(it.client.pid());
        let answer = it.call(tool);
        assert!(answer.is_error, "{script}: {}", answer.text);
        assert!(answer.whole().len() < 20_000, "{script}: {} bytes", answer.whole().len());
        let grown = rss::peak(it.client.pid()).saturating_sub(before);
        assert!(grown < 40 << 20, "{script}: {:.0} MiB more", rss::mib(grown));
        saw("E4", Seen::of(&answer, CALL).memory(grown));
        it.is_over();
    }
}

#[test]
fn e5_it_is_told_little_and_asks_nobody() {
    let Some(engine) = engine::at_hand("stack_threats::child::e5") else { return };
    let tell = "env > $(dirname $0)/env; pwd > $(dirname $0)/pwd; cat > $(dirname $0)/stdin; if read x; then exit 9; fi; \
                if read x < /dev/tty; then exit 9; fi; echo 'nobody answers' >&2; exit 1";
    let it = Stubbed::new(&engine, &at_up(tell));
    let up = it.call("docker_compose_up");
    assert!(up.is_error && up.text.contains("nobody answers"), "{}", up.text);
    saw("E5", Seen::of(&up, CALL));
    let of = |name: &str| std::fs::read_to_string(it.stub.path(name)).unwrap();
    let model: Value = serde_json::from_str(&of("stdin")).unwrap();
    assert_eq!(model["name"], it.yard.project);
    let known = [
        "PATH",
        "HOME",
        "TMPDIR",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "NOTE",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "NO_COLOR",
        "GIT_TERMINAL_PROMPT",
        "LC_ALL",
    ];
    for line in of("env").lines().filter(|l| l.contains('=')) {
        let name = line.split('=').next().unwrap();
        assert!(known.contains(&name) || name.starts_with("COMPOSE_") || name == "DOCKER_MCP_JOB", "{line}");
    }
    assert!(of("env").contains(&format!("DOCKER_HOST={}", engine.host)));
    it.is_over();
    // One that asks where it is to print the model finds nobody either, and the protocol's own words are untouched.
    it.stub.write(
        "#!/bin/sh\ncase \" $* \" in *' version '*) echo 2.26.1 ;; *) if read x; then echo '{}'; exit 0; fi; echo 'nobody answers' >&2; exit 1 ;; esac\n",
    );
    let config = it.call("docker_compose_config");
    assert!(config.is_error && config.text.contains("nobody answers"), "{}", config.text);
    it.client.call("docker_ps", &json!({})).ok();
}

#[test]
fn e6_no_compose_or_one_that_will_not_do() {
    let Some(engine) = engine::at_hand("stack_threats::child::e6") else { return };
    let it = Stubbed::new(&engine, &at_up("exit 1"));
    let path = it.stub.path("docker-compose");
    let says = |word: &str| {
        for tool in ["docker_compose_config", "docker_compose_up"] {
            let answer = it.call(tool);
            assert_eq!(answer.kind(), "child_unavailable", "{word}: {}", answer.text);
            assert!(answer.text.contains(word), "{word}: {}", answer.text);
            assert!(answer.text.contains("Next: "), "{}", answer.text);
            saw("E6", Seen::of(&answer, CALL));
        }
        // What needs no compose goes on.
        it.client.call("docker_compose_ls", &json!({})).ok();
    };
    for (script, word) in [
        ("#!/bin/sh\necho 'docker-compose version 1.29.2, build 5becea4c'\n", "version"),
        ("#!/bin/sh\necho 1.29.2\n", "1.29"),
        ("#!/bin/sh\necho 2.10.0\n", "2.10"),
        ("#!/bin/sh\nexit 1\n", "version"),
        ("#!/bin/sh\nsleep 100\n", "answer"),
        ("#!/nosuch/sh\n", "interpreter"),
        ("\u{7f}ELF nonsense", ""),
    ] {
        it.stub.write(script);
        says(word);
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    // Another one may be further down the search path; here it is the real one.
    let answer = it.call("docker_compose_config");
    assert!(!answer.is_error || answer.kind() == "child_unavailable", "{}", answer.text);
    std::fs::remove_file(&path).unwrap();
    let answer = it.call("docker_compose_config");
    assert!(!answer.is_error || answer.kind() == "child_unavailable", "{}", answer.text);
    drop(it);
    // None at all, from one call to the next.
    let yard = Yard::new(&engine);
    yard.web("", "");
    let only = Stub::of("docker-compose", &at_up("exit 1"));
    let path = only.path("").display().to_string();
    let client = Launch::at(&engine.host).config(&yard.config("")).env("PATH", &path).connect();
    // The script needs a shell's programs only for its own part.
    let before = client.call("docker_compose_config", &json!({ "file": "app" }));
    assert!(!before.is_error, "{}", before.text);
    std::fs::remove_file(only.path("docker-compose")).unwrap();
    let gone = client.call("docker_compose_up", &json!({ "file": "app" }));
    assert_eq!(gone.kind(), "child_unavailable", "{}", gone.text);
    assert_eq!(yard.made(), Vec::<String>::new());
    only.write(&format!("#!/bin/sh\nexec {} \"$@\"\n", real("docker-compose")));
    client.call("docker_compose_config", &json!({ "file": "app" })).ok();
}

#[test]
fn e7_it_says_that_all_is_well_and_did_nothing() {
    let Some(engine) = engine::at_hand("stack_threats::child::e7") else { return };
    let it = Stubbed::new(&engine, &at_up("cat > /dev/null; echo ' Container x  Started' >&2; exit 0"));
    let up = it.call("docker_compose_up");
    assert!(up.is_error, "{}", up.text);
    assert!(up.text.contains("web"), "{}", up.text);
    saw("E7", Seen::of(&up, CALL));
    it.is_over();
    // A model that is none, another project's, another service's, or one that was not asked for.
    let model = |name: &str, service: &str, more: &str| {
        format!(
            "{{\"name\":\"{name}\",\"services\":{{\"{service}\":{{\"image\":\"docker-mcp/base\"{more}}}}}}}"
        )
    };
    let project = it.yard.project.as_str();
    for printed in [
        String::new(),
        "garbage".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        model("other", "web", ""),
        model(project, "other", ""),
        model(project, "web", ",\"privileged\":true"),
        model(project, "web", ",\"unheard_of\":1"),
        model(project, "web", ",\"env_file\":[\"/etc/passwd\"]"),
        model(project, "web", ",\"command\":[\"$HOME\"]"),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
    ] {
        std::fs::write(it.stub.path("printed"), &printed).unwrap();
        it.stub.write(&format!(
            "#!/bin/sh\ncase \" $* \" in *' version '*) echo 2.26.1 ;; *' up '*) exec {} \"$@\" ;; *) cat {} ;; esac\n",
            real("docker-compose"),
            it.stub.path("printed").display()
        ));
        let ask = json!({ "file": "app", "project": project, "services": ["web"] });
        let up = it.client.call("docker_compose_up", &ask);
        assert!(up.is_error, "{printed:.80}: {}", up.text);
        assert_eq!(it.yard.made(), Vec::<String>::new(), "{printed:.80}: {}", up.text);
    }
}

/// What the engine was told last goes on.
#[test]
fn e8_compose_is_ended_and_the_engine_goes_on() {
    let Some(engine) = engine::at_hand("stack_threats::child::e8") else { return };
    let yard = Yard::new(&engine);
    let stubborn = "    image: docker-mcp/base\n    stop_grace_period: 9s\n    command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]\n";
    let file = |more: &str| {
        let text = format!("name: {}\nservices:\n  web:\n{stubborn}{more}", yard.project);
        yard.write("root/app/compose.yaml", &text);
    };
    file("");
    yard.up(&yard.client(""));
    let first = yard.inspect("web-1")["Id"].clone();
    file("    labels: {a: b}\n");
    let client = yard.client("[neverhang]\ncompose_timeout = \"4s\"\n");
    let up = client.call("docker_compose_up", &json!({ "file": "app" }));
    assert_eq!(up.kind(), "child_timeout", "{}", up.text);
    assert!(up.took <= CALL + Duration::from_secs(1), "{:?}", up.took);
    assert_eq!(up.structured["error"]["effect"], "continuing", "{}", up.text);
    assert!(up.text.contains("docker_compose_ps"), "{}", up.text);
    saw("E8", Seen::of(&up, CALL));
    // The stop that was begun ends, as the engine was told.
    let start = Instant::now();
    loop {
        let now = engine.try_docker(&["inspect", "--format", "{{.State.Running}}", first.as_str().unwrap()]);
        if now.as_deref() != Ok("true") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it runs still");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Nothing half made is in its way, under a filter that is for plain names.
    assert!(
        yard.made().iter().all(|made| !made.contains('_') || made.starts_with("network")),
        "{:?}",
        yard.made()
    );
    yard.up(&yard.client(""));
    assert_eq!(yard.inspect("web-1")["Config"]["Labels"]["a"], "b");
}

#[test]
fn e9_an_engine_that_hangs_under_compose() {
    let test = "stack_threats::child::e9";
    let Some(_engine) = engine::at_hand(test) else { return };
    let Some(private) = Private::new() else { return engine::left_out(test) };
    let yard = Yard::new(&private.engine);
    let never = "    healthcheck: {test: [CMD, \"false\"], interval: 1s, retries: 1000}\n";
    yard.web(never, &format!("  after:\n{IMAGE}    depends_on: {{web: {{condition: service_healthy}}}}\n"));
    let config =
        "[neverhang]\ncompose_timeout = \"6s\"\ncircuit_breaker = { failures = 1, early_recovery = false }\n";
    let client = yard.client(config);
    let call = client.begin("tools/call", json!({ "name": "docker_compose_up", "_meta": { "progressToken": 1 }, "arguments": { "file": "app" } }));
    let waits = |m: &Value| m["params"].to_string().contains("ait");
    client.other_within(Duration::from_secs(5), waits);
    let running = format!("name={}", yard.name("web-1"));
    let start = Instant::now();
    while private.engine.docker(&["ps", "-q", "--filter", &running]).is_empty()
        && start.elapsed() < Duration::from_secs(4)
    {}
    private.signal("STOP");
    let up = client.wait(&call).tool();
    assert_eq!(up.kind(), "child_timeout", "{}", up.text);
    let limit = Duration::from_secs(6);
    assert!(up.took <= limit + Duration::from_secs(1), "{:?}: {}", up.took, up.text);
    let left = || crate::support::stub::offspring(client.pid());
    let start = Instant::now();
    while !left().is_empty() {
        assert!(start.elapsed() < GONE, "{:?}", left());
        std::thread::sleep(Duration::from_millis(20));
    }
    // A probe beside it tells that it was the engine, not how the child ended.
    let circuit = || client.call("docker_health", &json!({})).ok().structured["circuit"]["state"].clone();
    let start = Instant::now();
    while circuit() != "open" {
        assert!(start.elapsed() < Duration::from_secs(8), "{}", circuit());
        std::thread::sleep(Duration::from_millis(50));
    }
    private.signal("CONT");
    saw("E9", Seen::of(&up, limit).circuit("open"));
}

#[test]
fn e12_it_goes_with_the_server() {
    let Some(engine) = engine::at_hand("stack_threats::child::e12") else { return };
    let deaf = "trap '' TERM; setsid sh -c \"trap '' TERM; $NOTE; while :; do sleep 1; done\" & while :; do sleep 1; done";
    for signal in ["KILL", "TERM"] {
        let it = Stubbed::new(&engine, &at_up(deaf));
        it.client.begin_call("docker_compose_up", &json!({ "file": "app" }));
        let start = Instant::now();
        while it.stub.pids().len() < 4 {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", it.stub.pids());
            std::thread::sleep(Duration::from_millis(20));
        }
        it.client.signal(signal);
        let start = Instant::now();
        // What a server left that was killed, the next one ends: a grandchild in a session of its own hears of nothing.
        let _next = (signal == "KILL").then(|| Launch::at(&engine.host).connect());
        it.stub.gone_within(Duration::from_secs(10));
        eprintln!("{signal}: gone after {:?}", start.elapsed());
    }
}
