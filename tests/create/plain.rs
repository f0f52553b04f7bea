//! What is asked for is what there is.

use serde_json::json;

use super::{ON, Place};
use crate::support::{Launch, engine};

#[test]
fn everything_that_is_typed_arrives() {
    let Some(engine) = engine::at_hand("create::typed") else { return };
    let place = Place::new(&engine);
    let (net, other) = (place.scope.network("net"), place.scope.network("other"));
    place.scope.volume("data", &[]);
    let folder = tempfile::Builder::new().prefix("docker-mcp-bind-").tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let client = place.client(&format!("[create_safety]\nbind_roots = [\"{path}\"]\n"));
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let made = client
        .call(
            "docker_create",
            &json!({
                "image": place.image, "name": place.name("app"),
                "command": "sh -c 'echo \"$COLOUR\"; sleep 9999'", "entrypoint": ["env"],
                "environment": { "COLOUR": "blue", "COUNT": 3 },
                "ports": { "80": "", "53/udp": 0 },
                "volumes": [format!("{}:/data", place.name("data")), format!("{path}/sub:/sub:ro")],
                "networks": [place.name("net"), &other[..12]],
                "labels": { "team": "web" }, "user": "1000:1000", "workdir": "/tmp", "hostname": "box",
                "health_check": { "cmd": "true", "interval": "30s", "timeout": "10s", "retries": 3, "start_period": "5s" },
                "resources": { "cpu": "0.5", "memory": "64m", "pids": 50 },
                "restart_policy": "on-failure:2", "read_only": true, "tmpfs": ["/run:size=1m"], "init": true,
                "stop_signal": "SIGINT", "stop_timeout": 3,
                "extra_hosts": { "db": "10.0.0.5" }, "dns": ["10.0.0.6"],
                "cap_add": ["chown"], "cap_drop": ["MKNOD"], "sysctls": { "net.ipv4.tcp_syncookies": "1" },
                "ulimits": { "nofile": "1024:2048" }, "log_driver": "json-file",
            }),
        )
        .ok();
    assert_eq!(made.structured["container"], json!(place.name("app")), "{}", made.text);
    assert_eq!((&made.structured["state"], &made.structured["changed"]), (&json!("created"), &json!(true)));
    let is = place.inspect(&place.name("app"));
    assert_eq!(made.structured["id"], is["Id"]);
    let (config, host) = (&is["Config"], &is["HostConfig"]);
    assert_eq!(is["State"]["Status"], "created");
    assert_eq!(config["Cmd"], json!(["sh", "-c", "echo \"$COLOUR\"; sleep 9999"]));
    assert_eq!(config["Entrypoint"], json!(["env"]));
    let env = config["Env"].to_string();
    assert!(env.contains("COLOUR=blue") && env.contains("COUNT=3"), "{env}");
    assert_eq!(config["Labels"]["team"], "web");
    assert_eq!(config["Labels"]["docker-mcp.call"].as_str().unwrap().len(), 32);
    assert_eq!(config["Image"], json!(place.image), "known by its name");
    for (field, want) in [
        ("User", json!("1000:1000")),
        ("WorkingDir", json!("/tmp")),
        ("Hostname", json!("box")),
        ("StopSignal", json!("SIGINT")),
        ("StopTimeout", json!(3)),
    ] {
        assert_eq!(config[field], want, "{field}");
    }
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD-SHELL", "true"]));
    assert_eq!(config["Healthcheck"]["Interval"], json!(30_000_000_000_u64));
    for (field, want) in [
        ("NanoCpus", json!(500_000_000)),
        ("Memory", json!(64 << 20)),
        ("PidsLimit", json!(50)),
        ("RestartPolicy", json!({ "Name": "on-failure", "MaximumRetryCount": 2 })),
        ("ReadonlyRootfs", json!(true)),
        ("Tmpfs", json!({ "/run": "size=1m" })),
        ("Init", json!(true)),
        ("ExtraHosts", json!(["db:10.0.0.5"])),
        ("Dns", json!(["10.0.0.6"])),
        ("SecurityOpt", json!(["no-new-privileges"])),
        ("Sysctls", json!({ "net.ipv4.tcp_syncookies": "1" })),
        ("NetworkMode", json!(net)),
    ] {
        assert_eq!(host[field], want, "{field}");
    }
    assert_eq!(host["PortBindings"]["80/tcp"][0]["HostIp"], "127.0.0.1", "on this host alone, unless asked");
    assert_eq!(host["PortBindings"]["53/udp"][0]["HostPort"], "");
    let mounts = is["Mounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 2, "{mounts:?}");
    assert!(mounts.iter().any(|m| m["Source"] == json!(format!("{path}/sub")) && m["RW"] == false));
    // It runs, on both networks.
    client.call("docker_start", &json!({ "containers": place.name("app") })).ok();
    let ends = place.inspect(&place.name("app"))["NetworkSettings"]["Networks"].clone();
    assert_eq!(ends.as_object().unwrap().len(), 2, "{ends}");
}

#[test]
fn the_defaults_are_safe() {
    let Some(engine) = engine::at_hand("create::defaults") else { return };
    let place = Place::new(&engine);
    // K11, K12: what nobody asked for.
    let image = place.image(
        "2",
        &[
            "LABEL com.docker.compose.project=web",
            "LABEL docker-mcp.call=mine",
            "USER 1000:1000",
            "VOLUME /data",
        ],
    );
    let client = place.client("");
    let made = client.call("docker_create", &json!({ "image": image })).ok();
    let name = made.structured["container"].as_str().unwrap();
    assert!(name.starts_with("app-"), "a name of our choice: {name}");
    let is = place.inspect(name);
    assert_eq!(is["HostConfig"]["PidsLimit"], 512);
    assert_eq!(is["HostConfig"]["SecurityOpt"], json!(["no-new-privileges"]));
    assert!(is["HostConfig"]["CapDrop"].to_string().contains("NET_RAW"));
    assert_eq!(is["Config"]["Labels"]["com.docker.compose.project"], "", "it joins no project");
    assert_ne!(is["Config"]["Labels"]["docker-mcp.call"], "mine");
    let tight = place.client("[create_safety]\nprofile = \"restricted\"\n");
    let made = tight.call("docker_create", &json!({ "image": image, "name": place.name("tight") })).ok();
    let is = place.inspect(made.structured["container"].as_str().unwrap());
    assert_eq!(is["HostConfig"]["CapDrop"], json!(["ALL"]));
    assert_eq!(is["HostConfig"]["ReadonlyRootfs"], true);
    // The image's user is root's.
    let refused = tight.call("docker_create", &json!({ "image": place.image, "name": place.name("root") }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("65534:65534"), "{}", refused.text);
    tight.call("docker_create", &json!({ "image": place.image, "user": "65534:65534" })).ok();
}

#[test]
fn it_runs_and_is_waited_for() {
    let Some(engine) = engine::at_hand("create::run") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    let run = |short: &str, rest: serde_json::Value| {
        let mut call = json!({ "image": place.image, "name": place.name(short), "stop_timeout": 0 });
        call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        client.call("docker_run", &call)
    };
    let plain = run("plain", json!({ "ports": ["127.0.0.1::80"] })).ok();
    assert_eq!(plain.structured["state"], "running", "{}", plain.text);
    let healthy = run(
        "healthy",
        json!({ "health_check": { "cmd": "true", "interval": "200ms" }, "wait_for": "healthy", "timeout": 20 }),
    )
    .ok();
    assert_eq!(
        (&healthy.structured["met"], &healthy.structured["health"]),
        (&json!(true), &json!("healthy"))
    );
    let logged = run(
        "logged",
        json!({ "command": ["sh", "-c", "sleep 1; echo ready to serve; sleep 999"], "wait_for": "log",
            "pattern": "ready", "timeout": "20s" }),
    )
    .ok();
    assert_eq!(logged.structured["matched_line"], "ready to serve", "{}", logged.text);
    let never = run("never", json!({ "wait_for": "log", "pattern": "nosuchline", "timeout": 5 })).ok();
    assert_eq!((&never.structured["met"], &never.structured["state"]), (&json!(false), &json!("running")));
    let unhealthy = run("nohealth", json!({ "wait_for": "healthy" })).ok();
    assert!(unhealthy.text.contains("no health check"), "{}", unhealthy.text);
    // What does not start does not stay; the engine is not to blame.
    for (short, rest) in [
        ("nocommand", json!({ "command": ["nosuchprogram"] })),
        ("port", json!({ "ports": [format!("127.0.0.1:{}:80", taken(&place))] })),
    ] {
        let refused = run(short, rest);
        assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
        assert_eq!(refused.structured["error"]["effect"], "none");
        assert!(refused.text.contains("removed again"), "{}", refused.text);
        assert!(!place.containers().contains(&place.name(short)));
    }
    let again = run("plain", json!({}));
    assert_eq!(again.kind(), "conflict", "{}", again.text);
    assert!(again.text.contains("in use") && !again.text.contains("container \""), "{}", again.text);
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0, "{}", health.text);
}

/// The port that `plain` got.
fn taken(place: &Place) -> String {
    let ports = place.inspect(&place.name("plain"))["NetworkSettings"]["Ports"].clone();
    ports["80/tcp"][0]["HostPort"].as_str().unwrap().to_owned()
}

#[test]
fn bad_arguments_make_nothing() {
    let Some(engine) = engine::at_hand("create::arguments") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    for (rest, word) in [
        (json!({ "name": "a b" }), "name"),
        (json!({ "name": "26e2fa12aad5" }), "id"),
        (json!({ "ports": ["80:80:80:80:80"] }), "ports"),
        (json!({ "ports": { "80": 99999 } }), "ports"),
        (json!({ "ports": ["8000-8010:80"] }), "ports"),
        // M12: what is neither a volume nor a path.
        (json!({ "volumes": ["./data:/data"] }), "volumes"),
        (json!({ "volumes": ["~/x:/data"] }), "volumes"),
        (json!({ "volumes": { "C:\\x": "/data" } }), "volumes"),
        // M7
        (json!({ "volumes": ["/tmp/x:/data:rshared"] }), "volumes"),
        (json!({ "volumes": ["/tmp/x:/data:z"] }), "volumes"),
        (json!({ "volumes": ["/tmp/../etc:/data"] }), ".."),
        (json!({ "volumes": ["a:/"] }), "volumes"),
        (json!({ "resources": { "memory": "much" } }), "memory"),
        (json!({ "resources": { "cpu": -1 } }), "cpu"),
        (json!({ "restart_policy": "sometimes" }), "restart_policy"),
        (json!({ "stop_signal": "SIGNOSUCH" }), "stop_signal"),
        (json!({ "workdir": "tmp" }), "workdir"),
        (json!({ "command": "echo 'a" }), "command"),
        (json!({ "environment": { "A=B": "c" } }), "environment"),
        (json!({ "command": ["${secret:X}"] }), "secret"),
        (json!({ "wait_for": "healthy" }), "wait_for"),
        // K1, K2: fields of the engine's, in any spelling.
        (json!({ "Privileged": true }), "Privileged"),
        (json!({ "HostConfig": { "Privileged": true } }), "HostConfig"),
        (json!({ "hostconfig": { "PRIVILEGED": true } }), "hostconfig"),
        (json!({ "ReadonlyRootFSs": true }), "ReadonlyRootFSs"),
        (json!({ "masked_paths": [] }), "masked_paths"),
        (json!({ "resources": { "memory": "1g", "devices": [] } }), "devices"),
        // M2, M9
        (json!({ "volumes": [{ "type": "volume", "driver_opts": {} }] }), "volumes"),
    ] {
        let mut call = json!({ "image": place.image, "name": place.name("bad") });
        call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let refused = client.call("docker_create", &call);
        assert_eq!(refused.kind(), "invalid_arguments", "{rest}: {}", refused.text);
        assert!(refused.text.contains(word), "{rest}: {}", refused.text);
    }
    let missing = client.call("docker_run", &json!({ "image": "127.0.0.1:1/nosuchimage" }));
    assert_eq!(missing.kind(), "daemon_error", "{}", missing.text);
    assert!(missing.text.contains("could not pull"), "{}", missing.text);
    for rest in [json!({ "networks": ["nosuchnet"] }), json!({ "volumes": ["nosuchvolume:/x"] })] {
        let mut call = json!({ "image": place.image });
        call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        assert_eq!(client.call("docker_create", &call).kind(), "not_found", "{rest}");
    }
    assert!(place.containers().is_empty(), "{:?}", place.containers());
}

#[test]
fn levels_filters_and_confirmations() {
    let Some(engine) = engine::at_hand("create::levels") else { return };
    let place = Place::new(&engine);
    let call = json!({ "image": place.image, "name": place.name("app") });
    let kind = |config: &str, tool: &str| {
        Launch::at(&engine.host).config(config).connect().call(tool, &call).kind().to_owned()
    };
    assert_eq!(kind("", "docker_create"), "permission_denied");
    assert_eq!(kind("[permissions]\ncreate = true\n", "docker_run"), "permission_denied");
    assert_eq!(kind("[permissions]\ncreate = [\"other-*\"]\n", "docker_create"), "permission_denied");
    // K13: a new name that the filters do not allow.
    for filter in [
        "whitelist_containers = [\"other-*\"]",
        &format!("blacklist_containers = [\"{}\"]", place.name("app")),
    ] {
        assert_eq!(kind(&format!("{ON}{filter}\n"), "docker_create"), "permission_denied", "{filter}");
    }
    let hidden = format!("{ON}blacklist_images = [\"{}/*\"]\n", place.scope.prefix);
    assert_eq!(kind(&hidden, "docker_create"), "permission_denied", "nor may it be pulled");
    // A name of our choice is judged as well.
    let client = place.client("whitelist_containers = [\"other-*\"]\n");
    let refused = client.call("docker_create", &json!({ "image": place.image }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(place.containers().is_empty());

    let client = place.client("[confirm]\nrequire = \"mutating\"\n");
    let unnamed = json!({ "image": place.image });
    let held = client.call("docker_create", &unnamed).ok();
    assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
    assert!(held.text.contains("of our choice"), "{}", held.text);
    let mut with = unnamed.clone();
    with["confirm_token"] = held.structured["confirm_token"].clone();
    client.call("docker_create", &with).ok();
    assert_eq!(place.containers().len(), 1);
    let dry = client
        .call("docker_run", &json!({ "image": place.image, "name": place.name("dry"), "dry_run": true }));
    assert_eq!(dry.ok().structured["status"], "dry_run");
    assert_eq!(place.containers().len(), 1);
}
