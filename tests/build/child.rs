//! The builder's own faults: another program in the place of `docker`.

use std::time::Duration;

use serde_json::json;

use super::{Tree, id, left, served};
use crate::images::space::Disk;
use crate::support::faultd::tls::Authority;
use crate::support::faultd::{Fault, Faultd, get};
use crate::support::stub::Stub;
use crate::support::{Client, Launch, ToolResult, engine};

/// Says which version it is, as the builder must.
pub const ASKED: &str = "if [ \"$1\" = info ]; then echo 'v0.17.0 /nosuch/docker-buildx'; exit 0; fi\n";
const CALL: Duration = Duration::from_secs(4);
const GONE: Duration = Duration::from_secs(6);

struct Stubbed {
    tree: Tree,
    stub: Stub,
    client: Client,
}

impl Stubbed {
    fn new(engine: &crate::support::Engine, script: &str) -> Self {
        let tree = Tree::new(engine);
        tree.steps("RUN true");
        let stub = Stub::of("docker", &format!("{ASKED}{script}"));
        let config = tree.config("", "[neverhang]\ntransfer_timeout = \"4s\"\ntransfer_idle = \"1s\"");
        let launch = Launch::at(&engine.host).env("PATH", &stub.search_path()).config(&config);
        let client = served(launch, tree.dir.path());
        Self { tree, stub, client }
    }

    #[track_caller]
    fn build(&self) -> ToolResult {
        let result =
            self.client.call("docker_build", &json!({ "context": "app", "tags": self.tree.tag("never") }));
        assert!(result.took <= CALL + Duration::from_secs(1), "{:?}: {}", result.took, result.text);
        result
    }
}

#[test]
fn e1_e2_a_builder_that_does_not_end_is_ended_with_all_of_its_own() {
    let Some(engine) = engine::at_hand("build::child::deaf") else { return };
    let deaf = "trap '' TERM\nsetsid sh -c \"trap '' TERM; $NOTE; while :; do sleep 1; done\" &\nwhile :; do sleep 1; done";
    let it = Stubbed::new(&engine, deaf);
    let result = it.build();
    assert_eq!(result.kind(), "child_timeout", "{}", result.text);
    it.stub.gone_within(GONE);
    it.client.call("docker_ps", &json!({})).ok();
}

#[test]
fn e2_a_grandchild_that_holds_the_pipes_delays_nothing() {
    let Some(engine) = engine::at_hand("build::child::pipes") else { return };
    let it = Stubbed::new(&engine, "setsid sh -c \"$NOTE; sleep 1000\" &\nsleep 0.2; exit 1");
    let result = it.build();
    assert_eq!(result.kind(), "daemon_error", "{}", result.text);
    it.stub.gone_within(GONE);
}

#[test]
fn e3_floods_and_nonsense_are_bounded() {
    let Some(engine) = engine::at_hand("build::child::flood") else { return };
    for script in [
        "yes '{' >&2",
        "head -c 300000000 /dev/zero >&2; exit 1",
        "yes '{\"vertexes\":[{\"digest\":\"a\",\"name\":\"[1/1] RUN x\",\"started\":\"1\"}]}' >&2",
        "yes >&1",
    ] {
        let it = Stubbed::new(&engine, script);
        let before = crate::support::rss::now(it.client.pid());
        let result = it.build();
        assert!(["child_timeout", "daemon_error"].contains(&result.kind()), "{script}: {}", result.text);
        let grown = crate::support::rss::now(it.client.pid()).saturating_sub(before);
        assert!(grown < 40 << 20, "{script}: {grown} bytes more");
        it.stub.gone_within(GONE);
        assert_eq!(left(it.tree.dir.path()), Vec::<String>::new());
    }
}

