//! C4, C5: what reaches out of a container is seen wherever the file hides it, and before anything is made; what came up is
//! what was judged.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::yard::{POLITE, Yard};
use crate::support::engine;

#[test]
fn c4_nobody_shares_anothers_namespaces_or_mounts() {
    let Some(engine) = engine::at_hand("stack_threats::reach::c4") else { return };
    let yard = Yard::new(&engine);
    for name in ["vault-1", "shop"] {
        yard.scope.run(name, &["--ipc", "shareable"], POLITE);
    }
    let before = (yard.state("vault-1"), yard.state("shop"));
    let id = yard.inspect("vault-1")["Id"].as_str().unwrap().to_owned();
    // Also where a person lets such things through: what is hidden is not there.
    let clients = [
        (false, yard.client("")),
        (
            true,
            yard.client(
                "[create_safety]\nallow = [\"network_mode\", \"pid_mode\", \"ipc_mode\", \"volumes_from\", \"links\"]\n",
            ),
        ),
    ];
    for (allowed, client) in &clients {
        for other in [yard.name("vault-1"), id.clone(), id[..12].to_owned(), yard.name("shop")] {
            for lines in [
                format!("    network_mode: \"container:{other}\"\n"),
                format!("    pid: \"container:{other}\"\n"),
                format!("    ipc: \"container:{other}\"\n"),
                format!("    volumes_from: [\"container:{other}:ro\"]\n"),
                format!("    external_links: [\"{other}:db\"]\n"),
            ] {
                if *allowed && other.ends_with("shop") && !lines.contains("external") {
                    continue;
                }
                yard.web(&lines, "");
                let refused = yard.refused(client, &lines);
                let kinds = ["permission_denied", "not_found"];
                assert!(kinds.contains(&refused.kind()), "{lines}: {}", refused.text);
            }
        }
    }
    assert_eq!((yard.state("vault-1"), yard.state("shop")), before);
}

/// What no service may have.
const EVIL: &[&str] = &[
    "privileged: true",
    "pid: host",
    "network_mode: host",
    "ipc: host",
    "uts: host",
    "userns_mode: host",
    "cgroup: host",
    "cap_add: [SYS_ADMIN]",
    "cap_add: [ALL]",
    "devices: [/dev/null:/dev/x]",
    "device_cgroup_rules: [\"c 1:3 rwm\"]",
    "gpus: all",
    "security_opt: [\"seccomp:unconfined\"]",
    "security_opt: [\"apparmor=unconfined\"]",
    "security_opt: [\"systempaths=unconfined\"]",
    "volumes: [/var/run/docker.sock:/s]",
    "volumes: [/:/host]",
    "volumes: [/etc:/x:ro]",
    "volumes: [\"../../outside:/x\"]",
    "volumes: [\"~:/x\"]",
    "volumes: [{type: bind, source: ., target: /x, bind: {propagation: rshared}}]",
    "volumes: [{type: bind, source: ., target: /proc/sys}]",
    "sysctls: {kernel.core_pattern: x}",
    "cgroup_parent: /x",
    "runtime: other",
    "oom_score_adj: -500",
    "storage_opt: {size: 1G}",
    "annotations: {a: b}",
    "logging: {driver: syslog, options: {syslog-address: \"tcp://192.0.2.1:1\"}}",
    "provider: {type: model}",
    "use_api_socket: true",
    "post_start: [{command: id, privileged: true}]",
    "pre_stop: [{command: id}]",
    "credential_spec: {file: x.json}",
    "labels: {com.docker.compose.project: other}",
    "mac_address: \"02:42:ac:11:00:02\"",
    "blkio_config: {weight: 10}",
    "group_add: [\"0\"]",
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
];

#[test]
fn c5_every_key_is_judged_and_nothing_is_made() {
    let Some(engine) = engine::at_hand("stack_threats::reach::keys") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    for evil in EVIL {
        let service = format!("    {evil}\n");
        // Beside a harmless service that would be made first.
        yard.web(
            &service,
            "  a:\n    image: docker-mcp/base\n    command: [sleep, \"9\"]\nvolumes:\n  data: {}\n",
        );
        let up = client.call("docker_compose_up", &json!({ "file": "app" }));
        assert!(up.is_error, "{evil}: {}", up.text);
        // Compose 2.26 knows no hooks, no providers: the file is refused by it.
        assert!(["permission_denied", "invalid_arguments"].contains(&up.kind()), "{evil}: {}", up.text);
        let inline = client.call(
            "docker_compose_deploy",
            &json!({ "project_name": yard.project, "compose_yaml": yard.of_web(&service, "") }),
        );
        assert!(inline.is_error, "{evil}: {}", inline.text);
        assert_eq!(yard.made(), Vec::<String>::new(), "{evil}");
    }
}

