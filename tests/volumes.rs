//! Making and removing volumes on a real engine.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::faultd::{Fault, Faultd, Poison, Toxic, delete, post};
use crate::support::fixture::{Made, Scope};
use crate::support::{Engine, Fixture, Launch, engine, one};

const ON: &str = "[confirm]\nrequire = \"none\"\n[permissions]\nvolumes = true\n";

fn exists(engine: &Engine, name: &str) -> bool {
    engine.try_docker(&["volume", "inspect", name]).is_ok()
}

#[test]
fn a_volume_is_made_and_removed() {
    let Some(engine) = engine::at_hand("volumes::life") else { return };
    let scope = Scope::new(&engine);
    let (name, memory) = (scope.name("data"), scope.name("memory"));
    let _made = Made(&engine, "volume", vec![name.clone(), memory.clone()]);
    let client = Launch::at(&engine.host).config(ON).connect();

    let call = json!({ "name": name, "labels": { "team": "a" } });
    let made = one(&client, "docker_volume_create", call.clone());
    assert_eq!((&made["changed"], &made["volume"]), (&json!(true), &json!(name)), "{made}");
    let there = engine.inspect("volume", &name);
    assert_eq!((&there["Driver"], &there["Labels"]), (&json!("local"), &json!({ "team": "a" })));
    assert_eq!(one(&client, "docker_volume_create", call)["changed"], false, "it is there already");
    let other = client.call("docker_volume_create", &json!({ "name": name, "labels": { "team": "b" } }));
    assert_eq!(other.kind(), "conflict", "{}", other.text);

    let opts = json!({ "type": "tmpfs", "device": "tmpfs", "o": "uid=1000,size=1m,mode=0700" });
    one(&client, "docker_volume_create", json!({ "name": memory, "driver": "local", "driver_opts": opts }));
    let options = engine.inspect("volume", &memory)["Options"].clone();
    assert_eq!(
        options,
        json!({ "type": "tmpfs", "device": "tmpfs", "o": "size=1048576,uid=1000,mode=0700" })
    );
    let other = client.call("docker_volume_create", &json!({ "name": memory }));
    assert_eq!(other.kind(), "conflict", "{}", other.text);

    // In use, running or not: the user is named, and nothing happens.
    let mount = format!("{name}:/data");
    scope.container(&["create"], "app", &["-v", &mount], engine::BASE, &["true"]);
    let used = client.call("docker_volume_remove", &json!({ "name": name }));
    assert_eq!((used.kind(), used.text.contains(&scope.name("app"))), ("conflict", true), "{}", used.text);
    assert_eq!(used.structured["error"]["effect"], "none");
    engine.docker(&["rm", &scope.name("app")]);
    let removed = client.call("docker_volume_remove", &json!({ "volumes": [name, memory] })).ok();
    assert_eq!(removed.structured["results"].as_array().unwrap().len(), 2, "{}", removed.text);
    assert!(!exists(&engine, &name) && !exists(&engine, &memory));
    assert_eq!(client.call("docker_volume_remove", &json!({ "name": name })).kind(), "not_found");
    let lines = client.audit_wait(14);
    assert!(
        lines.iter().any(|l| l["tool"] == "docker_volume_remove" && l["outcome"] == "done"),
        "{lines:#?}"
    );
}

