//! How often: cooldowns and the loop guard, whatever a thing is called and whoever restarts the server.

use serde_json::{Value, json};

use crate::support::engine::{self, Engine};
use crate::support::fixture::Scope;
use crate::support::{Client, Launch};

const ON: &str = "[permissions]\nread = true\nlifecycle = true\nexec = true\ncreate = true\n";

/// A container that says when it was started last, of a service.
fn service(scope: &Scope) -> (String, String) {
    let project = scope.name("shop");
    let project_label = format!("com.docker.compose.project={project}");
    let labels = ["--label", project_label.as_str(), "--label", "com.docker.compose.service=web", "--init"];
    let id = scope.run("web", &labels, &["sleep", "9999"]);
    (scope.name("web"), id)
}

fn started(engine: &Engine, name: &str) -> String {
    engine.inspect("container", name)["State"]["StartedAt"].as_str().unwrap().to_owned()
}

#[test]
fn f12_a_cooldown_is_the_same_for_every_form_of_address_and_after_a_restart() {
    let Some(engine) = engine::at_hand("confirm::limits::cooldown") else { return };
    let scope = Scope::new(&engine);
    let (name, id) = service(&scope);
    let project = scope.name("shop");
    for (rule, key) in [("docker_restart", "container"), ("docker_compose_restart", "service")] {
        let config = format!("{ON}[limits.cooldown]\n{rule} = {{ every = \"90s\", key = \"{key}\" }}\n");
        let launch = Launch::at(&engine.host).config(&config);
        let client = launch.connect();
        let before = started(&engine, &name);
        let done = client.call("docker_restart", &json!({ "containers": name, "timeout": 1 })).ok();
        assert_eq!(done.structured["results"][0]["changed"], true, "{}", done.text);
        let after = started(&engine, &name);
        assert_ne!(before, after);
        let by_any_name = |client: &Client| {
            let of_service = json!({ "project": project, "services": ["web"], "timeout": 1 });
            for (tool, arguments) in [
                ("docker_restart", json!({ "containers": name, "timeout": 1 })),
                ("docker_restart", json!({ "containers": id })),
                ("docker_restart", json!({ "containers": [&id[..12]] })),
                ("restart_container", json!({ "container": name })),
                ("docker_compose_restart", of_service),
            ] {
                let refused = client.call(tool, &arguments);
                assert_eq!(refused.kind(), "cooldown", "{tool} {arguments}: {}", refused.text);
                let text = &refused.text;
                assert!(text.contains(rule) && text.contains("config.toml"), "it names the rule: {text}");
                assert!(
                    refused.structured["error"]["retry_after_ms"].as_u64().is_some_and(|ms| ms > 1000),
                    "{text}"
                );
            }
        };
        by_any_name(&client);
        // Others of its kind, and other deeds on it, are free.
        let other = scope.run(&format!("other-{key}"), &["--init"], &["sleep", "9999"]);
        client.call("docker_restart", &json!({ "containers": other, "timeout": 1 })).ok();
        client.call("docker_stop", &json!({ "containers": name, "timeout": 1 })).ok();
        client.call("docker_start", &json!({ "containers": name })).ok();
        let after = started(&engine, &name);
        // One process more, and one that comes later.
        let again = launch.connect_beside(&client);
        by_any_name(&again);
        drop(client);
        by_any_name(&again);
        assert_eq!(started(&engine, &name), after, "nothing was restarted");
        let refused = again.audit_lines().into_iter().filter(|l| l.to_string().contains("cooldown")).count();
        assert!(refused >= 10, "each refusal is on record: {refused}");
    }
}

#[test]
fn what_did_nothing_needs_no_rest() {
    let Some(engine) = engine::at_hand("confirm::limits::nothing") else { return };
    let scope = Scope::new(&engine);
    let (_, id) = service(&scope);
    let config = format!(
        "{ON}[limits.cooldown]\ndocker_rename = {{ every = \"90s\", key = \"tool\" }}\ndocker_stop = {{ every = \"60s\", key = \"container\" }}\n[confirm]\nrequire = [\"docker_stop\"]\n"
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    scope.run("taken", &[], &["sleep", "9999"]);
    let other = scope.name("taken");
    let rename = |to: &str| client.call("docker_rename", &json!({ "container": id, "name": to }));
    let refused = rename(&other);
    assert_eq!(refused.kind(), "conflict", "the engine refuses it: {}", refused.text);
    rename(&scope.name("new")).ok();
    let resting = rename(&scope.name("newer"));
    assert_eq!(resting.kind(), "cooldown", "a whole tool rests: {}", resting.text);
    // A preview and a dry run do nothing; what a token lets through is a use as any other.
    let stop = json!({ "containers": scope.name("new"), "timeout": 1 });
    let with = |key: &str, value: Value| {
        let mut arguments = stop.clone();
        arguments[key] = value;
        client.call("docker_stop", &arguments)
    };
    assert_eq!(with("dry_run", json!(true)).ok().structured["status"], "dry_run");
    let token = client.call("docker_stop", &stop).ok().structured["confirm_token"].clone();
    with("confirm_token", token).ok();
    assert_eq!(
        with("dry_run", json!(true)).ok().structured["status"],
        "dry_run",
        "it shows, and does nothing"
    );
    let resting = client.call("docker_stop", &stop);
    assert_eq!(resting.kind(), "cooldown", "no preview of what cannot be done now: {}", resting.text);
}

#[test]
fn an_agent_in_a_circle_is_told_so() {
    let Some(engine) = engine::at_hand("confirm::limits::circle") else { return };
    let scope = Scope::new(&engine);
    let (name, id) = service(&scope);
    let config = format!("{ON}[limits]\nloop_guard = 3\n");
    let client = Launch::at(&engine.host).config(&config).connect();
    let kill = || client.call("docker_kill", &json!({ "containers": name, "signal": "SIGUSR1" }));
    for _ in 0..3 {
        engine.docker(&["start", &name]);
        kill().ok();
    }
    let refused = kill();
    assert_eq!(refused.kind(), "rate_limited", "{}", refused.text);
    assert!(
        refused.text.contains("loop_guard = 3") && refused.text.contains("10 minutes"),
        "{}",
        refused.text
    );
    // By other words it is the same; what changes nothing does not count.
    engine.docker(&["start", &name]);
    let by_id = client.call("docker_kill", &json!({ "containers": [id], "signal": "SIGUSR1" }));
    assert_eq!(by_id.kind(), "rate_limited", "{}", by_id.text);
    for _ in 0..5 {
        let started = client.call("docker_start", &json!({ "containers": name })).ok();
        assert_eq!(started.structured["results"][0]["changed"], false);
        assert_eq!(
            client.call("docker_volume_remove", &json!({ "volumes": "no-such" })).kind(),
            "permission_denied"
        );
    }
    // Another change of it, reading, and commands (which have their own limit) go on.
    engine.docker(&["start", &name]);
    for _ in 0..5 {
        client
            .call("docker_exec", &json!({ "container": name, "command": ["true"], "user": "65534:65534" }))
            .ok();
        client.call("docker_inspect", &json!({ "container": name })).ok();
    }
    client.call("docker_stop", &json!({ "containers": name, "timeout": 1 })).ok();
}
