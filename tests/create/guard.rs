//! Rows of threats.md sections 3, 4 and 19, each tried on the engine: refused, and nothing made.

use serde_json::{Value, json};

use super::{ON, Place};
use crate::support::{Client, Launch, engine};

pub fn with(place: &Place, rest: &Value) -> Value {
    let mut call = json!({ "image": place.image, "name": place.name("x") });
    call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    call
}

pub fn refused(client: &Client, place: &Place, row: &str, rest: &Value) {
    for tool in ["docker_create", "docker_run"] {
        let result = client.call(tool, &with(place, rest));
        assert_eq!(result.kind(), "permission_denied", "{row} {rest}: {}", result.text);
        assert!(
            result.text.contains("create_safety") || result.text.contains("reserved") || row.starts_with('M'),
            "{}",
            result.text
        );
        assert_eq!(result.structured["error"]["effect"], "none");
    }
    assert!(place.containers().is_empty(), "{row} {rest}: something was made");
}

#[test]
fn fields_that_reach_out_of_the_container() {
    let Some(engine) = engine::at_hand("create::guard::fields") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    for (row, rest) in [
        ("19 privileged", json!({ "privileged": true })),
        ("19 privileged", json!({ "privileged": "true" })),
        ("19 host network", json!({ "network_mode": "host" })),
        ("19 host network", json!({ "networks": ["host"] })),
        ("19 host pid", json!({ "pid_mode": "host" })),
        ("19 host ipc", json!({ "ipc_mode": "host" })),
        ("19 host uts", json!({ "uts_mode": "host" })),
        ("19 host userns", json!({ "userns_mode": "host" })),
        ("19 host cgroupns", json!({ "cgroupns_mode": "host" })),
        ("K3", json!({ "cap_add": "ALL" })),
        ("K3", json!({ "cap_add": ["all"] })),
        ("K3", json!({ "cap_add": ["sys_admin"] })),
        ("K3", json!({ "cap_add": ["CAP_SYS_ADMIN"] })),
        ("K3", json!({ "cap_add": ["Cap_Sys_Admin"] })),
        ("K3", json!({ "cap_add": ["CHOWN", "SYS_PTRACE"] })),
        ("K4", json!({ "security_opt": "seccomp=unconfined" })),
        ("K4", json!({ "security_opt": "seccomp:unconfined" })),
        ("K4", json!({ "security_opt": ["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"] })),
        ("K4", json!({ "security_opt": ["apparmor=unconfined"] })),
        ("K4", json!({ "security_opt": ["label=disable"] })),
        ("K4", json!({ "security_opt": ["label:disable"] })),
        ("K4", json!({ "security_opt": ["systempaths=unconfined"] })),
        ("19 sysctls", json!({ "sysctls": { "kernel.shmmax": "1" } })),
        ("19 devices", json!({ "devices": ["/dev/null"] })),
        ("19 gpus", json!({ "gpus": "all" })),
        ("19 cgroup parent", json!({ "cgroup_parent": "/" })),
        ("19 runtime", json!({ "runtime": "runc" })),
        ("19 log driver", json!({ "log_driver": "syslog" })),
        ("19 oom", json!({ "oom_kill_disable": true })),
        ("19 oom", json!({ "oom_score_adj": -500 })),
        ("19 groups", json!({ "group_add": ["0"] })),
        ("19 ulimits", json!({ "ulimits": { "memlock": "-1" } })),
        ("C3", json!({ "labels": { "com.docker.compose.project": "web" } })),
        ("C3", json!({ "labels": { "docker-mcp.call": "x" } })),
        ("K13", json!({ "name": "docker-mcp-x" })),
        ("19 tmpfs", json!({ "tmpfs": "/run:exec" })),
    ] {
        refused(&client, &place, row, &rest);
    }
    // The refusal says what would let it through, and the policy says the same without the call.
    let result = client.call("docker_create", &with(&place, &json!({ "cap_add": "SYS_ADMIN" })));
    assert!(
        result.text.contains("\"cap_add=SYS_ADMIN\"") && result.text.contains("baseline"),
        "{}",
        result.text
    );
    let why = client.call(
        "docker_policy",
        &json!({ "tool": "docker_create", "arguments": with(&place, &json!({ "cap_add": "SYS_ADMIN" })) }),
    );
    let why = why.ok();
    assert_eq!(why.structured["allowed"], false, "{}", why.text);
    assert!(why.text.contains("cap_add"), "{}", why.text);
    let fine =
        client.call("docker_policy", &json!({ "tool": "docker_run", "arguments": with(&place, &json!({})) }));
    let fine = fine.ok();
    assert_eq!(fine.structured["allowed"], true);
    assert!(fine.text.contains("as written") && fine.text.contains("dry_run"), "{}", fine.text);
    // What leads elsewhere is seen by a dry run, and nothing is made.
    let host = engine.docker(&["network", "inspect", "--format", "{{.Id}}", "host"]);
    let led = client.call("docker_create", &with(&place, &json!({ "networks": [host], "dry_run": true })));
    assert_eq!(led.kind(), "permission_denied", "{}", led.text);

    let ports = place.client("[create_safety]\npublished_ports = \"loopback\"\nlimits = { memory = \"64m\", cpus = 1, pids = 20 }\n");
    for (row, rest) in [
        ("19 ports", json!({ "ports": ["0.0.0.0::80"] })),
        ("K11", json!({ "resources": { "memory": "65m" } })),
        ("K11", json!({ "resources": { "cpu": 2 } })),
        ("K11", json!({ "resources": { "pids": 21 } })),
    ] {
        refused(&ports, &place, row, &rest);
    }
    ports.call("docker_create", &with(&place, &json!({ "ports": { "80": "" } }))).ok();
    let host = place.inspect(&place.name("x"))["HostConfig"].clone();
    assert_eq!(
        (&host["Memory"], &host["PidsLimit"]),
        (&json!(64 << 20), &json!(20)),
        "the ceiling is the default"
    );
    let none = place.client("[create_safety]\npublished_ports = \"none\"\n");
    assert_eq!(
        none.call("docker_create", &json!({ "image": place.image, "ports": ["80"] })).kind(),
        "permission_denied"
    );
}

