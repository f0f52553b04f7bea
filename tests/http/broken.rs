//! What goes wrong: a panic on the way, a body that is no message, a call that is quiet for long, a caller who hangs up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Served;
use crate::support::http::Reply;
use crate::support::{Launch, engine};

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");
const SECOND: Duration = Duration::from_secs(1);

/// A call of the older era, in a session of its own.
fn in_a_session(served: &Served, tool: &str) -> Reply {
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" } } });
    let begun = served.send("POST", "/mcp", &[BOTH, JSON], &begin.to_string());
    let session = begun.header("mcp-session-id").expect("a session").to_owned();
    let headers = [BOTH, JSON, ("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-11-25")];
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(served.send("POST", "/mcp", &headers, &ready.to_string()).status, 202);
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": tool, "arguments": {} } });
    served.send("POST", "/mcp", &headers, &call.to_string())
}

/// In the tool itself, and in the layers before it: one error, of one call, whichever door it came in by.
#[test]
fn a_panic_is_the_error_of_one_call() {
    if !cfg!(debug_assertions) {
        return;
    }
    for point in ["panic:docker_health", "layer:docker_health"] {
        let launch = Launch::without_engine().config("[permissions]\nread = true\n");
        let served = Served::start(launch.env("DOCKER_MCP_FAILPOINT", point));
        let newer = served.mcp(None, "tools/call", json!({ "name": "docker_health", "arguments": {} }));
        let older = in_a_session(&served, "docker_health");
        let plain = served.tool("docker_health", None, &json!({}));
        for (door, result) in [("newer", newer.json()), ("older", older.json())] {
            let error = &result["result"]["structuredContent"]["error"];
            assert_eq!(
                (&error["kind"], &error["effect"]),
                (&json!("internal"), &json!("none")),
                "{point} {door}: {result}"
            );
            assert!(!result.to_string().contains("src/"), "a place in the source: {result}");
        }
        assert_eq!(
            (plain.status, plain.json()["error"]["kind"].as_str()),
            (500, Some("internal")),
            "{point}: {plain:?}"
        );
        // Others are served as before, and each failure is on record.
        assert_eq!(served.tool("docker_policy", None, &json!({})).status, 200, "{point}");
        let lines = served.client.audit_wait(4);
        let failed = lines.iter().filter(|line| line["error_kind"] == "internal").count();
        assert_eq!(failed, 3, "{point}: {lines:?}");
    }
}

#[test]
fn a_body_that_is_no_message_is_told_so_in_json_rpc() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    for (body, code, id) in [
        ("", -32700, Value::Null),
        ("{", -32700, Value::Null),
        ("\u{0}", -32700, Value::Null),
        ("[]", -32600, Value::Null),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600, Value::Null),
        ("1", -32600, Value::Null),
        ("{\"id\": 7}", -32600, json!(7)),
        ("{\"jsonrpc\":\"1.0\",\"id\":\"a\",\"method\":\"ping\"}", -32600, json!("a")),
    ] {
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            let reply = served.send("POST", "/mcp", &[BOTH, ("content-type", kind)], body);
            assert_eq!(
                (reply.status, reply.header("content-type")),
                (400, Some("application/json")),
                "{body}: {reply:?}"
            );
            let said = reply.json();
            assert_eq!((&said["error"]["code"], &said["id"]), (&json!(code), &id), "{body}: {said}");
        }
    }
    let text = served.send("POST", "/mcp", &[BOTH, ("content-type", "text/plain")], "{}");
    assert_eq!(text.status, 415, "another type stays another type: {text:?}");
}

/// Claude Code gives up after a minute without a first byte; a proxy may have less patience.
#[test]
fn a_quiet_call_begins_to_answer_early() {
    let Some(engine) = engine::at_hand("http::broken::quiet") else { return };
    let served = Served::start(Launch::at(&engine.host).config("[permissions]\nread = true\n"));
    let start = Instant::now();
    let mut stream = quiet(&served, "15s");
    let mut whole = vec![0; 12];
    stream.read_exact(&mut whole).unwrap();
    let first = start.elapsed();
    assert_eq!(whole, b"HTTP/1.1 200");
    stream.read_to_end(&mut whole).unwrap();
    let all = start.elapsed();
    assert!(
        all >= 14 * SECOND && first + 5 * SECOND < all,
        "the first byte after {first:?}, all after {all:?}"
    );
    let text = String::from_utf8(whole).unwrap();
    assert!(text.contains("text/event-stream"), "{text}");
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: {")).collect();
    assert_eq!(data.len(), 1, "{text}");
    let result: Value = serde_json::from_str(&format!("{{{}", data[0])).unwrap();
    assert_eq!((&result["id"], &result["result"]["isError"]), (&json!(9), &json!(false)), "{result}");
}

#[test]
fn who_hangs_up_gives_a_quiet_call_up() {
    let Some(engine) = engine::at_hand("http::broken::hung_up") else { return };
    let served = Served::start(Launch::at(&engine.host).config("[permissions]\nread = true\n"));
    // Before the first byte, and after it.
    let early = quiet(&served, "5m");
    let mut late = quiet(&served, "5m");
    let start = Instant::now();
    while served.tool("docker_health", None, &json!({})).json()["calls"]["in_flight"] != 3 {
        assert!(start.elapsed() < 4 * SECOND, "both are at work");
    }
    drop(early);
    late.read_exact(&mut [0; 12]).unwrap();
    drop(late);
    let start = Instant::now();
    loop {
        let health = served.tool("docker_health", None, &json!({})).json();
        // The one that asks is one.
        if health["calls"]["in_flight"] == 1 {
            break;
        }
        assert!(start.elapsed() < 30 * SECOND, "they go on: {health}");
        std::thread::sleep(SECOND / 5);
    }
    let lines = served.client.audit_lines();
    assert_eq!(lines.iter().filter(|line| line["tool"] == "docker_events").count(), 2, "{lines:?}");
}

/// Begins a call that says nothing for so long, in the newer era and without a token for progress.
fn quiet(served: &Served, duration: &str) -> TcpStream {
    let filter = json!({ "type": "plugin" });
    let body = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {
        "name": "docker_events", "arguments": { "duration": duration, "filter": filter },
        "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } });
    let body = body.to_string();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: docker_events\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(served.at).unwrap();
    stream.set_read_timeout(Some(60 * SECOND)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream
}
