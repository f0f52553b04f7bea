//! What may not run, does not: threats.md section 8, against a real container with a file in it that must survive.

use serde_json::{Value, json};

use super::{asleep, config, run};
use crate::permissions::addresses::OF_A_NAME;
use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch, engine};

const CANARY: &str = "/tmp/canary";
const ALLOWED: &str = "[permissions]\nexec = true\n[confirm]\nrequire = \"none\"\n[limits]\nexec_per_minute = 0\n\
     [exec_safety]\nmode = \"allowlist\"\nallow_root = true\nallowed_commands = [{ argv0 = \"ls\", args = [\"/tmp\"] }, \
     \"cat /tmp/[a-z]+\", \"id\"]\nblocked_commands = []\ndenied_paths = []\ndenied_flags = []\n";

/// Each of these deletes the file, or reads or runs something else, past a list of substrings.
fn evasions() -> Vec<Value> {
    let c = CANARY;
    let lines = [
        format!("rm -rf {c}"),
        format!("rm -r -f {c}"),
        format!("rm -fr {c}"),
        format!("rm {c}"),
        format!("busybox rm -Rf {c}"),
        format!("sh -c 'rm${{IFS}}-rf${{IFS}}{c}'"),
        format!("r''m -r''f {c}"),
        format!("a=-rf; rm $a {c}"),
        "echo cm0gLXJmIC90bXAvY2FuYXJ5 | base64 -d | sh".to_owned(),
        format!("$(printf '\\162\\155') {c}"),
        format!("ls /tmp; rm {c}"),
        format!("ls /tmp && rm {c}"),
        format!("ls /tmp | rm {c}"),
        format!("ls /tmp & rm {c}"),
        format!("ls /tmp\nrm {c}"),
        format!("ls /tmp > {c}"),
        format!("ls /tmp $(rm {c})"),
        format!("ls /tmp `rm {c}`"),
        format!("ls /tmp <(rm {c})"),
        format!("id;rm {c}"),
        format!("cat /tmp/x;rm${{IFS}}{c}"),
        "cat /tmp/../etc/passwd".to_owned(),
        "cat /proc/self/root/etc/passwd".to_owned(),
        "cat /proc/1/cwd/etc/passwd".to_owned(),
        "cat  /tmp/canary /etc/passwd".to_owned(),
        "lsof".to_owned(),
        "./ls /tmp".to_owned(),
        "/tmp/ls /tmp".to_owned(),
        "ls -la /tmp".to_owned(),
        "ls /tmp /etc".to_owned(),
        "ID".to_owned(),
        "id -u".to_owned(),
    ];
    let arrays = [
        json!(["/bin/rm", "-rf", c]),
        json!(["rm", "-r", "-f", c]),
        json!(["busybox", "rm", c]),
        json!(["busybox", "xargs", "rm", c]),
        json!(["busybox", "timeout", "5", "rm", c]),
        json!(["busybox", "env", "rm", c]),
        json!(["busybox", "setsid", "rm", c]),
        json!(["busybox", "find", "/tmp", "-name", "canary", "-exec", "rm", "{}", ";"]),
        json!(["busybox", "awk", format!("BEGIN{{system(\"rm {c}\")}}")]),
        json!(["sh", "-c", format!("rm {c}")]),
        json!(["sh", "-c", format!("ls /tmp; rm {c}")]),
        // What is one command to one shell is another to the next.
        json!(["sh", "-c", "id 10>/dev/null"]),
        json!(["sh", "-c", "10>/dev/null >&2 id"]),
        json!(["sh", "-c", "id >&-10"]),
        json!(["sh", "-c", "id >&--3"]),
        json!(["sh", "-c", "id 2>&1-"]),
        json!(["sh", "-c", "id > -"]),
        json!(["sh", "-c", "id >> -"]),
        json!(["sh", "-c", "id < -"]),
        json!(["sh", "-c", "eval \"$X\""]),
        json!(["sh"]),
        json!(["env", "rm", c]),
        json!(["mv", c, "/tmp/away"]),
        json!(["dd", "if=/dev/null", format!("of={c}")]),
        json!(["cat /tmp/canary; rm /tmp/canary"]),
        json!(["ls", "/tmp", "&&", "rm", c]),
        json!(["cat", "/tmp/canary\n/etc/passwd"]),
        json!(["id", ""]),
        json!([" id"]),
    ];
    lines.into_iter().map(Value::from).chain(arrays).collect()
}

