//! What a service asks for, in the words of the guard of containers.

use crate::guard::create::{self, Amounts, Wanted};
use crate::guard::refusal::Refusal;

use super::*;

#[test]
fn each_in_the_words_of_the_guard() {
    for (key, value, want) in [
        ("privileged", json!(true), vec!["privileged=true"]),
        ("cap_add", json!(["NET_ADMIN"]), vec!["cap_add=NET_ADMIN"]),
        (
            "devices",
            json!([{ "source": "/dev/fuse", "target": "/dev/fuse", "permissions": "rwm" }, "/dev/x"]),
            vec!["device=/dev/fuse:/dev/fuse:rwm", "device=/dev/x"],
        ),
        ("device_cgroup_rules", json!(["c 1:3 mr"]), vec!["device_cgroup_rules=c 1:3 mr"]),
        ("gpus", json!([{ "count": -1 }]), vec!["gpus=all"]),
        ("gpus", json!([{ "count": 2, "driver": "nvidia" }]), vec!["gpus=2"]),
        ("gpus", json!([{ "device_ids": ["0", "1"] }]), vec!["gpus=device=0,1"]),
        (
            "gpus",
            json!([{ "driver": "cdi", "device_ids": ["a/b=c"] }]),
            vec!["device=driver=cdi,capabilities=,ids=a/b=c"],
        ),
        (
            "deploy",
            json!({ "resources": { "reservations": { "devices": [{ "capabilities": ["gpu"], "count": -1 }] } } }),
            vec!["gpus=all"],
        ),
        (
            "deploy",
            json!({ "resources": { "limits": { "devices": [{ "capabilities": ["tpu"] }] } } }),
            vec!["device=driver=,capabilities=tpu,ids="],
        ),
        ("security_opt", json!(["seccomp:unconfined"]), vec!["security_opt=seccomp:unconfined"]),
        ("pid", json!("host"), vec!["pid_mode=host"]),
        ("pid", json!("service:db"), vec!["pid_mode=service:db"]),
        ("ipc", json!("shareable"), vec!["ipc_mode=shareable"]),
        ("uts", json!("host"), vec!["uts_mode=host"]),
        ("userns_mode", json!("host"), vec!["userns_mode=host"]),
        ("cgroup", json!("host"), vec!["cgroupns_mode=host"]),
        ("cgroup_parent", json!("/x"), vec!["cgroup_parent=/x"]),
        ("runtime", json!("runc"), vec!["runtime=runc"]),
        ("isolation", json!("hyperv"), vec!["isolation=hyperv"]),
        ("network_mode", json!("host"), vec!["network_mode=host"]),
        (
            "volumes_from",
            json!(["db:ro", "container:zoo:rw"]),
            vec!["volumes_from=db:ro", "volumes_from=container:zoo:rw"],
        ),
        ("group_add", json!(["docker", 1000]), vec!["group_add=docker", "group_add=1000"]),
        ("sysctls", json!({ "net.core.somaxconn": "1024" }), vec!["sysctl=net.core.somaxconn=1024"]),
        (
            "ulimits",
            json!({ "core": {}, "nofile": { "soft": 20000, "hard": 40000 }, "nproc": 65535 }),
            vec!["ulimit=core=0:0", "ulimit=nofile=20000:40000", "ulimit=nproc=65535"],
        ),
        ("tmpfs", json!(["/run:size=1m"]), vec!["tmpfs=/run:size=1m"]),
        ("shm_size", json!("67108864"), vec!["tmpfs=/dev/shm:size=67108864"]),
        ("extra_hosts", json!(["a=1.2.3.4", "b=::1"]), vec!["extra_hosts=a=1.2.3.4", "extra_hosts=b=::1"]),
        ("extra_hosts", json!({ "a": ["1.2.3.4"] }), vec!["extra_hosts=a=1.2.3.4"]),
        ("dns", json!(["8.8.8.8"]), vec!["dns=8.8.8.8"]),
        ("dns_search", json!("corp.example"), vec!["dns=corp.example"]),
        (
            "logging",
            json!({ "driver": "syslog", "options": { "syslog-address": "udp://x" } }),
            vec!["log_driver=syslog"],
        ),
        ("logging", json!({ "driver": "local", "options": { "max-size": "1m" } }), vec!["log_driver=local"]),
        (
            "logging",
            json!({ "options": { "max-size": "1m", "gelf-address": "udp://x" } }),
            vec!["log_option=gelf-address"],
        ),
        ("oom_kill_disable", json!(true), vec!["oom_kill_disable=true"]),
        ("oom_score_adj", json!(-5), vec!["oom_score_adj=-5"]),
        ("restart", json!("on-failure:3"), vec!["restart_policy=on-failure:3"]),
        ("deploy", json!({ "restart_policy": { "condition": "any" } }), vec!["restart_policy=always"]),
        ("user", json!("0"), vec!["user=0"]),
        ("container_name", json!("vault"), vec!["name=vault"]),
        (
            "labels",
            json!({ "a": "b", "com.docker.compose.project": "x" }),
            vec!["label=a", "label=com.docker.compose.project"],
        ),
        ("mac_address", json!("02:42:ac:11:00:03"), vec!["mac_address=02:42:ac:11:00:03"]),
        ("storage_opt", json!({ "size": "1G" }), vec!["storage_opt=size=1G"]),
        ("blkio_config", json!({ "weight": 300 }), vec!["blkio_config=weight"]),
        ("cpu_rt_runtime", json!(400), vec!["cpu_rt_runtime=400"]),
        (
            "networks",
            json!({ "default": { "mac_address": "02:42", "link_local_ips": ["169.254.169.254"], "driver_opts": { "a": 1 }, "priority": 10, "ipv4_address": "172.16.0.10" } }),
            vec!["link_local_ips=169.254.169.254", "mac_address=02:42", "endpoint_option=a=1"],
        ),
    ] {
        assert_eq!(asks(json!({ key: value })), want, "{key}");
    }
}

