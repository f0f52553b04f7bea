//! Lines that no client should send, and lines that some do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Launch};

const SOON: Duration = Duration::from_secs(2);

fn begun() -> Client {
    Launch::without_engine().connect()
}

/// The session still works.
fn alive(client: &Client) {
    assert!(!client.tools().is_empty());
}

fn error_without_id(client: &Client, code: i64) -> Option<Value> {
    client.other_within(SOON, |m| m.get("method").is_none() && m["error"]["code"] == code)
}

#[test]
fn a_line_that_is_no_json_gets_a_parse_error() {
    for line in [
        &b"{not json}\n"[..],
        b"hello\n",
        b"\0\0\n",
        b"{\"jsonrpc\":\"2.0\0\",\"id\":1}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\n",
        b"\xff\xfe\x00\n",
        b"\"\n",
    ] {
        let client = begun();
        let start = Instant::now();
        client.raw(line);
        assert!(error_without_id(&client, -32700).is_some(), "{:?}", String::from_utf8_lossy(line));
        saw("G9", Seen::new("-32700", start.elapsed(), Duration::from_secs(1)));
        alive(&client);
    }
}

#[test]
fn a_message_of_another_shape_gets_an_invalid_request() {
    let call = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/list" });
    for message in [
        json!([]),
        json!([call, { "jsonrpc": "2.0", "id": 6, "method": "tools/list" }]),
        json!(null),
        json!(7),
        json!("tools/list"),
        json!({}),
        json!({ "jsonrpc": "2.0", "id": null, "method": "tools/list" }),
        json!({ "jsonrpc": "2.0", "id": 1.5, "method": "tools/list" }),
        json!({ "jsonrpc": "2.0", "id": { "a": 1 }, "method": "tools/list" }),
        json!({ "jsonrpc": "2.0", "id": [1], "method": "tools/list" }),
        json!({ "jsonrpc": "2.0", "method": 7 }),
    ] {
        let client = begun();
        client.raw(format!("{message}\n").as_bytes());
        assert!(error_without_id(&client, -32600).is_some(), "{message}: {:?}", client.others());
        alive(&client);
    }
}

#[test]
fn a_wrong_request_with_an_id_is_answered_under_it() {
    let client = begun();
    for (id, message) in [
        (json!(101), json!({ "id": 101, "method": "tools/list" })),
        (json!(102), json!({ "jsonrpc": "1.0", "id": 102, "method": "tools/list" })),
        (json!("a"), json!({ "jsonrpc": "2.0", "id": "a", "method": 7 })),
        (json!(104), json!({ "jsonrpc": "2.0", "id": 104, "method": "no/such" })),
        (json!(105), json!({ "jsonrpc": "2.0", "id": 105, "method": "tools/call" })),
        (json!(106), json!({ "jsonrpc": "2.0", "id": 106, "method": "tools/call", "params": { "name": 7 } })),
        (
            json!(107),
            json!({ "jsonrpc": "2.0", "id": 107, "method": "tools/call", "params": { "name": "docker_ps", "arguments": [] } }),
        ),
        (json!(108), json!({ "jsonrpc": "2.0", "id": 108, "method": "tools/call", "params": [] })),
    ] {
        client.send(&message);
        let reply = client.answer_within(&id, SOON).unwrap_or_else(|| panic!("no answer to {message}"));
        assert!(matches!(reply.code(), Some(-32602..=-32600)), "{message}: {}", reply.message);
    }
    alive(&client);
}

#[test]
fn a_line_of_100_mb_is_refused_under_its_id_and_not_kept() {
    let client = begun();
    alive(&client);
    let before = crate::support::rss::peak(client.pid());
    let mut line =
        br#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"docker_ps","arguments":{"x":""#
            .to_vec();
    line.resize(100 << 20, b'a');
    line.extend_from_slice(b"\"}}}\n");
    client.raw(&line);
    let start = Instant::now();
    let reply = client.wait(&json!(77));
    let took = start.elapsed();
    assert_eq!(reply.code(), Some(-32600), "{}", reply.message);
    alive(&client);
    let grown = crate::support::rss::peak(client.pid()) - before;
    assert!(grown < 32 << 20, "{} MiB for a line that is not read", crate::support::rss::mib(grown));
    saw("G9", Seen::new("-32600", took, Duration::from_secs(1)).memory(grown));
}

