//! SIGHUP: other settings for every call that comes then, or none.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Served, keys};
use crate::support::faultd::{Fault, Faultd, Made, get};
use crate::support::http::Reply;
use crate::support::{Launch, engine};

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");
const SOON: Duration = Duration::from_secs(10);

/// Writes the file anew, says so, and waits until the log has it.
fn reload(served: &Served, config: &str, said: &str) {
    let before = served.client.stderr().len();
    std::fs::write(served.client.home().join("config.toml"), config).unwrap();
    served.client.signal("HUP");
    let start = Instant::now();
    while !served.client.stderr().get(before..).unwrap_or_default().contains(said) {
        assert!(start.elapsed() < SOON, "not `{said}`: {}", served.client.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_holds_is_in_force_at_once_and_what_does_not_changes_nothing() {
    let (config, viewer, operator) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let may = |key: &str| served.tool("docker_stop", Some(key), &json!({ "containers": "x" }));
    assert_eq!(may(&viewer).status, 403);
    assert_ne!(may(&operator).status, 403);
    // A role gets a level, another loses it: at once.
    let other =
        config.replace("[roles.viewer]\nread = true", "[roles.viewer]\nread = true\nlifecycle = true");
    let other =
        other.replace("[roles.operator]\nread = true\nlifecycle = true", "[roles.operator]\nread = true");
    reload(&served, &other, "are in force");
    assert_ne!(may(&viewer).status, 403);
    assert_eq!(may(&operator).status, 403);
    // Every problem is told, and nothing of it is taken.
    reload(&served, "[roles.viewer]\nread = true\nlifecicle = true\n[permisions]\n", "stay as they were");
    let log = served.client.stderr();
    assert!(log.contains("lifecicle") && log.contains("permisions"), "{log}");
    assert_ne!(may(&viewer).status, 403);
    // Without keys, `[permissions]` would be everybody's who comes from this machine: that takes a restart.
    reload(&served, "[permissions]\nread = true\n", "stay as they were");
    assert_eq!(served.tool("docker_policy", None, &json!({})).status, 401);
    reload(&served, &config, "are in force");
    assert_eq!(served.tool("docker_policy", Some(&viewer), &json!({})).status, 200);
    let audit = served.client.audit_text();
    assert_eq!(audit.matches("(reload)").count(), 2, "each that was taken is on record: {audit}");
}

#[test]
fn what_would_let_strangers_in_is_not_taken() {
    let (config, viewer, _) = keys("");
    let launch = Launch::without_engine().config(&config);
    let served = Served::start_with(launch, &["0.0.0.0:0", "--insecure-http"]);
    reload(&served, "[permissions]\nread = true\nlifecycle = true\n", "there are no keys");
    reload(&served, &config.replace("[[http.keys]]", "[[http.keis]]"), "stay as they were");
    assert_eq!(served.tool("docker_policy", None, &json!({})).status, 401);
    assert_eq!(served.tool("docker_policy", Some(&viewer), &json!({})).status, 200);
}

#[test]
fn what_takes_a_restart_is_named() {
    let (config, _, _) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    reload(
        &served,
        &format!("{config}\n[docker]\nsocket = \"/nonexistent/other.sock\"\n"),
        "takes a restart",
    );
    let log = served.client.stderr();
    assert!(log.contains("`docker.socket` stays as it was"), "{log}");
}

/// A call that runs has the settings of its begin.
#[test]
fn a_running_call_keeps_its_settings() {
    let faultd = Faultd::new()
        .running(vec![Made::new(1, "app")])
        .on(get("/containers/json"), Fault::Late(Duration::from_secs(2)));
    let (config, viewer, _) = keys("");
    let served = Served::start(Launch::at(&faultd.host()).config(&config));
    std::thread::scope(|threads| {
        let call = threads.spawn(|| served.tool("docker_ps", Some(&viewer), &json!({})));
        faultd.wait_for(&get("/containers/json"), 1, SOON);
        let hides = config.replace(
            "[roles.viewer]\nread = true",
            "[roles.viewer]\nread = true\nblacklist_containers = [\"*\"]",
        );
        reload(&served, &hides, "are in force");
        faultd.clear();
        let count = |reply: &Reply| reply.json()["containers"].as_array().map(Vec::len);
        let now = served.tool("docker_ps", Some(&viewer), &json!({}));
        assert_eq!(count(&now), Some(0), "{now:?}");
        let answer = call.join().unwrap();
        assert_eq!(count(&answer), Some(1), "{answer:?}");
    });
}

/// An open stream of the server.
struct Stream(TcpStream, String);

impl Stream {
    fn open(served: &Served, head: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(served.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let length = body.len();
        let head = format!("{head}\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(head.as_bytes()).unwrap();
        Self(stream, String::new())
    }

    /// Waits until it has said that.
    fn says(&mut self, word: &str, within: Duration) -> bool {
        let start = Instant::now();
        let mut bytes = [0; 4096];
        while !self.1.contains(word) && start.elapsed() < within {
            match self.0.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => self.1.push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap())),
                Err(_) => {}
            }
        }
        self.1.contains(word)
    }

    /// It is closed from over there.
    fn ends(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < SOON {
            match self.0.read(&mut [0; 4096]) {
                Ok(0) => return true,
                Err(e)
                    if !matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}

const CHANGED: &str = "notifications/tools/list_changed";

fn session(served: &Served, key: &str) -> String {
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" } } });
    let key = format!("Bearer {key}");
    let begun = served.send("POST", "/mcp", &[BOTH, JSON, ("authorization", &key)], &begin.to_string());
    assert_eq!(begun.json()["result"]["capabilities"]["tools"]["listChanged"], true, "{begun:?}");
    let session = begun.header("mcp-session-id").expect("a session").to_owned();
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    let headers = [
        BOTH,
        JSON,
        ("authorization", key.as_str()),
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    assert_eq!(served.send("POST", "/mcp", &headers, &ready).status, 202);
    session
}

#[test]
fn whoever_is_connected_hears_of_other_tools() {
    let (config, viewer, operator) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let older = |key: &str| {
        let session = session(&served, key);
        let head = format!(
            "GET /mcp HTTP/1.1\r\nauthorization: Bearer {key}\r\naccept: text/event-stream\r\nmcp-session-id: {session}\r\n\
             mcp-protocol-version: 2025-11-25"
        );
        Stream::open(&served, &head, "")
    };
    let newer = |key: &str| {
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": {
            "notifications": { "toolsListChanged": true },
            "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                       "io.modelcontextprotocol/clientCapabilities": {},
                       "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" } } } });
        let head = format!(
            "POST /mcp HTTP/1.1\r\nauthorization: Bearer {key}\r\naccept: application/json, text/event-stream\r\n\
             content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: subscriptions/listen"
        );
        Stream::open(&served, &head, &body.to_string())
    };
    let (mut one, mut two) = (older(&viewer), newer(&viewer));
    let (mut three, mut four) = (older(&operator), newer(&operator));
    for stream in [&mut one, &mut three] {
        assert!(stream.says("200 OK", SOON), "{}", stream.1);
    }
    for stream in [&mut two, &mut four] {
        assert!(stream.says("subscriptions/acknowledged", SOON), "{}", stream.1);
    }
    let more = config.replace("[roles.viewer]\nread = true", "[roles.viewer]\nread = true\nlifecycle = true");
    reload(&served, &more, "are in force");
    assert!(one.says(CHANGED, SOON), "{}", one.1);
    assert!(two.says(CHANGED, SOON), "{}", two.1);
    for stream in [&mut three, &mut four] {
        assert!(
            !stream.says(CHANGED, Duration::from_millis(300)),
            "its tools are as they were: {}",
            stream.1
        );
    }
    // A key that is gone has no stream, either.
    let start = more.find("[[http.keys]]").unwrap();
    let second = more[start + 1..].find("[[http.keys]]").map(|at| start + 1 + at).unwrap();
    let without_viewer = format!("{}{}", &more[..start], &more[second..]);
    reload(&served, &without_viewer, "are in force");
    // By itself: nobody has to come for that.
    assert!(one.ends(), "the session of a key that is gone goes on");
    assert!(two.ends(), "the stream of a key that is gone goes on");
    assert_eq!(served.tool("docker_policy", Some(&operator), &json!({})).status, 200);
    assert_eq!(served.tool("docker_policy", Some(&viewer), &json!({})).status, 401);
    assert!(!three.says(CHANGED, Duration::from_millis(100)));
}

/// A level that a person raises for a while, over stdio.
#[test]
fn a_grant_is_heard_of_too() {
    let client = Launch::without_engine().config("[permissions]\nread = true\n").connect();
    client.prints(&["grant", "lifecycle", "8s"]);
    let changed = |message: &Value| message["method"] == CHANGED;
    assert!(client.other_within(SOON, changed).is_some(), "it begins");
    assert!(client.tools().iter().any(|tool| tool["name"] == "docker_stop"));
    let before = client.others().len();
    let start = Instant::now();
    while client.others().len() == before && start.elapsed() < 2 * SOON {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(client.others().last().unwrap().0["method"], CHANGED, "it ends");
    assert!(client.tools().iter().all(|tool| tool["name"] != "docker_stop"));
}

/// What one role sees after the filters of its file changed is what they say then.
#[test]
fn other_filters_are_another_view() {
    let Some(engine) = engine::at_hand("http::reload::filters") else { return };
    let scope = crate::support::fixture::Scope::new(&engine);
    scope.run("web", &[], &["sleep", "600"]);
    let name = scope.name("web");
    let (config, viewer, _) = keys("");
    let served = Served::start(Launch::at(&engine.host).config(&config));
    let see = || served.tool("docker_inspect", Some(&viewer), &json!({ "container": name }));
    assert_eq!(see().status, 200);
    let hides = config.replace(
        "[roles.viewer]\nread = true",
        &format!("[roles.viewer]\nread = true\nblacklist_containers = [\"{name}\"]"),
    );
    reload(&served, &hides, "are in force");
    assert_eq!(see().status, 404);
    reload(&served, &config, "are in force");
    assert_eq!(see().status, 200);
}

/// The head of a request under one file, its body under the next: what counts is what stands when the call begins.
#[test]
fn a_slow_body_gets_no_more_than_the_new_file_gives() {
    let (config, viewer, operator) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let arguments = json!({ "containers": "x" }).to_string();
    let begin = |key: &str| {
        let mut stream = TcpStream::connect(served.at).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let head = format!(
            "POST /tools/docker_stop HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            arguments.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let finish = |mut stream: TcpStream| {
        stream.write_all(arguments.as_bytes()).unwrap();
        let mut text = String::new();
        let _closed = stream.read_to_string(&mut text);
        text
    };
    let (gone, turned) = (begin(&operator), begin(&viewer));
    std::thread::sleep(Duration::from_millis(300));
    // The operator's key goes, and the roles change places: the viewer's key is of a role that stops nothing, as before.
    let start = config.rfind("[[http.keys]]").unwrap();
    let swapped = config[..start]
        .replace("[roles.viewer]\nread = true", "[roles.viewer]\nread = true\nlifecycle = true")
        .replace("[roles.operator]\nread = true\nlifecycle = true", "[roles.operator]\nread = true")
        .replace("role = \"viewer\"", "role = \"operator\"");
    reload(&served, &swapped, "are in force");
    let answer = finish(gone);
    assert!(answer.starts_with("HTTP/1.1 401"), "a key that is gone: {answer}");
    let answer = finish(turned);
    assert!(answer.starts_with("HTTP/1.1 403"), "neither file lets it stop anything: {answer}");
}

/// A file that is gone is no wish for the defaults.
#[test]
fn a_file_that_is_gone_changes_nothing() {
    let (config, viewer, _) = keys("");
    let launch = Launch::without_engine();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("docker-mcp");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), &config).unwrap();
    let served = Served::start(launch.env("XDG_CONFIG_HOME", home.path().to_str().unwrap()));
    assert_eq!(served.tool("docker_policy", None, &json!({})).status, 401);
    std::fs::remove_file(folder.join("config.toml")).unwrap();
    served.client.signal("HUP");
    let start = Instant::now();
    while !served.client.stderr().contains("the configuration file is gone") {
        assert!(start.elapsed() < SOON, "{}", served.client.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(served.tool("docker_policy", None, &json!({})).status, 401);
    assert_eq!(served.tool("docker_policy", Some(&viewer), &json!({})).status, 200);
}