#[test]
fn c5_no_way_of_writing_hides_it() {
    let Some(engine) = engine::at_hand("stack_threats::reach::hidden") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    let p = &yard.project;
    let plain = "    image: docker-mcp/base\n    command: [sleep, \"9\"]\n";
    for (evil, word) in
        [("privileged: true", "privileged"), ("pid: host", "pid"), ("volumes: [/var/run:/x]", "bind")]
    {
        let base = format!("services:\n  base:\n{plain}    {evil}\n");
        let files: Vec<(&str, Vec<(&str, String)>, Value)> = vec![
            (
                "extends in one file",
                vec![("compose.yaml", format!("name: {p}\n{base}  web:\n    extends: base\n"))],
                json!({"services": "web"}),
            ),
            (
                "extends of another file, twice",
                vec![
                    (
                        "compose.yaml",
                        format!(
                            "name: {p}\nservices:\n  web:\n    extends: {{file: mid.yaml, service: mid}}\n"
                        ),
                    ),
                    (
                        "mid.yaml",
                        "services:\n  mid:\n    extends: {file: sub/base.yaml, service: base}\n".into(),
                    ),
                    ("sub/base.yaml", base.clone()),
                ],
                json!({}),
            ),
            (
                "include",
                vec![
                    (
                        "compose.yaml",
                        format!("name: {p}\ninclude: [sub/base.yaml]\nservices:\n  web:\n{plain}"),
                    ),
                    ("sub/base.yaml", base.clone()),
                ],
                json!({}),
            ),
            (
                "include with an override in its list",
                vec![
                    ("compose.yaml", format!("name: {p}\ninclude:\n  - path: [sub/a.yaml, sub/b.yaml]\n")),
                    ("sub/a.yaml", format!("services:\n  web:\n{plain}")),
                    ("sub/b.yaml", format!("services:\n  web:\n    {evil}\n")),
                ],
                json!({}),
            ),
            (
                "an override file",
                vec![
                    ("compose.yaml", format!("name: {p}\nservices:\n  web:\n{plain}")),
                    ("compose.override.yml", format!("services:\n  web:\n    {evil}\n")),
                ],
                json!({}),
            ),
            (
                "a merge key",
                vec![(
                    "compose.yaml",
                    format!("name: {p}\nx-all: &all\n  {evil}\nservices:\n  web:\n    <<: *all\n{plain}"),
                )],
                json!({}),
            ),
            (
                "a list of merge keys",
                vec![(
                    "compose.yaml",
                    format!(
                        "name: {p}\nx-a: &a {{init: true}}\nx-b: &b\n  <<: *a\n  {evil}\nservices:\n  web:\n    <<: [*a, *b]\n{plain}"
                    ),
                )],
                json!({}),
            ),
            (
                "a profile from .env",
                vec![
                    (
                        "compose.yaml",
                        format!(
                            "name: {p}\nservices:\n  web:\n{plain}  more:\n{plain}    {evil}\n    profiles: [x]\n"
                        ),
                    ),
                    (".env", "COMPOSE_PROFILES=x\n".into()),
                ],
                json!({}),
            ),
            (
                "a profile by the service's name",
                vec![(
                    "compose.yaml",
                    format!(
                        "name: {p}\nservices:\n  web:\n{plain}  more:\n{plain}    {evil}\n    profiles: [x]\n"
                    ),
                )],
                json!({"services": "more"}),
            ),
            (
                "what another needs",
                vec![(
                    "compose.yaml",
                    format!(
                        "name: {p}\nservices:\n  web:\n{plain}    depends_on: [more]\n  more:\n{plain}    {evil}\n"
                    ),
                )],
                json!({"services": "web"}),
            ),
            (
                "other words for yes, and tags",
                vec![(
                    "compose.yaml",
                    format!(
                        "name: {p}\nservices:\n  web:\n{plain}    {}\n",
                        evil.replace("true", "!!bool \"true\"")
                    ),
                )],
                json!({}),
            ),
        ];
        for (way, files, more) in files {
            let _gone = std::fs::remove_dir_all(yard.path("root/app"));
            for (name, text) in files {
                yard.write(&format!("root/app/{name}"), &text);
            }
            let mut arguments = json!({ "file": "app" });
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let up = client.call("docker_compose_up", &arguments);
            assert_eq!(up.kind(), "permission_denied", "{way}, {evil}: {}", up.text);
            assert!(up.text.contains(word), "{way}, {evil}: {}", up.text);
            assert_eq!(yard.made(), Vec::<String>::new(), "{way}, {evil}");
        }
    }
    // By variables, where the value comes from .env, a default, or an env file of an include.
    for (lines, env) in [
        ("privileged: ${P}", "P=true\n"),
        ("privileged: ${P:-true}", ""),
        ("pid: \"${A}${B}\"", "A=ho\nB=st\n"),
        ("network_mode: $M", "M=host\n"),
        ("cap_add: [\"${C}\"]", "C=SYS_ADMIN\n"),
        ("volumes: [\"${S}:/x\"]", "S=/var/run/docker.sock\n"),
        ("volumes: [\"${S}\"]", "S=/var/run/docker.sock:/x\n"),
        ("security_opt: [\"seccomp:${S}\"]", "S=unconfined\n"),
        ("labels: {\"a\": \"$$\", com.docker.compose.project: $S}", "S=x\n"),
    ] {
        let _gone = std::fs::remove_dir_all(yard.path("root/app"));
        yard.web(&format!("    {lines}\n"), "");
        yard.write("root/app/.env", env);
        let refused = yard.refused(&client, lines);
        assert_eq!(refused.kind(), "permission_denied", "{lines}: {}", refused.text);
    }
    // A `$$` that would be a variable the second time.
    let _gone = std::fs::remove_dir_all(yard.path("root/app"));
    yard.web("    labels: {\"x.y\": \"$$PATH $${HOME}\"}\n    environment: {A: \"$$PATH\"}\n", "");
    yard.up(&client);
    let facts = yard.inspect("web-1");
    assert_eq!(facts["Config"]["Labels"]["x.y"], "$PATH ${HOME}");
    assert!(
        facts["Config"]["Env"].as_array().unwrap().contains(&json!("A=$PATH")),
        "{}",
        facts["Config"]["Env"]
    );
}

