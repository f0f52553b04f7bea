//! Words that mean nothing, and other spellings of what is refused: what is judged is what is sent.

use serde_json::{Value, json};

use super::guard::{refused, with};
use super::{ON, Place};
use crate::support::{Launch, engine};

#[test]
fn k12_an_empty_word_asks_for_nothing() {
    let Some(engine) = engine::at_hand("create::edges::empty") else { return };
    let place = Place::new(&engine);
    // Every word that is a text: some clients send it empty where they mean nothing.
    let empty = json!({ "gpus": "", "user": "", "pid_mode": "", "ipc_mode": "", "uts_mode": "", "userns_mode": "",
        "cgroupns_mode": "", "cgroup_parent": "", "runtime": "", "log_driver": "", "network_mode": "", "workdir": "",
        "hostname": "", "restart_policy": "", "stop_signal": "" });
    let client = place.client("");
    client.call("docker_create", &with(&place, &empty)).ok();
    let host = place.inspect(&place.name("x"))["HostConfig"].clone();
    assert!(matches!(&host["DeviceRequests"], Value::Null) || host["DeviceRequests"] == json!([]), "{host}");
    client.call("docker_remove", &json!({ "container": place.name("x"), "confirm_token": null }));
    engine.try_docker(&["rm", "-f", &place.name("x")]).ok();
    // The image's user is root: an empty word does not hide it.
    let tight = place.client("[create_safety]\nprofile = \"restricted\"\n");
    refused(&tight, &place, "19 user", &json!({ "user": "" }));
    for user in ["root", "0", "0:0", "1000", "1000:0", "+0:+0", "app"] {
        refused(&tight, &place, "19 user", &json!({ "user": user }));
    }
}

/// K13: our own names, and names of what is hidden or not there yet, in every spelling.
#[test]
fn k13_reserved_and_hidden_names() {
    let Some(engine) = engine::at_hand("create::edges::names") else { return };
    let place = Place::new(&engine);
    let client = place.client(&format!("blacklist_containers = [\"{}-vault*\"]\n", place.scope.prefix));
    for name in ["docker-mcp-x", "/docker-mcp-x", "docker-mcp"] {
        let result = client.call("docker_create", &json!({ "image": place.image, "name": name }));
        assert_eq!(result.kind(), "permission_denied", "{name}: {}", result.text);
    }
    for name in [place.name("vault"), format!("/{}", place.name("vault")), place.name("vault-2")] {
        for tool in ["docker_create", "docker_run"] {
            let result = client.call(tool, &json!({ "image": place.image, "name": name }));
            assert_eq!(result.kind(), "permission_denied", "{name}: {}", result.text);
        }
    }
    // What addresses, instead of naming.
    for name in [
        "//x",
        "../x",
        "x/../y",
        "x/y",
        "x\n",
        "x\ty",
        "%2Fx",
        "./x",
        " x",
        "x ",
        "",
        "/",
        "\u{1F433}x",
        "ｘx",
    ] {
        let result = client.call("docker_create", &json!({ "image": place.image, "name": name }));
        if name.is_empty() {
            result.ok();
            for name in place.containers() {
                engine.docker(&["rm", &name]);
            }
        } else {
            assert_eq!(result.kind(), "invalid_arguments", "{name:?}: {}", result.text);
        }
    }
    assert!(place.containers().is_empty(), "{:?}", place.containers());
}

/// K1: a key twice in one object. Whichever counts, it is the one that is judged.
#[test]
fn k1_keys_that_stand_twice() {
    let Some(engine) = engine::at_hand("create::edges::twice") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    for (i, pair) in ["\"privileged\":false,\"privileged\":true", "\"privileged\":true,\"privileged\":false"]
        .into_iter()
        .enumerate()
    {
        let (id, name) = (9000 + i, place.name(&format!("twice{i}")));
        client.raw(
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"docker_create\",\
                 \"arguments\":{{\"image\":\"{}\",\"name\":\"{name}\",{pair}}}}}}}\n",
                place.image
            )
            .as_bytes(),
        );
        let reply = client.answer_within(&json!(id), std::time::Duration::from_secs(20)).expect("an answer");
        let made = place.containers();
        if made.contains(&name) {
            assert_eq!(
                place.inspect(&name)["HostConfig"]["Privileged"],
                false,
                "{pair}: {:?}",
                reply.message
            );
        }
    }
}

