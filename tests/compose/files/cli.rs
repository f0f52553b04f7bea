//! Without a compose CLI, and with the standalone one.

use std::path::PathBuf;

use serde_json::json;

use super::{Shop, none, symlink};
use crate::support::engine;
use crate::support::engine::left_out;

const FILE: &str = "services: { web: { image: BASE, command: IDLE } }";

#[test]
fn without_compose_the_tools_that_need_none_work() {
    let Some(engine) = engine::at_hand("compose::files::cli::none") else { return };
    let shop = Shop::new(&engine);
    shop.file(FILE);
    shop.client().call("docker_compose_up", &none()).ok();
    let empty = tempfile::tempdir().unwrap();
    let client = shop.launch("", "").env("PATH", &empty.path().display().to_string()).connect();
    let text = json!({ "project_name": shop.project, "compose_yaml": shop.text(FILE) });
    for (tool, arguments) in [
        ("docker_compose_up", none()),
        ("docker_compose_up", json!({ "dry_run": true })),
        ("docker_compose_deploy", text),
        ("docker_compose_config", none()),
        ("docker_compose_pull", none()),
        ("docker_compose_build", none()),
    ] {
        let missing = client.call(tool, &arguments);
        assert_eq!(missing.kind(), "child_unavailable", "{tool}: {}", missing.text);
        for word in ["2.24", "docker-compose-plugin", "ps"] {
            assert!(missing.text.contains(word), "{tool}: no {word} in {}", missing.text);
        }
        assert_eq!(missing.structured["error"]["effect"], "none", "{tool}: {}", missing.text);
    }
    let one = json!({ "project": shop.project });
    for tool in ["ls", "ps", "logs", "stop", "start", "restart", "down"] {
        let arguments = if tool == "ls" { none() } else { one.clone() };
        client.call(&format!("docker_compose_{tool}"), &arguments).ok();
    }
    assert_eq!(shop.objects(), Vec::<String>::new());
}

#[test]
fn the_standalone_program_will_do() {
    let test = "compose::files::cli::alone";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(program) = program(&engine) else { return left_out(test) };
    let shop = Shop::new(&engine);
    shop.file(FILE);
    let folder = tempfile::tempdir().unwrap();
    symlink(&program, &folder.path().join("docker-compose"));
    let client = shop.launch("", "").env("PATH", &folder.path().display().to_string()).connect();
    client.call("docker_compose_config", &none()).ok();
    client.call("docker_compose_up", &none()).ok();
    assert_eq!(shop.containers(), ["web-1"]);
    assert_eq!(client.call("docker_compose_up", &none()).ok().structured["changed"], false);
}

/// The plugin, which runs by itself as well.
fn program(engine: &crate::support::Engine) -> Option<PathBuf> {
    let format = "{{range .ClientInfo.Plugins}}{{.Name}} {{.Path}}\n{{end}}";
    let plugins = engine.try_docker(&["info", "--format", format]).ok()?;
    plugins.lines().find_map(|line| line.strip_prefix("compose ")).map(PathBuf::from)
}