#[test]
fn ports_one_by_one() {
    let service = web(json!({ "ports": [
        { "mode": "ingress", "target": 80, "protocol": "tcp" },
        { "mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp" },
        { "mode": "ingress", "host_ip": "127.0.0.1", "target": 90, "published": "9000", "protocol": "udp" },
        { "mode": "host", "host_ip": "::1", "target": 70, "published": "9000-9002" },
    ] }))
    .unwrap();
    let asked: Vec<&str> =
        service.asks.iter().filter(|a| a.field == "host_port").map(|a| a.value.as_str()).collect();
    assert_eq!(asked, [":", ":8080", "127.0.0.1:9000", "::1:9000", "::1:9001", "::1:9002"]);
    assert_eq!(
        service.ports,
        [
            "0.0.0.0, a free port -> 80/tcp",
            "0.0.0.0:8080 -> 80/tcp",
            "127.0.0.1:9000 -> 90/udp",
            "[::1]:9000-9002 -> 70/tcp"
        ]
    );
}

#[test]
fn mounts_by_their_kinds() {
    let mut json = project(json!({
        "volumes": [
            { "type": "volume", "target": "/anon/" },
            { "type": "bind", "source": "/etc", "target": "/h//x/.", "read_only": true, "bind": { "create_host_path": true } },
            { "type": "bind", "source": "/srv/q", "target": "/q", "bind": { "propagation": "rshared", "create_host_path": false, "selinux": "Z" } },
            { "type": "volume", "source": "data", "target": "/data", "volume": { "nocopy": true, "subpath": "x" } },
            { "type": "volume", "source": "data", "target": "/again" },
            { "type": "volume", "source": "ext", "target": "/ext" },
            { "type": "volume", "source": "folder", "target": "/folder", "read_only": true },
            { "type": "tmpfs", "target": "/t", "tmpfs": { "size": "5242880", "mode": 755 } },
        ],
        "secrets": [{ "source": "s", "target": "/run/secrets/s" }, { "source": "s", "target": "rel", "mode": "0440" }],
        "configs": [{ "source": "c" }, { "source": "c2", "target": "/etc/x" }],
    }));
    json["volumes"]["folder"] = json!({ "name": "proj_folder", "driver": "local",
        "driver_opts": { "type": "none", "o": "bind", "device": "/var/x" } });
    json["secrets"] = json!({ "s": { "name": "proj_s", "file": "/srv/s.txt", "labels": { "a": "b" } } });
    json["configs"] = json!({ "c": { "file": "/srv/c.txt" }, "c2": { "content": "a $$b" } });
    let found = model(&json).unwrap();
    let service = found.services.iter().find(|service| service.name == "web").unwrap();
    let bind = |source: &str, target: &str, writable, creates| Bind {
        source: source.into(),
        target: target.to_owned(),
        writable,
        creates,
    };
    assert_eq!(
        service.binds,
        [
            bind("/etc", "/h/x", false, true),
            bind("/srv/q", "/q", true, false),
            bind("/var/x", "/folder", false, false),
            bind("/srv/s.txt", "/run/secrets/s", false, false),
            bind("/srv/s.txt", "/run/secrets/rel", false, false),
            bind("/srv/c.txt", "/c", false, false),
        ]
    );
    assert_eq!(service.volumes, ["proj_data", "theirs", "proj_folder"]);
    let of = |field: &str| -> Vec<&str> {
        service.asks.iter().filter(|ask| ask.field == field).map(|ask| ask.value.as_str()).collect()
    };
    assert_eq!(of("bind"), ["/etc", "/srv/q", "/var/x", "/srv/s.txt", "/srv/s.txt", "/srv/c.txt"]);
    assert_eq!(of("bind_propagation"), ["rshared"]);
    assert_eq!(of("tmpfs"), ["/t:size=5242880,mode=755"]);
    assert_eq!(
        of("target"),
        [
            "/anon",
            "/h/x",
            "/q",
            "/data",
            "/again",
            "/ext",
            "/folder",
            "/run/secrets/s",
            "/run/secrets/rel",
            "/c",
            "/etc/x"
        ]
    );
    let volume = |key: &str| found.volumes.iter().find(|volume| volume.key == key).unwrap();
    assert_eq!(volume("folder").asks, [create::Ask::new("bind", "/var/x")]);
    assert!(
        volume("folder").check(None).is_ok() && volume("data").check(None).is_ok() && volume("ext").external
    );
}

