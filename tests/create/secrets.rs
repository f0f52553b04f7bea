//! Secrets by reference: the container has them, nobody else sees them.

use serde_json::json;

use super::{ON, Place};
use crate::support::{Launch, engine};

const SECRET: &str = "correct horse battery";

#[test]
fn they_reach_the_container_and_nothing_else() {
    let Some(engine) = engine::at_hand("create::secrets") else { return };
    let place = Place::new(&engine);
    let folder = tempfile::Builder::new().prefix("docker-mcp-secret-").tempdir().unwrap();
    let file = folder.path().join("motto");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let config = format!(
        "{ON}[secrets]\nmotto = {{ file = \"{}\" }}\nother = {{ env = \"MY_SECRET\" }}\ngone = {{ env = \"NOSUCH\" }}\n",
        file.display()
    );
    let client = Launch::at(&engine.host).config(&config).env("MY_SECRET", "staple-of-iron").connect();
    let call = |environment: serde_json::Value| {
        json!({ "image": place.image, "name": place.name("app"), "environment": environment,
            "command": ["sh", "-c", "echo says $COLOUR; sleep 9999"], "wait_for": "log", "pattern": "says", "timeout": 20 })
    };
    // A key that nobody would take for a secret's.
    let run = client
        .call("docker_run", &call(json!({ "COLOUR": "a ${secret:motto} b", "PLACE": "${secret:other}" })))
        .ok();
    assert_eq!(run.structured["met"], true, "{}", run.text);
    let env = place.inspect(&place.name("app"))["Config"]["Env"].to_string();
    assert!(env.contains(&format!("COLOUR=a {SECRET} b")) && env.contains("PLACE=staple-of-iron"), "{env}");
    let mut said = run.whole();
    for (tool, arguments) in [
        ("docker_inspect", json!({ "container": place.name("app") })),
        ("docker_logs", json!({ "container": place.name("app") })),
        ("docker_top", json!({ "container": place.name("app") })),
    ] {
        said.push_str(&client.call(tool, &arguments).ok().whole());
    }
    said.push_str(&client.audit_text());
    said.push_str(&client.stderr());
    assert!(!said.contains(SECRET) && !said.contains("staple-of-iron"), "{said}");

    let unknown = client
        .call("docker_create", &json!({ "image": place.image, "environment": { "A": "${secret:nosuch}" } }));
    assert!(unknown.text.contains("no secret `nosuch`"), "{}", unknown.text);
    assert_eq!(unknown.kind(), "invalid_arguments", "{}", unknown.text);
    let mut other = call(json!({ "A": "${secret:gone}" }));
    other["name"] = json!(place.name("other"));
    let unread = client.call("docker_run", &other);
    assert_eq!(unread.kind(), "conflict", "{}", unread.text);
    assert!(!unread.text.contains("NOSUCH"), "where it lies is the host's business: {}", unread.text);
    assert_eq!(place.containers(), [place.name("app")]);
}

/// Short ones are masked where a variable holds them; long ones of several lines are masked line by line.
#[test]
fn short_ones_and_those_of_several_lines() {
    let Some(engine) = engine::at_hand("create::secrets::odd") else { return };
    let place = Place::new(&engine);
    let config =
        format!("{ON}[secrets]\nshort = {{ env = \"MY_SHORT\" }}\nlines = {{ env = \"MY_LINES\" }}\n");
    let lines = "first of lines\nsecond of them";
    let client =
        Launch::at(&engine.host).config(&config).env("MY_SHORT", "zk9q").env("MY_LINES", lines).connect();
    let run = json!({ "image": place.image, "name": place.name("app"), "wait_for": "log", "pattern": "says", "timeout": 20,
        "environment": { "Z": "${secret:short}", "L": "${secret:lines}" },
        "command": ["sh", "-c", "echo \"$L\"; echo says; sleep 9999"] });
    assert_eq!(client.call("docker_run", &run).ok().structured["met"], true);
    let shown =
        client.call("docker_inspect", &json!({ "container": place.name("app"), "section": "config" })).ok();
    assert!(!shown.whole().contains("zk9q"), "{}", shown.text);
    let logs = client.call("docker_logs", &json!({ "container": place.name("app") })).ok();
    assert!(logs.text.contains("says"), "{}", logs.text);
    assert!(!logs.whole().contains("of lines") && !logs.whole().contains("of them"), "{}", logs.text);
}