#[test]
fn words_without_end_are_not_sent_back() {
    let client = begun();
    let long = "x".repeat(1_000_000);
    for (tool, arguments) in [
        (long.as_str(), json!({})),
        ("docker_ps", json!({ &long: 1 })),
        ("docker_ps", json!({ "filter": { "status": &long } })),
        ("docker_logs", json!({ "container": &long })),
        ("docker_logs", json!({ "container": "a", "grep": format!("({long}") })),
    ] {
        let result = client.call(tool, &arguments);
        assert!(result.is_error);
        assert!(result.whole().len() < 10_000, "{:.40}: {} bytes", tool, result.whole().len());
    }
    client.audit_wait(5);
    assert!(client.audit_text().len() < 10_000, "{} bytes of audit", client.audit_text().len());
    assert!(client.stderr().len() < 20_000, "{} bytes of stderr", client.stderr().len());
}

#[test]
fn lines_of_many_kinds_of_ends() {
    let client = begun();
    client.raw(b"\n\r\n  \n");
    client.raw(b"{\"jsonrpc\":\"2.0\",\"id\":21,\"method\":\"tools/list\"}\r\n");
    assert!(client.wait(&json!(21)).code().is_none());
    // In pieces.
    for piece in [&b"{\"jsonrpc\":\"2.0\","[..], b"\"id\":22,\"method\":", b"\"ping\"}", b"\n"] {
        client.raw(piece);
        std::thread::sleep(Duration::from_millis(30));
    }
    assert!(client.wait(&json!(22)).code().is_none());
    // The last one without its newline.
    client.raw(b"{\"jsonrpc\":\"2.0\",\"id\":23,\"method\":\"ping\"}");
    client.close_stdin();
    assert!(client.wait(&json!(23)).code().is_none());
}

#[test]
fn half_a_line_and_the_end_is_an_error_and_an_end() {
    for half in [&br#"{"jsonrpc":"2.0","id":24,"meth"#[..], b"\xf0\x9f\x90", b"\0"] {
        let client = begun();
        client.raw(half);
        client.close_stdin();
        let (status, took) = client.wait_exit(SOON).expect("it goes on");
        assert_eq!(status.code(), Some(0));
        assert!(error_without_id(&client, -32700).is_some(), "{:?}", String::from_utf8_lossy(half));
        saw("G9", Seen::new("-32700", took, Duration::from_secs(1)));
    }
}

#[test]
fn notifications_before_the_first_request_do_no_harm() {
    let client = Launch::without_engine().start();
    client.notify("notifications/initialized", json!({}));
    client.notify("notifications/cancelled", json!({ "requestId": 1 }));
    client.notify("notifications/whatever", json!({}));
    client.initialize();
    alive(&client);
}

/// What a request of the protocol without sessions carries.
fn meta() -> Value {
    json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" } })
}

/// Lists and calls as a client of the protocol without sessions.
fn modern(client: &Client) {
    let listed = client.request("tools/list", json!({ "_meta": meta() }));
    assert_eq!(listed.result()["resultType"], "complete", "{}", listed.message);
    assert_eq!(listed.result()["cacheScope"], "private");
    let called =
        client.request("tools/call", json!({ "_meta": meta(), "name": "docker_health", "arguments": {} }));
    assert_eq!(called.result()["resultType"], "complete", "{}", called.message);
    assert_eq!(called.tool().ok().structured["engine"]["reachable"], false);
}

#[test]
fn the_protocol_without_sessions_is_served() {
    let client = Launch::without_engine().start();
    let found = client.request("server/discover", json!({ "_meta": meta() }));
    let versions = found.result()["supportedVersions"].to_string();
    assert!(versions.contains("2026-07-28"), "{}", found.message);
    modern(&client);
    // The first message may be any request.
    modern(&Launch::without_engine().start());
}

#[test]
fn both_eras_are_served_by_one_process() {
    let client = Launch::without_engine().start();
    let hello = client.initialize();
    assert_eq!(hello["protocolVersion"], "2025-11-25");
    assert_eq!(hello["serverInfo"]["name"], "docker-mcp");
    modern(&client);
    let listed = client.request("tools/list", json!({}));
    assert_eq!(listed.result().get("resultType"), None, "{}", listed.message);
    client.call("docker_health", &json!({})).ok();
}

#[test]
fn older_versions_are_echoed_and_unknown_ones_get_the_newest_with_a_handshake() {
    for (asked, given) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
    ] {
        let client = Launch::without_engine().start();
        let params = json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        assert_eq!(client.request("initialize", params).result()["protocolVersion"], given);
    }
}
