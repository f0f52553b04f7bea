//! `docker-mcp grant`: a level, for a while.

use std::time::Duration;

use serde_json::json;

use crate::support::engine;
use crate::support::fixture::Scope;
use crate::support::{Client, Launch, eventually};

const SOON: Duration = Duration::from_secs(5);

fn serves(client: &Client, tool: &str) -> bool {
    client.tools().iter().any(|t| t["name"] == tool)
}

#[test]
fn a_level_is_raised_for_a_while() {
    let Some(engine) = engine::at_hand("confirm::grants::while") else { return };
    let scope = Scope::new(&engine);
    let (web, db) = (scope.name("web"), scope.name("db"));
    for short in ["web", "db"] {
        scope.run(short, &[], &["sleep", "9999"]);
    }
    let client = Launch::at(&engine.host).config("[permissions]\nread = true\n").connect();
    let pause = |name: &str| client.call("docker_pause", &json!({ "containers": name }));
    assert!(!serves(&client, "docker_pause"));
    assert_eq!(pause(&web).kind(), "permission_denied");
    client.prints(&["grant", "lifecycle", &web, "6s"]);
    assert!(eventually(SOON, || serves(&client, "docker_pause")));
    pause(&web).ok();
    let refused = pause(&db);
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("docker-mcp grant"), "the rule is named: {}", refused.text);
    let health = client.call("docker_health", &json!({})).ok();
    let grants = health.structured["grants"][0].as_str().unwrap().to_owned();
    assert!(grants.contains("lifecycle") && grants.contains(&web), "{grants}");
    let why =
        client.call("docker_policy", &json!({ "tool": "docker_pause", "arguments": { "containers": web } }));
    assert!(why.text.contains("docker-mcp grant"), "{}", why.text);
    // At its end it is as before.
    assert!(eventually(Duration::from_secs(9), || !serves(&client, "docker_pause")));
    assert_eq!(pause(&web).kind(), "permission_denied");
    assert_eq!(client.call("docker_health", &json!({})).structured["grants"], json!([]));
    let line = client.audit_lines().into_iter().find(|l| l["tool"] == "(grant)").unwrap();
    assert!(line["target"][0].as_str().unwrap().contains("lifecycle"), "{line}");
}

#[test]
fn it_is_taken_back_and_hides_as_before() {
    let Some(engine) = engine::at_hand("confirm::grants::back") else { return };
    let scope = Scope::new(&engine);
    let hidden = scope.run("vault", &[], &["sleep", "9999"]);
    let config = format!("[permissions]\nread = true\nblacklist_containers = [{hidden:?}]\n");
    let client = Launch::at(&engine.host).config(&config).connect();
    client.prints(&["grant", "lifecycle", "1h"]);
    assert!(eventually(SOON, || serves(&client, "docker_stop")));
    let refused = client.call("docker_stop", &json!({ "containers": hidden }));
    assert_eq!(refused.kind(), "not_found", "a grant shows nothing that is hidden: {}", refused.text);
    assert!(client.prints(&["grant"]).contains("lifecycle"));
    client.prints(&["grant", "--end"]);
    assert!(eventually(SOON, || !serves(&client, "docker_stop")));
}

#[test]
fn what_it_cannot_mean_is_said() {
    let client = Launch::without_engine().config("[permissions]\nread = true\n").connect();
    for (args, word) in [
        (["grant", "root", "5m"].as_slice(), "they are read, lifecycle"),
        (&["grant", "exec"], "for how long"),
        (&["grant", "exec", "web-*"], "docker-mcp grant exec"),
        (&["grant", "exec", "soon"], "docker-mcp grant exec"),
        (&["grant", "exec", "0s"], "24 hours"),
        (&["grant", "exec", "25h"], "24 hours"),
        (&["grant", "exec", "{a,b}", "5m"], "has no meaning"),
        (&["grant", "exec", "30"], "give a unit"),
        (&["grant", "volumes", "web-*", "5m"], "more than containers"),
    ] {
        let output = client.beside(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(word), "{args:?}: {said}");
    }
    assert!(client.prints(&["grant"]).contains("no level is raised"));
}