/// K4, K2, 19: spellings that the guard must read as the engine does, or not let through.
#[test]
fn k4_spellings() {
    let Some(engine) = engine::at_hand("create::edges::spellings") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    for (row, rest) in [
        ("K4", json!({ "security_opt": "no-new-privileges: true" })),
        ("K4", json!({ "security_opt": " no-new-privileges:true" })),
        ("K4", json!({ "security_opt": "no-new-privileges:1" })),
        ("K4", json!({ "security_opt": "NO-NEW-PRIVILEGES" })),
        ("K4", json!({ "security_opt": "" })),
        ("K3", json!({ "cap_add": "" })),
        ("19 proc", json!({ "volumes": { "data": "/proc" } })),
        ("19 proc", json!({ "volumes": { "data": "//proc/./sys/" } })),
        ("19 proc", json!({ "tmpfs": "/proc" })),
        ("19 proc", json!({ "tmpfs": "//sys/fs:size=1m" })),
        ("19 ulimits", json!({ "ulimits": { "nofile": "1:2:3" } })),
        ("19 ulimits", json!({ "ulimits": { "nofile": "1048577" } })),
    ] {
        if rest.get("volumes").is_some() {
            place.scope.volume("data", &[]);
            let rest: Value =
                serde_json::from_str(&rest.to_string().replace("data", &place.name("data"))).unwrap();
            refused(&client, &place, row, &rest);
        } else {
            refused(&client, &place, row, &rest);
        }
    }
    place.scope.container(&["create"], "other", &[], engine::BASE, &["true"]);
    for rest in [
        json!({ "sysctls": { "net.ipv4.tcp_syncookies=1 kernel.shmmax": "1" } }),
        json!({ "volumes": { "data": "/x/../proc" } }),
        json!({ "volumes": { "data": "/." } }),
    ] {
        let result = client.call("docker_create", &with(&place, &rest));
        assert_eq!(result.kind(), "invalid_arguments", "{rest}: {}", result.text);
    }
    assert_eq!(place.containers(), [place.name("other")]);
    // A path with a slash too many is the same path.
    let rest = json!({ "volumes": { place.name("data"): "/x//data/" } });
    client.call("docker_create", &with(&place, &rest)).ok();
    assert_eq!(place.inspect(&place.name("x"))["Mounts"][0]["Destination"], "/x/data");
}

/// M11, K11: ceilings of memory hold wherever memory is taken, and two calls at once do not take one place both.
#[test]
fn k11_ceilings_hold_for_all_at_once() {
    let Some(engine) = engine::at_hand("create::edges::ceilings") else { return };
    let place = Place::new(&engine);
    let client = place.client("[create_safety]\nlimits = { memory = \"32m\" }\n");
    for size in ["33m", "1g", "50%", "0x9", "99999999999999999999"] {
        refused(&client, &place, "M11", &json!({ "tmpfs": format!("/run:size={size}") }));
    }
    client.call("docker_create", &with(&place, &json!({ "tmpfs": "/run:size=32m" }))).ok();
    assert_eq!(place.inspect(&place.name("x"))["HostConfig"]["Memory"], 32 << 20);
    // Others may make containers beside this test: what is there is counted, and two more are allowed.
    let there = engine.docker(&["ps", "-aq", "--filter", "label=docker-mcp.call"]).lines().count();
    let few = place.client(&format!("[create_safety]\nlimits = {{ containers = {} }}\n", there + 2));
    let begun: Vec<Value> = (0..8)
        .map(|i| {
            few.begin_call(
                "docker_create",
                &json!({ "image": place.image, "name": place.name(&format!("n{i}")) }),
            )
        })
        .collect();
    let answers: Vec<_> = begun.iter().map(|id| few.wait(id).tool()).collect();
    let made = answers.iter().filter(|a| !a.is_error).count();
    assert!(made <= 2, "{made} were made");
    for answer in answers.iter().filter(|a| a.is_error) {
        assert_eq!(answer.kind(), "permission_denied", "{}", answer.text);
        assert!(answer.text.contains("limits.containers"), "{}", answer.text);
    }
    assert_eq!(place.containers().len(), made + 1);
}