fn canary(engine: &Engine, container: &str) {
    engine.docker(&["exec", container, "sh", "-c", &format!("echo alive > {CANARY}; chmod 666 {CANARY}")]);
}

fn connect(engine: &Engine, config: &str) -> Client {
    Launch::at(&engine.host).config(config).connect()
}

/// Commands that were made for a container, and not forgotten yet.
fn execs(engine: &Engine, container: &str) -> Value {
    engine.inspect("container", container)["ExecIDs"].clone()
}

#[test]
fn what_no_entry_names_does_not_run() {
    let Some(engine) = engine::at_hand("exec::forms::allowlist") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    canary(&engine, &app);
    let fresh = asleep(&scope, "fresh");
    let client = connect(&engine, ALLOWED);
    let evasions = evasions();
    assert!(evasions.len() >= 50, "{}", evasions.len());
    for command in &evasions {
        for container in [&app, &fresh] {
            let refused = client.call(
                "docker_exec",
                &json!({ "container": container, "command": command, "stdin": "rm /tmp/canary" }),
            );
            assert_eq!(refused.kind(), "permission_denied", "{command}: {}", refused.text);
            assert_eq!(refused.structured["error"]["effect"], "none", "{command}");
            assert!(refused.text.contains("[exec_safety]"), "{command}: {}", refused.text);
        }
    }
    // The call's own variables choose no program either.
    for env in [json!({ "PATH": "/tmp" }), json!({ "LD_PRELOAD": "/tmp/x.so" }), json!({ "ENV": "/tmp/x" })] {
        let refused =
            client.call("docker_exec", &json!({ "container": fresh, "command": ["id"], "env": env }));
        assert_eq!(refused.kind(), "permission_denied", "{env}");
    }
    assert_eq!(execs(&engine, &fresh), Value::Null, "a refused command was made");
    assert_eq!(engine.docker(&["exec", &app, "cat", CANARY]), "alive");
    let rule = client.audit_wait(1).iter().map(|line| line["rule"].clone()).next().unwrap();
    assert!(rule.as_str().unwrap().contains("allowlist"), "{rule}");
    assert!(client.audit_lines().iter().all(|line| line["decision"] == "denied"));
    // And what is named runs.
    for (command, out) in [(json!(["cat", CANARY]), "alive\n"), (json!("cat /tmp/canary"), "alive\n")] {
        assert_eq!(run(&client, &app, command.clone()).ok().structured["stdout"], out, "{command}");
    }
    assert!(run(&client, &app, json!(["ls", "/tmp"])).ok().text.contains("canary"));
}

/// The table above is no table of things that fail anyway.
#[test]
fn without_a_guard_they_do_what_they_say() {
    let Some(engine) = engine::at_hand("exec::forms::control") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = connect(&engine, &config("mode = \"none\"\n"));
    for at in [0, 1, 4, 5, 6, 7, 8, 10, 13, 19, 32, 34, 38, 41] {
        canary(&engine, &app);
        let command = evasions()[at].clone();
        run(&client, &app, command.clone()).ok();
        assert!(
            engine.try_docker(&["exec", &app, "test", "-e", CANARY]).is_err(),
            "{command} left the file alone"
        );
    }
}