#[test]
fn e6_no_builder_or_one_that_will_not_do() {
    let Some(engine) = engine::at_hand("build::child::missing") else { return };
    let it = Stubbed::new(&engine, "exit 0");
    let result = it.build();
    assert_eq!(result.kind(), "daemon_error", "it says nothing of an image: {}", result.text);
    // What BuildKit alone reads is not built without it.
    it.tree.steps("RUN <<EOF\ntrue\nEOF");
    for (script, word) in [
        ("#!/bin/sh\necho 'v0.9.1 /nosuch/docker-buildx'\n", "0.9"),
        ("#!/bin/sh\nexit 1\n", "buildx"),
        ("#!/bin/sh\nsleep 100\n", "answer"),
        ("#!/nosuch/sh\n", "interpreter"),
    ] {
        it.stub.write(script);
        let result = it.build();
        assert_eq!(result.kind(), "child_unavailable", "{word}: {}", result.text);
        assert!(result.text.contains(word), "{word}: {}", result.text);
    }
}

/// A builder that fails without a step says why, but nothing of the Dockerfile or of whom it asked.
#[test]
fn what_the_builder_says_last_is_told() {
    let Some(engine) = engine::at_hand("build::child::words") else { return };
    let it = Stubbed::new(&engine, "exit 1");
    for (said, word, not) in [
        (
            "ERROR: failed to solve: something of its own, PASSWORD=hunter2-hunter2",
            "something of its own",
            "hunter2",
        ),
        ("unknown flag: --iidfile", "unknown flag", "the log"),
        (
            "Dockerfile:1\n   1 | >>> canary\nERROR: dockerfile parse error on line 1: canary",
            "line 1",
            "canary",
        ),
        ("ERROR: failed to solve: 10.0.0.5:81/x: dial tcp 10.0.0.5:81: refused", "the log has", "10.0.0.5"),
    ] {
        it.stub.write(&format!("#!/bin/sh\n{ASKED}cat >&2 <<'EOF'\n{said}\nEOF\nexit 1\n"));
        let failed = it.build();
        assert_eq!(failed.kind(), "daemon_error", "{}", failed.text);
        assert!(failed.text.contains(word) && !failed.whole().contains(not), "{}", failed.text);
    }
}

#[test]
fn without_buildx_the_engine_builds() {
    let Some(engine) = engine::at_hand("build::child::classic") else { return };
    let tree = Tree::new(&engine);
    let long = format!("deep/{}/{}", "d".repeat(90), "f".repeat(90));
    tree.write(&long, &"y".repeat(100_000));
    tree.write("left.out", "x");
    tree.write(".dockerignore", "*.out\n");
    std::os::unix::fs::symlink(tree.path("outside/secret"), tree.path("root/app/link")).unwrap();
    tree.steps(&format!(
        "COPY . /in\nRUN test $(wc -c < /in/{long}) = 100000 && test -L /in/link && ! test -e /in/left.out && \
         ! test -e /in/link && ! test -e /in/.docker-mcp.Dockerfile && test \"$(ls /sys/class/net)\" = lo"
    ));
    let empty = tempfile::tempdir().unwrap();
    let launch = Launch::at(&engine.host).config(&tree.config("", ""));
    let client = launch.env("PATH", empty.path().to_str().unwrap()).connect();
    let tag = tree.tag("classic");
    let built = client.call("docker_build", &json!({ "context": "app", "tags": tag })).ok();
    assert_eq!(built.structured["id"].as_str(), id(&engine, &tag).as_deref(), "{}", built.text);
    assert_eq!(built.structured["changed"], true);
    let again = client.call("docker_build", &json!({ "context": "app", "tags": tag })).ok();
    assert_eq!(again.structured["changed"], false, "{}", again.text);
    tree.steps("RUN echo line-1; echo line-2; exit 7");
    let never = tree.tag("never");
    let failed = client.call("docker_build", &json!({ "context": "app", "tags": never }));
    assert!(failed.kind() == "daemon_error" && failed.text.contains("line-2"), "{}", failed.text);
    tree.steps("RUN echo begun && sleep 303");
    let call = client.begin_call("docker_build", &json!({ "context": "app", "tags": never }));
    std::thread::sleep(Duration::from_secs(2));
    client.notify("notifications/cancelled", json!({ "requestId": call }));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(id(&engine, &never), None);
    let left = engine.docker(&["ps", "-aq", "--no-trunc", "--filter", "ancestor=docker-mcp/base:latest"]);
    for container in left.lines() {
        let command =
            engine.try_docker(&["inspect", "--format", "{{.Config.Cmd}}", container]).unwrap_or_default();
        assert!(!command.contains("sleep 303"), "the build goes on: {command}");
    }
}

