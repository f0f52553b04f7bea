//! `docker_remove`

use std::time::Duration;

use serde_json::{Value, json};

use super::{POLITE, forms, on, one};
use crate::support::Launch;
use crate::support::engine::{self, BASE};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, delete};
use crate::support::fixture::Scope;

#[test]
fn a_container_goes_and_its_volumes_when_they_are_asked_for() {
    let Some(engine) = engine::at_hand("upkeep::remove::volumes") else { return };
    let scope = Scope::new(&engine);
    scope.volume("named", &[]);
    let named = format!("{}:/n", scope.name("named"));
    let make = |name: &str| {
        scope.container(&["create"], name, &["-v", "/data", "-v", &named], BASE, &["true"]);
        let mounts = engine.inspect("container", &scope.name(name))["Mounts"].clone();
        let mounts = mounts.as_array().unwrap();
        let anonymous = mounts.iter().find(|m| m["Destination"] == "/data").unwrap();
        anonymous["Name"].as_str().unwrap().to_owned()
    };
    let there = |volume: &str| engine.try_docker(&["volume", "inspect", volume]).is_ok();
    let (kept, gone) = (make("a"), make("b"));
    let client = Launch::at(&engine.host).config(&on("create volumes")).connect();
    let removed = one(&client, "docker_remove", json!({ "container": scope.name("a") }));
    assert_eq!(removed, json!({ "container": scope.name("a"), "changed": true, "state": "removed" }));
    assert!(there(&kept));
    let removed = one(&client, "docker_remove", json!({ "containers": [scope.name("b")], "volumes": true }));
    assert_eq!(removed["volumes_removed"], json!([gone]), "{removed}");
    assert!(!there(&gone) && there(&scope.name("named")));
    for name in ["a", "b"] {
        let again = client.call("docker_remove", &json!({ "containers": scope.name(name) }));
        assert_eq!(again.kind(), "not_found", "{}", again.text);
    }
    engine.docker(&["volume", "rm", &kept]);
}

#[test]
fn what_would_go_is_shown_first() {
    let Some(engine) = engine::at_hand("upkeep::remove::preview") else { return };
    let scope = Scope::new(&engine);
    let write = ["sh", "-c", "dd if=/dev/zero of=/big bs=1000 count=300 2>/dev/null; sleep 9999"];
    scope.container(&["run", "-d", "--stop-timeout", "0"], "app", &["-v", "/data"], BASE, &write);
    let app = scope.name("app");
    std::thread::sleep(Duration::from_millis(500));
    let config = "[permissions]\ncreate = true\nvolumes = true\nlifecycle = true\n";
    let client = Launch::at(&engine.host).config(config).connect();
    let call = json!({ "containers": app, "force": true, "volumes": true });
    let with = |token: &str| {
        let mut call = call.clone();
        call["confirm_token"] = json!(token);
        client.call("docker_remove", &call)
    };
    let ask = || {
        let held = client.call("docker_remove", &call).ok();
        assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
        held
    };
    let held = ask();
    let line = held.structured["preview"]["would_change"][0].as_str().unwrap().to_owned();
    for word in [app.as_str(), "running", "s old", "300kB", "1 anonymous volume"] {
        assert!(line.contains(word), "{word}: {line}");
    }
    // Its state has changed since: the token is void.
    let token = held.structured["confirm_token"].as_str().unwrap().to_owned();
    engine.docker(&["stop", "-t", "0", &app]);
    assert_eq!(with(&token).kind(), "confirmation_invalid");
    let token = ask().structured["confirm_token"].as_str().unwrap().to_owned();
    assert_eq!(with(&token).ok().structured["results"][0]["changed"], true);
    assert!(engine.try_docker(&["inspect", &app]).is_err());
}

#[test]
fn a_running_one_is_refused_without_force() {
    let Some(engine) = engine::at_hand("upkeep::remove::running") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(&on("create")).connect();
    let refused = client.call("docker_remove", &json!({ "containers": app }));
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    assert!(refused.text.contains("is running") && refused.text.contains("force"), "{}", refused.text);
    assert_eq!(refused.structured["error"]["effect"], "none");
    for (arguments, word) in [
        (json!({ "containers": [] }), "containers"),
        (json!({ "containers": app, "force": "perhaps" }), "force"),
        (json!({ "containers": app, "link": true }), "link"),
        (json!({ "containers": "../images/x" }), "x"),
        (json!({ "containers": vec![app.as_str(); 51] }), "50"),
    ] {
        let refused = client.call("docker_remove", &arguments);
        assert_eq!(refused.kind(), "invalid_arguments", "{arguments}: {}", refused.text);
        assert!(refused.text.contains(word), "{arguments}: {}", refused.text);
    }
    assert_eq!(one(&client, "docker_remove", json!({ "containers": app, "force": true }))["changed"], true);
    assert!(engine.try_docker(&["inspect", &app]).is_err());
}

