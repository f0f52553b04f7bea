use serde_json::{Value, json};

use super::*;

fn called(tool: &str, arguments: Value) -> (String, Value) {
    let Value::Object(arguments) = arguments else { panic!("no object") };
    let Called { tool, arguments, .. } = translate(tool, arguments);
    (tool, Value::Object(arguments))
}

/// Every example call of the seeds that the tools by now can serve: the call, and what it means here.
#[test]
fn the_examples_of_the_seeds() {
    for (tool, arguments, ours, meant) in [
        // S0
        ("ping", json!({}), "docker_health", json!({})),
        ("list_containers", json!({ "all": true }), "docker_ps", json!({ "all": true })),
        (
            "get_container_logs",
            json!({ "container": "web", "tail": 100 }),
            "docker_logs",
            json!({ "container": "web", "tail": 100 }),
        ),
        // S1
        (
            "docker_ps",
            json!({ "all": true, "filter": { "name": "web", "status": "running", "label": "a" }, "limit": 3 }),
            "docker_ps",
            json!({ "all": true, "filter": { "name": "web", "status": "running", "label": "a" }, "limit": 3 }),
        ),
        (
            "docker_inspect",
            json!({ "container": "web", "section": "state" }),
            "docker_inspect",
            json!({ "container": "web", "section": "state" }),
        ),
        (
            "docker_stats",
            json!({ "container": "web", "no_stream": true }),
            "docker_stats",
            json!({ "container": "web", "no_stream": true }),
        ),
        (
            "docker_images",
            json!({ "filter": { "reference": "nginx", "dangling": false } }),
            "docker_images",
            json!({ "filter": { "reference": "nginx", "dangling": false } }),
        ),
        // S2
        ("docker_ps", json!({}), "docker_ps", json!({})),
        ("docker_ps", json!({ "approved": true }), "docker_ps", json!({})),
        // S3
        ("list-containers", json!({ "all": true }), "docker_ps", json!({ "all": true })),
        (
            "get-logs",
            json!({ "container_name": "my-nginx", "tail": 100 }),
            "docker_logs",
            json!({ "container": "my-nginx", "tail": 100 }),
        ),
        ("network-list", json!({}), "docker_networks", json!({})),
        (
            "network-inspect",
            json!({ "name": "my-network" }),
            "docker_inspect",
            json!({ "kind": "network", "name": "my-network" }),
        ),
        // S4
        (
            "docker_logs",
            json!({ "id": "web", "tail": "100", "follow": true, "since": "2024-01-01T00:00:00Z", "chunkBytes": 16384 }),
            "docker_logs",
            json!({ "container": "web", "tail": "100", "follow": true, "since": "2024-01-01T00:00:00Z" }),
        ),
        (
            "docker_ps",
            json!({ "all": true, "name": "web" }),
            "docker_ps",
            json!({ "all": true, "filter": { "name": "web" } }),
        ),
        (
            "docker_inspect",
            json!({ "kind": "container", "id": "web" }),
            "docker_inspect",
            json!({ "kind": "container", "name": "web" }),
        ),
        ("health", json!({}), "docker_health", json!({})),
    ] {
        let said = format!("{tool} {arguments}");
        assert_eq!(called(tool, arguments), (ours.to_owned(), meant.clone()), "{said}");
        let Value::Object(meant) = meant else { panic!("no object") };
        let prepared = catalogue::find(ours).unwrap().prepare(meant);
        assert!(prepared.is_ok(), "{said}: {prepared:?}");
    }
}