/// M1, through a file.
#[test]
fn volumes_are_what_their_options_mount() {
    let of = |value: Value| {
        let mut json = project(json!({}));
        json["volumes"]["v"] = value;
        model(&json).map(|found| found.volumes.into_iter().find(|volume| volume.key == "v").unwrap())
    };
    for (options, field) in [
        (json!({ "type": "none", "o": "bind", "device": "/" }), "bind"),
        (json!({ "type": "none", "o": "bind,shared", "device": "/srv" }), "mount"),
        (json!({ "type": "nfs", "o": "addr=10.0.0.1", "device": ":/x" }), "mount"),
        (json!({ "type": "overlay", "o": "lowerdir=/etc:/usr", "device": "overlay" }), "mount"),
        (json!({ "type": "ext4", "device": "/dev/vda" }), "mount"),
    ] {
        let volume = of(json!({ "name": "v", "driver_opts": options })).unwrap();
        assert_eq!(volume.asks.iter().map(|ask| ask.field).collect::<Vec<_>>(), [field], "{options}");
    }
    assert_eq!(of(json!({ "driver": "rexray" })).unwrap().asks[0].field, "mount");
    let memory =
        |o: &str| of(json!({ "driver_opts": { "type": "tmpfs", "device": "tmpfs", "o": o } })).unwrap();
    assert!(memory("size=64m").check(Some(1 << 30)).is_ok());
    assert!(matches!(memory("size=2g").check(Some(1 << 30)), Err(Refusal::Forbidden { .. })));
    assert!(matches!(memory("uid=1").check(None), Err(Refusal::Forbidden { .. })));
    assert!(of(json!({ "labels": { "com.docker.compose.project": "x" } })).unwrap().check(None).is_err());
    let device = of(json!({ "driver_opts": { "type": "none", "o": "bind", "device": "rel" } })).unwrap_err();
    assert_eq!(device.place, "volumes.v.driver_opts.device");
    // Written and printed without anything, it has the project's name.
    assert_eq!(of(json!(null)).unwrap().name, "proj_v");
    assert_eq!(of(json!({ "external": true })).unwrap().name, "v");
}

#[test]
fn networks_are_judged_as_one_made_alone() {
    let of = |value: Value| {
        let mut json = project(json!({ "networks": { "n": null } }));
        json["networks"]["n"] = value;
        let found = model(&json).unwrap();
        let network = found.networks.into_iter().find(|network| network.key == "n").unwrap();
        let web = found.services.into_iter().find(|service| service.name == "web").unwrap();
        (network, web)
    };
    for fine in [
        json!(null),
        json!({ "name": "x", "ipam": {}, "internal": true, "attachable": true, "enable_ipv6": true, "labels": { "a": "b" } }),
        json!({ "driver": "bridge", "driver_opts": { "com.docker.network.driver.mtu": "1400" } }),
        json!({ "ipam": { "driver": "default", "config": [{ "subnet": "172.28.0.0/16", "gateway": "172.28.0.1", "ip_range": "172.28.5.0/24", "aux_addresses": { "h": "172.28.1.5" } }] } }),
        json!({ "external": true, "name": "theirs" }),
    ] {
        assert_eq!(of(fine.clone()).0.check(), Ok(()), "{fine}");
    }
    for bad in [
        json!({ "driver": "host" }),
        json!({ "driver": "macvlan", "driver_opts": { "parent": "eth0" } }),
        json!({ "driver_opts": { "com.docker.network.bridge.name": "docker0" } }),
        json!({ "ipam": { "driver": "dhcp" } }),
        json!({ "ipam": { "options": { "a": "b" } } }),
        json!({ "ipam": { "config": [{ "subnet": "8.8.8.0/24" }] } }),
        json!({ "name": "bridge" }),
        json!({ "labels": { "com.docker.compose.network": "x" } }),
        json!({ "external": true, "name": "host" }),
    ] {
        assert!(of(bad.clone()).0.check().is_err(), "{bad}");
    }
    // The host's network by another key.
    let (_, service) = of(json!({ "external": true, "name": "host" }));
    assert!(service.asks.contains(&create::Ask::new("network_mode", "host")) && service.networks == ["host"]);
}

