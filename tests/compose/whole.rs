//! A project from its first look to its end.

use serde_json::json;

use super::stack::{ON, POLITE, Stack};
use crate::support::engine;
use crate::support::engine::BASE;

#[test]
fn it_is_listed_and_shown() {
    let Some(engine) = engine::at_hand("compose::whole::shown") else { return };
    let stack = Stack::new(&engine);
    stack.three();
    stack.make(&["create"], "idle", "", &[], POLITE);
    let client = stack.client("");
    let list = client.call("docker_compose_ls", &json!({})).ok();
    let projects = list.structured["projects"].as_array().unwrap();
    assert_eq!(projects.len(), 1, "{}", list.text);
    let row = &projects[0];
    assert_eq!(row["name"], stack.project, "{row}");
    assert_eq!(
        (&row["containers"], &row["status"]),
        (&json!({ "created": 1, "running": 3 }), &json!("created(1), running(3)"))
    );
    assert_eq!(row["services"], json!(["api", "db", "idle", "web"]));
    assert_eq!(row["config_files"], json!(["/srv/stack/compose.yaml"]));
    for word in ["created(1), running(3)", "/srv/stack/compose.yaml"] {
        assert!(list.text.contains(word), "{word} in {}", list.text);
    }

    engine.docker(&["stop", &stack.name("web-1")]);
    // The engine's own list may be behind for a moment.
    let filter = format!("name={}", stack.name("web-1"));
    while !engine.docker(&["ps", "-q", "--filter", &filter]).is_empty() {}
    let shown = client.call("docker_compose_ps", &stack.ask()).ok();
    let rows = shown.structured["containers"].as_array().unwrap();
    let facts: Vec<_> =
        rows.iter().map(|r| [&r["service"], &r["container"], &r["state"], &r["exit_code"]]).collect();
    let (n, null) = (|short: &str| json!(stack.name(short)), json!(null));
    assert_eq!(
        facts,
        [
            [&json!("api"), &n("api-1"), &json!("running"), &null],
            [&json!("db"), &n("db-1"), &json!("running"), &null],
            [&json!("idle"), &n("idle-1"), &json!("created"), &null],
            [&json!("web"), &n("web-1"), &json!("exited"), &json!(3)],
        ]
    );
    // The only project need not be named; a file beside a name is not opened.
    assert_eq!(client.call("compose_ps", &json!({})).ok().structured, shown.structured);
    let some = json!({ "project_name": stack.project, "compose_file": "/nowhere.yml", "service": "db" });
    let one = client.call("compose-ps", &some).ok();
    assert_eq!(one.structured["containers"].as_array().unwrap().len(), 1, "{}", one.text);
    let by_file = client.call("compose_ps", &json!({ "file": "/nowhere.yml" }));
    assert_eq!(by_file.kind(), "not_found", "{}", by_file.text);
    assert!(by_file.text.contains("give project"), "{}", by_file.text);
}

#[test]
fn it_stops_and_starts() {
    let Some(engine) = engine::at_hand("compose::whole::stops") else { return };
    let stack = Stack::new(&engine);
    stack.three();
    let client = stack.client(ON);
    let (all, states) =
        (["db", "api", "web"], |all: &[&str]| all.iter().map(|s| stack.state(s)).collect::<Vec<_>>());
    let stopped = client.call("docker_compose_stop", &stack.ask()).ok();
    assert_eq!(states(&all), ["exited"; 3], "{}", stopped.text);
    let results = stopped.structured["results"].as_array().unwrap();
    let services: Vec<_> =
        results.iter().map(|r| (r["service"].as_str().unwrap(), r["changed"] == true)).collect();
    assert_eq!(services, [("web", true), ("api", true), ("db", true)]);
    let again = client.call("docker_compose_stop", &stack.ask()).ok();
    assert!(
        again.structured["results"].as_array().unwrap().iter().all(|r| r["changed"] == false),
        "{}",
        again.text
    );

    let some = json!({ "project": stack.project, "services": ["db", "api"] });
    client.call("docker_compose_start", &some).ok();
    assert_eq!(states(&all), ["running", "running", "exited"]);
    let started = client.call("compose_start", &stack.ask()).ok();
    assert_eq!(states(&all), ["running"; 3], "{}", started.text);
    let changed: Vec<_> =
        started.structured["results"].as_array().unwrap().iter().map(|r| r["changed"] == true).collect();
    assert_eq!(changed, [false, false, true]);

    let at = |service: &str| engine.inspect("container", &stack.name(service))["State"]["StartedAt"].clone();
    let before = (at("db-1"), at("web-1"));
    let one = json!({ "project": stack.project, "service": "web" });
    client.call("compose_restart", &one).ok();
    assert_eq!(at("db-1"), before.0);
    assert_ne!(at("web-1"), before.1);
    assert_eq!(states(&all), ["running"; 3]);
    let missing =
        client.call("docker_compose_stop", &json!({ "project": stack.project, "services": ["web", "nope"] }));
    assert_eq!((missing.kind(), stack.state("web").as_str()), ("not_found", "running"), "{}", missing.text);
    for bad in [json!({ "services": [] }), json!({ "project": "" }), json!({ "timeout": "5m" })] {
        assert_eq!(client.call("docker_compose_stop", &bad).kind(), "invalid_arguments", "{bad}");
    }
}