#[test]
fn c5_networks_volumes_and_paths_are_what_they_lead_to() {
    let Some(engine) = engine::at_hand("stack_threats::reach::leads") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    let outside = yard.path("outside");
    yard.write("outside/secret", "canary");
    // Volumes that are there, and are folders of the host or more.
    let device = format!("device={}", outside.display());
    yard.scope.volume("bound", &["-o", "type=none", "-o", "o=bind", "-o", &device]);
    yard.scope.volume("odd", &["-o", "type=tmpfs", "-o", "o=bind", "-o", "device=/etc"]);
    for (name, external) in [("bound", true), ("bound", false), ("odd", true), ("odd", false)] {
        let external = if external { "\n    external: true" } else { "" };
        let top = format!("volumes:\n  x:\n    name: {}{external}\n", yard.name(name));
        yard.web("    volumes: [\"x:/x\"]\n", &top);
        assert_eq!(yard.refused(&client, &top).kind(), "permission_denied");
    }
    // And those that would be made so.
    for options in [
        format!("{{type: none, o: bind, device: {}}}", outside.display()),
        "{type: none, o: bind, device: ../../outside}".to_owned(),
        "{type: nfs, o: \"addr=192.0.2.1\", device: \":/x\"}".to_owned(),
        "{type: tmpfs, o: \"bind\", device: /etc}".to_owned(),
        "{type: none, o: \"size=1,rbind\", device: /etc}".to_owned(),
    ] {
        let top = format!("volumes:\n  x:\n    driver_opts: {options}\n");
        yard.web("    volumes: [\"x:/x\"]\n", &top);
        let refused = yard.refused(&client, &top);
        assert_eq!(refused.kind(), "permission_denied", "{options}: {}", refused.text);
    }
    // The host's network by any of its names.
    let id = |name: &str| engine.inspect("network", name)["Id"].as_str().unwrap().to_owned();
    for name in ["host".to_owned(), id("host"), id("host")[..12].to_owned(), "none".to_owned(), id("none")] {
        let top = format!("networks:\n  x:\n    name: \"{name}\"\n    external: true\n");
        yard.web("    networks: [x]\n", &top);
        yard.refused(&client, &top);
        let mode = format!("    network_mode: \"{name}\"\n");
        if name != "none" && name != id("none") {
            yard.web(&mode, "");
            let refused = yard.refused(&client, &mode);
            assert_eq!(refused.kind(), "permission_denied", "{mode}: {}", refused.text);
        }
    }
    for driver in ["host", "macvlan", "ipvlan", "null"] {
        let top = format!("networks:\n  x:\n    driver: {driver}\n");
        yard.web("    networks: [x]\n", &top);
        yard.refused(&client, &top);
    }
    // Links on the way out of the roots: to what is there, and to what would be made.
    symlink(&outside, yard.path("root/app/out")).unwrap();
    symlink(outside.join("new"), yard.path("root/app/nowhere")).unwrap();
    symlink("/", yard.path("root/app/all")).unwrap();
    for source in [
        "./out",
        "./out/secret",
        "./out/not/there",
        "./nowhere",
        "./nowhere/x",
        "./all/etc",
        "./all/not-there-at-all",
    ] {
        let lines = format!("    volumes: [\"{source}:/x\"]\n");
        yard.web(&lines, "");
        let refused = yard.refused(&client, &lines);
        assert!(!refused.whole().contains("canary"), "{}", refused.text);
        for (kind, target) in [("secrets", "x"), ("configs", "x")] {
            let top = format!("{kind}:\n  x:\n    file: {source}\n");
            yard.web(&format!("    {kind}: [{target}]\n"), &top);
            yard.refused(&client, &top);
        }
    }
    assert!(!outside.join("not").exists() && !outside.join("new").exists());
    assert!(!std::path::Path::new("/not-there-at-all").exists());
}