#[test]
fn what_the_settings_forbid_is_not_done() {
    let Some(engine) = engine::at_hand("volumes::forbidden") else { return };
    let scope = Scope::new(&engine);
    let kept = scope.name("kept");
    scope.volume("kept", &[]);
    let new = scope.name("new");
    let _made = Made(&engine, "volume", vec![new.clone()]);
    let off = Launch::at(&engine.host).connect();
    for (tool, arguments) in [
        ("docker_volume_create", json!({ "name": new })),
        ("docker_volume_remove", json!({ "name": kept })),
        ("docker_volume_prune", json!({})),
    ] {
        assert!(!off.tools().iter().any(|t| t["name"] == tool));
        assert_eq!(off.call(tool, &arguments).kind(), "permission_denied", "{tool}");
    }
    let listed = format!("{ON}blacklist_volumes = [\"{new}\"]\n");
    let refused = Launch::at(&engine.host).config(&listed).connect();
    assert_eq!(refused.call("docker_volume_create", &json!({ "name": new })).kind(), "permission_denied");
    let client = Launch::at(&engine.host).config(ON).connect();
    let dry = client.call("docker_volume_create", &json!({ "name": new, "dry_run": true })).ok();
    assert_eq!(dry.structured["status"], "dry_run", "{}", dry.text);
    for arguments in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "../x" }),
        json!({ "name": "a/b" }),
        json!({ "name": "0123456789abcdef" }),
        json!({ "name": new, "Driver": "local" }),
        json!({ "name": new, "options": {} }),
        json!({ "name": new, "driver_opts": "x" }),
        json!({ "name": new, "labels": { "a b": "x" } }),
    ] {
        let refused = client.call("docker_volume_create", &arguments);
        assert_eq!(refused.kind(), "invalid_arguments", "{arguments}: {}", refused.text);
    }
    for arguments in [json!({ "name": [] }), json!({ "name": kept, "force": true })] {
        assert_eq!(client.call("docker_volume_remove", &arguments).kind(), "invalid_arguments");
    }
    for label in ["com.docker.compose.project", "docker-mcp.test", "com.docker.volume.anonymous"] {
        let refused = client.call("docker_volume_create", &json!({ "name": new, "labels": { label: "x" } }));
        assert_eq!(refused.kind(), "permission_denied", "{label}: {}", refused.text);
    }
    assert!(!exists(&engine, &new) && exists(&engine, &kept));
}

/// Threat M1: a `local` volume with options is a mount(8) as root. Each of these mounted content of the host.
#[test]
fn m1_no_volume_mounts_the_host() {
    let Some(engine) = engine::at_hand("volumes::m1") else { return };
    let scope = Scope::new(&engine);
    let new = scope.name("new");
    let _made = Made(&engine, "volume", vec![new.clone()]);
    let client = Launch::at(&engine.host).config(ON).connect();
    for opts in [
        json!({ "type": "none", "o": "bind", "device": "/" }),
        json!({ "type": "none", "o": "rbind,ro", "device": "/etc" }),
        json!({ "type": "none", "o": "bind", "device": "/tmp/../etc" }),
        json!({ "type": "overlay", "o": "lowerdir=/etc:/usr", "device": "overlay" }),
        json!({ "type": "ext4", "device": "/dev/vda" }),
        json!({ "type": "proc", "device": "proc" }),
        json!({ "type": "sysfs", "device": "sysfs" }),
        json!({ "type": "devtmpfs", "device": "devtmpfs" }),
        json!({ "type": "cgroup", "device": "cgroup", "o": "devices" }),
        json!({ "type": "debugfs", "device": "debugfs" }),
        json!({ "type": "nfs", "device": ":/", "o": "addr=127.0.0.1" }),
        json!({ "type": "tmpfs", "device": "tmpfs", "o": "size=1m,bind" }),
        json!({ "type": "tmpfs", "device": "tmpfs", "o": "size=1m", "TYPE": "none" }),
        // As a list, which some clients send.
        json!(["type=none", "o=bind", "device=/"]),
    ] {
        let refused = client.call("docker_volume_create", &json!({ "name": new, "driver_opts": opts }));
        assert_eq!(refused.kind(), "permission_denied", "{opts}: {}", refused.text);
        assert!(refused.text.contains("tmpfs"), "the rule is told: {}", refused.text);
    }
    for driver in ["vieux/sshfs", "nfs", "Local", "local "] {
        let refused = client.call("docker_volume_create", &json!({ "name": new, "driver": driver }));
        assert_eq!(refused.kind(), "permission_denied", "{driver}: {}", refused.text);
    }
    assert!(!exists(&engine, &new));
    // Only a person who starts the server without guards gets that.
    let bypass = Launch::at(&engine.host).arg("--bypass-permissions").connect();
    let opts = json!({ "type": "none", "o": "bind", "device": "/tmp" });
    assert_eq!(
        one(&bypass, "docker_volume_create", json!({ "name": new, "driver_opts": opts }))["changed"],
        true
    );
}

