//! Starting, stopping and their kin on real containers.

use serde_json::{Value, json};

use crate::support::fixture::Scope;
use crate::support::{Launch, engine, one};

const ON: &str = "[permissions]\nlifecycle = true\n";
/// Ends at SIGTERM, at once.
const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];

#[test]
fn a_container_goes_through_its_life() {
    let Some(engine) = engine::at_hand("lifecycle::life") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(ON).connect();
    let state = || engine.inspect("container", &app)["State"].clone();

    let paused = one(&client, "docker_pause", json!({ "containers": app }));
    assert_eq!((&paused["changed"], &paused["state"]), (&json!(true), &json!("paused")));
    assert_eq!(state()["Status"], "paused");
    assert_eq!(client.call("docker_pause", &json!({ "containers": app })).kind(), "conflict");
    assert_eq!(one(&client, "docker_unpause", json!({ "containers": [app] }))["state"], "running");

    let started = state()["StartedAt"].clone();
    let again = one(&client, "docker_start", json!({ "containers": app }));
    assert_eq!((&again["changed"], &again["container"]), (&json!(false), &json!(app)), "it runs already");
    let restarted = one(&client, "docker_restart", json!({ "container": app, "timeout": 5 }));
    assert_eq!((&restarted["changed"], &restarted["state"]), (&json!(true), &json!("running")));
    assert_ne!(state()["StartedAt"], started);

    let stopped = one(&client, "docker_stop", json!({ "containers": app, "timeout": "5s" }));
    assert_eq!(stopped, json!({ "container": app, "changed": true, "state": "exited", "exit_code": 3 }));
    let again = one(&client, "docker_stop", json!({ "containers": app }));
    assert_eq!(again["changed"], false);
    assert_eq!(one(&client, "docker_start", json!({ "containers": app }))["state"], "running");
    let killed = one(&client, "docker_kill", json!({ "containers": app }));
    assert_eq!(killed["changed"], true);
    engine.wait_state(&app, "exited");
    assert_eq!(state()["ExitCode"], 137);
    assert_eq!(client.call("docker_kill", &json!({ "containers": app })).kind(), "conflict");

    let lines = client.audit_wait(20);
    let stop: Vec<&Value> = lines.iter().filter(|l| l["tool"] == "docker_stop").collect();
    let told: Vec<(&str, &str)> =
        stop.iter().map(|l| (l["outcome"].as_str().unwrap(), l["effect"].as_str().unwrap())).collect();
    assert_eq!(told[..2], [("intent", "none"), ("done", "done")], "{stop:#?}");
    assert!(stop.iter().all(|l| l["target"] == json!([app]) && l["level"] == json!(["lifecycle"])));
}

#[test]
fn several_at_once_each_with_its_result() {
    let Some(engine) = engine::at_hand("lifecycle::several") else { return };
    let scope = Scope::new(&engine);
    for name in ["a", "b", "c"] {
        scope.run(name, &[], POLITE);
    }
    let names: Vec<String> = ["a", "b", "c"].iter().map(|n| scope.name(n)).collect();
    let client = Launch::at(&engine.host).config(ON).connect();
    // One that is unknown: nothing is done to the others.
    let unknown = [names.as_slice(), &["nosuch-container".to_owned()]].concat();
    let refused = client.call("docker_stop", &json!({ "containers": unknown }));
    assert_eq!(refused.kind(), "not_found", "{}", refused.text);
    assert!(names.iter().all(|n| engine.inspect("container", n)["State"]["Running"] == true));

    // One that cannot: the others are stopped, and it is said.
    engine.docker(&["kill", &names[1]]);
    let result = client.call("docker_kill", &json!({ "containers": names, "signal": "TERM" })).ok();
    assert_eq!(result.structured["failed"], 1, "{}", result.text);
    assert!(result.text.contains("1 of 3 containers FAILED"), "{}", result.text);
    let of = |name: &str| {
        let list = result.structured["results"].as_array().unwrap();
        list.iter().find(|r| r["container"] == name).unwrap().clone()
    };
    assert_eq!(of(&names[0])["changed"], true);
    assert_eq!(of(&names[1])["error"]["kind"], "conflict");
    assert_eq!(of(&names[1])["error"]["effect"], "none");

    // A name and an id of one container are one container.
    let id = engine.inspect("container", &names[1])["Id"].clone();
    let twice = client.call("docker_start", &json!({ "containers": [names[1], id] })).ok();
    assert_eq!(twice.structured["results"].as_array().unwrap().len(), 1, "{}", twice.text);
    let none = client.call("docker_start", &json!({ "containers": [] }));
    assert_eq!(none.kind(), "invalid_arguments");
}