#[test]
fn networks_and_namespaces_of_others() {
    let Some(engine) = engine::at_hand("create::guard::others") else { return };
    let place = Place::new(&engine);
    let vault = place.scope.run("vault", &[], &["sleep", "9999"]);
    let open = place.scope.run("open", &[], &["sleep", "9999"]);
    place.scope.network("secretnet");
    place.scope.volume("secretdata", &[]);
    let p = &place.scope.prefix;
    let hidden = format!(
        "blacklist_containers = [\"{p}-vault\"]\nblacklist_networks = [\"{p}-secretnet\"]\nblacklist_volumes = [\"{p}-secretdata\"]\n"
    );
    // The exceptions are a person's, for containers that may be seen.
    let client = place.client(&format!("{hidden}[create_safety]\nallow = [\"network_mode\", \"pid_mode\", \"volumes_from\", \"links\", \"ipc_mode\"]\n"));
    for name in [place.name("vault"), vault.clone(), vault[..12].to_owned()] {
        for rest in [
            json!({ "network_mode": format!("container:{name}") }),
            json!({ "pid_mode": format!("container:{name}") }),
            json!({ "ipc_mode": format!("container:{name}") }),
            json!({ "volumes_from": [name] }),
            json!({ "volumes_from": [format!("{name}:ro")] }),
            json!({ "links": [format!("{name}:safe")] }),
        ] {
            let result = client.call("docker_create", &with(&place, &rest));
            assert_eq!(result.kind(), "not_found", "P4 {rest}: {}", result.text);
            let nonesuch: Value = serde_json::from_str(&rest.to_string().replace(&name, "nonesuch")).unwrap();
            let other = client.call("docker_create", &with(&place, &nonesuch));
            assert_eq!(other.kind(), "not_found");
            let (a, b) = (&result.structured["error"], &other.structured["error"]);
            assert_eq!(
                a["message"].as_str().unwrap().replace(&name, "nonesuch"),
                b["message"].as_str().unwrap()
            );
        }
    }
    for rest in [
        json!({ "networks": [place.name("secretnet")] }),
        json!({ "network_mode": place.name("secretnet") }),
        json!({ "volumes": { place.name("secretdata"): "/data" } }),
    ] {
        assert_eq!(client.call("docker_create", &with(&place, &rest)).kind(), "not_found", "{rest}");
    }
    // Without the exception a visible one is refused, and named by its rule.
    let strict = place.client("");
    for rest in [
        json!({ "network_mode": format!("container:{}", place.name("open")) }),
        json!({ "pid_mode": format!("container:{open}") }),
        json!({ "volumes_from": place.name("open") }),
        json!({ "links": format!("{}:db", place.name("open")) }),
    ] {
        let result = strict.call("docker_create", &with(&place, &rest));
        assert_eq!(result.kind(), "permission_denied", "{rest}: {}", result.text);
    }
    // K6: the host's network by its id, or some digits of it.
    let host = engine.docker(&["network", "inspect", "--format", "{{.Id}}", "host"]);
    for words in [host.as_str(), &host[..12]] {
        for rest in [json!({ "network_mode": words }), json!({ "networks": [words] })] {
            let result = strict.call("docker_create", &with(&place, &rest));
            assert_eq!(result.kind(), "permission_denied", "K6 {rest}: {}", result.text);
        }
    }
    assert!(!place.containers().contains(&place.name("x")));
    // With it, by the id that was resolved.
    let rest = json!({ "network_mode": format!("container:{}", place.name("open")) });
    client.call("docker_create", &with(&place, &rest)).ok();
    assert_eq!(
        place.inspect(&place.name("x"))["HostConfig"]["NetworkMode"],
        json!(format!("container:{open}"))
    );
}