/// Threats X5, X14, Y1: a volume that a hidden container uses does not exist, and its name is not to be had.
#[test]
fn x5_volumes_of_hidden_containers_do_not_exist() {
    let Some(engine) = engine::at_hand("volumes::hidden") else { return };
    let fixture = Fixture::new(&engine);
    let before = fixture.state();
    let config = format!("{}volumes = true\n[confirm]\nrequire = \"none\"\n", fixture.config());
    let client = Launch::at(&engine.host).config(&config).connect();
    for (hidden, absent) in [("vdata", "vdatx"), ("vold", "volx")] {
        let (hidden, absent) = (fixture.name(hidden), fixture.name(absent));
        for write in [
            (|n: &str| json!(n)) as fn(&str) -> Value,
            |n| json!([n]),
            |n| json!(format!("/{n}")),
            |n| json!(format!("../volumes/{n}")),
            |n| json!(format!("{n}\n")),
            |n| json!(n.to_uppercase()),
        ] {
            let ask = |name: &str| {
                let answer = client.call("docker_volume_remove", &json!({ "name": write(name) }));
                assert!(["not_found", "invalid_arguments"].contains(&answer.kind()), "{}", answer.text);
                let call = answer.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
                let whole = answer.whole().replace(&call, "<call>");
                whole.replace(name, "<asked>").replace(&name.to_uppercase(), "<ASKED>")
            };
            assert_eq!(ask(&hidden), ask(&absent));
        }
        let taken = client.call("docker_volume_create", &json!({ "name": hidden }));
        assert_eq!(taken.kind(), "conflict", "{}", taken.text);
        assert!(taken.text.contains("is not available"), "{}", taken.text);
    }
    // Prunes: of those that are unused, hidden ones are none.
    engine.docker(&["rm", "-f", &fixture.name("app")]);
    let pruned = client.call("docker_volume_prune", &json!({ "all": true })).ok();
    let names: Vec<&str> = pruned.structured["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|r| r["volume"].as_str())
        .collect();
    assert_eq!(names, [fixture.name("appdata")], "{}", pruned.text);
    for word in fixture.forbidden() {
        assert!(!pruned.whole().contains(&word), "{word} in {}", pruned.text);
    }
    assert_eq!(fixture.state(), before, "a hidden object changed");
}

/// Threats X12, N12: exactly what was shown is removed, and only while it is the same.
#[test]
fn x12_a_prune_takes_what_it_showed() {
    let Some(engine) = engine::at_hand("volumes::prune") else { return };
    let scope = Scope::new(&engine);
    for name in ["a", "b", "used"] {
        scope.volume(name, &[]);
    }
    let (a, b, used) = (scope.name("a"), scope.name("b"), scope.name("used"));
    let (mount, filled) = (format!("{used}:/data"), format!("{a}:/data"));
    scope.container(&["create"], "app", &["-v", &mount], engine::BASE, &["true"]);
    let fill = ["sh", "-c", "dd if=/dev/zero of=/data/x bs=1000 count=2000"];
    scope.container(&["run", "--rm"], "fill", &["-v", &filled], engine::BASE, &fill);
    // The whitelist keeps it from the volumes of other tests.
    let config = format!("[permissions]\nvolumes = true\nwhitelist_volumes = [\"{}-*\"]\n", scope.prefix);
    let client = Launch::at(&engine.host).config(&config).connect();
    let ask = || {
        let held = client.call("docker_volume_prune", &json!({ "all": true })).ok();
        assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
        let lines = held.structured["preview"]["would_change"].clone();
        (held.structured["confirm_token"].as_str().unwrap().to_owned(), lines)
    };
    let confirm =
        |token: &str| client.call("docker_volume_prune", &json!({ "all": true, "confirm_token": token }));
    let (token, lines) = ask();
    assert_eq!(lines.as_array().unwrap().len(), 2, "{lines}");
    let line = lines.to_string();
    assert!(line.contains(&format!("volume `{a}` (2MB, ")) && line.contains(" old"), "{line}");
    assert!(line.contains(&b) && !line.contains(&used), "{line}");
    assert!(exists(&engine, &a));
    // One more since: it was not shown.
    scope.volume("c", &[]);
    assert_eq!(confirm(&token).kind(), "confirmation_invalid");
    // Another one of the same name since.
    let (token, _) = ask();
    engine.docker(&["volume", "rm", &b]);
    std::thread::sleep(Duration::from_millis(1100));
    scope.volume("b", &[]);
    assert_eq!(confirm(&token).kind(), "confirmation_invalid");
    let (token, _) = ask();
    let done = confirm(&token).ok();
    assert_eq!(done.structured["results"].as_array().unwrap().len(), 3, "{}", done.text);
    assert!(!exists(&engine, &a) && !exists(&engine, &b) && exists(&engine, &used));
    // Nothing is left: that is no failure, and nothing to ask about.
    let none = client.call("docker_volume_prune", &json!({ "all": true })).ok();
    assert_eq!(none.structured["results"], json!([]), "{}", none.text);
    // By default only those without a name of their own: the filter hides them here.
    assert_eq!(
        client.call("docker_volume_prune", &json!({ "dry_run": true })).ok().structured["preview"]["count"],
        0
    );
}

#[test]
fn answers_that_are_lost_and_refusals() {
    let Some(engine) = engine::at_hand("volumes::lost") else { return };
    let scope = Scope::new(&engine);
    let name = scope.name("data");
    let _made = Made(&engine, "volume", vec![name.clone()]);
    let lost = || Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let faultd = Faultd::before(&engine);
    let config = format!("{ON}[neverhang]\nlifecycle_timeout = \"8s\"\n");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let call = json!({ "name": name });
    for (when, tool) in
        [(post("/volumes/create"), "docker_volume_create"), (delete("/volumes/"), "docker_volume_remove")]
    {
        faultd.set(when, lost());
        let result = one(&client, tool, call.clone());
        assert_eq!(result["changed"], true, "{result}");
        assert!(result["note"].as_str().is_some_and(|n| n.contains("lost")), "{result}");
    }
    assert!(!exists(&engine, &name));
    faultd.set(post("/volumes/create"), Fault::EarlyEof);
    let unknown = client.call("docker_volume_create", &call);
    assert_eq!(unknown.kind(), "outcome_unknown", "{}", unknown.text);
    faultd.set(post("/volumes/create"), Fault::DockerError(500, "no space left on device".into()));
    let full = client.call("docker_volume_create", &call);
    assert_eq!((full.kind(), &full.structured["error"]["effect"]), ("daemon_error", &json!("none")));
    assert!(!exists(&engine, &name));
    engine.docker(&["volume", "create", &name]);
    let id = "0123456789abcdef".repeat(4);
    let busy = format!("remove {name}: volume is in use - [{id}]");
    faultd.set(delete("/volumes/"), Fault::DockerError(409, busy));
    let used = client.call("docker_volume_remove", &call);
    assert_eq!(used.kind(), "conflict", "{}", used.text);
    assert!(!used.whole().contains(&id), "{}", used.text);
    assert!(exists(&engine, &name));
}

/// Called off in the middle of several: what has begun is finished, the next is not begun.
#[test]
fn a_removal_of_several_is_called_off() {
    let Some(engine) = engine::at_hand("volumes::cancelled") else { return };
    let scope = Scope::new(&engine);
    let names: Vec<String> = (0..4).map(|i| scope.name(&format!("v{i}"))).collect();
    for i in 0..4 {
        scope.volume(&format!("v{i}"), &[]);
    }
    let faultd = Faultd::before(&engine).on(delete("/volumes/"), Fault::Late(Duration::from_secs(1)));
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let id = client.begin_call("docker_volume_remove", &json!({ "name": names }));
    faultd.wait_for(&delete("/volumes/"), 1, Duration::from_secs(5));
    client.notify("notifications/cancelled", json!({ "requestId": id, "reason": "test" }));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(faultd.count(&delete("/volumes/")), 1, "the next was begun");
    assert!(names[1..].iter().all(|name| exists(&engine, name)));
}