#[test]
fn networks_of_a_service() {
    let on = |value: Value| web(value).unwrap().networks;
    assert_eq!(on(json!({ "networks": { "default": null } })), ["proj_default"]);
    assert_eq!(on(json!({})), ["proj_default"]);
    assert_eq!(on(json!({ "networks": {} })), ["proj_default"]);
    assert_eq!(on(json!({ "network_mode": "none" })), Vec::<String>::new());
    assert_eq!(on(json!({ "network_mode": "host" })), Vec::<String>::new());
    assert_eq!(on(json!({ "network_mode": "service:db" })), Vec::<String>::new());
    // Any other word is a network's name.
    assert_eq!(on(json!({ "network_mode": "theirs" })), ["theirs"]);
    let found = model(&json!({ "name": "p", "services": { "a": { "image": "x" } } })).unwrap();
    assert_eq!(
        (found.networks[0].name.as_str(), found.services[0].networks[0].as_str()),
        ("p_default", "p_default")
    );
}

/// C4
#[test]
fn other_containers_are_named() {
    let service = web(json!({
        "network_mode": "container:vault", "pid": "container:vault", "ipc": "service:db",
        "volumes_from": ["db:ro", "container:zoo:rw", "container:bar"], "links": ["db:x", "web"],
    }))
    .unwrap();
    assert_eq!(service.containers, ["bar", "vault", "zoo"]);
    assert_eq!(service.shares, ["db", "web"]);
    let shared = web(json!({ "network_mode": "service:db" })).unwrap();
    assert_eq!(shared.shares, ["db"]);
    let settings = rewritten::settings(crate::config::settings::Profile::Baseline);
    let judge =
        |service: Service| create::check(&Wanted { asks: service.asks, ..Wanted::default() }, &settings);
    assert!(judge(shared).is_ok());
    assert_eq!(judge(service).unwrap_err().ask.field, "ipc_mode");
}

#[test]
fn amounts_in_all_their_forms() {
    let of = |value: Value| web(value).unwrap().amounts;
    let amounts = |memory, cpus, pids| Amounts { memory, cpus, pids };
    assert_eq!(of(json!({})), Amounts::default());
    assert_eq!(
        of(json!({ "mem_limit": "52428800", "cpus": 1.5, "pids_limit": 10 })),
        amounts(Some(50 << 20), Some(1.5), Some(10))
    );
    let limits = |value: Value| json!({ "deploy": { "resources": { "limits": value } } });
    assert_eq!(
        of(limits(json!({ "memory": "50M", "cpus": "0.5", "pids": 7 }))),
        amounts(Some(50 << 20), Some(0.5), Some(7))
    );
    // The larger of both.
    let mut both = limits(json!({ "memory": "1g", "cpus": 4, "pids": 5 }));
    for (key, value) in [("mem_limit", json!("50mb")), ("cpus", json!(0.5)), ("pids_limit", json!(900))] {
        both[key] = value;
    }
    assert_eq!(of(both), amounts(Some(1 << 30), Some(4.0), Some(900)));
    assert_eq!(of(json!({ "cpu_quota": 50000 })).cpus, Some(0.5));
    assert_eq!(of(json!({ "cpu_quota": 50000, "cpu_period": 10000 })).cpus, Some(5.0));
    // None of these is a limit.
    assert_eq!(
        of(json!({ "mem_limit": 0, "cpus": 0, "pids_limit": -1, "cpu_quota": -1 })),
        Amounts::default()
    );
    for (text, want) in [("64k", 64 << 10), ("1.5gb", 3 << 29), ("2GiB", 2 << 30), ("1t", 1 << 40), ("7b", 7)]
    {
        assert_eq!(of(json!({ "mem_limit": text })).memory, Some(want), "{text}");
    }
}