#[test]
fn lists_catch_accidents() {
    let Some(engine) = engine::at_hand("exec::forms::denylist") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = connect(&engine, &config(""));
    for command in [
        json!(["rm", "-rf", "/tmp/x"]),
        json!("rm -r -f /tmp/x"),
        json!("/bin/rm -Rf /tmp/x"),
        json!("sh -c 'rm  -rf /tmp/x'"),
        json!("echo a; rm -fr /tmp/x"),
        json!(["dd", "if=/dev/zero", "of=/tmp/x"]),
        json!("echo x > /dev/sda"),
        json!(["cat", "/proc/1/environ"]),
        json!(["cat", "/sys//kernel/x"]),
        json!(["x", "--privileged"]),
        json!(["x", "--pid", "host"]),
        json!(["dd", "of=/tmp/x", "if=/dev/sda"]),
        json!("timeout -s KILL 5 rm -r -f /tmp/x"),
        json!(["env", "-u", "FOO", "rm", "-fr", "/tmp/x"]),
        json!(["sh", "-c", "-e", "rm -fr /tmp/x"]),
        json!("cat ../../../proc/version"),
    ] {
        let refused = run(&client, &app, command.clone());
        assert_eq!(refused.kind(), "permission_denied", "{command}: {}", refused.text);
        assert!(refused.text.contains("no boundary"), "{command}: {}", refused.text);
    }
    let proc = json!({ "container": app, "command": ["ls"], "workdir": "/proc/self/fd/8" });
    assert!(client.call("docker_exec", &proc).is_error);
    let piped = json!({ "container": app, "command": ["sh"], "stdin": "echo x; rm -rf /tmp/x" });
    assert_eq!(client.call("docker_exec", &piped).kind(), "permission_denied");
    let inside = json!({ "container": app, "command": ["cat", "kernel/x"], "workdir": "/sys" });
    let refused = client.call("docker_exec", &inside);
    assert!(refused.text.contains("the folder `/sys`"), "{}", refused.text);
    assert_eq!(execs(&engine, &app), Value::Null);
    for command in [
        json!("ls > /dev/null"),
        json!("rm /tmp/nosuch"),
        json!(["echo", "x 2>/dev/null"]),
        json!("head -c 16 /dev/urandom"),
        json!(["tar", "--exclude=/proc", "x"]),
        json!(["find", "/tmp", "-path", "/proc", "-prune"]),
    ] {
        run(&client, &app, command).ok();
    }
    let root = json!({ "container": app, "command": ["echo", "dev", "proc"], "workdir": "/" });
    client.call("docker_exec", &root).ok();
}

/// Threat E5: none of them is root, or of root's group.
#[test]
fn nobody_becomes_root() {
    let Some(engine) = engine::at_hand("exec::forms::users") else { return };
    let scope = Scope::new(&engine);
    let containers = [
        (asleep(&scope, "root"), false),
        (
            {
                scope.run("named", &["--user", "root"], &["sleep", "9999"]);
                scope.name("named")
            },
            false,
        ),
        (
            {
                scope.run("uid", &["--user", "1000"], &["sleep", "9999"]);
                scope.name("uid")
            },
            true,
        ),
        (
            {
                scope.run("group", &["--user", "1000:0"], &["sleep", "9999"]);
                scope.name("group")
            },
            false,
        ),
    ];
    // A second name of uid 0, as attackers make them.
    for (container, _) in &containers {
        let passwd =
            "echo 'toor::0:0::/:/bin/sh' >> /etc/passwd; echo 'app:x:1000:1000::/:/bin/sh' >> /etc/passwd";
        engine.docker(&["exec", "-u", "0", container, "sh", "-c", passwd]);
    }
    let client = connect(&engine, &config("").replace("allow_root = true\n", ""));
    let forms = [
        "",
        "0",
        "00",
        "000",
        "-0",
        "+0",
        "0:0",
        ":",
        ":0",
        ":1000",
        "root",
        "toor",
        "app",
        "app:0",
        "1000:0",
        "1000:root",
        "1000:",
        "007",
        "0x0",
        "0 ",
        " 0",
        "1000:00",
        "4294967296",
        "2147483648",
        "1000:1000:0",
        "nobody",
        "1000:-0",
        "0:1000",
        "\u{660}",
    ];
    for (container, own) in &containers {
        for user in forms {
            let arguments = json!({ "container": container, "command": ["id"], "user": user });
            let result = client.call("docker_exec", &arguments);
            assert!(
                ["permission_denied", "invalid_arguments"].contains(&result.kind()),
                "`{user}`: {}",
                result.text
            );
            assert!(result.text.contains("65534:65534"), "`{user}`: {}", result.text);
        }
        let plain = run(&client, container, json!(["id"]));
        assert_eq!(!plain.is_error, *own, "{container}: {}", plain.text);
        // A name of the configuration is a name all the same: here it is root.
        let named = connect(&engine, &config("default_user = \"toor\"\n").replace("allow_root = true\n", ""));
        for arguments in [
            json!({ "container": container, "command": ["id"] }),
            json!({ "container": container, "command": ["id"], "user": "toor" }),
        ] {
            let refused = named.call("docker_exec", &arguments);
            assert_eq!(refused.kind(), "permission_denied", "{container}: {}", refused.text);
            assert!(refused.text.contains("65534:65534"), "{}", refused.text);
        }
        for (user, ids) in [("1000", "uid=1000"), ("65534:65534", "gid=65534"), ("12:13", "uid=12")] {
            let arguments =
                json!({ "container": container, "command": ["sh", "-c", "id; id -u; id -g"], "user": user });
            let out =
                client.call("docker_exec", &arguments).ok().structured["stdout"].as_str().unwrap().to_owned();
            assert!(out.contains(ids) && out.lines().skip(1).all(|id| id != "0"), "{user}: {out}");
        }
    }
}