#[test]
fn paths_of_the_host() {
    let Some(engine) = engine::at_hand("create::guard::paths") else { return };
    let place = Place::new(&engine);
    let folder = tempfile::Builder::new().prefix("docker-mcp-bind-").tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(root.join("sub")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
    std::os::unix::fs::symlink("/", root.join("sub/all")).unwrap();
    std::os::unix::fs::symlink(root.join("sub"), root.join("inner")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("some.sock")).unwrap();
    std::fs::create_dir(root.join(".ssh")).unwrap();
    let config = format!("[create_safety]\nbind_roots = [\"{}\"]\n", root.display());
    let client = place.client(&config);
    let docker = engine.socket().unwrap().to_owned();
    for source in [
        "/",
        "/etc",
        "/etc/passwd",
        "/proc",
        "/sys",
        "/dev",
        "/root",
        "/home",
        "/var",
        "/var/run/docker.sock",
        "//etc",
        "/etc/.",
        &docker,
        // M6: links out of the root, at the end and in the middle.
        &at("link"),
        &at("link/ssl"),
        &at("sub/all"),
        &at("sub/all/etc"),
        &at("some.sock"),
        &at(".ssh"),
        &format!("{}x", root.display()),
        "/tmp",
    ] {
        refused(&client, &place, "M5", &json!({ "volumes": { source: "/x" } }));
    }
    // K10: what is not there is not made.
    let absent = client.call("docker_create", &with(&place, &json!({ "volumes": { at("absent"): "/x" } })));
    assert_eq!(absent.kind(), "invalid_arguments", "{}", absent.text);
    assert!(!root.join("absent").exists());
    let tight = place.client(&format!("{config}profile = \"restricted\"\n"));
    refused(&tight, &place, "19 host path", &json!({ "volumes": { at("sub"): "/x" }, "user": "1000:1000" }));
    // A link within is bound as what it leads to.
    client.call("docker_create", &with(&place, &json!({ "volumes": { at("inner"): "/x" } }))).ok();
    assert_eq!(place.inspect(&place.name("x"))["Mounts"][0]["Source"], json!(at("sub")));
}

/// M4: volumes that somebody else made of the host, by all forms that a `local` volume has.
#[test]
fn volumes_that_are_something_else() {
    let Some(engine) = engine::at_hand("create::guard::volumes") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    let forms: &[(&str, &[&str])] = &[
        ("bind", &["type=none", "o=bind", "device=/"]),
        ("rbind", &["type=none", "o=rbind,ro", "device=/etc"]),
        ("dots", &["type=none", "o=bind", "device=/tmp/../etc"]),
        ("overlay", &["type=overlay", "o=lowerdir=/etc:/usr", "device=overlay"]),
        ("ext4", &["type=ext4", "device=/dev/vda"]),
        ("proc", &["type=proc", "device=proc"]),
        ("sysfs", &["type=sysfs", "device=sysfs"]),
        ("devtmpfs", &["type=devtmpfs", "device=devtmpfs"]),
        ("cgroup", &["type=cgroup", "o=devices", "device=cgroup"]),
        ("debugfs", &["type=debugfs", "device=debugfs"]),
        ("nfs", &["type=nfs", "o=addr=10.0.0.1", "device=:/x"]),
    ];
    for (name, options) in forms {
        let options: Vec<&str> = options.iter().flat_map(|option| ["--opt", option]).collect();
        place.scope.volume(name, &options);
        refused(&client, &place, "M4", &json!({ "volumes": { place.name(name): "/x" } }));
    }
    place.scope.volume("memory", &["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m"]);
    client.call("docker_create", &with(&place, &json!({ "volumes": { place.name("memory"): "/x" } }))).ok();
}

#[test]
fn exceptions_and_the_bypass() {
    let Some(engine) = engine::at_hand("create::guard::exceptions") else { return };
    let place = Place::new(&engine);
    let rest =
        json!({ "cap_add": "NET_ADMIN", "network_mode": "host", "volumes": { "/etc/hostname": "/h:ro" } });
    let some = place.client("[create_safety]\nallow = [\"cap_add=NET_ADMIN\", \"network_mode=host\"]\n");
    refused(&some, &place, "M5", &rest);
    let all = place.client(
        "[create_safety]\nallow = [\"cap_add=NET_ADMIN\", \"network_mode=host\", \"bind=/etc/hostname\"]\n",
    );
    all.call("docker_create", &with(&place, &rest)).ok();
    let host = place.inspect(&place.name("x"))["HostConfig"].clone();
    assert_eq!(host["NetworkMode"], "host");
    engine.docker(&["rm", &place.name("x")]);
    let bypass = Launch::at(&engine.host).config(ON).arg("--bypass-permissions").connect();
    let rest = json!({ "privileged": true, "pid_mode": "host", "devices": "/dev/null", "security_opt": "seccomp=unconfined",
        "volumes": { "/": "/host" }, "labels": { "com.docker.compose.project": "web" } });
    bypass.call("docker_create", &with(&place, &rest)).ok();
    let is = place.inspect(&place.name("x"));
    assert_eq!(
        (&is["HostConfig"]["Privileged"], &is["HostConfig"]["PidsLimit"]),
        (&json!(true), &json!(null))
    );
    // K11: a count of what we made.
    let few = place.client("[create_safety]\nlimits = { containers = 1 }\n");
    let full = few.call("docker_create", &json!({ "image": place.image }));
    assert_eq!(full.kind(), "permission_denied", "{}", full.text);
    assert!(full.text.contains("limits.containers"), "{}", full.text);
}