/// What the engine says of what came up is what the model said, key by key.
#[test]
fn what_came_up_is_what_was_judged() {
    let Some(engine) = engine::at_hand("stack_threats::reach::same") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.write("root/app/conf/a", "x");
    yard.write("root/app/token", "hunter2-hunter2");
    yard.web(
        "    cap_add: [CHOWN]\n    cap_drop: [NET_RAW]\n    read_only: true\n    user: \"1000:1000\"\n    \
         security_opt: [\"no-new-privileges:true\"]\n    volumes: [\"./conf:/conf:ro\", \"data:/data\", {type: tmpfs, target: /t}]\n    \
         secrets: [token]\n    mem_limit: 64m\n    pids_limit: 50\n    ports: [\"127.0.0.1::80\"]\n    init: true\n",
        "volumes:\n  data: {}\nsecrets:\n  token: {file: ./token}\n",
    );
    yard.up(&client);
    let facts = yard.inspect("web-1");
    let host = &facts["HostConfig"];
    let text = |path: &str| facts.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(host["Privileged"], false);
    assert_eq!(["PidMode", "UTSMode", "UsernsMode"].map(|k| text(&format!("/HostConfig/{k}"))), ["", "", ""]);
    assert_eq!(text("/HostConfig/IpcMode"), "private");
    assert_eq!(text("/HostConfig/NetworkMode"), format!("{}_default", yard.project));
    assert_eq!((&host["CapAdd"], &host["CapDrop"]), (&json!(["CHOWN"]), &json!(["NET_RAW"])));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]));
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(64 << 20), &json!(50)));
    assert_eq!((text("/Config/User"), &host["ReadonlyRootfs"]), ("1000:1000".to_owned(), &json!(true)));
    let devices = |key: &str| host[key].as_array().is_none_or(Vec::is_empty);
    assert!(
        devices("Devices")
            && devices("DeviceCgroupRules")
            && devices("DeviceRequests")
            && devices("VolumesFrom")
    );
    let mut mounts: Vec<(String, String, bool)> = facts["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| {
            let source = match m["Type"].as_str() {
                Some("volume") => m["Name"].as_str(),
                Some("bind") => m["Source"].as_str(),
                _ => None,
            };
            (
                m["Destination"].as_str().unwrap().to_owned(),
                source.unwrap_or_default().to_owned(),
                m["RW"] == true,
            )
        })
        .collect();
    mounts.sort();
    let root = std::fs::canonicalize(yard.path("root/app")).unwrap();
    let below = |name: &str| root.join(name).display().to_string();
    let want = [
        ("/conf", below("conf"), false),
        ("/data", format!("{}_data", yard.project), true),
        ("/run/secrets/token", below("token"), false),
        ("/t", String::new(), true),
    ];
    assert_eq!(mounts, want.map(|(a, b, c)| (a.to_owned(), b, c)));
}

/// A container that waits in the project's place, and has more than the file asks for, is not passed over in silence.
#[test]
fn what_has_more_than_the_file_says_is_told() {
    let Some(engine) = engine::at_hand("stack_threats::reach::more") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.web("", "");
    yard.up(&client);
    let hash = yard.inspect("web-1")["Config"]["Labels"].clone();
    let plain = client.call("docker_compose_up", &json!({ "file": "app" })).ok();
    assert_eq!(plain.structured["changed"], false, "{}", plain.text);
    for (options, word) in [
        (vec!["--privileged"], "privileged"),
        (vec!["--pid", "host"], "the host's processes"),
        (vec!["-v", "/etc:/x:ro"], "/etc"),
    ] {
        engine.docker(&["rm", "-f", &yard.name("web-1")]);
        // It wears all that compose looks at.
        let labels: Vec<String> =
            hash.as_object().unwrap().iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap())).collect();
        let mut all: Vec<&str> = labels.iter().flat_map(|l| ["--label", l.as_str()]).collect();
        let network = format!("{}_default", yard.project);
        all.extend(["--network", &network]);
        all.extend(options);
        yard.scope.run("web-1", &all, POLITE);
        let up = client.call("docker_compose_up", &json!({ "file": "app" }));
        assert!(up.is_error, "{word}: {}", up.text);
        assert!(up.text.contains(word) && up.text.contains(&yard.name("web-1")), "{word}: {}", up.text);
    }
}
