//! A project that the compose CLI made: its labels are as they are read here.

use std::process::Command;

use serde_json::json;

use super::stack::Stack;
use crate::support::engine::{BASE, left_out};
use crate::support::{Engine, Launch, engine};

const FILE: &str = r#"
services:
  db:
    image: BASE
    command: ["sh", "-c", "touch /ok; echo db-speaks; trap 'exit 0' TERM; while :; do sleep 0.05; done"]
    healthcheck: { test: ["CMD", "test", "-e", "/ok"], interval: 500ms }
    volumes: ["data:/data"]
    labels: { LABEL: "RUN" }
  migrate:
    image: BASE
    command: ["sh", "-c", "sleep 0.5"]
    depends_on: { db: { condition: service_healthy } }
    labels: { LABEL: "RUN" }
  web:
    image: BASE
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
    labels: { LABEL: "RUN" }
    scale: 2
volumes: { data: { labels: { LABEL: "RUN" } } }
networks: { default: { labels: { LABEL: "RUN" } } }
"#;

/// Runs `docker compose`; none: there is no such plugin here.
pub fn compose(engine: &Engine, dir: &std::path::Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("docker");
    command.arg("compose").args(args).current_dir(dir).env("DOCKER_HOST", &engine.host);
    let run = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if said.contains("is not a docker command") || said.contains("unknown shorthand flag") {
        return None;
    }
    assert!(run.status.success(), "docker compose {args:?}: {said}");
    Some(said)
}

#[test]
fn what_the_compose_cli_made_goes_through_its_life() {
    let Some(engine) = engine::at_hand("compose::real") else { return };
    let stack = Stack::new(&engine);
    let dir = tempfile::tempdir().unwrap();
    let run = stack.scope.label();
    let (label, value) = run.split_once('=').unwrap();
    let file = FILE.replace("BASE", BASE).replace("LABEL", label).replace("RUN", value);
    std::fs::write(dir.path().join("compose.yaml"), file).unwrap();
    let p = stack.project.as_str();
    let Some(_up) = compose(&engine, dir.path(), &["-p", p, "up", "-d"]) else {
        return left_out("compose::real");
    };
    let config = format!(
        "[permissions]\nlifecycle = true\nvolumes = true\nwhitelist_projects = [\"{p}\"]\n[confirm]\nrequire = \"none\"\n"
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let list = client.call("docker_compose_ls", &json!({})).ok();
    let ours = list.structured["projects"].as_array().unwrap().iter().find(|r| r["name"] == p).unwrap();
    assert_eq!(ours["services"], json!(["db", "migrate", "web"]), "{}", list.text);
    assert!(ours["config_files"][0].as_str().unwrap().ends_with("/compose.yaml"), "{ours}");
    let ps = || {
        let shown = client.call("docker_compose_ps", &stack.ask()).ok();
        let rows = shown.structured["containers"].as_array().unwrap().clone();
        rows.iter()
            .map(|r| {
                format!(
                    "{} {} {}",
                    r["container"].as_str().unwrap().replace(p, ""),
                    r["state"].as_str().unwrap(),
                    r["exit_code"]
                )
            })
            .collect::<Vec<_>>()
    };
    let up = ["-db-1 running null", "-migrate-1 exited 0", "-web-1 running null", "-web-2 running null"];
    assert_eq!(ps(), up);
    let logs = client.call("docker_compose_logs", &stack.ask()).ok();
    assert!(logs.text.contains("db-1      | db-speaks"), "{}", logs.text);

    let begun = stack.now();
    client.call("docker_compose_stop", &stack.ask()).ok();
    let stopped = stack.events(&begun, &["stop"]);
    let (db, webs) = (
        stopped.iter().position(|e| e == "stop db-1").unwrap(),
        stopped.iter().rposition(|e| e.contains("web")).unwrap(),
    );
    assert!(webs < db && stopped.len() == 3, "{stopped:?}");
    let begun = stack.now();
    client.call("docker_compose_start", &stack.ask()).ok();
    assert_eq!(stack.events(&begun, &["start"])[..2], ["start db-1", "start migrate-1"]);
    assert_eq!(ps(), up);
    // The compose CLI agrees.
    let theirs = compose(&engine, dir.path(), &["-p", p, "ps", "--services"]).unwrap();
    assert!(theirs.contains("db") && theirs.contains("web") && !theirs.contains("migrate"), "{theirs}");

    let down = client.call("docker_compose_down", &json!({ "project": p, "volumes": true })).ok();
    let filter = format!("label=com.docker.compose.project={p}");
    for list in [["ps", "-aq"], ["network", "ls"], ["volume", "ls"]] {
        let args = [list.as_slice(), &["-q", "--filter", &filter]].concat();
        assert_eq!(engine.docker(&args), "", "{list:?}: {}", down.text);
    }
}