/// What `compose run` made is shown and goes with the project, and is not started or stopped with it.
#[test]
fn what_was_run_once_is_left_alone() {
    let Some(engine) = engine::at_hand("compose::whole::oneoff") else { return };
    let stack = Stack::new(&engine);
    stack.run("db", "", &[], POLITE);
    let labels = stack.labels("db", "");
    let mut options: Vec<&str> = labels.iter().map(String::as_str).collect();
    options.extend(["--label", "com.docker.compose.oneoff=True"]);
    stack.scope.container(&["run", "-d"], "db-run-1", &options, BASE, POLITE);
    let client = stack.client(ON);
    client.call("docker_compose_stop", &stack.ask()).ok();
    let once = || engine.inspect("container", &stack.name("db-run-1"))["State"]["Status"].clone();
    assert_eq!((stack.state("db").as_str(), once()), ("exited", json!("running")));
    let shown = client.call("docker_compose_ps", &stack.ask()).ok();
    assert_eq!(shown.structured["containers"][1]["one_off"], true, "{}", shown.text);
    client.call("docker_compose_down", &stack.ask()).ok();
    assert!(!stack.has("container", "db-run-1") && !stack.has("container", "db-1"));
}

#[test]
fn without_its_level_nothing_is_done() {
    let Some(engine) = engine::at_hand("compose::whole::off") else { return };
    let stack = Stack::new(&engine);
    stack.three();
    let off = stack.client("");
    for tool in
        ["docker_compose_start", "docker_compose_stop", "docker_compose_restart", "docker_compose_down"]
    {
        assert_eq!(off.call(tool, &stack.ask()).kind(), "permission_denied", "{tool}");
    }
    // On for others only: one member out of reach, and none is touched.
    let some = format!(
        "lifecycle = [\"{p}-web*\", \"{p}-api*\"]\n[confirm]\nrequire = \"none\"\n",
        p = stack.project
    );
    let some = stack.client(&some);
    for tool in ["docker_compose_stop", "docker_compose_down"] {
        let refused = some.call(tool, &stack.ask());
        assert_eq!(refused.kind(), "permission_denied", "{tool}: {}", refused.text);
        assert!(refused.text.contains(&stack.name("db-1")), "{}", refused.text);
    }
    assert_eq!(["db", "api", "web"].map(|s| stack.state(s)), ["running"; 3]);
    let reached = json!({ "project": stack.project, "services": ["web", "api"] });
    some.call("docker_compose_stop", &reached).ok();
    assert_eq!(["db", "api", "web"].map(|s| stack.state(s)), ["running", "exited", "exited"]);
}

#[test]
fn several_projects_must_be_told_apart() {
    let Some(engine) = engine::at_hand("compose::whole::several") else { return };
    let stack = Stack::new(&engine);
    stack.run("db", "", &[], POLITE);
    let other = format!("com.docker.compose.project={}-two", stack.project);
    stack.scope.run("two", &["--label", &other], POLITE);
    let client = stack.client(ON);
    for tool in ["docker_compose_ps", "docker_compose_logs", "docker_compose_stop", "docker_compose_down"] {
        let which = client.call(tool, &json!({}));
        assert_eq!(which.kind(), "invalid_arguments", "{tool}: {}", which.text);
        assert!(which.text.contains(&format!("{p}, {p}-two", p = stack.project)), "{}", which.text);
    }
    assert_eq!(stack.state("db"), "running");
}
