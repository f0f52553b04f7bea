//! Which registries are asked, as whom, and what is told of those that nobody named.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::ON;
use crate::support::fixture::Scope;
use crate::support::registry::{PASSWORD, Registry, USER, free_port, id_of, image};
use crate::support::{Client, Launch, ToolResult, engine};

fn allow(hosts: &[&str]) -> String {
    format!("{ON}[registries]\nallow = {hosts:?}\n")
}

fn pull(client: &Client, image: &str) -> ToolResult {
    client.call("docker_pull", &json!({ "image": image }))
}

/// A folder with docker's configuration.
fn docker_config(text: &serde_json::Value) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.json"), text.to_string()).unwrap();
    dir
}

fn logged_in(registry: &Registry, password: &str) -> tempfile::TempDir {
    docker_config(&json!({ "auths": { &registry.host: { "username": USER, "password": password } } }))
}

fn helper(dir: &Path, name: &str, script: &str) {
    let path = dir.join(format!("docker-credential-{name}"));
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn credentials_are_needed_found_and_not_repeated() {
    let test = "images::registries::credentials";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, true) else { return };
    let scope = Scope::new(&engine);
    let name = registry.name(&scope, "1");
    let id = image(&engine, &scope, &name, 100_000);
    let call = json!({ "image": name });
    let with = |dir: &Path| {
        let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
        Launch::at(&engine.host)
            .config(&allow(&[&registry.host]))
            .env("DOCKER_CONFIG", &dir.display().to_string())
            .env("PATH", &path)
            .connect()
    };
    // Nobody, the wrong one, the right one.
    let nobody = docker_config(&json!({}));
    let wrong = logged_in(&registry, "wrong-password-1");
    for dir in [&nobody, &wrong] {
        let refused = with(dir.path()).call("docker_push", &call);
        assert_eq!(refused.kind(), "daemon_error", "{}", refused.text);
        assert!(
            refused.text.contains("credentials") && refused.text.contains("docker login"),
            "{}",
            refused.text
        );
        assert!(!refused.whole().contains("wrong-password"), "{}", refused.text);
        assert_eq!(refused.structured["error"]["effect"], "none");
    }
    let right = logged_in(&registry, PASSWORD);
    let client = with(right.path());
    client.call("docker_push", &call).ok();
    engine.docker(&["rmi", &name]);
    let refused = pull(&with(wrong.path()), &name);
    assert!(refused.is_error && refused.text.contains("credentials"), "{}", refused.text);
    assert_eq!(pull(&client, &name).ok().structured["id"], json!(id));
    assert!(!client.audit_text().contains(PASSWORD) && !client.stderr().contains(PASSWORD));

    // A helper, for this registry or for all; one that hangs, one that is not there.
    let said = json!({ "ServerURL": registry.host, "Username": USER, "Secret": PASSWORD }).to_string();
    let good = format!("read server\n[ \"$server\" = \"{}\" ] && echo '{said}'", registry.host);
    for config in [json!({ "credsStore": "good" }), json!({ "credHelpers": { &registry.host: "good" } })] {
        let dir = docker_config(&config);
        helper(dir.path(), "good", &good);
        assert_eq!(pull(&with(dir.path()), &name).ok().structured["changed"], false);
    }
    for (script, word) in [("sleep 60", "within 2 s"), ("echo secret-word; exit 1", "failed")] {
        let dir = docker_config(&json!({ "credsStore": "bad" }));
        helper(dir.path(), "bad", script);
        let refused = pull(&with(dir.path()), &name);
        assert!(refused.is_error && refused.text.contains(word), "{}", refused.text);
        assert!(!refused.whole().contains("secret-word"), "{}", refused.text);
        assert!(refused.took.as_secs() < 6, "{:?}", refused.took);
    }
    let absent = docker_config(&json!({ "credsStore": "docker-mcp-nosuch" }));
    let refused = pull(&with(absent.path()), &name);
    assert!(refused.text.contains("no `docker-credential-docker-mcp-nosuch`"), "{}", refused.text);
}

