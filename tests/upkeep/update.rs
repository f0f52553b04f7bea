//! `docker_update`

use serde_json::json;

use super::{POLITE, forms, on, one};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, post};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn limits_change_and_are_told_before_and_after() {
    let Some(engine) = engine::at_hand("upkeep::update::life") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &["--memory", "64m", "--memory-swap", "96m"], POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(&on("create")).connect();
    let host = || engine.inspect("container", &app)["HostConfig"].clone();
    let updated = one(
        &client,
        "docker_update",
        json!({ "container": app, "memory": "128m", "cpus": 0.5, "pids": 99, "restart_policy": "on-failure:3" }),
    );
    assert_eq!(updated["changed"], true, "{updated}");
    assert_eq!(updated["before"], json!({ "memory": 64 << 20, "restart_policy": "no" }));
    assert_eq!(
        updated["after"],
        json!({ "memory": 128 << 20, "cpus": 0.5, "pids": 99, "restart_policy": "on-failure:3" })
    );
    let now = host();
    assert_eq!(
        (&now["Memory"], &now["MemorySwap"]),
        (&json!(128 << 20), &json!(160 << 20)),
        "swap stays 32 MB"
    );
    assert_eq!((&now["NanoCpus"], &now["PidsLimit"]), (&json!(500_000_000), &json!(99)));
    assert_eq!(now["RestartPolicy"], json!({ "Name": "on-failure", "MaximumRetryCount": 3 }));
    let again =
        one(&client, "docker_update", json!({ "container": app, "memory": 134_217_728, "pids": "99" }));
    assert_eq!(again["changed"], false, "{again}");
    let would = client.call("docker_update", &json!({ "container": app, "pids": 7, "dry_run": true })).ok();
    assert!(would.text.contains("pids 99 → 7"), "{}", would.text);
    one(&client, "docker_update", json!({ "container": app, "restart_policy": "no" }));
    assert_eq!(host()["RestartPolicy"]["Name"], "no");
    assert_eq!(host()["PidsLimit"], 99, "what is not asked for stays");
}

/// Threat K8 and K11: only these fields, and under their ceilings.
#[test]
fn ceilings_and_nothing_else() {
    let Some(engine) = engine::at_hand("upkeep::update::ceilings") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[], POLITE);
    let app = scope.name("app");
    let before = engine.inspect("container", &app)["HostConfig"].clone();
    let config =
        format!("{}[create_safety]\nlimits = {{ memory = \"64m\", cpus = 1.5, pids = 100 }}\n", on("create"));
    let client = Launch::at(&engine.host).config(&config).connect();
    for (key, value) in [("memory", json!("65m")), ("cpus", json!(1.6)), ("pids", json!(101))] {
        for extra in [json!(null), json!("6m")] {
            let mut call = json!({ "container": app, key: value });
            if key != "memory" {
                call["memory"] = extra;
            }
            let refused = client.call("docker_update", &call);
            assert_eq!(refused.kind(), "permission_denied", "{call}: {}", refused.text);
            assert!(refused.text.contains("limits") && refused.text.contains(key), "{}", refused.text);
        }
    }
    for (call, word) in [
        (json!({ "container": app }), "nothing"),
        (json!({ "container": app, "memory": "5m" }), "6m"),
        (json!({ "container": app, "memory": -1 }), "memory"),
        (json!({ "container": app, "memory": 0 }), "6m"),
        (json!({ "container": app, "cpus": 0 }), "cpus"),
        (json!({ "container": app, "cpus": "NaN" }), "cpus"),
        (json!({ "container": app, "pids": 0 }), "pids"),
        (json!({ "container": app, "pids": -1 }), "pids"),
        (json!({ "container": app, "restart_policy": "on-failure:-1" }), "restart"),
        (json!({ "container": app, "restart_policy": "always:3" }), "restart"),
        (json!({ "container": app, "devices": ["/dev/mem"] }), "devices"),
        (json!({ "container": app, "pids": 5, "Devices": [] }), "Devices"),
        (json!({ "container": app, "memory_swap": -1 }), "memory_swap"),
    ] {
        let refused = client.call("docker_update", &call);
        assert_eq!(refused.kind(), "invalid_arguments", "{call}: {}", refused.text);
        assert!(refused.text.contains(word), "{call}: {}", refused.text);
    }
    for (lines, kind) in [
        ("lifecycle = true".to_owned(), "permission_denied"),
        ("create = [\"other\"]".to_owned(), "permission_denied"),
        (format!("create = true\nblacklist_containers = [\"{app}\"]"), "not_found"),
    ] {
        let client = Launch::at(&engine.host).config(&format!("[permissions]\n{lines}\n")).connect();
        for form in forms(&app, &id) {
            let refused = client.call("docker_update", &json!({ "container": form, "pids": 5 }));
            assert_eq!(refused.kind(), kind, "{lines} {form}: {}", refused.text);
        }
    }
    // What the profile keeps from a new container.
    let config = format!("{}[create_safety]\nprofile = \"restricted\"\n", on("create"));
    let tight = Launch::at(&engine.host).config(&config).connect();
    for policy in ["always", "unless-stopped"] {
        let refused = tight.call("docker_update", &json!({ "container": app, "restart_policy": policy }));
        assert_eq!(refused.kind(), "permission_denied", "{policy}: {}", refused.text);
        assert!(refused.text.contains("restricted"), "{}", refused.text);
    }
    assert_eq!(engine.inspect("container", &app)["HostConfig"], before);
}

#[test]
fn what_the_engine_refuses_and_what_is_lost() {
    let Some(engine) = engine::at_hand("upkeep::update::refused") else { return };
    let scope = Scope::new(&engine);
    scope.run("own", &["--cpu-quota", "50000"], POLITE);
    scope.run("app", &[], POLITE);
    let lost = Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let own = engine.inspect("container", &scope.name("own"))["Id"].as_str().unwrap().to_owned();
    let app = engine.inspect("container", &scope.name("app"))["Id"].as_str().unwrap().to_owned();
    let faultd = Faultd::before(&engine).on(post("/update").of(&app), lost);
    let client = Launch::at(&faultd.host()).config(&on("create")).connect();
    let refused = client.call("docker_update", &json!({ "container": scope.name("own"), "cpus": 1 }));
    assert!(["conflict", "invalid_arguments", "daemon_error"].contains(&refused.kind()), "{}", refused.text);
    assert_eq!(refused.structured["error"]["effect"], "none", "{}", refused.text);
    assert!(!refused.text.contains(&own[..12]), "{}", refused.text);
    let result = one(&client, "docker_update", json!({ "container": scope.name("app"), "pids": 50 }));
    assert!(result["note"].as_str().is_some_and(|n| n.contains("lost")), "{result}");
    assert_eq!(engine.inspect("container", &app)["HostConfig"]["PidsLimit"], 50);
}
