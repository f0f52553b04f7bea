//! `docker-mcp audit`: what is asked for, and nothing else.

use serde_json::{Value, json};

use crate::support::Launch;
use crate::support::engine;
use crate::support::fixture::Scope;

#[test]
fn lines_are_found_by_what_they_say() {
    let Some(engine) = engine::at_hand("audit::query") else { return };
    let scope = Scope::new(&engine);
    for short in ["one", "two"] {
        scope.run(short, &[], &["sleep", "9999"]);
    }
    let (one, two) = (scope.name("one"), scope.name("two"));
    let config = "[permissions]\nread = true\nlifecycle = true\n";
    let client = Launch::at(&engine.host).config(config).connect();
    client.call("docker_pause", &json!({ "containers": one })).ok();
    client.call("docker_inspect", &json!({ "container": two })).ok();
    assert_eq!(client.call("docker_remove", &json!({ "containers": one })).kind(), "permission_denied");
    client.audit_wait(4);
    let lines = |args: &[&str]| {
        let text = client.prints(&[&["audit", "--json"], args].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let tools = |args: &[&str]| {
        lines(args)
            .iter()
            .map(|l| format!("{} {}", l["tool"], l["outcome"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(tools(&["--tool", "docker_pause"]), ["docker_pause intent", "docker_pause done"]);
    assert_eq!(tools(&["--outcome", "done"]), ["docker_pause done"]);
    assert_eq!(tools(&["--target", &format!("*{two}")]), ["docker_inspect ok"]);
    assert_eq!(tools(&["--outcome", "denied"]).len(), 1);
    assert_eq!(tools(&["--since", "1h", "--tool", "docker_*"]).len(), 4);
    assert_eq!(tools(&["--caller", "nobody"]), [""; 0]);
    assert_eq!(tools(&["--since", "2030-01-01"]), [""; 0]);
    let table = client.prints(&["audit"]);
    assert!(table.starts_with("TIME") && table.contains("permission_denied"), "{table}");
    assert!(table.lines().any(|l| l.contains("docker_pause") && l.contains(&one)), "{table}");
    let bad = client.beside(&["audit", "--since", "soon"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("--since"));
    let proved = client.prints(&["audit", "--verify"]);
    assert!(proved.contains("every chain holds"), "{proved}");
}

/// A line that somebody put there steers no terminal.
#[test]
fn l1_what_stands_in_the_files_steers_no_terminal() {
    let client = Launch::without_engine().config("[permissions]\nread = true\n").connect();
    client.call("docker_policy", &json!({}));
    client.audit_wait(1);
    let dir = client.home().join("state/docker-mcp/audit");
    let path = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_file()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"docker_policy\"", "\"\\u001b[2Jevil\u{9b}31m\"")).unwrap();
    for args in [["audit"].as_slice(), &["audit", "--json"]] {
        let shown = client.prints(args);
        assert!(shown.contains("evil"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
    }
}