#[test]
fn the_rest_is_carried() {
    let service = web(json!({
        "profiles": ["p"], "platform": "linux/arm64", "pull_policy": "never", "container_name": "foo", "scale": 2,
        "environment": { "A": "b", "B": null, "C": 1 }, "restart": "always",
        "deploy": { "replicas": 2, "restart_policy": { "condition": "on-failure", "max_attempts": 3 } },
        "healthcheck": { "test": ["CMD", "true"] },
        "depends_on": { "db": { "condition": "service_healthy", "restart": true, "required": true } },
    }))
    .unwrap();
    assert_eq!((service.profiles.as_slice(), service.replicas), (["p".to_owned()].as_slice(), 2));
    assert_eq!(service.restart.as_deref(), Some("on-failure:3"));
    assert_eq!(service.needs, [("db".to_owned(), Condition::Healthy)]);
    assert!(service.has_health_check);
    assert_eq!(service.environment["B"], None);
    assert_eq!(service.environment["C"].as_deref(), Some("1"));
    for (value, want) in [
        (json!({ "test": ["NONE"] }), false),
        (json!({ "disable": true }), false),
        (json!({ "test": ["CMD", "x"], "disable": true }), false),
        (json!({ "interval": "5s" }), false),
        (json!({ "test": "exit 0" }), true),
    ] {
        assert_eq!(web(json!({ "healthcheck": value })).unwrap().has_health_check, want);
    }
    assert_eq!(web(json!({ "deploy": { "replicas": 0 } })).unwrap().replicas, 0);
    assert_eq!(web(json!({})).unwrap().replicas, 1);
}

#[test]
fn builds_say_what_is_not_served() {
    let of = |value: Value| web(json!({ "build": value })).unwrap().build.unwrap();
    let plain = of(json!({
        "context": "/srv/ctx", "dockerfile": "Dockerfile", "args": { "A": "1", "B": null, "C": "x$$y" }, "target": "t",
        "platforms": ["linux/amd64"], "no_cache": true, "tags": ["q"], "cache_from": ["x"], "cache_to": ["type=local,dest=./p"],
        "pull": true, "provenance": "true", "sbom": "false", "network": "none", "privileged": false,
    }));
    assert_eq!(plain.unserved, None);
    assert_eq!((plain.context.to_str(), plain.platform.as_deref()), (Some("/srv/ctx"), Some("linux/amd64")));
    assert_eq!(plain.args, [("A", "1"), ("C", "x$y")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert!(plain.no_cache && plain.target.as_deref() == Some("t") && plain.tags == ["q"]);
    for (key, value) in [
        ("additional_contexts", json!({ "a": "/" })),
        ("dockerfile_inline", json!("FROM x")),
        ("entitlements", json!(["network.host"])),
        ("extra_hosts", json!(["a=1.2.3.4"])),
        ("isolation", json!("default")),
        ("labels", json!({ "a": "b" })),
        ("network", json!("host")),
        ("privileged", json!(true)),
        ("secrets", json!([{ "source": "s" }])),
        ("shm_size", json!("1048576")),
        ("ssh", json!(["default"])),
        ("ulimits", json!({ "nofile": 5 })),
    ] {
        let unserved = of(json!({ "context": "/srv", key: value })).unserved.unwrap();
        assert_eq!(unserved.place, format!("services.web.build.{key}"));
    }
    assert!(of(json!({ "context": "/srv", "platforms": ["a", "b"] })).unserved.is_some());
    // C15
    for context in
        [json!("https://github.com/a/b.git#main"), json!("git@x:y"), json!("."), json!("-"), json!(null)]
    {
        assert!(of(json!({ "context": context })).unserved.is_some(), "{context}");
    }
}

/// By a mode one is on a network as well: it is looked up like any other that is there already.
#[test]
fn a_mode_names_a_network_of_others() {
    let networks = |mode: &str| {
        let found = model(&project(json!({ "network_mode": mode }))).unwrap();
        found
            .networks
            .into_iter()
            .filter(|network| network.external)
            .map(|network| network.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(networks("theirs"), ["theirs"]);
    for mode in ["host", "none", "bridge", "default", "service:db", "container:x", "proj_default"] {
        assert_eq!(networks(mode), [""; 0], "{mode}");
    }
}

#[test]
fn what_others_would_find_it_by() {
    let service = web(json!({
        "hostname": "front", "networks": { "default": { "aliases": ["www", "shop"] } },
    }))
    .unwrap();
    assert_eq!(service.found_as, ["front", "www", "shop"]);
    assert_eq!(web(json!({})).unwrap().found_as, [""; 0]);
}
