//! What the settings do not let through.

use serde_json::{Value, json};

use super::{ON, QUIET, ROOT, container, file, from, says, to};
use crate::support::fixture::Scope;
use crate::support::{Fixture, Launch, engine};

fn x() -> Value {
    json!([{ "path": "x", "content": "x" }])
}

#[test]
fn levels_and_filters_hold() {
    let Some(engine) = engine::at_hand("copy::levels") else { return };
    let fixture = Fixture::new(&engine);
    let (app, vault) = (fixture.name("app"), fixture.name("vault"));
    let off = Launch::at(&engine.host).connect();
    assert!(!off.tools().iter().any(|t| t["name"].as_str().unwrap().starts_with("docker_copy")));
    assert_eq!(from(&off, &app, "/etc").kind(), "permission_denied");
    assert_eq!(to(&off, &app, "/tmp", x(), json!({})).kind(), "permission_denied");
    let config = fixture.config().replace("[permissions]\n", &format!("[permissions]\nexec = [\"{app}\"]\n"));
    let client = Launch::at(&engine.host).config(&config).connect();
    from(&client, &app, "/etc/passwd").ok();
    assert_eq!(from(&client, &fixture.name("web"), "/etc").kind(), "permission_denied");
    for words in [vault.as_str(), &fixture.hidden[0], &fixture.hidden[0][..12]] {
        for hidden in
            [from(&client, words, "/etc/passwd"), to(&client, words, "/tmp", x(), json!({ "owner": "1:1" }))]
        {
            assert_eq!(hidden.kind(), "not_found", "{}", hidden.text);
            let nosuch = from(&client, "nosuch-container", "/etc/passwd");
            let bare = |text: &str, words: &str| text.lines().take(2).collect::<String>().replace(words, "X");
            assert_eq!(bare(&hidden.text, words), bare(&nosuch.text, "nosuch-container"));
        }
    }
    let db = client.call(
        "docker_copy_from",
        &json!({ "project": fixture.name("web"), "service": "db", "path": "/etc" }),
    );
    assert_eq!(db.kind(), "not_found", "{}", db.text);
}