#[test]
fn e5_it_is_told_little_and_asks_nobody() {
    let Some(engine) = engine::at_hand("build::child::env") else { return };
    let it = Stubbed::new(
        &engine,
        "env > $(dirname $0)/env; printf '%s\\n' \"$@\" > $(dirname $0)/args; pwd > $(dirname $0)/pwd; read x; exit 1",
    );
    it.build();
    let of = |name: &str| std::fs::read_to_string(it.stub.path(name)).unwrap();
    let names: Vec<String> =
        of("env").lines().filter_map(|l| l.split_once('=')).map(|(n, _)| n.to_owned()).collect();
    let unknown: Vec<&String> = names
        .iter()
        .filter(|n| {
            ![
                "PATH",
                "HOME",
                "LANG",
                "TMPDIR",
                "USER",
                "PWD",
                "OLDPWD",
                "SHLVL",
                "_",
                "NOTE",
                "TZ",
                "LOGNAME",
                "XDG_CONFIG_HOME",
                "XDG_RUNTIME_DIR",
                "DOCKER_HOST",
                "DOCKER_CONFIG",
                "NO_COLOR",
                "GIT_TERMINAL_PROMPT",
                "BUILDX_CONFIG",
                "BUILDX_GIT_INFO",
                "BUILDX_GIT_LABELS",
            ]
            .contains(&n.as_str())
                && !n.starts_with("LC_")
                && !n.starts_with("DOCKER_MCP")
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(of("env").contains(&format!("DOCKER_HOST={}", engine.host)));
    assert_eq!(of("pwd").trim(), "/");
    assert!(
        of("args").contains("--builder\ndefault\n") && of("args").contains("--network\nnone\n"),
        "{}",
        of("args")
    );
}

#[test]
fn an_engine_that_goes_midway_is_asked_what_came_of_it() {
    let Some(engine) = engine::at_hand("build::child::lost") else { return };
    let tree = Tree::new(&engine);
    tree.steps("RUN echo begun && sleep 302");
    let faultd = Faultd::before(&engine);
    let config = tree.config("", "[neverhang]\ntransfer_timeout = \"20s\"\ntransfer_idle = \"1s\"");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let tag = tree.tag("lost");
    let call = client.begin(
        "tools/call",
        json!({ "name": "docker_build", "_meta": { "progressToken": 9 },
        "arguments": { "context": "app", "tags": tag, "no_cache": true } }),
    );
    let begun = |m: &serde_json::Value| m["params"].to_string().contains("sleep 302");
    client.other_within(Duration::from_secs(15), begun).expect("its step begins");
    // It falls silent: the build's own connection says nothing, and a ping is not answered.
    faultd.add(get("/_ping"), Fault::NoAnswer);
    let result = client.wait(&call).tool();
    assert!(result.is_error, "{}", result.text);
    assert!(result.took < Duration::from_secs(21), "{:?}", result.took);
    assert_eq!(id(&engine, &tag), None);
    assert_eq!(result.structured["error"]["effect"], "none", "{}", result.text);
}

/// An engine that falls silent while its own builder works is not waited for until the end.
#[test]
fn the_engines_own_builder_that_falls_silent() {
    let Some(engine) = engine::at_hand("build::child::silent") else { return };
    let tree = Tree::new(&engine);
    tree.steps("RUN echo begun && sleep 304");
    let faultd = Faultd::before(&engine);
    let config = tree.config("", "[neverhang]\ntransfer_timeout = \"30s\"\ntransfer_idle = \"1s\"");
    let empty = tempfile::tempdir().unwrap();
    let launch = Launch::at(&faultd.host()).config(&config);
    let client = launch.env("PATH", empty.path().to_str().unwrap()).connect();
    let tag = tree.tag("never");
    let call = client.begin(
        "tools/call",
        json!({ "name": "docker_build", "_meta": { "progressToken": 9 },
        "arguments": { "context": "app", "tags": tag, "no_cache": true } }),
    );
    let begun = |m: &serde_json::Value| m["params"].to_string().contains("sleep 304");
    client.other_within(Duration::from_secs(15), begun).expect("its step begins");
    // A step that is silent for longer than the idle clock is no engine that is.
    assert!(client.answer_within(&call, Duration::from_secs(4)).is_none(), "the step alone is silent");
    faultd.add(get("/_ping"), Fault::NoAnswer);
    let result = client.wait(&call).tool();
    assert_eq!(result.kind(), "child_timeout", "{}", result.text);
    assert_eq!(result.structured["error"]["phase"], "idle", "{}", result.text);
    assert!(result.took < Duration::from_secs(20), "{:?}", result.took);
    assert_ne!(result.structured["error"]["effect"], "done", "{}", result.text);
    assert_eq!(id(&engine, &tag), None);
}

/// The builder is led to an engine behind TLS, with what it needs to trust it.
#[test]
fn over_tls_the_builder_reaches_the_same_engine() {
    let Some(engine) = engine::at_hand("build::child::tls") else { return };
    let path = std::env::var("PATH").unwrap();
    let docker =
        path.split(':').map(|dir| format!("{dir}/docker")).find(|p| std::path::Path::new(p).exists());
    let script = format!(
        "{{ env | grep ^DOCKER_; {} version --format 'reached {{{{.Server.APIVersion}}}}'; }} > $(dirname $0)/said 2>&1; exit 1",
        docker.unwrap()
    );
    let tree = Tree::new(&engine);
    tree.steps("RUN true");
    let stub = Stub::of("docker", &format!("{ASKED}{script}"));
    let (faultd, authority) = (Faultd::before(&engine), Authority::new());
    let host = authority.before(&faultd, "127.0.0.1", 2999);
    let docker = format!("[docker]\nhost = \"{host}\"\ntls = {{ ca = \"{}\" }}\n", authority.ca().display());
    let launch = Launch::at("").env("PATH", &stub.search_path()).config(&tree.config("", &docker));
    let client = launch.connect();
    let failed = client.call("docker_build", &json!({ "context": "app", "tags": tree.tag("never") }));
    assert_eq!(failed.kind(), "daemon_error", "{}", failed.text);
    let said = std::fs::read_to_string(stub.path("said")).unwrap();
    assert!(said.contains(&format!("DOCKER_HOST={host}")) && said.contains("DOCKER_TLS_VERIFY=1"), "{said}");
    assert!(said.contains("reached 1."), "{said}");
}

/// B10: a step that fills the disk is ended.
#[test]
fn b10_a_build_that_fills_the_disk_is_ended() {
    let test = "build::child::full";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(disk) = Disk::new(test, 400) else { return };
    let tree = Tree::new(&engine);
    tree.steps("RUN echo begun && sleep 305");
    let faultd = disk.of(&engine);
    let client = served(
        Launch::at(&faultd.host())
            .config(&tree.config("", "[neverhang]\ntransfer_timeout = \"30s\"\ntransfer_idle = \"10s\"")),
        tree.dir.path(),
    );
    let tag = tree.tag("never");
    let arguments = json!({ "context": "app", "tags": tag, "no_cache": true });
    let call = client.begin(
        "tools/call",
        json!({ "name": "docker_build", "_meta": { "progressToken": 9 }, "arguments": arguments }),
    );
    let begun = |m: &serde_json::Value| m["params"].to_string().contains("sleep 305");
    client.other_within(Duration::from_secs(15), begun).expect("its step begins");
    disk.shrinks(8);
    let result = client.wait(&call).tool();
    assert_eq!(result.kind(), "daemon_error", "{}", result.text);
    assert!(result.text.contains("nearly full"), "{}", result.text);
    assert_eq!(result.structured["error"]["effect"], "none", "{}", result.text);
    assert!(result.took < Duration::from_secs(25), "{:?}", result.took);
    assert_eq!((id(&engine, &tag), left(tree.dir.path())), (None, Vec::<String>::new()));
    // And none is begun.
    let refused = client.call("docker_build", &arguments);
    assert!(refused.kind() == "daemon_error" && refused.text.contains("nearly full"), "{}", refused.text);
}
