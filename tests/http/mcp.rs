//! MCP at `/mcp`, in both eras.

use serde_json::json;

use super::{Served, keys};
use crate::support::Launch;

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn w6_a_session_is_its_keys() {
    let (config, viewer, operator) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let (viewer, operator) = (format!("Bearer {viewer}"), format!("Bearer {operator}"));
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" } } });
    let begun = served.send("POST", "/mcp", &[BOTH, JSON, ("authorization", &viewer)], &begin.to_string());
    assert_eq!(begun.status, 200, "{begun:?}");
    assert_eq!(begun.json()["result"]["serverInfo"]["name"], "docker-mcp");
    let session = begun.header("mcp-session-id").expect("a session").to_owned();
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    let with = |key: &str, session: &str, body: &str| {
        let headers = [
            BOTH,
            JSON,
            ("authorization", key),
            ("mcp-session-id", session),
            ("mcp-protocol-version", "2025-11-25"),
        ];
        served.send("POST", "/mcp", &headers, body)
    };
    assert_eq!(with(&viewer, &session, &ready).status, 202);
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }).to_string();
    let listed = with(&viewer, &session, &list);
    assert!(
        listed.status == 200 && listed.body.contains("docker_ps") && !listed.body.contains("docker_stop"),
        "{listed:?}"
    );
    // Another key, no key, a session of the client's own making.
    assert_eq!(with(&operator, &session, &list).status, 404);
    assert_eq!(with("Bearer x", &session, &list).status, 401);
    assert_eq!(with(&viewer, "11111111-2222-3333-4444-555555555555", &list).status, 404);
    let gone = served.send("DELETE", "/mcp", &[("authorization", &viewer), ("mcp-session-id", &session)], "");
    assert!((200..300).contains(&gone.status), "{gone:?}");
    assert_eq!(with(&viewer, &session, &list).status, 404);
}

#[test]
fn the_newer_era_needs_no_session() {
    let (config, viewer, _) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let listed = served.mcp(Some(&viewer), "tools/list", json!({}));
    assert!(listed.status == 200 && listed.body.contains("docker_ps"), "{listed:?}");
    let called = served.mcp(Some(&viewer), "tools/call", json!({ "name": "docker_policy", "arguments": {} }));
    assert_eq!(called.json()["result"]["structuredContent"]["levels"]["read"], true, "{called:?}");
    assert_eq!(served.mcp(None, "tools/list", json!({})).status, 401);
}

#[test]
fn it_stops_when_it_is_told_with_streams_open() {
    use std::io::{Read, Write};
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" } } });
    let begun = served.send("POST", "/mcp", &[BOTH, JSON], &begin.to_string());
    let session = begun.header("mcp-session-id").expect("a session").to_owned();
    let mut stream = std::net::TcpStream::connect(served.at).unwrap();
    let head = format!(
        "GET /mcp HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nmcp-session-id: {session}\r\n\
         mcp-protocol-version: 2025-11-25\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    served.client.signal("TERM");
    let (status, _) = served.client.wait_exit(std::time::Duration::from_secs(10)).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

/// One that loses track of its sessions leaves room for others, and for calls that need none.
#[test]
fn one_caller_has_so_many_sessions() {
    let (config, viewer, operator) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let begin = |key: &str| {
        let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-11-25",
            "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" } } });
        let key = format!("Bearer {key}");
        served.send("POST", "/mcp", &[BOTH, JSON, ("authorization", &key)], &begin.to_string())
    };
    for n in 0..100 {
        assert_eq!(begin(&viewer).status, 200, "{n}");
    }
    let refused = begin(&viewer);
    assert_eq!(
        (refused.status, refused.json()["error"]["retry"].as_str()),
        (429, Some("after")),
        "{refused:?}"
    );
    assert_eq!(begin(&operator).status, 200);
    assert_eq!(served.mcp(Some(&viewer), "tools/list", json!({})).status, 200);
}
