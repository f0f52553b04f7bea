//! `docker_compose_down`: what goes, what stays, and that it is shown before.

use serde_json::{Value, json};

use super::stack::{ON, POLITE, Stack};
use crate::support::Launch;
use crate::support::faultd::{Fault, Faultd, delete};
use crate::support::{Client, engine};

fn confirmed(client: &Client, tool: &str, arguments: &Value) -> (Value, crate::support::ToolResult) {
    let held = client.call(tool, arguments).ok();
    assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
    let mut again = arguments.clone();
    again["confirm_token"] = held.structured["confirm_token"].clone();
    (held.structured["preview"]["would_change"].clone(), client.call(tool, &again))
}

#[test]
fn it_is_shown_and_confirmed_and_then_all_of_it_goes() {
    let Some(engine) = engine::at_hand("compose::down::confirmed") else { return };
    let stack = Stack::new(&engine);
    for network in ["front", "empty", "used"] {
        stack.network(network);
    }
    for volume in ["data", "unused", "shared"] {
        stack.volume(volume);
    }
    let n = |short: &str| stack.name(short);
    let mounts = [format!("{}:/d", n("data")), format!("{}:/s", n("shared"))];
    stack.run(
        "db",
        "",
        &["--network", &n("front"), "-v", &mounts[0], "-v", &mounts[1], "-v", "/anonymous"],
        POLITE,
    );
    stack.run("web", "db:service_started:false", &["--network", &n("used")], POLITE);
    // Another's, on a network and a volume of the project.
    stack.scope.run("other", &["--network", &n("used"), "-v", &mounts[1]], POLITE);
    // A whitelist of volumes would hide the one without a name.
    let config =
        stack.config("lifecycle = true\nvolumes = true\n").replace("whitelist_volumes", "blacklist_images");
    let client = Launch::at(&engine.host).config(&config).connect();
    let dry = client.call("docker_compose_down", &json!({ "project": stack.project, "dry_run": true })).ok();
    assert_eq!(dry.structured["preview"]["count"], 4, "{}", dry.text);
    assert!(stack.has("container", "db-1"));

    let ask = json!({ "project": stack.project, "volumes": true, "timeout": 5 });
    let (lines, done) = confirmed(&client, "docker_compose_down", &ask);
    let lines: Vec<&str> = lines.as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    let anonymous = lines.iter().filter(|l| l.contains(&format!("anonymous, of {}", n("db-1")))).count();
    let named =
        |kind: &str, short: &str| lines.iter().any(|l| l.starts_with(&format!("{kind} `{}`", n(short))));
    for (kind, short) in [
        ("container", "db-1"),
        ("container", "web-1"),
        ("network", "front"),
        ("network", "empty"),
        ("volume", "data"),
        ("volume", "unused"),
    ] {
        assert!(named(kind, short), "{kind} {short} in {lines:#?}");
    }
    assert_eq!((lines.len(), anonymous), (7, 1), "{lines:#?}");
    let done = done.ok();
    for gone in [
        ("container", "db-1"),
        ("container", "web-1"),
        ("network", "front"),
        ("network", "empty"),
        ("volume", "data"),
        ("volume", "unused"),
    ] {
        assert!(!stack.has(gone.0, gone.1), "{gone:?}: {}", done.text);
    }
    for kept in [("container", "other"), ("network", "used"), ("volume", "shared")] {
        assert!(stack.has(kept.0, kept.1), "{kept:?}: {}", done.text);
    }
    for (kind, name) in [("network", "used"), ("volume", "shared")] {
        let words = format!("{kind} `{}` stays: it is in use by {}", n(name), n("other"));
        assert!(done.text.contains(&words), "{}", done.text);
    }
    assert!(done.text.contains("with 1 of its volumes"), "{}", done.text);
    assert_eq!(done.structured["results"][0]["service"], "web", "{}", done.structured);
}