#[test]
fn containers_as_good_as_the_host_are_not_entered() {
    let Some(engine) = engine::at_hand("exec::forms::powers") else { return };
    let scope = Scope::new(&engine);
    let client = connect(&engine, &config("mode = \"none\"\n"));
    let open = connect(&engine, &config("allow_privileged_targets = true\n"));
    let socket =
        engine.socket().map(|socket| format!("{socket}:/s.sock")).unwrap_or_else(|| "/run:/r".to_owned());
    for (name, options) in [
        ("privileged", ["--privileged"].as_slice()),
        ("pid", &["--pid", "host"]),
        ("net", &["--network", "host"]),
        ("ipc", &["--ipc", "host"]),
        ("cap", &["--cap-add", "SYS_ADMIN"]),
        ("socket", &["-v", &socket]),
        ("root", &["-v", "/:/host:ro"]),
        ("seccomp", &["--security-opt", "seccomp=unconfined"]),
    ] {
        scope.run(name, options, &["sleep", "9999"]);
        let refused = run(&client, &scope.name(name), json!(["true"]));
        assert_eq!(refused.kind(), "permission_denied", "{name}: {}", refused.text);
        assert!(refused.text.contains("allow_privileged_targets"), "{name}: {}", refused.text);
        assert_eq!(execs(&engine, &scope.name(name)), Value::Null, "{name}");
        run(&open, &scope.name(name), json!(["true"])).ok();
    }
}

/// Threats X2, X11, M4: what a container has of the host, of others and of us, under whatever name.
#[test]
fn the_host_and_others_are_seen_behind_names() {
    let Some(engine) = engine::at_hand("exec::forms::behind") else { return };
    let scope = Scope::new(&engine);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("plain")).unwrap();
    std::os::unix::fs::symlink("/", at("link")).unwrap();
    let hides = config("").replace("exec = true", "exec = true\nblacklist_containers = [\"*-vault\"]");
    let client = connect(&engine, &hides);
    let volume = scope.volume("v", &["-o", "type=none", "-o", "o=bind", "-o", "device=/"]);
    scope.run("vault", &[], &["sleep", "9999"]);
    scope.run("hostnet", &["--network", "host"], &["sleep", "9999"]);
    scope.run("base", &[], &["sleep", "9999"]);
    let of = |name: &str| format!("container:{}", scope.name(name));
    let (bind, link, plain) =
        (format!("{volume}:/h"), format!("{}:/h", at("link")), format!("{}:/h", at("plain")));
    for (name, options) in [
        ("volume", ["-v", bind.as_str()].as_slice()),
        ("link", &["-v", &link]),
        ("pid", &["--pid", &of("base")]),
        ("pidvault", &["--pid", &of("vault")]),
        ("netvault", &["--network", &of("vault")]),
        ("nethost", &["--network", &of("hostnet")]),
        ("bare", &["--security-opt", "systempaths=unconfined"]),
        ("lib64", &["-v", "/lib64:/h"]),
        ("passwd", &["-v", "/etc/passwd:/h"]),
    ] {
        scope.run(name, options, &["sleep", "9999"]);
        let refused = run(&client, &scope.name(name), json!(["true"]));
        assert_eq!(refused.kind(), "permission_denied", "{name}: {}", refused.text);
        assert!(refused.text.contains("allow_privileged_targets"), "{name}: {}", refused.text);
        assert!(
            !refused.text.contains("vault,") && !refused.text.contains(&of("vault")),
            "{name}: {}",
            refused.text
        );
        assert_eq!(execs(&engine, &scope.name(name)), Value::Null, "{name}");
    }
    for (name, options) in [
        ("neighbour", ["--network", &of("base")].as_slice()),
        ("data", &["-v", &plain]),
        ("read", &["-v", "/etc/passwd:/h:ro"]),
        ("own", &["-v", "/h"]),
    ] {
        scope.run(name, options, &["sleep", "9999"]);
        run(&client, &scope.name(name), json!(["true"])).ok();
    }
    // Groups that everybody in it is in.
    let careful = connect(&engine, &config("").replace("allow_root = true\n", ""));
    for (group, fine) in [("0", false), ("root", false), ("1234", true)] {
        let name = format!("group{group}");
        scope.run(&name, &["--group-add", group], &["sleep", "9999"]);
        let arguments = json!({ "container": scope.name(&name), "command": ["id"], "user": "1000:1000" });
        let result = careful.call("docker_exec", &arguments);
        assert_eq!(!result.is_error, fine, "{group}: {}", result.text);
        assert!(fine || result.text.contains("allow_root"), "{}", result.text);
    }
}

