//! Every reading tool does its work on what is visible and well: no refusal, no failure, and the fields that it promises.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

/// A container with something of everything.
fn busy(scope: &Scope) -> String {
    scope.network("net");
    scope.volume("vol", &[]);
    let (net, vol) = (scope.name("net"), format!("{}:/data", scope.name("vol")));
    let options = [
        ["--network", &net],
        ["-v", &vol],
        ["-e", "COLOUR=blue"],
        ["-p", "127.0.0.1::8080"],
        ["--health-cmd", "true"],
        ["--health-interval", "1s"],
    ]
    .concat();
    let id = scope.run("app", &options, &["sh", "-c", "echo it-speaks; touch /made; sleep 9999"]);
    for _ in 0..100 {
        if scope.engine.inspect("container", &id)["State"]["Health"]["Status"] == "healthy" {
            return id;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the container does not become healthy");
}

#[test]
fn every_reading_tool_answers() {
    let Some(engine) = engine::at_hand("reads") else { return };
    let scope = Scope::new(&engine);
    let id = busy(&scope);
    let p = &scope.prefix;
    let project = format!("{p}-stack");
    let label = format!("com.docker.compose.project={project}");
    let labels = ["--label", label.as_str(), "--label", "com.docker.compose.service=web"];
    scope.run("web", &labels, &["sh", "-c", "echo web-speaks; sleep 9999"]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("compose.yaml"), "services: { lone: { image: docker-mcp/base } }\n")
        .unwrap();
    let config = format!(
        "[permissions]\nwhitelist_containers = [\"{p}-*\"]\nwhitelist_volumes = [\"{p}-*\"]\n\
         whitelist_networks = [\"{p}-*\"]\n[compose]\nroots = [\"{}\"]\n",
        dir.path().display()
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let [app, net, vol] = ["app", "net", "vol"].map(|n| scope.name(n));

    // The tool, its arguments, words of the answer's text, and pointers into its JSON that must not be null.
    let mut calls: Vec<(&str, Value, Vec<&str>, &[&str])> = vec![
        ("docker_ps", json!({}), vec![&app, "running"], &["/containers/0", "/summary"]),
        ("docker_stats", json!({}), vec![&app], &["/stats/0"]),
        ("docker_stats", json!({ "container": app }), vec![&app], &["/stats/0"]),
        ("docker_stats", json!({ "container": app, "duration": "1s" }), vec![&app], &["/stats/0"]),
        ("docker_logs", json!({ "container": app }), vec!["it-speaks"], &[]),
        ("docker_logs", json!({ "container": app, "grep": "it-" }), vec!["it-speaks"], &["/hits"]),
        ("docker_logs", json!({ "container": app, "follow": true, "duration": "1s" }), vec![], &[]),
        (
            "docker_top",
            json!({ "container": app }),
            vec!["sleep 9999"],
            &["/processes/0", "/titles/0", "/container"],
        ),
        (
            "docker_diff",
            json!({ "container": app }),
            vec!["/made"],
            &["/changes/0", "/counts/added", "/container"],
        ),
        ("docker_events", json!({ "since": "10m", "duration": "1s" }), vec![&app], &["/events/0"]),
        ("docker_images", json!({}), vec!["docker-mcp/base"], &["/images/0", "/summary"]),
        ("docker_volumes", json!({}), vec![&vol, &app], &["/volumes/0/used_by/0", "/summary"]),
        ("docker_networks", json!({}), vec![&net], &["/networks/0", "/summary"]),
        ("docker_compose_ls", json!({}), vec![&project], &["/projects/0"]),
        ("docker_compose_ps", json!({ "project": project }), vec!["web"], &["/containers/0"]),
        ("docker_compose_logs", json!({ "project": project }), vec!["web-speaks"], &[]),
        (
            "docker_compose_config",
            json!({ "project": project }),
            vec!["lone", &project],
            &["/services/0", "/files/0", "/config"],
        ),
        ("docker_health", json!({}), vec![], &["/engine/version", "/engine/latency_ms", "/circuit/state"]),
        ("docker_policy", json!({}), vec!["read"], &[]),
        ("docker_policy", json!({ "tool": "docker_ps" }), vec![], &[]),
        ("docker_policy", json!({ "tool": "docker_logs", "arguments": { "container": app } }), vec![], &[]),
    ];
    for until in ["running", "healthy"] {
        calls.push((
            "docker_wait",
            json!({ "container": app, "until": until, "timeout": "5s" }),
            vec![],
            &[],
        ));
    }
    let log = json!({ "container": app, "until": "log", "pattern": "it-sp", "timeout": "5s" });
    calls.push(("docker_wait", log, vec!["it-speaks"], &[]));
    for section in ["config", "state", "network", "mounts", "all"] {
        calls.push(("docker_inspect", json!({ "container": app, "section": section }), vec![&app], &[]));
        calls.push(("docker_inspect", json!({ "container": id, "section": section }), vec![&app], &[]));
    }
    for (kind, name) in [("container", app.as_str()), ("network", &net), ("volume", &vol), ("image", BASE)] {
        calls.push(("docker_inspect", json!({ "name": name, "kind": kind }), vec![], &[]));
        calls.push(("docker_inspect", json!({ "name": name }), vec![], &[]));
    }

    let listed = client.tools();
    let served: BTreeSet<&str> = listed.iter().filter_map(|t| t["name"].as_str()).collect();
    let called: BTreeSet<&str> = calls.iter().map(|(tool, ..)| *tool).collect();
    assert_eq!(served, called, "a tool that this test does not call");
    for (tool, arguments, words, fields) in calls {
        let result = client.call(tool, &arguments);
        assert!(!result.is_error && result.kind().is_empty(), "{tool} {arguments}: {}", result.text);
        assert!(!result.text.trim().is_empty(), "{tool} {arguments} says nothing");
        assert!(result.structured.as_object().is_some_and(|o| !o.is_empty()), "{tool} {arguments}");
        for word in words {
            assert!(result.text.contains(word), "{tool} {arguments} without `{word}`: {}", result.text);
        }
        for field in fields {
            let value = result.structured.pointer(field);
            assert!(
                value.is_some_and(|v| !v.is_null()),
                "{tool} {arguments}: no {field}: {}",
                result.structured
            );
        }
    }
    // Nothing of that was held against the engine.
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["healthy"], true, "{}", health.text);
    assert_eq!(health.structured["circuit"], json!({ "state": "closed", "failures": 0 }), "{}", health.text);
}

#[test]
fn lists_and_numbers_have_the_promised_shape() {
    let Some(engine) = engine::at_hand("reads::shapes") else { return };
    let scope = Scope::new(&engine);
    let id = busy(&scope);
    scope.container(&["create"], "still", &[], BASE, &["true"]);
    let config = format!("[permissions]\nwhitelist_containers = [\"{}-*\"]\n", scope.prefix);
    let client = Launch::at(&engine.host).config(&config).connect();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();

    let ps = client.call("docker_ps", &json!({ "all": true })).ok();
    assert_eq!(ps.structured["summary"], "1 running, 1 stopped containers", "{}", ps.text);
    let rows = ps.structured["containers"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{}", ps.text);
    let columns = set(&["id", "name", "image", "status", "status_icon", "uptime", "ports", "health"]);
    let row = |name: &str| rows.iter().find(|r| r["name"] == scope.name(name)).unwrap();
    let running = row("app");
    assert_eq!(keys(running), columns);
    assert_eq!(running["id"], id[..12]);
    assert_eq!(running["image"], BASE);
    assert_eq!((&running["status"], &running["status_icon"]), (&json!("running"), &json!("✓")));
    assert_eq!(running["health"], "healthy");
    let uptime = running["uptime"].as_str().unwrap();
    assert!(uptime.ends_with(['s', 'm']) && uptime.starts_with(|c: char| c.is_ascii_digit()), "{uptime}");
    let port = running["ports"][0].as_str().unwrap();
    assert!(port.starts_with("127.0.0.1:") && port.ends_with("->8080/tcp"), "{port}");
    // What does not run has the same fields.
    let still = row("still");
    assert_eq!(keys(still), columns);
    assert_eq!(
        (&still["status"], &still["uptime"], &still["health"]),
        (&json!("created"), &Value::Null, &Value::Null)
    );
    assert_eq!(still["ports"], json!([]));

    let stats = client.call("docker_stats", &json!({})).ok();
    let rows = stats.structured["stats"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{}", stats.text);
    assert_eq!(
        keys(&rows[0]),
        set(&[
            "container",
            "cpu",
            "memory",
            "memory_percent",
            "network_rx",
            "network_tx",
            "disk_read",
            "disk_write",
            "pids"
        ])
    );
    assert_eq!(rows[0]["container"], scope.name("app"));
    for percent in ["cpu", "memory_percent"] {
        let text = rows[0][percent].as_str().unwrap();
        assert!(text.strip_suffix('%').is_some_and(|n| n.parse::<f64>().is_ok()), "{percent}: {text}");
    }
    assert!(rows[0]["memory"].as_str().unwrap().contains(" / "), "{}", stats.text);
    for amount in ["network_rx", "network_tx", "disk_read", "disk_write"] {
        assert!(rows[0][amount].as_str().is_some_and(|t| t.ends_with('B')), "{amount}: {}", stats.text);
    }
    assert!(rows[0]["pids"].as_u64() >= Some(1), "{}", stats.text);
}
