//! Building images on a real engine.

mod bases;
mod child;
mod refused;
mod swapped;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch, engine};

/// Bytes that lie outside of every context, and must never be seen.
const CANARY: &str = "canary-7f3a91-outside";

/// A root with one context, `app`, and a file outside of it.
struct Tree {
    dir: TempDir,
    scope: Scope,
}

impl Tree {
    fn new(engine: &Engine) -> Self {
        let dir = tempfile::Builder::new().prefix("docker-mcp-tree-").tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/app")).unwrap();
        fs::create_dir_all(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/secret"), CANARY).unwrap();
        Self { dir, scope: Scope::new(engine) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file of the context.
    fn write(&self, name: &str, text: &str) {
        let path = self.path("root/app").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The Dockerfile: steps on the base image, with the label that lets this test's images go.
    fn steps(&self, steps: &str) {
        self.write(
            "Dockerfile",
            &format!("FROM docker-mcp/base:latest\nLABEL {}\n{steps}\n", self.scope.label()),
        );
    }

    fn config(&self, permissions: &str, rest: &str) -> String {
        format!(
            "[permissions]\nimages = true\n{permissions}\n[build]\nroots = [\"{}\"]\n{rest}\n",
            self.path("root").display()
        )
    }

    /// A name for an image, as a caller gives it.
    fn tag(&self, short: &str) -> String {
        format!("{}/{short}:1", self.scope.prefix)
    }
}

/// The id that a name stands for.
fn id(engine: &Engine, tag: &str) -> Option<String> {
    engine.try_docker(&["image", "inspect", "--format", "{{.Id}}", tag]).ok()
}

/// Folders of builds of this test's server.
fn folders(client: &Client) -> usize {
    let dir = client.home().join("tmp");
    let all = fs::read_dir(dir).into_iter().flatten().flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with("docker-mcp-build-")).count()
}

/// A server with a folder of its own for what is temporary.
fn served(launch: Launch, dir: &Path) -> Client {
    let tmp = dir.join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    launch.env("TMPDIR", tmp.to_str().unwrap()).connect()
}

fn left(dir: &Path) -> Vec<String> {
    let all = fs::read_dir(dir.join("tmp")).unwrap().flatten();
    all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn outcome(client: &Client, within: Duration) -> Value {
    let until = Instant::now() + within;
    loop {
        let lines = client.audit_lines();
        if let Some(line) = lines.iter().find(|l| l["tool"] == "docker_build" && l["outcome"] != "intent") {
            return line.clone();
        }
        assert!(Instant::now() < until, "no outcome: {lines:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_image_is_built_and_built_again() {
    let Some(engine) = engine::at_hand("build::built") else { return };
    let tree = Tree::new(&engine);
    tree.write("hello.txt", "hello");
    tree.write("big.bin", &"x".repeat(100_000));
    tree.write(".dockerignore", "*.bin\n");
    tree.write(
        "docker/File",
        &format!(
            "ARG BASE=nosuch.invalid/x\nFROM ${{BASE}} AS first\nLABEL {}\nCOPY . /in\nRUN cat /in/hello.txt && ! test -e /in/big.bin\n\
             ARG WHO=nobody\nRUN <<EOF\necho \"$WHO\" > /who\nEOF\nFROM first\nRUN false\n",
            tree.scope.label()
        ),
    );
    let client = served(Launch::at(&engine.host).config(&tree.config("", "")), tree.dir.path());
    let (one, two) = (tree.tag("one"), tree.tag("two"));
    let arguments = json!({ "context": "app", "dockerfile": "docker/File", "tags": [one, two], "target": "first",
        "build_args": { "WHO": "me", "BASE": "docker-mcp/base" } });
    let dry = client
        .call(
            "docker_build",
            &json!({ "context": "app", "dockerfile": "docker/File", "tags": one,
        "target": "first", "build_args": { "BASE": "docker-mcp/base" }, "dry_run": true }),
        )
        .ok();
    assert!(dry.text.contains(&format!("image `{one}`: built of")), "{}", dry.text);
    assert_eq!(id(&engine, &one), None, "only looked at");

    let begun = client.begin(
        "tools/call",
        json!({ "name": "docker_build", "arguments": arguments, "_meta": { "progressToken": 7 } }),
    );
    let built = client.wait(&begun).tool().ok();
    let made = id(&engine, &one);
    assert_eq!(
        (built.structured["changed"].clone(), built.structured["id"].as_str()),
        (json!(true), made.as_deref()),
        "{}",
        built.text
    );
    assert_eq!(id(&engine, &two), made);
    assert_eq!(built.structured["tags"], json!([one, two]));
    assert!(built.structured["context_bytes"].as_u64().unwrap() < 1_000, "{}", built.text);
    let told: Vec<Value> =
        client.others().into_iter().map(|(m, _)| m).filter(|m| m["params"]["progressToken"] == 7).collect();
    assert!(
        told.iter().any(|m| m["params"]["message"].as_str().is_some_and(|s| s.contains("RUN"))),
        "{told:#?}"
    );
    assert_eq!(engine.docker(&["run", "--rm", "--label", "docker-mcp.test=1", &one, "cat", "/who"]), "me");

    let again = client.call("docker_build", &arguments).ok();
    assert_eq!(
        (&again.structured["changed"], &again.structured["id"]),
        (&json!(false), &json!(made)),
        "{}",
        again.text
    );
    assert!(
        again.structured["cached"].as_u64() >= again.structured["steps"].as_u64().map(|n| n - 1),
        "{}",
        again.text
    );
    assert_eq!(left(tree.dir.path()), Vec::<String>::new(), "nothing stays behind");
    let lines = client.audit_wait(4);
    let of: Vec<&Value> =
        lines.iter().filter(|l| l["tool"] == "docker_build" && l["outcome"] == "done").collect();
    assert_eq!(of[0]["level"], json!(["images"]), "{lines:#?}");
    assert!(of[0]["target"].to_string().contains(&one), "{lines:#?}");
    assert_eq!(folders(&client), 0);
}

#[test]
fn a_step_that_fails_is_shown_with_its_last_lines() {
    let Some(engine) = engine::at_hand("build::fails") else { return };
    let tree = Tree::new(&engine);
    tree.steps(
        "RUN echo well\nRUN for n in 1 2 3; do echo line-$n; done; echo PASSWORD=hunter2-hunter2; exit 7",
    );
    let client = served(Launch::at(&engine.host).config(&tree.config("", "")), tree.dir.path());
    let tag = tree.tag("fails");
    let failed = client.call("docker_build", &json!({ "context": "app", "tags": tag }));
    assert_eq!(
        (failed.kind(), failed.structured["error"]["effect"].as_str()),
        ("daemon_error", Some("none")),
        "{}",
        failed.text
    );
    for word in ["RUN for n in 1 2 3", "exit code: 7", "line-3"] {
        assert!(failed.text.contains(word), "{word}: {}", failed.text);
    }
    assert!(!failed.text.contains("hunter2"), "{}", failed.text);
    assert_eq!(id(&engine, &tag), None);
    assert_eq!(left(tree.dir.path()), Vec::<String>::new());
    // What is missing in the context, and a stage that is not there.
    tree.steps("COPY nosuch /");
    let failed = client.call("docker_build", &json!({ "context": "app", "tags": tag }));
    assert!(failed.text.contains("COPY nosuch") && failed.text.contains("not found"), "{}", failed.text);
    // Not where the engine keeps things while it works.
    let plain = Launch::at(&engine.host).config(&tree.config("", "")).env("PATH", "/nonexistent").connect();
    tree.write("sub/f", "x");
    let root = engine.docker(&["info", "--format", "{{.DockerRootDir}}"]);
    for (client, step) in [(&client, "COPY sub/nosuch/*.x /"), (&plain, "COPY sub/f /etc/passwd/x")] {
        tree.steps(step);
        let failed = client.call("docker_build", &json!({ "context": "app", "tags": tag }));
        assert_eq!(failed.kind(), "daemon_error", "{}", failed.text);
        assert!(failed.text.contains("lstat /") && !failed.whole().contains(&root), "{}", failed.text);
    }
    let failed = client.call("docker_build", &json!({ "context": "app", "tags": tag, "target": "nosuch" }));
    assert!(failed.text.contains("no stage of that name"), "{}", failed.text);
    // An image of a host that is not there, and of one that refuses: the same words.
    let mut said = Vec::new();
    for host in ["nosuch.invalid", "127.0.0.1:9"] {
        tree.write("Dockerfile", &format!("FROM {host}/x/y\n"));
        let failed = client.call("docker_build", &json!({ "context": "app", "tags": tag }));
        said.push(failed.structured["error"]["message"].as_str().unwrap().replace(host, "HOST"));
    }
    assert!(said[0].contains("could not be fetched"), "{said:?}");
    assert_eq!(said[0], said[1]);
    assert_eq!(client.call("docker_health", &json!({})).ok().structured["circuit"]["failures"], 0);
}

#[test]
fn b8_run_reaches_nothing_unless_it_may() {
    let Some(engine) = engine::at_hand("build::network") else { return };
    let tree = Tree::new(&engine);
    tree.steps("RUN test \"$(ls /sys/class/net)\" = lo");
    let tag = tree.tag("net");
    let client = Launch::at(&engine.host).config(&tree.config("", "")).connect();
    client.call("docker_build", &json!({ "context": "app", "tags": tag })).ok();
    let refused =
        client.call("docker_build", &json!({ "context": "app", "tags": tag, "network": "default" }));
    assert_eq!(refused.kind(), "permission_denied", "B8: {}", refused.text);
    let open = Launch::at(&engine.host).config(&tree.config("", "network = \"default\"")).connect();
    open.call("docker_build", &json!({ "context": "app", "tags": tag })).ok();
    let failed = open.call("docker_build", &json!({ "context": "app", "tags": tag, "network": "default" }));
    assert_eq!(failed.kind(), "daemon_error", "now there is an interface: {}", failed.text);
}

#[test]
fn a_build_that_is_given_up_ends_and_leaves_nothing() {
    let Some(engine) = engine::at_hand("build::cancelled") else { return };
    let tree = Tree::new(&engine);
    tree.steps("RUN echo begun && sleep 300");
    let client = served(Launch::at(&engine.host).config(&tree.config("", "")), tree.dir.path());
    let tag = tree.tag("never");
    let call = client.begin(
        "tools/call",
        json!({ "name": "docker_build", "_meta": { "progressToken": 9 },
        "arguments": { "context": "app", "tags": tag, "no_cache": true } }),
    );
    let begun =
        |m: &Value| m["params"]["progressToken"] == 9 && m["params"].to_string().contains("sleep 300");
    client.other_within(Duration::from_secs(20), begun).expect("its step begins");
    client.notify("notifications/cancelled", json!({ "requestId": call }));
    let line = outcome(&client, Duration::from_secs(6));
    assert_eq!((&line["error_kind"], &line["effect"]), (&json!("cancelled"), &json!("none")), "{line:#}");
    assert_eq!(id(&engine, &tag), None);
    let until = Instant::now() + Duration::from_secs(5);
    while !left(tree.dir.path()).is_empty() {
        assert!(Instant::now() < until, "{:?}", left(tree.dir.path()));
        std::thread::sleep(Duration::from_millis(50));
    }
    client.call("docker_ps", &json!({})).ok();
}

#[test]
fn b10_a_build_that_takes_too_long_is_ended_in_time() {
    let Some(engine) = engine::at_hand("build::late") else { return };
    let tree = Tree::new(&engine);
    tree.steps("RUN echo begun && sleep 301");
    let config = tree.config("", "[neverhang]\ntransfer_timeout = \"6s\"\ntransfer_idle = \"1s\"");
    let client = Launch::at(&engine.host).config(&config).connect();
    let tag = tree.tag("late");
    let late = client.call("docker_build", &json!({ "context": "app", "tags": tag, "no_cache": true }));
    assert_eq!(late.kind(), "child_timeout", "{}", late.text);
    assert_eq!(late.structured["error"]["effect"], "none", "{}", late.text);
    assert!(
        late.took > Duration::from_secs(4) && late.took < Duration::from_secs(7),
        "silence alone ends no build: {:?}",
        late.took
    );
    assert_eq!(id(&engine, &tag), None);
}