#[test]
fn denied_paths_hold_also_behind_links() {
    let Some(engine) = engine::at_hand("copy::denied") else { return };
    let scope = Scope::new(&engine);
    let app = container(
        &scope,
        "app",
        &[],
        "mkdir -p /vault/in /t/sub; echo k > /vault/in/key; ln -s /vault /t/link; ln -s /t/link/in /t/twice; ln -s ../vault/in /t/rel",
    );
    let config =
        ROOT.replace("allow_root = true", "allow_root = true\ndenied_paths = [\"/vault\", \"/proc\"]");
    let client = Launch::at(&engine.host).config(&config).connect();
    for path in [
        "/vault",
        "/vault/in/key",
        "/vault//in/./key",
        "/t/link/in/key",
        "/t/twice/key",
        "/t/rel/key",
        "/t/link/nosuch",
        "/proc/1/environ",
    ] {
        let refused = from(&client, &app, path);
        assert_eq!(refused.kind(), "permission_denied", "{path}: {}", refused.text);
        assert!(refused.text.contains("denied_paths"), "{}", refused.text);
    }
    for path in ["/vault/in", "/t/link", "/t/link/in", "/t/twice", "/t/rel", "/t/link/new/deep"] {
        let refused = to(&client, &app, path, x(), json!({ "parents": true }));
        assert_eq!(refused.kind(), "permission_denied", "{path}: {}", refused.text);
    }
    assert_eq!(says(&engine, &app, "find /vault"), "/vault\n/vault/in\n/vault/in/key");
    let root = from(&client, &app, "/").ok();
    let paths = root.structured["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap());
    assert!(!paths.clone().any(|p| p.starts_with("/vault")) && paths.count() > 100, "{}", root.text);
    assert_eq!(
        file(&from(&client, &app, "/t/link").ok(), "/t/link")["kind"],
        "link",
        "the link itself is no secret"
    );
    // Where it leads instead.
    to(&client, &app, "/t/sub", x(), json!({})).ok();
}

#[test]
fn what_root_trusts_is_not_written_and_nothing_becomes_roots() {
    let Some(engine) = engine::at_hand("copy::trusted") else { return };
    let scope = Scope::new(&engine);
    scope.container(
        &["run", "-d", "--stop-timeout", "0"],
        "app",
        &["-w", "/srv"],
        crate::support::engine::BASE,
        &[
            "sh",
            "-c",
            "mkdir -p /opt/app /data /var/spool/cron; chmod 777 /opt/app /data; ln -s /etc /data/etc; echo > /made; exec sleep 9999",
            "/opt/app/run.sh",
        ],
    );
    let app = scope.name("app");
    scope.run("mine", &["--user", "1000:1000"], &["sleep", "9999"]);
    let mine = scope.name("mine");
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let root = to(&client, &app, "/data", x(), json!({}));
    assert_eq!(root.kind(), "permission_denied", "{}", root.text);
    assert!(root.text.contains("owner = \"65534:65534\""), "{}", root.text);
    for owner in ["0", "0:0", "1000:0", "0:1000", "root", "app", "007", "-1", "65534:", "1:2:3", "4294967295"]
    {
        let refused = to(&client, &app, "/data", x(), json!({ "owner": owner }));
        assert!(
            ["permission_denied", "invalid_arguments"].contains(&refused.kind()),
            "{owner}: {}",
            refused.text
        );
    }
    for path in [
        "/etc",
        "/bin",
        "/sbin",
        "/lib",
        "/usr/local/bin",
        "/root",
        "/var/spool/cron",
        "/data/etc",
        "/etc/new/deep",
    ] {
        let refused = to(&client, &app, path, x(), json!({ "owner": "65534:65534", "parents": true }));
        assert_eq!(refused.kind(), "permission_denied", "{path}: {}", refused.text);
        assert!(refused.text.contains("allow_root = false"), "{}", refused.text);
    }
    for (path, name) in [("/", "etc/crontab"), ("/opt", "app/run.sh"), ("/data", "etc/x")] {
        let files = json!([{ "path": name, "content": "x" }]);
        let refused = to(&client, &app, path, files, json!({ "owner": "65534:65534", "parents": true }));
        assert!(
            ["permission_denied", "conflict"].contains(&refused.kind()),
            "{path} {name}: {}",
            refused.text
        );
    }
    assert_eq!(says(&engine, &app, "ls /opt/app; ls /etc/x /etc/crontab 2>&1 | wc -l"), "2");
    to(&client, &app, "/data", x(), json!({ "owner": "65534:65534" })).ok();
    assert_eq!(says(&engine, &app, "stat -c %u:%g /data/x"), "65534:65534");
    // A user in numbers is taken over.
    to(&client, &mine, "/tmp", x(), json!({ "parents": true })).ok();
    assert_eq!(says(&engine, &mine, "stat -c %u:%g /tmp/x"), "1000:1000");
    // With allow_root all of it goes.
    let free = Launch::at(&engine.host).config(ROOT).connect();
    to(&free, &app, "/etc", x(), json!({})).ok();
    assert_eq!(says(&engine, &app, "stat -c %u:%g /etc/x"), "0:0");
}

#[test]
fn modes_and_hosts_in_disguise() {
    let Some(engine) = engine::at_hand("copy::modes") else { return };
    let scope = Scope::new(&engine);
    let app = container(
        &scope,
        "app",
        &[],
        "mkdir /t; echo log > /t/a.log; echo key > /t/key; ln -s /t/key /t/b.log",
    );
    let host = container(&scope, "host", &["--privileged"], "mkdir /t");
    let allow = ROOT.replace(
        "allow_root = true",
        "allow_root = true\nmode = \"allowlist\"\nallowed_commands = [\"cat /t/[a-z]+\\\\.log\"]",
    );
    let client = Launch::at(&engine.host).config(&allow).connect();
    assert_eq!(file(&from(&client, &app, "/t/a.log").ok(), "/t/a.log")["content"], "log\n");
    assert_eq!(file(&from(&client, &app, "/t/b.log").ok(), "/t/b.log")["kind"], "link");
    for path in ["/t", "/t/key", "/", "/t/a.log/.", "/etc/passwd"] {
        let refused = from(&client, &app, path);
        assert_eq!(refused.kind(), "permission_denied", "{path}: {}", refused.text);
        assert!(refused.text.contains("allowlist"), "{}", refused.text);
    }
    let refused = to(&client, &app, "/t", x(), json!({}));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("allowlist"), "{}", refused.text);
    let client = Launch::at(&engine.host).config(ROOT).connect();
    for refused in [from(&client, &host, "/t"), to(&client, &host, "/t", x(), json!({}))] {
        assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
        assert!(refused.text.contains("allow_privileged_targets"), "{}", refused.text);
    }
    // Whoever may run everything may copy everything.
    let bypass = Launch::at(&engine.host).config(ON).arg("--bypass-permissions").connect();
    to(&bypass, &host, "/etc", x(), json!({})).ok();
    assert_eq!(file(&from(&bypass, &host, "/etc/x").ok(), "/etc/x")["content"], "x");
    let asked = |tool: &str, arguments: Value| {
        client.call("docker_policy", &json!({ "tool": tool, "arguments": arguments })).ok().structured
    };
    assert_eq!(asked("docker_copy_from", json!({ "container": app, "path": "/t" }))["allowed"], true);
    let denied = asked("docker_copy_to", json!({ "container": app, "path": "/proc", "files": x() }));
    assert_eq!(denied["allowed"], false, "{denied}");
    assert!(denied["reason"].as_str().unwrap().contains("denied_paths"), "{denied}");
}