#[test]
fn what_a_known_registry_says_is_told() {
    let test = "images::registries::known";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let name = registry.name(&scope, "1");
    image(&engine, &scope, &name, 100_000);
    engine.docker(&["push", "-q", &name]);
    engine.docker(&["rmi", &name]);
    let closed = format!("127.0.0.1:{}", free_port());
    let client = Launch::at(&engine.host).config(&allow(&[&registry.host, &closed])).connect();
    // Manifest unknown: a tag, a name, a digest.
    let repository = name.trim_end_matches(":1");
    let nowhere = format!("{repository}@sha256:{}", "1".repeat(64));
    for unknown in [format!("{repository}:2"), format!("{}/nosuch/x:1", registry.host), nowhere] {
        let missing = pull(&client, &unknown);
        assert_eq!(missing.kind(), "not_found", "{unknown}: {}", missing.text);
        assert_eq!(missing.structured["error"]["effect"], "none");
    }
    let away = pull(&client, &format!("{closed}/x:1"));
    assert_eq!(away.kind(), "daemon_error", "{}", away.text);
    assert!(away.text.contains("cannot be reached") && !away.text.contains("dial"), "{}", away.text);
    // The engine fetches it before it looks at its platform: it does not stay.
    for platform in ["windows/amd64", "linux/s390x"] {
        let other = client.call("docker_pull", &json!({ "image": name, "platform": platform }));
        assert!(other.is_error && other.text.contains("not made for that platform"), "{}", other.text);
        assert_eq!(other.structured["error"]["effect"], "none", "{}", other.text);
        assert_eq!(id_of(&engine, &name), None, "{platform}");
    }
    for (arguments, word) in [
        (json!({ "image": "UPPER/case" }), "no name of an image"),
        (json!({ "image": "" }), "no name of an image"),
        (json!({ "image": "26e2fa12aad5" }), "looks like an id"),
        (json!({ "image": name, "platform": "linux" }), "platform"),
        (json!({ "image": name, "all_tags": true }), "all_tags"),
        (json!({}), "image"),
    ] {
        let refused = client.call("docker_pull", &arguments);
        assert_eq!(refused.kind(), "invalid_arguments", "{arguments}: {}", refused.text);
        assert!(refused.text.contains(word), "{arguments}: {}", refused.text);
    }
    for (image, kind) in [
        (format!("{repository}:nosuch"), "not_found"),
        (format!("{repository}@sha256:{}", "1".repeat(64)), "invalid_arguments"),
    ] {
        assert_eq!(client.call("docker_push", &json!({ "image": image })).kind(), kind, "{image}");
    }
    // The level is off; another registry than those that are named.
    let off = Launch::at(&engine.host).connect();
    let others = Launch::at(&engine.host).config(&allow(&["registry.example"])).connect();
    for tool in ["docker_pull", "docker_push"] {
        assert_eq!(off.call(tool, &json!({ "image": name })).kind(), "permission_denied");
    }
    let refused = pull(&others, &name);
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("[registries]"), "{}", refused.text);
    assert_eq!(id_of(&engine, &name), None, "nothing was pulled");
}

/// I7: whoever listens at an address that nobody named, the words are the same.
#[test]
fn i7_ports_are_not_told_apart() {
    let test = "images::registries::ports";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let Some(locked) = Registry::new(test, true) else { return };
    let client = Launch::at(&engine.host).config(ON).connect();
    let answering = |words: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            while let Ok((mut line, _)) = listener.accept() {
                let _asked = line.read(&mut [0; 4096]);
                let _gone = line.write_all(words);
            }
        });
        host
    };
    let hosts = [
        format!("127.0.0.1:{}", free_port()),
        answering(b""),
        answering(b"SSH-2.0-OpenSSH_9.9\r\n"),
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"),
        answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<no/>"),
        answering(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        answering(b"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        registry.host.clone(),
        locked.host.clone(),
    ];
    let mut told: Vec<String> = Vec::new();
    for host in hosts {
        let failed = pull(&client, &format!("{host}/x:1"));
        assert!(failed.is_error, "{host}: {}", failed.text);
        let id = failed.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
        told.push(failed.whole().replace(&host, "HOST").replace(&id, "ID"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(!told[0].contains("dial") && !told[0].contains("refused"), "{told:?}");
}

/// I12: what a registry is told goes to that registry alone.
#[test]
fn i12_credentials_of_one_registry_reach_no_other() {
    let test = "images::registries::leak";
    let Some(engine) = engine::at_hand(test) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let thief = listener.local_addr().unwrap().to_string();
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut line, _)) = listener.accept() {
            let mut bytes = [0; 4096];
            let read = line.read(&mut bytes).unwrap_or(0);
            let _gone = sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let _gone = line.write_all(
                b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    let entry = json!({ "username": USER, "password": PASSWORD });
    let port = thief.rsplit(':').next().unwrap();
    let dir = docker_config(&json!({ "auths": {
        "https://index.docker.io/v1/": entry, "registry.example": entry, "127.0.0.1": entry,
        format!("localhost:{port}"): entry, format!("127.0.0.1:{port}0"): entry,
    } }));
    let client =
        Launch::at(&engine.host).config(ON).env("DOCKER_CONFIG", &dir.path().display().to_string()).connect();
    let refused = pull(&client, &format!("{thief}/x:1"));
    assert!(refused.is_error, "{}", refused.text);
    let heard: Vec<String> = heard.try_iter().collect();
    assert!(!heard.is_empty(), "nobody asked");
    assert!(heard.iter().all(|h| !h.to_ascii_lowercase().contains("authorization")), "{heard:#?}");
}