#[test]
fn what_the_settings_forbid_is_not_done() {
    let Some(engine) = engine::at_hand("lifecycle::forbidden") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let call = json!({ "containers": app });
    let runs = || engine.inspect("container", &app)["State"]["Running"] == true;

    let off = Launch::at(&engine.host).connect();
    assert!(!off.tools().iter().any(|t| t["name"] == "docker_stop"));
    assert_eq!(off.call("docker_stop", &call).kind(), "permission_denied");

    let others = Launch::at(&engine.host).config("[permissions]\nlifecycle = [\"other-*\"]\n").connect();
    let refused = others.call("docker_stop", &call);
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);

    let hidden = format!("[permissions]\nlifecycle = true\nblacklist_containers = [\"{app}\"]\n");
    assert_eq!(
        Launch::at(&engine.host).config(&hidden).connect().call("docker_stop", &call).kind(),
        "not_found"
    );

    let dry = Launch::at(&engine.host).config(&format!("dry_run = true\n{ON}")).connect();
    let would = dry.call("docker_stop", &call).ok();
    assert_eq!(would.structured["status"], "dry_run");
    assert_eq!(would.structured["preview"]["would_change"], json!([format!("container `{app}`")]));

    let asked = dry.call("docker_stop", &json!({ "containers": app, "dry_run": "maybe" }));
    assert_eq!(asked.kind(), "invalid_arguments", "{}", asked.text);
    let one = Launch::at(&engine.host).config(ON).connect();
    let would = one.call("docker_stop", &json!({ "containers": app, "dry_run": true })).ok();
    assert_eq!(would.structured["status"], "dry_run", "{}", would.text);
    let client = Launch::at(&engine.host).config(ON).connect();
    for (arguments, word) in [
        (json!({ "containers": app, "timeout": 56 }), "lifecycle_timeout"),
        (json!({ "containers": app, "timeout": -1 }), "timeout"),
        (json!({ "containers": app, "signal": "TERM; rm" }), "signal"),
        (json!({ "containers": app, "signal": "SIGNOSUCH" }), "signal"),
        (json!({ "containers": app, "force": true }), "force"),
    ] {
        let refused = client.call("docker_stop", &arguments);
        assert_eq!(refused.kind(), "invalid_arguments", "{arguments}: {}", refused.text);
        assert!(refused.text.contains(word), "{arguments}: {}", refused.text);
    }
    assert!(runs(), "it was stopped");
}

#[test]
fn seed_names_reach_them() {
    let Some(engine) = engine::at_hand("lifecycle::aliases") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(ON).connect();
    for (tool, argument) in [
        ("restart_container", "container_name"),
        ("stop-container", "id"),
        ("start-container", "container"),
        ("restart-container", "containers"),
    ] {
        let result = client.call(tool, &json!({ argument: app })).ok();
        assert_eq!(result.structured["results"][0]["container"], json!(app), "{tool}: {}", result.text);
    }
}

