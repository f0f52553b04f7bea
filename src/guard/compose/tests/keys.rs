//! Every key of compose's schema is dealt with.

use super::*;

/// All of `compose-spec.json`, July 2026.
pub(super) const SERVICE: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "pull_refresh_after",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];

#[test]
fn each_key_is_known_and_no_other() {
    for key in SERVICE {
        // Nothing is fine at any key.
        assert!(*key == "image" || web(json!({ *key: null })).is_ok(), "{key}");
        // A list of lists is of no key's type, and of some it is asked no more than whether it is there.
        if !matches!(*key, "develop") {
            let refused = web(json!({ *key: [[[]]] })).unwrap_err();
            assert!(refused.place.starts_with(&format!("services.web.{key}")), "{key}: {refused}");
            assert!(!refused.why.contains("not known"), "{key}: {refused}");
        }
    }
    for key in [
        "net",
        "log_driver",
        "volume_driver",
        "name",
        "customLabels",
        "Privileged",
        "privileged ",
        "",
        "future",
    ] {
        let refused = web(json!({ key: "x" })).unwrap_err();
        assert_eq!(
            (refused.place, refused.why.as_str()),
            (format!("services.web.{key}"), "a key that is not known here")
        );
    }
    assert!(web(json!({ "x-anything": { "privileged": true } })).is_ok());
}

#[test]
fn everything_below_is_closed_as_well() {
    let odd = || json!({ "odd": 1 });
    for (place, value) in [
        ("build", odd()),
        ("deploy", odd()),
        ("deploy.resources", json!({ "resources": odd() })),
        ("deploy.resources.limits", json!({ "resources": { "limits": odd() } })),
        ("deploy.resources.reservations", json!({ "resources": { "reservations": odd() } })),
        ("deploy.restart_policy", json!({ "restart_policy": odd() })),
        ("healthcheck", odd()),
        ("logging", odd()),
        ("networks.default", json!({ "default": odd() })),
        ("depends_on.db", json!({ "db": odd() })),
        ("ulimits.nofile", json!({ "nofile": odd() })),
        ("ports[0]", json!([{ "target": 1, "odd": 1 }])),
        ("volumes[0]", json!([{ "type": "tmpfs", "target": "/a", "odd": 1 }])),
        ("volumes[0].bind", json!([{ "type": "bind", "source": "/a", "target": "/a", "bind": odd() }])),
        ("volumes[0].volume", json!([{ "type": "volume", "target": "/a", "volume": odd() }])),
        ("volumes[0].tmpfs", json!([{ "type": "tmpfs", "target": "/a", "tmpfs": odd() }])),
        ("devices[0]", json!([odd()])),
        ("gpus[0]", json!([odd()])),
        ("secrets[0]", json!([odd()])),
        ("configs[0]", json!([odd()])),
    ] {
        let key = place.split(['.', '[']).next().unwrap();
        let refused = web(json!({ key: value })).unwrap_err();
        assert_eq!(refused.place, format!("services.web.{place}.odd"));
        assert_eq!(refused.why, "a key that is not known here");
    }
    for (place, value) in [
        ("networks.n", odd()),
        ("networks.n.ipam", json!({ "ipam": odd() })),
        ("networks.n.ipam.config[0]", json!({ "ipam": { "config": [odd()] } })),
        ("volumes.v", odd()),
        ("secrets.s", odd()),
        ("configs.c", odd()),
    ] {
        let mut json = project(json!({}));
        let (kind, rest) = place.split_once('.').unwrap();
        json[kind][rest.split('.').next().unwrap()] = value;
        assert_eq!(model(&json).unwrap_err().place, format!("{place}.odd"));
    }
    let mut json = project(json!({}));
    json["x-top"] = json!({ "a": "$$" });
    assert!(model(&json).is_ok());
    json["odd"] = json!(1);
    assert_eq!(model(&json).unwrap_err().place, "odd");
}

#[test]
fn what_reaches_no_further_asks_nothing() {
    let all = r#"{
        "attach": false, "cap_drop": ["ALL"], "command": ["echo", "a"], "entrypoint": null, "cpu_count": 2, "cpu_percent": 50,
        "cpu_period": 20000, "cpu_quota": 5000, "cpus": 1.5, "cpuset": "0,1", "cpu_shares": 73, "domainname": "d",
        "expose": ["3000", "4000/udp"], "hostname": "h", "init": true, "mem_limit": "52428800", "mem_reservation": "10485760",
        "memswap_limit": "-1", "mem_swappiness": "60", "pids_limit": 10, "platform": "linux/amd64", "profiles": ["p"],
        "pull_policy": "always", "read_only": true, "stdin_open": true, "stop_grace_period": "1m30s", "stop_signal": "SIGTERM",
        "tty": true, "working_dir": "/w", "environment": { "A": "b", "B": null },
        "develop": { "watch": [{ "path": "/srv/a", "action": "sync", "target": "/b" }] },
        "healthcheck": { "test": ["CMD-SHELL", "exit 0"], "timeout": "2s", "interval": "5s", "retries": 3, "start_period": "4s", "start_interval": "1s" },
        "depends_on": { "db": { "condition": "service_started", "required": true } },
        "links": ["db:database"], "ipc": "", "isolation": "default", "privileged": false, "oom_score_adj": 0,
        "deploy": { "mode": "replicated", "labels": { "com.docker.x": "1" }, "update_config": { "parallelism": 2 }, "rollback_config": {},
            "placement": { "constraints": ["a==b"] }, "endpoint_mode": "vip", "resources": { "limits": { "cpus": 1 } } }
    }"#;
    let asked = asks(serde_json::from_str(all).unwrap());
    assert_eq!(asked, Vec::<String>::new());
}