#[test]
fn volumes_need_their_level_and_a_token_is_for_what_was_shown() {
    let Some(engine) = engine::at_hand("compose::down::levels") else { return };
    let stack = Stack::new(&engine);
    stack.volume("data");
    stack.run("db", "", &["-v", &format!("{}:/d", stack.name("data"))], POLITE);
    let client = stack.client("lifecycle = true\n");
    let refused = client.call("docker_compose_down", &json!({ "project": stack.project, "volumes": true }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("`volumes`") && stack.state("db") == "running", "{}", refused.text);
    let held = client.call("docker_compose_down", &stack.ask()).ok();
    stack.run("web", "", &[], POLITE);
    let late = json!({ "project": stack.project, "confirm_token": held.structured["confirm_token"] });
    assert_eq!(client.call("docker_compose_down", &late).kind(), "confirmation_invalid");
    assert_eq!((stack.state("db").as_str(), stack.state("web").as_str()), ("running", "running"));
    let (_, done) = confirmed(&client, "docker_compose_down", &stack.ask());
    done.ok();
    assert!(
        stack.has("volume", "data") && !stack.has("container", "db-1") && !stack.has("container", "web-1")
    );
}

#[test]
fn of_some_services_only_what_is_theirs_goes() {
    let Some(engine) = engine::at_hand("compose::down::services") else { return };
    let stack = Stack::new(&engine);
    for network in ["front", "back", "idle"] {
        stack.network(network);
    }
    let n = |short: &str| stack.name(short);
    stack.run("db", "", &["--network", &n("back")], POLITE);
    stack.run("web", "db:service_started:false", &["--network", &n("front")], POLITE);
    engine.docker(&["network", "connect", &n("back"), &n("web-1")]);
    let client = stack.client(ON);
    let ask = json!({ "project": stack.project, "services": ["web"], "remove_orphans": true });
    let done = client.call("compose_down", &ask).ok();
    assert_eq!(["web-1", "db-1"].map(|c| stack.has("container", c)), [false, true], "{}", done.text);
    assert_eq!(
        ["front", "back", "idle"].map(|x| stack.has("network", x)),
        [false, true, true],
        "{}",
        done.text
    );
    assert!(
        done.text.contains("remove_orphans does nothing") && !done.text.contains(&n("idle")),
        "{}",
        done.text
    );
    // What a down that broke off left: networks alone are enough.
    engine.docker(&["rm", "-f", &n("db-1")]);
    // Who may act on some names only has no say in what none of them uses.
    let some =
        stack.client(&format!("lifecycle = [\"{}-web*\"]\n[confirm]\nrequire = \"none\"\n", stack.project));
    assert_eq!(some.call("docker_compose_down", &stack.ask()).kind(), "not_found");
    client.call("docker_compose_down", &stack.ask()).ok();
    assert_eq!(["front", "back", "idle"].map(|x| stack.has("network", x)), [false; 3]);
    assert_eq!(client.call("docker_compose_down", &stack.ask()).kind(), "not_found");
}

/// What was stopped and not removed is said, with its service, beside what went.
#[test]
fn a_part_that_fails_is_told() {
    let Some(engine) = engine::at_hand("compose::down::partial") else { return };
    if engine.socket().is_none() {
        return;
    }
    let stack = Stack::new(&engine);
    stack.network("front");
    let net = stack.name("front");
    let id = stack.run("db", "", &["--network", &net], POLITE);
    stack.run("web", "db:service_started:false", &["--network", &net], POLITE);
    let faultd = Faultd::before(&engine);
    faultd.set(
        delete(&format!("/containers/{id}")),
        Fault::DockerError(500, "driver failed to remove root filesystem".into()),
    );
    let client = Launch::at(&faultd.host()).config(&stack.config(ON)).connect();
    let some = client.call("docker_compose_down", &stack.ask()).ok();
    let results = some.structured["results"].as_array().unwrap();
    let db = results.iter().find(|r| r["service"] == "db").unwrap();
    assert_eq!(db["error"]["effect"], "done", "{}", some.text);
    assert!(db["error"]["message"].as_str().unwrap().contains("stopped, and not removed"), "{}", some.text);
    assert_eq!((stack.state("db").as_str(), stack.has("container", "web-1")), ("exited", false));
    assert!(some.structured["failed"].as_u64().unwrap() >= 1, "{}", some.text);
    let line = client
        .audit_lines()
        .into_iter()
        .find(|l| l["tool"] == "docker_compose_down" && l["outcome"] != "intent");
    assert_eq!(line.unwrap()["effect"], "done");
    faultd.clear();
    client.call("docker_compose_down", &stack.ask()).ok();
    assert!(!stack.has("container", "db-1") && !stack.has("network", "front"));
}

/// A volume without a name goes with its container, so it must be in sight like any other.
#[test]
fn volumes_out_of_sight_keep_their_containers() {
    let Some(engine) = engine::at_hand("compose::down::unseen") else { return };
    let stack = Stack::new(&engine);
    stack.run("db", "", &["-v", "/anonymous"], POLITE);
    let client = stack.client(&format!("volumes = true\n{ON}"));
    let ask = json!({ "project": stack.project, "volumes": true });
    let refused = client.call("docker_compose_down", &ask);
    assert_eq!(
        (refused.kind(), stack.state("db").as_str()),
        ("permission_denied", "running"),
        "{}",
        refused.text
    );
    let volume =
        engine.inspect("container", &stack.name("db-1"))["Mounts"][0]["Name"].as_str().unwrap().to_owned();
    client.call("docker_compose_down", &stack.ask()).ok();
    assert!(!stack.has("container", "db-1"));
    engine.docker(&["volume", "rm", &volume]);
}
