//! `by = "human"`: held, and answered at the host by another process.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::engine::{self, BASE};
use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch, ToolResult, eventually};

/// Everything that changes something waits for a person.
pub const HUMAN: &str = "[permissions]\nlifecycle = true\ncreate = true\nvolumes = true\n\
                         [confirm]\nrequire = \"mutating\"\nby = \"human\"\n";

fn ask(client: &Client, name: &str) -> ToolResult {
    client.call("docker_remove", &json!({ "container": name }))
}

/// The code of a call that waits.
#[track_caller]
pub fn code(held: &ToolResult) -> String {
    assert!(!held.is_error && held.structured["status"] == "approval_pending", "{}", held.text);
    held.structured["code"].as_str().unwrap().to_owned()
}

fn there(engine: &Engine, name: &str) -> bool {
    engine.try_docker(&["inspect", name]).is_ok()
}

fn made(scope: &Scope, name: &str) -> String {
    scope.container(&["create"], name, &[], BASE, &["true"]);
    scope.name(name)
}

#[test]
fn a_person_at_the_host_lets_one_call_through() {
    let Some(engine) = engine::at_hand("confirm::persons::approve") else { return };
    let scope = Scope::new(&engine);
    let (one, other) = (made(&scope, "one"), made(&scope, "other"));
    let client = Launch::at(&engine.host).config(HUMAN).connect();
    let held = ask(&client, &one);
    let first = code(&held);
    assert_eq!(held.structured["expires_in_s"], 900);
    assert_eq!(held.structured["preview"]["count"], 1);
    assert!(held.text.contains(&format!("docker-mcp approve {first}")), "{}", held.text);
    assert_eq!(code(&ask(&client, &one)), first, "the same call waits under the same code");
    let second = code(&ask(&client, &other));
    let shown = client.prints(&["pending"]);
    for word in [&first, &second, &one, &other, "docker_remove", "stdio asks"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    client.prints(&["approve", &first.to_uppercase()]);
    assert_eq!(code(&ask(&client, &other)), second, "another's approval is not its own");
    assert!(there(&engine, &one), "approved is not done yet");
    ask(&client, &one).ok();
    assert!(!there(&engine, &one));
    client.prints(&["deny", &second]);
    let refused = ask(&client, &other);
    assert_eq!(refused.kind(), "approval_denied", "{}", refused.text);
    assert!(there(&engine, &other));
    assert!(client.prints(&["pending"]).contains("nothing waits"));
    let again = client.beside(&["approve", &second]);
    assert_eq!(again.status.code(), Some(1), "what was denied stays denied");
    // What the person did is on record, with what it was for.
    let lines = client.audit_wait(8);
    for (tool, code) in [("(approve)", &first), ("(deny)", &second)] {
        let line = lines.iter().find(|l| l["tool"] == tool).unwrap();
        assert!(line["target"][0].as_str().unwrap().contains(code.as_str()), "{line}");
        assert!(line["caller"].as_str().unwrap().starts_with("host"), "{line}");
    }
}

#[test]
fn an_approval_is_for_what_was_seen() {
    let Some(engine) = engine::at_hand("confirm::persons::seen") else { return };
    let scope = Scope::new(&engine);
    let name = scope.run("app", &[], &["sleep", "9999"]);
    let client = Launch::at(&engine.host).config(HUMAN).connect();
    let ask = |force: bool| client.call("docker_remove", &json!({ "container": name, "force": force }));
    let forced = code(&ask(true));
    client.prints(&["approve", &forced]);
    // Its state has changed since a person saw it.
    engine.docker(&["stop", "-t", "0", &name]);
    assert_ne!(code(&ask(true)), forced);
    assert_ne!(code(&ask(false)), forced, "other arguments");
    // Neither does a word of the caller's own.
    for (key, value) in [("confirm_token", json!(forced)), ("confirm_token", json!("0".repeat(32)))] {
        let mut call = json!({ "container": name });
        call[key] = value;
        assert_eq!(client.call("docker_remove", &call).kind(), "confirmation_invalid");
    }
    assert!(there(&engine, &name));
}

#[test]
fn its_time_ends_and_it_outlives_the_server() {
    let Some(engine) = engine::at_hand("confirm::persons::time") else { return };
    let scope = Scope::new(&engine);
    let (one, other) = (made(&scope, "one"), made(&scope, "other"));
    let records = tempfile::tempdir().unwrap();
    // Each server here has a home of its own, and "." among its settings would be another one's.
    let roots = "[create_safety]\nbind_roots = []\n[compose]\nroots = []\n[build]\nroots = []\n";
    let config = format!("{HUMAN}approval_ttl = \"10s\"\n[audit]\ndir = {:?}\n{roots}", records.path());
    let launch = Launch::at(&engine.host).config(&config);
    let client = launch.connect();
    let late = code(&ask(&client, &other));
    let held = code(&ask(&client, &one));
    drop(client);
    let client = launch.connect();
    client.prints(&["approve", &held]);
    ask(&client, &one).ok();
    assert!(!there(&engine, &one));
    assert!(eventually(Duration::from_secs(20), || client.prints(&["pending"]).contains("nothing waits")));
    let too_late = client.beside(&["approve", &late]);
    let said = String::from_utf8_lossy(&too_late.stderr).into_owned();
    assert!(too_late.status.code() == Some(1) && said.contains("its time is over"), "{said}");
    assert_ne!(code(&ask(&client, &other)), late);
    assert!(there(&engine, &other));
}

#[test]
fn its_files_are_the_owners_alone() {
    let Some(engine) = engine::at_hand("confirm::persons::files") else { return };
    let scope = Scope::new(&engine);
    let name = made(&scope, "app");
    let client = Launch::at(&engine.host).config(HUMAN).connect();
    let waits = code(&ask(&client, &name));
    let folder = client.home().join("state/docker-mcp/audit/held");
    let file = folder.join(format!("{waits}.json"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    // What others could have written is not believed: nothing is held there, and nothing let through.
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    let refused = ask(&client, &name);
    assert!(refused.is_error && refused.text.contains("[audit] dir"), "{}", refused.text);
    assert_eq!(client.beside(&["approve", &waits]).status.code(), Some(1));
    assert!(there(&engine, &name));
}

/// A person sees the agent's own words as they are: what would be masked is what the agent chooses.
#[test]
fn a_person_sees_what_others_do_not() {
    let Some(engine) = engine::at_hand("confirm::persons::secrets") else { return };
    let scope = Scope::new(&engine);
    let client = Launch::at(&engine.host).config(HUMAN).connect();
    let call = json!({ "name": scope.name("app"), "image": BASE, "command": "true",
                       "environment": { "DB_PASSWORD": "canary-5up3r-s3cret", "MODE": "on\u{1b}[31m\u{202e}" } });
    let waits = code(&client.call("docker_run", &call));
    let shown = client.prints(&["pending"]);
    for word in ["DB_PASSWORD", &waits, "canary-5up3r-s3cret", "on\\u001b[31m\\u202e"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    let (log, audit) = (client.stderr(), client.audit_text());
    assert!(!log.contains("canary") && !audit.contains("canary"), "{log} {audit}");
    // What hides in what looks like a secret, or behind a control sequence, does not hide.
    for command in ["DB_PASSWORD=$(touch${IFS}/tmp/evil) true", "echo a; x=\u{1b}]$(touch /tmp/evil)\u{7}"] {
        let call = json!({ "name": scope.name("app"), "image": BASE, "command": ["sh", "-c", command] });
        code(&client.call("docker_run", &call));
        let shown = client.prints(&["pending"]);
        assert!(shown.contains("/tmp/evil)"), "{command:?}: {shown}");
    }
}

#[test]
fn the_command_line_asks_by_itself() {
    let Some(engine) = engine::at_hand("confirm::persons::cli") else { return };
    let scope = Scope::new(&engine);
    let name = made(&scope, "app");
    let call = json!({ "container": name }).to_string();
    let run = |more: &[&str]| {
        let mut launch = Launch::at(&engine.host).config(HUMAN);
        for arg in ["call", "docker_remove", &call].iter().chain(more) {
            launch = launch.arg(arg);
        }
        launch.output()
    };
    let held = run(&[]);
    assert_eq!(held.status.code(), Some(1));
    assert!(there(&engine, &name));
    let done = run(&["--yes", "--json"]);
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(done.status.success() && said["results"][0]["changed"] == true, "{said}");
    assert!(!there(&engine, &name));
}

#[test]
fn a_person_sees_the_whole_of_it_or_is_not_asked() {
    let Some(engine) = engine::at_hand("confirm::persons::whole") else { return };
    let scope = Scope::new(&engine);
    let client = Launch::at(&engine.host).config(HUMAN).connect();
    let run = |padding: usize| {
        let command = format!("echo {}; echo evil-tail", "x".repeat(padding));
        let call = json!({ "name": scope.name("app"), "image": BASE, "command": ["sh", "-c", command] });
        client.call("docker_run", &call)
    };
    let held = run(3000);
    let waits = code(&held);
    let shown = client.prints(&["pending"]);
    assert!(shown.contains("evil-tail") && shown.contains(&waits), "{shown}");
    let refused = run(40_000);
    assert_eq!(refused.kind(), "invalid_arguments", "{}", refused.text);
    assert!(refused.text.contains("look over"), "{}", refused.text);
    assert!(!client.prints(&["pending"]).contains(&"x".repeat(4000)));
}

#[test]
fn a_person_sees_what_a_compose_file_makes() {
    let Some(engine) = engine::at_hand("confirm::persons::compose") else { return };
    let scope = Scope::new(&engine);
    let dir = tempfile::tempdir().unwrap();
    let project = scope.name("shop");
    let file = dir.path().join("compose.yaml");
    let yaml = format!(
        "name: {project}\nservices:\n  web:\n    image: {BASE}\n    command: [\"sh\", \"-c\", \"echo evil-tail\"]\n"
    );
    std::fs::write(&file, yaml).unwrap();
    let config = format!("{HUMAN}[compose]\nroots = [{:?}]\n", dir.path());
    let config = config.replace("volumes = true", "volumes = true\nnetworks = true\nimages = true");
    let client = Launch::at(&engine.host).config(&config).connect();
    let held = client.call("docker_compose_up", &json!({ "file": file }));
    let waits = code(&held);
    let shown = client.prints(&["pending"]);
    assert!(shown.contains("evil-tail") && shown.contains(&waits), "{shown}");
}

/// What is allowed on one engine is not allowed on another: volumes and new containers are known by their names.
#[test]
fn an_approval_is_for_one_engine() {
    let Some(engine) = engine::at_hand("confirm::persons::engine") else { return };
    let scope = Scope::new(&engine);
    let name = scope.name("pgdata");
    let make = |client: &Client| client.call("docker_volume_create", &json!({ "name": name }));
    let here = Launch::at(&engine.host).config(HUMAN).connect();
    let first = code(&make(&here));
    assert!(here.prints(&["pending"]).contains(&engine.host));
    here.prints(&["approve", &first]);
    // The same engine at another place is another one, as far as anybody can tell.
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    std::os::unix::fs::symlink(engine.host.strip_prefix("unix://").unwrap(), &socket).unwrap();
    let there = Launch::at(&format!("unix://{}", socket.display())).config(HUMAN).connect_beside(&here);
    assert_ne!(code(&make(&there)), first);
    make(&here).ok();
    engine.docker(&["volume", "rm", &name]);
}

/// A server that is another user's hears what root says, and can go on writing afterwards.
#[test]
fn root_answers_for_the_server_of_another_user() {
    if !crate::support::launch::is_root() {
        return engine::left_out("confirm::persons::root");
    }
    let launch = Launch::without_engine().config("[permissions]\nread = true\n").by_nobody();
    let client = launch.connect();
    let serves = |tool: &str| client.tools().iter().any(|t| t["name"] == tool);
    // Root makes the folders, and the day's file, before the server does.
    client.prints(&["grant", "lifecycle", "1h"]);
    assert!(eventually(Duration::from_secs(5), || serves("docker_stop")), "{}", client.stderr());
    let result = client.call("docker_policy", &json!({})).ok();
    assert_ne!(result.structured["audit_degraded"], true, "{}", result.text);
    client.audit_wait(2);
    client.prints(&["grant", "--end"]);
    assert!(eventually(Duration::from_secs(5), || !serves("docker_stop")));
    assert!(client.prints(&["audit", "--verify"]).contains("every chain holds"));
}

/// Commands and copies are changes as well.
#[test]
fn commands_and_copies_wait_too() {
    let Some(engine) = engine::at_hand("confirm::persons::exec") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], &["sleep", "9999"]);
    let name = scope.name("app");
    let config = HUMAN
        .replace("lifecycle", "exec")
        .replace("[confirm]", "[exec_safety]\nallow_root = true\n[confirm]");
    let client = Launch::at(&engine.host).config(&config).connect();
    let exec = json!({ "container": name, "command": ["touch", "/tmp/made"] });
    let copy = json!({ "container": name, "path": "/tmp", "files": [{ "path": "made", "content": "x" }] });
    for (tool, call) in [("docker_exec", &exec), ("docker_copy_to", &copy)] {
        let waits = code(&client.call(tool, call));
        assert!(engine.try_docker(&["exec", &name, "ls", "/tmp/made"]).is_err(), "{tool}");
        client.prints(&["approve", &waits]);
        client.call(tool, call).ok();
        engine.docker(&["exec", &name, "rm", "/tmp/made"]);
    }
}

#[test]
fn a_person_is_not_worn_down_with_questions() {
    let Some(engine) = engine::at_hand("confirm::persons::questions") else { return };
    let scope = Scope::new(&engine);
    let name = made(&scope, "app");
    let client = Launch::at(&engine.host).config(HUMAN).connect();
    let kinds: Vec<String> = (0..25)
        .map(|n| client.call("docker_stop", &json!({ "containers": name, "timeout": n + 1 })))
        .map(|result| if result.is_error { result.kind().to_owned() } else { "held".to_owned() })
        .collect();
    assert_eq!(kinds[19], "held", "{kinds:?}");
    assert_eq!(kinds[24], "rate_limited", "{kinds:?}");
}

/// What is built is what was there when a person allowed it.
#[test]
fn a_changed_context_is_another_build() {
    let Some(engine) = engine::at_hand("confirm::persons::build") else { return };
    let scope = Scope::new(&engine);
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("Dockerfile", &format!("FROM {BASE}\nLABEL {}\nCOPY run.sh /run.sh\n", scope.label()));
    write("run.sh", "good");
    let tag = format!("{}:1", scope.name("image"));
    write(
        "compose.yaml",
        &format!("name: {}\nservices:\n  web:\n    image: {tag}\n    build: .\n", scope.name("shop")),
    );
    let config = HUMAN.replace("volumes = true", "images = true\nnetworks = true");
    let config = format!("{config}[build]\nroots = [{0:?}]\n[compose]\nroots = [{0:?}]\n", dir.path());
    let client = Launch::at(&engine.host).config(&config).connect();
    let file = dir.path().join("compose.yaml");
    let build = json!({ "context": dir.path(), "tags": [tag] });
    for (tool, call) in [
        ("docker_build", build.clone()),
        ("docker_compose_build", json!({ "file": file })),
        ("docker_compose_up", json!({ "file": file, "build": true })),
    ] {
        let waits = code(&client.call(tool, &call));
        assert!(client.prints(&["pending"]).contains("COPY run.sh"), "{tool}: the Dockerfile is shown");
        client.prints(&["approve", &waits]);
        // As long as before.
        write("run.sh", "evil");
        assert_ne!(code(&client.call(tool, &call)), waits, "{tool}");
        write("run.sh", "good");
    }
    assert!(
        !engine.docker(&["images", "-q", &tag]).contains(|c: char| c.is_ascii_hexdigit()),
        "nothing was built"
    );
    let waits = code(&client.call("docker_build", &build));
    client.prints(&["approve", &waits]);
    client.call("docker_build", &build).ok();
}

/// A server that is told to go within a change has spent what let the change through.
#[test]
fn a_change_that_nobody_waited_for_was_one() {
    let Some(engine) = engine::at_hand("confirm::persons::ended") else { return };
    let scope = Scope::new(&engine);
    // It does not hear that it should stop.
    scope.container(
        &["run", "-d"],
        "slow",
        &[],
        BASE,
        &["sh", "-c", "trap '' TERM; while true; do sleep 1; done"],
    );
    let call = json!({ "containers": scope.name("slow"), "timeout": 6 });
    let config =
        format!("{HUMAN}[limits.cooldown]\ndocker_restart = {{ every = \"300s\", key = \"container\" }}\n");
    let launch = Launch::at(&engine.host).config(&config);
    let client = launch.connect();
    let waits = code(&client.call("docker_restart", &call));
    client.prints(&["approve", &waits]);
    client.begin_call("docker_restart", &call);
    std::thread::sleep(Duration::from_secs(1));
    for _ in 0..2 {
        client.signal("TERM");
        std::thread::sleep(Duration::from_millis(300));
    }
    client.wait_exit(Duration::from_secs(20)).expect("it ends");
    let later = launch.connect_beside(&client);
    let again = later.call("docker_restart", &call);
    assert_eq!(again.kind(), "cooldown", "{}", again.text);
    assert!(later.prints(&["pending"]).contains("nothing waits"));
}