/// M5: our own files, and those of the engine, under a root that a person allowed.
#[test]
fn m5_our_own_files_and_the_engines() {
    let Some(engine) = engine::at_hand("create::edges::own") else { return };
    let place = Place::new(&engine);
    let folder = tempfile::Builder::new().prefix("docker-mcp-own-").tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    for dir in ["audit", "keys", "plain", ".config/docker-mcp", "link"] {
        std::fs::create_dir_all(root.join(dir)).unwrap();
    }
    std::fs::write(root.join("keys/motto"), "a b c").unwrap();
    // The audit is named by a link: the folder itself is meant.
    std::os::unix::fs::symlink(root.join("audit"), root.join("link/audit")).unwrap();
    let home = engine.docker(&["info", "--format", "{{.DockerRootDir}}"]);
    let config = format!(
        "{ON}[create_safety]\nbind_roots = [\"{0}\", \"{home}\"]\n[audit]\ndir = \"{0}/link/audit\"\n[secrets]\nmotto = {{ file = \"{0}/keys/motto\" }}\n",
        root.display()
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    for source in [
        &at("audit"),
        &at("link"),
        &at("keys"),
        &at("keys/motto"),
        &at(""),
        &at(".config"),
        &at(".config/docker-mcp"),
        &home,
        &format!("{home}/volumes"),
    ] {
        refused(&client, &place, "M5", &json!({ "volumes": { source: "/x" } }));
    }
    client.call("docker_create", &with(&place, &json!({ "volumes": { at("plain"): "/x" } }))).ok();
    engine.docker(&["rm", &place.name("x")]);
    // The configuration that is in force.
    let own = client.home().join("config.toml");
    let own = own.to_str().unwrap();
    let config = format!("{ON}[create_safety]\nbind_roots = [\"/tmp\"]\n");
    let other = Launch::at(&engine.host).config(&config).connect();
    let file = other.home().join("config.toml");
    for source in [file.to_str().unwrap(), other.home().to_str().unwrap()] {
        refused(&other, &place, "M5", &json!({ "volumes": { source: "/x" } }));
    }
    assert_ne!(own, file.to_str().unwrap());
}

/// X8: on a network of one's own the hostname is a name as well.
#[test]
fn x8_nobody_takes_anothers_name_on_a_network() {
    let Some(engine) = engine::at_hand("create::edges::hostname") else { return };
    let place = Place::new(&engine);
    place.scope.network("shared");
    let net = place.name("shared");
    let project = format!("com.docker.compose.project={}", place.name("web"));
    let labels = ["--network", &net, "-l", &project, "-l", "com.docker.compose.service=db-service"];
    place.scope.run("vault", &labels, &["sleep", "9999"]);
    place.scope.run("open", &["--network", &net], &["sleep", "9999"]);
    let client = place
        .client(&format!("networks = true\nblacklist_containers = [\"{}-vault*\"]\n", place.scope.prefix));
    let ask = |word: &str| {
        let call =
            json!({ "image": place.image, "name": place.name("x"), "networks": [net], "hostname": word });
        let result = client.call("docker_run", &call);
        assert_eq!(result.kind(), "conflict", "{word}: {}", result.text);
        let call = result.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
        result.whole().replace(&call, "<call>").replace(word, "<asked>")
    };
    // A visible one, a hidden one, a hidden service, and what a blacklist names: one answer.
    let visible = ask(&place.name("open"));
    for word in [place.name("vault"), "db-service".to_owned(), place.name("vault-9")] {
        assert_eq!(ask(&word), visible, "{word}");
    }
    let named = json!({ "image": place.image, "name": "db-service", "networks": [net] });
    let result = client.call("docker_create", &named);
    assert_eq!(result.kind(), "conflict", "{}", result.text);
    assert!(!place.containers().contains(&place.name("x")));
    assert!(!place.containers().contains(&"db-service".to_owned()));
    // Where no name is looked up, a hostname is nobody's.
    client.call("docker_create", &with(&place, &json!({ "hostname": "db-service" }))).ok();
    // But it does not come with it onto a network.
    let joined =
        client.call("docker_network_connect", &json!({ "network": net, "container": place.name("x") }));
    assert_eq!(joined.kind(), "conflict", "{}", joined.text);
    assert!(joined.text.contains("hostname"), "{}", joined.text);
}

/// X4, X7: what a person allowed is done as it was asked for, and compared.
#[test]
fn x7_links_and_mounts_of_others_by_permission() {
    let Some(engine) = engine::at_hand("create::edges::links") else { return };
    let place = Place::new(&engine);
    place.scope.volume("data", &[]);
    let mount = format!("{}:/data", place.name("data"));
    let open = place.scope.run("open", &["-v", &mount], &["sleep", "9999"]);
    let client = place.client("[create_safety]\nallow = [\"volumes_from\", \"links\"]\n");
    let odd = json!({ "volumes_from": format!("{}:z", place.name("open")) });
    assert_eq!(client.call("docker_create", &with(&place, &odd)).kind(), "invalid_arguments");
    let rest = json!({ "volumes_from": format!("{}:ro", place.name("open")), "links": [format!("{}:db", &open[..12])] });
    client.call("docker_create", &with(&place, &rest)).ok();
    let is = place.inspect(&place.name("x"));
    assert_eq!(
        is["HostConfig"]["Links"],
        json!([format!("/{}:/{}/db", place.name("open"), place.name("x"))])
    );
    assert_eq!(is["Mounts"][0]["RW"], false, "read only, as it was asked: {}", is["Mounts"]);
}