/// Threats N4, X12, M10: nothing goes that the levels and the filters do not cover.
#[test]
fn what_the_settings_forbid_is_not_removed() {
    let Some(engine) = engine::at_hand("upkeep::remove::forbidden") else { return };
    let scope = Scope::new(&engine);
    let id = scope.container(&["create"], "app", &["-v", "/data"], BASE, &["true"]);
    scope.container(&["create"], "other", &["-v", "/data"], BASE, &["true"]);
    let (app, other) = (scope.name("app"), scope.name("other"));
    let there = || engine.try_docker(&["inspect", &app, &other]).is_ok();
    let refused = |config: &str, arguments: Value| {
        let result = Launch::at(&engine.host).config(config).connect().call("docker_remove", &arguments);
        assert!(there(), "{config}: it is gone");
        result
    };
    let call = json!({ "containers": app });
    assert_eq!(refused(&on("lifecycle volumes"), call.clone()).kind(), "permission_denied");
    // M10: the volumes have a level of their own.
    let with = json!({ "containers": [app, other], "volumes": true });
    let off = refused(&on("create"), with);
    assert_eq!(off.kind(), "permission_denied", "{}", off.text);
    assert!(off.text.contains("`volumes` is off"), "{}", off.text);
    // Volumes out of sight do not go with a container in sight.
    let list = "[permissions]\ncreate = true\nvolumes = true\nwhitelist_volumes = [\"x-*\"]\n[confirm]\nrequire = \"none\"\n";
    let unseen = refused(list, json!({ "containers": app, "volumes": true }));
    assert_eq!(unseen.kind(), "permission_denied", "{}", unseen.text);

    let hidden = format!(
        "{}\n",
        on("create").replace("create = true", &format!("create = true\nblacklist_containers = [\"{app}\"]"))
    );
    for form in forms(&app, &id) {
        let result = refused(&hidden, json!({ "containers": [other, form], "force": true }));
        assert_eq!(result.kind(), "not_found", "{form}: {}", result.text);
    }
    for bad in [format!("../volumes/{app}"), format!("x/../{app}"), format!("{app}\n")] {
        let result = refused(&on("create"), json!({ "containers": bad }));
        assert_eq!(result.kind(), "invalid_arguments", "{}", result.text);
    }
}

#[test]
fn an_answer_that_is_lost_is_looked_for() {
    let Some(engine) = engine::at_hand("upkeep::remove::lost") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["create"], "app", &[], BASE, &["true"]);
    let faultd = Faultd::before(&engine).on(delete(""), Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]));
    let client = Launch::at(&faultd.host()).config(&on("create")).connect();
    let result = one(&client, "docker_remove", json!({ "containers": scope.name("app") }));
    assert_eq!(result["changed"], true, "{result}");
    assert!(result["note"].as_str().is_some_and(|n| n.contains("lost") && n.contains("gone")), "{result}");
    assert_eq!(faultd.count(&delete("")), 1);
}

#[test]
fn a_removal_called_off_in_time_is_not_made() {
    let Some(engine) = engine::at_hand("upkeep::remove::cancelled") else { return };
    let scope = Scope::new(&engine);
    scope.container(
        &["run", "-d", "--stop-timeout", "2"],
        "app",
        &[],
        BASE,
        &["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
    );
    let app = scope.name("app");
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&on("create lifecycle")).connect();
    let stop = client.begin_call("docker_stop", &json!({ "containers": app }));
    faultd.wait_for(&crate::support::faultd::post("/stop"), 1, Duration::from_secs(3));
    let remove = client.begin_call("docker_remove", &json!({ "containers": app, "force": true }));
    std::thread::sleep(Duration::from_millis(400));
    client.notify("notifications/cancelled", json!({ "requestId": remove, "reason": "test" }));
    client.wait(&stop).tool().ok();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(faultd.count(&delete("")), 0);
    assert!(engine.try_docker(&["inspect", &app]).is_ok());
}