#[test]
fn nothing_of_ours_is_touched() {
    // `name` is the tool's own argument here, and said twice is refused by the tool.
    assert_eq!(called("docker_inspect", json!({ "name": "a" })).1, json!({ "name": "a" }));
    assert_eq!(
        called("docker_inspect", json!({ "name": "a", "id": "b" })).1,
        json!({ "name": "a", "id": "b" })
    );
    assert_eq!(
        called("docker_ps", json!({ "name": "a", "filter": { "name": "b" } })).1,
        json!({ "name": "a", "filter": { "name": "b" } })
    );
    assert_eq!(
        called("docker_ps", json!({ "name": "a", "filter": { "status": "exited" } })).1,
        json!({ "filter": { "status": "exited", "name": "a" } })
    );
    let prepared = |tool: &str, arguments| {
        let (tool, arguments) = called(tool, arguments);
        catalogue::find(&tool).unwrap().prepare(arguments.as_object().unwrap().clone())
    };
    assert!(prepared("docker_inspect", json!({ "name": "a", "id": "b" })).is_err());
    assert!(prepared("docker_logs", json!({ "id": "a", "nonsense": 1 })).is_err());
}

/// S1, S2 and S3 on compose: the names, and what they call a project, a file and a service.
#[test]
fn the_examples_of_the_seeds_on_compose() {
    let stack = json!({ "project": "my-stack", "file": "docker compose.yml", "services": "web" });
    let theirs =
        json!({ "project_name": "my-stack", "compose_file": "docker compose.yml", "service": "web" });
    for verb in ["logs", "ps", "start", "stop", "restart", "down"] {
        let ours = format!("docker_compose_{verb}");
        for name in [format!("compose-{verb}"), format!("compose_{verb}"), ours.clone()] {
            assert_eq!(called(&name, theirs.clone()), (ours.clone(), stack.clone()), "{name}");
        }
        let prepared = catalogue::find(&ours).unwrap().prepare(stack.as_object().unwrap().clone());
        assert!(prepared.is_ok(), "{ours}: {prepared:?}");
    }
    let tail = json!({ "file": "/opt/stack/docker-compose.yml", "service": "sabnzbd", "tail": 150 });
    let meant = json!({ "file": "/opt/stack/docker-compose.yml", "services": "sabnzbd", "tail": 150 });
    assert_eq!(called("compose_logs", tail), ("docker_compose_logs".to_owned(), meant));
    let s1 = json!({ "project": "a", "file": "b", "services": ["c"], "tail": 5, "follow": true });
    assert_eq!(called("docker_compose_logs", s1.clone()), ("docker_compose_logs".to_owned(), s1));
    let s1 = json!({ "project": "a", "file": "b", "volumes": true, "remove_orphans": true });
    assert_eq!(called("docker_compose_down", s1.clone()), ("docker_compose_down".to_owned(), s1));
}

#[test]
fn what_does_not_exist_keeps_its_name() {
    for tool in ["authenticate", "docker_nonesuch", "", "docker_", "restart-everything"] {
        assert_eq!(called(tool, json!({ "id": "x" })), (tool.to_owned(), json!({ "id": "x" })));
    }
    assert_eq!(called("ps", json!({})).0, "docker_ps");
    assert_eq!(translate("ping", Map::new()).says, Some("pong"));
    assert_eq!(translate("health", Map::new()).says, None);
}

#[test]
fn values_in_other_units_and_forms() {
    assert_eq!(form(Form::Millis, json!(30000)), "30000ms");
    assert_eq!(form(Form::Millis, json!("500")), "500ms");
    assert_eq!(form(Form::Millis, json!("30s")), "30s");
    assert_eq!(form(Form::Tool, json!("list-containers")), "docker_ps");
    assert_eq!(form(Form::Tool, json!("docker_*")), "docker_*");
    assert_eq!(
        pairs(&[json!("A=b=c"), json!("D=")]).map(Value::Object),
        Some(json!({ "A": "b=c", "D": "" }))
    );
    assert_eq!(pairs(&[json!("A=b"), json!("C")]), None);
}

#[test]
fn the_table_hides_no_tool_of_ours() {
    for alias in TOOLS {
        assert!(catalogue::find(alias.theirs).is_none(), "{} is a tool of its own", alias.theirs);
    }
    assert!(names().any(|n| n == ("get-logs".to_owned(), "docker_logs")));
}