/// What needs a confirmation is shown first; its token lets exactly that call through, once.
#[test]
fn a_confirmation_is_for_one_call_once() {
    let Some(engine) = engine::at_hand("lifecycle::confirmed") else { return };
    let scope = Scope::new(&engine);
    for name in ["a", "b"] {
        scope.run(name, &[], POLITE);
    }
    let (a, b) = (scope.name("a"), scope.name("b"));
    let runs = |name: &str| engine.inspect("container", name)["State"]["Running"] == true;
    for require in ["\"mutating\"", "[\"lifecycle\"]", "[\"docker_st*\"]"] {
        engine.docker(&["start", &a, &b]);
        let config = format!("{ON}[confirm]\nrequire = {require}\nttl = \"5s\"\n");
        let client = Launch::at(&engine.host).config(&config).connect();
        let ask = |arguments: &Value| {
            let held = client.call("docker_stop", arguments).ok();
            assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
            assert_eq!(held.structured["expires_in_s"], 5);
            assert!(held.text.contains(&a), "the text is complete too: {}", held.text);
            held.structured["confirm_token"].as_str().unwrap().to_owned()
        };
        let call = json!({ "containers": a, "timeout": 5 });
        let token = ask(&call);
        assert_eq!(token.len(), 32, "it is not masked: {token}");
        assert!(runs(&a));
        let with = |arguments: &Value, token: &str| {
            let mut arguments = arguments.clone();
            arguments["confirm_token"] = json!(token);
            client.call("docker_stop", &arguments)
        };
        // Another target, another argument, another tool, no token at all: refused, and the token is burned.
        for other in [json!({ "containers": b, "timeout": 5 }), json!({ "containers": a, "timeout": 4 })] {
            let refused = with(&other, &token);
            assert_eq!(refused.kind(), "confirmation_invalid", "{}", refused.text);
        }
        assert_eq!(with(&call, &token).kind(), "confirmation_invalid", "burned");
        assert_eq!(with(&call, "0123456789abcdef0123456789abcdef").kind(), "confirmation_invalid");
        // A name and its id are the same container, but not the same words: what was shown is what is done.
        let token = ask(&call);
        let done = with(&call, &token).ok();
        assert_eq!(done.structured["results"][0]["changed"], true, "{}", done.text);
        assert_eq!(with(&call, &token).kind(), "confirmation_invalid", "once");
        engine.docker(&["start", &a]);
        let token = ask(&call);
        if require.starts_with('"') {
            // Its time is over.
            std::thread::sleep(std::time::Duration::from_millis(5100));
            assert_eq!(with(&call, &token).kind(), "confirmation_invalid");
        }
        assert!(runs(&a) && runs(&b));
        let audit = client.audit_text();
        assert!(!audit.contains(&token) && audit.contains("\"preview\""), "{audit}");
    }
    let human = format!("{ON}[confirm]\nrequire = \"mutating\"\nby = \"human\"\n");
    let held =
        Launch::at(&engine.host).config(&human).connect().call("docker_stop", &json!({ "containers": a }));
    assert_eq!(held.structured["status"], "approval_pending", "{}", held.text);
    assert!(runs(&a));
}

#[test]
fn the_command_line_asks_or_takes_yes() {
    let Some(engine) = engine::at_hand("lifecycle::cli") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let config = format!("{ON}[confirm]\nrequire = \"mutating\"\n");
    let run = |yes: bool| {
        let json = json!({ "containers": app }).to_string();
        let launch = Launch::at(&engine.host).config(&config).arg("call").arg("docker_stop").arg(&json);
        if yes { launch.arg("--yes").output() } else { launch.output() }
    };
    let held = run(false);
    assert_eq!(held.status.code(), Some(1));
    let told = String::from_utf8_lossy(&held.stderr).into_owned();
    assert!(told.contains("nothing was done") && told.contains(&app), "{told}");
    assert!(engine.inspect("container", &app)["State"]["Running"] == true);
    let done = run(true);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(engine.inspect("container", &app)["State"]["Running"] == false);
}