#[test]
fn levels_filters_and_the_way_past_them() {
    let Some(engine) = engine::at_hand("exec::forms::levels") else { return };
    let scope = Scope::new(&engine);
    let (app, vault) = (asleep(&scope, "app"), asleep(&scope, "vault"));
    let off = connect(&engine, "");
    assert_eq!(run(&off, &app, json!(["true"])).kind(), "permission_denied");
    assert!(off.tools().iter().all(|tool| tool["name"] != "docker_exec"));
    let some = connect(&engine, &config("").replace("exec = true", &format!("exec = [\"{app}\"]")));
    run(&some, &app, json!(["true"])).ok();
    let elsewhere = run(&some, &vault, json!(["true"]));
    assert_eq!(elsewhere.kind(), "permission_denied", "{}", elsewhere.text);
    let hides = config("").replace("exec = true", "exec = true\nblacklist_containers = [\"*-vault\"]");
    let client = connect(&engine, &hides);
    let id = engine.inspect("container", &vault)["Id"].as_str().unwrap().to_owned();
    for (what, form) in OF_A_NAME {
        let result = run(&client, &form(&vault), json!(["touch", CANARY]));
        assert!(["not_found", "invalid_arguments"].contains(&result.kind()), "{what}: {}", result.text);
    }
    for form in [id.as_str(), &id[..12], &id[..4]] {
        assert_eq!(run(&client, form, json!(["touch", CANARY])).kind(), "not_found", "{form}");
    }
    assert!(engine.try_docker(&["exec", &vault, "test", "-e", CANARY]).is_err());
    // Everything is let through for one who is trusted with all of it, and it is recorded.
    let bypass =
        Launch::at(&engine.host).config("[confirm]\nrequire = \"none\"\n").arg("--bypass-permissions");
    let bypass = bypass.connect();
    scope.run("host", &["--privileged"], &["sleep", "9999"]);
    let result = run(&bypass, &scope.name("host"), json!("rm -rf /tmp/x; id -u")).ok();
    assert_eq!(result.structured["stdout"], "0\n");
    assert!(bypass.audit_wait(2).iter().all(|line| line["bypass"] == true && line["tool"] == "docker_exec"));
}

#[test]
fn policy_tells_what_a_command_would_meet() {
    let Some(engine) = engine::at_hand("exec::forms::policy") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let lists = connect(&engine, &config("").replace("allow_root = true\n", ""));
    let ask = |client: &Client, arguments: Value| {
        let question = json!({ "tool": "docker_exec", "arguments": arguments });
        client.call("docker_policy", &question).ok().structured
    };
    let yes = ask(&lists, json!({ "container": app, "command": "echo 'a b'", "user": "1000" }));
    assert_eq!(yes["allowed"], true, "{yes}");
    let rules = yes["rules"].to_string();
    for word in ["echo 'a b'", "runs as `1000:1000`", "no boundary", "denylist"] {
        assert!(rules.contains(word), "{word}: {rules}");
    }
    let root = ask(&lists, json!({ "container": app, "command": "id" }));
    assert_eq!((&root["allowed"], &root["kind"]), (&json!(false), &json!("permission_denied")), "{root}");
    assert!(root["reason"].as_str().unwrap().contains("allow_root = false"), "{root}");
    assert!(root["hint"].as_str().unwrap().contains("65534:65534"), "{root}");
    let rules = lists.call("docker_policy", &json!({})).ok().structured;
    assert_eq!(
        (&rules["exec"]["advisory"], &rules["exec"]["mode"]),
        (&json!(true), &json!("denylist")),
        "{rules}"
    );
    let named = connect(&engine, ALLOWED);
    let rules = named.call("docker_policy", &json!({})).ok().structured;
    assert_eq!(rules["exec"]["advisory"], false, "{rules}");
    let ls = ask(&named, json!({ "container": app, "command": ["ls", "/tmp"] }));
    assert!(ls["rules"].to_string().contains("`ls` in allowed_commands"), "{ls}");
    let no = ask(&named, json!({ "container": app, "command": ["ls", "/"] }));
    assert_eq!(no["allowed"], false, "{no}");
    assert_eq!(execs(&engine, &app), Value::Null, "a question runs nothing");
}
