//! The restricted profile, cell by cell, and what a container is started with.

use serde_json::{Value, json};

use super::guard::{refused, with};
use super::{ON, Place};
use crate::support::faultd::{Faultd, post};
use crate::support::{Launch, engine};

const TIGHT: &str = "[create_safety]\nprofile = \"restricted\"\n";

fn user(mut rest: Value) -> Value {
    rest["user"] = json!("65534:65534");
    rest
}

#[test]
fn restricted_cells_are_refused() {
    let Some(engine) = engine::at_hand("create::profiles::restricted") else { return };
    let place = Place::new(&engine);
    let client = place.client(TIGHT);
    for (row, rest) in [
        ("19 privileged", json!({ "privileged": true })),
        ("19 host network", json!({ "network_mode": "host" })),
        ("19 host pid", json!({ "pid_mode": "host" })),
        ("19 host ipc", json!({ "ipc_mode": "shareable" })),
        ("19 host uts", json!({ "uts_mode": "host" })),
        ("19 host userns", json!({ "userns_mode": "host" })),
        ("19 host cgroupns", json!({ "cgroupns_mode": "host" })),
        ("19 capabilities", json!({ "cap_add": "CHOWN" })),
        ("19 capabilities", json!({ "cap_add": ["NET_BIND_SERVICE", "KILL"] })),
        ("19 ports", json!({ "ports": ["80"] })),
        ("19 ports", json!({ "ports": ["127.0.0.1:18080:80"] })),
        ("19 seccomp", json!({ "security_opt": "seccomp=unconfined" })),
        ("19 apparmor", json!({ "security_opt": "apparmor=docker-default" })),
        ("19 selinux", json!({ "security_opt": "label=type:x" })),
        ("19 escalation", json!({ "security_opt": "no-new-privileges:false" })),
        ("19 sysctls", json!({ "sysctls": { "net.ipv4.ip_forward": "1" } })),
        ("3 restart", json!({ "restart_policy": "always" })),
        ("3 restart", json!({ "restart_policy": "unless-stopped" })),
        ("3 hosts", json!({ "extra_hosts": { "db": "10.0.0.5" } })),
        ("3 dns", json!({ "dns": ["10.0.0.6"] })),
        ("19 devices", json!({ "devices": ["/dev/fuse"] })),
        ("19 gpus", json!({ "gpus": "1" })),
        ("19 runtime", json!({ "runtime": "runc" })),
        ("19 cgroup parent", json!({ "cgroup_parent": "x" })),
        ("19 log driver", json!({ "log_driver": "fluentd" })),
        ("19 oom", json!({ "oom_score_adj": -1 })),
        ("19 groups", json!({ "group_add": "docker" })),
    ] {
        refused(&client, &place, row, &user(rest));
    }
    // What it lets through, it makes as it says.
    let rest = user(
        json!({ "cap_add": "net_bind_service", "restart_policy": "on-failure:2", "tmpfs": "/run:size=1m" }),
    );
    client.call("docker_run", &with(&place, &rest)).ok();
    let host = place.inspect(&place.name("x"))["HostConfig"].clone();
    assert_eq!((&host["ReadonlyRootfs"], &host["CapDrop"]), (&json!(true), &json!(["ALL"])), "{host}");
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
}

/// Sections 3 and 19 say of a health check: it is a command, as `command` is. It runs in the container, as its user, and the
/// options offer no other.
#[test]
fn a_health_check_is_a_command_of_the_container() {
    let Some(engine) = engine::at_hand("create::profiles::health") else { return };
    let place = Place::new(&engine);
    let client = place.client(TIGHT);
    let check = |rest: Value| user(json!({ "health_check": rest }));
    for rest in [
        json!({ "cmd": "true", "user": "root" }),
        json!({ "cmd": "true", "host": "10.0.0.1" }),
        json!({ "test": ["CMD", "true"] }),
        json!({ "cmd": "true", "interval": "1us" }),
    ] {
        let result = client.call("docker_create", &with(&place, &check(rest.clone())));
        assert_eq!(result.kind(), "invalid_arguments", "{rest}: {}", result.text);
    }
    assert!(place.containers().is_empty());
    let rest = check(json!({ "cmd": "id -u > /proc/1/fd/1", "interval": "200ms" }));
    client.call("docker_run", &with(&place, &rest)).ok();
    for _ in 0..100 {
        if place.inspect(&place.name("x"))["State"]["Health"]["Log"]
            .as_array()
            .is_some_and(|log| !log.is_empty())
        {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(place.inspect(&place.name("x"))["Config"]["User"], "65534:65534");
    let logs = engine.docker(&["logs", &place.name("x")]);
    assert!(logs.lines().all(|line| line == "65534"), "{logs}");
}

/// K9: engines of old took settings with the start.
#[test]
fn k9_a_start_says_nothing() {
    let Some(engine) = engine::at_hand("create::profiles::start") else { return };
    let place = Place::new(&engine);
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(ON).connect();
    client.call("docker_run", &with(&place, &json!({}))).ok();
    client.call("docker_start", &json!({ "containers": place.name("x") })).ok();
    let seen = faultd.requests();
    let starts: Vec<_> = seen.iter().filter(|r| r.path.ends_with("/start")).collect();
    assert_eq!(faultd.count(&post("/start")), starts.len());
    for start in starts {
        assert!(matches!(start.header("content-length"), None | Some("0")), "{start:?}");
        assert_eq!(start.header("transfer-encoding"), None, "{start:?}");
        assert!(start.version() >= Some((1, 24)), "{}", start.line);
        assert_eq!(start.query, "", "{}", start.line);
    }
}
