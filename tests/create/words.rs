//! What is said of a container that is to be made, and of options that cannot be.

use serde_json::{Value, json};

use super::{ON, Place};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, post};
use crate::support::{Launch, engine};

fn with(place: &Place, rest: &Value) -> Value {
    let mut call = json!({ "image": place.image, "name": place.name("x") });
    call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    call
}

#[test]
fn a_preview_says_what_the_container_would_be() {
    let Some(engine) = engine::at_hand("create::words::preview") else { return };
    let place = Place::new(&engine);
    place.scope.network("net");
    let client = place.client("[create_safety]\nallow = [\"cap_add=NET_ADMIN\"]\n");
    let rest = json!({ "command": ["sh", "-c", "echo two words"], "entrypoint": ["env"], "user": "1000:1000",
        "networks": [place.name("net")], "environment": { "COLOUR": "blueandgreen" }, "restart_policy": "on-failure:2",
        "cap_add": ["NET_ADMIN", "CHOWN"], "dry_run": true });
    let shown = client.call("docker_run", &with(&place, &rest)).ok();
    for word in [
        "command: sh -c \"echo two words\"",
        "entrypoint: env",
        "user 1000:1000",
        &format!("on the networks {}", place.name("net")),
        "COLOUR",
        "restart_policy on-failure:2",
        "beyond what the profile allows: cap_add=NET_ADMIN",
    ] {
        assert!(shown.text.contains(word), "{word}: {}", shown.text);
    }
    assert!(
        !shown.whole().contains("blueandgreen") && !shown.text.contains("cap_add=CHOWN"),
        "{}",
        shown.text
    );
    let none =
        client.call("docker_run", &with(&place, &json!({ "network_mode": "none", "dry_run": true }))).ok();
    assert!(none.text.contains("network_mode none") && !none.text.contains("beyond"), "{}", none.text);
}

#[test]
fn mistakes_are_the_callers_and_are_named() {
    let Some(engine) = engine::at_hand("create::words::mistakes") else { return };
    let place = Place::new(&engine);
    let client = place.client("volumes = true\n");
    for (rest, kind, word) in [
        (json!({ "cap_add": ["chown "] }), "invalid_arguments", "capab"),
        (json!({ "cap_drop": ["nosuch"] }), "invalid_arguments", "capab"),
        (json!({ "resources": { "pids": 1_u64 << 63 } }), "invalid_arguments", "4194304"),
        (json!({ "resources": { "pids": 0 } }), "invalid_arguments", "between 1 and"),
        (json!({ "pid_mode": "private" }), "permission_denied", "no such mode"),
        (json!({ "uts_mode": "shareable" }), "permission_denied", "no such mode"),
        (json!({ "ipc_mode": "shareable" }), "permission_denied", "join its memory"),
        (json!({ "ipc_mode": "host" }), "permission_denied", "of the host"),
        (json!({ "volumes": ["nosuchvolume:/x"] }), "not_found", "docker_volume_create"),
    ] {
        let refused = client.call("docker_create", &with(&place, &rest));
        assert_eq!(refused.kind(), kind, "{rest}: {}", refused.text);
        assert!(refused.text.to_lowercase().contains(word), "{rest}: {}", refused.text);
    }
    let secret = "${secret:motto}";
    for (field, rest) in [
        ("user", json!({ "user": secret })),
        ("workdir", json!({ "workdir": format!("/{secret}") })),
        ("hostname", json!({ "hostname": secret })),
        ("environment", json!({ "environment": { secret: "x" } })),
        ("health_check.cmd", json!({ "health_check": { "cmd": format!("check {secret}") } })),
        ("labels", json!({ "labels": { "a": secret } })),
        ("command", json!({ "command": ["echo", secret] })),
        ("tmpfs", json!({ "tmpfs": format!("/{secret}") })),
    ] {
        let refused = client.call("docker_create", &with(&place, &rest));
        assert_eq!(refused.kind(), "invalid_arguments", "{rest}: {}", refused.text);
        let said = refused.text.contains(&format!("`{field}`"))
            && refused.text.contains("value of `environment` only");
        assert!(said && !refused.text.contains("redacted"), "{rest}: {}", refused.text);
    }
    assert!(place.containers().is_empty());
}

#[test]
fn a_start_whose_answer_was_lost_is_told_with_its_state() {
    let Some(engine) = engine::at_hand("create::words::lost") else { return };
    let place = Place::new(&engine);
    let cut = Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let faultd = Faultd::before(&engine).on(post("/start"), cut);
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let call = with(&place, &json!({ "command": ["sleep", "9999"], "stop_timeout": 0 }));
    let ran = client.call("docker_run", &call).ok();
    assert_eq!(ran.structured["state"], "running", "{}", ran.text);
    assert!(ran.text.contains("lost"), "{}", ran.text);
}
