//! `docker_recreate`

use serde_json::{Value, json};

use super::{POLITE, forms, on};
use crate::support::engine::{self, BASE};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, delete, post};
use crate::support::fixture::Scope;
use crate::support::{Engine, Launch};

pub(super) const LEVELS: &str = "create lifecycle";
pub(super) const CHECKED: &[&str] = &["--health-cmd", "true", "--health-interval", "500ms"];

/// Names of this test's containers, without the prefix, each with its state.
pub(super) fn all(engine: &Engine, scope: &Scope) -> Vec<(String, String)> {
    let filter = format!("label={}", scope.label());
    let list = engine.docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}} {{.State}}"]);
    let mut list: Vec<(String, String)> = list
        .lines()
        .filter_map(|l| l.split_once(' '))
        .map(|(name, state)| {
            // A link is another name of the one that it leads to.
            let name = name.split(',').find(|n| !n.contains('/')).unwrap();
            (name.strip_prefix(&format!("{}-", scope.prefix)).unwrap().to_owned(), state.to_owned())
        })
        .collect();
    list.sort();
    list
}

fn pair(name: &str, state: &str) -> (String, String) {
    (name.to_owned(), state.to_owned())
}

/// What must be the same of old and new.
fn lasting(mut facts: Value) -> Value {
    let id = facts["Id"].as_str().unwrap()[..12].to_owned();
    let mut networks = facts["NetworkSettings"]["Networks"].take();
    for end in networks.as_object_mut().unwrap().values_mut() {
        let aliases = end["Aliases"].as_array().cloned().unwrap_or_default();
        let aliases: Vec<Value> = aliases.into_iter().filter(|a| *a != json!(id)).collect();
        *end =
            json!({ "aliases": aliases, "ipam": end["IPAMConfig"].as_object().cloned().unwrap_or_default() });
    }
    let mut config = facts["Config"].take();
    if config["Hostname"] == json!(id) {
        config["Hostname"].take();
    }
    config["Labels"].as_object_mut().unwrap().retain(|k, _| !k.starts_with("docker-mcp.recreate."));
    let mut host = facts["HostConfig"].take();
    for key in ["Binds", "Mounts", "Links", "VolumesFrom"] {
        host[key].take();
    }
    let mut mounts: Vec<String> = facts["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| format!("{} {} {} {}", m["Type"], m["Source"], m["Destination"], m["RW"]))
        .collect();
    mounts.sort();
    json!({ "name": facts["Name"], "image": facts["Image"], "config": config, "host": host, "mounts": mounts, "networks": networks })
}

#[test]
fn the_new_one_has_the_whole_configuration() {
    let Some(engine) = engine::at_hand("upkeep::recreate::whole") else { return };
    let scope = Scope::new(&engine);
    scope.network("one");
    scope.network("two");
    scope.volume("data", &[]);
    scope.run("lender", &["-v", "/lent"], POLITE);
    let data = format!("{}:/data:ro", scope.name("data"));
    let (one, lender) = (scope.name("one"), scope.name("lender"));
    let options = [
        CHECKED,
        &[
            "--network",
            &one,
            "--network-alias",
            "alias",
            "-v",
            &data,
            "-v",
            "/anonymous",
            "--volumes-from",
            &lender,
        ],
        &[
            "--mount",
            "type=volume,dst=/typed",
            "--tmpfs",
            "/tmp:size=1m",
            "-e",
            "A=b c",
            "-l",
            "x=y",
            "-u",
            "65534",
        ],
        &[
            "-w",
            "/data",
            "--memory",
            "64m",
            "--pids-limit",
            "50",
            "--restart",
            "on-failure:2",
            "--cap-drop",
            "ALL",
        ],
        &[
            "--cap-add",
            "CHOWN",
            "--read-only",
            "--init",
            "--hostname",
            "host",
            "--add-host",
            "a:127.0.0.1",
            "-p",
            "127.0.0.1::80",
        ],
        &[
            "--log-opt",
            "max-size=1m",
            "--security-opt",
            "no-new-privileges",
            "--ulimit",
            "nofile=99:99",
            "--stop-signal",
            "INT",
        ],
        &[
            "--dns",
            "127.0.0.9",
            "--sysctl",
            "net.ipv4.tcp_syncookies=1",
            "--shm-size",
            "1m",
            "--entrypoint",
            "sh",
        ],
    ]
    .concat();
    scope.run("app", &options, &["-c", "trap 'exit 3' INT; while :; do sleep 0.05; done"]);
    let app = scope.name("app");
    engine.docker(&["network", "connect", "--alias", "second", &scope.name("two"), &app]);
    let before = engine.inspect("container", &app);
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let first = client.call("docker_recreate", &json!({ "container": app }));
    assert_eq!(first.kind(), "conflict", "the lent volume is written to: {}", first.text);
    assert!(first.text.contains("/lent") && first.text.contains("stop_first"), "{}", first.text);
    let done = client.call("docker_recreate", &json!({ "container": app, "stop_first": true })).ok();
    assert_eq!(
        (&done.structured["status"], &done.structured["state"], &done.structured["health"]),
        (&json!("recreated"), &json!("running"), &json!("healthy")),
        "{}",
        done.text
    );
    let after = engine.inspect("container", &app);
    assert_ne!(before["Id"], after["Id"]);
    assert_eq!(lasting(before.clone()), lasting(after.clone()));
    assert_eq!(all(&engine, &scope), [pair("app", "running"), pair("lender", "running")]);
    // Again: the copy of a copy is the same, too.
    client.call("docker_recreate", &json!({ "container": app, "stop_first": true })).ok();
    assert_eq!(lasting(after), lasting(engine.inspect("container", &app)));
}

#[test]
fn it_is_never_away_where_both_can_run() {
    let Some(engine) = engine::at_hand("upkeep::recreate::beside") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", CHECKED, POLITE);
    scope.container(&["create"], "idle", &["-v", "/data"], BASE, &["true"]);
    let (app, idle) = (scope.name("app"), scope.name("idle"));
    let faultd = Faultd::before(&engine);
    let config = "[permissions]\ncreate = true\nlifecycle = true\n";
    let client = Launch::at(&faultd.host()).config(config).connect();
    let held = client.call("docker_recreate", &json!({ "container": app })).ok();
    assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
    let token = held.structured["confirm_token"].clone();
    let before = engine.inspect("container", &app)["Id"].clone();
    client.call("docker_recreate", &json!({ "container": app, "confirm_token": token })).ok();
    assert_ne!(engine.inspect("container", &app)["Id"], before);
    let changes: Vec<String> = faultd.lines().into_iter().filter(|l| !l.contains("GET ")).collect();
    let steps = ["/containers/create", "/start", "/rename", "/rename", "/stop", "DELETE"];
    assert_eq!(changes.len(), steps.len(), "{changes:#?}");
    assert!(changes.iter().zip(steps).all(|(line, step)| line.contains(step)), "{changes:#?}");
    // One that does not run is not started.
    let volume = engine.inspect("container", &idle)["Mounts"][0]["Name"].clone();
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let done = client.call("docker_recreate", &json!({ "container": idle })).ok();
    assert_eq!(done.structured["state"], "created", "{}", done.text);
    assert_eq!(engine.inspect("container", &idle)["Mounts"][0]["Name"], volume);
    assert_eq!(all(&engine, &scope), [pair("app", "running"), pair("idle", "created")]);
}

/// Whatever fails, the old one is as it was and nothing is left.
#[test]
fn what_fails_is_undone() {
    let Some(engine) = engine::at_hand("upkeep::recreate::undone") else { return };
    let scope = Scope::new(&engine);
    // It runs once, and the second one does not get well.
    scope.volume("flag", &[]);
    let flag = format!("{}:/flag", scope.name("flag"));
    let once = "if ! test -e /mine; then test -e /flag/ran && exit 7; touch /flag/ran /mine; fi; \
                trap 'exit 3' TERM; while :; do sleep 0.05; done";
    scope.run("once", &["-v", &flag], &["sh", "-c", once]);
    let sick = ["--health-cmd", "false", "--health-interval", "200ms", "--health-retries", "1"];
    scope.run("sick", &sick, POLITE);
    scope.run("app", CHECKED, POLITE);
    let steady = all(&engine, &scope);
    let id = |name: &str| engine.inspect("container", &scope.name(name))["Id"].as_str().unwrap().to_owned();
    let ids = ["once", "sick", "app"].map(id);
    let call = |name: &str, faultd: Option<Faultd>| {
        let host = faultd.as_ref().map_or_else(|| engine.host.clone(), Faultd::host);
        let client = Launch::at(&host).config(&on(LEVELS)).connect();
        let failed =
            client.call("docker_recreate", &json!({ "container": scope.name(name), "stop_first": true }));
        assert!(failed.is_error, "{}", failed.text);
        assert_eq!(failed.structured["error"]["effect"], "none", "{}", failed.text);
        assert_eq!(all(&engine, &scope), steady, "{}", failed.text);
        assert_eq!(["once", "sick", "app"].map(id), ids, "{}", failed.text);
        failed
    };
    let failed = call("once", None);
    assert!(failed.text.contains("exit code 7"), "{}", failed.text);
    let failed = call("sick", None);
    assert!(failed.text.contains("health check fails"), "{}", failed.text);
    let no = || Fault::DockerError(500, "no space left on device".to_owned());
    for (step, fault) in [
        (post("/create"), no()),
        (post("/start"), no()),
        (post("/rename").nth(1..=1), no()),
        (post("/rename").nth(2..=2), no()),
        (post("/start").nth(1..=1), Fault::EarlyEof),
        (post("/rename").nth(2..=2), Fault::EarlyEof),
        (post("/create"), Fault::EarlyEof),
    ] {
        let what = format!("{step:?}");
        eprintln!("{what}");
        call("app", Some(Faultd::before(&engine).on(step, fault)));
    }
    // An answer that is lost is no failure.
    let lost = || Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    for step in [post("/create"), post("/start"), post("/rename"), post("/stop"), delete("")] {
        let faultd = Faultd::before(&engine).on(step, lost());
        let client = Launch::at(&faultd.host()).config(&on(LEVELS)).connect();
        client.call("docker_recreate", &json!({ "container": scope.name("app") })).ok();
        assert_eq!(all(&engine, &scope), steady);
    }
}

/// Threats I5, K1-K12 as far as a copy could grow: another image gets nothing that the guard would refuse it.
#[test]
fn a_configuration_does_not_grow() {
    let Some(engine) = engine::at_hand("upkeep::recreate::growth") else { return };
    let scope = Scope::new(&engine);
    let other = format!("docker-mcp/{}:1", scope.prefix);
    scope.container(&["create"], "base", &[], BASE, &["true"]);
    engine.docker(&[
        "commit",
        "-c",
        &format!("LABEL {}", scope.label()),
        "-c",
        "ENV NEW=1",
        "-c",
        "CMD [\"sleep\", \"99\"]",
        &scope.name("base"),
        &other,
    ]);
    let guarded: &[(&str, &[&str], &str)] = &[
        ("privileged", &["--privileged"], "privileged"),
        ("capable", &["--cap-add", "sys_admin"], "cap_add=sys_admin"),
        ("pid", &["--pid", "host"], "pid_mode"),
        ("ipc", &["--ipc", "host"], "ipc_mode"),
        ("net", &["--network", "host"], "network_mode"),
        ("uts", &["--uts", "host"], "uts_mode"),
        ("seccomp", &["--security-opt", "seccomp=unconfined"], "security_opt"),
        ("unmasked", &["--security-opt", "systempaths=unconfined"], "masked_paths"),
        ("bound", &["-v", "/etc:/host:ro"], "bind=/etc"),
        ("device", &["--device", "/dev/null"], "device=/dev/null"),
        ("group", &["--group-add", "0"], "group_add"),
    ];
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    for (name, options, word) in guarded {
        scope.container(&["create"], name, options, BASE, &["true"]);
        let name = scope.name(name);
        let before = engine.inspect("container", &name);
        let refused = client.call("docker_recreate", &json!({ "container": name, "image": other }));
        assert_eq!(refused.kind(), "permission_denied", "{word}: {}", refused.text);
        assert!(
            refused.text.contains(word) && refused.text.contains("create_safety"),
            "{word}: {}",
            refused.text
        );
        assert_eq!(engine.inspect("container", &name)["Id"], before["Id"]);
        // As it is it may be made anew: nothing grows.
        client.call("docker_recreate", &json!({ "container": name })).ok();
        assert_eq!(lasting(engine.inspect("container", &name)), lasting(before), "{word}");
    }
    // M4: a volume that is a host path in disguise.
    let device = ["-o", "type=none", "-o", "o=bind", "-o", "device=/etc"];
    let driver = [&["--driver", "local"], device.as_slice()].concat();
    scope.volume("bad", &driver);
    let mount = format!("{}:/host:ro", scope.name("bad"));
    scope.container(&["create"], "disguised", &["-v", &mount], BASE, &["true"]);
    let refused =
        client.call("docker_recreate", &json!({ "container": scope.name("disguised"), "image": other }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("bind=/etc"), "{}", refused.text);

    // What is harmless gets the other image, with that one's defaults and its own settings.
    scope.container(&["create"], "app", &["-e", "OWN=1", "--cap-add", "chown"], BASE, &["sh"]);
    let app = scope.name("app");
    let done = client.call("docker_recreate", &json!({ "container": app, "image": other })).ok();
    let now = engine.inspect("container", &app);
    assert_eq!(now["Config"]["Image"], json!(other), "{}", done.text);
    let env = now["Config"]["Env"].as_array().unwrap();
    assert!(env.contains(&json!("OWN=1")) && env.contains(&json!("NEW=1")), "{env:?}");
    let none = client.call("docker_recreate", &json!({ "container": app, "image": "nosuch:1" }));
    assert_eq!(none.kind(), "not_found", "{}", none.text);
    let hidden = on(LEVELS).replacen(
        "create",
        &format!("blacklist_images = [\"docker-mcp/{}\"]\ncreate", scope.prefix),
        1,
    );
    let refused = Launch::at(&engine.host)
        .config(&hidden)
        .connect()
        .call("docker_recreate", &json!({ "container": app, "image": other }));
    assert_eq!(refused.kind(), "not_found", "{}", refused.text);
    let profile = format!("{}[create_safety]\nprofile = \"restricted\"\n", on(LEVELS));
    scope.container(&["create"], "root", &[], BASE, &["true"]);
    let refused = Launch::at(&engine.host)
        .config(&profile)
        .connect()
        .call("docker_recreate", &json!({ "container": scope.name("root"), "image": other }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("restricted"), "{}", refused.text);
    // Nothing of a caller's gets into it.
    for key in ["privileged", "Privileged", "env", "volumes", "HostConfig"] {
        let refused = client.call("docker_recreate", &json!({ "container": app, key: true }));
        assert_eq!(refused.kind(), "invalid_arguments", "{key}: {}", refused.text);
    }
    scope.container(&["create"], "last", &[], BASE, &["true"]);
    engine.docker(&["rm", &app]);
    engine.docker(&["rmi", &other]);
}

#[test]
fn what_the_settings_forbid_is_not_made_anew() {
    let Some(engine) = engine::at_hand("upkeep::recreate::forbidden") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", CHECKED, POLITE);
    let app = scope.name("app");
    for (lines, kind) in [
        ("create = true".to_owned(), "permission_denied"),
        ("lifecycle = true".to_owned(), "permission_denied"),
        (format!("create = true\nlifecycle = [\"{app}x\"]"), "permission_denied"),
        (format!("create = true\nlifecycle = true\nblacklist_containers = [\"{app}\"]"), "not_found"),
    ] {
        let config = format!("[permissions]\n{lines}\n[confirm]\nrequire = \"none\"\n");
        let client = Launch::at(&engine.host).config(&config).connect();
        for form in forms(&app, &id) {
            let refused = client.call("docker_recreate", &json!({ "container": form }));
            assert_eq!(refused.kind(), kind, "{lines} {form}: {}", refused.text);
        }
    }
    // A whitelist of whole names does not stand in the way.
    let list = on(LEVELS).replacen("create", &format!("whitelist_containers = [\"{app}\"]\ncreate",), 1);
    let client = Launch::at(&engine.host).config(&list).connect();
    client.call("docker_recreate", &json!({ "container": app })).ok();
    assert_eq!(all(&engine, &scope), [pair("app", "running")]);
    client.call("docker_inspect", &json!({ "container": app })).ok();
    engine.docker(&["pause", &app]);
    let paused = client.call("docker_recreate", &json!({ "container": app }));
    assert_eq!(paused.kind(), "conflict", "{}", paused.text);
}

/// Threats X1, X2, X4: a namespace or a volume of another container is not followed to one that is out of sight.
#[test]
fn a_hidden_container_is_not_joined_again() {
    let Some(engine) = engine::at_hand("upkeep::recreate::joined") else { return };
    let scope = Scope::new(&engine);
    let vault = scope.run("vault", &["-v", "/secret"], POLITE);
    for (name, options) in [
        ("net", format!("--network=container:{vault}")),
        ("pid", format!("--pid=container:{vault}")),
        ("ipc", format!("--ipc=container:{vault}")),
    ] {
        if name == "ipc" {
            engine.docker(&["rm", "-f", &vault]);
            scope.run("vault", &["--ipc", "shareable"], POLITE);
        }
        let options =
            if name == "ipc" { format!("--ipc=container:{}", scope.name("vault")) } else { options };
        scope.container(&["create"], name, &[&options], BASE, &["true"]);
    }
    let p = &scope.prefix;
    let hidden = on(LEVELS).replacen("create", &format!("blacklist_containers = [\"{p}-vault\"]\ncreate"), 1);
    let client = Launch::at(&engine.host).config(&hidden).connect();
    for name in ["net", "pid", "ipc"] {
        let before = engine.inspect("container", &scope.name(name))["Id"].clone();
        let refused = client.call("docker_recreate", &json!({ "container": scope.name(name) }));
        assert_eq!(refused.kind(), "conflict", "{name}: {}", refused.text);
        assert!(!refused.text.contains("vault") && !refused.text.contains(&vault[..12]), "{}", refused.text);
        assert_eq!(engine.inspect("container", &scope.name(name))["Id"], before);
    }
}

/// Its image stays known by its name, its marks are not shown, and of two that ask at once the late one hears why.
#[test]
fn what_is_said_of_one_that_was_made_anew() {
    let Some(engine) = engine::at_hand("upkeep::recreate::said") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let call = json!({ "container": scope.name("app") });
    let both = [client.begin_call("docker_recreate", &call), client.begin_call("docker_recreate", &call)];
    let both = both.map(|id| client.wait(&id).tool());
    let (well, late): (Vec<_>, Vec<_>) = both.into_iter().partition(|result| !result.is_error);
    assert_eq!((well.len(), late.len()), (1, 1), "{well:?} {late:?}");
    assert_eq!(late[0].kind(), "conflict", "{}", late[0].text);
    assert!(late[0].text.contains("made anew meanwhile"), "{}", late[0].text);
    let facts = engine.inspect("container", &scope.name("app"));
    assert_eq!(facts["Config"]["Image"], BASE);
    assert!(facts["Config"]["Labels"].to_string().contains("docker-mcp.recreate.of"), "{facts}");
    let shown =
        client.call("docker_inspect", &json!({ "container": scope.name("app"), "section": "all" })).ok();
    assert!(
        shown.text.contains("test.docker-mcp") && !shown.whole().contains("docker-mcp.recreate"),
        "{}",
        shown.text
    );
}
